/*
 * The replay of one connection: each side's own capture is fed to its model, in order. Before the
 * model takes in a segment that its side sends, the segment gets its role and its cause, and the
 * rules look at it.
 */
#include "tcp_in.h"

#include <stdlib.h>

/* ---- roles ---------------------------------------------------------------------------------- */

static enum sp_role role_of_data(const struct side *side, const struct view *view)
{
    const struct sp_seg *seg = view->seg;
    int64_t end = view->end + ((seg->flags & SP_FIN) ? 1 : 0);
    bool is_new = !side->isn_known || end > side->snd_max;
    if (is_new && seg->payload_len == 1 && side->edge >= 0 && view->end > side->edge &&
        !sp_tcp_answers(side, view))
        return SP_ROLE_WINDOW_PROBE;
    if (is_new)
        return (seg->flags & SP_FIN) ? SP_ROLE_FIN : SP_ROLE_DATA;
    if (seg->payload_len == 1 && !(seg->flags & SP_FIN) && view->end == side->snd_max &&
        side->una >= side->snd_max)
        return side->window ? SP_ROLE_KEEPALIVE : SP_ROLE_WINDOW_PROBE;
    return SP_ROLE_RETRANSMIT;
}

/* An empty segment one before what is next asks for an ACK and means nothing else. With keepalive
 * on it may come beside data under way, which RFC 9293 (MUST-26) forbids and a case judges. */
static bool is_probe(const struct side *side, const struct view *view)
{
    bool keeps = side->facts->keepalive_ns <= view->t_ns;
    return side->isn_known && view->from + 1 == side->snd_max &&
           (keeps || side->una >= side->snd_max) && !sp_tcp_answers(side, view);
}

/* Whether something waits to be sent: data, or the FIN of a close. */
static bool has_unsent(const struct side *side, int64_t t_ns)
{
    return !side->facts->calls || sp_tcp_queued(side->ledger, t_ns, 0, NULL) > side->snd_max - 1 ||
           (side->fin_at < 0 && sp_tcp_act_by(side->ledger, ACTS_THAT_CLOSE, t_ns));
}

static enum sp_role role_of(const struct side *side, const struct view *view)
{
    const struct sp_seg *seg = view->seg;
    if (seg->flags & SP_RST)
        return SP_ROLE_RST;
    if ((seg->flags & (SP_SYN | SP_ACK)) == (SP_SYN | SP_ACK))
        return side->synack_sent ? SP_ROLE_RETRANSMIT : SP_ROLE_SYN_ACK;
    if (seg->flags & SP_SYN)
        return side->plain_syn_sent && seg->seq == side->isn ? SP_ROLE_RETRANSMIT : SP_ROLE_SYN;
    if (seg->payload_len || (seg->flags & SP_FIN))
        return role_of_data(side, view);
    if (!(seg->flags & SP_ACK))
        return SP_ROLE_OTHER;
    if (is_probe(side, view))
        return side->window == 0 || (side->facts->calls && has_unsent(side, view->t_ns))
                   ? SP_ROLE_WINDOW_PROBE
                   : SP_ROLE_KEEPALIVE;
    return view->ack > side->last_ack ? SP_ROLE_ACK : SP_ROLE_DUP_ACK;
}

/* ---- causes --------------------------------------------------------------------------------- */

static void say(struct sp_audit_seg *seg, enum sp_cause cause, const struct sp_event *by)
{
    seg->cause = cause;
    seg->by = by;
}

static void cause_of_call(const struct side *side, const struct view *view, unsigned kinds,
                          struct sp_audit_seg *seg)
{
    const struct act *act = sp_tcp_act_by(side->ledger, kinds, view->t_ns);
    if (act)
        say(seg, act->kind == ACT_EXIT ? SP_CAUSE_EXIT : SP_CAUSE_CALL, act->event);
}

