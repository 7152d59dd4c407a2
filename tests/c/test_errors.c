/* Every error code that C can reach, by the recipes of tests/vectors/reachable.json:
 *
 *     test_errors DIRECTORY CODE ENDPOINT
 *
 * DIRECTORY has a vault of vault_init() and, for some codes, input.bin, input-context.txt and fixture/. ENDPOINT is a KMS
 * with the fault that the recipe names, or "-". Prints the code's name when it was provoked. run_errors.py drives it. */

#include <pthread.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "check.h"

typedef struct scene {
    const char *directory;
    const char *endpoint;
    char config[4200];
} scene;

typedef uint32_t (*recipe)(scene *scene, vault_error **error);

typedef struct row {
    const char *name;
    recipe provoke;
} row;

static const char BINDING[] =
    "\n[[bindings]]\nid = \"bnd_org_123\"\nowner = \"org_123\"\nselector = { organization_id = \"org_123\" }\n%s\n"
    "[[bindings.keys]]\nid = \"key_org_123\"\n";
static const char KEY_FILE[] = "provider = \"local\"\npath = \"customer.key\"\n";
static const char KMS_KEY[] =
    "provider = \"aws\"\narn = \"arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab\"\n"
    "[aws]\ncredentials = \"static\"\naccess_key_id = \"AKIAIOSFODNN7EXAMPLE\"\nsecret_access_key = \"secret\"\n"
    "endpoint = \"%s\"\n[development]\nallow_endpoint = true\n[leases]\nmax_age = 0\n[timeouts]\nconnect = 500\nattempt = 700\ntotal = 15000\n";

static void append(char *text, size_t capacity, const char *more) {
    CHECK(strlen(text) + strlen(more) < capacity);
    strcat(text, more);
}

/* The vault's own configuration and `more`. */
static uint32_t open_with(const scene *scene, const char *before, const char *more, vault **opened, vault_error **error) {
    char text[8192] = "";
    char base[4096];
    FILE *file = fopen(scene->config, "r");
    size_t length;
    CHECK(file != NULL);
    length = fread(base, 1, sizeof(base) - 1, file);
    base[length] = '\0';
    fclose(file);
    append(text, sizeof(text), before);
    append(text, sizeof(text), base);
    append(text, sizeof(text), more);
    return vault_open_toml(text, strlen(text), scene->directory, strlen(scene->directory), NULL, opened, error);
}

/* With a binding of organization_id = org_123 whose key is a file. */
static vault *open_binding(const scene *scene, const char *fields) {
    char more[1024], path[4300];
    vault *opened = NULL;
    FILE *file;
    snprintf(path, sizeof(path), "%s/customer.key", scene->directory);
    unlink(path);
    file = fopen(path, "w");
    CHECK(file != NULL);
    fprintf(file, "libvault key file v1\n1 %064d\n", 7);
    fclose(file);
    CHECK(chmod(path, 0600) == 0);
    snprintf(more, sizeof(more), BINDING, fields);
    append(more, sizeof(more), KEY_FILE);
    CHECK_OK(open_with(scene, "", more, &opened, error));
    return opened;
}

/* With a binding of organization_id = org_123 whose key is at the endpoint. */
static vault *open_kms_at(const scene *scene, const char *before, const char *endpoint) {
    char more[2048], key[1024];
    vault *opened = NULL;
    snprintf(more, sizeof(more), BINDING, "");
    snprintf(key, sizeof(key), KMS_KEY, endpoint);
    append(more, sizeof(more), key);
    CHECK_OK(open_with(scene, before, more, &opened, error));
    return opened;
}

static vault *open_kms(const scene *scene) {
    return open_kms_at(scene, "", scene->endpoint);
}

static uint32_t encrypt_for(const vault *opened, const char *value, vault_buffer *envelope, vault_error **error) {
    vault_context *context = context_of("organization_id", value);
    uint32_t status = vault_encrypt(opened, bytes_of("data"), 4, context, NULL, 0, envelope, error);
    vault_context_free(context);
    return status;
}

static uint32_t decrypt_for(const vault *opened, const char *value, vault_buffer envelope, vault_error **error) {
    vault_context *context = context_of("organization_id", value);
    vault_buffer data = VAULT_BUFFER_INIT;
    uint32_t status = vault_decrypt(opened, envelope.data, envelope.length, context, NULL, 0, &data, error);
    CHECK(data.data == NULL);
    vault_context_free(context);
    return status;
}

