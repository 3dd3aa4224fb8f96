/*
 * Witnesses: capture, tracepoints and sock_diag, each turning what it sees into trace events.
 *
 * None of them touches a socket under test. All descriptors are given out for the runner's own
 * poll loop; no threads.
 */
#ifndef SP_WITNESS_WITNESS_H
#define SP_WITNESS_WITNESS_H

#include <stdbool.h>
#include <stdint.h>

#include "err.h"
#include "lab.h"
#include "trace.h"

/* ---- wire: one libpcap handle a link ---------------------------------------------------- */

struct sp_capture; /* one link */

/* The raw bytes of a captured frame, kept for the pcapng. */
struct sp_capture_frame {
    enum sp_point point;
    uint32_t number; /* from 1 in this point's capture */
    int64_t t_ns;    /* since the start of the run */
    uint32_t len_bytes;
    uint32_t wire_len_bytes;
    const uint8_t *data; /* trace's arena */
};

struct sp_frames {
    struct sp_capture_frame *items;
    size_t len;
    size_t cap;
};

/*
 * Opens and starts a capture on a link of the lab (entering its place to do so): immediate mode,
 * nanosecond stamps, a small ring: about 75 frames; 600 where more than 16 KB are moved at once,
 * and room for all of `most_bytes` where that is more. Filter: TCP and ICMP of the run's addresses.
 */
enum sp_rc sp_capture_open(const struct sp_lab *lab, const struct sp_lab_link *link,
                           enum sp_point point, int64_t most_bytes, struct sp_capture **out,
                           struct sp_err *err);
void sp_capture_free(struct sp_capture *capture);
int sp_capture_fd(const struct sp_capture *capture);
enum sp_link sp_capture_link(const struct sp_capture *capture);

/*
 * Takes all frames that have arrived: appends SP_EV_SEG events (end = sender by address) to the
 * trace and the bytes to frames. Frames that are not ours (ARP, ...) go to neither.
 * `real_offset_ns` turns capture stamps into the trace's time.
 */
enum sp_rc sp_capture_drain(struct sp_capture *capture, struct sp_trace *trace,
                            struct sp_frames *frames, int64_t real_offset_ns, struct sp_err *err);
/* Puts a frame on the link. The capture itself does not see it leave, all others do; it sees one
 * that comes back, as on lo. SP_E_IO, with the system's number, where the link does not take it. */
enum sp_rc sp_capture_send(struct sp_capture *capture, const void *frame, size_t len_bytes,
                           struct sp_err *err);
/* Frames the kernel dropped so far. */
enum sp_rc sp_capture_drops(struct sp_capture *capture, uint32_t *drops, struct sp_err *err);

/* ---- states: one collector of tracepoints for all runs ------------------------------------ */

/* A tracepoint's event as it travels from the collector to the run it belongs to: fixed size. */
struct sp_tp_record {
    int64_t mono_ns;   /* CLOCK_MONOTONIC */
    uint8_t what;      /* enum sp_tp_what */
    uint8_t old_state; /* enum sp_tcp_state */
    uint8_t new_state;
    uint8_t pad;
    int32_t reason; /* drop or reset reason, -1 unknown */
    uint64_t sock_id;
    struct sp_addr local;
    struct sp_addr remote;
    char
        detail[64]; /* the kernel's words: "state=ESTABLISHED reason=TCP_ABORT_ON_CLOSE"; "" none */
};
enum sp_tp_what {
    SP_TP_STATE,
    SP_TP_RETRANSMIT,
    SP_TP_SEND_RESET,
    SP_TP_RECEIVE_RESET,
    SP_TP_LOST /* ring overrun */
};

struct sp_collector; /* perf_event_open on every CPU; lives in the main process */

/* SP_E_PERM / SP_E_UNSUPPORTED with the reason where there are no tracepoints to be had. */
enum sp_rc sp_collector_new(struct sp_collector **out, struct sp_err *err);
/*
 * The same for who drains it every millisecond or so anyhow: its descriptor is readable only where
 * a ring has filled by some hundred kilobytes. An interrupt of this CPU and a wake-up for every
 * record is most of what a record costs, and the traced call pays for it.
 */
