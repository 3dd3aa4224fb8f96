/*
 * Calls that carry payload.
 *
 * What is sent at offset n of a socket's stream is sp_pattern_byte(salt, n), whichever call sends
 * it; a call that took less than it was given leaves the position behind what was taken. What is
 * received is held against the peer's pattern at the position reached so far. MSG_PEEK looks
 * without moving on. Urgent data: on send an urgent byte has its place in the stream like any
 * other; on recv with MSG_OOB it is neither checked nor counted, and a case that reads past it in
 * the ordinary stream says so with skip=1.
 */
#include <stdio.h>
#include <stdlib.h>

#include "pattern.h"
#include "worker.h"

enum { CHUNK_BYTES = 64 * 1024 };

/* Longer than a delayed acknowledgement (at most 40 ms on Linux loopback, RFC 9293 allows 500). */
static const int64_t SETTLED_AFTER_NS = 100 * 1000 * 1000LL;

/* Since when the send queue stands still. */
struct settling {
    int64_t began_ns;
    int64_t unacked;
};

static int flag(const char *name)
{
    int bit = 0;
    return sp_stack_words_parse(SP_STACK_MSG, name, &bit, NULL) == SP_OK ? bit : 0;
}

static bool has_flag(const struct sp_call *call, const char *name)
{
    int bit = flag(name);
    return bit && (call->words & bit) == bit;
}

enum sp_rc sp_prepare_flags(struct sp_call *call, struct sp_err *err)
{
    return sp_stack_words_parse(SP_STACK_MSG, sp_call_text(call, "flags"), &call->words, err);
}

void sp_make_send(struct sp_call *call)
{
    size_t len = (size_t)sp_call_number(call, "len");
    char *data = sp_xcalloc(1, len);
    uint64_t from = sp_call_sent(call, 0);
    sp_pattern_fill(call->worker->salt, from, data, len);
    sp_stack_send(call->sock, data, len, call->words, &call->outcome);
    if (call->outcome.value > 0)
        sp_call_sent(call, (uint64_t)call->outcome.value);
    call->reply.stream_from = (int64_t)from;
    free(data);
}

/* The first wrong byte of what arrived at `from`, as a stream offset; keeps one found before. */
static void check(struct sp_call *call, uint64_t from, const void *data, size_t len)
{
    size_t good = sp_pattern_check(call->worker->peer_salt, from, data, len);
    if (good < len && call->reply.first_bad < 0)
        call->reply.first_bad = (int64_t)(from + good);
}

void sp_make_recv(struct sp_call *call)
{
    size_t len = (size_t)sp_call_number(call, "len");
    char *data = sp_xcalloc(1, len);
    bool is_urgent = has_flag(call, "MSG_OOB");
    bool moves_on = !is_urgent && !has_flag(call, "MSG_PEEK");
    bool has_data = !is_urgent && !has_flag(call, "MSG_TRUNC") && !has_flag(call, "MSG_ERRQUEUE");
    sp_stack_recv(call->sock, data, len, call->words, &call->outcome);
    uint64_t skip = (uint64_t)sp_call_number(call, "skip");
    int64_t got = call->outcome.value;
    uint64_t from = 0;
    if (got < 0)
        from = sp_call_received(call, 0);
    else if (moves_on)
        from = sp_call_received(call, skip + (uint64_t)got) + skip;
    else
        from = sp_call_received(call, 0) + skip;
    if (got > 0 && has_data)
        check(call, from, data, (size_t)got);
    call->reply.stream_from = (int64_t)from;
    free(data);
}

/* Takes a later step's outcome, keeping when the first one began. */
static void note_step(struct sp_call *call, const struct sp_stack_outcome *step, bool first)
{
    int64_t began_ns = first ? step->t_enter_ns : call->outcome.t_enter_ns;
    call->outcome = *step;
    call->outcome.t_enter_ns = began_ns;
}

static void note_total(struct sp_call *call, uint64_t total, bool failed)
{
    if (failed)
        snprintf(call->reply.out, sizeof call->reply.out, "bytes=%llu", (unsigned long long)total);
    else
        call->outcome.value = (int64_t)total;
}

void sp_make_drain(struct sp_call *call)
{
    char *data = sp_xcalloc(1, CHUNK_BYTES);
    uint64_t total = 0;
    uint64_t max = (uint64_t)sp_call_number(call, "max");
    struct sp_stack_outcome step = {0};
    call->reply.stream_from = (int64_t)sp_call_received(call, 0);
    for (bool first = true; total < max; first = false) {
        size_t len = max - total < CHUNK_BYTES ? (size_t)(max - total) : CHUNK_BYTES;
        sp_stack_recv(sp_call_sock_now(call), data, len, call->words, &step);
        note_step(call, &step, first);
        if (step.value <= 0)
            break;
        uint64_t from = sp_call_received(call, (uint64_t)step.value);
        check(call, from, data, (size_t)step.value);
        total += (uint64_t)step.value;
    }
    note_total(call, total, step.value < 0);
    free(data);
}

static bool would_block(int error)
{
    int again = 0;
    return sp_stack_error_number("EAGAIN", &again) && error == again;
}

static int64_t query(struct sp_call *call, const char *name)
{
    struct sp_stack_outcome outcome;
    int number = 0;
    if (sp_stack_words_parse(SP_STACK_QUERY, name, &number, NULL) != SP_OK)
        return -1;
    sp_stack_query(sp_call_sock_now(call), number, &outcome);
    return outcome.error ? -1 : outcome.value;
}

/*
 * Whether a full send queue stays full: what has been sent is acknowledged and the rest waits for
 * the peer's window, or nothing has moved for a while (a silent path, or a stack that does not
 * tell). Right after a send that found no room, acknowledgements may still be on their way.
 */
static bool is_settled(struct sp_call *call, struct settling *since)
{
    int64_t unacked = query(call, "SIOCOUTQ");
    int64_t unsent = query(call, "SIOCOUTQNSD");
    int64_t now_ns = sp_stack_now_ns();
    if (unacked >= 0 && unacked == unsent)
        return true;
    if (!since->began_ns || unacked != since->unacked) {
        since->began_ns = now_ns;
        since->unacked = unacked;
    }
    return now_ns - since->began_ns > SETTLED_AFTER_NS;
}

void sp_make_fill(struct sp_call *call)
{
    char *data = sp_xcalloc(1, CHUNK_BYTES);
    uint64_t total = 0;
    uint64_t max = (uint64_t)sp_call_number(call, "max");
    struct sp_stack_outcome step = {0};
    struct settling settling = {0};
    bool settled = false; /* seen before the send: acknowledgements after one make room */
    unsigned idle_rounds = 0;
    call->reply.stream_from = (int64_t)sp_call_sent(call, 0);
    for (bool first = true; total < max; first = false) {
        size_t len = max - total < CHUNK_BYTES ? (size_t)(max - total) : CHUNK_BYTES;
        sp_pattern_fill(call->worker->salt, sp_call_sent(call, 0), data, len);
        sp_stack_send_nowait(sp_call_sock_now(call), data, len, &step);
        note_step(call, &step, first);
        if (step.value < 0 && (!would_block(step.error) || settled))
            break;
        if (step.value < 0) {
            settled = is_settled(call, &settling);
            if (!settled)
                sp_stack_yield(idle_rounds++);
            continue;
        }
        settled = false;
        idle_rounds = 0;
        sp_call_sent(call, (uint64_t)step.value);
        total += (uint64_t)step.value;
    }
    bool full = step.value < 0 && would_block(step.error);
    if (full)
        call->outcome.error = 0;
    note_total(call, total, step.value < 0 && !full);
    free(data);
}
