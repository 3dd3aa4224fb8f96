#include "exec.h"

#include <string.h>

enum { STALL_MS = 40 /* woken later than this after we asked to be: the machine stood still */ };
static const int64_t DIAG_STEP_MIN_NS = 1 * SP_MS;
static const int64_t DIAG_STEP_MAX_NS = 64 * SP_MS;

int64_t exec_now(const struct exec *x)
{
    return sp_clock_now_ns() - x->trace.head.start_mono_ns;
}

/* ---- taking what has arrived ---------------------------------------------------------------- */

static enum sp_rc drain_agent(struct exec *x, enum sp_who who)
{
    struct exec_agent *agent = &x->agents[who];
    struct sp_agent_reply reply;
    bool got = true;
    while (got && agent->alive) {
        enum sp_rc rc = sp_agent_recv(&agent->conn, &reply, &got, &x->err);
        if (rc == SP_OK && got)
            rc = exec_agent_reply(x, who, &reply);
        if (rc != SP_OK) {
            sp_err_prefix(&x->err, "the %s's agent%s", sp_end_name((enum sp_end)who),
                          exec_agent_on(x, who));
            return rc;
        }
        got = got && sp_agent_conn_more(&agent->conn);
    }
    if (agent->alive && agent->conn.ended)
        agent->alive = false;
    return SP_OK;
}

/* On this machine as it is, others have sockets of the same address, too. */
static bool is_foreign(const struct exec *x, const struct sp_tp_record *record)
{
    static const uint8_t none[16];
    const struct sp_addr *remote = &record->remote;
    if (x->lab.config.kind != SP_LAB_HOSTS || record->what == SP_TP_LOST)
        return false;
    bool near_client = x->lab.config.hosts->near == SP_PLACE_CLIENT;
    const struct sp_addr *near = &x->trace.head.addr[near_client ? SP_END_CLIENT : SP_END_SERVER];
    const struct sp_addr *far = &x->trace.head.addr[near_client ? SP_END_SERVER : SP_END_CLIENT];
    bool listens = memcmp(remote->ip, none, sizeof none) == 0;
    return !sp_addr_same_ip(&record->local, near) ||
           (!listens &&
            (!sp_addr_same_ip(remote, far) || remote->port == x->lab.config.hosts->control_port));
}

/* A socket that lost its full form may go on as TIME_WAIT or orphan: only sock_diag tells. */
static void record_add(struct exec *x, const struct sp_tp_record *record)
{
    if (exec_fence_record(x, record) || is_foreign(x, record))
        return;
    sp_tp_record_add(record, &x->trace);
    if (record->what == SP_TP_STATE && record->new_state == SP_TCP_CLOSED)
        x->diag_due = true;
}

static void record_sink(const struct sp_tp_record *record, void *x)
{
    record_add(x, record);
}

static enum sp_rc drain_records(struct exec *x)
{
    struct sp_tp_record batch[SP_LINK_BATCH];
    size_t got, had = x->trace.len;
    enum sp_rc rc = SP_OK;
    if (x->records->collector)
        rc = sp_collector_drain(x->records->collector, record_sink, x, &x->err);
    while (x->records->link_fd >= 0 && (got = sp_link_recv(x->records->link_fd, batch)) > 0)
        for (size_t i = 0; i < got; i++)
            record_add(x, &batch[i]);
    if (x->trace.len != had) /* the records of others are no news */
        x->idle_since_ns = exec_now(x);
    return rc;
}

enum sp_rc exec_look(struct exec *x, bool queues)
{
    x->diag_due = false;
    for (int place = 0; place < SP_PLACE_COUNT; place++) {
        if (!x->diags[place])
            continue;
        sp_diag_listeners(x->diags[place],
                          x->listeners_due || x->trace.head.states != SP_WATCH_FULL);
        enum sp_rc rc =
            sp_diag_look(x->diags[place], &x->trace, x->trace.head.start_mono_ns, queues, &x->err);
        if (rc != SP_OK)
            return rc;
    }
    enum sp_rc rc = exec_told_read(x);
    exec_fence_filter(x);
    return rc;
}

static void note_stall(struct exec *x, int64_t from_ns, int64_t to_ns, const char *what)
{
    if (to_ns - from_ns < STALL_MS * SP_MS)
        return;
    struct sp_event *mark = exec_mark(x, SP_MARK_STALL, 0, what);
    mark->t_ns = from_ns;
    mark->t_end_ns = to_ns;
}

void exec_note_stall(struct exec *x, int64_t asked_ns)
{
    note_stall(x, asked_ns, exec_now(x), "the runner was late");
}

void exec_note_late_call(struct exec *x, int64_t from_ns, int64_t to_ns)
{
    if (x->path || x->peer)
        note_stall(x, from_ns, to_ns, "the agent was late");
}

/* Segments that we read long after they were captured: the peer could not answer them in time, the
 * box did not pass them on. */
static void note_late_segments(struct exec *x, size_t from)
{
    if ((!x->peer && !x->path) || from == x->trace.len)
        return; /* without a reading of the clock, which costs in a guest */
    int64_t now = exec_now(x);
    for (size_t i = from; i < x->trace.len; i++) {
        const struct sp_event *ev = &x->trace.events[i];
        if (ev->kind == SP_EV_SEG && now - ev->t_ns >= STALL_MS * SP_MS) {
            exec_note_stall(x, ev->t_ns);
            return;
        }
    }
}

