#include "fixture.h"

#include <errno.h>
#include <net/if.h>
#include <netpacket/packet.h>
#include <poll.h>

static struct sp_capture *open_at(const struct fixture *fixture, unsigned link, enum sp_point point)
{
    struct sp_capture *capture = NULL;
    assert_true(link < fixture->lab.link_count);
    CHECK_OK(
        sp_capture_open(&fixture->lab, &fixture->lab.links[link], point, 100000, &capture, err));
    return capture;
}

static void drain(struct fixture *fixture, struct sp_capture *capture)
{
    CHECK_OK(sp_capture_drain(capture, &fixture->trace, &fixture->frames,
                              sp_clock_realtime_offset_ns(NULL), err));
}

/* Drains until a segment with all these flags from that end is in the trace. */
static const struct sp_event *await_segment(struct fixture *fixture, struct sp_capture *capture,
                                            enum sp_end end, uint8_t flags)
{
    size_t at = 0;
    for (;;) {
        drain(fixture, capture);
        for (; at < fixture->trace.len; at++) {
            const struct sp_event *event = &fixture->trace.events[at];
            if (event->end == end && (event->u.seg.seg.flags & flags) == flags)
                return event;
        }
        struct pollfd ready = {.fd = sp_capture_fd(capture), .events = POLLIN};
        assert_true(poll(&ready, 1, 5000) > 0);
    }
}

static void expect_segment(const struct sp_trace *trace, size_t at, enum sp_end end,
                           const char *flags, uint32_t payload_len)
{
    assert_true(at < trace->len);
    const struct sp_event *event = &trace->events[at];
    char seen[64];
    sp_tcp_flags_print(event->u.seg.seg.flags, seen, sizeof seen);
    assert_int_equal(event->kind, SP_EV_SEG);
    assert_string_equal(seen, flags);
    assert_int_equal(event->end, end);
    assert_int_equal(event->u.seg.seg.payload_len, payload_len);
    assert_null(event->u.seg.malformed);
}

static void lo_shows_each_segment_once(int family)
{
    struct fixture fixture;
    fixture_open(&fixture, SP_LAB_LOOPBACK, family);
    struct sp_capture *capture = open_at(&fixture, 0, SP_AT_LO);
    struct wired wired = wired_open(&fixture);
    assert_int_equal(send(wired.client, "hello", 5, 0), 5);
    wired_close(&wired);
    drain(&fixture, capture);

    expect_segment(&fixture.trace, 0, SP_END_CLIENT, "SYN", 0);
    expect_segment(&fixture.trace, 1, SP_END_SERVER, "SYN,ACK", 0);
    expect_segment(&fixture.trace, 2, SP_END_CLIENT, "ACK", 0);
    expect_segment(&fixture.trace, 3, SP_END_CLIENT, "PSH,ACK", 5);
    assert_int_equal(fixture.frames.len, fixture.trace.len);
    for (size_t i = 0; i < fixture.trace.len; i++) {
        const struct sp_ev_seg *seg = &fixture.trace.events[i].u.seg;
        assert_true(seg->seg.checksum_ok);
        assert_int_equal(seg->point, SP_AT_LO);
        assert_int_equal(seg->frame, i + 1);
        assert_int_equal(fixture.frames.items[i].number, i + 1);
        assert_int_equal(fixture.frames.items[i].t_ns, fixture.trace.events[i].t_ns);
    }
    const struct sp_capture_frame *data = &fixture.frames.items[3];
    assert_memory_equal(data->data + data->len_bytes - 5, "hello", 5);
    uint32_t drops = 99;
    CHECK_OK(sp_capture_drops(capture, &drops, err));
    assert_int_equal(drops, 0);
    sp_capture_free(capture);
    fixture_close(&fixture);
}

static void lo_shows_each_segment_once_and_right_ipv4(void **state)
{
    (void)state;
    lo_shows_each_segment_once(SP_IPV4);
}

static void lo_shows_each_segment_once_and_right_ipv6(void **state)
{
    (void)state;
    lo_shows_each_segment_once(SP_IPV6);
}

