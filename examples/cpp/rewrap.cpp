/* Wraps an envelope by the keys that match its context now, without touching its payload: rewrap [CONFIG] */
#include <iostream>
#include <vault.hpp>

int main(int argc, char **argv) {
    const libvault::Vault opened = libvault::Vault::open(argc > 1 ? argv[1] : "libvault.toml");
    const libvault::Context customer{{"organization_id", "org_123"}};
    const libvault::Buffer envelope = opened.encrypt("attack at dawn", customer);
    try {
        const libvault::Buffer rewrapped = opened.rewrap(envelope, customer);
        std::cout << envelope.size() << " bytes became " << rewrapped.size() << '\n';
    } catch (const libvault::DowngradeRefused &refused) {
        // Keys would be left behind that open older copies, or an owner would lose its say: see reencrypt().
        std::cout << refused.what() << '\n';
    }
}
