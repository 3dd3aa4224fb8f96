/* The kinds of damage. Each changes bench->copy in one place. */
#include "damage.h"

#include <string.h>

#include "clock.h"

/* ---- places -------------------------------------------------------------------------------- */

size_t site_count(const struct bench *bench, enum site site)
{
    switch (site) {
    case AT_SEGMENT:
        return bench->flights->len;
    case AT_CALL:
    case AT_STATE:
    case AT_ACTION:
    case AT_MARK:
        return bench->again.trace.len;
    case AT_LINE:
        return (size_t)bench->again.plan.last_id + 1;
    case AT_SENDER:
        return bench->flights->conn_count * 2;
    }
    return 0;
}

static const struct sp_event *line_event(const struct bench *bench, size_t id)
{
    const struct sp_judgement *j = &bench->again.judgement;
    const struct sp_line *line = id < j->line_count ? &j->lines[id] : NULL;
    return line && line->matched_count ? line->matched[line->matched_count - 1] : NULL;
}

const struct sp_event *site_event(const struct bench *bench, enum site site, size_t at)
{
    switch (site) {
    case AT_SEGMENT:
        return shown(&bench->flights->items[at]);
    case AT_CALL:
    case AT_STATE:
    case AT_ACTION:
    case AT_MARK:
        return &bench->again.trace.events[at];
    case AT_LINE:
        return line_event(bench, at);
    case AT_SENDER:
        return NULL;
    }
    return NULL;
}

/* ---- the copy ------------------------------------------------------------------------------ */

enum { ADDED_MAX = 4, DROPPED = SP_EV_KIND_COUNT };

size_t event_index(const struct bench *bench, const struct sp_event *ev)
{
    return (size_t)(ev - bench->again.trace.events);
}

void bench_copy(struct bench *bench)
{
    const struct sp_trace *whole = &bench->again.trace;
    struct sp_event *events = bench->copy.events;
    if (!events)
        events = sp_xcalloc(whole->len + ADDED_MAX, sizeof *events);
    bench->copy = *whole;
    bench->copy.events = events;
    bench->copy.cap = whole->len + ADDED_MAX;
    memcpy(events, whole->events, whole->len * sizeof *events);
}

struct sp_event *copy_of(struct bench *bench, const struct sp_event *ev)
{
    return ev ? &bench->copy.events[event_index(bench, ev)] : NULL;
}

struct sp_event *copy_add(struct bench *bench, const struct sp_event *like, int64_t t_ns)
{
    struct sp_event *ev = &bench->copy.events[bench->copy.len];
    *ev = *like;
    ev->order = (uint32_t)bench->copy.len++;
    ev->t_ns = ev->t_end_ns = t_ns;
    ev->stmt = 0;
    return ev;
}

void copy_drop(struct bench *bench, const struct sp_event *ev)
{
    if (!ev)
        return;
    struct sp_trace *copy = &bench->copy;
    size_t at = event_index(bench, ev);
    copy->events[at].kind = (enum sp_ev_kind)DROPPED;
}

/* ---- calls --------------------------------------------------------------------------------- */

static struct sp_event *call_at(struct bench *bench, size_t at)
{
    struct sp_event *ev = &bench->copy.events[at];
    return ev->kind == SP_EV_CALL && ev->u.call.how == SP_CALL_RETURNED ? ev : NULL;
}

static bool call_error(struct bench *bench, size_t at, int64_t by)
{
    struct sp_event *ev = call_at(bench, at);
    (void)by;
    if (!ev || !ev->u.call.error)
        return false;
    ev->u.call.error = strcmp(ev->u.call.error, "EIO") == 0 ? "ENOBUFS" : "EIO";
    return true;
}

int64_t damaged_value(const struct sp_ev_call *call, int64_t by)
{
    return call->value + by;
}

static bool call_value(struct bench *bench, size_t at, int64_t by)
{
    struct sp_event *ev = call_at(bench, at);
    /* what SO_ERROR gave goes by its name, which is another damage */
    if (!ev || ev->u.call.error || damaged_value(&ev->u.call, by) < 0 ||
        strcmp(ev->u.call.name, "getsockopt") == 0)
        return false;
    ev->u.call.value = damaged_value(&ev->u.call, by);
    return true;
}