static void capture_times_lie_between_the_calls_that_caused_them(void **state)
{
    (void)state;
    struct fixture fixture;
    fixture_open(&fixture, SP_LAB_LOOPBACK, SP_IPV4);
    struct sp_capture *capture = open_at(&fixture, 0, SP_AT_LO);
    int64_t before_ns = fixture_now_ns(&fixture);
    struct wired wired = wired_open(&fixture);
    int64_t after_ns = fixture_now_ns(&fixture);
    drain(&fixture, capture);
    assert_true(fixture.trace.len >= 3);
    for (size_t i = 0; i < 3; i++) {
        int64_t t_ns = fixture.trace.events[i].t_ns;
        assert_in_range(t_ns, before_ns - SP_MS, after_ns + SP_MS);
    }
    wired_close(&wired);
    sp_capture_free(capture);
    fixture_close(&fixture);
}

static void veth_shows_each_segment_on_both_sides_with_whole_checksums(void **state)
{
    (void)state;
    struct fixture fixture;
    fixture_open(&fixture, SP_LAB_VETH, SP_IPV4);
    struct sp_capture *near = open_at(&fixture, 0, SP_AT_CLIENT);
    struct sp_capture *far = open_at(&fixture, 1, SP_AT_SERVER);
    struct wired wired = wired_open(&fixture);
    assert_int_equal(send(wired.client, "hello", 5, 0), 5);
    wired_close(&wired);
    (void)await_segment(&fixture, near, SP_END_SERVER, SP_FIN);
    size_t each = fixture.trace.len;
    while (fixture.trace.len < 2 * each) {
        struct pollfd ready = {.fd = sp_capture_fd(far), .events = POLLIN};
        assert_true(poll(&ready, 1, 5000) > 0);
        drain(&fixture, far);
    }
    for (size_t i = 0; i < each; i++) {
        const struct sp_event *here = &fixture.trace.events[i];
        const struct sp_event *there = &fixture.trace.events[each + i];
        assert_int_equal(here->u.seg.point, SP_AT_CLIENT);
        assert_int_equal(there->u.seg.point, SP_AT_SERVER);
        assert_int_equal(here->u.seg.seg.flags, there->u.seg.seg.flags);
        assert_int_equal(here->u.seg.seg.seq, there->u.seg.seg.seq);
        assert_true(here->u.seg.seg.checksum_ok);
        assert_true(there->u.seg.seg.checksum_ok);
    }
    sp_capture_free(near);
    sp_capture_free(far);
    fixture_close(&fixture);
}

/* Puts a frame on lo as it is, past the stack. */
static void inject(const struct fixture *fixture, const struct sp_buf *frame)
{
    CHECK_OK(sp_lab_enter(&fixture->lab, SP_PLACE_CLIENT, err));
    int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
    CHECK_OK(sp_lab_leave(&fixture->lab, err));
    assert_true(fd >= 0);
    struct sockaddr_ll to = {
        .sll_family = AF_PACKET, .sll_ifindex = fixture->lab.links[0].ifindex, .sll_halen = 6};
    ssize_t sent = sendto(fd, frame->data, frame->len, 0, (struct sockaddr *)&to, sizeof to);
    assert_int_equal(sent, frame->len);
    close(fd);
}

static void inject_fault(const struct fixture *fixture, const struct sp_build_fault *fault)
{
    static const uint8_t mac[6] = {0};
    struct sp_seg seg = {.src = fixture->trace.head.addr[SP_END_CLIENT],
                         .dst = fixture->trace.head.addr[SP_END_SERVER],
                         .ttl = 64,
                         .seq = 1000,
                         .flags = SP_RST};
    seg.src.port = 1111;
    seg.dst.port = 2222;
    struct sp_buf frame;
    sp_buf_init(&frame, 0);
    CHECK_OK(sp_wire_build(SP_LINK_ETHERNET, mac, mac, &seg, NULL, fault, &frame, err));
    inject(fixture, &frame);
    sp_buf_release(&frame);
}

