/*
 * Private to lib/tcp. How a trace is replayed:
 *
 *   flights.c   captured segments -> flights (left here, arrived there)
 *   conns.c     flights -> connections, by addresses and initial sequence numbers
 *   ledger.c    calls and processes -> what each end of each connection was asked to do, and when
 *   side.c      the model of one end: what it has sent, received, been offered, owes an answer to
 *   replay.c    feeds one end's own capture to its model, in order; roles and causes
 *   rules.c     the table of rules, and how a violation is written down
 *   rewrites.c  what a source NAT did to addresses, undone
 *   rules_path.c   the box between the ends, where there is one
 *   rules_*.c   the rules, each a question to the model before a segment changes it
 *   states.c    the states that the kernel reported against RFC 9293's diagram and the evidence
 *   rules_looks.c  what looks at a socket show against what tracepoints tell of it
 *   audit.c     sp_audit_run
 *
 * An end is judged by its own side's capture alone, in that capture's order: what has arrived
 * there is what it can have known. Every rule is one that evidence proves; where the evidence has
 * holes (no capture at that side, dropped frames, a pulled cable, calls that cannot be matched to
 * a connection), the rule is silent.
 */
#ifndef SP_TCP_IN_H
#define SP_TCP_IN_H

#include "clock.h"
#include "tcp.h"

/*
 * Calls, tracepoints and captures are stamped on different paths (the agent's clock reading, the
 * kernel's, a capture's wall clock turned into the monotonic one), so two witnesses can disagree
 * on the order of events this close. Within one witness order is strict.
 */
#define SKEW_NS (200 * SP_US)

/*
 * The end of a process is stamped by whoever ended it, next to the order to end and not in the
 * same instant: on a busy machine the process may be gone before the stamp is taken.
 */
#define EXIT_SLACK_NS (50 * SP_MS)

/* How long an answer of its own may be under way while others leave; and how long any
 * acknowledgement may be put off (RFC 9293 section 3.8.6.3). */
#define OWED_NS    (100 * SP_MS)
#define PUT_OFF_NS (500 * SP_MS)
/* The timer that ends it is a tick late, and its softirq waits for its turn. */
#define PUT_OFF_SLACK_NS (50 * SP_MS)

/*
 * On loopback two processors that transmit for one socket have a receive queue each, so that what
 * was sent later may be captured first. A processor that is busy elsewhere is late by a tick at
 * most.
 */
#define OVERTAKEN_NS (5 * SP_MS)

/*
 * On loopback a capture sees segments where they arrive, which on a busy machine is later than they
 * left: each processor has a queue of its own. A fast retransmission of 0.8 ms after the
 * acknowledgement that overtook it was seen.
 */
#define LO_QUEUE_NS (10 * SP_MS)

/* What came so long before a call was made has been taken by then, and answered where that asked
 * for an answer of its own: such answers are not put off (RFC 5681 section 4.2, RFC 5961). */
#define TAKEN_NS (10 * SP_MS)

/* R1 at least (RFC 9293, SHLD-10), below R2: nothing is given up before. */
enum { RESENT_LEAST = 3 };

/* No stack's timer sends anything again sooner: the shortest is Linux's tail loss probe, two ticks
 * of 1 ms (tcp_schedule_loss_probe). */
#define AGAIN_LEAST_NS (1 * SP_MS)

/*
 * A stack in a process of its own has what was captured only when its threads have read it, and on
 * a busy machine they wait for a processor. gVisor sent again 21 ms after the acknowledgement had
 * passed the capture, and a SYN 3 ms after a connect() that does not wait had returned. What it
 * says of its states, and what answers something that came in order,
 * may be later still: lwIP acknowledged a FIN whose sender's RST had been captured behind it.
 */
#define OWN_READ_NS  (100 * SP_MS)
#define TOLD_READ_NS (1000 * SP_MS)

/* ---- flights and connections ---------------------------------------------------------------- */

static inline const struct sp_event *sp_tcp_shown(const struct sp_flight *flight)
{
    return flight->sent ? flight->sent : flight->received;
}

