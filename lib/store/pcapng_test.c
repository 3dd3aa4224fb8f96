/* Captures: the block structure, held against the draft by a reader of this test's own. That
 * tshark reads them too is the end-to-end tests' to show. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "store.h"

enum { BLOCKS_MAX = 64 };

struct block {
    uint32_t type;
    const uint8_t *body;
    size_t len;
};

struct file {
    struct sp_buf bytes;
    struct block blocks[BLOCKS_MAX];
    size_t count;
};

static uint16_t get16(const uint8_t *at)
{
    uint16_t value;
    memcpy(&value, at, sizeof value);
    return value;
}

static uint32_t get32(const uint8_t *at)
{
    uint32_t value;
    memcpy(&value, at, sizeof value);
    return value;
}

/* Splits the file into blocks, asserting what holds for every one of them. */
static void split(struct file *file)
{
    const uint8_t *bytes = (const uint8_t *)file->bytes.data;
    size_t at = 0;
    file->count = 0;
    while (at < file->bytes.len) {
        assert_true(file->bytes.len - at >= 12);
        uint32_t len = get32(bytes + at + 4);
        assert_true(len >= 12 && len % 4 == 0 && len <= file->bytes.len - at);
        assert_int_equal(get32(bytes + at + len - 4), len);
        assert_true(file->count < BLOCKS_MAX);
        file->blocks[file->count++] =
            (struct block){.type = get32(bytes + at), .body = bytes + at + 8, .len = len - 12};
        at += len;
    }
}

/* The nth option with that code; NULL where there are fewer. Asserts that the list ends properly.
 */
static const uint8_t *option(const uint8_t *at, const uint8_t *end, uint16_t code, unsigned nth,
                             uint16_t *len)
{
    const uint8_t *found = NULL;
    for (;;) {
        assert_true(end - at >= 4);
        uint16_t this_code = get16(at), this_len = get16(at + 2);
        if (this_code == 0) {
            assert_int_equal(this_len, 0);
            assert_ptr_equal(at + 4, end);
            return found;
        }
        if (this_code == code && nth-- == 0) {
            found = at + 4;
            *len = this_len;
        }
        at += 4 + (this_len + 3u) / 4 * 4;
        assert_true(at <= end);
    }
}

/* Comment n of a packet block, as a string; "" where there is none. */
static const char *comment(const struct block *block, unsigned nth)
{
    static char text[1024];
    uint16_t len = 0;
    uint32_t captured = get32(block->body + 12);
    const uint8_t *at =
        option(block->body + 20 + (captured + 3) / 4 * 4, block->body + block->len, 1, nth, &len);
    snprintf(text, sizeof text, "%.*s", at ? (int)len : 0, at ? (const char *)at : "");
    return text;
}

static int64_t packet_ns(const struct block *block)
{
    return (int64_t)((uint64_t)get32(block->body + 4) << 32 | get32(block->body + 8));
}

static bool journal_has(const struct block *block, const char *line)
{
    char text[2048], wanted[512];
    snprintf(text, sizeof text, "\n%.*s", (int)block->len, (const char *)block->body);
    snprintf(wanted, sizeof wanted, "\n%s\n", line);
    return block->type == 9 && strstr(text, wanted);
}

static const struct block *nth_of_type(const struct file *file, uint32_t type, unsigned nth)
{
    for (size_t i = 0; i < file->count; i++)
        if (file->blocks[i].type == type && nth-- == 0)
            return &file->blocks[i];
    return NULL;
}

/* ---- a conversation by hand ------------------------------------------------------------------ */

#define START_REAL_NS 1767225600123456789LL

struct scene {
    struct sp_trace trace;
    struct sp_frames frames;
    struct sp_stmt stmts[2];
    struct sp_case the_case;
    struct sp_plan plan;
    struct sp_line lines[3];
    const struct sp_event *matched[2];
    struct sp_flight flight;
    struct sp_violation violation;
    struct sp_judgement judgement;
    struct file file;
};

static void add_frame(struct scene *s, enum sp_point point, uint32_t number, int64_t t_ns,
                      const struct sp_seg *seg)
{
    static const uint8_t mac[6] = {2, 0, 0, 0, 0, 1};
    struct sp_buf bytes;
    struct sp_event *event = sp_trace_add(&s->trace, SP_EV_SEG, t_ns);
    event->end = SP_END_CLIENT;
    event->u.seg.point = point;
    event->u.seg.frame = number;
    event->u.seg.seg = *seg;
    sp_buf_init(&bytes, 0);
    assert_int_equal(sp_wire_build(SP_LINK_ETHERNET, mac, mac, seg, NULL, NULL, &bytes, NULL),
                     SP_OK);
    uint8_t *copy = sp_arena_alloc(&s->trace.arena, bytes.len);
    memcpy(copy, bytes.data, bytes.len);
    SP_PUSH(s->frames.items, s->frames.len, s->frames.cap) =
        (struct sp_capture_frame){.point = point,
                                  .number = number,
                                  .t_ns = t_ns,
                                  .len_bytes = (uint32_t)bytes.len,
                                  .wire_len_bytes = (uint32_t)bytes.len,
                                  .data = copy};
    sp_buf_release(&bytes);
}

