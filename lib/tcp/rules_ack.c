/* Rules about what is acknowledged. */
#include "tcp_in.h"

static void rule_handshake(struct replay *replay, const struct side *side, const struct view *view)
{
    int64_t most = INT64_MAX;
    if (view->seg->flags & SP_SYN)
        most = 1 + (side->syn_event ? (int64_t)side->syn_event->u.seg.seg.payload_len : 0);
    if (view->ack >= 1 && view->ack <= most)
        return;
    sp_tcp_violate(replay->ctx, RULE_HANDSHAKE_ACK, view->event, side->end,
                   "acknowledges the peer's ISN%+lld instead of ISN+1", (long long)view->ack);
}

/* Within SKEW_NS two segments may have been captured the wrong way round, unless their places in
 * the sender's own stream tell their order. */
static void rule_back(struct replay *replay, const struct side *side, const struct view *view)
{
    int64_t end = view->end + ((view->seg->flags & SP_FIN) ? 1 : 0);
    bool in_order = !sp_tcp_may_be_swapped(replay, side, view) ||
                    view->t_ns > side->last_ack_ns + SKEW_NS || side->last_ack_from < end;
    if (view->ack < side->last_ack && in_order && !(view->seg->flags & SP_SYN))
        sp_tcp_violate(replay->ctx, RULE_ACK_BACK, view->event, side->end,
                       "acknowledges up to %lld, after %lld", (long long)view->ack,
                       (long long)side->last_ack);
}

/* Where a stack that goes back to send again stands: after what it sent last, or at what has been
 * acknowledged beyond that. */
static bool has_gone_back(const struct replay *replay, int which, size_t at,
                          const struct view *view)
{
    const struct side *side = &replay->side[which];
    if (!side->resent)
        return false;
    if (side->own_process)
        return sp_tcp_is_own_border(replay, which, at, view);
    while (at-- > 0) {
        const struct entry *entry = &replay->entries[which][at];
        struct view out;
        if (!entry->out || !sp_seg_space(&entry->event->u.seg.seg) ||
            (entry->event->u.seg.seg.flags & SP_RST))
            continue;
        sp_tcp_view(&out, side, &replay->side[1 - which], entry);
        int64_t next = out.end + ((out.seg->flags & SP_FIN) ? 1 : 0);
        return view->from == (next > side->una ? next : side->una);
    }
    return false;
}

static void rule_place(struct replay *replay, int which, size_t at, const struct view *view)
{
    const struct side *side = &replay->side[which];
    enum sp_role role = replay->ctx->out->segs[view->flight].role;
    bool probe = role == SP_ROLE_KEEPALIVE || role == SP_ROLE_WINDOW_PROBE;
    bool close = sp_tcp_may_be_swapped(replay, side, view) &&
                 view->t_ns <= side->new_ns + SKEW_NS && view->from < side->snd_max &&
                 view->from >= side->last_ack_from && view->from > 0;
    if (!sp_tcp_is_pure_ack(view->seg) || view->from >= side->snd_max || probe || close ||
        view->from == side->una + side->window || view->from == side->edge ||
        has_gone_back(replay, which, at, view) || side->facts->blind_ns <= view->t_ns)
        return;
    sp_tcp_violate(replay->ctx, RULE_ACK_PLACE, view->event, side->end,
                   "an ACK at position %lld, but %lld had been sent", (long long)view->from,
                   (long long)side->snd_max);
}

/* Whether something that arrived began or ended there. */
static bool is_border(const struct replay *replay, int which, size_t at, int64_t ack)
{
    while (at-- > 0) {
        const struct entry *entry = &replay->entries[which][at];
        struct view in;
        if (entry->out)
            continue;
        sp_tcp_view(&in, &replay->side[1 - which], &replay->side[which], entry);
        if (ack == in.data || ack == in.end || ((in.seg->flags & SP_FIN) && ack == in.end + 1))
            return true;
    }
    return false;
}

/* A receiver without room may take a part of a segment: then its window is closed. */
static void rule_inside(struct replay *replay, int which, size_t at, const struct view *view)
{
    const struct side *side = &replay->side[which];
    if (view->ack <= 1 || view->ack >= side->rcv_nxt || view->seg->window == 0 ||
        view->ack == side->last_ack || is_border(replay, which, at, view->ack))
        return;
    sp_tcp_violate(replay->ctx, RULE_ACK_INSIDE, view->event, side->end,
                   "acknowledges up to %lld, in the middle of a segment", (long long)view->ack);
}

