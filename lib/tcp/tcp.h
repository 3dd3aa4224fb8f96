/*
 * RFC 9293 as code: replays every captured connection of a trace, gives each segment its cause,
 * and checks what must always hold. Pure.
 *
 * It answers to evidence only: calls (who closed, who queued how many bytes), process events (an
 * exit closes), lab and middle actions, segments on both sides, and the states that the kernel
 * reported. It never knows what a case expects.
 */
#ifndef SP_TCP_TCP_H
#define SP_TCP_TCP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "trace.h"

/* ---- boxes that rewrite addresses -------------------------------------------------------------
 */

/* Whether the trace is of a run through a box of the class "nat". */
bool sp_tcp_rewrites(const struct sp_trace *trace);
/*
 * A copy of the events, index by index, in which the server's side saw the client's own addresses.
 * Strings stay the trace's, which must outlive it; sp_trace_release(plain).
 */
void sp_tcp_rewrites_undo(const struct sp_trace *trace, struct sp_trace *plain);

/* ---- flights: one segment as it left and as it arrived -------------------------------------- */

struct sp_flight {
    const struct sp_event *sent;     /* at its sender's side; NULL: never seen to leave */
    const struct sp_event *received; /* at the other side; NULL: did not arrive; = sent on lo */
    enum sp_end from;                /* MIDDLE: nobody sent it, the path made it */
    int conn;                        /* index into conns */
    uint32_t rel_seq; /* relative to the sender's ISN; absolute where the ISN is not known */
    uint32_t rel_ack; /* relative to the other end's */
    const struct sp_event *by; /* what the middle did to it: changed, dropped, made; NULL nothing */
};

/*
 * What a path leaves alone of a segment (addresses, numbers, flags, window, options, payload,
 * identification, TOS, whether its checksums are right), as 64 bits: two segments of one run
 * never share them unless they are copies. Never 0.
 */
uint64_t sp_tcp_identity(const struct sp_seg *seg);

/* A connection as the wire shows it: one pair of sockets and one pair of ISNs. */
struct sp_conn {
    struct sp_addr client; /* the end that sent the first SYN */
    struct sp_addr server;
    enum sp_end opener;
    enum sp_end responder; /* whose address the first segment went to; NONE where unknown */
    uint32_t isn[SP_END_COUNT];
    bool isn_known[SP_END_COUNT];
    int64_t first_ns;
    int64_t next_ns; /* when a SYN opened a successor with the same addresses, INT64_MAX never */
    bool self;       /* both addresses are the same end's: isn[] cannot tell them apart */
    bool renumbered; /* the middle changed a SYN's number: the ends count from different ones */
};

struct sp_flights {
    struct sp_arena arena;
    struct sp_flight *items; /* ordered by leaving time (arrival where not seen to leave) */
    size_t len;
    struct sp_conn *conns;
    size_t conn_count;
};

/* Pairs the captures of both sides and sorts them into connections. */
void sp_flights_build(const struct sp_trace *trace, struct sp_flights *out);
void sp_flights_release(struct sp_flights *flights);

/*
 * Whether one step or more lead from a state to another in RFC 9293's diagram (figure 5, and what
 * Linux does beside it: states.c) without passing through CLOSED; from NONE a socket begins.
 */
bool sp_tcp_state_leads(enum sp_tcp_state from, enum sp_tcp_state to);

/* ---- replay -------------------------------------------------------------------------------- */

enum sp_cause {
    SP_CAUSE_NONE,    /* nothing explains it: a violation */
    SP_CAUSE_CALL,    /* a call of its end: bytes queued, connect, close, shutdown, abort */
    SP_CAUSE_EXIT,    /* its process ended */
    SP_CAUSE_SEGMENT, /* a segment that came in provoked it */
    SP_CAUSE_TIMER,   /* retransmission, keepalive, persist, delayed ACK */
    SP_CAUSE_WINDOW,  /* its window changed because the application read */
    SP_CAUSE_SCRIPT,  /* the peer or the middle sent it */
};

enum sp_role { /* what a segment is, seen by the replay */
               SP_ROLE_OTHER,
               SP_ROLE_SYN,
               SP_ROLE_SYN_ACK,
               SP_ROLE_DATA,
               SP_ROLE_FIN,
               SP_ROLE_RST,
               SP_ROLE_ACK,     /* acknowledges something new */
               SP_ROLE_DUP_ACK, /* acknowledges nothing new */
               SP_ROLE_WINDOW_UPDATE,
               SP_ROLE_RETRANSMIT, /* nothing in it that had not been sent before */
               SP_ROLE_KEEPALIVE,
               SP_ROLE_WINDOW_PROBE,
               SP_ROLE_CHALLENGE, /* answers a segment that was not acceptable */
};
const char *sp_role_name(enum sp_role role);
const char *sp_cause_name(enum sp_cause cause);

struct sp_audit_seg {
    enum sp_cause cause;
    enum sp_role role;
    const struct sp_event *by; /* the event that caused it; NULL for timers */
};

/* Something that must not be. `text` is one sentence with the numbers in it. */
struct sp_violation {
    const char *rule; /* stable short name: "ack-beyond-sent", "data-after-fin", "no-cause", ... */
    const char *spec; /* "RFC9293:3.10.7.4" */
    const struct sp_event *event;
    enum sp_end end; /* whom it blames */
    const char *text;
};

/* What must hold always: one row a rule, the same that docs/invariants.md lists. */
struct sp_rule {
    const char *name;
    const char *spec;
    const char *sentence;
};
const struct sp_rule *sp_audit_rules(size_t *count);

struct sp_audit {
    struct sp_arena arena;
    struct sp_flights flights;
    struct sp_audit_seg *segs; /* one a flight */
    struct sp_violation *violations;
    size_t violation_count;
    const char *astray; /* what the path did that no action of the trace tells; NULL: nothing */
};

/*
 * Replays the whole trace (sorted). Rules and their sources: docs/invariants.md.
 * What a missing witness hides is not held against anybody: without calls there are no causes to
 * miss, with one capture nothing is said about arrival, and reported states are a subsequence.
 */
void sp_audit_run(const struct sp_trace *trace, struct sp_audit *out);
/* The same for `plain`, which is what sp_tcp_rewrites_undo() made of `seen`. */
void sp_audit_run_plain(const struct sp_trace *plain, const struct sp_trace *seen,
                        struct sp_audit *out);
void sp_audit_release(struct sp_audit *audit);

#endif
