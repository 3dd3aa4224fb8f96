/*
 * The judge: (plan, trace) -> verdict. Pure.
 *
 * One matcher serves two readers: the runner asks it, while the trace still grows, whether a
 * statement has come true (sp_match_try), and the verdict comes from the same code over the whole
 * trace (sp_judge).
 */
#ifndef SP_JUDGE_JUDGE_H
#define SP_JUDGE_JUDGE_H

#include <stdbool.h>
#include <stdint.h>

#include "script.h"
#include "tcp.h"
#include "trace.h"

/* Worst first. */
enum sp_verdict {
    SP_VERDICT_BROKEN,
    SP_VERDICT_FAIL,
    SP_VERDICT_INCONCLUSIVE,
    SP_VERDICT_SKIP,
    SP_VERDICT_VARIANT,
    SP_VERDICT_PASS,
    SP_VERDICT_COUNT
};
const char *sp_verdict_name(enum sp_verdict verdict);
bool sp_verdict_parse(const char *name, enum sp_verdict *out);

enum sp_line_how {
    SP_LINE_NOT_REACHED,
    SP_LINE_DONE,    /* an action, or an expectation that came true */
    SP_LINE_VARIANT, /* came true as a named stack's own way */
    SP_LINE_FAILED,
    SP_LINE_UNWATCHED, /* its witness was absent */
    SP_LINE_UNKNOWN,   /* `-> unknown`: recorded */
};

/* What became of one statement. */
struct sp_line {
    uint32_t stmt;
    enum sp_line_how how;
    const struct sp_variant *variant;
    const struct sp_event **matched; /* evidence that it consumed */
    size_t matched_count;
    int64_t t_ns; /* of the evidence, -1 none */
};

enum sp_fail_kind { /* stable names in the JSON, sp_fail_name() */
                    SP_FAIL_NONE,
                    SP_FAIL_VALUE,   /* call returned another value */
                    SP_FAIL_ERROR,   /* call failed otherwise than expected, or did not fail */
                    SP_FAIL_PAYLOAD, /* bytes lost, repeated, reordered */
                    SP_FAIL_SIGNAL,
                    SP_FAIL_HUNG,
                    SP_FAIL_SEG_MISSING,
                    SP_FAIL_SEG_EXTRA,
                    SP_FAIL_SEG_WRONG, /* there, with wrong fields */
                    SP_FAIL_STATE_MISSING,
                    SP_FAIL_STATE_EXTRA,
                    SP_FAIL_ORDER,
                    SP_FAIL_EARLY,
                    SP_FAIL_LATE,
                    SP_FAIL_FORBIDDEN, /* a `never`, `still` or `silence` was broken */
                    SP_FAIL_QUEUE,
                    SP_FAIL_INVARIANT, /* lib/tcp objects; rule in `rule` */
                    SP_FAIL_STALE, /* baseline seen where this very version was measured to differ
                                    */
};
const char *sp_fail_name(enum sp_fail_kind kind);

struct sp_judgement {
    struct sp_arena arena;
    enum sp_verdict verdict;
    const char *reason; /* one sentence; never NULL */
    bool by_machine;    /* inconclusive, and this machine is why: another run may tell */
    /* where it failed; kind NONE and NULLs otherwise */
    enum sp_fail_kind kind;
    const char *rule; /* INVARIANT */
    uint32_t stmt;    /* the line at fault, 0: none in particular */
    const char *at;   /* file:line */
    const char *expected;
    const char *seen;
    const struct sp_event *event; /* the evidence against it, NULL where it is an absence */
    enum sp_end blames;
    int64_t t_ns;          /* of the divergence, -1 unknown */
    struct sp_line *lines; /* by statement id, index 0 unused */
    size_t line_count;
    const char **notes; /* stale variants, unwatched witnesses, ... */
    size_t note_count;
    struct sp_audit audit; /* flights with their causes, for the ladder */
};

/* The verdict over a whole trace. The trace must be sorted and outlive the judgement. */
void sp_judge(const struct sp_plan *plan, const struct sp_trace *trace, struct sp_judgement *out);
void sp_judgement_release(struct sp_judgement *judgement);

/* ---- the same matcher while the run goes on ------------------------------------------------ */

struct sp_match; /* cursors: what statements so far have consumed */

struct sp_match *sp_match_new(const struct sp_plan *plan);
void sp_match_free(struct sp_match *match);

enum sp_try {
    SP_TRY_PENDING, /* not yet: more evidence may settle it */
    SP_TRY_DONE,    /* came true; its evidence is consumed */
    SP_TRY_FAILED,  /* no further evidence can mend it: `err->text` says what was seen */
};

/*
 * Whether the top-level statement `stmt` (WIRE, STATE, QUEUE, blocks of them; CALL and FINISH once
 * their call event is in the trace) has come true, given the trace so far (any order of arrival;
 * sorted inside). Statements must be offered in plan order, each until DONE. PENDING consumes
 * nothing.
 */
enum sp_try sp_match_try(struct sp_match *match, const struct sp_stmt *stmt, struct sp_trace *trace,
                         struct sp_err *err);

/* Time of the evidence of the last statement that was DONE (what bounds without `since` count
 * from), and of a label; -1 unknown. */
int64_t sp_match_last_ns(const struct sp_match *match);
int64_t sp_match_label_ns(const struct sp_match *match, const char *label);

/* The segment of the labelled line (WIRE, PEER, MIDDLE) that stands before `before`, as it left;
 * NULL where it was none. Good until the matcher is asked again. */
const struct sp_event *sp_match_segment(struct sp_match *match, const struct sp_stmt *before,
                                        const char *label, struct sp_trace *trace);

/*
 * Until when statement `stmt` can still come true, on the trace's clock: its bound's latest time
 * or, without one, begin_ns + the case's deadline. The runner waits until then and a grace of its
 * own.
 */
int64_t sp_match_deadline_ns(const struct sp_match *match, const struct sp_stmt *stmt,
                             int64_t begin_ns, int32_t hz);

/* The most that a timer of this length is late on a Linux timer wheel (kernel/time/timer.c: levels
 * of 64 buckets, each 8 times coarser) at that tick rate, with one tick for the rounding up. */
int64_t sp_wheel_step_ns(int64_t length_ns, int32_t hz);

#endif
