/* The rules of the ABI itself: test_abi EMPTY_DIRECTORY. */

#include <sys/stat.h>

#include "check.h"

/* The library that the sanitizers watch has no provider that needs the network. */
#ifndef EXPECTED_AWS
#define EXPECTED_AWS 1
#endif

#define DATA "attack at dawn"
#define DATA_LENGTH (sizeof(DATA) - 1)

static const char CUSTOMER[] =
    "store = \"vault.db\"\n"
    "fallback = \"deny\"\n"
    "[root_key]\nprovider = \"local\"\npath = \"root.key\"\n"
    "[[bindings]]\nid = \"bnd\"\nowner = \"org_1\"\nselector = { organization_id = \"org_1\" }\n"
    "[[bindings.keys]]\nid = \"key\"\nprovider = \"local\"\npath = \"customer.key\"\n";

static void test_version(void) {
    CHECK(vault_abi_version() == VAULT_ABI_VERSION);
    CHECK(strlen(vault_version()) >= 5);
    CHECK(vault_has_feature("aws") == EXPECTED_AWS);
    CHECK(vault_has_feature("sqlite") == 1);
    CHECK(vault_has_feature("no such feature") == 0);
    CHECK(vault_has_feature("") == 0);
    CHECK(vault_has_feature(NULL) == 0);
}

static void test_frees_and_accessors_take_null(void) {
    vault_buffer empty = VAULT_BUFFER_INIT;
    vault_free(NULL);
    vault_context_free(NULL);
    vault_error_free(NULL);
    vault_buffer_free(NULL);
    vault_buffer_free(&empty);
    CHECK(vault_error_code(NULL) == VAULT_OK);
    CHECK(vault_error_name(NULL) == NULL);
    CHECK(vault_error_kind(NULL) == NULL);
    CHECK(vault_error_retryable(NULL) == 0);
    CHECK(vault_error_message(NULL) == NULL);
    CHECK(vault_error_field(NULL) == NULL);
    CHECK(vault_error_provider(NULL) == NULL);
    CHECK(vault_error_key_id(NULL) == NULL);
    CHECK(vault_error_operation(NULL) == NULL);
    CHECK(vault_error_request_id(NULL) == NULL);
    CHECK(vault_error_needed_length(NULL) == 0);
}

static void test_init_and_open(const char *directory, char *config_path) {
    vault_buffer path = VAULT_BUFFER_INIT;
    vault *opened = NULL;
    vault_error *error = NULL;
    CHECK_FAILS(VAULT_ERROR_INVALID_ARGUMENT, vault_init(NULL, 0, NULL, error));
    CHECK_FAILS(VAULT_ERROR_INVALID_ARGUMENT, vault_init(NULL, 3, NULL, error));
    CHECK_FAILS(VAULT_ERROR_INVALID_ARGUMENT, vault_init("/tmp\0x", 6, NULL, error));
    CHECK_OK(vault_init(directory, strlen(directory), &path, error));
    CHECK(path.length == strlen((const char *)path.data) && path.length < 4096);
    memcpy(config_path, path.data, path.length + 1);
    vault_buffer_free(&path);
    CHECK_FAILS(VAULT_ERROR_CONFLICT, vault_init(directory, strlen(directory), &path, error));
    CHECK(path.data == NULL);

    /* Without a configuration nothing opens, and the message says what to do. */
    CHECK(vault_open(NULL, 0, NULL, &opened, &error) == VAULT_ERROR_INVALID_CONFIG);
    CHECK(strstr(vault_error_message(error), "init") != NULL);
    vault_error_free(error);
    CHECK(opened == NULL);

    CHECK_FAILS(VAULT_ERROR_INVALID_ARGUMENT, vault_open(NULL, 1, NULL, &opened, error));
    CHECK_FAILS(VAULT_ERROR_INVALID_ARGUMENT, vault_open(config_path, strlen(config_path), NULL, NULL, error));
    CHECK_FAILS(VAULT_ERROR_INVALID_ARGUMENT, vault_open(config_path, SIZE_MAX, NULL, &opened, error));
    CHECK_FAILS(VAULT_ERROR_INVALID_CONFIG, vault_open("/no/such/file", 13, NULL, &opened, error));
    CHECK_FAILS(VAULT_ERROR_INVALID_ARGUMENT, vault_open_toml("\xff", 1, NULL, 0, NULL, &opened, error));
    CHECK(vault_open_toml("stoer = \"x\"", 11, directory, strlen(directory), NULL, &opened, &error) ==
          VAULT_ERROR_INVALID_CONFIG);
    CHECK(strcmp(vault_error_field(error), "stoer") == 0);
    vault_error_free(error);
    CHECK(opened == NULL);
    /* Without a place for the error, the status says it all. */
    CHECK(vault_open("/no/such/file", 13, NULL, &opened, NULL) == VAULT_ERROR_INVALID_CONFIG);
}

