/*
 * Theory of operation: WIRE lines and their cursors.
 *
 * One cursor for each sender of each connection runs along what that sender let go, in leaving
 * order. A line looks at what is after its cursor: the first segment that fits is consumed. What
 * does not fit may be let by (a pure ACK, a retransmission, a keepalive or window probe, the RST
 * that answers what crossed its sender's abort), and nothing else may: it is a failure, with the
 * field that differs where it is the right kind of segment. A line that asks for one of those that
 * are let by (`ACK`, `again`, `probe`) takes the next of its kind; a retransmission never stands
 * for its original.
 *
 * Across the two senders of a connection the ladder has an order: the later line's segment left
 * after the earlier line's had arrived. Where the path kept the earlier one, or was worked on
 * while it was under way, arrival tells nothing and the leaving times are compared instead.
 * Segments that are let by anyway are passed over where they are out of order.
 *
 * What the scripted peer sends is no evidence of anybody's behaviour, but it has its place in the
 * ladder: what a later line expects of the real end left after it had arrived. So has what the
 * middle sends in the name of an end: what the other one answers left after it.
 */
#include "impl.h"

#include <string.h>

/* Beside a scripted peer nothing is: there the case says all that the real end sends. */
bool item_let_by(const struct view *view, const struct item *item)
{
    return item->is != 0 && view->plan->peer_at == SP_WHO_NONE;
}

static bool is_eligible(const struct sp_pattern *pattern, const struct item *item)
{
    switch (pattern->class_) {
    case SP_CLASS_KEEPALIVE:
        return (item->is & IS_PROBE) && !(item->is & IS_WINDOW_PROBE);
    case SP_CLASS_ZERO_WINDOW_PROBE:
        return (item->is & IS_WINDOW_PROBE) != 0;
    case SP_CLASS_ANY:
        break;
    }
    if (pattern->again)
        return (item->is & IS_RETRANSMIT) != 0;
    if (pattern->pure_ack)
        return (item->is & IS_PURE_ACK) != 0;
    return !(item->is & (IS_RETRANSMIT | IS_PROBE));
}

/* ---- order --------------------------------------------------------------------------------- */

static bool path_was_worked_on(const struct view *view, int64_t from_ns, int64_t to_ns)
{
    for (size_t i = 0; i < view->trace->len; i++) {
        const struct sp_event *ev = &view->trace->events[i];
        if (ev->kind == SP_EV_LAB && ev->t_ns >= from_ns && ev->t_ns <= to_ns)
            return true;
    }
    return false;
}

static bool is_in_order(const struct walk *walk, const struct item *item)
{
    const struct item *prev = walk->prev;
    if (!prev || prev->flight->conn != item->flight->conn || prev->ev->end == item->ev->end ||
        !item->flight->sent)
        return true;
    const struct sp_event *arrived = prev->flight->received;
    if (arrived && (!prev->flight->sent ||
                    !path_was_worked_on(walk->view, prev->flight->sent->t_ns, arrived->t_ns)))
        return item->t_ns >= arrived->t_ns;
    return !prev->flight->sent || item->t_ns >= prev->t_ns;
}

/* ---- findings ------------------------------------------------------------------------------ */

static void against(const struct sp_stmt *stmt, enum sp_fail_kind kind, const struct item *item,
                    const char *why, struct finding *f)
{
    f->kind = kind;
    f->event = item->ev;
    f->t_ns = item->t_ns;
    f->blames = item->flight->from;
    say(f->expected, sizeof f->expected, "%s", say_line(stmt));
    say_item(item, f->seen, sizeof f->seen);
    if (*why)
        say_more(f->seen, sizeof f->seen, ": %s", why);
}

static void order_say(const struct walk *walk, const struct sp_stmt *stmt, const struct item *item,
                      struct finding *f)
{
    char before[SAY_MAX];
    say_item(walk->prev, before, sizeof before);
    against(stmt, SP_FAIL_ORDER, item, "", f);
    say_more(f->expected, sizeof f->expected, ", after what came before it");
    say_more(f->seen, sizeof f->seen, ", before it had this: %s", before);
}

