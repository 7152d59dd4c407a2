/* Wraps an envelope by the keys that match its context now, without touching its payload: rewrap CONFIG */
#include "example.h"

int main(int argc, char **argv) {
    vault *opened = open_vault(argc, argv);
    vault_context *context = context_of("org_123");
    vault_buffer envelope = encrypt_text(opened, context, "attack at dawn"), rewrapped = VAULT_BUFFER_INIT;
    vault_error *error = NULL;
    uint32_t status = vault_rewrap(opened, envelope.data, envelope.length, context, NULL, &rewrapped, &error);
    if (status == VAULT_ERROR_DOWNGRADE_REFUSED) {
        /* Keys would be left behind that open older copies, or an owner would lose its say: see vault_reencrypt(). */
        printf("%s\n", vault_error_message(error));
        vault_error_free(error);
    } else if (status == VAULT_OK) {
        printf("%zu bytes became %zu\n", envelope.length, rewrapped.length);
    } else {
        fprintf(stderr, "%s\n", vault_error_message(error));
        return 1;
    }
    vault_buffer_free(&rewrapped);
    vault_buffer_free(&envelope);
    vault_context_free(context);
    vault_free(opened);
    return 0;
}