/* Options of shorter and longer versions of the struct. */
static void test_struct_sizes(const char *config_path) {
    struct newer_options {
        vault_open_options known;
        uint64_t added[4];
    } newer = {VAULT_OPEN_OPTIONS_INIT, {0, 0, 0, 0}};
    struct newer_counters {
        vault_counters known;
        uint64_t added[4];
    } counters = {VAULT_COUNTERS_INIT, {7, 7, 7, 7}};
    const size_t length = strlen(config_path);
    size_t shortest = sizeof(size_t);
    vault *opened = NULL;
    size_t index;

    newer.known.struct_size = sizeof(newer);
    CHECK_OK(vault_open(config_path, length, &newer.known, &opened, error));
    vault_free(opened);
    opened = NULL;
    newer.added[3] = 1;
    CHECK_FAILS(VAULT_ERROR_INVALID_ARGUMENT, vault_open(config_path, length, &newer.known, &opened, error));
    newer.known.struct_size = sizeof(vault_open_options);
    CHECK_OK(vault_open(config_path, length, &newer.known, &opened, error));
    vault_free(opened);
    opened = NULL;
    newer.known.flags = 1;
    CHECK_FAILS(VAULT_ERROR_INVALID_ARGUMENT, vault_open(config_path, length, &newer.known, &opened, error));
    newer.known.struct_size = shortest; /* so short that the flags are not part of it */
    CHECK_OK(vault_open(config_path, length, &newer.known, &opened, error));
    newer.known.struct_size = 0;
    CHECK_FAILS(VAULT_ERROR_INVALID_ARGUMENT, vault_open(config_path, length, &newer.known, &opened, error));
    newer.known.struct_size = SIZE_MAX;
    CHECK_FAILS(VAULT_ERROR_INVALID_ARGUMENT, vault_open(config_path, length, &newer.known, &opened, error));

    counters.known.kms_unwraps = 7;
    counters.known.struct_size = offsetof(vault_counters, kms_unwraps);
    CHECK_OK(vault_stats(opened, &counters.known, error));
    CHECK(counters.known.kms_unwraps == 7);
    counters.known.struct_size = sizeof(counters);
    CHECK_OK(vault_stats(opened, &counters.known, error));
    CHECK(counters.known.struct_size == sizeof(counters) && counters.known.kms_unwraps == 0);
    for (index = 0; index < 4; index++) {
        CHECK(counters.added[index] == 0);
    }
    counters.known.struct_size = 0;
    CHECK_FAILS(VAULT_ERROR_INVALID_ARGUMENT, vault_stats(opened, &counters.known, error));
    CHECK_FAILS(VAULT_ERROR_INVALID_ARGUMENT, vault_stats(opened, NULL, error));
    CHECK_FAILS(VAULT_ERROR_INVALID_ARGUMENT, vault_stats(NULL, &counters.known, error));
    vault_free(opened);
}

static void test_contexts(void) {
    vault_context_item items[12];
    vault_context_item item = VAULT_CONTEXT_ITEM("organization_id", "org_1");
    char names[12][8];
    vault_context *context = NULL;
    vault_error *error = NULL;
    size_t index;
    CHECK_FAILS(VAULT_ERROR_INVALID_ARGUMENT, vault_context_new(NULL, 1, &context, error));
    CHECK_FAILS(VAULT_ERROR_INVALID_ARGUMENT, vault_context_new(&item, 1, NULL, error));
    CHECK_FAILS(VAULT_ERROR_INVALID_ARGUMENT, vault_context_new(&item, SIZE_MAX, &context, error));
    CHECK_FAILS(VAULT_ERROR_INVALID_CONTEXT, vault_context_new(NULL, 0, &context, error));
    item.value = NULL;
    CHECK_FAILS(VAULT_ERROR_INVALID_ARGUMENT, vault_context_new(&item, 1, &context, error));
    item.value_length = 0;
    CHECK(vault_context_new(&item, 1, &context, &error) == VAULT_ERROR_INVALID_CONTEXT);
    CHECK(strcmp(vault_error_field(error), "organization_id") == 0);
    vault_error_free(error);
    item.value_length = SIZE_MAX;
    CHECK_FAILS(VAULT_ERROR_INVALID_ARGUMENT, vault_context_new(&item, 1, &context, error));
    CHECK(context == NULL);
    for (index = 0; index < 12; index++) {
        vault_context_item made = VAULT_CONTEXT_ITEM("", "value");
        snprintf(names[index], sizeof(names[index]), "name%u", (unsigned)index);
        made.name = names[index];
        made.name_length = strlen(names[index]);
        items[index] = made;
    }
    CHECK_OK(vault_context_new(items, 10, &context, error));
    vault_context_free(context);
    CHECK_FAILS(VAULT_ERROR_INVALID_CONTEXT, vault_context_new(items, 11, &context, error));
    CHECK_FAILS(VAULT_ERROR_INVALID_CONTEXT, vault_context_new(items, 12, &context, error));
}

