/*
 * The porting contract: what an agent needs of a socket API, and nothing else.
 *
 * Each folder beside this header (posix, ...) implements all of it for one API; CMake picks one.
 * A new stack is ported by writing such a folder. Above this room nothing knows the API's numbers:
 * errors, options, flags and events travel by name, and the tables here turn names into numbers
 * and back. A name that is known but that this stack does not have is told apart from a typing
 * error (SP_E_UNSUPPORTED against SP_E_USAGE).
 *
 * Invariants:
 * - A call is one call of the API, made once: never retried, never followed by a look at the
 *   socket. Its outcome carries the times taken right before and right after it.
 * - Nothing here asks a socket for its error, readiness or state unless that is the call.
 *
 * Threading: everything may be called from any thread, except sp_stack_startup, which comes first.
 * Two threads may be in calls on one socket.
 */
#ifndef SP_STACK_STACK_H
#define SP_STACK_STACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "err.h"

/* ---- The stack itself ---------------------------------------------------------------------- */

/* Once per process, before anything else: what the API needs; SIGPIPE is caught from here on. */
enum sp_rc sp_stack_startup(struct sp_err *err);

/* "linux"; the name of the implementation behind the API. Static. */
const char *sp_stack_name(void);

/* Its version in digits and dots ("6.18.44"), "" where unknown. Writes at most cap bytes. */
void sp_stack_version(char *out, size_t cap);

/*
 * Whose TCP is under the API, with its version ("" where unknown): another than the API's own where
 * that stands on somebody else's kernel, as Wine's does. Static, until the next call.
 */
const char *sp_stack_tcp(char *version, size_t cap);

int64_t sp_stack_pid(void);

/* Ends the process at once with this exit code, running no exit handlers. */
_Noreturn void sp_stack_exit(int code);

/* Ends the process at once as this signal does by default (POSIX's numbers); where there are no
 * signals, with 128 and the number as its exit code. */
_Noreturn void sp_stack_kill(int sig);

/*
 * Runs work(arg) in a process of its own, and in a new one whenever that ends before work returns;
 * what work returns then. SP_E_UNSUPPORTED where a system cannot do it.
 */
enum sp_rc sp_stack_again(enum sp_rc (*work)(void *arg, struct sp_err *err), void *arg,
                          struct sp_err *err);

/* The machine's monotonic clock, the same that witnesses on this machine stamp with. */
int64_t sp_stack_now_ns(void);

/* ---- Errors --------------------------------------------------------------------------------- */

/* POSIX name of an error number of this API ("ECONNRESET"), NULL where it has none. */
const char *sp_stack_error_name(int error);

/* The API's own name where it differs ("WSAECONNRESET"), "" where it is the same. */
const char *sp_stack_error_native(int error);

/* The number of a POSIX name; false where this API has no such error. Takes aliases too
 * (EWOULDBLOCK, ENOTSUP). */
bool sp_stack_error_number(const char *name, int *error);

/* ---- Words: flags, events and the like, by name ---------------------------------------------- */

enum sp_stack_words {
    SP_STACK_MSG,      /* flags of send and recv: "MSG_PEEK|MSG_DONTWAIT" */
    SP_STACK_EVENTS,   /* of poll: "IN|OUT|PRI|RDHUP", answered also with HUP, ERR, NVAL */
    SP_STACK_EPOLL,    /* of epoll: the same, and "ET", "ONESHOT" */
    SP_STACK_SETS,     /* of select: "READ|WRITE|EXCEPT" */
    SP_STACK_SHUTDOWN, /* "RD", "WR", "RDWR" */
    SP_STACK_QUERY,    /* "FIONREAD", "SIOCOUTQ", "SIOCATMARK", ... */
    SP_STACK_SIGNAL,   /* "SIGPIPE", "SIGUSR1", "SIGURG" */
    SP_STACK_ACTION,   /* "default", "catch", "restart", "ignore" */
    SP_STACK_WORDS_COUNT
};

