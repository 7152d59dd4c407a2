/* Bounds how long a call may wait for a KMS, and cancels calls from another thread: timeout_and_cancel [CONFIG] */
#include <chrono>
#include <iostream>
#include <thread>
#include <vault.hpp>

int main(int argc, char **argv) {
    using namespace std::chrono_literals;
    const libvault::Vault opened = libvault::Vault::open(argc > 1 ? argv[1] : "libvault.toml");
    const libvault::Context customer{{"organization_id", "org_123"}};
    const libvault::CancelToken token;
    // Cheap: a view for each request is fine. The actor is for the audit trail.
    const libvault::Vault view = opened.with(libvault::CallOptions().timeout(3s).cancel(token).actor("job 17"));
    view.encrypt("attack at dawn", customer);

    std::thread([&] { token.cancel(); }).join();  // a call that waits for a KMS ends at once
    try {
        view.encrypt("attack at dawn", customer);
    } catch (const libvault::Cancelled &cancelled) {
        std::cout << cancelled.name() << '\n';
        return 0;
    }
    return 1;
}
