#include "fixture.h"

#include <poll.h>

static struct sp_diag *open_in(const struct fixture *fixture, enum sp_place place)
{
    struct sp_diag *diag = NULL;
    CHECK_OK(sp_diag_open(&fixture->lab, place, &diag, err));
    return diag;
}

/* One look; returns where its events start. */
static size_t look(struct fixture *fixture, struct sp_diag *diag, bool queues)
{
    size_t from = fixture->trace.len;
    CHECK_OK(sp_diag_look(diag, &fixture->trace, fixture->trace.head.start_mono_ns, queues, err));
    return from;
}

static const struct sp_event *find(const struct fixture *fixture, size_t from, enum sp_end end,
                                   enum sp_tcp_state new_state)
{
    for (size_t i = from; i < fixture->trace.len; i++) {
        const struct sp_event *event = &fixture->trace.events[i];
        if (event->end == end && event->u.state.new_state == new_state)
            return event;
    }
    return NULL;
}

/* Looks until a state shows, at the times that the kernel's timers do not tell: every 1 ms. */
static const struct sp_event *await(struct fixture *fixture, struct sp_diag *diag, enum sp_end end,
                                    enum sp_tcp_state new_state)
{
    size_t from = fixture->trace.len;
    int64_t deadline_ns = fixture_now_ns(fixture) + 5 * SP_S;
    while (fixture_now_ns(fixture) < deadline_ns) {
        (void)look(fixture, diag, false);
        const struct sp_event *event = find(fixture, from, end, new_state);
        if (event)
            return event;
        (void)poll(NULL, 0, 1);
    }
    return NULL;
}

static void both_ends_show_on_loopback_and_only_changes_do(int family)
{
    struct fixture fixture;
    fixture_open(&fixture, SP_LAB_LOOPBACK, family);
    struct sp_diag *diag = open_in(&fixture, SP_PLACE_CLIENT);
    assert_int_equal(look(&fixture, diag, true), 0);
    assert_int_equal(fixture.trace.len, 0);

    struct wired wired = wired_open(&fixture);
    size_t from = look(&fixture, diag, false);
    assert_int_equal(fixture.trace.len, 3);
    const struct sp_event *event = find(&fixture, from, SP_END_SERVER, SP_TCP_LISTEN);
    assert_non_null(event);
    assert_int_equal(event->u.state.source, SP_STATE_DIAG);
    assert_int_equal(event->u.state.old_state, SP_TCP_NONE);
    assert_int_equal(event->u.state.local.port, port_of(wired.listener));
    assert_int_equal(event->u.state.remote.family, 0);
    assert_int_equal(event->u.state.send_queue, 5);
    assert_non_null(find(&fixture, from, SP_END_SERVER, SP_TCP_ESTABLISHED));
    event = find(&fixture, from, SP_END_CLIENT, SP_TCP_ESTABLISHED);
    assert_non_null(event);
    assert_int_equal(event->u.state.local.port, port_of(wired.client));
    assert_true(event->u.state.sock_id != 0);
    assert_true(event->u.state.not_before_ns <= event->t_ns);

    from = look(&fixture, diag, true);
    assert_int_equal(fixture.trace.len, from);
    wired_close(&wired);
    sp_diag_free(diag);
    fixture_close(&fixture);
}

static void both_ends_show_on_loopback_ipv4(void **state)
{
    (void)state;
    both_ends_show_on_loopback_and_only_changes_do(SP_IPV4);
}

static void both_ends_show_on_loopback_ipv6(void **state)
{
    (void)state;
    both_ends_show_on_loopback_and_only_changes_do(SP_IPV6);
}

