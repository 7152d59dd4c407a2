/* Streams, random access, files, and the verbs that change keys: test_streams DIRECTORY, where there is a vault of vault_init(). */

#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "check.h"

#define FRAME 4096
#define LARGEST (3 * FRAME + 1)

static uint8_t data[LARGEST];

/* Encrypts `length` bytes in pieces. */
static vault_buffer encrypt(const vault *opened, const vault_context *context, size_t length, size_t piece) {
    vault_stream_options options = VAULT_STREAM_OPTIONS_INIT;
    vault_buffer envelope = VAULT_BUFFER_INIT;
    vault_encryptor *encryptor = NULL;
    size_t done, count;
    options.frame_size = FRAME;
    CHECK_OK(vault_encryptor_new(opened, context, bytes_of("aad"), 3, &options, &encryptor, error));
    for (done = 0; done < length; done += count) {
        count = length - done < piece ? length - done : piece;
        CHECK_OK(vault_encryptor_update(encryptor, data + done, count, &envelope, error));
    }
    CHECK_OK(vault_encryptor_finish(encryptor, &envelope, error));
    CHECK_FAILS(VAULT_ERROR_INVALID_ARGUMENT, vault_encryptor_finish(encryptor, &envelope, error));
    vault_encryptor_free(encryptor);
    return envelope;
}

/* Decrypts in pieces what must be `length` bytes; gives the status. */
static uint32_t decrypt(const vault *opened, const vault_context *context, vault_buffer envelope, size_t piece,
                        size_t length) {
    vault_decryptor *decryptor = NULL;
    vault_buffer output = VAULT_BUFFER_INIT;
    uint32_t status = VAULT_OK;
    size_t done, count, got = 0;
    CHECK_OK(vault_decryptor_new(opened, context, bytes_of("aad"), 3, &decryptor, error));
    for (done = 0; done < envelope.length && status == VAULT_OK; done += count) {
        count = envelope.length - done < piece ? envelope.length - done : piece;
        status = vault_decryptor_update(decryptor, envelope.data + done, count, &output, NULL);
        /* Whatever comes out is right, also before an error. */
        CHECK(got + output.length <= length);
        CHECK(output.length == 0 || memcmp(data + got, output.data, output.length) == 0);
        got += output.length;
        vault_buffer_clear(&output);
        CHECK(output.length == 0);
    }
    if (status == VAULT_OK) {
        status = vault_decryptor_finish(decryptor, &output, NULL);
        got += output.length;
    }
    CHECK(status != VAULT_OK || got == length);
    if (status != VAULT_OK) { /* a dead stream stays dead */
        CHECK(vault_decryptor_update(decryptor, envelope.data, 1, &output, NULL) == status);
        CHECK(vault_decryptor_finish(decryptor, &output, NULL) == status);
    }
    vault_buffer_free(&output);
    vault_decryptor_free(decryptor);
    return status;
}

static void test_round_trips(const vault *opened, const vault_context *context) {
    const size_t lengths[] = {0, 1, FRAME - 1, FRAME, FRAME + 1, LARGEST};
    const size_t pieces[] = {1, 1000, FRAME, LARGEST};
    vault_buffer whole = VAULT_BUFFER_INIT;
    size_t index, piece;
    for (index = 0; index < sizeof(lengths) / sizeof(lengths[0]); index++) {
        for (piece = 0; piece < sizeof(pieces) / sizeof(pieces[0]); piece++) {
            vault_buffer envelope = encrypt(opened, context, lengths[index], pieces[piece]);
            CHECK(decrypt(opened, context, envelope, pieces[piece], lengths[index]) == VAULT_OK);
            /* The one-shot verb reads both forms. */
            CHECK_OK(vault_decrypt(opened, envelope.data, envelope.length, context, bytes_of("aad"), 3, &whole, error));
            CHECK(whole.length == lengths[index]);
            CHECK(whole.length == 0 || memcmp(whole.data, data, whole.length) == 0);
            vault_buffer_free(&whole);
            vault_buffer_free(&envelope);
        }
    }
    CHECK_OK(vault_encrypt(opened, data, 1000, context, bytes_of("aad"), 3, &whole, error));
    CHECK(decrypt(opened, context, whole, 100, 1000) == VAULT_OK);
    vault_buffer_free(&whole);
}

