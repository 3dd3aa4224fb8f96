/*
 * For tests: a trace written as a ladder, one event a line.
 *
 *   TIME c> FLAGS [seq=N] [ack=N] [len=N] [win=N] [ws=N] [mss=N] [isn=N] [id=N] [at=TIME]
 *               [lost] [dup] [only] [badsum] [badip] [badbytes] [noack] [gone] [made] [changed=WIN]
 *               [towin=N] [toflags=F] [urg=N] [ts=N] [tsecr=N] [sackok] [sack] [ect] [dscp]
 *               [port=N] (of the client) [nobody] (sent it)
 *   TIME[-TIME] END SOCK CALL [ARGS...] = VALUE|ERROR
 *   TIME[-TIME] END start|exit|kill
 *   TIME state END ID OLD>NEW [bound | listener | portless]
 *   TIME look END STATE [since=TIME] [alone]
 *   TIME lab ACTION
 *   0 own END           its stack lives in a process of its own
 *   TIME end | drops | fence
 *   0 routed [nat|leak] from here on a box is between the ends; nat: the server's side sees the
 *                       client as 10.0.0.3:5555; leak: it should
 *
 * Times are microseconds. seq and ack are positions (a SYN is at 0); left out, they are what a
 * stack would send that has seen all. A segment arrives 20 us after it left, unless `at`, `lost`.
 * The middle dropped it (`gone`), made it and nobody sent it (`made`), changed its window; its
 * action stands in the trace 10 us after the segment left.
 * `A-` is a call that has not returned. connect and accept tell both addresses; where they failed,
 * `addr` makes them, where they did not `noaddr` keeps them from it; `told=PORT` is another port of
 * their own.
 */
#ifndef SP_TCP_LADDER_H
#define SP_TCP_LADDER_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "pattern.h"
#include "tcp.h"

enum { LADDER_NOBODY = 77 }; /* of its address: neither end's */
enum { LADDER_TRAVEL_US = 20, LADDER_PAYLOAD_MAX = 4096 };

struct ladder {
    struct sp_trace *trace;
    bool lo;
    uint32_t isn[2];
    uint32_t next[2]; /* position of what comes next */
    uint32_t got[2];  /* what has arrived from there, to acknowledge */
    uint32_t frames;  /* that the middle took */
    bool nat;
};

/* The client's address as the server's side sees it. */
static inline void ladder_rewrite(const struct ladder *l, struct sp_addr *addr)
{
    if (l->nat && addr->port == 4000) {
        addr->ip[3] = 3;
        addr->port = 5555;
    }
}

static inline struct sp_addr ladder_addr(int side)
{
    struct sp_addr addr = {.family = SP_IPV4, .port = side == 0 ? 4000 : 80};
    addr.ip[0] = 10;
    addr.ip[3] = side == 0 ? 1 : 2;
    return addr;
}

static inline enum sp_end ladder_end(const char *name)
{
    return strcmp(name, "client") == 0 ? SP_END_CLIENT : SP_END_SERVER;
}

static inline struct sp_event *ladder_record(struct ladder *l, int from, enum sp_point point,
                                             double t_us, const struct sp_seg *seg)
{
    struct sp_event *event = sp_trace_add(l->trace, SP_EV_SEG, (int64_t)(t_us * SP_US));
    event->end = from == 0 ? SP_END_CLIENT : SP_END_SERVER;
    if (seg->src.ip[3] == LADDER_NOBODY)
        event->end = SP_END_NONE;
    event->u.seg.point = point;
    event->u.seg.seg = *seg;
    if (point == SP_AT_SERVER) {
        ladder_rewrite(l, &event->u.seg.seg.src);
        ladder_rewrite(l, &event->u.seg.seg.dst);
    }
    return event;
}