static bool call_fails(struct bench *bench, size_t at, int64_t by)
{
    struct sp_event *ev = call_at(bench, at);
    (void)by;
    if (!ev || ev->u.call.error)
        return false;
    ev->u.call.value = -1;
    ev->u.call.error = "EIO";
    return true;
}

static bool call_succeeds(struct bench *bench, size_t at, int64_t by)
{
    struct sp_event *ev = call_at(bench, at);
    (void)by;
    if (!ev || !ev->u.call.error)
        return false;
    ev->u.call.value = 0;
    ev->u.call.error = NULL;
    return true;
}

static bool call_out(struct bench *bench, size_t at, int64_t by)
{
    struct sp_event *ev = call_at(bench, at);
    (void)by;
    if (!ev || !ev->u.call.out || !*ev->u.call.out)
        return false;
    ev->u.call.out = strcmp(ev->u.call.out, "NVAL") == 0 ? "HUP" : "NVAL";
    return true;
}

static bool call_signal(struct bench *bench, size_t at, int64_t by)
{
    struct sp_event *ev = call_at(bench, at);
    if (!ev)
        return false;
    ev->u.call.signal = ev->u.call.signal ? 0 : (int32_t)by;
    return true;
}

static bool call_bad_byte(struct bench *bench, size_t at, int64_t by)
{
    struct sp_event *ev = call_at(bench, at);
    bool reads = ev && (strcmp(ev->u.call.name, "recv") == 0 || //
                        strcmp(ev->u.call.name, "drain") == 0);
    if (!reads || ev->u.call.value <= 0)
        return false;
    ev->u.call.first_bad = by;
    return true;
}

static bool call_hangs(struct bench *bench, size_t at, int64_t by)
{
    struct sp_event *ev = call_at(bench, at);
    (void)by;
    if (!ev)
        return false;
    ev->u.call.how = SP_CALL_HUNG;
    return true;
}

static bool call_lost(struct bench *bench, size_t at, int64_t by)
{
    (void)by;
    if (bench->copy.events[at].kind != SP_EV_CALL)
        return false;
    copy_drop(bench, &bench->again.trace.events[at]);
    return true;
}

static bool call_elsewhere(struct bench *bench, size_t at, int64_t by)
{
    struct sp_event *ev = &bench->copy.events[at];
    (void)by;
    if (ev->kind != SP_EV_CALL || (ev->end != SP_END_CLIENT && ev->end != SP_END_SERVER))
        return false;
    ev->end = ev->end == SP_END_CLIENT ? SP_END_SERVER : SP_END_CLIENT;
    return true;
}

/* One that waited returns what it returned, and has not waited. */
static bool call_too_soon(struct bench *bench, size_t at, int64_t by)
{
    struct sp_event *ev = call_at(bench, at);
    (void)by;
    static const char *const told[] = {"connect", "accept", "recv", "drain"};
    bool tells = false;
    for (size_t i = 0; ev && i < sizeof told / sizeof told[0]; i++)
        tells = tells || strcmp(ev->u.call.name, told[i]) == 0;
    if (!tells || ev->u.call.error || ev->t_end_ns - ev->t_ns < 2 * SP_MS)
        return false;
    ev->t_end_ns = ev->t_ns + SP_US;
    return true;
}

static bool action_lost(struct bench *bench, size_t at, int64_t by)
{
    const struct sp_event *ev = &bench->again.trace.events[at];
    (void)by;
    if ((ev->kind != SP_EV_LAB && ev->kind != SP_EV_PROC) || !ev->stmt)
        return false;
    copy_drop(bench, ev);
    return true;
}

/* ---- states -------------------------------------------------------------------------------- */

static struct sp_event *state_at(struct bench *bench, size_t at)
{
    struct sp_event *ev = &bench->copy.events[at];
    return ev->kind == SP_EV_STATE ? ev : NULL;
}

static bool state_lost(struct bench *bench, size_t at, int64_t by)
{
    (void)by;
    if (!state_at(bench, at))
        return false;
    copy_drop(bench, &bench->again.trace.events[at]);
    return true;
}

