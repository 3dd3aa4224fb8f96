/*
 * What a stack keeps for the length of a command, private to runner/: its program `session`, which
 * says what the stack is and then waits for the end of its standard input.
 */
#ifndef SP_RUNNER_SESSION_H
#define SP_RUNNER_SESSION_H

#include <stdint.h>
#include <sys/types.h>

#include "err.h"
#include "mem.h"

struct session {
    pid_t pid; /* 0: none */
    int in_fd, out_fd;
    /* what it has said; in the caller's arena, "" and NULL where it has not */
    const char *name, *version; /* `stack NAME VERSION` */
    const char *machine;        /* `machine WORDS`: for people */
    const char *address[2];     /* `address IP`: IPv4, IPv6 */
    uint16_t port;              /* `port N`: of the connection that it keeps */
    const char *environment[9]; /* `env NAME=VALUE`, ended by NULL */
};

/*
 * Starts it, with SOCKPROOF_PARAM and SOCKPROOF_PROGRAM in its environment, and reads its lines to
 * `ready`. SP_E_UNSUPPORTED with what it said on standard error where it ends before.
 */
enum sp_rc session_open(const char *program, const char *param, const char *self,
                        struct sp_arena *arena, struct session *out, struct sp_err *err);
/* Ends its input, gives it 5 s to clean up, and SIGTERM after that. */
void session_close(struct session *session);

#endif
