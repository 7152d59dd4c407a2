/* What the C tests share. They build as C99 and as C++17. */
#ifndef LIBVAULT_TESTS_CHECK_H
#define LIBVAULT_TESTS_CHECK_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <vault.h>

/* Stops the test unless the condition holds. */
#define CHECK(condition)                                                                                             \
    do {                                                                                                             \
        if (!(condition)) {                                                                                          \
            fprintf(stderr, "%s:%d: failed: %s\n", __FILE__, __LINE__, #condition);                                  \
            exit(1);                                                                                                 \
        }                                                                                                            \
    } while (0)

/* Stops the test unless the call succeeds. The call passes `error`, which the macro declares. */
#define CHECK_OK(call)                                                                                               \
    do {                                                                                                             \
        vault_error *check_error = NULL;                                                                             \
        vault_error **error = &check_error;                                                                          \
        uint32_t check_status = (call);                                                                              \
        if (check_status != VAULT_OK) {                                                                              \
            fprintf(stderr, "%s:%d: %s: %s: %s\n", __FILE__, __LINE__, #call, vault_error_name(check_error),         \
                    vault_error_message(check_error));                                                               \
            exit(1);                                                                                                 \
        }                                                                                                            \
    } while (0)

/* Stops the test unless the call fails with `expected` both as its status and in the error it hands out. */
#define CHECK_FAILS(expected, call)                                                                                  \
    do {                                                                                                             \
        vault_error *check_error = NULL;                                                                             \
        vault_error **error = &check_error;                                                                          \
        uint32_t check_status = (call);                                                                              \
        if (check_status != (expected) || vault_error_code(check_error) != (expected)) {                             \
            fprintf(stderr, "%s:%d: %s: expected %s, got %s (%s)\n", __FILE__, __LINE__, #call,                      \
                    vault_status_name(expected), vault_status_name(check_status),                                    \
                    check_error == NULL ? "no error" : vault_error_message(check_error));                            \
            exit(1);                                                                                                 \
        }                                                                                                            \
        vault_error_free(check_error);                                                                               \
    } while (0)

static inline const uint8_t *bytes_of(const char *text) {
    return (const uint8_t *)text;
}

static inline vault_context *context_of(const char *name, const char *value) {
    vault_context_item item = VAULT_CONTEXT_ITEM(name, value);
    vault_context *context = NULL;
    CHECK_OK(vault_context_new(&item, 1, &context, error));
    return context;
}

static inline vault *open_vault(const char *config_path) {
    vault *opened = NULL;
    CHECK_OK(vault_open(config_path, strlen(config_path), NULL, &opened, error));
    return opened;
}

/* The number of calls to customers' keys to unwrap a share. */
static inline uint64_t kms_unwraps(const vault *opened) {
    vault_counters counters = VAULT_COUNTERS_INIT;
    CHECK_OK(vault_stats(opened, &counters, error));
    return counters.kms_unwraps;
}

#endif