static void test_damage(const vault *opened, const vault_context *context) {
    vault_buffer envelope = encrypt(opened, context, LARGEST, LARGEST);
    vault_buffer part = envelope;
    size_t cut;
    for (cut = 1; cut < envelope.length; cut += 997) {
        part.length = envelope.length - cut;
        CHECK(decrypt(opened, context, part, 1000, LARGEST) != VAULT_OK);
    }
    part.length = envelope.length;
    for (cut = 0; cut < envelope.length; cut += 997) {
        envelope.data[cut] ^= 1;
        CHECK(decrypt(opened, context, part, 1000, LARGEST) != VAULT_OK);
        envelope.data[cut] ^= 1;
    }
    CHECK(decrypt(opened, context, part, 1000, LARGEST) == VAULT_OK);
    vault_buffer_free(&envelope);
}

static void test_arguments(const vault *opened, const vault_context *context) {
    const uint32_t invalid = VAULT_ERROR_INVALID_ARGUMENT;
    const uint64_t wrong[] = {1, 4095, 6000, 2097152, UINT64_MAX};
    vault_stream_options options = VAULT_STREAM_OPTIONS_INIT;
    vault_encryptor *encryptor = NULL;
    vault_decryptor *decryptor = NULL;
    vault_buffer output = VAULT_BUFFER_INIT, broken = VAULT_BUFFER_INIT;
    size_t index;
    for (index = 0; index < sizeof(wrong) / sizeof(wrong[0]); index++) {
        options.frame_size = wrong[index];
        CHECK_FAILS(invalid, vault_encryptor_new(opened, context, NULL, 0, &options, &encryptor, error));
    }
    CHECK_FAILS(invalid, vault_encryptor_new(NULL, context, NULL, 0, NULL, &encryptor, error));
    CHECK_FAILS(invalid, vault_encryptor_new(opened, NULL, NULL, 0, NULL, &encryptor, error));
    CHECK_FAILS(invalid, vault_encryptor_new(opened, context, NULL, 1, NULL, &encryptor, error));
    CHECK_FAILS(invalid, vault_encryptor_new(opened, context, NULL, 0, NULL, NULL, error));
    CHECK_FAILS(invalid, vault_decryptor_new(NULL, context, NULL, 0, &decryptor, error));
    CHECK_FAILS(invalid, vault_decryptor_new(opened, NULL, NULL, 0, &decryptor, error));
    CHECK_FAILS(invalid, vault_decryptor_new(opened, context, NULL, 0, NULL, error));
    CHECK_FAILS(invalid, vault_encryptor_update(NULL, data, 1, &output, error));
    CHECK_FAILS(invalid, vault_decryptor_update(NULL, data, 1, &output, error));
    CHECK_FAILS(invalid, vault_encryptor_finish(NULL, &output, error));
    CHECK_FAILS(invalid, vault_decryptor_finish(NULL, &output, error));
    CHECK_OK(vault_encryptor_new(opened, context, NULL, 0, NULL, &encryptor, error));
    /* A refused argument does not end the stream. */
    CHECK_FAILS(invalid, vault_encryptor_update(encryptor, NULL, 1, &output, error));
    CHECK_FAILS(invalid, vault_encryptor_update(encryptor, data, 1, NULL, error));
    broken.length = 1;
    CHECK_FAILS(invalid, vault_encryptor_update(encryptor, data, 1, &broken, error));
    CHECK_OK(vault_encryptor_update(encryptor, data, 1, &output, error));
    CHECK_OK(vault_encryptor_finish(encryptor, &output, error));
    vault_buffer_free(&output);
    vault_encryptor_free(encryptor);
    vault_encryptor_free(NULL);
    vault_decryptor_free(NULL);
    vault_buffer_clear(NULL);
}

/* A stream goes on when its vault and context are freed, and ends when the vault is closed. */
static void test_lifetimes(const char *config) {
    vault *opened = open_vault(config), *view = NULL;
    vault_context *context = context_of("organization_id", "org_1");
    vault_buffer output = VAULT_BUFFER_INIT;
    vault_encryptor *encryptor = NULL;
    CHECK_OK(vault_encryptor_new(opened, context, NULL, 0, NULL, &encryptor, error));
    CHECK_OK(vault_with(opened, NULL, &view, error));
    vault_context_free(context);
    vault_free(opened);
    CHECK_OK(vault_encryptor_update(encryptor, data, 1, &output, error));
    CHECK_OK(vault_close(view, error));
    CHECK_FAILS(VAULT_ERROR_CLOSED, vault_encryptor_update(encryptor, data, 1, &output, error));
    CHECK_FAILS(VAULT_ERROR_CLOSED, vault_encryptor_finish(encryptor, &output, error));
    vault_encryptor_free(encryptor);
    vault_buffer_free(&output);
    vault_free(view);
}