/*
 * The number of a text; MSG, EVENTS, EPOLL and SETS take several words joined by '|', and "" as 0.
 * SP_E_USAGE for a word that is none (the text lists those that are), SP_E_UNSUPPORTED for one
 * that this stack does not have.
 */
enum sp_rc sp_stack_words_parse(enum sp_stack_words list, const char *text, int *number,
                                struct sp_err *err);

/* The words of the bits that are set, joined by '|', in the table's order; "" for 0. */
void sp_stack_words_print(enum sp_stack_words list, int number, char *out, size_t cap);

/* The i-th word of a list, NULL past the end; *present tells whether this stack has it. */
const char *sp_stack_word_at(enum sp_stack_words list, unsigned i, bool *present);

/* ---- Addresses ------------------------------------------------------------------------------ */

/* IPv4 uses the first four bytes of ip, the rest is zero. */
struct sp_stack_addr {
    uint8_t family; /* 4 or 6; 0 for none */
    uint8_t ip[16];
    uint16_t port;
};

enum { SP_STACK_ADDR_TEXT = 64 };

/* "10.0.0.1:80", "[fd00::1]:80", without the port where it is 0; "" for none. RFC 5952. */
void sp_stack_addr_print(const struct sp_stack_addr *addr, char *out, size_t cap);

/* The inverse; SP_E_PARSE says what is wrong. */
enum sp_rc sp_stack_addr_parse(const char *text, struct sp_stack_addr *addr, struct sp_err *err);

/* ---- Calls ---------------------------------------------------------------------------------- */

/* A descriptor or handle of the API. */
typedef intptr_t sp_stack_sock;

#define SP_STACK_NO_SOCK ((sp_stack_sock)-1)

/* What became of one call. */
struct sp_stack_outcome {
    int64_t value; /* what it returned, -1 where it failed */
    int error;     /* the API's error number, 0 where it did not fail */
    int sig;       /* signal raised in this thread by the call (SIGPIPE), 0 none */
    int64_t t_enter_ns;
    int64_t t_return_ns;
};

/* A TCP socket; family 4 or 6. value: the socket. */
void sp_stack_socket(int family, bool nonblock, struct sp_stack_outcome *out);

/* addr->family 0 is the address family "unspecified" (on connect: dissolves the association). */
void sp_stack_bind(sp_stack_sock sock, const struct sp_stack_addr *addr,
                   struct sp_stack_outcome *out);
void sp_stack_connect(sp_stack_sock sock, const struct sp_stack_addr *addr,
                      struct sp_stack_outcome *out);
void sp_stack_listen(sp_stack_sock sock, int backlog, struct sp_stack_outcome *out);

/* value: the new socket. remote may be NULL. */
void sp_stack_accept(sp_stack_sock sock, bool nonblock, struct sp_stack_addr *remote,
                     struct sp_stack_outcome *out);

/* flags as sp_stack_words_parse(SP_STACK_MSG) gives them. value: bytes taken, bytes delivered. */
void sp_stack_send(sp_stack_sock sock, const void *data, size_t len_bytes, int flags,
                   struct sp_stack_outcome *out);
void sp_stack_recv(sp_stack_sock sock, void *data, size_t len_bytes, int flags,
                   struct sp_stack_outcome *out);

/* As send without flags, but never waits, whatever the blocking mode; the mode stays as it is. */
void sp_stack_send_nowait(sp_stack_sock sock, const void *data, size_t len_bytes,
                          struct sp_stack_outcome *out);

/* *gone: the socket no longer exists, though the call may have failed. */
void sp_stack_close(sp_stack_sock sock, bool *gone, struct sp_stack_outcome *out);
void sp_stack_shutdown(sp_stack_sock sock, int how, struct sp_stack_outcome *out);

