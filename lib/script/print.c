/*
 * Statements and plans written out in the words of the language, from their fields and not from
 * the text: two plans that print the same are the same (the hash of a plan is taken over it).
 */
#include "parser.h"

#include <inttypes.h>
#include <string.h>

#include "clock.h"

const char *sp_who_name(enum sp_who who)
{
    static const char *const names[SP_WHO_COUNT] = {"none", "client", "server", "peer", "middle"};
    return who < SP_WHO_COUNT ? names[who] : "none";
}

static void add_duration(struct sp_buf *out, int64_t ns)
{
    char text[48];
    sp_duration_print(ns, text, sizeof text);
    sp_buf_addstr(out, text);
}

static void add_range(struct sp_buf *out, int64_t min, int64_t max)
{
    if (min == max)
        sp_buf_addf(out, "%" PRId64, min);
    else
        sp_buf_addf(out, "%" PRId64 "..%" PRId64, min, max);
}

void sp_bound_print(const struct sp_bound *bound, struct sp_buf *out)
{
    if (bound->kind == SP_BOUND_WITHIN) {
        sp_buf_addstr(out, "within ");
        add_duration(out, bound->max_ns);
    } else if (bound->kind == SP_BOUND_AFTER) {
        sp_buf_addstr(out, "after ");
        add_duration(out, bound->min_ns);
        if (!bound->wheel) {
            sp_buf_addstr(out, "..");
            add_duration(out, bound->max_ns);
        } else {
            sp_buf_addstr(out, " +wheel");
        }
    }
    if (bound->since)
        sp_buf_addf(out, " since @%s", bound->since);
}

static void print_outcome(const struct sp_outcome *outcome, struct sp_buf *out)
{
    switch (outcome->kind) {
    case SP_OUT_NUMBER:
        if (outcome->max == INT64_MAX)
            sp_buf_addstr(out, "ok");
        else
            add_range(out, outcome->min, outcome->max);
        break;
    case SP_OUT_ERROR:
        sp_buf_addstr(out, outcome->text);
        break;
    case SP_OUT_TEXT: { /* one word that is no NAME=VALUE is written with quotes */
        const char *quote = strchr(outcome->text, '=') ? "" : "\"";
        sp_buf_addf(out, "%s%s%s", quote, outcome->text, quote);
        break;
    }
    case SP_OUT_BITS:
        sp_buf_addf(out, "%s%s%s", *outcome->text ? "has " : "", outcome->text,
                    *outcome->text && *outcome->lacks ? " " : "");
        sp_buf_addf(out, "%s%s", *outcome->lacks ? "lacks " : "", outcome->lacks);
        break;
    case SP_OUT_KILLED:
        sp_buf_addstr(out, "killed");
        break;
    case SP_OUT_PENDING:
        sp_buf_addstr(out, "pending");
        break;
    case SP_OUT_ANY:
        sp_buf_addstr(out, "any");
        break;
    case SP_OUT_UNKNOWN:
        sp_buf_addstr(out, "unknown");
        break;
    }
}

void sp_expect_print(const struct sp_expect *expect, struct sp_buf *out)
{
    for (size_t i = 0; i < expect->count; i++) {
        sp_buf_addstr(out, i ? " | " : "");
        print_outcome(&expect->any_of[i], out);
    }
    if (expect->took.kind != SP_BOUND_NONE) {
        sp_buf_addstr(out, expect->count ? " took " : "took ");
        sp_bound_print(&expect->took, out);
    }
    if (expect->signal)
        sp_buf_addf(out, " raises %s", signal_name_of(expect->signal));
}

static void add_expect(struct sp_buf *out, const struct sp_expect *expect)
{
    if (expect->count)
        sp_buf_addstr(out, " -> ");
    else if (expect->took.kind != SP_BOUND_NONE)
        sp_buf_addch(out, ' ');
    sp_expect_print(expect, out);
}

static void add_when(struct sp_buf *out, const struct sp_bound *when)
{
    if (when->kind == SP_BOUND_NONE)
        return;
    sp_buf_addch(out, ' ');
    sp_bound_print(when, out);
}

static void add_end(struct sp_buf *out, const struct sp_stmt *st, const char *usual)
{
    sp_buf_addstr(out, sp_who_name(st->who));
    if (st->sock && strcmp(st->sock, usual) != 0)
        sp_buf_addf(out, "/%s", st->sock);
}

