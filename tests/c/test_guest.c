/* The library changes nothing of its host's and, without a KMS, starts no thread: test_guest CONFIG. */

#include <dirent.h>
#include <locale.h>
#include <signal.h>
#include <sys/stat.h>

#include "check.h"

#define SIGNALS 32
#define LONGEST 65536

extern char **environ;

typedef struct host_state {
    void (*handlers[SIGNALS])(int);
    sigset_t blocked;
    mode_t mask;
    char locale[256];
    char environment[LONGEST];
    unsigned threads;
} host_state;

static unsigned count_threads(void) {
    DIR *tasks = opendir("/proc/self/task");
    unsigned count = 0;
    struct dirent *entry;
    CHECK(tasks != NULL);
    while ((entry = readdir(tasks)) != NULL) {
        count += entry->d_name[0] != '.';
    }
    closedir(tasks);
    return count;
}

static void observe(host_state *state) {
    size_t used = 0;
    int number;
    char **variable;
    memset(state, 0, sizeof(*state));
    for (number = 1; number < SIGNALS; number++) {
        struct sigaction action;
        CHECK(sigaction(number, NULL, &action) == 0);
        state->handlers[number] = action.sa_handler;
    }
    CHECK(sigprocmask(SIG_SETMASK, NULL, &state->blocked) == 0);
    state->mask = umask(0);
    umask(state->mask);
    strncpy(state->locale, setlocale(LC_ALL, NULL), sizeof(state->locale) - 1);
    for (variable = environ; *variable != NULL; variable++) {
        size_t length = strlen(*variable) + 1;
        CHECK(used + length <= LONGEST);
        memcpy(state->environment + used, *variable, length);
        used += length;
    }
    state->threads = count_threads();
}

int main(int argc, char **argv) {
    static host_state before, after;
    vault_buffer envelope = VAULT_BUFFER_INIT, again = VAULT_BUFFER_INIT;
    vault_context *context;
    vault *opened;
    int number;
    CHECK(argc == 2);
    observe(&before);
    CHECK(before.threads == 1); /* nothing happened when the library was loaded */
    opened = open_vault(argv[1]);
    context = context_of("organization_id", "org_guest");
    CHECK_OK(vault_encrypt(opened, bytes_of("x"), 1, context, NULL, 0, &envelope, error));
    CHECK_OK(vault_decrypt(opened, envelope.data, envelope.length, context, NULL, 0, &again, error));
    vault_buffer_free(&envelope);
    vault_buffer_free(&again);
    observe(&after);
    for (number = 1; number < SIGNALS; number++) {
        CHECK(before.handlers[number] == after.handlers[number]);
        CHECK(sigismember(&before.blocked, number) == sigismember(&after.blocked, number));
    }
    CHECK(before.mask == after.mask);
    CHECK(strcmp(before.locale, after.locale) == 0);
    CHECK(memcmp(before.environment, after.environment, LONGEST) == 0);
    CHECK(after.threads == 1);
    vault_context_free(context);
    vault_free(opened);
    printf("guest: ok\n");
    return 0;
}
