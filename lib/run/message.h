/*
 * What a process that makes runs says to the one that started it, over a pipe or a socket: a type,
 * the length of what follows in bytes (32 bits, in the machine's order), and that. Private to
 * lib/run.
 */
#ifndef SP_RUN_MESSAGE_H
#define SP_RUN_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>

#include "mem.h"

struct message {
    char type;
    const char *data; /* in the buffer, until messages_drop() */
    size_t len_bytes;
};

/* False where not all of it went out, as when nobody is left at the other end. */
bool message_send(int fd, char type, const char *data, size_t len_bytes);

/* The next whole message behind *at, which goes on behind it; false: there is none yet. */
bool message_next(const struct sp_buf *in, size_t *at, struct message *message);
/* What was taken is in the buffer no longer. */
void messages_drop(struct sp_buf *in, size_t at);

#endif
