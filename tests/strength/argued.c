/*
 * Survivors that a correct stack may well look like: each sort has a condition on the evidence, the
 * reason, and what such a stack's trace looks like. argued.tsv beside this has those that only one
 * place of a few cases has.
 */
#include "argued.h"

#include <stdio.h>
#include <string.h>

#include "clock.h"

/* A RST that answers carries no number of its sender's (RFC 9293 section 3.10.7.1). */
static bool is_numberless(const struct sp_flight *flight)
{
    const struct sp_seg *seg = seg_of(flight);
    return (seg->flags & SP_RST) && (!(seg->flags & SP_ACK) || seg->seq == 0);
}

/* Nothing counts from the number: it is the only segment of its sender, and not answered. */
static bool any_isn(const struct damage_of *d)
{
    if (!is_kind(d, "seq ") || !d->flight || !(seg_of(d->flight)->flags & SP_SYN))
        return false;
    for (size_t i = 0; i < d->bench->flights->len; i++) {
        const struct sp_flight *other = &d->bench->flights->items[i];
        /* a scripted peer acknowledges whatever it was told */
        bool acks = other->from != SP_END_PEER && (seg_of(other)->flags & SP_ACK) &&
                    seg_of(other)->ack == seg_of(d->flight)->seq + 1;
        if (other != d->flight && !is_numberless(other) &&
            (is_of(d, other, true) || (is_of(d, other, false) && acks)))
            return false;
    }
    return true;
}

static bool asks(const struct bench *bench, size_t at)
{
    enum sp_role role = bench->again.judgement.audit.segs[at].role;
    const struct sp_seg *seg = seg_of(&bench->flights->items[at]);
    return sp_seg_space(seg) || (seg->flags & SP_RST) || role == SP_ROLE_KEEPALIVE ||
           role == SP_ROLE_WINDOW_PROBE;
}

/*
 * Arrivals of the last half second that ask for an ACK and have had none when d's segment leaves,
 * if each segment with an ACK has answered one of them.
 */
static size_t unanswered(const struct damage_of *d)
{
    size_t open = 0, expired = 0;
    for (size_t i = 0; i < d->bench->flights->len; i++) {
        const struct sp_flight *flight = &d->bench->flights->items[i];
        const struct sp_event *in = flight->received;
        if (is_of(d, flight, false) && in && in->t_ns <= d->t_ns && asks(d->bench, i)) {
            open++;
            expired += in->t_ns < d->t_ns - 500 * SP_MS;
        } else if (is_of(d, flight, true) && flight != d->flight && open &&
                   shown(flight)->t_ns <= d->t_ns && (seg_of(flight)->flags & SP_ACK)) {
            open--;
            expired -= expired > 0;
        }
    }
    return open - expired;
}

/* There is one for the ACK that was there and one for that which was not. */
static bool one_for_each(const struct damage_of *d)
{
    bool bare = d->flight && seg_of(d->flight)->payload_len == 0 &&
                (seg_of(d->flight)->flags & (SP_SYN | SP_FIN | SP_RST | SP_ACK)) == SP_ACK;
    if (is_kind(d, "segment twice") && bare)
        return unanswered(d) >= 2;
    return is_kind(d, "stray ACK") && unanswered(d) >= 1;
}

/* Whether the process of that end was ended by then. */
static bool has_ended(const struct damage_of *d)
{
    const struct sp_trace *trace = &d->bench->again.trace;
    for (size_t i = 0; i < trace->len; i++) {
        const struct sp_event *ev = &trace->events[i];
        if (ev->kind == SP_EV_PROC && ev->end == d->end && ev->u.proc.what != SP_PROC_START &&
            ev->t_ns <= d->t_ns + 200 * SP_US)
            return true;
    }
    return false;
}

static bool has_sent(const struct damage_of *d, uint8_t flags)
{
    for (size_t i = 0; i < d->bench->flights->len; i++) {
        const struct sp_flight *flight = &d->bench->flights->items[i];
        if (is_of(d, flight, true) && (seg_of(flight)->flags & flags) &&
            shown(flight)->t_ns <= d->t_ns && flight != d->flight)
            return true;
    }
    return false;
}

static bool in_clean_up(const struct damage_of *d)
{
    return d->t_ns > d->bench->end_ns;
}

