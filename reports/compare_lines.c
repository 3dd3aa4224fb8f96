/*
 * Two runs of a case, line by line: the statements of both plans are aligned (they are the same
 * ones unless the plans part at an `on ... { }` block or the case was changed), and of each pair
 * is compared what became of it and what was seen.
 *
 * What is compared is what a stack decides: outcomes of calls, flags and sequence numbers of
 * segments, options and window of a SYN. Times, ports, initial sequence numbers, windows of data
 * segments and how often a stream was cut are different in every run and are not.
 */
#include <string.h>

#include "compare.h"
#include "event_text.h"
#include "style.h"

enum { ALIGN_MAX = 4 * 1024 * 1024, SEEN_MAX_BYTES = 400 };

/* ---- what was seen --------------------------------------------------------------------------- */

/* The call of a statement: what the line consumed or, where it failed, what it made happen. */
static const struct sp_ev_call *call_of(const struct sp_compare_run *run, uint32_t id)
{
    const struct sp_line *line = &run->judgement->lines[id];
    for (size_t i = 0; i < line->matched_count; i++)
        if (line->matched[i]->kind == SP_EV_CALL)
            return &line->matched[i]->u.call;
    if (run->judgement->stmt == id && run->judgement->event &&
        run->judgement->event->kind == SP_EV_CALL)
        return &run->judgement->event->u.call;
    for (size_t i = 0; i < run->trace->len; i++)
        if (run->trace->events[i].kind == SP_EV_CALL && run->trace->events[i].stmt == id)
            return &run->trace->events[i].u.call;
    return NULL;
}

static const struct sp_flight *flight_of(const struct sp_compare_run *run,
                                         const struct sp_event *event)
{
    const struct sp_flights *flights = &run->judgement->audit.flights;
    for (size_t i = 0; i < flights->len; i++)
        if (flights->items[i].sent == event || flights->items[i].received == event)
            return &flights->items[i];
    return NULL;
}

/* A number that counts from an initial one which nobody saw is another one in every run. */
static bool counted(const struct sp_conn *conn, enum sp_end end)
{
    return conn && end < SP_END_COUNT && conn->isn_known[end];
}

static const struct sp_conn *conn_of(const struct sp_compare_run *run,
                                     const struct sp_flight *flight)
{
    const struct sp_flights *flights = &run->judgement->audit.flights;
    bool known = flight && flight->conn >= 0 && (size_t)flight->conn < flights->conn_count;
    return known ? &flights->conns[flight->conn] : NULL;
}

/* Relative numbers; an RST for a segment without ACK has the absolute 0 (RFC 9293 3.10.7.1). */
static void say_numbers(const struct sp_compare_run *run, const struct sp_flight *flight,
                        const struct sp_seg *seg, struct sp_buf *out)
{
    const struct sp_conn *conn = conn_of(run, flight);
    bool resets = seg->flags & SP_RST;
    if (!conn)
        return;
    enum sp_end to = conn->opener == flight->from ? conn->responder : conn->opener;
    if (resets && seg->seq == 0)
        sp_buf_addstr(out, " seq=abs:0");
    else if (!counted(conn, flight->from))
        sp_buf_addf(out, " len=%u", seg->payload_len);
    else if (seg->payload_len)
        sp_buf_addf(out, " %u..%u", flight->rel_seq, flight->rel_seq + seg->payload_len - 1);
    else
        sp_buf_addf(out, " seq=%u", flight->rel_seq);
    if ((resets || seg->flags & SP_SYN) && seg->flags & SP_ACK && counted(conn, to))
        sp_buf_addf(out, " ack=%u", flight->rel_ack);
}

