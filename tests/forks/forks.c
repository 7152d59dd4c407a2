/* What a host does with fork(): forks PART CONFIG [COUNT]. Results are lines on standard output: who, what, hexadecimal.
 *
 * The contexts org_managed and org_new_… are the vendor's, org_local is under a customer's key file, org_kms under a key in a KMS. */
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../c/check.h"

#define SECONDS_OF_A_CHILD 60

static vault *opened;
static atomic_bool stop;

/* One write, so that lines of several processes do not mix. */
static void report(const char *who, const char *what, const uint8_t *bytes, size_t length) {
    static const char digits[] = "0123456789abcdef";
    char line[4096];
    size_t at, used = (size_t)snprintf(line, sizeof(line), "%s %s ", who, what);
    CHECK(used + 2 * length + 1 < sizeof(line));
    for (at = 0; at < length; at++) {
        line[used++] = digits[bytes[at] >> 4];
        line[used++] = digits[bytes[at] & 15];
    }
    line[used++] = '\n';
    CHECK(write(STDOUT_FILENO, line, used) == (ssize_t)used);
}

static void wait_for_line(void) {
    char character;
    do {
        CHECK(read(STDIN_FILENO, &character, 1) == 1);
    } while (character != '\n');
}

/* Encrypts, decrypts and gets a data key; says what came out, unless nobody is to hear. */
static void use(const char *who, const char *organization) {
    vault_context *context = context_of("organization_id", organization);
    vault_buffer envelope = VAULT_BUFFER_INIT, again = VAULT_BUFFER_INIT, key = VAULT_BUFFER_INIT, bundle = VAULT_BUFFER_INIT;
    CHECK_OK(vault_encrypt(opened, bytes_of("x"), 1, context, NULL, 0, &envelope, error));
    CHECK_OK(vault_decrypt(opened, envelope.data, envelope.length, context, NULL, 0, &again, error));
    CHECK(again.length == 1 && again.data[0] == 'x');
    CHECK_OK(vault_create_data_key(opened, context, &key, &bundle, error));
    if (who != NULL) {
        report(who, "envelope", envelope.data, envelope.length);
        report(who, "key", key.data, key.length);
    }
    vault_buffer_free(&envelope);
    vault_buffer_free(&again);
    vault_buffer_free(&key);
    vault_buffer_free(&bundle);
    vault_context_free(context);
}

static void *use_kms(void *unused) {
    (void)unused;
    use("thread", "org_kms");
    return NULL;
}

/* Holds every lock of the library as often as it can: each new item is a write to the store. */
static void *keep_busy(void *number) {
    unsigned long turn;
    char name[64];
    for (turn = 0; !atomic_load(&stop); turn++) {
        snprintf(name, sizeof(name), "org_new_%d_%lu", *(int *)number, turn / 20);
        use(NULL, name);
        use(NULL, "org_managed");
        use(NULL, "org_local");
    }
    return NULL;
}

static pid_t fork_and(void (*work)(void)) {
    pid_t child;
    fflush(NULL);
    child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        alarm(SECONDS_OF_A_CHILD); /* a child that waits for a lock of a thread that is not there waits for ever */
        work();
        _exit(0);
    }
    return child;
}

static void check_ended(pid_t child) {
    int status;
    CHECK(waitpid(child, &status, 0) == child);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static void use_everything(void) {
    use("child", "org_managed");
    use("child", "org_local");
    use("child", "org_kms");
}

/* Forks while another thread waits for the KMS. */
static void during_a_call(void) {
    pthread_t thread;
    use("parent", "org_managed");
    use("parent", "org_kms"); /* connections and the runtime exist */
    report("parent", "ready", NULL, 0);
    wait_for_line();
    CHECK(pthread_create(&thread, NULL, use_kms, NULL) == 0);
    wait_for_line();
    check_ended(fork_and(use_everything));
    report("parent", "forked", NULL, 0);
    wait_for_line();
    CHECK(pthread_join(thread, NULL) == 0);
    use("parent", "org_managed");
    use("parent", "org_kms");
}

static void use_local_only(void) {
    use("child", "org_managed");
    use("child", "org_local");
    use("child", "org_new_in_a_child");
}

/* Forks again and again while all other threads use the vault. */
static void storm(int count) {
    enum { THREADS = 3 };
    pthread_t threads[THREADS];
    int numbers[THREADS] = {0, 1, 2}, number;
    for (number = 0; number < THREADS; number++) {
        CHECK(pthread_create(&threads[number], NULL, keep_busy, &numbers[number]) == 0);
    }
    for (number = 0; number < count; number++) {
        pid_t children[2];
        children[0] = fork_and(use_local_only);
        children[1] = fork_and(use_local_only);
        check_ended(children[0]);
        check_ended(children[1]);
        use("parent", "org_managed");
    }
    atomic_store(&stop, true);
    for (number = 0; number < THREADS; number++) {
        CHECK(pthread_join(threads[number], NULL) == 0);
    }
}

static void hold_the_store(void) {
    use("child", "org_new_first");
    report("child", "holds", NULL, 0);
    wait_for_line();
    use("child", "org_new_second");
}

/* The child's use of the store outlasts the parent's. */
static void outlast(void) {
    pid_t child;
    use("parent", "org_managed");
    child = fork_and(hold_the_store);
    vault_free(opened);
    opened = NULL;
    check_ended(child);
}

/* Generations: each process uses the vault, forks, and uses it again. */
static void generations(int depth) {
    use("process", "org_managed");
    use("process", "org_local");
    if (depth > 0) {
        pid_t child;
        fflush(NULL);
        child = fork();
        CHECK(child >= 0);
        if (child == 0) {
            alarm(SECONDS_OF_A_CHILD);
            generations(depth - 1);
            _exit(0);
        }
        check_ended(child);
        use("process", "org_managed");
    }
}

/* Calls a KMS that breaks connections; SIGPIPE is what it is in a program that never heard of it. */
static void broken_pipes(int count) {
    vault_context *context = context_of("organization_id", "org_kms");
    vault_buffer envelope = VAULT_BUFFER_INIT;
    CHECK(signal(SIGPIPE, SIG_DFL) != SIG_ERR);
    for (; count > 0; count--) {
        CHECK(vault_encrypt(opened, bytes_of("x"), 1, context, NULL, 0, &envelope, NULL) != VAULT_OK);
    }
    vault_context_free(context);
    report("parent", "alive", NULL, 0);
}

int main(int argc, char **argv) {
    int count = argc > 3 ? atoi(argv[3]) : 0;
    CHECK(argc >= 3);
    opened = open_vault(argv[2]);
    if (strcmp(argv[1], "during-a-call") == 0) {
        during_a_call();
    } else if (strcmp(argv[1], "storm") == 0) {
        storm(count);
    } else if (strcmp(argv[1], "outlast") == 0) {
        outlast();
    } else if (strcmp(argv[1], "generations") == 0) {
        generations(count);
    } else if (strcmp(argv[1], "broken-pipes") == 0) {
        broken_pipes(count);
    } else {
        return 2;
    }
    vault_free(opened);
    return 0;
}
