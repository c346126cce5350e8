/* Faults of a disk: counts the calls that change files below one folder, and fails or kills at the n-th.

   Preloaded (LD_PRELOAD), so that it stands below Python, the engine and Arrow alike. The counter is a shared file, so that
   processes started by the night count on. Armed by faults_arm(), or by FAULTS_ROOT, _COUNTER, _AT, _KIND from the start. */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

enum { COUNT_ONLY, FAIL_ONCE, FULL_FROM_THEN_ON, KILL_BEFORE, KILL_AFTER };

static char root[PATH_MAX];
static long *counter;
static long at;
static int kind, error_number, log_file = -1;

void faults_arm(const char *folder, const char *counter_path, long number, int what, int error)
{
    int file = open(counter_path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (file < 0 || ftruncate(file, sizeof(long))) abort();
    counter = mmap(NULL, sizeof(long), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    close(file);
    char log_path[PATH_MAX + 8];
    snprintf(log_path, sizeof log_path, "%s.log", counter_path);
    log_file = open(log_path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    at = number; kind = what; error_number = error;
    snprintf(root, sizeof root, "%s/", folder);
}

__attribute__((constructor)) static void from_environment(void)
{
    const char *folder = getenv("FAULTS_ROOT");
    if (folder)
        faults_arm(folder, getenv("FAULTS_COUNTER"), atol(getenv("FAULTS_AT")), atoi(getenv("FAULTS_KIND")),
                   atoi(getenv("FAULTS_ERROR")));
}

/* What goes on beside the night, not in it: Dagster's own logs and dbt's artefacts. */
static int is_below(const char *path)
{
    if (!root[0] || strncmp(path, root, strlen(root))) return 0;
    const char *rest = path + strlen(root);
    return strncmp(rest, "dagster/", 8) && strncmp(rest, "dbt/", 4);
}

static int path_below(int folder, const char *path, char *full)
{
    char place[64], base[PATH_MAX];
    if (!root[0] || !path) return 0;
    if (path[0] == '/') { snprintf(full, PATH_MAX, "%s", path); return is_below(full); }
    if (folder == AT_FDCWD) strcpy(place, "/proc/self/cwd");
    else snprintf(place, sizeof place, "/proc/self/fd/%d", folder);
    ssize_t size = readlink(place, base, sizeof base - 1);
    if (size < 0) return 0;
    base[size] = 0;
    if (snprintf(full, PATH_MAX, "%s/%s", base, path) >= PATH_MAX) return 0;
    return is_below(full);
}

static int file_below(int file, char *full)
{
    char place[64];
    if (!root[0]) return 0;
    snprintf(place, sizeof place, "/proc/self/fd/%d", file);
    ssize_t size = readlink(place, full, PATH_MAX - 1);
    if (size < 0) return 0;
    full[size] = 0;
    return is_below(full);
}

enum { GO_ON, REFUSE, CUT, DIE_AFTER };

/* `needs_room` is true of calls that a full disk refuses. */
static int verdict(const char *call, const char *path, int needs_room)
{
    long number = __sync_add_and_fetch(counter, 1);
    char line[PATH_MAX + 64];
    int size = snprintf(line, sizeof line, "%ld %s %s\n", number, call, path + strlen(root));
    static ssize_t (*real_write)(int, const void *, size_t);
    if (!real_write) real_write = dlsym(RTLD_NEXT, "write");
    if (log_file >= 0 && real_write(log_file, line, size) < 0) abort();
    if (!at || number < at) return GO_ON;
    if (kind == FULL_FROM_THEN_ON && needs_room) { errno = error_number; return REFUSE; }
    if (number != at) return GO_ON;
    if (kind == FAIL_ONCE) { errno = error_number; return REFUSE; }
    if (kind == KILL_BEFORE) return CUT;
    return kind == KILL_AFTER ? DIE_AFTER : GO_ON;
}

static void die(void) { kill(0, SIGKILL); pause(); }

#define REAL(name) \
    static __typeof__(&name) real; \
    if (!real) real = (__typeof__(&name))dlsym(RTLD_NEXT, #name)

#define GUARD(call, is_ours, needs_room, failed, before, act) \
    do { \
        char full[PATH_MAX]; \
        if (!(is_ours)) return act; \
        int told = verdict(call, full, needs_room); \
        if (told == REFUSE) return failed; \
        if (told == CUT) { before; die(); } \
        __typeof__(act) result = act; \
        if (told == DIE_AFTER) die(); \
        return result; \
    } while (0)

#define WRITES (flags & (O_CREAT | O_WRONLY | O_RDWR | O_TRUNC))
#define MODE_OF(flags) \
    mode_t mode = 0; \
    if ((flags & O_CREAT) || (flags & O_TMPFILE) == O_TMPFILE) { va_list list; va_start(list, flags); mode = va_arg(list, mode_t); va_end(list); }

int open(const char *path, int flags, ...) { MODE_OF(flags) REAL(open);
    GUARD("open", WRITES && path_below(AT_FDCWD, path, full), flags & O_CREAT, -1, , real(path, flags, mode)); }
int open64(const char *path, int flags, ...) { MODE_OF(flags) REAL(open64);
    GUARD("open", WRITES && path_below(AT_FDCWD, path, full), flags & O_CREAT, -1, , real(path, flags, mode)); }
int openat(int folder, const char *path, int flags, ...) { MODE_OF(flags) REAL(openat);
    GUARD("open", WRITES && path_below(folder, path, full), flags & O_CREAT, -1, , real(folder, path, flags, mode)); }
int openat64(int folder, const char *path, int flags, ...) { MODE_OF(flags) REAL(openat64);
    GUARD("open", WRITES && path_below(folder, path, full), flags & O_CREAT, -1, , real(folder, path, flags, mode)); }
FILE *fopen(const char *path, const char *how) { REAL(fopen);
    GUARD("open", how[0] != 'r' && path_below(AT_FDCWD, path, full), 1, NULL, , real(path, how)); }
FILE *fopen64(const char *path, const char *how) { REAL(fopen64);
    GUARD("open", how[0] != 'r' && path_below(AT_FDCWD, path, full), 1, NULL, , real(path, how)); }

/* A write that is cut leaves half of its bytes. */
ssize_t write(int file, const void *data, size_t size) { REAL(write);
    GUARD("write", file_below(file, full), 1, -1, (void)!real(file, data, size / 2), real(file, data, size)); }
ssize_t pwrite(int file, const void *data, size_t size, off_t from) { REAL(pwrite);
    GUARD("write", file_below(file, full), 1, -1, (void)!real(file, data, size / 2, from), real(file, data, size, from)); }
ssize_t pwrite64(int file, const void *data, size_t size, off64_t from) { REAL(pwrite64);
    GUARD("write", file_below(file, full), 1, -1, (void)!real(file, data, size / 2, from), real(file, data, size, from)); }
ssize_t writev(int file, const struct iovec *data, int count) { REAL(writev);
    GUARD("write", file_below(file, full), 1, -1, , real(file, data, count)); }
ssize_t copy_file_range(int in, off64_t *from, int file, off64_t *to, size_t size, unsigned flags) { REAL(copy_file_range);
    GUARD("write", file_below(file, full), 1, -1, , real(in, from, file, to, size, flags)); }
#include <sys/sendfile.h>
ssize_t sendfile(int file, int in, off_t *from, size_t size) { REAL(sendfile);
    GUARD("write", file_below(file, full), 1, -1, , real(file, in, from, size)); }
ssize_t sendfile64(int file, int in, off64_t *from, size_t size) { REAL(sendfile64);
    GUARD("write", file_below(file, full), 1, -1, , real(file, in, from, size)); }
int posix_fallocate(int file, off_t from, off_t size) { REAL(posix_fallocate);
    GUARD("allocate", file_below(file, full), 1, error_number, , real(file, from, size)); }
int fallocate(int file, int how, off_t from, off_t size) { REAL(fallocate);
    GUARD("allocate", file_below(file, full), 1, -1, , real(file, how, from, size)); }

int fsync(int file) { REAL(fsync); GUARD("fsync", file_below(file, full), 0, -1, , real(file)); }
int fdatasync(int file) { REAL(fdatasync); GUARD("fsync", file_below(file, full), 0, -1, , real(file)); }
int ftruncate(int file, off_t size) { REAL(ftruncate); GUARD("truncate", file_below(file, full), 0, -1, , real(file, size)); }
int ftruncate64(int file, off64_t size) { REAL(ftruncate64); GUARD("truncate", file_below(file, full), 0, -1, , real(file, size)); }
int truncate(const char *path, off_t size) { REAL(truncate);
    GUARD("truncate", path_below(AT_FDCWD, path, full), 0, -1, , real(path, size)); }

int rename(const char *from, const char *to) { REAL(rename);
    GUARD("rename", path_below(AT_FDCWD, to, full), 0, -1, , real(from, to)); }
int renameat(int source, const char *from, int folder, const char *to) { REAL(renameat);
    GUARD("rename", path_below(folder, to, full), 0, -1, , real(source, from, folder, to)); }
int renameat2(int source, const char *from, int folder, const char *to, unsigned how) { REAL(renameat2);
    GUARD("rename", path_below(folder, to, full), 0, -1, , real(source, from, folder, to, how)); }
int link(const char *from, const char *to) { REAL(link);
    GUARD("link", path_below(AT_FDCWD, to, full), 1, -1, , real(from, to)); }
int linkat(int source, const char *from, int folder, const char *to, int how) { REAL(linkat);
    GUARD("link", path_below(folder, to, full), 1, -1, , real(source, from, folder, to, how)); }
int symlink(const char *target, const char *path) { REAL(symlink);
    GUARD("symlink", path_below(AT_FDCWD, path, full), 1, -1, , real(target, path)); }
int symlinkat(const char *target, int folder, const char *path) { REAL(symlinkat);
    GUARD("symlink", path_below(folder, path, full), 1, -1, , real(target, folder, path)); }
int unlink(const char *path) { REAL(unlink);
    GUARD("unlink", path_below(AT_FDCWD, path, full), 0, -1, , real(path)); }
int unlinkat(int folder, const char *path, int how) { REAL(unlinkat);
    GUARD("unlink", path_below(folder, path, full), 0, -1, , real(folder, path, how)); }
int rmdir(const char *path) { REAL(rmdir);
    GUARD("rmdir", path_below(AT_FDCWD, path, full), 0, -1, , real(path)); }
int mkdir(const char *path, mode_t mode) { REAL(mkdir);
    GUARD("mkdir", path_below(AT_FDCWD, path, full), 1, -1, , real(path, mode)); }
int mkdirat(int folder, const char *path, mode_t mode) { REAL(mkdirat);
    GUARD("mkdir", path_below(folder, path, full), 1, -1, , real(folder, path, mode)); }