/* How much of the lane a line may take: what clean-up sent came too late for every line. */
static size_t lane_end(const struct view *view, const struct lane *lane)
{
    size_t end = lane->len;
    while (end && view->end_ns >= 0 && lane->items[end - 1].t_ns > view->end_ns)
        end--;
    return end;
}

static void missing_say(const struct walk *walk, const struct sp_stmt *stmt,
                        const struct lane *lane, struct finding *f)
{
    char limit[32];
    const struct view *view = walk->view;
    int64_t bound = stmt->when.kind == SP_BOUND_NONE
                        ? view->plan->case_->deadline_ns
                        : bound_max_ns(&stmt->when, view->trace->head.hz);
    sp_duration_print(bound, limit, sizeof limit);
    f->kind = SP_FAIL_SEG_MISSING;
    f->blames = (enum sp_end)stmt->who;
    say(f->expected, sizeof f->expected, "%s", say_line(stmt));
    say(f->seen, sizeof f->seen, "no %s from %s within %s",
        stmt->pattern.text ? stmt->pattern.text : "such segment",
        sp_end_name((enum sp_end)stmt->who), limit);
    size_t end = lane ? lane_end(view, lane) : 0;
    if (end) {
        char last[SAY_MAX];
        say_item(&lane->items[end - 1], last, sizeof last);
        say_more(f->seen, sizeof f->seen, "; last: %s", last);
    } else if (!lane) {
        say_more(f->seen, sizeof f->seen, "; its connection is not on the wire");
    }
}

/* ---- consuming ----------------------------------------------------------------------------- */

static enum sp_try take(struct walk *walk, const struct sp_stmt *stmt, const struct item *first,
                        const struct item *item, struct outcome *out, struct finding *f)
{
    const struct view *view = walk->view;
    if (!is_in_order(walk, first)) {
        order_say(walk, stmt, first, f);
        return SP_TRY_FAILED;
    }
    const struct sp_event *seen = item_seen_at(item, stmt->pattern.seen_at);
    out->lo_ns = out->t_ns = seen->t_ns;
    out->seg = seen;
    if (time_judge(walk, stmt, out, f) == SP_TRY_FAILED) {
        char when[SAY_MAX];
        say(when, sizeof when, "%s", f->seen);
        say_item(item, f->seen, sizeof f->seen);
        say_more(f->seen, sizeof f->seen, " %s", when);
        f->event = item->ev;
        f->blames = item->flight->from;
        return SP_TRY_FAILED;
    }
    const struct lane *lane = view_lane(view, item->flight->conn, item->flight->from);
    for (const struct item *i = first; i <= item; i++)
        if (i == first || !item_let_by(view, i))
            walk_consume(walk, stmt, item_seen_at(i, stmt->pattern.seen_at));
    walk->cursors[lane - view->lanes] = (size_t)(item - lane->items) + 1;
    walk->prev = item;
    return SP_TRY_DONE;
}

/* ---- `bytes A..B [then FIN]` --------------------------------------------------------------- */

/* How far the stream has come, and why a segment does not continue it; "" where it does. */
static void stream_add(const struct sp_pattern *pattern, const struct item *item, int64_t *next,
                       bool *ended, char *why, size_t cap)
{
    const struct sp_seg *seg = &item->ev->u.seg.seg;
    int64_t from = (int64_t)item->flight->rel_seq;
    int64_t to = from + seg->payload_len - 1;
    bool fin = (seg->flags & SP_FIN) != 0;
    *why = '\0';
    if (seg->flags & (SP_SYN | SP_RST) || (!seg->payload_len && !fin))
        say(why, cap, "it is not a part of the stream");
    else if (seg->payload_len && from > *next)
        say(why, cap, "bytes %lld..%lld, expected them from %lld", (long long)from, (long long)to,
            (long long)*next);
    else if (seg->payload_len && to > pattern->bytes.max)
        say(why, cap, "bytes %lld..%lld, expected them to end with %lld", (long long)from,
            (long long)to, (long long)pattern->bytes.max);
    else if (fin && to < pattern->bytes.max && *next <= pattern->bytes.max)
        say(why, cap, "FIN before byte %lld", (long long)pattern->bytes.max);
    else if (fin && !pattern->then_fin)
        say(why, cap, "FIN, expected none yet");
    else if (seg->payload_len)
        *next = to + 1;
    *ended = *next > pattern->bytes.max && (fin || !pattern->then_fin);
}