static void *use_at_once(void *encryptor) {
    static uint8_t much[1 << 20];
    unsigned round, refused = 0;
    for (round = 0; round < 200; round++) {
        vault_buffer output = VAULT_BUFFER_INIT;
        uint32_t status = vault_encryptor_update((const vault_encryptor *)encryptor, much, sizeof(much), &output, NULL);
        CHECK(status == VAULT_OK || status == VAULT_ERROR_INVALID_ARGUMENT);
        refused += status != VAULT_OK;
        vault_buffer_free(&output);
    }
    return refused == 0 ? NULL : encryptor;
}

/* Two threads on one stream are a defect of the host, which is told so. */
static void test_two_threads(const vault *opened, const vault_context *context) {
    vault_encryptor *encryptor = NULL;
    pthread_t threads[2];
    unsigned index;
    CHECK_OK(vault_encryptor_new(opened, context, NULL, 0, NULL, &encryptor, error));
    for (index = 0; index < 2; index++) {
        CHECK(pthread_create(&threads[index], NULL, use_at_once, encryptor) == 0);
    }
    for (index = 0; index < 2; index++) {
        CHECK(pthread_join(threads[index], NULL) == 0);
    }
    vault_encryptor_free(encryptor);
}

typedef struct memory {
    vault_buffer envelope;
    const vault_reader *reader;
    uint32_t status;
    unsigned reads, released;
} memory;

static uint32_t read_memory(void *user_data, uint64_t offset, uint8_t *buffer, size_t length) {
    memory *source = (memory *)user_data;
    uint8_t byte;
    size_t count = 0;
    CHECK(length > 0 && offset <= source->envelope.length && length <= source->envelope.length - offset);
    memcpy(buffer, source->envelope.data + offset, length);
    source->reads++;
    if (source->reader != NULL) { /* a reader that uses itself is refused, not deadlocked */
        CHECK_FAILS(VAULT_ERROR_INVALID_ARGUMENT, vault_reader_read_at(source->reader, 0, &byte, 1, &count, error));
    }
    return source->status;
}

static void release_memory(void *user_data) {
    ((memory *)user_data)->released++;
}

static void test_random_access(const vault *opened, const vault_context *context) {
    const uint64_t offsets[] = {0, 1, FRAME - 1, FRAME, LARGEST - 1, LARGEST, LARGEST + 1, UINT64_MAX};
    static uint8_t piece[LARGEST];
    memory state;
    vault_source source = VAULT_SOURCE_INIT;
    vault_reader *reader = NULL;
    size_t index, count = 7;
    memset(&state, 0, sizeof(state));
    state.envelope = encrypt(opened, context, LARGEST, LARGEST);
    source.length = state.envelope.length;
    source.user_data = &state;
    CHECK_FAILS(VAULT_ERROR_INVALID_ARGUMENT,
                vault_reader_new(opened, &source, context, bytes_of("aad"), 3, &reader, error));
    source.read_at = read_memory;
    source.release = release_memory;
    CHECK_FAILS(VAULT_ERROR_INVALID_ARGUMENT, vault_reader_new(opened, NULL, context, NULL, 0, &reader, error));
    CHECK_FAILS(VAULT_ERROR_AUTHENTICATION_FAILED, vault_reader_new(opened, &source, context, NULL, 0, &reader, error));
    source.length--; /* truncated */
    CHECK_FAILS(VAULT_ERROR_MALFORMED,
                vault_reader_new(opened, &source, context, bytes_of("aad"), 3, &reader, error));
    source.length++;
    CHECK(state.released == 0);
    CHECK_OK(vault_reader_new(opened, &source, context, bytes_of("aad"), 3, &reader, error));
    CHECK(vault_reader_length(reader) == LARGEST);
    for (index = 0; index < sizeof(offsets) / sizeof(offsets[0]); index++) {
        const uint64_t offset = offsets[index];
        const size_t expected = offset >= LARGEST ? 0 : LARGEST - (size_t)offset < 5000 ? LARGEST - (size_t)offset : 5000;
        CHECK_OK(vault_reader_read_at(reader, offset, piece, 5000, &count, error));
        CHECK(count == expected && (count == 0 || memcmp(piece, data + offset, count) == 0));
    }
    state.reader = reader;
    CHECK_OK(vault_reader_read_at(reader, 0, piece, LARGEST, &count, error));
    CHECK(count == LARGEST && memcmp(piece, data, LARGEST) == 0);
    state.reader = NULL;
    /* A frame in the middle that was changed, then a source that fails. */
    state.envelope.data[state.envelope.length / 2] ^= 1;
    memset(piece, 0xA5, sizeof(piece));
    CHECK(vault_reader_read_at(reader, 0, piece, LARGEST, &count, NULL) == VAULT_ERROR_AUTHENTICATION_FAILED);
    CHECK(memchr(piece, data[1], LARGEST) == NULL || memcmp(piece, data, FRAME) != 0);
    vault_reader_free(reader);
    CHECK(state.released == 1);
    state.envelope.data[state.envelope.length / 2] ^= 1;
    state.status = 5;
    CHECK_FAILS(VAULT_ERROR_INVALID_ARGUMENT,
                vault_reader_new(opened, &source, context, bytes_of("aad"), 3, &reader, error));
    CHECK(state.released == 1);
    CHECK_FAILS(VAULT_ERROR_INVALID_ARGUMENT, vault_reader_read_at(NULL, 0, piece, 1, &count, error));
    CHECK(vault_reader_length(NULL) == 0);
    vault_reader_free(NULL);
    vault_buffer_free(&state.envelope);
}

