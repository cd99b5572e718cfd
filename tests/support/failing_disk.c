/* A disk that fails or stalls when a test says so. It stands between the server and the C library
 * (LD_PRELOAD) and looks at the file that TEST_DISK_GATE names whenever a file is made durable, and
 * when a snapshot is opened to be read:
 *
 *   there is none          the disk works
 *   it is a regular file   the disk is full
 *   it is a named pipe     the disk says nothing until somebody opens the pipe to write
 *
 * Not here: the gate's other side (disk.rs). */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int pass_gate(void) {
    const char *path = getenv("TEST_DISK_GATE");
    struct stat status;
    if (path == NULL || stat(path, &status) != 0) {
        return 0;
    }
    if (!S_ISFIFO(status.st_mode)) {
        errno = ENOSPC;
        return -1;
    }
    int gate = open(path, O_RDONLY | O_CLOEXEC);
    if (gate >= 0) {
        close(gate);
    }
    return 0;
}

static int call(const char *name, int descriptor) {
    int (*next)(int) = (int (*)(int))dlsym(RTLD_NEXT, name);
    return pass_gate() == 0 ? next(descriptor) : -1;
}

int fsync(int descriptor) {
    return call("fsync", descriptor);
}

int fdatasync(int descriptor) {
    return call("fdatasync", descriptor);
}

int open64(const char *path, int flags, ...) {
    va_list arguments;
    va_start(arguments, flags);
    mode_t mode = va_arg(arguments, mode_t);
    va_end(arguments);
    size_t length = strlen(path);
    int is_snapshot = length > 4 && strcmp(path + length - 4, ".evk") == 0;
    if (is_snapshot && (flags & O_ACCMODE) == O_RDONLY) {
        /* A full disk can be read. */
        pass_gate();
    }
    int (*next)(const char *, int, ...) =
        (int (*)(const char *, int, ...))dlsym(RTLD_NEXT, "open64");
    return next(path, flags, mode);
}
