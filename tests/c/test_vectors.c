/* Runs the vectors of tests/vectors, as lines made by vectors_to_lines.py: test_vectors CONFIG LINES. */

#include "check.h"

#define MOST_FIELDS 64
#define MOST_NAME_SHOWN 120
#define UNTOUCHED 0xA5

typedef struct bytes {
    uint8_t *data; /* NULL for "-" */
    size_t length;
} bytes;

typedef struct error_row {
    uint32_t constant;
    uint32_t code;
    const char *name;
    const char *kind;
    uint32_t retryable;
} error_row;

static const error_row ERRORS[] = {
#include "error_table.inc"
};
static const size_t ERROR_COUNT = sizeof(ERRORS) / sizeof(ERRORS[0]);

static const char *current = "";

/* Like CHECK, and says which vector failed. */
#define EXPECT(condition)                                                                                            \
    do {                                                                                                             \
        if (!(condition)) {                                                                                          \
            fprintf(stderr, "%s:%d: vector %s: failed: %s\n", __FILE__, __LINE__, current, #condition);              \
            exit(1);                                                                                                 \
        }                                                                                                            \
    } while (0)

static uint8_t *allocate(size_t length) {
    uint8_t *memory = (uint8_t *)malloc(length == 0 ? 1 : length);
    CHECK(memory != NULL);
    return memory;
}

static uint8_t digit(char character) {
    const char *digits = "0123456789abcdef";
    const char *found = character == '\0' ? NULL : strchr(digits, character);
    EXPECT(found != NULL);
    return (uint8_t)(found - digits);
}

/* Reads hexadecimal, "." for no bytes, "-" for NULL, or "61*4096". */
static bytes read_bytes(const char *text) {
    bytes result = {NULL, 0};
    const char *star = strchr(text, '*');
    size_t index;
    if (strcmp(text, "-") == 0) {
        return result;
    }
    if (strcmp(text, ".") == 0) {
        result.data = allocate(0);
        return result;
    }
    result.length = star != NULL ? (size_t)strtoull(star + 1, NULL, 10) : strlen(text) / 2;
    result.data = allocate(result.length);
    for (index = 0; index < result.length; index++) {
        const char *pair = star != NULL ? text : text + 2 * index;
        result.data[index] = (uint8_t)(digit(pair[0]) << 4 | digit(pair[1]));
    }
    return result;
}

static uint32_t read_context(char **fields, size_t count, vault_context **context, vault_error **error) {
    vault_context_item items[MOST_FIELDS / 2];
    bytes texts[MOST_FIELDS];
    size_t index;
    uint32_t status;
    memset(items, 0, sizeof(items));
    for (index = 0; index < count; index++) {
        texts[index] = read_bytes(fields[index]);
    }
    for (index = 0; index < count / 2; index++) {
        items[index].name = (const char *)texts[2 * index].data;
        items[index].name_length = texts[2 * index].length;
        items[index].value = (const char *)texts[2 * index + 1].data;
        items[index].value_length = texts[2 * index + 1].length;
    }
    status = vault_context_new(items, count / 2, context, error);
    for (index = 0; index < count; index++) {
        free(texts[index].data);
    }
    return status;
}

/* The error has everything that the one table says about its code. */
static void check_error(uint32_t status, vault_error *error) {
    size_t row = 0;
    while (row < ERROR_COUNT && ERRORS[row].code != status) {
        row++;
    }
    EXPECT(row < ERROR_COUNT);
    EXPECT(status != VAULT_ERROR_INTERNAL);
    EXPECT(vault_error_code(error) == status);
    EXPECT(strcmp(vault_error_name(error), ERRORS[row].name) == 0);
    EXPECT(strcmp(vault_error_kind(error), ERRORS[row].kind) == 0);
    EXPECT(vault_error_retryable(error) == ERRORS[row].retryable);
    EXPECT(strlen(vault_error_message(error)) > 0);
    vault_error_free(error);
}

static void check_buffer(uint32_t expected, bytes payload, uint32_t status, vault_error *error, vault_buffer *made) {
    EXPECT(status == expected);
    if (status == VAULT_OK) {
        EXPECT(error == NULL);
        EXPECT(made->length == payload.length);
        EXPECT(payload.length == 0 || memcmp(made->data, payload.data, payload.length) == 0);
        vault_buffer_free(made);
    } else {
        check_error(status, error);
    }
    EXPECT(made->data == NULL && made->length == 0 && made->capacity == 0);
}

/* decrypt NAME STATUS KMS_CALLS AAD EXPECTED INPUT CONTEXT... */
static void run_opening(const vault *opened, char **fields, size_t count) {
    const uint32_t expected = (uint32_t)strtoul(fields[2], NULL, 10);
    const uint64_t expected_calls = strtoull(fields[3], NULL, 10);
    const int is_envelope = strcmp(fields[0], "decrypt") == 0;
    bytes aad = read_bytes(fields[4]);
    bytes payload = read_bytes(fields[5]);
    bytes input = read_bytes(fields[6]);
    vault_buffer made = VAULT_BUFFER_INIT;
    vault_error *error = NULL;
    vault_context *context = NULL;
    uint64_t calls_before;
    uint32_t status;

    EXPECT(read_context(fields + 7, count - 7, &context, NULL) == VAULT_OK);
    calls_before = kms_unwraps(opened);
    if (is_envelope) {
        status = vault_decrypt(opened, input.data, input.length, context, aad.data, aad.length, &made, &error);
    } else {
        status = vault_decrypt_data_key(opened, input.data, input.length, context, &made, &error);
    }
    EXPECT(kms_unwraps(opened) - calls_before == expected_calls);
    check_buffer(expected, payload, status, error, &made);

    if (is_envelope) {
        /* Into memory of exactly the right size, or of the envelope's, and back over the envelope itself. */
        const size_t capacity = expected == VAULT_OK ? payload.length : input.length;
        uint8_t *output = allocate(capacity + 1);
        size_t length = 12345;
        memset(output, UNTOUCHED, capacity + 1);
        error = NULL;
        status = vault_decrypt_into(opened, input.data, input.length, context, aad.data, aad.length, output, capacity,
                                    &length, &error);
        EXPECT(status == expected);
        EXPECT(output[capacity] == UNTOUCHED);
        if (status == VAULT_OK) {
            EXPECT(length == payload.length);
            EXPECT(memcmp(output, payload.data, length) == 0);
            EXPECT(vault_decrypted_length(input.data, input.length, &length, NULL) == VAULT_OK);
            EXPECT(length == payload.length);
            EXPECT(vault_decrypt_into(opened, input.data, input.length, context, aad.data, aad.length, input.data,
                                      input.length, &length, NULL) == VAULT_OK);
            EXPECT(length == payload.length && memcmp(input.data, payload.data, length) == 0);
        } else {
            EXPECT(length == 12345);
            check_error(status, error);
        }
        free(output);
    }
    vault_context_free(context);
    free(aad.data);
    free(payload.data);
    free(input.data);
}

/* The canonical form is not in the C API, but a key bundle carries it: after 39 bytes and its length. */
static int has_canonical(const vault *opened, const vault_context *context, bytes canonical) {
    vault_buffer key = VAULT_BUFFER_INIT;
    vault_buffer bundle = VAULT_BUFFER_INIT;
    if (vault_create_data_key(opened, context, &key, &bundle, NULL) != VAULT_OK) {
        return 0; /* the fixture's bindings refuse to encrypt for it */
    }
    EXPECT(key.length == VAULT_DATA_KEY_LENGTH);
    EXPECT(bundle.length > 41 + canonical.length);
    EXPECT((size_t)(bundle.data[39] << 8 | bundle.data[40]) == canonical.length);
    EXPECT(memcmp(bundle.data + 41, canonical.data, canonical.length) == 0);
    vault_buffer_free(&key);
    vault_buffer_free(&bundle);
    return 1;
}

/* `name` is what the error shows of the name that the table blames. */
static void check_offending_name(const char *name, bytes blamed) {
    if (blamed.data == NULL) {
        /* Nothing is to blame, or a name that is not UTF-8, which is shown with U+FFFD. */
        EXPECT(name == NULL || strstr(name, "\xef\xbf\xbd") != NULL);
        return;
    }
    EXPECT(name != NULL);
    if (memchr(blamed.data, 0, blamed.length) == NULL) { /* a NUL is shown as U+FFFD */
        const size_t shown = strlen(name);
        EXPECT(shown == blamed.length || (shown < blamed.length && blamed.length > MOST_NAME_SHOWN));
        EXPECT(memcmp(name, blamed.data, shown) == 0);
    }
}

/* context NAME STATUS OFFENDING_NAME CANONICAL CONTEXT... */
static int run_context(const vault *opened, char **fields, size_t count) {
    const uint32_t expected = (uint32_t)strtoul(fields[2], NULL, 10);
    bytes offending = read_bytes(fields[3]);
    bytes canonical = read_bytes(fields[4]);
    vault_context *context = NULL;
    vault_error *error = NULL;
    int compared = 0;
    uint32_t status = read_context(fields + 5, count - 5, &context, &error);
    EXPECT(status == expected);
    if (status == VAULT_OK) {
        compared = has_canonical(opened, context, canonical);
        vault_context_free(context);
    } else {
        EXPECT(context == NULL);
        check_offending_name(vault_error_field(error), offending);
        check_error(status, error);
    }
    free(offending.data);
    free(canonical.data);
    return compared;
}

static void check_error_names(void) {
    size_t row;
    current = "errors.json";
    for (row = 0; row < ERROR_COUNT; row++) {
        EXPECT(ERRORS[row].constant == ERRORS[row].code);
        EXPECT(strcmp(vault_status_name(ERRORS[row].code), ERRORS[row].name) == 0);
    }
    EXPECT(strcmp(vault_status_name(VAULT_OK), "Ok") == 0);
    EXPECT(vault_status_name(999999) == NULL);
}

static char *read_file(const char *path) {
    FILE *file = fopen(path, "rb");
    long size;
    char *text;
    CHECK(file != NULL);
    CHECK(fseek(file, 0, SEEK_END) == 0);
    size = ftell(file);
    CHECK(size >= 0);
    rewind(file);
    text = (char *)allocate((size_t)size + 1);
    CHECK(fread(text, 1, (size_t)size, file) == (size_t)size);
    text[size] = '\0';
    fclose(file);
    return text;
}

/* Cuts a text at every `separator`, in place. */
static char *next_part(char **rest, char separator) {
    char *part = *rest;
    char *end = strchr(part, separator);
    if (end == NULL) {
        *rest = part + strlen(part);
    } else {
        *end = '\0';
        *rest = end + 1;
    }
    return part;
}

int main(int argc, char **argv) {
    unsigned openings = 0, contexts = 0, canonical_forms = 0;
    vault *opened;
    char *text, *rest;
    CHECK(argc == 3);
    check_error_names();
    opened = open_vault(argv[1]);
    text = read_file(argv[2]);
    rest = text;
    while (*rest != '\0') {
        char *line = next_part(&rest, '\n');
        char *fields[MOST_FIELDS];
        size_t count = 0;
        while (*line != '\0') {
            CHECK(count < MOST_FIELDS);
            fields[count++] = next_part(&line, '\t');
        }
        CHECK(count >= 5);
        current = fields[1];
        if (strcmp(fields[0], "context") == 0) {
            canonical_forms += (unsigned)run_context(opened, fields, count);
            contexts++;
        } else {
            run_opening(opened, fields, count);
            openings++;
        }
    }
    vault_free(opened);
    free(text);
    printf("vectors: %u envelopes and bundles, %u contexts, %u canonical forms\n", openings, contexts,
           canonical_forms);
    CHECK(openings >= 80 && contexts >= 20 && canonical_forms >= 10);
    return 0;
}
