/*
 * Damages that somebody else would try, who has another stack's faults in mind: a segment out of
 * its order, before what it answers, from a third party or marked as another's; a number used
 * again; a call that tells a sibling of the error or another address; a state left out.
 */
#include "damage.h"

#include <string.h>

#include "clock.h"

static bool is_neighbour(const struct sp_flight *flight, const struct sp_flight *other, bool own)
{
    return flight->conn >= 0 && other->conn == flight->conn && (other->from == flight->from) == own;
}

static void move(struct sp_event *ev, int64_t t_ns)
{
    if (ev)
        ev->t_ns = ev->t_end_ns = t_ns;
}

/* ---- order --------------------------------------------------------------------------------- */

/* The arrival that the segment is the first to acknowledge; NULL none. */
static const struct sp_flight *asked_by(const struct bench *bench, size_t at)
{
    const struct sp_flight *flight = &bench->flights->items[at];
    const struct sp_seg *seg = &shown(flight)->u.seg.seg;
    const struct sp_flight *by = NULL;
    if (!flight->sent || (seg->flags & (SP_ACK | SP_RST)) != SP_ACK)
        return NULL;
    for (size_t i = 0; i < bench->flights->len; i++) {
        const struct sp_flight *other = &bench->flights->items[i];
        const struct sp_seg *also = &shown(other)->u.seg.seg;
        uint32_t end = also->seq + sp_seg_space(also);
        if (is_neighbour(flight, other, false) && other->received && sp_seg_space(also) &&
            end == seg->ack && other->received->t_ns <= flight->sent->t_ns &&
            (!by || by->received->t_ns > other->received->t_ns))
            by = other;
        if (i != at && is_neighbour(flight, other, true) && other->sent &&
            other->sent->t_ns < flight->sent->t_ns && (also->flags & SP_ACK) &&
            also->ack == seg->ack)
            return NULL;
    }
    return by;
}

/* It leaves a moment before what it acknowledges has come. */
bool damage_seg_before(struct bench *bench, size_t at, int64_t by)
{
    const struct sp_flight *flight = &bench->flights->items[at];
    const struct sp_flight *cause = asked_by(bench, at);
    if (!cause)
        return false;
    move(copy_of(bench, flight->sent), cause->received->t_ns - by);
    if (flight->received && flight->received != flight->sent)
        move(copy_of(bench, flight->received), cause->received->t_ns - by + 2 * SP_US);
    return true;
}

/* The next new data or FIN of its sender leaves first. */
bool damage_seg_swapped(struct bench *bench, size_t at, int64_t by)
{
    const struct sp_flight *flight = &bench->flights->items[at];
    (void)by;
    for (size_t i = at + 1; sp_seg_space(&shown(flight)->u.seg.seg) && i < bench->flights->len;
         i++) {
        const struct sp_flight *next = &bench->flights->items[i];
        const struct sp_seg *seg = &shown(next)->u.seg.seg;
        if (!is_neighbour(flight, next, true) || !sp_seg_space(seg) || (seg->flags & SP_RST))
            continue;
        if (!flight->sent || !next->sent || !flight->received || !next->received ||
            sp_seq_lt(seg->seq, shown(flight)->u.seg.seg.seq + 1))
            return false;
        move(copy_of(bench, flight->sent), next->sent->t_ns);
        move(copy_of(bench, next->sent), flight->sent->t_ns);
        if (flight->received != flight->sent)
            move(copy_of(bench, flight->received), next->received->t_ns);
        if (next->received != next->sent)
            move(copy_of(bench, next->received), flight->received->t_ns);
        return true;
    }
    return false;
}

/* ---- whose it is --------------------------------------------------------------------------- */

enum { WHOLE_ADDRESS = 0 };
enum { OTHER_PORT = 0x4000 }; /* far from the ports of other connections */

/* From another host of the same network, or from another port. */
bool damage_seg_source(struct bench *bench, size_t at, int64_t by)
{
    struct sp_event *seg[2];
    unsigned count = records(bench, at, seg);
    for (unsigned i = 0; i < count; i++) {
        struct sp_addr *src = &seg[i]->u.seg.seg.src;
        seg[i]->end = by == WHOLE_ADDRESS ? SP_END_NONE : seg[i]->end; /* nobody's in this lab */
        if (by == WHOLE_ADDRESS)
            src->ip[src->family == SP_IPV6 ? 15 : 3] ^= 0x40;
        else
            src->port ^= OTHER_PORT;
    }
    return true;
}

bool damage_seg_class(struct bench *bench, size_t at, int64_t by)
{
    struct sp_event *seg[2];
    unsigned count = records(bench, at, seg);
    for (unsigned i = 0; i < count; i++)
        seg[i]->u.seg.seg.tos ^= (uint8_t)(by << 2);
    return true;
}

