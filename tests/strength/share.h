/*
 * The runs, shared out among processes: what one of them counts, and how the counts are put
 * together. Private to the command.
 */
#ifndef SP_TESTS_STRENGTH_SHARE_H
#define SP_TESTS_STRENGTH_SHARE_H

#include "strength.h"

struct tally {
    const char *name; /* of a kind, or of a case */
    size_t caught, argued, survived, neutral, neutral_caught;
};

struct tallies {
    struct tally *items;
    size_t len, cap;
};

struct survivor {
    const char *text;
};

/* Which of the runs are this process's: each takes the next one that nobody has. */
struct share {
    size_t *next; /* in memory that all have; NULL: there is one process */
    size_t mine;  /* what it took and has not come to, where `claimed` */
    size_t seen;
    bool claimed;
};

struct strength {
    const char *glob;
    const char *kind;    /* glob of the kinds that are tried, NULL: all, and traces are cut short */
    const char *argued;  /* table of single survivors that are argued */
    const char *without; /* rule of lib/tcp that does not count, NULL: all do */
    double least;
    bool json, quiet;
    long jobs;
    char **dirs;
    int dir_count;
    struct share share;
    struct sp_arena arena;
    struct tally *by_kind; /* kind_count */
    struct tallies cases, topics;
    struct survivor *survivors;
    size_t survivor_len, survivor_cap;
    size_t runs, not_passing, unread;
    size_t cuts, cuts_passing;
    size_t sets; /* bits: loopback and veth, IPv4 and IPv6 */
};

struct tally *tally_of(struct tallies *tallies, const char *name, size_t len);

/* Whether the next run is this process's. */
bool share_takes(struct share *share);
/* Goes through all runs with s->jobs processes, and has in `s` what they counted. */
void share_out(struct strength *s);
/* The part of one process: what share_takes() gives it. */
void strength_part(struct strength *s);

#endif
