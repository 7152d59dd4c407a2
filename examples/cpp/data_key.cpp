/* Gets a data key to encrypt with oneself, and gets it back from its bundle: data_key [CONFIG] */
#include <iostream>
#include <vault.hpp>

int main(int argc, char **argv) {
    const libvault::Vault opened = libvault::Vault::open(argc > 1 ? argv[1] : "libvault.toml");
    const libvault::Context customer{{"organization_id", "org_123"}};
    const libvault::DataKey made = opened.createDataKey(customer);
    // Encrypt with made.key, store made.bundle beside the result, and later:
    const libvault::DataKey again = opened.decryptDataKey(made.bundle, customer);
    std::cout << "a bundle of " << made.bundle.size() << " bytes keeps a key of " << again.key.size() << " bytes\n";
    return made.key.text() == again.key.text() ? 0 : 1;
}
