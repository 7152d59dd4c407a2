/* Runs against a library with a panic planted in vault_inspect: the host survives and is told. */

#include "check.h"

int main(void) {
    vault_buffer json = VAULT_BUFFER_INIT;
    vault_context *context = NULL;
    vault_error *error = NULL;
    unsigned round;
    for (round = 0; round < 3; round++) {
        CHECK(vault_inspect(bytes_of("LVE"), 3, &json, &error) == VAULT_ERROR_INTERNAL);
        CHECK(json.data == NULL && json.length == 0 && json.capacity == 0);
        CHECK(strcmp(vault_error_name(error), "Internal") == 0);
        CHECK(strcmp(vault_error_kind(error), "internal") == 0);
        CHECK(vault_error_retryable(error) == 0);
        CHECK(strstr(vault_error_message(error), "inspect.rs") != NULL);
        CHECK(strstr(vault_error_message(error), "planted") == NULL); /* a panic's text may hold data */
        vault_error_free(error);
    }
    CHECK(vault_inspect(NULL, 0, NULL, NULL) == VAULT_ERROR_INTERNAL);
    /* The library goes on. */
    CHECK_FAILS(VAULT_ERROR_INVALID_CONTEXT, vault_context_new(NULL, 0, &context, error));
    vault_context_free(context_of("organization_id", "org_1"));
    printf("planted panic: ok\n");
    return 0;
}
