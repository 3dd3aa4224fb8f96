#include "ladder.h"

#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "event_text.h"

enum {
    SLOW_NS = 1000000,  /* a segment that was on its way for longer has two rows */
    FOLD_OVER_ROWS = 8, /* a run of plain segments that is longer is folded, */
    FOLD_KEEP_ROWS = 2, /* all but so many at each end */
};

/* ---- sides and marks ------------------------------------------------------------------------- */

enum sp_end sp_rows_end_at(const struct sp_trace *trace, bool right)
{
    enum sp_end usual = right ? SP_END_SERVER : SP_END_CLIENT;
    bool acts[SP_END_COUNT] = {false};
    for (size_t i = 0; i < trace->len; i++)
        if (trace->events[i].end < SP_END_COUNT && trace->events[i].kind != SP_EV_LAB)
            acts[trace->events[i].end] = true;
    return acts[SP_END_PEER] && !acts[usual] ? SP_END_PEER : usual;
}

bool sp_rows_routed(const struct sp_trace *trace)
{
    return trace->head.lab && strcmp(trace->head.lab, "routed") == 0;
}

static uint32_t stmt_of(const struct rows *rows, const struct sp_event *event)
{
    uint32_t consumed = event->order < rows->trace->len ? rows->stmt_of[event->order] : 0;
    return consumed ? consumed : event->stmt;
}

static bool consumed(const struct rows *rows, const struct sp_event *event)
{
    return event == rows->judgement->event ||
           (event->order < rows->trace->len && rows->stmt_of[event->order]);
}

/* Is `text` this address, and not merely the beginning of a longer one? */
static bool starts_with_ip(const char *text, const char *ip, size_t len)
{
    return strncmp(text, ip, len) == 0 && strchr("0123456789abcdef.", text[len] | 0x20) == NULL;
}

/* Addresses by their names: `10.0.0.2:80` becomes `server:80`, an end's other one `second`. */
static void name_addresses(const struct rows *rows, const char *text, struct sp_buf *out)
{
    const struct sp_trace_head *head = &rows->trace->head;
    char ip[2 * SP_END_COUNT][SP_ADDR_TEXT] = {{0}};
    size_t len[2 * SP_END_COUNT] = {0};
    for (int i = SP_END_CLIENT; i < 2 * SP_END_COUNT; i++) {
        struct sp_addr addr = i < SP_END_COUNT ? head->addr[i] : head->second[i - SP_END_COUNT];
        if (!addr.family)
            continue;
        addr.port = 1; /* so that IPv6 has its brackets */
        sp_addr_print(&addr, ip[i], sizeof ip[i]);
        len[i] = strlen(ip[i]) - strlen(":1");
    }
    for (bool inside = false; *text;) {
        int found = 0;
        for (int i = SP_END_CLIENT; i < 2 * SP_END_COUNT && !inside && !found; i++)
            if (len[i] && starts_with_ip(text, ip[i], len[i]))
                found = i;
        if (found) {
            sp_buf_addstr(out, found < SP_END_COUNT ? sp_end_name((enum sp_end)found) : "second");
            text += len[found];
            continue;
        }
        inside = strchr("0123456789.", *text) != NULL;
        sp_buf_addch(out, *text++);
    }
}

/* The buffer's text, made fit for the page; releases the buffer. */
static const char *taken(struct rows *rows, struct sp_buf *text)
{
    struct sp_buf named;
    sp_buf_init(&named, 0);
    name_addresses(rows, text->data ? text->data : "", &named);
    const char *clean = sp_clean(rows->arena, named.data, rows->unicode);
    sp_buf_release(&named);
    sp_buf_release(text);
    return clean;
}

static struct row *add_row(struct rows *rows, const struct sp_event *event, int64_t t_ns)
{
    struct row *row = &SP_PUSH(rows->items, rows->len, rows->cap);
    row->t_ns = t_ns;
    row->rank = (size_t)(event - rows->trace->events);
    row->event = event;
    row->stmt = stmt_of(rows, event);
    return row;
}

