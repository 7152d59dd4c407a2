/* Encrypts a file of any size in constant memory, and decrypts it: stream_file CONFIG [FILE [ENCRYPTED [DECRYPTED]]] */
#include "example.h"

#define PIECE 65536

static void write_out(FILE *target, vault_buffer *buffer) {
    if (fwrite(buffer->data, 1, buffer->length, target) != buffer->length) {
        perror("write");
        exit(1);
    }
    vault_buffer_clear(buffer); /* wipes it and keeps the memory */
}

static FILE *open_file(const char *path, const char *mode) {
    FILE *file = fopen(path, mode);
    if (file == NULL) {
        perror(path);
        exit(1);
    }
    return file;
}

int main(int argc, char **argv) {
    static uint8_t piece[PIECE];
    vault *opened = open_vault(argc, argv);
    vault_context *context = context_of("org_123");
    const char *encrypted = argc > 3 ? argv[3] : "example.lve", *decrypted = argc > 4 ? argv[4] : "example.out";
    FILE *source = open_file(argc > 2 ? argv[2] : argv[1], "rb"), *target = open_file(encrypted, "wb");
    vault_buffer output = VAULT_BUFFER_INIT;
    vault_encryptor *encryptor = NULL;
    vault_decryptor *decryptor = NULL;
    size_t length;

    DO(vault_encryptor_new(opened, context, NULL, 0, NULL, &encryptor, &error));
    while ((length = fread(piece, 1, sizeof(piece), source)) > 0) {
        DO(vault_encryptor_update(encryptor, piece, length, &output, &error));
        write_out(target, &output);
    }
    DO(vault_encryptor_finish(encryptor, &output, &error)); /* without it the file would count as truncated */
    write_out(target, &output);
    vault_encryptor_free(encryptor);
    if (ferror(source) || fclose(source) != 0 || fclose(target) != 0) return 1;

    source = open_file(encrypted, "rb");
    target = open_file(decrypted, "wb");
    DO(vault_decryptor_new(opened, context, NULL, 0, &decryptor, &error));
    while ((length = fread(piece, 1, sizeof(piece), source)) > 0) {
        DO(vault_decryptor_update(decryptor, piece, length, &output, &error));
        write_out(target, &output); /* authenticated, but perhaps not all */
    }
    DO(vault_decryptor_finish(decryptor, &output, &error)); /* now it is known that nothing is missing */
    write_out(target, &output);
    vault_decryptor_free(decryptor);
    vault_buffer_free(&output);
    vault_context_free(context);
    vault_free(opened);
    return ferror(source) || fclose(source) != 0 || fclose(target) != 0;
}