static void time_wait_shows_with_its_remaining_time(void **state)
{
    (void)state;
    struct fixture fixture;
    fixture_open(&fixture, SP_LAB_VETH, SP_IPV4);
    struct sp_diag *diag = open_in(&fixture, SP_PLACE_CLIENT);
    struct wired wired = wired_open(&fixture);
    size_t from = look(&fixture, diag, false);
    const struct sp_event *event = find(&fixture, from, SP_END_CLIENT, SP_TCP_ESTABLISHED);
    assert_non_null(event);
    uint64_t sock_id = event->u.state.sock_id;
    assert_int_equal(sp_diag_next_look_ns(diag), 0);
    wired_close(&wired);
    event = await(&fixture, diag, SP_END_CLIENT, SP_TCP_TIME_WAIT);
    assert_non_null(event);
    assert_true(event->u.state.sock_id == sock_id); /* the cookie is the socket's own */
    assert_int_equal(event->u.state.timer, 3);
    assert_in_range(event->u.state.timer_ms, 59000, 60000);
    int64_t in_ns = sp_diag_next_look_ns(diag) - sp_clock_now_ns();
    assert_in_range(in_ns, 58 * SP_S, 61 * SP_S);
    sp_diag_free(diag);
    fixture_close(&fixture);
}

/* TCP_DEFER_ACCEPT lets the third ACK by: the request stays half-open until data comes. */
static void half_open_request_shows_as_syn_received(void **state)
{
    (void)state;
    struct fixture fixture;
    fixture_open(&fixture, SP_LAB_VETH, SP_IPV4);
    struct sp_diag *diag = open_in(&fixture, SP_PLACE_SERVER);
    int listener = listen_at(&fixture);
    int seconds = 5;
    assert_int_equal(setsockopt(listener, IPPROTO_TCP, TCP_DEFER_ACCEPT, &seconds, sizeof seconds),
                     0);
    int client = client_socket(&fixture);
    assert_int_equal(connect_to(client, &fixture, port_of(listener)), 0);
    const struct sp_event *event = await(&fixture, diag, SP_END_SERVER, SP_TCP_SYN_RECEIVED);
    assert_non_null(event);
    uint64_t sock_id = event->u.state.sock_id;
    assert_int_equal(event->u.state.local.port, port_of(listener));
    assert_int_equal(event->u.state.remote.port, port_of(client));
    assert_true(event->u.state.timer > 0);
    int64_t in_ns = sp_diag_next_look_ns(diag) - sp_clock_now_ns();
    assert_in_range(in_ns, 1, 5 * SP_S);

    assert_int_equal(send(client, "x", 1, 0), 1);
    event = await(&fixture, diag, SP_END_SERVER, SP_TCP_ESTABLISHED);
    assert_non_null(event);
    assert_true(event->u.state.sock_id == sock_id);
    assert_int_equal(event->u.state.old_state, SP_TCP_SYN_RECEIVED);
    close(client);
    close(listener);
    sp_diag_free(diag);
    fixture_close(&fixture);
}

static void queues_are_told_where_asked_for(void **state)
{
    (void)state;
    struct fixture fixture;
    fixture_open(&fixture, SP_LAB_LOOPBACK, SP_IPV4);
    struct sp_diag *diag = open_in(&fixture, SP_PLACE_CLIENT);
    struct wired wired = wired_open(&fixture);
    (void)look(&fixture, diag, true);
    assert_int_equal(send(wired.client, "hello", 5, 0), 5);
    size_t from = look(&fixture, diag, true);
    const struct sp_event *event = find(&fixture, from, SP_END_SERVER, SP_TCP_ESTABLISHED);
    assert_non_null(event);
    assert_int_equal(event->u.state.old_state, SP_TCP_ESTABLISHED);
    assert_int_equal(event->u.state.recv_queue, 5);
    assert_int_equal(send(wired.client, "hello", 5, 0), 5);
    from = look(&fixture, diag, false);
    assert_int_equal(fixture.trace.len, from);
    from = look(&fixture, diag, true); /* a look that was not asked for them has not eaten it */
    event = find(&fixture, from, SP_END_SERVER, SP_TCP_ESTABLISHED);
    assert_non_null(event);
    assert_int_equal(event->u.state.recv_queue, 10);
    wired_close(&wired);
    sp_diag_free(diag);
    fixture_close(&fixture);
}

