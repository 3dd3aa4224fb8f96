/*
 * The case language: text -> case -> plan. Pure: no clock, no socket; files are read by the caller
 * (sp_case_load is the one convenience that opens a file).
 *
 * A case is what the file says. A plan is the case made ready for one run: one row of its `for`
 * tables, one lab, one family, `on ... { } else { }` blocks resolved for the stacks at each end,
 * `establish` and other short words written out, statements numbered from 1.
 * The language is described in docs/case-language.md.
 */
#ifndef SP_SCRIPT_SCRIPT_H
#define SP_SCRIPT_SCRIPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "err.h"
#include "mem.h"

/* Same numbers as enum sp_end in trace.h (which is not below this room); checked in judge. */
enum sp_who {
    SP_WHO_NONE = 0,
    SP_WHO_CLIENT,
    SP_WHO_SERVER,
    SP_WHO_PEER,
    SP_WHO_MIDDLE,
    SP_WHO_COUNT
};

enum sp_case_lab { SP_CASE_LOOPBACK = 1, SP_CASE_VETH = 2, SP_CASE_ROUTED = 4 };
enum sp_case_family { SP_CASE_IPV4 = 1, SP_CASE_IPV6 = 2 };

/* Where something stands in its file; line and column from 1. */
struct sp_place_in {
    int line;
    int column;
};

/* ---- time ---------------------------------------------------------------------------------- */

enum sp_bound_kind {
    SP_BOUND_NONE,
    SP_BOUND_WITHIN, /* at most max_ns */
    SP_BOUND_AFTER,  /* between min_ns and max_ns */
};

/*
 * `within 2s`; `after 60s ±1s` (min 59 s, max 61 s); `after 60s +200ms` (60 s to 60.2 s);
 * `after 60s +wheel` (60 s to 60 s and one step of the kernel's timer wheel at that length:
 * max_ns = min_ns and wheel is set, the judge adds the step from the trace's hz);
 * `took 2s ±0.2s`, `took <100ms` in the same form.
 */
struct sp_bound {
    enum sp_bound_kind kind;
    int64_t min_ns;
    int64_t max_ns;
    bool wheel;
    const char *since; /* label, without its @; NULL: the evidence of the statement before */
};

/* ---- what a call may come to --------------------------------------------------------------- */

enum sp_outcome_kind {
    SP_OUT_NUMBER,  /* min..max, success */
    SP_OUT_ERROR,   /* by POSIX name */
    SP_OUT_BITS,    /* poll: has ... lacks ... */
    SP_OUT_TEXT,    /* printed result is exactly this: "on=1 linger=0" */
    SP_OUT_KILLED,  /* its process was ended in the call */
    SP_OUT_PENDING, /* `-> pending`: entered and not returned when the script is over */
    SP_OUT_ANY,     /* success or error, recorded only */
    SP_OUT_UNKNOWN, /* nobody knows: recorded, the verdict is inconclusive */
};

struct sp_outcome {
    enum sp_outcome_kind kind;
    int64_t min;
    int64_t max;
    const char *text;  /* ERROR: name; TEXT: text; BITS: has, space separated */
    const char *lacks; /* BITS */
};

struct sp_expect {
    struct sp_outcome *any_of; /* the set; empty: success (send and recv: all that was asked) */
    size_t count;
    struct sp_bound took; /* from entry to return */
    int signal;           /* `raises SIGPIPE`: the signal's number on Linux, 0: must raise none */
};

/* ---- segments ------------------------------------------------------------------------------ */

enum sp_seg_class {
    SP_CLASS_ANY,
    SP_CLASS_KEEPALIVE,         /* `probe`: keepalive, sequence number one before what is next */
    SP_CLASS_ZERO_WINDOW_PROBE, /* `window-probe` */
};

struct sp_num { /* a number or a range, absent where !set */
    bool set;
    int64_t min;
    int64_t max;
};

