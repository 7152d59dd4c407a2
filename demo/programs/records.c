/*
 * Encrypts or decrypts files of records: records encrypt|decrypt CONFIG (ORGANIZATION INPUT OUTPUT)...
 *
 * Prints for each organization {"records": …, "code": …, "name": …}: how many records it finished, and the error that stopped it
 * (code 0 for none).
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <vault.h>

enum { HEADER = 4, MOST = 1 << 20 };

static int work_for(const vault *opened, int encrypting, const char *organization, const char *from, const char *to);
static uint32_t process(const vault *opened, const vault_context *context, int encrypting, FILE *input, FILE *output,
                        unsigned *finished);
static size_t read_record(FILE *input, uint8_t *record, int *more);
static void write_record(FILE *output, const vault_buffer *record);
static FILE *open_file(const char *path, const char *mode);
static void give_up(const char *what);

int main(int argc, char **argv)
{
    if (argc < 6 || argc % 3 != 0)
        give_up("usage: records encrypt|decrypt CONFIG (ORGANIZATION INPUT OUTPUT)...");
    const char *config = argv[2];
    vault *opened = NULL;
    vault_error *error = NULL;
    if (vault_open(config, strlen(config), NULL, &opened, &error) != VAULT_OK)
        give_up(vault_error_message(error));
    int failed = 0;
    for (int at = 3; at < argc; at += 3)
        failed |= work_for(opened, strcmp(argv[1], "encrypt") == 0, argv[at], argv[at + 1], argv[at + 2]);
    vault_free(opened);
    return failed;
}

/* Processes one organization's file and reports; 1 if an error stopped it. */
static int work_for(const vault *opened, int encrypting, const char *organization, const char *from, const char *to)
{
    const vault_context_item items[] = {VAULT_CONTEXT_ITEM("organization_id", organization)};
    FILE *input = open_file(from, "rb");
    FILE *output = open_file(to, "wb");
    vault_context *context = NULL;
    vault_error *error = NULL;
    unsigned finished = 0;

    if (vault_context_new(items, 1, &context, &error) != VAULT_OK)
        give_up(vault_error_message(error));
    const uint32_t status = process(opened, context, encrypting, input, output, &finished);

    vault_context_free(context);
    fclose(input);
    if (fclose(output) != 0)
        give_up("the output cannot be written");
    const char *name = status == VAULT_OK ? "" : vault_status_name(status);
    printf("{\"records\": %u, \"code\": %u, \"name\": \"%s\"}\n", finished, (unsigned)status, name);
    return status != VAULT_OK;
}

/* Works through the records until the input ends or one fails, whose status it returns. */
static uint32_t process(const vault *opened, const vault_context *context, int encrypting, FILE *input, FILE *output,
                        unsigned *finished)
{
    uint8_t *record = malloc(MOST);
    if (record == NULL)
        give_up("out of memory");
    uint32_t status = VAULT_OK;
    for (;;) {
        int more = 0;
        const size_t length = read_record(input, record, &more);
        if (!more)
            break;
        vault_buffer result = {0};
        vault_error *error = NULL;
        status = encrypting ? vault_encrypt(opened, record, length, context, NULL, 0, &result, &error)
                            : vault_decrypt(opened, record, length, context, NULL, 0, &result, &error);
        if (status != VAULT_OK) {
            vault_error_free(error);
            break;
        }
        write_record(output, &result);
        vault_buffer_free(&result);
        *finished += 1;
    }
    free(record);
    return status;
}

static size_t read_record(FILE *input, uint8_t *record, int *more)
{
    uint8_t header[HEADER];
    const size_t read = fread(header, 1, HEADER, input);
    *more = read == HEADER;
    if (read == 0)
        return 0;
    const size_t length = (size_t)header[0] << 24 | (size_t)header[1] << 16 | (size_t)header[2] << 8 | header[3];
    if (read != HEADER || length > MOST || fread(record, 1, length, input) != length)
        give_up("the input ends inside a record, or a record is too long");
    return length;
}

static void write_record(FILE *output, const vault_buffer *record)
{
    const size_t length = record->length;
    const uint8_t header[HEADER] = {(uint8_t)(length >> 24), (uint8_t)(length >> 16), (uint8_t)(length >> 8), (uint8_t)length};
    if (fwrite(header, 1, HEADER, output) != HEADER || fwrite(record->data, 1, length, output) != length)
        give_up("the output cannot be written");
}

static FILE *open_file(const char *path, const char *mode)
{
    FILE *file = fopen(path, mode);
    if (file == NULL)
        give_up(path);
    return file;
}

static void give_up(const char *what)
{
    fprintf(stderr, "%s\n", what);
    exit(2);
}
