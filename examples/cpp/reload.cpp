/* Puts a changed configuration in force without opening the vault again, as after SIGHUP: reload [CONFIG] */
#include <iostream>
#include <vault.hpp>

int main(int argc, char **argv) {
    const char *config = argc > 1 ? argv[1] : "libvault.toml";
    const libvault::Vault opened = libvault::Vault::open(config);
    // Key files and credentials are read again too. After this returns, nothing is decided under the old one.
    opened.reload(config);
    try {
        opened.reloadToml("no = 'such field'");
    } catch (const libvault::InvalidConfig &error) {
        std::cout << error.what() << ": the old configuration stays in force\n";
    }
}
