/* Sentences: what was expected and what was seen, in one readable clause each. */
#include "impl.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static void append(char *out, size_t cap, size_t at, const char *fmt, va_list args) SP_PRINTF(4, 0);

static void append(char *out, size_t cap, size_t at, const char *fmt, va_list args)
{
    if (at + 1 < cap)
        vsnprintf(out + at, cap - at, fmt, args);
}

void say(char *out, size_t cap, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    append(out, cap, 0, fmt, args);
    va_end(args);
}

void say_more(char *out, size_t cap, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    append(out, cap, strlen(out), fmt, args);
    va_end(args);
}

const char *say_line(const struct sp_stmt *stmt)
{
    return stmt->text ? stmt->text : "";
}

void say_item(const struct item *item, char *out, size_t cap)
{
    const struct sp_seg *seg = &item->ev->u.seg.seg;
    char flags[48];
    sp_tcp_flags_print(seg->flags, flags, sizeof flags);
    say(out, cap, "%s sent %s seq=%u", sp_end_name(item->flight->from), flags,
        (unsigned)item->flight->rel_seq);
    if (seg->flags & SP_ACK)
        say_more(out, cap, " ack=%u", (unsigned)item->flight->rel_ack);
    if (seg->payload_len)
        say_more(out, cap, " len=%u", (unsigned)seg->payload_len);
    if (item->is & IS_RETRANSMIT)
        say_more(out, cap, " again");
}

void say_call(const struct sp_ev_call *call, char *out, size_t cap)
{
    switch (call->how) {
    case SP_CALL_RETURNED:
        if (call->error)
            say(out, cap, "%s returned -1 %s", call->name, call->error);
        else
            say(out, cap, "%s returned %lld", call->name, (long long)call->value);
        if (call->error && call->native && *call->native)
            say_more(out, cap, " (%s)", call->native);
        if (!call->error && call->out && *call->out)
            say_more(out, cap, " (%s)", call->out);
        break;
    case SP_CALL_HUNG:
        say(out, cap, "%s hung and was ended at its deadline", call->name);
        break;
    case SP_CALL_KILLED:
        say(out, cap, "%s was killed with its process", call->name);
        break;
    case SP_CALL_PENDING:
        say(out, cap, "%s had not returned", call->name);
        break;
    }
    if (call->signal)
        say_more(out, cap, " and raised signal %d", (int)call->signal);
}

static void outcome_say(const struct sp_outcome *o, char *out, size_t cap)
{
    static const char *const words[] = {
        [SP_OUT_KILLED] = "killed",
        [SP_OUT_PENDING] = "pending",
        [SP_OUT_ANY] = "any",
        [SP_OUT_UNKNOWN] = "unknown",
    };
    switch (o->kind) {
    case SP_OUT_NUMBER:
        if (o->min == o->max)
            say_more(out, cap, "%lld", (long long)o->min);
        else if (o->max == INT64_MAX)
            say_more(out, cap, "ok");
        else
            say_more(out, cap, "%lld..%lld", (long long)o->min, (long long)o->max);
        break;
    case SP_OUT_ERROR:
    case SP_OUT_TEXT:
        say_more(out, cap, "%s", o->text ? o->text : "");
        break;
    case SP_OUT_BITS:
        if (o->text && *o->text)
            say_more(out, cap, "has %s", o->text);
        if (o->lacks && *o->lacks)
            say_more(out, cap, "%slacks %s", o->text && *o->text ? " " : "", o->lacks);
        break;
    case SP_OUT_KILLED:
    case SP_OUT_PENDING:
    case SP_OUT_ANY:
    case SP_OUT_UNKNOWN:
        say_more(out, cap, "%s", words[o->kind]);
        break;
    }
}

void say_outcomes(const struct sp_expect *expect, char *out, size_t cap)
{
    *out = '\0';
    for (size_t i = 0; i < expect->count; i++) {
        if (i)
            say_more(out, cap, " | ");
        outcome_say(&expect->any_of[i], out, cap);
    }
    if (!expect->count)
        say_more(out, cap, "success");
    if (expect->signal)
        say_more(out, cap, " and signal %d", expect->signal);
}

void say_states(const struct hist *hist, char *out, size_t cap)
{
    *out = '\0';
    for (size_t i = 0; i < hist->len; i++)
        say_more(out, cap, "%s%s", i ? ", " : "", sp_tcp_state_name(hist->spans[i].state));
    if (!hist->len)
        say_more(out, cap, "none");
}

void say_keys(const struct sp_variant *variant, char *out, size_t cap)
{
    *out = '\0';
    const char *of = variant->end == SP_WHO_MIDDLE ? "path=" : "";
    for (size_t i = 0; i < variant->key_count; i++) {
        const struct sp_stack_key *key = &variant->keys[i];
        say_more(out, cap, "%s%s%s", i ? " " : "", of, key->name);
        for (unsigned t = 0; t < key->term_count; t++)
            say_more(out, cap, "%s%s", key->terms[t].op, key->terms[t].version);
    }
}
