#include "files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

static const char schema_mark[] = "\"sockproof-run/";
enum { SCHEMA_WITHIN_BYTES = 256, TREE_DEPTH_MAX = 16 };

static char *beside(const char *path)
{
    size_t len = strlen(path);
    char *name = sp_xcalloc(1, len + sizeof ".new");
    memcpy(name, path, len);
    memcpy(name + len, ".new", sizeof ".new");
    return name;
}

/* 0 or an errno. */
static int write_all(int fd, const char *data, size_t len)
{
    while (len) {
        ssize_t done = write(fd, data, len);
        if (done < 0 && errno != EINTR)
            return errno;
        if (done > 0) {
            data += done;
            len -= (size_t)done;
        }
    }
    return 0;
}

/* 0 or an errno. A file system may first say at close that it is full (NFS, quotas). */
static int write_and_close(int fd, const struct sp_piece *pieces, size_t count)
{
    int code = 0;
    for (size_t i = 0; i < count && !code; i++)
        code = write_all(fd, pieces[i].data, pieces[i].len_bytes);
    if (close(fd) < 0 && !code)
        code = errno;
    return code;
}

enum sp_rc sp_file_write_new(const char *path, const struct sp_piece *pieces, size_t count,
                             struct sp_err *err)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
    if (fd < 0 && errno == EEXIST)
        return sp_file_write(path, pieces, count, err);
    int code = fd < 0 ? errno : write_and_close(fd, pieces, count);
    if (code && fd >= 0)
        unlink(path);
    return code ? sp_fail_os(err, SP_E_IO, code, "cannot write %s", path) : SP_OK;
}

enum sp_rc sp_file_write(const char *path, const struct sp_piece *pieces, size_t count,
                         struct sp_err *err)
{
    char *temporary = beside(path);
    int fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0644);
    int code = fd < 0 ? errno : write_and_close(fd, pieces, count);
    if (!code && rename(temporary, path) < 0)
        code = errno;
    if (code && fd >= 0)
        unlink(temporary);
    free(temporary);
    return code ? sp_fail_os(err, SP_E_IO, code, "cannot write %s", path) : SP_OK;
}

enum sp_rc sp_file_read(const char *path, size_t max_bytes, struct sp_buf *out, struct sp_err *err)
{
    enum sp_rc rc = SP_OK;
    char chunk[16 * 1024];
    size_t total = 0;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return sp_fail_os(err, errno == ENOENT || errno == ENOTDIR ? SP_E_NOTFOUND : SP_E_IO, errno,
                          "cannot read %s", path);
    for (;;) {
        ssize_t got = read(fd, chunk, sizeof chunk);
        if (got == 0)
            break;
        if (got < 0) {
            if (errno == EINTR)
                continue;
            rc = sp_fail_os(err, SP_E_IO, errno, "cannot read %s", path);
            break;
        }
        total += (size_t)got;
        if (total > max_bytes) {
            rc = sp_fail(err, SP_E_LIMIT, "%s is larger than %zu bytes", path, max_bytes);
            break;
        }
        sp_buf_add(out, chunk, (size_t)got);
    }
    close(fd);
    return rc;
}

enum sp_rc sp_dir_make(const char *path, struct sp_err *err)
{
    if (mkdir(path, 0755) == 0) /* those above it stand, as they mostly do */
        return SP_OK;
    char *copy = sp_xstrdup(path);
    size_t len = strlen(copy);
    int code = 0;
    for (size_t i = 1; i <= len && !code; i++) {
        if (copy[i] != '/' && copy[i] != '\0')
            continue;
        char kept = copy[i];
        copy[i] = '\0';
        if (mkdir(copy, 0755) < 0 && errno != EEXIST)
            code = errno;
        copy[i] = kept;
    }
    struct stat st;
    if (!code && stat(path, &st) < 0)
        code = errno;
    else if (!code && !S_ISDIR(st.st_mode))
        code = ENOTDIR;
    free(copy);
    return code ? sp_fail_os(err, SP_E_IO, code, "cannot make the directory %s", path) : SP_OK;
}

/* Does the run.json in this directory begin as ours do? */
static bool run_json_is_ours(int dir_fd)
{
    char head[SCHEMA_WITHIN_BYTES + 1] = {0};
    int fd = openat(dir_fd, "run.json", O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0)
        return false;
    ssize_t got = read(fd, head, SCHEMA_WITHIN_BYTES);
    close(fd);
    return got > 0 && strstr(head, schema_mark);
}

enum sp_rc sp_dir_look(const char *path, enum sp_dir_state *state, struct sp_err *err)
{
    DIR *dir = opendir(path);
    if (!dir)
        return sp_fail_os(err, SP_E_IO, errno, "cannot read the directory %s", path);
    bool empty = true;
    for (struct dirent *entry; (entry = readdir(dir));)
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0 &&
            strcmp(entry->d_name, "run.json.new") != 0 &&
            strcmp(entry->d_name, "run.json.old") != 0)
            empty = false;
    *state = empty ? SP_DIR_EMPTY : run_json_is_ours(dirfd(dir)) ? SP_DIR_RESULTS : SP_DIR_FOREIGN;
    closedir(dir);
    return SP_OK;
}

/* Removes what is ours below the directory `name` of `parent`, and it too where it is then empty.
 * Returns 0 or an errno. */
static int clean_tree(int parent, const char *name, unsigned depth)
{
    int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0) /* not there, or a file or link of a stranger's */
        return errno == ENOENT || errno == ENOTDIR || errno == ELOOP ? 0 : errno;
    DIR *dir = fdopendir(fd);
    if (!dir) {
        int code = errno;
        close(fd);
        return code;
    }
    int code = 0;
    for (struct dirent *entry; !code && (entry = readdir(dir));) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        struct stat st;
        if (fstatat(fd, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
            code = errno == ENOENT ? 0 : errno;
        else if (S_ISDIR(st.st_mode) && depth < TREE_DEPTH_MAX)
            code = clean_tree(fd, entry->d_name, depth + 1);
        else if (S_ISREG(st.st_mode) && sp_store_owns_file(entry->d_name) &&
                 unlinkat(fd, entry->d_name, 0) < 0)
            code = errno;
    }
    closedir(dir);
    if (!code && unlinkat(parent, name, AT_REMOVEDIR) < 0 && errno != ENOTEMPTY &&
        errno != EEXIST && errno != ENOENT)
        code = errno;
    return code;
}

enum sp_rc sp_dir_clean(const char *dir, struct sp_err *err)
{
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int code = fd < 0 ? errno : clean_tree(fd, "cases", 0);
    if (fd >= 0)
        close(fd);
    return code ? sp_fail_os(err, SP_E_IO, code, "cannot remove the earlier results in %s", dir)
                : SP_OK;
}

enum sp_rc sp_dir_lock(const char *dir, int *fd, struct sp_err *err)
{
    int opened = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (opened < 0)
        return sp_fail_os(err, SP_E_IO, errno, "cannot open the directory %s", dir);
    if (flock(opened, LOCK_EX | LOCK_NB) < 0 && errno == EWOULDBLOCK) {
        close(opened);
        return sp_fail(err, SP_E_USAGE, "another run is writing its results to %s", dir);
    }
    *fd = opened; /* a file system without locks: nothing to hold, nothing lost */
    return SP_OK;
}
