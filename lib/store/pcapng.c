/*
 * pcapng (draft-ietf-opsawg-pcapng-03): a section header, an interface description for each
 * capture point, then packets and journal entries in order of time.
 *
 * Times are the run's clock on the wall clock of its start: a packet carries nanoseconds, a
 * journal entry (section 4.7, systemd's export format) microseconds, so that only their order in
 * the file tells what came first within one. Numbers are in this machine's byte order; the section
 * header's magic says which.
 */
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "event_text.h"
#include "store.h"
#include "utf8.h"

enum {
    BLOCK_SECTION = 0x0A0D0D0A,
    BLOCK_INTERFACE = 1,
    BLOCK_PACKET = 6,
    BLOCK_JOURNAL = 9,
    BYTE_ORDER_MAGIC = 0x1A2B3C4D,
    LINKTYPE_ETHERNET = 1,
    NANOSECONDS = 9, /* if_tsresol: 10^-9 */
    JOURNAL_NOTICE = 5,
    JOURNAL_ERROR = 3,
};

enum option {
    OPT_END = 0,
    OPT_COMMENT = 1,
    SHB_OS = 3,
    SHB_USERAPPL = 4,
    IF_NAME = 2,
    IF_DESCRIPTION = 3,
    IF_TSRESOL = 9,
    EPB_FLAGS = 2,
};

enum { INBOUND = 1, OUTBOUND = 2 }; /* epb_flags, bits 0 and 1 */

/* ---- blocks and options ---------------------------------------------------------------------- */

static void put16(struct sp_buf *out, uint16_t value)
{
    sp_buf_add(out, &value, sizeof value);
}

static void put32(struct sp_buf *out, uint32_t value)
{
    sp_buf_add(out, &value, sizeof value);
}

static void pad4(struct sp_buf *out, size_t len)
{
    static const char zeros[4];
    sp_buf_add(out, zeros, (4 - len % 4) % 4);
}

static size_t block_begin(struct sp_buf *out, uint32_t type)
{
    size_t at = out->len;
    put32(out, type);
    put32(out, 0);
    return at;
}

static void block_end(struct sp_buf *out, size_t at)
{
    uint32_t len = (uint32_t)(out->len - at + 4);
    if (out->overflow)
        return;
    put32(out, len);
    if (!out->overflow)
        memcpy(out->data + at + 4, &len, sizeof len);
}

static void put_option(struct sp_buf *out, enum option code, const void *data, size_t len)
{
    put16(out, (uint16_t)code);
    put16(out, (uint16_t)len);
    sp_buf_add(out, data, len);
    pad4(out, len);
}

/* UTF-8, as section 3.5 asks; an option holds at most 65535 bytes, and nobody reads as many. */
static void put_text_option(struct sp_buf *out, enum option code, const char *text)
{
    enum { TEXT_MAX = 4096 };
    char clean[TEXT_MAX];
    size_t len = 0;
    for (size_t i = 0, end = strlen(text); i < end && len + 4 <= sizeof clean;) {
        uint32_t c;
        i += sp_utf8_next(text + i, end - i, &c);
        len += sp_utf8_put(c, clean + len);
    }
    put_option(out, code, clean, len);
}

static void put_end_of_options(struct sp_buf *out)
{
    put16(out, OPT_END);
    put16(out, 0);
}

/* ---- what is written when -------------------------------------------------------------------- */

struct item {
    int64_t t_ns;
    uint64_t rank;                        /* order where times tie */
    const struct sp_capture_frame *frame; /* a packet, or */
    const struct sp_event *event;         /* a journal entry (a packet: its segment or NULL) */
    bool at_return;
    bool waited;
};

struct writer {
    const struct sp_plan *plan;
    const struct sp_trace *trace;
    const struct sp_judgement *judgement;
    struct sp_buf *out;
    struct sp_buf text; /* scratch */
    uint32_t interface_of[SP_POINT_COUNT];
    const struct sp_flight **flight_of; /* by event order */
    uint32_t *stmt_of;                  /* the statement that consumed it, by event order; 0 none */
    size_t order_count;
    struct item *items;
    size_t item_count;
    size_t item_cap;
};

