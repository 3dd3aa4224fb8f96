/*
 * The model of one end: positions sent, received, acknowledged and offered, and which arrivals
 * still wait for an answer. It is told what its own side's capture shows, in order, and nothing
 * else; it never guesses what the stack does inside.
 */
#include "tcp_in.h"

#include <string.h>

bool sp_tcp_is_pure_ack(const struct sp_seg *seg)
{
    return seg->payload_len == 0 && (seg->flags & (SP_SYN | SP_FIN | SP_RST | SP_ACK)) == SP_ACK;
}

int64_t sp_tcp_unread_ns(const struct side *side, const struct view *view)
{
    if (side->own_process)
        return OWN_READ_NS;
    return view->event->u.seg.point == SP_AT_LO ? LO_QUEUE_NS : SKEW_NS;
}

/* Whether what has just come asked for an answer of its own: no probe is due at that moment. */
static bool was_just_asked(const struct side *side, const struct view *view)
{
    for (unsigned i = 0; i < side->owed_count; i++)
        if (side->owed[i].end < 0 && view->t_ns - side->owed[i].event->t_ns < AGAIN_LEAST_NS)
            return !side->own_process;
    return false;
}

/* What acknowledges something that has just come is an ACK, wherever it stands; and so it is at any
 * time where the peer's window is open: a probe is due long after an ACK. */
bool sp_tcp_answers(const struct side *side, const struct view *view)
{
    return was_just_asked(side, view) ||
           (view->ack > side->last_ack &&
            (side->window > 0 || view->t_ns - side->last_in_ns < AGAIN_LEAST_NS));
}

/* Whether what calls queued starts at the pattern's beginning and goes on without a break. */
static bool is_pattern_known(const struct side *side)
{
    int64_t total = 0;
    if (!side->facts->calls || side->facts->urgent_ns != INT64_MAX || side->ledger->strangers)
        return false;
    for (size_t i = 0; i < side->ledger->len; i++) {
        const struct act *act = &side->ledger->acts[i];
        if (act->kind != ACT_SEND || act->bytes == INT64_MAX)
            continue;
        if (act->event->u.call.stream_from >= 0 && act->event->u.call.stream_from != total &&
            act->bytes)
            return false;
        total += act->bytes;
    }
    return true;
}

/* The initial sequence number of that end as it arrived. */
static uint32_t isn_there(const struct ctx *ctx, int conn, enum sp_end end, uint32_t isn)
{
    const struct sp_flights *flights = &ctx->out->flights;
    for (size_t i = 0; i < flights->len; i++) {
        const struct sp_flight *flight = &flights->items[i];
        if (flight->conn == conn && flight->from == end && flight->received &&
            (flight->received->u.seg.seg.flags & SP_SYN))
            return flight->received->u.seg.seg.seq;
    }
    return isn;
}

/*
 * A SYN that comes for a connection which is there may open another one or be refused; what an end
 * sends itself tells. Where its capture does not, the SYN counts.
 */
static int64_t superseded_ns(const struct ctx *ctx, const struct sp_conn *conn, enum sp_end end)
{
    const struct sp_flights *flights = &ctx->out->flights;
    for (size_t i = 0; conn->next_ns != INT64_MAX && i < flights->len; i++) {
        const struct sp_flight *flight = &flights->items[i];
        const struct sp_event *event = sp_tcp_shown(flight);
        if (event->t_ns >= conn->next_ns && flight->from == end && flight->conn >= 0 &&
            (event->u.seg.seg.flags & SP_SYN) &&
            sp_tcp_is_after(conn, &flights->conns[flight->conn]))
            return event->t_ns;
    }
    return ctx->facts[end].watched ? INT64_MAX : conn->next_ns;
}

void sp_tcp_side_init(struct side *side, const struct ctx *ctx, const struct sp_conn *conn,
                      int index, int which)
{
    enum sp_end end = conn_end(conn, which);
    *side = (struct side){
        .conn = index,
        .end = end,
        .real = end == SP_END_CLIENT || end == SP_END_SERVER,
        .watched = ctx->facts[end].watched,
        .own_process = ctx->trace->head.states_hidden[end],
        .ledger = &ctx->ledgers[index][which],
        .facts = &ctx->facts[end],
        .fin_at = -1,
        .last_ack = -1,
        .last_window = -1,
        .fin_in = -1,
        .fin_acked_ns = -1,
        .trip_ns = -1,
        .edge = -1,
        .own_edge = -1,
        .established_ns = -1,
        .rst_out_ns = INT64_MAX,
        .killed_ns = INT64_MAX,
        .aborted_ns = INT64_MAX,
        .closed_ns = INT64_MAX,
        .again_ns = INT64_MAX,
        .r2_ns = INT64_MAX,
        .fin_told_ns = INT64_MAX,
        .syn_acked_ns = INT64_MAX,
        .rst_in_ns = INT64_MAX,
    };
    side->isn_known = end != SP_END_NONE && conn->isn_known[end] && !conn->self;
    side->isn = side->isn_left = side->isn_known ? conn->isn[end] : 0;
    side->isn_there = conn->renumbered ? isn_there(ctx, index, end, side->isn) : side->isn;
    side->superseded_ns = superseded_ns(ctx, conn, end);
    enum sp_end other = conn_end(conn, 1 - which);
    side->scripted_peer = other != SP_END_CLIENT && other != SP_END_SERVER;
    side->pattern_known = is_pattern_known(side);
    side->sane = side->real && side->watched && side->isn_known && !conn->self && !ctx->lossy_wire;
}

