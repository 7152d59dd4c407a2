/* The C side of the cross-language matrix; tests/matrix/run_matrix.py says what a command looks like.
 *
 *     matrix CONFIG < COMMANDS
 *
 * OUTPUT is written only on success. */

#include "check.h"

static const size_t PIECE = 10000;

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

/* All of the input through a stream, in pieces. */
static uint32_t encrypt_stream(const vault *opened, const vault_context *context, file_bytes input, file_bytes aad,
                               vault_buffer *output, vault_error **error) {
    vault_encryptor *encryptor = NULL;
    size_t done = 0;
    uint32_t status = vault_encryptor_new(opened, context, aad.data, aad.length, NULL, &encryptor, error);
    while (status == VAULT_OK && done < input.length) {
        size_t length = input.length - done < PIECE ? input.length - done : PIECE;
        status = vault_encryptor_update(encryptor, input.data + done, length, output, error);
        done += length;
    }
    if (status == VAULT_OK) {
        status = vault_encryptor_finish(encryptor, output, error);
    }
    vault_encryptor_free(encryptor);
    return status;
}

static uint32_t decrypt_stream(const vault *opened, const vault_context *context, file_bytes input, file_bytes aad,
                               vault_buffer *output, vault_error **error) {
    vault_decryptor *decryptor = NULL;
    size_t done = 0;
    uint32_t status = vault_decryptor_new(opened, context, aad.data, aad.length, &decryptor, error);
    while (status == VAULT_OK && done < input.length) {
        size_t length = input.length - done < PIECE ? input.length - done : PIECE;
        status = vault_decryptor_update(decryptor, input.data + done, length, output, error);
        done += length;
    }
    if (status == VAULT_OK) {
        status = vault_decryptor_finish(decryptor, output, error);
    }
    vault_decryptor_free(decryptor);
    return status;
}

static uint32_t work(const vault *opened, const char *verb, const vault_context *context, file_bytes input, file_bytes aad,
                     vault_buffer *output, vault_error **error) {
    if (strcmp(verb, "encrypt") == 0) {
        return vault_encrypt(opened, input.data, input.length, context, aad.data, aad.length, output, error);
    }
    if (strcmp(verb, "decrypt") == 0) {
        return vault_decrypt(opened, input.data, input.length, context, aad.data, aad.length, output, error);
    }
    if (strcmp(verb, "encrypt-stream") == 0) {
        return encrypt_stream(opened, context, input, aad, output, error);
    }
    CHECK(strcmp(verb, "decrypt-stream") == 0);
    return decrypt_stream(opened, context, input, aad, output, error);
}

static void obey(const vault *opened, char **fields) {
    vault_context_item items[11];
    file_bytes input = read_file(fields[2]), aad = {NULL, 0};
    vault_buffer output = VAULT_BUFFER_INIT;
    vault_context *context = NULL;
    vault_error *error = NULL;
    uint32_t status = vault_context_new(items, read_items(fields[1], items, 11), &context, &error);
    if (strcmp(fields[4], "-") != 0) {
        aad = read_file(fields[4]);
    }
    if (status == VAULT_OK) {
        status = work(opened, fields[0], context, input, aad, &output, &error);
    }
    if (status == VAULT_OK) {
        write_file(fields[3], output);
        printf("ok\n");
    } else {
        printf("%u %s\n", (unsigned)status, vault_status_name(status));
        fprintf(stderr, "%s: %s\n", vault_error_name(error), vault_error_message(error));
        vault_error_free(error);
    }
    vault_buffer_free(&output);
    vault_context_free(context);
    free(input.data);
    free(aad.data);
}

/* Cuts a line up at its tabs, in place. */
static int split(char *line, char **fields, int count) {
    int found = 0;
    line[strcspn(line, "\n")] = '\0';
    while (line != NULL && found < count) {
        char *tab = strchr(line, '\t');
        fields[found++] = line;
        line = tab == NULL ? NULL : tab + 1;
        if (tab != NULL) {
            *tab = '\0';
        }
    }
    return found;
}

int main(int argc, char **argv) {
    char line[8192], *fields[5];
    vault *opened;
    if (argc != 2) {
        fprintf(stderr, "usage: matrix CONFIG < COMMANDS\n");
        return 2;
    }
    opened = open_vault(argv[1]);
    while (fgets(line, sizeof line, stdin) != NULL) {
        CHECK(split(line, fields, 5) == 5);
        obey(opened, fields);
    }
    vault_free(opened);
    return 0;
}