static uint32_t invalid_context(scene *scene, vault_error **error) {
    vault_context *context = NULL;
    (void)scene;
    return vault_context_new(NULL, 0, &context, error);
}

static uint32_t unknown_context_name(scene *scene, vault_error **error) {
    vault *opened = open_binding(scene, "");
    vault_context *context = context_of("organizationId", "org_123");
    vault_buffer decision = VAULT_BUFFER_INIT;
    uint32_t status = vault_match_context(opened, context, &decision, error);
    vault_context_free(context);
    vault_free(opened);
    return status;
}

/* Encrypts for org_1, changes the envelope, and decrypts for `value`. */
static uint32_t decrypt_changed(scene *scene, const char *value, size_t shorter, uint8_t flip, vault_error **error) {
    vault *opened = open_vault(scene->config);
    vault_buffer envelope = VAULT_BUFFER_INIT, changed;
    uint32_t status;
    CHECK_OK(encrypt_for(opened, "org_1", &envelope, error));
    changed = envelope;
    changed.length -= shorter;
    changed.data[changed.length - 1] ^= flip;
    status = decrypt_for(opened, value, changed, error);
    vault_buffer_free(&envelope);
    vault_free(opened);
    return status;
}

static uint32_t context_mismatch(scene *scene, vault_error **error) {
    return decrypt_changed(scene, "org_2", 0, 0, error);
}

static uint32_t malformed(scene *scene, vault_error **error) {
    return decrypt_changed(scene, "org_1", 20, 0, error);
}

static uint32_t authentication_failed(scene *scene, vault_error **error) {
    return decrypt_changed(scene, "org_1", 0, 1, error);
}

static uint32_t unsupported_format(scene *scene, vault_error **error) {
    vault *opened = open_vault(scene->config);
    vault_buffer text = VAULT_BUFFER_INIT;
    uint8_t bytes[] = "no envelope";
    uint32_t status;
    text.data = bytes;
    text.length = sizeof(bytes);
    status = decrypt_for(opened, "org_1", text, error);
    vault_free(opened);
    return status;
}

/* A vector of envelope.json, with the fixture. */
static uint32_t vector(scene *scene, vault_error **error) {
    static uint8_t input[70000];
    static char line[2000];
    char path[4300];
    vault_context_item items[10];
    vault_context *context = NULL;
    vault_buffer data = VAULT_BUFFER_INIT;
    size_t count = 0, length;
    uint32_t status;
    vault *opened;
    FILE *file;
    snprintf(path, sizeof(path), "%s/input.bin", scene->directory);
    file = fopen(path, "rb");
    CHECK(file != NULL);
    length = fread(input, 1, sizeof(input), file);
    fclose(file);
    snprintf(path, sizeof(path), "%s/input-context.txt", scene->directory);
    file = fopen(path, "r");
    CHECK(file != NULL && fgets(line, sizeof(line), file) != NULL);
    fclose(file);
    for (char *item = strtok(line, ",\n"); item != NULL; item = strtok(NULL, ",\n")) {
        char *equals = strchr(item, '=');
        CHECK(equals != NULL && count < 10);
        items[count].name = item;
        items[count].name_length = (size_t)(equals - item);
        items[count].value = equals + 1;
        items[count++].value_length = strlen(equals + 1);
    }
    CHECK_OK(vault_context_new(items, count, &context, error));
    snprintf(path, sizeof(path), "%s/fixture/libvault.toml", scene->directory);
    opened = open_vault(path);
    status = vault_decrypt(opened, input, length, context, NULL, 0, &data, error);
    vault_context_free(context);
    vault_free(opened);
    return status;
}

static uint32_t invalid_argument(scene *scene, vault_error **error) {
    vault_buffer envelope = VAULT_BUFFER_INIT;
    (void)scene;
    return encrypt_for(NULL, "org_1", &envelope, error);
}

static uint32_t buffer_too_small(scene *scene, vault_error **error) {
    vault *opened = open_vault(scene->config);
    vault_context *context = context_of("organization_id", "org_1");
    uint8_t output[1];
    size_t length = 0;
    uint32_t status = vault_encrypt_into(opened, bytes_of("data"), 4, context, NULL, 0, output, 1, &length, error);
    CHECK(length > 100 && vault_error_needed_length(*error) == length);
    vault_context_free(context);
    vault_free(opened);
    return status;
}