/* Relative to an ISN, modulo 2^32 (RFC 9293 section 3.4); streams stay below 2^31 bytes. */
static int64_t position(uint32_t number, uint32_t isn)
{
    return (int32_t)(number - isn);
}

void sp_tcp_view(struct view *view, const struct side *from, const struct side *to,
                 const struct entry *entry)
{
    const struct sp_seg *seg = &entry->event->u.seg.seg;
    *view = (struct view){
        .event = entry->event, .seg = seg, .flight = entry->flight, .t_ns = entry->event->t_ns};
    view->from = position(seg->seq, from->isn);
    view->data = view->from + ((seg->flags & SP_SYN) ? 1 : 0);
    view->end = view->data + seg->payload_len;
    view->has_ack = (seg->flags & SP_ACK) != 0;
    view->ack_known = view->has_ack && to->isn_known;
    view->ack = view->ack_known ? position(seg->ack, to->isn) : -1;
}

/* ---- options -------------------------------------------------------------------------------- */

static bool find_wscale(const struct sp_seg *seg, uint8_t *wscale)
{
    struct sp_opt opt;
    if (!sp_opt_find(seg, SP_OPT_WSCALE, &opt))
        return false;
    *wscale = opt.wscale > 14 ? 14 : opt.wscale; /* RFC 7323 section 2.3 */
    return true;
}

static void earliest(int64_t *when_ns, int64_t t_ns)
{
    if (t_ns < *when_ns)
        *when_ns = t_ns;
}

/* ---- sending -------------------------------------------------------------------------------- */

/*
 * Segments are taken in the order in which they came: once an answer covers one, what came before
 * it has had its own answer, or shares this one.
 */
static void answer_covered(struct side *side, int64_t ack, int64_t t_ns)
{
    unsigned kept = 0;
    int64_t taken_ns = side->own_process ? INT64_MIN : t_ns - OWED_NS;
    for (unsigned i = 0; i < side->owed_count; i++)
        if (side->owed[i].end >= 0 && side->owed[i].end <= ack &&
            side->owed[i].event->t_ns - SKEW_NS > taken_ns)
            taken_ns = side->owed[i].event->t_ns - SKEW_NS;
    for (unsigned i = 0; i < side->owed_count; i++) {
        bool own = side->owed[i].end < 0;
        if (own ? side->owed[i].event->t_ns >= taken_ns : side->owed[i].end > ack)
            side->owed[kept++] = side->owed[i];
    }
    side->owed_count = kept;
}

/* A SYN,ACK is the answer to each SYN that has come so far. */
static void answer_syns(struct side *side)
{
    unsigned kept = 0;
    for (unsigned i = 0; i < side->owed_count; i++)
        if ((side->owed[i].event->u.seg.seg.flags & (SP_SYN | SP_ACK)) != SP_SYN)
            side->owed[kept++] = side->owed[i];
    side->owed_count = kept;
}

void sp_tcp_side_refused(struct side *side, const struct sp_event *event)
{
    unsigned kept = 0;
    for (unsigned i = 0; i < side->owed_count; i++)
        if (side->owed[i].event != event)
            side->owed[kept++] = side->owed[i];
    side->owed_count = kept;
}

void sp_tcp_side_called(struct side *side, int64_t call_ns)
{
    unsigned kept = 0;
    for (unsigned i = 0; i < side->owed_count; i++)
        if (side->own_process || side->owed[i].end >= 0 ||
            side->owed[i].event->t_ns + TAKEN_NS > call_ns)
            side->owed[kept++] = side->owed[i];
    side->owed_count = kept;
}

int sp_tcp_own_scale(const struct side *side)
{
    return side->wscale_sent && side->peer_wscale_in ? side->wscale : 0;
}

