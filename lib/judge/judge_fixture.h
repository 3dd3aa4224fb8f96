/*
 * For tests: a case, and a trace of it written as a ladder (lib/tcp/tcp_ladder.h), with these
 * lines beside:
 *
 *   TIME diag END COOKIE STATE [nb=TIME] [rq=N] [sq=N]
 *   TIME begin N              the N-th top-level statement, where it matters
 *   TIME done N
 *   TIME deadline N
 *   TIME-TIME stall
 *   TIME-TIME kept END
 *   TIME absent TEXT
 *
 * The k-th call of the ladder is the plan's k-th call (connect and its like come from CALL and
 * START lines, filed under FINISH where there is one), the k-th lab or process line the plan's
 * k-th action. Statements without a `begin` line begin with the action before them. Fences follow
 * the last event.
 */
#ifndef SP_JUDGE_FIXTURE_H
#define SP_JUDGE_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "judge.h"
#include "tcp_ladder.h"

#define CASE_HEAD "case t/x\ntitle T\nwhy W\nspec RFC9293:3.5\nlabs veth\nfamily ipv4\n\n"

#define HANDSHAKE                                                                                  \
    "100-140 server listener listen = 0\n"                                                         \
    "110 state server 9 CLOSED>LISTEN\n"                                                           \
    "200-260 client conn connect = 0\n"                                                            \
    "205 state client 1 CLOSED>SYN_SENT\n"                                                         \
    "210 c> SYN\n"                                                                                 \
    "235 s> SYN,ACK\n"                                                                             \
    "256 state client 1 SYN_SENT>ESTABLISHED\n"                                                    \
    "257 c> ACK\n"                                                                                 \
    "278 state server 2 LISTEN>SYN_RECEIVED\n"                                                     \
    "279 state server 2 SYN_RECEIVED>ESTABLISHED\n"                                                \
    "300-310 server listener accept = 0\n"

#define HANDSHAKE_LINES                                                                            \
    "server listen\nclient connect server\nwire client SYN\nwire server SYN,ACK\n"                 \
    "wire client ACK\nserver accept\n"

#define CLOSE_LINES                                                                                \
    "client close\nwire client FIN seq=1\nstate client FIN_WAIT_2\nstate server CLOSE_WAIT\n"      \
    "wire server ACK ack=2\nserver recv 1 -> 0\nserver close\nwire server FIN seq=1 ack=2\n"       \
    "wire client ACK ack=2\nstate server CLOSED\nstate client TIME_WAIT\n"

#define CLOSE_FIRST                                                                                \
    "400-410 client conn close = 0\n401 state client 1 ESTABLISHED>FIN_WAIT_1\n403 c> FIN,ACK\n"   \
    "424 state server 2 ESTABLISHED>CLOSE_WAIT\n425 s> ACK\n"                                      \
    "446 state client 1 FIN_WAIT_1>FIN_WAIT_2\n500-505 server conn recv 1 = 0\n"

#define CLOSE_SECOND                                                                               \
    "600-610 server conn close = 0\n601 state server 2 CLOSE_WAIT>LAST_ACK\n603 s> FIN,ACK\n"      \
    "624 state client 1 FIN_WAIT_2>CLOSED\n625 c> ACK\n646 state server 2 LAST_ACK>CLOSED\n"       \
    "700 diag client 77 TIME_WAIT nb=100\n"

#define CLEAN_UP "9000 end\n9100-9200 client exit\n9300-9400 server exit\n"

struct judged {
    struct sp_case c;
    struct sp_plan plan;
    struct sp_trace trace;
    struct sp_judgement j;
    bool parsed_only;
    bool lo; /* one capture, on loopback */
};

static inline struct sp_event *fixture_mark(struct sp_trace *trace, double t_us,
                                            enum sp_mark_what what, uint32_t stmt, const char *text)
{
    struct sp_event *ev = sp_trace_add(trace, SP_EV_MARK, (int64_t)(t_us * SP_US));
    ev->stmt = stmt;
    ev->u.mark.what = what;
    ev->u.mark.text = sp_trace_str(trace, text);
    return ev;
}

static inline void fixture_diag(struct sp_trace *trace, double t_us, char *rest)
{
    char end[16], state[32];
    unsigned cookie = 0;
    int used = 0;
    struct sp_event *ev = sp_trace_add(trace, SP_EV_STATE, (int64_t)(t_us * SP_US));
    assert_int_equal(3, sscanf(rest, "%15s %u %31s%n", end, &cookie, state, &used));
    struct sp_ev_state *st = &ev->u.state;
    ev->end = ladder_end(end);
    st->source = SP_STATE_DIAG;
    st->sock_id = cookie;
    st->local = ladder_addr(ev->end == SP_END_CLIENT ? 0 : 1);
    st->not_before_ns = ev->t_ns;
    if (!sp_tcp_state_parse(state, &st->new_state))
        assert_string_equal(state, "NONE");
    if (st->new_state != SP_TCP_LISTEN)
        st->remote = ladder_addr(ev->end == SP_END_CLIENT ? 1 : 0);
    for (char *word = strtok(rest + used, " "); word; word = strtok(NULL, " ")) {
        int64_t number = atol(strchr(word, '=') + 1);
        if (word[0] == 'n')
            st->not_before_ns = number * SP_US;
        else if (word[0] == 'r')
            st->recv_queue = number;
        else
            st->send_queue = number;
    }
}

