/*
 * RST: where its numbers come from, and why it was sent.
 *
 * Forms (RFC 9293 section 3.10.7.1, and 3.10.5 for an abort):
 * - answering a segment with ACK: SEQ=SEG.ACK, no ACK flag; lwIP has it set, ACK=SEG.SEQ+SEG.LEN,
 *   which looks like one of its own accord but where data or a FIN has just come,
 *   or nothing is left that could;
 * - answering one without: SEQ=0, ACK=SEG.SEQ+SEG.LEN;
 * - of its sender's own accord: SEQ within what it has sent, ACK within what has arrived; lwIP's
 * has ACK=0 in SYN_SENT.
 */
#include "tcp_in.h"

#include <string.h>

static bool same_rst(const struct sp_seg *a, const struct sp_seg *b)
{
    return (a->flags & SP_RST) && a->seq == b->seq && a->ack == b->ack && a->flags == b->flags;
}

/* The index after its latest segment but a RST before `at`: then it had a connection. 0 none. */
static size_t alive_after(const struct replay *replay, int which, size_t at)
{
    while (at > 0) {
        const struct entry *entry = &replay->entries[which][--at];
        if (entry->out && !(entry->event->u.seg.seg.flags & SP_RST))
            return at + 1;
    }
    return 0;
}

/* Whether it is the handshake's third segment: without it nothing but a SYN,ACK would have left. */
static bool has_opened(const struct replay *replay, int which, size_t in, size_t alive)
{
    if (which == 0 || (replay->entries[which][alive].event->u.seg.seg.flags & SP_SYN) ||
        !sp_tcp_is_pure_ack(&replay->entries[which][in].event->u.seg.seg))
        return false;
    while (in-- > 0)
        if (!replay->entries[which][in].out &&
            !(replay->entries[which][in].event->u.seg.seg.flags & (SP_SYN | SP_RST)))
            return false;
    return true;
}

/* Whether what came at `in` may have been refused though its receiver sent segment `alive` after
 * it: it was taken later than that, as far as captures and acknowledgements tell. */
static bool came_too_late(const struct replay *replay, int which, size_t in, size_t alive)
{
    const struct sp_event *came = replay->entries[which][in].event;
    const struct sp_event *last = replay->entries[which][alive].event;
    const struct sp_seg *seg = &came->u.seg.seg;
    bool slow = last->u.seg.point == SP_AT_LO && last->t_ns - came->t_ns <= OVERTAKEN_NS &&
                !has_opened(replay, which, in, alive);
    return slow ||
           (sp_seg_space(seg) && (!(last->u.seg.seg.flags & SP_ACK) ||
                                  sp_seq_lt(last->u.seg.seg.ack, seg->seq + sp_seg_space(seg))));
}

/* What came before it aborted, or before what ended its LAST_ACK, it has taken, and does not
 * refuse.
 */
static bool was_taken(const struct side *side, const struct sp_event *came)
{
    int64_t late_ns = came->u.seg.point == SP_AT_LO ? LO_QUEUE_NS : 0;
    bool closed = side->closed_ns < side->killed_ns && came->t_ns + late_ns <= side->closed_ns;
    late_ns = late_ns ? late_ns : SKEW_NS;
    bool aborted = side->aborted_ns != INT64_MAX && came->t_ns + late_ns <= side->aborted_ns;
    return !side->own_process && (closed || aborted);
}

/* The latest arrival whose numbers the RST carries, but for as many as such RSTs have answered
 * (`fresh`); NULL none. `own`: it may be one of its sender's own accord. */