bool sp_tcp_is_segment(const struct sp_event *event);
enum sp_end sp_tcp_end_of(const struct sp_trace *trace, const struct sp_addr *addr);
void sp_tcp_conns_sort(const struct sp_trace *trace, struct sp_flights *flights);

/* Which side of its connection sent a segment: 0 the client's address, 1 the server's. */
static inline int side_of_src(const struct sp_conn *conn, const struct sp_seg *seg)
{
    return sp_addr_same(&seg->src, &conn->client) ? 0 : 1;
}

/* Whether `later` (of the same array) has the same pair of addresses, and took it after `conn`. */
static inline bool sp_tcp_is_after(const struct sp_conn *conn, const struct sp_conn *later)
{
    return later > conn && ((sp_addr_same(&later->client, &conn->client) &&
                             sp_addr_same(&later->server, &conn->server)) ||
                            (sp_addr_same(&later->client, &conn->server) &&
                             sp_addr_same(&later->server, &conn->client)));
}

static inline enum sp_end conn_end(const struct sp_conn *conn, int side)
{
    return side == 0 ? conn->opener : conn->responder;
}

/* An API that has no address to tell of leaves it empty, or without a port. */
static inline bool sp_tcp_is_told(const struct sp_addr *addr)
{
    return addr->family && addr->port;
}

/* ---- rules ---------------------------------------------------------------------------------- */

