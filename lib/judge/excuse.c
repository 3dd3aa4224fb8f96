/*
 * Whether a machine that was slow, and not the stack, may be why something failed. Then the run has
 * shown nothing.
 */
#include "impl.h"

/* Half of the shortest retransmission timeout that is in use (200 ms). */
#define SCRIPT_LATE_NS (100 * SP_MS)
/* In one piece: more than the round trips, the steps and most of the shortened timers of any case.
 */
#define STOOD_LONG_NS (500 * SP_MS)
/* Of a tail loss probe, which comes after two round trips: less is no delay but a script's pace. */
#define PROBE_LATE_NS (4 * SP_MS)

static int64_t part_of(int64_t begin_ns, int64_t end_ns, int64_t from_ns, int64_t to_ns)
{
    int64_t begin = begin_ns > from_ns ? begin_ns : from_ns;
    int64_t end = end_ns < to_ns ? end_ns : to_ns;
    return end > begin ? end - begin : 0;
}

static int64_t stalled_ns(const struct view *view, int64_t from_ns, int64_t to_ns)
{
    int64_t sum_ns = 0;
    for (size_t i = 0; i < view->stall_count; i++)
        sum_ns += part_of(view->stalls[i]->t_ns, view->stalls[i]->t_end_ns, from_ns, to_ns);
    return sum_ns;
}

/* What the threads of that end's stack waited for a processor. */
static int64_t waited_ns(const struct view *view, enum sp_end end, int64_t from_ns, int64_t to_ns)
{
    int64_t sum_ns = 0;
    for (size_t i = 0; i < view->trace->len; i++) {
        const struct sp_event *ev = &view->trace->events[i];
        if (ev->kind == SP_EV_MARK && ev->u.mark.what == SP_MARK_KEPT && ev->end == end)
            sum_ns += part_of(ev->t_ns, ev->t_end_ns, from_ns, to_ns);
    }
    return sum_ns;
}

static const struct sp_event *stall_between(const struct view *view, int64_t from_ns, int64_t to_ns)
{
    for (size_t i = 0; i < view->stall_count; i++)
        if (view->stalls[i]->t_ns <= to_ns && view->stalls[i]->t_end_ns >= from_ns)
            return view->stalls[i];
    return NULL;
}

/* The last thing that a witness told of by then; what a line waited for was no later. */
static int64_t last_seen_ns(const struct view *view, int64_t by_ns)
{
    int64_t last_ns = INT64_MIN;
    for (size_t i = 0; i < view->trace->len; i++) {
        const struct sp_event *ev = &view->trace->events[i];
        bool seen = ev->kind == SP_EV_SEG || ev->kind == SP_EV_STATE || ev->kind == SP_EV_NOTE;
        if (seen && ev->t_ns <= by_ns && ev->t_ns > last_ns)
            last_ns = ev->t_ns;
    }
    return last_ns;
}

/* From what a WIRE or STATE line waited for to when the script took notice of it. */
static int64_t notice_lag_ns(const struct view *view, const struct stmt_marks *marks,
                             int64_t from_ns, int64_t to_ns)
{
    bool awaits =
        marks->stmt && (marks->stmt->kind == SP_ST_WIRE || marks->stmt->kind == SP_ST_STATE);
    if (!awaits || marks->begin_ns < 0 || marks->done_ns < 0)
        return 0;
    int64_t seen_ns = last_seen_ns(view, marks->done_ns);
    if (seen_ns < marks->begin_ns)
        seen_ns = marks->begin_ns;
    return part_of(seen_ns, marks->done_ns, from_ns, to_ns);
}

/*
 * How long the script was on its way to a call and back, and to its next line from what it had
 * waited for, between the two times: nobody who is tested had the turn. On a machine that is busy
 * many such delays, none of them a stall, can make up a timeout.
 */
static int64_t lag_ns(const struct view *view, int64_t from_ns, int64_t to_ns)
{
    int64_t sum_ns = 0;
    for (size_t i = 1; i < view->stmt_len; i++) {
        const struct stmt_marks *marks = &view->stmts[i];
        const struct sp_event *ev = marks->call ? marks->call : marks->act;
        sum_ns += ev ? 0 : notice_lag_ns(view, marks, from_ns, to_ns);
        if (!ev || marks->begin_ns < 0)
            continue;
        if (marks->stmt && marks->stmt->kind == SP_ST_PEER && marks->done_ns >= 0) {
            sum_ns += part_of(marks->begin_ns, marks->done_ns, from_ns, to_ns); /* it is ours */
            continue;
        }
        sum_ns += part_of(marks->begin_ns, ev->t_ns, from_ns, to_ns);
        if (ev->t_end_ns >= ev->t_ns && marks->done_ns >= 0)
            sum_ns += part_of(ev->t_end_ns, marks->done_ns, from_ns, to_ns);
    }
    return sum_ns;
}

