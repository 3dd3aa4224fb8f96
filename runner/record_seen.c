/*
 * Theory of operation. Two lists are made once from the trace: the segments that matter, as the
 * language matches them (pure ACKs and the like only where a case would spell them out), and the
 * steps of each socket through its states, put together from tracepoints and sock_diag. Both are
 * given out by time.
 */
#include "record.h"

#include <stdlib.h>
#include <string.h>

#include "tcp.h"

struct item {
    int64_t t_ns;
    const struct sp_flight *flight; /* or a state: */
    const struct sp_audit_seg *seg;
    const struct sp_event *state_of;
    enum sp_tcp_state state;
};

struct record_seen {
    const struct sp_trace *trace;
    struct sp_audit audit;
    struct item *items;
    size_t len;
    size_t cap;
};

/* ---- names ---------------------------------------------------------------------------------- */

static bool same_addr(const struct sp_addr *a, const struct sp_addr *b)
{
    char x[SP_ADDR_TEXT], y[SP_ADDR_TEXT];
    sp_addr_print(a, x, sizeof x);
    sp_addr_print(b, y, sizeof y);
    return a->family == b->family && strcmp(x, y) == 0;
}

/* "accept" makes the socket that its arguments name: "as=second". */
static const char *sock_made(const struct sp_ev_call *call)
{
    return strcmp(call->name, "accept") == 0 && strncmp(call->args, "as=", 3) == 0 ? call->args + 3
                                                                                   : call->sock;
}

/* The case's name of the socket with these addresses; "conn" where no call told. A socket in
 * SYN_SENT may have no port yet. */
static const char *sock_name(const struct sp_trace *trace, enum sp_end end,
                             const struct sp_addr *local, const struct sp_addr *remote)
{
    if (!remote->family)
        return "listener";
    for (size_t i = trace->len; i-- > 0;) {
        const struct sp_event *ev = &trace->events[i];
        if (ev->kind != SP_EV_CALL || ev->end != end)
            continue;
        const struct sp_ev_call *call = &ev->u.call;
        bool makes = strcmp(call->name, "connect") == 0 || strcmp(call->name, "accept") == 0;
        if (makes && same_addr(&call->remote, remote) &&
            (!local->port || same_addr(&call->local, local)))
            return sock_made(call);
    }
    return "conn";
}

static void put_end(const struct record_seen *seen, enum sp_end end, const struct sp_addr *local,
                    const struct sp_addr *remote, bool listens, struct sp_buf *out)
{
    const char *sock = sock_name(seen->trace, end, local, remote);
    bool usual = strcmp(sock, listens ? "listener" : "conn") == 0;
    sp_buf_addf(out, " %s%s%s", sp_end_name(end), usual ? "" : "/", usual ? "" : sock);
}

/* ---- segments ------------------------------------------------------------------------------- */

static const struct sp_seg *seg_of(const struct sp_flight *flight)
{
    return &(flight->sent ? flight->sent : flight->received)->u.seg.seg;
}

static bool is_pure_ack(const struct sp_seg *seg)
{
    return !seg->payload_len && !(seg->flags & (SP_SYN | SP_FIN | SP_RST));
}

/* An ACK on its own is spelled out where it answers SYN,ACK or FIN: the other end's last segment
 * that was more than an ACK. */
static bool answers_an_end(const struct record_seen *seen, size_t at)
{
    const struct sp_flight *flight = &seen->audit.flights.items[at];
    for (size_t i = at; i-- > 0;) {
        const struct sp_flight *other = &seen->audit.flights.items[i];
        if (other->conn != flight->conn)
            continue;
        if (other->from == flight->from && is_pure_ack(seg_of(other)) &&
            seg_of(other)->ack == seg_of(flight)->ack)
            return false; /* said already */
        if (other->from != flight->from && !is_pure_ack(seg_of(other)))
            return other->received && (seg_of(other)->flags & (SP_SYN | SP_FIN));
    }
    return false;
}

static void add_segments(struct record_seen *seen, bool every_segment)
{
    const struct sp_flights *flights = &seen->audit.flights;
    for (size_t i = 0; i < flights->len; i++) {
        const struct sp_flight *flight = &flights->items[i];
        const struct sp_event *ev = flight->sent ? flight->sent : flight->received;
        enum sp_role role = seen->audit.segs[i].role;
        bool probe = role == SP_ROLE_KEEPALIVE || role == SP_ROLE_WINDOW_PROBE;
        bool own = flight->from == SP_END_CLIENT || flight->from == SP_END_SERVER;
        bool matters =
            every_segment || probe || !is_pure_ack(seg_of(flight)) || answers_an_end(seen, i);
        if (own && matters && seg_of(flight)->kind == SP_SEG_TCP)
            SP_PUSH(seen->items, seen->len, seen->cap) =
                (struct item){.t_ns = ev->t_ns, .flight = flight, .seg = &seen->audit.segs[i]};
    }
}