/* value: 1 where ready, 0 where the time ran out; *ready: what for. timeout_ms -1 waits forever. */
void sp_stack_poll(sp_stack_sock sock, int events, int timeout_ms, int *ready,
                   struct sp_stack_outcome *out);

/* As poll, with one socket in the sets that are named. *ready: those that it is left in. */
void sp_stack_select(sp_stack_sock sock, int sets, int timeout_ms, int *ready,
                     struct sp_stack_outcome *out);

/*
 * As poll, by a set that stays: *set is SP_STACK_NO_SOCK at first and belongs to the caller, who
 * ends it with sp_stack_epoll_close. What is waited for is told to the set where `changed`; the
 * call timed is the wait, or the telling where that fails.
 */
void sp_stack_epoll(sp_stack_sock sock, sp_stack_sock *set, int events, bool changed,
                    int timeout_ms, int *ready, struct sp_stack_outcome *out);
void sp_stack_epoll_close(sp_stack_sock *set);
void sp_stack_nonblock(sp_stack_sock sock, bool on, struct sp_stack_outcome *out);

/* value: the answer (bytes unread, bytes unsent, at the mark). */
void sp_stack_query(sp_stack_sock sock, int query, struct sp_stack_outcome *out);

/* value: another handle of the same socket. */
void sp_stack_dup(sp_stack_sock sock, struct sp_stack_outcome *out);

/*
 * A socket on its way between two owners: pass queues a reference in a channel (SCM_RIGHTS,
 * unix(7)), take makes a handle of the oldest one. The channel is two handles, SP_STACK_NO_SOCK at
 * first, made at the first pass; it ends with the process. take's value: the handle.
 */
void sp_stack_pass(sp_stack_sock sock, sp_stack_sock channel[2], struct sp_stack_outcome *out);
void sp_stack_take(sp_stack_sock channel[2], struct sp_stack_outcome *out);

/*
 * A child process that has a copy of every socket and does nothing, until it is reaped or its
 * parent ends. `pipes`: descriptors that it closes. value of fork: the child.
 */
void sp_stack_fork(const int *pipes, size_t pipe_count, struct sp_stack_outcome *out);
void sp_stack_reap(int64_t child, struct sp_stack_outcome *out);

void sp_stack_getsockname(sp_stack_sock sock, struct sp_stack_addr *addr,
                          struct sp_stack_outcome *out);
void sp_stack_getpeername(sp_stack_sock sock, struct sp_stack_addr *addr,
                          struct sp_stack_outcome *out);

/*
 * What the signal does from now on: numbers of SP_STACK_SIGNAL and SP_STACK_ACTION. One that is
 * caught interrupts calls that wait; with "restart" the system begins them again where it can.
 */
void sp_stack_signal(int sig, int action, struct sp_stack_outcome *out);

/* ---- Options -------------------------------------------------------------------------------- */

enum sp_stack_option_kind {
    SP_STACK_OPT_INT,
    SP_STACK_OPT_ERROR,  /* an error number: read only, and reading it clears it */
    SP_STACK_OPT_LINGER, /* on and seconds */
    SP_STACK_OPT_MS,     /* a time, in milliseconds */
    SP_STACK_OPT_TEXT,
    SP_STACK_OPT_BYTES, /* text is pairs of hexadecimal digits */
    SP_STACK_OPT_STATE, /* of TCP, read only: text is RFC 9293's name, number the API's */
};

struct sp_stack_option {
    const char *name;
    enum sp_stack_option_kind kind;
    int level;
    int number;
    bool present; /* false: other stacks have it, this one does not */
};

struct sp_stack_option_value {
    int64_t number; /* INT, ERROR, MS, STATE */
    int on;         /* LINGER */
    int linger_s;   /* LINGER */
    char text[96];  /* TEXT, BYTES, STATE; for ERROR the error's name, "" for 0 */
};

/* The i-th option, NULL past the end. */
const struct sp_stack_option *sp_stack_option_at(unsigned i);

