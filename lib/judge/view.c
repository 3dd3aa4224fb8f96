/*
 * The trace sorted out once for all statements: calls, marks and actions by statement, one lane of
 * segments for each sender of each connection, histories, and who is who.
 */
#include "impl.h"

#include <string.h>

/* ---- statements ---------------------------------------------------------------------------- */

static void stmts_note(struct view *view, const struct sp_stmt *stmts, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const struct sp_stmt *stmt = &stmts[i];
        if (stmt->id < view->stmt_len)
            view->stmts[stmt->id].stmt = stmt;
        stmts_note(view, stmt->children, stmt->child_count);
    }
}

static bool same_text(const char *a, const char *b)
{
    return a && b && strcmp(a, b) == 0;
}

/* `finish recv` takes up the last `start recv` of that socket before it. */
static void partners_note(struct view *view)
{
    for (size_t f = 1; f < view->stmt_len; f++) {
        const struct sp_stmt *finish = view->stmts[f].stmt;
        if (!finish || finish->kind != SP_ST_FINISH)
            continue;
        for (size_t s = f - 1; s >= 1; s--) {
            const struct sp_stmt *start = view->stmts[s].stmt;
            if (!start || start->kind != SP_ST_START || view->stmts[s].partner ||
                start->who != finish->who || !same_text(start->sock, finish->sock) ||
                (finish->call && !same_text(start->call, finish->call)))
                continue;
            view->stmts[f].partner = start;
            view->stmts[s].partner = finish;
            break;
        }
    }
}

static void stmts_build(struct view *view)
{
    view->stmt_len = (size_t)view->plan->last_id + 1;
    view->stmts = SP_ARENA_ARRAY(&view->arena, struct stmt_marks, view->stmt_len);
    for (size_t i = 0; i < view->stmt_len; i++) {
        view->stmts[i].begin_ns = -1;
        view->stmts[i].done_ns = -1;
        view->stmts[i].deadline_ns = -1;
    }
    stmts_note(view, view->plan->stmts, view->plan->stmt_count);
    partners_note(view);
}

/* ---- events -------------------------------------------------------------------------------- */

static bool starts_with(const char *text, const char *prefix)
{
    return text && strncmp(text, prefix, strlen(prefix)) == 0;
}

static void mark_note(struct view *view, const struct sp_event *ev)
{
    struct stmt_marks *marks = ev->stmt < view->stmt_len ? &view->stmts[ev->stmt] : NULL;
    const char *text = ev->u.mark.text;
    switch (ev->u.mark.what) {
    case SP_MARK_BEGIN:
        view->begun = true;
        if (view->plan->parts_id && ev->stmt == view->plan->parts_id && view->end_ns < 0)
            view->end_ns = ev->t_ns; /* what follows is another plan's conversation */
        if (marks)
            marks->begin_ns = ev->t_ns;
        break;
    case SP_MARK_DONE:
        if (marks)
            marks->done_ns = ev->t_ns;
        break;
    case SP_MARK_DEADLINE:
        if (marks)
            marks->deadline_ns = ev->t_ns;
        break;
    case SP_MARK_END:
        if (view->end_ns < 0)
            view->end_ns = ev->t_ns;
        break;
    case SP_MARK_FENCE:
        if (view->end_ns >= 0 && starts_with(text, "wire"))
            view->fenced_wire = true;
        if (view->end_ns >= 0 && starts_with(text, "states"))
            view->fenced_states = true;
        break;
    case SP_MARK_CANARY:
    case SP_MARK_KEPT:
        break;
    case SP_MARK_ABSENT:
        view->absent_wire = view->absent_wire || starts_with(text, "wire");
        view->absent_states = view->absent_states || starts_with(text, "states");
        break;
    case SP_MARK_DROPS:
        if (!view->drops)
            view->drops = ev;
        break;
    case SP_MARK_STALL:
        view->stalls[view->stall_count++] = ev;
        break;
    }
}

/* A record says of itself whose it is, and the line that it is filed under has to agree. */
static void call_note(struct view *view, struct stmt_marks *marks, const struct sp_event *ev)
{
    const struct sp_stmt *stmt = marks->stmt;
    marks->call = ev;
    if (stmt && (int)ev->end != (int)stmt->who && !view->elsewhere)
        view->elsewhere = ev;
}

