/*
 * Theory of operation: the kernel's account of TCP states.
 *
 * Tracepoints write raw fields, whose places are read from each tracepoint's own format file, with
 * CLOCK_MONOTONIC, into a ring a CPU. sp_collector_drain() takes what stands in every ring and
 * merges it by time. How records are got at is a source's business: perf events
 * (collector_perf.c), which leave nothing behind however the process ends, and where a kernel has
 * none (user-mode Linux), a tracing instance (collector_tracefs.c).
 *
 * Where tracefs is not mounted, fsmount(2) gives a mount that only a descriptor holds; it is closed
 * as soon as the source is open.
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
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "clock.h"
#include "collector_in.h"
#include "linux_tcp.h"

enum {
    SOCKADDR_BYTES = 28, /* of a sockaddr_in6, in tracepoints that carry socket addresses */
};

const struct sp_tracepoint sp_tracepoints[SP_TRACEPOINTS] = {
    {"sock/inet_sock_set_state", SP_TP_STATE, "protocol == 6"},
    {"tcp/tcp_retransmit_skb", SP_TP_RETRANSMIT, NULL},
    {"tcp/tcp_retransmit_synack", SP_TP_RETRANSMIT, NULL},
    {"tcp/tcp_send_reset", SP_TP_SEND_RESET, NULL},
    {"tcp/tcp_receive_reset", SP_TP_RECEIVE_RESET, NULL},
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

static bool fields_complete(const struct sp_tp_shape *shape, enum sp_tp_what what)
{
    bool addresses = shape->saddr_v6 && shape->daddr_v6 && shape->sport && shape->dport;
    bool sockaddrs = shape->saddr && shape->daddr && shape->saddr->size_bytes == SOCKADDR_BYTES &&
                     shape->daddr->size_bytes == SOCKADDR_BYTES;
    if (what == SP_TP_STATE && (!shape->oldstate || !shape->newstate))
        return false;
    return addresses || sockaddrs;
}

static enum sp_rc shape_read(int dir_fd, const struct sp_tracepoint *tracepoint,
                             struct sp_tp_shape *shape, struct sp_err *err)
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
    SP_TP_FIELDS(LOOK_UP)
#undef LOOK_UP
    if (!fields_complete(shape, tracepoint->what)) {
        sp_tp_format_release(&shape->format);
        return sp_fail(err, SP_E_UNSUPPORTED, "tracepoint %s has other fields on this kernel",
                       tracepoint->path);
    }
    shape->present = true;
    return SP_OK;
}

static enum sp_rc shapes_read(struct sp_collector *collector, int dir_fd, struct sp_err *err)
{
    enum sp_rc rc = shape_read(dir_fd, &sp_tracepoints[0], &collector->shapes[0], err);
    for (int i = 1; i < SP_TRACEPOINTS && rc == SP_OK; i++)
        (void)shape_read(dir_fd, &sp_tracepoints[i], &collector->shapes[i], NULL);
    return rc;
}

/* perf events, or a tracing instance on a kernel that does not know the system call. */
static enum sp_rc source_open(struct sp_collector *collector, int dir_fd, struct sp_err *err)
{
    collector->source = &sp_tp_perf;
    enum sp_rc rc = collector->source->open(collector, dir_fd, err);
    if (rc != SP_E_UNSUPPORTED || err->os_code != ENOSYS)
        return rc;
    collector->source->close(collector);
    free(collector->rings);
    collector->rings = NULL;
    collector->ring_count = collector->ring_cap = 0;
    collector->source = &sp_tp_tracefs;
    return collector->source->open(collector, dir_fd, err);
}

