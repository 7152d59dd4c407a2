/* No block of memory that anyone frees still holds the data: test_wipe CONFIG. Needs glibc, and the shared library. */

#include <malloc.h>

#include "check.h"

#define MARKER "libvault-wipe-test-marker"
#define MARKER_LENGTH (sizeof(MARKER) - 1)

#ifdef __cplusplus
extern "C" {
#endif
void __libc_free(void *block);
#ifdef __cplusplus
}
#endif

static size_t blocks_freed = 0;
static size_t blocks_freed_with_the_marker = 0;

static int holds_marker(const char *block, size_t size) {
    size_t start;
    for (start = 0; start + MARKER_LENGTH <= size; start++) {
        if (block[start] == MARKER[0] && memcmp(block + start, MARKER, MARKER_LENGTH) == 0) {
            return 1;
        }
    }
    return 0;
}

/* These stand in for the C library's, also for libvault.so, which finds the program's symbols first. */
#ifdef __cplusplus
extern "C" {
#endif

void free(void *block) {
    blocks_freed++;
    if (block != NULL && holds_marker((const char *)block, malloc_usable_size(block))) {
        blocks_freed_with_the_marker++;
    }
    __libc_free(block);
}

/* Always moves, so that what it leaves behind is seen. */
void *realloc(void *block, size_t size) {
    void *moved = malloc(size);
    if (moved != NULL && block != NULL) {
        size_t old = malloc_usable_size(block);
        memcpy(moved, block, old < size ? old : size);
        free(block);
    }
    return moved;
}

#ifdef __cplusplus
}
#endif

static void fill(uint8_t *data, size_t length) {
    size_t index;
    for (index = 0; index < length; index++) {
        data[index] = (uint8_t)MARKER[index % MARKER_LENGTH];
    }
}

static void run(const vault *opened, const vault_context *context, uint8_t *data, size_t length) {
    vault_buffer envelope = VAULT_BUFFER_INIT, again = VAULT_BUFFER_INIT;
    CHECK_OK(vault_encrypt(opened, data, length, context, data, length, &envelope, error));
    CHECK_OK(vault_decrypt(opened, envelope.data, envelope.length, context, data, length, &again, error));
    CHECK(again.length == length && memcmp(again.data, data, length) == 0);
    vault_buffer_free(&again);
    envelope.data[envelope.length - 1] ^= 1;
    CHECK_FAILS(VAULT_ERROR_AUTHENTICATION_FAILED,
                vault_decrypt(opened, envelope.data, envelope.length, context, data, length, &again, error));
    vault_buffer_free(&envelope);
}

int main(int argc, char **argv) {
    static uint8_t data[1 << 20];
    const size_t lengths[] = {MARKER_LENGTH, 64, 1000, 1024, 1025, 65536, sizeof(data)};
    vault_context *context;
    vault *opened;
    char *volatile control; /* volatile, or the compiler drops what is written just before free */
    size_t index;
    CHECK(argc == 2);

    /* The scanner sees what it should see. */
    control = (char *)malloc(100);
    CHECK(control != NULL);
    strcpy(control + 3, MARKER);
    free(control);
    CHECK(blocks_freed_with_the_marker == 1);

    /* And it sees what the library frees. */
    context = context_of("organization_id", "org_managed");
    index = blocks_freed;
    vault_context_free(context);
    CHECK(blocks_freed > index);

    fill(data, sizeof(data));
    opened = open_vault(argv[1]);
    context = context_of("organization_id", "org_managed");
    for (index = 0; index < sizeof(lengths) / sizeof(lengths[0]); index++) {
        run(opened, context, data, lengths[index]);
    }
    vault_context_free(context);
    vault_free(opened);
    if (blocks_freed_with_the_marker != 1) {
        fprintf(stderr, "wipe: %u blocks were freed with the data in them\n",
                (unsigned)blocks_freed_with_the_marker - 1);
        return 1;
    }
    printf("wipe: ok\n");
    return 0;
}
