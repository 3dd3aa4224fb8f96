/*
 * A trace in which every field of every kind of event holds something of its own, for the tests of
 * its JSON form.
 */
#ifndef SP_TRACE_FIXTURE_H
#define SP_TRACE_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "trace.h"

static inline struct sp_addr addr(const char *text)
{
    struct sp_addr parsed;
    assert_int_equal(sp_addr_parse(text, &parsed, NULL), SP_OK);
    return parsed;
}

static inline void fill_head(struct sp_trace *trace)
{
    struct sp_trace_head *head = &trace->head;
    static struct sp_trace_pin pins[] = {{"net.ipv4.tcp_sack", "1"}, {"net.ipv4.tcp_ecn", "0"}};
    head->case_id = "linger/zero-resets";
    head->case_hash = "c0ffee";
    head->plan_hash = "beef";
    head->build = "0.1.0";
    head->lab = "veth";
    head->family = SP_IPV6;
    head->start_mono_ns = 123456789012345;
    head->start_real_ns = 1700000000123456789;
    head->hz = 250;
    head->virtual_clock = true;
    head->wire = SP_WATCH_FULL;
    head->states = SP_WATCH_POLLED;
    head->addr[SP_END_CLIENT] = addr("fd00::1");
    head->addr[SP_END_SERVER] = addr("fd00::2");
    head->second[SP_END_SERVER] = addr("fd00::3");
    head->api[SP_END_CLIENT] = (struct sp_stack_id){"wine", "8.0"};
    head->tcp[SP_END_CLIENT] = (struct sp_stack_id){"linux", "6.18.44"};
    head->api[SP_END_SERVER] = (struct sp_stack_id){"gvisor", NULL};
    head->pins = pins;
    head->pin_count = 2;
}

static inline void common(struct sp_event *event, enum sp_end end)
{
    event->end = end;
    event->stmt = 7;
    event->t_end_ns = event->t_ns + 55;
}

static inline void add_call(struct sp_trace *trace)
{
    struct sp_event *event = sp_trace_add(trace, SP_EV_CALL, 1000);
    common(event, SP_END_CLIENT);
    event->u.call = (struct sp_ev_call){
        .sock = "conn",
        .name = "recv",
        .args = "len=100 \"quoted\" \\ \t\x01 \xc3\xa9",
        .how = SP_CALL_KILLED,
        .value = -1,
        .error = "ECONNRESET",
        .native = "WSAECONNRESET",
        .signal = 13,
        .first_bad = 12,
        .stream_from = 4096,
        .kept_waiting_ns = 206000000,
        .out = "IN|HUP",
        .local = addr("10.0.0.1:5000"),
        .remote = addr("[fd00::2]:80"),
    };
}

static inline void add_segments(struct sp_trace *trace)
{
    struct sp_event *event = sp_trace_add(trace, SP_EV_SEG, 2000);
    common(event, SP_END_SERVER);
    event->u.seg = (struct sp_ev_seg){
        .point = SP_AT_BOX_SERVER,
        .frame = 9,
        .seg = {.kind = SP_SEG_TCP,
                .src = addr("10.0.0.1:5000"),
                .dst = addr("10.0.0.2:80"),
                .ttl = 63,
                .tos = 2,
                .ip_id = 999,
                .ip_df = true,
                .ip_opt_len = 4,
                .ip_opt = {0x5e, 4, 1, 2},
                .seq = 0xffffffff,
                .ack = 0x80000000,
                .flags = SP_SYN | SP_ACK | SP_ECE,
                .window = 65535,
                .urgent = 3,
                .checksum = 0xabcd,
                .ip_checksum_ok = true,
                .checksum_ok = false,
                .opt_len = 4,
                .opt = {2, 4, 5, 0xb4},
                .payload_len = 3,
                .payload_hash = 0xf123456789abcdef,
                .payload_head = {0, 0x7f, 0xff}},
    };
    event = sp_trace_add(trace, SP_EV_SEG, 2500);
    common(event, SP_END_NONE);
    event->u.seg = (struct sp_ev_seg){
        .point = SP_AT_LO,
        .frame = 10,
        .seg = {.kind = SP_SEG_ICMP,
                .src = addr("10.0.0.9"),
                .dst = addr("10.0.0.1"),
                .ip_checksum_ok = false,
                .checksum_ok = true,
                .icmp_type = 3,
                .icmp_code = 4,
                .icmp_mtu = 1280,
                .quoted_src = addr("10.0.0.1:5000"),
                .quoted_dst = addr("10.0.0.2:80"),
                .quoted_seq = 42},
        .malformed = "cut short in the TCP header: 3 bytes of 20",
    };
}

static inline void add_others(struct sp_trace *trace)
{
    struct sp_event *event = sp_trace_add(trace, SP_EV_STATE, 3000);
    common(event, SP_END_SERVER);
    event->u.state = (struct sp_ev_state){
        .source = SP_STATE_DIAG,
        .old_state = SP_TCP_SYN_RECEIVED,
        .new_state = SP_TCP_TIME_WAIT,
        .local = addr("10.0.0.2:80"),
        .remote = addr("10.0.0.1:5000"),
        .sock_id = 0xffff888012345678,
        .not_before_ns = 2900,
        .recv_queue = 5,
        .send_queue = 6,
        .timer = 3,
        .timer_ms = 59000,
    };
    event = sp_trace_add(trace, SP_EV_NOTE, 4000);
    common(event, SP_END_PEER);
    event->u.note = (struct sp_ev_note){
        .what = "drop",
        .detail = "NO_SOCKET",
        .local = addr("10.0.0.2:80"),
        .remote = addr("10.0.0.1:5000"),
        .sock_id = 1,
    };
    event = sp_trace_add(trace, SP_EV_LAB, 5000);
    common(event, SP_END_MIDDLE);
    event->u.lab = (struct sp_ev_lab){.action = "cut",
                                      .detail = "carrier \xe2\x9c\x93",
                                      .frame = 7,
                                      .copies = 2,
                                      .was = 0xfedcba9876543210u,
                                      .now = 1};
    event = sp_trace_add(trace, SP_EV_PROC, 6000);
    common(event, SP_END_CLIENT);
    event->u.proc = (struct sp_ev_proc){.what = SP_PROC_KILLED, .pid = 4194304, .code = 9};
    event = sp_trace_add(trace, SP_EV_MARK, 7000);
    common(event, SP_END_CLIENT);
    event->u.mark = (struct sp_ev_mark){.what = SP_MARK_DEADLINE, .text = "line 12"};
    event->t_end_ns = -1;
}

static inline void fill(struct sp_trace *trace)
{
    sp_trace_init(trace);
    fill_head(trace);
    add_call(trace);
    add_segments(trace);
    add_others(trace);
}

#endif