static void add_call(struct scene *s, int64_t t_ns, int64_t t_end_ns, const char *error)
{
    struct sp_event *event = sp_trace_add(&s->trace, SP_EV_CALL, t_ns);
    event->end = SP_END_CLIENT;
    event->t_end_ns = t_end_ns;
    event->stmt = 2;
    event->u.call.sock = "conn";
    event->u.call.name = "recv";
    event->u.call.args = "10";
    event->u.call.out = "";
    event->u.call.value = error ? -1 : 10;
    event->u.call.error = error;
}

static struct sp_seg a_syn(void)
{
    struct sp_seg syn = {
        .kind = SP_SEG_TCP, .flags = SP_SYN, .seq = 1000, .window = 64240, .ttl = 64};
    assert_int_equal(sp_addr_parse("10.0.0.1:4000", &syn.src, NULL), SP_OK);
    assert_int_equal(sp_addr_parse("10.0.0.2:80", &syn.dst, NULL), SP_OK);
    return syn;
}

static int set_up(void **state)
{
    struct scene *s = sp_xcalloc(1, sizeof *s);
    struct sp_seg syn = a_syn();
    sp_trace_init(&s->trace);
    s->trace.head.case_id = "handshake/plain";
    s->trace.head.lab = "veth";
    s->trace.head.build = "0.1.0";
    s->trace.head.start_real_ns = START_REAL_NS;
    s->trace.head.tcp[SP_END_CLIENT] = (struct sp_stack_id){"linux", "6.18.44"};

    add_call(s, 100000, 9000000, "ECONNRESET");
    add_frame(s, SP_AT_CLIENT, 1, 200001, &syn);
    add_frame(s, SP_AT_SERVER, 1, 210002, &syn);
    struct sp_event *change = sp_trace_add(&s->trace, SP_EV_STATE, 200500);
    change->end = SP_END_SERVER;
    change->u.state.old_state = SP_TCP_ESTABLISHED;
    change->u.state.new_state = SP_TCP_CLOSE_WAIT;
    change = sp_trace_add(&s->trace, SP_EV_LAB, 300000);
    change->u.lab.action = "cut";
    change->u.lab.detail = "both\nways";
    sp_trace_sort(&s->trace);

    s->stmts[0] = (struct sp_stmt){
        .id = 1, .kind = SP_ST_WIRE, .text = "wire   client SYN", .at = {.line = 14}};
    s->stmts[1] =
        (struct sp_stmt){.id = 2, .kind = SP_ST_CALL, .text = "client recv 10", .at = {.line = 16}};
    s->the_case.file = "cases/handshake/plain.case";
    s->plan =
        (struct sp_plan){.case_ = &s->the_case, .stmts = s->stmts, .stmt_count = 2, .last_id = 2};
    const struct sp_event *left = NULL, *arrived = NULL;
    for (size_t i = 0; i < s->trace.len; i++) {
        const struct sp_event *event = &s->trace.events[i];
        if (event->kind == SP_EV_SEG && event->u.seg.point == SP_AT_CLIENT)
            left = event;
        if (event->kind == SP_EV_SEG && event->u.seg.point == SP_AT_SERVER)
            arrived = event;
    }
    s->matched[0] = left;
    s->lines[1] =
        (struct sp_line){.stmt = 1, .how = SP_LINE_DONE, .matched = s->matched, .matched_count = 1};
    s->flight = (struct sp_flight){.sent = left, .received = arrived, .from = SP_END_CLIENT};
    s->violation = (struct sp_violation){
        .rule = "no-cause", .spec = "RFC9293:3.10", .event = arrived, .text = "nothing asked"};
    s->judgement = (struct sp_judgement){.verdict = SP_VERDICT_FAIL,
                                         .reason = "because",
                                         .kind = SP_FAIL_SEG_EXTRA,
                                         .at = "plain.case:14",
                                         .expected = "silence",
                                         .seen = "SYN",
                                         .event = arrived,
                                         .t_ns = -1,
                                         .lines = s->lines,
                                         .line_count = 3};
    s->judgement.audit.flights.items = &s->flight;
    s->judgement.audit.flights.len = 1;
    s->judgement.audit.violations = &s->violation;
    s->judgement.audit.violation_count = 1;
    sp_buf_init(&s->file.bytes, 0);
    *state = s;
    return 0;
}