static bool is_data(const struct item *item)
{
    return item->flight && seg_of(item->flight)->payload_len &&
           item->seg->role != SP_ROLE_RETRANSMIT && item->seg->role != SP_ROLE_WINDOW_PROBE &&
           item->seg->role != SP_ROLE_KEEPALIVE;
}

static void put_flags(const struct sp_seg *seg, struct sp_buf *out)
{
    static const struct {
        uint8_t bit;
        const char *name;
    } flags[] = {{SP_SYN, "SYN"}, {SP_FIN, "FIN"}, {SP_RST, "RST"}, {SP_URG, "URG"}};
    bool first = true;
    for (size_t i = 0; i < sizeof flags / sizeof flags[0]; i++)
        if (seg->flags & flags[i].bit) {
            sp_buf_addf(out, "%s%s", first ? " " : ",", flags[i].name);
            first = false;
        }
    if ((seg->flags & SP_ACK) && ((seg->flags & SP_SYN) || is_pure_ack(seg)) &&
        !(seg->flags & (SP_FIN | SP_RST)))
        sp_buf_addf(out, "%sACK", first ? " " : ",");
}

static void put_numbers(const struct item *item, struct sp_buf *out)
{
    const struct sp_seg *seg = seg_of(item->flight);
    if (seg->flags & (SP_SYN | SP_FIN | SP_RST) || item->seg->role == SP_ROLE_KEEPALIVE)
        sp_buf_addf(out, " seq=%u", item->flight->rel_seq);
    bool carries = (seg->flags & (SP_SYN | SP_FIN)) || !seg->payload_len;
    if ((seg->flags & SP_ACK) && !(seg->flags & SP_RST) && carries)
        sp_buf_addf(out, " ack=%u", item->flight->rel_ack);
}

/* Data that goes on in the items behind it is one line; returns how many items it took. */
static size_t put_data(const struct record_seen *seen, size_t at, int64_t to_ns, struct sp_buf *out)
{
    const struct item *first = &seen->items[at];
    uint32_t from = first->flight->rel_seq;
    uint32_t next = from + seg_of(first->flight)->payload_len;
    bool fin = seg_of(first->flight)->flags & SP_FIN;
    size_t taken = 1;
    for (size_t i = at + 1; i < seen->len && seen->items[i].t_ns < to_ns && !fin; i++) {
        const struct item *item = &seen->items[i];
        bool more = is_data(item) && item->flight->from == first->flight->from &&
                    item->flight->conn == first->flight->conn && item->flight->rel_seq == next;
        if (!more)
            break;
        next += seg_of(item->flight)->payload_len;
        fin = seg_of(item->flight)->flags & SP_FIN;
        taken++;
    }
    if (taken > 1)
        sp_buf_addf(out, " bytes %u..%u%s", from, next - 1, fin ? " then FIN" : "");
    else
        sp_buf_addf(out, "%s %u..%u", fin ? " FIN" : "", from, next - 1);
    return taken;
}

static size_t put_segment(const struct record_seen *seen, size_t at, int64_t to_ns,
                          struct sp_buf *out)
{
    const struct item *item = &seen->items[at];
    const struct sp_seg *seg = seg_of(item->flight);
    size_t taken = 1;
    sp_buf_addstr(out, "wire");
    put_end(seen, item->flight->from, &seg->src, &seg->dst, false, out);
    if (is_data(item)) {
        taken = put_data(seen, at, to_ns, out);
    } else if (item->seg->role == SP_ROLE_KEEPALIVE || item->seg->role == SP_ROLE_WINDOW_PROBE) {
        sp_buf_addstr(out, item->seg->role == SP_ROLE_KEEPALIVE ? " probe" : " window-probe");
        put_numbers(item, out);
        sp_buf_addstr(out, seg->payload_len ? " any" : "");
    } else {
        put_flags(seg, out);
        if (seg->payload_len)
            sp_buf_addf(out, " %u..%u", item->flight->rel_seq,
                        item->flight->rel_seq + seg->payload_len - 1);
        put_numbers(item, out);
        sp_buf_addstr(out, item->seg->role == SP_ROLE_RETRANSMIT ? " again" : "");
    }
    sp_buf_addch(out, '\n');
    return taken;
}

/* ---- states --------------------------------------------------------------------------------- */

