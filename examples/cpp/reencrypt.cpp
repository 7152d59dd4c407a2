/* Moves data to the keys that match now, with a new data key: the way to take a key out of use. reencrypt [CONFIG] */
#include <iostream>
#include <vault.hpp>

int main(int argc, char **argv) {
    const libvault::Vault opened = libvault::Vault::open(argc > 1 ? argv[1] : "libvault.toml");
    const libvault::Context customer{{"organization_id", "org_123"}};
    const libvault::Buffer old = opened.encrypt("attack at dawn", customer);
    // Downgrade::Allow would be a permission of its own.
    const libvault::Buffer envelope = opened.reencrypt(old, customer);
    // Store the new envelope in place of the old one, and delete the old one.
    std::cout << opened.decrypt(envelope, customer).text() << '\n';
}
