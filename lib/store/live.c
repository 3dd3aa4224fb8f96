#include "live.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char *with_suffix(const char *path, const char *suffix)
{
    size_t size = strlen(path) + strlen(suffix) + 1;
    char *name = sp_xcalloc(1, size);
    snprintf(name, size, "%s%s", path, suffix);
    return name;
}

void sp_live_open(struct sp_live *live, const char *path)
{
    *live = (struct sp_live){.path = with_suffix(path, ""),
                             .waits = with_suffix(path, ".new"),
                             .aside = with_suffix(path, ".old"),
                             .file = {{.fd = -1}, {.fd = -1}},
                             .shown = -1};
    unlink(live->waits);
    unlink(live->aside);
}

static void let_go(struct sp_live *live, int which)
{
    if (live->file[which].fd >= 0)
        close(live->file[which].fd);
    live->file[which].fd = -1;
    live->file[which].same_bytes = 0;
}

/* 0 or an errno. */
static int write_at(int fd, const char *data, size_t len, off_t at)
{
    while (len) {
        ssize_t done = pwrite(fd, data, len, at);
        if (done < 0 && errno != EINTR)
            return errno;
        if (done > 0) {
            data += done;
            len -= (size_t)done;
            at += done;
        }
    }
    return 0;
}

/*
 * Whether somebody may still read what the file held when it had the name: a write lease is given
 * only where nobody else has the file open (fcntl(2), F_SETLEASE), and is given back at once. Who
 * opens it just then is told of by a signal; SIGURG is one that nobody minds.
 */
static bool is_read(int fd)
{
    if (fcntl(fd, F_SETSIG, SIGURG) < 0 || fcntl(fd, F_SETLEASE, F_WRLCK) < 0)
        return true;
    fcntl(fd, F_SETLEASE, F_UNLCK);
    return false;
}

/* Brings the file that waits up to the new version. 0 or an errno. */
static int fill(struct sp_live *live, int which, const struct sp_piece *pieces, size_t count)
{
    if (live->file[which].fd >= 0 && is_read(live->file[which].fd)) {
        let_go(live, which);
        unlink(live->waits); /* its reader keeps it */
    }
    size_t skip = live->file[which].same_bytes;
    size_t at = 0;
    int fd = live->file[which].fd;
    if (fd < 0)
        fd = open(live->waits, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0644);
    if (fd < 0)
        return errno;
    live->file[which].fd = fd;
    int code = 0;
    for (size_t i = 0; i < count && !code; i++) {
        size_t from = skip > at ? skip - at : 0;
        if (from < pieces[i].len_bytes)
            code = write_at(fd, (const char *)pieces[i].data + from, pieces[i].len_bytes - from,
                            (off_t)(at + from));
        at += pieces[i].len_bytes;
    }
    return code ? code : ftruncate(fd, (off_t)at) < 0 ? errno : 0;
}

/* The file that waits takes the name, and the other one waits. 0 or an errno. */
static int change_turns(struct sp_live *live, int which)
{
    if (live->shown >= 0 &&
        renameat2(AT_FDCWD, live->waits, AT_FDCWD, live->path, RENAME_EXCHANGE) == 0) {
        live->shown = which;
        return 0;
    }
    /* a file system that cannot exchange two names */
    bool both = live->shown >= 0 && link(live->path, live->aside) == 0;
    if (rename(live->waits, live->path) < 0) {
        int code = errno;
        if (both)
            unlink(live->aside);
        return code;
    }
    if (live->shown >= 0 && (!both || rename(live->aside, live->waits) < 0))
        let_go(live, live->shown); /* a file system without links: a new file each time */
    live->shown = which;
    return 0;
}

enum sp_rc sp_live_write(struct sp_live *live, const struct sp_piece *pieces, size_t count,
                         size_t same_bytes, struct sp_err *err)
{
    int which = live->shown == 0;
    int code = fill(live, which, pieces, count);
    if (!code)
        code = change_turns(live, which);
    if (code) {
        let_go(live, which);
        unlink(live->waits);
        return sp_fail_os(err, SP_E_IO, code, "cannot write %s", live->path);
    }
    live->file[which].same_bytes = same_bytes;
    return SP_OK;
}

void sp_live_forget(struct sp_live *live)
{
    live->file[0].same_bytes = live->file[1].same_bytes = 0;
}

void sp_live_close(struct sp_live *live)
{
    if (!live->path)
        return;
    let_go(live, 0);
    let_go(live, 1);
    unlink(live->waits);
    free(live->path);
    free(live->waits);
    free(live->aside);
    *live = (struct sp_live){0};
}