#define RULES(X)                                                                                   \
    X(CHECKSUM, "checksum", "RFC9293:3.1", "Every segment carries correct IP and TCP checksums.")  \
    X(FLAGS, "flags", "RFC9293:3.10", "SYN, FIN and RST exclude each other.")                      \
    X(MALFORMED, "malformed", "RFC9293:3.1", "Every frame that claims to be TCP can be decoded.")  \
    X(TTL_LOW, "ttl-low", "RFC1122:3.2.1.7",                                                       \
      "A segment leaves with a TTL (or hop limit) that is enough for the whole Internet.")         \
    X(TS_CLOCK, "ts-clock", "RFC7323:5.4",                                                         \
      "A sender's timestamps tell of a clock: it does not go back, and ticks between once a "      \
      "millisecond and once a second.")                                                            \
    X(TS_MISSING, "ts-missing", "RFC7323:3.2",                                                     \
      "Once both SYNs had timestamps, every segment but a RST has them.")                          \
    X(TS_ECHO, "ts-echo", "RFC7323:4.3",                                                           \
      "What is echoed is a timestamp that came, and none older than what is acknowledged.")        \
    X(OPT_UNASKED, "opt-unasked", "RFC9293:3.1",                                                   \
      "MSS, window scale and SACK-permitted stand in SYNs alone, and nothing is answered or used " \
      "that a SYN had to offer first and did not.")                                                \
    X(ECN_UNASKED, "ecn-unasked", "RFC3168:6.1.1",                                                 \
      "ECE, CWR and the mark of an ECN-capable segment need SYNs that agreed on ECN.")             \
    X(URG_UNASKED, "urg-unasked", "RFC9293:3.8.5",                                                 \
      "URG stands only in what an end sends that has been given urgent data.")                     \
    X(URG_POINTER, "urg-pointer", "RFC9293:3.8.5",                                                 \
      "The urgent pointer points behind the last byte of what a call sent as urgent.")             \
    X(SCALE_BEYOND, "scale-beyond", "RFC7323:2.3", "No window is scaled by more than 14 bits.")    \
    X(DSCP_UNASKED, "dscp-unasked", "RFC2474:4.1",                                                 \
      "Packets have the default class, but where a call chose another, or what is answered has "   \
      "it.")                                                                                       \
    X(ISN_AGAIN, "isn-again", "RFC9293:3.4.1",                                                     \
      "No two connections of an end begin with the same sequence number.")                         \
    X(ADDRESS_TOLD, "address-told", "POSIX:getsockname",                                           \
      "The addresses that a call tells of a connection are those that its segments have.")         \
    X(HANDSHAKE_ACK, "handshake-ack", "RFC9293:3.5",                                               \
      "A SYN,ACK acknowledges the peer's initial sequence number plus one (and data on the SYN "   \
      "at most), and nothing ever acknowledges less than that.")                                   \
    X(HANDSHAKE_FIRST, "handshake-first", "RFC9293:3.10.7.3",                                      \
      "Until the peer's SYN has arrived, an end sends nothing but its own SYN, or RST.")           \
    X(HANDSHAKE_SEQ, "handshake-seq", "RFC9293:3.5",                                               \
      "No segment has a sequence number before its sender's initial one.")                         \
    X(SYN_AGAIN, "syn-again", "RFC9293:3.5",                                                       \
      "An end whose SYN was acknowledged sends no SYN again on that connection; a SYN keeps its "  \
      "place.")                                                                                    \
    X(ACK_FLAG, "ack-flag", "RFC9293:3.10.7.4",                                                    \
      "Once the peer's SYN has arrived, every segment but a RST carries ACK.")                     \
    X(ACK_BEYOND_SENT, "ack-beyond-sent", "RFC9293:3.4",                                           \
      "Nothing is acknowledged that the other end had not sent by then.")                          \
    X(ACK_UNSEEN, "ack-unseen", "RFC9293:3.10.7.4",                                                \
      "Nothing is acknowledged that had not arrived, without a gap before it.")                    \
    X(ACK_BACK, "ack-back", "RFC9293:3.4",                                                         \
      "What was acknowledged stays so: the number never goes back.")                               \
    X(ACK_LATE, "ack-late", "RFC9293:3.8.6.3",                                                     \
      "What has come in order is acknowledged within half a second.")                              \
    X(ACK_INSIDE, "ack-inside", "RFC9293:3.10.7.4",                                                \
      "What is acknowledged ends where a segment that arrived ended.")                             \
    X(ACK_PLACE, "ack-place", "RFC9293:3.10.7.4",                                                  \
      "A pure ACK stands where its sender's next byte will.")                                      \
    X(SEQ_GAP, "seq-gap", "RFC9293:3.4", "New data starts where what was sent before it ends.")    \
    X(DATA_AFTER_FIN, "data-after-fin", "RFC9293:3.6",                                             \
      "No byte has a place after its sender's FIN.")                                               \
    X(FIN_MOVED, "fin-moved", "RFC9293:3.6", "A FIN that is sent again keeps its place.")          \
    X(PAYLOAD_DIFFERS, "payload-differs", "RFC9293:3.8.1",                                         \
      "A retransmission of the same bytes carries the same bytes.")                                \
    X(PAYLOAD_PATTERN, "payload-pattern", "RFC9293:3.4",                                           \
      "The bytes sent are those that the application queued, each at its own place.")              \
    X(WINDOW_EXCEEDED, "window-exceeded", "RFC9293:3.8.6",                                         \
      "New data stays within the furthest right edge that the receiver has offered; a probe may "  \
      "be one byte beyond.")                                                                       \
    X(WINDOW_SHRUNK, "window-shrunk", "RFC9293:3.8.6",                                             \
      "A receiver takes back nothing of the window that it has offered, but for all of it.")       \
    X(MSS_EXCEEDED, "mss-exceeded", "RFC9293:3.7.1",                                               \
      "A segment's data and options fit in the MSS that the peer's SYN announced.")                \
    X(FIN_EARLY, "fin-early", "RFC9293:3.10.4", "A FIN comes after all that calls had queued.")    \
    X(RST_FORM, "rst-form", "RFC9293:3.10.7.1",                                                    \
      "A RST takes its numbers from the segment it answers, or lies within what its sender has "   \
      "sent.")                                                                                     \
    X(NO_CAUSE, "no-cause", "RFC9293:3.9",                                                         \
      "Every segment has a cause: a call, the end of a process, a segment that arrived, a timer.") \
    X(CALL_EARLY, "call-early", "RFC9293:3.9.1",                                                   \
      "No call tells of what had not come: bytes, the end of them, a connection.")                 \
    X(PATH_LOST, "path-lost", "RFC1812:5.2.1",                                                     \
      "On the lab routed, what leaves one end comes out of the box towards the other.")            \
    X(PATH_MADE, "path-made", "RFC1812:5.2.1",                                                     \
      "On the lab routed, nothing comes out of the box that did not go in, and nothing twice.")    \
    X(PATH_CHANGED, "path-changed", "RFC1812:5.2.1",                                               \
      "On the lab routed, a segment comes out of the box as it went in, but for what the box's "   \
      "class rewrites.")                                                                           \
    X(PATH_TTL, "path-ttl", "RFC1812:5.3.1",                                                       \
      "On the lab routed, a segment comes out of the box with a lower TTL (or hop limit) than it " \
      "went in with.")                                                                             \
    X(PATH_LEAK, "path-leak", "RFC3022:2.2",                                                       \
      "Behind a box of the class nat the server does not see the address of a client that opens "  \
      "a connection.")                                                                             \
    X(STATE_WALK, "state-walk", "RFC9293:3.3.2",                                                   \
      "Reported states follow RFC 9293's diagram, each from the one before.")                      \
    X(STATE_EVIDENCE, "state-evidence", "RFC9293:3.3.2",                                           \
      "A reported state has had the segments and calls that lead to it.")                          \
    X(STATE_LOOKS, "state-looks", "RFC9293:3.3.2",                                                 \
      "What a look at a socket shows lies on the way that the tracepoints tell of.")

