/* Views, reloading, the log and the counters: test_calls DIRECTORY, where there is a vault of vault_init(). */

#include <sys/stat.h>

#include "check.h"

static char config[4200];

typedef struct seen {
    unsigned records, warnings, released;
    char last_event[64];
    const vault *reentered;
} seen;

static void log_record(void *user_data, const vault_log_record *record) {
    seen *log = (seen *)user_data;
    vault_counters counters = VAULT_COUNTERS_INIT;
    CHECK(record->struct_size >= sizeof(vault_log_record));
    CHECK(record->level == VAULT_LOG_INFO || record->level == VAULT_LOG_WARNING);
    CHECK(strlen(record->message) > 0);
    log->records++;
    log->warnings += record->level == VAULT_LOG_WARNING;
    snprintf(log->last_event, sizeof(log->last_event), "%s", record->event);
    /* A sink may call the library. */
    CHECK_OK(vault_stats(log->reentered, &counters, error));
}

static void release(void *user_data) {
    ((seen *)user_data)->released++;
}

static void encrypt(const vault *opened, const char *value, uint32_t expected) {
    vault_context *context = context_of("organization_id", value);
    vault_buffer envelope = VAULT_BUFFER_INIT;
    uint32_t status = vault_encrypt(opened, bytes_of("data"), 4, context, NULL, 0, &envelope, NULL);
    if (status != expected) {
        fprintf(stderr, "encrypt for %s: %s\n", value, vault_status_name(status));
        exit(1);
    }
    vault_buffer_free(&envelope);
    vault_context_free(context);
}

static void test_views(vault *opened) {
    vault_call_options options = VAULT_CALL_OPTIONS_INIT;
    struct newer_options {
        vault_call_options known;
        uint64_t added[2];
    } newer = {VAULT_CALL_OPTIONS_INIT, {0, 0}};
    char long_actor[202];
    vault_cancel_token *token = NULL;
    vault *view = NULL, *second = NULL;

    CHECK_OK(vault_with(opened, NULL, &view, error));
    encrypt(view, "org_1", VAULT_OK);
    vault_free(view);
    view = NULL;

    CHECK_FAILS(VAULT_ERROR_INVALID_ARGUMENT, vault_with(NULL, &options, &view, error));
    CHECK_FAILS(VAULT_ERROR_INVALID_ARGUMENT, vault_with(opened, &options, NULL, error));
    memset(long_actor, 'a', sizeof(long_actor));
    options.actor = long_actor;
    options.actor_length = 201;
    CHECK_FAILS(VAULT_ERROR_INVALID_ARGUMENT, vault_with(opened, &options, &view, error));
    options.actor_length = 0;
    CHECK_FAILS(VAULT_ERROR_INVALID_ARGUMENT, vault_with(opened, &options, &view, error));
    options.actor = "\xff";
    options.actor_length = 1;
    CHECK_FAILS(VAULT_ERROR_INVALID_ARGUMENT, vault_with(opened, &options, &view, error));
    newer.known.struct_size = sizeof(newer);
    newer.added[1] = 1;
    CHECK_FAILS(VAULT_ERROR_INVALID_ARGUMENT, vault_with(opened, &newer.known, &view, error));
    newer.added[1] = 0;
    CHECK_OK(vault_with(opened, &newer.known, &view, error));
    vault_free(view);

    /* A token that was cancelled ends calls that begin later; other views go on. */
    options.actor = "a person";
    options.actor_length = strlen(options.actor);
    options.timeout_ms = 60000;
    CHECK_OK(vault_cancel_token_new(&token, error));
    options.cancel = token;
    CHECK_OK(vault_with(opened, &options, &view, error));
    options.cancel = NULL;
    CHECK_OK(vault_with(view, &options, &second, error));
    encrypt(view, "org_1", VAULT_OK);
    vault_cancel(token);
    vault_cancel(token);
    vault_cancel(NULL);
    vault_cancel_token_free(token);
    vault_cancel_token_free(NULL);
    encrypt(view, "org_1", VAULT_ERROR_CANCELLED);
    encrypt(second, "org_1", VAULT_OK);
    vault_free(view);
    vault_free(second);
}

