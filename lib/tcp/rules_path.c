/*
 * The box between the ends, on the lab routed: what leaves one end arrives at the other, once and
 * as it was, but for what a router or the declared class of the box rewrites (addresses of a nat,
 * the TTL, the IP identification). Nothing else comes out of it.
 *
 * Where the capture at one side has ended before a segment could have come (the last moments of a
 * trace), nothing is said; nor of our own clean-up, when ends vanish that a box may have forgotten.
 */
#include "tcp_in.h"

#include <stdio.h>
#include <string.h>

/* A box forwards within microseconds; on a busy machine its turn may come later. */
#define PASSAGE_NS (20 * SP_MS)

static bool is_routed(const struct sp_trace *trace)
{
    return trace->head.lab && strcmp(trace->head.lab, "routed") == 0;
}

/* Until when both captures are known to have told all, and the case's own conversation goes. */
static int64_t watched_until(const struct sp_trace *trace)
{
    int64_t until_ns = -1, end_ns = INT64_MAX;
    for (size_t i = 0; i < trace->len; i++) {
        const struct sp_event *event = &trace->events[i];
        if (event->kind != SP_EV_MARK)
            continue;
        if (event->u.mark.what == SP_MARK_FENCE && strcmp(event->u.mark.text, "wire") == 0)
            until_ns = event->t_ns - PASSAGE_NS;
        if (event->u.mark.what == SP_MARK_END && end_ns == INT64_MAX)
            end_ns = event->t_ns;
    }
    return until_ns < end_ns ? until_ns : end_ns;
}

static void flags_changed(const struct sp_seg *left, const struct sp_seg *came, char *out,
                          size_t cap)
{
    char before[SP_TCP_FLAGS_TEXT], after[SP_TCP_FLAGS_TEXT];
    sp_tcp_flags_print(left->flags, before, sizeof before);
    sp_tcp_flags_print(came->flags, after, sizeof after);
    snprintf(out, cap, "its flags from %s to %s", before, after);
}

static bool same_options(const struct sp_seg *a, const struct sp_seg *b)
{
    return a->opt_len == b->opt_len && memcmp(a->opt, b->opt, a->opt_len) == 0;
}

static void options_changed(const struct sp_seg *left, const struct sp_seg *came, char *out,
                            size_t cap)
{
    struct sp_buf before, after;
    sp_buf_init(&before, 0);
    sp_buf_init(&after, 0);
    sp_opt_print(left, 0, &before);
    sp_opt_print(came, 0, &after);
    snprintf(out, cap, "its options from <%s> to <%s>", before.data ? before.data : "",
             after.data ? after.data : "");
    sp_buf_release(&before);
    sp_buf_release(&after);
}

/* What differs between a segment as it left and as it came; false: nothing. */
static bool differs(const struct sp_seg *left, const struct sp_seg *came, char *out, size_t cap)
{
    if (left->flags != came->flags)
        flags_changed(left, came, out, cap);
    else if (left->ack != came->ack)
        snprintf(out, cap, "its acknowledgement number by %d", (int)(came->ack - left->ack));
    else if (left->window != came->window)
        snprintf(out, cap, "its window from %u to %u", left->window, came->window);
    else if (left->urgent != came->urgent)
        snprintf(out, cap, "its urgent pointer from %u to %u", left->urgent, came->urgent);
    else if (!same_options(left, came))
        options_changed(left, came, out, cap);
    else if (left->payload_hash != came->payload_hash)
        snprintf(out, cap, "its payload of %u bytes", left->payload_len);
    else if (left->checksum_ok && !came->checksum_ok)
        snprintf(out, cap, "its checksum, which is wrong now");
    else
        return false;
    return true;
}

/* The same segment from another address: what a box does that has not said that it is a nat. */
static const struct sp_event *under_another_name(const struct sp_trace *trace,
                                                 const struct sp_flight *flight)
{
    const struct sp_seg *seg = &flight->sent->u.seg.seg;
    for (size_t i = 0; i < trace->len; i++) {
        const struct sp_event *event = &trace->events[i];
        const struct sp_seg *other = &event->u.seg.seg;
        if (sp_tcp_is_segment(event) && event->u.seg.point != flight->sent->u.seg.point &&
            other->seq == seg->seq && other->flags == seg->flags &&
            other->payload_len == seg->payload_len && !sp_addr_same(&other->src, &seg->src))
            return event;
    }
    return NULL;
}