enum rule {
#define X(id, name, spec, sentence) RULE_##id,
    RULES(X)
#undef X
        RULE_COUNT
};

/* ---- what each end was asked to do ---------------------------------------------------------- */

enum act_kind {
    ACT_CONNECT,
    ACT_SEND,
    ACT_READ,    /* may also move the window: recv, receive buffer options */
    ACT_SHUT_WR, /* shutdown of the sending side */
    ACT_SHUT_RD,
    ACT_CLOSE,    /* close, disconnect */
    ACT_EXIT,     /* end of its process */
    ACT_UNACCEPT, /* the listener of a connection that nobody accepted was closed */
    ACT_KIND_COUNT
};

struct act {
    enum act_kind kind;
    int64_t from_ns;
    int64_t to_ns; /* INT64_MAX while it has not returned */
    int64_t bytes; /* SEND, READ: moved; INT64_MAX: unknown */
    const struct sp_event *event;
};

/* Ordered by from_ns. */
struct ledger {
    struct act *acts;
    size_t len, cap;
    bool tied;        /* a socket is known to be this one */
    bool strangers;   /* acts of sockets that may or may not be this one */
    int64_t abort_ns; /* first SO_LINGER {on, 0} of a socket that may be it; INT64_MAX never */
    unsigned held;    /* descriptors of it: a process that has none of it ends nothing */
};

/* What holds for all of one end's sockets: options are seldom set, and listeners pass them on. */
struct end_facts {
    bool calls;           /* its calls were watched */
    bool watched;         /* its side has a capture */
    int64_t keepalive_ns; /* first SO_KEEPALIVE */
    int64_t timers_ns;    /* first option that makes the stack give up or linger in its own way */
    int64_t linger_ns;   /* how long SO_LINGER has a close wait before a stack may abort; 0 never */
    int64_t urgent_ns;   /* first MSG_OOB */
    int64_t fastopen_ns; /* first TCP_FASTOPEN_CONNECT: connect() leaves the SYN to send() */
    int64_t blind_ns;    /* from then on its capture may miss what it sends */
    bool hops_set;       /* a call chose a TTL or hop limit */
    bool class_set;      /* a call chose a traffic class */
};

struct ctx;
struct side;

void sp_tcp_ledgers_build(struct ctx *ctx);
void sp_tcp_ledgers_free(struct ctx *ctx);

