/*
 * What the files of this room share and nobody outside sees.
 *
 *   view.c     the trace sorted out: calls and marks by statement, lanes of segments
 *   history.c  the states of each kernel socket, merged from all sources
 *   bind.c     which connection a statement's socket is; bind_hist.c: which kernel socket
 *   pattern.c  one segment against one pattern
 *   wire_match.c, state_match.c, call_match.c, absence.c   one statement against the view
 *   bounds.c, variant.c   time, and whose expectation holds
 *   walk.c     statements in plan order, blocks, and the incremental matcher
 *   judge.c    the verdict
 *   say.c      sentences
 *
 * docs/verdicts.md is the theory of operation.
 */
#ifndef SP_JUDGE_IMPL_H
#define SP_JUDGE_IMPL_H

#include "clock.h"
#include "judge.h"

/* ---- findings ------------------------------------------------------------------------------ */

enum { SAY_MAX = 400 };

/* What speaks against a statement. */
struct finding {
    enum sp_fail_kind kind;
    const struct sp_stmt *stmt;
    const struct sp_event *event;
    const char *rule;
    enum sp_end blames;
    int64_t t_ns;     /* of the divergence, -1 unknown */
    int64_t from_ns;  /* since when time was running, for stalls; -1: time did not matter */
    int64_t over_ns;  /* of a call that took too long: by how much; 0 of anything else */
    int64_t early_ns; /* of what came too early: by how much; 0 of anything else */
    int64_t kept_ns;  /* of a call: it waited so long for a processor that nothing is known; or 0 */
    char expected[SAY_MAX];
    char seen[SAY_MAX];
};

/* A stack in a process of its own stands still with the machine, and acts on what it knew before:
 * it is not held to what came while it stood, or at most so long before. */
#define OWN_STALL_NS (200 * SP_MS)

/* What came of a statement that was DONE. */
struct outcome {
    enum sp_line_how how;
    const struct sp_variant *variant;
    int64_t lo_ns; /* the evidence happened in [lo_ns, t_ns]; -1 no evidence */
    int64_t t_ns;
    const struct sp_event *seg; /* WIRE, PEER, MIDDLE: the segment; NULL none */
};

/* ---- the view of a trace ------------------------------------------------------------------- */

enum item_is {
    IS_PURE_ACK = 1,
    IS_RETRANSMIT = 2,
    IS_PROBE = 4,
    IS_WINDOW_PROBE = 8,
    IS_LATE_RST = 16, /* answers what had left before its sender's abort was known */
};

/* One segment of one sender on one connection. */
struct item {
    const struct sp_flight *flight;
    const struct sp_event *ev; /* as it left; as it arrived where nobody saw it leave */
    int64_t t_ns;
    unsigned is; /* enum item_is */
};

struct lane {
    int conn;
    enum sp_end from;
    struct item *items; /* in leaving order */
    size_t len;
};

struct span {
    enum sp_tcp_state state;
    int64_t lo_ns; /* entered in [lo_ns, t_ns] */
    int64_t t_ns;
    const struct sp_event *ev;
};

/* One kernel socket. */
struct hist {
    enum sp_end end;
    struct sp_addr local;
    struct sp_addr remote;
    uint64_t tp_id;
    uint64_t cookie;
    bool has_tp;
    bool tp_closed; /* its full socket is gone */
    bool gone;
    bool listener;
    const struct sp_event *claim;      /* SYN_SENT from a port that another may have still */
    const struct sp_event *undecided;  /* tracepoint to CLOSED that may mean TIME_WAIT */
    const struct sp_event *unseen_end; /* a look that found it gone, and no tracepoint told */
    enum sp_tcp_state diag_last;       /* what sock_diag showed last, NONE: nothing, or gone */
    struct span *spans;
    size_t len;
    size_t cap;
};

/* A statement that makes a connection: connect, accept, or listen. */
enum open_kind { OPEN_CONNECT, OPEN_ACCEPT, OPEN_LISTEN };
struct open {
    enum open_kind kind;
    const struct sp_stmt *stmt;
    const char *sock;          /* name of the socket that it makes */
    const struct sp_event *ev; /* NULL: not called (yet) */
    int64_t entry_ns;          /* -1: not begun */
    int64_t return_ns;         /* -1: not returned */
    int conn;                  /* index of the connection, -1 unknown */
};

struct stmt_marks {
    const struct sp_stmt *stmt;
    const struct sp_stmt *partner; /* FINISH: its START; START: its FINISH */
    int64_t begin_ns;
    int64_t done_ns;
    int64_t deadline_ns;
    const struct sp_event *call;
    const struct sp_event *act; /* LAB or PROC event */
};

