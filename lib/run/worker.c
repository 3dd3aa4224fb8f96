#include "worker.h"

#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/types.h>
#include <unistd.h>

#include "collector_link.h"
#include "exec.h"

static void message_send(int fd, char type, const char *data, size_t len_bytes)
{
    char head[WORKER_HEAD_BYTES] = {type};
    uint32_t len = (uint32_t)len_bytes;
    memcpy(head + 1, &len, sizeof len);
    size_t sent = 0;
    if (write(fd, head, sizeof head) != (ssize_t)sizeof head)
        return; /* the main process is gone, and we shall be too */
    while (sent < len_bytes) {
        ssize_t n = write(fd, data + sent, len_bytes - sent);
        if (n <= 0)
            return;
        sent += (size_t)n;
    }
}

static void status_send(const char *text, void *arg)
{
    const int *fd = arg;
    message_send(*fd, WORKER_WAITS, text, strlen(text));
}

/* Records of the run before that came after its end. */
static void forget_records(int link_fd)
{
    struct sp_tp_record batch[SP_LINK_BATCH];
    while (link_fd >= 0 && sp_link_recv(link_fd, batch) > 0)
        ;
}

/* Makes one run and tells of it; *spent_ms is what this process has cost so far. False where
 * another had better not follow. */
static bool run_one(const struct sp_run_job *job, const struct sp_run_env *env, int fd,
                    const struct sp_run_records *records, double *spent_ms)
{
    struct sp_arena arena;
    struct sp_buf out;
    struct sp_result result;
    struct sp_err err = {0};
    sp_arena_init(&arena);
    sp_buf_init(&out, WORKER_MESSAGE_MAX);
    sp_run_one(job, env, records, status_send, &fd, &arena, &result);
    double now_ms = exec_cpu_ms();
    result.cpu_ms = now_ms - *spent_ms;
    *spent_ms = now_ms;
    bool told = sp_result_write(&result, &out, &err) == SP_OK;
    if (told)
        message_send(fd, WORKER_RESULT, out.data, out.len);
    sp_buf_release(&out);
    sp_arena_release(&arena);
    return told && result.verdict != SP_VERDICT_BROKEN;
}

void worker_main(const struct sp_run_job *jobs, const struct sp_run_env *env, int fd,
                 struct sp_collector *collector, int link_fd)
{
    struct worker_order order;
    double spent_ms = 0;
    bool go_on = true;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    setpgid(0, 0); /* Ctrl+C is for the main process, which then ends us */
    signal(SIGINT, SIG_DFL);
    signal(SIGTERM, SIG_DFL);
    signal(SIGPIPE, SIG_IGN);
    while (go_on && read(fd, &order, sizeof order) == (ssize_t)sizeof order) {
        struct sp_run_job job = jobs[order.job];
        struct sp_run_records records = {.collector = collector, .link_fd = link_fd};
        job.number = order.number;
        memcpy(records.own, order.own, sizeof records.own);
        forget_records(link_fd);
        go_on = run_one(&job, env, fd, &records, &spent_ms) && !order.last;
    }
    _exit(0);
}