/* The process has ended and its FIN has not gone out yet. */
static bool closed_by_exit(const struct damage_of *d)
{
    struct damage_of before = *d; /* on loopback its RST may be captured before it */
    if (d->flight && shown(d->flight)->u.seg.point == SP_AT_LO)
        before.t_ns -= 200 * SP_US;
    return (is_kind(d, "stray FIN in") || is_kind(d, "flag FIN")) && in_clean_up(d) &&
           has_ended(d) && !has_sent(&before, SP_FIN | SP_RST);
}

/* A RST of a connection that was not over, of a process that has ended. */
static bool is_exit_rst(const struct damage_of *d)
{
    return (is_kind(d, "stray RST in") || is_kind(d, "flag RST")) && in_clean_up(d) &&
           has_ended(d) && !has_sent(d, SP_RST);
}

static bool is_call(const struct sp_event *ev, enum sp_end end, const char *prefix)
{
    return ev->kind == SP_EV_CALL && ev->end == end &&
           strncmp(ev->u.call.name, prefix, strlen(prefix)) == 0;
}

/* Its other end opened it, and no accept told of it. */
static bool is_unaccepted(const struct damage_of *d)
{
    const struct sp_conn *conn = &d->bench->flights->conns[d->conn];
    const struct sp_trace *trace = &d->bench->again.trace;
    if (!is_exit_rst(d) || d->end != conn->responder)
        return false;
    for (size_t i = 0; i < trace->len; i++)
        if (is_call(&trace->events[i], d->end, "accept") &&
            trace->events[i].t_end_ns >= conn->first_ns &&
            sp_addr_same(&trace->events[i].u.call.remote, &conn->client))
            return false;
    return true;
}

/* More bytes had come to that end than its calls have read. */
static bool is_unread(const struct damage_of *d)
{
    const struct sp_trace *trace = &d->bench->again.trace;
    int64_t came = 0, read = 0;
    if (!is_exit_rst(d))
        return false;
    for (size_t i = 0; i < trace->len; i++) {
        const struct sp_ev_call *call = &trace->events[i].u.call;
        bool reads = is_call(&trace->events[i], d->end, "recv") ||
                     is_call(&trace->events[i], d->end, "drain");
        if (reads && call->value > 0 && !strstr(call->args, "PEEK") && !strstr(call->args, "OOB"))
            read += call->value;
    }
    for (size_t i = 0; i < d->bench->flights->len; i++) {
        const struct sp_flight *flight = &d->bench->flights->items[i];
        int64_t end = (int64_t)flight->rel_seq + seg_of(flight)->payload_len - 1;
        if (is_of(d, flight, false) && flight->received && seg_of(flight)->payload_len &&
            end > came)
            came = end;
    }
    return came > read;
}

/* It had sent something again three times, or probed, and heard nothing since. */
static bool may_have_given_up(const struct damage_of *d)
{
    unsigned again = 0;
    for (size_t i = 0; is_exit_rst(d) && i < d->bench->flights->len; i++) {
        const struct sp_flight *flight = &d->bench->flights->items[i];
        enum sp_role role = d->bench->again.judgement.audit.segs[i].role;
        if (is_of(d, flight, false) && flight->received && flight->received->t_ns <= d->t_ns)
            again = 0;
        else if (is_of(d, flight, true))
            again += role == SP_ROLE_RETRANSMIT                                  ? 1
                     : role == SP_ROLE_KEEPALIVE || role == SP_ROLE_WINDOW_PROBE ? 3
                                                                                 : 0;
    }
    return again >= 3;
}

/* A send() with MSG_FASTOPEN tells no addresses, and so nobody knows what was read of which. */
static bool is_fast_open(const struct damage_of *d)
{
    const struct sp_trace *trace = &d->bench->again.trace;
    for (size_t i = 0; is_exit_rst(d) && i < trace->len; i++)
        if ((is_call(&trace->events[i], d->end, "send") ||
             is_call(&trace->events[i], d->end, "setsockopt")) &&
            strstr(trace->events[i].u.call.args, "FASTOPEN"))
            return true;
    return false;
}

