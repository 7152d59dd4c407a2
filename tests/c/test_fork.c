/* fork() while another thread is in a KMS call: test_fork CONFIG KMS_CONFIG.
 *
 * KMS_CONFIG has a binding of organization_id = org_123 with a key at a KMS that never answers. The child goes on with local
 * and with KMS calls, and nothing random is the same on both sides. */

#include <pthread.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "check.h"

#define KEYS 50

typedef uint8_t key_bytes[VAULT_DATA_KEY_LENGTH];

static void *call_kms(void *opened) {
    vault_context *context = context_of("organization_id", "org_123");
    vault_buffer envelope = VAULT_BUFFER_INIT;
    CHECK_FAILS(VAULT_ERROR_TIMEOUT,
                vault_encrypt((const vault *)opened, bytes_of("x"), 1, context, NULL, 0, &envelope, error));
    vault_context_free(context);
    return NULL;
}

static void make_keys(const vault *opened, key_bytes *keys) {
    vault_context *context = context_of("organization_id", "org_1");
    unsigned index;
    for (index = 0; index < KEYS; index++) {
        vault_buffer key = VAULT_BUFFER_INIT, bundle = VAULT_BUFFER_INIT, again = VAULT_BUFFER_INIT;
        CHECK_OK(vault_create_data_key(opened, context, &key, &bundle, error));
        CHECK_OK(vault_decrypt_data_key(opened, bundle.data, bundle.length, context, &again, error));
        CHECK(memcmp(key.data, again.data, VAULT_DATA_KEY_LENGTH) == 0);
        memcpy(keys[index], key.data, VAULT_DATA_KEY_LENGTH);
        vault_buffer_free(&key);
        vault_buffer_free(&again);
        vault_buffer_free(&bundle);
    }
    vault_context_free(context);
}

static void read_all(int file, void *memory, size_t length) {
    size_t done = 0;
    while (done < length) {
        ssize_t count = read(file, (uint8_t *)memory + done, length - done);
        CHECK(count > 0);
        done += (size_t)count;
    }
}

/* In the child: everything works, and a stream that the parent has begun cannot go on twice with one key. */
static void be_child(const vault *local, const vault *kms, const vault_encryptor *encryptor, int target) {
    static key_bytes keys[KEYS];
    vault_buffer output = VAULT_BUFFER_INIT;
    vault_call_options options = VAULT_CALL_OPTIONS_INIT;
    vault *view = NULL;
    alarm(120); /* a bound against hanging */
    make_keys(local, keys);
    CHECK_FAILS(VAULT_ERROR_INVALID_ARGUMENT, vault_encryptor_update(encryptor, bytes_of("child"), 5, &output, error));
    CHECK_FAILS(VAULT_ERROR_INVALID_ARGUMENT, vault_encryptor_finish(encryptor, &output, error));
    CHECK(output.length == 0);
    options.timeout_ms = 300;
    CHECK_OK(vault_with(kms, &options, &view, error));
    call_kms(view);
    CHECK(write(target, keys, sizeof(keys)) == (ssize_t)sizeof(keys));
    _exit(0);
}

int main(int argc, char **argv) {
    static key_bytes keys[2 * KEYS + KEYS];
    const struct timespec moment = {0, 200000000};
    vault *local, *kms;
    vault_context *context;
    vault_encryptor *encryptor = NULL;
    vault_buffer output = VAULT_BUFFER_INIT, again = VAULT_BUFFER_INIT;
    pthread_t thread;
    int ends[2], status;
    unsigned left, right;
    pid_t child;
    CHECK(argc == 3);
    local = open_vault(argv[1]);
    kms = open_vault(argv[2]);
    context = context_of("organization_id", "org_1");
    make_keys(local, keys);
    CHECK_OK(vault_encryptor_new(local, context, NULL, 0, NULL, &encryptor, error));
    CHECK_OK(vault_encryptor_update(encryptor, bytes_of("parent"), 6, &output, error));
    CHECK(pipe(ends) == 0);
    CHECK(pthread_create(&thread, NULL, call_kms, kms) == 0);
    nanosleep(&moment, NULL);
    fflush(NULL);
    child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        be_child(local, kms, encryptor, ends[1]);
    }
    CHECK(close(ends[1]) == 0);
    make_keys(local, keys + KEYS);
    read_all(ends[0], keys + 2 * KEYS, sizeof(keys[0]) * KEYS);
    CHECK(waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0);
    CHECK(pthread_join(thread, NULL) == 0);
    for (left = 0; left < 3 * KEYS; left++) {
        for (right = left + 1; right < 3 * KEYS; right++) {
            CHECK(memcmp(keys[left], keys[right], sizeof(keys[0])) != 0);
        }
    }
    /* The parent's stream is whole. */
    CHECK_OK(vault_encryptor_finish(encryptor, &output, error));
    CHECK_OK(vault_decrypt(local, output.data, output.length, context, NULL, 0, &again, error));
    CHECK(again.length == 6 && memcmp(again.data, "parent", 6) == 0);
    vault_buffer_free(&again);
    vault_buffer_free(&output);
    vault_encryptor_free(encryptor);
    vault_context_free(context);
    vault_free(kms);
    vault_free(local);
    printf("fork: ok\n");
    return 0;
}
