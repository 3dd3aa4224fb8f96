/* The JSON form: every field of every kind comes back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "clock.h"
#include "trace.h"
#include "trace_fixture.h"

static void assert_text(const char *a, const char *b)
{
    assert_int_equal(a == NULL, b == NULL);
    if (a)
        assert_string_equal(a, b);
}

static void assert_addr(const struct sp_addr *a, const struct sp_addr *b)
{
    assert_memory_equal(a->ip, b->ip, sizeof a->ip);
    assert_true(sp_addr_same(a, b));
}

static void assert_same_call(const struct sp_ev_call *a, const struct sp_ev_call *b)
{
    assert_text(a->sock, b->sock);
    assert_text(a->name, b->name);
    assert_text(a->args, b->args);
    assert_int_equal(a->how, b->how);
    assert_true(a->value == b->value);
    assert_text(a->error, b->error);
    assert_text(a->native, b->native);
    assert_int_equal(a->signal, b->signal);
    assert_true(a->first_bad == b->first_bad);
    assert_true(a->stream_from == b->stream_from);
    assert_true(a->kept_waiting_ns == b->kept_waiting_ns);
    assert_text(a->out, b->out);
    assert_addr(&a->local, &b->local);
    assert_addr(&a->remote, &b->remote);
}

static void assert_same_seg(const struct sp_ev_seg *a, const struct sp_ev_seg *b)
{
    const struct sp_seg *s = &a->seg;
    const struct sp_seg *t = &b->seg;
    assert_int_equal(a->point, b->point);
    assert_int_equal(a->frame, b->frame);
    assert_text(a->malformed, b->malformed);
    assert_int_equal(s->kind, t->kind);
    assert_addr(&s->src, &t->src);
    assert_addr(&s->dst, &t->dst);
    assert_int_equal(s->ttl, t->ttl);
    assert_int_equal(s->tos, t->tos);
    assert_int_equal(s->ip_id, t->ip_id);
    assert_int_equal(s->ip_df, t->ip_df);
    assert_int_equal(s->ip_opt_len, t->ip_opt_len);
    assert_memory_equal(s->ip_opt, t->ip_opt, sizeof s->ip_opt);
    assert_int_equal(s->seq, t->seq);
    assert_int_equal(s->ack, t->ack);
    assert_int_equal(s->flags, t->flags);
    assert_int_equal(s->window, t->window);
    assert_int_equal(s->urgent, t->urgent);
    assert_int_equal(s->checksum, t->checksum);
    assert_int_equal(s->ip_checksum_ok, t->ip_checksum_ok);
    assert_int_equal(s->checksum_ok, t->checksum_ok);
    assert_int_equal(s->opt_len, t->opt_len);
    assert_memory_equal(s->opt, t->opt, sizeof s->opt);
    assert_int_equal(s->payload_len, t->payload_len);
    assert_true(s->payload_hash == t->payload_hash);
    assert_memory_equal(s->payload_head, t->payload_head, sizeof s->payload_head);
    assert_int_equal(s->icmp_type, t->icmp_type);
    assert_int_equal(s->icmp_code, t->icmp_code);
    assert_int_equal(s->icmp_mtu, t->icmp_mtu);
    assert_addr(&s->quoted_src, &t->quoted_src);
    assert_addr(&s->quoted_dst, &t->quoted_dst);
    assert_int_equal(s->quoted_seq, t->quoted_seq);
}

static void assert_same_state(const struct sp_ev_state *a, const struct sp_ev_state *b)
{
    assert_int_equal(a->source, b->source);
    assert_int_equal(a->old_state, b->old_state);
    assert_int_equal(a->new_state, b->new_state);
    assert_addr(&a->local, &b->local);
    assert_addr(&a->remote, &b->remote);
    assert_true(a->sock_id == b->sock_id);
    assert_true(a->not_before_ns == b->not_before_ns);
    assert_true(a->recv_queue == b->recv_queue);
    assert_true(a->send_queue == b->send_queue);
    assert_int_equal(a->timer, b->timer);
    assert_true(a->timer_ms == b->timer_ms);
}

static void assert_same_event(const struct sp_event *a, const struct sp_event *b)
{
    assert_int_equal(a->kind, b->kind);
    assert_int_equal(a->end, b->end);
    assert_int_equal(a->order, b->order);
    assert_int_equal(a->stmt, b->stmt);
    assert_true(a->t_ns == b->t_ns);
    assert_true(a->t_end_ns == b->t_end_ns);
    switch (a->kind) {
    case SP_EV_CALL:
        assert_same_call(&a->u.call, &b->u.call);
        return;
    case SP_EV_SEG:
        assert_same_seg(&a->u.seg, &b->u.seg);
        return;
    case SP_EV_STATE:
        assert_same_state(&a->u.state, &b->u.state);
        return;
    case SP_EV_NOTE:
        assert_text(a->u.note.what, b->u.note.what);
        assert_text(a->u.note.detail, b->u.note.detail);
        assert_addr(&a->u.note.local, &b->u.note.local);
        assert_addr(&a->u.note.remote, &b->u.note.remote);
        assert_true(a->u.note.sock_id == b->u.note.sock_id);
        return;
    case SP_EV_LAB:
        assert_text(a->u.lab.action, b->u.lab.action);
        assert_text(a->u.lab.detail, b->u.lab.detail);
        assert_int_equal(a->u.lab.frame, b->u.lab.frame);
        assert_int_equal(a->u.lab.copies, b->u.lab.copies);
        assert_true(a->u.lab.was == b->u.lab.was && a->u.lab.now == b->u.lab.now);
        return;
    case SP_EV_PROC:
        assert_int_equal(a->u.proc.what, b->u.proc.what);
        assert_true(a->u.proc.pid == b->u.proc.pid);
        assert_int_equal(a->u.proc.code, b->u.proc.code);
        return;
    case SP_EV_MARK:
        assert_int_equal(a->u.mark.what, b->u.mark.what);
        assert_text(a->u.mark.text, b->u.mark.text);
        return;
    case SP_EV_KIND_COUNT:
        break;
    }
    fail();
}

static void assert_same_head(const struct sp_trace_head *a, const struct sp_trace_head *b)
{
    assert_text(a->case_id, b->case_id);
    assert_text(a->case_hash, b->case_hash);
    assert_text(a->plan_hash, b->plan_hash);
    assert_text(a->build, b->build);
    assert_text(a->lab, b->lab);
    assert_int_equal(a->family, b->family);
    assert_true(a->start_mono_ns == b->start_mono_ns);
    assert_true(a->start_real_ns == b->start_real_ns);
    assert_int_equal(a->hz, b->hz);
    assert_int_equal(a->wire, b->wire);
    assert_int_equal(a->states, b->states);
    for (int i = 0; i < SP_END_COUNT; i++) {
        assert_addr(&a->addr[i], &b->addr[i]);
        assert_addr(&a->second[i], &b->second[i]);
        assert_text(a->api[i].name, b->api[i].name);
        assert_text(a->api[i].version, b->api[i].version);
        assert_text(a->tcp[i].name, b->tcp[i].name);
        assert_text(a->tcp[i].version, b->tcp[i].version);
    }
    assert_int_equal(a->pin_count, b->pin_count);
    for (size_t i = 0; i < a->pin_count; i++) {
        assert_text(a->pins[i].name, b->pins[i].name);
        assert_text(a->pins[i].value, b->pins[i].value);
    }
}

static void assert_comes_back(const struct sp_trace *trace)
{
    struct sp_trace back;
    struct sp_buf json;
    struct sp_buf again;
    struct sp_err err = {0};
    sp_buf_init(&json, 0);
    sp_buf_init(&again, 0);
    assert_int_equal(sp_trace_write(trace, &json, NULL), SP_OK);
    if (sp_trace_read(json.data, json.len, &back, &err) != SP_OK)
        fail_msg("%s in\n%s", err.text, json.data);
    assert_same_head(&trace->head, &back.head);
    assert_int_equal(trace->len, back.len);
    for (size_t i = 0; i < trace->len; i++)
        assert_same_event(&trace->events[i], &back.events[i]);
    assert_int_equal(sp_trace_write(&back, &again, NULL), SP_OK);
    assert_string_equal(json.data, again.data);
    sp_buf_release(&json);
    sp_buf_release(&again);
    sp_trace_release(&back);
}

static void every_field_of_every_kind_comes_back(void **state)
{
    (void)state;
    struct sp_trace trace;
    fill(&trace);
    assert_comes_back(&trace);
    sp_trace_release(&trace);
}

static void events_as_they_are_added_come_back(void **state)
{
    (void)state;
    struct sp_trace trace;
    sp_trace_init(&trace);
    for (int kind = 0; kind < SP_EV_KIND_COUNT; kind++)
        sp_trace_add(&trace, (enum sp_ev_kind)kind, 10 * kind - 20);
    assert_comes_back(&trace);
    sp_trace_release(&trace);
}

static void extreme_numbers_come_back(void **state)
{
    (void)state;
    struct sp_trace trace;
    sp_trace_init(&trace);
    struct sp_event *event = sp_trace_add(&trace, SP_EV_CALL, INT64_MIN);
    event->u.call.value = INT64_MAX;
    event->u.call.signal = INT32_MIN;
    event->order = UINT32_MAX;
    event->stmt = UINT32_MAX;
    event->t_end_ns = INT64_MAX;
    assert_comes_back(&trace);
    sp_trace_release(&trace);
}

static void every_word_of_every_enum_comes_back(void **state)
{
    (void)state;
    struct sp_trace trace;
    sp_trace_init(&trace);
    for (int i = 0; i < SP_END_COUNT; i++)
        sp_trace_add(&trace, SP_EV_LAB, 0)->end = (enum sp_end)i;
    for (int i = 0; i < SP_POINT_COUNT; i++)
        sp_trace_add(&trace, SP_EV_SEG, 0)->u.seg.point = (enum sp_point)i;
    for (int i = 0; i < SP_TCP_STATE_COUNT; i++)
        sp_trace_add(&trace, SP_EV_STATE, 0)->u.state.new_state = (enum sp_tcp_state)i;
    for (int i = 0; i <= SP_STATE_TABLE; i++)
        sp_trace_add(&trace, SP_EV_STATE, 0)->u.state.source = (enum sp_state_source)i;
    for (int i = 0; i <= SP_CALL_PENDING; i++)
        sp_trace_add(&trace, SP_EV_CALL, 0)->u.call.how = (enum sp_call_how)i;
    for (int i = 0; i <= SP_PROC_OUTLIVED; i++)
        sp_trace_add(&trace, SP_EV_PROC, 0)->u.proc.what = (enum sp_proc_what)i;
    for (int i = 0; i <= SP_MARK_DEADLINE; i++)
        sp_trace_add(&trace, SP_EV_MARK, 0)->u.mark.what = (enum sp_mark_what)i;
    assert_comes_back(&trace);
    sp_trace_release(&trace);
}

static void an_event_is_one_line_of_readable_fields(void **state)
{
    (void)state;
    struct sp_trace trace;
    struct sp_buf json;
    fill(&trace);
    sp_buf_init(&json, 0);
    assert_int_equal(sp_trace_write(&trace, &json, NULL), SP_OK);
    assert_non_null(strstr(json.data,
                           "\n{\"kind\":\"state\",\"end\":\"server\",\"order\":3,\"stmt\":7,"
                           "\"t_ns\":3000,\"t_end_ns\":3055,\"source\":\"diag\","
                           "\"old\":\"SYN_RECEIVED\",\"new\":\"TIME_WAIT\","
                           "\"local\":\"10.0.0.2:80\",\"remote\":\"10.0.0.1:5000\","
                           "\"sock_id\":\"ffff888012345678\",\"not_before_ns\":2900,"
                           "\"recv_queue\":5,\"send_queue\":6,\"timer\":3,\"timer_ms\":59000},\n"));
    assert_non_null(strstr(json.data, "\"flags\":\"SYN,ACK,ECE\",\"seq\":4294967295"));
    assert_non_null(strstr(json.data, "\"options\":\"020405b4\""));
    sp_buf_release(&json);
    sp_trace_release(&trace);
}

static void text_that_is_not_utf8_still_makes_json(void **state)
{
    (void)state;
    struct sp_trace trace;
    struct sp_trace back;
    struct sp_buf json;
    sp_trace_init(&trace);
    sp_trace_add(&trace, SP_EV_NOTE, 0)->u.note.detail = "a\xff\xc0\x80z\xe2\x9c";
    sp_buf_init(&json, 0);
    assert_int_equal(sp_trace_write(&trace, &json, NULL), SP_OK);
    assert_int_equal(sp_trace_read(json.data, json.len, &back, NULL), SP_OK);
    assert_string_equal(back.events[0].u.note.detail,
                        "a\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbdz\xef\xbf\xbd\xef\xbf\xbd");
    sp_trace_release(&back);
    sp_trace_release(&trace);
    sp_buf_release(&json);
}

static void a_full_buffer_and_a_value_without_a_name_are_reported(void **state)
{
    (void)state;
    struct sp_trace trace;
    struct sp_buf json;
    struct sp_err err = {0};
    fill(&trace);
    sp_buf_init(&json, 100);
    assert_int_equal(sp_trace_write(&trace, &json, &err), SP_E_LIMIT);
    sp_buf_release(&json);
    sp_buf_init(&json, 0);
    trace.events[3].u.state.new_state = SP_TCP_STATE_COUNT;
    assert_int_equal(sp_trace_write(&trace, &json, &err), SP_E_USAGE);
    assert_non_null(strstr(err.text, "event 3"));
    sp_buf_release(&json);
    sp_trace_release(&trace);
}

/* A run has some hundred events; measured at 0.2 ms. The bound is loose, so that neither a busy
 * machine nor a sanitizer fails it, and tight enough to catch work that grows with the trace. */
