/* Reads a part of a large encrypted file without decrypting the rest: random_access [CONFIG] */
#include <array>
#include <cstdio>
#include <fstream>
#include <iostream>
#include <vault.hpp>

int main(int argc, char **argv) {
    const char *config = argc > 1 ? argv[1] : "libvault.toml";
    const libvault::Vault opened = libvault::Vault::open(config);
    const libvault::Context customer{{"organization_id", "org_123"}};
    opened.encryptFile(config, "example.lve", customer, {}, true);

    std::ifstream file("example.lve", std::ios::binary);
    libvault::Reader reader = opened.reader(file, customer);  // the last frame was authenticated: nothing is missing
    std::array<char, 16> part;
    const std::size_t count = reader.readAt(reader.length() / 2, part);
    std::cout << count << " bytes from the middle of " << reader.length() << '\n';
    std::remove("example.lve");
}