static bool same_sock(const struct sp_event *a, const struct sp_event *b)
{
    const struct sp_ev_state *x = &a->u.state, *y = &b->u.state;
    if (b->kind != SP_EV_STATE || a->end != b->end)
        return false;
    if (x->source == y->source && x->sock_id && y->sock_id)
        return x->sock_id == y->sock_id;
    return x->local.port && same_addr(&x->local, &y->local) && same_addr(&x->remote, &y->remote);
}

/* What the socket was in when this event came: by the last item of it. */
static enum sp_tcp_state state_before(const struct record_seen *seen, const struct sp_event *ev)
{
    for (size_t i = seen->len; i-- > 0;)
        if (seen->items[i].state_of && same_sock(ev, seen->items[i].state_of))
            return seen->items[i].state;
    return SP_TCP_CLOSED;
}

/*
 * A tracepoint's CLOSED means that the full socket is gone; TIME_WAIT and an orphan's FIN_WAIT_2
 * go on behind it, and only sock_diag shows them: the next look, which is then not the socket's
 * absence.
 */
static bool goes_on(const struct sp_trace *trace, size_t at)
{
    const struct sp_event *ev = &trace->events[at];
    if (ev->u.state.source != SP_STATE_TRACEPOINT || ev->u.state.new_state != SP_TCP_CLOSED)
        return false;
    for (size_t i = at + 1; i < trace->len; i++)
        if (trace->events[i].u.state.source == SP_STATE_DIAG && same_sock(ev, &trace->events[i]))
            return trace->events[i].u.state.new_state != SP_TCP_NONE;
    return false;
}

/* With tracepoints, sock_diag adds only what they do not show. */
static bool adds(const struct sp_trace *trace, const struct sp_event *ev)
{
    enum sp_tcp_state state = ev->u.state.new_state;
    if (ev->u.state.source == SP_STATE_TRACEPOINT || trace->head.states != SP_WATCH_FULL)
        return true;
    return state == SP_TCP_TIME_WAIT || state == SP_TCP_NONE;
}

static void add_states(struct record_seen *seen)
{
    const struct sp_trace *trace = seen->trace;
    for (size_t i = 0; i < trace->len; i++) {
        const struct sp_event *ev = &trace->events[i];
        if (ev->kind != SP_EV_STATE || !adds(trace, ev) || goes_on(trace, i))
            continue;
        enum sp_tcp_state state =
            ev->u.state.new_state == SP_TCP_NONE ? SP_TCP_CLOSED : ev->u.state.new_state;
        if (state == state_before(seen, ev))
            continue;
        SP_PUSH(seen->items, seen->len, seen->cap) =
            (struct item){.t_ns = ev->t_ns, .state_of = ev, .state = state};
    }
}

static void put_state(const struct record_seen *seen, const struct item *item, struct sp_buf *out)
{
    const struct sp_ev_state *state = &item->state_of->u.state;
    sp_buf_addstr(out, "state");
    put_end(seen, item->state_of->end, &state->local, &state->remote, item->state == SP_TCP_LISTEN,
            out);
    sp_buf_addf(out, " %s\n", sp_tcp_state_name(item->state));
}

/* ---- both ----------------------------------------------------------------------------------- */

/* Segments before states of the same line: cases read so, and each has a cursor of its own. */
static int by_time(const void *a, const void *b)
{
    const struct item *x = a, *y = b;
    return x->t_ns < y->t_ns ? -1 : x->t_ns > y->t_ns;
}

struct record_seen *record_seen_new(const struct sp_trace *trace, bool every_segment)
{
    struct record_seen *seen = sp_xcalloc(1, sizeof *seen);
    seen->trace = trace;
    sp_audit_run(trace, &seen->audit);
    add_states(seen);
    add_segments(seen, every_segment);
    qsort(seen->items, seen->len, sizeof seen->items[0], by_time);
    return seen;
}

void record_seen_free(struct record_seen *seen)
{
    sp_audit_release(&seen->audit);
    free(seen->items);
    free(seen);
}

void record_seen_put(struct record_seen *seen, int64_t from_ns, int64_t to_ns, struct sp_buf *out)
{
    for (int states = 0; states < 2; states++)
        for (size_t i = 0; i < seen->len;) {
            const struct item *item = &seen->items[i];
            size_t taken = 1;
            bool inside = item->t_ns >= from_ns && item->t_ns < to_ns;
            if (inside && !states && item->flight)
                taken = put_segment(seen, i, to_ns, out);
            else if (inside && states && item->state_of)
                put_state(seen, item, out);
            i += taken;
        }
}
