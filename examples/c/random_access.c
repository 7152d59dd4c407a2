/* Reads a part of a large encrypted file without decrypting the rest: random_access CONFIG */
#include <fcntl.h>
#include <unistd.h>

#include "example.h"

/* Reads exactly `length` bytes of the file, or says that it cannot. */
static uint32_t read_file(void *user_data, uint64_t offset, uint8_t *buffer, size_t length) {
    const int file = *(const int *)user_data;
    while (length > 0) {
        const ssize_t count = pread(file, buffer, length, (off_t)offset);
        if (count <= 0) return 1;
        buffer += count;
        offset += (uint64_t)count;
        length -= (size_t)count;
    }
    return 0;
}

int main(int argc, char **argv) {
    vault *opened = open_vault(argc, argv);
    vault_context *context = context_of("org_123");
    const char *config = argc > 1 ? argv[1] : "libvault.toml", *encrypted = "example.lve";
    vault_file_options options = VAULT_FILE_OPTIONS_INIT;
    vault_source source = VAULT_SOURCE_INIT;
    vault_reader *reader = NULL;
    uint8_t part[16];
    size_t count = 0;
    int file;

    options.replace = 1;
    DO(vault_encrypt_file(opened, config, strlen(config), encrypted, strlen(encrypted), context, NULL, 0, &options, &error));

    file = open(encrypted, O_RDONLY);
    source.length = (uint64_t)lseek(file, 0, SEEK_END);
    source.read_at = read_file;
    source.user_data = &file;
    /* The last frame is authenticated here: nothing is missing. */
    DO(vault_reader_new(opened, &source, context, NULL, 0, &reader, &error));
    DO(vault_reader_read_at(reader, vault_reader_length(reader) / 2, part, sizeof(part), &count, &error));
    printf("%zu bytes from the middle of %llu\n", count, (unsigned long long)vault_reader_length(reader));

    vault_reader_free(reader);
    close(file);
    remove(encrypted);
    vault_context_free(context);
    vault_free(opened);
    return 0;
}