static const struct sp_event *answered(const struct replay *replay, int which, size_t at,
                                       const struct sp_seg *rst, bool fresh, bool own)
{
    const struct side *side = &replay->side[which];
    bool over = side->rst_sent ||
                (side->fin_acked_ns >= 0 && side->fin_in >= 0 && side->fin_in < side->rcv_nxt);
    bool passed =
        false; /* after that arrival, more than an ACK came, or something but a RST left */
    int64_t now_ns = replay->entries[which][at].event->t_ns;
    size_t before = 0, alive = alive_after(replay, which, at);
    bool twofold = (rst->flags & SP_ACK) && rst->seq; /* those before may be of its own accord */
    for (size_t i = alive; fresh && !twofold && i < at; i++)
        before +=
            replay->entries[which][i].out &&
            (side->own_process || now_ns - replay->entries[which][i].event->t_ns <= PUT_OFF_NS) &&
            same_rst(&replay->entries[which][i].event->u.seg.seg, rst);
    while (at-- > 0) {
        const struct entry *entry = &replay->entries[which][at];
        const struct sp_seg *seg = &entry->event->u.seg.seg;
        /* behind an abort it may lie unread in the queue of a stack in a process of its own */
        bool unread = side->rst_sent && now_ns - entry->event->t_ns < OWN_READ_NS;
        bool rests = !passed || unread;
        passed = passed || (!(seg->flags & SP_RST) && (entry->out || sp_seg_space(seg)));
        if (entry->out || (seg->flags & SP_RST) || (fresh && was_taken(side, entry->event)))
            continue;
        if (!side->own_process && (now_ns - entry->event->t_ns > PUT_OFF_NS ||
                                   (at < alive && !came_too_late(replay, which, at, alive - 1))))
            continue;
        bool by_ack = (seg->flags & SP_ACK) && seg->ack == rst->seq;
        bool by_seq = seg->seq + sp_seg_space(seg) == rst->ack;
        bool by_both =
            side->own_process && by_ack && by_seq && rests && (!own || sp_seg_space(seg) || over);
        bool fits = (rst->flags & SP_ACK) ? by_both || (by_seq && rst->seq == 0) : by_ack;
        if (fits && before-- == 0)
            return entry->event;
    }
    return NULL;
}

/* RCV.NXT, but for what has only just come; data that nobody can read any more may be refused. */
static int64_t least_ack(const struct side *side, const struct view *view)
{
    const struct owed *newest = side->owed_count ? &side->owed[side->owed_count - 1] : NULL;
    if (view->t_ns - side->last_in_ns < AGAIN_LEAST_NS || side->scripted_peer ||
        side->own_process || side->gaps_full || side->rcv_nxt > sp_tcp_own_edge(side))
        return side->last_ack;
    return newest && newest->event->u.seg.seg.payload_len ? newest->had : side->rcv_nxt;
}

/* Whether any of its own segments before had an ACK. */
static bool has_acked(const struct replay *replay, int which, size_t at)
{
    while (at-- > 0) {
        const struct entry *entry = &replay->entries[which][at];
        if (entry->out && (entry->event->u.seg.seg.flags & SP_ACK))
            return true;
    }
    return false;
}

static bool is_own(const struct replay *replay, int which, size_t at, const struct view *view,
                   int64_t other_sent)
{
    const struct side *side = &replay->side[which];
    if (!side->isn_known || view->from < 0)
        return false;
    bool blind = side->facts->blind_ns <= view->t_ns;
    bool next =
        view->from == side->snd_max || view->from == side->edge ||
        ((side->resent || side->own_process) && view->from == side->una) ||
        (side->resent && view->from > side->una && sp_tcp_is_own_border(replay, which, at, view));
    if ((view->from > side->snd_max || !next) && !blind)
        return false;
    if (!view->ack_known || (!view->seg->ack && !has_acked(replay, which, at)))
        return true;
    return (other_sent < 0 || view->ack <= other_sent) && view->ack >= least_ack(side, view) &&
           (view->ack <= side->rcv_nxt || side->gaps_full || blind || side->own_process);
}

/* Whether anything has arrived since its last RST. */
static bool arrived_since_rst(const struct replay *replay, int which, size_t at)
{
    while (at-- > 0) {
        const struct entry *entry = &replay->entries[which][at];
        if (!entry->out && !(entry->event->u.seg.seg.flags & SP_RST))
            return true;
        if (entry->out && (entry->event->u.seg.seg.flags & SP_RST))
            return false;
    }
    return true;
}

/* Nothing of the connection is left that could send of its own accord. */
static bool is_over(const struct replay *replay, int which, size_t at, const struct view *view)
{
    const struct side *side = &replay->side[which];
    bool closed = side->fin_acked_ns >= 0 && side->fin_in >= 0 && side->fin_in < side->rcv_nxt &&
                  view->t_ns > side->fin_acked_ns + SKEW_NS &&
                  view->t_ns > side->fin_in_ns + SKEW_NS;
    int64_t slack_ns = side->own_process && side->killed_by_other ? OWN_READ_NS : SKEW_NS;
    bool reset = view->t_ns - slack_ns > side->killed_ns;
    return closed || reset || (side->rst_sent && !arrived_since_rst(replay, which, at));
}

static void say(struct sp_audit_seg *seg, enum sp_cause cause, const struct sp_event *by)
{
    seg->cause = cause;
    seg->by = by;
}

/* Whether the last arrival had data, or a SYN: what a socket that was shut down may refuse. A stack
 * in a process of its own may not have read those behind it. */