static void test_null_arguments(const vault *opened, const vault_context *context) {
    const uint8_t *data = bytes_of(DATA);
    const uint32_t invalid = VAULT_ERROR_INVALID_ARGUMENT;
    vault_buffer made = VAULT_BUFFER_INIT;
    uint8_t output[1];
    size_t length = 7;
    CHECK_FAILS(invalid, vault_encrypt(NULL, data, 1, context, NULL, 0, &made, error));
    CHECK_FAILS(invalid, vault_encrypt(opened, data, 1, NULL, NULL, 0, &made, error));
    CHECK_FAILS(invalid, vault_encrypt(opened, NULL, 1, context, NULL, 0, &made, error));
    CHECK_FAILS(invalid, vault_encrypt(opened, data, 1, context, NULL, 1, &made, error));
    CHECK_FAILS(invalid, vault_encrypt(opened, data, 1, context, NULL, 0, NULL, error));
    CHECK_FAILS(invalid, vault_encrypt(opened, data, SIZE_MAX, context, NULL, 0, &made, error));
    CHECK_FAILS(invalid, vault_encrypt(opened, data, (size_t)PTRDIFF_MAX + 1, context, NULL, 0, &made, error));
    CHECK_FAILS(invalid, vault_encrypt(opened, data, 1, context, data, SIZE_MAX, &made, error));
    CHECK_FAILS(invalid, vault_decrypt(NULL, data, 1, context, NULL, 0, &made, error));
    CHECK_FAILS(invalid, vault_decrypt(opened, data, 1, NULL, NULL, 0, &made, error));
    CHECK_FAILS(invalid, vault_decrypt(opened, NULL, 1, context, NULL, 0, &made, error));
    CHECK_FAILS(invalid, vault_decrypt(opened, data, 1, context, NULL, 0, NULL, error));
    CHECK_FAILS(invalid, vault_encrypt_into(opened, data, 1, context, NULL, 0, NULL, 1, &length, error));
    CHECK_FAILS(invalid, vault_encrypt_into(opened, data, 1, context, NULL, 0, output, SIZE_MAX, &length, error));
    CHECK_FAILS(invalid, vault_encrypt_into(opened, data, 1, context, NULL, 0, output, 1, NULL, error));
    CHECK_FAILS(invalid, vault_decrypt_into(opened, data, 1, context, NULL, 0, NULL, 1, &length, error));
    CHECK_FAILS(invalid, vault_decrypt_into(opened, data, 1, context, NULL, 0, output, 1, NULL, error));
    CHECK_FAILS(invalid, vault_encrypted_length_limit(NULL, 1, context, &length, error));
    CHECK_FAILS(invalid, vault_encrypted_length_limit(opened, 1, NULL, &length, error));
    CHECK_FAILS(invalid, vault_encrypted_length_limit(opened, 1, context, NULL, error));
    CHECK_FAILS(invalid, vault_decrypted_length(NULL, 1, &length, error));
    CHECK_FAILS(invalid, vault_decrypted_length(data, 1, NULL, error));
    CHECK_FAILS(invalid, vault_match_context(NULL, context, &made, error));
    CHECK_FAILS(invalid, vault_match_context(opened, NULL, &made, error));
    CHECK_FAILS(invalid, vault_match_context(opened, context, NULL, error));
    CHECK_FAILS(invalid, vault_inspect(NULL, 1, &made, error));
    CHECK_FAILS(invalid, vault_inspect(data, 1, NULL, error));
    CHECK_FAILS(invalid, vault_create_data_key(NULL, context, &made, &made, error));
    CHECK_FAILS(invalid, vault_create_data_key(opened, NULL, &made, &made, error));
    CHECK_FAILS(invalid, vault_create_data_key(opened, context, NULL, &made, error));
    CHECK_FAILS(invalid, vault_create_data_key(opened, context, &made, NULL, error));
    CHECK_FAILS(invalid, vault_decrypt_data_key(NULL, data, 1, context, &made, error));
    CHECK_FAILS(invalid, vault_decrypt_data_key(opened, NULL, 1, context, &made, error));
    CHECK_FAILS(invalid, vault_decrypt_data_key(opened, data, 1, NULL, &made, error));
    CHECK_FAILS(invalid, vault_decrypt_data_key(opened, data, 1, context, NULL, error));
    CHECK_FAILS(invalid, vault_warnings(NULL, &made, error));
    CHECK_FAILS(invalid, vault_warnings(opened, NULL, error));
    CHECK_FAILS(invalid, vault_close(NULL, error));
    /* NULL without a length is no bytes, which are not an envelope. */
    CHECK_FAILS(VAULT_ERROR_MALFORMED, vault_decrypt(opened, NULL, 0, context, NULL, 0, &made, error));
    CHECK_FAILS(VAULT_ERROR_MALFORMED, vault_decrypt_data_key(opened, NULL, 0, context, &made, error));
    CHECK_FAILS(VAULT_ERROR_MALFORMED, vault_decrypted_length(NULL, 0, &length, error));
    /* Nothing was written. */
    CHECK(made.data == NULL && made.length == 0 && made.capacity == 0 && length == 7);
}