struct sp_opt_want {
    const char *name; /* "mss" "wscale" "sackok" "sack" "ts" "fastopen"; "malformed", "junk" */
    bool absent;      /* `opt!~ts`: must not be there */
    bool has_value;
    int64_t value;
};

/*
 * SYN, FIN and RST are matched exactly (a pattern that does not name them asks for their
 * absence); ACK exactly on SYN, not at all on RST unless written (`RST,ACK` / `RST,!ACK`); other
 * flags only where named. Payload: `A..B` the bytes at these positions, `len=N`, otherwise none;
 * `any` leaves it open.
 */
struct sp_pattern {
    uint8_t set;   /* flags that must be set (bits as on the wire) */
    uint8_t clear; /* flags that must be clear */
    enum sp_seg_class class_;
    bool pure_ack;       /* `ACK` alone: nothing else but an acknowledgement */
    bool any_payload;    /* `any` */
    struct sp_num bytes; /* A..B, positions from 1 */
    bool stream;         /* `bytes A..B [then FIN]`: in as many segments as it likes */
    bool then_fin;
    struct sp_num len;
    struct sp_num seq;    /* relative to the sender's ISN (SYN is 0) */
    struct sp_num ack;    /* relative to the other end's ISN */
    struct sp_num window; /* unscaled, as on the wire */
    struct sp_num urgent; /* the urgent pointer, as on the wire; asks for URG */
    struct sp_num sack;   /* bytes of the other end's stream: the first SACK block is these */
    struct sp_num dscp;   /* of the IP header, as are the next two */
    struct sp_num ecn;    /* 0 not ECT, 1 ECT(1), 2 ECT(0), 3 CE */
    struct sp_num ttl;    /* or hop limit */
    bool again;           /* a retransmission, which is otherwise let by */
    enum sp_who seen_at;  /* `@client`: as seen at that end, which is all that is asked; NONE */

    bool good_sums;         /* `goodsum`: the checksums of IP and TCP are right */
    bool dont_fragment;     /* `df`: no router on its way may cut it (IPv6: none ever may) */
    const char *route;      /* `route=peer,nobody`: where it goes, and where then by a source route;
                               "none": it has no source route */
    bool own_src;           /* `src=own`: from the sender's first address */
    bool second_src;        /* `src=second`: from the other one (`lab address`) */
    struct sp_num isn_rate; /* SYN: what its ISN has grown by, for each millisecond since the last
                               connection of the same addresses and ports */
    struct sp_num isn_spread; /* SYN: how far apart the ISNs lie that its sender has given to
                                 connections with that host */
    struct sp_opt_want *opts;
    size_t opt_count;
    const char *text; /* as written, for messages */
};

enum { SP_ROUTE_MAX = 9 }; /* as many hosts as an IPv4 header has room for (RFC 791) */

/* ---- the scripted peer ---------------------------------------------------------------------- */

enum sp_peer_verb {
    SP_PEER_SEGMENT, /* peer SYN,ACK win=1000 */
    SP_PEER_ICMP,    /* peer icmp unreachable port */
    SP_PEER_ACCEPTS, /* the next SYN is answered with this segment */
    SP_PEER_ACKS,    /* from now on, what comes is acknowledged */
    SP_PEER_SILENT,  /* from now on, nothing is answered */
};

/* What a sequence number is counted from. */
enum sp_peer_base {
    SP_BASE_USUAL,   /* not written: what a healthy end would put there */
    SP_BASE_ISN,     /* seq=: the peer's own initial number; ack=: the other end's */
    SP_BASE_ABS,     /* abs:N */
    SP_BASE_RCV_NXT, /* of the real end, as it shows on the wire: the last number it acknowledged */
    SP_BASE_SND_NXT, /* one beyond the highest that it has sent */
    SP_BASE_SND_UNA, /* the highest that the peer has acknowledged */
    SP_BASE_SEQ,     /* @label.seq: of the segment of an earlier line, as is */
    SP_BASE_ACK,     /* @label.ack */
    SP_BASE_END,     /* @label.end: one beyond it */
};