static int by_time(const void *a, const void *b)
{
    const struct item *x = a, *y = b;
    if (x->t_ns != y->t_ns)
        return x->t_ns < y->t_ns ? -1 : 1;
    return x->rank < y->rank ? -1 : x->rank > y->rank;
}

static void add_event_items(struct writer *w, const struct sp_event *event, uint64_t rank)
{
    bool ended = event->t_end_ns >= 0;
    bool waited = sp_call_waited(event);
    bool call = event->kind == SP_EV_CALL;
    if (!call || waited)
        SP_PUSH(w->items, w->item_count, w->item_cap) =
            (struct item){.t_ns = event->t_ns, .rank = rank, .event = event, .waited = waited};
    if (call && (ended || event->u.call.how != SP_CALL_RETURNED))
        SP_PUSH(w->items, w->item_count, w->item_cap) =
            (struct item){.t_ns = ended ? event->t_end_ns : INT64_MAX,
                          .rank = rank,
                          .event = event,
                          .at_return = true,
                          .waited = waited};
}

/*
 * Frame -> its event, by point and number. Numbers count what a capture kept, canaries and fences
 * included, which are not among the frames: there are fewer of those than of events.
 */
static const struct sp_event **index_frames(const struct sp_frames *frames,
                                            const struct sp_trace *trace, uint32_t *most)
{
    *most = 0;
    for (size_t i = 0; i < frames->len; i++)
        if (frames->items[i].number > *most && frames->items[i].number <= frames->len + trace->len)
            *most = frames->items[i].number;
    const struct sp_event **events =
        sp_xcalloc(((size_t)*most + 1) * SP_POINT_COUNT, sizeof(const struct sp_event *));
    for (size_t i = 0; i < trace->len; i++) {
        const struct sp_event *event = &trace->events[i];
        if (event->kind == SP_EV_SEG && event->u.seg.frame <= *most &&
            event->u.seg.point < SP_POINT_COUNT)
            events[event->u.seg.frame * (size_t)SP_POINT_COUNT + event->u.seg.point] = event;
    }
    return events;
}

static void collect_items(struct writer *w, const struct sp_frames *frames)
{
    uint32_t most;
    const struct sp_event **events = index_frames(frames, w->trace, &most);
    for (size_t i = 0; i < frames->len; i++) {
        const struct sp_capture_frame *frame = &frames->items[i];
        const struct sp_event *event =
            frame->number <= most && frame->point < SP_POINT_COUNT
                ? events[frame->number * (size_t)SP_POINT_COUNT + frame->point]
                : NULL;
        SP_PUSH(w->items, w->item_count, w->item_cap) =
            (struct item){.t_ns = frame->t_ns,
                          .rank = event ? (uint64_t)(event - w->trace->events) : UINT64_MAX,
                          .frame = frame,
                          .event = event};
    }
    free(events);
    for (size_t i = 0; i < w->trace->len; i++)
        if (w->trace->events[i].kind != SP_EV_SEG)
            add_event_items(w, &w->trace->events[i], i);
    if (w->item_count)
        qsort(w->items, w->item_count, sizeof *w->items, by_time);
}

/* Remembers for each event which statement consumed it and which flight it belongs to. */
static void index_judgement(struct writer *w)
{
    const struct sp_judgement *judgement = w->judgement;
    w->order_count = w->trace->len;
    w->stmt_of = sp_xcalloc(w->order_count, sizeof *w->stmt_of);
    w->flight_of = sp_xcalloc(w->order_count, sizeof *w->flight_of);
    if (!judgement)
        return;
    for (size_t id = 1; id < judgement->line_count; id++)
        for (size_t i = 0; i < judgement->lines[id].matched_count; i++) {
            uint32_t order = judgement->lines[id].matched[i]->order;
            if (order < w->order_count)
                w->stmt_of[order] = (uint32_t)id;
        }
    for (size_t i = 0; i < judgement->audit.flights.len; i++) {
        const struct sp_flight *flight = &judgement->audit.flights.items[i];
        if (flight->sent && flight->sent->order < w->order_count)
            w->flight_of[flight->sent->order] = flight;
        if (flight->received && flight->received->order < w->order_count)
            w->flight_of[flight->received->order] = flight;
    }
}