/* Where something that happened at an end stands. */
static enum row_where side_of(const struct rows *rows, enum sp_end end)
{
    if (end == SP_END_NONE || end == SP_END_MIDDLE)
        return ROW_ACROSS;
    return end == sp_rows_end_at(rows->trace, true) ? ROW_RIGHT : ROW_LEFT;
}

/* ---- calls ----------------------------------------------------------------------------------- */

/* Calls whose return answers to something that came in. */
static bool waits(const char *name)
{
    static const char *const names[] = {"connect", "accept", "recv", "read", "poll", "drain"};
    for (size_t i = 0; name && i < sizeof names / sizeof *names; i++)
        if (strncmp(name, names[i], strlen(names[i])) == 0)
            return true;
    return false;
}

/* Did anything that has a row happen between the call's entry and its return? */
static bool something_between(const struct rows *rows, const struct sp_event *call)
{
    const struct sp_event *end = rows->trace->events + rows->trace->len;
    for (const struct sp_event *at = call + 1; at < end; at++) {
        if (call->t_end_ns >= 0 && at->t_ns >= call->t_end_ns)
            return false;
        if (at->kind == SP_EV_SEG || at->kind == SP_EV_STATE)
            return true;
    }
    return false;
}

static void add_duration(const struct sp_event *event, struct sp_buf *text)
{
    char length[32];
    if (event->t_end_ns < 0 || event->t_end_ns - event->t_ns < SLOW_NS)
        return;
    sp_duration_print((event->t_end_ns - event->t_ns) / (10 * SP_US) * (10 * SP_US), length,
                      sizeof length);
    sp_buf_addf(text, " (%s)", length);
}

static void add_call(struct rows *rows, const struct sp_event *event)
{
    const struct sp_ev_call *call = &event->u.call;
    bool two = something_between(rows, event) && (waits(call->name) || sp_call_waited(event));
    struct sp_buf text;
    sp_buf_init(&text, 0);
    sp_call_print(call, &text);
    if (two) {
        struct row *entry = add_row(rows, event, event->t_ns);
        sp_buf_addstr(&text, " ...");
        entry->where = side_of(rows, event->end);
        entry->stmt = 0;
        entry->texts[0] = taken(rows, &text);
        sp_buf_init(&text, 0);
        sp_buf_addstr(&text, call->name ? call->name : "?");
    }
    int64_t last_ns = rows->trace->events[rows->trace->len - 1].t_ns;
    struct row *row = add_row(rows, event,
                              !two                   ? event->t_ns
                              : event->t_end_ns >= 0 ? event->t_end_ns
                                                     : last_ns);
    sp_buf_addstr(&text, " -> ");
    sp_call_print_result(call, &text);
    add_duration(event, &text);
    row->where = side_of(rows, event->end);
    row->texts[0] = taken(rows, &text);
}

/* ---- states, notes, everything without an arrow ---------------------------------------------- */

/* What the last shown state of each socket is, so that a poll which tells nothing new is silent. */
struct shown {
    struct {
        enum sp_end end;
        uint16_t local, remote;
        enum sp_tcp_state state;
    } * items;
    size_t len;
    size_t cap;
};

static enum sp_tcp_state *shown_state(struct shown *shown, const struct sp_event *event)
{
    uint16_t local = event->u.state.local.port, remote = event->u.state.remote.port;
    for (size_t i = 0; i < shown->len; i++) {
        bool same_local =
            shown->items[i].local == local || shown->items[i].local == 0 || local == 0;
        if (shown->items[i].end != event->end || !same_local || shown->items[i].remote != remote)
            continue;
        if (local)
            shown->items[i].local = local;
        return &shown->items[i].state;
    }
    SP_PUSH(shown->items, shown->len, shown->cap).end = event->end;
    shown->items[shown->len - 1].local = local;
    shown->items[shown->len - 1].remote = remote;
    return &shown->items[shown->len - 1].state;
}