/* That of a SYN is not scaled (RFC 7323 section 2.2). */
int64_t sp_tcp_edge_of(const struct side *side, const struct view *view)
{
    bool syn = (view->seg->flags & SP_SYN) != 0;
    return view->ack + view->seg->window * (1LL << (syn ? 0 : sp_tcp_own_scale(side)));
}

static void offer_window(struct side *side, const struct view *view)
{
    int64_t edge = sp_tcp_edge_of(side, view);
    /* Who keeps no state of a SYN (RFC 4987 section 3.6) does not know what it has offered; gVisor
     * offers less than half of it then. */
    if ((view->seg->flags & SP_SYN) && side->own_process)
        return;
    if (view->seg->flags & SP_SYN)
        edge -= view->seg->window / 2;
    if (!view->ack_known || edge <= side->own_edge)
        return;
    side->own_edge = edge;
    side->own_edge_ns = view->t_ns;
    side->own_edge_ack = view->ack;
    side->own_edge_from = view->from;
    side->own_edge_bits = view->seg->flags & SP_SYN ? -1 : sp_tcp_own_scale(side);
}

void sp_tcp_side_out(struct side *side, const struct view *view)
{
    const struct sp_seg *seg = view->seg;
    if (seg->flags & SP_RST) {
        side->rst_sent = true;
        earliest(&side->rst_out_ns, view->t_ns);
        /* An abort (RFC 9293 section 3.10.5); or the connection is not there any more: the numbers
         * of what was refused were good ones, or it was a SYN. SYN_SENT stays as it is, and before
         * the other's SYN has come only a call tells an abort from an answer (lwIP's has ACK). */
        bool called = side->syn_in || side->ledger->abort_ns <= view->t_ns;
        bool abort = view->has_ack && view->from == side->snd_max && called;
        bool gone = view->has_ack
                        ? !seg->seq
                        : view->from > 0 && view->from >= side->una && view->from <= side->snd_max;
        if (side->syn_sent && (abort || (gone && side->last_ack >= 1)))
            earliest(&side->killed_ns, view->t_ns);
        if (side->syn_sent && abort)
            earliest(&side->aborted_ns, view->t_ns);
        return;
    }
    if (seg->flags & SP_SYN) {
        if (view->has_ack && !side->own_process && view->event->u.seg.point != SP_AT_LO)
            answer_syns(side);
        sp_tcp_offer_add(&side->offered, seg);
        side->syn_sent = true;
        side->synack_sent |= view->has_ack;
        side->plain_syn_sent |= !view->has_ack;
        side->syn_payload = seg->payload_len;
        side->wscale_sent = find_wscale(seg, &side->wscale);
    }
    if ((seg->payload_len || (seg->flags & SP_FIN)) && !(seg->flags & SP_SYN))
        side->data_sent = true;
    int64_t end = view->end;
    if (seg->flags & SP_FIN) {
        if (side->fin_at < 0) {
            side->fin_at = end;
            side->fin_ns = view->t_ns;
            side->fin_last = side->fin_in >= 0 && view->ack > side->fin_in;
        }
        end++;
    }
    if (end > side->snd_max) {
        side->snd_max = end;
        side->new_ns = view->t_ns;
    } else if (seg->payload_len || (seg->flags & (SP_FIN | SP_SYN))) {
        side->resent++;
        side->recover = side->snd_max;
        earliest(&side->again_ns, view->t_ns);
        if (side->resent >= RESENT_LEAST)
            earliest(&side->r2_ns, view->t_ns);
    }
    if (view->has_ack) {
        side->last_ack = view->ack;
        side->last_ack_ns = view->t_ns;
        side->last_ack_from = view->from;
        if (side->fin_in >= 0 && view->ack > side->fin_in)
            earliest(&side->fin_told_ns, view->t_ns);
        side->last_window = seg->window;
        side->last_was_syn = (seg->flags & SP_SYN) != 0;
        offer_window(side, view);
        answer_covered(side, view->ack,
                       view->t_ns); /* a segment with data or FIN answers as well */
    }
    if (side->syn_sent && side->syn_in && side->established_ns < 0 && !(seg->flags & SP_SYN))
        side->established_ns = view->t_ns;
}

/* ---- receiving ------------------------------------------------------------------------------ */

