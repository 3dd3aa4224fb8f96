/* CALL, START and FINISH lines: what the call came to, against the set that the line allows. */
#include "impl.h"

#include <stdlib.h>
#include <string.h>

struct call_ask {
    const struct walk *walk;
    const struct sp_stmt *stmt;
    const struct sp_event *ev;
};

/* ---- outcomes ------------------------------------------------------------------------------ */

static bool is_any_of(const char *name, const char *const *names)
{
    for (; name && *names; names++)
        if (strcmp(name, *names) == 0)
            return true;
    return false;
}

static const struct sp_arg *arg_of(const struct call_ask *ask, const char *name)
{
    const struct sp_stmt *stmt = ask->stmt;
    if (stmt->kind == SP_ST_FINISH && ask->walk->view->stmts[stmt->id].partner)
        stmt = ask->walk->view->stmts[stmt->id].partner;
    for (size_t i = 0; i < stmt->arg_count; i++)
        if (strcmp(stmt->args[i].name, name) == 0)
            return &stmt->args[i];
    return NULL;
}

/* Success, and of a transfer all that was asked (with flags: whatever they make of it). */
static bool is_plain_success(const struct call_ask *ask)
{
    static const char *const sends[] = {"send", "sendto", "sendmsg", "write", NULL};
    static const char *const recvs[] = {"recv", "recvfrom", "recvmsg", "read", NULL};
    const struct sp_ev_call *call = &ask->ev->u.call;
    if (call->how != SP_CALL_RETURNED || call->error)
        return false;
    const struct sp_arg *len = arg_of(ask, "len");
    static const char *const moving[] = {"fill",       "drain", "poll",  "select", "epoll",
                                         "getsockopt", "get",   "ioctl", NULL};
    /* What moves and tells nothing returns 0 (POSIX); the agent says 0 for a socket that it made.
     */
    if (!is_any_of(call->name, sends) && !is_any_of(call->name, recvs) &&
        !is_any_of(call->name, moving) && call->value != 0)
        return false;
    bool whole =
        is_any_of(call->name, sends) || (is_any_of(call->name, recvs) && !arg_of(ask, "flags"));
    return !whole || !len || len->is_text || call->value == len->number;
}

/* What an option, an ioctl or the like gave back travels as text. */
static int64_t value_of(const struct sp_ev_call *call)
{
    static const char *const asking[] = {"get", "getsockopt", "ioctl", NULL};
    if (is_any_of(call->name, asking) && call->out && *call->out) {
        char *end = NULL;
        long long number = strtoll(call->out, &end, 10);
        if (end && !*end)
            return number;
    }
    return call->value;
}

static bool has_word(const char *text, const char *word, size_t len)
{
    while (text && *text) {
        size_t own = strcspn(text, "| ,");
        if (own == len && strncmp(text, word, len) == 0)
            return true;
        text += own + (text[own] != '\0');
    }
    return false;
}

static bool bits_match(const char *out, const char *words, bool wanted)
{
    while (words && *words) {
        size_t len = strcspn(words, "| ,");
        if (len && has_word(out, words, len) != wanted)
            return false;
        words += len + (words[len] != '\0');
    }
    return true;
}

/* How many words a printed set has. */
static int64_t words_in(const char *text)
{
    int64_t count = 0;
    while (text && *text) {
        size_t len = strcspn(text, "| ,");
        count += len > 0;
        text += len + (text[len] != '\0');
    }
    return count;
}

/* poll() and epoll count sockets, of which there is one; select() the sets that it is left in. */
static bool counts_right(const struct sp_ev_call *call)
{
    int64_t ready = words_in(call->out);
    return call->value == (strcmp(call->name, "select") == 0 ? ready : ready > 0);
}

static bool same_error(const char *a, const char *b)
{
    static const char *const again[] = {"EAGAIN", "EWOULDBLOCK", NULL};
    return strcmp(a, b) == 0 || (is_any_of(a, again) && is_any_of(b, again));
}

/* Errors go by name, also the one that SO_ERROR was asked for. */
static const char *error_told(const struct sp_ev_call *call)
{
    static const char *const asking[] = {"get", "getsockopt", NULL};
    bool asked = !call->error && call->value != 0 && is_any_of(call->name, asking) && call->args &&
                 strcmp(call->args, "SO_ERROR") == 0;
    return asked ? call->out : call->error;
}

static bool outcome_matches(const struct sp_outcome *o, const struct sp_ev_call *call)
{
    const char *error = error_told(call);
    bool returned = call->how == SP_CALL_RETURNED;
    bool success = returned && !call->error;
    switch (o->kind) {
    case SP_OUT_NUMBER:
        return success && value_of(call) >= o->min && value_of(call) <= o->max;
    case SP_OUT_ERROR:
        return returned && error && o->text && same_error(o->text, error);
    case SP_OUT_BITS:
        return success && counts_right(call) && bits_match(call->out, o->text, true) &&
               bits_match(call->out, o->lacks, false);
    case SP_OUT_TEXT:
        return success && strcmp(call->out ? call->out : "", o->text ? o->text : "") == 0;
    case SP_OUT_KILLED:
        return call->how == SP_CALL_KILLED;
    case SP_OUT_PENDING:
        return call->how == SP_CALL_PENDING;
    case SP_OUT_ANY:
    case SP_OUT_UNKNOWN:
        return returned;
    }
    return false;
}

