/*
 * Theory of operation: the kernel's account of TCP states.
 *
 * perf_event_open(2) opens each tracepoint once for every CPU that is online, for all processes
 * (pid -1), and all tracepoints of a CPU write into one ring (PERF_EVENT_IOC_SET_OUTPUT). Records
 * carry CLOCK_MONOTONIC (use_clockid) and the raw fields, whose places are read from the
 * tracepoint's own format file. sp_collector_drain() takes what stands in every ring and merges it
 * by time.
 *
 * Nothing of this has a name in tracefs: no instance, no enabled event, no probe. The descriptors
 * are all there is, so the end of the process, however it comes, ends the events (proved in
 * collector_test.c). Where tracefs is not mounted, fsmount(2) gives a mount that only a descriptor
 * holds; it is closed as soon as the formats are read.
 *
 * The rings are mapped with VM_DONTCOPY by the kernel: a fork neither copies nor inherits them.
 *
 * A full ring loses the newest records. The kernel writes its PERF_RECORD_LOST only when the next
 * record finds room, which may be never; so a ring that was found nearly full has its events'
 * own counters read (PERF_FORMAT_LOST, Linux 6.0), and older kernels rely on the record.
 *
 * Some kernels withhold samples from whoever asks, in tasks that they protect (measured: one whose
 * idle tasks of all CPUs but the first are such), while the events' counters go on. What a timer
 * does on an idle CPU is not shown there. sp_collector_hidden() holds the counters against what was
 * handed over, so that it is known.
 */
#include "witness.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <linux/perf_event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"
#include "linux_tcp.h"
#include "tracepoint_format.h"

/* Linux 6.0; absent from older headers. */
#define FORMAT_LOST (1U << 4)

enum {
    RING_BYTES =
        1024 * 1024,  /* about 8000 records a CPU: some hundred conversations while we are late */
    RECORD_MAX = 512, /* ours have about 140 bytes */
    NEAR_FULL = 1024, /* free bytes below which records may have been lost */
    CPU_MAX = 1024,
    SOCKADDR_BYTES = 28, /* of a sockaddr_in6, in tracepoints that carry socket addresses */
};

/* What we listen to. The first must be there. */
static const struct tracepoint {
    const char *path; /* below events/ */
    enum sp_tp_what what;
    const char *filter; /* NULL: all */
} tracepoints[] = {
    {"sock/inet_sock_set_state", SP_TP_STATE, "protocol == 6"},
    {"tcp/tcp_retransmit_skb", SP_TP_RETRANSMIT, NULL},
    {"tcp/tcp_retransmit_synack", SP_TP_RETRANSMIT, NULL},
    {"tcp/tcp_send_reset", SP_TP_SEND_RESET, NULL},
    {"tcp/tcp_receive_reset", SP_TP_RECEIVE_RESET, NULL},
};

enum { TRACEPOINTS = sizeof tracepoints / sizeof tracepoints[0] };

/* The fields that we read, by the kernel's names; one that a tracepoint lacks is NULL. */
#define FIELDS(X)                                                                                  \
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

struct shape {
    bool present;
    struct sp_tp_format format;
#define DECLARE(name) const struct sp_tp_field *name;
    FIELDS(DECLARE)
#undef DECLARE
};

struct ring {
    int cpu;
    int fds[TRACEPOINTS]; /* -1: not opened; the first owns the ring */
    struct perf_event_mmap_page *map;
    uint64_t lost; /* records that found no room, as last read */
};

struct pending {
    struct sp_tp_record record;
    size_t order;
};

struct sp_collector {
    int epoll_fd;
    bool counts_lost; /* FORMAT_LOST took */
    uint64_t salt;    /* of socket ids */
    size_t page_bytes;
    struct shape shapes[TRACEPOINTS];
    struct ring *rings;
    size_t ring_count;
    size_t ring_cap;
    uint64_t taken[TRACEPOINTS]; /* records handed over so far */
    struct pending *pending;
    size_t pending_count;
    size_t pending_cap;
};

/* ---- formats ------------------------------------------------------------------------------ */