struct sp_peer_num {
    enum sp_peer_base base;
    enum sp_who end;   /* whose numbers they are, where it is told by name */
    const char *label; /* SEQ, ACK, END: which line's, without @ */
    int64_t offset;
    bool window; /* and the window that the real end offered last */
};

struct sp_peer_opt {
    uint8_t kind; /* as on the wire */
    unsigned count;
    int64_t values[8]; /* mss, wscale: one; ts: value and echo, where written; sack: edges */
};

enum { SP_PEER_PAYLOAD_MAX = 256 };

struct sp_peer_seg {
    enum sp_peer_verb verb;
    uint8_t flags;
    struct sp_peer_num seq;
    struct sp_peer_num ack;
    struct sp_num bytes; /* A..B of the peer's own stream, from 1 */
    struct sp_num len;   /* so many bytes from where it is */
    bool len_is_window;  /* as many as the real end's window takes */
    struct sp_num window;
    struct sp_num urgent;
    struct sp_num offset; /* data offset field, in 32-bit words, instead of the right one */
    struct sp_num ttl;    /* TTL or hop limit */
    struct sp_num dscp;   /* of the IP header, as is ECN: 0 not ECT, 1 ECT(1), 2 ECT(0), 3 CE */
    struct sp_num ecn;
    const char *from;   /* "5000", "second:5000": where it comes from; NULL: as the one before */
    const char *to;     /* "server:p1", NULL: where the segment before it went */
    const char *src;    /* "multicast": whose address it has; NULL: the peer's own */
    const char *route;  /* "nobody,peer": by which hosts it has come, as a source route tells */
    uint8_t ip_raw[40]; /* ipopt=HEX: the options of its IP header */
    size_t ip_raw_len;
    bool bad_checksum;
    bool bad_ip_checksum;
    struct sp_num reserved; /* the four bits behind the data offset */
    bool has_opts;          /* `opt=` was written */
    struct sp_peer_opt *opts;
    size_t opt_count;
    uint8_t raw[40]; /* opt=raw:HEX */
    uint8_t raw_len;
    /* ICMP: what it says, by IP's family: type and code */
    uint8_t icmp[2][2]; /* [0] IPv4, [1] IPv6 */
    struct sp_num mtu;
    uint8_t payload[SP_PEER_PAYLOAD_MAX]; /* payload=HEX, instead of the pattern */
    size_t payload_len;
    const char *text; /* as written */
};

/* ---- the path ------------------------------------------------------------------------------ */

/* What `middle` does to a segment, and to which of those that its pattern fits. */
#define SP_MIDDLE_VERBS(X)                                                                         \
    X(DROP, "drop")           /* it is lost */                                                     \
    X(HOLD, "hold")           /* it and all behind it stay, until they are released */             \
    X(RELEASE, "release")     /* the oldest of those held go on */                                 \
    X(OPEN, "open")           /* all of them do, and no rule is left */                            \
    X(DELAY, "delay")         /* it goes on later; those behind it do not wait */                  \
    X(DUPLICATE, "duplicate") /* it goes on, and so do copies of it */                             \
    X(REORDER, "reorder")     /* it goes on behind the next of its sender */                       \
    X(CORRUPT, "corrupt")     /* one bit is turned, which a checksum tells */                      \
    X(REWRITE, "rewrite")     /* fields are changed, checksums are mended */                       \
    X(KEEP, "keep")           /* it goes on, and a copy is kept */                                 \
    X(REPLAY, "replay")       /* a copy that was kept is sent: the last, or the n-th */            \
    X(INJECT, "inject")       /* a segment that its sender never sent */

enum sp_middle_verb {
#define X(id, word) SP_MIDDLE_##id,
    SP_MIDDLE_VERBS(X)
#undef X
        SP_MIDDLE_COUNT
};

/* Where a bit is turned. */
#define SP_MIDDLE_PARTS(X)                                                                         \
    X(PAYLOAD, "payload")   /* the first byte of the payload; without any, the header */           \
    X(HEADER, "header")     /* TCP's */                                                            \
    X(CHECKSUM, "checksum") /* TCP's */                                                            \
    X(IP, "ip")             /* the checksum of the IPv4 header */

