/*
 * Agents: the small processes that make the socket calls of one endpoint.
 *
 * The worker (sp_agent_serve) reads framed requests from one descriptor and writes framed replies
 * to another; it depends on the stack's socket API and nothing else. The other end of the pipe is
 * struct sp_agent_conn, which the runner drives without ever blocking.
 *
 * Protocol: docs/agent-protocol.md. A frame is a 4-byte little-endian length (at most
 * SP_AGENT_FRAME_MAX) and that many bytes. Garbage from the other side is SP_E_PROTO with the
 * offset and what was expected, never a crash.
 */
#ifndef SP_AGENT_AGENT_H
#define SP_AGENT_AGENT_H

#include <stdbool.h>
#include <stdint.h>

#include "err.h"
#include "mem.h"

enum { SP_AGENT_FRAME_MAX = 64 * 1024, SP_AGENT_ARGS_MAX = 16, SP_AGENT_TEXT_MAX = 256 };

/* One named argument of a call: "len"=100, "how"="WR", "addr"="10.0.0.1:80". */
struct sp_agent_arg {
    char name[16];
    bool is_text;
    int64_t number;
    char text[96];
};

/* A call to make: `call` is a row of the table in lib/agent/calls.c ("recv", "setsockopt"). */
struct sp_agent_request {
    uint32_t id; /* comes back in the replies */
    char call[16];
    char sock[32];   /* which socket of this agent; made by socket/accept */
    bool overlapped; /* make it in a thread of its own and go on reading requests */
    bool timed;      /* its kept_waiting_ns is asked for; that of an overlapped call always is */
    uint32_t arg_count;
    struct sp_agent_arg args[SP_AGENT_ARGS_MAX];
};

enum sp_agent_reply_kind {
    SP_AGENT_HELLO, /* first frame: stack name and version in error/native, pid in value */
    /*
     * An overlapped call has entered and its thread is asleep in it: t_enter_ns is when it entered,
     * t_return_ns when it was seen asleep; of a connect, local and remote. `out` is "", or says
     * why sleep is not proved ("awake: ...", "assumed: ...").
     */
    SP_AGENT_ENTERED,
    SP_AGENT_RETURNED,
    SP_AGENT_REFUSED, /* the request itself was wrong (no such socket, call, argument): `out` says
                       */
};

struct sp_agent_reply {
    enum sp_agent_reply_kind kind;
    uint32_t id;
    int64_t t_enter_ns; /* CLOCK_MONOTONIC of the agent's machine */
    int64_t t_return_ns;
    int64_t kept_waiting_ns; /* of the time between: ready to run, and no processor free */
    int64_t value;
    char error[24];  /* POSIX name, "" on success; "E<number>" where the stack has no name for it */
    char native[32]; /* the API's own name, "" where the same */
    int32_t sig;     /* signal raised in the call (SIGPIPE), 0 none */
    int64_t first_bad;   /* stream offset of the first received byte that is wrong, -1 none */
    int64_t stream_from; /* where the call's payload starts in its direction of the stream */
    char out[SP_AGENT_TEXT_MAX];
    char local[64]; /* as sp_addr_print, "" unknown */
    char remote[64];
};

/*
 * The worker's main loop: until the input ends (then it returns SP_OK: its sockets are closed by
 * the exit of the process) or the protocol is broken. Never returns after the call `exit`.
 * `salt` and `peer_salt` are the payload patterns this endpoint sends and expects
 * (see pattern.h).
 */
enum sp_rc sp_agent_serve(int in_fd, int out_fd, char salt, char peer_salt, struct sp_err *err);

/* What sp_agent_main serves. */
struct sp_agent_role {
    char salt;
    char peer_salt;
};

enum { SP_AGENT_EXIT_BROKEN = 3 };

/*
 * sp_agent_serve as a process's main function, in the form that sp_lab_spawn takes: role is a
 * struct sp_agent_role. Returns the exit code: 0, or SP_AGENT_EXIT_BROKEN where the protocol broke.
 */
int sp_agent_main(int in_fd, int out_fd, void *role);

/* The runner's end of one agent. */
struct sp_agent_conn {
    int in_fd;  /* we read replies here: poll it for input */
    int out_fd; /* we write requests here */
    struct sp_buf pending;
    bool emptied; /* the last read did not fill its room: it took all that was there */
    bool ended;   /* end of input seen */
};

/* Takes both descriptors and makes them non-blocking. */
void sp_agent_conn_init(struct sp_agent_conn *conn, int in_fd, int out_fd);
void sp_agent_conn_release(struct sp_agent_conn *conn); /* closes both descriptors */

/*
 * Writes one request; SP_E_IO where the agent is gone (never SIGPIPE), SP_E_LIMIT, with nothing
 * written, where it does not take what it is sent.
 */
enum sp_rc sp_agent_send(struct sp_agent_conn *conn, const struct sp_agent_request *request,
                         struct sp_err *err);

/*
 * Takes the next reply that has fully arrived. SP_OK and *got true: reply is filled; *got false:
 * nothing more for now (conn->ended tells whether there ever will be). SP_E_PROTO: garbage.
 */
enum sp_rc sp_agent_recv(struct sp_agent_conn *conn, struct sp_agent_reply *reply, bool *got,
                         struct sp_err *err);

/* Whether there was more than the replies taken so far when it was last read. */
bool sp_agent_conn_more(const struct sp_agent_conn *conn);

/* Adds arguments; they assert that there is room. */
void sp_agent_arg_number(struct sp_agent_request *request, const char *name, int64_t number);
void sp_agent_arg_text(struct sp_agent_request *request, const char *name, const char *text);

/*
 * Encoding, for both sides and the fuzzer. Encoders append one frame's body, without its length;
 * decoders take one. What is decoded and encoded again decodes to the same.
 */
enum sp_rc sp_agent_request_encode(const struct sp_agent_request *request, struct sp_buf *out,
                                   struct sp_err *err);
enum sp_rc sp_agent_request_decode(const uint8_t *body, size_t len_bytes,
                                   struct sp_agent_request *request, struct sp_err *err);
enum sp_rc sp_agent_reply_encode(const struct sp_agent_reply *reply, struct sp_buf *out,
                                 struct sp_err *err);
enum sp_rc sp_agent_reply_decode(const uint8_t *body, size_t len_bytes,
                                 struct sp_agent_reply *reply, struct sp_err *err);

#endif
