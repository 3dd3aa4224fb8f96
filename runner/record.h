/*
 * From what a run saw to a case that expects it: a proposal, for a person to accept.
 */
#ifndef SP_RUNNER_RECORD_H
#define SP_RUNNER_RECORD_H

#include "mem.h"
#include "script.h"
#include "trace.h"

/* What a line of a case without expectations is to the recorder. */
enum record_line {
    RECORD_PLAIN,     /* nothing of it is recorded: header, comment, what is not the last of it */
    RECORD_ACTION,    /* what follows it goes under it */
    RECORD_CALL,      /* and it may come to anything */
    RECORD_ESTABLISH, /* it says itself what follows */
};

/*
 * What each line of the case's text is, `out` one a line and one beyond. SP_E_USAGE where a line
 * expects something already, or is a block.
 */
enum sp_rc record_lines(const struct sp_case *c, const struct sp_plan *plan, enum record_line *out,
                        size_t lines, struct sp_err *err);

/*
 * The case with every outcome open and a pause behind every line, so that what follows a line can
 * be told from what follows the next. `from` gets for each of its lines the line of the case that
 * it stands for (room for `cap`), 0 for a pause.
 */
void record_instrument(const struct sp_case *c, const enum record_line *lines, struct sp_buf *out,
                       int *from, size_t cap);

/*
 * The proposal: the case's text with outcomes, `wire` and `state` lines from the sorted trace of a
 * run of the instrumented plan.
 */
void record_propose(const struct sp_case *c, const enum record_line *lines,
                    const struct sp_plan *ran, const int *from, const struct sp_trace *trace,
                    struct sp_buf *out);

/* record_seen.c: the wire and state lines of what happened in [from_ns, to_ns), in order. */
struct record_seen;
struct record_seen *record_seen_new(const struct sp_trace *trace, bool every_segment);
void record_seen_free(struct record_seen *seen);
void record_seen_put(struct record_seen *seen, int64_t from_ns, int64_t to_ns, struct sp_buf *out);

#endif
