/* Arguments that rest on when something was captured, or on which of several the path took. */
#include "argued.h"

#include <string.h>

#include "clock.h"

/* Something that may ask for it came between the two copies. */
bool asked_again(const struct damage_of *d)
{
    if (!is_kind(d, "segment twice") || !d->flight || !sp_seg_space(seg_of(d->flight)))
        return false;
    for (size_t i = 0; i < d->bench->flights->len; i++) {
        const struct sp_flight *in = &d->bench->flights->items[i];
        if (is_of(d, in, false) && in->received && in->received->t_ns >= d->t_ns &&
            in->received->t_ns <= d->t_ns + d->kind->by)
            return true;
    }
    return false;
}

/* On loopback what was sent later may be captured first, and its number says which was. */
bool may_be_swapped(const struct damage_of *d)
{
    if (!is_kind(d, "seq ") || !d->flight || shown(d->flight)->u.seg.point != SP_AT_LO ||
        sp_seg_space(seg_of(d->flight)))
        return false;
    for (size_t i = 0; i < d->bench->flights->len; i++) {
        const struct sp_flight *flight = &d->bench->flights->items[i];
        int64_t apart_ns = shown(flight)->t_ns - d->t_ns;
        if (is_of(d, flight, true) && flight != d->flight && sp_seg_space(seg_of(flight)) &&
            apart_ns >= -200 * SP_US && apart_ns <= 200 * SP_US)
            return true;
    }
    return false;
}

/* A cable was out: what left then no capture has, and positions may have moved unseen. */
bool in_the_dark(const struct damage_of *d)
{
    const struct sp_trace *trace = &d->bench->again.trace;
    for (size_t i = 0; d->conn >= 0 && i < trace->len; i++)
        if (trace->events[i].kind == SP_EV_LAB && trace->events[i].t_ns <= d->t_ns &&
            strstr(trace->events[i].u.lab.action, "unplug"))
            return true;
    return false;
}

/* It came less than a millisecond before: the stack may not have taken it. */
bool only_just_come(const struct damage_of *d)
{
    if (!is_kind(d, "ack - 1") || !d->flight)
        return false;
    for (size_t i = 0; i < d->bench->flights->len; i++) {
        const struct sp_flight *in = &d->bench->flights->items[i];
        if (is_of(d, in, false) && in->received && (seg_of(in)->flags & SP_FIN) &&
            in->received->t_ns <= d->t_ns && in->received->t_ns > d->t_ns - SP_MS)
            return true;
    }
    return false;
}

/* What it is the first to leave out is a FIN: the trace ends, or its sender says so, before that
 * may wait no longer. */
bool is_delayed(const struct damage_of *d)
{
    bool fin = false;
    int64_t until_ns = d->bench->last_ns;
    if (!is_kind(d, "ack - 1") || !d->flight)
        return false;
    for (size_t i = 0; i < d->bench->flights->len; i++) {
        const struct sp_flight *other = &d->bench->flights->items[i];
        if (is_of(d, other, true) && other != d->flight && shown(other)->t_ns >= d->t_ns &&
            shown(other)->t_ns < until_ns && (seg_of(other)->flags & SP_ACK) &&
            sp_seq_le(seg_of(d->flight)->ack, seg_of(other)->ack))
            until_ns = shown(other)->t_ns;
        fin =
            fin || (is_of(d, other, false) && other->received && (seg_of(other)->flags & SP_FIN) &&
                    seg_of(other)->seq + sp_seg_space(seg_of(other)) == seg_of(d->flight)->ack);
    }
    return fin && until_ns - d->t_ns <= 500 * SP_MS;
}

/* The path took one of several that are the same, and which of them nobody can tell. */
bool is_any_copy(const struct damage_of *d)
{
    if (!is_kind(d, "segment did not arrive") || !d->flight)
        return false;
    for (size_t i = 0; i < d->bench->flights->len; i++) {
        const struct sp_flight *other = &d->bench->flights->items[i];
        if (other != d->flight && is_of(d, other, true) && other->sent && !other->received &&
            seg_of(other)->seq == seg_of(d->flight)->seq &&
            seg_of(other)->ack == seg_of(d->flight)->ack &&
            seg_of(other)->flags == seg_of(d->flight)->flags &&
            seg_of(other)->payload_len == seg_of(d->flight)->payload_len)
            return true;
    }
    return false;
}
