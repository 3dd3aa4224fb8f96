#include "record.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Longer than a delayed ACK, shorter than a first retransmission of SYN. */
static const char pause_line[] = "wait 300ms";

/* ---- the case's own lines ------------------------------------------------------------------- */

static bool next_line(const char **rest, const char **line, size_t *len)
{
    if (!**rest)
        return false;
    *line = *rest;
    *len = strcspn(*rest, "\n");
    *rest += *len + ((*rest)[*len] == '\n');
    return true;
}

static enum sp_rc classify(const struct sp_stmt *st, enum record_line *out, const char *file,
                           struct sp_err *err)
{
    bool open = !st->variant_count && !st->expect.count && !st->expect.signal &&
                st->expect.took.kind == SP_BOUND_NONE;
    if (st->implied) {
        *out = RECORD_ESTABLISH;
        return SP_OK;
    }
    switch (st->kind) {
    case SP_ST_CALL:
    case SP_ST_FINISH:
        *out = RECORD_CALL;
        break;
    case SP_ST_START: /* `-> killed` and `-> pending` are no expectation but how it ends */
        open = !st->variant_count;
        *out = RECORD_ACTION;
        break;
    case SP_ST_LAB:
    case SP_ST_MIDDLE:
    case SP_ST_PEER:
    case SP_ST_PROC:
    case SP_ST_WAIT:
        *out = RECORD_ACTION;
        break;
    case SP_ST_WIRE:
    case SP_ST_STATE:
    case SP_ST_STILL:
    case SP_ST_NEVER_STATE:
    case SP_ST_NEVER_WIRE:
    case SP_ST_SILENCE:
    case SP_ST_QUEUE:
    case SP_ST_ANY_ORDER:
    case SP_ST_OPTIONAL:
    case SP_ST_REPEAT:
        open = false;
        break;
    }
    if (!open)
        return sp_fail(err, SP_E_USAGE,
                       "%s:%d: this line expects something already; record wants a case that only "
                       "says what is done",
                       file, st->at.line);
    return SP_OK;
}

enum sp_rc record_lines(const struct sp_case *c, const struct sp_plan *plan, enum record_line *out,
                        size_t lines, struct sp_err *err)
{
    enum sp_rc rc = SP_OK;
    for (size_t i = 0; i < plan->stmt_count && rc == SP_OK; i++) {
        const struct sp_stmt *st = &plan->stmts[i];
        if (st->at.line > 0 && (size_t)st->at.line < lines)
            rc = classify(st, &out[st->at.line], c->file, err);
    }
    const char *rest = c->text, *line = NULL;
    size_t len = 0;
    for (int number = 1; rc == SP_OK && next_line(&rest, &line, &len); number++) {
        const char *word = line + strspn(line, " \t");
        bool block = strncmp(word, "on ", 3) == 0 || *word == '}';
        if (block && word < line + len)
            rc = sp_fail(err, SP_E_USAGE, "%s:%d: record wants a case that is the same everywhere",
                         c->file, number);
    }
    return rc;
}

/* The line cut in two where an outcome belongs: before the label or the comment. */
static size_t outcome_at(const char *line, size_t len)
{
    size_t end = len;
    for (size_t i = 1; i < len; i++) {
        bool blank = line[i - 1] == ' ' || line[i - 1] == '\t';
        bool label = len - i > 4 && strncmp(line + i, "as @", 4) == 0;
        if (blank && (line[i] == '#' || label)) {
            end = i;
            break;
        }
    }
    while (end && (line[end - 1] == ' ' || line[end - 1] == '\t'))
        end--;
    return end;
}

static void put_line(struct sp_buf *out, const char *line, size_t len, const char *outcome)
{
    size_t at = outcome_at(line, len);
    sp_buf_add(out, line, at);
    sp_buf_addstr(out, outcome);
    sp_buf_add(out, line + at, len - at);
    sp_buf_addch(out, '\n');
}

void record_instrument(const struct sp_case *c, const enum record_line *lines, struct sp_buf *out,
                       int *from, size_t cap)
{
    const char *rest = c->text, *line = NULL;
    size_t len = 0, written = 1;
    for (int number = 1; next_line(&rest, &line, &len); number++) {
        enum record_line is = lines[number];
        put_line(out, line, len, is == RECORD_CALL ? " -> any" : "");
        if (written < cap)
            from[written++] = number;
        if (is == RECORD_PLAIN)
            continue;
        sp_buf_addf(out, "%s\n", pause_line);
        if (written < cap)
            from[written++] = 0;
    }
}

/* ---- what calls came to --------------------------------------------------------------------- */

static const struct sp_event *call_of(const struct sp_trace *trace, uint32_t stmt)
{
    for (size_t i = 0; i < trace->len; i++)
        if (trace->events[i].kind == SP_EV_CALL && trace->events[i].stmt == stmt)
            return &trace->events[i];
    return NULL;
}

static void put_bits(struct sp_buf *out, const char *bits)
{
    sp_buf_addstr(out, " -> has ");
    for (; *bits; bits++)
        sp_buf_addch(out, *bits == '|' ? ' ' : *bits);
}