/* Calls had queued more than has been sent. */
static bool has_queued(const struct damage_of *d)
{
    const struct sp_trace *trace = &d->bench->again.trace;
    int64_t queued = 0, sent = 0;
    for (size_t i = 0; i < trace->len; i++) {
        const struct sp_event *ev = &trace->events[i];
        if (ev->kind == SP_EV_CALL && ev->end == d->end && ev->u.call.value > 0 &&
            (strcmp(ev->u.call.name, "send") == 0 || strcmp(ev->u.call.name, "fill") == 0))
            queued += ev->u.call.value;
    }
    for (size_t i = 0; i < d->bench->flights->len; i++) {
        const struct sp_flight *flight = &d->bench->flights->items[i];
        int64_t end = (int64_t)flight->rel_seq + seg_of(flight)->payload_len - 1;
        if (is_of(d, flight, true) && seg_of(flight)->payload_len && end > sent)
            sent = end;
    }
    return queued > sent && !has_sent(d, SP_FIN | SP_RST);
}

/* It may go out after the end of its process as well. */
static bool still_queued(const struct damage_of *d)
{
    return is_kind(d, "stray data in") && has_queued(d);
}

/* It waits before a window that has been closed for a retransmission timeout at least. */
static bool is_probe_byte(const struct damage_of *d)
{
    const struct sp_flight *last = NULL;
    for (size_t i = 0; i < d->bench->flights->len; i++) {
        const struct sp_flight *in = &d->bench->flights->items[i];
        if (is_of(d, in, false) && in->received && in->received->t_ns <= d->t_ns)
            last = in;
    }
    return strcmp(d->kind->name, "stray data") == 0 && has_queued(d) && last &&
           seg_of(last)->window == 0 && last->received->t_ns + 200 * SP_MS <= d->t_ns;
}

/* The scripted peer acknowledges all of it but the byte that was put in. */
static bool is_partly_taken(const struct damage_of *d)
{
    if (!is_kind(d, "a byte more") || !d->flight)
        return false;
    for (size_t i = 0; i < d->bench->flights->len; i++) {
        const struct sp_flight *in = &d->bench->flights->items[i];
        if (is_of(d, in, false) && in->from == SP_END_PEER && (seg_of(in)->flags & SP_ACK) &&
            seg_of(in)->ack == seg_of(d->flight)->seq + seg_of(d->flight)->payload_len)
            return true;
    }
    return false;
}

/* An open window and then, with the same acknowledgement, the closed one that the line asks for. */
static bool is_taken_back(const struct damage_of *d)
{
    if (strcmp(d->kind->name, "window") != 0 || !d->flight || seg_of(d->flight)->window)
        return false;
    for (size_t i = 0; i < d->bench->flights->len; i++) {
        const struct sp_flight *later = &d->bench->flights->items[i];
        if (is_of(d, later, true) && shown(later)->t_ns > d->t_ns && !seg_of(later)->window &&
            (seg_of(later)->flags & (SP_SYN | SP_FIN | SP_RST | SP_ACK)) == SP_ACK)
            return true;
    }
    return false;
}

/* A call of that end has chosen one. */
static bool is_chosen(const struct damage_of *d)
{
    static const char *const options[][3] = {{"TTL", "IP_TTL", "HOPS"},
                                             {"DSCP", "IP_TOS", "TCLASS"}};
    const struct sp_trace *trace = &d->bench->again.trace;
    for (size_t k = 0; k < sizeof options / sizeof options[0]; k++)
        for (size_t i = 0; is_kind(d, options[k][0]) && i < trace->len; i++)
            if (is_call(&trace->events[i], d->end, "setsockopt") &&
                (strstr(trace->events[i].u.call.args, options[k][1]) ||
                 strstr(trace->events[i].u.call.args, options[k][2])))
                return true;
    return false;
}

/* The other end has sent something of that class. */
static bool is_copied_class(const struct damage_of *d)
{
    for (size_t i = 0; is_kind(d, "DSCP") && i < d->bench->flights->len; i++) {
        const struct sp_flight *in = &d->bench->flights->items[i];
        if (is_of(d, in, false) && in->received && in->received->t_ns <= d->t_ns &&
            seg_of(in)->tos >> 2)
            return true;
    }
    return false;
}