static void cause_of_data(const struct side *side, const struct view *view,
                          struct sp_audit_seg *seg)
{
    const struct sp_event *by = NULL;
    int64_t first_new = view->data > side->snd_max ? view->data : side->snd_max;
    if (first_new < 1)
        first_new = 1;
    int64_t queued = sp_tcp_queued(side->ledger, view->t_ns, first_new - 1, &by);
    if (view->end - 1 <= queued)
        say(seg, SP_CAUSE_CALL, by);
}

static void owed_drop(struct side *side, unsigned at)
{
    for (side->owed_count--; at < side->owed_count; at++)
        side->owed[at] = side->owed[at + 1];
}

/* An answer of its own acknowledges what had come before it; one that there was no room for, or
 * that a scripted peer sent, may have been refused, and is answered as what it is not. */
static bool may_answer(const struct side *side, const struct view *view, const struct owed *owed)
{
    int64_t edge = sp_tcp_own_edge(side);
    bool refused = side->scripted_peer || side->gaps_full || view->seg->window == 0 ||
                   (view->seg->window < side->last_window && !side->last_was_syn);
    /* what lies before it was shown to this side's capture, and may not have been taken */
    refused = refused || (side->own_process && owed->had > view->ack);
    return owed->end < 0 ? owed->had <= view->ack || owed->had > edge || refused
                         : owed->end > edge || refused;
}

/* The first arrival that it may answer; -1 none. */
static int answered_by(const struct side *side, const struct view *view, enum sp_role role)
{
    if (side->owed_count && role != SP_ROLE_DUP_ACK)
        return 0;
    for (unsigned i = 0; i < side->owed_count; i++)
        if (may_answer(side, view, &side->owed[i]) &&
            (side->own_process || view->t_ns - side->owed[i].event->t_ns <= PUT_OFF_NS))
            return (int)i;
    return -1;
}

/* Whether a window is another one than the last; that of a SYN is not scaled. A stack of its own
 * tells of each piece that it hands on, also of one that is less than a unit of the scale. */
static bool has_moved(const struct side *side, uint16_t window)
{
    bool scales = side->wscale_sent && side->peer_wscale_in && side->wscale;
    if (side->own_process && scales && side->pieces_in)
        return true;
    int64_t unit = side->last_was_syn && scales ? 1LL << side->wscale : 1;
    return window != side->last_window / unit && window != (side->last_window + unit - 1) / unit;
}

/* A pure ACK answers what it covers; else one arrival that asked for an answer of its own; else
 * it tells of a window that a read has moved. */
static void cause_of_ack(struct side *side, const struct view *view, struct sp_audit_seg *seg)
{
    const struct owed *covered = NULL;
    for (unsigned i = 0; i < side->owed_count; i++)
        if (side->owed[i].end >= 0 && side->owed[i].end <= view->ack)
            covered = &side->owed[i];
    int64_t late_ns = side->own_process ? OWN_READ_NS : SKEW_NS; /* its threads tell of it */
    const struct act *read = sp_tcp_reading(side->ledger, view->t_ns, late_ns);
    bool moved = side->last_window >= 0 && has_moved(side, view->seg->window);
    int answers = answered_by(side, view, seg->role);
    bool reads = moved && read && seg->role == SP_ROLE_DUP_ACK;
    if (covered) {
        say(seg, SP_CAUSE_SEGMENT, covered->event);
    } else if (reads && (answers < 0 || read->from_ns <= view->t_ns)) {
        seg->role = SP_ROLE_WINDOW_UPDATE;
        say(seg, SP_CAUSE_WINDOW, read->event);
    } else if (answers >= 0) {
        say(seg, SP_CAUSE_SEGMENT, side->owed[answers].event);
        if (side->owed[answers].strange && seg->role == SP_ROLE_DUP_ACK)
            seg->role = SP_ROLE_CHALLENGE;
        owed_drop(side, (unsigned)answers);
    } else if (read && (moved || side->last_window < 0)) {
        say(seg, SP_CAUSE_WINDOW, read->event);
    } else if (seg->role == SP_ROLE_ACK) {
        say(seg, SP_CAUSE_SEGMENT, NULL);
    }
    if (seg->cause == SP_CAUSE_WINDOW && side->pieces_in)
        side->pieces_in--;
}

