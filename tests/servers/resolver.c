/* Preloaded into a program, it answers for the resolver: by the lines `NAME MEANING` of the file that TEST_NAMES names, read anew for every question.
 * A name that does not stand there does not exist; `*` is every name. So no question leaves this machine, and a test can change what a name means.
 *
 * MEANING is an address of IPv4, `ADDRESS:PORT`, or `silence`: the question is answered once the name means something else. Nobody but an
 * administrator may listen on ports 80 and 443, so whoever connects to one of them at the ADDRESS of such a line gets to its PORT, on this machine
 * also if the ADDRESS is not: a metadata service is at 169.254.169.254, with or without a name. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <dlfcn.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { LONGEST = 256, HTTP = 80, HTTPS = 443, PAUSE_MICROSECONDS = 10000 };

typedef int resolve(const char *, const char *, const struct addrinfo *, struct addrinfo **);
typedef int dial(int, const struct sockaddr *, socklen_t);

struct line {
    char name[LONGEST], meaning[LONGEST];
};

/* The first line that `fits`. */
static bool find(bool (*fits)(const struct line *, const void *), const void *what, struct line *line) {
    const char *const path = getenv("TEST_NAMES");
    FILE *const names = path ? fopen(path, "re") : NULL;
    bool found = false;
    if (names == NULL) return false;
    while (!found && fscanf(names, "%255s %255s", line->name, line->meaning) == 2) found = fits(line, what);
    fclose(names);
    return found;
}

static bool is_for(const struct line *line, const void *name) {
    return strcmp(line->name, name) == 0 || strcmp(line->name, "*") == 0;
}

static bool is_of_the_web(const struct sockaddr_in *to) {
    return ntohs(to->sin_port) == HTTP || ntohs(to->sin_port) == HTTPS;
}

static bool leads_from(const struct line *line, const void *address) {
    const size_t length = strlen(address);
    return strncmp(line->meaning, address, length) == 0 && line->meaning[length] == ':';
}

int getaddrinfo(const char *name, const char *service, const struct addrinfo *hints, struct addrinfo **found) {
    resolve *const real = (resolve *)dlsym(RTLD_NEXT, "getaddrinfo");
    struct line line;
    if (name == NULL || !find(is_for, name, &line)) return EAI_NONAME;
    while (strcmp(line.meaning, "silence") == 0) {
        usleep(PAUSE_MICROSECONDS);
        if (!find(is_for, name, &line)) return EAI_NONAME;
    }
    line.meaning[strcspn(line.meaning, ":")] = '\0';
    return real(line.meaning, service, hints, found);
}

int connect(int socket, const struct sockaddr *address, socklen_t length) {
    dial *const real = (dial *)dlsym(RTLD_NEXT, "connect");
    struct sockaddr_in to;
    struct line line;
    char text[INET_ADDRSTRLEN];
    if (address->sa_family != AF_INET || length < sizeof to) return real(socket, address, length);
    memcpy(&to, address, sizeof to);
    if (is_of_the_web(&to) && inet_ntop(AF_INET, &to.sin_addr, text, sizeof text) && find(leads_from, text, &line)) {
        to.sin_port = htons((uint16_t)atoi(strchr(line.meaning, ':') + 1));
        if (ntohl(to.sin_addr.s_addr) >> 24 != IN_LOOPBACKNET) to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    }
    return real(socket, (const struct sockaddr *)&to, sizeof to);
}
