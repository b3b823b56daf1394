/* Records what a process does to the files of one folder: every write with its content, every length, name and sync.
 *
 * Loaded with LD_PRELOAD. POWERLOSS_UNDER names the folder, POWERLOSS_LOG the file that is written; powerloss.py reads
 * it and builds what could be on disk when the power fails. Each call and its record are made under one lock, so that
 * the records are in the order of the calls; a sync is recorded when it has succeeded.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

enum { OPEN = 1, CREATE, WRITE, TRUNCATE, SYNC, UNLINK, RENAME, MKDIR, CLOSE };

struct record {
    uint32_t kind, fd;
    uint64_t offset, length;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int logged = -1;
static char under[4096];
static unsigned char tracked[4096];

static void begin(void) {
    static int ready = 0;
    pthread_mutex_lock(&lock);
    if (ready) return;
    ready = 1;
    const char *name = getenv("POWERLOSS_LOG"), *folder = getenv("POWERLOSS_UNDER");
    if (!name || !folder) return;
    strncpy(under, folder, sizeof under - 1);
    int fd = (int)syscall(SYS_openat, AT_FDCWD, name, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    logged = (int)syscall(SYS_fcntl, fd, F_DUPFD_CLOEXEC, 900);
    syscall(SYS_close, fd);
}

static void end(void) { pthread_mutex_unlock(&lock); }

static void put(uint32_t kind, int fd, uint64_t offset, const void *data, uint64_t length) {
    struct record head = {kind, (uint32_t)fd, offset, length};
    struct iovec parts[2] = {{&head, sizeof head}, {(void *)data, length}};
    if (syscall(SYS_writev, logged, parts, 2) != (long)(sizeof head + length)) abort();
}

static int ours(const char *path) {
    size_t n = strlen(under);
    return logged >= 0 && path && n && !strncmp(path, under, n) && (path[n] == '/' || !path[n]);
}

static int is_tracked(int fd) { return logged >= 0 && fd >= 0 && fd < (int)sizeof tracked && tracked[fd]; }

#define REAL(name) \
    static __typeof__(name) *real; \
    if (!real) real = (__typeof__(name) *)dlsym(RTLD_NEXT, #name)

static int opened(int fd, const char *path, int flags, int was_there) {
    if (fd >= 0 && fd < (int)sizeof tracked && ours(path)) {
        tracked[fd] = 1;
        put(!was_there && (flags & O_CREAT) ? CREATE : OPEN, fd, 0, path, strlen(path));
        if (was_there && (flags & O_TRUNC)) put(TRUNCATE, fd, 0, "", 0);
    } else if (fd >= 0 && fd < (int)sizeof tracked) {
        tracked[fd] = 0;
    }
    return fd;
}

#define OPEN_AS(name) \
    int name(const char *path, int flags, ...) { \
        REAL(name); \
        va_list rest; \
        va_start(rest, flags); \
        mode_t mode = va_arg(rest, mode_t); \
        va_end(rest); \
        begin(); \
        int there = ours(path) && !syscall(SYS_faccessat, AT_FDCWD, path, F_OK); \
        int fd = opened(real(path, flags, mode), path, flags, there); \
        end(); \
        return fd; \
    }
OPEN_AS(open)
OPEN_AS(open64)

#define OPENAT_AS(name) \
    int name(int dir, const char *path, int flags, ...) { \
        REAL(name); \
        va_list rest; \
        va_start(rest, flags); \
        mode_t mode = va_arg(rest, mode_t); \
        va_end(rest); \
        begin(); \
        int there = ours(path) && !syscall(SYS_faccessat, AT_FDCWD, path, F_OK); \
        int fd = opened(real(dir, path, flags, mode), path, flags, there); \
        end(); \
        return fd; \
    }
OPENAT_AS(openat)
OPENAT_AS(openat64)

int close(int fd) {
    REAL(close);
    begin();
    if (is_tracked(fd)) {
        tracked[fd] = 0;
        put(CLOSE, fd, 0, "", 0);
    }
    int done = real(fd);
    end();
    return done;
}

ssize_t write(int fd, const void *data, size_t length) {
    REAL(write);
    if (!is_tracked(fd)) return real(fd, data, length);
    begin();
    ssize_t done = real(fd, data, length);
    if (done > 0) put(WRITE, fd, (uint64_t)(lseek(fd, 0, SEEK_CUR) - done), data, (uint64_t)done);
    end();
    return done;
}

#define PWRITE_AS(name, type) \
    ssize_t name(int fd, const void *data, size_t length, type offset) { \
        REAL(name); \
        begin(); \
        ssize_t done = real(fd, data, length, offset); \
        if (done > 0 && is_tracked(fd)) put(WRITE, fd, (uint64_t)offset, data, (uint64_t)done); \
        end(); \
        return done; \
    }
PWRITE_AS(pwrite, off_t)
PWRITE_AS(pwrite64, off64_t)

#define TRUNCATE_AS(name, type) \
    int name(int fd, type length) { \
        REAL(name); \
        begin(); \
        int done = real(fd, length); \
        if (!done && is_tracked(fd)) put(TRUNCATE, fd, (uint64_t)length, "", 0); \
        end(); \
        return done; \
    }
TRUNCATE_AS(ftruncate, off_t)
TRUNCATE_AS(ftruncate64, off64_t)

#define SYNC_AS(name) \
    int name(int fd) { \
        REAL(name); \
        begin(); \
        int done = real(fd); \
        if (!done && is_tracked(fd)) put(SYNC, fd, 0, "", 0); \
        end(); \
        return done; \
    }
SYNC_AS(fsync)
SYNC_AS(fdatasync)

int unlink(const char *path) {
    REAL(unlink);
    begin();
    int done = real(path);
    if (!done && ours(path)) put(UNLINK, 0, 0, path, strlen(path));
    end();
    return done;
}

int rename(const char *from, const char *to) {
    REAL(rename);
    begin();
    int done = real(from, to);
    if (!done && ours(from)) {
        char both[8192];
        size_t n = strlen(from), m = strlen(to);
        if (n + m + 1 > sizeof both) abort();
        memcpy(both, from, n + 1);
        memcpy(both + n + 1, to, m);
        put(RENAME, 0, 0, both, n + m + 1);
    }
    end();
    return done;
}

int mkdir(const char *path, mode_t mode) {
    REAL(mkdir);
    begin();
    int done = real(path, mode);
    if (!done && ours(path)) put(MKDIR, 0, 0, path, strlen(path));
    end();
    return done;
}
