/* The main job once, for each kind of keys, with everything in hand until told to let go: main_job CONFIG DIRECTORY KIND KIND KIND.
 *
 * It leaves what it made in DIRECTORY, prints "held" and waits for a line, frees and closes everything, prints "closed" and waits for another. Its
 * own copies of the plaintext it wipes itself, so that what is found afterwards is the library's. */
#include "../c/check.h"

#define SHORT 100
#define LONG 100000
#define KINDS 3

static uint8_t data[LONG];

/* Bytes that stand in no file: the test computes them, too. */
static void fill(uint64_t state) {
    size_t at;
    for (at = 0; at < LONG; at++) {
        state = state * 6364136223846793005u + 1442695040888963407u;
        data[at] = (uint8_t)(state >> 33);
    }
}

static void save(const char *directory, const char *name, const vault_buffer *bytes) {
    char path[4096];
    FILE *file;
    CHECK(snprintf(path, sizeof(path), "%s/%s", directory, name) < (int)sizeof(path));
    file = fopen(path, "wb");
    CHECK(file != NULL && fwrite(bytes->data, 1, bytes->length, file) == bytes->length && fclose(file) == 0);
}

/* Encrypts and decrypts, into fresh and into given memory. */
static void message(const vault *opened, const vault_context *context, const char *directory, const char *name, size_t length, uint64_t seed) {
    static uint8_t room[LONG + 65536];
    vault_buffer envelope = VAULT_BUFFER_INIT, again = VAULT_BUFFER_INIT;
    size_t used = 0;
    fill(seed);
    CHECK_OK(vault_encrypt(opened, data, length, context, NULL, 0, &envelope, error));
    CHECK_OK(vault_decrypt(opened, envelope.data, envelope.length, context, NULL, 0, &again, error));
    CHECK(again.length == length && memcmp(again.data, data, length) == 0);
    CHECK_OK(vault_decrypt_into(opened, envelope.data, envelope.length, context, NULL, 0, room, sizeof(room), &used, error));
    explicit_bzero(room, sizeof(room));
    envelope.data[envelope.length - 1] ^= 1;
    CHECK_FAILS(VAULT_ERROR_AUTHENTICATION_FAILED,
                vault_decrypt_into(opened, envelope.data, envelope.length, context, NULL, 0, room, sizeof(room), &used, error));
    envelope.data[envelope.length - 1] ^= 1;
    explicit_bzero(data, sizeof(data));
    vault_buffer_free(&again);
    save(directory, name, &envelope);
    vault_buffer_free(&envelope);
}

static void wait_for_line(const char *said) {
    char line[16];
    puts(said);
    fflush(stdout);
    CHECK(fgets(line, sizeof(line), stdin) != NULL);
}

int main(int argc, char **argv) {
    vault_buffer keys[2 * KINDS], bundles[KINDS];
    vault_context *contexts[KINDS];
    vault *opened;
    int number;
    CHECK(argc == 3 + KINDS);
    memset(keys, 0, sizeof(keys));
    memset(bundles, 0, sizeof(bundles));
    opened = open_vault(argv[1]);
    for (number = 0; number < KINDS; number++) {
        char name[64];
        snprintf(name, sizeof(name), "org_%s", argv[3 + number]);
        contexts[number] = context_of("organization_id", name);
        snprintf(name, sizeof(name), "%s-short.envelope", argv[3 + number]);
        message(opened, contexts[number], argv[2], name, SHORT, (uint64_t)(2 * number + 1));
        snprintf(name, sizeof(name), "%s-long.envelope", argv[3 + number]);
        message(opened, contexts[number], argv[2], name, LONG, (uint64_t)(2 * number + 2));
        CHECK_OK(vault_create_data_key(opened, contexts[number], &keys[2 * number], &bundles[number], error));
        CHECK_OK(vault_decrypt_data_key(opened, bundles[number].data, bundles[number].length, contexts[number],
                                        &keys[2 * number + 1], error));
        snprintf(name, sizeof(name), "%s.bundle", argv[3 + number]);
        save(argv[2], name, &bundles[number]);
    }
    wait_for_line("held");

    for (number = 0; number < KINDS; number++) {
        vault_buffer_free(&keys[2 * number]);
        vault_buffer_free(&keys[2 * number + 1]);
        vault_buffer_free(&bundles[number]);
        vault_context_free(contexts[number]);
    }
    vault_free(opened);
    wait_for_line("closed");
    return 0;
}
