/*
 * A trace: the ordered evidence of one run. Every call, segment, state change, process event and
 * lab action, on one clock. Pure: it can be written, read and judged on any machine.
 *
 * Times are nanoseconds since the start of the run (header.start_mono_ns on the run's clock).
 * Strings and arrays live in the trace's arena. In an event made by sp_trace_add no string is
 * NULL except where NULL is given a meaning below ("error", "native", "malformed", "version").
 * Invariant after sp_trace_sort(): events are ordered by t_ns, ties by arrival.
 */
#ifndef SP_TRACE_TRACE_H
#define SP_TRACE_TRACE_H

#include <stdbool.h>
#include <stdint.h>

#include "mem.h"
#include "wire.h"

enum sp_end {
    SP_END_NONE = 0,
    SP_END_CLIENT,
    SP_END_SERVER,
    SP_END_PEER,
    SP_END_MIDDLE,
    SP_END_COUNT
};
const char *sp_end_name(enum sp_end end); /* "client"; never NULL */
bool sp_end_parse(const char *name, enum sp_end *out);

/* Where a segment was captured. On the loopback lab there is one place that is both sides. */
enum sp_point {
    SP_AT_NONE = 0,
    SP_AT_LO,
    SP_AT_CLIENT,
    SP_AT_SERVER,
    SP_AT_BOX_CLIENT,
    SP_AT_BOX_SERVER,
    SP_POINT_COUNT
};
const char *sp_point_name(enum sp_point point); /* "box-client"; never NULL */

enum sp_ev_kind {
    SP_EV_CALL,  /* a socket call: t_ns is its entry, t_end_ns its return */
    SP_EV_SEG,   /* a captured segment */
    SP_EV_STATE, /* a TCP state as the kernel reports it */
    SP_EV_NOTE,  /* what a tracepoint tells beside states: retransmission, reset, drop */
    SP_EV_LAB,   /* an action of the lab or the path: t_ns before, t_end_ns after */
    SP_EV_PROC,  /* a process of an endpoint started, exited, was killed */
    SP_EV_MARK,  /* the runner's own: statement begun or done, end of script, fence, stall */
    SP_EV_KIND_COUNT
};

enum sp_call_how {
    SP_CALL_RETURNED, /* value and error are the stack's */
    SP_CALL_HUNG,     /* ended by us at its deadline */
    SP_CALL_KILLED,   /* its process was ended by the case while it was in the call */
    SP_CALL_PENDING,  /* entered, not returned (yet, or by the end of the run) */
};

struct sp_ev_call {
    const char *sock; /* the case's name for the socket: "conn", "listener", "b" */
    const char *name; /* "recv" */
    const char *args; /* printed arguments, "" where none */
    enum sp_call_how how;
    int64_t value;       /* what the call returned, -1 on error */
    const char *error;   /* POSIX name ("ECONNRESET"), NULL on success */
    const char *native;  /* the API's own name of it, NULL where the same */
    int32_t signal;      /* signal that the call raised (SIGPIPE), 0 none */
    int64_t first_bad;   /* received payload: offset of the first byte that is not the pattern's, -1
                            none */
    int64_t stream_from; /* send and recv: stream offset of the first byte moved */
    int64_t kept_waiting_ns; /* of its time: its thread was ready to run, and no processor free */
    const char *out;      /* other results, printed: poll bits "IN|HUP", option values, "" none */
    struct sp_addr local; /* after the call, where the API tells; family 0 where not */
    struct sp_addr remote;
};

struct sp_ev_seg {
    enum sp_point point;
    struct sp_seg seg;
    uint32_t frame;        /* number of the packet in this point's capture, from 1 */
    const char *malformed; /* NULL, or why the frame could not be decoded */
};

enum sp_state_source { SP_STATE_TRACEPOINT, SP_STATE_DIAG, SP_STATE_TABLE /* Windows, lwIP */ };