/* The first act of these kinds (bits 1 << kind) that began by t_ns; NULL none. */
const struct act *sp_tcp_act_by(const struct ledger *ledger, unsigned kinds, int64_t t_ns);
/* The latest of them; NULL none. */
const struct act *sp_tcp_act_last(const struct ledger *ledger, unsigned kinds, int64_t t_ns);
/* A call under way at t_ns, or that had returned late_ns before, which may have moved the window:
 * it took bytes, or set its size. The first of them; NULL none. */
const struct act *sp_tcp_reading(const struct ledger *ledger, int64_t t_ns, int64_t late_ns);
/* Bytes that calls had queued by t_ns at most (INT64_MAX: no limit is known); *last gets the call
 * that queued the byte at offset `want`, if not NULL. */
int64_t sp_tcp_queued(const struct ledger *ledger, int64_t t_ns, int64_t want,
                      const struct sp_event **by);
/* Bytes that calls which had returned by t_ns had queued. */
int64_t sp_tcp_sent_by(const struct ledger *ledger, int64_t t_ns);
/* Bytes that calls had read by t_ns at most. */
int64_t sp_tcp_read_by(const struct ledger *ledger, int64_t t_ns);

#define ACTS_THAT_CLOSE (1u << ACT_SHUT_WR | 1u << ACT_CLOSE | 1u << ACT_EXIT)
#define ACTS_THAT_END   (1u << ACT_CLOSE | 1u << ACT_EXIT | 1u << ACT_UNACCEPT)

/* ---- the model of one end ------------------------------------------------------------------- */

enum { GAPS_MAX = 64, OWED_MAX = 64 };

struct span {
    int64_t from, to;
};

/* An arrival that asks for an answer. */
struct owed {
    const struct sp_event *event;
    int64_t end;  /* acknowledging up to here answers it; -1: it asks for one segment of its own */
    int64_t had;  /* what had come in order before it: its own answer acknowledges that */
    bool strange; /* it was not acceptable: the answer is a challenge */
};

/* What the SYNs of one end had to offer, as bits: all of them, any of them. */
struct offer {
    unsigned count;
    uint8_t all, any;
};

/*
 * Positions are relative to the initial sequence numbers (a SYN is at 0, the first byte at 1), as
 * int64_t, so that arithmetic does not wrap within a replay.
 */
struct side {
    int conn;
    enum sp_end end;
    bool real;          /* a stack under test, not scripted */
    bool watched;       /* has a capture of its own */
    bool own_process;   /* its stack waits for a processor before it reads what has come */
    bool scripted_peer; /* what comes may be refused for any reason */
    bool sane;          /* rules that count positions may speak */
    bool pattern_known; /* its payload is the pattern from offset 0 */
    /* When a new connection took its addresses here, by its own SYN or SYN,ACK; INT64_MAX never. */
    int64_t superseded_ns;
    const struct ledger *ledger;
    const struct end_facts *facts;

    /* sent */
    uint32_t isn;      /* as the side that is replayed knows it */
    uint32_t isn_left; /* as it left, and as it arrived: the middle may have changed it */
    uint32_t isn_there;
    bool isn_known;
    bool syn_sent, plain_syn_sent, synack_sent, rst_sent;
    bool data_sent;
    int64_t snd_max; /* next new position */
    int64_t new_ns;  /* when that last grew */
    int64_t fin_at;  /* of its own FIN, -1 none */
    int64_t fin_ns;
    bool fin_last; /* the peer's had been acknowledged before it */
    int64_t syn_payload;
    uint8_t wscale;
    bool wscale_sent;
    int64_t last_ack, last_window; /* in the last segment with ACK; -1 none */
    bool last_was_syn;             /* and so its window is not scaled (RFC 7323 section 2.2) */
    int64_t last_ack_ns;
    int64_t last_ack_from; /* where that segment stood in its own stream */
    /* the furthest right edge that it has offered, -1 none; and by which segment */
    int64_t own_edge, own_edge_ns, own_edge_ack, own_edge_from;
    int own_edge_bits;    /* of its scale, -1 a SYN */
    int64_t rst_out_ns;   /* first RST, INT64_MAX never */
    int64_t killed_ns;    /* a RST has ended it, its own or one that it took; INT64_MAX never */
    bool killed_by_other; /* one that it took */
    int64_t again_ns;     /* first retransmission, INT64_MAX never */
    int64_t recover;      /* what had been sent when it last sent something again */
    unsigned resent;      /* retransmissions since anything new was acknowledged */
    int64_t r2_ns;        /* when that was RESENT_LEAST, the first time; INT64_MAX never */
    struct offer offered; /* by its own SYNs */