/* What the middle did to the segment that left at t_us, with what arrives instead. */
static inline void ladder_middle(struct ladder *l, int from, double t_us, const struct sp_seg *was,
                                 const struct sp_seg *now)
{
    struct sp_event *event = sp_trace_add(l->trace, SP_EV_LAB, (int64_t)((t_us + 10) * SP_US));
    event->end = from == 0 ? SP_END_CLIENT : SP_END_SERVER;
    event->u.lab.action = "middle";
    event->u.lab.frame = was ? ++l->frames : 0;
    event->u.lab.was = was ? sp_tcp_identity(was) : 0;
    event->u.lab.now = now ? sp_tcp_identity(now) : 0;
}

static inline void ladder_option(struct sp_seg *seg, const struct sp_opt *opt)
{
    if (sp_opt_add(seg, opt, NULL) != SP_OK)
        abort();
}

static inline void ladder_segment(struct ladder *l, double t_us, char *dir, char **words)
{
    int from = dir[0] == 'c' ? 0 : 1;
    struct sp_seg seg = {.src = ladder_addr(from),
                         .dst = ladder_addr(1 - from),
                         .ttl = 64,
                         .window = 65535,
                         .checksum_ok = true,
                         .ip_checksum_ok = true};
    bool made = false, gone = false, changed = false;
    uint16_t changed_to = 0;
    bool lost = false, dup = false, only = false, bad = false, have_seq = false, have_ack = false;
    uint32_t seq = 0, ack = 0;
    double at_us = t_us + (double)LADDER_TRAVEL_US;
    int ws = -1, mss = 0, to_window = -1;
    uint8_t to_flags = 0, to_ttl = 0;
    int32_t ts = 0, tsecr = 1;
    bool stamped = false, sackok = false, sack = false;
    if (!sp_tcp_flags_parse(*words++, &seg.flags))
        abort();
    for (; *words; words++) {
        char *value = strchr(*words, '=');
        double number = value ? atof(value + 1) : 0;
        int32_t n = (int32_t)(int64_t)number;
        if (strncmp(*words, "seq=", 4) == 0)
            seq = (uint32_t)n, have_seq = true;
        else if (strncmp(*words, "ack=", 4) == 0)
            ack = (uint32_t)n, have_ack = true;
        else if (strncmp(*words, "len=", 4) == 0)
            seg.payload_len = (uint32_t)n;
        else if (strncmp(*words, "win=", 4) == 0)
            seg.window = (uint16_t)n;
        else if (strncmp(*words, "urg=", 4) == 0)
            seg.urgent = (uint16_t)n;
        else if (strncmp(*words, "ws=", 3) == 0)
            ws = n;
        else if (strncmp(*words, "mss=", 4) == 0)
            mss = n;
        else if (strncmp(*words, "ttl=", 4) == 0)
            seg.ttl = (uint8_t)n;
        else if (strncmp(*words, "tottl=", 6) == 0)
            to_ttl = (uint8_t)n;
        else if (strncmp(*words, "ts=", 3) == 0)
            ts = n, stamped = true;
        else if (strncmp(*words, "tsecr=", 6) == 0)
            tsecr = n;
        else if (strcmp(*words, "sackok") == 0)
            sackok = true;
        else if (strcmp(*words, "sack") == 0)
            sack = true;
        else if (strcmp(*words, "ect") == 0)
            seg.tos = 2;
        else if (strcmp(*words, "nobody") == 0)
            seg.src.ip[3] = LADDER_NOBODY;
        else if (strncmp(*words, "port=", 5) == 0)
            (from == 0 ? &seg.src : &seg.dst)->port = (uint16_t)n;
        else if (strcmp(*words, "dscp") == 0)
            seg.tos |= 46 << 2;
        else if (strncmp(*words, "id=", 3) == 0)
            seg.ip_id = (uint16_t)n;
        else if (strncmp(*words, "isn=", 4) == 0)
            l->isn[from] = (uint32_t)(int64_t)number, l->next[from] = 0;
        else if (strncmp(*words, "at=", 3) == 0)
            at_us = number;
        else if (strcmp(*words, "lost") == 0)
            lost = true;
        else if (strcmp(*words, "dup") == 0)
            dup = true;
        else if (strcmp(*words, "only") == 0)
            only = true;
        else if (strcmp(*words, "gone") == 0)
            lost = gone = true;
        else if (strcmp(*words, "made") == 0)
            only = made = true;
        else if (strncmp(*words, "changed=", 8) == 0)
            changed_to = (uint16_t)n, changed = true;
        else if (strcmp(*words, "badsum") == 0)
            seg.checksum_ok = false;
        else if (strcmp(*words, "badip") == 0)
            seg.ip_checksum_ok = false;
        else if (strcmp(*words, "badbytes") == 0)
            bad = true;
        else if (strncmp(*words, "towin=", 6) == 0)
            to_window = atoi(*words + 6);
        else if (strncmp(*words, "toflags=", 8) == 0)
            sp_tcp_flags_parse(*words + 8, &to_flags);
        else
            abort();
    }
    if (!have_seq)
        seq = l->next[from];
    if (!have_ack)
        ack = l->got[1 - from];
    seg.seq = l->isn[from] + seq;
    if (seg.flags & SP_ACK)
        seg.ack = l->isn[1 - from] + ack;
    if ((seg.flags & SP_RST) && (seg.flags & SP_ACK) && have_seq && seq == 0)
        seg.seq = 0; /* answers what had no ACK */
    if (ws >= 0) {
        uint8_t opt[4] = {SP_OPT_NOP, SP_OPT_WSCALE, 3, (uint8_t)ws};
        memcpy(seg.opt, opt, seg.opt_len = sizeof opt);
    }
    if (mss) {
        uint8_t opt[4] = {SP_OPT_MSS, 4, (uint8_t)(mss >> 8), (uint8_t)mss};
        memcpy(seg.opt, opt, seg.opt_len = sizeof opt);
    }
    if (stamped)
        ladder_option(&seg, &(struct sp_opt){.kind = SP_OPT_TIMESTAMPS,
                                             .ts_val = (uint32_t)ts,
                                             .ts_ecr = (uint32_t)tsecr});
    if (sackok)
        ladder_option(&seg, &(struct sp_opt){.kind = SP_OPT_SACK_OK});
    if (sack)
        ladder_option(&seg, &(struct sp_opt){.kind = SP_OPT_SACK, .sack_count = 1});
    uint8_t payload[LADDER_PAYLOAD_MAX];
    uint32_t first = seq + ((seg.flags & SP_SYN) ? 1 : 0);
    sp_pattern_fill(from == 0 ? 'c' : 's', first - 1, payload, seg.payload_len);
    if (bad)
        payload[0] ^= 0xff;
    seg.payload_hash = sp_payload_hash(payload, seg.payload_len);
    uint32_t end = seq + sp_seg_space(&seg);
    if (!made && !(seg.flags & SP_RST) && (int32_t)(end - l->next[from]) > 0)
        l->next[from] = end;
    if (!(seg.flags & SP_RST) && !lost && (int32_t)(end - l->got[from]) > 0)
        l->got[from] = end;
    if ((seg.flags & SP_SYN) && !lost)
        l->got[from] = end;
    if (l->lo) {
        ladder_record(l, from, SP_AT_LO, t_us, &seg);
        return;
    }
    if (!only)
        ladder_record(l, from, from == 0 ? SP_AT_CLIENT : SP_AT_SERVER, t_us, &seg);
    struct sp_seg sent = seg;
    if (changed)
        seg.window = changed_to;
    if (made || gone || changed)
        ladder_middle(l, from, t_us, made ? NULL : &sent, lost ? NULL : &seg);
    if (to_window >= 0)
        seg.window = (uint16_t)to_window;
    if (to_flags)
        seg.flags = to_flags;
    if (strcmp(l->trace->head.lab, "routed") == 0)
        seg.ttl--;
    if (to_ttl)
        seg.ttl = to_ttl;
    for (int i = 0; i < (lost ? 0 : dup ? 2 : 1); i++)
        ladder_record(l, from, from == 0 ? SP_AT_SERVER : SP_AT_CLIENT, at_us + i, &seg);
}

