/*
 * What holds of all connections of a trace together: each was opened, with a number of its own; and
 * what a call chose for an end's packets, or has not.
 */
#include "tcp_in.h"

#include <string.h>

enum { DSCP_SHIFT = 2 }; /* of the traffic class: RFC 2474 section 3 */

static bool is_real(enum sp_end end)
{
    return end == SP_END_CLIENT || end == SP_END_SERVER;
}

/* Whether the other side had sent something of that class: what answers for no socket copies it. */
static bool is_copied(const struct ctx *ctx, const struct sp_event *event)
{
    for (size_t i = 0; i < ctx->trace->len && ctx->trace->events[i].t_ns <= event->t_ns; i++) {
        const struct sp_event *before = &ctx->trace->events[i];
        if (before->kind == SP_EV_SEG && before->end != event->end &&
            before->u.seg.seg.tos >> DSCP_SHIFT == event->u.seg.seg.tos >> DSCP_SHIFT)
            return true;
    }
    return false;
}

static void rule_class(struct ctx *ctx, const struct sp_flight *flight)
{
    unsigned dscp = flight->sent->u.seg.seg.tos >> DSCP_SHIFT;
    if (dscp && !ctx->facts[flight->from].class_set && !is_copied(ctx, flight->sent))
        sp_tcp_violate(ctx, RULE_DSCP_UNASKED, flight->sent, flight->from,
                       "it leaves with DSCP %u, and no call had chosen one", dscp);
}

/* Whether its sender has opened a connection between the same ports from its other address. */
static bool has_moved(const struct ctx *ctx, const struct sp_conn *conn, enum sp_end from)
{
    const struct sp_flights *flights = &ctx->out->flights;
    if (!ctx->trace->head.second[from].family)
        return false;
    for (size_t i = 0; i < flights->conn_count; i++) {
        const struct sp_conn *other = &flights->conns[i];
        if (other->isn_known[from] &&
            ((other->client.port == conn->client.port && other->server.port == conn->server.port) ||
             (other->client.port == conn->server.port && other->server.port == conn->client.port)))
            return true;
    }
    return false;
}

/* A capture is there before the first call: a socket's SYN is in it, whatever came of it. Where an
 * end has two addresses, what it sends from which the case says. */
static void rule_opened(struct ctx *ctx, const struct sp_flight *flight)
{
    const struct sp_conn *conn = &ctx->out->flights.conns[flight->conn];
    const struct end_facts *facts = &ctx->facts[flight->from];
    if (conn->isn_known[flight->from] || (flight->sent->u.seg.seg.flags & SP_RST) || conn->self ||
        !facts->calls || !facts->watched || facts->blind_ns != INT64_MAX ||
        has_moved(ctx, conn, flight->from))
        return;
    sp_tcp_violate(ctx, RULE_NO_CAUSE, flight->sent, flight->from,
                   "a segment of a connection that its sender has sent no SYN of");
}

/* lwIP's number counts ticks of half a second. */
static void rule_isn(struct ctx *ctx, const struct sp_flight *flight)
{
    const struct sp_conn *conns = ctx->out->flights.conns;
    const struct sp_conn *conn = &conns[flight->conn];
    enum sp_end end = flight->from;
    if (!(flight->sent->u.seg.seg.flags & SP_SYN) || conn->self || !conn->isn_known[end] ||
        ctx->trace->head.states_hidden[end])
        return;
    for (int i = 0; i < flight->conn; i++)
        if (conns[i].isn_known[end] && conns[i].isn[end] == conn->isn[end] && !conns[i].self) {
            sp_tcp_violate(ctx, RULE_ISN_AGAIN, flight->sent, end,
                           "the initial sequence number %u, which a connection before had",
                           (unsigned)conn->isn[end]);
            return;
        }
}

/* ---- addresses ------------------------------------------------------------------------------ */

/* A box between the ends may give what passes it another address, and so may a scripted path. */
static bool is_direct(const struct sp_trace *trace)
{
    return trace->head.lab && strcmp(trace->head.lab, "routed") != 0 &&
           !trace->head.addr[SP_END_MIDDLE].family;
}

static void rule_nobody(struct ctx *ctx, const struct sp_event *event)
{
    const struct sp_seg *seg = &event->u.seg.seg;
    bool scripted = ctx->trace->head.addr[SP_END_PEER].family; /* it may send from any address */
    if (event->end == SP_END_NONE && !event->u.seg.malformed && seg->kind == SP_SEG_TCP &&
        !scripted)
        sp_tcp_violate(ctx, RULE_NO_CAUSE, event, SP_END_NONE,
                       "a segment from an address that is neither end's");
}

/* What it tells must be the two addresses of a connection of its end. */
static void rule_told(struct ctx *ctx, const struct sp_event *event)
{
    const struct sp_ev_call *call = &event->u.call;
    const struct sp_flights *flights = &ctx->out->flights;
    const struct end_facts *facts = &ctx->facts[event->end];
    bool opens = call->name && (strcmp(call->name, "accept") == 0 || //
                                strcmp(call->name, "connect") == 0);
    if (!opens || call->error || call->how != SP_CALL_RETURNED || !sp_tcp_is_told(&call->local) ||
        !sp_tcp_is_told(&call->remote) || !facts->watched || facts->blind_ns <= event->t_end_ns ||
        facts->fastopen_ns != INT64_MAX)
        return;
    for (size_t i = 0; i < flights->conn_count; i++)
        for (int side = 0; side < 2; side++) {
            const struct sp_conn *conn = &flights->conns[i];
            if (conn_end(conn, side) == event->end &&
                sp_addr_same(side == 0 ? &conn->client : &conn->server, &call->local) &&
                sp_addr_same(side == 0 ? &conn->server : &conn->client, &call->remote))
                return;
        }
    char own[SP_ADDR_TEXT], other[SP_ADDR_TEXT];
    sp_addr_print(&call->local, own, sizeof own);
    sp_addr_print(&call->remote, other, sizeof other);
    sp_tcp_violate(ctx, RULE_ADDRESS_TOLD, event, event->end,
                   "%s() tells of a connection between %s and %s, and there is none", call->name,
                   own, other);
}

void sp_tcp_rules_whole(struct ctx *ctx)
{
    bool direct = is_direct(ctx->trace) && !ctx->lossy_wire;
    for (size_t i = 0; i < ctx->trace->len && direct; i++) {
        if (ctx->trace->events[i].kind == SP_EV_SEG)
            rule_nobody(ctx, &ctx->trace->events[i]);
        else if (ctx->trace->events[i].kind == SP_EV_CALL)
            rule_told(ctx, &ctx->trace->events[i]);
    }
    const struct sp_flights *flights = &ctx->out->flights;
    for (size_t i = 0; i < flights->len && !ctx->lossy_wire; i++) {
        const struct sp_flight *flight = &flights->items[i];
        if (!flight->sent || !is_real(flight->from) || flight->sent->u.seg.seg.kind != SP_SEG_TCP)
            continue;
        rule_class(ctx, flight);
        if (flight->conn < 0)
            continue;
        rule_opened(ctx, flight);
        rule_isn(ctx, flight);
    }
}
