#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "protocol.h"

static struct sp_agent_request sample_request(void)
{
    struct sp_agent_request request = {.id = 7, .overlapped = true, .timed = true};
    snprintf(request.call, sizeof request.call, "recv");
    snprintf(request.sock, sizeof request.sock, "conn");
    sp_agent_arg_number(&request, "len", -5);
    sp_agent_arg_text(&request, "flags", "MSG_PEEK|MSG_DONTWAIT");
    sp_agent_arg_text(&request, "empty", "");
    return request;
}

static struct sp_agent_reply sample_reply(void)
{
    struct sp_agent_reply reply = {.kind = SP_AGENT_RETURNED,
                                   .id = 4000000000u,
                                   .t_enter_ns = INT64_MIN,
                                   .t_return_ns = INT64_MAX,
                                   .kept_waiting_ns = 206000000,
                                   .value = -1,
                                   .sig = -13,
                                   .first_bad = -1,
                                   .stream_from = 1LL << 40};
    snprintf(reply.error, sizeof reply.error, "ECONNRESET");
    snprintf(reply.native, sizeof reply.native, "WSAECONNRESET");
    memset(reply.out, 'x', sizeof reply.out - 1);
    snprintf(reply.local, sizeof reply.local, "[fd00::1]:80");
    snprintf(reply.remote, sizeof reply.remote, "[fd00::2]:8080");
    return reply;
}

static struct sp_buf encoded_request(void)
{
    struct sp_buf body;
    struct sp_agent_request request = sample_request();
    sp_buf_init(&body, 0);
    assert_int_equal(sp_agent_request_encode(&request, &body, NULL), SP_OK);
    return body;
}

static struct sp_buf encoded_reply(void)
{
    struct sp_buf body;
    struct sp_agent_reply reply = sample_reply();
    sp_buf_init(&body, 0);
    assert_int_equal(sp_agent_reply_encode(&reply, &body, NULL), SP_OK);
    return body;
}

static void a_request_comes_back_as_it_was(void **state)
{
    (void)state;
    struct sp_buf body = encoded_request();
    struct sp_agent_request want = sample_request();
    struct sp_agent_request got;
    assert_int_equal(sp_agent_request_decode((const uint8_t *)body.data, body.len, &got, NULL),
                     SP_OK);
    assert_int_equal(got.id, want.id);
    assert_string_equal(got.call, want.call);
    assert_string_equal(got.sock, want.sock);
    assert_true(got.overlapped);
    assert_true(got.timed);
    assert_int_equal(got.arg_count, want.arg_count);
    for (uint32_t i = 0; i < want.arg_count; i++) {
        assert_string_equal(got.args[i].name, want.args[i].name);
        assert_int_equal(got.args[i].is_text, want.args[i].is_text);
        assert_int_equal(got.args[i].number, want.args[i].number);
        assert_string_equal(got.args[i].text, want.args[i].text);
    }
    sp_buf_release(&body);
}

static void a_reply_comes_back_as_it_was(void **state)
{
    (void)state;
    struct sp_buf body = encoded_reply();
    struct sp_agent_reply want = sample_reply();
    struct sp_agent_reply got;
    assert_int_equal(sp_agent_reply_decode((const uint8_t *)body.data, body.len, &got, NULL),
                     SP_OK);
    assert_int_equal(got.kind, want.kind);
    assert_int_equal(got.id, want.id);
    assert_true(got.t_enter_ns == want.t_enter_ns && got.t_return_ns == want.t_return_ns);
    assert_int_equal(got.kept_waiting_ns, want.kept_waiting_ns);
    assert_int_equal(got.value, want.value);
    assert_int_equal(got.sig, want.sig);
    assert_int_equal(got.first_bad, want.first_bad);
    assert_true(got.stream_from == want.stream_from);
    assert_string_equal(got.error, want.error);
    assert_string_equal(got.native, want.native);
    assert_string_equal(got.out, want.out);
    assert_string_equal(got.local, want.local);
    assert_string_equal(got.remote, want.remote);
    sp_buf_release(&body);
}

/* A cut at the end of a field may leave a message that is whole; it is then a shorter one. */
static void a_message_cut_anywhere_else_is_a_protocol_error_with_its_offset(void **state)
{
    (void)state;
    struct sp_buf request = encoded_request();
    struct sp_buf reply = encoded_reply();
    unsigned refused = 0;
    for (size_t len = 0; len < request.len; len++) {
        struct sp_agent_request got;
        struct sp_err err = {0};
        enum sp_rc rc = sp_agent_request_decode((const uint8_t *)request.data, len, &got, &err);
        if (rc == SP_OK)
            continue;
        refused++;
        assert_int_equal(rc, SP_E_PROTO);
        assert_non_null(strstr(err.text, "offset"));
    }
    assert_true(refused > request.len / 2);
    for (size_t len = 0; len < 2; len++) {
        struct sp_agent_reply got;
        assert_int_equal(sp_agent_reply_decode((const uint8_t *)reply.data, len, &got, NULL),
                         SP_E_PROTO);
    }
    sp_buf_release(&request);
    sp_buf_release(&reply);
}

