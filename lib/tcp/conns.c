/*
 * Connections: flights sorted by their addresses and by initial sequence numbers.
 *
 * A SYN with another ISN between the same addresses opens a successor where the connection before
 * it is over (reset, closed from both ends, never answered) or where a SYN,ACK answers it;
 * otherwise it is a stray SYN of the connection that is there. Two SYNs that cross are one
 * connection (simultaneous open, RFC 9293 section 3.5). Segments of an old connection that come
 * after its successor's first SYN (a challenge ACK from TIME_WAIT, the RST it draws) are told by
 * their sequence numbers; what the middle sends meets the connection that is there. A successor
 * may have the ISN of the connection before it (lwIP counts half seconds): an end that has seen
 * both FINs sends no SYN of that connection again.
 */
#include "tcp_in.h"

#include <stdlib.h>
#include <string.h>

/* How far beyond what was sent a sequence number still belongs to a connection: the largest
 * window (RFC 7323 section 2.3: 2^30) would swallow successors, whose ISNs differ by the clock. */
enum { AHEAD_BYTES = 1 << 20 };

struct draft {
    struct sp_conn conn;
    uint32_t isn[2];
    bool known[2];
    uint32_t sent[2]; /* highest position sent */
    bool fin[2];
    bool rst;
    bool answered; /* a SYN,ACK acknowledged the opener's SYN */
};

struct drafts {
    const struct sp_trace *trace;
    struct sp_flights *flights;
    struct draft *items;
    size_t len, cap;
};

static const struct sp_seg *seg_of(const struct sp_flight *flight)
{
    return &sp_tcp_shown(flight)->u.seg.seg;
}

static bool is_tuple(const struct sp_conn *conn, const struct sp_seg *seg)
{
    return (sp_addr_same(&conn->client, &seg->src) && sp_addr_same(&conn->server, &seg->dst)) ||
           (sp_addr_same(&conn->client, &seg->dst) && sp_addr_same(&conn->server, &seg->src));
}

static bool is_over(const struct draft *draft)
{
    return draft->rst || !draft->answered || (draft->fin[0] && draft->fin[1]);
}

/* Whether a later SYN,ACK accepts the SYN of flight `at`. */
static bool is_answered(const struct drafts *drafts, size_t at)
{
    const struct sp_seg *syn = seg_of(&drafts->flights->items[at]);
    for (size_t i = at + 1; i < drafts->flights->len; i++) {
        const struct sp_seg *seg = seg_of(&drafts->flights->items[i]);
        if (!(seg->flags & SP_SYN))
            continue;
        if ((seg->flags & SP_ACK) && seg->ack == syn->seq + 1 &&
            sp_addr_same(&seg->src, &syn->dst) && sp_addr_same(&seg->dst, &syn->src))
            return true;
    }
    return false;
}

static bool within(const struct draft *draft, int side, uint32_t position)
{
    return draft->known[side] && position - draft->isn[side] <= draft->sent[side] + AHEAD_BYTES;
}

/* Whether a segment other than a SYN can be one of this connection's. */
static bool fits(const struct draft *draft, const struct sp_seg *seg)
{
    int side = side_of_src(&draft->conn, seg);
    if (draft->known[side])
        return within(draft, side, seg->seq) || ((seg->flags & SP_RST) && seg->seq == 0);
    if (seg->flags & SP_RST)
        return !(seg->flags & SP_ACK) || !draft->known[1 - side] ||
               within(draft, 1 - side, seg->ack);
    return !draft->known[1 - side] || ((seg->flags & SP_ACK) && within(draft, 1 - side, seg->ack));
}

/* A SYN: of which connection of these addresses, newest first; NULL: of a new one. */
static struct draft *syn_of(struct drafts *drafts, size_t flight, struct draft *newest)
{
    const struct sp_seg *seg = seg_of(&drafts->flights->items[flight]);
    int side = side_of_src(&newest->conn, seg);
    for (size_t i = drafts->len; i-- > 0;) {
        struct draft *draft = &drafts->items[i];
        if (!is_tuple(&draft->conn, seg))
            continue;
        int from = side_of_src(&draft->conn, seg);
        bool anew = !(seg->flags & SP_ACK) && draft == newest && draft->fin[0] && draft->fin[1] &&
                    drafts->flights->items[flight].sent;
        if (draft->known[from] && draft->isn[from] == seg->seq && !anew)
            return draft;
        if ((seg->flags & SP_ACK) && draft->known[1 - from] &&
            seg->ack - draft->isn[1 - from] - 1 <= draft->sent[1 - from])
            return draft;
    }
    if (seg->flags & SP_ACK)
        return newest;
    /* The other end's SYN, crossing the first. */
    if (!newest->known[side] && newest->known[1 - side] && !newest->answered && !newest->rst)
        return newest;
    if (is_over(newest) || is_answered(drafts, flight))
        return NULL;
    return newest;
}

