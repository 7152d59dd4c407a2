/* Encrypts and decrypts for a customer: encrypt_decrypt [CONFIG] */
#include <iostream>
#include <vault.hpp>

int main(int argc, char **argv) {
    try {
        const libvault::Vault opened = libvault::Vault::open(argc > 1 ? argv[1] : "libvault.toml");
        const libvault::Context customer{{"organization_id", "org_123"}, {"user_id", "u1"}};

        const libvault::Buffer envelope = opened.encrypt("attack at dawn", customer);
        const libvault::Buffer data = opened.decrypt(envelope, customer);  // wiped when it goes out of scope
        std::cout << envelope.size() << " bytes: " << data.text() << '\n';
    } catch (const libvault::Error &error) {
        std::cerr << error.name() << ": " << error.what() << '\n';
        return 1;
    }
}