static bool set_has(const struct sp_expect *expect, enum sp_outcome_kind kind)
{
    for (size_t i = 0; i < expect->count; i++)
        if (expect->any_of[i].kind == kind)
            return true;
    return false;
}

static bool set_matches(const struct sp_expect *expect, const struct call_ask *ask)
{
    const struct sp_ev_call *call = &ask->ev->u.call;
    if (!expect->count) {
        bool started = ask->stmt->kind == SP_ST_START;
        return started || is_plain_success(ask);
    }
    for (size_t i = 0; i < expect->count; i++)
        if (outcome_matches(&expect->any_of[i], call))
            return true;
    return false;
}

/* What of the line a variant does not replace stays: the outcome, the signal with it, the time. */
static struct sp_expect expect_of(const struct sp_stmt *stmt, const struct sp_variant *variant)
{
    struct sp_expect expect = stmt->expect;
    if (!variant || !variant->has_expect)
        return expect;
    if (variant->expect.count) {
        expect.any_of = variant->expect.any_of;
        expect.count = variant->expect.count;
        expect.signal = variant->expect.signal;
    } else if (variant->expect.signal) {
        expect.signal = variant->expect.signal;
    }
    if (variant->expect.took.kind != SP_BOUND_NONE)
        expect.took = variant->expect.took;
    return expect;
}

/* ---- one expectation against the call ------------------------------------------------------ */

static enum sp_fail_kind mismatch_kind(const struct sp_expect *expect,
                                       const struct sp_ev_call *call)
{
    bool numbers = !expect->count;
    for (size_t i = 0; i < expect->count; i++)
        numbers = numbers || expect->any_of[i].kind == SP_OUT_NUMBER ||
                  expect->any_of[i].kind == SP_OUT_BITS || expect->any_of[i].kind == SP_OUT_TEXT;
    if (call->how == SP_CALL_HUNG || call->how == SP_CALL_PENDING)
        return SP_FAIL_HUNG;
    return call->how == SP_CALL_RETURNED && !call->error && numbers ? SP_FAIL_VALUE : SP_FAIL_ERROR;
}

/*
 * A bound that holds only because the time without a processor counts, or does not: where that
 * time alone is as long as what is bounded, a stack that took twice as long, or returned at once,
 * would look the same.
 */
static enum sp_fail_kind unknown_time(const struct sp_bound *bound, int32_t hz, int64_t took_ns,
                                      int64_t kept_ns)
{
    int64_t max_ns = bound_max_ns(bound, hz), min_ns = bound_min_ns(bound);
    if (took_ns > max_ns && kept_ns >= max_ns)
        return SP_FAIL_LATE;
    return took_ns - kept_ns < min_ns && kept_ns >= min_ns ? SP_FAIL_EARLY : SP_FAIL_NONE;
}

/*
 * A call was over when the stack had its thread go on; that it then got no processor is not the
 * stack's doing. It came to its end between the two.
 */
static bool took_fits(const struct call_ask *ask, const struct sp_expect *expect, struct finding *f)
{
    const struct sp_event *ev = ask->ev;
    if (expect->took.kind == SP_BOUND_NONE || ev->t_end_ns < 0)
        return true;
    int32_t hz = ask->walk->view->trace->head.hz;
    int64_t took_ns = ev->t_end_ns - ev->t_ns;
    /* what the thread waited for before and after the call is counted as well */
    int64_t kept_ns = ev->u.call.kept_waiting_ns < took_ns ? ev->u.call.kept_waiting_ns : took_ns;
    int64_t over_ns = ev->t_end_ns - kept_ns;
    enum sp_fail_kind kind =
        bound_check(&expect->took, hz, ev->t_ns, ev->t_ns, over_ns, ev->t_end_ns);
    f->over_ns = kind == SP_FAIL_LATE ? over_ns - ev->t_ns - bound_max_ns(&expect->took, hz) : 0;
    f->early_ns = kind == SP_FAIL_EARLY ? bound_min_ns(&expect->took) - took_ns : 0;
    if (kind == SP_FAIL_NONE) {
        kind = unknown_time(&expect->took, hz, took_ns, kept_ns);
        f->kept_ns = kind == SP_FAIL_NONE ? 0 : kept_ns;
    }
    if (kind == SP_FAIL_NONE)
        return true;
    f->kind = kind;
    f->from_ns = ev->t_ns;
    say_more(f->seen, sizeof f->seen, " after %.3f ms", (double)took_ns / (double)SP_MS);
    if (kept_ns > 0)
        say_more(f->seen, sizeof f->seen, ", %.3f ms of them without a processor",
                 (double)kept_ns / (double)SP_MS);
    return false;
}

/* APIs without SIGPIPE: EPIPE or its like is all that they say. A line that asks for the signal is
 * about the error there. */