static void print_call(const struct sp_stmt *st, struct sp_buf *out)
{
    bool listens = strcmp(st->call, "listen") == 0 || strcmp(st->call, "accept") == 0;
    add_end(out, st, listens ? "listener" : "conn");
    sp_buf_addf(out, " %s%s",
                st->kind == SP_ST_START    ? "start "
                : st->kind == SP_ST_FINISH ? "finish "
                                           : "",
                st->call);
    bool pairs = strcmp(st->call, "set") == 0 && st->arg_count == 3;
    for (size_t i = 0; i < st->arg_count; i++) {
        const struct sp_arg *arg = &st->args[i];
        if (strcmp(arg->name, "as") == 0 && listens && strcmp(arg->text, "conn") == 0)
            continue;
        sp_buf_addch(out, ' ');
        if (strcmp(arg->name, "timeout_ms") == 0)
            sp_buf_addf(out, "timeout %" PRId64 "ms", arg->number);
        else if (strcmp(st->call, "nonblock") == 0)
            sp_buf_addstr(out, arg->number ? "on" : "off");
        else if (pairs && i > 0)
            sp_buf_addf(out, "%s=%" PRId64, arg->name, arg->number);
        else if (arg->is_text)
            sp_buf_addstr(out, arg->text);
        else
            sp_buf_addf(out, "%" PRId64, arg->number);
    }
    add_expect(out, &st->expect);
}

static void print_lab(const struct sp_stmt *st, struct sp_buf *out)
{
    sp_buf_addf(out, "lab %s", st->verb);
    if (st->target)
        sp_buf_addf(out, " %s", st->target == SP_WHO_MIDDLE ? "box" : sp_who_name(st->target));
    if (st->arg_count == 2)
        sp_buf_addf(out, " %s=%s", st->args[0].text, st->args[1].text);
    if (st->preferred)
        sp_buf_addstr(out, " preferred");
}

static void print_watch(const struct sp_stmt *st, const char *word, struct sp_buf *out)
{
    bool wire = st->kind == SP_ST_WIRE || st->kind == SP_ST_NEVER_WIRE;
    bool listen = !wire && strcmp(state_name(st->state), "LISTEN") == 0;
    sp_buf_addf(out, "%s ", word);
    add_end(out, st, listen ? "listener" : "conn");
    sp_buf_addf(out, " %s", wire ? st->pattern.text : state_name(st->state));
    add_when(out, &st->when);
    if (st->when.kind == SP_BOUND_NONE && st->when.max_ns) {
        sp_buf_addstr(out, " for ");
        add_duration(out, st->when.max_ns);
    }
    if (st->until)
        sp_buf_addf(out, " until @%s", st->until);
}

static void print_proc(const struct sp_stmt *st, struct sp_buf *out)
{
    sp_buf_addf(out, "%s %s", sp_who_name(st->who), st->call);
    if (st->arg_count && st->args[0].is_text)
        sp_buf_addf(out, " %s", st->args[0].text);
    else if (st->arg_count)
        sp_buf_addf(out, " %" PRId64, st->args[0].number);
}

static void print_timed(const struct sp_stmt *st, struct sp_buf *out)
{
    if (st->kind == SP_ST_SILENCE)
        sp_buf_addf(out, "silence %s%sfor ", st->who ? sp_who_name(st->who) : "",
                    st->who ? " " : "");
    else
        sp_buf_addstr(out, "wait ");
    add_duration(out, st->when.max_ns);
}