struct view {
    struct sp_arena arena;
    const struct sp_plan *plan;
    const struct sp_trace *trace;
    const struct sp_flights *flights;
    struct sp_flights own_flights;
    bool owns_flights;
    bool final; /* the trace is whole: what is not there will not come */

    struct stmt_marks *stmts; /* by id, 0 unused */
    size_t stmt_len;
    struct lane *lanes; /* conn * SP_END_COUNT + end */
    size_t lane_count;
    struct hist **hists;
    size_t hist_count;
    struct open *opens; /* in plan order */
    size_t open_count;
    const struct sp_event **stalls;
    size_t stall_count;
    int64_t end_ns;                   /* SP_MARK_END, -1 none */
    int64_t last_ns;                  /* latest time in the trace */
    bool begun;                       /* some statement was */
    const struct sp_event *elsewhere; /* a call of another end than its line's; NULL none */
    bool fenced_wire;                 /* after END */
    bool fenced_states;
    bool absent_wire; /* a mark says so */
    bool absent_states;
    const struct sp_event *drops;
};

/* `flights` NULL: built here. The trace must be sorted. */
void view_build(struct view *view, const struct sp_plan *plan, const struct sp_trace *trace,
                const struct sp_flights *flights, bool final);
void view_release(struct view *view);
enum sp_watch view_watch_wire(const struct view *view);
/* Whether the end's stack, all in its agent's process, has been ended with it by our clean-up. */
bool stack_has_gone(const struct view *view, enum sp_end end, int64_t t_ns);
enum sp_watch view_watch_states(const struct view *view); /* where they can be watched */
enum sp_watch view_watch_states_of(const struct view *view, enum sp_who who);
struct lane *view_lane(const struct view *view, int conn, enum sp_end from);
const struct sp_stmt *view_label(const struct view *view, const char *label);
/* Whether the machine may be why it failed, and in `why` how. */
bool excuse_of(const struct view *view, const struct finding *f, char *why, size_t cap);

void history_build(struct view *view);
void history_release(struct view *view);
/* Index of the state at that time, -1: none yet. */
int history_at(const struct hist *hist, int64_t t_ns);

void bind_build(struct view *view);
/* The connection that the statement's socket is at that place of the plan, -1: not known (yet). */
int bind_conn(const struct view *view, const struct sp_stmt *stmt);
/* Its kernel socket, NULL none (yet). *expected: calls say that there should be one. */
struct hist *bind_hist(const struct view *view, const struct sp_stmt *stmt, bool *expected);
/* Whether a connection, or a kernel socket, is one that the statement's socket ever was; those
 * that belong to no socket of the case count for the default one. */
bool bind_owns_conn(const struct view *view, const struct sp_stmt *stmt, int conn);
bool bind_owns_hist(const struct view *view, const struct sp_stmt *stmt, const struct hist *hist);
/* What the peer sent for that statement, NULL nothing (yet). */
const struct item *bind_peer_item(const struct view *view, const struct sp_stmt *stmt);
/* What the middle sent itself for that statement, NULL nothing (yet). */
const struct item *bind_made_item(const struct view *view, const struct sp_stmt *stmt);
/* The connection whose end this kernel socket is, -1 none. */
int bind_hist_conn(const struct view *view, const struct hist *hist);
/* Whether a call or a connection accounts for this kernel socket. */
bool bind_explains(const struct view *view, const struct hist *hist);

/* Shared by bind.c and bind_hist.c. */
#define BIND_SLOP_NS (1 * SP_MS) /* how far the clocks of a capture and of a call may be apart */
bool bind_has_port(const struct sp_addr *addr);
const char *bind_sock_of(const struct sp_stmt *stmt);
/* The connect or accept before the statement that its name is from, NULL none. */
const struct open *bind_last_own(const struct view *view, const struct sp_stmt *stmt);
/* Whether the case makes that call between the two, on their socket; a new process has none. */
bool bind_called_between(const struct view *view, const struct open *from, const struct open *to,
                         const char *call);

/* ---- patterns ------------------------------------------------------------------------------ */

enum fit { FIT_YES, FIT_FIELDS /* same kind of segment, another field */, FIT_NO };
/* `diff` says which field: "ack=2, expected ack=1"; untouched where it fits. */
/* The record of a segment at one end (NONE: as it left); NULL where it was not seen there. */
const struct sp_event *item_seen_at(const struct item *item, enum sp_who at);
enum fit pattern_fit(const struct sp_pattern *pattern, const struct item *item, char *diff,
                     size_t cap);

/* ---- walking the plan ---------------------------------------------------------------------- */

