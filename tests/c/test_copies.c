/* Two copies of the library in one process, as when two extensions bring their own: test_copies CONFIG LIBRARY COPY.
 *
 * Loads both with dlopen(), uses them together, closes both, and finds their code still mapped (-z nodelete). */

#include <dirent.h>
#include <dlfcn.h>

#include "check.h"

typedef struct library {
    uint32_t (*open)(const char *, size_t, const vault_open_options *, vault **, vault_error **);
    uint32_t (*context_new)(const vault_context_item *, size_t, vault_context **, vault_error **);
    uint32_t (*encrypt)(const vault *, const uint8_t *, size_t, const vault_context *, const uint8_t *, size_t,
                        vault_buffer *, vault_error **);
    uint32_t (*decrypt)(const vault *, const uint8_t *, size_t, const vault_context *, const uint8_t *, size_t,
                        vault_buffer *, vault_error **);
    void (*context_free)(vault_context *);
    void (*buffer_free)(vault_buffer *);
    void (*free)(vault *);
    void *handle;
    vault *opened;
    vault_context *context;
} library;

static unsigned count_entries(const char *path) {
    DIR *directory = opendir(path);
    unsigned count = 0;
    CHECK(directory != NULL);
    while (readdir(directory) != NULL) {
        count++;
    }
    closedir(directory);
    return count;
}

/* C has no cast from an object pointer to a function pointer; POSIX says that they have one representation. */
static void find(void *handle, const char *name, void *place) {
    void *symbol = dlsym(handle, name);
    CHECK(symbol != NULL);
    memcpy(place, &symbol, sizeof(symbol));
}

static library load(const char *path) {
    library loaded;
    memset(&loaded, 0, sizeof(loaded));
    loaded.handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (loaded.handle == NULL) {
        fprintf(stderr, "%s\n", dlerror());
        exit(1);
    }
    find(loaded.handle, "vault_open", &loaded.open);
    find(loaded.handle, "vault_context_new", &loaded.context_new);
    find(loaded.handle, "vault_encrypt", &loaded.encrypt);
    find(loaded.handle, "vault_decrypt", &loaded.decrypt);
    find(loaded.handle, "vault_context_free", &loaded.context_free);
    find(loaded.handle, "vault_buffer_free", &loaded.buffer_free);
    find(loaded.handle, "vault_free", &loaded.free);
    return loaded;
}

/* What one copy writes, the other one reads. */
static void exchange(const library *writer, const library *reader) {
    vault_buffer envelope = VAULT_BUFFER_INIT, data = VAULT_BUFFER_INIT;
    CHECK(writer->encrypt(writer->opened, bytes_of("data"), 4, writer->context, NULL, 0, &envelope, NULL) == VAULT_OK);
    CHECK(reader->decrypt(reader->opened, envelope.data, envelope.length, reader->context, NULL, 0, &data, NULL) ==
          VAULT_OK);
    CHECK(data.length == 4 && memcmp(data.data, "data", 4) == 0);
    writer->buffer_free(&envelope);
    reader->buffer_free(&data);
}

int main(int argc, char **argv) {
    const vault_context_item item = VAULT_CONTEXT_ITEM("organization_id", "org_1");
    const unsigned files = count_entries("/proc/self/fd"), threads = count_entries("/proc/self/task");
    library copies[2];
    unsigned index;
    CHECK(argc == 4);
    for (index = 0; index < 2; index++) {
        copies[index] = load(argv[2 + index]);
    }
    CHECK(copies[0].encrypt != copies[1].encrypt);
    /* Loading has opened nothing and started nothing. */
    CHECK(count_entries("/proc/self/fd") == files && count_entries("/proc/self/task") == threads);
    for (index = 0; index < 2; index++) {
        CHECK(copies[index].open(argv[1], strlen(argv[1]), NULL, &copies[index].opened, NULL) == VAULT_OK);
        CHECK(copies[index].context_new(&item, 1, &copies[index].context, NULL) == VAULT_OK);
    }
    exchange(&copies[0], &copies[1]);
    exchange(&copies[1], &copies[0]);
    exchange(&copies[0], &copies[0]);
    for (index = 0; index < 2; index++) {
        CHECK(dlclose(copies[index].handle) == 0);
    }
    /* Closed and still whole. */
    exchange(&copies[0], &copies[1]);
    for (index = 0; index < 2; index++) {
        copies[index].context_free(copies[index].context);
        copies[index].free(copies[index].opened);
    }
    CHECK(count_entries("/proc/self/fd") == files && count_entries("/proc/self/task") == threads);
    printf("copies: ok\n");
    return 0;
}