enum sp_middle_part {
#define X(id, word) SP_PART_##id,
    SP_MIDDLE_PARTS(X)
#undef X
        SP_PART_COUNT
};

struct sp_middle {
    enum sp_middle_verb verb;
    int64_t nth;   /* acts from the n-th segment on that fits, 1 where not written */
    int64_t count; /* DUPLICATE: how many copies; REORDER: behind how many */
    int64_t by_ns; /* DELAY, DUPLICATE: how much later */
    enum sp_middle_part part;
    /* REWRITE: what is written: flags to set, window, urgent, ttl, dscp, ecn, has_opts, payload;
     * INJECT: the segment */
    struct sp_peer_seg *seg;
    uint8_t clear; /* flags to clear */
    struct sp_opt_want *opts;
    size_t opt_count;
    bool seq_shift, ack_shift; /* `seq+=N`: by so much, instead of so many from the ISN on */
    const char *text;          /* REWRITE, INJECT: as written */
};

/* ---- statements ---------------------------------------------------------------------------- */

enum sp_stmt_kind {
    SP_ST_CALL,        /* client send 10 -> 10 */
    SP_ST_START,       /* client start recv 10 */
    SP_ST_FINISH,      /* client finish recv -> 0 */
    SP_ST_WIRE,        /* wire client SYN */
    SP_ST_STATE,       /* state client ESTABLISHED */
    SP_ST_STILL,       /* still client ESTABLISHED [for 2s] */
    SP_ST_NEVER_STATE, /* never client TIME_WAIT [for D | until @label] */
    SP_ST_NEVER_WIRE,  /* never wire client FIN */
    SP_ST_SILENCE,     /* silence [client] [for D]: no segment at all (of that sender) */
    SP_ST_QUEUE,       /* queue server unread 5 | unacked N */
    SP_ST_WAIT,        /* wait 10s */
    SP_ST_LAB,    /* lab cut | lab restore | lab unplug client | lab plug client | lab sysctl ... */
    SP_ST_MIDDLE, /* middle drop client FIN once | hold both from FIN | release client 1 | open */
    SP_ST_PEER,   /* peer SYN | peer 1..100 | peer icmp unreachable port | peer acks */
    SP_ST_PROC,   /* client exit 0 | client kill SIGKILL | client spawn */
    SP_ST_ANY_ORDER, /* any order { ... } of wire and state lines */
    SP_ST_OPTIONAL,  /* optional { wire ... } or `optional wire ...` */
    SP_ST_REPEAT,    /* repeat 2..5 { wire ... } */
};

enum sp_source_kind {
    SP_SOURCE_NONE,
    SP_SOURCE_MEASURED,
    SP_SOURCE_DOCUMENTED,
    SP_SOURCE_REPORTED
};

/* `linux`, `linux<4.12`, `linux>=4.19`, `windows>=10.0.17063 <10.0.19045` */
struct sp_stack_key {
    const char *name;
    struct sp_version_term {
        char op[3]; /* "<" "<=" ">" ">=" "=" */
        const char *version;
    } terms[2];
    unsigned term_count;
};

/* A named stack that does otherwise: replaces the outcome, the time, or both. */
struct sp_variant {
    struct sp_place_in at;
    struct sp_stack_key *keys; /* `on linux wine -> ...`: any of them */
    size_t key_count;
    enum sp_who end; /* `on client=lwip`: whose stack decides; NONE: the statement's own endpoint */
    bool has_expect;
    struct sp_expect expect;
    struct sp_bound when;
    const char *why;
    enum sp_source_kind source_kind;
    const char *source; /* where it was measured or is documented */
};

struct sp_arg {
    const char *name; /* canonical argument name of the call's table row: "len", "addr", "how" */
    bool is_text;
    int64_t number;
    const char *text; /* addresses: "server", "server:p1", ":p1", "any:0" unresolved */
    struct sp_place_in at;
};