struct garbage {
    const char *why;
    size_t len;
    uint8_t body[16];
};

static void garbage_is_refused_and_never_a_crash(void **state)
{
    (void)state;
    static const struct garbage rows[] = {
        {"another version", 6, {9, 1, 2, 1, 0, 'x'}},
        {"a reply", 6, {1, 2, 2, 1, 0, 'x'}},
        {"no call", 2, {1, 1}},
        {"an empty call", 5, {1, 1, 2, 0, 0}},
        {"unknown tag", 6, {1, 1, 99, 1, 0, 'x'}},
        {"tag 0", 6, {1, 1, 0, 1, 0, 'x'}},
        {"twice the same tag", 10, {1, 1, 2, 1, 0, 'x', 2, 1, 0, 'y'}},
        {"tags out of order", 10, {1, 1, 3, 1, 0, 'x', 2, 1, 0, 'y'}},
        {"text too long", 5, {1, 1, 2, 0xff, 0xff}},
        {"NUL in a text", 7, {1, 1, 2, 2, 0, 'x', 0}},
        {"a number of the wrong size", 10, {1, 1, 1, 1, 0, 1, 2, 1, 0, 'x'}},
        {"bool of 2", 10, {1, 1, 2, 1, 0, 'x', 4, 1, 0, 2}},
        {"argument of an unknown type", 12, {1, 1, 2, 1, 0, 'x', 5, 3, 0, 7, 1, 'n'}},
        {"argument without a name", 11, {1, 1, 2, 1, 0, 'x', 5, 2, 0, 1, 0}},
        {"argument name longer than it", 11, {1, 1, 2, 1, 0, 'x', 5, 2, 0, 1, 200}},
        {"short number argument", 13, {1, 1, 2, 1, 0, 'x', 5, 4, 0, 0, 1, 'n', 1}},
    };
    for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct sp_agent_request got;
        struct sp_err err = {0};
        enum sp_rc rc = sp_agent_request_decode(rows[i].body, rows[i].len, &got, &err);
        if (rc != SP_E_PROTO)
            fail_msg("%s: rc %d", rows[i].why, rc);
        assert_non_null(strstr(err.text, "offset"));
    }
}

static void more_arguments_than_there_is_room_for_are_refused(void **state)
{
    (void)state;
    struct sp_buf body;
    sp_buf_init(&body, 0);
    sp_buf_add(&body, "\1\1\2\1\0x", 6);
    for (int i = 0; i <= SP_AGENT_ARGS_MAX; i++)
        sp_buf_add(&body, "\5\3\0\1\1n", 6);
    struct sp_agent_request got;
    assert_int_equal(sp_agent_request_decode((const uint8_t *)body.data, body.len, &got, NULL),
                     SP_E_PROTO);
    assert_int_equal(got.arg_count, SP_AGENT_ARGS_MAX);
    sp_buf_release(&body);
}

static void a_text_without_an_end_is_not_encoded(void **state)
{
    (void)state;
    struct sp_buf body;
    struct sp_agent_request request = sample_request();
    memset(request.sock, 'x', sizeof request.sock);
    sp_buf_init(&body, 0);
    assert_int_equal(sp_agent_request_encode(&request, &body, NULL), SP_E_USAGE);
    sp_buf_release(&body);
}

struct pipes {
    struct sp_agent_conn conn;
    int write_fd; /* what the agent would write to */
    int read_fd;  /* what the agent would read from */
};

static struct pipes open_pipes(void)
{
    int in[2];
    int out[2];
    struct pipes made;
    assert_int_equal(pipe(in), 0);
    assert_int_equal(pipe(out), 0);
    sp_agent_conn_init(&made.conn, in[0], out[1]);
    made.write_fd = in[1];
    made.read_fd = out[0];
    return made;
}

static struct sp_buf framed_reply(void)
{
    struct sp_buf frame;
    struct sp_agent_reply reply = sample_reply();
    sp_buf_init(&frame, 0);
    size_t start = sp_frame_begin(&frame);
    assert_int_equal(sp_agent_reply_encode(&reply, &frame, NULL), SP_OK);
    sp_frame_end(&frame, start);
    return frame;
}

