/* Bounds how long a call may wait for a KMS, and cancels calls from another thread: timeout_and_cancel CONFIG */
#include <pthread.h>

#include "example.h"

static void *cancel(void *token) {
    vault_cancel((const vault_cancel_token *)token); /* a call that waits for a KMS ends at once */
    return NULL;
}

int main(int argc, char **argv) {
    vault *opened = open_vault(argc, argv), *view = NULL;
    vault_context *context = context_of("org_123");
    vault_buffer envelope = VAULT_BUFFER_INIT;
    vault_cancel_token *token = NULL;
    vault_call_options options = VAULT_CALL_OPTIONS_INIT;
    pthread_t thread;
    uint32_t status;

    DO(vault_cancel_token_new(&token, &error));
    options.timeout_ms = 3000;
    options.cancel = token;
    options.actor = "job 17"; /* for the audit trail */
    options.actor_length = strlen(options.actor);
    DO(vault_with(opened, &options, &view, &error)); /* cheap: one for each request is fine */
    envelope = encrypt_text(view, context, "attack at dawn");
    vault_buffer_free(&envelope);

    if (pthread_create(&thread, NULL, cancel, token) != 0 || pthread_join(thread, NULL) != 0) return 1;
    status = vault_encrypt(view, NULL, 0, context, NULL, 0, &envelope, NULL);
    printf("%s\n", vault_status_name(status));

    vault_cancel_token_free(token);
    vault_free(view);
    vault_context_free(context);
    vault_free(opened);
    return status == VAULT_ERROR_CANCELLED ? 0 : 1;
}