/*
 * Where a box is between the captures, until none has anything more: then whatever has been seen to
 * arrive and not to leave did not leave.
 */
static enum sp_rc drain_captures(struct exec *x)
{
    enum sp_rc rc = SP_OK;
    size_t had;
    do {
        had = x->frames.len;
        for (unsigned i = 0; rc == SP_OK && i < x->capture_count; i++)
            if (!x->quiet_captures[i])
                rc = sp_capture_drain(x->captures[i], &x->trace, &x->frames, x->real_offset_ns,
                                      &x->err);
    } while (rc == SP_OK && x->lab.config.kind == SP_LAB_ROUTED && x->frames.len != had);
    return rc;
}

/* From what was not found quiet just now. */
static enum sp_rc drain_some(struct exec *x)
{
    enum sp_rc rc = SP_OK;
    size_t before = x->trace.len;
    if (x->path)
        rc = path_run(x->path, &x->err);
    if (rc == SP_OK && x->peer)
        rc = peer_run(x->peer, exec_now(x), &x->err);
    if (x->path || x->peer || x->lab.config.kind == SP_LAB_ROUTED) /* what they send shows, too */
        memset(x->quiet_captures, 0, sizeof x->quiet_captures);
    if (rc == SP_OK)
        rc = drain_captures(x);
    note_late_segments(x, before);
    if (rc == SP_OK)
        rc = drain_records(x);
    for (int who = SP_WHO_CLIENT; rc == SP_OK && who <= SP_WHO_SERVER; who++)
        if (!x->quiet_agents[who])
            rc = drain_agent(x, (enum sp_who)who);
    if (rc == SP_OK)
        rc = exec_told_read(x);
    exec_fence_filter(x);
    if (rc == SP_OK && x->diag_due)
        rc = exec_look(x, false);
    return rc;
}

enum sp_rc exec_drain(struct exec *x)
{
    exec_ask(x);
    return drain_some(x);
}

/* ---- waiting -------------------------------------------------------------------------------- */

static void earlier(int64_t *when_ns, int64_t other_ns)
{
    if (other_ns && other_ns < *when_ns)
        *when_ns = other_ns;
}

/* The next time at which sock_diag must be asked, on the trace's clock; 0 none. */
static int64_t next_look_ns(const struct exec *x)
{
    int64_t next = x->diag_poll_ns;
    for (int place = 0; place < SP_PLACE_COUNT; place++) {
        if (!x->diags[place])
            continue;
        int64_t look = sp_diag_next_look_ns(x->diags[place]);
        if (look) {
            look -= x->trace.head.start_mono_ns;
            next = next && next < look ? next : look;
        }
    }
    return next;
}

/*
 * Looks become rarer the longer a line waits. Where tracepoints tell of states, looks are for the
 * few that they do not show, and an eighth of the time waited is soon enough.
 */
static void poll_later(struct exec *x, int64_t now_ns)
{
    int64_t most_ns = DIAG_STEP_MAX_NS;
    if (x->trace.head.states == SP_WATCH_FULL && (now_ns - x->diag_since_ns) / 8 > most_ns)
        most_ns = (now_ns - x->diag_since_ns) / 8;
    x->diag_step_ns *= 2;
    if (x->diag_step_ns < DIAG_STEP_MIN_NS)
        x->diag_step_ns = DIAG_STEP_MIN_NS;
    if (x->diag_step_ns > most_ns)
        x->diag_step_ns = most_ns;
    x->diag_poll_ns = now_ns + x->diag_step_ns;
}

/* The kernel may be late by a thousandth of the time that poll is to wait, at most by 100 ms, to
 * wake for several timers at once (fs/select.c, select_estimate_accuracy): that is no stall. */
static int64_t poll_slack_ns(int64_t left_ns)
{
    return left_ns / 1000 < 100 * SP_MS ? left_ns / 1000 : 100 * SP_MS;
}

enum sp_rc exec_pump(struct exec *x, int64_t until_ns)
{
    int64_t wake_ns = until_ns;
    earlier(&wake_ns, next_look_ns(x));
    if (x->path)
        earlier(&wake_ns, path_next_ns(x->path));
    int64_t now = exec_now(x);
    int64_t left = wake_ns > now ? wake_ns - now : 0;
    enum sp_rc rc = exec_wait(x, wake_ns);
    if (rc != SP_OK)
        return rc;
    /* Also where something was ready by then: that it woke us late is what counts. */
    exec_note_stall(x, (wake_ns > now ? wake_ns : now) + poll_slack_ns(left));
    now = exec_now(x);
    int64_t look = next_look_ns(x);
    if (look && look <= now) {
        x->diag_due = true;
        if (x->diag_poll_ns && x->diag_poll_ns <= now)
            poll_later(x, now);
    }
    rc = drain_some(x);
    exec_note_stall(x, now); /* we may be put aside while we take it, too */
    return rc;
}

enum sp_rc exec_sleep(struct exec *x, int64_t until_ns)
{
    enum sp_rc rc = SP_OK;
    while (rc == SP_OK && exec_now(x) < until_ns)
        rc = exec_pump(x, until_ns);
    return rc;
}
