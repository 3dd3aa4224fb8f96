/* Rules about positions in a sender's own stream: SYN, data, FIN, and the window offered. */
#include <string.h>

#include "tcp_in.h"

static bool is_blind(const struct side *side, int64_t t_ns)
{
    return side->facts->blind_ns <= t_ns;
}

static void rule_syn(struct replay *replay, const struct side *side, int which,
                     const struct view *view)
{
    const struct sp_seg *seg = view->seg;
    bool acked = side->synack_in && view->t_ns > side->synack_in_ns + SKEW_NS;
    if (seg->flags & SP_ACK) {
        if (view->from != 0)
            sp_tcp_violate(replay->ctx, RULE_SYN_AGAIN, view->event, side->end,
                           "SYN,ACK at position %lld", (long long)view->from);
        /* Only once the responder has spoken beyond its SYN,ACK is it known to have taken the
         * handshake's ACK; data on the SYN or crossing SYNs let it speak before. */
        bool early =
            side->plain_syn_sent || (side->syn_event && side->syn_event->u.seg.seg.payload_len);
        if (which == 1 && side->data_sent && !early)
            sp_tcp_violate(replay->ctx, RULE_SYN_AGAIN, view->event, side->end,
                           "SYN,ACK again after data or FIN was sent");
        /* Who has opened it answers a SYN that crosses its own, and no SYN,ACK, with one. */
        if (view->from == 0 && side->plain_syn_sent && acked && !side->rst_in)
            sp_tcp_violate(replay->ctx, RULE_SYN_AGAIN, view->event, side->end,
                           "SYN,ACK though one had arrived %.3f ms before",
                           (double)(view->t_ns - side->synack_in_ns) / SP_MS);
        return;
    }
    bool same = seg->seq == side->isn;
    if (same && acked && !side->rst_in)
        sp_tcp_violate(replay->ctx, RULE_SYN_AGAIN, view->event, side->end,
                       "SYN again though SYN,ACK had arrived %.3f ms before",
                       (double)(view->t_ns - side->synack_in_ns) / SP_MS);
}

bool sp_tcp_may_be_swapped(const struct replay *replay, const struct side *side,
                           const struct view *view)
{
    const char *lab = replay->ctx->trace->head.lab;
    return side->own_process || view->event->u.seg.point == SP_AT_LO || !lab ||
           strcmp(lab, "nics") == 0;
}

/* Whether the same sender's bytes up to `to` are captured a moment later. */
static bool follows(const struct replay *replay, int which, size_t at, const struct view *view,
                    int64_t to)
{
    const struct side *side = &replay->side[which];
    if (!sp_tcp_may_be_swapped(replay, side, view))
        return false;
    for (size_t i = at + 1; i < replay->entry_count[which]; i++) {
        const struct entry *entry = &replay->entries[which][i];
        if (entry->event->t_ns > view->t_ns + SKEW_NS)
            break;
        if (!entry->out)
            continue;
        struct view later;
        sp_tcp_view(&later, side, &replay->side[1 - which], entry);
        if (later.end >= to && later.data < to)
            return true;
    }
    return false;
}

/* What a pulled cable kept from the capture: no more than calls had queued, and a FIN. */
static bool is_in_the_dark(const struct side *side, const struct view *view)
{
    int64_t queued = sp_tcp_queued(side->ledger, view->t_ns, 0, NULL);
    int64_t fin = sp_tcp_act_by(side->ledger, ACTS_THAT_CLOSE, view->t_ns) ? 1 : 0;
    return is_blind(side, view->t_ns) &&
           (!side->facts->calls || queued == INT64_MAX || view->data <= 1 + queued + fin);
}

static void rule_gap(struct replay *replay, int which, size_t at, const struct view *view)
{
    const struct side *side = &replay->side[which];
    if (view->data <= side->snd_max || is_in_the_dark(side, view) ||
        follows(replay, which, at, view, view->data))
        return;
    sp_tcp_violate(replay->ctx, RULE_SEQ_GAP, view->event, side->end,
                   "position %lld, but only %lld had been sent: %lld missing",
                   (long long)view->data, (long long)side->snd_max,
                   (long long)(view->data - side->snd_max));
}

static void rule_fin(struct replay *replay, const struct side *side, const struct view *view)
{
    if (side->fin_at < 0)
        return;
    if ((view->seg->flags & SP_FIN) && view->end != side->fin_at)
        sp_tcp_violate(replay->ctx, RULE_FIN_MOVED, view->event, side->end,
                       "FIN at position %lld, it was at %lld before", (long long)view->end,
                       (long long)side->fin_at);
    else if (view->seg->payload_len && view->end > side->fin_at)
        sp_tcp_violate(replay->ctx, RULE_DATA_AFTER_FIN, view->event, side->end,
                       "data up to position %lld, but the FIN was at %lld", (long long)view->end,
                       (long long)side->fin_at);
}