static const char CUSTOMER[] =
    "[[bindings]]\nid = \"bnd\"\nowner = \"org_9\"\nselector = { organization_id = \"org_9\" }\nstate = \"suspended\"\n"
    "[[bindings.keys]]\nid = \"key\"\nprovider = \"local\"\npath = \"customer.key\"\n";

static const char ABSENT[] =
    "store = \"vault.db\"\n[root_key]\nprovider = \"local\"\npath = \"/no/such/root.key\"\n";

static void test_reload(vault *opened, const char *directory) {
    char text[8192], path[4300];
    FILE *file = fopen(config, "r");
    size_t length;
    vault_counters counters = VAULT_COUNTERS_INIT;
    CHECK(file != NULL);
    length = fread(text, 1, 4096, file);
    fclose(file);
    snprintf(path, sizeof(path), "%s/customer.key", directory);
    file = fopen(path, "w");
    CHECK(file != NULL);
    fprintf(file, "libvault key file v1\n1 %064d\n", 7);
    fclose(file);
    CHECK(chmod(path, 0600) == 0);
    snprintf(text + length, sizeof(text) - length, "\n%s", CUSTOMER);

    encrypt(opened, "org_9", VAULT_OK);
    CHECK_OK(vault_reload_toml(opened, text, strlen(text), directory, strlen(directory), error));
    encrypt(opened, "org_9", VAULT_ERROR_KEY_SUSPENDED);
    /* An invalid one leaves the old one in force. */
    CHECK_FAILS(VAULT_ERROR_INVALID_CONFIG, vault_reload_toml(opened, "x = 1", 5, NULL, 0, error));
    CHECK_FAILS(VAULT_ERROR_INVALID_CONFIG, vault_reload(opened, "/no/such/file", 13, error));
    CHECK_FAILS(VAULT_ERROR_INVALID_CONFIG, vault_reload(opened, NULL, 0, error));
    CHECK_FAILS(VAULT_ERROR_INVALID_ARGUMENT, vault_reload(NULL, config, strlen(config), error));
    encrypt(opened, "org_9", VAULT_ERROR_KEY_SUSPENDED);
    CHECK_OK(vault_reload(opened, config, strlen(config), error));
    encrypt(opened, "org_9", VAULT_OK);
    CHECK_OK(vault_stats(opened, &counters, error));
    CHECK(counters.reloads == 2 && counters.encryptions >= 4);
}

static void test_log(vault *opened) {
    seen first, second;
    memset(&first, 0, sizeof(first));
    memset(&second, 0, sizeof(second));
    first.reentered = second.reentered = opened;
    /* What happened before is told first. */
    CHECK_OK(vault_set_log(opened, log_record, &first, release, error));
    CHECK(first.records >= 2 && first.released == 0);
    CHECK_OK(vault_reload(opened, config, strlen(config), error));
    CHECK(strcmp(first.last_event, "reloaded") == 0);
    CHECK_FAILS(VAULT_ERROR_INVALID_CONFIG, vault_reload_toml(opened, ABSENT, strlen(ABSENT), NULL, 0, error));
    CHECK(strcmp(first.last_event, "reload_failed") == 0 && first.warnings > 0);
    CHECK_OK(vault_set_log(opened, log_record, &second, release, error));
    CHECK(first.released == 1 && second.records == 0);
    CHECK_FAILS(VAULT_ERROR_INVALID_ARGUMENT, vault_set_log(opened, NULL, NULL, release, error));
    CHECK_FAILS(VAULT_ERROR_INVALID_ARGUMENT, vault_set_log(NULL, log_record, NULL, NULL, error));
    CHECK_OK(vault_set_log(opened, NULL, NULL, NULL, error));
    CHECK(second.released == 1);
    CHECK_OK(vault_set_log(opened, log_record, &first, release, error));
    vault_free(opened);
    CHECK(first.released == 2 && second.released == 1);
}

int main(int argc, char **argv) {
    vault *opened;
    CHECK(argc == 2);
    snprintf(config, sizeof(config), "%s/libvault.toml", argv[1]);
    opened = open_vault(config);
    test_views(opened);
    test_reload(opened, argv[1]);
    test_log(opened);
    printf("calls: ok\n");
    return 0;
}
