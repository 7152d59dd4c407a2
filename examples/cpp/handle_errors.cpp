/* Tells errors apart, and tries again where that helps: handle_errors [CONFIG] */
#include <chrono>
#include <iostream>
#include <thread>
#include <vault.hpp>

/// Three attempts, if the error says that a later one may succeed.
static libvault::Buffer decrypt(const libvault::Vault &opened, libvault::BytesView envelope, const libvault::Context &context) {
    for (int attempt = 1;; attempt++) {
        try {
            return opened.decrypt(envelope, context);
        } catch (const libvault::UnavailableError &error) {  // Throttled, KmsUnavailable, Timeout, …
            std::cerr << error.name() << ": " << error.what() << '\n';
            if (attempt == 3) throw;
            std::this_thread::sleep_for(std::chrono::seconds(attempt));
        } catch (const libvault::KeyRefusedError &error) {
            // The customer's decision. The customer finds the call in the KMS's log by its id.
            std::cerr << error.keyId().value_or("") << ": request " << error.requestId().value_or("-") << '\n';
            throw;
        }
    }
}

int main(int argc, char **argv) {
    const libvault::Vault opened = libvault::Vault::open(argc > 1 ? argv[1] : "libvault.toml");
    const libvault::Context ours{{"organization_id", "org_123"}}, theirs{{"organization_id", "org_456"}};
    const libvault::Buffer envelope = opened.encrypt("attack at dawn", ours);
    std::cout << decrypt(opened, envelope, ours).text() << '\n';
    try {
        decrypt(opened, envelope, theirs);
    } catch (const libvault::ContextMismatch &error) {
        std::cout << error.name() << ' ' << error.code() << ": " << error.what() << '\n';
        return 0;
    }
    return 1;
}