static uint32_t no_matching_key(scene *scene, vault_error **error) {
    char path[4300];
    char config[] = "store = \"vault.db\"\nfallback = \"deny\"\n[root_key]\nprovider = \"local\"\npath = \"root.key\"\n";
    vault_buffer envelope = VAULT_BUFFER_INIT;
    vault *opened = NULL;
    uint32_t status;
    snprintf(path, sizeof(path), "%s", scene->directory);
    CHECK_OK(vault_open_toml(config, strlen(config), path, strlen(path), NULL, &opened, error));
    status = encrypt_for(opened, "org_1", &envelope, error);
    vault_free(opened);
    return status;
}

static uint32_t encrypt_under(scene *scene, const char *fields, vault_error **error) {
    vault *opened = open_binding(scene, fields);
    vault_buffer envelope = VAULT_BUFFER_INIT;
    uint32_t status = encrypt_for(opened, "org_123", &envelope, error);
    CHECK(envelope.data == NULL);
    vault_free(opened);
    return status;
}

static uint32_t key_suspended(scene *scene, vault_error **error) {
    return encrypt_under(scene, "state = \"suspended\"", error);
}

static uint32_t key_not_ready(scene *scene, vault_error **error) {
    return encrypt_under(scene, "state = \"pending\"\nwhile_pending = \"deny\"", error);
}

static uint32_t downgrade_refused(scene *scene, vault_error **error) {
    vault *opened = open_binding(scene, "");
    vault_context *context = context_of("organization_id", "org_123");
    vault_buffer envelope = VAULT_BUFFER_INIT, rewrapped = VAULT_BUFFER_INIT;
    uint32_t status;
    CHECK_OK(encrypt_for(opened, "org_123", &envelope, error));
    vault_free(opened);
    opened = open_binding(scene, "state = \"retired\"");
    status = vault_rewrap(opened, envelope.data, envelope.length, context, NULL, &rewrapped, error);
    CHECK(rewrapped.data == NULL);
    vault_buffer_free(&envelope);
    vault_context_free(context);
    vault_free(opened);
    return status;
}

/* Whatever the fault is: the recipe names it and the endpoint has it. */
static uint32_t kms_fault(scene *scene, vault_error **error) {
    vault *opened = open_kms(scene);
    vault_buffer envelope = VAULT_BUFFER_INIT;
    uint32_t status = encrypt_for(opened, "org_123", &envelope, error);
    CHECK(envelope.data == NULL);
    CHECK(strcmp(vault_error_provider(*error), "aws") == 0);
    CHECK(strcmp(vault_error_key_id(*error), "key_org_123") == 0);
    CHECK(strcmp(vault_error_operation(*error), "wrap") == 0);
    vault_free(opened);
    return status;
}

#define CLOSED_PORT "http://127.0.0.1:9"

static uint32_t region_not_allowed(scene *scene, vault_error **error) {
    vault *opened = open_kms_at(scene, "allowed_regions = [\"us-east-1\"]\n", CLOSED_PORT);
    vault_buffer envelope = VAULT_BUFFER_INIT;
    uint32_t status = encrypt_for(opened, "org_123", &envelope, error);
    vault_free(opened);
    return status;
}

static uint32_t circuit_open(scene *scene, vault_error **error) {
    vault *opened = open_kms_at(scene, "", CLOSED_PORT);
    vault_buffer envelope = VAULT_BUFFER_INIT;
    unsigned call;
    uint32_t status;
    for (call = 0; call < 5; call++) {
        CHECK(encrypt_for(opened, "org_123", &envelope, NULL) == VAULT_ERROR_KMS_UNAVAILABLE);
    }
    status = encrypt_for(opened, "org_123", &envelope, error);
    vault_free(opened);
    return status;
}

static void *cancel_soon(void *token) {
    const struct timespec moment = {0, 200000000};
    nanosleep(&moment, NULL);
    vault_cancel((const vault_cancel_token *)token);
    return NULL;
}

/* The KMS never answers and the timeout is far away: only the cancelling can end the call. */
static uint32_t cancelled(scene *scene, vault_error **error) {
    vault *opened = open_kms(scene), *view = NULL;
    vault_buffer envelope = VAULT_BUFFER_INIT;
    vault_cancel_token *token = NULL;
    vault_call_options options = VAULT_CALL_OPTIONS_INIT;
    pthread_t thread;
    uint32_t status;
    CHECK_OK(vault_cancel_token_new(&token, error));
    options.timeout_ms = 600000;
    options.cancel = token;
    options.actor = "test_errors";
    options.actor_length = strlen(options.actor);
    CHECK_OK(vault_with(opened, &options, &view, error));
    vault_free(opened); /* the view holds what it needs */
    CHECK(pthread_create(&thread, NULL, cancel_soon, token) == 0);
    status = encrypt_for(view, "org_123", &envelope, error);
    CHECK(pthread_join(thread, NULL) == 0);
    CHECK_FAILS(VAULT_ERROR_CANCELLED, encrypt_for(view, "org_1", &envelope, error)); /* and every call to come */
    vault_cancel_token_free(token);
    vault_free(view);
    return status;
}

