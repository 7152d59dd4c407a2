/* Says which keys would protect data of a context, without calling a KMS: match_context CONFIG */
#include "example.h"

int main(int argc, char **argv) {
    vault *opened = open_vault(argc, argv);
    vault_context *context = context_of("org_123");
    vault_buffer decision = VAULT_BUFFER_INIT, envelope, inspection = VAULT_BUFFER_INIT;

    DO(vault_match_context(opened, context, &decision, &error));
    printf("%s\n", (const char *)decision.data); /* {"policy":"managed","bindings":[]} */

    /* What protects data that exists stands in its envelope; no vault is needed to look. */
    envelope = encrypt_text(opened, context, "attack at dawn");
    DO(vault_inspect(envelope.data, envelope.length, &inspection, &error));
    printf("%s\n", (const char *)inspection.data);

    vault_buffer_free(&inspection);
    vault_buffer_free(&envelope);
    vault_buffer_free(&decision);
    vault_context_free(context);
    vault_free(opened);
    return 0;
}
