/* Preloaded into a program, it answers for the resolver: by the lines `NAME ADDRESS` of the file that TEST_NAMES names, read anew for every question.
 * A name that does not stand there does not exist. So no question leaves this machine, and a test can change what a name means. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef int resolve(const char *, const char *, const struct addrinfo *, struct addrinfo **);

int getaddrinfo(const char *name, const char *service, const struct addrinfo *hints, struct addrinfo **found) {
    resolve *const real = (resolve *)dlsym(RTLD_NEXT, "getaddrinfo");
    const char *const path = getenv("TEST_NAMES");
    FILE *const names = path ? fopen(path, "re") : NULL;
    char known[256], address[64];
    int outcome = EAI_NONAME;
    if (names == NULL || name == NULL) return EAI_NONAME;
    while (fscanf(names, "%255s %63s", known, address) == 2) {
        if (strcmp(known, name) == 0) {
            outcome = real(address, service, hints, found);
            break;
        }
    }
    fclose(names);
    return outcome;
}