enum sp_tcp_state damaged_state(enum sp_tcp_state state, int64_t by)
{
    int count = SP_TCP_STATE_COUNT - 1; /* without NONE */
    return (enum sp_tcp_state)(((int)state - 1 + (int)by) % count + 1);
}

static bool state_other(struct bench *bench, size_t at, int64_t by)
{
    struct sp_event *ev = state_at(bench, at);
    if (!ev || ev->u.state.new_state == SP_TCP_NONE)
        return false;
    ev->u.state.new_state = damaged_state(ev->u.state.new_state, by);
    return true;
}

static bool state_swapped(struct bench *bench, size_t at, int64_t by)
{
    struct sp_event *ev = state_at(bench, at);
    (void)by;
    if (!ev)
        return false;
    for (size_t i = at + 1; i < bench->copy.len; i++) {
        struct sp_event *next = state_at(bench, i);
        if (!next || next->u.state.sock_id != ev->u.state.sock_id ||
            next->u.state.source != ev->u.state.source || next->end != ev->end)
            continue;
        struct sp_ev_state mine = ev->u.state;
        int64_t looked_ns = next->u.state.not_before_ns;
        ev->u.state = next->u.state;
        ev->u.state.not_before_ns = mine.not_before_ns;
        next->u.state = mine;
        next->u.state.not_before_ns = looked_ns;
        return true;
    }
    return false;
}

/* One more step of the same socket, a moment after, that the diagram allows and nothing caused. */
static bool state_stray(struct bench *bench, size_t at, int64_t by)
{
    static const enum sp_tcp_state to[SP_TCP_STATE_COUNT] = {
        [SP_TCP_SYN_SENT] = SP_TCP_CLOSED,      [SP_TCP_ESTABLISHED] = SP_TCP_CLOSE_WAIT,
        [SP_TCP_CLOSE_WAIT] = SP_TCP_LAST_ACK,  [SP_TCP_FIN_WAIT_1] = SP_TCP_CLOSING,
        [SP_TCP_FIN_WAIT_2] = SP_TCP_TIME_WAIT, [SP_TCP_LISTEN] = SP_TCP_CLOSED,
        [SP_TCP_LAST_ACK] = SP_TCP_CLOSED,
    };
    struct sp_event *ev = state_at(bench, at);
    if (!ev || ev->u.state.source != SP_STATE_TRACEPOINT || ev->t_ns > bench->end_ns ||
        !to[ev->u.state.new_state])
        return false;
    struct sp_event *stray = copy_add(bench, ev, ev->t_ns + by);
    stray->u.state.old_state = ev->u.state.new_state;
    stray->u.state.new_state = to[ev->u.state.new_state];
    stray->u.state.not_before_ns = stray->t_ns;
    return true;
}

/* ---- marks ------------------------------------------------------------------ */

static bool mark_lost(struct bench *bench, size_t at, int64_t by)
{
    const struct sp_event *ev = &bench->again.trace.events[at];
    if (ev->kind != SP_EV_MARK || (int64_t)ev->u.mark.what != by)
        return false;
    copy_drop(bench, ev);
    return true;
}

/* ---- time ---------------------------------------------------------------------------------- */

/* When the line's clock began to run. */
static int64_t base_of(const struct bench *bench, const struct sp_stmt *stmt,
                       const struct sp_bound *bound)
{
    const struct sp_judgement *j = &bench->again.judgement;
    for (size_t id = stmt->id; id-- > 1;) {
        const struct sp_stmt *before = sp_plan_stmt(&bench->again.plan, (uint32_t)id);
        if (!before || j->lines[id].t_ns < 0)
            continue;
        if (!bound->since || (before->label && strcmp(before->label, bound->since) == 0))
            return j->lines[id].t_ns;
    }
    return -1;
}

static void move_event(struct bench *bench, const struct sp_event *ev, int64_t shift_ns)
{
    struct sp_event *moved = copy_of(bench, ev);
    moved->t_ns += shift_ns;
    moved->t_end_ns += shift_ns;
    if (moved->kind == SP_EV_STATE)
        moved->u.state.not_before_ns += shift_ns;
}

