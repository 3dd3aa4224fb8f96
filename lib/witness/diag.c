/*
 * Theory of operation: what the kernel answers when it is asked about its sockets.
 *
 * A NETLINK_SOCK_DIAG socket is opened inside the place and, like every socket, stays in that
 * namespace wherever it is used from. A look is one dump of the TCP sockets of a family in every
 * state, held against the look before. Sockets are recognised by their cookie, which a half-open
 * request, the socket that it becomes and the TIME_WAIT that it ends in all share.
 *
 * A dump touches no socket under test: it reads fields, and gives a socket its cookie where it has
 * none. What happened between two looks is known to have happened between them, no better:
 * not_before_ns is when the look before was begun.
 *
 * Timers of sockets that no process owns (TIME_WAIT, orphans, half-open requests) end without any
 * call or segment to be woken by, so the time of the next look comes from the kernel's own
 * remaining time. Its timer wheel is late by up to an eighth of the length, never early; from the
 * nominal end on, looks follow each other closely.
 *
 * A dump walks the whole hash table of established sockets, which all namespaces share unless they
 * were made with net.ipv4.tcp_child_ehash_entries set (docs/witnesses.md has the cost of both).
 */
#include "witness.h"

#include <arpa/inet.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/inet_diag.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "linux_tcp.h"

enum {
    /* Bits 1 (ESTABLISHED) to 12 (NEW_SYN_RECV) of include/net/tcp_states.h. */
    ALL_STATES = 0x1ffe,
    LISTEN_STATE = 1 << 10,
    REPLY_BYTES = 32 * 1024, /* what the kernel fills at most in one go */
    CLOSE_LOOK_MS = 20, /* between looks at a timer that has run out, and not less often than a */
    CLOSE_LOOK_PART = 1000, /* thousandth of its length: the wheel's own step is an eighth */
};

/* What a dump said about one socket. */
struct seen {
    uint64_t cookie;
    enum sp_tcp_state state;
    struct sp_addr local;
    struct sp_addr remote;
    int64_t recv_queue;
    int64_t send_queue;
    int32_t timer;
    int64_t timer_ms;
    int64_t length_ms; /* the longest that its timer was seen to have left */
    bool owned;        /* a process has a descriptor of it */
    bool foreign;      /* was there before the run, on a machine that others use */
};

struct seen_list {
    struct seen *items;
    size_t len;
    size_t cap;
};

struct sp_diag {
    struct mnl_socket *netlink;
    unsigned port_id;
    uint32_t sequence;
    uint8_t family;          /* AF_INET or AF_INET6 */
    bool listeners;          /* looks include listening sockets */
    bool shared;             /* the machine as it is: what is there at first is not the run's */
    struct sp_addr place_ip; /* the address of the place's own host; family 0: a box, or shared */
    struct seen_list before;
    struct seen_list now;
    int64_t before_mono_ns; /* when the look before was begun; 0: none */
    int64_t next_look_ns;
    char *reply;
};

static enum sp_rc place_addr(const struct sp_lab *lab, enum sp_place place, struct sp_addr *addr,
                             struct sp_err *err)
{
    memset(addr, 0, sizeof *addr);
    if (lab->config.kind == SP_LAB_LOOPBACK || place == SP_PLACE_BOX)
        return SP_OK;
    const char *text = place == SP_PLACE_CLIENT ? lab->client_ip : lab->server_ip;
    return sp_addr_parse(text, addr, err);
}

