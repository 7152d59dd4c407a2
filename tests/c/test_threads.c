/* Eight threads share one vault and one context; test_threads CONFIG. */

#include <pthread.h>

#include "check.h"

#define THREADS 8
#define ROUNDS 200
#define LENGTH 20000

typedef struct shared {
    const vault *opened;
    const vault_context *context;
    uint8_t *changing; /* LENGTH bytes that a thread writes to while others encrypt them */
    int *stop;
} shared;

static pthread_t start(void *(*work)(void *), shared *state) {
    pthread_t thread;
    CHECK(pthread_create(&thread, NULL, work, state) == 0);
    return thread;
}

static void *round_trips(void *argument) {
    shared *state = (shared *)argument;
    unsigned round;
    for (round = 0; round < ROUNDS; round++) {
        uint8_t data[64];
        vault_buffer envelope = VAULT_BUFFER_INIT, again = VAULT_BUFFER_INIT;
        memset(data, (int)round, sizeof(data));
        CHECK_OK(vault_encrypt(state->opened, data, sizeof(data), state->context, NULL, 0, &envelope, error));
        CHECK_OK(vault_decrypt(state->opened, envelope.data, envelope.length, state->context, NULL, 0, &again, error));
        CHECK(again.length == sizeof(data) && memcmp(again.data, data, sizeof(data)) == 0);
        vault_buffer_free(&envelope);
        vault_buffer_free(&again);
    }
    return NULL;
}

/* Whatever mixture of old and new bytes a call sees, it makes an envelope that opens. */
static void *encrypt_changing(void *argument) {
    shared *state = (shared *)argument;
    unsigned round;
    for (round = 0; round < ROUNDS; round++) {
        vault_buffer envelope = VAULT_BUFFER_INIT, again = VAULT_BUFFER_INIT;
        const uint8_t *data = state->changing;
        CHECK_OK(vault_encrypt(state->opened, data, LENGTH, state->context, NULL, 0, &envelope, error));
        CHECK_OK(vault_decrypt(state->opened, envelope.data, envelope.length, state->context, NULL, 0, &again, error));
        CHECK(again.length == LENGTH);
        vault_buffer_free(&envelope);
        vault_buffer_free(&again);
    }
    return NULL;
}

static void *change(void *argument) {
    shared *state = (shared *)argument;
    unsigned value = 0;
    while (!__atomic_load_n(state->stop, __ATOMIC_RELAXED)) {
        size_t index;
        for (index = 0; index < LENGTH; index++) {
            /* A plain byte store to the machine; said so that ThreadSanitizer reports the library's races and not this test's. */
            __atomic_store_n(&state->changing[index], (uint8_t)++value, __ATOMIC_RELAXED);
        }
    }
    return NULL;
}

/* Until the vault is closed every call succeeds, afterwards every call fails so. */
static void *until_closed(void *argument) {
    shared *state = (shared *)argument;
    for (;;) {
        vault_buffer envelope = VAULT_BUFFER_INIT;
        uint32_t status = vault_encrypt(state->opened, bytes_of("x"), 1, state->context, NULL, 0, &envelope, NULL);
        if (status == VAULT_ERROR_CLOSED) {
            CHECK(envelope.data == NULL);
            return NULL;
        }
        CHECK(status == VAULT_OK);
        vault_buffer_free(&envelope);
    }
}

int main(int argc, char **argv) {
    static uint8_t changing[LENGTH];
    int stop = 0;
    pthread_t threads[THREADS], writer;
    vault_context *context;
    vault *opened;
    shared state;
    unsigned index;
    CHECK(argc == 2);
    opened = open_vault(argv[1]);
    context = context_of("organization_id", "org_managed");
    state.opened = opened;
    state.context = context;
    state.changing = changing;
    state.stop = &stop;

    for (index = 0; index < THREADS; index++) {
        threads[index] = start(round_trips, &state);
    }
    for (index = 0; index < THREADS; index++) {
        CHECK(pthread_join(threads[index], NULL) == 0);
    }

    writer = start(change, &state);
    for (index = 0; index < 2; index++) {
        threads[index] = start(encrypt_changing, &state);
    }
    for (index = 0; index < 2; index++) {
        CHECK(pthread_join(threads[index], NULL) == 0);
    }
    __atomic_store_n(&stop, 1, __ATOMIC_RELAXED);
    CHECK(pthread_join(writer, NULL) == 0);

    for (index = 0; index < THREADS; index++) {
        threads[index] = start(until_closed, &state);
    }
    CHECK_OK(vault_close(opened, error));
    for (index = 0; index < THREADS; index++) {
        CHECK(pthread_join(threads[index], NULL) == 0);
    }
    vault_free(opened);
    vault_context_free(context);
    printf("threads: ok\n");
    return 0;
}