static bool has_brought_data(const struct replay *replay, int which, size_t at,
                             const struct view *view)
{
    int64_t unread_ns = replay->side[which].own_process ? OWN_READ_NS : 0;
    bool last = true;
    while (at-- > 0) {
        const struct entry *entry = &replay->entries[which][at];
        const struct sp_seg *seg = &entry->event->u.seg.seg;
        if (entry->out)
            continue;
        if (!last && view->t_ns - entry->event->t_ns >= unread_ns)
            return false;
        if (seg->payload_len || (seg->flags & SP_SYN))
            return true;
        last = false;
    }
    return false;
}

/* Data that was there to be read and that no call had read. */
static bool has_unread(const struct side *side, const struct act *closing, int64_t t_ns)
{
    /* what could not be read by then, out of order or after the end, is not lost by a close */
    int64_t came = side->own_process || side->gaps_full ? side->bytes_in : side->rcv_nxt;
    if (came > side->bytes_in)
        came = side->bytes_in;
    if (side->fin_in >= 0 && came > side->fin_in && !side->own_process)
        came = side->fin_in; /* it has a place, too, and nothing has one after it */
    bool shut = closing->kind == ACT_SHUT_RD || closing->kind == ACT_SHUT_WR;
    int64_t by_ns = closing->from_ns + (closing->kind == ACT_EXIT ? EXIT_SLACK_NS : 0);
    if (!shut && t_ns > by_ns) /* of shutdown() it is what was there then, though it may be read */
        by_ns = t_ns;
    bool uncounted =
        side->ledger->strangers || (side->own_process && side->facts->urgent_ns != INT64_MAX);
    return came > 1 && (uncounted || came - 1 > sp_tcp_read_by(side->ledger, by_ns));
}

/* An abort leaves while it is called for; later, what has come since may have asked for it. */
static bool is_late(const struct side *side, const struct view *view, const struct act *closing)
{
    bool called = closing->kind == ACT_CLOSE || closing->kind == ACT_UNACCEPT;
    return called && closing->to_ns != INT64_MAX && side->last_in_ns < closing->from_ns &&
           view->t_ns - sp_tcp_unread_ns(side, view) > closing->to_ns;
}

/* The first call that ended reading alone, or both ways. */
static const struct act *reading_shut(const struct side *side, int64_t t_ns)
{
    const struct ledger *ledger = side->ledger;
    for (size_t i = 0; i < ledger->len && ledger->acts[i].from_ns <= t_ns + SKEW_NS; i++) {
        const struct act *act = &ledger->acts[i];
        if (act->kind == ACT_SHUT_RD ||
            (act->kind == ACT_SHUT_WR && act->event->kind == SP_EV_CALL &&
             strstr(act->event->u.call.args, "RD")))
            return act;
    }
    return NULL;
}

/* Whether a call had told by then that it was given up: after that nobody is left to do so. */
static bool was_given_up(const struct side *side, int64_t t_ns)
{
    static const char *const told[] = {"ETIMEDOUT", "EHOSTUNREACH", "ENETUNREACH"};
    for (size_t i = 0; i < side->ledger->len; i++) {
        const struct act *act = &side->ledger->acts[i];
        const char *error =
            act->kind == ACT_READ || act->kind == ACT_SEND ? act->event->u.call.error : NULL;
        for (size_t k = 0; error && k < sizeof told / sizeof told[0]; k++)
            if (strcmp(error, told[k]) == 0 && act->to_ns < t_ns - SKEW_NS)
                return true;
    }
    return false;
}

/*
 * Whether a timer may have given it up: one that an option set while something waits for an answer,
 * a keepalive whose probe has none, or R2, which is more than three retransmissions at least
 * (RFC 9293 section 3.8.3). A SYN is given up in silence (section 3.10.5).
 */
static bool may_be_given_up(const struct replay *replay, int which, const struct view *view)
{
    const struct side *side = &replay->side[which];
    bool timed = side->facts->timers_ns <= view->t_ns;
    if (side->own_process)
        return timed || side->facts->keepalive_ns <= view->t_ns || side->resent;
    if (side->ledger->tied && !side->ledger->strangers && was_given_up(side, view->t_ns))
        return false;
    bool waits = side->una < side->snd_max || (side->fin_acked_ns >= 0 && side->fin_in < 0) ||
                 sp_tcp_is_probing(replay->ctx, side, view->t_ns);
    return side->syn_in && (side->resent >= RESENT_LEAST || (timed && waits) ||
                            sp_tcp_is_probing(replay->ctx, side, view->t_ns));
}