static inline void fixture_kept(struct sp_trace *trace, double t_us, double end_us, const char *end)
{
    struct sp_event *ev = fixture_mark(trace, t_us, SP_MARK_KEPT, 0, "");
    ev->end = ladder_end(end);
    ev->t_end_ns = (int64_t)(end_us * SP_US);
}

/* Whether the line was one of ours. */
static inline bool fixture_line(struct sp_trace *trace, const struct sp_plan *plan, char *line)
{
    char what[16];
    int used = 0;
    char *after = NULL;
    double t_us = strtod(line, &after);
    double end_us = *after == '-' ? strtod(after + 1, &after) : t_us;
    if (sscanf(after, "%15s%n", what, &used) != 1)
        return false;
    char *rest = after + used;
    if (strcmp(what, "diag") == 0)
        fixture_diag(trace, t_us, rest);
    else if (strcmp(what, "begin") == 0)
        fixture_mark(trace, t_us, SP_MARK_BEGIN, plan->stmts[atoi(rest) - 1].id, "");
    else if (strcmp(what, "done") == 0)
        fixture_mark(trace, t_us, SP_MARK_DONE, plan->stmts[atoi(rest) - 1].id, "");
    else if (strcmp(what, "deadline") == 0)
        fixture_mark(trace, t_us, SP_MARK_DEADLINE, plan->stmts[atoi(rest) - 1].id, "");
    else if (strcmp(what, "stall") == 0)
        fixture_mark(trace, t_us, SP_MARK_STALL, 0, "")->t_end_ns = (int64_t)(end_us * SP_US);
    else if (strcmp(what, "kept") == 0)
        fixture_kept(trace, t_us, end_us, rest + 1);
    else if (strcmp(what, "absent") == 0)
        fixture_mark(trace, t_us, SP_MARK_ABSENT, 0, rest + 1);
    else
        return false;
    return true;
}

static inline const struct sp_stmt *fixture_finish(const struct sp_plan *plan,
                                                   const struct sp_stmt *start)
{
    for (const struct sp_stmt *s = start; s < plan->stmts + plan->stmt_count; s++)
        if (s->kind == SP_ST_FINISH && s->who == start->who && strcmp(s->call, start->call) == 0)
            return s;
    return start;
}

/* Files calls and actions under their statements; events are sorted. */
static inline void fixture_file(struct sp_trace *trace, const struct sp_plan *plan)
{
    size_t call = 0, act = 0;
    for (size_t i = 0; i < trace->len; i++) {
        struct sp_event *ev = &trace->events[i];
        if (ev->kind == SP_EV_STATE &&
            (ev->u.state.new_state == SP_TCP_LISTEN ||
             (ev->u.state.old_state == SP_TCP_LISTEN && ev->u.state.new_state == SP_TCP_CLOSED)))
            memset(&ev->u.state.remote, 0, sizeof ev->u.state.remote);
        if (ev->kind == SP_EV_CALL) {
            while (call < plan->stmt_count && plan->stmts[call].kind != SP_ST_CALL &&
                   plan->stmts[call].kind != SP_ST_START)
                call++;
            if (call == plan->stmt_count)
                continue;
            const struct sp_stmt *stmt = &plan->stmts[call++];
            ev->stmt = (stmt->kind == SP_ST_START ? fixture_finish(plan, stmt) : stmt)->id;
        }
        bool proc = ev->kind == SP_EV_PROC && ev->u.proc.what != SP_PROC_START;
        bool over = false;
        for (size_t m = 0; m < i; m++)
            over = over || (trace->events[m].kind == SP_EV_MARK &&
                            trace->events[m].u.mark.what == SP_MARK_END);
        if ((proc || ev->kind == SP_EV_LAB) && !over) {
            while (act < plan->stmt_count && plan->stmts[act].kind != SP_ST_PROC &&
                   plan->stmts[act].kind != SP_ST_LAB && plan->stmts[act].kind != SP_ST_MIDDLE &&
                   plan->stmts[act].kind != SP_ST_PEER)
                act++;
            if (act < plan->stmt_count)
                ev->stmt = plan->stmts[act++].id;
        }
    }
}