static void say_options(const struct sp_seg *seg, struct sp_buf *out)
{
    struct sp_opt opt;
    const char *comma = " <";
    for (size_t pos = 0; sp_opt_next(seg, &pos, &opt, NULL);) {
        if (opt.kind == SP_OPT_EOL || opt.kind == SP_OPT_NOP)
            continue;
        sp_buf_addstr(out, comma);
        comma = ",";
        switch (opt.kind) {
        case SP_OPT_MSS:
            sp_buf_addf(out, "mss %u", (unsigned)opt.mss);
            break;
        case SP_OPT_WSCALE:
            sp_buf_addf(out, "wscale %u", (unsigned)opt.wscale);
            break;
        case SP_OPT_SACK_OK:
            sp_buf_addstr(out, "sackOK");
            break;
        case SP_OPT_TIMESTAMPS:
            sp_buf_addstr(out, "ts");
            break;
        default:
            sp_buf_addf(out, "option %u", (unsigned)opt.kind);
        }
    }
    if (*comma == ',')
        sp_buf_addch(out, '>');
}

static void say_segment(const struct sp_compare_run *run, const struct sp_event *event,
                        struct sp_buf *out)
{
    const struct sp_seg *seg = &event->u.seg.seg;
    if (seg->kind == SP_SEG_ICMP) {
        sp_buf_addf(out, "ICMP type %u code %u", (unsigned)seg->icmp_type,
                    (unsigned)seg->icmp_code);
        return;
    }
    char flags[SP_TCP_FLAGS_TEXT];
    bool opens = seg->flags & SP_SYN;
    /* PSH tells of buffers, not of the protocol */
    sp_tcp_flags_print((uint8_t)(seg->flags & ~SP_PSH), flags, sizeof flags);
    sp_buf_addstr(out, flags);
    say_numbers(run, flight_of(run, event), seg, out);
    if (opens) {
        sp_buf_addf(out, " win=%u", (unsigned)seg->window);
        say_options(seg, out);
    }
    if (seg->urgent)
        sp_buf_addf(out, " urgent=%u", (unsigned)seg->urgent);
}

/* A stream in as many segments as it likes: what it came to. */
static void say_stream(const struct sp_compare_run *run, const struct sp_line *line,
                       struct sp_buf *out)
{
    uint32_t from = UINT32_MAX, to = 0;
    bool fin = false;
    for (size_t i = 0; i < line->matched_count; i++) {
        const struct sp_flight *flight =
            line->matched[i]->kind == SP_EV_SEG ? flight_of(run, line->matched[i]) : NULL;
        if (!flight)
            continue;
        const struct sp_seg *seg = &line->matched[i]->u.seg.seg;
        from = flight->rel_seq < from ? flight->rel_seq : from;
        to = flight->rel_seq + seg->payload_len > to ? flight->rel_seq + seg->payload_len : to;
        fin = fin || seg->flags & SP_FIN;
    }
    if (to > from)
        sp_buf_addf(out, "bytes %u..%u%s", from, to - 1, fin ? " then FIN" : "");
}

static void say_wire(const struct sp_compare_run *run, const struct sp_stmt *stmt,
                     const struct sp_line *line, struct sp_buf *out)
{
    if (stmt->pattern.stream) {
        say_stream(run, line, out);
        return;
    }
    for (size_t i = 0; i < line->matched_count; i++)
        if (line->matched[i]->kind == SP_EV_SEG) {
            say_segment(run, line->matched[i], out);
            return;
        }
}

static void say_queue(const struct sp_stmt *stmt, const struct sp_line *line, struct sp_buf *out)
{
    for (size_t i = line->matched_count; i-- > 0;)
        if (line->matched[i]->kind == SP_EV_STATE) {
            const struct sp_ev_state *state = &line->matched[i]->u.state;
            bool unread = stmt->verb && strcmp(stmt->verb, "unread") == 0;
            sp_buf_addf(out, "%lld %s", (long long)(unread ? state->recv_queue : state->send_queue),
                        unread ? "unread" : "unacknowledged");
            return;
        }
}

