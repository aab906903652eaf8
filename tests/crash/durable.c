/* Keeps what was forced to the disk apart from what was only written, by standing before fsync and fdatasync (LD_PRELOAD).
 *
 * Below MIRROR, `files/INODE-BIRTH` is the content of a file as of its last fsync, and `folders/INODE-BIRTH` the names in a folder as of its
 * last fsync, a line each: kind, INODE-BIRTH, name. The names of the root are in `folders/root`. Nothing else survives: a file whose
 * folder was not synced has no name, one that was not synced itself is empty. sync_file_range, which forces nothing to the disk, is let through.
 *
 * With NEODEX_TEST_DEAF the store's log (`store/db`, `store.1/db`, ...) is not kept however often it is synced: what a database would
 * have that relied on sled's flush alone. */
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static int name_of(int dir, const char *path, int flags, char *name, size_t size, unsigned *mode) {
    struct statx found;
    if (statx(dir, path, flags, STATX_INO | STATX_BTIME | STATX_TYPE, &found) != 0) return -1;
    *mode = found.stx_mode;
    snprintf(name, size, "%llu-%lld.%09u", (unsigned long long)found.stx_ino, (long long)found.stx_btime.tv_sec,
             found.stx_btime.tv_nsec);
    return 0;
}

static int write_all(int to, const char *bytes, size_t length) {
    while (length > 0) {
        ssize_t wrote = write(to, bytes, length);
        if (wrote <= 0) return -1;
        bytes += wrote;
        length -= (size_t)wrote;
    }
    return 0;
}

static void keep_file(const char *from, const char *to) {
    static char buffer[1 << 20];
    int in = open(from, O_RDONLY | O_CLOEXEC);
    int out = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    ssize_t got;
    while (in >= 0 && out >= 0 && (got = read(in, buffer, sizeof buffer)) > 0)
        if (write_all(out, buffer, (size_t)got) != 0) _exit(77);
    close(in);
    close(out);
}

static void keep_folder(const char *from, const char *to) {
    FILE *out = fopen(to, "we");
    DIR *folder = opendir(from);
    struct dirent *entry;
    while (out && folder && (entry = readdir(folder))) {
        char path[PATH_MAX], name[128];
        unsigned mode;
        if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, "..")) continue;
        snprintf(path, sizeof path, "%s/%s", from, entry->d_name);
        if (name_of(AT_FDCWD, path, 0, name, sizeof name, &mode) == 0)
            fprintf(out, "%c %s %s\n", S_ISDIR(mode) ? 'd' : 'f', name, entry->d_name);
    }
    if (folder) closedir(folder);
    if (out) fclose(out);
}

static void keep(int fd) {
    const char *mirror = getenv("NEODEX_TEST_MIRROR"), *root = getenv("NEODEX_TEST_ROOT");
    char link[64], path[PATH_MAX], name[128], to[PATH_MAX], unfinished[PATH_MAX + 8];
    unsigned mode;
    ssize_t length;
    if (!mirror || !root) return;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    length = readlink(link, path, sizeof path - 1);
    if (length <= 0) return;
    path[length] = 0;
    if (strncmp(path, root, strlen(root)) != 0) return;
    if (getenv("NEODEX_TEST_DEAF") && length > 3 && !strcmp(path + length - 3, "/db") && !strstr(path, "store.new")) return;
    if (name_of(fd, "", AT_EMPTY_PATH, name, sizeof name, &mode) != 0) return;
    if (S_ISDIR(mode) && !strcmp(path, root)) snprintf(name, sizeof name, "root");
    if (snprintf(to, sizeof to, "%s/%s/%s", mirror, S_ISDIR(mode) ? "folders" : "files", name) >= (int)sizeof to) return;
    snprintf(unfinished, sizeof unfinished, "%s.new", to);
    pthread_mutex_lock(&lock);
    if (S_ISDIR(mode)) keep_folder(link, unfinished);
    else keep_file(link, unfinished);
    /* As a whole or not at all, as the parent may kill us here. */
    rename(unfinished, to);
    pthread_mutex_unlock(&lock);
}

int fsync(int fd) {
    static int (*real)(int);
    if (!real) real = (int (*)(int))dlsym(RTLD_NEXT, "fsync");
    keep(fd);
    return real(fd);
}

int fdatasync(int fd) {
    static int (*real)(int);
    if (!real) real = (int (*)(int))dlsym(RTLD_NEXT, "fdatasync");
    keep(fd);
    return real(fd);
}