static void rule_window(struct replay *replay, const struct side *side, const struct view *view)
{
    bool probe = view->seg->payload_len == 1 && !sp_tcp_answers(side, view);
    if (!view->seg->payload_len || probe || view->end <= side->snd_max || side->edge < 0 ||
        view->end <= side->edge || (view->seg->flags & SP_SYN))
        return;
    sp_tcp_violate(replay->ctx, RULE_WINDOW_EXCEEDED, view->event, side->end,
                   "data up to position %lld, but the window never reached beyond %lld",
                   (long long)view->end, (long long)side->edge);
}

static void rule_mss(struct replay *replay, const struct side *side, const struct view *view)
{
    uint32_t size = view->seg->payload_len + view->seg->opt_len;
    if (!view->seg->payload_len || !side->peer_mss || size <= side->peer_mss)
        return;
    sp_tcp_violate(replay->ctx, RULE_MSS_EXCEEDED, view->event, side->end,
                   "%u bytes of data and %u of options, to an MSS of %u", view->seg->payload_len,
                   (unsigned)view->seg->opt_len, (unsigned)side->peer_mss);
}

/* What calls had been told by then that it was queued goes out before the FIN of a close. */
static void rule_fin_early(struct replay *replay, const struct side *side, const struct view *view)
{
    int64_t queued = sp_tcp_sent_by(side->ledger, view->t_ns);
    if (!(view->seg->flags & SP_FIN) || side->fin_at >= 0 || !side->pattern_known ||
        !side->ledger->tied || view->end - 1 >= queued)
        return;
    sp_tcp_violate(replay->ctx, RULE_FIN_EARLY, view->event, side->end,
                   "FIN after %lld bytes, but calls had queued %lld", (long long)(view->end - 1),
                   (long long)queued);
}

void sp_tcp_rules_sequence(struct replay *replay, int which, size_t at, const struct view *view)
{
    const struct side *side = &replay->side[which];
    const struct sp_seg *seg = view->seg;
    if (!side->sane || (seg->flags & SP_RST))
        return;
    if (seg->flags & SP_SYN) {
        rule_syn(replay, side, which, view);
        return;
    }
    if (!side->syn_in && side->plain_syn_sent)
        sp_tcp_violate(replay->ctx, RULE_HANDSHAKE_FIRST, view->event, side->end,
                       "sent before any SYN of the peer had arrived");
    if (!(seg->flags & SP_ACK) && side->syn_in)
        sp_tcp_violate(replay->ctx, RULE_ACK_FLAG, view->event, side->end,
                       "no ACK flag after the peer's SYN has arrived");
    if (view->from < 0 || (view->from < 1 && (seg->flags & SP_FIN))) {
        sp_tcp_violate(replay->ctx, RULE_HANDSHAKE_SEQ, view->event, side->end,
                       "sequence number %lld before the initial one", -(long long)view->from);
        return;
    }
    if (view->t_ns >= side->superseded_ns)
        return;
    rule_gap(replay, which, at, view);
    rule_fin(replay, side, view);
    rule_fin_early(replay, side, view);
    rule_mss(replay, side, view);
    rule_window(replay, side, view);
}

bool sp_tcp_is_own_border(const struct replay *replay, int which, size_t at,
                          const struct view *view)
{
    while (at-- > 0) {
        const struct entry *entry = &replay->entries[which][at];
        struct view out;
        if (!entry->out)
            continue;
        sp_tcp_view(&out, &replay->side[which], &replay->side[1 - which], entry);
        if (view->from == out.data || view->from == out.end ||
            ((out.seg->flags & SP_FIN) && view->from == out.end + 1))
            return true;
    }
    return false;
}

/* Whether anything came since then from a connection that had these addresses before. */
static bool has_old_one_spoken(const struct replay *replay, const struct side *side,
                               int64_t from_ns, int64_t to_ns)
{
    const struct sp_flights *flights = &replay->ctx->out->flights;
    for (size_t i = 0; i < flights->len; i++) {
        const struct sp_flight *flight = &flights->items[i];
        if (flight->received && flight->conn >= 0 && flight->from != side->end &&
            flight->received->t_ns >= from_ns && flight->received->t_ns <= to_ns &&
            sp_tcp_is_after(&flights->conns[flight->conn], replay->conn))
            return true;
    }
    return false;
}