struct sp_stmt {
    enum sp_stmt_kind kind;
    uint32_t id; /* in the plan, from 1; 0 in the case */
    struct sp_place_in at;
    const char *text;  /* the line as written, trimmed, without its expectation variants */
    bool implied;      /* written out by `establish` and the like */
    const char *label; /* `as @re`: "re"; NULL none */

    enum sp_who who;
    const char *sock; /* "conn", "listener", or the case's own name; never NULL where who is an
                         endpoint with sockets */
    bool sock_named;  /* the case wrote it */

    /* CALL, START, FINISH: row of the call table; PROC: "exit" (argument "code"), "kill" (argument
     * "signal": text its name, number Linux's), "spawn"; LAB sysctl: arguments "name", "value" */
    const char *call;
    struct sp_arg *args;
    size_t arg_count;
    struct sp_expect expect;
    struct sp_variant *variants;
    size_t variant_count;

    struct sp_pattern pattern;      /* WIRE, NEVER_WIRE, MIDDLE */
    const struct sp_peer_seg *peer; /* PEER; MIDDLE inject */
    const struct sp_middle *middle; /* MIDDLE */
    struct sp_num times;            /* MIDDLE `once`/`times N`, `release N`; REPEAT; absent: all.
                                       QUEUE: how many (bytes, LISTEN: connections) */
    int state;                      /* STATE, STILL, NEVER_STATE: enum sp_tcp_state of wire.h */
    struct sp_bound when; /* WIRE, STATE: its time; STILL, NEVER, SILENCE, WAIT: min_ns = max_ns =
                             how long, kind NONE; NEVER without it: 0, the whole trace */
    const char *until;    /* NEVER ... until @label: "label" */

    const char *verb;   /* LAB: "cut" "restore" "unplug" "plug" "sysctl" "address";
                           QUEUE: "unread" "unacked" */
    enum sp_who target; /* LAB, MIDDLE: which end; NONE: both */
    bool preferred;     /* LAB address: and what is not bound there speaks from it */

    struct sp_stmt *children; /* blocks */
    size_t child_count;
};

struct sp_case_pin {
    const char *name; /* sysctl, dots: "net.ipv4.tcp_timestamps" */
    const char *value;
    struct sp_place_in at;
};

struct sp_case {
    struct sp_arena arena;
    const char *file; /* as given */
    const char *id;   /* "linger/zero-resets" */
    const char *topic;
    const char *title;
    const char *why;
    const char **specs;
    size_t spec_count;
    unsigned labs;      /* enum sp_case_lab bits */
    unsigned families;  /* enum sp_case_family bits */
    const char **needs; /* "timestamps=on", "root", "stack=linux" */
    size_t need_count;
    struct sp_case_pin *pins;
    size_t pin_count;
    int64_t deadline_ns; /* for each statement, default 5 s */
    int64_t watch_ns;    /* how long to watch after the last line, default 20 ms */
    struct sp_case_row { /* the runs that its `for` tables make; one row without values where none
                          */
        const char *suffix; /* "[linger=0]", "" */
        const char **names;
        const char **values;
        size_t count;
    } * rows;
    size_t row_count;
    char hash[17]; /* of the text, hex */
    const char *text;
    size_t text_len;
    size_t body; /* script's own: where the statements begin; 0 where the text has mistakes */
};

/* One complaint about a case file. */
struct sp_diag_line {
    struct sp_place_in at;
    int length; /* of what the caret underlines, >= 1 */
    bool warning;
    const char *text;
    const char *hint; /* "did you mean ESTABLISHED?", NULL none */
};

struct sp_diags {
    struct sp_arena arena;
    struct sp_diag_line *items;
    size_t len;
    size_t cap;
};

void sp_diags_init(struct sp_diags *diags);
void sp_diags_release(struct sp_diags *diags);
/* file:line:column: error: text, the line itself, a caret, the hint; for all of them. */
void sp_diags_print(const struct sp_diags *diags, const char *file, const char *text,
                    size_t text_len, struct sp_buf *out);

