/* The whole audit: flights, connections, ledgers, the replay of each connection, the states. */
#include "tcp_in.h"

#include <stdlib.h>
#include <string.h>

#define ROLES(X)                                                                                   \
    X(OTHER, "other")                                                                              \
    X(SYN, "syn")                                                                                  \
    X(SYN_ACK, "syn-ack")                                                                          \
    X(DATA, "data")                                                                                \
    X(FIN, "fin")                                                                                  \
    X(RST, "rst")                                                                                  \
    X(ACK, "ack")                                                                                  \
    X(DUP_ACK, "dup-ack")                                                                          \
    X(WINDOW_UPDATE, "window-update")                                                              \
    X(RETRANSMIT, "retransmit")                                                                    \
    X(KEEPALIVE, "keepalive")                                                                      \
    X(WINDOW_PROBE, "window-probe")                                                                \
    X(CHALLENGE, "challenge")

#define CAUSES(X)                                                                                  \
    X(NONE, "none")                                                                                \
    X(CALL, "call")                                                                                \
    X(EXIT, "exit")                                                                                \
    X(SEGMENT, "segment")                                                                          \
    X(TIMER, "timer")                                                                              \
    X(WINDOW, "window")                                                                            \
    X(SCRIPT, "script")

const char *sp_role_name(enum sp_role role)
{
    static const char *const names[] = {
#define X(id, name) [SP_ROLE_##id] = name,
        ROLES(X)
#undef X
    };
    return (size_t)role < sizeof names / sizeof names[0] ? names[role] : "unknown";
}

const char *sp_cause_name(enum sp_cause cause)
{
    static const char *const names[] = {
#define X(id, name) [SP_CAUSE_##id] = name,
        CAUSES(X)
#undef X
    };
    return (size_t)cause < sizeof names / sizeof names[0] ? names[cause] : "unknown";
}

/* The peer stands where one of the two ends is not. */
static bool is_peers_side(const struct sp_trace *trace, enum sp_point point)
{
    enum sp_end usual = point == SP_AT_CLIENT   ? SP_END_CLIENT
                        : point == SP_AT_SERVER ? SP_END_SERVER
                                                : SP_END_NONE;
    return usual && trace->head.addr[SP_END_PEER].family && !trace->head.addr[usual].family;
}

static void facts_init(struct ctx *ctx)
{
    for (int end = 0; end < SP_END_COUNT; end++)
        ctx->facts[end] = (struct end_facts){
            .keepalive_ns = INT64_MAX,
            .timers_ns = INT64_MAX,
            .urgent_ns = INT64_MAX,
            .fastopen_ns = INT64_MAX,
            .blind_ns = INT64_MAX,
        };
    for (size_t i = 0; i < ctx->trace->len; i++) {
        const struct sp_event *event = &ctx->trace->events[i];
        if (event->kind == SP_EV_SEG) {
            bool lo = event->u.seg.point == SP_AT_LO;
            ctx->facts[SP_END_CLIENT].watched |= lo || event->u.seg.point == SP_AT_CLIENT;
            ctx->facts[SP_END_SERVER].watched |= lo || event->u.seg.point == SP_AT_SERVER;
            ctx->facts[SP_END_PEER].watched |= is_peers_side(ctx->trace, event->u.seg.point);
        } else if (event->kind == SP_EV_MARK && event->u.mark.what == SP_MARK_DROPS) {
            const char *text = event->u.mark.text ? event->u.mark.text : "";
            bool states = strstr(text, "state") || strstr(text, "tracepoint");
            ctx->lossy_states |= states;
            ctx->lossy_wire |= !states;
        }
    }
}

/* Flights by connection, in their order: counting sort. */
static void replay_all(struct ctx *ctx)
{
    const struct sp_flights *flights = &ctx->out->flights;
    size_t *start = sp_xcalloc(flights->conn_count + 2, sizeof *start);
    size_t *order = sp_xcalloc(flights->len, sizeof *order);
    for (size_t i = 0; i < flights->len; i++)
        start[flights->items[i].conn + 2]++;
    for (size_t i = 2; i < flights->conn_count + 2; i++)
        start[i] += start[i - 1];
    for (size_t i = 0; i < flights->len; i++)
        order[start[flights->items[i].conn + 1]++] = i;
    for (size_t i = 0; i < flights->conn_count; i++)
        sp_tcp_replay(ctx, (int)i, order + start[i], start[i + 1] - start[i]);
    free(order);
    free(start);
}

/* ---- what the path did ---------------------------------------------------------------------- */

/* What left so short before the end may be under way still. */
#define UNDER_WAY_NS (100 * SP_MS)

/* When the middle let such a segment go on, however changed: `left_ns` where it never took it,
 * INT64_MAX where it has not, or meant to later. */
