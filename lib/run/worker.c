#include "worker.h"

#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/types.h>
#include <unistd.h>

#include "collector_link.h"
#include "exec.h"
#include "message.h"

static void status_send(const char *text, void *arg)
{
    const int *fd = arg;
    (void)message_send(*fd, WORKER_WAITS, text, strlen(text)); /* else we are about to end, too */
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
        (void)message_send(fd, WORKER_RESULT, out.data, out.len);
    sp_buf_release(&out);
    sp_arena_release(&arena);
    return told && result.verdict != SP_VERDICT_BROKEN;
}

/* The jobs, which may be a hundred thousand, are nothing that a run's processes need: the whole
 * pages among theirs are not copied to them at each fork. */
static void keep_to_ourselves(const struct sp_run_job *jobs, size_t count)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    size_t len = count * sizeof *jobs;
    size_t before = (page - (uintptr_t)jobs % page) % page;
    if (len >= before + page) /* where it is refused, each fork costs more */
        (void)madvise((char *)jobs + before, (len - before) / page * page, MADV_DONTFORK);
}

void worker_main(const struct sp_run_job *jobs, size_t job_count, const struct sp_run_env *env,
                 int fd, const struct sp_run_records *records)
{
    struct worker_order order;
    double spent_ms = 0;
    bool go_on = true;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    setpgid(0, 0); /* Ctrl+C is for the main process, which then ends us */
    signal(SIGINT, SIG_DFL);
    signal(SIGTERM, SIG_DFL);
    signal(SIGPIPE, SIG_IGN);
    keep_to_ourselves(jobs, job_count);
    while (go_on && read(fd, &order, sizeof order) == (ssize_t)sizeof order) {
        struct sp_run_job job = jobs[order.job];
        struct sp_run_records own = *records;
        job.number = order.number;
        job.tries_before = order.tries_before;
        memcpy(own.own, order.own, sizeof own.own);
        forget_records(own.link_fd);
        go_on = run_one(&job, env, fd, &own, &spent_ms) && !order.last;
    }
    _exit(0);
}