static void a_reply_in_pieces_is_got_when_it_is_whole(void **state)
{
    (void)state;
    struct pipes pipes = open_pipes();
    struct sp_buf frame = framed_reply();
    struct sp_agent_reply reply;
    bool got = true;
    for (size_t i = 0; i < frame.len; i++) {
        assert_int_equal(sp_agent_recv(&pipes.conn, &reply, &got, NULL), SP_OK);
        assert_false(got);
        assert_int_equal(write(pipes.write_fd, frame.data + i, 1), 1);
    }
    assert_int_equal(sp_agent_recv(&pipes.conn, &reply, &got, NULL), SP_OK);
    assert_true(got);
    assert_string_equal(reply.error, "ECONNRESET");
    assert_false(pipes.conn.ended);
    close(pipes.write_fd);
    assert_int_equal(sp_agent_recv(&pipes.conn, &reply, &got, NULL), SP_OK);
    assert_false(got);
    assert_true(pipes.conn.ended);
    sp_buf_release(&frame);
    close(pipes.read_fd);
    sp_agent_conn_release(&pipes.conn);
}

static void replies_that_arrive_together_are_got_one_by_one_even_after_the_end(void **state)
{
    (void)state;
    struct pipes pipes = open_pipes();
    struct sp_buf frame = framed_reply();
    struct sp_agent_reply reply;
    bool got = false;
    for (int i = 0; i < 20; i++)
        assert_int_equal(write(pipes.write_fd, frame.data, frame.len), frame.len);
    close(pipes.write_fd);
    for (int i = 0; i < 20; i++) {
        assert_int_equal(sp_agent_recv(&pipes.conn, &reply, &got, NULL), SP_OK);
        assert_true(got);
        assert_true(i == 19 || sp_agent_conn_more(&pipes.conn));
    }
    assert_int_equal(sp_agent_recv(&pipes.conn, &reply, &got, NULL), SP_OK);
    assert_false(got);
    assert_true(pipes.conn.ended);
    assert_false(sp_agent_conn_more(&pipes.conn));
    sp_buf_release(&frame);
    close(pipes.read_fd);
    sp_agent_conn_release(&pipes.conn);
}

static void output_that_is_no_frame_is_shown_in_the_error(void **state)
{
    (void)state;
    struct pipes pipes = open_pipes();
    struct sp_agent_reply reply;
    struct sp_err err = {0};
    bool got = true;
    assert_int_equal(write(pipes.write_fd, "Welcome to host", 15), 15);
    assert_int_equal(sp_agent_recv(&pipes.conn, &reply, &got, &err), SP_E_PROTO);
    assert_false(got);
    assert_non_null(strstr(err.text, "\"Welc\""));
    close(pipes.write_fd);
    close(pipes.read_fd);
    sp_agent_conn_release(&pipes.conn);
}

static void an_end_inside_a_frame_is_a_protocol_error(void **state)
{
    (void)state;
    struct pipes pipes = open_pipes();
    struct sp_agent_reply reply;
    bool got = true;
    assert_int_equal(write(pipes.write_fd, "\x20\0\0\0\1", 5), 5);
    close(pipes.write_fd);
    assert_int_equal(sp_agent_recv(&pipes.conn, &reply, &got, NULL), SP_E_PROTO);
    assert_true(pipes.conn.ended);
    close(pipes.read_fd);
    sp_agent_conn_release(&pipes.conn);
}

static void sending_to_an_agent_that_is_gone_is_an_error_and_no_signal(void **state)
{
    (void)state;
    struct pipes pipes = open_pipes();
    struct sp_agent_request request = sample_request();
    close(pipes.read_fd);
    assert_int_equal(sp_agent_send(&pipes.conn, &request, NULL), SP_E_IO);
    close(pipes.write_fd);
    sp_agent_conn_release(&pipes.conn);
}

static void sending_to_an_agent_that_does_not_read_never_waits(void **state)
{
    (void)state;
    struct pipes pipes = open_pipes();
    struct sp_agent_request request = sample_request();
    enum sp_rc rc = SP_OK;
    for (int i = 0; i < 100000 && rc == SP_OK; i++)
        rc = sp_agent_send(&pipes.conn, &request, NULL);
    assert_int_equal(rc, SP_E_LIMIT);
    close(pipes.write_fd);
    close(pipes.read_fd);
    sp_agent_conn_release(&pipes.conn);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_request_comes_back_as_it_was),
        cmocka_unit_test(a_reply_comes_back_as_it_was),
        cmocka_unit_test(a_message_cut_anywhere_else_is_a_protocol_error_with_its_offset),
        cmocka_unit_test(garbage_is_refused_and_never_a_crash),
        cmocka_unit_test(more_arguments_than_there_is_room_for_are_refused),
        cmocka_unit_test(a_text_without_an_end_is_not_encoded),
        cmocka_unit_test(a_reply_in_pieces_is_got_when_it_is_whole),
        cmocka_unit_test(replies_that_arrive_together_are_got_one_by_one_even_after_the_end),
        cmocka_unit_test(output_that_is_no_frame_is_shown_in_the_error),
        cmocka_unit_test(an_end_inside_a_frame_is_a_protocol_error),
        cmocka_unit_test(sending_to_an_agent_that_is_gone_is_an_error_and_no_signal),
        cmocka_unit_test(sending_to_an_agent_that_does_not_read_never_waits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