static bool line_moved(struct bench *bench, size_t id, int64_t by)
{
    const struct sp_stmt *stmt = sp_plan_stmt(&bench->again.plan, (uint32_t)id);
    const struct sp_event *ev = stmt ? line_event(bench, id) : NULL;
    if (!ev)
        return false;
    const struct sp_variant *as = bench->as[event_index(bench, ev)];
    bool is_call = ev->kind == SP_EV_CALL;
    const struct sp_bound *bound = is_call ? &stmt->expect.took : &stmt->when;
    if (as && is_call && as->has_expect && as->expect.took.kind != SP_BOUND_NONE)
        bound = &as->expect.took;
    if (as && !is_call && as->when.kind != SP_BOUND_NONE)
        bound = &as->when;
    int64_t base = is_call ? ev->t_ns : base_of(bench, stmt, bound);
    if (bound->kind == SP_BOUND_NONE || base < 0 || (by < 0 && bound->min_ns <= 0) ||
        (by > 0 && bound->max_ns > 3600 * SP_S))
        return false;
    /* twice the most that the line allows, or half of the least */
    int64_t to = base + (by > 0 ? 2 * bound->max_ns : bound->min_ns / 2);
    if (is_call) {
        copy_of(bench, ev)->t_end_ns = to;
        return true;
    }
    move_event(bench, ev, to - ev->t_ns);
    for (size_t i = 0; ev->kind == SP_EV_SEG && i < bench->flights->len; i++) {
        const struct sp_flight *flight = &bench->flights->items[i];
        if (shown(flight) == ev && flight->received && flight->received != ev)
            move_event(bench, flight->received, to - ev->t_ns);
    }
    return true;
}

/* ---- the table ----------------------------------------------------------------------------- */

#define AFTER STRAY_AFTER_END
#define DATA  STRAY_DATA

