/* What the executor asks of the system: to be woken, and what its processes cost. */
#include "exec.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "heart.h"

enum { POLL_MAX = 2 + EXEC_CAPTURES + SP_WHO_COUNT + 3 };
/*
 * Records that we read ourselves wake nobody up: between looks whether there are any, while nothing
 * else is there. A line that waits for a state goes on with one, so they are close; elsewhere what
 * brings a record mostly brings a segment or a reply, which wake us, and each look costs an idle
 * machine its sleep.
 */
struct news_step {
    int64_t min_ns;
    int64_t max_ns;
    int part; /* of the time waited so far */
};
static const struct news_step NEWS_AWAITED = {1 * SP_MS, 32 * SP_MS, 8};
static const struct news_step NEWS_BY_THE_WAY = {4 * SP_MS, 128 * SP_MS, 1};

static unsigned poll_set(const struct exec *x, struct pollfd *set)
{
    unsigned count = 0;
    for (int who = SP_WHO_CLIENT; who <= SP_WHO_SERVER; who++)
        if (x->agents[who].alive)
            set[count++].fd = x->agents[who].conn.in_fd;
    for (unsigned i = 0; i < x->capture_count; i++)
        set[count++].fd = sp_capture_fd(x->captures[i]);
    if (x->records->link_fd >= 0)
        set[count++].fd = x->records->link_fd;
    if (x->peer)
        set[count++].fd = peer_fd(x->peer);
    if (x->path) {
        int fds[2];
        path_fds(x->path, fds);
        set[count++].fd = fds[0];
        set[count++].fd = fds[1];
    }
    for (unsigned i = 0; i < count; i++)
        set[i].events = POLLIN;
    return count;
}

/*
 * What has nothing. Agents come first in the set, so what a reply was preceded by on the wire is
 * found there by the same look.
 */
static void quiet_note(struct exec *x, const struct pollfd *set, bool known)
{
    unsigned at = 0;
    for (int who = SP_WHO_CLIENT; who <= SP_WHO_SERVER; who++)
        if (x->agents[who].alive)
            x->quiet_agents[who] = known && !set[at++].revents;
    for (unsigned i = 0; i < x->capture_count; i++)
        x->quiet_captures[i] = known && !set[at++].revents;
}

void exec_ask(struct exec *x)
{
    struct pollfd set[POLL_MAX];
    memset(set, 0, sizeof set);
    unsigned count = poll_set(x, set);
    quiet_note(x, set, poll(set, count, 0) >= 0);
}

/* Until when to sleep at most before there may be records that nobody woke us for. */
static int64_t news_ns(const struct exec *x, int64_t now)
{
    const struct news_step *by = x->diag_poll_ns ? &NEWS_AWAITED : &NEWS_BY_THE_WAY;
    int64_t step = (now - x->idle_since_ns) / by->part;
    if (step < by->min_ns)
        step = by->min_ns;
    return now + (step < by->max_ns ? step : by->max_ns);
}

/* Waits for a descriptor, for a record or for wake_ns; as ppoll(). */
static int wait_any(struct exec *x, struct pollfd *set, unsigned count, int64_t wake_ns)
{
    const struct sp_collector *collector = x->records->collector;
    int ready = 0;
    bool news = false;
    for (int64_t now = exec_now(x); ready == 0 && !news; now = exec_now(x)) {
        int64_t sleep_ns = wake_ns;
        if (collector && news_ns(x, now) < sleep_ns)
            sleep_ns = news_ns(x, now);
        int64_t left = sleep_ns > now ? sleep_ns - now : 0;
        struct timespec timeout = {.tv_sec = left / SP_S, .tv_nsec = left % SP_S};
        ready = ppoll(set, count, &timeout, NULL);
        news = collector && sp_collector_has_news(collector);
        if (sleep_ns == wake_ns || exec_now(x) >= wake_ns)
            break;
    }
    if (ready > 0)
        x->idle_since_ns = exec_now(x);
    return ready;
}

enum sp_rc exec_wait(struct exec *x, int64_t wake_ns)
{
    struct pollfd set[POLL_MAX];
    memset(set, 0, sizeof set);
    unsigned count = poll_set(x, set);
    int ready = wait_any(x, set, count, wake_ns);
    quiet_note(x, set, ready >= 0);
    if (ready < 0 && errno != EINTR)
        return sp_fail_os(&x->err, SP_E_IO, errno, "waiting for events");
    return SP_OK;
}

void exec_wait_peer(const struct exec *x, int ms)
{
    struct pollfd set = {.fd = peer_fd(x->peer), .events = POLLIN};
    poll(&set, 1, ms);
}

static double cpu_ms_of(int who)
{
    struct rusage use;
    getrusage(who, &use);
    return (double)(use.ru_utime.tv_sec + use.ru_stime.tv_sec) * 1e3 +
           (double)(use.ru_utime.tv_usec + use.ru_stime.tv_usec) / 1e3;
}

bool exec_note_machine_stalls(struct exec *x)
{
    struct heart_stall stalls[64];
    int64_t start_ns = x->trace.head.start_mono_ns;
    heart_await(x->records->heart);
    size_t count =
        heart_stalls(x->records->heart, start_ns, stalls, sizeof stalls / sizeof *stalls);
    for (size_t i = 0; i < count; i++) {
        struct sp_event *mark = exec_mark(x, SP_MARK_STALL, 0, "the machine stood still");
        mark->t_ns = stalls[i].from_ns > start_ns ? stalls[i].from_ns - start_ns : 0;
        mark->t_end_ns = stalls[i].to_ns - start_ns;
    }
    return count > 0;
}

double exec_cpu_ms(void)
{
    return cpu_ms_of(RUSAGE_SELF) + cpu_ms_of(RUSAGE_CHILDREN);
}
