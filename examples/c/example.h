/* What the examples share: opening, and stopping with the name and the message of an error. */
#ifndef EXAMPLE_H
#define EXAMPLE_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <vault.h>

/* Runs a call that passes &error; a failure ends the program. */
#define DO(call)                                                                                                     \
    do {                                                                                                             \
        vault_error *error = NULL;                                                                                   \
        if ((call) != VAULT_OK) {                                                                                    \
            fprintf(stderr, "%s: %s\n", vault_error_name(error), vault_error_message(error));                        \
            exit(1);                                                                                                 \
        }                                                                                                            \
    } while (0)

static inline vault *open_vault(int argc, char **argv) {
    const char *config = argc > 1 ? argv[1] : "libvault.toml"; /* libvault init makes one */
    vault *opened = NULL;
    DO(vault_open(config, strlen(config), NULL, &opened, &error));
    return opened;
}

static inline vault_context *context_of(const char *organization) {
    const vault_context_item item = VAULT_CONTEXT_ITEM("organization_id", organization);
    vault_context *context = NULL;
    DO(vault_context_new(&item, 1, &context, &error));
    return context;
}

static inline vault_buffer encrypt_text(const vault *opened, const vault_context *context, const char *text) {
    vault_buffer envelope = VAULT_BUFFER_INIT;
    DO(vault_encrypt(opened, (const uint8_t *)text, strlen(text), context, NULL, 0, &envelope, &error));
    return envelope;
}

#endif