static void events_note(struct view *view)
{
    const struct sp_trace *trace = view->trace;
    size_t stalls = 0;
    for (size_t i = 0; i < trace->len; i++)
        stalls +=
            trace->events[i].kind == SP_EV_MARK && trace->events[i].u.mark.what == SP_MARK_STALL;
    view->stalls = SP_ARENA_ARRAY(&view->arena, const struct sp_event *, stalls + 1);
    for (size_t i = 0; i < trace->len; i++) {
        const struct sp_event *ev = &trace->events[i];
        struct stmt_marks *marks =
            ev->stmt && ev->stmt < view->stmt_len ? &view->stmts[ev->stmt] : NULL;
        if (ev->t_ns > view->last_ns)
            view->last_ns = ev->t_ns;
        if (ev->kind == SP_EV_MARK)
            mark_note(view, ev);
        else if (marks && ev->kind == SP_EV_CALL)
            call_note(view, marks, ev);
        else if (marks && (ev->kind == SP_EV_LAB || ev->kind == SP_EV_PROC))
            marks->act = ev;
        view->begun = view->begun || (marks && ev->kind == SP_EV_CALL);
    }
    for (size_t i = 1; i < view->stmt_len; i++) {
        /* one event serves START and FINISH, whichever it is filed under */
        const struct sp_stmt *partner = view->stmts[i].partner;
        if (partner && !view->stmts[i].call)
            view->stmts[i].call = view->stmts[partner->id].call;
    }
}

/* ---- lanes --------------------------------------------------------------------------------- */

static bool captures_both_sides(const struct sp_trace *trace)
{
    bool point[SP_POINT_COUNT] = {false};
    if (same_text(trace->head.lab, "veth") || same_text(trace->head.lab, "routed"))
        return true;
    for (size_t i = 0; i < trace->len; i++)
        if (trace->events[i].kind == SP_EV_SEG)
            point[trace->events[i].u.seg.point] = true;
    return point[SP_AT_CLIENT] && point[SP_AT_SERVER];
}

/* What a sender has shown of itself so far. */
struct sender {
    bool known;
    uint32_t next;      /* one beyond the highest sequence number */
    bool window_closed; /* what it last advertised was nothing */
};

static unsigned item_kind(const struct sp_seg *seg, const struct sender *self,
                          const struct sender *other)
{
    unsigned is = 0;
    uint8_t shape = seg->flags & (SP_SYN | SP_FIN | SP_RST | SP_ACK);
    uint32_t space = sp_seg_space(seg);
    if (seg->flags & SP_RST)
        return 0;
    bool before_next = self->known && seg->seq == self->next - 1;
    bool probe = before_next && shape == SP_ACK && seg->payload_len <= 1;
    if (probe)
        is |= other->window_closed ? IS_PROBE | IS_WINDOW_PROBE : IS_PROBE;
    else if (shape == SP_ACK && seg->payload_len == 0)
        is |= IS_PURE_ACK;
    if (!probe && space > 0 && self->known && sp_seq_le(seg->seq + space, self->next))
        is |= IS_RETRANSMIT;
    return is;
}

static void sender_note(struct sender *self, const struct sp_seg *seg)
{
    uint32_t next = seg->seq + sp_seg_space(seg);
    if (!(seg->flags & SP_RST) && (!self->known || sp_seq_lt(self->next, next))) {
        self->known = true;
        self->next = next;
    }
    /* a RST offers nothing: what its window says (gVisor: 0) closes none */
    if (!(seg->flags & SP_RST))
        self->window_closed = (seg->flags & SP_ACK) && seg->window == 0;
}

/*
 * On loopback a capture sees segments where they arrive. Two processors that transmit for one
 * socket (a call here, an acknowledgement answered there) have a receive queue each, so that a
 * segment can overtake the one before it. A sender leaves no gap and loopback loses nothing: what
 * fills a gap left before what opened it.
 */
static bool on_loopback(const struct sp_event *ev)
{
    return ev->u.seg.point == SP_AT_LO;
}