/* A whole file, or none; also when there is no room for it. */
static void test_files(const vault *opened, const vault_context *context, const char *directory) {
    vault_file_options options = VAULT_FILE_OPTIONS_INIT;
    char plain[4300], encrypted[4300], decrypted[4300];
    struct stat made;
    FILE *file;
    snprintf(plain, sizeof(plain), "%s/plain", directory);
    snprintf(encrypted, sizeof(encrypted), "%s/encrypted", directory);
    snprintf(decrypted, sizeof(decrypted), "%s/decrypted", directory);
    file = fopen(plain, "wb");
    CHECK(file != NULL && fwrite(data, 1, sizeof(data), file) == sizeof(data) && fclose(file) == 0);
    remove(encrypted);
    remove(decrypted);
    CHECK_OK(vault_encrypt_file(opened, plain, strlen(plain), encrypted, strlen(encrypted), context, bytes_of("aad"), 3, NULL,
                                error));
    CHECK_FAILS(VAULT_ERROR_CONFLICT, vault_encrypt_file(opened, plain, strlen(plain), encrypted, strlen(encrypted), context,
                                                         bytes_of("aad"), 3, NULL, error));
    options.replace = 1;
    CHECK_OK(vault_encrypt_file(opened, plain, strlen(plain), encrypted, strlen(encrypted), context, bytes_of("aad"), 3,
                                &options, error));
    options.replace = 2;
    CHECK_FAILS(VAULT_ERROR_INVALID_ARGUMENT, vault_encrypt_file(opened, plain, strlen(plain), encrypted, strlen(encrypted),
                                                                 context, bytes_of("aad"), 3, &options, error));
    CHECK_FAILS(VAULT_ERROR_AUTHENTICATION_FAILED, vault_decrypt_file(opened, encrypted, strlen(encrypted), decrypted,
                                                                      strlen(decrypted), context, NULL, 0, NULL, error));
    CHECK(stat(decrypted, &made) != 0);
    CHECK_OK(vault_decrypt_file(opened, encrypted, strlen(encrypted), decrypted, strlen(decrypted), context, bytes_of("aad"), 3,
                                NULL, error));
    CHECK(stat(decrypted, &made) == 0 && made.st_size == LARGEST && (made.st_mode & 0777) == 0600);
    /* A limit on the size of files, as a full disk. */
    remove(encrypted);
    {
        const struct rlimit small = {FRAME, RLIM_INFINITY};
        struct rlimit before;
        CHECK(getrlimit(RLIMIT_FSIZE, &before) == 0);
        CHECK(signal(SIGXFSZ, SIG_IGN) != SIG_ERR);
        CHECK(setrlimit(RLIMIT_FSIZE, &small) == 0);
        CHECK_FAILS(VAULT_ERROR_INVALID_ARGUMENT, vault_encrypt_file(opened, plain, strlen(plain), encrypted,
                                                                     strlen(encrypted), context, NULL, 0, NULL, error));
        CHECK(setrlimit(RLIMIT_FSIZE, &before) == 0);
    }
    CHECK(stat(encrypted, &made) != 0);
    CHECK_FAILS(VAULT_ERROR_INVALID_ARGUMENT,
                vault_decrypt_file(opened, encrypted, strlen(encrypted), plain, strlen(plain), context, NULL, 0, NULL, error));
    remove(plain);
    remove(decrypted);
}