static enum sp_try stream_step(struct walk *walk, const struct sp_stmt *stmt, struct lane *lane,
                               struct outcome *out, struct finding *f)
{
    const struct item *first = NULL;
    int64_t next = stmt->pattern.bytes.min;
    const size_t end = lane_end(walk->view, lane);
    for (size_t i = walk->cursors[lane - walk->view->lanes]; i < end; i++) {
        const struct item *item = &lane->items[i];
        char why[SAY_MAX];
        bool ended = false;
        if (item_let_by(walk->view, item))
            continue;
        if (item->is & IS_RETRANSMIT) { /* beside a peer: no part of the stream */
            against(stmt, SP_FAIL_SEG_EXTRA, item, "", f);
            return SP_TRY_FAILED;
        }
        stream_add(&stmt->pattern, item, &next, &ended, why, sizeof why);
        if (*why) {
            bool data = (item->ev->u.seg.seg.flags & (SP_SYN | SP_RST)) == 0;
            against(stmt, data ? SP_FAIL_SEG_WRONG : SP_FAIL_SEG_EXTRA, item, why, f);
            return SP_TRY_FAILED;
        }
        first = first ? first : item;
        if (ended)
            return take(walk, stmt, first, item, out, f);
    }
    missing_say(walk, stmt, lane, f);
    if (first)
        say_more(f->seen, sizeof f->seen, "; the stream came to byte %lld", (long long)next - 1);
    return SP_TRY_PENDING;
}

/* ---- one segment --------------------------------------------------------------------------- */

/*
 * `isn-rate`: by how much the ISN has grown for each millisecond since the last connection between
 * the same addresses and ports (RFC 9293, 3.4.1). Modulo 2^32: a number that fell has grown a lot.
 */
static bool isn_rate_fits(const struct view *view, const struct sp_pattern *pattern,
                          const struct item *item, char *why, size_t cap)
{
    const struct sp_seg *seg = &item->ev->u.seg.seg;
    const struct item *last = NULL;
    if (!pattern->isn_rate.set)
        return true;
    for (size_t l = 0; l < view->lane_count; l++)
        for (size_t i = 0; i < view->lanes[l].len; i++) {
            const struct item *old = &view->lanes[l].items[i];
            const struct sp_seg *syn = &old->ev->u.seg.seg;
            if ((syn->flags & SP_SYN) && old->t_ns < item->t_ns && syn->seq != seg->seq &&
                sp_addr_same(&syn->src, &seg->src) && sp_addr_same(&syn->dst, &seg->dst) &&
                (!last || old->t_ns > last->t_ns))
                last = old;
        }
    if (!last) {
        say(why, cap, "no earlier connection between these addresses, expected one");
        return false;
    }
    int64_t grown = (int64_t)(uint32_t)(seg->seq - last->ev->u.seg.seg.seq);
    int64_t rate = grown * 1000000 / (item->t_ns - last->t_ns);
    if (rate >= pattern->isn_rate.min && rate <= pattern->isn_rate.max)
        return true;
    say(why, cap, "isn-rate=%lld (%lld in %.3f ms), expected isn-rate=%lld..%lld", (long long)rate,
        (long long)grown, (double)(item->t_ns - last->t_ns) / 1e6, (long long)pattern->isn_rate.min,
        (long long)pattern->isn_rate.max);
    return false;
}

/*
 * Where a segment goes next and, by what is left of its source route (RFC 791), then: the address
 * in its header and those in the option from the pointer on.
 */
static size_t route_of(const struct sp_seg *seg, struct sp_addr out[SP_ROUTE_MAX + 1])
{
    enum { LSRR = 131, SSRR = 137 };
    size_t count = 0;
    for (size_t at = 0; at < seg->ip_opt_len && seg->ip_opt[at] != 0;) {
        const uint8_t *opt = seg->ip_opt + at;
        size_t left = seg->ip_opt_len - at;
        size_t len = opt[0] == 1 ? 1 : left < 2 ? 0 : opt[1];
        if (len == 0 || len > left)
            break;
        bool route = (opt[0] == LSRR || opt[0] == SSRR) && len >= 3 && opt[2] >= 4;
        for (size_t to = route ? opt[2] - 1u : len; to + 4 <= len && count < SP_ROUTE_MAX;
             to += 4) {
            if (!count)
                out[count++] = seg->dst;
            out[count] = (struct sp_addr){.family = SP_IPV4};
            memcpy(out[count++].ip, opt + to, 4);
        }
        at += len;
    }
    return count;
}

