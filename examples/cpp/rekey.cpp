/* Gives a data key to another context, such as a customer that takes over another one's records: rekey [CONFIG] */
#include <iostream>
#include <vault.hpp>

int main(int argc, char **argv) {
    const libvault::Vault opened = libvault::Vault::open(argc > 1 ? argv[1] : "libvault.toml");
    const libvault::Context seller{{"organization_id", "org_123"}}, buyer{{"organization_id", "org_456"}};
    const libvault::DataKey made = opened.createDataKey(seller);
    const libvault::Buffer rekeyed = opened.rekey(made.bundle, seller, buyer);
    // The old bundle still opens for the seller: delete it.
    const bool same = opened.decryptDataKey(rekeyed, buyer).key.text() == made.key.text();
    std::cout << "the data key is " << (same ? "the same" : "another one") << '\n';
    return same ? 0 : 1;
}
