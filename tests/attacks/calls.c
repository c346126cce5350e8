/* Writes down every address that a process asks for or connects to, whatever language it is written in. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static void tell(const char *call, const char *where, int port) {
    const char *log = getenv("CALLS_OUT_LOG");
    if (log == NULL) return;
    char line[512];
    int length = snprintf(line, sizeof line, "native %s %s %d\n", call, where ? where : "-", port);
    int file = open(log, O_WRONLY | O_CREAT | O_APPEND, 0600);
    if (file < 0) return;
    if (write(file, line, length < (int)sizeof line ? length : (int)sizeof line - 1)) {}
    close(file);
}

static void tell_address(const char *call, const struct sockaddr *address) {
    char where[INET6_ADDRSTRLEN] = "-";
    if (address == NULL) return;
    if (address->sa_family == AF_INET) {
        const struct sockaddr_in *v4 = (const struct sockaddr_in *)address;
        inet_ntop(AF_INET, &v4->sin_addr, where, sizeof where);
        tell(call, where, ntohs(v4->sin_port));
    } else if (address->sa_family == AF_INET6) {
        const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)address;
        inet_ntop(AF_INET6, &v6->sin6_addr, where, sizeof where);
        tell(call, where, ntohs(v6->sin6_port));
    }
}

int connect(int fd, const struct sockaddr *address, socklen_t length) {
    int (*real)(int, const struct sockaddr *, socklen_t) = dlsym(RTLD_NEXT, "connect");
    tell_address("connect", address);
    return real(fd, address, length);
}

ssize_t sendto(int fd, const void *data, size_t size, int flags, const struct sockaddr *address, socklen_t length) {
    ssize_t (*real)(int, const void *, size_t, int, const struct sockaddr *, socklen_t) = dlsym(RTLD_NEXT, "sendto");
    tell_address("sendto", address);
    return real(fd, data, size, flags, address, length);
}

int getaddrinfo(const char *node, const char *service, const struct addrinfo *hints, struct addrinfo **result) {
    int (*real)(const char *, const char *, const struct addrinfo *, struct addrinfo **) = dlsym(RTLD_NEXT, "getaddrinfo");
    tell("getaddrinfo", node, 0);
    return real(node, service, hints, result);
}