/* Calls that give nothing but success need no word about it. */
static bool tells_nothing(const struct sp_stmt *st)
{
    static const char *const names[] = {
        "socket",      "bind", "listen", "connect",  "accept", "close",    "shutdown",
        "set",         "dup",  "fill",   "nonblock", "signal", "send",     "getsockname",
        "getpeername", "pass", "take",   "fork",     "reap",   "interrupt"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (strcmp(names[i], st->call) == 0)
            return true;
    return false;
}

static bool asks_readiness(const struct sp_stmt *st)
{
    return strcmp(st->call, "poll") == 0 || strcmp(st->call, "select") == 0 ||
           strcmp(st->call, "epoll") == 0;
}

static int64_t asked_bytes(const struct sp_stmt *st)
{
    for (size_t i = 0; i < st->arg_count; i++)
        if (strcmp(st->args[i].name, "len") == 0)
            return st->args[i].number;
    return -1;
}

static void put_outcome(const struct sp_stmt *st, const struct sp_event *ev, struct sp_buf *out)
{
    const struct sp_ev_call *call = ev ? &ev->u.call : NULL;
    if (!call || call->how == SP_CALL_HUNG || call->how == SP_CALL_PENDING)
        sp_buf_addstr(out, " -> unknown");
    else if (call->how == SP_CALL_KILLED)
        sp_buf_addstr(out, " -> killed");
    else if (call->error)
        sp_buf_addf(out, " -> %s", call->error);
    else if (asks_readiness(st) && call->value > 0)
        put_bits(out, call->out);
    else if (strcmp(st->call, "get") == 0 && strchr(call->out, '='))
        sp_buf_addf(out, " -> %s", call->out);
    else if (strcmp(st->call, "get") == 0 && call->out[0] == 'E')
        sp_buf_addf(out, " -> %s", call->out);
    else if (strcmp(st->call, "get") == 0 && *call->out)
        sp_buf_addf(out, " -> \"%s\"", call->out);
    else if (!tells_nothing(st) ||
             (strcmp(st->call, "send") == 0 && call->value != asked_bytes(st)))
        sp_buf_addf(out, " -> %lld", (long long)call->value);
    const char *signal = call && call->signal ? sigabbrev_np(call->signal) : NULL;
    if (signal)
        sp_buf_addf(out, " raises SIG%s", signal);
}

/* ---- the proposal --------------------------------------------------------------------------- */

static int64_t begin_of(const struct sp_trace *trace, uint32_t stmt)
{
    for (size_t i = 0; i < trace->len; i++) {
        const struct sp_event *ev = &trace->events[i];
        bool begins = ev->kind == SP_EV_MARK && ev->u.mark.what == SP_MARK_BEGIN;
        if (begins && ev->stmt == stmt)
            return ev->t_ns;
    }
    return -1;
}

static int64_t end_of_script(const struct sp_trace *trace)
{
    for (size_t i = 0; i < trace->len; i++)
        if (trace->events[i].kind == SP_EV_MARK && trace->events[i].u.mark.what == SP_MARK_END)
            return trace->events[i].t_ns;
    return INT64_MAX;
}

/* The statement that a line of the case became, and when the next line of the case began. */
struct window {
    const struct sp_stmt *stmt;
    int64_t from_ns, to_ns;
};

static struct window window_of(const struct sp_plan *ran, const int *from,
                               const struct sp_trace *trace, int line)
{
    struct window window = {.from_ns = -1, .to_ns = end_of_script(trace)};
    for (size_t i = 0; i < ran->stmt_count; i++) {
        const struct sp_stmt *st = &ran->stmts[i];
        int of = from[st->at.line];
        if (of == line && !window.stmt) {
            window.stmt = st;
            window.from_ns = begin_of(trace, st->id);
        } else if (window.stmt && of && of != line) {
            int64_t next_ns = begin_of(trace, st->id);
            window.to_ns = next_ns >= 0 ? next_ns : window.to_ns;
            break;
        }
    }
    return window;
}

void record_propose(const struct sp_case *c, const enum record_line *lines,
                    const struct sp_plan *ran, const int *from, const struct sp_trace *trace,
                    struct sp_buf *out)
{
    struct record_seen *seen = record_seen_new(trace, ran->peer_at != SP_WHO_NONE);
    const char *rest = c->text, *line = NULL;
    size_t len = 0;
    for (int number = 1; next_line(&rest, &line, &len); number++) {
        struct sp_buf outcome;
        sp_buf_init(&outcome, 0);
        struct window window = {0};
        if (lines[number] != RECORD_PLAIN)
            window = window_of(ran, from, trace, number);
        bool reached = window.stmt && window.from_ns >= 0;
        if (lines[number] == RECORD_CALL && reached)
            put_outcome(window.stmt, call_of(trace, window.stmt->id), &outcome);
        put_line(out, line, len, outcome.data ? outcome.data : "");
        if (lines[number] != RECORD_PLAIN && !reached)
            sp_buf_addstr(out, "# the run did not come to this line\n");
        else if (lines[number] == RECORD_ACTION || lines[number] == RECORD_CALL)
            record_seen_put(seen, window.from_ns, window.to_ns, out);
        sp_buf_release(&outcome);
    }
    record_seen_free(seen);
}
