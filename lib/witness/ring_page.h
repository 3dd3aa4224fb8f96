/*
 * A page of a tracing ring, as trace_pipe_raw gives it (Documentation/trace/ring-buffer-design.rst,
 * include/linux/ring_buffer.h): the time of its first event, its length with two flags, then the
 * events. An event's first word holds type and length in 5 bits and in 27 the nanoseconds since the
 * event before it.
 *
 * Private to this room. Pure: bytes in, calls of the sink out. Whatever the bytes are, nothing
 * beyond them is read, and each call's record lies within them.
 */
#ifndef SP_WITNESS_RING_PAGE_H
#define SP_WITNESS_RING_PAGE_H

#include <stddef.h>
#include <stdint.h>

enum { SP_RING_PAGE_HEAD_BYTES = 16 };

struct sp_ring_page_sink {
    /* A record as the tracepoint wrote it; `t_ns`: on the instance's clock. */
    void (*record)(int64_t t_ns, const uint8_t *raw, size_t len_bytes, void *arg);
    /* So many events before this page found no room; 1 where the kernel does not say how many. */
    void (*lost)(int64_t t_ns, uint64_t events, void *arg);
    void *arg;
};

/* Tells of what was lost, then of each record in its order; a page that makes no sense ends there.
 */
void sp_ring_page_read(const uint8_t *page, size_t len_bytes, const struct sp_ring_page_sink *sink);

#endif
