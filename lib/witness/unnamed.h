/*
 * Records that wait for their names. Linux before 6.13 (inet_csk_clone_lock) tells of SYN_RECEIVED
 * while the new socket still has its listener's addresses. Such a record waits for the next one of
 * the same socket, which follows in the same call and has the connection's.
 *
 * A follower gets everybody's unnamed records, and the names only of its own: what waits of
 * another's socket stays until the kernel gives the socket's memory, and so its id, to a new one.
 */
#ifndef SP_WITNESS_UNNAMED_H
#define SP_WITNESS_UNNAMED_H

#include <stdbool.h>

#include "witness.h"

enum { SP_UNNAMED_MAX = 64 };

struct sp_unnamed {
    struct sp_tp_record records[SP_UNNAMED_MAX]; /* one of a socket, the oldest first */
    unsigned count;
};

/* Whether a record has no name yet: it may be anybody's. */
bool sp_is_unnamed(const struct sp_tp_record *record);

/* Keeps a record that has no name yet, in the place of an earlier one of that id; false where it
 * has a name. The oldest goes where there are too many. */
bool sp_unnamed_keep(struct sp_unnamed *unnamed, const struct sp_tp_record *record);

/* Takes the record that waits for `next` out, named by it. False where none does; what waits and
 * cannot be of the same socket's life is forgotten. */
bool sp_unnamed_take(struct sp_unnamed *unnamed, const struct sp_tp_record *next,
                     struct sp_tp_record *out);

#endif