struct walk {
    struct view *view;
    size_t *cursors;       /* by lane: next item */
    size_t *state_cursors; /* by hist: span */
    struct outcome *done;  /* by statement id */
    bool *is_done;
    int64_t last_lo_ns; /* evidence of the last statement that was DONE */
    int64_t last_ns;
    const struct item *prev; /* last segment that a WIRE line consumed, NULL none */
    int64_t begin_ns;        /* of the top-level statement under way, -1 unknown */
    struct sp_line *lines;   /* NULL while the run goes on */
    size_t *line_caps;
    struct sp_arena *arena; /* of the lines and notes */
    const char **notes;
    size_t note_count;
    size_t note_cap;
};

void walk_init(struct walk *walk, struct view *view);
void walk_release(struct walk *walk);
/* One statement, with its blocks; in a final view never PENDING. */
enum sp_try walk_step(struct walk *walk, const struct sp_stmt *stmt, struct outcome *out,
                      struct finding *f);
void walk_consume(struct walk *walk, const struct sp_stmt *stmt, const struct sp_event *ev);
void walk_note(struct walk *walk, const char *fmt, ...) SP_PRINTF(2, 3);
void finding_reset(struct finding *f, const struct sp_stmt *stmt);

enum sp_try wire_step(struct walk *walk, const struct sp_stmt *stmt, struct outcome *out,
                      struct finding *f);
bool item_let_by(const struct view *view, const struct item *item);
/* A segment of the scripted peer, by the action that sent it. */
enum sp_try peer_step(struct walk *walk, const struct sp_stmt *stmt, struct outcome *out,
                      struct finding *f);
enum sp_try state_step(struct walk *walk, const struct sp_stmt *stmt, struct outcome *out,
                       struct finding *f);
enum sp_try queue_step(struct walk *walk, const struct sp_stmt *stmt, struct outcome *out,
                       struct finding *f);
enum sp_try call_step(struct walk *walk, const struct sp_stmt *stmt, struct outcome *out,
                      struct finding *f);
enum sp_try still_step(struct walk *walk, const struct sp_stmt *stmt, struct outcome *out,
                       struct finding *f);
enum sp_try silence_step(struct walk *walk, const struct sp_stmt *stmt, struct outcome *out,
                         struct finding *f);
/* `audit` NULL while the run goes on: what a clean-up does is then not asked. */
enum sp_try never_step(struct walk *walk, const struct sp_stmt *stmt, const struct sp_audit *audit,
                       struct outcome *out, struct finding *f);

/* ---- time and variants --------------------------------------------------------------------- */

/* The runner, the kernel's softirq and the capture: how late the expiry of a timer may show. */
#define TIMER_SLACK_NS (50 * SP_MS)

/* The latest and earliest length that the bound allows. */
int64_t bound_max_ns(const struct sp_bound *bound, int32_t hz);
int64_t bound_min_ns(const struct sp_bound *bound);
/* Adds "the bound in words" behind the line where it comes from a variant. */
void bound_say(const struct sp_bound *bound, char *out, size_t cap);
/* Evidence in [lo, t], measured from a base in [base_lo, base]: NONE, EARLY or LATE. */
enum sp_fail_kind bound_check(const struct sp_bound *bound, int32_t hz, int64_t base_lo_ns,
                              int64_t base_ns, int64_t lo_ns, int64_t t_ns);

/* Judges the time of a WIRE or STATE line's evidence, variants included: DONE or FAILED. */
enum sp_try time_judge(struct walk *walk, const struct sp_stmt *stmt, struct outcome *out,
                       struct finding *f);
/* Since when a statement's time is measured. */
void time_base(const struct walk *walk, const struct sp_bound *bound, int64_t *lo_ns,
               int64_t *t_ns);

/* Whether what was seen is within the variant (NULL: the baseline); fills f where not. */
typedef bool (*fits_fn)(void *ctx, const struct sp_variant *variant, struct finding *f);
/* Baseline and variants weighed: DONE (out->how, out->variant) or FAILED. `relevant` tells which
 * variants say anything about what is asked here. */
enum sp_try variant_judge(struct walk *walk, const struct sp_stmt *stmt, bool call_layer,
                          bool (*relevant)(const struct sp_variant *variant), fits_fn fits,
                          void *ctx, struct outcome *out, struct finding *f);

/* ---- sentences ----------------------------------------------------------------------------- */

void say(char *out, size_t cap, const char *fmt, ...) SP_PRINTF(3, 4);
void say_more(char *out, size_t cap, const char *fmt, ...) SP_PRINTF(3, 4);
void say_item(const struct item *item, char *out, size_t cap);
void say_call(const struct sp_ev_call *call, char *out, size_t cap);
void say_outcomes(const struct sp_expect *expect, char *out, size_t cap);
void say_states(const struct hist *hist, char *out, size_t cap);
void say_keys(const struct sp_variant *variant, char *out, size_t cap);
const char *say_line(const struct sp_stmt *stmt);

#endif