/* ---- section and interfaces ------------------------------------------------------------------ */

static void write_section(struct writer *w)
{
    const struct sp_trace_head *head = &w->trace->head;
    const struct sp_stack_id *stack = &head->tcp[SP_END_CLIENT];
    struct sp_buf *out = w->out;
    size_t at = block_begin(out, BLOCK_SECTION);
    put32(out, BYTE_ORDER_MAGIC);
    put16(out, 1); /* version 1.0 */
    put16(out, 0);
    put32(out, UINT32_MAX); /* section length: not said */
    put32(out, UINT32_MAX);
    sp_buf_reset(&w->text);
    sp_buf_addf(&w->text, "%s", head->case_id ? head->case_id : "");
    if (w->judgement)
        sp_buf_addf(&w->text, ": %s: %s", sp_verdict_name(w->judgement->verdict),
                    w->judgement->reason ? w->judgement->reason : "");
    put_text_option(out, OPT_COMMENT, w->text.data);
    if (stack->name) {
        sp_buf_reset(&w->text);
        sp_buf_addf(&w->text, "%s %s", stack->name, stack->version ? stack->version : "");
        put_text_option(out, SHB_OS, w->text.data);
    }
    sp_buf_reset(&w->text);
    sp_buf_addf(&w->text, "Sockproof %s", head->build ? head->build : "");
    put_text_option(out, SHB_USERAPPL, w->text.data);
    put_end_of_options(out);
    block_end(out, at);
}

static void write_interface(struct writer *w, enum sp_point point)
{
    static const uint8_t resolution = NANOSECONDS;
    struct sp_buf *out = w->out;
    size_t at = block_begin(out, BLOCK_INTERFACE);
    put16(out, LINKTYPE_ETHERNET); /* lo too, as libpcap gives it */
    put16(out, 0);
    put32(out, 0); /* no snapshot limit */
    put_text_option(out, IF_NAME, sp_point_name(point));
    sp_buf_reset(&w->text);
    sp_buf_addf(&w->text, "%s lab, at %s", w->trace->head.lab ? w->trace->head.lab : "?",
                sp_point_name(point));
    put_text_option(out, IF_DESCRIPTION, w->text.data);
    put_option(out, IF_TSRESOL, &resolution, sizeof resolution);
    put_end_of_options(out);
    block_end(out, at);
}

/* The points that this lab has, and any other that has a frame. */
static void write_interfaces(struct writer *w, const struct sp_frames *frames)
{
    bool used[SP_POINT_COUNT] = {false};
    const char *lab = w->trace->head.lab;
    if (lab && strcmp(lab, "loopback") == 0)
        used[SP_AT_LO] = true;
    else if (lab)
        used[SP_AT_CLIENT] = used[SP_AT_SERVER] = true;
    for (size_t i = 0; i < frames->len; i++)
        if (frames->items[i].point < SP_POINT_COUNT)
            used[frames->items[i].point] = true;
    uint32_t next = 0;
    for (int point = 0; point < SP_POINT_COUNT; point++) {
        w->interface_of[point] = next;
        if (!used[point])
            continue;
        next++;
        write_interface(w, (enum sp_point)point);
    }
}

/* ---- packets --------------------------------------------------------------------------------- */

static const char *base_name(const char *path)
{
    const char *slash = path ? strrchr(path, '/') : NULL;
    return slash ? slash + 1 : path ? path : "case";
}

static const struct sp_stmt *stmt_at(const struct writer *w, uint32_t id)
{
    return id && w->plan ? sp_plan_stmt(w->plan, id) : NULL;
}

static const char *case_file(const struct writer *w)
{
    return base_name(w->plan && w->plan->case_ ? w->plan->case_->file : NULL);
}

/* "zero-resets.case:14 wire client RST" */
static void comment_stmt(struct writer *w, uint32_t id, const char *behind)
{
    const struct sp_stmt *stmt = stmt_at(w, id);
    if (!stmt)
        return;
    sp_buf_reset(&w->text);
    sp_buf_addf(&w->text, "%s:%d ", case_file(w), stmt->at.line);
    for (const char *at = stmt->text ? stmt->text : ""; *at; at++)
        if (at[0] != ' ' || at[1] != ' ') /* columns of the case file */
            sp_buf_addch(&w->text, *at);
    sp_buf_addstr(&w->text, behind);
    put_text_option(w->out, OPT_COMMENT, w->text.data);
}