static void say_closed(const struct replay *replay, int which, const struct view *view,
                       const struct act *closing, const struct sp_event *provoked,
                       struct sp_audit_seg *seg)
{
    const struct side *side = &replay->side[which];
    bool asked = side->ledger->abort_ns <= view->t_ns;
    /* a stack that forgets in SYN_SENT sends nothing (RFC 9293 section 3.10.5); lwIP's abort does
     */
    bool heard = side->any_in || side->own_process;
    bool aborts = asked || closing->kind == ACT_UNACCEPT || has_unread(side, closing, view->t_ns) ||
                  (closing->kind == ACT_EXIT && !side->ledger->tied && heard);
    enum sp_cause by_closing = closing->kind == ACT_EXIT ? SP_CAUSE_EXIT : SP_CAUSE_CALL;
    if (aborts && (provoked || !is_late(side, view, closing)))
        say(seg, by_closing, closing->event);
    else if (provoked)
        say(seg, SP_CAUSE_SEGMENT, provoked);
    else if (!(asked && is_late(side, view, closing)) && may_be_given_up(replay, which, view))
        say(seg, SP_CAUSE_TIMER, NULL);
}

static void say_open(const struct replay *replay, int which, const struct view *view,
                     const struct sp_event *provoked, struct sp_audit_seg *seg)
{
    const struct side *side = &replay->side[which];
    bool healthy = side->ledger->tied && side->established_ns >= 0 && !side->rst_in &&
                   !side->ledger->strangers && side->facts->blind_ns > view->t_ns &&
                   view->t_ns < side->superseded_ns;
    bool gone = healthy && !side->own_process && was_given_up(side, view->t_ns);
    bool timed = may_be_given_up(replay, which, view);
    /* both have closed: what comes now may find nobody */
    bool over = side->fin_acked_ns >= 0 && side->fin_in >= 0;
    bool by_syn = provoked && (provoked->u.seg.seg.flags & SP_SYN);
    if (provoked && (!healthy || gone || timed || by_syn || over))
        say(seg, SP_CAUSE_SEGMENT, provoked);
    else if (timed)
        say(seg, SP_CAUSE_TIMER, NULL);
    else if (!healthy && side->any_in)
        say(seg, SP_CAUSE_SEGMENT, NULL);
}

void sp_tcp_rules_rst(struct replay *replay, int which, size_t at, const struct view *view,
                      int64_t other_sent, struct sp_audit_seg *seg)
{
    const struct side *side = &replay->side[which];
    bool own = is_own(replay, which, at, view, other_sent);
    const struct sp_event *provoked = answered(replay, which, at, view->seg, true, own);
    const struct act *closing = sp_tcp_act_last(side->ledger, ACTS_THAT_END, view->t_ns);
    const struct act *read_shut = reading_shut(side, view->t_ns);
    /* An abort has nobody to tell once both have closed (RFC 9293 section 3.10.5); gVisor gives up
     * unread data to the end: RFC 1122 section 4.2.2.13 knows no state for it. */
    const struct act *gives_up = side->own_process ? closing ? closing : read_shut : NULL;
    bool reset = view->t_ns - SKEW_NS > side->killed_ns;
    bool over = is_over(replay, which, at, view) &&
                (reset || side->rst_sent || !gives_up || !has_unread(side, gives_up, view->t_ns));
    bool taken =
        side->superseded_ns != INT64_MAX && view->t_ns - OVERTAKEN_NS > side->superseded_ns;
    say(seg, SP_CAUSE_NONE, NULL);
    if (!provoked && (taken || (over && view->t_ns < side->superseded_ns)))
        ; /* nothing is left that could ask for it */
    else if (closing)
        say_closed(replay, which, view, closing, provoked, seg);
    else if (read_shut &&
             (has_unread(side, read_shut, view->t_ns) || has_brought_data(replay, which, at, view)))
        say(seg, SP_CAUSE_CALL, read_shut->event);
    else
        say_open(replay, which, view, provoked, seg);

    bool judged = side->real && side->watched && !replay->ctx->lossy_wire && !replay->conn->self;
    bool answers = answered(replay, which, at, view->seg, false, own) != NULL;
    if (judged && !answers && !own && view->t_ns < side->superseded_ns)
        sp_tcp_violate(replay->ctx, RULE_RST_FORM, view->event, side->end,
                       "neither answers a segment that arrived nor lies within what was sent");
    else if (judged && seg->cause == SP_CAUSE_NONE && side->facts->calls)
        sp_tcp_violate(replay->ctx, RULE_NO_CAUSE, view->event, side->end,
                       closing ? "RST though everything was read and nothing asked for an abort"
                               : "RST of an open connection that nothing asked for");
    if (seg->cause == SP_CAUSE_NONE && (!judged || !side->facts->calls))
        say(seg, provoked ? SP_CAUSE_SEGMENT : SP_CAUSE_CALL, provoked);
}