/* Its place in its lane, where it was sent again; NULL it was not. */
static const struct item *retransmission(const struct view *view, const struct sp_event *ev,
                                         const struct lane **lane)
{
    for (size_t l = 0; ev && l < view->lane_count; l++)
        for (size_t i = 0; i < view->lanes[l].len; i++) {
            *lane = &view->lanes[l];
            if ((*lane)->items[i].ev == ev)
                return (*lane)->items[i].is & IS_RETRANSMIT ? &(*lane)->items[i] : NULL;
        }
    return NULL;
}

/* How long before a retransmission what it begins with was last sent; 0 unknown. */
static int64_t timeout_ns(const struct lane *lane, const struct item *again)
{
    for (const struct item *item = again; item-- > lane->items;) {
        uint32_t offset = again->flight->rel_seq - item->flight->rel_seq;
        if (offset < sp_seg_space(&item->ev->u.seg.seg))
            return again->t_ns - item->t_ns;
    }
    return 0;
}

/*
 * Where a stack waits for the script, because a peer is its other end or a box holds what it waits
 * for, a script that was late lets timers go off that the case is not about, and what follows is
 * another conversation. An answer that was late makes the round trip long that it measures, and all
 * its timers with it.
 */
static const struct sp_event *late_script(const struct view *view, const struct finding *f)
{
    bool waits = view->plan->peer_at != SP_WHO_NONE || view->plan->needs_path;
    int64_t by_ns = f->event ? f->t_ns : f->from_ns;
    if (!waits || f->t_ns < 0 || by_ns < 0 || stalled_ns(view, 0, by_ns) < SCRIPT_LATE_NS)
        return NULL;
    return stall_between(view, 0, by_ns);
}

/* Of what it took until it was sent again, half went by on the way (of the shortest timeout where
 * it took longer): the peer could not answer in time. */
static int64_t slow_script_ns(const struct view *view, const struct finding *f)
{
    const struct lane *lane = NULL;
    const struct item *again = retransmission(view, f->event, &lane);
    if (view->plan->peer_at == SP_WHO_NONE || !again)
        return 0;
    int64_t least_ns = timeout_ns(lane, again) / 2;
    if (least_ns == 0 || least_ns > SCRIPT_LATE_NS)
        least_ns = SCRIPT_LATE_NS;
    if (least_ns < PROBE_LATE_NS)
        least_ns = PROBE_LATE_NS;
    int64_t lag = lag_ns(view, f->event->t_ns - 2 * least_ns, f->event->t_ns);
    return lag >= least_ns ? lag : 0;
}

/*
 * Where a stack in a process of its own stood still, a segment that came too many may be what it
 * made of an older one, or what the other end's kernel made of that: the RST that answers an ACK
 * behind the end of the connection.
 */
static const struct sp_event *late_stack(const struct view *view, const struct finding *f)
{
    const bool *own = view->trace->head.states_hidden;
    bool extra = f->kind == SP_FAIL_SEG_EXTRA || f->kind == SP_FAIL_SEG_WRONG ||
                 f->kind == SP_FAIL_FORBIDDEN;
    if (!extra || !f->event || f->event->kind != SP_EV_SEG || f->t_ns < 0 ||
        !(own[SP_END_CLIENT] || own[SP_END_SERVER]))
        return NULL;
    return stall_between(view, f->t_ns - OWN_STALL_NS, f->t_ns);
}

static bool is_absent(const struct finding *f)
{
    return f->kind == SP_FAIL_SEG_MISSING || f->kind == SP_FAIL_STATE_MISSING ||
           f->kind == SP_FAIL_HUNG || f->kind == SP_FAIL_QUEUE;
}

/*
 * After a machine stood still for long the script's next step was late by that, whoever is at the
 * ends: a timer that it was to forestall has gone off, and another conversation followed. That
 * excuses what was otherwise, not what never came, nor bytes out of place and broken invariants.
 */
static const struct sp_event *long_stall(const struct view *view, const struct finding *f)
{
    static const bool otherwise[] = {
        [SP_FAIL_VALUE] = true,     [SP_FAIL_ERROR] = true, [SP_FAIL_SEG_EXTRA] = true,
        [SP_FAIL_SEG_WRONG] = true, [SP_FAIL_ORDER] = true, [SP_FAIL_STATE_EXTRA] = true,
        [SP_FAIL_FORBIDDEN] = true, [SP_FAIL_STALE] = false};
    for (size_t i = 0; otherwise[f->kind] && i < view->stall_count; i++) {
        const struct sp_event *stall = view->stalls[i];
        if (stall->t_end_ns - stall->t_ns >= STOOD_LONG_NS && stall->t_ns <= f->t_ns)
            return stall;
    }
    return NULL;
}

