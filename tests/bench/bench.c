/*
 * CPU time of encryption and decryption in C: bench.py runs it beside the other languages.
 *
 * bench CONFIG BUDGET prints a line "variant<TAB>operation<TAB>bytes<TAB>microseconds" for each measurement. The budget is
 * the milliseconds of a batch; a measurement is the median of eleven batches.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <vault.h>

#define BATCHES 11

static const size_t SIZES[] = {64, 1024, 65536, 1048576};

/* What one call works on. */
typedef struct work {
    const vault *vault;
    const vault_context *context;
    uint8_t *data;
    size_t data_length;
    vault_buffer envelope;
    uint8_t *output;
    size_t output_capacity;
} work;

typedef uint32_t (*operation)(work *work, vault_error **error);

static void stop(const char *what, vault_error *error) {
    fprintf(stderr, "%s: %s\n", what, error == NULL ? "failed" : vault_error_message(error));
    exit(1);
}

static uint32_t encrypt(work *work, vault_error **error) {
    vault_buffer envelope = VAULT_BUFFER_INIT;
    uint32_t status = vault_encrypt(work->vault, work->data, work->data_length, work->context, NULL, 0, &envelope, error);
    vault_buffer_free(&envelope);
    return status;
}

static uint32_t decrypt(work *work, vault_error **error) {
    vault_buffer data = VAULT_BUFFER_INIT;
    uint32_t status = vault_decrypt(work->vault, work->envelope.data, work->envelope.length, work->context, NULL, 0, &data,
                                    error);
    vault_buffer_free(&data);
    return status;
}

static uint32_t encrypt_into(work *work, vault_error **error) {
    size_t length;
    return vault_encrypt_into(work->vault, work->data, work->data_length, work->context, NULL, 0, work->output,
                              work->output_capacity, &length, error);
}

static uint32_t decrypt_into(work *work, vault_error **error) {
    size_t length;
    return vault_decrypt_into(work->vault, work->envelope.data, work->envelope.length, work->context, NULL, 0,
                              work->output, work->output_capacity, &length, error);
}

/* Nanoseconds of all threads of this process. */
static double cpu_time(void) {
    struct timespec time;
    if (clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time) != 0) {
        stop("clock_gettime", NULL);
    }
    return (double)time.tv_sec * 1e9 + (double)time.tv_nsec;
}

static double batch(operation call, work *work, long calls) {
    double started = cpu_time();
    long index;
    for (index = 0; index < calls; index++) {
        vault_error *error = NULL;
        if (call(work, &error) != VAULT_OK) {
            stop("a call", error);
        }
    }
    return cpu_time() - started;
}

static int compare(const void *left, const void *right) {
    double difference = *(const double *)left - *(const double *)right;
    return (difference > 0) - (difference < 0);
}

/* The median over batches, each long enough for the clock. */
static void measure(const char *variant, const char *name, operation call, work *work, double budget) {
    double times[BATCHES];
    long calls = 1;
    int index;
    /* Twice, since the first calls also pay for what is made once. */
    while (batch(call, work, calls) < budget || batch(call, work, calls) < budget) {
        calls *= 2;
    }
    for (index = 0; index < BATCHES; index++) {
        times[index] = batch(call, work, calls);
    }
    qsort(times, BATCHES, sizeof times[0], compare);
    printf("%s\t%s\t%zu\t%.4f\n", variant, name, work->data_length, times[BATCHES / 2] / 1e3 / (double)calls);
}

static void bench(const vault *vault, const vault_context *context, size_t size, double budget) {
    work work = {vault, context, NULL, size, VAULT_BUFFER_INIT, NULL, 0};
    vault_error *error = NULL;
    if (vault_encrypted_length_limit(vault, size, context, &work.output_capacity, &error) != VAULT_OK) {
        stop("vault_encrypted_length_limit", error);
    }
    work.data = (uint8_t *)malloc(size);
    work.output = (uint8_t *)malloc(work.output_capacity);
    if (work.data == NULL || work.output == NULL) {
        stop("malloc", NULL);
    }
    memset(work.data, 'x', size);
    if (vault_encrypt(vault, work.data, size, context, NULL, 0, &work.envelope, &error) != VAULT_OK ||
        decrypt_into(&work, &error) != VAULT_OK) {
        stop("the first call", error);
    }
    if (memcmp(work.data, work.output, size) != 0) {
        stop("the data did not come back", NULL);
    }
    measure("vault_encrypt", "encrypt", encrypt, &work, budget);
    measure("vault_encrypt", "decrypt", decrypt, &work, budget);
    measure("vault_encrypt_into", "encrypt", encrypt_into, &work, budget);
    measure("vault_encrypt_into", "decrypt", decrypt_into, &work, budget);
    vault_buffer_free(&work.envelope);
    free(work.output);
    free(work.data);
}

int main(int argc, char **argv) {
    const vault_context_item items[] = {VAULT_CONTEXT_ITEM("organization_id", "org_123")};
    vault_context *context = NULL;
    vault *opened = NULL;
    vault_error *error = NULL;
    size_t index;
    if (argc != 3) {
        stop("usage: bench CONFIG BUDGET", NULL);
    }
    if (vault_open(argv[1], strlen(argv[1]), NULL, &opened, &error) != VAULT_OK ||
        vault_context_new(items, 1, &context, &error) != VAULT_OK) {
        stop("open", error);
    }
    for (index = 0; index < sizeof SIZES / sizeof SIZES[0]; index++) {
        bench(opened, context, SIZES[index], atof(argv[2]) * 1e6);
    }
    vault_context_free(context);
    vault_free(opened);
    return 0;
}