/* Whether an ICMP error that has come to this side says that a segment of its was too large. */
static bool told_too_big(const struct replay *replay, int which, int64_t from_ns, int64_t to_ns)
{
    const struct sp_trace *trace = replay->ctx->trace;
    const struct sp_addr *own = which == 0 ? &replay->conn->client : &replay->conn->server;
    for (size_t i = 0; i < trace->len; i++) {
        const struct sp_event *event = &trace->events[i];
        const struct sp_seg *seg = &event->u.seg.seg;
        if (event->kind == SP_EV_SEG && seg->kind == SP_SEG_ICMP && seg->icmp_mtu > 0 &&
            sp_addr_same(&seg->quoted_src, own) && event->t_ns >= from_ns && event->t_ns <= to_ns)
            return true;
    }
    return false;
}

/*
 * How soon a timer may send something again. RFC 8985 section 7.2 has a tail loss probe after two
 * round trips where more than one segment is under way, and sets no least time: gVisor probes 0.7
 * ms after the tail has left. Linux has two ticks at least.
 */
static int64_t again_least_ns(const struct side *side)
{
    int64_t probe_ns = side->own_process && side->trip_ns >= 0 ? 2 * side->trip_ns : AGAIN_LEAST_NS;
    return probe_ns < AGAIN_LEAST_NS ? probe_ns : AGAIN_LEAST_NS;
}

/* Since when the first of what it carries may have been under way inside its sender: a sandbox
 * hands frames to a thread that waits for a processor, while its timer runs. */
static int64_t queued_ns(const struct side *side, const struct view *view)
{
    const struct sp_event *by = NULL;
    if (view->seg->payload_len)
        sp_tcp_queued(side->ledger, view->t_ns, view->data > 0 ? view->data - 1 : 0, &by);
    else if (sp_tcp_act_by(side->ledger, ACTS_THAT_CLOSE, view->t_ns))
        by = sp_tcp_act_by(side->ledger, ACTS_THAT_CLOSE, view->t_ns)->event;
    return by ? by->t_ns : INT64_MAX;
}

/* Whether the first that it carries and that is not acknowledged left in an entry before it: that
 * one's timer counts, whatever left since and goes with it. */
static bool carried_before(const struct replay *replay, int which, const struct entry *entry,
                           const struct view *view)
{
    struct view before;
    sp_tcp_view(&before, &replay->side[which], &replay->side[1 - which], entry);
    bool syn = (view->seg->flags & SP_SYN) != 0;
    int64_t end = view->end + ((view->seg->flags & SP_FIN) ? 1 : 0);
    int64_t to = before.end + ((before.seg->flags & SP_FIN) ? 1 : 0);
    int64_t una = replay->side[which].una;
    int64_t first = una > view->from && una < end ? una : view->from;
    return !(before.seg->flags & SP_RST) && (!syn || before.has_ack == view->has_ack) &&
           before.from <= first && to > first;
}

static bool has_sack(const struct sp_seg *seg)
{
    size_t pos = 0;
    struct sp_opt opt;
    bool malformed = false;
    while (sp_opt_next(seg, &pos, &opt, &malformed))
        if (opt.kind == SP_OPT_SACK)
            return true;
    return malformed;
}

/*
 * Whether an arrival may ask for something to be sent again: an ACK that says nothing new (RFC 5681
 * section 2), one with SACK, any during a recovery, one of a window that had been closed, one that
 * takes a part of a segment. What brings data and acknowledges nothing new does not, nor does an
 * ACK that takes whole segments (section 3.2).
 */
static bool asks_again(const struct replay *replay, int which, size_t in)
{
    const struct side *side = &replay->side[which];
    const struct entry *entry = &replay->entries[which][in];
    int64_t una = 0;
    bool open = true;
    struct view view;
    sp_tcp_view(&view, &replay->side[1 - which], side, entry);
    if (side->own_process || !view.ack_known || view.ack < 1 ||
        (view.seg->flags & (SP_SYN | SP_RST)) || has_sack(view.seg))
        return true;
    for (size_t i = 0; i < in; i++) {
        struct view before;
        if (replay->entries[which][i].out)
            continue;
        sp_tcp_view(&before, &replay->side[1 - which], side, &replay->entries[which][i]);
        if (!before.ack_known)
            continue;
        una = before.ack > una ? before.ack : una;
        open = before.seg->window > 0;
    }
    if (una < 1 || !open || una < side->recover)
        return true;
    if (view.ack == una)
        return !view.seg->payload_len && !(view.seg->flags & SP_FIN);
    struct view place = {.from = view.ack};
    return view.ack < una || !sp_tcp_is_own_border(replay, which, in, &place);
}

/*
 * Whether it was sent again sooner than any timer runs out, and nothing had arrived that asked for
 * it. In gVisor an ACK asks twice where a timeout has begun to send again: it sends on from there,
 * and its RACK sends again what that ACK shows to be lost.
 */