enum sp_rc sp_diag_open(const struct sp_lab *lab, enum sp_place place, struct sp_diag **out,
                        struct sp_err *err)
{
    struct sp_diag *diag = sp_xcalloc(1, sizeof *diag);
    diag->family = lab->config.family == SP_IPV6 ? AF_INET6 : AF_INET;
    diag->reply = sp_xcalloc(1, REPLY_BYTES);
    diag->listeners = true;
    diag->shared = lab->config.kind == SP_LAB_HOSTS;
    enum sp_rc rc = place_addr(lab, place, &diag->place_ip, err);
    if (rc == SP_OK)
        rc = sp_lab_enter(lab, place, err);
    if (rc == SP_OK) {
        diag->netlink = mnl_socket_open2(NETLINK_SOCK_DIAG, SOCK_CLOEXEC);
        int os = errno;
        rc = sp_lab_leave(lab, err);
        if (rc == SP_OK && !diag->netlink)
            rc = sp_fail_os(err, os == EPERM || os == EACCES ? SP_E_PERM : SP_E_UNSUPPORTED, os,
                            "opening sock_diag");
    }
    if (rc == SP_OK && mnl_socket_bind(diag->netlink, 0, MNL_SOCKET_AUTOPID) < 0)
        rc = sp_fail_os(err, SP_E_IO, errno, "binding the sock_diag socket");
    if (rc == SP_OK) {
        diag->port_id = mnl_socket_get_portid(diag->netlink);
    } else {
        sp_diag_free(diag);
        diag = NULL;
    }
    *out = diag;
    return rc;
}

void sp_diag_free(struct sp_diag *diag)
{
    if (!diag)
        return;
    if (diag->netlink)
        mnl_socket_close(diag->netlink);
    free(diag->before.items);
    free(diag->now.items);
    free(diag->reply);
    free(diag);
}

/* ---- the dump ----------------------------------------------------------------------------- */

static struct sp_addr diag_addr(uint8_t family, const void *ip, uint16_t port_be)
{
    uint16_t port = ntohs(port_be);
    return family == AF_INET ? sp_linux_addr4(ip, port) : sp_linux_addr6(ip, port);
}

static const struct seen *find(const struct seen_list *list, uint64_t cookie)
{
    for (size_t i = 0; i < list->len; i++)
        if (list->items[i].cookie == cookie)
            return &list->items[i];
    return NULL;
}

/*
 * A closed socket is in no hash table: it was taken from one and fell apart before it was read, and
 * what it left there (TIME_WAIT, an orphan's FIN_WAIT_2, nothing) is not in this dump. So nothing
 * is known of it but what the look before said; the next look tells.
 */
static void fell_apart(struct sp_diag *diag, uint64_t cookie)
{
    const struct seen *old = find(&diag->before, cookie);
    if (old && !find(&diag->now, cookie))
        SP_PUSH(diag->now.items, diag->now.len, diag->now.cap) = *old;
}

static int seen_add(const struct nlmsghdr *header, void *arg)
{
    struct sp_diag *diag = arg;
    if (mnl_nlmsg_get_payload_len(header) < sizeof(struct inet_diag_msg))
        return MNL_CB_OK;
    const struct inet_diag_msg *msg = mnl_nlmsg_get_payload(header);
    uint64_t cookie = (uint64_t)msg->id.idiag_cookie[1] << 32 | msg->id.idiag_cookie[0];
    if (sp_linux_tcp_state(msg->idiag_state) == SP_TCP_CLOSED) {
        fell_apart(diag, cookie);
        return MNL_CB_OK;
    }
    struct seen *seen = NULL;
    /* A socket that moved while the table was walked shows twice: the later word holds. */
    for (size_t i = 0; i < diag->now.len && !seen; i++)
        if (diag->now.items[i].cookie == cookie)
            seen = &diag->now.items[i];
    if (!seen)
        seen = &SP_PUSH(diag->now.items, diag->now.len, diag->now.cap);
    *seen = (struct seen){
        .cookie = cookie,
        .state = sp_linux_tcp_state(msg->idiag_state),
        .local = diag_addr(msg->idiag_family, msg->id.idiag_src, msg->id.idiag_sport),
        .remote = diag_addr(msg->idiag_family, msg->id.idiag_dst, msg->id.idiag_dport),
        .recv_queue = msg->idiag_rqueue,
        .send_queue = msg->idiag_wqueue,
        .timer = msg->idiag_timer,
        .timer_ms = msg->idiag_timer ? (int64_t)msg->idiag_expires : -1,
        .owned = msg->idiag_inode != 0,
    };
    return MNL_CB_OK;
}

