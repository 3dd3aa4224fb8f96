/*
 * Canaries and fences: how the trace knows that a witness watches, and that it has told all.
 *
 * wire: a RST from port 0 to port 0, put on each captured link as a raw frame. No stack answers a
 * RST that belongs to no connection (RFC 9293 section 3.10.7.1), and no case can make one.
 *
 * states: a listening socket of the runner's own in the client's place (the
 * server's, where the peer has that one) goes LISTEN and back. A
 * record of it that comes back proves the collector. Read by ourselves, one round makes a fence:
 * the kernel writes a record before the traced call returns, and we read all rings after ours. Sent
 * by the main process, two do: it reads one CPU's ring after the other, so an event older than the
 * first round's may be handed over after it, but not after the second's, whose reading began later.
 */
#include "exec.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <string.h>
#include <sys/socket.h>
#include <netinet/in.h>
#include <unistd.h>

static const int64_t FENCE_WAIT_NS = 2 * SP_S;

/* ---- wire ----------------------------------------------------------------------------------- */

static const struct sp_lab_link *far_link(const struct exec *x, const struct sp_lab_link *link)
{
    for (unsigned i = 0; i < x->lab.link_count; i++)
        if (x->lab.links[i].place != link->place && x->lab.links[i].place != SP_PLACE_BOX)
            return &x->lab.links[i];
    return link;
}

/* The packet socket that puts sentinels on a link, opened when first needed: closing one waits for
 * the kernel's readers, so each is kept to the end of the run. */
static enum sp_rc sentinel_socket(struct exec *x, const struct sp_lab_link *link, int *fd)
{
    int *kept = &x->sentinel_fds[link->place];
    enum sp_rc rc = *kept < 0 ? sp_lab_enter(&x->lab, link->place, &x->err) : SP_OK;
    if (rc == SP_OK && *kept < 0) {
        *kept = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
        int os = errno;
        rc = sp_lab_leave(&x->lab, &x->err);
        if (*kept < 0)
            rc = sp_fail_os(&x->err, SP_E_IO, os, "a packet socket for %s", link->name);
    }
    *fd = *kept;
    return rc;
}

/*
 * Through the capture of its own link, where that is enough: a capture does not see what it sends
 * itself, but on lo it comes back to it, and of a plain pair the one end's sentinel is what the
 * other one waits for, behind all that was under way. A box in between may keep them, and another
 * machine at the far end has no capture of ours.
 */
static struct sp_capture *sentinel_capture(const struct exec *x, const struct sp_lab_link *link)
{
    enum sp_lab_kind kind = x->lab.config.kind;
    unsigned at = (unsigned)(link - x->lab.links); /* captures are opened in the links' order */
    bool passes = kind == SP_LAB_LOOPBACK || kind == SP_LAB_VETH;
    return passes && at < x->capture_count ? x->captures[at] : NULL;
}

static enum sp_rc sentinel_put(struct exec *x, const struct sp_lab_link *link,
                               const struct sp_buf *frame)
{
    struct sp_capture *capture = sentinel_capture(x, link);
    if (capture)
        return sp_capture_send(capture, frame->data, frame->len, &x->err);
    int fd = -1;
    enum sp_rc rc = sentinel_socket(x, link, &fd);
    struct sockaddr_ll to = {.sll_family = AF_PACKET, .sll_ifindex = link->ifindex};
    if (rc == SP_OK && sendto(fd, frame->data, frame->len, 0, (void *)&to, sizeof to) < 0 &&
        errno != ENETDOWN)
        rc = sp_fail_os(&x->err, SP_E_IO, errno, "a fence frame on %s", link->name);
    return rc;
}

static enum sp_rc sentinel_send(struct exec *x, const struct sp_lab_link *link)
{
    struct sp_buf frame;
    sp_buf_init(&frame, 0);
    bool at_server = link->place == SP_PLACE_SERVER;
    struct sp_seg seg = {.flags = SP_RST, .ttl = 64};
    seg.src = x->trace.head.addr[exec_end_at(x, link->place)];
    seg.dst = x->trace.head.addr[exec_end_at(x, at_server ? SP_PLACE_CLIENT : SP_PLACE_SERVER)];
    enum sp_rc rc = sp_wire_build(SP_LINK_ETHERNET, link->mac, far_link(x, link)->mac, &seg, NULL,
                                  NULL, &frame, &x->err);
    if (rc == SP_OK)
        rc = sentinel_put(x, link, &frame);
    sp_buf_release(&frame);
    return rc;
}

/* Whose place the fence socket is in: the client's, unless another than our kernel has it. */
static enum sp_end fence_end(const struct exec *x)
{
    return exec_has_kernel(x, SP_WHO_CLIENT) ? SP_END_CLIENT : SP_END_SERVER;
}

static bool is_sentinel(const struct sp_event *event)
{
    return event->kind == SP_EV_SEG && event->u.seg.seg.kind == SP_SEG_TCP &&
           event->u.seg.seg.src.port == 0 && event->u.seg.seg.dst.port == 0;
}