static void test_round_trips(const vault *opened, const vault_context *context) {
    const uint8_t *data = bytes_of(DATA);
    const uint8_t *aad = bytes_of("row 7");
    vault_buffer envelope = VAULT_BUFFER_INIT, again = VAULT_BUFFER_INIT, json = VAULT_BUFFER_INIT;
    vault_buffer key = VAULT_BUFFER_INIT, bundle = VAULT_BUFFER_INIT;
    vault_context *other = context_of("organization_id", "org_other");
    CHECK_OK(vault_encrypt(opened, data, DATA_LENGTH, context, aad, 5, &envelope, error));
    CHECK_OK(vault_decrypt(opened, envelope.data, envelope.length, context, aad, 5, &again, error));
    CHECK(again.length == DATA_LENGTH && memcmp(again.data, data, DATA_LENGTH) == 0);
    vault_buffer_free(&again);
    CHECK(again.data == NULL && again.length == 0 && again.capacity == 0);
    vault_buffer_free(&again);
    CHECK_FAILS(VAULT_ERROR_AUTHENTICATION_FAILED,
                vault_decrypt(opened, envelope.data, envelope.length, context, aad, 4, &again, error));
    CHECK_FAILS(VAULT_ERROR_CONTEXT_MISMATCH,
                vault_decrypt(opened, envelope.data, envelope.length, other, aad, 5, &again, error));
    CHECK_OK(vault_inspect(envelope.data, envelope.length, &json, error));
    CHECK(json.data[json.length] == '\0' && strstr((const char *)json.data, "managed") != NULL);
    vault_buffer_free(&json);
    vault_buffer_free(&envelope);

    /* No data, no AAD. */
    CHECK_OK(vault_encrypt(opened, NULL, 0, context, NULL, 0, &envelope, error));
    CHECK_OK(vault_decrypt(opened, envelope.data, envelope.length, context, data, 0, &again, error));
    CHECK(again.length == 0);
    vault_buffer_free(&again);
    vault_buffer_free(&envelope);

    CHECK_OK(vault_match_context(opened, context, &json, error));
    CHECK(strstr((const char *)json.data, "\"policy\":\"managed\"") != NULL);
    vault_buffer_free(&json);

    CHECK_OK(vault_create_data_key(opened, context, &key, &bundle, error));
    CHECK_OK(vault_decrypt_data_key(opened, bundle.data, bundle.length, context, &again, error));
    CHECK(key.length == VAULT_DATA_KEY_LENGTH && again.length == key.length);
    CHECK(memcmp(key.data, again.data, key.length) == 0);
    CHECK_FAILS(VAULT_ERROR_UNSUPPORTED_FORMAT,
                vault_decrypt(opened, bundle.data, bundle.length, context, NULL, 0, &envelope, error));
    vault_buffer_free(&again);
    vault_buffer_free(&key);
    vault_buffer_free(&bundle);
    vault_context_free(other);
}