/* A RST between ports of nobody. */
static void send_frame(const struct fixture *fixture, struct sp_capture *through)
{
    static const uint8_t mac[6] = {0};
    struct sp_seg seg = {.src = fixture->trace.head.addr[SP_END_CLIENT],
                         .dst = fixture->trace.head.addr[SP_END_SERVER],
                         .ttl = 64,
                         .flags = SP_RST};
    seg.src.port = 1111;
    seg.dst.port = 2222;
    struct sp_buf frame;
    sp_buf_init(&frame, 0);
    CHECK_OK(sp_wire_build(sp_capture_link(through), mac, mac, &seg, NULL, NULL, &frame, err));
    CHECK_OK(sp_capture_send(through, frame.data, frame.len, err));
    sp_buf_release(&frame);
}

static void what_goes_out_through_a_capture_others_see_and_it_what_comes_back(void **state)
{
    (void)state;
    struct fixture fixture;
    fixture_open(&fixture, SP_LAB_VETH, SP_IPV4);
    struct sp_capture *near = open_at(&fixture, 0, SP_AT_CLIENT);
    struct sp_capture *far = open_at(&fixture, 1, SP_AT_SERVER);
    send_frame(&fixture, near);
    const struct sp_event *event = await_segment(&fixture, far, SP_END_CLIENT, SP_RST);
    assert_int_equal(event->u.seg.point, SP_AT_SERVER);
    size_t seen = fixture.trace.len;
    drain(&fixture, near);
    assert_int_equal(fixture.trace.len, seen);
    sp_capture_free(near);
    sp_capture_free(far);
    fixture_close(&fixture);

    fixture_open(&fixture, SP_LAB_LOOPBACK, SP_IPV4);
    struct sp_capture *lo = open_at(&fixture, 0, SP_AT_LO);
    send_frame(&fixture, lo);
    (void)await_segment(&fixture, lo, SP_END_CLIENT, SP_RST);
    assert_int_equal(fixture.trace.len, 1);
    sp_capture_free(lo);
    fixture_close(&fixture);
}

static void what_a_link_does_not_take_is_an_error_that_says_where(void **state)
{
    (void)state;
    struct fixture fixture;
    static const uint8_t frame[4000];
    struct sp_err refused = {0};
    fixture_open(&fixture, SP_LAB_VETH, SP_IPV4);
    struct sp_capture *near = open_at(&fixture, 0, SP_AT_CLIENT);
    assert_int_equal(sp_capture_send(near, frame, sizeof frame, &refused), SP_E_IO);
    assert_int_equal(refused.os_code, EMSGSIZE);
    assert_non_null(strstr(refused.text, sp_point_name(SP_AT_CLIENT)));
    sp_capture_free(near);
    fixture_close(&fixture);
}

static void wrong_checksum_and_malformed_header_show_on_lo(void **state)
{
    (void)state;
    struct fixture fixture;
    fixture_open(&fixture, SP_LAB_LOOPBACK, SP_IPV4);
    struct sp_capture *capture = open_at(&fixture, 0, SP_AT_LO);
    inject_fault(&fixture, NULL);
    inject_fault(&fixture, &(struct sp_build_fault){.bad_checksum = true});
    inject_fault(&fixture, &(struct sp_build_fault){.data_offset = 15});
    while (fixture.trace.len < 3) {
        struct pollfd ready = {.fd = sp_capture_fd(capture), .events = POLLIN};
        assert_true(poll(&ready, 1, 5000) > 0);
        drain(&fixture, capture);
    }
    assert_true(fixture.trace.events[0].u.seg.seg.checksum_ok);
    assert_null(fixture.trace.events[1].u.seg.malformed);
    assert_false(fixture.trace.events[1].u.seg.seg.checksum_ok);
    assert_non_null(fixture.trace.events[2].u.seg.malformed);
    assert_int_equal(fixture.frames.len, 3);
    sp_capture_free(capture);
    fixture_close(&fixture);
}