static inline void ladder_call(struct ladder *l, double t_us, double end_us, enum sp_end end,
                               char **words)
{
    struct sp_event *event = sp_trace_add(l->trace, SP_EV_CALL, (int64_t)(t_us * SP_US));
    struct sp_ev_call *call = &event->u.call;
    char args[128] = "";
    event->end = end;
    event->t_end_ns = end_us < 0 ? -1 : (int64_t)(end_us * SP_US);
    call->how = end_us < 0 ? SP_CALL_PENDING : SP_CALL_RETURNED;
    call->sock = sp_trace_str(l->trace, words[0]);
    call->name = sp_trace_str(l->trace, words[1]);
    call->value = -1;
    bool noaddr = false, addr = false;
    int told = 0;
    for (words += 2; *words && strcmp(*words, "=") != 0; words++) {
        if (strcmp(*words, "noaddr") == 0) {
            noaddr = true;
            continue;
        }
        if (strcmp(*words, "addr") == 0) {
            addr = true;
            continue;
        }
        if (strncmp(*words, "told=", 5) == 0) {
            told = atoi(*words + 5);
            continue;
        }
        strcat(args, *args ? " " : "");
        strcat(args, *words);
    }
    call->args = sp_trace_str(l->trace, args);
    if (*words && words[1] && words[1][0] == 'E')
        call->error = sp_trace_str(l->trace, words[1]);
    else if (*words && words[1])
        call->value = atol(words[1]);
    bool ties = strcmp(call->name, "connect") == 0 || strcmp(call->name, "accept") == 0;
    if (ties && !noaddr && (addr || !call->error)) {
        call->local = ladder_addr(end == SP_END_CLIENT ? 0 : 1);
        call->remote = ladder_addr(end == SP_END_CLIENT ? 1 : 0);
        ladder_rewrite(l, &call->remote);
        call->local.port = told ? (uint16_t)told : call->local.port;
    }
}