static enum sp_rc collector_make(bool polled, bool followed, struct sp_collector **out,
                                 struct sp_err *err)
{
    struct sp_collector *collector = sp_xcalloc(1, sizeof *collector);
    struct sp_err own = {0};
    int dir_fd = -1;
    collector->polled = polled;
    collector->followed = followed;
    collector->page_bytes = (size_t)sysconf(_SC_PAGESIZE);
    collector->salt = (uint64_t)sp_clock_now_ns() ^ ((uint64_t)getpid() << 40);
    collector->instance_fd = collector->instances_fd = -1;
    collector->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    enum sp_rc rc = SP_OK;
    if (collector->epoll_fd < 0)
        rc = sp_fail_os(&own, SP_E_IO, errno, "epoll_create1");
    if (rc == SP_OK)
        rc = tracefs_open(&dir_fd, &own);
    if (rc == SP_OK)
        rc = shapes_read(collector, dir_fd, &own);
    if (rc == SP_OK)
        rc = source_open(collector, dir_fd, &own);
    collector->followed = followed && rc == SP_OK && collector->source->follow;
    if (dir_fd >= 0)
        close(dir_fd);
    if (rc != SP_OK) {
        sp_collector_free(collector);
        collector = NULL;
        if (err)
            *err = own;
    }
    *out = collector;
    return rc;
}

enum sp_rc sp_collector_new(struct sp_collector **out, struct sp_err *err)
{
    return collector_make(false, false, out, err);
}

enum sp_rc sp_collector_new_polled(struct sp_collector **out, struct sp_err *err)
{
    return collector_make(true, false, out, err);
}

enum sp_rc sp_collector_new_followed(struct sp_collector **out, struct sp_err *err)
{
    return collector_make(true, true, out, err);
}

bool sp_collector_is_followed(const struct sp_collector *collector)
{
    return collector->followed;
}

enum sp_rc sp_collector_follow(struct sp_collector *collector, const struct sp_addr *own,
                               size_t own_count, struct sp_err *err)
{
    if (!collector->followed || own_count > SP_TP_OWN_MAX)
        return sp_fail(err, SP_E_USAGE, "a collector that cannot be followed");
    if (collector->epoll_fd >= 0)
        close(collector->epoll_fd); /* the parent's */
    collector->epoll_fd = -1;
    memcpy(collector->own, own, own_count * sizeof *own);
    collector->own_count = own_count;
    collector->pending_count = collector->unnamed.count = 0;
    enum sp_rc rc = collector->source->follow(collector, err);
    collector->follows = true;
    return rc;
}

bool sp_collector_has_news(const struct sp_collector *collector)
{
    return collector->source->has_news(collector);
}

void sp_collector_free(struct sp_collector *collector)
{
    if (!collector)
        return;
    if (collector->source)
        collector->source->close(collector);
    for (int i = 0; i < SP_TRACEPOINTS; i++)
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
    struct sp_tp_pending *pending =
        &SP_PUSH(collector->pending, collector->pending_count, collector->pending_cap);
    pending->order = order;
    pending->record =
        (struct sp_tp_record){.mono_ns = mono_ns, .what = (uint8_t)what, .reason = -1};
    return &pending->record;
}