static inline void fixture_begins(struct sp_trace *trace, const struct sp_plan *plan)
{
    int64_t at = 0;
    for (size_t s = 0; s < plan->stmt_count; s++) {
        bool marked = false;
        for (size_t i = 0; i < trace->len; i++) {
            const struct sp_event *ev = &trace->events[i];
            if (ev->stmt != plan->stmts[s].id)
                continue;
            at = ev->t_ns;
            marked = marked || (ev->kind == SP_EV_MARK && ev->u.mark.what == SP_MARK_BEGIN);
        }
        if (!marked)
            fixture_mark(trace, (double)at / SP_US, SP_MARK_BEGIN, plan->stmts[s].id, "");
    }
}

static inline void fixture_plan(struct judged *d, const char *lines, const char *stack,
                                const char *version)
{
    char text[4096];
    struct sp_diags diags;
    struct sp_err err;
    snprintf(text, sizeof text, "%s%s", CASE_HEAD, lines);
    sp_diags_init(&diags);
    enum sp_rc rc = sp_case_parse("cases/t/x.case", text, strlen(text), &d->c, &diags, &err);
    for (size_t i = 0; i < diags.len; i++)
        if (!diags.items[i].warning)
            print_error("%d: %s\n", diags.items[i].at.line, diags.items[i].text);
    assert_int_equal(rc, SP_OK);
    sp_diags_release(&diags);
    struct sp_plan_config config = {.lab = SP_CASE_VETH, .family = SP_CASE_IPV4};
    for (int who = 0; who < SP_WHO_COUNT; who++)
        config.api[who] = config.tcp[who] = (struct sp_plan_stack){stack, version};
    assert_int_equal(sp_plan_make(&d->c, &config, &d->plan, &err), SP_OK);
}

static inline void fixture_trace(struct judged *d, const char *ladder)
{
    struct ladder l = {.trace = &d->trace, .lo = d->lo, .isn = {0xfffffff0u, 7000}};
    struct sp_trace *trace = &d->trace;
    ladder_build(trace, d->lo, "");
    trace->head.hz = 250;
    for (int end = 0; end < SP_END_COUNT; end++)
        trace->head.api[end] = trace->head.tcp[end] =
            (struct sp_stack_id){d->plan.config.tcp[end].name, d->plan.config.tcp[end].version};
    char *copy = sp_xstrdup(ladder);
    for (char *line = copy; line && *line;) {
        char *next = strchr(line, '\n');
        if (next)
            *next++ = '\0';
        if (!fixture_line(trace, &d->plan, line))
            ladder_line(&l, line);
        line = next;
    }
    free(copy);
    sp_trace_sort(trace);
    fixture_file(trace, &d->plan);
    fixture_begins(trace, &d->plan);
    sp_trace_sort(trace);
    int64_t last = trace->len ? trace->events[trace->len - 1].t_ns + 1000 : 0;
    fixture_mark(trace, (double)last / SP_US, SP_MARK_FENCE, 0, "wire");
    fixture_mark(trace, (double)last / SP_US, SP_MARK_FENCE, 0, "states");
}

static inline void judge_as(struct judged *d, const char *lines, const char *ladder,
                            const char *stack, const char *version)
{
    memset(d, 0, sizeof *d);
    fixture_plan(d, lines, stack, version);
    fixture_trace(d, ladder);
    sp_judge(&d->plan, &d->trace, &d->j);
}

static inline void judge_on_lo(struct judged *d, const char *lines, const char *ladder)
{
    memset(d, 0, sizeof *d);
    d->lo = true;
    fixture_plan(d, lines, "linux", "6.18.44");
    fixture_trace(d, ladder);
    sp_judge(&d->plan, &d->trace, &d->j);
}

static inline void judge(struct judged *d, const char *lines, const char *ladder)
{
    judge_as(d, lines, ladder, "linux", "6.18.44");
}

/* Once more, after the test has changed the trace. */
static inline void judge_again(struct judged *d)
{
    sp_judgement_release(&d->j);
    sp_judge(&d->plan, &d->trace, &d->j);
}

static inline void judged_release(struct judged *d)
{
    sp_judgement_release(&d->j);
    sp_trace_release(&d->trace);
    sp_plan_release(&d->plan);
    sp_case_release(&d->c);
}

static inline void assert_verdict(const struct judged *d, enum sp_verdict verdict)
{
    if (d->j.verdict != verdict)
        fail_msg("%s, not %s: %s", sp_verdict_name(d->j.verdict), sp_verdict_name(verdict),
                 d->j.reason);
}

/* Fails with that kind at that line of the case file, saying these words. */
static inline void assert_fails(const struct judged *d, enum sp_fail_kind kind,
                                const char *expected, const char *seen)
{
    assert_verdict(d, SP_VERDICT_FAIL);
    if (d->j.kind != kind)
        fail_msg("%s, not %s: %s", sp_fail_name(d->j.kind), sp_fail_name(kind), d->j.reason);
    assert_non_null(d->j.at);
    assert_non_null(strstr(d->j.at, "cases/t/x.case:"));
    if (!strstr(d->j.expected, expected) || !strstr(d->j.seen, seen))
        fail_msg("expected \"%s\", seen \"%s\"", d->j.expected, d->j.seen);
}

#endif