static void tell_lost(struct ctx *ctx, const struct sp_flight *flight, const char *to_name)
{
    char text[SP_ADDR_TEXT];
    struct sp_buf seg;
    const struct sp_event *other = under_another_name(ctx->trace, flight);
    sp_buf_init(&seg, 0);
    struct sp_seg shown = flight->sent->u.seg.seg;
    uint32_t rel_seq = shown.seq - flight->rel_seq, rel_ack = shown.ack - flight->rel_ack;
    shown.opt_len = 0;
    sp_seg_print(&shown, rel_seq, rel_ack, &seg);
    if (other)
        sp_addr_print(&other->u.seg.seg.src, text, sizeof text);
    sp_tcp_violate(ctx, RULE_PATH_LOST, flight->sent, SP_END_MIDDLE,
                   "%s left %s and did not come out of the box towards %s%s%s%s", seg.data,
                   sp_end_name(flight->from), to_name, other ? "; one like it came from " : "",
                   other ? text : "", other ? ": is the box a nat?" : "");
    sp_buf_release(&seg);
}

static void tell_made(struct ctx *ctx, const struct sp_flight *flight, const char *to_name)
{
    struct sp_buf seg;
    struct sp_seg shown = flight->received->u.seg.seg;
    uint32_t rel_seq = shown.seq - flight->rel_seq, rel_ack = shown.ack - flight->rel_ack;
    sp_buf_init(&seg, 0);
    shown.opt_len = 0;
    sp_seg_print(&shown, rel_seq, rel_ack, &seg);
    sp_tcp_violate(ctx, RULE_PATH_MADE, flight->received, SP_END_MIDDLE,
                   "%s came out of the box towards %s, and %s had not sent it", seg.data, to_name,
                   sp_end_name(flight->from));
    sp_buf_release(&seg);
}

/* A nat that lets the client's own address out: once is enough. */
static void rule_leak(struct ctx *ctx)
{
    const struct sp_trace *seen = ctx->seen;
    for (size_t i = 0; sp_tcp_rewrites(seen) && i < seen->len; i++) {
        const struct sp_event *event = &seen->events[i];
        const struct sp_seg *seg = &event->u.seg.seg;
        char text[SP_ADDR_TEXT];
        if (!sp_tcp_is_segment(event) || event->u.seg.point != SP_AT_SERVER ||
            (seg->flags & (SP_SYN | SP_ACK)) != SP_SYN ||
            !sp_addr_same_ip(&seg->src, &seen->head.addr[SP_END_CLIENT]))
            continue;
        sp_addr_print(&seg->src, text, sizeof text);
        sp_tcp_violate(ctx, RULE_PATH_LEAK, &ctx->trace->events[i], SP_END_MIDDLE,
                       "the server sees the client's own address, %s", text);
        return;
    }
}

/* Without it a segment that goes round in a circle does so for ever. */
static void rule_ttl(struct ctx *ctx, const struct sp_flight *flight)
{
    uint8_t left = flight->sent->u.seg.seg.ttl, came = flight->received->u.seg.seg.ttl;
    if (came >= left)
        sp_tcp_violate(ctx, RULE_PATH_TTL, flight->received, SP_END_MIDDLE,
                       "it went into the box with a TTL of %u and came out with %u", left, came);
}

void sp_tcp_rules_path(struct ctx *ctx)
{
    const struct sp_flights *flights = &ctx->out->flights;
    if (!is_routed(ctx->trace) || ctx->lossy_wire)
        return;
    rule_leak(ctx);
    int64_t until_ns = watched_until(ctx->trace);
    for (size_t i = 0; i < flights->len; i++) {
        const struct sp_flight *flight = &flights->items[i];
        enum sp_end to = flight->from == SP_END_CLIENT ? SP_END_SERVER : SP_END_CLIENT;
        const char *from_name = sp_end_name(flight->from), *to_name = sp_end_name(to);
        char what[160];
        if (sp_tcp_shown(flight)->t_ns > until_ns)
            continue;
        if (flight->sent && flight->received) {
            if (differs(&flight->sent->u.seg.seg, &flight->received->u.seg.seg, what, sizeof what))
                sp_tcp_violate(ctx, RULE_PATH_CHANGED, flight->received, SP_END_MIDDLE,
                               "between %s and %s the box changed %s", from_name, to_name, what);
            rule_ttl(ctx, flight);
        } else if (flight->sent) {
            tell_lost(ctx, flight, to_name);
        } else {
            tell_made(ctx, flight, to_name);
        }
    }
}
