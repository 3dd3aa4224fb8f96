/*
 * Damages of fields that few segments use, or that mean something only beside an earlier segment:
 * the urgent pointer, a window that takes back what was offered, a scale that is none; and a state
 * that is told of another socket.
 */
#include "damage.h"

#include <string.h>

bool damage_seg_pointer(struct bench *bench, size_t at, int64_t by)
{
    struct sp_event *seg[2];
    unsigned count = records(bench, at, seg);
    for (unsigned i = 0; i < count; i++) {
        if (!(seg[i]->u.seg.seg.flags & SP_URG))
            return false;
        seg[i]->u.seg.seg.urgent = (uint16_t)(seg[i]->u.seg.seg.urgent + by);
    }
    return true;
}

/* ---- windows -------------------------------------------------------------------------------- */

/* By how many bits that end's windows count, where both SYNs have a scale; -1 a SYN is not there.
 */
static int scale_of(const struct bench *bench, int conn, enum sp_end end)
{
    int own = -1;
    bool other = false;
    for (size_t i = 0; i < bench->flights->len; i++) {
        const struct sp_flight *flight = &bench->flights->items[i];
        const struct sp_seg *seg = &shown(flight)->u.seg.seg;
        struct sp_opt opt;
        if (flight->conn != conn || !(seg->flags & SP_SYN))
            continue;
        bool scales = sp_opt_find(seg, SP_OPT_WSCALE, &opt);
        if (flight->from == end)
            own = scales ? opt.wscale : 0;
        else
            other = other || scales;
    }
    return own < 0 || other ? own : 0;
}

enum { UNITS_BACK = 2 }; /* one may be due to rounding */

/* What it offers ends before what had been offered, and is not nothing. */
bool damage_seg_shrunk(struct bench *bench, size_t at, int64_t by)
{
    const struct sp_flight *flight = &bench->flights->items[at];
    const struct sp_seg *now = &shown(flight)->u.seg.seg;
    int scale = flight->conn < 0 ? -1 : scale_of(bench, flight->conn, flight->from);
    uint32_t edge = 0;
    bool known = false;
    (void)by;
    if (scale < 0 || (now->flags & (SP_SYN | SP_RST | SP_ACK)) != SP_ACK)
        return false;
    for (size_t i = 0; i < at; i++) {
        const struct sp_flight *before = &bench->flights->items[i];
        const struct sp_seg *seg = &shown(before)->u.seg.seg;
        if (before->conn != flight->conn || before->from != flight->from ||
            (seg->flags & (SP_SYN | SP_RST | SP_ACK)) != SP_ACK)
            continue;
        uint32_t to = seg->ack + ((uint32_t)seg->window << scale);
        edge = known && sp_seq_lt(to, edge) ? edge : to;
        known = true;
    }
    if (!known || !sp_seq_lt(now->ack, edge) || (edge - now->ack) >> scale <= UNITS_BACK ||
        (edge - now->ack) >> scale > UINT16_MAX)
        return false;
    struct sp_event *seg[2];
    unsigned count = records(bench, at, seg);
    for (unsigned i = 0; i < count; i++)
        seg[i]->u.seg.seg.window = (uint16_t)(((edge - now->ack) >> scale) - UNITS_BACK);
    return true;
}

/* RFC 7323 section 2.3 knows none above 14. */
bool damage_seg_scale(struct bench *bench, size_t at, int64_t by)
{
    struct sp_event *seg[2];
    unsigned count = records(bench, at, seg);
    struct sp_opt opt;
    for (unsigned i = 0; i < count; i++) {
        struct sp_seg *s = &seg[i]->u.seg.seg;
        if (!sp_opt_find(s, SP_OPT_WSCALE, &opt))
            return false;
        s->opt[opt.data - s->opt] = (uint8_t)by;
    }
    return true;
}

/* ---- states --------------------------------------------------------------------------------- */

static bool is_same(const struct sp_event *a, const struct sp_event *b)
{
    return a->u.state.sock_id == b->u.state.sock_id &&
           sp_addr_same(&a->u.state.local, &b->u.state.local) &&
           sp_addr_same(&a->u.state.remote, &b->u.state.remote);
}

/* The step is told of another socket of its end. (A look that was taken at another socket is one
 * that was not taken at this one.) */
bool damage_state_socket(struct bench *bench, size_t at, int64_t by)
{
    struct sp_event *ev = &bench->copy.events[at];
    (void)by;
    bool step = ev->kind == SP_EV_STATE && ev->u.state.source == SP_STATE_TRACEPOINT;
    for (size_t i = 0; step && i < bench->copy.len; i++) {
        const struct sp_event *other = &bench->copy.events[i];
        if (other->kind != SP_EV_STATE || other->end != ev->end || is_same(other, ev) ||
            other->u.state.source != ev->u.state.source ||
            other->u.state.sock_id == ev->u.state.sock_id)
            continue;
        ev->u.state.sock_id = other->u.state.sock_id;
        ev->u.state.local = other->u.state.local;
        ev->u.state.remote = other->u.state.remote;
        return true;
    }
    return false;
}