static bool route_fits(const struct view *view, const struct sp_pattern *pattern,
                       const struct item *item, char *why, size_t cap)
{
    struct sp_addr have[SP_ROUTE_MAX + 1];
    if (!pattern->route)
        return true;
    size_t count = route_of(&item->ev->u.seg.seg, have);
    size_t at = 0;
    bool fits = strcmp(pattern->route, "none") == 0 && !count;
    if (strcmp(pattern->route, "none") != 0) {
        fits = true;
        for (const char *p = pattern->route; *p; at++) {
            char host[32] = "";
            struct sp_addr want;
            size_t len = strcspn(p, ",");
            if (len < sizeof host)
                memcpy(host, p, len);
            fits = fits && at < count && sp_trace_host(&view->trace->head, host, SP_IPV4, &want) &&
                   sp_addr_same_ip(&have[at], &want);
            p += len + (p[len] == ',');
        }
        fits = fits && at == count;
    }
    if (!fits)
        say(why, cap, "route=%s", count ? "" : "none");
    for (size_t i = 0; i < count && !fits; i++) {
        char ip[SP_ADDR_TEXT];
        have[i].port = 0;
        sp_addr_print(&have[i], ip, sizeof ip);
        say_more(why, cap, "%s%s", i ? "," : "", ip);
    }
    if (!fits)
        say_more(why, cap, ", expected route=%s", pattern->route);
    return fits;
}

/* `src=own`, `src=second`: which of its sender's addresses it comes from. */
static bool source_fits(const struct view *view, const struct sp_pattern *pattern,
                        const struct item *item, char *why, size_t cap)
{
    const struct sp_trace_head *head = &view->trace->head;
    enum sp_end from = item->flight->from;
    const struct sp_addr *want = pattern->own_src ? &head->addr[from] : &head->second[from];
    const struct sp_addr *src = &item->ev->u.seg.seg.src;
    if ((!pattern->own_src && !pattern->second_src) || sp_addr_same_ip(src, want))
        return true;
    char have[SP_ADDR_TEXT], asked[SP_ADDR_TEXT];
    struct sp_addr ip = *src;
    ip.port = 0;
    sp_addr_print(&ip, have, sizeof have);
    sp_addr_print(want, asked, sizeof asked);
    say(why, cap, "src=%s, expected src=%s (%s)", have, pattern->own_src ? "own" : "second", asked);
    return false;
}

static bool is_syn_before(const struct item *old, const struct item *item)
{
    const struct sp_seg *syn = &old->ev->u.seg.seg;
    const struct sp_seg *seg = &item->ev->u.seg.seg;
    return (syn->flags & SP_SYN) && old->t_ns <= item->t_ns &&
           sp_addr_same_ip(&syn->src, &seg->src) && sp_addr_same_ip(&syn->dst, &seg->dst);
}

/* The farthest from this ISN that one of the same hosts lies, the shorter way round. */
static int64_t isn_farthest(const struct view *view, const struct item *item)
{
    int64_t farthest = 0;
    for (size_t l = 0; l < view->lane_count; l++)
        for (size_t i = 0; i < view->lanes[l].len; i++) {
            const struct item *old = &view->lanes[l].items[i];
            uint32_t apart = item->ev->u.seg.seg.seq - old->ev->u.seg.seg.seq;
            int64_t shorter = apart <= UINT32_MAX / 2 ? apart : (int64_t)UINT32_MAX + 1 - apart;
            if (is_syn_before(old, item) && shorter > farthest)
                farthest = shorter;
        }
    return farthest;
}

/* `isn-spread`: the ISNs of several connections do not only follow a clock (RFC 6528). */
static bool isn_spread_fits(const struct view *view, const struct sp_pattern *pattern,
                            const struct item *item, char *why, size_t cap)
{
    const struct sp_num *want = &pattern->isn_spread;
    int64_t spread = isn_farthest(view, item);
    if (!want->set || (spread >= want->min && spread <= want->max))
        return true;
    say(why, cap, "isn-spread=%lld, expected isn-spread=%lld..%lld", (long long)spread,
        (long long)want->min, (long long)want->max);
    return false;
}