static inline void ladder_state(struct ladder *l, double t_us, char **words)
{
    struct sp_event *event = sp_trace_add(l->trace, SP_EV_STATE, (int64_t)(t_us * SP_US));
    char *arrow = strchr(words[2], '>');
    *arrow = '\0';
    event->end = ladder_end(words[0]);
    event->u.state.source = SP_STATE_TRACEPOINT;
    event->u.state.sock_id = (uint64_t)atol(words[1]);
    if (!sp_tcp_state_parse(words[2], &event->u.state.old_state) ||
        !sp_tcp_state_parse(arrow + 1, &event->u.state.new_state))
        abort();
    event->u.state.local = ladder_addr(event->end == SP_END_CLIENT ? 0 : 1);
    if (!words[3] || strcmp(words[3], "listener") != 0)
        event->u.state.remote = ladder_addr(event->end == SP_END_CLIENT ? 1 : 0);
    ladder_rewrite(l, &event->u.state.remote);
    bool portless = words[3] && strcmp(words[3], "portless") == 0;
    if ((event->u.state.new_state == SP_TCP_SYN_SENT && !words[3]) || portless)
        event->u.state.local.port = 0;
}

/* What a look shows that is over at t_us; the one before it was at `since=`, at first 0. */
static inline void ladder_look(struct ladder *l, double t_us, char **words)
{
    struct sp_event *event = sp_trace_add(l->trace, SP_EV_STATE, (int64_t)(t_us * SP_US));
    event->end = ladder_end(words[0]);
    event->u.state.source = SP_STATE_DIAG;
    event->u.state.sock_id = 77;
    if (!sp_tcp_state_parse(words[1], &event->u.state.new_state))
        abort();
    event->u.state.local = ladder_addr(event->end == SP_END_CLIENT ? 0 : 1);
    event->u.state.not_before_ns = 0;
    for (words += 2; *words; words++) {
        if (strncmp(*words, "since=", 6) == 0)
            event->u.state.not_before_ns = (int64_t)(atof(*words + 6) * SP_US);
        if (strcmp(*words, "alone") == 0)
            return;
    }
    event->u.state.remote = ladder_addr(event->end == SP_END_CLIENT ? 1 : 0);
}