static bool is_call(const struct sp_stmt *stmt)
{
    return stmt->kind == SP_ST_CALL || stmt->kind == SP_ST_FINISH;
}

/* What a failed line saw that is no call is in the judge's words. */
static void say_line(const struct sp_compare_run *run, uint32_t id, const struct sp_stmt *stmt,
                     struct sp_buf *out)
{
    const struct sp_line *line = &run->judgement->lines[id];
    const struct sp_ev_call *call = is_call(stmt) ? call_of(run, id) : NULL;
    bool came_true = line->how == SP_LINE_DONE || line->how == SP_LINE_VARIANT;
    if (call)
        sp_call_print_result(call, out);
    else if (line->how == SP_LINE_FAILED && run->judgement->stmt == id && run->judgement->seen)
        sp_buf_addstr(out, run->judgement->seen);
    else if (stmt->kind == SP_ST_WIRE)
        say_wire(run, stmt, line, out);
    else if (stmt->kind == SP_ST_QUEUE)
        say_queue(stmt, line, out);
    else if (stmt->kind == SP_ST_STATE && came_true)
        sp_buf_addstr(out, sp_tcp_state_name((enum sp_tcp_state)stmt->state));
}

/* Ends an overlong text where a character ends. */
static const char *clipped(struct sp_arena *arena, const char *text)
{
    text = sp_clean(arena, text, true);
    size_t len = strlen(text);
    if (len <= SEEN_MAX_BYTES)
        return text;
    for (len = SEEN_MAX_BYTES; len && ((unsigned char)text[len] & 0xC0) == 0x80;)
        len--;
    return sp_arena_printf(arena, "%.*s...", (int)len, text);
}

static struct sp_compare_seen seen_of(struct sp_arena *arena, const struct sp_compare_run *run,
                                      uint32_t id)
{
    const struct sp_stmt *stmt = sp_plan_stmt(run->plan, id);
    const struct sp_line *line = &run->judgement->lines[id];
    struct sp_compare_seen seen = {
        .there = true, .line = stmt ? stmt->at.line : 0, .how = sp_line_how_name(line->how)};
    struct sp_buf text;
    sp_buf_init(&text, 0);
    if (stmt)
        say_line(run, id, stmt, &text);
    seen.seen = clipped(arena, text.data ? text.data : "");
    sp_buf_release(&text);
    if (line->variant) {
        const char *why = line->variant->why ? line->variant->why : "";
        const char *source = line->variant->source ? line->variant->source : "";
        seen.variant = clipped(
            arena, sp_arena_printf(arena, "%s%s%s", why, *why && *source ? ", " : "", source));
    }
    return seen;
}

/* ---- the same or not ------------------------------------------------------------------------- */

static bool same_text(const char *a, const char *b)
{
    return strcmp(a ? a : "", b ? b : "") == 0;
}

/* By POSIX names: the API's own name of an error is told but is no difference. */
static bool same_call(const struct sp_ev_call *a, const struct sp_ev_call *b)
{
    return a->how == b->how && a->value == b->value && same_text(a->error, b->error) &&
           a->signal == b->signal && (a->first_bad < 0) == (b->first_bad < 0) &&
           same_text(a->out, b->out);
}

/* What these calls return depends on ports that the system picked. */
static bool names_a_port(const struct sp_ev_call *call)
{
    return same_text(call->name, "getsockname") || same_text(call->name, "getpeername");
}

static bool same_seen(const struct sp_compare_run *first, uint32_t a,
                      const struct sp_compare_run *other, uint32_t b,
                      const struct sp_compare_part *part)
{
    enum sp_line_how before = first->judgement->lines[a].how;
    enum sp_line_how after = other->judgement->lines[b].how;
    const struct sp_stmt *stmt = sp_plan_stmt(first->plan, a);
    if (before != after || !same_text(part->first.variant, part->other.variant))
        return false;
    if (stmt && is_call(stmt)) {
        const struct sp_ev_call *was = call_of(first, a), *is = call_of(other, b);
        if (!was || !is)
            return !was == !is;
        return names_a_port(was) ? same_text(was->error, is->error) : same_call(was, is);
    }
    /* the judge's words have times in them */
    if (before == SP_LINE_FAILED)
        return first->judgement->kind == other->judgement->kind;
    return same_text(part->first.seen, part->other.seen);
}