static int64_t let_go_ns(const struct sp_trace *trace, uint64_t identity, int64_t left_ns)
{
    int64_t go_ns = left_ns;
    for (size_t i = 0; i < trace->len; i++) {
        const struct sp_event *event = &trace->events[i];
        if (event->kind != SP_EV_LAB || event->u.lab.was != identity)
            continue;
        bool later = strstr(event->u.lab.action, "middle delay") == event->u.lab.action ||
                     strstr(event->u.lab.action, "middle reorder") == event->u.lab.action;
        go_ns = event->u.lab.now && !later ? event->t_ns : INT64_MAX;
    }
    return go_ns;
}

static bool has_action(const struct sp_trace *trace, const char *words)
{
    for (size_t i = 0; i < trace->len; i++)
        if (trace->events[i].kind == SP_EV_LAB && strstr(trace->events[i].u.lab.action, words))
            return true;
    return false;
}

/* A fence passes each link after the script. What left this long before it has come by then. */
#define LINK_NS (5 * SP_MS)
#define BOX_NS  (20 * SP_MS) /* the box is a process, whose turn must come */

static int64_t fenced_ns(const struct sp_trace *trace)
{
    bool over = false;
    for (size_t i = 0; i < trace->len; i++) {
        const struct sp_event *event = &trace->events[i];
        if (event->kind != SP_EV_MARK)
            continue;
        over = over || event->u.mark.what == SP_MARK_END;
        if (over && event->u.mark.what == SP_MARK_FENCE &&
            strncmp(event->u.mark.text, "wire", 4) == 0)
            return event->t_ns;
    }
    return INT64_MIN;
}

static int64_t script_end_ns(const struct sp_trace *trace)
{
    for (size_t i = 0; i < trace->len; i++)
        if (trace->events[i].kind == SP_EV_MARK && trace->events[i].u.mark.what == SP_MARK_END)
            return trace->events[i].t_ns;
    return INT64_MIN;
}

int64_t sp_tcp_stood_still_ns(const struct sp_trace *trace, int64_t from_ns, int64_t to_ns)
{
    int64_t sum_ns = 0;
    for (size_t i = 0; i < trace->len; i++) {
        const struct sp_event *event = &trace->events[i];
        if (event->kind != SP_EV_MARK || event->u.mark.what != SP_MARK_STALL)
            continue;
        int64_t begin_ns = event->t_ns > from_ns ? event->t_ns : from_ns;
        int64_t end_ns = event->t_end_ns < to_ns ? event->t_end_ns : to_ns;
        sum_ns += end_ns > begin_ns ? end_ns - begin_ns : 0;
    }
    return sum_ns;
}

/* What the path was like, as far as arrivals depend on it. */
struct path {
    int64_t end_ns; /* of the script */
    int64_t fenced_ns;
    bool box;
};

/* Whether what left then has come, if anything was to come of it. */
static bool has_come(const struct sp_trace *trace, const struct path *path, int64_t left_ns)
{
    if (left_ns > path->end_ns)
        return false;
    if (path->fenced_ns == INT64_MIN)
        return left_ns <= path->end_ns - UNDER_WAY_NS;
    int64_t had_ns = path->fenced_ns - left_ns;
    if (path->box)
        had_ns -= sp_tcp_stood_still_ns(trace, left_ns, path->fenced_ns);
    return had_ns >= (path->box ? BOX_NS : LINK_NS);
}

/* Whether the path was cut then, or about to be, or only just joined again. */
static bool is_cut(const struct sp_trace *trace, int64_t t_ns)
{
    bool cut = false;
    for (size_t i = 0; i < trace->len; i++) {
        const struct sp_event *event = &trace->events[i];
        bool cuts = event->kind == SP_EV_LAB && strstr(event->u.lab.action, "cut");
        bool joins = event->kind == SP_EV_LAB && strstr(event->u.lab.action, "restore");
        int64_t after_ns = event->t_end_ns + (cuts ? LINK_NS : SKEW_NS);
        if ((cuts || joins) && event->t_ns - LINK_NS <= t_ns && t_ns <= after_ns)
            return true;
        if (event->t_ns <= t_ns)
            cut = cuts || (cut && !joins);
    }
    return cut;
}

/* Whether no other segment has its identity. */
static bool is_unlike_all(const struct sp_flights *flights, const struct sp_flight *flight)
{
    uint64_t identity = sp_tcp_identity(&flight->sent->u.seg.seg);
    for (size_t i = 0; i < flights->len; i++)
        if (&flights->items[i] != flight && flights->items[i].sent &&
            sp_tcp_identity(&flights->items[i].sent->u.seg.seg) == identity)
            return false;
    return true;
}