/* Whether it may have been sent before the one that offered most: its numbers do not say more. */
static bool may_be_older(const struct replay *replay, const struct side *side,
                         const struct view *view)
{
    int64_t late_ns = view->event->u.seg.point == SP_AT_LO ? OVERTAKEN_NS : SKEW_NS;
    int64_t end = view->end + ((view->seg->flags & SP_FIN) ? 1 : 0);
    return sp_tcp_may_be_swapped(replay, side, view) && view->t_ns <= side->own_edge_ns + late_ns &&
           view->ack <= side->own_edge_ack && end <= side->own_edge_from;
}

/* Less than a unit of the scale is rounding; who has no room at all says so (Linux). */
static void rule_shrunk(struct replay *replay, const struct side *side, const struct view *view)
{
    int bits = sp_tcp_own_scale(side);
    int64_t unit = 1LL << bits;
    int64_t edge = sp_tcp_edge_of(side, view);
    /* Linux and gVisor have their own way of it where SYNs crossed (docs/findings.md). */
    bool crossed =
        side->plain_syn_sent && side->synack_sent && (!side->peer_wscale_in || side->own_process);
    if (crossed || (side->own_edge_bits >= 0 && side->own_edge_bits != bits))
        return; /* or a SYN has come again, with other options */
    if (!view->seg->window || (view->seg->flags & SP_SYN) || edge + unit > side->own_edge ||
        may_be_older(replay, side, view))
        return;
    sp_tcp_violate(replay->ctx, RULE_WINDOW_SHRUNK, view->event, side->end,
                   "the window ends at %lld, and had been offered up to %lld", (long long)edge,
                   (long long)side->own_edge);
}

/* Whether what came last that it takes came so long ago that it had to be acknowledged before; what
 * came may have come again. */
static bool is_overdue(const struct replay *replay, const struct side *side,
                       const struct view *view)
{
    return side->last_ack >= 1 && view->t_ns - side->space_in_ns > PUT_OFF_NS + PUT_OFF_SLACK_NS &&
           !side->own_process && !side->scripted_peer && side->facts->blind_ns > view->t_ns &&
           sp_tcp_stood_still_ns(replay->ctx->trace, side->space_in_ns, view->t_ns) == 0;
}

static void rule_late(struct replay *replay, const struct side *side, const struct view *view)
{
    if (view->ack <= side->last_ack || view->ack > side->rcv_nxt || !is_overdue(replay, side, view))
        return;
    sp_tcp_violate(replay->ctx, RULE_ACK_LATE, view->event, side->end,
                   "acknowledges up to %lld, %.0f ms after it came", (long long)view->ack,
                   (double)(view->t_ns - side->space_in_ns) / SP_MS);
}

/* Whether data came that nothing has answered: what a closed window takes none of is answered, too,
 * with the number that was expected. */
static bool owes_for_data(const struct side *side)
{
    for (unsigned i = 0; i < side->owed_count; i++)
        if (side->owed[i].event->u.seg.seg.payload_len)
            return true;
    return false;
}

/* A RST, after which nothing is acknowledged any more. */
static void rule_never(struct replay *replay, const struct side *side, const struct view *view)
{
    if (side->rst_sent || side->last_ack >= side->rcv_nxt || !owes_for_data(side) ||
        !is_overdue(replay, side, view))
        return;
    sp_tcp_violate(replay->ctx, RULE_ACK_LATE, view->event, side->end,
                   "resets, and had not acknowledged %lld for %.0f ms", (long long)side->rcv_nxt,
                   (double)(view->t_ns - side->space_in_ns) / SP_MS);
}

void sp_tcp_rules_ack(struct replay *replay, int which, size_t at, const struct view *view,
                      int64_t other_sent)
{
    const struct side *side = &replay->side[which];
    if (!side->sane || !side->syn_in || view->t_ns >= side->superseded_ns)
        return;
    if (view->seg->flags & SP_RST)
        rule_never(replay, side, view);
    if (!view->ack_known || (view->seg->flags & SP_RST))
        return;
    bool first = (view->seg->flags & SP_SYN) && !side->synack_sent;
    if (view->ack < 1 || (first && view->ack != 1)) {
        rule_handshake(replay, side, view);
        if (view->ack < 1)
            return;
    }
    if (other_sent >= 0 && view->ack > other_sent) {
        if (!first)
            sp_tcp_violate(replay->ctx, RULE_ACK_BEYOND_SENT, view->event, side->end,
                           "acknowledges up to %lld, but only %lld had been sent",
                           (long long)view->ack, (long long)other_sent);
        return;
    }
    if (view->ack > side->rcv_nxt && !side->gaps_full)
        sp_tcp_violate(replay->ctx, RULE_ACK_UNSEEN, view->event, side->end,
                       "acknowledges up to %lld, but only %lld had arrived without a gap",
                       (long long)view->ack, (long long)side->rcv_nxt);
    rule_back(replay, side, view);
    rule_shrunk(replay, side, view);
    rule_late(replay, side, view);
    rule_place(replay, which, at, view);
    rule_inside(replay, which, at, view);
}