/* Before both SYNs of a connection have been seen: the older one of these addresses that both
 * numbers of a segment are of; NULL none. */
static struct draft *older_of(struct drafts *drafts, size_t at, const struct sp_seg *seg)
{
    const struct draft *newer = &drafts->items[at];
    if ((newer->known[0] && newer->known[1]) || !(seg->flags & SP_ACK))
        return NULL;
    while (at-- > 0) {
        struct draft *draft = &drafts->items[at];
        int side = side_of_src(&draft->conn, seg);
        if (is_tuple(&draft->conn, seg) && draft->known[0] && draft->known[1] &&
            seg->seq - draft->isn[side] <= draft->sent[side] &&
            seg->ack - draft->isn[1 - side] <= draft->sent[1 - side])
            return draft;
    }
    return NULL;
}

static struct draft *draft_new(struct drafts *drafts, const struct sp_flight *flight)
{
    const struct sp_event *event = sp_tcp_shown(flight);
    const struct sp_seg *seg = &event->u.seg.seg;
    struct draft *draft = &SP_PUSH(drafts->items, drafts->len, drafts->cap);
    /* A SYN,ACK without its SYN: the capture began late; the opener is who it goes to. */
    bool reversed = (seg->flags & (SP_SYN | SP_ACK)) == (SP_SYN | SP_ACK);
    enum sp_end to = sp_tcp_end_of(drafts->trace, &seg->dst);
    draft->conn.client = reversed ? seg->dst : seg->src;
    draft->conn.server = reversed ? seg->src : seg->dst;
    draft->conn.opener = reversed ? to : event->end;
    draft->conn.responder = reversed ? event->end : to;
    draft->conn.first_ns = event->t_ns;
    draft->conn.next_ns = INT64_MAX;
    return draft;
}

static struct draft *draft_of(struct drafts *drafts, size_t flight)
{
    const struct sp_flight *item = &drafts->flights->items[flight];
    const struct sp_seg *seg = seg_of(item);
    struct draft *newest = NULL;
    for (size_t i = drafts->len; i-- > 0;) {
        struct draft *draft = &drafts->items[i];
        if (!is_tuple(&draft->conn, seg))
            continue;
        if (!newest)
            newest = draft;
        bool made = item->from == SP_END_MIDDLE; /* whoever it copies, it meets the newest */
        if ((seg->flags & SP_SYN) || !(made || fits(draft, seg)))
            continue;
        struct draft *older = made ? NULL : older_of(drafts, i, seg);
        return older ? older : draft;
    }
    if (!newest)
        return draft_new(drafts, item);
    if (!(seg->flags & SP_SYN))
        return newest;
    struct draft *old = syn_of(drafts, flight, newest);
    if (old)
        return old;
    newest->conn.next_ns = sp_tcp_shown(item)->t_ns;
    return draft_new(drafts, item);
}

static void draft_take(struct draft *draft, const struct sp_event *event)
{
    const struct sp_seg *seg = &event->u.seg.seg;
    int side = side_of_src(&draft->conn, seg);
    enum sp_end *end = side == 0 ? &draft->conn.opener : &draft->conn.responder;
    if (event->end != SP_END_NONE)
        *end = event->end; /* who speaks there, which an address alone may not tell */
    if ((seg->flags & SP_SYN) && !draft->known[side]) {
        draft->known[side] = true;
        draft->isn[side] = seg->seq;
    }
    if ((seg->flags & (SP_SYN | SP_ACK)) == (SP_SYN | SP_ACK) && draft->known[1 - side] &&
        seg->ack - draft->isn[1 - side] - 1 <= draft->sent[1 - side])
        draft->answered = true;
    if (draft->known[side] && !(seg->flags & SP_RST)) {
        uint32_t end_at = seg->seq + sp_seg_space(seg) - draft->isn[side];
        if (end_at < UINT32_MAX / 2 && end_at > draft->sent[side])
            draft->sent[side] = end_at;
    }
    draft->fin[side] |= (seg->flags & SP_FIN) != 0;
    draft->rst |= (seg->flags & SP_RST) != 0;
}

