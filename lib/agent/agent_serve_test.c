/* A forked worker, driven over pipes through struct sp_agent_conn, on loopback sockets. */
#include <signal.h>

#include "agent_fixture.h"
#include "clock.h"

static void hello_names_the_stack_its_version_and_the_process(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(f->hello.kind, SP_AGENT_HELLO);
    assert_int_equal(f->hello.id, 0);
    assert_string_equal(f->hello.error, sp_stack_name());
    assert_true(f->hello.native[0] >= '0' && f->hello.native[0] <= '9');
    assert_int_equal(f->hello.value, f->pid);
}

static void payload_is_positional_across_calls_and_checked(void **state)
{
    struct fixture *f = *state;
    connected(f);
    assert_int_equal(ok(f, "send c len=10", 10).stream_from, 0);
    assert_int_equal(ok(f, "send c len=5", 5).stream_from, 10);
    assert_int_equal(ok(f, "recv s len=4 flags=MSG_PEEK", 4).stream_from, 0);
    struct sp_agent_reply got = ok(f, "recv s len=12", 12);
    assert_int_equal(got.stream_from, 0);
    assert_int_equal(got.first_bad, -1);
    got = ok(f, "recv s len=100", 3);
    assert_int_equal(got.stream_from, 12);
    assert_int_equal(got.first_bad, -1);
    fails(f, "recv s len=1 flags=MSG_DONTWAIT", "EAGAIN");
}

/* skip makes the receiver expect another position than the one that was sent. */
static void the_first_wrong_byte_is_told_by_its_stream_offset(void **state)
{
    struct fixture *f = *state;
    connected(f);
    ok(f, "send c len=20", 20);
    ok(f, "recv s len=8", 8);
    struct sp_agent_reply got = ok(f, "recv s len=12 skip=100", 12);
    assert_int_equal(got.stream_from, 108);
    assert_true(got.first_bad >= 108 && got.first_bad < 120);
}

static void a_dup_shares_the_stream(void **state)
{
    struct fixture *f = *state;
    connected(f);
    ok(f, "send c len=10", 10);
    ok(f, "dup c as=c2", 0);
    ok(f, "close c", 0);
    assert_int_equal(ok(f, "send c2 len=10", 10).stream_from, 10);
    assert_int_equal(ok(f, "recv s len=20 flags=MSG_WAITALL", 20).first_bad, -1);
}

/* Until nothing is taken any more. Buffers that nobody has sized grow with a probe of the closed
 * window, which comes where this process is kept waiting for so long. Bytes. */
static int64_t fill(struct fixture *f)
{
    int64_t total = 0;
    ok(f, "setsockopt c opt=SO_SNDBUF value=100000", 0);
    ok(f, "setsockopt s opt=SO_RCVBUF value=100000", 0);
    struct sp_agent_reply filled;
    do {
        filled = call(f, "fill c");
        assert_string_equal(filled.error, "");
        total += filled.value;
    } while (filled.value > 0);
    return total;
}

static void fill_stops_when_the_buffers_are_full_and_all_of_it_arrives(void **state)
{
    struct fixture *f = *state;
    connected(f);
    int64_t filled = fill(f);
    assert_true(filled > 1000);
    fails(f, "send c len=100000 flags=MSG_DONTWAIT", "EAGAIN");
    uint32_t id = ask(f, "drain s", true);
    struct sp_agent_reply reply = next_reply(f);
    assert_int_equal(reply.kind, SP_AGENT_ENTERED);
    uint32_t closing = ask(f, "close c", false);
    bool closed = false;
    bool drained = false;
    while (!closed || !drained) {
        reply = next_reply(f);
        assert_int_equal(reply.kind, SP_AGENT_RETURNED);
        closed = closed || reply.id == closing;
        if (reply.id != id)
            continue;
        drained = true;
        assert_int_equal(reply.value, filled);
        assert_int_equal(reply.first_bad, -1);
    }
}

