/*
 * The executor of one plan, private to lib/run: what it holds, and what its files give each other.
 *
 *   exec.c        from an empty lab to a stored verdict
 *   exec_stmt.c   what each kind of statement does
 *   exec_call.c   calls: arguments resolved, agents asked, events written
 *   exec_proc.c   agents' processes: start, exit, kill
 *   exec_adapter.c  agents on other stacks
 *   exec_os.c     what it asks of the system
 *   exec_kept.c   for how long a stack in processes of its own had no processor
 *   exec_watch.c  the one loop that waits: agents, captures, records, the path, sock_diag
 *   exec_fence.c  canaries and fences: proof that a witness sees, and has seen all
 *   path*.c       the box of the path lab: frames, connections seen, frames changed
 *   peer.c        the end that has no kernel behind it
 *   forge.c       segments made to order, for both
 */
#ifndef SP_RUN_EXEC_H
#define SP_RUN_EXEC_H

#include "agent.h"
#include "path.h"
#include "peer.h"
#include "run.h"

enum { EXEC_SOCKS = 64, EXEC_PORTS = 32, EXEC_CALLS = 64, EXEC_CAPTURES = 4 };

/* Evidence reaches us a little after it happened: how long we wait past a deadline for it. */
#define EXEC_GRACE_NS (250 * SP_MS)

/* A socket of an agent that the case knows by name. */
struct exec_sock {
    enum sp_who who;
    char name[32];
    struct sp_addr local; /* as the last call told */
    uint8_t family;       /* where the case has said it; 0: the lab's */
    bool plain;           /* made by a `socket` line */
};

/* A port that a case knows by name (":p1"). */
struct exec_port {
    const char *name;
    uint16_t port;
};

/* A call that an agent has been asked for and has not answered. */
struct exec_call {
    bool used;
    enum sp_who who;
    uint32_t request;
    uint32_t event_order; /* of its SP_EV_CALL */
    char call[16];
    char sock[32];
    bool entered;
    bool done;
};

struct exec_agent {
    bool alive;
    struct sp_lab_proc proc;
    struct sp_agent_conn conn;
    char salt, peer_salt;
    int states_fd;              /* where a stack tells of its states, -1 it does not */
    int log_fd;                 /* what a stack's program says on standard error, -1 nowhere */
    int64_t states_read;        /* bytes of it so far */
    unsigned hellos;            /* how many have come: one, where the next begins again, more */
    uint32_t leaving;           /* the request that ends it, which no call waits for; 0 none */
    bool between;               /* the case ended it, and the next one has greeted */
    struct sp_agent_reply last; /* the reply to the request that `await` waited for */
};

struct exec {
    const struct sp_run_job *job;
    const struct sp_run_env *env;
    struct sp_plan plan;
    struct sp_trace trace;
    struct sp_frames frames;
    struct sp_match *match;
    struct sp_lab lab;
    bool lab_open;
    struct sp_appliance_proc *appliance; /* NULL: nothing runs in the box */
    struct exec_agent agents[SP_WHO_COUNT];
    struct sp_capture *captures[EXEC_CAPTURES];
    unsigned capture_count;
    bool quiet_agents[SP_WHO_COUNT]; /* asked just now, and nothing is there: not to be read */
    bool quiet_captures[EXEC_CAPTURES];
    struct sp_diag *diags[SP_PLACE_COUNT];
    struct peer *peer; /* NULL: two real ends */
    struct path *path; /* NULL: plain pair or loopback */
    bool unplugged[SP_PLACE_COUNT];
    enum sp_who second_of; /* which end has a second address */
    const struct sp_run_records *records;
    int64_t idle_since_ns; /* when something was last there to be taken */
    int64_t real_offset_ns;

    struct exec_sock socks[EXEC_SOCKS];
    unsigned sock_count;
    struct exec_port ports[EXEC_PORTS];
    unsigned port_count;
    struct exec_call calls[EXEC_CALLS];
    uint32_t next_request;

