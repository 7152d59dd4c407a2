/* Encrypts a file of any size in constant memory, and decrypts it: stream_file CONFIG [FILE [ENCRYPTED [DECRYPTED]]] */
#include <fstream>
#include <iostream>
#include <vault.hpp>

int main(int argc, char **argv) {
    const char *config = argc > 1 ? argv[1] : "libvault.toml";
    const std::string plain = argc > 2 ? argv[2] : config;
    const std::string encrypted = argc > 3 ? argv[3] : "example.lve", decrypted = argc > 4 ? argv[4] : "example.out";
    try {
        const libvault::Vault opened = libvault::Vault::open(config);
        const libvault::Context customer{{"organization_id", "org_123"}};
        {
            std::ifstream source(plain, std::ios::binary);
            std::ofstream target(encrypted, std::ios::binary);
            libvault::EncryptWriter writer(opened.encryptor(customer), target);
            writer.write(source);
            writer.finish();  // without it the file would count as truncated
        }
        std::ifstream source(encrypted, std::ios::binary);
        std::ofstream target(decrypted, std::ios::binary);
        // What is written is authenticated; that it is all of it is known when this returns.
        libvault::DecryptReader(opened.decryptor(customer), source).read(target);
        std::cout << target.tellp() << " bytes came back\n";
    } catch (const std::exception &error) {
        std::cerr << error.what() << '\n';
        return 1;
    }
}