static enum sp_rc dump(struct sp_diag *diag, struct sp_err *err)
{
    union {
        struct nlmsghdr header;
        char bytes[MNL_ALIGN(sizeof(struct nlmsghdr)) + sizeof(struct inet_diag_req_v2)];
    } request;
    memset(&request, 0, sizeof request);
    struct nlmsghdr *header = mnl_nlmsg_put_header(request.bytes);
    header->nlmsg_type = SOCK_DIAG_BY_FAMILY;
    header->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
    header->nlmsg_seq = ++diag->sequence;
    struct inet_diag_req_v2 *body = mnl_nlmsg_put_extra_header(header, sizeof *body);
    body->sdiag_family = diag->family;
    body->sdiag_protocol = IPPROTO_TCP;
    body->idiag_states = diag->listeners ? ALL_STATES : ALL_STATES & ~LISTEN_STATE;

    diag->now.len = 0;
    if (mnl_socket_sendto(diag->netlink, header, header->nlmsg_len) < 0)
        return sp_fail_os(err, SP_E_IO, errno, "asking sock_diag");
    int more = MNL_CB_OK;
    while (more > MNL_CB_STOP) {
        ssize_t len = mnl_socket_recvfrom(diag->netlink, diag->reply, REPLY_BYTES);
        if (len < 0 && errno == EINTR)
            continue;
        if (len >= 0)
            more =
                mnl_cb_run(diag->reply, (size_t)len, diag->sequence, diag->port_id, seen_add, diag);
        if (len < 0 || more < 0)
            return sp_fail_os(err, errno == ENOENT ? SP_E_UNSUPPORTED : SP_E_IO, errno,
                              "reading sock_diag's answer");
    }
    return SP_OK;
}

void sp_diag_listeners(struct sp_diag *diag, bool on)
{
    diag->listeners = on;
}

/* Listeners that this look did not ask for are taken to be as they were. */
static void keep_listeners(struct sp_diag *diag)
{
    for (size_t i = 0; !diag->listeners && i < diag->before.len; i++)
        if (diag->before.items[i].state == SP_TCP_LISTEN)
            SP_PUSH(diag->now.items, diag->now.len, diag->now.cap) = diag->before.items[i];
}

/* ---- what is new -------------------------------------------------------------------------- */

/* Whose socket: by its address; on the wildcard address, by the place where that is one host's. */
static enum sp_end seen_end(const struct sp_diag *diag, const struct sp_trace_head *head,
                            const struct seen *seen)
{
    if (!sp_linux_addr_is_wildcard(&seen->local))
        return sp_linux_addr_end(head, &seen->local);
    return diag->place_ip.family ? sp_linux_addr_end(head, &diag->place_ip) : SP_END_NONE;
}

static bool is_of_run(const struct sp_diag *diag, const struct sp_trace_head *head,
                      const struct seen *seen)
{
    if (diag->shared) /* others open sockets there, too: those to the other end are ours */
        return !seen->foreign &&
               (sp_linux_addr_is_wildcard(&seen->remote) ||
                sp_linux_addr_end(head, &seen->remote) != SP_END_NONE) &&
               (sp_linux_addr_is_wildcard(&seen->local) ||
                sp_linux_addr_end(head, &seen->local) != SP_END_NONE);
    return sp_linux_addr_is_wildcard(&seen->local) ||
           sp_linux_addr_end(head, &seen->local) != SP_END_NONE ||
           sp_linux_addr_end(head, &seen->remote) != SP_END_NONE;
}

struct look {
    const struct sp_diag *diag;
    struct sp_trace *trace;
    int64_t t_ns;
    int64_t not_before_ns;
};

static void state_add(const struct look *look, const struct seen *seen, enum sp_tcp_state old_state,
                      enum sp_tcp_state new_state)
{
    if (!is_of_run(look->diag, &look->trace->head, seen))
        return;
    struct sp_event *event = sp_trace_add(look->trace, SP_EV_STATE, look->t_ns);
    event->end = seen_end(look->diag, &look->trace->head, seen);
    struct sp_ev_state *state = &event->u.state;
    state->source = SP_STATE_DIAG;
    state->old_state = old_state;
    state->new_state = new_state;
    state->local = seen->local;
    state->remote = sp_linux_remote(&seen->remote);
    state->sock_id = seen->cookie;
    state->not_before_ns = look->not_before_ns;
    bool gone = new_state == SP_TCP_NONE;
    state->recv_queue = gone ? -1 : seen->recv_queue;
    state->send_queue = gone ? -1 : seen->send_queue;
    state->timer = gone ? -1 : seen->timer;
    state->timer_ms = gone ? -1 : seen->timer_ms;
}