enum sp_rc sp_collector_new_polled(struct sp_collector **out, struct sp_err *err);
/*
 * That, for children of this process who read the rings themselves (sp_collector_follow()). What is
 * drained here is counted and handed to no sink, and stays to be read for another three quarters of
 * a ring. Where this kernel's source of records cannot be shared, it is one of
 * sp_collector_new_polled().
 */
enum sp_rc sp_collector_new_followed(struct sp_collector **out, struct sp_err *err);
bool sp_collector_is_followed(const struct sp_collector *collector);
/*
 * In a child, on its copy of a followed collector: from now on sp_collector_drain() hands over what
 * is written from now on, to or from one of these addresses, and without a system call. A child
 * that falls behind by three quarters of a ring gets a SP_TP_LOST.
 */
enum sp_rc sp_collector_follow(struct sp_collector *collector, const struct sp_addr *own,
                               size_t own_count, struct sp_err *err);
/* Whether there is anything to drain; a follower's rings wake nobody up. */
bool sp_collector_has_news(const struct sp_collector *collector);
void sp_collector_free(struct sp_collector *collector);
/* Descriptor to poll for input (an epoll over all rings). */
int sp_collector_fd(const struct sp_collector *collector);
/*
 * Reads every ring once, merges by time and hands each record to `sink`. All that was written to
 * any ring before the call is handed over.
 */
enum sp_rc sp_collector_drain(struct sp_collector *collector,
                              void (*sink)(const struct sp_tp_record *record, void *arg), void *arg,
                              struct sp_err *err);

/*
 * Throws away what stands in the rings and makes them as new, so that what a record costs does not
 * depend on those before it. For clocks that jump; where rings do not show in times it does
 * nothing.
 */
enum sp_rc sp_collector_renew(struct sp_collector *collector, struct sp_err *err);

/*
 * How many events the kernel has counted since the collector was made, and not shown, for all
 * that happens on this machine. 0 on most kernels. One that withholds samples from protected tasks
 * hides what a timer does on an idle CPU: then ask sock_diag. (Where the kernel is older than 6.0,
 * records lost to a full ring are in it too.) Drains as sp_collector_drain() does. Interrupts
 * every CPU: for fences and deadlines, not for each turn of a loop.
 */
struct sp_collector_hidden {
    uint64_t states; /* changes of state */
    uint64_t notes;  /* retransmissions and resets */
};
enum sp_rc sp_collector_hidden(struct sp_collector *collector,
                               void (*sink)(const struct sp_tp_record *record, void *arg),
                               void *arg, struct sp_collector_hidden *hidden, struct sp_err *err);

/* Turns a record into a trace event (end found by address; none of this run's: not appended). */
void sp_tp_record_add(const struct sp_tp_record *record, struct sp_trace *trace);

/* ---- states: sock_diag -------------------------------------------------------------------- */

struct sp_diag; /* a netlink socket in one place, and what it saw last */

enum sp_rc sp_diag_open(const struct sp_lab *lab, enum sp_place place, struct sp_diag **out,
                        struct sp_err *err);
void sp_diag_free(struct sp_diag *diag);
/*
 * Dumps the place's TCP sockets of the run's family and appends an SP_EV_STATE for each that is
 * new, has changed its state (or its queues, where `queues`), or is gone since the last dump
 * (new_state SP_TCP_NONE). TIME_WAIT, FIN_WAIT_2 orphans and half-open requests show here only.
 * `t0_mono_ns` is the start of the run.
 */
enum sp_rc sp_diag_look(struct sp_diag *diag, struct sp_trace *trace, int64_t t0_mono_ns,
                        bool queues, struct sp_err *err);
/*
 * Whether looks include listening sockets; they do from the start. The kernel keeps those of all
 * namespaces in one table that a look must walk (most of its cost), and tracepoints tell of them
 * too: a runner that has tracepoints asks for them only where a case does.
 */
void sp_diag_listeners(struct sp_diag *diag, bool on);
/*
 * When to look again because a timer of a socket without a process (TIME_WAIT, orphan, request)
 * will have run out, on CLOCK_MONOTONIC; 0 where there is none. Scheduled from the kernel's own
 * remaining time, then closely until it is gone.
 */
int64_t sp_diag_next_look_ns(const struct sp_diag *diag);

#endif