/* Another connection has the same addresses. */
static bool has_namesake(const struct damage_of *d)
{
    const struct sp_flights *flights = d->bench->flights;
    bool stamps =
        is_kind(d, "timestamp") || is_kind(d, "other echo") || is_kind(d, "no timestamps");
    for (size_t i = 0; stamps && i < flights->conn_count; i++)
        if ((int)i != d->conn &&
            sp_addr_same(&flights->conns[i].client, &flights->conns[d->conn].client) &&
            sp_addr_same(&flights->conns[i].server, &flights->conns[d->conn].server))
            return true;
    return false;
}

/* A call of that end has had to do with urgent data: how long it points at it nobody says. */
static bool has_urgent(const struct damage_of *d)
{
    const struct sp_trace *trace = &d->bench->again.trace;
    for (size_t i = 0; is_kind(d, "flag URG") && i < trace->len; i++)
        if (is_call(&trace->events[i], d->end, "") &&
            trace->events[i].t_ns <= d->t_ns + 200 * SP_US &&
            strstr(trace->events[i].u.call.args, "OOB"))
            return true;
    return false;
}

/* The RST that refuses data for a closed socket stands where the sender's next byte would, and not
 * where the data acknowledges. */
static bool is_abort_of_closed(const struct damage_of *d)
{
    const struct sp_seg *came = NULL;
    bool closed = false;
    uint32_t next = 0;
    if (!is_kind(d, "seq + 1") || !d->flight ||
        (seg_of(d->flight)->flags & (SP_RST | SP_ACK)) != SP_RST)
        return false;
    for (size_t i = 0; i < d->bench->flights->len; i++) {
        const struct sp_flight *flight = &d->bench->flights->items[i];
        const struct sp_seg *seg = seg_of(flight);
        if (is_of(d, flight, false) && flight->received && flight->received->t_ns <= d->t_ns)
            came = seg;
        if (!is_of(d, flight, true) || shown(flight)->t_ns >= d->t_ns)
            continue;
        closed = closed || (seg->flags & SP_FIN);
        next = seg->seq + sp_seg_space(seg);
    }
    return closed && came && came->payload_len && seg_of(d->flight)->seq + 1 == next;
}

/* It has another SYN in the same place. */
static bool is_other_syn(const struct damage_of *d)
{
    if (!is_kind(d, "no timestamps") || !d->flight || !(seg_of(d->flight)->flags & SP_SYN))
        return false;
    for (size_t i = 0; i < d->bench->flights->len; i++) {
        const struct sp_flight *other = &d->bench->flights->items[i];
        if (other != d->flight && is_of(d, other, true) && (seg_of(other)->flags & SP_SYN) &&
            seg_of(other)->seq == seg_of(d->flight)->seq)
            return true;
    }
    return false;
}

/* More has come since it last sent anything else than it has sent RSTs. */
static bool rst_for_each(const struct damage_of *d)
{
    size_t open = 0;
    if (!is_kind(d, "segment twice") || !d->flight || !(seg_of(d->flight)->flags & SP_RST))
        return false;
    for (size_t i = 0; i < d->bench->flights->len; i++) {
        const struct sp_flight *flight = &d->bench->flights->items[i];
        bool rst = seg_of(flight)->flags & SP_RST;
        if (is_of(d, flight, false) && flight->received && flight->received->t_ns <= d->t_ns)
            open += !rst;
        else if (is_of(d, flight, true) && shown(flight)->t_ns <= d->t_ns)
            open = !rst ? 0 : open - (open > 0 && flight != d->flight);
    }
    return open >= 2;
}

/* It is all that there is of its connection, and no call has told of a port. */
static bool is_alone(const struct damage_of *d)
{
    if (!is_kind(d, "from another port") || !d->flight || !(seg_of(d->flight)->flags & SP_SYN))
        return false;
    for (size_t i = 0; i < d->bench->flights->len; i++)
        if (&d->bench->flights->items[i] != d->flight &&
            d->bench->flights->items[i].conn == d->conn)
            return false;
    return true;
}

/* Its SYN crossed the other's. */
static bool is_crossed(const struct damage_of *d)
{
    bool plain = false, answer = false;
    for (size_t i = 0; is_kind(d, "window taken back") && i < d->bench->flights->len; i++) {
        const struct sp_flight *flight = &d->bench->flights->items[i];
        bool syn = is_of(d, flight, true) && (seg_of(flight)->flags & SP_SYN);
        plain = plain || (syn && !(seg_of(flight)->flags & SP_ACK));
        answer = answer || (syn && (seg_of(flight)->flags & SP_ACK));
    }
    return plain && answer;
}