static void compare(const struct look *look, bool queues)
{
    const struct seen_list *before = &look->diag->before;
    const struct seen_list *now = &look->diag->now;
    for (size_t i = 0; i < before->len; i++)
        if (!find(now, before->items[i].cookie))
            state_add(look, &before->items[i], before->items[i].state, SP_TCP_NONE);
    for (size_t i = 0; i < now->len; i++) {
        struct seen *seen = &now->items[i];
        const struct seen *old = find(before, seen->cookie);
        bool moved =
            old && (old->recv_queue != seen->recv_queue || old->send_queue != seen->send_queue);
        if (!old || old->state != seen->state || (queues && moved)) {
            state_add(look, seen, old ? old->state : SP_TCP_NONE, seen->state);
        } else if (moved) { /* not asked for: still to be told by a look that is */
            seen->recv_queue = old->recv_queue;
            seen->send_queue = old->send_queue;
        }
    }
}

/* What the first look finds stays somebody else's. */
static void remember_foreign(struct sp_diag *diag)
{
    for (size_t i = 0; diag->shared && i < diag->now.len; i++) {
        struct seen *seen = &diag->now.items[i];
        const struct seen *old = find(&diag->before, seen->cookie);
        seen->foreign = diag->before_mono_ns ? old && old->foreign : true;
    }
}

static void remember_lengths(struct sp_diag *diag)
{
    for (size_t i = 0; i < diag->now.len; i++) {
        struct seen *seen = &diag->now.items[i];
        const struct seen *old = find(&diag->before, seen->cookie);
        seen->length_ms = seen->timer_ms;
        if (old && old->timer == seen->timer && old->length_ms > seen->length_ms)
            seen->length_ms = old->length_ms;
    }
}

static int64_t close_look_ms(const struct seen *seen)
{
    int64_t part_ms = seen->length_ms / CLOSE_LOOK_PART;
    return part_ms > CLOSE_LOOK_MS ? part_ms : CLOSE_LOOK_MS;
}

static int64_t next_look(const struct seen_list *now, int64_t mono_ns)
{
    int64_t next_ns = 0;
    for (size_t i = 0; i < now->len; i++) {
        const struct seen *seen = &now->items[i];
        if (seen->owned || seen->foreign || seen->timer <= 0)
            continue;
        /* The remaining time is cut to whole milliseconds: one more, not to come too early. */
        int64_t wait_ms = seen->timer_ms > 0 ? seen->timer_ms + 1 : close_look_ms(seen);
        int64_t due_ns = mono_ns + wait_ms * SP_MS;
        if (next_ns == 0 || due_ns < next_ns)
            next_ns = due_ns;
    }
    return next_ns;
}

enum sp_rc sp_diag_look(struct sp_diag *diag, struct sp_trace *trace, int64_t t0_mono_ns,
                        bool queues, struct sp_err *err)
{
    int64_t begun_ns = sp_clock_now_ns();
    enum sp_rc rc = dump(diag, err);
    if (rc)
        return rc;
    int64_t done_ns = sp_clock_now_ns();
    struct look look = {
        .diag = diag,
        .trace = trace,
        .t_ns = done_ns - t0_mono_ns,
        /* Before the first look the namespace was fresh: since the start of the run. */
        .not_before_ns = diag->before_mono_ns ? diag->before_mono_ns - t0_mono_ns : 0,
    };
    keep_listeners(diag);
    remember_lengths(diag);
    remember_foreign(diag);
    compare(&look, queues);
    diag->next_look_ns = next_look(&diag->now, done_ns);
    diag->before_mono_ns = begun_ns;
    struct seen_list spare = diag->before;
    diag->before = diag->now;
    diag->now = spare;
    return SP_OK;
}

int64_t sp_diag_next_look_ns(const struct sp_diag *diag)
{
    return diag->next_look_ns;
}