/*
 * A stall that may be why: any, for what came too late or too early; for what did not come at all
 * within a deadline, stalls that took half of the time there was; for a call that took too long,
 * half of what it took over its bound. A moment's stall does not excuse seconds of silence.
 */
static const struct sp_event *stall_of(const struct view *view, const struct finding *f)
{
    const struct sp_event *late = late_script(view, f);
    if (!late)
        late = late_stack(view, f);
    if (!late)
        late = long_stall(view, f);
    if (late || f->from_ns < 0 || f->t_ns < 0)
        return late;
    if (is_absent(f) && stalled_ns(view, f->from_ns, f->t_ns) < (f->t_ns - f->from_ns) / 2)
        return NULL;
    if (stalled_ns(view, f->from_ns, f->t_ns) < f->over_ns / 2)
        return NULL;
    return stall_between(view, f->from_ns, f->t_ns);
}

/* Of a stack in a process of its own: lwIP's clock has whole milliseconds, gVisor's is one that it
 * calibrates itself by the processor's counter. */
#define OWN_TICK_NS SP_MS

/*
 * A kernel counts its timers in ticks. A tick that comes late (the processor that keeps them had no
 * turn) makes what was begun meanwhile end early by as much, and nobody witnesses ticks: on a clock
 * that runs by itself less than one of them is no evidence. It is on one that jumps.
 */
static bool is_within_a_tick(const struct view *view, const struct finding *f)
{
    const struct sp_trace_head *head = &view->trace->head;
    if (f->kind != SP_FAIL_EARLY || f->blames >= SP_END_COUNT || head->virtual_clock)
        return false;
    int64_t tick_ns = head->states_hidden[f->blames] ? OWN_TICK_NS
                      : head->hz > 0                 ? SP_S / head->hz
                                                     : 0;
    return f->early_ns > 0 && f->early_ns < tick_ns;
}

/*
 * What a stack in processes of its own did late, or not at all, while it waited for a processor:
 * half of the time that there was, or of what a call took over its bound. 0: that is no reason.
 */
static int64_t kept_stack_ns(const struct view *view, const struct finding *f)
{
    bool late = f->kind == SP_FAIL_LATE || is_absent(f);
    if (!late || f->from_ns < 0 || f->t_ns < 0)
        return 0;
    int64_t half_ns = (f->over_ns ? f->over_ns : f->t_ns - f->from_ns) / 2;
    int64_t kept_ns = waited_ns(view, f->blames, f->from_ns, f->t_ns);
    return kept_ns >= half_ns ? kept_ns : 0;
}

/* Around the segment that time is counted from. */
#define SENDING_NS (50 * SP_MS)

/*
 * A stack in processes of its own starts a timer and has another thread send (gVisor): where that
 * one waited for a processor the segment was seen by so much later than the timer began, and what
 * the timer brought came too early by that. 0: it waited for less.
 */
static int64_t kept_sender_ns(const struct view *view, const struct finding *f)
{
    if (f->kind != SP_FAIL_EARLY || f->blames >= SP_END_COUNT || f->from_ns < 0 ||
        f->early_ns <= 0 || !view->trace->head.states_hidden[f->blames])
        return 0;
    int64_t kept_ns = waited_ns(view, f->blames, f->from_ns - SENDING_NS, f->from_ns + SENDING_NS);
    return kept_ns >= f->early_ns ? kept_ns : 0;
}

bool excuse_of(const struct view *view, const struct finding *f, char *why, size_t cap)
{
    const struct sp_event *stall = stall_of(view, f);
    int64_t slow_ns = stall ? 0 : slow_script_ns(view, f);
    bool tick = !stall && is_within_a_tick(view, f);
    int64_t stack_ns = stall || slow_ns || tick ? 0 : kept_stack_ns(view, f);
    if (!stall && !slow_ns && !tick && !stack_ns)
        stack_ns = kept_sender_ns(view, f);
    if (f->kept_ns)
        say(why, cap, "the call had no processor for %.0f ms, and its time is not known",
            (double)f->kept_ns / (double)SP_MS);
    else if (stall)
        say(why, cap, "the machine stood still for %.0f ms meanwhile",
            (double)(stall->t_end_ns - stall->t_ns) / (double)SP_MS);
    else if (tick)
        say(why, cap,
            "too early by %.3f ms, less than a tick of the stack, which may have come late",
            (double)f->early_ns / (double)SP_MS);
    else if (slow_ns)
        say(why, cap, "the machine was slow, the script lost %.0f ms on its way before it",
            (double)slow_ns / (double)SP_MS);
    else if (stack_ns)
        say(why, cap, "the %s's stack waited for a processor for %.0f ms meanwhile",
            sp_end_name(f->blames), (double)stack_ns / (double)SP_MS);
    return f->kept_ns || stall || slow_ns || tick || stack_ns;
}
