/* Gives a data key to another context, such as a customer that takes over another one's records: rekey CONFIG */
#include "example.h"

int main(int argc, char **argv) {
    vault *opened = open_vault(argc, argv);
    vault_context *seller = context_of("org_123"), *buyer = context_of("org_456");
    vault_buffer key = VAULT_BUFFER_INIT, bundle = VAULT_BUFFER_INIT, rekeyed = VAULT_BUFFER_INIT;
    vault_buffer again = VAULT_BUFFER_INIT;
    int same;

    DO(vault_create_data_key(opened, seller, &key, &bundle, &error));
    DO(vault_rekey(opened, bundle.data, bundle.length, seller, buyer, NULL, &rekeyed, &error));
    /* The old bundle still opens for the seller: delete it. */
    DO(vault_decrypt_data_key(opened, rekeyed.data, rekeyed.length, buyer, &again, &error));
    same = again.length == key.length && memcmp(again.data, key.data, key.length) == 0;
    printf("the data key is %s\n", same ? "the same" : "another one");

    vault_buffer_free(&again);
    vault_buffer_free(&rekeyed);
    vault_buffer_free(&bundle);
    vault_buffer_free(&key);
    vault_context_free(seller);
    vault_context_free(buyer);
    vault_free(opened);
    return same ? 0 : 1;
}