static const char *const missing[] = {
    [SP_ROLE_SYN] = "SYN without connect",
    [SP_ROLE_SYN_ACK] = "SYN,ACK without a SYN that arrived",
    [SP_ROLE_DATA] = "data that no send had queued",
    [SP_ROLE_FIN] = "FIN without close, shutdown or exit, or with data that no send had queued",
    [SP_ROLE_DUP_ACK] = "an ACK that nothing asked for",
    [SP_ROLE_KEEPALIVE] = "a keepalive probe without SO_KEEPALIVE",
    [SP_ROLE_OTHER] = "a segment that means nothing",
    [SP_ROLE_CHALLENGE] = NULL, /* keeps the table as long as the enum */
};

static void cause_of(struct side *side, const struct view *view, struct sp_audit_seg *seg)
{
    switch (seg->role) {
    case SP_ROLE_SYN:
        cause_of_call(side, view, 1u << ACT_CONNECT, seg);
        break;
    case SP_ROLE_SYN_ACK:
        if (side->syn_in)
            say(seg, SP_CAUSE_SEGMENT, side->syn_event);
        break;
    case SP_ROLE_DATA:
        cause_of_data(side, view, seg);
        break;
    case SP_ROLE_FIN:
        if (view->seg->payload_len)
            cause_of_data(side, view, seg);
        if (!view->seg->payload_len || seg->cause != SP_CAUSE_NONE) {
            say(seg, SP_CAUSE_NONE, NULL);
            cause_of_call(side, view, ACTS_THAT_CLOSE, seg);
        }
        break;
    case SP_ROLE_ACK:
    case SP_ROLE_DUP_ACK:
        cause_of_ack(side, view, seg);
        break;
    case SP_ROLE_KEEPALIVE:
        if (side->facts->keepalive_ns <= view->t_ns + SKEW_NS || side->window == 0)
            say(seg, SP_CAUSE_TIMER, NULL);
        break;
    case SP_ROLE_RETRANSMIT:
    case SP_ROLE_WINDOW_PROBE:
        say(seg, SP_CAUSE_TIMER, NULL);
        break;
    case SP_ROLE_OTHER: /* no ACK flag: a rule of its own says so */
        say(seg, SP_CAUSE_SEGMENT, NULL);
        break;
    case SP_ROLE_RST:
    case SP_ROLE_WINDOW_UPDATE:
    case SP_ROLE_CHALLENGE:
        break;
    }
}

/* What stands in for a cause where the evidence does not reach. */
static enum sp_cause presumed(enum sp_role role)
{
    return role == SP_ROLE_SYN || role == SP_ROLE_DATA || role == SP_ROLE_FIN ? SP_CAUSE_CALL
           : role == SP_ROLE_KEEPALIVE                                        ? SP_CAUSE_TIMER
                                                                              : SP_CAUSE_SEGMENT;
}

/* Its end had said the same before, and nothing that came since could want to hear it again. */
static bool was_said(const struct replay *replay, int which, size_t at, const struct sp_seg *ack)
{
    int64_t came_ns = INT64_MIN;
    while (at-- > 0) {
        const struct entry *entry = &replay->entries[which][at];
        const struct sp_seg *seg = &entry->event->u.seg.seg;
        if (!entry->out && came_ns == INT64_MIN)
            came_ns = entry->event->t_ns;
        if (entry->out && (seg->flags & (SP_ACK | SP_RST)) == SP_ACK && seg->ack == ack->ack)
            return entry->event->t_ns > came_ns + SKEW_NS;
    }
    return false;
}

/* On loopback an acknowledgement may have been sent before the FIN, the data or the RST that it is
 * captured behind. Its numbers tell: sent later than FIN or data, it would have counted them, and
 * what a RST acknowledges was acknowledged by nothing else then. A keepalive probe, which looks the
 * same behind a FIN, comes after a second. */