/*
 * Parses and checks a case. SP_E_PARSE where diags holds at least one that is not a warning; the
 * case must be released either way. `file` decides the id (cases/<topic>/<name>.case) that the
 * `case` line must agree with; NULL skips that check.
 */
enum sp_rc sp_case_parse(const char *file, const char *text, size_t text_len, struct sp_case *out,
                         struct sp_diags *diags, struct sp_err *err);
/* Reads the file (at most 1 MiB) and parses it. */
enum sp_rc sp_case_load(const char *file, struct sp_case *out, struct sp_diags *diags,
                        struct sp_err *err);
void sp_case_release(struct sp_case *c);

/* Canonical form of a case's text; comments stay. */
enum sp_rc sp_case_format(const char *text, size_t text_len, struct sp_buf *out,
                          struct sp_diags *diags, struct sp_err *err);

/* Which stack is at which end; version NULL unknown. */
struct sp_plan_stack {
    const char *name;
    const char *version;
};

struct sp_plan_config {
    enum sp_case_lab lab;
    enum sp_case_family family;
    size_t row;
    struct sp_plan_stack api[SP_WHO_COUNT];
    struct sp_plan_stack tcp[SP_WHO_COUNT];
};

struct sp_plan {
    struct sp_arena arena;
    const struct sp_case *case_; /* not owned, must live longer */
    struct sp_plan_config config;
    const char *run_id; /* "linger/zero-resets[linger=0]" */
    struct sp_stmt *stmts;
    size_t stmt_count;
    uint32_t last_id;
    /* A trace of another plan, judged by this one: from the statement with this id on (at
     * parts_line) the two differ, and the rest was not exercised. 0: the trace is this plan's. */
    uint32_t parts_id;
    int parts_line;
    struct sp_case_pin *pins; /* with `for` values put in */
    size_t pin_count;
    enum sp_who peer_at; /* in whose place the scripted peer stands; NONE: there is none */
    bool needs_path;     /* lab cut/unplug or middle: two links joined in user space */
    int64_t least_ns;    /* what the case must wait at least: the sum of its waits and afters */
    char hash[17];
};

enum sp_rc sp_plan_make(const struct sp_case *c, const struct sp_plan_config *config,
                        struct sp_plan *out, struct sp_err *err);
void sp_plan_release(struct sp_plan *plan);

/*
 * Cuts a plan to what it has in common with the plan that a trace was made by (both of one case,
 * row, lab and family, for different stacks): sets parts_id and parts_line where they differ.
 */
void sp_plan_cut(struct sp_plan *plan, const struct sp_plan *ran);

/* The statement with that id, also inside blocks; NULL where there is none. */
const struct sp_stmt *sp_plan_stmt(const struct sp_plan *plan, uint32_t id);

/* Written out in the words of the language, for messages: "client recv 1 -> 0 | ECONNRESET"
 * (without variants and children), "0 | ECONNRESET took within 2s", "after 60s +wheel". */
void sp_stmt_print(const struct sp_stmt *stmt, struct sp_buf *out);
void sp_expect_print(const struct sp_expect *expect, struct sp_buf *out);
void sp_bound_print(const struct sp_bound *bound, struct sp_buf *out);
/* The whole plan; what its hash is taken over. */
void sp_plan_print(const struct sp_plan *plan, struct sp_buf *out);
const char *sp_who_name(enum sp_who who); /* "client"; "none" */

/* Does the key match the stack; *unknown is set where only the version would tell. */
bool sp_stack_key_match(const struct sp_stack_key *key, const char *name, const char *version,
                        bool *unknown);
/* Numbers with dots, compared as numbers: <0, 0, >0. "6.1.0-49-amd64" counts as 6.1.0. */
int sp_version_cmp(const char *a, const char *b);

/* The calls that the language knows, so that the agent's table and this one can be held against
 * each other by a test. NULL ends it. */
const char *const *sp_script_calls(void);

#endif