static void drain_that_ends_in_an_error_tells_what_it_got(void **state)
{
    struct fixture *f = *state;
    connected(f);
    ok(f, "send c len=300", 300);
    struct sp_agent_reply reply = fails(f, "drain s flags=MSG_DONTWAIT", "EAGAIN");
    assert_string_equal(reply.out, "bytes=300");
}

/* The replies of two calls that end at the same time, whichever is told first. */
static void two_replies(struct fixture *f, uint32_t a, struct sp_agent_reply *of_a, uint32_t b,
                        struct sp_agent_reply *of_b)
{
    for (int i = 0; i < 2; i++) {
        struct sp_agent_reply reply = next_reply(f);
        assert_true(reply.id == a || reply.id == b);
        *(reply.id == a ? of_a : of_b) = reply;
    }
    assert_int_equal(of_a->id, a);
    assert_int_equal(of_b->id, b);
}

static void drain_takes_no_more_than_it_is_asked_for_however_it_comes(void **state)
{
    struct fixture *f = *state;
    connected(f);
    uint32_t id = ask(f, "drain s max=300", true);
    assert_int_equal(next_reply(f).kind, SP_AGENT_ENTERED);
    ok(f, "send c len=200", 200);
    struct sp_agent_reply sent = {0}, drained = {0};
    two_replies(f, ask(f, "send c len=200", false), &sent, id, &drained);
    assert_int_equal(sent.value, 200);
    assert_int_equal(drained.value, 300);
    assert_int_equal(drained.first_bad, -1);
    ok(f, "recv s len=1000", 100);
}

static void an_overlapped_recv_is_entered_then_woken_by_data(void **state)
{
    struct fixture *f = *state;
    connected(f);
    uint32_t id = ask(f, "recv s len=10", true);
    struct sp_agent_reply entered = next_reply(f);
    assert_int_equal(entered.id, id);
    assert_int_equal(entered.kind, SP_AGENT_ENTERED);
    assert_string_equal(entered.out, "");
    struct sp_agent_reply sent = {0}, got = {0};
    two_replies(f, ask(f, "send c len=10", false), &sent, id, &got);
    assert_int_equal(sent.value, 10);
    assert_int_equal(got.kind, SP_AGENT_RETURNED);
    assert_int_equal(got.value, 10);
    assert_int_equal(got.first_bad, -1);
    assert_true(got.t_enter_ns <= entered.t_return_ns);
    assert_true(entered.t_return_ns <= sent.t_enter_ns);
    assert_true(got.t_return_ns >= sent.t_enter_ns);
}

static void an_overlapped_call_that_need_not_wait_may_return_without_being_entered(void **state)
{
    struct fixture *f = *state;
    connected(f);
    ok(f, "send c len=10", 10);
    for (int i = 0; i < 10; i++) {
        uint32_t id = ask(f, "recv s len=1", true);
        struct sp_agent_reply reply = next_reply(f);
        assert_int_equal(reply.id, id);
        assert_int_equal(reply.kind, SP_AGENT_RETURNED);
        assert_int_equal(reply.value, 1);
    }
}

static void an_overlapped_send_sleeps_until_there_is_room(void **state)
{
    struct fixture *f = *state;
    connected(f);
    int64_t filled = fill(f);
    uint32_t id = ask(f, "send c len=50000", true);
    assert_int_equal(next_reply(f).kind, SP_AGENT_ENTERED);
    refused(f, "send c len=1", "still sending");
    char text[64];
    snprintf(text, sizeof text, "recv s len=%lld flags=MSG_WAITALL", (long long)filled + 50000);
    uint32_t receiving = ask(f, text, false);
    for (int i = 0; i < 2; i++) {
        struct sp_agent_reply reply = next_reply(f);
        assert_true(reply.id == id || reply.id == receiving);
        assert_int_equal(reply.first_bad, -1);
        assert_int_equal(reply.value, reply.id == id ? 50000 : filled + 50000);
    }
}