/* The port that tells connections apart, where there are several. */
static void add_port(const struct rows *rows, enum sp_end end, uint16_t local, uint16_t remote,
                     struct sp_buf *text)
{
    const struct sp_flights *flights = &rows->judgement->audit.flights;
    if (flights->conn_count < 2)
        return;
    for (size_t i = 0; i < flights->conn_count; i++) {
        const struct sp_conn *conn = &flights->conns[i];
        uint16_t port = conn->opener == end ? local : remote;
        if (port && port == conn->client.port) {
            sp_buf_addf(text, " :%u", port);
            return;
        }
    }
}

/*
 * Linux tells CLOSED when the full socket goes, which is also where TIME_WAIT begins: without a
 * statement that took it for CLOSED, the row says what is known.
 */
static bool may_linger_on(const struct sp_ev_state *state)
{
    return state->source == SP_STATE_TRACEPOINT && state->new_state == SP_TCP_CLOSED &&
           (state->old_state == SP_TCP_FIN_WAIT_1 || state->old_state == SP_TCP_FIN_WAIT_2 ||
            state->old_state == SP_TCP_CLOSING);
}

static void add_state(struct rows *rows, const struct sp_event *event, struct shown *shown)
{
    const struct sp_ev_state *state = &event->u.state;
    enum sp_tcp_state *last = shown_state(shown, event);
    bool gone = state->new_state == SP_TCP_NONE;
    bool known = *last == state->new_state || (gone && *last == SP_TCP_CLOSED);
    bool taken_by_line = consumed(rows, event);
    *last = state->new_state;
    if (state->source != SP_STATE_TRACEPOINT && known && !taken_by_line)
        return;
    struct sp_buf text;
    sp_buf_init(&text, 0);
    if (may_linger_on(state) && !taken_by_line)
        sp_buf_addf(&text, "left %s", sp_tcp_state_name(state->old_state));
    else
        sp_buf_addstr(&text, gone ? "(gone)" : sp_tcp_state_name(state->new_state));
    add_port(rows, event->end, state->local.port, state->remote.port, &text);
    if (state->recv_queue > 0)
        sp_buf_addf(&text, ", %lld unread", (long long)state->recv_queue);
    if (state->send_queue > 0 && state->new_state != SP_TCP_LISTEN)
        sp_buf_addf(&text, ", %lld unacked", (long long)state->send_queue);
    struct row *row = add_row(rows, event, event->t_ns);
    row->where = side_of(rows, event->end);
    row->texts[0] = taken(rows, &text);
}

/* What the wire already shows, where it was watched. */
static bool on_wire(const struct sp_ev_note *note)
{
    static const char *const shown[] = {"retransmit", "send-reset", "receive-reset"};
    for (size_t i = 0; note->what && i < sizeof shown / sizeof *shown; i++)
        if (strcmp(note->what, shown[i]) == 0)
            return true;
    return false;
}

static void add_other(struct rows *rows, const struct sp_event *event)
{
    bool quiet =
        (event->kind == SP_EV_NOTE && rows->trace->head.wire == SP_WATCH_FULL &&
         on_wire(&event->u.note)) ||
        (event->kind == SP_EV_PROC && event->u.proc.what == SP_PROC_START && event->stmt == 0);
    struct sp_buf text;
    if (quiet && !consumed(rows, event))
        return;
    sp_buf_init(&text, 0);
    sp_event_print(event, &text);
    if (!text.len) {
        sp_buf_release(&text);
        return;
    }
    enum row_where where =
        (event->kind == SP_EV_LAB && event->end != SP_END_PEER) || event->kind == SP_EV_MARK
            ? ROW_ACROSS
            : side_of(rows, event->end);
    /* The column says whose it is. */
    size_t skip = where == ROW_ACROSS ? 0 : strlen(sp_end_name(event->end)) + 1;
    struct row *row = add_row(rows, event, event->t_ns);
    const char *clean = taken(rows, &text);
    row->where = where;
    row->texts[0] = clean + (skip <= strlen(clean) ? skip : 0);
}

/* ---- segments -------------------------------------------------------------------------------- */