static void detail_fill(const struct sp_tp_shape *shape, const uint8_t *raw, size_t len,
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

static bool is_wanted(const struct sp_collector *collector, const struct sp_tp_record *record)
{
    for (size_t i = 0; i < collector->own_count; i++)
        if (sp_addr_same_ip(&record->local, &collector->own[i]))
            return true;
    return !collector->follows || sp_is_unnamed(record);
}

static void record_fill(const struct sp_collector *collector, int i, const uint8_t *raw, size_t len,
                        struct sp_tp_record *record)
{
    const struct sp_tp_shape *shape = &collector->shapes[i];
    record->local = field_addr(shape->saddr_v6, shape->sport, shape->saddr, raw, len);
    record->remote = field_addr(shape->daddr_v6, shape->dport, shape->daddr, raw, len);
    if (record->what == SP_TP_STATE) {
        record->old_state = (uint8_t)sp_linux_tcp_state(field_number(shape->oldstate, raw, len, 0));
        record->new_state = (uint8_t)sp_linux_tcp_state(field_number(shape->newstate, raw, len, 0));
    }
    if (!is_wanted(collector, record))
        return;
    record->sock_id = scramble((uint64_t)field_number(shape->skaddr, raw, len, 0), collector->salt);
    if (record->what != SP_TP_STATE)
        detail_fill(shape, raw, len, record);
}

void sp_collector_raw(struct sp_collector *collector, int64_t mono_ns, const uint8_t *raw,
                      size_t len)
{
    uint16_t id;
    if (len < sizeof id)
        return;
    memcpy(&id, raw, sizeof id);
    for (int i = 0; i < SP_TRACEPOINTS; i++) {
        const struct sp_tp_shape *shape = &collector->shapes[i];
        if (!shape->present || shape->format.id != id)
            continue;
        collector->taken[i]++;
        if (collector->followed && !collector->follows)
            return; /* for the children */
        struct sp_tp_record *record = pending_add(collector, mono_ns, sp_tracepoints[i].what);
        record_fill(collector, i, raw, len, record);
        if (!is_wanted(collector, record))
            collector->pending_count--;
        return;
    }
}

void sp_collector_lost(struct sp_collector *collector, int64_t mono_ns, uint64_t lost)
{
    struct sp_tp_record *record = pending_add(collector, mono_ns, SP_TP_LOST);
    record->reason = lost > INT32_MAX ? INT32_MAX : (int32_t)lost;
    snprintf(record->detail, sizeof record->detail, "%llu events lost", (unsigned long long)lost);
}

static int by_time(const void *a, const void *b)
{
    const struct sp_tp_pending *left = a;
    const struct sp_tp_pending *right = b;
    if (left->record.mono_ns != right->record.mono_ns)
        return left->record.mono_ns < right->record.mono_ns ? -1 : 1;
    return left->order < right->order ? -1 : left->order > right->order;
}

enum sp_rc sp_collector_drain(struct sp_collector *collector,
                              void (*sink)(const struct sp_tp_record *record, void *arg), void *arg,
                              struct sp_err *err)
{
    collector->pending_count = 0;
    enum sp_rc rc = collector->source->drain(collector, err);
    if (collector->pending_count > 1)
        qsort(collector->pending, collector->pending_count, sizeof *collector->pending, by_time);
    for (size_t i = 0; i < collector->pending_count; i++) {
        const struct sp_tp_record *record = &collector->pending[i].record;
        struct sp_tp_record before;
        if (sp_unnamed_keep(&collector->unnamed, record))
            continue;
        if (sp_unnamed_take(&collector->unnamed, record, &before))
            sink(&before, arg);
        sink(record, arg);
    }
    return rc;
}

enum sp_rc sp_collector_renew(struct sp_collector *collector, struct sp_err *err)
{
    return collector->source->renew ? collector->source->renew(collector, err) : SP_OK;
}

enum sp_rc sp_collector_hidden(struct sp_collector *collector,
                               void (*sink)(const struct sp_tp_record *record, void *arg),
                               void *arg, struct sp_collector_hidden *hidden, struct sp_err *err)
{
    int64_t missing[SP_TRACEPOINTS] = {0};
    enum sp_rc rc = collector->source->count(collector, missing, err);
    if (rc == SP_OK)
        /* What was counted before now and shown is in the rings: only the rest stays missing. */
        rc = sp_collector_drain(collector, sink, arg, err);
    if (rc)
        return rc;
    memset(hidden, 0, sizeof *hidden);
    for (int i = 0; i < SP_TRACEPOINTS; i++) {
        int64_t left = missing[i] - (int64_t)collector->taken[i];
        if (left > 0 && sp_tracepoints[i].what == SP_TP_STATE)
            hidden->states += (uint64_t)left;
        else if (left > 0)
            hidden->notes += (uint64_t)left;
    }
    return SP_OK;
}