    /* received */
    struct offer was_offered;
    bool syn_in, synack_in, rst_in;
    bool any_in;
    int64_t last_in_ns;
    int64_t space_in_ns; /* when data or FIN last came */
    const struct sp_event *syn_event;
    int64_t synack_in_ns;
    int64_t rcv_nxt;  /* contiguous */
    int64_t bytes_in; /* highest position of payload that arrived */
    int64_t fin_in;   /* position of the peer's FIN that has arrived, -1 none */
    int64_t fin_in_ns;
    int64_t fin_told_ns;        /* when it had acknowledged that FIN, INT64_MAX not yet */
    int64_t syn_acked_ns;       /* when its own SYN had been, INT64_MAX not yet */
    int64_t rst_in_ns;          /* INT64_MAX never */
    struct span gaps[GAPS_MAX]; /* beyond rcv_nxt, in order */
    unsigned gap_count;
    bool gaps_full;       /* too many: rcv_nxt is a lower bound only */
    int64_t una;          /* highest position acknowledged */
    int64_t una_ns;       /* when */
    int64_t trip_ns;      /* the shortest round trip that an ACK has shown, -1 none */
    int64_t fin_acked_ns; /* -1 not yet */
    int64_t aborted_ns;   /* it sent a RST of its own accord; INT64_MAX never */
    int64_t closed_ns; /* LAST_ACK has ended: nothing is left that could send; INT64_MAX not yet */
    int64_t edge;      /* furthest right edge offered, -1 none yet */
    int64_t window;    /* the last one offered, scaled */
    uint8_t peer_wscale;
    uint16_t peer_mss; /* 0: its SYN announced none */
    bool peer_wscale_in;
    unsigned pieces_in; /* segments with data, but for as many as its window updates have told of */
    size_t last_in;     /* index of the latest flight that arrived, + 1 */
    struct owed owed[OWED_MAX];
    unsigned owed_count;

    int64_t established_ns; /* both SYNs exchanged, by this side's account; -1 not yet */
};

/* A segment as a model sees it. */
struct view {
    const struct sp_event *event;
    const struct sp_seg *seg;
    size_t flight;
    int64_t t_ns;
    int64_t from; /* position of its first byte (or SYN) */
    int64_t data; /* position of its first payload byte */
    int64_t end;  /* after its last payload byte */
    int64_t ack;  /* position, -1 where it has no ACK or the other ISN is unknown */
    bool has_ack;
    bool ack_known;
};

struct replay {
    struct ctx *ctx;
    const struct sp_conn *conn;
    int index; /* of the connection */
    struct side side[2];
    struct entry *entries[2];
    size_t entry_count[2];
};

/* One record of a side's own capture. */
struct entry {
    const struct sp_event *event;
    size_t flight;
    bool out;
};

/* One audit. */
struct ctx {
    const struct sp_trace *trace;
    const struct sp_trace *seen; /* the same with the addresses that were seen */
    struct sp_audit *out;
    size_t violation_cap;
    struct end_facts facts[SP_END_COUNT];
    bool lossy_wire;             /* the capture dropped frames */
    bool lossy_states;           /* so did the tracepoints */
    bool icmp;                   /* there were ICMP errors, which end sockets too */
    struct ledger (*ledgers)[2]; /* by connection and side */
    struct side (*sides)[2];     /* as the replay left them */
};

void sp_tcp_side_init(struct side *side, const struct ctx *ctx, const struct sp_conn *conn,
                      int index, int which);
void sp_tcp_view(struct view *view, const struct side *from, const struct side *to,
                 const struct entry *entry);
