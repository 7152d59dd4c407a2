/* What a program of an older version does, with that version's header and today's library. Only what the first version had is used. */
#include <stdio.h>
#include <string.h>

#include "vault.h"

#define REQUIRE(condition)                                                                                             \
    do {                                                                                                               \
        if (!(condition)) {                                                                                            \
            printf("line %d: %s\n", __LINE__, #condition);                                                             \
            return 1;                                                                                                  \
        }                                                                                                              \
    } while (0)

/* The struct with which version 0.1.0 counted: an older program's is shorter than the library's. */
struct first_counters {
    size_t struct_size;
    uint64_t root_key_uses;
    unsigned char beyond[8];
};

static int round_trip(const vault *opened, const vault_context *context, const vault_context *stranger) {
    const char *secret = "attack at dawn", *aad = "row 7";
    vault_buffer envelope = VAULT_BUFFER_INIT, data = VAULT_BUFFER_INIT, key = VAULT_BUFFER_INIT, bundle = VAULT_BUFFER_INIT;
    vault_error *error = NULL;
    REQUIRE(vault_encrypt(opened, (const uint8_t *)secret, strlen(secret), context, (const uint8_t *)aad, 5, &envelope, NULL) == VAULT_OK);
    REQUIRE(vault_decrypt(opened, envelope.data, envelope.length, context, (const uint8_t *)aad, 5, &data, NULL) == VAULT_OK);
    REQUIRE(data.length == strlen(secret) && memcmp(data.data, secret, data.length) == 0);
    vault_buffer_free(&data);
    REQUIRE(vault_decrypt(opened, envelope.data, envelope.length, stranger, (const uint8_t *)aad, 5, &data, &error) ==
            VAULT_ERROR_CONTEXT_MISMATCH);
    REQUIRE(strcmp(vault_error_name(error), "ContextMismatch") == 0 && vault_error_retryable(error) == 0);
    vault_error_free(error);
    envelope.data[envelope.length - 1] ^= 1;
    REQUIRE(vault_decrypt(opened, envelope.data, envelope.length, context, (const uint8_t *)aad, 5, &data, NULL) ==
            VAULT_ERROR_AUTHENTICATION_FAILED);
    vault_buffer_free(&envelope);
    REQUIRE(vault_create_data_key(opened, context, &key, &bundle, NULL) == VAULT_OK);
    REQUIRE(vault_decrypt_data_key(opened, bundle.data, bundle.length, context, &data, NULL) == VAULT_OK);
    REQUIRE(data.length == VAULT_DATA_KEY_LENGTH && memcmp(data.data, key.data, data.length) == 0);
    vault_buffer_free(&data);
    REQUIRE(vault_inspect(bundle.data, bundle.length, &data, NULL) == VAULT_OK && data.length > 0);
    vault_buffer_free(&data);
    vault_buffer_free(&key);
    vault_buffer_free(&bundle);
    return 0;
}

static int counters(const vault *opened) {
    vault_counters whole = VAULT_COUNTERS_INIT;
    struct first_counters part;
    memset(&part, 0xaa, sizeof part);
    part.struct_size = offsetof(struct first_counters, beyond);
    REQUIRE(vault_stats(opened, &whole, NULL) == VAULT_OK);
    REQUIRE(whole.struct_size == sizeof whole && whole.root_key_uses > 0 && whole.managed_wraps > 0);
    REQUIRE(vault_stats(opened, (vault_counters *)(void *)&part, NULL) == VAULT_OK);
    REQUIRE(part.root_key_uses == whole.root_key_uses && part.beyond[0] == 0xaa && part.beyond[7] == 0xaa);
    return 0;
}

int main(int count, char **arguments) {
    const vault_context_item ours = VAULT_CONTEXT_ITEM("organization_id", "org_123");
    const vault_context_item theirs = VAULT_CONTEXT_ITEM("organization_id", "org_456");
    vault_open_options options = VAULT_OPEN_OPTIONS_INIT;
    vault_buffer config = VAULT_BUFFER_INIT;
    vault_context *context = NULL, *stranger = NULL;
    vault *opened = NULL;
    REQUIRE(count == 2 && vault_abi_version() == VAULT_ABI_VERSION);
    REQUIRE(vault_init(arguments[1], strlen(arguments[1]), &config, NULL) == VAULT_OK);
    REQUIRE(vault_open((const char *)config.data, config.length, &options, &opened, NULL) == VAULT_OK);
    REQUIRE(vault_context_new(&ours, 1, &context, NULL) == VAULT_OK && vault_context_new(&theirs, 1, &stranger, NULL) == VAULT_OK);
    if (round_trip(opened, context, stranger) != 0 || counters(opened) != 0) {
        return 1;
    }
    REQUIRE(vault_close(opened, NULL) == VAULT_OK);
    REQUIRE(vault_match_context(opened, context, &config, NULL) == VAULT_ERROR_CLOSED);
    vault_buffer_free(&config);
    vault_context_free(context);
    vault_context_free(stranger);
    vault_free(opened);
    return 0;
}
