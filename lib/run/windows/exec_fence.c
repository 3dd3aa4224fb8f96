/*
 * Canaries and fences on Windows: a datagram that the capture must see, on each captured link. The
 * table of sockets is asked and does not tell by itself: a look is its own fence.
 */
#include "exec.h"

#include <string.h>

#include "windows/capture.h"

static const int64_t FENCE_WAIT_NS = 2 * SP_S;

static bool canaries_in(const struct exec *x, const unsigned *before)
{
    for (unsigned i = 0; i < x->capture_count; i++)
        if (sp_capture_canaries(x->captures[i]) == before[i])
            return false;
    return true;
}

static enum sp_rc wire_fence(struct exec *x, bool *seen)
{
    unsigned before[EXEC_CAPTURES] = {0};
    enum sp_rc rc = SP_OK;
    *seen = false;
    for (unsigned i = 0; i < x->capture_count; i++)
        if (sp_capture_blind(x->captures[i]))
            return SP_OK;
    for (unsigned i = 0; rc == SP_OK && i < x->capture_count; i++) {
        before[i] = sp_capture_canaries(x->captures[i]);
        rc = sp_capture_canary(x->captures[i], &x->err);
    }
    int64_t until_ns = exec_now(x) + FENCE_WAIT_NS;
    if (rc == SP_OK)
        rc = exec_drain(x);
    while (rc == SP_OK && !canaries_in(x, before) && exec_now(x) < until_ns)
        rc = exec_pump(x, until_ns);
    *seen = rc == SP_OK && x->capture_count && canaries_in(x, before);
    return rc;
}

enum sp_rc exec_fence_open(struct exec *x)
{
    (void)x;
    return SP_OK;
}

void exec_fence_close(struct exec *x)
{
    (void)x;
}

/* Canaries never come to be events here. */
void exec_fence_filter(struct exec *x)
{
    x->scanned = x->trace.len;
}

bool exec_fence_record(struct exec *x, const struct sp_tp_record *record)
{
    (void)x, (void)record;
    return false;
}

enum sp_rc exec_canary(struct exec *x)
{
    bool seen = false;
    enum sp_rc rc = wire_fence(x, &seen);
    if (rc != SP_OK)
        return rc;
    x->trace.head.wire = seen ? SP_WATCH_FULL : SP_WATCH_ABSENT;
    x->trace.head.states = SP_WATCH_POLLED;
    const char *why = "the capture did not see the canary";
    for (unsigned i = 0; i < x->capture_count; i++)
        if (sp_capture_blind(x->captures[i]))
            why = sp_capture_blind(x->captures[i]);
    if (!seen)
        exec_mark(x, SP_MARK_ABSENT, 0, sp_arena_printf(&x->trace.arena, "wire: %s", why));
    else
        exec_mark(x, SP_MARK_CANARY, 0, "wire");
    return SP_OK;
}

enum sp_rc exec_fence(struct exec *x)
{
    bool seen = false;
    enum sp_rc rc = wire_fence(x, &seen);
    if (rc == SP_OK && seen)
        exec_mark(x, SP_MARK_FENCE, 0, "wire");
    return rc;
}