static int tear_down(void **state)
{
    struct scene *s = *state;
    free(s->frames.items);
    sp_trace_release(&s->trace);
    sp_buf_release(&s->file.bytes);
    free(s);
    return 0;
}

static void write_and_split(struct scene *s)
{
    assert_int_equal(
        sp_pcapng_write(&s->plan, &s->trace, &s->frames, &s->judgement, &s->file.bytes, NULL),
        SP_OK);
    /* For a look with tshark. */
    const char *copy = getenv("SP_TEST_PCAPNG");
    FILE *file = copy ? fopen(copy, "wb") : NULL;
    if (file) {
        fwrite(s->file.bytes.data, 1, s->file.bytes.len, file);
        fclose(file);
    }
    split(&s->file);
}

static void the_section_names_us_and_each_end_has_an_interface(void **state)
{
    struct scene *s = *state;
    uint16_t len = 0;
    write_and_split(s);
    const struct block *section = &s->file.blocks[0];
    assert_int_equal(section->type, 0x0A0D0D0A);
    assert_int_equal(get32(section->body), 0x1A2B3C4D);
    assert_int_equal(get16(section->body + 4), 1);
    const uint8_t *end = section->body + section->len;
    const uint8_t *name = option(section->body + 16, end, 4, 0, &len);
    assert_int_equal(len, strlen("Sockproof 0.1.0"));
    assert_memory_equal(name, "Sockproof 0.1.0", len);

    static const char *const names[] = {"client", "server"};
    for (unsigned i = 0; i < 2; i++) {
        const struct block *interface = &s->file.blocks[1 + i];
        end = interface->body + interface->len;
        assert_int_equal(interface->type, 1);
        assert_int_equal(get16(interface->body), 1);
        name = option(interface->body + 8, end, 2, 0, &len);
        assert_int_equal(len, strlen(names[i]));
        assert_memory_equal(name, names[i], len);
        assert_int_equal(*option(interface->body + 8, end, 9, 0, &len), 9);
    }
    assert_null(nth_of_type(&s->file, 1, 2));
}

static void loopback_has_one_interface(void **state)
{
    struct scene *s = *state;
    s->trace.head.lab = "loopback";
    s->frames.len = 0;
    write_and_split(s);
    assert_non_null(nth_of_type(&s->file, 1, 0));
    assert_null(nth_of_type(&s->file, 1, 1));
}

static void packets_keep_their_bytes_and_their_nanoseconds(void **state)
{
    struct scene *s = *state;
    write_and_split(s);
    for (unsigned i = 0; i < 2; i++) {
        const struct block *packet = nth_of_type(&s->file, 6, i);
        const struct sp_capture_frame *frame = &s->frames.items[i];
        assert_non_null(packet);
        assert_int_equal(get32(packet->body), i);
        assert_true(packet_ns(packet) == START_REAL_NS + frame->t_ns);
        assert_int_equal(get32(packet->body + 12), frame->len_bytes);
        assert_memory_equal(packet->body + 20, frame->data, frame->len_bytes);
        uint16_t len = 0;
        size_t options_at = 20 + (frame->len_bytes + 3) / 4 * 4;
        const uint8_t *flags =
            option(packet->body + options_at, packet->body + packet->len, 2, 0, &len);
        assert_int_equal(get32(flags), i == 0 ? 2 : 1); /* left here, arrived there */
    }
    assert_null(nth_of_type(&s->file, 6, 2));
}

static void a_segment_that_a_line_asked_for_carries_that_line(void **state)
{
    struct scene *s = *state;
    write_and_split(s);
    assert_string_equal(comment(nth_of_type(&s->file, 6, 0), 0), "plain.case:14 wire client SYN");
    assert_string_equal(comment(nth_of_type(&s->file, 6, 1), 0),
                        "plain.case:14 wire client SYN (as it arrived)");
    assert_string_equal(comment(nth_of_type(&s->file, 6, 0), 1), "");
}

/* Canaries are counted and not kept, so numbers run ahead of the frames that there are. */
static void a_number_beyond_the_count_of_frames_finds_its_segment(void **state)
{
    struct scene *s = *state;
    for (size_t i = 0; i < s->frames.len; i++)
        s->frames.items[i].number += (uint32_t)s->frames.len;
    for (size_t i = 0; i < s->trace.len; i++)
        if (s->trace.events[i].kind == SP_EV_SEG)
            s->trace.events[i].u.seg.frame += (uint32_t)s->frames.len;
    write_and_split(s);
    assert_string_equal(comment(nth_of_type(&s->file, 6, 0), 0), "plain.case:14 wire client SYN");
}