static void test_into(const vault *opened, const vault_context *context) {
    uint8_t memory[1024], copy[1024];
    vault_error *error = NULL;
    size_t limit = 0, length = 0, envelope_length, capacity;
    CHECK_OK(vault_encrypted_length_limit(opened, DATA_LENGTH, context, &limit, error));
    CHECK(limit <= sizeof(memory));
    CHECK_FAILS(VAULT_ERROR_LIMIT_EXCEEDED,
                vault_encrypted_length_limit(opened, ((size_t)1 << 30) + 1, context, &length, error));

    /* Too small by any number of bytes: the needed length, both ways, and not a byte past the capacity. */
    for (capacity = 0; capacity < limit; capacity++) {
        memset(memory, 0xA5, sizeof(memory));
        length = 0;
        CHECK(vault_encrypt_into(opened, bytes_of(DATA), DATA_LENGTH, context, NULL, 0, capacity == 0 ? NULL : memory,
                                 capacity, &length, &error) == VAULT_ERROR_BUFFER_TOO_SMALL);
        CHECK(length == limit && vault_error_needed_length(error) == limit);
        CHECK(memory[capacity] == 0xA5);
        vault_error_free(error);
    }
    CHECK_OK(vault_encrypt_into(opened, bytes_of(DATA), DATA_LENGTH, context, NULL, 0, memory, limit, &envelope_length,
                                error));
    CHECK(envelope_length == limit); /* exact for managed keys */
    CHECK_OK(vault_decrypted_length(memory, envelope_length, &length, error));
    CHECK(length == DATA_LENGTH);
    for (capacity = 0; capacity < DATA_LENGTH; capacity++) {
        length = 0;
        CHECK(vault_decrypt_into(opened, memory, envelope_length, context, NULL, 0, copy, capacity, &length, &error) ==
              VAULT_ERROR_BUFFER_TOO_SMALL);
        CHECK(length == DATA_LENGTH && vault_error_needed_length(error) == DATA_LENGTH);
        vault_error_free(error);
    }
    CHECK_OK(vault_decrypt_into(opened, memory, envelope_length, context, NULL, 0, copy, DATA_LENGTH, &length, error));
    CHECK(length == DATA_LENGTH && memcmp(copy, DATA, DATA_LENGTH) == 0);

    /* In place, at every overlap. */
    for (capacity = 0; capacity < 64; capacity++) {
        memcpy(memory + capacity, DATA, DATA_LENGTH);
        CHECK_OK(vault_encrypt_into(opened, memory + capacity, DATA_LENGTH, context, memory + capacity, 3, memory,
                                    limit, &envelope_length, error));
        CHECK_OK(vault_decrypt_into(opened, memory, envelope_length, context, bytes_of(DATA), 3, memory + capacity,
                                    DATA_LENGTH, &length, error));
        CHECK(memcmp(memory + capacity, DATA, DATA_LENGTH) == 0);
    }

    /* After a failure the output holds none of the data. */
    memset(copy, 0xA5, sizeof(copy));
    memcpy(memory, DATA, DATA_LENGTH);
    CHECK_OK(vault_encrypt_into(opened, bytes_of(DATA), DATA_LENGTH, context, NULL, 0, memory, limit, &envelope_length,
                                error));
    memory[envelope_length - 1] ^= 1;
    length = 7;
    CHECK_FAILS(VAULT_ERROR_AUTHENTICATION_FAILED,
                vault_decrypt_into(opened, memory, envelope_length, context, NULL, 0, copy, sizeof(copy), &length,
                                   error));
    CHECK(length == 7);
    CHECK(memchr(copy, 'a', sizeof(copy)) == NULL);
}