    /* states */
    bool diag_due;        /* look before the next decision */
    bool listeners_due;   /* the statement under way asks about a listening socket */
    int64_t diag_poll_ns; /* look again at this time, 0 none */
    int64_t diag_step_ns;
    int64_t diag_since_ns; /* when the line under way began to wait */
    size_t scanned;        /* events looked at for fence traffic so far */

    /* fences */
    int fence_fd;
    int sentinel_fds[SP_PLACE_COUNT];
    uint16_t fence_port;
    unsigned fence_seen; /* records of the fence socket so far */
    unsigned sentinels_seen[SP_POINT_COUNT];

    void (*status)(const char *text, void *arg);
    void *status_arg;
    bool broken;  /* the harness failed: err says why */
    bool skipped; /* the stack proved that the case cannot be run on it: err says how */
    struct sp_err err;
};

/* Time since the start of the run. */
int64_t exec_now(const struct exec *x);
struct sp_event *exec_mark(struct exec *x, enum sp_mark_what what, uint32_t stmt, const char *text);
/* The event with that arrival number. */
struct sp_event *exec_event_by_order(struct exec *x, uint32_t order);

/* Who stands in that place: the peer has the place of one of the two. */
enum sp_end exec_end_at(const struct exec *x, enum sp_place place);
/* Whether a stack under test is there, with an agent of its own. */
bool exec_is_real(const struct exec *x, enum sp_who who);

/* Whether tracepoints are told of. */
bool exec_has_records(const struct exec *x);

/* exec_watch.c */
/* This machine stood still from then until now, if that is long. */
void exec_note_stall(struct exec *x, int64_t since_ns);
/* So did an agent's, between what we asked and the call, or between a call that began to wait and
 * our hearing of it; only where a stack waits for the script. */
void exec_note_late_call(struct exec *x, int64_t from_ns, int64_t to_ns);
enum sp_rc exec_drain(struct exec *x);                   /* take what is there, do not wait */
enum sp_rc exec_pump(struct exec *x, int64_t until_ns);  /* wait for anything, at most until then */
enum sp_rc exec_sleep(struct exec *x, int64_t until_ns); /* go on pumping until then */
enum sp_rc exec_look(struct exec *x, bool queues);       /* sock_diag, in every place */

/* exec_os.c */
/* Waits for anything of the agents, captures, records, the path and the peer, at most until then,
 * on the trace's clock. */
enum sp_rc exec_wait(struct exec *x, int64_t wake_ns);
/* Asks agents and captures, all in one, which of them has something; where the system cannot, all
 * may. exec_wait() does so, too. */
void exec_ask(struct exec *x);
void exec_wait_peer(const struct exec *x, int ms);
/* Notes when this machine stood still, as the main process saw it; whether it ever did. Waits for
 * what it has to say of just now. */
bool exec_note_machine_stalls(struct exec *x);
/* User and system time of the run's processes. */
double exec_cpu_ms(void);

/* exec_addr.c */
enum sp_rc exec_address(struct exec *x, enum sp_who self, const char *text, uint8_t family,
                        struct sp_addr *addr, const char **new_port);
/* An IPv4 address in IPv6's form becomes what it stands for; others stay. */
enum sp_rc exec_route(struct exec *x, const char *hosts, bool followed, uint8_t *option,
                      size_t *len);
void exec_address_unmap(struct sp_addr *addr);
enum sp_rc exec_port_note(struct exec *x, const char *name, uint16_t port);

/* exec_socks.c */
/* By its name; NULL: nobody has made it. Valid until one is noted or forgotten. */
struct exec_sock *exec_sock_find(struct exec *x, enum sp_who who, const char *name);
/* That there is one, and its address where `local` is one. SP_E_LIMIT: there are EXEC_SOCKS. */
enum sp_rc exec_sock_note(struct exec *x, enum sp_who who, const char *name,
                          const struct sp_addr *local);
