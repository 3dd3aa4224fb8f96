/* What the tests of a worker share: one that is forked, and driven over pipes through struct
 * sp_agent_conn. Not for other rooms. */
#ifndef SP_AGENT_FIXTURE_H
#define SP_AGENT_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "worker.h"

struct fixture {
    struct sp_agent_conn conn;
    pid_t pid;
    uint32_t next_id;
    struct sp_agent_reply hello;
};

static inline struct sp_agent_reply next_reply(struct fixture *f)
{
    struct sp_agent_reply reply;
    bool got = false;
    for (;;) {
        struct sp_err err = {0};
        enum sp_rc rc = sp_agent_recv(&f->conn, &reply, &got, &err);
        if (rc != SP_OK)
            fail_msg("%s", err.text);
        if (got)
            return reply;
        if (f->conn.ended)
            fail_msg("the worker is gone");
        struct pollfd in = {.fd = f->conn.in_fd, .events = POLLIN};
        if (poll(&in, 1, 10000) != 1)
            fail_msg("no reply within 10 s");
    }
}

static inline int setup(void **state)
{
    static struct sp_agent_role role = {'c', 'c'};
    struct fixture *f = calloc(1, sizeof *f);
    int in[2];
    int out[2];
    if (!f || pipe(in) || pipe(out))
        return -1;
    f->pid = fork();
    if (f->pid == 0) {
        close(in[0]);
        close(out[1]);
        alarm(60);
        _exit(sp_agent_main(out[0], in[1], &role));
    }
    close(in[1]);
    close(out[0]);
    sp_agent_conn_init(&f->conn, in[0], out[1]);
    f->hello = next_reply(f);
    *state = f;
    return 0;
}

static inline int teardown(void **state)
{
    struct fixture *f = *state;
    sp_agent_conn_release(&f->conn);
    waitpid(f->pid, NULL, 0);
    free(f);
    return 0;
}

/* "recv conn len=5 flags=MSG_PEEK"; a value that reads as a number is one. */
static inline struct sp_agent_request parse(const char *text)
{
    struct sp_agent_request request = {0};
    char copy[256];
    char *rest = NULL;
    snprintf(copy, sizeof copy, "%s", text);
    snprintf(request.call, sizeof request.call, "%s", strtok_r(copy, " ", &rest));
    for (char *word; (word = strtok_r(NULL, " ", &rest));) {
        char *equals = strchr(word, '=');
        char *end = NULL;
        if (!equals) {
            snprintf(request.sock, sizeof request.sock, "%s", word);
            continue;
        }
        *equals = '\0';
        long long number = strtoll(equals + 1, &end, 10);
        if (equals[1] && !*end)
            sp_agent_arg_number(&request, word, number);
        else
            sp_agent_arg_text(&request, word, equals + 1);
    }
    return request;
}

static inline uint32_t ask(struct fixture *f, const char *text, bool overlapped)
{
    struct sp_agent_request request = parse(text);
    request.overlapped = overlapped;
    request.id = ++f->next_id;
    assert_int_equal(sp_agent_send(&f->conn, &request, NULL), SP_OK);
    return request.id;
}

static inline struct sp_agent_reply call(struct fixture *f, const char *text)
{
    uint32_t id = ask(f, text, false);
    struct sp_agent_reply reply = next_reply(f);
    assert_int_equal(reply.id, id);
    return reply;
}

/* A call that must return this value and no error. */
static inline struct sp_agent_reply ok(struct fixture *f, const char *text, int64_t value)
{
    struct sp_agent_reply reply = call(f, text);
    if (reply.kind != SP_AGENT_RETURNED || reply.error[0] || reply.value != value)
        fail_msg("%s: kind %d, %lld %s %s", text, reply.kind, (long long)reply.value, reply.error,
                 reply.out);
    assert_true(reply.t_enter_ns > 0 && reply.t_enter_ns <= reply.t_return_ns);
    return reply;
}

static inline struct sp_agent_reply fails(struct fixture *f, const char *text, const char *error)
{
    struct sp_agent_reply reply = call(f, text);
    if (reply.kind != SP_AGENT_RETURNED || strcmp(reply.error, error) != 0)
        fail_msg("%s: kind %d, %lld %s %s", text, reply.kind, (long long)reply.value, reply.error,
                 reply.out);
    assert_int_equal(reply.value, -1);
    return reply;
}

static inline void refused(struct fixture *f, const char *text, const char *because)
{
    struct sp_agent_reply reply = call(f, text);
    if (reply.kind != SP_AGENT_REFUSED || !strstr(reply.out, because))
        fail_msg("%s: kind %d, %s", text, reply.kind, reply.out);
}

/* A listener "l", a client "c" and the accepted "s". */
static inline void connected(struct fixture *f)
{
    ok(f, "socket l family=4", 0);
    struct sp_agent_reply bound = ok(f, "bind l addr=127.0.0.1:0", 0);
    ok(f, "listen l", 0);
    ok(f, "socket c", 0);
    char text[128];
    snprintf(text, sizeof text, "connect c addr=%s", bound.local);
    struct sp_agent_reply client = ok(f, text, 0);
    assert_string_equal(client.remote, bound.local);
    struct sp_agent_reply server = ok(f, "accept l as=s", 0);
    assert_string_equal(server.local, bound.local);
    assert_string_equal(server.remote, client.local);
}

#endif