/* ---- alignment ------------------------------------------------------------------------------- */

struct pair {
    uint32_t a, b; /* statement ids, 0: the other plan has no such line */
};

struct pairs {
    struct pair *items;
    size_t len;
};

static const char *text_at(const struct sp_compare_run *run, uint32_t id)
{
    const struct sp_stmt *stmt = sp_plan_stmt(run->plan, id);
    return stmt && stmt->text ? stmt->text : "";
}

/* The longest common subsequence of what does not agree between the common begin and end. */
static void align_rest(struct sp_arena *arena, const char *const *a, uint32_t a_len, uint32_t a_id,
                       const char *const *b, uint32_t b_len, uint32_t b_id, struct pairs *pairs)
{
    size_t wide = (size_t)b_len + 1;
    uint16_t *best = SP_ARENA_ARRAY(arena, uint16_t, ((size_t)a_len + 1) * wide);
    for (uint32_t i = a_len; i-- > 0;)
        for (uint32_t j = b_len; j-- > 0;) {
            uint16_t down = best[(i + 1) * wide + j], right = best[i * wide + j + 1];
            best[i * wide + j] = same_text(a[i], b[j])
                                     ? (uint16_t)(best[(i + 1) * wide + j + 1] + 1)
                                 : down > right ? down
                                                : right;
        }
    for (uint32_t i = 0, j = 0; i < a_len || j < b_len;) {
        struct pair pair = {0};
        if (i < a_len && j < b_len && same_text(a[i], b[j]))
            pair = (struct pair){a_id + i++, b_id + j++};
        else if (j >= b_len || (i < a_len && best[(i + 1) * wide + j] >= best[i * wide + j + 1]))
            pair.a = a_id + i++;
        else
            pair.b = b_id + j++;
        pairs->items[pairs->len++] = pair;
    }
}

static const char **texts_of(struct sp_arena *arena, const struct sp_compare_run *run,
                             uint32_t *count)
{
    *count = run->judgement->line_count ? (uint32_t)run->judgement->line_count - 1 : 0;
    const char **texts = SP_ARENA_ARRAY(arena, const char *, *count);
    for (uint32_t i = 0; i < *count; i++)
        texts[i] = text_at(run, i + 1);
    return texts;
}

static struct pairs align(struct sp_arena *arena, const struct sp_compare_run *first,
                          const struct sp_compare_run *other)
{
    uint32_t a_len, b_len, head = 0, tail = 0;
    const char **a = texts_of(arena, first, &a_len);
    const char **b = texts_of(arena, other, &b_len);
    struct pairs pairs = {.items =
                              SP_ARENA_ARRAY(arena, struct pair, (size_t)a_len + (size_t)b_len)};
    uint32_t least = a_len < b_len ? a_len : b_len;
    while (head < least && same_text(a[head], b[head]))
        head++;
    while (tail < least - head && same_text(a[a_len - 1 - tail], b[b_len - 1 - tail]))
        tail++;
    for (uint32_t i = 0; i < head; i++)
        pairs.items[pairs.len++] = (struct pair){i + 1, i + 1};
    uint32_t a_mid = a_len - head - tail, b_mid = b_len - head - tail;
    if ((size_t)a_mid * b_mid <= ALIGN_MAX)
        align_rest(arena, a + head, a_mid, head + 1, b + head, b_mid, head + 1, &pairs);
    for (uint32_t i = 0; i < tail; i++)
        pairs.items[pairs.len++] = (struct pair){a_len - tail + i + 1, b_len - tail + i + 1};
    return pairs;
}

