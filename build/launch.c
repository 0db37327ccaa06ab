/* Linked into the onefile's bootstrap: unpack this build once, then become it.
 *
 * The bootstrap by itself rewrites differing files in place, under whoever runs from them (concurrent first
 * starts died of SIGBUS), checks all 650 MB at every start, and stays as an outer process that kill -9 parts
 * from the inner one. So this runs before its main():
 *
 *   cache/weir/BUILD exists   exec cache/weir/BUILD/weir: no outer process, no check
 *   it does not               under a lock, let a child run the bootstrap's main(), which unpacks into
 *                             BUILD.new and then calls execv(): ours, below, renames BUILD.new to BUILD
 *
 * BUILD exists only complete. Who runs holds BUILD.lock shared; who unpacks removes builds nobody holds.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static const char BUILD[] = "@BUILD@";

static char base[PATH_MAX]; /* cache/weir */
static char home[PATH_MAX]; /* cache/weir/BUILD */
static char fresh[PATH_MAX];

static void fail(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    fputs("weir: ", stderr);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    va_end(arguments);
    exit(1);
}

static void join(char *to, const char *directory, const char *name, const char *suffix) {
    if (snprintf(to, PATH_MAX, "%s/%s%s", directory, name, suffix) >= PATH_MAX)
        fail("the path below %s is too long; set XDG_CACHE_HOME to a shorter one", directory);
}

static int present(const char *path) {
    struct stat found;
    return stat(path, &found) == 0;
}

/* Where {CACHE_DIR} of --onefile-tempdir-spec points: XDG_CACHE_HOME, else HOME/.cache. */
static void find_base(void) {
    const char *cache = getenv("XDG_CACHE_HOME");
    char fallback[PATH_MAX];
    if (cache == NULL || *cache != '/') {
        const char *user = getenv("HOME");
        if (user == NULL || *user != '/')
            fail("nowhere to unpack to: set XDG_CACHE_HOME (or HOME) to a directory of this user");
        unsetenv("XDG_CACHE_HOME");
        join(fallback, user, ".cache", "");
        cache = fallback;
    }
    mkdir(cache, 0700);
    join(base, cache, "weir", "");
    mkdir(base, 0700);
    struct stat found;
    if (lstat(base, &found) != 0 || !S_ISDIR(found.st_mode))
        fail("cannot make %s (%s); set XDG_CACHE_HOME to a directory of this user", base, strerror(errno));
    if (found.st_uid != geteuid() || (found.st_mode & 022) != 0)
        fail("%s belongs to somebody else or others may write to it: it would be run from there. "
             "Set XDG_CACHE_HOME to a directory of this user", base);
    join(home, base, BUILD, "");
    join(fresh, base, BUILD, ".new");
}

/* The build's lock file, opened and locked: `how` is LOCK_SH or LOCK_EX. -1 when that would have to wait. */
static int take_lock(const char *build, int how) {
    char path[PATH_MAX];
    join(path, base, build, ".lock");
    for (;;) {
        struct stat mine, there;
        int lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
        if (lock < 0)
            fail("cannot open %s: %s", path, strerror(errno));
        while (flock(lock, how) != 0) {
            if (errno == EINTR)
                continue;
            close(lock);
            return -1;
        }
        /* Somebody may have removed the build, lock included, while we waited. */
        if (fstat(lock, &mine) == 0 && stat(path, &there) == 0 && mine.st_ino == there.st_ino)
            return lock;
        close(lock);
    }
}

static int remove_one(const char *path, const struct stat *found, int kind, struct FTW *place) {
    (void)found, (void)kind, (void)place;
    return remove(path);
}

static void remove_tree(const char *path) {
    if (present(path))
        nftw(path, remove_one, 32, FTW_DEPTH | FTW_PHYS);
}

static void remove_old_builds(void) {
    DIR *directory = opendir(base);
    struct dirent *entry;
    while (directory != NULL && (entry = readdir(directory)) != NULL) {
        char build[NAME_MAX + 1], path[PATH_MAX];
        size_t length = strlen(entry->d_name);
        if (length <= 5 || strcmp(entry->d_name + length - 5, ".lock") != 0)
            continue;
        memcpy(build, entry->d_name, length - 5);
        build[length - 5] = 0;
        if (strcmp(build, BUILD) == 0)
            continue;
        int lock = take_lock(build, LOCK_EX | LOCK_NB);
        if (lock < 0)
            continue; /* it runs */
        join(path, base, build, "");
        remove_tree(path);
        join(path, base, build, ".new");
        remove_tree(path);
        join(path, base, build, ".lock");
        unlink(path);
        close(lock);
    }
    if (directory != NULL)
        closedir(directory);
}

/* True when this process is the one that shall unpack; false when it is done. */
static int unpack(void) {
    int lock = take_lock(BUILD, LOCK_EX);
    if (present(home)) {
        close(lock);
        return 0;
    }
    remove_tree(fresh);
    fprintf(stderr, "weir: the first start of this build unpacks it to %s\n", home);
    pid_t child = fork();
    if (child == 0)
        return 1; /* holds the lock too: a killed parent lets nobody else in before it has ended */
    int status = 0;
    if (child < 0)
        fail("cannot start a process: %s", strerror(errno));
    while (waitpid(child, &status, 0) < 0 && errno == EINTR)
        ;
    if (!present(home))
        fail("could not unpack to %s; it needs 700 MB there. XDG_CACHE_HOME names another place", home);
    remove_old_builds();
    close(lock);
    return 0;
}

__attribute__((constructor)) static void launch(int argc, char **argv, char **environment) {
    (void)argc, (void)environment;
    find_base();
    for (;;) {
        if (!present(home) && unpack())
            return;
        int lock = take_lock(BUILD, LOCK_SH);
        if (present(home)) {
            char program[PATH_MAX];
            join(program, home, "weir", "");
            fcntl(lock, F_SETFD, 0); /* held as long as the program lives */
            setenv("NUITKA_ORIGINAL_ARGV0", argv[0], 1); /* Nuitka's own name for it */
            syscall(SYS_execve, program, argv, environ);
            fail("cannot run %s: %s; is the file system mounted noexec?", program, strerror(errno));
        }
        close(lock); /* removed between the look and the lock */
    }
}

/* The bootstrap's main() comes here, in a process of its own, when the last file is written. */
int execv(const char *path, char *const argv[]) {
    (void)path, (void)argv;
    int directory = open(fresh, O_RDONLY | O_DIRECTORY);
    /* Nuitka calls it weir.bin; `ps` and people shall see weir. */
    if (directory >= 0)
        renameat(directory, "weir.bin", directory, "weir");
    /* The name must not survive a power cut that its content did not. */
    if (directory < 0 || syncfs(directory) != 0 || rename(fresh, home) != 0)
        fail("cannot finish unpacking to %s: %s", home, strerror(errno));
    _exit(0);
}