static void an_overlapped_accept_reserves_its_name(void **state)
{
    struct fixture *f = *state;
    connected(f);
    ask(f, "accept l as=later", true);
    assert_int_equal(next_reply(f).kind, SP_AGENT_ENTERED);
    refused(f, "recv later len=1", "still being made");
    refused(f, "socket later", "already");
    struct sp_agent_reply listening = ok(f, "getsockname l", 0);
    ok(f, "socket d", 0);
    char text[96];
    snprintf(text, sizeof text, "connect d addr=%s", listening.local);
    ask(f, text, false);
    for (int i = 0; i < 2; i++) {
        struct sp_agent_reply reply = next_reply(f);
        assert_string_equal(reply.error, "");
        assert_true(reply.local[0] && reply.remote[0]);
    }
    ok(f, "close d", 0);
    ok(f, "recv later len=1", 0);
}

static void connecting_to_nobody_is_econnrefused_with_both_names(void **state)
{
    struct fixture *f = *state;
    ok(f, "socket nobody family=6", 0);
    struct sp_agent_reply bound = ok(f, "bind nobody addr=[::1]:0", 0);
    char text[128];
    snprintf(text, sizeof text, "connect c addr=%s", bound.local);
    ok(f, "socket c family=6", 0);
    struct sp_agent_reply reply = fails(f, text, "ECONNREFUSED");
    assert_string_equal(reply.remote, bound.local);
}

static void a_reset_gives_econnreset_then_epipe_with_its_signal(void **state)
{
    struct fixture *f = *state;
    connected(f);
    ok(f, "setsockopt s opt=SO_LINGER on=1 linger=0", 0);
    ok(f, "close s", 0);
    fails(f, "recv c len=1", "ECONNRESET");
    struct sp_agent_reply reply = fails(f, "send c len=1", "EPIPE");
    assert_int_equal(reply.sig, SIGPIPE);
    reply = fails(f, "send c len=1 flags=MSG_NOSIGNAL", "EPIPE");
    assert_int_equal(reply.sig, 0);
}

static void sigpipe_in_a_thread_is_told_of_that_call(void **state)
{
    struct fixture *f = *state;
    connected(f);
    ok(f, "shutdown c how=WR", 0);
    uint32_t id = ask(f, "send c len=1", true);
    struct sp_agent_reply reply = next_reply(f);
    assert_int_equal(reply.id, id);
    assert_string_equal(reply.error, "EPIPE");
    assert_int_equal(reply.sig, SIGPIPE);
    assert_int_equal(ok(f, "recv s len=1", 0).sig, 0);
}

static void sigpipe_kills_where_the_case_wants_the_default(void **state)
{
    struct fixture *f = *state;
    connected(f);
    ok(f, "shutdown c how=WR", 0);
    ok(f, "signal what=SIGPIPE action=default", 0);
    ask(f, "send c len=1", false);
    int status = 0;
    assert_int_equal(waitpid(f->pid, &status, 0), f->pid);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGPIPE);
}

static void exit_replies_and_ends_with_its_code(void **state)
{
    struct fixture *f = *state;
    ok(f, "exit code=7", 0);
    int status = 0;
    assert_int_equal(waitpid(f->pid, &status, 0), f->pid);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 7);
}

static void kill_replies_and_ends_by_the_signal_even_with_a_call_that_waits(void **state)
{
    struct fixture *f = *state;
    connected(f);
    ask(f, "recv s len=10", true);
    assert_int_equal(next_reply(f).kind, SP_AGENT_ENTERED);
    ok(f, "kill signal=15", 0);
    int status = 0;
    assert_int_equal(waitpid(f->pid, &status, 0), f->pid);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM);
}

static void the_end_of_requests_ends_the_worker_even_with_a_call_that_waits(void **state)
{
    struct fixture *f = *state;
    connected(f);
    ask(f, "recv s len=10", true);
    assert_int_equal(next_reply(f).kind, SP_AGENT_ENTERED);
    close(f->conn.out_fd);
    f->conn.out_fd = -1;
    int status = 0;
    assert_int_equal(waitpid(f->pid, &status, 0), f->pid);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static void garbage_ends_the_worker_as_broken(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(write(f->conn.out_fd, "\3\0\0\0\1\1\7", 7), 7);
    int status = 0;
    assert_int_equal(waitpid(f->pid, &status, 0), f->pid);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == SP_AGENT_EXIT_BROKEN);
}

