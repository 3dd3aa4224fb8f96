/*
 * A matrix: the same cases run on several kernels and stacks, a results folder a column, and an
 * index beside them. Private to runner/.
 *
 *   DIR/matrix.json  the columns and the cases in which they differ; schema sockproof-matrix/1
 *   DIR/NAME/        a column's results
 */
#ifndef SP_RUNNER_MATRIX_H
#define SP_RUNNER_MATRIX_H

#include "err.h"
#include "mem.h"
#include "store.h"

struct matrix_column {
    const char *name; /* and folder */
    const char *over; /* what was asked for: host, uml:PATH, ... */
    int exit_code;    /* of `run`; -1 not run yet */
    struct sp_results results;
    bool has_results; /* it came as far as to have some */
};

/* The index of a matrix, with what the columns have in their results. */
enum sp_rc matrix_write(const char *dir, const struct matrix_column *columns, size_t count,
                        struct sp_err *err);
/* The table for people: cases in which the columns' verdicts differ, then the totals. */
void matrix_print(const struct matrix_column *columns, size_t count, struct sp_buf *out);

/*
 * Commands that take results folders take a matrix for all its columns that have results: words
 * that name one are replaced. Returns how many there are then; SP_E_PARSE where an index cannot be
 * read. The list is the arena's.
 */
enum sp_rc matrix_expand(char **words, size_t count, struct sp_arena *arena, char ***out,
                         size_t *out_count, struct sp_err *err);

#endif
