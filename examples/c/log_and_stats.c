/* Gets the library's log records and counters: log_and_stats CONFIG */
#include "example.h"

/* Called by whichever thread makes the call that a record is about, so it has to be safe for threads. */
static void log_record(void *user_data, const vault_log_record *record) {
    fprintf((FILE *)user_data, "libvault %s: %s: %s\n", record->level == VAULT_LOG_WARNING ? "warning" : "info", record->event,
            record->message);
}

int main(int argc, char **argv) {
    vault *opened = open_vault(argc, argv);
    vault_context *context = context_of("org_123");
    vault_counters counters = VAULT_COUNTERS_INIT;
    vault_buffer envelope;

    DO(vault_set_log(opened, log_record, stdout, NULL, &error)); /* first tells what happened since the vault was opened */
    DO(vault_reload(opened, argv[1], strlen(argv[1]), &error));
    envelope = encrypt_text(opened, context, "attack at dawn");

    DO(vault_stats(opened, &counters, &error));
    printf("%llu encryptions, %llu calls to customers' keys\n", (unsigned long long)counters.encryptions,
           (unsigned long long)(counters.kms_wraps + counters.kms_unwraps));
    if (counters.memory_unlocked_bytes > 0) {
        printf("secrets may reach swap: raise RLIMIT_MEMLOCK\n");
    }
    vault_buffer_free(&envelope);
    vault_context_free(context);
    vault_free(opened);
    return 0;
}
