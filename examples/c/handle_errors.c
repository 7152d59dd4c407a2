/* Tells errors apart, and tries again where that helps: handle_errors CONFIG */
#include <time.h>

#include "example.h"

static void sleep_seconds(unsigned seconds) {
    const struct timespec time = {(time_t)seconds, 0};
    nanosleep(&time, NULL);
}

/* Three attempts, if the error says that a later one may succeed. */
static uint32_t decrypt(const vault *opened, vault_buffer envelope, const vault_context *context, vault_buffer *data) {
    unsigned attempt;
    for (attempt = 1;; attempt++) {
        vault_error *error = NULL;
        uint32_t status =
            vault_decrypt(opened, envelope.data, envelope.length, context, NULL, 0, data, &error), again = 0;
        if (status != VAULT_OK) {
            again = vault_error_retryable(error) && attempt < 3; /* Throttled, KmsUnavailable, Timeout, … */
            fprintf(stderr, "%s (%s): %s\n", vault_error_name(error), vault_error_kind(error), vault_error_message(error));
            if (vault_error_request_id(error) != NULL) { /* by which the customer finds the call in the KMS's log */
                fprintf(stderr, "%s request %s\n", vault_error_provider(error), vault_error_request_id(error));
            }
            vault_error_free(error);
        }
        if (!again) return status;
        sleep_seconds(attempt);
    }
}

int main(int argc, char **argv) {
    vault *opened = open_vault(argc, argv);
    vault_context *ours = context_of("org_123"), *theirs = context_of("org_456");
    vault_buffer envelope = encrypt_text(opened, ours, "attack at dawn"), data = VAULT_BUFFER_INIT;
    int right = decrypt(opened, envelope, theirs, &data) == VAULT_ERROR_CONTEXT_MISMATCH &&
                decrypt(opened, envelope, ours, &data) == VAULT_OK;
    vault_buffer_free(&data);
    vault_buffer_free(&envelope);
    vault_context_free(ours);
    vault_context_free(theirs);
    vault_free(opened);
    return right ? 0 : 1;
}
