/*
 * A ladder in two steps: the trace becomes rows (ladder_rows.c), rows become text (ladder.c).
 *
 * A row stands in one column: a call, state or process at the left or the right end, a segment as
 * an arrow between them, anything else across all.
 */
#ifndef SP_REPORTS_LADDER_H
#define SP_REPORTS_LADDER_H

#include "style.h"

enum row_where { ROW_LEFT, ROW_RIGHT, ROW_ARROW, ROW_ACROSS };

enum row_arrow {
    ARROW_WHOLE,   /* left and arrived, nothing of note between */
    ARROW_LOST,    /* left and never arrived */
    ARROW_LEAVES,  /* left; its arrival is a row of its own, */
    ARROW_ARRIVES, /* this one; or nobody saw it leave */
};

struct row {
    int64_t t_ns;
    size_t rank; /* order where times tie */
    enum row_where where;
    enum row_arrow arrow;
    bool to_right;
    const char *texts[3]; /* richest first, all that follow are shorter; NULL where there is none */
    const char *below;    /* options that did not fit, shown under the arrow; NULL none */
    uint32_t stmt;        /* whose case line stands beside it, 0 none */
    const struct sp_event *event;  /* NULL where folded */
    bool plain;                    /* a segment that only moves or acknowledges data */
    uint32_t first_byte, end_byte; /* plain: payload, relative sequence numbers */
};

struct rows {
    struct sp_arena *arena;
    bool unicode;
    const struct sp_plan *plan;
    const struct sp_trace *trace;
    const struct sp_judgement *judgement;
    uint32_t *stmt_of; /* statement that consumed an event, by order; 0 none */
    struct row *items;
    size_t len;
    size_t cap;
};

/* Rows in order of time. rows->arena, unicode, plan, trace and judgement are set by the caller;
 * sp_rows_release frees the rest. */
void sp_rows_build(struct rows *rows);
void sp_rows_release(struct rows *rows);
/* Long runs of plain segments become one row each; `keep` stands outside of them. */
void sp_rows_fold(struct rows *rows, const struct sp_event *keep);

/* Whether a box stands between the ends, with a network on each side. */
bool sp_rows_routed(const struct sp_trace *trace);
/* Which end stands at the left and at the right (a scripted peer takes the place of an end). */
enum sp_end sp_rows_end_at(const struct sp_trace *trace, bool right);

#endif
