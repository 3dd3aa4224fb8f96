/*
 * Two results beside each other, run by run: what differs, where it first does, and which of the
 * differences is a step back. Fed with runs that were judged again; the same words for a terminal,
 * a job summary and a program.
 *
 * Results are compared with the first one only. A run is the same run by id, lab, family and
 * repeat.
 */
#ifndef SP_REPORTS_COMPARE_H
#define SP_REPORTS_COMPARE_H

#include "reports.h"

/* What a pair of runs came to; names and sentences: one table in compare.c. */
enum sp_compare_class {
    SP_COMPARE_REGRESSION,  /* a worse verdict, or evidence that the first had and this one lacks */
    SP_COMPARE_IMPROVEMENT, /* passes (as a variant or not), which the first did not */
    SP_COMPARE_CHANGE,      /* another verdict that is neither of the two */
    SP_COMPARE_VARIANT,     /* passes in both, in a way that is known of one of the stacks */
    SP_COMPARE_OBSERVATION, /* the same verdict, and something else was seen */
    SP_COMPARE_ADDED,       /* not in the first */
    SP_COMPARE_SAME,
    SP_COMPARE_CLASS_COUNT
};
const char *sp_compare_class_name(enum sp_compare_class class_);    /* "regression" */
const char *sp_compare_class_heading(enum sp_compare_class class_); /* "Regressions" */

/* One run as it goes in. Without a trace (skipped, broken) plan, trace and judgement are NULL. */
struct sp_compare_run {
    const struct sp_result *result; /* with the verdict of now */
    const struct sp_plan *plan;
    const struct sp_trace *trace;
    const struct sp_judgement *judgement;
};

/* What one side has to say of a line. */
struct sp_compare_seen {
    bool there;          /* the line is in this side's plan */
    int line;            /* in its case file, 0: after the last line */
    const char *how;     /* sp_line_how_name */
    const char *seen;    /* "-1 ECONNRESET", "FIN,ACK seq=11"; "" where nothing was */
    const char *variant; /* why, and its source; NULL where it is none */
};

struct sp_compare_part {
    const char *text; /* the line as written */
    struct sp_compare_seen first, other;
};

struct sp_compare_side {
    bool there;
    enum sp_verdict verdict;
    const char *reason;
};

struct sp_compare_row {
    enum sp_compare_class class_;
    const char *id, *lab, *family, *title;
    int repeat;
    const char *why;   /* one sentence */
    bool case_changed; /* the two were not run with the same case */
    struct sp_compare_side first, other;
    struct sp_compare_part *parts; /* in the order of the conversation, at most SP_COMPARE_PARTS */
    size_t part_kept;
    size_t part_count; /* of all */
    size_t order;      /* in which it was added */
};

enum { SP_COMPARE_PARTS = 50 };

/* All that one result has to say against the first. */
struct sp_compare_other {
    struct sp_compare_row *rows; /* what differs */
    size_t len;
    size_t cap;
    size_t counts[SP_COMPARE_CLASS_COUNT];
    size_t changed_cases;
};

struct sp_compare {
    struct sp_arena arena;
    const struct sp_results *results; /* [0] is the first; the caller's */
    size_t result_count;
    struct sp_compare_other *others; /* others[0] is results[1]'s */
};

void sp_compare_init(struct sp_compare *compare, const struct sp_results *results, size_t count);
void sp_compare_release(struct sp_compare *compare);

/*
 * Compares a run of the first result with that of results[which] (from 1); NULL where one of them
 * has no such run. Copies what it keeps.
 */
void sp_compare_add(struct sp_compare *compare, size_t which, const struct sp_compare_run *first,
                    const struct sp_compare_run *other, bool case_changed);

/* Puts the rows in the order in which they are told: by class; what was run on both sides before
 * what was not; then as they were added. */
void sp_compare_sort(struct sp_compare *compare);

/* The lines that differ, first divergence first; *lost: a line that the first had watched and the
 * other did not, NULL none. */
void sp_compare_lines(struct sp_arena *arena, const struct sp_compare_run *first,
                      const struct sp_compare_run *other, struct sp_compare_row *row,
                      const char **lost);

size_t sp_compare_regressions(const struct sp_compare *compare);

enum sp_rc sp_compare_text(const struct sp_compare *compare, struct sp_buf *out,
                           struct sp_err *err);
/* For a job summary: differences only, at most SP_MD_BYTES, and said what was cut. */
enum sp_rc sp_compare_markdown(const struct sp_compare *compare, struct sp_buf *out,
                               struct sp_err *err);
/* docs/schema/compare.schema.json */
enum sp_rc sp_compare_json(const struct sp_compare *compare, struct sp_buf *out,
                           struct sp_err *err);

#endif
