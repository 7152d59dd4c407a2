/* Says which keys would protect data of a context, without calling a KMS: match_context [CONFIG] */
#include <iostream>
#include <vault.hpp>

int main(int argc, char **argv) {
    const libvault::Vault opened = libvault::Vault::open(argc > 1 ? argv[1] : "libvault.toml");
    const libvault::Context customer{{"organization_id", "org_123"}};
    std::cout << opened.matchContext(customer) << '\n';  // {"policy":"managed","bindings":[]}
    // What protects data that exists stands in its envelope; no vault is needed to look.
    std::cout << libvault::inspect(opened.encrypt("attack at dawn", customer)) << '\n';
}