static bool was_overtaken(const struct replay *replay, int which, size_t at)
{
    const struct sp_event *ack = replay->entries[which][at].event;
    while (at > 0 && !replay->entries[which][at - 1].out)
        at--;
    if (at == 0 || ack->u.seg.point != SP_AT_LO)
        return false;
    const struct sp_event *before = replay->entries[which][at - 1].event;
    const struct sp_seg *seg = &before->u.seg.seg;
    return (sp_seg_space(seg) || (seg->flags & SP_RST)) && seg->seq == ack->u.seg.seg.seq &&
           seg->ack == ack->u.seg.seg.ack && ack->t_ns - before->t_ns <= OVERTAKEN_NS &&
           !was_said(replay, which, at - 1, &ack->u.seg.seg);
}

/* Whether a RST had ended it. What is an answer has something to answer, and comes before what the
 * stack has yet to read. */
static bool was_killed(const struct replay *replay, int which, size_t at, const struct view *view,
                       enum sp_role role)
{
    const struct side *side = &replay->side[which];
    bool answers = role == SP_ROLE_ACK || role == SP_ROLE_DUP_ACK;
    bool unread = side->own_process && side->killed_by_other;
    int64_t slack_ns = !unread ? SKEW_NS : answers ? TOLD_READ_NS : OWN_READ_NS;
    return view->t_ns - slack_ns > side->killed_ns &&
           !(answers && was_overtaken(replay, which, at));
}

/* What speaks against any segment of that kind now; NULL nothing. */
static const char *objection(const struct replay *replay, int which, size_t at,
                             const struct view *view, enum sp_role role)
{
    const struct side *side = &replay->side[which];
    if (was_killed(replay, which, at, view, role))
        return "a segment after the connection was reset";
    if (side->closed_ns != INT64_MAX && view->t_ns - sp_tcp_unread_ns(side, view) > side->closed_ns)
        return "a segment after the last acknowledgement had come";
    bool probes = role == SP_ROLE_KEEPALIVE || role == SP_ROLE_WINDOW_PROBE;
    return probes ? sp_tcp_probed(replay, which, at, view) : sp_tcp_again(replay, which, at, view);
}

/* An end that has opened another connection with these addresses has nothing left of this one that
 * could send; what still comes for it is answered with a RST, which has rules of its own. */
static bool is_from_the_grave(const struct side *side, const struct view *view)
{
    int64_t late_ns = view->event->u.seg.point == SP_AT_LO ? OVERTAKEN_NS : SKEW_NS;
    return side->superseded_ns != INT64_MAX && view->t_ns - late_ns > side->superseded_ns;
}

static void rule_cause(struct replay *replay, int which, size_t at, const struct view *view,
                       struct sp_audit_seg *seg)
{
    struct side *side = &replay->side[which];
    const struct side *other = &replay->side[1 - which];
    bool judged = side->sane && side->facts->calls && view->t_ns < side->superseded_ns;
    const char *why = judged ? objection(replay, which, at, view, seg->role) : NULL;
    if (side->sane && side->facts->calls && is_from_the_grave(side, view)) {
        sp_tcp_violate(replay->ctx, RULE_NO_CAUSE, view->event, side->end,
                       "a segment of a connection whose addresses another one has taken");
        return;
    }
    if (!why) {
        cause_of(side, view, seg);
        why = missing[seg->role];
    }
    bool bare = seg->role == SP_ROLE_DUP_ACK || seg->role == SP_ROLE_KEEPALIVE;
    if (bare && seg->cause == SP_CAUSE_NONE && was_overtaken(replay, which, at))
        say(seg, SP_CAUSE_SEGMENT, NULL);
    if (seg->cause != SP_CAUSE_NONE)
        return;
    /* One that goes back has a rule of its own. */
    if (seg->role == SP_ROLE_DUP_ACK && view->ack < side->last_ack)
        judged = false;
    if (seg->role == SP_ROLE_DUP_ACK)
        judged = judged && other->isn_known;
    if (judged)
        sp_tcp_violate(replay->ctx, RULE_NO_CAUSE, view->event, side->end, "%s", why);
    else
        say(seg, presumed(seg->role), NULL);
}