/* A directory descriptor of tracefs, from a mount that is there or from one of our own. */
static enum sp_rc tracefs_open(int *dir_fd, struct sp_err *err)
{
    static const char *const mounted[] = {"/sys/kernel/tracing", "/sys/kernel/debug/tracing"};
    for (size_t i = 0; i < sizeof mounted / sizeof mounted[0]; i++) {
        int fd = open(mounted[i], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (fd < 0)
            continue;
        if (faccessat(fd, "events/header_page", R_OK, 0) == 0) {
            *dir_fd = fd;
            return SP_OK;
        }
        close(fd);
    }
    enum sp_rc rc = SP_OK;
    int mount_fd = -1;
    int fs_fd = (int)syscall(SYS_fsopen, "tracefs", FSOPEN_CLOEXEC);
    if (fs_fd >= 0 && syscall(SYS_fsconfig, fs_fd, FSCONFIG_CMD_CREATE, NULL, NULL, 0) == 0)
        mount_fd = (int)syscall(SYS_fsmount, fs_fd, FSMOUNT_CLOEXEC, 0);
    if (mount_fd < 0) {
        int os = errno;
        rc = os == EPERM || os == EACCES
                 ? sp_fail_os(err, SP_E_PERM, os, "tracepoints need root: opening tracefs")
                 : sp_fail_os(err, SP_E_UNSUPPORTED, os, "no tracefs on this kernel");
    }
    if (fs_fd >= 0)
        close(fs_fd);
    *dir_fd = mount_fd;
    return rc;
}

static char *read_file(int dir_fd, const char *path)
{
    enum { MAX_BYTES = 64 * 1024 };
    int fd = openat(dir_fd, path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return NULL;
    char *text = sp_xcalloc(1, MAX_BYTES);
    size_t len = 0;
    ssize_t got;
    while (len < MAX_BYTES - 1 && (got = read(fd, text + len, MAX_BYTES - 1 - len)) > 0)
        len += (size_t)got;
    close(fd);
    return text;
}

static bool fields_complete(const struct shape *shape, enum sp_tp_what what)
{
    bool addresses = shape->saddr_v6 && shape->daddr_v6 && shape->sport && shape->dport;
    bool sockaddrs = shape->saddr && shape->daddr && shape->saddr->size_bytes == SOCKADDR_BYTES &&
                     shape->daddr->size_bytes == SOCKADDR_BYTES;
    if (what == SP_TP_STATE && (!shape->oldstate || !shape->newstate))
        return false;
    return addresses || sockaddrs;
}

static enum sp_rc shape_read(int dir_fd, const struct tracepoint *tracepoint, struct shape *shape,
                             struct sp_err *err)
{
    char path[96];
    snprintf(path, sizeof path, "events/%s/format", tracepoint->path);
    char *text = read_file(dir_fd, path);
    if (!text)
        return sp_fail_os(err, errno == EACCES ? SP_E_PERM : SP_E_UNSUPPORTED, errno,
                          "this kernel shows no tracepoint %s", tracepoint->path);
    enum sp_rc rc = sp_tp_format_init(&shape->format, text, err);
    free(text);
    if (rc)
        return rc;
#define LOOK_UP(name) shape->name = sp_tp_format_field(&shape->format, #name);
    FIELDS(LOOK_UP)
#undef LOOK_UP
    if (!fields_complete(shape, tracepoint->what)) {
        sp_tp_format_release(&shape->format);
        return sp_fail(err, SP_E_UNSUPPORTED, "tracepoint %s has other fields on this kernel",
                       tracepoint->path);
    }
    shape->present = true;
    return SP_OK;
}

static enum sp_rc shapes_read(struct sp_collector *collector, struct sp_err *err)
{
    int dir_fd = -1;
    enum sp_rc rc = tracefs_open(&dir_fd, err);
    if (rc)
        return rc;
    rc = shape_read(dir_fd, &tracepoints[0], &collector->shapes[0], err);
    for (int i = 1; i < TRACEPOINTS && rc == SP_OK; i++)
        (void)shape_read(dir_fd, &tracepoints[i], &collector->shapes[i], NULL);
    close(dir_fd);
    return rc;
}

/* ---- rings -------------------------------------------------------------------------------- */

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
        .wakeup_events = 1,
    };
    return (int)syscall(SYS_perf_event_open, &attr, -1, cpu, -1, PERF_FLAG_FD_CLOEXEC);
}

static void ring_release(struct ring *ring, size_t page_bytes)
{
    if (ring->map)
        munmap(ring->map, RING_BYTES + page_bytes);
    for (int i = TRACEPOINTS - 1; i >= 0; i--)
        if (ring->fds[i] >= 0)
            close(ring->fds[i]);
}

