#include "child.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "message.h"
#include "worker.h"

bool child_owns(const struct child *child, const struct sp_tp_record *record)
{
    return record->what == SP_TP_LOST || sp_addr_same_ip(&record->local, &child->client) ||
           sp_addr_same_ip(&record->local, &child->server) ||
           sp_addr_same_ip(&record->local, &child->second);
}

void child_records_flush(struct child *child)
{
    if (!child->batch_len)
        return;
    if (!sp_link_send(child->link_fd, child->batch, child->batch_len))
        child->lost = true;
    child->batch_len = 0;
}

void child_records_add(struct child *child, const struct sp_tp_record *record)
{
    if (child->lost) { /* tell of the gap as soon as there is room */
        struct sp_tp_record gap = {.mono_ns = record->mono_ns, .what = SP_TP_LOST};
        child->lost = !sp_link_send(child->link_fd, &gap, 1);
    }
    child->batch[child->batch_len++] = *record;
    if (child->batch_len == SP_LINK_BATCH)
        child_records_flush(child);
}

static void message_take(struct child *child, const struct message *message)
{
    struct sp_err err = {0};
    if (message->type == WORKER_WAITS)
        snprintf(child->waits_for, sizeof child->waits_for, "%.*s", (int)message->len_bytes,
                 message->data);
    else if (message->type == WORKER_RESULT)
        child->has_result = sp_result_read(message->data, message->len_bytes, &child->arena,
                                           &child->result, &err) == SP_OK;
}

static void messages_take(struct child *child)
{
    struct message message;
    size_t at = 0;
    while (message_next(&child->input, &at, &message))
        message_take(child, &message);
    messages_drop(&child->input, at);
}

bool child_read(struct child *child)
{
    char chunk[16384];
    for (;;) {
        ssize_t n = read(child->fd, chunk, sizeof chunk);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return errno != EAGAIN || (child->has_result && child->jobs_left);
        if (n == 0)
            return true;
        sp_buf_add(&child->input, chunk, (size_t)n);
        messages_take(child);
    }
}

void child_result_missing(struct child *child, int status, bool timed_out)
{
    struct sp_result *r = &child->result;
    sp_run_row_missing(child->job, &child->arena, r);
    r->duration_ms = (double)(sp_clock_now_ns() - child->begin_ns) / 1e6;
    if (timed_out)
        r->reason = "the run did not come to an end and was ended";
    else if (WIFSIGNALED(status))
        r->reason = sp_arena_printf(&child->arena, "the run's process was ended by signal %d (%s)",
                                    WTERMSIG(status), strsignal(WTERMSIG(status)));
    else
        r->reason = sp_arena_printf(&child->arena, "the run's process ended with %d and no result",
                                    WEXITSTATUS(status));
}

double child_wait(struct child *child, int *status)
{
    struct rusage use = {0};
    while (wait4(child->pid, status, 0, &use) < 0 && errno == EINTR)
        ;
    close(child->fd);
    if (child->link_fd >= 0)
        close(child->link_fd);
    sp_buf_release(&child->input);
    child->pid = 0;
    return (double)(use.ru_utime.tv_sec + use.ru_stime.tv_sec) * 1e3 +
           (double)(use.ru_utime.tv_usec + use.ru_stime.tv_usec) / 1e3;
}

void child_dismiss(struct child *child)
{
    int status;
    shutdown(child->fd, SHUT_RDWR);
    child_wait(child, &status);
}