/* ---- the walk ------------------------------------------------------------------------------- */

static void segment_out(struct replay *replay, int which, size_t at, int64_t other_sent)
{
    struct side *side = &replay->side[which];
    const struct entry *entry = &replay->entries[which][at];
    struct sp_audit_seg *seg = &replay->ctx->out->segs[entry->flight];
    struct view view;
    sp_tcp_view(&view, side, &replay->side[1 - which], entry);
    seg->role = role_of(side, &view);
    sp_tcp_rules_sequence(replay, which, at, &view);
    sp_tcp_rules_ack(replay, which, at, &view, other_sent);
    sp_tcp_rules_payload(replay, which, at, &view);
    sp_tcp_rules_agreed(replay, which, at, &view);
    if (!side->real)
        say(seg, SP_CAUSE_SCRIPT, NULL);
    else if (seg->role == SP_ROLE_RST)
        sp_tcp_rules_rst(replay, which, at, &view, other_sent, seg);
    else
        rule_cause(replay, which, at, &view, seg);
    if (seg->role == SP_ROLE_RST && seg->by && seg->cause == SP_CAUSE_SEGMENT)
        sp_tcp_side_refused(side, seg->by);
    if (seg->by && (seg->cause == SP_CAUSE_CALL || seg->cause == SP_CAUSE_EXIT))
        sp_tcp_side_called(side, seg->by->t_ns);
    sp_tcp_side_out(side, &view);
}

/* What the other side has sent, as time goes on; by its own capture. */
struct sent {
    size_t at;
    int64_t most;
};

static int64_t sent_by(const struct replay *replay, int which, struct sent *sent, int64_t t_ns)
{
    const struct side *side = &replay->side[which];
    if (!side->watched || !side->isn_known || side->facts->blind_ns <= t_ns)
        return -1;
    for (; sent->at < replay->entry_count[which]; sent->at++) {
        const struct entry *entry = &replay->entries[which][sent->at];
        if (entry->event->t_ns > t_ns + SKEW_NS)
            break;
        const struct sp_seg *seg = &entry->event->u.seg.seg;
        bool stray_syn = (seg->flags & SP_SYN) && seg->seq != side->isn_left;
        if (!entry->out || (seg->flags & SP_RST) || stray_syn)
            continue;
        int64_t end = (int64_t)(int32_t)(seg->seq - side->isn_left) + sp_seg_space(seg);
        if (end > sent->most)
            sent->most = end;
    }
    return sent->most;
}

static void walk(struct replay *replay, int which)
{
    struct side *side = &replay->side[which];
    struct side *other = &replay->side[1 - which];
    struct sent sent = {0};
    int64_t made = 0; /* how far the middle went in the other's name */
    other->isn = other->isn_there;
    for (size_t i = 0; i < replay->entry_count[which]; i++) {
        const struct entry *entry = &replay->entries[which][i];
        int64_t other_sent = sent_by(replay, 1 - which, &sent, entry->event->t_ns);
        if (other_sent >= 0 && other_sent < made)
            other_sent = made;
        if (entry->out) {
            segment_out(replay, which, i, other_sent);
            continue;
        }
        struct view view;
        sp_tcp_view(&view, other, side, entry);
        sp_tcp_side_in(side, other, &view);
        int64_t end = view.end + ((view.seg->flags & SP_FIN) ? 1 : 0);
        bool stray_syn = (view.seg->flags & SP_SYN) && view.seg->seq != other->isn;
        if (replay->ctx->out->flights.items[entry->flight].by && end > made && !stray_syn)
            made = end;
    }
    other->isn = other->isn_left;
}