/* What a role adds to the flags that are there to be read. */
static const char *role_word(const struct rows *rows, const struct sp_flight *flight)
{
    const struct sp_audit *audit = &rows->judgement->audit;
    if (!flight || !audit->segs)
        return "";
    switch (audit->segs[flight - audit->flights.items].role) {
    case SP_ROLE_RETRANSMIT:
        return " (again)";
    case SP_ROLE_KEEPALIVE:
        return " (keepalive)";
    case SP_ROLE_WINDOW_PROBE:
        return " (window probe)";
    case SP_ROLE_CHALLENGE:
        return " (challenge)";
    case SP_ROLE_DUP_ACK:
        return " (nothing new)";
    case SP_ROLE_OTHER:
    case SP_ROLE_SYN:
    case SP_ROLE_SYN_ACK:
    case SP_ROLE_DATA:
    case SP_ROLE_FIN:
    case SP_ROLE_RST:
    case SP_ROLE_ACK:
    case SP_ROLE_WINDOW_UPDATE:
        return "";
    }
    return "";
}

static void label_arrow(struct rows *rows, struct row *row, const struct sp_flight *flight,
                        const char *behind)
{
    struct sp_seg seg = row->event->u.seg.seg;
    uint32_t rel_seq = flight ? seg.seq - flight->rel_seq : 0;
    uint32_t rel_ack = flight ? seg.ack - flight->rel_ack : 0;
    char flags[64];
    struct sp_buf port, text;
    sp_buf_init(&port, 0);
    sp_buf_addstr(&port, "");
    add_port(rows, row->event->end, seg.src.port, seg.dst.port, &port);
    const char *word = role_word(rows, flight);
    const char *malformed = row->event->u.seg.malformed;

    for (unsigned richness = 0; richness < 2; richness++) {
        sp_buf_init(&text, 0);
        sp_seg_print(&seg, rel_seq, rel_ack, &text);
        if (malformed)
            sp_buf_addf(&text, " malformed: %s", malformed);
        sp_buf_addf(&text, "%s%s%s", word, behind, port.data);
        row->texts[richness] = taken(rows, &text);
        if (richness == 0 && (seg.flags & SP_SYN) && seg.opt_len) {
            sp_buf_init(&text, 0);
            sp_opt_print(&seg, rel_ack, &text);
            row->below = sp_arena_printf(rows->arena, "<%s>", taken(rows, &text));
        }
        seg.opt_len = 0;
    }
    if (seg.kind == SP_SEG_TCP && !malformed) {
        sp_tcp_flags_print(seg.flags, flags, sizeof flags);
        sp_buf_init(&text, 0);
        sp_buf_addf(&text, "%s seq=%u", flags, seg.seq - rel_seq);
        if (seg.flags & SP_ACK)
            sp_buf_addf(&text, " ack=%u", seg.ack - rel_ack);
        if (seg.payload_len)
            sp_buf_addf(&text, " len=%u", seg.payload_len);
        sp_buf_addf(&text, "%s%s%s", word, behind, port.data);
        row->texts[2] = taken(rows, &text);
    }
    sp_buf_release(&port);
}

static bool goes_right(const struct rows *rows, const struct sp_event *event)
{
    const struct sp_addr *right = &rows->trace->head.addr[sp_rows_end_at(rows->trace, true)];
    enum row_where from = side_of(rows, event->end);
    if (from == ROW_ACROSS)
        return right->family && sp_addr_same_ip(&event->u.seg.seg.dst, right);
    return from == ROW_LEFT;
}

static struct row *add_arrow(struct rows *rows, const struct sp_event *event,
                             const struct sp_flight *flight, enum row_arrow arrow,
                             const char *behind)
{
    struct row *row = add_row(rows, event, event->t_ns);
    row->where = ROW_ARROW;
    row->arrow = arrow;
    row->to_right = goes_right(rows, event);
    label_arrow(rows, row, flight, behind);
    return row;
}

/* Whether it came as it left, but for the addresses that a box may rewrite. */
static bool came_whole(const struct sp_flight *flight)
{
    struct sp_seg left = flight->sent->u.seg.seg, came = flight->received->u.seg.seg;
    left.src = left.dst = came.src = came.dst = (struct sp_addr){0};
    return sp_tcp_identity(&left) == sp_tcp_identity(&came);
}