/* ---- what differs ---------------------------------------------------------------------------- */

static void keep_part(struct sp_arena *arena, struct sp_compare_row *row,
                      const struct sp_compare_part *part)
{
    if (!row->parts)
        row->parts = SP_ARENA_ARRAY(arena, struct sp_compare_part, SP_COMPARE_PARTS);
    if (row->part_kept < SP_COMPARE_PARTS) {
        struct sp_compare_part *kept = &row->parts[row->part_kept++];
        *kept = *part;
        kept->text = clipped(arena, part->text);
    }
    row->part_count++;
}

/*
 * A line that came true in the first and that nobody watched in the other. A poll that came too
 * late is chance where both sides poll, and no loss.
 */
static bool loses(const struct sp_compare_run *first, uint32_t a,
                  const struct sp_compare_run *other, uint32_t b)
{
    enum sp_line_how before = first->judgement->lines[a].how;
    bool chance = first->trace->head.states == SP_WATCH_POLLED &&
                  other->trace->head.states == SP_WATCH_POLLED &&
                  other->trace->head.wire >= first->trace->head.wire;
    return (before == SP_LINE_DONE || before == SP_LINE_VARIANT) &&
           other->judgement->lines[b].how == SP_LINE_UNWATCHED && !chance;
}

/* What failed after the last line, or at none in particular. */
static void compare_ends(struct sp_arena *arena, const struct sp_compare_run *first,
                         const struct sp_compare_run *other, struct sp_compare_row *row)
{
    const struct sp_judgement *a = first->judgement, *b = other->judgement;
    bool at_line = (a->kind && a->stmt) || (b->kind && b->stmt);
    if ((at_line && row->part_count) || (a->kind == b->kind && same_text(a->rule, b->rule)))
        return;
    const struct sp_judgement *failed = b->kind ? b : a;
    struct sp_compare_part part = {.text = failed->expected ? failed->expected : ""};
    const struct sp_judgement *both[] = {a, b};
    struct sp_compare_seen *sides[] = {&part.first, &part.other};
    for (size_t i = 0; i < 2; i++)
        *sides[i] = (struct sp_compare_seen){
            .there = true,
            .how = sp_line_how_name(both[i]->kind ? SP_LINE_FAILED : SP_LINE_DONE),
            .seen = clipped(arena, both[i]->kind ? both[i]->seen : "")};
    keep_part(arena, row, &part);
}

void sp_compare_lines(struct sp_arena *arena, const struct sp_compare_run *first,
                      const struct sp_compare_run *other, struct sp_compare_row *row,
                      const char **lost)
{
    struct sp_arena scratch;
    sp_arena_init(&scratch);
    struct pairs pairs = align(&scratch, first, other);
    for (size_t i = 0; i < pairs.len; i++) {
        uint32_t a = pairs.items[i].a, b = pairs.items[i].b;
        bool unreached = (a && first->judgement->lines[a].how == SP_LINE_NOT_REACHED) ||
                         (b && other->judgement->lines[b].how == SP_LINE_NOT_REACHED);
        /* what did not come to pass because of the divergence is no divergence */
        if (unreached && row->part_count)
            continue;
        struct sp_compare_part part = {.text = a ? text_at(first, a) : text_at(other, b)};
        if (a)
            part.first = seen_of(&scratch, first, a);
        if (b)
            part.other = seen_of(&scratch, other, b);
        if (a && b && same_seen(first, a, other, b, &part))
            continue;
        if (a)
            part.first = seen_of(arena, first, a);
        if (b)
            part.other = seen_of(arena, other, b);
        if (a && b && !*lost && loses(first, a, other, b))
            *lost = clipped(arena, part.text);
        keep_part(arena, row, &part);
    }
    compare_ends(arena, first, other, row);
    sp_arena_release(&scratch);
}