static void relate(struct sp_flight *flight, const struct draft *draft)
{
    const struct sp_seg *seg = seg_of(flight);
    int side = side_of_src(&draft->conn, seg);
    flight->rel_seq = seg->seq - (draft->known[side] ? draft->isn[side] : 0);
    flight->rel_ack = seg->ack;
    if ((seg->flags & SP_ACK) && draft->known[1 - side])
        flight->rel_ack -= draft->isn[1 - side];
}

/* A SYN that arrives with another number than it left with, or that its end never sent. */
static bool is_renumbered(const struct sp_flight *flight)
{
    if (!flight->by || !flight->received || !(seg_of(flight)->flags & SP_SYN))
        return false;
    return flight->sent && flight->sent->u.seg.seg.seq != flight->received->u.seg.seg.seq;
}

/* A connect() that has told both addresses, and did not fail before it could have sent a SYN. */
static bool tells_conn(const struct sp_event *event)
{
    const struct sp_ev_call *call = &event->u.call;
    return event->kind == SP_EV_CALL && strcmp(call->name, "connect") == 0 && call->local.port &&
           call->remote.port && event->end != SP_END_NONE;
}

static bool is_pair(const struct sp_conn *conn, const struct sp_ev_call *call)
{
    return sp_addr_same(&conn->client, &call->local) && sp_addr_same(&conn->server, &call->remote);
}

/* Where nobody watched the wire, connections are what connect() told of: so that names and states
 * find theirs. They have no segments. */
static void conns_by_calls(const struct sp_trace *trace, struct sp_flights *flights)
{
    size_t count = 0;
    for (size_t i = 0; i < trace->len; i++)
        count += tells_conn(&trace->events[i]);
    flights->conns = SP_ARENA_ARRAY(&flights->arena, struct sp_conn, count ? count : 1);
    for (size_t i = 0; i < trace->len; i++) {
        const struct sp_event *event = &trace->events[i];
        if (!tells_conn(event))
            continue;
        const struct sp_ev_call *call = &event->u.call;
        for (size_t k = 0; k < flights->conn_count; k++)
            if (is_pair(&flights->conns[k], call) && flights->conns[k].next_ns == INT64_MAX)
                flights->conns[k].next_ns = event->t_ns;
        bool client = event->end == SP_END_CLIENT;
        flights->conns[flights->conn_count++] =
            (struct sp_conn){.client = call->local,
                             .server = call->remote,
                             .opener = event->end,
                             .responder = client ? SP_END_SERVER : SP_END_CLIENT,
                             .first_ns = event->t_ns,
                             .next_ns = INT64_MAX,
                             .self = sp_addr_same_ip(&call->local, &call->remote)};
    }
}

void sp_tcp_conns_sort(const struct sp_trace *trace, struct sp_flights *flights)
{
    struct drafts drafts = {.trace = trace, .flights = flights};
    if (!flights->len && trace->head.wire == SP_WATCH_ABSENT) {
        conns_by_calls(trace, flights);
        return;
    }
    for (size_t i = 0; i < flights->len; i++) {
        struct draft *draft = draft_of(&drafts, i);
        const struct sp_seg *seg = seg_of(&flights->items[i]);
        bool made = flights->items[i].from == SP_END_MIDDLE;
        if (!made || (seg->flags & SP_SYN) || fits(draft, seg))
            draft_take(draft, sp_tcp_shown(&flights->items[i]));
        flights->items[i].conn = (int)(draft - drafts.items);
        draft->conn.renumbered |= is_renumbered(&flights->items[i]);
    }
    for (size_t i = 0; i < flights->len; i++)
        relate(&flights->items[i], &drafts.items[flights->items[i].conn]);
    flights->conn_count = drafts.len;
    flights->conns = SP_ARENA_ARRAY(&flights->arena, struct sp_conn, drafts.len ? drafts.len : 1);
    for (size_t i = 0; i < drafts.len; i++) {
        const struct draft *draft = &drafts.items[i];
        flights->conns[i] = draft->conn;
        flights->conns[i].self = draft->conn.opener == draft->conn.responder;
        for (int side = 0; side < 2; side++) {
            enum sp_end end = conn_end(&draft->conn, side);
            if (!draft->known[side] || end == SP_END_NONE)
                continue;
            flights->conns[i].isn[end] = draft->isn[side];
            flights->conns[i].isn_known[end] = true;
        }
    }
    free(drafts.items);
}