static const struct argument {
    const char *name;
    const char *reason;
    const char *trace; /* of a correct stack */
    bool (*holds)(const struct damage_of *d);
} arguments[] = {
    {"isn", "an initial number may be any, and nothing counts from this one (RFC9293:3.4.1)",
     "client SYN seq=7; nobody answers", any_isn},
    {"one-each",
     "each segment that asks for an acknowledgement may have one of its own, and half a "
     "second's time (RFC9293:3.10.7.4, 3.8.6.3)",
     "client 1..10, client 1..10 again; server ACK 11, server ACK 11", one_for_each},
    {"exit-closes",
     "a process that ends closes its connections; the FIN need not leave at once "
     "(RFC9293:3.10.4)",
     "server exits; server FIN", closed_by_exit},
    {"unaccepted",
     "a connection that nobody accepted is aborted with its listener (RFC9293:3.10.5)",
     "client connects; server exits; server RST", is_unaccepted},
    {"unread", "a process that ends before it has read everything aborts (RFC1122:4.2.2.13)",
     "client 1..10; server exits; server RST", is_unread},
    {"gave-up",
     "a connection may be given up after R2, which is more than three retransmissions, or after "
     "probes (RFC9293:3.8.3, 3.8.4)",
     "client 1..10 five times, unanswered; client RST", may_have_given_up},
    {"fast-open",
     "the API does not tell which connection a send() with MSG_FASTOPEN opened, nor so what was "
     "read of it",
     "client send 5 MSG_FASTOPEN; client exits; client RST", is_fast_open},
    {"queued", "what was queued goes out after the process has ended, too (RFC9293:3.10.4)",
     "server send 20000, window full; server exits; server 18001..18001", still_queued},
    {"probe",
     "what waits before a closed window may be probed for with a byte of it (RFC9293:3.8.6.1)",
     "server ACK win=0; half a second; client 20001..20001", is_probe_byte},
    {"part-taken",
     "a receiver may take a part of a segment; the rest is sent again with what is new "
     "(RFC9293:3.8.1, RFC1122:4.2.2.15)",
     "client 1..11; peer ACK 10; client 11..20", is_partly_taken},
    {"taken-back",
     "the line takes the next ACK with a closed window; a receiver should not, but may, take a "
     "window back (RFC9293:SHLD-14)",
     "server ACK=100 win=10; server ACK=100 win=0", is_taken_back},
    {"chosen", "a call may choose any, and for which segments nobody says (docs/invariants.md)",
     "client set IP_TTL 3; client FIN with TTL 3", is_chosen},
    {"copied", "what answers may have the class of what it answers (docs/invariants.md)",
     "client FIN dscp=10; server ACK dscp=10", is_copied_class},
    {"tried-again",
     "a SYN may be sent again with other options; which of them counts the other end decides "
     "(RFC7323:2.2, RFC9293:3.1)",
     "client SYN <ts>, unanswered; client SYN again, without", is_other_syn},
    {"rst-each", "each segment that comes for nobody has a RST of its own (RFC9293:3.10.7.1)",
     "client 1..10, client FIN; server RST, server RST", rst_for_each},
    {"delayed",
     "the acknowledgement of a FIN may be delayed as that of data, and the trace is over by then "
     "(RFC9293:3.8.6.3: 0.5 s)",
     "client 1..10, FIN; server ACK ack=11; 0.2 s later client exits", is_delayed},
    {"namesake",
     "of two connections with the same addresses nobody says whose timestamps they are "
     "(docs/invariants.md)",
     "client SYN from 4000, RST, SYN from 4000; an ACK with another offset", has_namesake},
    {"urgent",
     "an end that has to do with urgent data may point at it for longer (docs/invariants.md, "
     "urg-unasked)",
     "server send MSG_OOB; server ACK,URG", has_urgent},
    {"asked-again", "what came between the two may have asked for it (RFC5681:3.2, RFC6582)",
     "client 1..10; server ACK 1; client 1..10 again", asked_again},
    {"abort",
     "a RST that refuses data for a closed socket may be the one of an abort (RFC1122:4.2.2.13), "
     "which stands at SND.NXT (RFC9293:3.10.5)",
     "server FIN lost; client 1..5 ack=1; server RST seq=2", is_abort_of_closed},
    {"swapped",
     "on loopback an ACK may be captured on the other side of the data that its end sent 0.2 ms "
     "before or after it (docs/invariants.md)",
     "server 1..10 seq=1, client ACK; server ACK seq=1, sent before those", may_be_swapped},
    {"dark", "a pulled cable: what left meanwhile is in no capture (docs/invariants.md)",
     "cable out; client 1..10 unseen; cable in; client ACK seq=11", in_the_dark},
    {"just-come",
     "what came less than a millisecond before may not have been taken yet: its answer "
     "follows (RFC9293:3.10.7.4)",
     "client FIN arrives; server RST,ACK ack=1", only_just_come},
    {"alone", "a port may be any, and nothing else came from it or went there (RFC6056:3)",
     "client SYN from 4000; nobody answers", is_alone},
    {"crossed",
     "by how much windows count after SYNs that crossed, of which one had no scale, nobody "
     "says (docs/findings.md, Linux)",
     "client SYN <wscale 7>, peer SYN; client ACK win=502", is_crossed},
    {"copy", "the path took one of several that are the same: which of them nobody can tell",
     "server ACK 2, server ACK 2; the first is lost, or the second", is_any_copy},
};