static void what_is_not_tcp_of_the_run_is_left_out(void **state)
{
    (void)state;
    struct fixture fixture;
    fixture_open(&fixture, SP_LAB_LOOPBACK, SP_IPV4);
    struct sp_capture *capture = open_at(&fixture, 0, SP_AT_LO);
    int udp = socket_in(&fixture, SP_PLACE_CLIENT, SOCK_DGRAM);
    bind_to(udp, &fixture.trace.head.addr[SP_END_SERVER]);
    assert_int_equal(connect_to(udp, &fixture, port_of(udp)), 0);
    assert_int_equal(send(udp, "x", 1, 0), 1);
    close(udp);
    /* TCP between addresses of nobody here. */
    struct sp_addr server = fixture.trace.head.addr[SP_END_SERVER];
    CHECK_OK(sp_addr_parse("127.0.0.1", &fixture.trace.head.addr[SP_END_SERVER], err));
    int stranger = socket_in(&fixture, SP_PLACE_CLIENT, SOCK_STREAM);
    assert_int_equal(connect_to(stranger, &fixture, 9), -1);
    close(stranger);
    fixture.trace.head.addr[SP_END_SERVER] = server;

    struct wired wired = wired_open(&fixture);
    drain(&fixture, capture);
    expect_segment(&fixture.trace, 0, SP_END_CLIENT, "SYN", 0);
    assert_int_equal(fixture.trace.events[0].u.seg.frame, 1);
    wired_close(&wired);
    sp_capture_free(capture);
    fixture_close(&fixture);
}

static void a_full_ring_is_counted_as_drops(void **state)
{
    (void)state;
    struct fixture fixture;
    fixture_open(&fixture, SP_LAB_LOOPBACK, SP_IPV4);
    struct sp_capture *capture = open_at(&fixture, 0, SP_AT_LO);
    struct wired wired = wired_open(&fixture);
    int one = 1;
    assert_int_equal(setsockopt(wired.client, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one), 0);
    char byte = 'x';
    for (int i = 0; i < 1000; i++) {
        assert_int_equal(send(wired.client, &byte, 1, 0), 1);
        assert_int_equal(recv(wired.server, &byte, 1, MSG_WAITALL), 1);
    }
    uint32_t drops = 0;
    CHECK_OK(sp_capture_drops(capture, &drops, err));
    assert_true(drops > 0);
    wired_close(&wired);
    sp_capture_free(capture);
    fixture_close(&fixture);
}

static void capture_goes_on_after_the_link_was_down(void **state)
{
    (void)state;
    struct fixture fixture;
    fixture_open(&fixture, SP_LAB_VETH, SP_IPV4);
    struct sp_capture *near = open_at(&fixture, 0, SP_AT_CLIENT);
    struct sp_capture *far = open_at(&fixture, 1, SP_AT_SERVER);
    CHECK_OK(sp_lab_carrier(&fixture.lab, SP_PLACE_CLIENT, false, err));
    drain(&fixture, near);
    drain(&fixture, far);
    CHECK_OK(sp_lab_carrier(&fixture.lab, SP_PLACE_CLIENT, true, err));
    struct wired wired = wired_open(&fixture);
    const struct sp_event *event = await_segment(&fixture, near, SP_END_CLIENT, SP_SYN);
    assert_int_equal(event->u.seg.point, SP_AT_CLIENT);
    fixture.trace.len = 0;
    event = await_segment(&fixture, far, SP_END_CLIENT, SP_SYN);
    assert_int_equal(event->u.seg.point, SP_AT_SERVER);
    wired_close(&wired);
    sp_capture_free(near);
    sp_capture_free(far);
    fixture_close(&fixture);
}

int main(void)
{
    fixture_process_init();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lo_shows_each_segment_once_and_right_ipv4),
        cmocka_unit_test(lo_shows_each_segment_once_and_right_ipv6),
        cmocka_unit_test(capture_times_lie_between_the_calls_that_caused_them),
        cmocka_unit_test(veth_shows_each_segment_on_both_sides_with_whole_checksums),
        cmocka_unit_test(what_goes_out_through_a_capture_others_see_and_it_what_comes_back),
        cmocka_unit_test(what_a_link_does_not_take_is_an_error_that_says_where),
        cmocka_unit_test(wrong_checksum_and_malformed_header_show_on_lo),
        cmocka_unit_test(what_is_not_tcp_of_the_run_is_left_out),
        cmocka_unit_test(a_full_ring_is_counted_as_drops),
        cmocka_unit_test(capture_goes_on_after_the_link_was_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