void sp_tcp_side_out(struct side *side, const struct view *view);
/* A RST has answered that arrival. */
void sp_tcp_side_refused(struct side *side, const struct sp_event *event);
/* A call that began then has made it send. */
void sp_tcp_side_called(struct side *side, int64_t call_ns);
void sp_tcp_side_in(struct side *side, const struct side *other, const struct view *view);
void sp_tcp_offer_add(struct offer *offer, const struct sp_seg *seg);
/* How long after its capture what came may still be unread when that segment leaves. */
int64_t sp_tcp_unread_ns(const struct side *side, const struct view *view);
bool sp_tcp_is_pure_ack(const struct sp_seg *seg);
/* How far it has let its peer send. */
int64_t sp_tcp_own_edge(const struct side *side);
/* By how many bits its windows count, but for those of SYNs. */
int sp_tcp_own_scale(const struct side *side);
/* The right edge of the window that a segment of its with ACK offers. */
int64_t sp_tcp_edge_of(const struct side *side, const struct view *view);
/* For how long the machine stood still between the two. */
int64_t sp_tcp_stood_still_ns(const struct sp_trace *trace, int64_t from_ns, int64_t to_ns);
bool sp_tcp_answers(const struct side *side, const struct view *view);

void sp_tcp_replay(struct ctx *ctx, int conn, const size_t *flights, size_t count);

/* ---- rules ---------------------------------------------------------------------------------- */

void sp_tcp_violate(struct ctx *ctx, enum rule rule, const struct sp_event *event, enum sp_end end,
                    const char *fmt, ...) SP_PRINTF(5, 6);

/* Whether what an end sent later may be captured first: where several processors hand over its
 * segments (loopback, real interfaces), or its stack has threads. A veth takes each from its
 * socket, under that socket's lock. */
bool sp_tcp_may_be_swapped(const struct replay *replay, const struct side *side,
                           const struct view *view);

/*
 * Questions about the segment of entry `at` of side `which`, before its model takes it in.
 * other_sent: what the other side had sent by then (position), -1 unknown.
 */
void sp_tcp_rules_sequence(struct replay *replay, int which, size_t at, const struct view *view);
void sp_tcp_rules_ack(struct replay *replay, int which, size_t at, const struct view *view,
                      int64_t other_sent);
/* Whether a segment of its own before it began or ended where this one stands. */
bool sp_tcp_is_own_border(const struct replay *replay, int which, size_t at,
                          const struct view *view);
/* Why what was sent before must not be sent now, NULL where it may. */
const char *sp_tcp_again(const struct replay *replay, int which, size_t at,
                         const struct view *view);
/* The same of a keepalive or window probe. */
const char *sp_tcp_probed(const struct replay *replay, int which, size_t at,
                          const struct view *view);
void sp_tcp_rules_payload(struct replay *replay, int which, size_t at, const struct view *view);
void sp_tcp_rules_rst(struct replay *replay, int which, size_t at, const struct view *view,
                      int64_t other_sent, struct sp_audit_seg *seg);

void sp_tcp_rules_agreed(struct replay *replay, int which, size_t at, const struct view *view);
/* Once the replay is over. */
void sp_tcp_rules_calls(struct replay *replay, int which);

/* Whether another connection has or had the same addresses. */
bool sp_tcp_has_namesake(const struct sp_flights *flights, int conn);

/* Rules that look at one frame alone, and at states. */
void sp_tcp_rules_stamps(struct ctx *ctx);
void sp_tcp_rules_whole(struct ctx *ctx);
void sp_tcp_rules_frame(struct ctx *ctx);
void sp_tcp_rules_path(struct ctx *ctx);
void sp_tcp_rules_states(struct ctx *ctx);
/* Whether it had asked by then, by a keepalive or window probe, and nothing had come since. */
bool sp_tcp_is_probing(const struct ctx *ctx, const struct side *side, int64_t t_ns);
void sp_tcp_rules_looks(struct ctx *ctx);

#endif
