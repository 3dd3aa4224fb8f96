/* Private to the arguments: what argued.c asks of the files beside it. */
#ifndef SP_TESTS_STRENGTH_ARGUED_H
#define SP_TESTS_STRENGTH_ARGUED_H

#include <string.h>

#include "strength.h"

/* What an argument is asked about. */
struct damage_of {
    const struct bench *bench;
    const struct kind *kind;
    const struct sp_flight *flight; /* NULL: it is about no segment, or about a stray one */
    int conn;                       /* -1 none */
    enum sp_end end;
    int64_t t_ns;
};

static inline bool is_kind(const struct damage_of *d, const char *prefix)
{
    return strncmp(d->kind->name, prefix, strlen(prefix)) == 0;
}

static inline const struct sp_seg *seg_of(const struct sp_flight *flight)
{
    return &shown(flight)->u.seg.seg;
}

static inline bool is_of(const struct damage_of *d, const struct sp_flight *flight, bool own)
{
    return flight->conn == d->conn && (flight->from == d->end) == own;
}

/* argued_time.c */
bool asked_again(const struct damage_of *d);
bool may_be_swapped(const struct damage_of *d);
bool in_the_dark(const struct damage_of *d);
bool only_just_come(const struct damage_of *d);
bool is_delayed(const struct damage_of *d);
bool is_any_copy(const struct damage_of *d);

/* A step that the kernel may keep from the tracepoints, or a look that was not taken. */
bool argued_not_told(const struct bench *bench, const struct kind *kind, const struct sp_event *ev);
/* A call that no rule holds against what has come. */
bool argued_unheld(const struct bench *bench, const struct kind *kind, const struct sp_event *call);
/* A step of a socket whose cable was out. */
bool argued_unseen(const struct bench *bench, const struct kind *kind, const struct sp_event *step);
/* A row of argued.tsv, which counts that it was asked. */
bool row_argues(const char *kind, const char *run, const char *place);
void rows_print(void);
/* Each of what the rows count, by number; NULL: there are no more. */
size_t *rows_count(size_t i);

#endif
