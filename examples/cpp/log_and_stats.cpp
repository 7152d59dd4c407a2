/* Gets the library's log records and counters: log_and_stats [CONFIG] */
#include <iostream>
#include <vault.hpp>

int main(int argc, char **argv) {
    const char *config = argc > 1 ? argv[1] : "libvault.toml";
    const libvault::Vault opened = libvault::Vault::open(config);
    // Called by whichever thread makes the call that a record is about. First comes what happened since the vault was opened.
    opened.setLog([](const libvault::LogRecord &record) {
        std::cout << "libvault " << (record.warning ? "warning" : "info") << ": " << record.event << ": " << record.message << '\n';
    });
    opened.reload(config);
    opened.encrypt("attack at dawn", {{"organization_id", "org_123"}});

    const libvault::Stats stats = opened.stats();
    std::cout << stats.encryptions << " encryptions, " << stats.kms_wraps + stats.kms_unwraps << " calls to customers' keys\n";
    if (stats.memory_unlocked_bytes > 0) {
        std::cout << "secrets may reach swap: raise RLIMIT_MEMLOCK\n";
    }
}
