#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "linux_tcp.h"
#include "witness.h"

static struct sp_addr addr(const char *text)
{
    struct sp_addr out = {0};
    assert_int_equal(sp_addr_parse(text, &out, NULL), SP_OK);
    return out;
}

static void trace_open(struct sp_trace *trace)
{
    sp_trace_init(trace);
    trace->head.start_mono_ns = 5000;
    trace->head.addr[SP_END_CLIENT] = addr("127.9.0.1");
    trace->head.addr[SP_END_SERVER] = addr("127.9.0.2");
}

static void a_state_goes_to_the_end_that_has_its_local_address(void **state)
{
    (void)state;
    struct sp_trace trace;
    trace_open(&trace);
    struct sp_tp_record record = {.mono_ns = 5700,
                                  .what = SP_TP_STATE,
                                  .old_state = SP_TCP_CLOSED,
                                  .new_state = SP_TCP_SYN_SENT,
                                  .sock_id = 42,
                                  .local = addr("127.9.0.1"),
                                  .remote = addr("127.9.0.2:80")};
    sp_tp_record_add(&record, &trace);
    record.local = addr("127.9.0.2:80");
    record.remote = (struct sp_addr){.family = SP_IPV4};
    record.new_state = SP_TCP_LISTEN;
    sp_tp_record_add(&record, &trace);

    assert_int_equal(trace.len, 2);
    const struct sp_event *event = &trace.events[0];
    assert_int_equal(event->kind, SP_EV_STATE);
    assert_int_equal(event->end, SP_END_CLIENT);
    assert_int_equal(event->t_ns, 700);
    assert_int_equal(event->u.state.not_before_ns, 700);
    assert_int_equal(event->u.state.source, SP_STATE_TRACEPOINT);
    assert_int_equal(event->u.state.old_state, SP_TCP_CLOSED);
    assert_int_equal(event->u.state.new_state, SP_TCP_SYN_SENT);
    assert_int_equal(event->u.state.local.port, 0);
    assert_int_equal(event->u.state.remote.port, 80);
    assert_int_equal(event->u.state.sock_id, 42);
    assert_int_equal(event->u.state.recv_queue, -1);
    assert_int_equal(trace.events[1].end, SP_END_SERVER);
    assert_int_equal(trace.events[1].u.state.remote.family, 0);
    sp_trace_release(&trace);
}

static void records_of_other_runs_are_not_appended(void **state)
{
    (void)state;
    struct sp_trace trace;
    trace_open(&trace);
    struct sp_tp_record record = {.what = SP_TP_STATE,
                                  .new_state = SP_TCP_ESTABLISHED,
                                  .local = addr("127.9.0.3:80"),
                                  .remote = addr("127.9.0.1:5")};
    sp_tp_record_add(&record, &trace);
    record.local = addr("0.0.0.0:80");
    sp_tp_record_add(&record, &trace);
    record.local = addr("[::1]:80");
    sp_tp_record_add(&record, &trace);
    assert_int_equal(trace.len, 0);
    sp_trace_release(&trace);
}

static void resets_and_retransmissions_become_notes(void **state)
{
    (void)state;
    struct sp_trace trace;
    trace_open(&trace);
    static const struct {
        enum sp_tp_what what;
        const char *word;
    } rows[] = {{SP_TP_RETRANSMIT, "retransmit"},
                {SP_TP_SEND_RESET, "send-reset"},
                {SP_TP_RECEIVE_RESET, "receive-reset"}};
    for (size_t i = 0; i < 3; i++) {
        struct sp_tp_record record = {.what = (uint8_t)rows[i].what,
                                      .local = addr("127.9.0.1:5"),
                                      .remote = addr("127.9.0.2:6"),
                                      .detail = "state=ESTABLISHED"};
        sp_tp_record_add(&record, &trace);
        assert_int_equal(trace.len, i + 1);
        assert_int_equal(trace.events[i].kind, SP_EV_NOTE);
        assert_int_equal(trace.events[i].end, SP_END_CLIENT);
        assert_string_equal(trace.events[i].u.note.what, rows[i].word);
        assert_string_equal(trace.events[i].u.note.detail, "state=ESTABLISHED");
    }
    sp_trace_release(&trace);
}

static void a_lost_record_marks_drops_in_every_run(void **state)
{
    (void)state;
    struct sp_trace trace;
    trace_open(&trace);
    struct sp_tp_record record = {.mono_ns = 6000, .what = SP_TP_LOST, .reason = 7};
    sp_tp_record_add(&record, &trace);
    assert_int_equal(trace.len, 1);
    assert_int_equal(trace.events[0].kind, SP_EV_MARK);
    assert_int_equal(trace.events[0].u.mark.what, SP_MARK_DROPS);
    assert_string_equal(trace.events[0].u.mark.text, "tracepoints");
    sp_trace_release(&trace);
}

static void mapped_addresses_are_ipv4(void **state)
{
    (void)state;
    static const uint8_t mapped[16] = {[10] = 0xff, [11] = 0xff, 127, 9, 0, 1};
    struct sp_addr got = sp_linux_addr6(mapped, 80);
    struct sp_addr want = addr("127.9.0.1:80");
    assert_true(sp_addr_same(&got, &want));
    static const uint8_t loopback[16] = {[15] = 1};
    got = sp_linux_addr6(loopback, 80);
    assert_int_equal(got.family, SP_IPV6);
}

static void kernel_state_numbers_have_names_of_rfc_9293(void **state)
{
    (void)state;
    assert_int_equal(sp_linux_tcp_state(1), SP_TCP_ESTABLISHED);
    assert_int_equal(sp_linux_tcp_state(6), SP_TCP_TIME_WAIT);
    assert_int_equal(sp_linux_tcp_state(7), SP_TCP_CLOSED);
    assert_int_equal(sp_linux_tcp_state(12), SP_TCP_SYN_RECEIVED);
    assert_int_equal(sp_linux_tcp_state(0), SP_TCP_NONE);
    assert_int_equal(sp_linux_tcp_state(13), SP_TCP_NONE);
    assert_int_equal(sp_linux_tcp_state(-1), SP_TCP_NONE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_state_goes_to_the_end_that_has_its_local_address),
        cmocka_unit_test(records_of_other_runs_are_not_appended),
        cmocka_unit_test(resets_and_retransmissions_become_notes),
        cmocka_unit_test(a_lost_record_marks_drops_in_every_run),
        cmocka_unit_test(mapped_addresses_are_ipv4),
        cmocka_unit_test(kernel_state_numbers_have_names_of_rfc_9293),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