static void the_divergence_and_the_audit_speak_on_their_packet(void **state)
{
    struct scene *s = *state;
    write_and_split(s);
    assert_string_equal(comment(nth_of_type(&s->file, 6, 1), 1),
                        "FAILED plain.case:14: expected silence, seen SYN");
    assert_string_equal(comment(nth_of_type(&s->file, 6, 1), 2),
                        "no-cause (RFC9293:3.10): nothing asked");
}

static void calls_and_states_are_rows_between_packets_in_order_of_time(void **state)
{
    static const uint32_t order[] = {0x0A0D0D0A, 1, 1, 9, 6, 9, 6, 9, 9};
    struct scene *s = *state;
    write_and_split(s);
    assert_int_equal(s->file.count, sizeof order / sizeof *order);
    for (size_t i = 0; i < s->file.count; i++)
        assert_int_equal(s->file.blocks[i].type, order[i]);
    const struct block *rows = s->file.blocks;
    assert_true(journal_has(&rows[3], "MESSAGE=client recv(10) ..."));
    assert_true(journal_has(&rows[3], "CODE_LINE=16"));
    assert_true(journal_has(&rows[3], "__REALTIME_TIMESTAMP=1767225600123556"));
    assert_true(journal_has(&rows[5], "MESSAGE=server ESTABLISHED -> CLOSE_WAIT"));
    assert_true(journal_has(&rows[8], "MESSAGE=client recv(10) -> -1 ECONNRESET after 8.9ms"));
    assert_true(journal_has(&rows[8], "SOCKPROOF_ENDPOINT=client"));
}

static void a_line_break_in_a_message_takes_the_binary_form(void **state)
{
    static const char wanted[] = "MESSAGE\n\x12\0\0\0\0\0\0\0lab cut: both\nways\n";
    struct scene *s = *state;
    write_and_split(s);
    const struct block *row = &s->file.blocks[7];
    bool found = false;
    for (size_t i = 0; i + sizeof wanted - 1 <= row->len; i++)
        found |= memcmp(row->body + i, wanted, sizeof wanted - 1) == 0;
    assert_true(found);
}

static void a_call_that_never_ended_stands_last(void **state)
{
    struct scene *s = *state;
    add_call(s, 9500000, -1, NULL);
    s->trace.events[s->trace.len - 1].u.call.how = SP_CALL_PENDING;
    /* The array may have moved; this test needs the order of rows alone. */
    assert_int_equal(sp_pcapng_write(&s->plan, &s->trace, &s->frames, NULL, &s->file.bytes, NULL),
                     SP_OK);
    split(&s->file);
    const struct block *last = &s->file.blocks[s->file.count - 1];
    assert_true(journal_has(last, "MESSAGE=client recv(10) -> pending"));
    assert_true(journal_has(last, "SOCKPROOF_TIME_NS=9500000"));
}

static void a_frame_cut_short_or_unknown_to_the_trace_is_kept(void **state)
{
    struct scene *s = *state;
    s->frames.items[0].number = UINT32_MAX;
    s->frames.items[1].len_bytes = 21;
    assert_int_equal(sp_pcapng_write(NULL, &s->trace, &s->frames, NULL, &s->file.bytes, NULL),
                     SP_OK);
    split(&s->file);
    assert_string_equal(comment(nth_of_type(&s->file, 6, 0), 0), "");
    const struct block *cut = nth_of_type(&s->file, 6, 1);
    assert_int_equal(get32(cut->body + 12), 21);
    assert_int_equal(get32(cut->body + 16), s->frames.items[1].wire_len_bytes);
}

static void a_capture_beyond_the_buffers_maximum_is_refused(void **state)
{
    struct scene *s = *state;
    struct sp_buf small;
    sp_buf_init(&small, 300);
    assert_int_equal(sp_pcapng_write(&s->plan, &s->trace, &s->frames, &s->judgement, &small, NULL),
                     SP_E_LIMIT);
    sp_buf_release(&small);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(the_section_names_us_and_each_end_has_an_interface),
        TEST(loopback_has_one_interface),
        TEST(packets_keep_their_bytes_and_their_nanoseconds),
        TEST(a_segment_that_a_line_asked_for_carries_that_line),
        TEST(a_number_beyond_the_count_of_frames_finds_its_segment),
        TEST(the_divergence_and_the_audit_speak_on_their_packet),
        TEST(calls_and_states_are_rows_between_packets_in_order_of_time),
        TEST(a_line_break_in_a_message_takes_the_binary_form),
        TEST(a_call_that_never_ended_stands_last),
        TEST(a_frame_cut_short_or_unknown_to_the_trace_is_kept),
        TEST(a_capture_beyond_the_buffers_maximum_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