/* Is the arrival worth a row of its own: it took long, or it crossed another that
 * was on its way in the other direction? */
static bool split(const struct rows *rows, const struct sp_flight *flight)
{
    const struct sp_event *sent = flight->sent, *received = flight->received;
    if (sent == received)
        return false;
    if (flight->by || !came_whole(flight))
        return true;
    if (received->t_ns - sent->t_ns >= SLOW_NS)
        return true;
    const struct sp_flights *flights = &rows->judgement->audit.flights;
    for (size_t i = 0; i < flights->len; i++) {
        const struct sp_flight *other = &flights->items[i];
        if (other->sent && other->received && other->from != flight->from &&
            other->sent->t_ns < received->t_ns && other->received->t_ns > sent->t_ns)
            return true;
    }
    return false;
}

static bool is_plain(const struct rows *rows, const struct sp_flight *flight)
{
    const struct sp_audit *audit = &rows->judgement->audit;
    if (!audit->segs)
        return false;
    enum sp_role role = audit->segs[flight - audit->flights.items].role;
    return role == SP_ROLE_DATA || role == SP_ROLE_ACK || role == SP_ROLE_WINDOW_UPDATE;
}

static void add_flight(struct rows *rows, const struct sp_flight *flight)
{
    const struct sp_event *sent = flight->sent, *received = flight->received;
    if (!sent) {
        add_arrow(rows, received, flight, ARROW_ARRIVES,
                  flight->from == SP_END_MIDDLE ? " (by the middle)"
                  : sp_rows_routed(rows->trace) ? " (from the box)"
                                                : "");
        return;
    }
    if (!received) {
        bool watched = rows->trace->head.wire == SP_WATCH_FULL;
        add_arrow(rows, sent, flight, watched ? ARROW_LOST : ARROW_WHOLE, "");
        return;
    }
    if (!split(rows, flight)) {
        struct row *row = add_arrow(rows, sent, flight, ARROW_WHOLE, "");
        if (!row->stmt && received != sent)
            row->stmt = stmt_of(rows, received);
        row->plain = is_plain(rows, flight);
        row->first_byte = flight->rel_seq;
        row->end_byte = flight->rel_seq + sent->u.seg.seg.payload_len;
        return;
    }
    add_arrow(rows, sent, flight, ARROW_LEAVES, "");
    add_arrow(rows, received, flight, ARROW_ARRIVES,
              flight->by || !came_whole(flight) ? " arrives changed" : " arrives");
}

/* Segments that belong to no flight: ICMP errors, frames that nobody could read; and all of them
 * where the trace was never replayed. Captured at both ends, they are shown once. */
static void add_stray(struct rows *rows, const struct sp_event *event)
{
    enum sp_point point = event->u.seg.point;
    bool at_sender = (point == SP_AT_CLIENT && event->end == SP_END_CLIENT) ||
                     (point == SP_AT_SERVER && event->end == SP_END_SERVER);
    bool at_end = point == SP_AT_CLIENT || point == SP_AT_SERVER;
    bool two_ends = event->end == SP_END_CLIENT || event->end == SP_END_SERVER;
    if (point == SP_AT_LO || at_sender || (at_end && !two_ends))
        add_arrow(rows, event, NULL, ARROW_WHOLE, "");
}

static void add_segments(struct rows *rows)
{
    const struct sp_flights *flights = &rows->judgement->audit.flights;
    bool *drawn = sp_xcalloc(rows->trace->len, sizeof *drawn);
    for (size_t i = 0; i < flights->len; i++) {
        const struct sp_flight *flight = &flights->items[i];
        if (!flight->sent && !flight->received)
            continue;
        if (flight->sent && flight->sent->order < rows->trace->len)
            drawn[flight->sent->order] = true;
        if (flight->received && flight->received->order < rows->trace->len)
            drawn[flight->received->order] = true;
        add_flight(rows, flight);
    }
    for (size_t i = 0; i < rows->trace->len; i++) {
        const struct sp_event *event = &rows->trace->events[i];
        if (event->kind == SP_EV_SEG && (event->order >= rows->trace->len || !drawn[event->order]))
            add_stray(rows, event);
    }
    free(drawn);
}

