/*
 * Time. Bounds compare the times of the evidence, never the time at which somebody looked.
 *
 * What sock_diag's looks show has happened in an interval: a bound is broken only where the whole
 * interval breaks it, with one exception on the safe side: what must not come before its time is
 * held against the time at which it was there for certain.
 */
#include "impl.h"

#include <string.h>

/* kernel/time/timer.c: LVL_BITS 6, LVL_CLK_SHIFT 3; level n starts at 63 * 8^(n-1) ticks and has
 * buckets of 8^n ticks; expiry is rounded up to the next bucket. */
enum { WHEEL_FIRST_TICKS = 63, WHEEL_FACTOR = 8, WHEEL_LEVELS = 9 };

static int64_t step_at(int64_t length_ns, int64_t hz)
{
    int64_t tick_ns = SP_S / hz;
    int64_t ticks = length_ns / tick_ns + (length_ns % tick_ns != 0);
    int64_t bucket = 1;
    int64_t level_start = WHEEL_FIRST_TICKS;
    for (int level = 1; level < WHEEL_LEVELS && ticks >= level_start; level++) {
        bucket *= WHEEL_FACTOR;
        level_start *= WHEEL_FACTOR;
    }
    return (bucket + 1) * tick_ns;
}

int64_t sp_wheel_step_ns(int64_t length_ns, int32_t hz)
{
    static const int32_t common_hz[] = {100, 250, 300, 1000};
    if (length_ns < 0)
        length_ns = 0;
    if (hz > 0)
        return step_at(length_ns, hz);
    int64_t most = 0; /* unknown: the coarsest of those in use */
    for (size_t i = 0; i < sizeof common_hz / sizeof common_hz[0]; i++) {
        int64_t step = step_at(length_ns, common_hz[i]);
        most = step > most ? step : most;
    }
    return most;
}

int64_t bound_max_ns(const struct sp_bound *bound, int32_t hz)
{
    if (!bound->wheel)
        return bound->max_ns;
    return bound->max_ns + sp_wheel_step_ns(bound->min_ns, hz) + TIMER_SLACK_NS;
}

int64_t bound_min_ns(const struct sp_bound *bound)
{
    return bound->kind == SP_BOUND_AFTER ? bound->min_ns : 0;
}

void bound_say(const struct sp_bound *bound, char *out, size_t cap)
{
    char min[32], max[32];
    sp_duration_print(bound->min_ns, min, sizeof min);
    sp_duration_print(bound->max_ns, max, sizeof max);
    switch (bound->kind) {
    case SP_BOUND_NONE:
        *out = '\0';
        break;
    case SP_BOUND_WITHIN:
        say(out, cap, "within %s", max);
        break;
    case SP_BOUND_AFTER:
        if (bound->wheel)
            say(out, cap, "after %s +wheel", min);
        else
            say(out, cap, "after %s to %s", min, max);
        break;
    }
}

enum sp_fail_kind bound_check(const struct sp_bound *bound, int32_t hz, int64_t base_lo_ns,
                              int64_t base_ns, int64_t lo_ns, int64_t t_ns)
{
    if (bound->kind == SP_BOUND_NONE || t_ns < 0 || base_ns < 0)
        return SP_FAIL_NONE;
    if (bound->kind == SP_BOUND_AFTER && t_ns - base_lo_ns < bound->min_ns)
        return SP_FAIL_EARLY;
    if (lo_ns - base_ns > bound_max_ns(bound, hz))
        return SP_FAIL_LATE;
    return SP_FAIL_NONE;
}

void time_base(const struct walk *walk, const struct sp_bound *bound, int64_t *lo_ns, int64_t *t_ns)
{
    const struct sp_stmt *label = bound->since ? view_label(walk->view, bound->since) : NULL;
    bool labelled = label && walk->is_done[label->id] && walk->done[label->id].t_ns >= 0;
    *lo_ns = labelled ? walk->done[label->id].lo_ns : walk->last_lo_ns;
    *t_ns = labelled ? walk->done[label->id].t_ns : walk->last_ns;
    if (*t_ns < 0)
        *lo_ns = *t_ns = walk->begin_ns;
}

/* ---- the time of a WIRE or STATE line ------------------------------------------------------ */

struct time_ask {
    const struct walk *walk;
    const struct sp_stmt *stmt;
    const struct outcome *out;
};

static void say_time(int64_t ns, char *out, size_t cap)
{
    if (ns < SP_S && ns > -SP_S)
        say(out, cap, "%.3f ms", (double)ns / (double)SP_MS);
    else
        say(out, cap, "%.3f s", (double)ns / (double)SP_S);
}

/* Fills f->seen with when it was; the caller puts in front what it was. */
static bool time_fits(void *ctx, const struct sp_variant *variant, struct finding *f)
{
    const struct time_ask *ask = ctx;
    const struct walk *walk = ask->walk;
    const struct sp_bound *bound =
        variant && variant->when.kind != SP_BOUND_NONE ? &variant->when : &ask->stmt->when;
    int64_t base_lo = 0, base = 0;
    char when[48];
    time_base(walk, bound, &base_lo, &base);
    int32_t hz = walk->view->trace->head.hz;
    enum sp_fail_kind kind = bound_check(bound, hz, base_lo, base, ask->out->lo_ns, ask->out->t_ns);
    if (bound->kind == SP_BOUND_NONE && walk->begin_ns >= 0 &&
        ask->out->lo_ns > walk->begin_ns + walk->view->plan->case_->deadline_ns) {
        kind = SP_FAIL_LATE;
        base = walk->begin_ns;
    }
    if (kind == SP_FAIL_NONE)
        return true;
    f->kind = kind;
    f->early_ns = kind == SP_FAIL_EARLY ? bound->min_ns - (ask->out->t_ns - base_lo) : 0;
    f->t_ns = ask->out->t_ns;
    f->from_ns = base;
    say_time(ask->out->t_ns - base, when, sizeof when);
    say(f->seen, sizeof f->seen, "after %s", when);
    bound_say(bound, f->expected, sizeof f->expected);
    if (bound->kind == SP_BOUND_NONE) {
        char text[32];
        sp_duration_print(walk->view->plan->case_->deadline_ns, text, sizeof text);
        say(f->expected, sizeof f->expected, "within the case's deadline of %s", text);
    }
    return false;
}

static bool changes_time(const struct sp_variant *variant)
{
    return variant->when.kind != SP_BOUND_NONE;
}

enum sp_try time_judge(struct walk *walk, const struct sp_stmt *stmt, struct outcome *out,
                       struct finding *f)
{
    struct time_ask ask = {.walk = walk, .stmt = stmt, .out = out};
    if (out->t_ns < 0)
        return SP_TRY_DONE;
    return variant_judge(walk, stmt, false, changes_time, time_fits, &ask, out, f);
}
