/*
 * The pipes between an agent and its runner.
 *
 * Windows cannot wait for an anonymous pipe among other things. So a pipe that is not to wait, the
 * runner's end of an agent's output, has a thread that reads it and tells by an event; reading it
 * takes what the thread has read. The thread ends with the pipe's other end.
 */
#include "pipe.h"

#include <io.h>
#include <process.h>
#include <stdlib.h>
#include <string.h>

#include "mem.h"
#include "stack.h"

enum { PIPES = 64, ROOM_BYTES = 64 * 1024 };

/* A pipe that does not wait. */
struct reader {
    int fd; /* -1: this place is free */
    bool begun;
    HANDLE pipe, thread, room; /* room: signalled where the thread may go on */
    CRITICAL_SECTION lock;
    struct sp_buf buf; /* what has been read and not been taken */
    bool ended;
};

static struct reader *readers[PIPES];

HANDLE sp_winsock_pipe_news(void)
{
    static HANDLE news;
    if (!news)
        news = CreateEventW(NULL, FALSE, FALSE, NULL);
    return news;
}

static struct reader *reader_of(int fd)
{
    for (unsigned i = 0; i < PIPES; i++)
        if (readers[i] && readers[i]->fd == fd)
            return readers[i];
    return NULL;
}

static unsigned __stdcall reader_main(void *arg)
{
    struct reader *reader = arg;
    char data[4096];
    bool ended = false;
    while (!ended) {
        DWORD got = 0;
        ended = !ReadFile(reader->pipe, data, sizeof data, &got, NULL) || got == 0;
        EnterCriticalSection(&reader->lock);
        sp_buf_add(&reader->buf, data, got);
        reader->ended = ended;
        bool full = reader->buf.len > ROOM_BYTES;
        if (full)
            ResetEvent(reader->room);
        LeaveCriticalSection(&reader->lock);
        SetEvent(sp_winsock_pipe_news());
        if (full)
            WaitForSingleObject(reader->room, INFINITE);
    }
    return 0;
}

static enum sp_rc reader_begin(struct reader *reader, struct sp_err *err)
{
    sp_winsock_pipe_news(); /* made before another thread asks */
    reader->begun = true;
    reader->thread = (HANDLE)_beginthreadex(NULL, 0, reader_main, reader, 0, NULL);
    return reader->thread ? SP_OK : sp_fail(err, SP_E_IO, "cannot start a thread for a pipe");
}

static enum sp_rc reader_take(struct reader *reader, void *data, size_t cap, size_t *got,
                              bool *ended, struct sp_err *err)
{
    enum sp_rc rc = reader->begun ? SP_OK : reader_begin(reader, err);
    if (rc != SP_OK)
        return rc;
    EnterCriticalSection(&reader->lock);
    *got = reader->buf.len < cap ? reader->buf.len : cap;
    if (*got) {
        memcpy(data, reader->buf.data, *got);
        memmove(reader->buf.data, reader->buf.data + *got, reader->buf.len - *got);
        reader->buf.len -= *got;
    }
    *ended = reader->ended && !reader->buf.len && !*got;
    SetEvent(reader->room);
    LeaveCriticalSection(&reader->lock);
    return SP_OK;
}

enum sp_rc sp_stack_pipe_nonblock(int fd, struct sp_err *err)
{
    if (reader_of(fd))
        return SP_OK;
    for (unsigned i = 0; i < PIPES; i++) {
        if (readers[i])
            continue;
        struct reader *reader = sp_xcalloc(1, sizeof *reader);
        reader->fd = fd;
        reader->pipe = (HANDLE)_get_osfhandle(fd);
        reader->room = CreateEventW(NULL, TRUE, TRUE, NULL);
        InitializeCriticalSection(&reader->lock);
        sp_buf_init(&reader->buf, 0);
        readers[i] = reader;
        return SP_OK;
    }
    return sp_fail(err, SP_E_LIMIT, "more than %d pipes", PIPES);
}

enum sp_rc sp_stack_pipe_read(int fd, void *data, size_t cap, size_t *got, bool *ended,
                              struct sp_err *err)
{
    struct reader *reader = reader_of(fd);
    *got = 0;
    *ended = false;
    if (reader)
        return reader_take(reader, data, cap, got, ended, err);
    int len = _read(fd, data, (unsigned)cap);
    if (len < 0)
        return sp_fail(err, SP_E_IO, "reading from the other end of an agent's pipe");
    *got = (size_t)len;
    *ended = len == 0;
    return SP_OK;
}

enum sp_rc sp_stack_pipe_write(int fd, const void *data, size_t len_bytes, bool wait,
                               struct sp_err *err)
{
    size_t done = 0;
    (void)wait; /* the runner's requests are small beside the pipe's room (lib/lab/windows) */
    while (done < len_bytes) {
        int len = _write(fd, (const char *)data + done, (unsigned)(len_bytes - done));
        if (len < 0)
            return sp_fail(err, SP_E_IO, "writing to the other end of an agent's pipe");
        done += (size_t)len;
    }
    return SP_OK;
}

/* Its agent has ended by then, so the thread has come to the end of the pipe. */
static void reader_free(struct reader *reader)
{
    if (reader->thread) {
        SetEvent(reader->room);
        CancelSynchronousIo(reader->thread);
        WaitForSingleObject(reader->thread, INFINITE);
        CloseHandle(reader->thread);
    }
    CloseHandle(reader->room);
    DeleteCriticalSection(&reader->lock);
    sp_buf_release(&reader->buf);
    free(reader);
}

void sp_stack_pipe_close(int fd)
{
    for (unsigned i = 0; i < PIPES; i++)
        if (readers[i] && readers[i]->fd == fd) {
            reader_free(readers[i]);
            readers[i] = NULL;
        }
    if (fd >= 0)
        _close(fd);
}
