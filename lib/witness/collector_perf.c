/*
 * Theory of operation: records by perf_event_open(2).
 *
 * Each tracepoint is opened once for every CPU that is online, for all processes (pid -1), and all
 * tracepoints of a CPU write into one ring (PERF_EVENT_IOC_SET_OUTPUT). Records carry
 * CLOCK_MONOTONIC (use_clockid).
 *
 * Nothing of this has a name in tracefs: no instance, no enabled event, no probe. The descriptors
 * are all there is, so the end of the process, however it comes, ends the events (proved in
 * collector_test.c). The rings are mapped with VM_DONTCOPY by the kernel: a fork neither copies nor
 * inherits them.
 *
 * Children can follow: each maps the rings again, to read only, and keeps its own place in them.
 * The kernel writes no further than a ring's length beyond data_tail, which the collector's process
 * moves, so a record was read whole if data_tail has not passed its beginning by then. Half a ring
 * is left behind for those who are late.
 *
 * A full ring loses the newest records. The kernel writes its PERF_RECORD_LOST only when the next
 * record finds room, which may be never; so a ring that was found nearly full has its events'
 * own counters read (PERF_FORMAT_LOST, Linux 6.0), and older kernels rely on the record.
 */
#include "collector_in.h"

#include <errno.h>
#include <linux/perf_event.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"

/* Linux 6.0; absent from older headers. */
#define FORMAT_LOST (1U << 4)

enum {
    RING_BYTES =
        1024 * 1024, /* some 8000 records a CPU: hundreds of conversations while we are late */
    KEPT_BYTES = RING_BYTES / 4 * 3, /* that children may still have to read */
    RECORD_MAX = 512,                /* ours have about 140 bytes */
    NEAR_FULL = 1024,                /* free bytes below which records may have been lost */
    CPU_MAX = 1024,
};

struct sp_tp_ring {
    int cpu;
    int fds[SP_TRACEPOINTS]; /* -1: not opened; the first owns the ring */
    struct perf_event_mmap_page *map;
    uint64_t at;   /* read up to here */
    uint64_t lost; /* records that found no room, as last read */
};

static int event_open(const struct sp_collector *collector, int which, int cpu, bool counts_lost)
{
    struct perf_event_attr attr = {
        .type = PERF_TYPE_TRACEPOINT,
        .size = sizeof attr,
        .config = collector->shapes[which].format.id,
        .sample_period = 1,
        .sample_type = PERF_SAMPLE_TIME | PERF_SAMPLE_CPU | PERF_SAMPLE_RAW,
        .read_format = counts_lost ? FORMAT_LOST : 0,
        .disabled = 1,
        .sample_id_all = 1,
        .use_clockid = 1,
        .clockid = CLOCK_MONOTONIC,
    };
    if (collector->polled) {
        attr.watermark = 1;
        attr.wakeup_watermark = RING_BYTES / 8;
    } else {
        attr.wakeup_events = 1;
    }
    return (int)syscall(SYS_perf_event_open, &attr, -1, cpu, -1, PERF_FLAG_FD_CLOEXEC);
}

static void ring_release(struct sp_tp_ring *ring, size_t page_bytes)
{
    if (ring->map)
        munmap(ring->map, RING_BYTES + page_bytes);
    for (int i = SP_TRACEPOINTS - 1; i >= 0; i--)
        if (ring->fds[i] >= 0)
            close(ring->fds[i]);
}

/* Opens the tracepoints of one CPU. An offline CPU is left out: ring->fds[0] stays -1. */
static enum sp_rc ring_open(struct sp_collector *collector, struct sp_tp_ring *ring,
                            struct sp_err *err)
{
    for (int i = 0; i < SP_TRACEPOINTS; i++) {
        if (!collector->shapes[i].present)
            continue;
        int fd = event_open(collector, i, ring->cpu, collector->counts_lost);
        if (fd < 0 && errno == EINVAL && collector->counts_lost && collector->ring_count == 1) {
            collector->counts_lost = false;
            fd = event_open(collector, i, ring->cpu, false);
        }
        if (fd < 0 && errno == ENODEV)
            return SP_OK;
        if (fd < 0)
            return sp_fail_os(err, errno == EACCES || errno == EPERM ? SP_E_PERM : SP_E_UNSUPPORTED,
                              errno, "tracepoints need root (or CAP_PERFMON): %s on CPU %d",
                              sp_tracepoints[i].path, ring->cpu);
        ring->fds[i] = fd;
        if (sp_tracepoints[i].filter &&
            ioctl(fd, PERF_EVENT_IOC_SET_FILTER, sp_tracepoints[i].filter))
            return sp_fail_os(err, SP_E_UNSUPPORTED, errno, "filter on tracepoint %s",
                              sp_tracepoints[i].path);
        if (i > 0 && ioctl(fd, PERF_EVENT_IOC_SET_OUTPUT, ring->fds[0]))
            return sp_fail_os(err, SP_E_IO, errno, "sharing the ring of CPU %d", ring->cpu);
        if (i > 0)
            continue;
        void *map = mmap(NULL, RING_BYTES + collector->page_bytes, PROT_READ | PROT_WRITE,
                         MAP_SHARED, fd, 0);
        if (map == MAP_FAILED)
            return sp_fail_os(err, SP_E_IO, errno, "mapping the ring of CPU %d", ring->cpu);
        ring->map = map;
    }
    for (int i = 0; i < SP_TRACEPOINTS; i++)
        if (ring->fds[i] >= 0 && ioctl(ring->fds[i], PERF_EVENT_IOC_ENABLE, 0))
            return sp_fail_os(err, SP_E_IO, errno, "enabling %s", sp_tracepoints[i].path);
    struct epoll_event interest = {.events = EPOLLIN};
    if (epoll_ctl(collector->epoll_fd, EPOLL_CTL_ADD, ring->fds[0], &interest))
        return sp_fail_os(err, SP_E_IO, errno, "polling the ring of CPU %d", ring->cpu);
    return SP_OK;
}