static void options_are_set_and_read_back_by_name(void **state)
{
    struct fixture *f = *state;
    ok(f, "socket c", 0);
    ok(f, "setsockopt c opt=SO_LINGER on=1 linger=9", 0);
    assert_string_equal(ok(f, "getsockopt c opt=SO_LINGER", 0).out, "on=1 linger=9");
    ok(f, "setsockopt c opt=SO_LINGER on=0 linger=0", 0);
    assert_memory_equal(ok(f, "getsockopt c opt=SO_LINGER", 0).out, "on=0 linger=", 12);
    ok(f, "setsockopt c opt=TCP_USER_TIMEOUT value=1500", 0);
    ok(f, "getsockopt c opt=TCP_USER_TIMEOUT", 1500);
    ok(f, "setsockopt c opt=SO_RCVTIMEO value=2000", 0);
    ok(f, "getsockopt c opt=SO_RCVTIMEO", 2000);
    ok(f, "setsockopt c opt=TCP_CONGESTION value=reno", 0);
    assert_string_equal(ok(f, "getsockopt c opt=TCP_CONGESTION", 0).out, "reno");
    assert_string_equal(ok(f, "getsockopt c opt=SO_ERROR", 0).out, "");
    fails(f, "setsockopt c opt=TCP_KEEPCNT value=-1", "EINVAL");
    fails(f, "setsockopt c opt=SO_TYPE value=1", "ENOPROTOOPT");
}

static void so_error_tells_the_error_by_name_and_eats_it(void **state)
{
    struct fixture *f = *state;
    connected(f);
    ok(f, "setsockopt s opt=SO_LINGER on=1 linger=0", 0);
    ok(f, "close s", 0);
    ok(f, "poll c events=IN timeout_ms=5000", 1);
    struct sp_agent_reply reply = call(f, "getsockopt c opt=SO_ERROR");
    assert_string_equal(reply.out, "ECONNRESET");
    ok(f, "getsockopt c opt=SO_ERROR", 0);
    ok(f, "recv c len=1", 0);
}

static void poll_prints_what_is_ready_in_a_fixed_order(void **state)
{
    struct fixture *f = *state;
    connected(f);
    assert_string_equal(ok(f, "poll c events=IN", 0).out, "");
    assert_string_equal(ok(f, "poll c events=OUT|IN", 1).out, "OUT");
    ok(f, "send s len=1", 1);
    ok(f, "close s", 0);
    assert_string_equal(ok(f, "poll c events=RDHUP|OUT|IN timeout_ms=5000", 1).out, "IN|OUT|RDHUP");
    ok(f, "shutdown c how=WR", 0);
    assert_string_equal(ok(f, "poll c events=IN|RDHUP", 1).out, "IN|RDHUP|HUP");
}

static void queues_and_the_mark_are_asked_for_by_name(void **state)
{
    struct fixture *f = *state;
    connected(f);
    ok(f, "send c len=5", 5);
    ok(f, "ioctl s what=FIONREAD", 5);
    ok(f, "ioctl c what=SIOCOUTQ", 0);
    ok(f, "ioctl s what=SIOCATMARK", 0);
}

/* Linux, default: the urgent byte is kept out of the ordinary stream (tcp(7)). */
static void an_urgent_byte_has_its_place_on_send_and_is_skipped_on_recv(void **state)
{
    struct fixture *f = *state;
    connected(f);
    ok(f, "send c len=4", 4);
    assert_int_equal(ok(f, "send c len=1 flags=MSG_OOB", 1).stream_from, 4);
    assert_int_equal(ok(f, "send c len=5", 5).stream_from, 5);
    ok(f, "poll s events=PRI timeout_ms=5000", 1);
    struct sp_agent_reply urgent = ok(f, "recv s len=1 flags=MSG_OOB", 1);
    assert_int_equal(urgent.first_bad, -1);
    assert_int_equal(ok(f, "recv s len=10", 4).first_bad, -1);
    ok(f, "ioctl s what=SIOCATMARK", 1);
    struct sp_agent_reply rest = ok(f, "recv s len=10 skip=1", 5);
    assert_int_equal(rest.stream_from, 5);
    assert_int_equal(rest.first_bad, -1);
}