/* A customer's binding with a key file that is not there, and a context that no binding matches. */
static void test_customer_errors(const char *directory) {
    const size_t directory_length = strlen(directory);
    vault_buffer made = VAULT_BUFFER_INIT;
    vault *opened = NULL;
    vault_error *error = NULL;
    vault_context *misspelt = context_of("organizationId", "org_1");
    vault_context *unmatched = context_of("organization_id", "org_2");
    vault_context *matched = context_of("organization_id", "org_1");
    char path[4200];
    FILE *file;
    CHECK(vault_open_toml(CUSTOMER, strlen(CUSTOMER), directory, directory_length, NULL, &opened, &error) ==
          VAULT_ERROR_INVALID_CONFIG);
    CHECK(strncmp(vault_error_field(error), "bindings[0].keys[0]", 19) == 0);
    vault_error_free(error);

    snprintf(path, sizeof(path), "%s/customer.key", directory);
    file = fopen(path, "w");
    CHECK(file != NULL);
    fprintf(file, "libvault key file v1\n1 %064d\n", 7);
    fclose(file);
    CHECK(chmod(path, 0644) == 0);
    CHECK_FAILS(VAULT_ERROR_INVALID_CONFIG,
                vault_open_toml(CUSTOMER, strlen(CUSTOMER), directory, directory_length, NULL, &opened, error));
    CHECK(chmod(path, 0600) == 0);
    CHECK_OK(vault_open_toml(CUSTOMER, strlen(CUSTOMER), directory, directory_length, NULL, &opened, error));

    CHECK_FAILS(VAULT_ERROR_UNKNOWN_CONTEXT_NAME, vault_match_context(opened, misspelt, &made, error));
    CHECK_FAILS(VAULT_ERROR_NO_MATCHING_KEY, vault_match_context(opened, unmatched, &made, error));
    CHECK_OK(vault_match_context(opened, matched, &made, error));
    CHECK(strstr((const char *)made.data, "\"policy\":\"customer_gated\"") != NULL);
    CHECK(strstr((const char *)made.data, "\"key_ids\":[\"key\"]") != NULL);
    vault_buffer_free(&made);
    CHECK_OK(vault_encrypt(opened, bytes_of(DATA), DATA_LENGTH, matched, NULL, 0, &made, error));
    vault_buffer_free(&made);

    vault_context_free(misspelt);
    vault_context_free(unmatched);
    vault_context_free(matched);
    vault_free(opened);
}

/* Closed means closed; what the vault handed out lives on. */
static void test_close(vault *opened, vault_context *context) {
    vault_buffer envelope = VAULT_BUFFER_INIT, made = VAULT_BUFFER_INIT;
    vault_counters counters = VAULT_COUNTERS_INIT;
    vault_error *error = NULL;
    size_t length = 0;
    CHECK_OK(vault_encrypt(opened, bytes_of(DATA), DATA_LENGTH, context, NULL, 0, &envelope, error));
    CHECK(vault_decrypt(opened, bytes_of("x"), 1, context, NULL, 0, &made, &error) == VAULT_ERROR_MALFORMED);
    CHECK_OK(vault_close(opened, error));
    CHECK_OK(vault_close(opened, error));
    CHECK_FAILS(VAULT_ERROR_CLOSED, vault_encrypt(opened, NULL, 0, context, NULL, 0, &made, error));
    CHECK_FAILS(VAULT_ERROR_CLOSED,
                vault_decrypt(opened, envelope.data, envelope.length, context, NULL, 0, &made, error));
    CHECK_FAILS(VAULT_ERROR_CLOSED, vault_create_data_key(opened, context, &made, &made, error));
    CHECK_OK(vault_stats(opened, &counters, error));
    CHECK(counters.managed_wraps > 0);
    vault_free(opened);
    CHECK_OK(vault_decrypted_length(envelope.data, envelope.length, &length, error));
    CHECK(length == DATA_LENGTH);
    vault_buffer_free(&envelope);
    vault_context_free(context);
    CHECK(vault_error_code(error) == VAULT_ERROR_MALFORMED);
    CHECK(strcmp(vault_error_name(error), "Malformed") == 0);
    CHECK(strcmp(vault_error_kind(error), "input") == 0);
    CHECK(strlen(vault_error_message(error)) > 0);
    vault_error_free(error);
}

int main(int argc, char **argv) {
    char config_path[4096];
    vault_buffer warnings = VAULT_BUFFER_INIT;
    vault_context *context;
    vault *opened;
    CHECK(argc == 2);
    test_version();
    test_frees_and_accessors_take_null();
    test_contexts();
    test_init_and_open(argv[1], config_path);
    test_struct_sizes(config_path);
    opened = open_vault(config_path);
    context = context_of("organization_id", "org_managed");
    CHECK_OK(vault_warnings(opened, &warnings, error));
    CHECK(warnings.length == 0 && warnings.data[0] == '\0');
    vault_buffer_free(&warnings);
    test_null_arguments(opened, context);
    test_round_trips(opened, context);
    test_into(opened, context);
    test_customer_errors(argv[1]);
    test_close(opened, context);
    printf("abi: ok\n");
    return 0;
}
