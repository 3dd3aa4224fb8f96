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

void sp_tcp_rules_ack(struct replay *replay, int which, const struct view *view, int64_t other_sent)
{
    const struct side *side = &replay->side[which];
    if (!side->sane || !view->ack_known || (view->seg->flags & SP_RST) || !side->syn_in ||
        view->t_ns >= side->superseded_ns)
        return;
    if (view->ack < 1 || ((view->seg->flags & SP_SYN) && !side->synack_sent && view->ack != 1)) {
        rule_handshake(replay, side, view);
        if (view->ack < 1)
            return;
    }
    if (other_sent >= 0 && view->ack > other_sent) {
        if (!(view->seg->flags & SP_SYN))
            sp_tcp_violate(replay->ctx, RULE_ACK_BEYOND_SENT, view->event, side->end,
                           "acknowledges up to %lld, but only %lld had been sent",
                           (long long)view->ack, (long long)other_sent);
        return;
    }
    if (view->ack > side->rcv_nxt && !side->gaps_full)
        sp_tcp_violate(replay->ctx, RULE_ACK_UNSEEN, view->event, side->end,
                       "acknowledges up to %lld, but only %lld had arrived without a gap",
                       (long long)view->ack, (long long)side->rcv_nxt);
}