static void test_changes(const vault *opened, const vault_context *context) {
    vault_change_options options = VAULT_CHANGE_OPTIONS_INIT;
    vault_context *other = context_of("organization_id", "org_other");
    vault_buffer envelope = VAULT_BUFFER_INIT, changed = VAULT_BUFFER_INIT, again = VAULT_BUFFER_INIT;
    vault_buffer key = VAULT_BUFFER_INIT, bundle = VAULT_BUFFER_INIT;
    CHECK_OK(vault_encrypt(opened, data, 100, context, bytes_of("aad"), 3, &envelope, error));
    CHECK_OK(vault_rewrap(opened, envelope.data, envelope.length, context, &options, &changed, error));
    CHECK_OK(vault_decrypt(opened, changed.data, changed.length, context, bytes_of("aad"), 3, &again, error));
    CHECK(again.length == 100 && memcmp(again.data, data, 100) == 0);
    vault_buffer_free(&again);
    vault_buffer_free(&changed);
    CHECK_OK(vault_reencrypt(opened, envelope.data, envelope.length, context, bytes_of("aad"), 3, NULL, &changed, error));
    CHECK_OK(vault_decrypt(opened, changed.data, changed.length, context, bytes_of("aad"), 3, &again, error));
    CHECK(again.length == 100 && memcmp(again.data, data, 100) == 0);
    vault_buffer_free(&again);
    vault_buffer_free(&changed);
    CHECK_FAILS(VAULT_ERROR_AUTHENTICATION_FAILED,
                vault_reencrypt(opened, envelope.data, envelope.length, context, NULL, 0, NULL, &changed, error));

    CHECK_OK(vault_create_data_key(opened, context, &key, &bundle, error));
    CHECK_OK(vault_rekey(opened, bundle.data, bundle.length, context, other, NULL, &changed, error));
    CHECK_OK(vault_decrypt_data_key(opened, changed.data, changed.length, other, &again, error));
    CHECK(again.length == key.length && memcmp(again.data, key.data, key.length) == 0);
    vault_buffer_free(&again);
    vault_buffer_free(&changed);
    CHECK_FAILS(VAULT_ERROR_INVALID_CONTEXT,
                vault_rekey(opened, bundle.data, bundle.length, context, context, NULL, &changed, error));

    options.keep_data_key = 1;
    CHECK_FAILS(VAULT_ERROR_INVALID_ARGUMENT,
                vault_rekey(opened, bundle.data, bundle.length, context, other, &options, &changed, error));
    options.keep_data_key = 2;
    CHECK_FAILS(VAULT_ERROR_INVALID_ARGUMENT,
                vault_rewrap(opened, envelope.data, envelope.length, context, &options, &changed, error));
    CHECK_FAILS(VAULT_ERROR_INVALID_ARGUMENT,
                vault_rewrap(opened, NULL, 1, context, NULL, &changed, error));
    CHECK_FAILS(VAULT_ERROR_INVALID_ARGUMENT,
                vault_rekey(opened, bundle.data, bundle.length, context, NULL, NULL, &changed, error));
    CHECK(changed.data == NULL);
    vault_buffer_free(&key);
    vault_buffer_free(&bundle);
    vault_buffer_free(&envelope);
    vault_context_free(other);
}

int main(int argc, char **argv) {
    char config[4200];
    vault_context *context;
    vault *opened;
    size_t index;
    CHECK(argc == 2);
    for (index = 0; index < sizeof(data); index++) {
        data[index] = (uint8_t)(index * 31 % 251);
    }
    snprintf(config, sizeof(config), "%s/libvault.toml", argv[1]);
    opened = open_vault(config);
    context = context_of("organization_id", "org_1");
    test_round_trips(opened, context);
    test_damage(opened, context);
    test_arguments(opened, context);
    test_lifetimes(config);
    test_two_threads(opened, context);
    test_random_access(opened, context);
    test_files(opened, context, argv[1]);
    test_changes(opened, context);
    CHECK_OK(vault_after_restore(opened, error));
    CHECK_FAILS(VAULT_ERROR_INVALID_ARGUMENT, vault_after_restore(NULL, error));
    test_round_trips(opened, context);
    vault_context_free(context);
    vault_free(opened);
    printf("streams: ok\n");
    return 0;
}