static enum sp_rc perf_open(struct sp_collector *collector, int dir_fd, struct sp_err *err)
{
    (void)dir_fd; /* formats have been read; nothing else of tracefs is needed */
    collector->counts_lost = true;
    long cpus = sysconf(_SC_NPROCESSORS_CONF);
    for (int cpu = 0; cpu < cpus && cpu < CPU_MAX; cpu++) {
        struct sp_tp_ring *ring =
            &SP_PUSH(collector->rings, collector->ring_count, collector->ring_cap);
        ring->cpu = cpu;
        for (int i = 0; i < SP_TRACEPOINTS; i++)
            ring->fds[i] = -1;
        enum sp_rc rc = ring_open(collector, ring, err);
        if (rc)
            return rc;
        if (ring->fds[0] < 0)
            collector->ring_count--;
    }
    if (collector->ring_count == 0)
        return sp_fail(err, SP_E_UNSUPPORTED, "no CPU that tracepoints can be opened on");
    return SP_OK;
}

/* One record of a ring; returns whether it says that some were lost. */
static bool record_take(struct sp_collector *collector, const uint8_t *bytes, size_t len)
{
    struct perf_event_header header;
    memcpy(&header, bytes, sizeof header);
    const uint8_t *body = bytes + sizeof header;
    size_t body_len = len - sizeof header;
    if (header.type == PERF_RECORD_SAMPLE) {
        struct {
            int64_t time_ns;
            uint32_t cpu, reserved;
            uint32_t raw_bytes;
        } head;
        enum { HEAD_BYTES = 20 }; /* without the structure's padding */
        if (body_len < HEAD_BYTES)
            return false;
        memcpy(&head, body, HEAD_BYTES);
        if (head.raw_bytes <= body_len - HEAD_BYTES)
            sp_collector_raw(collector, head.time_ns, body + HEAD_BYTES, head.raw_bytes);
        return false;
    }
    if (header.type != PERF_RECORD_LOST)
        return false;
    /* id, lost, then the sample_id: time and CPU. */
    if (!collector->counts_lost && body_len >= 32) {
        uint64_t words[3];
        memcpy(words, body, sizeof words);
        sp_collector_lost(collector, (int64_t)words[2], words[1]);
    }
    return true;
}

/* Copies out of a ring that may wrap inside the piece. */
static void ring_copy(const struct sp_tp_ring *ring, uint64_t at, void *out, size_t len,
                      size_t page_bytes)
{
    const uint8_t *data = (const uint8_t *)ring->map + page_bytes;
    size_t from = (size_t)(at % RING_BYTES);
    size_t first = len < RING_BYTES - from ? len : RING_BYTES - from;
    memcpy(out, data + from, first);
    memcpy((uint8_t *)out + first, data, len - first);
}

/* The counters of a CPU's events against what they were; adds a record where they have grown. */
static void lost_count(struct sp_collector *collector, struct sp_tp_ring *ring)
{
    uint64_t lost = 0;
    for (int i = 0; i < SP_TRACEPOINTS; i++) {
        uint64_t words[2]; /* value, lost */
        if (ring->fds[i] >= 0 && read(ring->fds[i], words, sizeof words) == sizeof words)
            lost += words[1];
    }
    if (lost > ring->lost)
        sp_collector_lost(collector, sp_clock_now_ns(), lost - ring->lost);
    ring->lost = lost;
}