static const char *strayed(const struct ctx *ctx, const struct sp_flight *flight,
                           const struct path *path)
{
    const struct sp_trace *trace = ctx->trace;
    /* What a scripted peer sends to a group is nobody's address. */
    bool to_end = sp_tcp_end_of(trace, &sp_tcp_shown(flight)->u.seg.seg.dst) != SP_END_NONE;
    if (flight->from == SP_END_MIDDLE || (flight->from == SP_END_PEER && !to_end))
        return NULL;
    if (!flight->sent && flight->received->t_ns > path->end_ns)
        return NULL; /* the captures may have been read up to different moments */
    if (!flight->sent)
        return "arrived and was never sent";
    if (!flight->received && path->box && !is_unlike_all(&ctx->out->flights, flight))
        return NULL; /* which of them the middle took, nobody knows */
    if (!flight->received && is_cut(trace, flight->sent->t_ns))
        return NULL;
    if (!flight->received) {
        int64_t go_ns =
            let_go_ns(trace, sp_tcp_identity(&flight->sent->u.seg.seg), flight->sent->t_ns);
        return has_come(trace, path, go_ns) ? "was sent and did not arrive" : NULL;
    }
    if (!flight->by && flight->sent->u.seg.seg.ttl != flight->received->u.seg.seg.ttl &&
        !has_action(trace, "ttl="))
        return "arrived with another TTL than it was sent with";
    return NULL;
}

static bool middle_acted(const struct sp_trace *trace)
{
    for (size_t i = 0; i < trace->len; i++)
        if (trace->events[i].kind == SP_EV_LAB &&
            (trace->events[i].u.lab.was || trace->events[i].u.lab.now))
            return true;
    return false;
}

/*
 * A link loses and makes nothing. What arrives is what was sent, but for what the trace says that
 * the middle did. Anything else is the harness's fault, and no stack's.
 */
static void path_check(struct ctx *ctx)
{
    const struct sp_trace *trace = ctx->trace;
    struct path path = {.end_ns = script_end_ns(trace),
                        .fenced_ns = fenced_ns(trace),
                        .box = has_action(trace, "middle")};
    unsigned sides = 0;
    for (int end = SP_END_CLIENT; end <= SP_END_PEER; end++)
        sides += ctx->facts[end].watched;
    if (sides < 2 || ctx->lossy_wire || trace->head.wire != SP_WATCH_FULL ||
        path.end_ns == INT64_MIN || strcmp(trace->head.lab, "veth") != 0 ||
        (path.box && !middle_acted(trace)) || has_action(trace, "unplug"))
        return;
    for (size_t i = 0; i < ctx->out->flights.len; i++) {
        const struct sp_flight *flight = &ctx->out->flights.items[i];
        const char *what = strayed(ctx, flight, &path);
        if (!what)
            continue;
        struct sp_buf text;
        sp_buf_init(&text, 0);
        sp_seg_print(&sp_tcp_shown(flight)->u.seg.seg, 0, 0, &text);
        ctx->out->astray = sp_arena_printf(&ctx->out->arena, "the path: %s from %s %s", text.data,
                                           sp_end_name(flight->from), what);
        sp_buf_release(&text);
        return;
    }
}

/* By time; at the same time in the order in which the rules found them. */
static void violations_sort(struct sp_audit *out)
{
    for (size_t i = 1; i < out->violation_count; i++) {
        struct sp_violation moved = out->violations[i];
        size_t at = i;
        for (; at && out->violations[at - 1].event->t_ns > moved.event->t_ns; at--)
            out->violations[at] = out->violations[at - 1];
        out->violations[at] = moved;
    }
}

void sp_audit_run(const struct sp_trace *trace, struct sp_audit *out)
{
    sp_audit_run_plain(trace, trace, out);
}

void sp_audit_run_plain(const struct sp_trace *trace, const struct sp_trace *seen,
                        struct sp_audit *out)
{
    *out = (struct sp_audit){0};
    sp_arena_init(&out->arena);
    sp_flights_build(trace, &out->flights);
    struct ctx ctx = {.trace = trace, .seen = seen, .out = out};
    facts_init(&ctx);
    size_t flights = out->flights.len;
    size_t conns = out->flights.conn_count;
    out->segs = SP_ARENA_ARRAY(&out->arena, struct sp_audit_seg, flights ? flights : 1);
    ctx.sides = sp_xcalloc(conns, sizeof *ctx.sides);
    sp_tcp_ledgers_build(&ctx);
    path_check(&ctx);
    sp_tcp_rules_path(&ctx);
    sp_tcp_rules_frame(&ctx);
    sp_tcp_rules_stamps(&ctx);
    sp_tcp_rules_whole(&ctx);
    replay_all(&ctx);
    sp_tcp_rules_states(&ctx);
    sp_tcp_rules_looks(&ctx);
    sp_tcp_ledgers_free(&ctx);
    free(ctx.sides);
    violations_sort(out);
}

void sp_audit_release(struct sp_audit *audit)
{
    free(audit->violations);
    sp_flights_release(&audit->flights);
    sp_arena_release(&audit->arena);
    *audit = (struct sp_audit){0};
}