static void non_blocking_calls_return_at_once(void **state)
{
    struct fixture *f = *state;
    connected(f);
    ok(f, "nonblock c", 0);
    fails(f, "recv c len=1", "EAGAIN");
    fails(f, "drain c", "EAGAIN");
    ok(f, "nonblock l on=1", 0);
    fails(f, "accept l as=more", "EAGAIN");
    ok(f, "socket more nonblock=1", 0);
}

static void a_closed_name_answers_ebadf_and_can_be_made_again(void **state)
{
    struct fixture *f = *state;
    connected(f);
    ok(f, "close c", 0);
    fails(f, "send c len=1", "EBADF");
    fails(f, "close c", "EBADF");
    ok(f, "socket c family=6", 0);
    fails(f, "getpeername c", "ENOTCONN");
    refused(f, "socket c", "already");
}

static void wrong_requests_are_refused_with_a_sentence(void **state)
{
    struct fixture *f = *state;
    refused(f, "recv nothere len=1", "no socket 'nothere'");
    ok(f, "socket c", 0);
    refused(f, "recieve c", "no such call");
    refused(f, "recv c", "needs len");
    refused(f, "recv c len=1 lne=2", "no argument 'lne'");
    refused(f, "recv c len=1 len=2", "twice");
    refused(f, "recv c len=big", "is a number");
    refused(f, "recv c len=-1", "from 0");
    refused(f, "send c len=16777217", "from 0");
    refused(f, "send c len=1 flags=MSG_PEEP", "MSG_PEEP");
    refused(f, "shutdown c how=UP", "RDWR");
    refused(f, "socket d family=5", "4 or 6");
    refused(f, "socket", "1 to 31");
    refused(f, "bind c addr=10.0.0.1:99999", "65535");
    refused(f, "bind c addr=10.0.0.1:1 port=2", "another");
    refused(f, "setsockopt c opt=SO_EXCLUSIVEADDRUSE value=1", "does not have");
    refused(f, "setsockopt c opt=SO_LINGRE value=1", "no such socket option");
    refused(f, "setsockopt c opt=SO_LINGER value=1", "on=NUMBER");
    refused(f, "setsockopt c opt=TCP_NODELAY on=1", "value=NUMBER");
    refused(f, "setsockopt c opt=TCP_NODELAY value=99999999999", "32 bits");
    refused(f, "setsockopt c opt=SO_ERROR value=1", "only be read");
    refused(f, "signal c what=SIGPIPE action=catch", "not a call on a socket");
    refused(f, "exit code=256", "from 0 to 255");
    fails(f, "send c len=1 flags=MSG_NOSIGNAL|MSG_DONTWAIT", "EPIPE");
}

static void sockets_are_bounded(void **state)
{
    struct fixture *f = *state;
    char text[32];
    for (int i = 0; i < SP_AGENT_SOCKETS; i++) {
        snprintf(text, sizeof text, "socket s%d", i);
        ok(f, text, 0);
    }
    refused(f, "socket more", "at most");
    ok(f, "close s3", 0);
    ok(f, "socket more", 0);
    refused(f, "close s3", "no socket");
}

static void calls_under_way_are_bounded(void **state)
{
    struct fixture *f = *state;
    connected(f);
    for (int i = 0; i < SP_AGENT_CALLS; i++) {
        ask(f, "recv s len=1", true);
        assert_int_equal(next_reply(f).kind, SP_AGENT_ENTERED);
    }
    uint32_t id = ask(f, "recv s len=1", true);
    struct sp_agent_reply reply = next_reply(f);
    assert_int_equal(reply.id, id);
    assert_int_equal(reply.kind, SP_AGENT_REFUSED);
    ask(f, "send c len=64", false);
    for (int i = 0; i < SP_AGENT_CALLS + 1; i++)
        assert_int_equal(next_reply(f).kind, SP_AGENT_RETURNED);
    ask(f, "recv s len=1", true);
    assert_int_equal(next_reply(f).kind, SP_AGENT_ENTERED);
}