const struct kind kinds[] = {
    {"segment lost", AT_SEGMENT, damage_seg_lost, 0, neutral_loss},
    {"segment did not arrive", AT_SEGMENT, damage_seg_not_arrived, 0, neutral_arrival},
    {"segment twice", AT_SEGMENT, damage_seg_twice, 5 * SP_US, NULL},
    {"flag SYN", AT_SEGMENT, damage_seg_flag, SP_SYN, NULL},
    {"flag FIN", AT_SEGMENT, damage_seg_flag, SP_FIN, neutral_fin},
    {"flag RST", AT_SEGMENT, damage_seg_flag, SP_RST, NULL},
    {"flag ACK", AT_SEGMENT, damage_seg_flag, SP_ACK, neutral_flag},
    {"flag URG", AT_SEGMENT, damage_seg_flag, SP_URG, NULL},
    {"flag ECE", AT_SEGMENT, damage_seg_flag, SP_ECE, neutral_ecn},
    {"ECN mark", AT_SEGMENT, damage_seg_ecn, 2, neutral_ecn},
    {"seq + 1", AT_SEGMENT, damage_seg_seq, 1, NULL},
    {"seq - 1", AT_SEGMENT, damage_seg_seq, -1, NULL},
    {"ack + 1", AT_SEGMENT, damage_seg_ack, 1, neutral_number},
    {"ack - 1", AT_SEGMENT, damage_seg_ack, -1, neutral_number},
    {"a byte more", AT_SEGMENT, damage_seg_length, 1, neutral_more},
    {"a byte less", AT_SEGMENT, damage_seg_length, -1, neutral_less},
    {"payload differs", AT_SEGMENT, damage_seg_payload, 1, NULL},
    {"window", AT_SEGMENT, damage_seg_window, -1, neutral_window},
    {"TTL", AT_SEGMENT, damage_seg_hops, 3, NULL},
    {"checksum", AT_SEGMENT, damage_seg_checksum, 0, NULL},
    {"timestamp", AT_SEGMENT, damage_seg_stamp, 1 << 24, NULL},
    {"other echo", AT_SEGMENT, damage_seg_echo, 1 << 24, NULL},
    {"no timestamps", AT_SEGMENT, damage_seg_unstamped, 0, neutral_unstamped},
    {"before its cause", AT_SEGMENT, damage_seg_before, 300 * SP_US, NULL},
    {"next one first", AT_SEGMENT, damage_seg_swapped, 0, neutral_order},
    {"from another host", AT_SEGMENT, damage_seg_source, 0, neutral_host},
    {"from another port", AT_SEGMENT, damage_seg_source, 1, NULL},
    {"urgent pointer + 1", AT_SEGMENT, damage_seg_pointer, 1, NULL},
    {"urgent pointer - 1", AT_SEGMENT, damage_seg_pointer, -1, NULL},
    {"window taken back", AT_SEGMENT, damage_seg_shrunk, 0, NULL},
    {"window scale", AT_SEGMENT, damage_seg_scale, 15, NULL},
    {"DSCP", AT_SEGMENT, damage_seg_class, 46, NULL},
    {"ISN again", AT_SENDER, damage_isn_again, 0, NULL},
    {"sibling error", AT_CALL, damage_call_sibling, 0, neutral_sibling},
    {"own address told", AT_CALL, damage_call_address, 0, neutral_elsewhere},
    {"other address told", AT_CALL, damage_call_address, 1, neutral_elsewhere},
    {"state skipped", AT_STATE, damage_state_skipped, 0, neutral_state_loss},
    {"other error", AT_CALL, call_error, 0, neutral_call},
    {"value + 1", AT_CALL, call_value, 1, neutral_call},
    {"value - 1", AT_CALL, call_value, -1, neutral_call},
    {"call fails", AT_CALL, call_fails, 0, neutral_call},
    {"call succeeds", AT_CALL, call_succeeds, TO_NOUGHT, neutral_call},
    {"other result", AT_CALL, call_out, 0, neutral_out},
    {"signal", AT_CALL, call_signal, 13, neutral_call},
    {"byte misplaced", AT_CALL, call_bad_byte, 0, NULL},
    {"call hangs", AT_CALL, call_hangs, 0, neutral_call},
    {"call lost", AT_CALL, call_lost, 0, neutral_call},
    {"call of the other end", AT_CALL, call_elsewhere, 0, neutral_elsewhere},
    {"call too soon", AT_CALL, call_too_soon, 0, neutral_soon},
    {"action lost", AT_ACTION, action_lost, 0, NULL},
    {"state lost", AT_STATE, state_lost, 0, neutral_state_loss},
    {"state + 1", AT_STATE, state_other, 1, neutral_state},
    {"state + 4", AT_STATE, state_other, 4, neutral_state},
    {"state + 7", AT_STATE, state_other, 7, neutral_state},
    {"states swapped", AT_STATE, state_swapped, 0, neutral_swap},
    {"state of another", AT_STATE, damage_state_socket, 0, NULL},
    {"stray state", AT_STATE, state_stray, 5 * SP_US, NULL},
    {"too late", AT_LINE, line_moved, 1, NULL},
    {"too early", AT_LINE, line_moved, -1, NULL},
    {"stray FIN", AT_SENDER, damage_stray, SP_FIN | SP_ACK, NULL},
    {"stray RST", AT_SENDER, damage_stray, SP_RST | SP_ACK, NULL},
    {"stray data", AT_SENDER, damage_stray, SP_PSH | SP_ACK | DATA, NULL},
    {"stray ACK", AT_SENDER, damage_stray, SP_ACK, NULL},
    {"stray FIN in clean-up", AT_SENDER, damage_stray, SP_FIN | SP_ACK | AFTER, NULL},
    {"stray RST in clean-up", AT_SENDER, damage_stray, SP_RST | SP_ACK | AFTER, NULL},
    {"stray data in clean-up", AT_SENDER, damage_stray, SP_PSH | SP_ACK | DATA | AFTER, NULL},
    {"stray ACK in clean-up", AT_SENDER, damage_stray, SP_ACK | AFTER, NULL},
    {"end lost", AT_MARK, mark_lost, SP_MARK_END, NULL},
    {"fence lost", AT_MARK, mark_lost, SP_MARK_FENCE, neutral_mark},
};
const size_t kind_count = sizeof kinds / sizeof kinds[0];
