/* Encrypts or decrypts one file, for the cross-language matrix:
 *
 *     matrix encrypt|decrypt CONFIG NAME=VALUE[,NAME=VALUE...] INPUT OUTPUT [AAD]
 *
 * OUTPUT is written only on success. Otherwise the error's number and name are printed and the exit status is 1. */

#include "check.h"

typedef struct file_bytes {
    uint8_t *data;
    size_t length;
} file_bytes;

static file_bytes read_file(const char *path) {
    file_bytes result = {NULL, 0};
    FILE *file = fopen(path, "rb");
    long size;
    CHECK(file != NULL);
    CHECK(fseek(file, 0, SEEK_END) == 0);
    size = ftell(file);
    CHECK(size >= 0);
    rewind(file);
    result.length = (size_t)size;
    result.data = (uint8_t *)malloc(result.length + 1);
    CHECK(result.data != NULL);
    CHECK(fread(result.data, 1, result.length, file) == result.length);
    fclose(file);
    return result;
}

static void write_file(const char *path, vault_buffer bytes) {
    FILE *file = fopen(path, "wb");
    CHECK(file != NULL);
    CHECK(bytes.length == 0 || fwrite(bytes.data, 1, bytes.length, file) == bytes.length);
    CHECK(fclose(file) == 0);
}

/* Cuts "a=b,c=d" up, in place. */
static size_t read_items(char *text, vault_context_item *items, size_t most) {
    size_t count = 0;
    char *item = strtok(text, ",");
    for (; item != NULL; item = strtok(NULL, ",")) {
        char *equals = strchr(item, '=');
        CHECK(count < most && equals != NULL);
        items[count].name = item;
        items[count].name_length = (size_t)(equals - item);
        items[count].value = equals + 1;
        items[count].value_length = strlen(equals + 1);
        count++;
    }
    return count;
}

static int report(uint32_t status, vault_error *error) {
    printf("%u %s\n", (unsigned)status, vault_status_name(status));
    fprintf(stderr, "%s: %s\n", vault_error_name(error), vault_error_message(error));
    vault_error_free(error);
    return 1;
}

int main(int argc, char **argv) {
    vault_context_item items[11];
    file_bytes input, aad = {NULL, 0};
    vault_buffer output = VAULT_BUFFER_INIT;
    vault_context *context = NULL;
    vault *opened = NULL;
    vault_error *error = NULL;
    uint32_t status;
    if ((argc != 6 && argc != 7) || (strcmp(argv[1], "encrypt") != 0 && strcmp(argv[1], "decrypt") != 0)) {
        fprintf(stderr, "usage: matrix encrypt|decrypt CONFIG NAME=VALUE[,...] INPUT OUTPUT [AAD]\n");
        return 2;
    }
    input = read_file(argv[4]);
    if (argc == 7) {
        aad = read_file(argv[6]);
    }
    status = vault_open(argv[2], strlen(argv[2]), NULL, &opened, &error);
    if (status == VAULT_OK) {
        status = vault_context_new(items, read_items(argv[3], items, 11), &context, &error);
    }
    if (status == VAULT_OK && strcmp(argv[1], "encrypt") == 0) {
        status = vault_encrypt(opened, input.data, input.length, context, aad.data, aad.length, &output, &error);
    } else if (status == VAULT_OK) {
        status = vault_decrypt(opened, input.data, input.length, context, aad.data, aad.length, &output, &error);
    }
    if (status != VAULT_OK) {
        return report(status, error);
    }
    write_file(argv[5], output);
    vault_buffer_free(&output);
    vault_context_free(context);
    vault_free(opened);
    free(input.data);
    free(aad.data);
    return 0;
}
