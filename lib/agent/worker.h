/*
 * The inside of a worker: its sockets by name, calls under way, and the table of calls.
 * Not for other rooms.
 *
 * Threading: the main thread reads requests and makes those that are not overlapped; each
 * overlapped call has a thread of its own. `lock` guards the slots, the streams, `calls`, what
 * `call->returned` says, and the output, so that replies are whole and ENTERED never follows
 * RETURNED.
 */
#ifndef SP_AGENT_WORKER_H
#define SP_AGENT_WORKER_H

#include "agent.h"
#include "stack.h"

enum {
    SP_AGENT_SOCKETS = 64, /* names of sockets, closed ones that still have a name included */
    SP_AGENT_CALLS = 64,   /* overlapped calls under way */
    SP_AGENT_PAYLOAD_MAX_BYTES = 16 * 1024 * 1024,
    SP_CALL_ARGS = 6,
    SP_AGENT_PASSED = 8,   /* sockets on their way between pass and take */
    SP_AGENT_CHILDREN = 4, /* processes that fork made and reap has not ended */
};

/* What one connection has carried so far; every name of a dup'ed socket shares it. */
struct sp_stream {
    unsigned refs;
    bool sending; /* a call that sends is under way */
    uint64_t sent;
    uint64_t received;
};

enum sp_slot_state {
    SP_SLOT_FREE,
    SP_SLOT_RESERVED, /* a call that makes it is under way */
    SP_SLOT_OPEN,
    SP_SLOT_CLOSED, /* the name stays: calls on it answer what the stack says of a bad handle */
};

struct sp_slot {
    enum sp_slot_state state;
    char name[sizeof((struct sp_agent_request *)0)->sock];
    int family;
    sp_stack_sock sock;
    sp_stack_sock epoll; /* its own set, from the first epoll on; and what was told to it last */
    int epoll_events;
    struct sp_stream *stream;
};

/* A socket that has been passed and not taken: the next take is of the oldest. */
struct sp_passed {
    int family;
    struct sp_stream *stream;
};

struct sp_call;

struct sp_worker {
    int in_fd;
    int out_fd;
    char salt;
    char peer_salt;
    bool ended; /* nobody reads replies any more */
    struct sp_stack_lock *lock;
    struct sp_slot slots[SP_AGENT_SOCKETS];
    struct sp_call *calls[SP_AGENT_CALLS];
    sp_stack_sock channel[2];
    struct sp_passed passed[SP_AGENT_PASSED];
    unsigned passed_count;
    int64_t children[SP_AGENT_CHILDREN];
    unsigned child_count;
};

enum sp_arg_type { SP_ARG_NUMBER, SP_ARG_TEXT, SP_ARG_ANY };

struct sp_arg_spec {
    const char *name; /* NULL ends the list */
    enum sp_arg_type type;
    bool required;
    int64_t min; /* of numbers; both 0: any */
    int64_t max;
    int64_t number; /* what a number is where it is not given; texts are "" */
};

enum sp_call_trait {
    SP_CALL_ON_SOCKET = 1,  /* request.sock names a socket that there is */
    SP_CALL_MAKES_SOCK = 2, /* makes the socket that request.sock names */
    SP_CALL_MAKES_AS = 4,   /* makes the socket that `as` names */
    SP_CALL_SENDS = 8,      /* moves the stream's sent position: one at a time */
    SP_CALL_NOT_OVERLAPPED = 16,
};

struct sp_call_spec {
    const char *name;
    unsigned traits; /* enum sp_call_trait */
    struct sp_arg_spec args[SP_CALL_ARGS + 1];
    /* On the main thread, before anything is done; a failure is REFUSED with its text. May be
     * NULL. */
    enum sp_rc (*prepare)(struct sp_call *call, struct sp_err *err);
    /* Makes the call and fills call->outcome and what the reply has beside it. */
    void (*make)(struct sp_call *call);
};

struct sp_call {
    struct sp_worker *worker;
    const struct sp_call_spec *spec;
    struct sp_agent_request request;
    const struct sp_agent_arg *args[SP_CALL_ARGS]; /* into request, as in spec->args; or NULL */

    struct sp_slot *slot; /* the socket that it is on, NULL for none */
    sp_stack_sock sock;
    struct sp_slot *made; /* the slot that it fills, NULL for none */
    struct sp_stream *stream;
    bool sending; /* holds stream->sending */

    int words;  /* flags, events, sets, how, query, signal */
    int action; /* of signal */
    struct sp_stack_addr addr;
    const struct sp_stack_option *option;
    struct sp_stack_option_value option_value;

    struct sp_stack_outcome outcome;
    struct sp_agent_reply reply;
    struct sp_stack_thread *thread;
    bool returned;
};

/* ---- calls.c: the table ---------------------------------------------------------------------- */

/* The i-th call, NULL past the end. */
const struct sp_call_spec *sp_call_spec_at(unsigned i);

