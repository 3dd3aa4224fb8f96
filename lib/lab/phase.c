/*
 * Theory of operation: each run in a guest finds the clocks as the one before did.
 *
 * When a timer rings depends on where the kernel's wheel stands when it is set: its levels are 8
 * times as coarse as the one before (kernel/time/timer.c). After 4096 ticks the first ones have
 * come round, and on a virtual clock it costs nothing to wait for that.
 *
 * Below that there is a fraction that nobody can read. User-mode Linux keeps its time in
 * nanoseconds, and shows it in steps of 256 (arch/um/kernel/time.c: TIMER_MULTIPLIER). A timer is
 * set from what is shown and rings by what is kept, so it is late by what was left out, the rest;
 * and the rest from there on is (expiry + rest) % 256. After some thousand timers, two runs differ
 * by a step here and there. So we find the rest out and let it become 0. A sleep ends at a full
 * step and `part` nanoseconds:
 *
 *   where part + rest is 256 or more, what is shown when it rings is the next step: it ends, and
 *   leaves part + rest - 256;
 *
 *   elsewhere what is shown lies before its end. It is set again, by the least that there is
 *   (TIMER_MIN_DELTA), and ends two steps on.
 *
 * Which of the two it was, the clock shows, and half of what the rest can be is out.
 */
#include "lab.h"

#include <errno.h>
#include <sys/prctl.h>
#include <time.h>

#include "clock.h"

enum {
    PHASE_TICKS = 4096,
    STEP_NS = 256,
    SLACK_NS = 1, /* the least that a sleep can have (prctl(2)) */
    LATE_NS = 2,  /* so much later it ends: that, and 1 that the kernel adds (itimer_next_event) */
    AGAIN_NS = 501,    /* what a timer is late that is set again: TIMER_MIN_DELTA, and that 1 */
    NAP_STEPS = 40,    /* longer than what is done between two sleeps takes */
    DONE_STEPS = 1024, /* and than all of them together take */
};

/* The time shown at the end, all that was done since included. */
static int64_t sleep_until(int64_t at_ns)
{
    const struct timespec at = {.tv_sec = at_ns / SP_S, .tv_nsec = at_ns % SP_S};
    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL) == EINTR)
        ;
    return sp_clock_now_ns();
}

/* Sleeps to `part` after a full step; how late the end was shown. */
static int64_t nap(int64_t part)
{
    int64_t full_ns = (sp_clock_now_ns() / STEP_NS + NAP_STEPS) * STEP_NS;
    return sleep_until(full_ns + part - LATE_NS) - full_ns;
}

static void rest_to_zero(void)
{
    int64_t low = 0, high = STEP_NS; /* the rest is in here */
    int64_t same_step = nap(0);
    while (high - low > 1) {
        int64_t middle = low + (high - low) / 2;
        int64_t part = STEP_NS - middle;
        if (nap(part) - same_step == STEP_NS) {
            high -= middle;
            low = 0;
        } else {
            low += part + AGAIN_NS - 2 * STEP_NS;
            high = AGAIN_NS - STEP_NS;
        }
    }
    nap((STEP_NS - low) % STEP_NS);
}

void sp_lab_wait_for_phase(int hz)
{
    int64_t round_ns = PHASE_TICKS * (SP_S / hz);
    int64_t begin_ns = (sp_clock_now_ns() / round_ns + 1) * round_ns;
    prctl(PR_SET_TIMERSLACK, SLACK_NS, 0, 0, 0);
    sleep_until(begin_ns);
    rest_to_zero();
    sleep_until(begin_ns + DONE_STEPS * STEP_NS - LATE_NS);
    prctl(PR_SET_TIMERSLACK, 0, 0, 0, 0);
}