static bool is_too_soon(const struct replay *replay, int which, size_t at, const struct view *view)
{
    const struct side *side = &replay->side[which];
    int64_t least_ns = again_least_ns(side);
    unsigned left = 0, since = 0, most = side->own_process && side->resent ? 1 : 0;
    if (side->own_process && !side->resent && view->t_ns - least_ns >= queued_ns(side, view))
        return false;
    while (at-- > 0) {
        const struct entry *entry = &replay->entries[which][at];
        int64_t gap_ns = view->t_ns - entry->event->t_ns;
        if (gap_ns >= (most ? OWN_READ_NS : AGAIN_LEAST_NS))
            return left > 0;
        if (!entry->out && !asks_again(replay, which, at))
            continue;
        if (!entry->out)
            return left && since > most;
        /* the old one's TIME_WAIT may have asked: lwIP sends its SYN again at once then */
        if ((view->seg->flags & SP_SYN) &&
            has_old_one_spoken(replay, side, entry->event->t_ns, view->t_ns))
            return false;
        if (told_too_big(replay, which, entry->event->t_ns, view->t_ns))
            return false;
        bool carried = carried_before(replay, which, entry, view);
        since += carried;
        left += carried && gap_ns < least_ns;
        if (left > most)
            return true;
    }
    return left > 0;
}

static uint32_t seq_end(const struct entry *entry)
{
    const struct sp_seg *seg = &entry->event->u.seg.seg;
    return seg->seq + sp_seg_space(seg);
}

static bool left_before(const struct replay *replay, int which, size_t at)
{
    const struct sp_seg *seg = &replay->entries[which][at].event->u.seg.seg;
    for (size_t i = 0; i < at; i++)
        if (replay->entries[which][i].out &&
            sp_seq_lt(seg->seq, seq_end(&replay->entries[which][i])))
            return true;
    return false;
}

/*
 * When a stack began to send again what goes out with this one. It goes at a stretch through all
 * that it holds for lost, in order, and what another processor is handed meanwhile waits for it.
 */
static int64_t stretch_began_ns(const struct replay *replay, int which, size_t at)
{
    const struct entry *first = &replay->entries[which][at];
    while (at-- > 0) {
        const struct entry *entry = &replay->entries[which][at];
        if (!entry->out)
            continue;
        if (first->event->t_ns - entry->event->t_ns > SKEW_NS ||
            sp_seg_space(&entry->event->u.seg.seg) == 0 ||
            !sp_seq_le(seq_end(entry), first->event->u.seg.seg.seq) ||
            !left_before(replay, which, at))
            break;
        first = entry;
    }
    return first->event->t_ns;
}

/*
 * Sending again takes a timer, which no stack has shorter than AGAIN_LEAST_NS, or an arrival that
 * asks for it, an ICMP error about its size included; and what has been acknowledged is never sent
 * again. A SYN,ACK is: the segment that acknowledged it may have been refused for want of room.
 */
const char *sp_tcp_again(const struct replay *replay, int which, size_t at, const struct view *view)
{
    const struct side *side = &replay->side[which];
    int64_t end = view->end + ((view->seg->flags & SP_FIN) ? 1 : 0);
    bool syn = (view->seg->flags & SP_SYN) != 0;
    bool fin_moved = (view->seg->flags & SP_FIN) && side->fin_at >= 0 && view->end != side->fin_at;
    bool past_fin = side->fin_at >= 0 && view->seg->payload_len && view->end > side->fin_at;
    bool early = view->from < 0 || (view->from < 1 && !syn);
    bool other = early || fin_moved || past_fin; /* a rule of its own says so */
    if (end <= view->from || other || view->from >= side->snd_max)
        return NULL;
    int64_t known_ns = side->una_ns + sp_tcp_unread_ns(side, view);
    if (!syn && side->una >= end && view->t_ns > known_ns &&
        stretch_began_ns(replay, which, at) > known_ns)
        return "it is sent again, though it had been acknowledged";
    return is_too_soon(replay, which, at, view)
               ? "it is sent again, though nothing asked for it and no timer is that short"
               : NULL;
}

/* A probe is a timer's doing, and no stack's runs out twice so soon. */
const char *sp_tcp_probed(const struct replay *replay, int which, size_t at,
                          const struct view *view)
{
    while (at-- > 0) {
        const struct entry *entry = &replay->entries[which][at];
        const struct sp_seg *seg = &entry->event->u.seg.seg;
        if (!entry->out || view->t_ns - entry->event->t_ns >= AGAIN_LEAST_NS)
            return NULL;
        if (seg->seq == view->seg->seq && seg->flags == view->seg->flags &&
            seg->payload_len == view->seg->payload_len)
            return "a probe, though no timer is that short";
    }
    return NULL;
}