static bool api_is_silent(const struct call_ask *ask, int signal)
{
    static const char *const silent[] = {"lwip", "wine", "windows", NULL};
    enum { PIPE = 13 }; /* as everywhere in a trace: Linux's number */
    const struct view *view = ask->walk->view;
    const char *name = view->trace->head.api[ask->stmt->who].name;
    if (!name)
        name = view->plan->config.api[ask->stmt->who].name;
    return signal == PIPE && name && is_any_of(name, silent);
}

static bool call_fits(void *ctx, const struct sp_variant *variant, struct finding *f)
{
    const struct call_ask *ask = ctx;
    const struct sp_ev_call *call = &ask->ev->u.call;
    struct sp_expect expect = expect_of(ask->stmt, variant);
    char took[64];
    say_call(call, f->seen, sizeof f->seen);
    say(f->expected, sizeof f->expected, "-> ");
    say_outcomes(&expect, f->expected + 3, sizeof f->expected - 3);
    bound_say(&expect.took, took, sizeof took);
    if (*took)
        say_more(f->expected, sizeof f->expected, " took %s", took);
    f->event = ask->ev;
    f->blames = ask->ev->end;
    f->t_ns = ask->ev->t_end_ns;
    if (!set_matches(&expect, ask)) {
        f->kind = mismatch_kind(&expect, call);
        f->from_ns = f->kind == SP_FAIL_HUNG ? ask->ev->t_ns : -1;
        return false;
    }
    bool anything = set_has(&expect, SP_OUT_ANY) || set_has(&expect, SP_OUT_UNKNOWN) ||
                    call->how != SP_CALL_RETURNED;
    bool quiet = !call->signal && api_is_silent(ask, expect.signal);
    if (!anything && !quiet && call->signal != expect.signal) {
        f->kind = SP_FAIL_SIGNAL;
        if (!call->signal)
            say_more(f->seen, sizeof f->seen, " and raised no signal");
        else if (!expect.signal)
            say_more(f->expected, sizeof f->expected, " and no signal");
        return false;
    }
    return took_fits(ask, &expect, f);
}

static bool changes_calls(const struct sp_variant *variant)
{
    return variant->has_expect;
}

/* ---- the line ------------------------------------------------------------------------------ */

static bool payload_wrong(const struct sp_stmt *stmt, const struct sp_event *ev, struct finding *f)
{
    const struct sp_ev_call *call = &ev->u.call;
    if (call->how != SP_CALL_RETURNED || call->error || call->first_bad < 0)
        return false;
    f->kind = SP_FAIL_PAYLOAD;
    f->event = ev;
    f->blames = ev->end;
    f->t_ns = ev->t_end_ns;
    say(f->expected, sizeof f->expected, "%s: each byte once and in its place", say_line(stmt));
    say(f->seen, sizeof f->seen, "%s got a byte at stream offset %lld that does not belong there",
        call->name, (long long)((call->stream_from > 0 ? call->stream_from : 0) + call->first_bad));
    return true;
}

static bool judges_nothing(const struct sp_stmt *stmt)
{
    return stmt->kind == SP_ST_START && !stmt->expect.count && !stmt->variant_count;
}

static enum sp_try call_absent(const struct sp_stmt *stmt, struct finding *f)
{
    f->kind = SP_FAIL_HUNG;
    f->blames = (enum sp_end)stmt->who;
    say(f->expected, sizeof f->expected, "%s", say_line(stmt));
    say(f->seen, sizeof f->seen, "there is no record of the call");
    return SP_TRY_PENDING;
}

enum sp_try call_step(struct walk *walk, const struct sp_stmt *stmt, struct outcome *out,
                      struct finding *f)
{
    const struct view *view = walk->view;
    const struct sp_event *ev = view->stmts[stmt->id].call;
    struct call_ask ask = {.walk = walk, .stmt = stmt, .ev = ev};
    if (!ev)
        return call_absent(stmt, f);
    bool started = stmt->kind == SP_ST_START;
    out->lo_ns = stmt->kind == SP_ST_FINISH ? ev->t_end_ns : ev->t_ns;
    out->t_ns = started ? ev->t_ns : ev->t_end_ns;
    if (judges_nothing(stmt) || (started && !view->final)) {
        walk_consume(walk, stmt, ev);
        return SP_TRY_DONE;
    }
    bool waits = ev->u.call.how == SP_CALL_PENDING && !view->final;
    if (waits && !set_has(&stmt->expect, SP_OUT_PENDING))
        return SP_TRY_PENDING;
    if (payload_wrong(stmt, ev, f))
        return SP_TRY_FAILED;
    enum sp_try done = variant_judge(walk, stmt, true, changes_calls, call_fits, &ask, out, f);
    if (done != SP_TRY_DONE)
        return done;
    struct sp_expect expect = expect_of(stmt, out->variant);
    if (set_has(&expect, SP_OUT_UNKNOWN))
        out->how = SP_LINE_UNKNOWN;
    walk_consume(walk, stmt, ev);
    return SP_TRY_DONE;
}