static void a_socket_that_is_gone_is_reported_once(void **state)
{
    (void)state;
    struct fixture fixture;
    fixture_open(&fixture, SP_LAB_LOOPBACK, SP_IPV4);
    struct sp_diag *diag = open_in(&fixture, SP_PLACE_CLIENT);
    int listener = listen_at(&fixture);
    (void)look(&fixture, diag, false);
    int64_t between_ns = fixture_now_ns(&fixture);
    close(listener);
    size_t from = look(&fixture, diag, false);
    const struct sp_event *event = find(&fixture, from, SP_END_SERVER, SP_TCP_NONE);
    assert_non_null(event);
    assert_int_equal(event->u.state.old_state, SP_TCP_LISTEN);
    assert_true(event->u.state.not_before_ns <= between_ns);
    assert_true(event->t_ns >= between_ns);
    assert_int_equal(event->u.state.recv_queue, -1);
    from = look(&fixture, diag, false);
    assert_int_equal(fixture.trace.len, from);
    sp_diag_free(diag);
    fixture_close(&fixture);
}

static void wildcard_listener_is_the_places_own_where_a_place_is_one_host(void **state)
{
    (void)state;
    static const struct {
        enum sp_lab_kind kind;
        enum sp_end end;
    } rows[] = {{SP_LAB_VETH, SP_END_SERVER}, {SP_LAB_LOOPBACK, SP_END_NONE}};
    for (size_t i = 0; i < 2; i++) {
        struct fixture fixture;
        fixture_open(&fixture, rows[i].kind, SP_IPV4);
        struct sp_diag *diag = open_in(&fixture, SP_PLACE_SERVER);
        int fd = socket_in(&fixture, SP_PLACE_SERVER, SOCK_STREAM);
        assert_int_equal(listen(fd, 1), 0);
        size_t from = look(&fixture, diag, false);
        assert_int_equal(fixture.trace.len, from + 1);
        assert_int_equal(fixture.trace.events[from].end, rows[i].end);
        assert_int_equal(fixture.trace.events[from].u.state.local.port, port_of(fd));
        close(fd);
        sp_diag_free(diag);
        fixture_close(&fixture);
    }
}

static void orphan_in_fin_wait_2_is_watched_to_its_end(void **state)
{
    (void)state;
    struct fixture fixture;
    fixture_open(&fixture, SP_LAB_VETH, SP_IPV4);
    CHECK_OK(sp_lab_sysctl(&fixture.lab, SP_PLACE_CLIENT, "net.ipv4.tcp_fin_timeout", "1", err));
    struct sp_diag *diag = open_in(&fixture, SP_PLACE_CLIENT);
    struct wired wired = wired_open(&fixture);
    /* Not the look that first showed it: a busy machine looks late, and the timer does not know. */
    int64_t before_ns = sp_clock_now_ns() - fixture.trace.head.start_mono_ns;
    close(wired.client);
    const struct sp_event *event = await(&fixture, diag, SP_END_CLIENT, SP_TCP_FIN_WAIT_2);
    assert_non_null(event);
    size_t from = fixture.trace.len;
    unsigned looks = 0;
    int64_t next_ns;
    while ((next_ns = sp_diag_next_look_ns(diag)) != 0) {
        int64_t wait_ms = (next_ns - sp_clock_now_ns()) / SP_MS + 1;
        (void)poll(NULL, 0, wait_ms > 0 ? (int)wait_ms : 0);
        (void)look(&fixture, diag, false);
        assert_true(++looks < 1000);
    }
    event = find(&fixture, from, SP_END_CLIENT, SP_TCP_NONE);
    assert_non_null(event);
    assert_int_equal(event->u.state.old_state, SP_TCP_FIN_WAIT_2);
    assert_true(event->t_ns - before_ns >= 1000 * SP_MS);
    assert_true(event->u.state.not_before_ns >= before_ns);
    close(wired.server);
    close(wired.listener);
    sp_diag_free(diag);
    fixture_close(&fixture);
}

int main(void)
{
    fixture_process_init();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_ends_show_on_loopback_ipv4),
        cmocka_unit_test(both_ends_show_on_loopback_ipv6),
        cmocka_unit_test(time_wait_shows_with_its_remaining_time),
        cmocka_unit_test(half_open_request_shows_as_syn_received),
        cmocka_unit_test(queues_are_told_where_asked_for),
        cmocka_unit_test(a_socket_that_is_gone_is_reported_once),
        cmocka_unit_test(wildcard_listener_is_the_places_own_where_a_place_is_one_host),
        cmocka_unit_test(orphan_in_fin_wait_2_is_watched_to_its_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