struct sp_ev_state {
    enum sp_state_source source;
    enum sp_tcp_state old_state; /* SP_TCP_NONE where the source does not tell */
    enum sp_tcp_state new_state; /* SP_TCP_NONE: the source no longer shows the socket */
    struct sp_addr local;        /* port 0: not bound yet (Linux: SYN_SENT) */
    struct sp_addr remote;
    uint64_t sock_id;      /* tells sockets apart: kernel address or diag cookie; 0 unknown */
    int64_t not_before_ns; /* polled sources: the last look that did not show it yet; else t_ns */
    /* queues and timer, diag only, -1 unknown */
    int64_t recv_queue; /* unread bytes (LISTEN: connections waiting) */
    int64_t send_queue; /* bytes not acknowledged, sent or not (LISTEN: backlog) */
    int32_t timer;      /* 0 off 1 retransmit 2 keepalive 3 time-wait 4 probe0 */
    int64_t timer_ms;   /* until it expires */
};

struct sp_ev_note {
    const char *what;   /* "retransmit", "send-reset", "receive-reset", "drop" */
    const char *detail; /* drop reason, state, ... */
    struct sp_addr local;
    struct sp_addr remote;
    uint64_t sock_id;
};

struct sp_ev_lab {
    const char
        *action; /* as the case writes it: "cut", "unplug client", "middle drop client FIN" */
    const char *detail; /* which segment, what was read back */
    /* What the middle did to one segment, in the identities of sp_tcp_identity(). Events of one
     * frame are one after the other: `was` of the first and `now` of the last tell it all. */
    uint32_t frame;  /* number of the frame that the box took, from 1; 0: it took none */
    uint32_t copies; /* sent beside it */
    uint64_t was;    /* as it came; 0: the middle made it */
    uint64_t now;    /* as it goes on; 0: it does not, or not yet */
};

enum sp_proc_what {
    SP_PROC_START,
    SP_PROC_EXIT,
    SP_PROC_KILLED,
    SP_PROC_OUTLIVED, /* by what was to end it until the case's deadline: the runner ended it */
};
struct sp_ev_proc {
    enum sp_proc_what what;
    int64_t pid;
    int32_t code; /* exit code, or signal */
};

enum sp_mark_what {
    SP_MARK_BEGIN,    /* statement `stmt` is being worked on from t_ns */
    SP_MARK_DONE,     /* and no longer */
    SP_MARK_END,      /* the script is over: what follows is clean-up */
    SP_MARK_FENCE,    /* `text` names the witness; all it saw before t_ns is in the trace */
    SP_MARK_CANARY,   /* `text` names the witness, which has seen the canary */
    SP_MARK_ABSENT,   /* `text` names a witness that is not watching, and why */
    SP_MARK_DROPS,    /* `text` names a witness that lost events */
    SP_MARK_STALL,    /* this machine stood still from t_ns to t_end_ns */
    SP_MARK_DEADLINE, /* statement `stmt` ran out of time */
    SP_MARK_KEPT,     /* `end`'s stack, in processes of its own, waited for a processor: its threads
                         together as long as from t_ns, when `stmt` began, to t_end_ns */
};
struct sp_ev_mark {
    enum sp_mark_what what;
    const char *text; /* "" where none */
};

struct sp_event {
    enum sp_ev_kind kind;
    enum sp_end end; /* whose: caller, sender of the segment, owner of the state */
    uint32_t order;  /* arrival number, from 0 */
    uint32_t stmt;   /* id of the plan's statement that made it happen, 0 none */
    int64_t t_ns;
    int64_t t_end_ns; /* = t_ns where it has no length; -1: has not ended */
    union {
        struct sp_ev_call call;
        struct sp_ev_seg seg;
        struct sp_ev_state state;
        struct sp_ev_note note;
        struct sp_ev_lab lab;
        struct sp_ev_proc proc;
        struct sp_ev_mark mark;
    } u;
};

/* Whether a witness watched. */
enum sp_watch { SP_WATCH_ABSENT, SP_WATCH_POLLED, SP_WATCH_FULL };