static bool is_fence_socket(const struct exec *x, const struct sp_event *event)
{
    return event->kind == SP_EV_STATE && x->fence_port &&
           event->u.state.local.port == x->fence_port && event->u.state.remote.port == 0 &&
           event->end == fence_end(x);
}

static void frame_forget(struct exec *x, enum sp_point point, uint32_t number)
{
    for (size_t i = x->frames.len; i-- > 0;) {
        if (x->frames.items[i].point != point || x->frames.items[i].number != number)
            continue;
        memmove(&x->frames.items[i], &x->frames.items[i + 1],
                (--x->frames.len - i) * sizeof x->frames.items[0]);
        return;
    }
}

void exec_fence_filter(struct exec *x)
{
    for (; x->scanned < x->trace.len; x->scanned++) {
        struct sp_event *event = &x->trace.events[x->scanned];
        bool wire = is_sentinel(event);
        if (!wire && !is_fence_socket(x, event))
            continue;
        if (wire) {
            x->sentinels_seen[event->u.seg.point]++;
            frame_forget(x, event->u.seg.point, event->u.seg.frame);
        }
        event->kind = SP_EV_MARK;
        event->end = SP_END_NONE;
        memset(&event->u, 0, sizeof event->u);
        event->u.mark.what = SP_MARK_CANARY;
        event->u.mark.text = wire ? "wire" : "states";
    }
}

static bool sentinels_in(const struct exec *x, const unsigned *before)
{
    for (int point = 0; point < SP_POINT_COUNT; point++)
        if (before[point] != UINT32_MAX && x->sentinels_seen[point] == before[point])
            return false;
    return true;
}

static enum sp_point point_of(const struct exec *x, const struct sp_lab_link *link)
{
    if (x->lab.config.kind == SP_LAB_LOOPBACK)
        return SP_AT_LO;
    return link->place == SP_PLACE_CLIENT ? SP_AT_CLIENT : SP_AT_SERVER;
}

/* Links that are captured and have a carrier: through another, nothing can pass unseen. */
static bool is_watched(const struct exec *x, const struct sp_lab_link *link)
{
    return link->place != SP_PLACE_BOX && !x->unplugged[link->place];
}

static enum sp_rc wire_fence(struct exec *x, bool *seen)
{
    unsigned before[SP_POINT_COUNT];
    for (int i = 0; i < SP_POINT_COUNT; i++)
        before[i] = UINT32_MAX;
    for (unsigned i = 0; i < x->lab.link_count; i++)
        if (is_watched(x, &x->lab.links[i])) {
            enum sp_point point = point_of(x, &x->lab.links[i]);
            before[point] = x->sentinels_seen[point];
        }
    for (unsigned i = 0; i < x->lab.link_count; i++) {
        enum sp_rc rc =
            is_watched(x, &x->lab.links[i]) ? sentinel_send(x, &x->lab.links[i]) : SP_OK;
        if (rc != SP_OK)
            return rc;
    }
    int64_t until_ns = exec_now(x) + FENCE_WAIT_NS;
    enum sp_rc rc = exec_drain(x);
    while (rc == SP_OK && !sentinels_in(x, before) && exec_now(x) < until_ns)
        rc = exec_pump(x, until_ns);
    *seen = sentinels_in(x, before);
    return rc;
}

/* ---- states --------------------------------------------------------------------------------- */

bool exec_fence_record(struct exec *x, const struct sp_tp_record *record)
{
    if (record->what != SP_TP_STATE || !x->fence_port || record->local.port != x->fence_port ||
        record->remote.port != 0 ||
        !sp_addr_same_ip(&record->local, &x->trace.head.addr[fence_end(x)]))
        return false;
    x->fence_seen++;
    return true;
}

union fence_addr {
    struct sockaddr sa;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
};

/* A socket bound to addr, whose port is filled in; -1 with errno where that fails. */
static int bound_socket(union fence_addr *addr)
{
    bool v6 = addr->sa.sa_family == AF_INET6;
    socklen_t len = v6 ? sizeof addr->v6 : sizeof addr->v4;
    int fd = socket(addr->sa.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && bind(fd, &addr->sa, len) == 0 && getsockname(fd, &addr->sa, &len) == 0)
        return fd;
    int os = errno;
    if (fd >= 0)
        close(fd);
    errno = os;
    return -1;
}

/*
 * A port that no case gets from the kernel (net.ipv4.ip_local_port_range is pinned to begin above
 * it): on a loopback, where both ends are one host, a case that binds a wildcard over the port it
 * was given would find ours there, about once in 28,000 runs. On this machine as it is any may be
 * taken: the kernel picks.
 */
static uint16_t fence_wish(const struct exec *x)
{
    enum { BELOW_EPHEMERAL = 32767 };
    return x->lab.config.kind == SP_LAB_HOSTS ? 0 : BELOW_EPHEMERAL;
}

/*
 * A port that the kernel picked is given up again when the socket stops listening, one that was
 * asked for is kept (SOCK_BINDPORT_LOCK, seen on Linux 6.18): so a picked one is asked for again.
 */