/* Opens the tracepoints of one CPU. An offline CPU is left out: ring->fds[0] stays -1. */
static enum sp_rc ring_open(struct sp_collector *collector, struct ring *ring, struct sp_err *err)
{
    for (int i = 0; i < TRACEPOINTS; i++) {
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
                              tracepoints[i].path, ring->cpu);
        ring->fds[i] = fd;
        if (tracepoints[i].filter && ioctl(fd, PERF_EVENT_IOC_SET_FILTER, tracepoints[i].filter))
            return sp_fail_os(err, SP_E_UNSUPPORTED, errno, "filter on tracepoint %s",
                              tracepoints[i].path);
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
    for (int i = 0; i < TRACEPOINTS; i++)
        if (ring->fds[i] >= 0 && ioctl(ring->fds[i], PERF_EVENT_IOC_ENABLE, 0))
            return sp_fail_os(err, SP_E_IO, errno, "enabling %s", tracepoints[i].path);
    struct epoll_event interest = {.events = EPOLLIN};
    if (epoll_ctl(collector->epoll_fd, EPOLL_CTL_ADD, ring->fds[0], &interest))
        return sp_fail_os(err, SP_E_IO, errno, "polling the ring of CPU %d", ring->cpu);
    return SP_OK;
}

static enum sp_rc rings_open(struct sp_collector *collector, struct sp_err *err)
{
    long cpus = sysconf(_SC_NPROCESSORS_CONF);
    for (int cpu = 0; cpu < cpus && cpu < CPU_MAX; cpu++) {
        struct ring *ring = &SP_PUSH(collector->rings, collector->ring_count, collector->ring_cap);
        ring->cpu = cpu;
        for (int i = 0; i < TRACEPOINTS; i++)
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

enum sp_rc sp_collector_new(struct sp_collector **out, struct sp_err *err)
{
    struct sp_collector *collector = sp_xcalloc(1, sizeof *collector);
    collector->counts_lost = true;
    collector->page_bytes = (size_t)sysconf(_SC_PAGESIZE);
    collector->salt = (uint64_t)sp_clock_now_ns() ^ ((uint64_t)getpid() << 40);
    collector->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    enum sp_rc rc = SP_OK;
    if (collector->epoll_fd < 0)
        rc = sp_fail_os(err, SP_E_IO, errno, "epoll_create1");
    if (rc == SP_OK)
        rc = shapes_read(collector, err);
    if (rc == SP_OK)
        rc = rings_open(collector, err);
    if (rc != SP_OK) {
        sp_collector_free(collector);
        collector = NULL;
    }
    *out = collector;
    return rc;
}

void sp_collector_free(struct sp_collector *collector)
{
    if (!collector)
        return;
    for (size_t i = 0; i < collector->ring_count; i++)
        ring_release(&collector->rings[i], collector->page_bytes);
    for (int i = 0; i < TRACEPOINTS; i++)
        if (collector->shapes[i].present)
            sp_tp_format_release(&collector->shapes[i].format);
    if (collector->epoll_fd >= 0)
        close(collector->epoll_fd);
    free(collector->rings);
    free(collector->pending);
    free(collector);
}

int sp_collector_fd(const struct sp_collector *collector)
{
    return collector->epoll_fd;
}

/* ---- records ------------------------------------------------------------------------------ */

/* A field's bytes in the raw record, NULL where it has none or is cut short. */
static const uint8_t *field_at(const struct sp_tp_field *field, const uint8_t *raw, size_t len)
{
    if (!field || (size_t)field->offset + field->size_bytes > len)
        return NULL;
    return raw + field->offset;
}

/* A field of 1, 2, 4 or 8 bytes as a number; `absent` where it is not there. */
static int64_t field_number(const struct sp_tp_field *field, const uint8_t *raw, size_t len,
                            int64_t absent)
{
    const uint8_t *at = field_at(field, raw, len);
    union {
        uint8_t u8;
        uint16_t u16;
        int32_t i32;
        int64_t i64;
    } value = {0};
    if (!at || field->size_bytes > sizeof value)
        return absent;
    memcpy(&value, at, field->size_bytes);
    switch (field->size_bytes) {
    case 1:
        return value.u8;
    case 2:
        return value.u16;
    case 4:
        return value.i32;
    default:
        return value.i64;
    }
}

/* Either sixteen bytes and a port in host order, or a sockaddr of 28 bytes. */
static struct sp_addr field_addr(const struct sp_tp_field *v6, const struct sp_tp_field *port,
                                 const struct sp_tp_field *sockaddr, const uint8_t *raw, size_t len)
{
    struct sp_addr none = {0};
    const uint8_t *at = field_at(v6, raw, len);
    if (at)
        return sp_linux_addr6(at, (uint16_t)field_number(port, raw, len, 0));
    at = field_at(sockaddr, raw, len);
    if (!at)
        return none;
    uint16_t family;
    memcpy(&family, at, sizeof family);
    uint16_t number = (uint16_t)(at[2] << 8 | at[3]);
    if (family == AF_INET)
        return sp_linux_addr4(at + 4, number);
    return family == AF_INET6 ? sp_linux_addr6(at + 8, number) : none;
}

/*
 * Socket ids are the kernel's addresses, which have no business in a results file: scrambled with
 * a salt of this collector (a bijection, so that different sockets stay different).
 */
static uint64_t scramble(uint64_t address, uint64_t salt)
{
    if (address == 0)
        return 0;
    uint64_t x = address ^ salt;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9U;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebU;
    x ^= x >> 31;
    return x ? x : 1;
}

static struct sp_tp_record *pending_add(struct sp_collector *collector, int64_t mono_ns,
                                        enum sp_tp_what what)
{
    size_t order = collector->pending_count;
    struct pending *pending =
        &SP_PUSH(collector->pending, collector->pending_count, collector->pending_cap);
    pending->order = order;
    pending->record.mono_ns = mono_ns;
    pending->record.what = (uint8_t)what;
    pending->record.reason = -1;
    return &pending->record;
}

static void detail_fill(const struct shape *shape, const uint8_t *raw, size_t len,
                        struct sp_tp_record *record)
{
    int used = 0;
    int64_t state = field_number(shape->state, raw, len, 0);
    if (shape->state && state > 0) {
        record->old_state = (uint8_t)sp_linux_tcp_state(state);
        record->new_state = record->old_state;
        used = snprintf(record->detail, sizeof record->detail, "state=%s",
                        sp_tcp_state_name((enum sp_tcp_state)record->old_state));
    }
    if (!shape->reason)
        return;
    record->reason = (int32_t)field_number(shape->reason, raw, len, -1);
    char word[40];
    if (sp_tp_format_symbol(&shape->format, "reason", record->reason, word, sizeof word))
        snprintf(record->detail + used, sizeof record->detail - (size_t)used, "%sreason=%s",
                 used ? " " : "", word);
}

static void raw_take(struct sp_collector *collector, int64_t mono_ns, const uint8_t *raw,
                     size_t len)
{
    uint16_t id;
    if (len < sizeof id)
        return;
    memcpy(&id, raw, sizeof id);
    for (int i = 0; i < TRACEPOINTS; i++) {
        const struct shape *shape = &collector->shapes[i];
        if (!shape->present || shape->format.id != id)
            continue;
        collector->taken[i]++;
        struct sp_tp_record *record = pending_add(collector, mono_ns, tracepoints[i].what);
        record->sock_id =
            scramble((uint64_t)field_number(shape->skaddr, raw, len, 0), collector->salt);
        record->local = field_addr(shape->saddr_v6, shape->sport, shape->saddr, raw, len);
        record->remote = field_addr(shape->daddr_v6, shape->dport, shape->daddr, raw, len);
        if (tracepoints[i].what != SP_TP_STATE) {
            detail_fill(shape, raw, len, record);
            return;
        }
        record->old_state = (uint8_t)sp_linux_tcp_state(field_number(shape->oldstate, raw, len, 0));
        record->new_state = (uint8_t)sp_linux_tcp_state(field_number(shape->newstate, raw, len, 0));
        return;
    }
}

static void lost_add(struct sp_collector *collector, int64_t mono_ns, uint64_t lost)
{
    struct sp_tp_record *record = pending_add(collector, mono_ns, SP_TP_LOST);
    record->reason = lost > INT32_MAX ? INT32_MAX : (int32_t)lost;
    snprintf(record->detail, sizeof record->detail, "%llu events lost", (unsigned long long)lost);
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
            raw_take(collector, head.time_ns, body + HEAD_BYTES, head.raw_bytes);
        return false;
    }
    if (header.type != PERF_RECORD_LOST)
        return false;
    /* id, lost, then the sample_id: time and CPU. */
    if (!collector->counts_lost && body_len >= 32) {
        uint64_t words[3];
        memcpy(words, body, sizeof words);
        lost_add(collector, (int64_t)words[2], words[1]);
    }
    return true;
}

/* Copies out of a ring that may wrap inside the piece. */
static void ring_copy(const struct ring *ring, uint64_t at, void *out, size_t len,
                      size_t page_bytes)
{
    const uint8_t *data = (const uint8_t *)ring->map + page_bytes;
    size_t from = (size_t)(at % RING_BYTES);
    size_t first = len < RING_BYTES - from ? len : RING_BYTES - from;
    memcpy(out, data + from, first);
    memcpy((uint8_t *)out + first, data, len - first);
}

/* The counters of a CPU's events against what they were; adds a record where they have grown. */
static void lost_count(struct sp_collector *collector, struct ring *ring)
{
    uint64_t lost = 0;
    for (int i = 0; i < TRACEPOINTS; i++) {
        uint64_t words[2]; /* value, lost */
        if (ring->fds[i] >= 0 && read(ring->fds[i], words, sizeof words) == sizeof words)
            lost += words[1];
    }
    if (lost > ring->lost)
        lost_add(collector, sp_clock_now_ns(), lost - ring->lost);
    ring->lost = lost;
}

static void ring_drain(struct sp_collector *collector, struct ring *ring)
{
    uint64_t head = __atomic_load_n(&ring->map->data_head, __ATOMIC_ACQUIRE);
    uint64_t tail = ring->map->data_tail;
    if (head == tail)
        return;
    bool lost = RING_BYTES - (head - tail) < NEAR_FULL;
    while (tail < head) {
        uint8_t bytes[RECORD_MAX];
        struct perf_event_header header;
        ring_copy(ring, tail, &header, sizeof header, collector->page_bytes);
        if (header.size <= sizeof bytes) {
            ring_copy(ring, tail, bytes, header.size, collector->page_bytes);
            lost |= record_take(collector, bytes, header.size);
        }
        tail += header.size;
    }
    __atomic_store_n(&ring->map->data_tail, tail, __ATOMIC_RELEASE);
    if (lost && collector->counts_lost)
        lost_count(collector, ring);
}

static int by_time(const void *a, const void *b)
{
    const struct pending *left = a;
    const struct pending *right = b;
    if (left->record.mono_ns != right->record.mono_ns)
        return left->record.mono_ns < right->record.mono_ns ? -1 : 1;
    return left->order < right->order ? -1 : left->order > right->order;
}

enum sp_rc sp_collector_drain(struct sp_collector *collector,
                              void (*sink)(const struct sp_tp_record *record, void *arg), void *arg,
                              struct sp_err *err)
{
    (void)err; /* reading mapped memory cannot fail; the contract leaves room for what can */
    collector->pending_count = 0;
    for (size_t i = 0; i < collector->ring_count; i++)
        ring_drain(collector, &collector->rings[i]);
    if (collector->pending_count > 1)
        qsort(collector->pending, collector->pending_count, sizeof *collector->pending, by_time);
    for (size_t i = 0; i < collector->pending_count; i++)
        sink(&collector->pending[i].record, arg);
    return SP_OK;
}

enum sp_rc sp_collector_hidden(struct sp_collector *collector,
                               void (*sink)(const struct sp_tp_record *record, void *arg),
                               void *arg, struct sp_collector_hidden *hidden, struct sp_err *err)
{
    int64_t missing[TRACEPOINTS] = {0};
    for (size_t r = 0; r < collector->ring_count; r++) {
        for (int i = 0; i < TRACEPOINTS; i++) {
            uint64_t words[2] = {0}; /* value, and lost where FORMAT_LOST took */
            if (collector->rings[r].fds[i] < 0)
                continue;
            if (read(collector->rings[r].fds[i], words, sizeof words) < (ssize_t)sizeof words[0])
                return sp_fail_os(err, SP_E_IO, errno, "reading the counter of %s",
                                  tracepoints[i].path);
            missing[i] += (int64_t)(words[0] - words[1]);
        }
    }
    /* What was counted before now and shown is in the rings: only the rest stays missing. */
    enum sp_rc rc = sp_collector_drain(collector, sink, arg, err);
    if (rc)
        return rc;
    memset(hidden, 0, sizeof *hidden);
    for (int i = 0; i < TRACEPOINTS; i++) {
        int64_t left = missing[i] - (int64_t)collector->taken[i];
        if (left > 0 && tracepoints[i].what == SP_TP_STATE)
            hidden->states += (uint64_t)left;
        else if (left > 0)
            hidden->notes += (uint64_t)left;
    }
    return SP_OK;
}
