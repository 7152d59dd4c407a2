/* The library changes nothing of its host's and, without a KMS, starts no thread: test_guest CONFIG [KMS_CONFIG].
 *
 * KMS_CONFIG has a binding of organization_id = org_123 with a key at a KMS that breaks the connection in every call: SIGPIPE
 * has its default action here, which would end the program. */

#include <dirent.h>
#include <locale.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

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

static uint64_t bit(int number) {
    return (uint64_t)1 << (number - 1);
}

/* Every thread but this one blocks all signals that are sent to the process, so that they come to the host's threads. Those of
 * a thread's own faults are left alone, SIGKILL and SIGSTOP cannot be blocked, and 32 and 33 are the C library's own. */
static void check_library_threads(void) {
    DIR *tasks = opendir("/proc/self/task");
    struct dirent *entry;
    const uint64_t left = bit(SIGKILL) | bit(SIGSTOP) | bit(32) | bit(33) | bit(SIGILL) | bit(SIGTRAP) | bit(SIGABRT) |
                          bit(SIGBUS) | bit(SIGFPE) | bit(SIGSEGV) | bit(SIGSYS);
    unsigned count = 0;
    CHECK(tasks != NULL);
    while ((entry = readdir(tasks)) != NULL) {
        char path[300], line[300];
        uint64_t blocked = 0;
        FILE *status;
        if (entry->d_name[0] == '.' || atol(entry->d_name) == (long)getpid()) {
            continue;
        }
        count++;
        snprintf(path, sizeof(path), "/proc/self/task/%s/status", entry->d_name);
        status = fopen(path, "r");
        CHECK(status != NULL);
        while (fgets(line, sizeof(line), status) != NULL) {
            if (strncmp(line, "SigBlk:", 7) == 0) {
                blocked = strtoull(line + 7, NULL, 16);
            }
        }
        fclose(status);
        CHECK((blocked | left) == UINT64_MAX);
    }
    closedir(tasks);
    CHECK(count >= 1 && count <= 2);
}

/* What standard output and standard error get meanwhile goes to a file, which must stay empty. */
static int silent_file, saved_output, saved_error;

/* A failed check inside wrote there too. */
static void show_what_was_said(void) {
    char text[4096];
    ssize_t length = silent_file > 0 ? pread(silent_file, text, sizeof(text), 0) : 0;
    if (length > 0 && write(saved_error, text, (size_t)length) < 0) {
        abort();
    }
}

static void silence_begins(void) {
    char name[] = "/tmp/test_guest_XXXXXX";
    fflush(NULL);
    silent_file = mkstemp(name);
    CHECK(silent_file > 2 && unlink(name) == 0);
    saved_output = dup(1);
    saved_error = dup(2);
    CHECK(dup2(silent_file, 1) == 1 && dup2(silent_file, 2) == 2);
}

static void silence_ends(void) {
    struct stat written;
    fflush(NULL);
    CHECK(fstat(silent_file, &written) == 0);
    CHECK(written.st_size == 0);
    CHECK(dup2(saved_output, 1) == 1 && dup2(saved_error, 2) == 2);
    close(silent_file);
    close(saved_output);
    close(saved_error);
    silent_file = 0;
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

static void compare(const host_state *before, const host_state *after) {
    int number;
    for (number = 1; number < SIGNALS; number++) {
        CHECK(before->handlers[number] == after->handlers[number]);
        CHECK(sigismember(&before->blocked, number) == sigismember(&after->blocked, number));
    }
    CHECK(before->mask == after->mask);
    CHECK(strcmp(before->locale, after->locale) == 0);
    CHECK(memcmp(before->environment, after->environment, LONGEST) == 0);
}

static void use_locally(const char *config) {
    vault_buffer envelope = VAULT_BUFFER_INIT, again = VAULT_BUFFER_INIT;
    vault *opened = open_vault(config);
    vault_context *context = context_of("organization_id", "org_guest");
    CHECK_OK(vault_encrypt(opened, bytes_of("x"), 1, context, NULL, 0, &envelope, error));
    CHECK_OK(vault_decrypt(opened, envelope.data, envelope.length, context, NULL, 0, &again, error));
    envelope.data[envelope.length - 1] ^= 1;
    vault_buffer_free(&again);
    CHECK(vault_decrypt(opened, envelope.data, envelope.length, context, NULL, 0, &again, NULL) != VAULT_OK);
    vault_buffer_free(&envelope);
    vault_context_free(context);
    vault_free(opened);
}

static void use_kms(const char *config) {
    vault_buffer envelope = VAULT_BUFFER_INIT;
    vault *opened = open_vault(config);
    vault_context *context = context_of("organization_id", "org_123");
    CHECK_FAILS(VAULT_ERROR_KMS_UNAVAILABLE,
                vault_encrypt(opened, bytes_of("x"), 1, context, NULL, 0, &envelope, error));
    check_library_threads();
    vault_context_free(context);
    vault_free(opened);
}

int main(int argc, char **argv) {
    static host_state before, after;
    CHECK(argc == 2 || argc == 3);
    CHECK(atexit(show_what_was_said) == 0);
    observe(&before);
    CHECK(before.threads == 1); /* nothing happened when the library was loaded */
    CHECK(before.handlers[SIGPIPE] == SIG_DFL);
    silence_begins();
    use_locally(argv[1]);
    silence_ends();
    observe(&after);
    compare(&before, &after);
    CHECK(after.threads == 1);
    if (argc == 3) {
        silence_begins();
        use_kms(argv[2]);
        silence_ends();
        observe(&after);
        compare(&before, &after);
    }
    printf("guest: ok%s\n", argc == 3 ? ", with a KMS" : "");
    return 0;
}