static void gap_add(struct side *side, int64_t from, int64_t to)
{
    unsigned at = 0;
    while (at < side->gap_count && side->gaps[at].to < from)
        at++;
    if (at < side->gap_count && side->gaps[at].from <= to) {
        struct span *span = &side->gaps[at];
        span->from = from < span->from ? from : span->from;
        span->to = to > span->to ? to : span->to;
        while (at + 1 < side->gap_count && side->gaps[at + 1].from <= span->to) {
            if (side->gaps[at + 1].to > span->to)
                span->to = side->gaps[at + 1].to;
            memmove(&side->gaps[at + 1], &side->gaps[at + 2],
                    (side->gap_count - at - 2) * sizeof side->gaps[0]);
            side->gap_count--;
        }
        return;
    }
    if (side->gap_count == GAPS_MAX) {
        side->gaps_full = true;
        return;
    }
    memmove(&side->gaps[at + 1], &side->gaps[at], (side->gap_count - at) * sizeof side->gaps[0]);
    side->gaps[at] = (struct span){from, to};
    side->gap_count++;
}

static void receive(struct side *side, int64_t from, int64_t to)
{
    if (from > side->rcv_nxt) {
        gap_add(side, from, to);
        return;
    }
    if (to > side->rcv_nxt)
        side->rcv_nxt = to;
    unsigned used = 0;
    while (used < side->gap_count && side->gaps[used].from <= side->rcv_nxt) {
        if (side->gaps[used].to > side->rcv_nxt)
            side->rcv_nxt = side->gaps[used].to;
        used++;
    }
    memmove(side->gaps, side->gaps + used, (side->gap_count - used) * sizeof side->gaps[0]);
    side->gap_count -= used;
}

static void owe(struct side *side, const struct view *view, int64_t end, bool strange)
{
    if (side->owed_count == OWED_MAX) {
        memmove(side->owed, side->owed + 1, (OWED_MAX - 1) * sizeof side->owed[0]);
        side->owed_count--;
    }
    side->owed[side->owed_count++] =
        (struct owed){.event = view->event, .end = end, .had = side->rcv_nxt, .strange = strange};
}

/* Whether an empty segment there is acceptable (RFC 9293 section 3.4). */
static bool is_in_window(const struct side *side, int64_t from)
{
    return from == side->rcv_nxt ||
           (from > side->rcv_nxt && side->last_ack >= 0 && from < sp_tcp_own_edge(side));
}

/* Which arrivals ask for an answer: RFC 9293 section 3.10.7.4, RFC 5961. In doubt, they do. */
static void owe_for(struct side *side, const struct view *view, bool out_of_order)
{
    const struct sp_seg *seg = view->seg;
    int64_t end = view->end + ((seg->flags & SP_FIN) ? 1 : 0);
    if (seg->flags & SP_RST) {
        if (view->from != side->rcv_nxt)
            owe(side, view, -1, true);
    } else if (seg->flags & SP_SYN) {
        bool expected = side->syn_sent && !side->syn_in; /* or its SYN crossed: SYN,ACK answers */
        if (side->syn_in || side->syn_sent)              /* else a SYN,ACK answers it */
            owe(side, view, expected ? end : -1, side->syn_in);
    } else if (end > view->data) {
        bool in_order = view->from <= side->rcv_nxt && end > side->rcv_nxt && view->has_ack &&
                        view->ack <= side->snd_max &&
                        (side->fin_in < 0 || side->fin_in >= side->rcv_nxt);
        owe(side, view, in_order ? end : -1, false);
    } else if (!is_in_window(side, view->from) || out_of_order || view->ack > side->snd_max ||
               view->ack < side->una || !view->has_ack) {
        owe(side, view, -1, view->ack > side->snd_max);
    }
}

static void take_ack(struct side *side, const struct view *view)
{
    if (view->ack > side->una && view->ack <= side->snd_max) {
        int64_t trip_ns = view->t_ns - side->new_ns;
        if (view->ack == side->snd_max && (side->trip_ns < 0 || trip_ns < side->trip_ns))
            side->trip_ns = trip_ns;
        side->una = view->ack;
        side->una_ns = view->t_ns;
        side->resent = 0;
    }
    if (view->ack >= 1 && view->ack <= side->snd_max)
        earliest(&side->syn_acked_ns, view->t_ns);
    if (side->fin_at >= 0 && side->fin_acked_ns < 0 && view->ack > side->fin_at)
        side->fin_acked_ns = view->t_ns;
    if (side->fin_last && side->fin_acked_ns >= 0)
        earliest(&side->closed_ns, view->t_ns);
    bool scaled = side->wscale_sent && side->peer_wscale_in && !(view->seg->flags & SP_SYN);
    side->window = (int64_t)view->seg->window << (scaled ? side->peer_wscale : 0);
    if (view->ack >= 0 && view->ack + side->window > side->edge)
        side->edge = view->ack + side->window;
}

