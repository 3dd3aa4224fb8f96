/* Readiness by select and epoll, signals to calls that wait, sockets with several owners. */
#include <signal.h>

#include "agent_fixture.h"

static void select_prints_the_sets_that_the_socket_is_left_in(void **state)
{
    struct fixture *f = *state;
    connected(f);
    assert_string_equal(ok(f, "select c sets=READ", 0).out, "");
    assert_string_equal(ok(f, "select c sets=EXCEPT|WRITE|READ", 1).out, "WRITE");
    ok(f, "send s len=1", 1);
    assert_string_equal(ok(f, "select c sets=READ|WRITE timeout_ms=5000", 2).out, "READ|WRITE");
    ok(f, "close c", 0);
    fails(f, "select c sets=READ", "EBADF");
}

static void an_edge_is_told_once_and_a_level_every_time(void **state)
{
    struct fixture *f = *state;
    connected(f);
    ok(f, "send c len=10", 10);
    assert_string_equal(ok(f, "epoll s events=IN timeout_ms=5000", 1).out, "IN");
    assert_string_equal(ok(f, "epoll s events=IN", 1).out, "IN");
    assert_string_equal(ok(f, "epoll s events=IN|ET", 1).out, "IN");
    ok(f, "epoll s events=IN|ET", 0);
    ok(f, "send c len=10", 10);
    assert_string_equal(ok(f, "epoll s events=IN|ET timeout_ms=5000", 1).out, "IN");
    assert_string_equal(ok(f, "epoll s events=IN|ONESHOT", 1).out, "IN");
    ok(f, "epoll s events=IN|ONESHOT", 0);
    ok(f, "close s", 0);
    fails(f, "epoll s events=IN", "EBADF");
}

/* Asks for a recv that waits, and interrupts it; returns its reply. */
static struct sp_agent_reply interrupted(struct fixture *f, const char *action, bool answer)
{
    char text[64];
    snprintf(text, sizeof text, "signal what=SIGUSR1 action=%s", action);
    ok(f, text, 0);
    uint32_t id = ask(f, "recv c len=1", true);
    assert_int_equal(next_reply(f).kind, SP_AGENT_ENTERED);
    uint32_t woken = ask(f, "interrupt c call=recv what=SIGUSR1", false);
    uint32_t sent = answer ? ask(f, "send s len=1", false) : 0;
    struct sp_agent_reply reply = {0};
    for (int left = answer ? 3 : 2; left > 0; left--) {
        struct sp_agent_reply next = next_reply(f);
        assert_int_equal(next.kind, SP_AGENT_RETURNED);
        assert_true(next.id == id || next.id == woken || next.id == sent);
        if (next.id == id)
            reply = next;
    }
    return reply;
}

static void a_signal_ends_a_call_that_waits_with_eintr(void **state)
{
    struct fixture *f = *state;
    connected(f);
    struct sp_agent_reply reply = interrupted(f, "catch", false);
    assert_string_equal(reply.error, "EINTR");
    assert_int_equal(reply.sig, SIGUSR1);
    refused(f, "interrupt c call=recv what=SIGUSR1", "no recv is under way");
}

static void a_call_that_is_restarted_tells_of_the_signal_when_it_is_done(void **state)
{
    struct fixture *f = *state;
    connected(f);
    struct sp_agent_reply reply = interrupted(f, "restart", true);
    assert_int_equal(reply.value, 1);
    assert_string_equal(reply.error, "");
    assert_int_equal(reply.sig, SIGUSR1);
}

/* The byte itself is out of band and ends no recv; the signal does. */
static void urgent_data_interrupts_who_receives_where_sigurg_is_caught(void **state)
{
    struct fixture *f = *state;
    connected(f);
    ok(f, "signal what=SIGURG action=catch", 0);
    uint32_t id = ask(f, "recv c len=1", true);
    assert_int_equal(next_reply(f).kind, SP_AGENT_ENTERED);
    uint32_t sent = ask(f, "send s len=1 flags=MSG_OOB", false);
    for (int left = 2; left > 0; left--) {
        struct sp_agent_reply reply = next_reply(f);
        assert_true(reply.id == id || reply.id == sent);
        if (reply.id == sent)
            continue;
        assert_string_equal(reply.error, "EINTR");
        assert_int_equal(reply.sig, SIGURG);
    }
}

static void a_passed_socket_outlives_its_name_and_keeps_its_place_in_the_stream(void **state)
{
    struct fixture *f = *state;
    connected(f);
    ok(f, "send s len=10", 10);
    ok(f, "recv c len=4", 4);
    refused(f, "take as=t", "no socket has been passed");
    ok(f, "pass c", 0);
    ok(f, "close c", 0);
    fails(f, "pass c", "EBADF");
    ok(f, "poll s events=IN", 0);
    ok(f, "take as=t", 0);
    assert_int_equal(ok(f, "recv t len=6", 6).first_bad, -1);
    ok(f, "close t", 0);
    assert_string_equal(ok(f, "poll s events=IN timeout_ms=5000", 1).out, "IN");
    ok(f, "recv s len=1", 0);
}

static void a_child_keeps_sockets_open_until_it_is_reaped(void **state)
{
    struct fixture *f = *state;
    connected(f);
    refused(f, "reap", "no child");
    ok(f, "fork", 0);
    ok(f, "close c", 0);
    ok(f, "poll s events=IN timeout_ms=50", 0);
    ok(f, "reap", 0);
    ok(f, "recv s len=1", 0);
    refused(f, "reap", "no child");
}

/* The child must not keep the pipes: the end of the worker would not be seen. */
static void a_worker_with_a_child_ends_with_its_requests(void **state)
{
    struct fixture *f = *state;
    ok(f, "fork", 0);
    close(f->conn.out_fd);
    f->conn.out_fd = -1;
    struct sp_agent_reply reply;
    bool got = false;
    while (!f->conn.ended) {
        struct pollfd in = {.fd = f->conn.in_fd, .events = POLLIN};
        assert_int_equal(poll(&in, 1, 10000), 1);
        assert_int_equal(sp_agent_recv(&f->conn, &reply, &got, NULL), SP_OK);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(select_prints_the_sets_that_the_socket_is_left_in),
        TEST(an_edge_is_told_once_and_a_level_every_time),
        TEST(a_signal_ends_a_call_that_waits_with_eintr),
        TEST(urgent_data_interrupts_who_receives_where_sigurg_is_caught),
        TEST(a_call_that_is_restarted_tells_of_the_signal_when_it_is_done),
        TEST(a_passed_socket_outlives_its_name_and_keeps_its_place_in_the_stream),
        TEST(a_child_keeps_sockets_open_until_it_is_reaped),
        TEST(a_worker_with_a_child_ends_with_its_requests),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