/* What the kernel may overwrite from now on; a follower's is the collector's process's business. */
static void tail_move(const struct sp_collector *collector, struct sp_tp_ring *ring, uint64_t head)
{
    uint64_t tail = ring->map->data_tail;
    struct perf_event_header header;
    if (collector->follows)
        return;
    if (!collector->followed)
        tail = ring->at;
    while (head - tail > KEPT_BYTES) {
        ring_copy(ring, tail, &header, sizeof header, collector->page_bytes);
        tail += header.size;
    }
    __atomic_store_n(&ring->map->data_tail, tail, __ATOMIC_RELEASE);
}

/* A follower whose place has been given up: what is there now may be anything. */
static bool is_overtaken(const struct sp_collector *collector, struct sp_tp_ring *ring)
{
    if (!collector->follows)
        return false;
    __atomic_thread_fence(__ATOMIC_ACQUIRE); /* what was copied was copied before this look */
    uint64_t tail = __atomic_load_n(&ring->map->data_tail, __ATOMIC_ACQUIRE);
    if (ring->at >= tail)
        return false;
    ring->at = tail;
    return true;
}

static void ring_drain(struct sp_collector *collector, struct sp_tp_ring *ring)
{
    uint64_t head = __atomic_load_n(&ring->map->data_head, __ATOMIC_ACQUIRE);
    if (head == ring->at)
        return;
    bool lost = RING_BYTES - (head - ring->map->data_tail) < NEAR_FULL;
    while (ring->at < head) {
        uint8_t bytes[RECORD_MAX];
        struct perf_event_header header;
        ring_copy(ring, ring->at, &header, sizeof header, collector->page_bytes);
        bool fits = header.size >= sizeof header && header.size <= sizeof bytes;
        if (fits)
            ring_copy(ring, ring->at, bytes, header.size, collector->page_bytes);
        if (is_overtaken(collector, ring)) {
            sp_collector_lost(collector, sp_clock_now_ns(), 1);
            continue;
        }
        if (fits)
            lost |= record_take(collector, bytes, header.size);
        ring->at += header.size;
    }
    tail_move(collector, ring, head);
    if (lost && collector->counts_lost)
        lost_count(collector, ring);
}

static enum sp_rc perf_drain(struct sp_collector *collector, struct sp_err *err)
{
    (void)err; /* reading mapped memory cannot fail; the contract leaves room for what can */
    for (size_t i = 0; i < collector->ring_count; i++)
        ring_drain(collector, &collector->rings[i]);
    return SP_OK;
}

static enum sp_rc perf_count(struct sp_collector *collector, int64_t counts[SP_TRACEPOINTS],
                             struct sp_err *err)
{
    for (size_t r = 0; r < collector->ring_count; r++) {
        for (int i = 0; i < SP_TRACEPOINTS; i++) {
            uint64_t words[2] = {0}; /* value, and lost where FORMAT_LOST took */
            if (collector->rings[r].fds[i] < 0)
                continue;
            if (read(collector->rings[r].fds[i], words, sizeof words) < (ssize_t)sizeof words[0])
                return sp_fail_os(err, SP_E_IO, errno, "reading the counter of %s",
                                  sp_tracepoints[i].path);
            counts[i] += (int64_t)(words[0] - words[1]);
        }
    }
    return SP_OK;
}

static void perf_close(struct sp_collector *collector)
{
    for (size_t i = 0; i < collector->ring_count; i++)
        ring_release(&collector->rings[i], collector->page_bytes);
}

static enum sp_rc perf_follow(struct sp_collector *collector, struct sp_err *err)
{
    for (size_t i = 0; i < collector->ring_count; i++) {
        struct sp_tp_ring *ring = &collector->rings[i];
        if (!collector->follows) {
            void *map = mmap(NULL, RING_BYTES + collector->page_bytes, PROT_READ, MAP_SHARED,
                             ring->fds[0], 0);
            ring->map = map == MAP_FAILED ? NULL : map;
            if (!ring->map)
                return sp_fail_os(err, SP_E_IO, errno, "mapping the ring of CPU %d", ring->cpu);
        }
        ring->at = __atomic_load_n(&ring->map->data_head, __ATOMIC_ACQUIRE);
    }
    return SP_OK;
}

static bool perf_has_news(const struct sp_collector *collector)
{
    for (size_t i = 0; i < collector->ring_count; i++)
        if (__atomic_load_n(&collector->rings[i].map->data_head, __ATOMIC_ACQUIRE) !=
            collector->rings[i].at)
            return true;
    return false;
}

const struct sp_tp_source sp_tp_perf = {.open = perf_open,
                                        .drain = perf_drain,
                                        .count = perf_count,
                                        .close = perf_close,
                                        .follow = perf_follow,
                                        .has_news = perf_has_news};