static int fence_bound(union fence_addr *addr, bool picks)
{
    if (picks) {
        int picked = bound_socket(addr);
        if (picked < 0)
            return -1;
        close(picked);
    }
    return bound_socket(addr);
}

static enum sp_rc fence_socket(struct exec *x)
{
    union fence_addr addr = {0};
    const struct sp_addr *own = &x->trace.head.addr[fence_end(x)];
    uint16_t wish = fence_wish(x);
    addr.sa.sa_family = own->family == SP_IPV6 ? AF_INET6 : AF_INET;
    addr.v4.sin_port = htons(wish); /* at the same place in both */
    if (own->family == SP_IPV6)
        memcpy(&addr.v6.sin6_addr, own->ip, 16);
    else
        memcpy(&addr.v4.sin_addr, own->ip, 4);
    enum sp_place place = fence_end(x) == SP_END_CLIENT ? SP_PLACE_CLIENT : SP_PLACE_SERVER;
    enum sp_rc rc = sp_lab_enter(&x->lab, place, &x->err);
    if (rc != SP_OK)
        return rc;
    x->fence_fd = fence_bound(&addr, wish == 0);
    if (x->fence_fd < 0)
        rc = sp_fail_os(&x->err, SP_E_IO, errno, "the fence socket");
    x->fence_port = ntohs(addr.v4.sin_port);
    enum sp_rc back = sp_lab_leave(&x->lab, &x->err);
    return rc != SP_OK ? rc : back;
}

static enum sp_rc states_round(struct exec *x, bool *seen)
{
    unsigned before = x->fence_seen;
    if (listen(x->fence_fd, 1) < 0 || shutdown(x->fence_fd, SHUT_RD) < 0)
        return sp_fail_os(&x->err, SP_E_IO, errno, "the fence socket");
    int64_t until_ns = exec_now(x) + FENCE_WAIT_NS;
    enum sp_rc rc = exec_drain(x);
    while (rc == SP_OK && x->fence_seen < before + 2 && exec_now(x) < until_ns)
        rc = exec_pump(x, until_ns);
    *seen = x->fence_seen >= before + 2;
    return rc;
}

/* ---- both ----------------------------------------------------------------------------------- */

enum sp_rc exec_fence_open(struct exec *x)
{
    bool kernel = exec_has_kernel(x, SP_WHO_CLIENT) || exec_has_kernel(x, SP_WHO_SERVER);
    return exec_has_records(x) && kernel ? fence_socket(x) : SP_OK;
}

void exec_fence_close(struct exec *x)
{
    if (x->fence_fd >= 0)
        close(x->fence_fd);
    x->fence_fd = -1;
    for (int place = 0; place < SP_PLACE_COUNT; place++)
        if (x->sentinel_fds[place] >= 0)
            close(x->sentinel_fds[place]);
}

enum sp_rc exec_canary(struct exec *x)
{
    bool seen = false;
    enum sp_rc rc = wire_fence(x, &seen);
    if (rc != SP_OK)
        return rc;
    x->trace.head.wire = seen ? SP_WATCH_FULL : SP_WATCH_ABSENT;
    if (!seen)
        exec_mark(x, SP_MARK_ABSENT, 0, "wire: the capture did not see the canary");
    bool kernel = false, told = false;
    for (int who = SP_WHO_CLIENT; who <= SP_WHO_SERVER; who++) {
        kernel = kernel || exec_has_kernel(x, (enum sp_who)who);
        x->trace.head.states_told[who] = exec_tells(x, (enum sp_who)who);
        told = told || exec_tells(x, (enum sp_who)who);
        x->trace.head.states_hidden[who] =
            exec_is_real(x, (enum sp_who)who) && !exec_has_kernel(x, (enum sp_who)who);
    }
    x->trace.head.states = kernel || told ? SP_WATCH_POLLED : SP_WATCH_ABSENT;
    if (x->fence_fd < 0)
        return SP_OK;
    rc = states_round(x, &seen);
    if (rc != SP_OK)
        return rc;
    if (seen)
        x->trace.head.states = SP_WATCH_FULL;
    else
        exec_mark(x, SP_MARK_ABSENT, 0, "states: the tracepoints did not show the canary");
    return SP_OK;
}

/* All that any witness saw until now is in the trace when this returns, or its mark is missing. */
enum sp_rc exec_fence(struct exec *x)
{
    bool seen = false;
    enum sp_rc rc = wire_fence(x, &seen);
    if (rc == SP_OK && seen)
        exec_mark(x, SP_MARK_FENCE, 0, "wire");
    if (rc != SP_OK || x->trace.head.states != SP_WATCH_FULL)
        return rc;
    rc = states_round(x, &seen);
    if (rc == SP_OK && seen && !x->records->collector)
        rc = states_round(x, &seen);
    if (rc == SP_OK && seen)
        exec_mark(x, SP_MARK_FENCE, 0, "states");
    return rc;
}
