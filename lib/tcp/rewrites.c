/*
 * Source NAT undone. A box of the class "nat" (head.tcp[SP_END_MIDDLE]) gives what the client opens
 * another source; all that the server's side saw then names that one: segments, states, calls. The
 * audit and the judge want one name for one connection, so they are given a copy of the trace in
 * which the server's side had seen the client's own.
 *
 * What stands for what is learned from SYNs: one that comes to the server from a stranger, with the
 * sequence number of one that left the client for the same port. Nothing else is taken for granted
 * of a NAT (RFC 5382 section 1): it may keep the port or choose another, and use one again.
 */
#include "tcp_in.h"

#include <stdlib.h>
#include <string.h>

struct rewrite {
    struct sp_addr inner; /* as the client calls itself */
    struct sp_addr outer; /* as the server sees it */
    int64_t from_ns;      /* when the client's SYN left */
};

struct rewrites {
    struct rewrite *items;
    size_t len, cap;
};

bool sp_tcp_rewrites(const struct sp_trace *trace)
{
    const char *box = trace->head.tcp[SP_END_MIDDLE].name;
    return box && strcmp(box, "nat") == 0;
}

static bool is_syn_at(const struct sp_event *event, enum sp_point point)
{
    return event->kind == SP_EV_SEG && event->u.seg.point == point && !event->u.seg.malformed &&
           event->u.seg.seg.kind == SP_SEG_TCP &&
           (event->u.seg.seg.flags & (SP_SYN | SP_ACK)) == SP_SYN;
}

static const struct sp_event *origin_of(const struct sp_trace *trace, const struct sp_event *syn)
{
    const struct sp_seg *seg = &syn->u.seg.seg;
    for (size_t i = 0; i < trace->len; i++) {
        const struct sp_event *event = &trace->events[i];
        const struct sp_seg *own = &event->u.seg.seg;
        if (is_syn_at(event, SP_AT_CLIENT) && own->seq == seg->seq &&
            sp_addr_same(&own->dst, &seg->dst) &&
            sp_addr_same_ip(&own->src, &trace->head.addr[SP_END_CLIENT]) &&
            event->t_ns <= syn->t_ns + SKEW_NS)
            return event;
    }
    return NULL;
}

static void learn(const struct sp_trace *trace, struct rewrites *out)
{
    for (size_t i = 0; i < trace->len; i++) {
        const struct sp_event *event = &trace->events[i];
        const struct sp_seg *seg = &event->u.seg.seg;
        if (!is_syn_at(event, SP_AT_SERVER) ||
            !sp_addr_same_ip(&seg->dst, &trace->head.addr[SP_END_SERVER]) ||
            sp_addr_same_ip(&seg->src, &trace->head.addr[SP_END_CLIENT]))
            continue;
        const struct sp_event *origin = origin_of(trace, event);
        if (!origin)
            continue;
        SP_PUSH(out->items, out->len, out->cap) = (struct rewrite){
            .inner = origin->u.seg.seg.src, .outer = seg->src, .from_ns = origin->t_ns};
    }
}

/* The client's own address for one that the server's side saw; false where it is none of those. */
static bool undo(const struct rewrites *rewrites, int64_t t_ns, struct sp_addr *addr)
{
    const struct rewrite *best = NULL;
    for (size_t i = 0; i < rewrites->len; i++) {
        const struct rewrite *rewrite = &rewrites->items[i];
        bool same = sp_addr_same(&rewrite->outer, addr);
        if (same && (!best || rewrite->from_ns <= t_ns + SKEW_NS))
            best = rewrite;
    }
    if (best)
        *addr = best->inner;
    return best != NULL;
}

static void undo_event(const struct rewrites *rewrites, struct sp_event *event)
{
    bool servers = event->end == SP_END_SERVER;
    switch (event->kind) {
    case SP_EV_SEG:
        if (event->u.seg.point != SP_AT_SERVER)
            break;
        if (undo(rewrites, event->t_ns, &event->u.seg.seg.src))
            event->end = SP_END_CLIENT;
        undo(rewrites, event->t_ns, &event->u.seg.seg.dst);
        break;
    case SP_EV_STATE:
        if (servers)
            undo(rewrites, event->t_ns, &event->u.state.remote);
        break;
    case SP_EV_NOTE:
        if (servers)
            undo(rewrites, event->t_ns, &event->u.note.remote);
        break;
    case SP_EV_CALL: /* named when it returns */
        if (servers)
            undo(rewrites, event->t_end_ns >= 0 ? event->t_end_ns : event->t_ns,
                 &event->u.call.remote);
        break;
    case SP_EV_LAB:
    case SP_EV_PROC:
    case SP_EV_MARK:
    case SP_EV_KIND_COUNT:
        break;
    }
}

void sp_tcp_rewrites_undo(const struct sp_trace *trace, struct sp_trace *plain)
{
    struct rewrites rewrites = {0};
    sp_trace_init(plain);
    plain->head = trace->head;
    plain->events = sp_xcalloc(trace->len ? trace->len : 1, sizeof *plain->events);
    plain->len = plain->cap = trace->len;
    if (trace->len)
        memcpy(plain->events, trace->events, trace->len * sizeof *plain->events);
    learn(trace, &rewrites);
    for (size_t i = 0; rewrites.len && i < plain->len; i++)
        undo_event(&rewrites, &plain->events[i]);
    free(rewrites.items);
}
