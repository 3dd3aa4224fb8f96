/*
 * What the collector's files share, private to this room.
 *
 *   collector.c         tracepoints' formats, raw records to records, the public face
 *   collector_perf.c    records by perf_event_open(2)
 *   collector_tracefs.c records by a tracing instance, where a kernel has no perf events
 */
#ifndef SP_WITNESS_COLLECTOR_IN_H
#define SP_WITNESS_COLLECTOR_IN_H

#include "tracepoint_format.h"
#include "unnamed.h"
#include "witness.h"

enum { SP_TRACEPOINTS = 5 };

/* What we listen to. The first must be there. */
struct sp_tracepoint {
    const char *path; /* below events/ */
    enum sp_tp_what what;
    const char *filter; /* NULL: all */
};
extern const struct sp_tracepoint sp_tracepoints[SP_TRACEPOINTS];

/* The fields that we read, by the kernel's names; one that a tracepoint lacks is NULL. */
#define SP_TP_FIELDS(X)                                                                            \
    X(skaddr)                                                                                      \
    X(oldstate)                                                                                    \
    X(newstate)                                                                                    \
    X(state)                                                                                       \
    X(reason)                                                                                      \
    X(sport)                                                                                       \
    X(dport)                                                                                       \
    X(saddr)                                                                                       \
    X(daddr)                                                                                       \
    X(saddr_v6)                                                                                    \
    X(daddr_v6)

struct sp_tp_shape {
    bool present;
    struct sp_tp_format format;
#define DECLARE(name) const struct sp_tp_field *name;
    SP_TP_FIELDS(DECLARE)
#undef DECLARE
};

struct sp_tp_ring; /* of one CPU; each source has its own */

/* A way to get at raw records. */
struct sp_tp_source {
    /* SP_E_UNSUPPORTED where this kernel has no such thing. `dir_fd`: tracefs, to be copied. */
    enum sp_rc (*open)(struct sp_collector *collector, int dir_fd, struct sp_err *err);
    /* Hands every record that stands in a ring to sp_collector_raw. */
    enum sp_rc (*drain)(struct sp_collector *collector, struct sp_err *err);
    /* Events of each tracepoint that the kernel counted and did not lose. */
    enum sp_rc (*count)(struct sp_collector *collector, int64_t counts[SP_TRACEPOINTS],
                        struct sp_err *err);
    /* Makes the rings as when they were new; NULL: nothing of theirs shows. */
    enum sp_rc (*renew)(struct sp_collector *collector, struct sp_err *err);
    void (*close)(struct sp_collector *collector);
    /* For a child; NULL: records can be read once only. */
    enum sp_rc (*follow)(struct sp_collector *collector, struct sp_err *err);
    bool (*has_news)(const struct sp_collector *collector);
};
extern const struct sp_tp_source sp_tp_perf, sp_tp_tracefs;

struct sp_tp_pending {
    struct sp_tp_record record;
    size_t order;
};

enum { SP_TP_OWN_MAX = 4 };

struct sp_collector {
    const struct sp_tp_source *source;
    int epoll_fd;
    bool polled;      /* perf: no wake-up for each record */
    bool followed;    /* perf: children read the rings */
    bool follows;     /* this is such a child's */
    bool counts_lost; /* perf: FORMAT_LOST took */
    uint64_t salt;    /* of socket ids */
    size_t page_bytes;
    struct sp_tp_shape shapes[SP_TRACEPOINTS];
    struct sp_tp_ring *rings;
    size_t ring_count;
    size_t ring_cap;
    int instance_fd;                /* tracefs: the instance's directory */
    int instances_fd;               /* and the one that it is in */
    char instance[32];              /* and its name; "" none */
    uint64_t taken[SP_TRACEPOINTS]; /* records handed over so far */
    struct sp_tp_pending *pending;
    size_t pending_count;
    size_t pending_cap;
    struct sp_unnamed unnamed;         /* SYN_RECEIVED of sockets not yet named */
    struct sp_addr own[SP_TP_OWN_MAX]; /* follows: whose records are wanted */
    size_t own_count;
};

/* A raw record as the tracepoint wrote it; ignored where it is none of ours. */
void sp_collector_raw(struct sp_collector *collector, int64_t mono_ns, const uint8_t *raw,
                      size_t len);
/* So many events found no room. */
void sp_collector_lost(struct sp_collector *collector, int64_t mono_ns, uint64_t lost);

#endif
