/*
 * The clock that a sender's timestamps (RFC 7323) are read from. What it stands at is nobody's
 * business: only how far it moves between two segments of one sender on one connection is held
 * against the time between their captures.
 */
#include "tcp_in.h"

#include <stdlib.h>

/* A capture may be that late; two processors may hand over one socket's segments the wrong way. */
#define LATE_TICKS 1000
#define BACK_TICKS 100
/* A clock as slow as may be ticks that often within this. */
#define SLOW_AFTER_NS (10 * SP_S)
/* Half the range of the option, at a tick a millisecond, less a margin: beyond it nobody can tell
 * forth from back. */
#define DAY_NS   (24 * 3600 * SP_S)
#define ROUND_NS (20 * DAY_NS)
/* Two clocks, the sender's and ours: they drift. */
enum { DRIFT_PARTS = 50 };

struct stamp {
    bool known;
    int64_t t_ns;
    uint32_t val;
};

/* What one sender on one connection has shown. */
struct stamps {
    struct stamp first; /* or the last one of more than a day ago */
    struct stamp last;
};

static bool read_stamp(const struct sp_event *event, struct stamp *out)
{
    struct sp_opt opt;
    if (!sp_opt_find(&event->u.seg.seg, SP_OPT_TIMESTAMPS, &opt))
        return false;
    *out = (struct stamp){true, event->t_ns, opt.ts_val};
    return true;
}

bool sp_tcp_has_namesake(const struct sp_flights *flights, int conn)
{
    for (size_t i = 0; i < flights->conn_count; i++)
        if (sp_tcp_is_after(&flights->conns[conn], &flights->conns[i]) ||
            sp_tcp_is_after(&flights->conns[i], &flights->conns[conn]))
            return true;
    return false;
}

/* What is wrong with the clock between the two; NULL nothing. */
static const char *fault(const struct stamps *seen, const struct stamp *now)
{
    int64_t since_ns = now->t_ns - seen->first.t_ns;
    int64_t ticks = (int32_t)(now->val - seen->first.val);
    int64_t since_ms = since_ns / SP_MS;
    if ((int32_t)(now->val - seen->last.val) < -BACK_TICKS)
        return "goes back";
    if (ticks > since_ms + since_ms / DRIFT_PARTS + LATE_TICKS)
        return "ticks more than once a millisecond";
    if (since_ns >= SLOW_AFTER_NS && ticks < since_ns / SP_S / 2)
        return "ticks less than once a second";
    return NULL;
}

static void hold(struct ctx *ctx, struct stamps *seen, const struct sp_flight *flight)
{
    struct stamp now;
    if (!read_stamp(flight->sent, &now))
        return;
    if (!seen->first.known || now.t_ns - seen->last.t_ns > ROUND_NS) {
        seen->first = seen->last = now;
        return;
    }
    if (now.t_ns - seen->first.t_ns > DAY_NS)
        seen->first = seen->last;
    const char *wrong = fault(seen, &now);
    if (wrong)
        sp_tcp_violate(ctx, RULE_TS_CLOCK, flight->sent, flight->from,
                       "its timestamp clock %s: %u, after %u %.3f ms before", wrong, now.val,
                       seen->last.val, (double)(now.t_ns - seen->last.t_ns) / SP_MS);
    seen->last = now;
}

void sp_tcp_rules_stamps(struct ctx *ctx)
{
    const struct sp_flights *flights = &ctx->out->flights;
    struct stamps(*seen)[SP_END_COUNT] = sp_xcalloc(flights->conn_count + 1, sizeof *seen);
    for (size_t i = 0; i < flights->len; i++) {
        const struct sp_flight *flight = &flights->items[i];
        bool real = flight->from == SP_END_CLIENT || flight->from == SP_END_SERVER;
        if (flight->sent && real && flight->conn >= 0 &&
            flight->sent->t_ns < flights->conns[flight->conn].next_ns)
            hold(ctx, &seen[flight->conn][flight->from], flight);
    }
    free(seen);
}