enum { ARGUMENTS = sizeof arguments / sizeof arguments[0] };

/* ---- the command's questions ----------------------------------------------------------------- */

static size_t used[ARGUMENTS], untold, unheld, unseen;

const char *argued(const struct bench *bench, const struct kind *kind, size_t at, const char *run,
                   const char *place)
{
    const struct sp_event *ev = site_event(bench, kind->site, at);
    struct damage_of d = {.bench = bench, .kind = kind, .conn = -1};
    if (kind->site == AT_SEGMENT) {
        d.flight = &bench->flights->items[at];
        d.conn = d.flight->conn;
        d.end = d.flight->from;
        d.t_ns = shown(d.flight)->t_ns;
    } else if (kind->site == AT_SENDER) {
        d.conn = (int)(at / 2);
        d.end = at % 2 ? SP_END_SERVER : SP_END_CLIENT;
        d.t_ns = strstr(kind->name, "clean-up") ? bench->last_ns : bench->end_ns;
    }
    for (size_t i = 0; d.conn >= 0 && i < ARGUMENTS; i++)
        if (arguments[i].holds(&d)) {
            used[i]++;
            return arguments[i].name;
        }
    if (argued_unheld(bench, kind, ev)) {
        unheld++;
        return "unheld";
    }
    if (argued_unseen(bench, kind, ev)) {
        unseen++;
        return "unseen";
    }
    if (argued_not_told(bench, kind, ev)) {
        untold++;
        return "not-told";
    }
    return row_argues(kind->name, run, place) ? "argued.tsv" : NULL;
}

size_t *argued_count(size_t i)
{
    if (i < ARGUMENTS)
        return &used[i];
    i -= ARGUMENTS;
    size_t *const told[] = {&untold, &unheld, &unseen};
    return i < 3 ? told[i] : rows_count(i - 3);
}

void argued_print(bool all)
{
    printf("\nargued survivors, by reason (a correct stack's trace behind it):\n");
    for (size_t i = 0; i < ARGUMENTS; i++)
        if (used[i] || all)
            printf("  %5zu %-12s %s\n%21s%s\n", used[i], arguments[i].name, arguments[i].reason, "",
                   arguments[i].trace);
    if (untold)
        printf("  %5zu %-12s some kernels withhold a step, and looks are taken now and then "
               "(docs/witnesses.md)\n",
               untold, "not-told");
    if (unseen)
        printf("  %5zu %-12s a pulled cable: nothing tells what ended the socket meanwhile "
               "(docs/invariants.md)\n",
               unseen, "unseen");
    if (unheld)
        printf("  %5zu %-12s what came is not held against calls where urgent data, fast open or a "
               "pulled cable hide what had come (docs/invariants.md)\n",
               unheld, "unheld");
    rows_print();
}
