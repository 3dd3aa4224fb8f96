/*
 * The main process as a witness of the machine: it asks to be woken every few milliseconds, and
 * where it is woken late, everything stood still or had no turn. A run that waits for one event
 * cannot tell that from an event that came late. Written by the main process, read by the runs, in
 * memory that they share. Private to lib/run.
 */
#ifndef SP_RUN_HEART_H
#define SP_RUN_HEART_H

#include "run.h"

enum { HEART_MS = 20 /* at most between two beats */ };

struct heart_stall {
    int64_t from_ns, to_ns; /* CLOCK_MONOTONIC */
};

/* NULL where there is no memory to share: then nothing is known of stalls, and heart_* take it. */
struct heart *heart_new(void);
void heart_free(struct heart *heart);

/* Woken now, where at `due_ns` at the latest was asked for. */
void heart_beat(struct heart *heart, int64_t due_ns);

/* Waits for a beat from now on, so that a stall until now is told of; for a second at most. */
void heart_await(const struct heart *heart);
/* The stalls that ended at or after `from_ns`, the latest ones where there are more than `cap`. */
size_t heart_stalls(const struct heart *heart, int64_t from_ns, struct heart_stall *out,
                    size_t cap);

#endif