static void a_large_send_is_one_call(void **state)
{
    struct fixture *f = *state;
    connected(f);
    uint32_t id = ask(f, "send c len=16777216", true);
    assert_int_equal(next_reply(f).kind, SP_AGENT_ENTERED);
    uint32_t receiving = ask(f, "recv s len=16777216 flags=MSG_WAITALL", false);
    for (int i = 0; i < 2; i++) {
        struct sp_agent_reply reply = next_reply(f);
        assert_true(reply.id == id || reply.id == receiving);
        assert_int_equal(reply.value, 16777216);
        assert_int_equal(reply.first_bad, -1);
    }
}

static void the_protocol_page_names_every_call_and_argument(void **state)
{
    (void)state;
    static char page[64 * 1024];
    FILE *file = fopen(SP_SOURCE_DIR "/docs/agent-protocol.md", "r");
    assert_non_null(file);
    page[fread(page, 1, sizeof page - 1, file)] = '\0';
    fclose(file);
    for (unsigned i = 0; sp_call_spec_at(i); i++) {
        const struct sp_call_spec *spec = sp_call_spec_at(i);
        char want[64];
        snprintf(want, sizeof want, "\n| `%s` |", spec->name);
        const char *row = strstr(page, want);
        if (!row)
            fail_msg("no row for %s", spec->name);
        const char *row_end = strchr(row + 1, '\n');
        for (unsigned j = 0; j < SP_CALL_ARGS && spec->args[j].name; j++) {
            snprintf(want, sizeof want, "`%s`", spec->args[j].name);
            const char *at = strstr(row, want);
            if (!at || at > row_end)
                fail_msg("%s: no argument %s", spec->name, spec->args[j].name);
        }
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(hello_names_the_stack_its_version_and_the_process),
        TEST(payload_is_positional_across_calls_and_checked),
        TEST(the_first_wrong_byte_is_told_by_its_stream_offset),
        TEST(a_dup_shares_the_stream),
        TEST(fill_stops_when_the_buffers_are_full_and_all_of_it_arrives),
        TEST(drain_that_ends_in_an_error_tells_what_it_got),
        TEST(drain_takes_no_more_than_it_is_asked_for_however_it_comes),
        TEST(an_overlapped_recv_is_entered_then_woken_by_data),
        TEST(an_overlapped_call_that_need_not_wait_may_return_without_being_entered),
        TEST(an_overlapped_send_sleeps_until_there_is_room),
        TEST(an_overlapped_accept_reserves_its_name),
        TEST(connecting_to_nobody_is_econnrefused_with_both_names),
        TEST(a_reset_gives_econnreset_then_epipe_with_its_signal),
        TEST(sigpipe_in_a_thread_is_told_of_that_call),
        TEST(sigpipe_kills_where_the_case_wants_the_default),
        TEST(exit_replies_and_ends_with_its_code),
        TEST(kill_replies_and_ends_by_the_signal_even_with_a_call_that_waits),
        TEST(the_end_of_requests_ends_the_worker_even_with_a_call_that_waits),
        TEST(garbage_ends_the_worker_as_broken),
        TEST(options_are_set_and_read_back_by_name),
        TEST(so_error_tells_the_error_by_name_and_eats_it),
        TEST(poll_prints_what_is_ready_in_a_fixed_order),
        TEST(queues_and_the_mark_are_asked_for_by_name),
        TEST(an_urgent_byte_has_its_place_on_send_and_is_skipped_on_recv),
        TEST(non_blocking_calls_return_at_once),
        TEST(a_closed_name_answers_ebadf_and_can_be_made_again),
        TEST(wrong_requests_are_refused_with_a_sentence),
        TEST(sockets_are_bounded),
        TEST(calls_under_way_are_bounded),
        TEST(a_large_send_is_one_call),
        cmocka_unit_test(the_protocol_page_names_every_call_and_argument),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