static bool isn_fits(const struct view *view, const struct sp_pattern *pattern,
                     const struct item *item, char *why, size_t cap)
{
    return isn_rate_fits(view, pattern, item, why, cap) &&
           isn_spread_fits(view, pattern, item, why, cap);
}

static enum sp_try segment_step(struct walk *walk, const struct sp_stmt *stmt, struct lane *lane,
                                struct outcome *out, struct finding *f)
{
    const struct item *near = NULL; /* let by, though it was nearly it */
    char near_why[SAY_MAX], why[SAY_MAX];
    enum sp_fail_kind near_kind = SP_FAIL_SEG_WRONG;
    const size_t end = lane_end(walk->view, lane);
    for (size_t i = walk->cursors[lane - walk->view->lanes]; i < end; i++) {
        const struct item *item = &lane->items[i];
        bool let_by = item_let_by(walk->view, item);
        bool eligible = is_eligible(&stmt->pattern, item);
        *why = '\0';
        enum fit fit = eligible ? pattern_fit(&stmt->pattern, item, why, sizeof why) : FIT_NO;
        if (fit == FIT_YES && (!isn_fits(walk->view, &stmt->pattern, item, why, sizeof why) ||
                               !source_fits(walk->view, &stmt->pattern, item, why, sizeof why) ||
                               !route_fits(walk->view, &stmt->pattern, item, why, sizeof why)))
            fit = FIT_FIELDS;
        if (fit == FIT_YES && let_by && !is_in_order(walk, item)) {
            near_kind = SP_FAIL_ORDER;
            near = item;
            continue;
        }
        if (fit == FIT_YES)
            return take(walk, stmt, item, item, out, f);
        if (let_by) {
            if (fit == FIT_FIELDS) {
                near = item;
                near_kind = SP_FAIL_SEG_WRONG;
                memcpy(near_why, why, sizeof near_why);
            }
            continue;
        }
        if (near && near_kind == SP_FAIL_SEG_WRONG)
            against(stmt, near_kind, near, near_why, f);
        else
            against(stmt, fit == FIT_FIELDS ? SP_FAIL_SEG_WRONG : SP_FAIL_SEG_EXTRA, item,
                    fit == FIT_FIELDS ? why : "", f);
        return SP_TRY_FAILED;
    }
    if (near && near_kind == SP_FAIL_ORDER)
        order_say(walk, stmt, near, f);
    else if (near)
        against(stmt, near_kind, near, near_why, f);
    else
        missing_say(walk, stmt, lane, f);
    return SP_TRY_PENDING;
}

enum sp_try peer_step(struct walk *walk, const struct sp_stmt *stmt, struct outcome *out,
                      struct finding *f)
{
    const struct sp_event *act = walk->view->stmts[stmt->id].act;
    const struct item *item = bind_peer_item(walk->view, stmt);
    (void)f;
    if (act) {
        out->lo_ns = act->t_ns;
        out->t_ns = act->t_end_ns >= 0 ? act->t_end_ns : act->t_ns;
        walk_consume(walk, stmt, act);
    }
    if (item) {
        walk_consume(walk, stmt, item->ev);
        out->seg = item->ev;
        walk->prev = item; /* what the real end answers, it answers after this */
    }
    return SP_TRY_DONE;
}

enum sp_try wire_step(struct walk *walk, const struct sp_stmt *stmt, struct outcome *out,
                      struct finding *f)
{
    if (view_watch_wire(walk->view) == SP_WATCH_ABSENT) {
        out->how = SP_LINE_UNWATCHED;
        return SP_TRY_DONE;
    }
    int conn = bind_conn(walk->view, stmt);
    if (conn < 0) {
        missing_say(walk, stmt, NULL, f);
        return SP_TRY_PENDING;
    }
    struct lane *lane = view_lane(walk->view, conn, (enum sp_end)stmt->who);
    return stmt->pattern.stream ? stream_step(walk, stmt, lane, out, f)
                                : segment_step(walk, stmt, lane, out, f);
}
