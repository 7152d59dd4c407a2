/* Encrypts and decrypts for one customer. First: libvault init (in this directory). Then: encrypt_decrypt [libvault.toml] */
#include <stdio.h>
#include <string.h>
#include <vault.h>

static int failed(const char *what, vault_error *error) {
    fprintf(stderr, "%s: %s: %s\n", what, vault_error_name(error), vault_error_message(error));
    vault_error_free(error);
    return 1;
}

int main(int argc, char **argv) {
    const char *config = argc > 1 ? argv[1] : "libvault.toml";
    const char *secret = "attack at dawn";
    const vault_context_item items[] = {VAULT_CONTEXT_ITEM("organization_id", "org_123")};
    vault_buffer envelope = VAULT_BUFFER_INIT, data = VAULT_BUFFER_INIT;
    vault_context *context = NULL;
    vault *opened = NULL;
    vault_error *error = NULL;
    int status = 0;

    if (vault_open(config, strlen(config), NULL, &opened, &error) != VAULT_OK) {
        status = failed("open", error);
    } else if (vault_context_new(items, 1, &context, &error) != VAULT_OK) {
        status = failed("context", error);
    } else if (vault_encrypt(opened, (const uint8_t *)secret, strlen(secret), context, NULL, 0, &envelope,
                             &error) != VAULT_OK) {
        status = failed("encrypt", error);
    } else if (vault_decrypt(opened, envelope.data, envelope.length, context, NULL, 0, &data, &error) != VAULT_OK) {
        status = failed("decrypt", error);
    } else {
        printf("%zu bytes encrypted, decrypted again: %.*s\n", envelope.length, (int)data.length, (char *)data.data);
    }

    vault_buffer_free(&data); /* wipes it */
    vault_buffer_free(&envelope);
    vault_context_free(context);
    vault_free(opened);
    return status;
}
