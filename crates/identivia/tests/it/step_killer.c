/* Kills a process at one of its steps: a call that changes a file or a folder, syncs it, or sends to a socket. Loaded into
 * the process with LD_PRELOAD. The number of steps that are left is in the file STEPS_LEFT; at zero nothing is counted.
 *
 * strace can kill at the Nth call of a thread only. A request's calls are shared out among threads differently every time,
 * so that no N reaches all of them. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

static _Atomic int64_t *steps_left;

__attribute__((constructor)) static void map_steps_left(void) {
    const char *path = getenv("STEPS_LEFT");
    int file = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
    if (file < 0) return;
    void *page = mmap(NULL, sizeof *steps_left, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    close(file);
    if (page != MAP_FAILED) steps_left = page;
}

/* The call itself has not been made yet. */
static void count_step(void) {
    if (!steps_left || atomic_load(steps_left) <= 0) return;
    if (atomic_fetch_sub(steps_left, 1) == 1) kill(getpid(), SIGKILL);
}

/* Logs and wake-ups within the process are no steps. */
static int is_file_or_socket(int fd) {
    struct stat status;
    if (fd <= STDERR_FILENO || fstat(fd, &status)) return 0;
    return S_ISREG(status.st_mode) || S_ISSOCK(status.st_mode);
}

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

#define STEP(result, name, parameters, arguments, is_step) \
    result name parameters {                               \
        if (is_step) count_step();                         \
        return REAL(name) arguments;                       \
    }

STEP(ssize_t, write, (int fd, const void *bytes, size_t count), (fd, bytes, count), is_file_or_socket(fd))
STEP(ssize_t, writev, (int fd, const struct iovec *parts, int count), (fd, parts, count), is_file_or_socket(fd))
STEP(ssize_t, pwrite, (int fd, const void *bytes, size_t count, off_t at), (fd, bytes, count, at), 1)
STEP(ssize_t, pwrite64, (int fd, const void *bytes, size_t count, off64_t at), (fd, bytes, count, at), 1)
STEP(ssize_t, send, (int fd, const void *bytes, size_t count, int flags), (fd, bytes, count, flags), 1)
STEP(int, ftruncate, (int fd, off_t length), (fd, length), 1)
STEP(int, ftruncate64, (int fd, off64_t length), (fd, length), 1)
STEP(int, fsync, (int fd), (fd), 1)
STEP(int, fdatasync, (int fd), (fd), 1)
STEP(int, mkdir, (const char *path, mode_t mode), (path, mode), 1)
STEP(int, rmdir, (const char *path), (path), 1)
STEP(int, unlink, (const char *path), (path), 1)
STEP(int, rename, (const char *from, const char *to), (from, to), 1)
STEP(int, link, (const char *from, const char *to), (from, to), 1)
STEP(int, linkat, (int from_at, const char *from, int to_at, const char *to, int flags),
     (from_at, from, to_at, to, flags), 1)

#define OPEN(name)                                              \
    int name(const char *path, int flags, ...) {                \
        va_list rest;                                           \
        va_start(rest, flags);                                  \
        mode_t mode = flags & O_CREAT ? va_arg(rest, mode_t) : 0; \
        va_end(rest);                                           \
        if (flags & O_CREAT) count_step();                      \
        return REAL(name)(path, flags, mode);                   \
    }

OPEN(open)
OPEN(open64)
