/*
 * Theory of operation: records by a tracing instance, where a kernel has no perf events.
 *
 * An instance is a folder below tracefs's `instances`, with rings and enabled events of its own, so
 * that nothing of anybody else's tracing is touched. It is made with the clock `mono`
 * (CLOCK_MONOTONIC), and each CPU's trace_pipe_raw gives its ring's pages as they are
 * (ring_page.h). Unlike perf's, these
 * rings have a name: an instance outlives a process that is killed. So this source is for kernels
 * without perf events, which here means user-mode Linux, whose guest ends with the run.
 *
 * A reader is woken by the kernel's irq_work. Where that waits for the tick (user-mode Linux), a
 * record is heard of up to a tick late; its own time is exact.
 */
#include "collector_in.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ring_page.h"

enum { CPU_MAX = 1024 };

struct sp_tp_ring {
    int fd;
    uint8_t *page;
};

/* ---- making the instance -------------------------------------------------------------------- */

static enum sp_rc write_file(const struct sp_collector *collector, const char *path,
                             const char *text, struct sp_err *err)
{
    int fd = openat(collector->instance_fd, path, O_WRONLY | O_CLOEXEC);
    bool written = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);
    int os = errno;
    if (fd >= 0)
        close(fd);
    return written ? SP_OK
                   : sp_fail_os(err, SP_E_UNSUPPORTED, os, "tracing: writing %s to %s", text, path);
}

static enum sp_rc instance_make(struct sp_collector *collector, int dir_fd, struct sp_err *err)
{
    collector->instances_fd = openat(dir_fd, "instances", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (collector->instances_fd < 0)
        return sp_fail_os(err, SP_E_UNSUPPORTED, errno, "tracing instances");
    char name[sizeof collector->instance];
    snprintf(name, sizeof name, "sockproof-%d", (int)getpid());
    if (mkdirat(collector->instances_fd, name, 0700) < 0)
        return sp_fail_os(err, errno == EACCES || errno == EPERM ? SP_E_PERM : SP_E_UNSUPPORTED,
                          errno, "making a tracing instance");
    memcpy(collector->instance, name, sizeof name);
    collector->instance_fd =
        openat(collector->instances_fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (collector->instance_fd < 0)
        return sp_fail_os(err, SP_E_IO, errno, "opening the tracing instance");
    return SP_OK;
}

static enum sp_rc events_enable(const struct sp_collector *collector, struct sp_err *err)
{
    enum sp_rc rc = SP_OK;
    for (int i = 0; i < SP_TRACEPOINTS && rc == SP_OK; i++) {
        char path[96];
        if (!collector->shapes[i].present)
            continue;
        snprintf(path, sizeof path, "events/%s/filter", sp_tracepoints[i].path);
        if (sp_tracepoints[i].filter)
            rc = write_file(collector, path, sp_tracepoints[i].filter, err);
        snprintf(path, sizeof path, "events/%s/enable", sp_tracepoints[i].path);
        if (rc == SP_OK)
            rc = write_file(collector, path, "1", err);
    }
    return rc;
}

static enum sp_rc ring_open(struct sp_collector *collector, int cpu, struct sp_err *err)
{
    char path[64];
    snprintf(path, sizeof path, "per_cpu/cpu%d/trace_pipe_raw", cpu);
    int fd = openat(collector->instance_fd, path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0 && errno == ENOENT)
        return SP_OK;
    if (fd < 0)
        return sp_fail_os(err, SP_E_IO, errno, "opening the ring of CPU %d", cpu);
    struct sp_tp_ring *ring =
        &SP_PUSH(collector->rings, collector->ring_count, collector->ring_cap);
    *ring = (struct sp_tp_ring){.fd = fd, .page = sp_xcalloc(1, collector->page_bytes)};
    struct epoll_event interest = {.events = EPOLLIN};
    if (epoll_ctl(collector->epoll_fd, EPOLL_CTL_ADD, fd, &interest))
        return sp_fail_os(err, SP_E_IO, errno, "polling the ring of CPU %d", cpu);
    return SP_OK;
}

static enum sp_rc tracefs_source_open(struct sp_collector *collector, int dir_fd,
                                      struct sp_err *err)
{
    enum sp_rc rc = instance_make(collector, dir_fd, err);
    if (rc == SP_OK)
        rc = write_file(collector, "trace_clock", "mono", err);
    if (rc == SP_OK) /* as many records as perf's rings hold; a full one loses the oldest */
        rc = write_file(collector, "buffer_size_kb", "512", err);
    if (rc == SP_OK) /* wake at the first byte, not when half of the ring is full */
        rc = write_file(collector, "buffer_percent", "0", err);
    long cpus = sysconf(_SC_NPROCESSORS_CONF);
    for (int cpu = 0; rc == SP_OK && cpu < cpus && cpu < CPU_MAX; cpu++)
        rc = ring_open(collector, cpu, err);
    return rc == SP_OK ? events_enable(collector, err) : rc;
}

/* ---- reading pages -------------------------------------------------------------------------- */

static void record_take(int64_t t_ns, const uint8_t *raw, size_t len_bytes, void *arg)
{
    sp_collector_raw(arg, t_ns, raw, len_bytes);
}

static void lost_take(int64_t t_ns, uint64_t events, void *arg)
{
    sp_collector_lost(arg, t_ns, events);
}

static enum sp_rc tracefs_source_drain(struct sp_collector *collector, struct sp_err *err)
{
    const struct sp_ring_page_sink sink = {record_take, lost_take, collector};
    for (size_t i = 0; i < collector->ring_count; i++) {
        struct sp_tp_ring *ring = &collector->rings[i];
        ssize_t got;
        while ((got = read(ring->fd, ring->page, collector->page_bytes)) > 0)
            sp_ring_page_read(ring->page, (size_t)got, &sink);
        if (got < 0 && errno != EAGAIN && errno != EINTR)
            return sp_fail_os(err, SP_E_IO, errno, "reading a ring of tracing");
    }
    return SP_OK;
}

/* The rings give all that they counted, or say what they lost: nothing is hidden. */
static enum sp_rc tracefs_source_count(struct sp_collector *collector,
                                       int64_t counts[SP_TRACEPOINTS], struct sp_err *err)
{
    (void)collector;
    (void)counts;
    (void)err;
    return SP_OK;
}

/* An event that begins a page of the ring reads the clock once more: on a virtual one that shows.
 */
static enum sp_rc tracefs_source_renew(struct sp_collector *collector, struct sp_err *err)
{
    int fd = openat(collector->instance_fd, "trace", O_WRONLY | O_TRUNC | O_CLOEXEC);
    if (fd < 0)
        return sp_fail_os(err, SP_E_IO, errno, "emptying the rings of tracing");
    close(fd);
    return SP_OK;
}

static void tracefs_source_close(struct sp_collector *collector)
{
    for (size_t i = 0; i < collector->ring_count; i++) {
        close(collector->rings[i].fd);
        free(collector->rings[i].page);
    }
    if (collector->instance_fd >= 0)
        close(collector->instance_fd);
    if (collector->instance[0])
        unlinkat(collector->instances_fd, collector->instance, AT_REMOVEDIR);
    if (collector->instances_fd >= 0)
        close(collector->instances_fd);
}

/* Not to be followed: a record that was read is gone. */
const struct sp_tp_source sp_tp_tracefs = {.open = tracefs_source_open,
                                           .drain = tracefs_source_drain,
                                           .count = tracefs_source_count,
                                           .renew = tracefs_source_renew,
                                           .close = tracefs_source_close};