void exec_sock_forget(struct exec *x, enum sp_who who, const char *name);
void exec_socks_forget(struct exec *x, enum sp_who who);
/* Of the endpoint's socket `listener`; 0 none. */
uint16_t exec_listener_port(struct exec *x, enum sp_who who);

/* exec_call.c */
enum sp_rc exec_agent_reply(struct exec *x, enum sp_who who, const struct sp_agent_reply *reply);
enum sp_rc exec_do_call(struct exec *x, const struct sp_stmt *stmt, bool start);
enum sp_rc exec_finish(struct exec *x, const struct sp_stmt *stmt);
void exec_calls_abandon(struct exec *x, enum sp_who who, enum sp_call_how how, int64_t t_ns);
/* The option that a line sets or reads; NULL it names none. */
const char *exec_option_of(const struct sp_stmt *stmt);
/* Whether that stack takes the option without effect. Either may be NULL: then not. */
bool exec_ignores(const struct sp_run_adapter *adapter, const char *option);

/* exec_proc.c */
enum sp_rc exec_spawn(struct exec *x, enum sp_who who);
enum sp_rc exec_proc_stmt(struct exec *x, const struct sp_stmt *stmt);
/* Ends the process and waits until it is gone; signal 0: by the end of its input. */
enum sp_rc exec_end(struct exec *x, enum sp_who who, int signal, uint32_t stmt);

/* exec_adapter.c */
/* What stands between us and the stack at that end; NULL: nothing, it is this machine's own. */
const struct sp_run_adapter *exec_adapter(const struct exec *x, enum sp_who who);
/* " on ssh:box", behind "the client's agent"; "" on this machine's own. */
const char *exec_agent_on(struct exec *x, enum sp_who who);
/* Whether this machine's kernel speaks TCP there, so that its states can be watched. */
bool exec_has_kernel(const struct exec *x, enum sp_who who);
/* ": WORDS", the last that its program said on standard error; "" nothing, or it is our own. */
const char *exec_agent_said(struct exec *x, enum sp_who who);
/* Starts the agent and waits for its HELLO. */
enum sp_rc exec_adapter_spawn(struct exec *x, enum sp_who who);
/* Why the case cannot be run on these stacks; NULL: it can. */
const char *exec_adapter_forbids(const struct exec *x, struct sp_arena *arena);
/* Whether a stack of its own is there that tells of its states. */
bool exec_tells(const struct exec *x, enum sp_who who);

/* exec_told.c */
enum sp_rc exec_told_open(struct exec *x, enum sp_who who); /* nothing where it does not tell */
void exec_told_close(struct exec *x, enum sp_who who);
enum sp_rc exec_told_read(struct exec *x); /* takes what has been told until now */

/* exec_fence.c */
enum sp_rc exec_fence_open(struct exec *x);
enum sp_rc exec_canary(struct exec *x);
enum sp_rc exec_fence(struct exec *x);
/* Turns our own canaries and fences among the events since the last call into marks. */
void exec_fence_filter(struct exec *x);
bool exec_fence_record(struct exec *x, const struct sp_tp_record *record);
void exec_fence_close(struct exec *x);

/* exec_kept.c */
/* Where an agent cannot show that its call sleeps: until nothing of its stack runs, at most 2 s. */
enum sp_rc exec_await_rest(struct exec *x, enum sp_who who);
/* When a line began, and what each end's stack had waited for a processor by then; -1 unknown. */
struct exec_kept {
    int64_t t_ns;
    int64_t waited_ns[SP_WHO_COUNT];
};
void exec_kept_begin(const struct exec *x, struct exec_kept *kept);
/* The line is over: marks what they have waited meanwhile, where it is worth a word, and begins
 * anew. */
void exec_kept_note(struct exec *x, struct exec_kept *kept, uint32_t stmt);

/* exec_stmt.c */
enum sp_rc exec_script(struct exec *x);

#endif