/* ---- a side's own capture ------------------------------------------------------------------- */

static void entry_add(struct replay *replay, int which, const struct sp_event *event, size_t flight,
                      bool out)
{
    struct entry *entries = replay->entries[which];
    size_t at = replay->entry_count[which]++;
    while (at && (entries[at - 1].event->t_ns > event->t_ns ||
                  (entries[at - 1].event->t_ns == event->t_ns &&
                   entries[at - 1].event->order > event->order))) {
        entries[at] = entries[at - 1];
        at--;
    }
    entries[at] = (struct entry){.event = event, .flight = flight, .out = out};
}

static void entries_fill(struct replay *replay, size_t flight)
{
    const struct sp_flight *item = &replay->ctx->out->flights.items[flight];
    int from = side_of_src(replay->conn, &sp_tcp_shown(item)->u.seg.seg);
    const struct sp_event *out = item->sent;
    const struct sp_event *in = item->received;
    /* A segment with a wrong checksum is none to whom it comes (RFC 9293 section 3.1, MUST-3). */
    bool broken = in && !(in->u.seg.seg.checksum_ok && in->u.seg.seg.ip_checksum_ok);
    /* Without a capture at a side, the other one's stands in, for roles; no rule rests on it. */
    if (!out && !replay->side[from].watched)
        out = in;
    if (!in && !replay->side[1 - from].watched)
        in = out;
    if (out)
        entry_add(replay, from, out, flight, true);
    else
        replay->ctx->out->segs[flight] =
            (struct sp_audit_seg){.cause = SP_CAUSE_SCRIPT, .role = SP_ROLE_OTHER};
    if (in && !broken)
        entry_add(replay, 1 - from, in, flight, false);
}

/* SYNs that ask for the addresses of a connection that is still there come to that connection, and
 * it may have to answer them. */
static bool is_claim(const struct replay *replay, const struct sp_flight *flight)
{
    const struct sp_seg *seg = &sp_tcp_shown(flight)->u.seg.seg;
    return replay->conn->next_ns != INT64_MAX && flight->received && flight->conn >= 0 &&
           (seg->flags & (SP_SYN | SP_ACK)) == SP_SYN &&
           sp_tcp_is_after(replay->conn, &replay->ctx->out->flights.conns[flight->conn]);
}

static void claims_fill(struct replay *replay)
{
    const struct sp_flights *flights = &replay->ctx->out->flights;
    for (size_t i = 0; i < flights->len; i++) {
        const struct sp_flight *flight = &flights->items[i];
        if (!is_claim(replay, flight))
            continue;
        int to = 1 - side_of_src(replay->conn, &sp_tcp_shown(flight)->u.seg.seg);
        if (flight->received->t_ns < replay->side[to].superseded_ns)
            entry_add(replay, to, flight->received, i, false);
    }
}

void sp_tcp_replay(struct ctx *ctx, int conn, const size_t *flights, size_t count)
{
    struct replay replay = {.ctx = ctx, .conn = &ctx->out->flights.conns[conn], .index = conn};
    size_t most = count;
    for (size_t i = 0; i < ctx->out->flights.len; i++)
        most += is_claim(&replay, &ctx->out->flights.items[i]);
    struct entry *entries = sp_xcalloc(most * 2, sizeof *entries);
    for (int which = 0; which < 2; which++) {
        replay.entries[which] = entries + (size_t)which * most;
        sp_tcp_side_init(&replay.side[which], ctx, replay.conn, conn, which);
    }
    for (size_t i = 0; i < count; i++)
        entries_fill(&replay, flights[i]);
    if (most > count)
        claims_fill(&replay);
    for (int which = 0; which < 2; which++)
        walk(&replay, which);
    for (int which = 0; which < 2; which++)
        sp_tcp_rules_calls(&replay, which);
    for (int which = 0; which < 2; which++)
        ctx->sides[conn][which] = replay.side[which];
    free(entries);
}
