/* Moves data to the keys that match now, with a new data key: the way to take a key out of use. reencrypt CONFIG */
#include "example.h"

int main(int argc, char **argv) {
    vault *opened = open_vault(argc, argv);
    vault_context *context = context_of("org_123");
    vault_buffer old = encrypt_text(opened, context, "attack at dawn");
    vault_buffer envelope = VAULT_BUFFER_INIT, data = VAULT_BUFFER_INIT;
    vault_change_options options = VAULT_CHANGE_OPTIONS_INIT; /* allow_downgrade = 1 would be a permission of its own */

    DO(vault_reencrypt(opened, old.data, old.length, context, NULL, 0, &options, &envelope, &error));
    /* Store the new envelope in place of the old one, and delete the old one. */
    DO(vault_decrypt(opened, envelope.data, envelope.length, context, NULL, 0, &data, &error));
    printf("%.*s\n", (int)data.length, (const char *)data.data);

    vault_buffer_free(&data);
    vault_buffer_free(&envelope);
    vault_buffer_free(&old);
    vault_context_free(context);
    vault_free(opened);
    return 0;
}