void sp_stmt_print(const struct sp_stmt *st, struct sp_buf *out)
{
    switch (st->kind) {
    case SP_ST_CALL:
    case SP_ST_START:
    case SP_ST_FINISH:
        print_call(st, out);
        break;
    case SP_ST_WIRE:
        print_watch(st, "wire", out);
        break;
    case SP_ST_STATE:
        print_watch(st, "state", out);
        break;
    case SP_ST_STILL:
        print_watch(st, "still", out);
        break;
    case SP_ST_NEVER_STATE:
        print_watch(st, "never", out);
        break;
    case SP_ST_NEVER_WIRE:
        print_watch(st, "never wire", out);
        break;
    case SP_ST_SILENCE:
    case SP_ST_WAIT:
        print_timed(st, out);
        break;
    case SP_ST_QUEUE:
        sp_buf_addstr(out, "queue ");
        add_end(out, st, "conn");
        sp_buf_addf(out, " %s ", st->verb);
        add_range(out, st->times.min, st->times.max);
        add_when(out, &st->when);
        break;
    case SP_ST_LAB:
        print_lab(st, out);
        break;
    case SP_ST_MIDDLE:
        middle_print(st, out);
        break;
    case SP_ST_PEER:
        peer_print(st->peer, out);
        break;
    case SP_ST_PROC:
        print_proc(st, out);
        break;
    case SP_ST_ANY_ORDER:
        sp_buf_addstr(out, "any order");
        break;
    case SP_ST_OPTIONAL:
        sp_buf_addstr(out, "optional");
        break;
    case SP_ST_REPEAT:
        sp_buf_addstr(out, "repeat ");
        add_range(out, st->times.min, st->times.max);
        break;
    }
    if (st->label)
        sp_buf_addf(out, " as @%s", st->label);
}

/* ---- a whole plan -------------------------------------------------------------------------- */

static const char *const source_names[] = {"none", "measured", "documented", "reported"};

static void print_variant(const struct sp_variant *variant, int depth, struct sp_buf *out)
{
    sp_buf_addf(out, "%*son", depth * 2, "");
    for (size_t i = 0; i < variant->key_count; i++) {
        const struct sp_stack_key *key = &variant->keys[i];
        const char *end = variant->end == SP_WHO_MIDDLE ? "path"
                          : variant->end                ? sp_who_name(variant->end)
                                                        : "";
        sp_buf_addf(out, " %s%s%s", !i ? end : "", variant->end && !i ? "=" : "", key->name);
        for (unsigned n = 0; n < key->term_count; n++)
            sp_buf_addf(out, "%s%s%s", n ? " " : "", key->terms[n].op, key->terms[n].version);
    }
    if (variant->has_expect)
        add_expect(out, &variant->expect);
    add_when(out, &variant->when);
    if (variant->why)
        sp_buf_addf(out, " \"%s\"", variant->why);
    sp_buf_addf(out, "\n%*ssource %s %s\n", depth * 2 + 2, "", source_names[variant->source_kind],
                variant->source);
}

static void print_stmts(const struct sp_stmt *stmts, size_t count, int depth, struct sp_buf *out)
{
    for (size_t i = 0; i < count; i++) {
        const struct sp_stmt *st = &stmts[i];
        bool block =
            st->kind == SP_ST_ANY_ORDER || st->kind == SP_ST_OPTIONAL || st->kind == SP_ST_REPEAT;
        sp_buf_addf(out, "%*s", depth * 2, "");
        sp_stmt_print(st, out);
        sp_buf_addstr(out, block ? " {\n" : "\n");
        for (size_t n = 0; n < st->variant_count; n++)
            print_variant(&st->variants[n], depth + 1, out);
        print_stmts(st->children, st->child_count, depth + 1, out);
        if (block)
            sp_buf_addf(out, "%*s}\n", depth * 2, "");
    }
}

void sp_plan_print(const struct sp_plan *plan, struct sp_buf *out)
{
    const struct sp_case *c = plan->case_;
    sp_buf_addf(out, "case %s\nlab %s\nfamily %s\ndeadline ", plan->run_id,
                plan->config.lab == SP_CASE_LOOPBACK ? "loopback"
                : plan->config.lab == SP_CASE_VETH   ? "veth"
                                                     : "routed",
                plan->config.family == SP_CASE_IPV4 ? "ipv4" : "ipv6");
    add_duration(out, c->deadline_ns);
    sp_buf_addstr(out, "\nwatch ");
    add_duration(out, c->watch_ns);
    sp_buf_addch(out, '\n');
    for (size_t i = 0; i < c->need_count; i++)
        sp_buf_addf(out, "needs %s\n", c->needs[i]);
    for (size_t i = 0; i < plan->pin_count; i++)
        sp_buf_addf(out, "pin %s=%s\n", plan->pins[i].name, plan->pins[i].value);
    sp_buf_addch(out, '\n');
    print_stmts(plan->stmts, plan->stmt_count, 0, out);
}