static uint16_t find_mss(const struct sp_seg *seg)
{
    struct sp_opt opt;
    return sp_opt_find(seg, SP_OPT_MSS, &opt) ? opt.mss : 0;
}

static void take_syn(struct side *side, const struct view *view)
{
    uint16_t mss = find_mss(view->seg);
    sp_tcp_offer_add(&side->was_offered, view->seg);
    if (mss > side->peer_mss) /* the stack may have taken another one of several */
        side->peer_mss = mss;
    /* what it offers counts until it has been answered */
    if (!side->syn_in || (!side->plain_syn_sent && !side->synack_sent))
        side->peer_wscale_in = find_wscale(view->seg, &side->peer_wscale);
    if (!side->syn_in)
        side->syn_event = view->event;
    if (view->has_ack && !side->synack_in) {
        side->synack_in = view->ack == 1 || view->ack == 1 + side->syn_payload;
        side->synack_in_ns = view->t_ns;
    }
    side->syn_in = true;
    if (side->rcv_nxt < 1)
        side->rcv_nxt = 1;
}

/* How far it has let its peer send. */
int64_t sp_tcp_own_edge(const struct side *side)
{
    bool scaled = side->wscale_sent && side->peer_wscale_in;
    scaled = scaled && !side->last_was_syn;
    return side->last_ack + side->last_window * (1LL << (scaled ? side->wscale : 0));
}

void sp_tcp_side_in(struct side *side, const struct side *other, const struct view *view)
{
    const struct sp_seg *seg = view->seg;
    bool out_of_order = view->flight + 1 < side->last_in;
    if (view->flight + 1 > side->last_in)
        side->last_in = view->flight + 1;
    /* RFC 5961 section 5.2 refuses an acknowledgement of what is from before the connection, with
     * all that comes with it; RFC 9293 does not have to. */
    if (view->ack_known && view->ack < 0)
        side->scripted_peer = true;
    side->any_in = true;
    side->last_in_ns = view->t_ns;
    if (sp_seg_space(seg) && !(seg->flags & (SP_SYN | SP_RST)))
        side->space_in_ns = view->t_ns;
    owe_for(side, view, out_of_order);
    side->pieces_in += seg->payload_len > 0;
    if (seg->flags & SP_RST) {
        side->rst_in = true;
        bool refused = !side->syn_in && view->ack_known && view->ack == side->snd_max;
        /* One from below what has been acknowledged is dropped; Linux believes one at the FIN. */
        bool old = side->syn_in && view->from + (side->fin_in >= 0) < side->last_ack &&
                   view->event->u.seg.point != SP_AT_LO;
        if ((side->syn_in && !old) || refused || !side->isn_known)
            earliest(&side->rst_in_ns, view->t_ns);
        /* TIME_WAIT may be told to ignore it (RFC 1337); what did not fit has not been taken. */
        bool waits = side->fin_acked_ns >= 0 && side->fin_in >= 0;
        bool taken = side->syn_in && view->from == side->rcv_nxt && !waits &&
                     side->rcv_nxt <= sp_tcp_own_edge(side);
        if (side->syn_sent && (taken || refused)) {
            side->killed_by_other |= side->killed_ns > view->t_ns;
            earliest(&side->killed_ns, view->t_ns);
        }
        return;
    }
    bool stray_syn = (seg->flags & SP_SYN) && other->isn_known && seg->seq != other->isn;
    if (stray_syn)
        return;
    /* "If the ACK bit is off, drop the segment" (RFC 9293 section 3.10.7.4); lwIP takes it. */
    if (!(seg->flags & (SP_SYN | SP_ACK)) && side->syn_in && !side->own_process)
        return;
    if (seg->flags & SP_SYN)
        take_syn(side, view);
    if (view->has_ack && side->isn_known)
        take_ack(side, view);
    int64_t end = view->end;
    if (seg->payload_len && end > side->bytes_in)
        side->bytes_in = end;
    if (seg->flags & SP_FIN) {
        /* One below what has come, or beyond what it may send, is no end of the stream. */
        bool fits = end >= side->rcv_nxt && (side->last_window < 0 || end <= sp_tcp_own_edge(side));
        if (side->fin_in < 0 && fits) {
            side->fin_in = end;
            side->fin_in_ns = view->t_ns;
        }
        end++;
    }
    if (side->fin_in >= 0 && end > side->fin_in + 1)
        end = side->fin_in + 1; /* nothing has a place after it */
    if (end > view->data)
        receive(side, view->data, end);
    if (side->syn_sent && side->syn_in && side->established_ns < 0 && view->ack > 0 &&
        view->ack <= side->snd_max && !(seg->flags & SP_SYN))
        side->established_ns = view->t_ns;
}