static uint32_t store_unavailable(scene *scene, vault_error **error) {
    char path[4300];
    vault *opened = NULL;
    FILE *file;
    snprintf(path, sizeof(path), "%s/vault.db", scene->directory);
    file = fopen(path, "w");
    CHECK(file != NULL && fputs("this is no store, but a text that is long enough to be looked at", file) >= 0);
    fclose(file);
    return vault_open(scene->config, strlen(scene->config), NULL, &opened, error);
}

static uint32_t audit_unavailable(scene *scene, vault_error **error) {
    vault *opened = NULL;
    vault_buffer envelope = VAULT_BUFFER_INIT;
    uint32_t status = open_with(scene, "", "\n[audit]\nsink = \"file\"\npath = \"/dev/full\"\n", &opened, error);
    if (status == VAULT_OK) {
        status = encrypt_for(opened, "org_1", &envelope, error);
        CHECK(envelope.data == NULL);
    }
    vault_free(opened);
    return status;
}

static uint32_t closed(scene *scene, vault_error **error) {
    vault *opened = open_vault(scene->config);
    vault_buffer envelope = VAULT_BUFFER_INIT;
    uint32_t status;
    CHECK_OK(vault_close(opened, error));
    status = encrypt_for(opened, "org_1", &envelope, error);
    vault_free(opened);
    return status;
}

static uint32_t conflict(scene *scene, vault_error **error) {
    return vault_init(scene->directory, strlen(scene->directory), NULL, error);
}

static uint32_t invalid_config(scene *scene, vault_error **error) {
    vault *opened = NULL;
    uint32_t status = open_with(scene, "stoer = \"x\"\n", "", &opened, error);
    CHECK(strcmp(vault_error_field(*error), "stoer") == 0);
    return status;
}

static const row ROWS[] = {
    {"InvalidContext", invalid_context},
    {"UnknownContextName", unknown_context_name},
    {"ContextMismatch", context_mismatch},
    {"Malformed", malformed},
    {"UnsupportedFormat", unsupported_format},
    {"LimitExceeded", vector},
    {"InvalidArgument", invalid_argument},
    {"BufferTooSmall", buffer_too_small},
    {"NoMatchingKey", no_matching_key},
    {"PolicyMismatch", vector},
    {"DowngradeRefused", downgrade_refused},
    {"KeySuspended", key_suspended},
    {"KeyNotReady", key_not_ready},
    {"KeyNotFound", kms_fault},
    {"KeyDisabled", kms_fault},
    {"KeyPendingDeletion", kms_fault},
    {"AccessDenied", kms_fault},
    {"Throttled", kms_fault},
    {"KmsUnavailable", kms_fault},
    {"RegionNotAllowed", region_not_allowed},
    {"CircuitOpen", circuit_open},
    {"Timeout", kms_fault},
    {"StoreUnavailable", store_unavailable},
    {"AuditUnavailable", audit_unavailable},
    {"AuthenticationFailed", authentication_failed},
    {"Cancelled", cancelled},
    {"Closed", closed},
    {"Conflict", conflict},
    {"InvalidConfig", invalid_config},
};

int main(int argc, char **argv) {
    scene scene;
    size_t index;
    CHECK(argc == 4);
    scene.directory = argv[1];
    scene.endpoint = argv[3];
    snprintf(scene.config, sizeof(scene.config), "%s/libvault.toml", argv[1]);
    for (index = 0; index < sizeof(ROWS) / sizeof(ROWS[0]); index++) {
        if (strcmp(ROWS[index].name, argv[2]) == 0) {
            vault_error *error = NULL;
            uint32_t status;
            CHECK_OK(vault_init(argv[1], strlen(argv[1]), NULL, error));
            status = ROWS[index].provoke(&scene, &error);
            CHECK(status != VAULT_OK && vault_error_code(error) == status);
            CHECK(strcmp(vault_error_name(error), vault_status_name(status)) == 0);
            CHECK(strlen(vault_error_message(error)) > 0);
            printf("%s\n", vault_error_name(error));
            vault_error_free(error);
            return 0;
        }
    }
    printf("no recipe\n");
    return 0;
}