/* SP_E_USAGE where there is no such name, SP_E_UNSUPPORTED where this stack does not have it. */
enum sp_rc sp_stack_option_find(const char *name, const struct sp_stack_option **option,
                                struct sp_err *err);

/* Whether the API can be given this value: numbers fit its field, and it is not read only. */
bool sp_stack_option_fits(const struct sp_stack_option *option,
                          const struct sp_stack_option_value *value);
/*
 * Whether what an option reads back after it was set says that it took. Flags may come back as any
 * number but 0, buffer sizes larger than asked for (Linux doubles them, socket(7)), and some
 * options never read back as they were set: those say nothing and are true.
 */
bool sp_stack_option_took(const struct sp_stack_option *option,
                          const struct sp_stack_option_value *asked,
                          const struct sp_stack_option_value *back);
void sp_stack_setsockopt(sp_stack_sock sock, const struct sp_stack_option *option,
                         const struct sp_stack_option_value *value, struct sp_stack_outcome *out);
void sp_stack_getsockopt(sp_stack_sock sock, const struct sp_stack_option *option,
                         struct sp_stack_option_value *value, struct sp_stack_outcome *out);

/* ---- Threads, for calls that wait ------------------------------------------------------------ */

struct sp_stack_thread;
struct sp_stack_lock;

/* A mutex; the lock's owner frees it when nobody holds it. */
struct sp_stack_lock *sp_stack_lock_new(void);
void sp_stack_lock_free(struct sp_stack_lock *lock);
void sp_stack_lock_take(struct sp_stack_lock *lock);
void sp_stack_lock_give(struct sp_stack_lock *lock);

/* Starts main_fn(arg) in a thread; *thread is set before main_fn runs. */
enum sp_rc sp_stack_thread_new(void (*main_fn)(void *arg), void *arg,
                               struct sp_stack_thread **thread, struct sp_err *err);

/* Waits for the thread's end. */
void sp_stack_thread_free(struct sp_stack_thread *thread);

enum sp_stack_sleep {
    SP_STACK_AWAKE,   /* running, or not in a call */
    SP_STACK_ASLEEP,  /* in a call of the API, and the system shows it waiting there */
    SP_STACK_IN_CALL, /* in a call; this system does not show whether it waits */
};

/* *t_enter_ns: when the call that the thread is in was entered; untouched where awake. */
enum sp_stack_sleep sp_stack_thread_sleep(struct sp_stack_thread *thread, int64_t *t_enter_ns);

/* Sends the signal to that thread alone. */
void sp_stack_thread_signal(struct sp_stack_thread *thread, int sig, struct sp_stack_outcome *out);

/*
 * How long the calling thread has been ready to run and had no processor, in all, in ns; 0 where
 * the system keeps no account. Linux: run_delay of proc(5), /proc/[pid]/task/[tid]/schedstat.
 */
int64_t sp_stack_kept_waiting_ns(void);

/* Lets others run: the longer, the higher the round (0, 1, 2, ...); at most a millisecond. */
void sp_stack_yield(unsigned round);

/* ---- The pipes between an agent and its runner ----------------------------------------------- */

/*
 * Reads what is there, at most cap bytes; waits for the first byte if the pipe is blocking.
 * *got 0 and *ended false: nothing for now.
 */
enum sp_rc sp_stack_pipe_read(int fd, void *data, size_t cap, size_t *got, bool *ended,
                              struct sp_err *err);

/*
 * Writes all of it. `wait`: however long it takes; otherwise SP_E_LIMIT, with nothing written,
 * where the pipe is full. SP_E_IO where nobody reads any more; never raises SIGPIPE.
 */
enum sp_rc sp_stack_pipe_write(int fd, const void *data, size_t len_bytes, bool wait,
                               struct sp_err *err);
enum sp_rc sp_stack_pipe_nonblock(int fd, struct sp_err *err);
void sp_stack_pipe_close(int fd);

#endif