/* Finds call->spec by the request's call and binds its arguments; the error is for REFUSED. */
enum sp_rc sp_call_bind(struct sp_call *call, struct sp_err *err);

/* A bound argument, or what it is where it was not given. */
bool sp_call_given(const struct sp_call *call, const char *name);
bool sp_call_is_text(const struct sp_call *call, const char *name);
int64_t sp_call_number(const struct sp_call *call, const char *name);
const char *sp_call_text(const struct sp_call *call, const char *name);

/* ---- sockets.c: names ------------------------------------------------------------------------ */

/* Finds and reserves what the call's traits name. On failure nothing is held. */
enum sp_rc sp_call_sockets(struct sp_call *call, struct sp_err *err);

/* Lets go of what is still held; a reserved slot that was not filled is free again. */
void sp_call_release_sockets(struct sp_call *call);

/* Fills call->made: a new stream, or the one of `call` where it shares its socket's. */
void sp_call_made(struct sp_call *call, sp_stack_sock sock, int family, bool same_stream);

/* The handle that the call's name stands for now: none where it was closed meanwhile. */
sp_stack_sock sp_call_sock_now(struct sp_call *call);

/* Fills call->made with the oldest socket that was passed. */
void sp_call_taken(struct sp_call *call, sp_stack_sock sock);

/* A passed socket keeps its stream until it is taken. */
void sp_call_passed(struct sp_call *call);

/* The call's name stands for a closed socket from now on. */
void sp_call_closed(struct sp_call *call);

/* Where the next byte belongs; moves the position on by len. */
uint64_t sp_call_received(struct sp_call *call, uint64_t len_bytes);
uint64_t sp_call_sent(struct sp_call *call, uint64_t len_bytes);

/* ---- serve.c --------------------------------------------------------------------------------- */

/* Writes the RETURNED of a call, of its outcome and reply. */
void sp_call_reply(struct sp_call *call);

/* Fills reply.local and reply.remote, where the stack knows them. */
void sp_call_names(struct sp_agent_reply *reply, sp_stack_sock sock);

/* ---- call_payload.c, call_control.c, call_share.c: what the table's rows do
 * -----------------------------------
 */

enum sp_rc sp_prepare_flags(struct sp_call *call, struct sp_err *err);
enum sp_rc sp_prepare_addr(struct sp_call *call, struct sp_err *err);
enum sp_rc sp_prepare_how(struct sp_call *call, struct sp_err *err);
enum sp_rc sp_prepare_events(struct sp_call *call, struct sp_err *err);
enum sp_rc sp_prepare_epoll(struct sp_call *call, struct sp_err *err);
enum sp_rc sp_prepare_sets(struct sp_call *call, struct sp_err *err);
enum sp_rc sp_prepare_interrupt(struct sp_call *call, struct sp_err *err);
enum sp_rc sp_prepare_pass(struct sp_call *call, struct sp_err *err);
enum sp_rc sp_prepare_take(struct sp_call *call, struct sp_err *err);
enum sp_rc sp_prepare_fork(struct sp_call *call, struct sp_err *err);
enum sp_rc sp_prepare_reap(struct sp_call *call, struct sp_err *err);
enum sp_rc sp_prepare_query(struct sp_call *call, struct sp_err *err);
enum sp_rc sp_prepare_signal(struct sp_call *call, struct sp_err *err);
enum sp_rc sp_prepare_family(struct sp_call *call, struct sp_err *err);
enum sp_rc sp_prepare_option(struct sp_call *call, struct sp_err *err);
enum sp_rc sp_prepare_option_value(struct sp_call *call, struct sp_err *err);

void sp_make_socket(struct sp_call *call);
void sp_make_bind(struct sp_call *call);
void sp_make_listen(struct sp_call *call);
void sp_make_connect(struct sp_call *call);
void sp_make_accept(struct sp_call *call);
void sp_make_send(struct sp_call *call);
void sp_make_recv(struct sp_call *call);
void sp_make_drain(struct sp_call *call);
void sp_make_fill(struct sp_call *call);
void sp_make_close(struct sp_call *call);
void sp_make_shutdown(struct sp_call *call);
void sp_make_setsockopt(struct sp_call *call);
void sp_make_getsockopt(struct sp_call *call);
void sp_make_poll(struct sp_call *call);
void sp_make_epoll(struct sp_call *call);
void sp_make_select(struct sp_call *call);
void sp_make_interrupt(struct sp_call *call);
void sp_make_pass(struct sp_call *call);
void sp_make_take(struct sp_call *call);
void sp_make_fork(struct sp_call *call);
void sp_make_reap(struct sp_call *call);
void sp_make_getsockname(struct sp_call *call);
void sp_make_getpeername(struct sp_call *call);
void sp_make_nonblock(struct sp_call *call);
void sp_make_ioctl(struct sp_call *call);
void sp_make_dup(struct sp_call *call);
void sp_make_signal(struct sp_call *call);
void sp_make_exit(struct sp_call *call);
void sp_make_kill(struct sp_call *call);

#endif
