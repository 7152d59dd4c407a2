/* Gets a data key to encrypt with oneself, and gets it back from its bundle: data_key libvault.toml */
#include <stdio.h>
#include <string.h>
#include <vault.h>

int main(int argc, char **argv) {
    const vault_context_item items[] = {VAULT_CONTEXT_ITEM("organization_id", "org_123")};
    vault_buffer key = VAULT_BUFFER_INIT, bundle = VAULT_BUFFER_INIT, again = VAULT_BUFFER_INIT;
    vault_context *context = NULL;
    vault *opened = NULL;
    vault_error *error = NULL;
    int same = 0;

    if (argc == 2 && vault_open(argv[1], strlen(argv[1]), NULL, &opened, &error) == VAULT_OK &&
        vault_context_new(items, 1, &context, &error) == VAULT_OK &&
        vault_create_data_key(opened, context, &key, &bundle, &error) == VAULT_OK &&
        /* Encrypt with key.data, store bundle.data beside the result, and later: */
        vault_decrypt_data_key(opened, bundle.data, bundle.length, context, &again, &error) == VAULT_OK) {
        same = key.length == again.length && memcmp(key.data, again.data, key.length) == 0;
        printf("a bundle of %zu bytes keeps a key of %zu bytes\n", bundle.length, key.length);
    } else {
        fprintf(stderr, "%s\n", error != NULL ? vault_error_message(error) : "usage: data_key CONFIG");
    }

    vault_error_free(error);
    vault_buffer_free(&again); /* wipes the key */
    vault_buffer_free(&key);
    vault_buffer_free(&bundle);
    vault_context_free(context);
    vault_free(opened);
    return same ? 0 : 1;
}