static void sack_move(struct sp_seg *seg, uint32_t by)
{
    struct sp_opt opt;
    if (!sp_opt_find(seg, SP_OPT_SACK, &opt))
        return;
    for (size_t i = 0; i + 4 <= opt.len - 2u; i += 4) {
        uint8_t *at = &seg->opt[opt.data - seg->opt + (ptrdiff_t)i];
        uint32_t edge =
            (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
        edge += by;
        for (int b = 0; b < 4; b++)
            at[b] = (uint8_t)(edge >> (8 * (3 - b)));
    }
}

/* All numbers of a sender count from the initial one of its connection before. */
bool damage_isn_again(struct bench *bench, size_t at, int64_t by)
{
    int conn = (int)(at / 2), before = conn;
    enum sp_end end = at % 2 ? SP_END_SERVER : SP_END_CLIENT;
    const struct sp_conn *conns = bench->flights->conns;
    (void)by;
    while (--before >= 0 && !conns[before].isn_known[end])
        ;
    if (before < 0 || !conns[conn].isn_known[end])
        return false;
    uint32_t shift = conns[before].isn[end] - conns[conn].isn[end];
    bool moved = false;
    for (size_t i = 0; i < bench->flights->len; i++) {
        struct sp_event *seg[2];
        const struct sp_flight *flight = &bench->flights->items[i];
        unsigned count = flight->conn == conn ? records(bench, i, seg) : 0;
        for (unsigned r = 0; r < count; r++) {
            struct sp_seg *s = &seg[r]->u.seg.seg;
            if (flight->from == end) {
                s->seq += shift;
            } else if (s->flags & SP_ACK) {
                s->ack += shift;
                sack_move(s, shift);
            } else if (s->flags & SP_RST) {
                s->seq += flight->rel_seq == 0 ? 0 : shift;
            }
            moved = true;
        }
    }
    return moved;
}

/* ---- calls --------------------------------------------------------------------------------- */

/* Errors that are taken for each other, each with one that says something else. */
static const char *const siblings[][2] = {
    {"ECONNRESET", "EPIPE"},       {"EPIPE", "ECONNRESET"},         {"ECONNREFUSED", "ECONNRESET"},
    {"ETIMEDOUT", "EHOSTUNREACH"}, {"EHOSTUNREACH", "ENETUNREACH"}, {"ENETUNREACH", "EHOSTUNREACH"},
    {"EAGAIN", "EINPROGRESS"},     {"EINPROGRESS", "EALREADY"},     {"EALREADY", "EINPROGRESS"},
    {"EISCONN", "EALREADY"},       {"ENOTCONN", "EPIPE"},           {"EINVAL", "EOPNOTSUPP"},
    {"EOPNOTSUPP", "EINVAL"},      {"EADDRINUSE", "EADDRNOTAVAIL"}, {"EADDRNOTAVAIL", "EADDRINUSE"},
    {"EINTR", "EAGAIN"},           {"ENOPROTOOPT", "EINVAL"},       {"EBADF", "ENOTCONN"},
};

const char *sibling_of(const char *error)
{
    for (size_t i = 0; error && i < sizeof siblings / sizeof siblings[0]; i++)
        if (strcmp(error, siblings[i][0]) == 0)
            return siblings[i][1];
    return NULL;
}

/* What SO_ERROR gave is told beside the value. */
const char **told_error(struct sp_ev_call *call)
{
    bool asked =
        strcmp(call->name, "getsockopt") == 0 && call->args && strcmp(call->args, "SO_ERROR") == 0;
    return asked ? &call->out : &call->error;
}

bool damage_call_sibling(struct bench *bench, size_t at, int64_t by)
{
    struct sp_event *ev = &bench->copy.events[at];
    (void)by;
    if (ev->kind != SP_EV_CALL || ev->u.call.how != SP_CALL_RETURNED)
        return false;
    const char **error = told_error(&ev->u.call);
    const char *sibling = sibling_of(*error);
    if (!sibling)
        return false;
    *error = sibling;
    return true;
}

/* A call that tells of a connection tells another port instead of its own, or the other end's. */
bool damage_call_address(struct bench *bench, size_t at, int64_t by)
{
    struct sp_event *ev = &bench->copy.events[at];
    static const char *const tell[] = {"connect", "accept"};
    bool tells = false;
    for (size_t i = 0; ev->kind == SP_EV_CALL && i < sizeof tell / sizeof tell[0]; i++)
        tells = tells || strcmp(ev->u.call.name, tell[i]) == 0;
    if (!tells || !ev->u.call.remote.port || ev->u.call.how != SP_CALL_RETURNED || ev->u.call.error)
        return false;
    struct sp_addr *told = by ? &ev->u.call.remote : &ev->u.call.local;
    if (!told->family || !told->port)
        return false;
    told->port ^= OTHER_PORT;
    return true;
}

/* ---- states -------------------------------------------------------------------------------- */

static bool is_step(const struct sp_event *ev)
{
    return ev->kind == SP_EV_STATE && ev->u.state.source == SP_STATE_TRACEPOINT;
}

/* The socket goes from the state before to the one behind. */
bool damage_state_skipped(struct bench *bench, size_t at, int64_t by)
{
    struct sp_event *ev = &bench->copy.events[at];
    (void)by;
    for (size_t i = at + 1; is_step(ev) && i < bench->copy.len; i++) {
        struct sp_event *next = &bench->copy.events[i];
        if (!is_step(next) || next->end != ev->end ||
            next->u.state.sock_id != ev->u.state.sock_id ||
            next->u.state.old_state != ev->u.state.new_state)
            continue;
        next->u.state.old_state = ev->u.state.old_state;
        copy_drop(bench, &bench->again.trace.events[at]);
        return true;
    }
    return false;
}