/* The statement that consumed this segment, here or at the other side. */
static void comment_match(struct writer *w, const struct sp_event *event)
{
    if (event->order >= w->order_count)
        return;
    uint32_t id = w->stmt_of[event->order];
    const struct sp_flight *flight = w->flight_of[event->order];
    const struct sp_event *other = !flight                 ? NULL
                                   : flight->sent == event ? flight->received
                                                           : flight->sent;
    if (id)
        comment_stmt(w, id, "");
    else if (other && other != event && other->order < w->order_count)
        comment_stmt(w, w->stmt_of[other->order],
                     other == flight->sent ? " (as it arrived)" : " (as it left)");
}

static void write_comments(struct writer *w, const struct sp_event *event)
{
    const struct sp_judgement *judgement = w->judgement;
    if (event->u.seg.malformed)
        put_text_option(w->out, OPT_COMMENT, event->u.seg.malformed);
    if (!judgement)
        return;
    comment_match(w, event);
    if (judgement->event == event && judgement->kind != SP_FAIL_NONE) {
        sp_buf_reset(&w->text);
        sp_buf_addf(&w->text, "FAILED %s: expected %s, seen %s",
                    judgement->at ? judgement->at : sp_fail_name(judgement->kind),
                    judgement->expected ? judgement->expected : "otherwise",
                    judgement->seen ? judgement->seen : "this");
        put_text_option(w->out, OPT_COMMENT, w->text.data);
    }
    for (size_t i = 0; i < judgement->audit.violation_count; i++) {
        const struct sp_violation *violation = &judgement->audit.violations[i];
        if (violation->event != event)
            continue;
        sp_buf_reset(&w->text);
        sp_buf_addf(&w->text, "%s (%s): %s", violation->rule,
                    violation->spec ? violation->spec : "", violation->text ? violation->text : "");
        put_text_option(w->out, OPT_COMMENT, w->text.data);
    }
}

/* epb_flags: whether the end at this capture point sent it or got it; 0 where that is no end's. */
static uint32_t direction(const struct sp_event *event)
{
    static const enum sp_end end_at[SP_POINT_COUNT] = {
        [SP_AT_CLIENT] = SP_END_CLIENT, [SP_AT_SERVER] = SP_END_SERVER};
    enum sp_end end = end_at[event->u.seg.point];
    if (end == SP_END_NONE || event->end == SP_END_NONE)
        return 0;
    return event->end == end ? OUTBOUND : INBOUND;
}

static void write_packet(struct writer *w, const struct item *item)
{
    const struct sp_capture_frame *frame = item->frame;
    struct sp_buf *out = w->out;
    uint64_t stamp = (uint64_t)(w->trace->head.start_real_ns + frame->t_ns);
    size_t at = block_begin(out, BLOCK_PACKET);
    put32(out, frame->point < SP_POINT_COUNT ? w->interface_of[frame->point] : 0);
    put32(out, (uint32_t)(stamp >> 32));
    put32(out, (uint32_t)stamp);
    put32(out, frame->len_bytes);
    put32(out, frame->wire_len_bytes);
    sp_buf_add(out, frame->data, frame->len_bytes);
    pad4(out, frame->len_bytes);
    if (item->event) {
        uint32_t flags = direction(item->event);
        write_comments(w, item->event);
        if (flags)
            put_option(out, EPB_FLAGS, &flags, sizeof flags);
    }
    put_end_of_options(out);
    block_end(out, at);
}

/* ---- journal entries ------------------------------------------------------------------------- */

/* FIELD=value; a value with a line break in it takes the binary form: the field's name alone, the
 * length as 64 bits little-endian, the bytes. */
static void put_field(struct sp_buf *out, const char *name, const char *value)
{
    sp_buf_addstr(out, name);
    if (!strchr(value, '\n')) {
        sp_buf_addf(out, "=%s\n", value);
        return;
    }
    uint64_t len = strlen(value);
    sp_buf_addch(out, '\n');
    for (unsigned i = 0; i < 8; i++)
        sp_buf_addch(out, (char)(uint8_t)(len >> 8 * i));
    sp_buf_addf(out, "%s\n", value);
}