/* ---- all of it ------------------------------------------------------------------------------- */

static int by_time(const void *a, const void *b)
{
    const struct row *x = a, *y = b;
    if (x->t_ns != y->t_ns)
        return x->t_ns < y->t_ns ? -1 : 1;
    return x->rank < y->rank ? -1 : x->rank > y->rank;
}

void sp_rows_build(struct rows *rows)
{
    const struct sp_judgement *judgement = rows->judgement;
    const struct sp_trace *trace = rows->trace;
    struct shown shown = {0};
    rows->stmt_of = sp_xcalloc(trace->len, sizeof *rows->stmt_of);
    for (size_t id = judgement->line_count; id-- > 1;)
        for (size_t i = 0; i < judgement->lines[id].matched_count; i++)
            if (judgement->lines[id].matched[i]->order < trace->len)
                rows->stmt_of[judgement->lines[id].matched[i]->order] = (uint32_t)id;
    for (size_t i = 0; i < trace->len; i++) {
        const struct sp_event *event = &trace->events[i];
        if (event->kind == SP_EV_CALL)
            add_call(rows, event);
        else if (event->kind == SP_EV_STATE)
            add_state(rows, event, &shown);
        else if (event->kind != SP_EV_SEG)
            add_other(rows, event);
    }
    add_segments(rows);
    if (rows->len)
        qsort(rows->items, rows->len, sizeof *rows->items, by_time);
    free(shown.items);
}

void sp_rows_release(struct rows *rows)
{
    free(rows->items);
    free(rows->stmt_of);
}

/* One row for rows [from, to). */
static struct row folded(struct rows *rows, size_t from, size_t to)
{
    size_t data = 0, acks = 0;
    uint32_t first = 0, end = 0;
    for (size_t i = from; i < to; i++) {
        const struct row *row = &rows->items[i];
        if (row->first_byte == row->end_byte) {
            acks++;
            continue;
        }
        if (!data || sp_seq_lt(row->first_byte, first))
            first = row->first_byte;
        if (!data || sp_seq_lt(end, row->end_byte))
            end = row->end_byte;
        data++;
    }
    const char *dots = rows->unicode ? "\xe2\x80\xa6" : "...";
    struct row fold = rows->items[from];
    const char *acks_text = acks ? sp_arena_printf(rows->arena, "%zu acknowledgements", acks) : "";
    const char *data_text =
        data ? sp_arena_printf(rows->arena, "%zu more data segments, bytes %u..%u%s", data, first,
                               end - 1, acks ? ", and " : "")
             : "";
    fold.where = ROW_ACROSS;
    fold.event = NULL;
    fold.texts[0] = sp_arena_printf(rows->arena, "%s %s%s %s", dots, data_text, acks_text, dots);
    fold.below = NULL;
    return fold;
}

void sp_rows_fold(struct rows *rows, const struct sp_event *keep)
{
    size_t kept = 0;
    for (size_t i = 0; i < rows->len;) {
        size_t end = i;
        while (end < rows->len && rows->items[end].plain && rows->items[end].event != keep)
            end++;
        if (end - i <= FOLD_OVER_ROWS) {
            end = end > i ? end : i + 1;
            while (i < end)
                rows->items[kept++] = rows->items[i++];
            continue;
        }
        struct row fold = folded(rows, i + FOLD_KEEP_ROWS, end - FOLD_KEEP_ROWS);
        for (unsigned n = 0; n < FOLD_KEEP_ROWS; n++)
            rows->items[kept++] = rows->items[i++];
        rows->items[kept++] = fold;
        for (i = end - FOLD_KEEP_ROWS; i < end;)
            rows->items[kept++] = rows->items[i++];
    }
    rows->len = kept;
}