static void writing_a_hundred_events_is_cheap(void **state)
{
    (void)state;
    struct sp_trace trace;
    struct sp_buf json;
    int64_t best_ns = INT64_MAX;
    sp_trace_init(&trace);
    while (trace.len < 100)
        add_segments(&trace);
    sp_buf_init(&json, 0);
    for (int i = 0; i < 20; i++) {
        sp_buf_reset(&json);
        int64_t start_ns = sp_clock_now_ns();
        assert_int_equal(sp_trace_write(&trace, &json, NULL), SP_OK);
        int64_t took_ns = sp_clock_now_ns() - start_ns;
        best_ns = took_ns < best_ns ? took_ns : best_ns;
    }
    print_message("100 events: %lld us, %zu bytes\n", (long long)(best_ns / SP_US), json.len);
    assert_true(best_ns < 5 * SP_MS);
    sp_buf_release(&json);
    sp_trace_release(&trace);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_field_of_every_kind_comes_back),
        cmocka_unit_test(events_as_they_are_added_come_back),
        cmocka_unit_test(extreme_numbers_come_back),
        cmocka_unit_test(every_word_of_every_enum_comes_back),
        cmocka_unit_test(an_event_is_one_line_of_readable_fields),
        cmocka_unit_test(text_that_is_not_utf8_still_makes_json),
        cmocka_unit_test(a_full_buffer_and_a_value_without_a_name_are_reported),
        cmocka_unit_test(writing_a_hundred_events_is_cheap),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