static void put_number_field(struct sp_buf *out, const char *name, long long value)
{
    sp_buf_addf(out, "%s=%lld\n", name, value);
}

/* What the row says; nothing where the event has nothing to say to a reader. */
static void print_message(const struct item *item, struct sp_buf *out)
{
    const struct sp_event *event = item->event;
    sp_event_print(event, out);
    if (event->kind != SP_EV_CALL)
        return;
    if (!item->at_return) {
        sp_buf_addstr(out, " ...");
        return;
    }
    sp_buf_addstr(out, " -> ");
    sp_call_print_result(&event->u.call, out);
    if (item->waited && event->t_end_ns >= 0) {
        char length[32];
        sp_duration_print((event->t_end_ns - event->t_ns) / SP_US * SP_US, length, sizeof length);
        sp_buf_addf(out, " after %s", length);
    }
}

static const char *const journal_kinds[SP_EV_KIND_COUNT] = {
    [SP_EV_CALL] = "call", [SP_EV_SEG] = "segment",  [SP_EV_STATE] = "state", [SP_EV_NOTE] = "note",
    [SP_EV_LAB] = "lab",   [SP_EV_PROC] = "process", [SP_EV_MARK] = "mark",
};

static void write_journal(struct writer *w, const struct item *item, int64_t t_ns)
{
    const struct sp_event *event = item->event;
    const struct sp_stmt *stmt = NULL;
    struct sp_buf *out = w->out;
    sp_buf_reset(&w->text);
    print_message(item, &w->text);
    if (!w->text.len)
        return;
    uint32_t id = event->order < w->order_count && w->stmt_of[event->order]
                      ? w->stmt_of[event->order]
                      : event->stmt;
    stmt = stmt_at(w, id);

    size_t at = block_begin(out, BLOCK_JOURNAL);
    size_t body = out->len;
    bool at_fault = w->judgement && w->judgement->event == event;
    put_number_field(out, "__REALTIME_TIMESTAMP",
                     (long long)((w->trace->head.start_real_ns + t_ns) / SP_US));
    put_field(out, "MESSAGE", w->text.data);
    put_field(out, "SYSLOG_IDENTIFIER", "sockproof");
    put_number_field(out, "PRIORITY", at_fault ? JOURNAL_ERROR : JOURNAL_NOTICE);
    if (stmt) {
        put_field(out, "CODE_FILE", case_file(w));
        put_number_field(out, "CODE_LINE", stmt->at.line);
        put_field(out, "SOCKPROOF_STATEMENT", stmt->text ? stmt->text : "");
    }
    put_field(out, "SOCKPROOF_KIND", journal_kinds[event->kind]);
    if (event->end != SP_END_NONE)
        put_field(out, "SOCKPROOF_ENDPOINT", sp_end_name(event->end));
    put_number_field(out, "SOCKPROOF_TIME_NS", (long long)t_ns);
    pad4(out, out->len - body);
    block_end(out, at);
}

enum sp_rc sp_pcapng_write(const struct sp_plan *plan, const struct sp_trace *trace,
                           const struct sp_frames *frames, const struct sp_judgement *judgement,
                           struct sp_buf *out, struct sp_err *err)
{
    struct writer w = {.plan = plan, .trace = trace, .judgement = judgement, .out = out};
    int64_t last_ns = 0;
    index_judgement(&w);
    collect_items(&w, frames);
    write_section(&w);
    write_interfaces(&w, frames);
    for (size_t i = 0; i < w.item_count; i++) {
        /* What never ended stands last, at the time of the last that did. */
        if (w.items[i].t_ns != INT64_MAX)
            last_ns = w.items[i].t_ns;
        if (w.items[i].frame)
            write_packet(&w, &w.items[i]);
        else
            write_journal(&w, &w.items[i], last_ns);
    }
    free(w.items);
    free(w.stmt_of);
    free(w.flight_of);
    sp_buf_release(&w.text);
    return out->overflow
               ? sp_fail(err, SP_E_LIMIT, "the capture is larger than %zu bytes", out->max_bytes)
               : SP_OK;
}