static inline void ladder_line(struct ladder *l, char *line)
{
    char *words[24] = {0};
    int count = 0;
    for (char *word = strtok(line, " \t"); word && count < 23; word = strtok(NULL, " \t"))
        words[count++] = word;
    if (!count)
        return;
    char *rest = NULL;
    double t_us = strtod(words[0], &rest);
    double end_us = *rest != '-' ? t_us : rest[1] ? atof(rest + 1) : -1;
    if (words[1][1] == '>') {
        ladder_segment(l, t_us, words[1], words + 2);
    } else if (strcmp(words[1], "state") == 0) {
        ladder_state(l, t_us, words + 2);
    } else if (strcmp(words[1], "look") == 0) {
        ladder_look(l, t_us, words + 2);
    } else if (strcmp(words[1], "icmp") == 0) { /* to the client: a segment was too large */
        struct sp_seg seg = {.kind = SP_SEG_ICMP,
                             .src = ladder_addr(1),
                             .dst = ladder_addr(0),
                             .icmp_type = 3,
                             .icmp_code = 4,
                             .icmp_mtu = 1000,
                             .quoted_src = ladder_addr(0),
                             .quoted_dst = ladder_addr(1),
                             .checksum_ok = true,
                             .ip_checksum_ok = true};
        ladder_record(l, 1, l->lo ? SP_AT_LO : SP_AT_CLIENT, t_us, &seg);
    } else if (strcmp(words[1], "own") == 0) {
        l->trace->head.states_hidden[ladder_end(words[2])] = true;
    } else if (strcmp(words[1], "lab") == 0) {
        struct sp_event *event = sp_trace_add(l->trace, SP_EV_LAB, (int64_t)(t_us * SP_US));
        event->u.lab.action = sp_trace_str(l->trace, words[2]);
    } else if (strcmp(words[1], "routed") == 0) {
        l->trace->head.lab = "routed";
        l->trace->head.tcp[SP_END_MIDDLE].name = words[2] ? "nat" : "router";
        l->nat = words[2] && strcmp(words[2], "nat") == 0;
    } else if (strcmp(words[1], "end") == 0 || strcmp(words[1], "drops") == 0 ||
               strcmp(words[1], "fence") == 0) {
        struct sp_event *event = sp_trace_add(l->trace, SP_EV_MARK, (int64_t)(t_us * SP_US));
        event->u.mark.what = words[1][0] == 'e'   ? SP_MARK_END
                             : words[1][0] == 'f' ? SP_MARK_FENCE
                                                  : SP_MARK_DROPS;
        event->u.mark.text = "wire";
    } else if (count == 3) {
        struct sp_event *event = sp_trace_add(l->trace, SP_EV_PROC, (int64_t)(t_us * SP_US));
        event->end = ladder_end(words[1]);
        event->t_end_ns = (int64_t)(end_us * SP_US);
        event->u.proc.what = words[2][0] == 's'   ? SP_PROC_START
                             : words[2][0] == 'e' ? SP_PROC_EXIT
                             : words[2][0] == 'o' ? SP_PROC_OUTLIVED
                                                  : SP_PROC_KILLED;
    } else {
        ladder_call(l, t_us, end_us, ladder_end(words[1]), words + 2);
    }
}

/* Builds and sorts the trace of a ladder; lo: one interface for both ends. */
static inline void ladder_build(struct sp_trace *trace, bool lo, const char *text)
{
    struct ladder l = {.trace = trace, .lo = lo, .isn = {0xfffffff0u, 7000}};
    sp_trace_init(trace);
    trace->head.lab = lo ? "loopback" : "veth";
    trace->head.family = SP_IPV4;
    trace->head.wire = SP_WATCH_FULL;
    trace->head.states = SP_WATCH_FULL;
    for (int side = 0; side < 2; side++) {
        struct sp_addr addr = ladder_addr(side);
        addr.port = 0;
        trace->head.addr[side == 0 ? SP_END_CLIENT : SP_END_SERVER] = addr;
    }
    char *copy = sp_xstrdup(text);
    for (char *line = copy; line;) {
        char *next = strchr(line, '\n');
        if (next)
            *next++ = '\0';
        ladder_line(&l, line);
        line = next;
    }
    free(copy);
    sp_trace_sort(trace);
}

#endif