static bool was_overtaken(const struct lane *lane, const struct sender *self,
                          const struct sp_event *ev)
{
    const struct sp_seg *seg = &ev->u.seg.seg;
    uint32_t space = sp_seg_space(seg);
    if (!on_loopback(ev) || (seg->flags & SP_RST) || space == 0 || !self->known ||
        !sp_seq_lt(seg->seq, self->next))
        return false;
    for (size_t i = 0; i < lane->len; i++) {
        const struct sp_seg *old = &lane->items[i].ev->u.seg.seg;
        uint32_t old_space = sp_seg_space(old);
        if (!(old->flags & SP_RST) && old_space > 0 && sp_seq_lt(old->seq, seg->seq + space) &&
            sp_seq_lt(seg->seq, old->seq + old_space))
            return false; /* it is a retransmission */
    }
    return true;
}

/* Puts the item where it left: before what came after it. */
static void put_back(struct lane *lane, const struct item *item)
{
    const struct sp_seg *seg = &item->ev->u.seg.seg;
    uint32_t end = seg->seq + sp_seg_space(seg);
    size_t at = lane->len++;
    for (; at > 0; at--) {
        const struct sp_seg *before = &lane->items[at - 1].ev->u.seg.seg;
        if ((before->flags & SP_RST) || sp_seq_lt(before->seq, end))
            break;
        lane->items[at] = lane->items[at - 1];
    }
    lane->items[at] = *item;
}

/* While the run goes on, what is behind a gap waits for what was overtaken. */
static void cut_at_gap(struct lane *lane)
{
    struct sender sender = {0};
    for (size_t i = 0; i < lane->len; i++) {
        const struct item *item = &lane->items[i];
        const struct sp_seg *seg = &item->ev->u.seg.seg;
        if (on_loopback(item->ev) && !(seg->flags & SP_RST) && sender.known &&
            sp_seq_lt(sender.next, seg->seq)) {
            lane->len = i;
            return;
        }
        sender_note(&sender, seg);
    }
}

static enum sp_end opposite(const struct sp_conn *conn, enum sp_end end)
{
    return conn->opener == end ? conn->responder : conn->opener;
}

/* Two processors of one loopback hand over what crosses in either order. */
#define CROSSED_NS (5 * SP_MS)

/* Whether the RST can be the answer to what came since then. */
static bool can_answer(const struct item *rst, const struct item *item, int64_t since_ns)
{
    const struct sp_seg *seg = &item->ev->u.seg.seg;
    const struct sp_event *came = item->flight->received ? item->flight->received : item->ev;
    return (seg->flags & (SP_ACK | SP_RST)) == SP_ACK && seg->ack == rst->ev->u.seg.seg.seq &&
           came->t_ns >= since_ns && came->t_ns <= rst->t_ns;
}

/*
 * A RST ends a connection, but what the other end had sent by then is still under way. It finds
 * nobody, and each is answered by a RST with its acknowledgement's number (RFC 9293, 3.10.7.1).
 * Which segments cross so is chance; a case has no line for it.
 */
static void mark_late_resets(const struct view *view, struct lane *lane)
{
    const struct sp_conn *conn = &view->flights->conns[lane->conn];
    const struct lane *other =
        &view->lanes[(size_t)lane->conn * SP_END_COUNT + opposite(conn, lane->from)];
    const struct item *abort = NULL;
    size_t next = 0; /* of the other's, behind what is answered already */
    for (size_t i = 0; i < lane->len; i++) {
        struct item *item = &lane->items[i];
        uint8_t flags = item->ev->u.seg.seg.flags & (SP_RST | SP_ACK);
        if (!(flags & SP_RST))
            continue;
        for (size_t k = next; flags == SP_RST && k < other->len; k++) {
            if (!can_answer(item, &other->items[k], (abort ? abort : item)->t_ns - CROSSED_NS))
                continue;
            next = k + 1;
            if (!abort) /* its cause is the last that had come */
                continue;
            item->is |= IS_LATE_RST;
            break;
        }
        abort = abort ? abort : item;
    }
}

