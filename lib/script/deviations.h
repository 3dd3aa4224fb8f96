/*
 * Where a case expects something else of a named stack, and who says so: the variants under its
 * lines and its `on ... {` blocks, as they are written, for every stack at once. (A plan holds only
 * what the stacks of one run have to do with.)
 */
#ifndef SP_SCRIPT_DEVIATIONS_H
#define SP_SCRIPT_DEVIATIONS_H

#include "script.h"

struct sp_deviation {
    struct sp_place_in at;
    const char *line;    /* what it varies, as written; "" for a block */
    const char *stacks;  /* "linux<4.12 wine", "client=lwip" */
    const char *expects; /* "-> 0 took <1s", "after 30s..31s"; a block: its first line */
    const char *why;     /* "" none */
    enum sp_source_kind kind;
    const char *source; /* where it was measured, is documented, who reported it; "" none */
    bool block;
};

struct sp_deviations {
    struct sp_arena arena;
    struct sp_deviation *items;
    size_t len;
    size_t cap;
};

/*
 * All of a case that was parsed without errors, in the order of its lines. The source of a block
 * is the comment that begins it: `# measured linux-6.18: why`. Release them in any case.
 */
void sp_case_deviations(const struct sp_case *c, struct sp_deviations *out);
void sp_deviations_release(struct sp_deviations *deviations);

const char *sp_source_kind_name(enum sp_source_kind kind); /* "measured"; "none" */

#endif