struct sp_stack_id {
    const char *name;    /* "linux", "wine" */
    const char *version; /* "6.18.44", NULL unknown */
};

struct sp_trace_head {
    const char *case_id;
    const char *case_hash; /* of the case file */
    const char *plan_hash;
    const char *build; /* version of sockproof */
    const char *lab;   /* "loopback" */
    uint8_t family;    /* enum sp_family */
    int64_t start_mono_ns;
    int64_t start_real_ns;                /* wall clock, for people and for pcapng */
    int32_t hz;                           /* the kernel's tick, 0 unknown */
    bool virtual_clock;                   /* jumps over idle time, so that no tick is late */
    struct sp_addr addr[SP_END_COUNT];    /* each endpoint's own address, port 0 */
    struct sp_addr second[SP_END_COUNT];  /* and the other one that it got (`lab address`) */
    struct sp_stack_id api[SP_END_COUNT]; /* who answers calls */
    struct sp_stack_id tcp[SP_END_COUNT]; /* who speaks on the wire */
    enum sp_watch wire;
    enum sp_watch states;
    bool states_hidden[SP_END_COUNT]; /* an end whose TCP nobody outside it can ask */
    bool states_told[SP_END_COUNT];   /* of those: it tells of itself, look by look */
    struct sp_trace_pin {
        const char *name; /* "net.ipv4.tcp_sack" */
        const char *value;
    } * pins;
    size_t pin_count;
};

struct sp_trace {
    struct sp_arena arena;
    struct sp_trace_head head;
    struct sp_event *events;
    size_t len;
    size_t cap;
};

/* The words of the JSON form: "segment", "returned", "tracepoint", "exit", "deadline", "polled". */
const char *sp_ev_kind_name(enum sp_ev_kind kind);
const char *sp_call_how_name(enum sp_call_how how);
const char *sp_state_source_name(enum sp_state_source source);
const char *sp_proc_what_name(enum sp_proc_what what);
const char *sp_mark_what_name(enum sp_mark_what what);
const char *sp_watch_name(enum sp_watch watch);

/* An empty trace; the head's own strings are "", the stacks' names NULL. */
void sp_trace_init(struct sp_trace *trace);
void sp_trace_release(struct sp_trace *trace);

/*
 * Appends a zeroed event of that kind and returns it; the pointer is good until the next append.
 * Not zero: order, t_end_ns and not_before_ns (= t_ns), strings (""), and the fields whose
 * unknown is -1.
 */
struct sp_event *sp_trace_add(struct sp_trace *trace, enum sp_ev_kind kind, int64_t t_ns);

/* Copies a string into the trace's arena. */
const char *sp_trace_str(struct sp_trace *trace, const char *text);

/*
 * The address that a case means by a host's name: of an end ("client", "second"), or one of those
 * that nobody in a lab has ("nobody", "multicast", ...). False where there is none in this family.
 */
bool sp_trace_host(const struct sp_trace_head *head, const char *name, uint8_t family,
                   struct sp_addr *out);

/* Stable sort by t_ns, then arrival. */
void sp_trace_sort(struct sp_trace *trace);

enum { SP_TRACE_EVENTS_MAX = 1000000 };

/*
 * JSON, `schema`: "sockproof-trace/1"; what is written reads back to the same trace. One event a
 * line, fields with their usual value left out, so that two traces can be compared as text.
 * Appends to out; SP_E_LIMIT where that is full.
 */
enum sp_rc sp_trace_write(const struct sp_trace *trace, struct sp_buf *out, struct sp_err *err);

/*
 * Reads what sp_trace_write wrote; initialises trace, which is empty after an error. Unknown
 * fields are let by, everything else is strict: SP_E_PARSE names the event and the field.
 * SP_E_LIMIT for more than SP_TRACE_EVENTS_MAX events.
 */
enum sp_rc sp_trace_read(const char *json, size_t len_bytes, struct sp_trace *trace,
                         struct sp_err *err);

#endif