static void lanes_build(struct view *view)
{
    const struct sp_flights *flights = view->flights;
    /* Through a box the runner reads the captures until none has more: what has not been seen to
     * leave by then was made by the box. */
    bool wait_for_sent = !view->final && captures_both_sides(view->trace) &&
                         !same_text(view->trace->head.lab, "routed");
    view->lane_count = flights->conn_count * SP_END_COUNT;
    view->lanes = SP_ARENA_ARRAY(&view->arena, struct lane, view->lane_count + 1);
    struct sender *senders = SP_ARENA_ARRAY(&view->arena, struct sender, view->lane_count + 1);
    bool *halted = SP_ARENA_ARRAY(&view->arena, bool, view->lane_count + 1);
    size_t *counts = SP_ARENA_ARRAY(&view->arena, size_t, view->lane_count + 1);
    for (size_t i = 0; i < flights->len; i++)
        if (flights->items[i].conn >= 0)
            counts[(size_t)flights->items[i].conn * SP_END_COUNT + flights->items[i].from]++;
    for (size_t i = 0; i < view->lane_count; i++)
        view->lanes[i] = (struct lane){
            .conn = (int)(i / SP_END_COUNT),
            .from = (enum sp_end)(i % SP_END_COUNT),
            .items = SP_ARENA_ARRAY(&view->arena, struct item, counts[i] ? counts[i] : 1),
        };
    for (size_t i = 0; i < flights->len; i++) {
        const struct sp_flight *flight = &flights->items[i];
        const struct sp_event *ev = flight->sent ? flight->sent : flight->received;
        if (flight->conn < 0 || ev->u.seg.seg.kind != SP_SEG_TCP)
            continue;
        size_t base = (size_t)flight->conn * SP_END_COUNT;
        size_t at = base + flight->from;
        /* Seen to arrive but not yet to leave: its own side's capture has not been read so far,
         * and what comes after it cannot be put in order. */
        halted[at] =
            halted[at] || (wait_for_sent && !flight->sent && flight->from != SP_END_MIDDLE);
        if (halted[at])
            continue;
        struct lane *lane = &view->lanes[at];
        const struct sp_seg *seg = &ev->u.seg.seg;
        struct item item = {.flight = flight, .ev = ev, .t_ns = ev->t_ns};
        if (was_overtaken(lane, &senders[at], ev)) {
            put_back(lane, &item);
            continue;
        }
        item.is = item_kind(seg, &senders[at],
                            &senders[base + opposite(&flights->conns[flight->conn], flight->from)]);
        lane->items[lane->len++] = item;
        sender_note(&senders[at], seg);
    }
    for (size_t i = 0; i < view->lane_count; i++) {
        if (!view->final)
            cut_at_gap(&view->lanes[i]);
        mark_late_resets(view, &view->lanes[i]);
    }
}

/* ---- the whole ----------------------------------------------------------------------------- */

void view_build(struct view *view, const struct sp_plan *plan, const struct sp_trace *trace,
                const struct sp_flights *flights, bool final)
{
    memset(view, 0, sizeof *view);
    sp_arena_init(&view->arena);
    view->plan = plan;
    view->trace = trace;
    view->final = final;
    view->end_ns = -1;
    view->flights = flights;
    if (!flights) {
        sp_flights_build(trace, &view->own_flights);
        view->owns_flights = true;
        view->flights = &view->own_flights;
    }
    stmts_build(view);
    events_note(view);
    lanes_build(view);
    history_build(view);
    bind_build(view);
}

void view_release(struct view *view)
{
    if (!view->plan)
        return;
    history_release(view);
    if (view->owns_flights)
        sp_flights_release(&view->own_flights);
    sp_arena_release(&view->arena);
    memset(view, 0, sizeof *view);
}

enum sp_watch view_watch_wire(const struct view *view)
{
    return view->absent_wire ? SP_WATCH_ABSENT : view->trace->head.wire;
}

enum sp_watch view_watch_states(const struct view *view)
{
    enum sp_watch watch = view->trace->head.states;
    return view->absent_states && watch == SP_WATCH_FULL ? SP_WATCH_ABSENT : watch;
}

enum sp_watch view_watch_states_of(const struct view *view, enum sp_who who)
{
    const struct sp_trace_head *head = &view->trace->head;
    if (!head->states_hidden[who])
        return view_watch_states(view);
    return head->states_told[who] ? SP_WATCH_POLLED : SP_WATCH_ABSENT;
}

struct lane *view_lane(const struct view *view, int conn, enum sp_end from)
{
    return &view->lanes[(size_t)conn * SP_END_COUNT + from];
}

const struct sp_stmt *view_label(const struct view *view, const char *label)
{
    label += *label == '@';
    for (size_t i = 1; i < view->stmt_len; i++) {
        const struct sp_stmt *stmt = view->stmts[i].stmt;
        const char *own = stmt ? stmt->label : NULL;
        if (own && strcmp(own + (*own == '@'), label) == 0)
            return stmt;
    }
    return NULL;
}
