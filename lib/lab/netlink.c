/*
 * Route netlink, in batches: the messages of one namespace go out in one sendmsg(), only the last
 * asks for an acknowledgement. The kernel works through them in order, goes on after one that
 * fails and answers each failure whether asked or not, so one round trip tells of all of them.
 */
#include "internal.h"

#include <assert.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <net/if.h>
#include <poll.h>
#include <string.h>

#include "clock.h"

enum { LO_IFINDEX = 1, RECV_BYTES = 16384 };

#ifndef IFF_LOWER_UP
#define IFF_LOWER_UP 0x10000 /* <linux/if.h>, which does not go with <net/if.h> */
#endif

enum sp_rc sp_lab_nl_open(struct sp_lab_nl *nl, unsigned groups, struct sp_err *err)
{
    memset(nl, 0, offsetof(struct sp_lab_nl, buf));
    nl->sock = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
    if (nl->sock == NULL)
        return sp_fail_os(err, SP_E_IO, errno, "opening a route netlink socket");
    if (groups != 0 && mnl_socket_bind(nl->sock, groups, MNL_SOCKET_AUTOPID) < 0) {
        int os = errno;
        sp_lab_nl_release(nl);
        return sp_fail_os(err, SP_E_IO, os, "listening to route netlink events");
    }
    return SP_OK;
}

void sp_lab_nl_release(struct sp_lab_nl *nl)
{
    if (nl->sock != NULL)
        mnl_socket_close(nl->sock);
    nl->sock = NULL;
}

int sp_lab_nl_fd(const struct sp_lab_nl *nl)
{
    return mnl_socket_get_fd(nl->sock);
}

/* ---- building ----------------------------------------------------------------------------- */

static void seal(struct sp_lab_nl *nl)
{
    if (nl->open != NULL)
        nl->len_bytes += MNL_ALIGN(nl->open->nlmsg_len);
    nl->open = NULL;
    assert(nl->len_bytes <= sizeof nl->buf);
}

/* Starts a message; `what` completes "the kernel refused ..." and is a literal. */
static struct nlmsghdr *begin(struct sp_lab_nl *nl, uint16_t type, uint16_t flags, const char *what)
{
    seal(nl);
    assert(nl->len_bytes + 512 <= sizeof nl->buf);
    nl->open = mnl_nlmsg_put_header(nl->buf + nl->len_bytes);
    nl->open->nlmsg_type = type;
    nl->open->nlmsg_flags = (uint16_t)(NLM_F_REQUEST | flags);
    nl->open->nlmsg_seq = ++nl->seq;
    assert(nl->seq - nl->sent_seq <= SP_LAB_NL_MESSAGES);
    nl->what[nl->seq - nl->sent_seq - 1] = what;
    return nl->open;
}

static struct ifinfomsg *put_ifinfo(struct nlmsghdr *msg, int ifindex, unsigned flags,
                                    unsigned change)
{
    struct ifinfomsg *info = mnl_nlmsg_put_extra_header(msg, sizeof *info);
    info->ifi_family = AF_UNSPEC;
    info->ifi_index = ifindex;
    info->ifi_flags = flags;
    info->ifi_change = change;
    return info;
}

/*
 * One queue: frames of a link stay in order. One segment in a segment: with that, TCP itself
 * builds no skb of several segments, so that tracepoints count the same as captures do.
 * NOARP: no ARP, no neighbour discovery, no multicast group reports; the neighbours are given.
 */
static void put_end(struct nlmsghdr *msg, const struct sp_lab_veth_end *end)
{
    mnl_attr_put_strz(msg, IFLA_IFNAME, end->name);
    mnl_attr_put(msg, IFLA_ADDRESS, 6, end->mac);
    mnl_attr_put_u32(msg, IFLA_MTU, SP_LAB_MTU);
    mnl_attr_put_u32(msg, IFLA_NUM_TX_QUEUES, 1);
    mnl_attr_put_u32(msg, IFLA_NUM_RX_QUEUES, 1);
    mnl_attr_put_u32(msg, IFLA_GSO_MAX_SEGS, 1);
}

void sp_lab_nl_add_veth(struct sp_lab_nl *nl, const struct sp_lab_veth_end *here,
                        const struct sp_lab_veth_end *there, int there_ns_fd)
{
    struct nlmsghdr *msg =
        begin(nl, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, "a veth pair (is CONFIG_VETH there?)");
    put_ifinfo(msg, here->ifindex, IFF_NOARP, IFF_NOARP);
    put_end(msg, here);
    struct nlattr *info = mnl_attr_nest_start(msg, IFLA_LINKINFO);
    mnl_attr_put_strz(msg, IFLA_INFO_KIND, "veth");
    struct nlattr *data = mnl_attr_nest_start(msg, IFLA_INFO_DATA);
    struct nlattr *peer = mnl_attr_nest_start(msg, VETH_INFO_PEER);
    put_ifinfo(msg, there->ifindex, IFF_NOARP, IFF_NOARP);
    put_end(msg, there);
    mnl_attr_put_u32(msg, IFLA_NET_NS_FD, (uint32_t)there_ns_fd);
    mnl_attr_nest_end(msg, peer);
    mnl_attr_nest_end(msg, data);
    mnl_attr_nest_end(msg, info);
}

void sp_lab_nl_add_lo_up(struct sp_lab_nl *nl)
{
    struct nlmsghdr *msg = begin(nl, RTM_SETLINK, 0, "bringing up lo with MTU 1500");
    put_ifinfo(msg, LO_IFINDEX, IFF_UP, IFF_UP);
    mnl_attr_put_u32(msg, IFLA_MTU, SP_LAB_MTU);
    mnl_attr_put_u32(msg, IFLA_GSO_MAX_SEGS, 1);
}

void sp_lab_nl_add_no_link_local(struct sp_lab_nl *nl, int ifindex)
{
    struct nlmsghdr *msg = begin(nl, RTM_SETLINK, 0, "turning off link-local addresses");
    put_ifinfo(msg, ifindex, 0, 0);
    struct nlattr *spec = mnl_attr_nest_start(msg, IFLA_AF_SPEC);
    struct nlattr *inet6 = mnl_attr_nest_start(msg, AF_INET6);
    mnl_attr_put_u8(msg, IFLA_INET6_ADDR_GEN_MODE, IN6_ADDR_GEN_MODE_NONE);
    mnl_attr_nest_end(msg, inet6);
    mnl_attr_nest_end(msg, spec);
}

void sp_lab_nl_add_updown(struct sp_lab_nl *nl, int ifindex, bool up)
{
    struct nlmsghdr *msg =
        begin(nl, RTM_SETLINK, 0, up ? "setting a link up" : "setting a link down");
    put_ifinfo(msg, ifindex, up ? IFF_UP : 0, IFF_UP);
}

void sp_lab_nl_add_address(struct sp_lab_nl *nl, int ifindex, const struct sp_lab_ip *ip,
                           unsigned prefix_bits)
{
    struct nlmsghdr *msg = begin(nl, RTM_NEWADDR, NLM_F_CREATE | NLM_F_REPLACE,
                                 "an address (is the family switched off in this kernel?)");
    struct ifaddrmsg *addr = mnl_nlmsg_put_extra_header(msg, sizeof *addr);
    addr->ifa_family = ip->family;
    addr->ifa_prefixlen = (uint8_t)prefix_bits;
    addr->ifa_flags = ip->family == AF_INET6 ? IFA_F_NODAD : 0;
    addr->ifa_scope = RT_SCOPE_UNIVERSE;
    addr->ifa_index = (uint32_t)ifindex;
    mnl_attr_put(msg, IFA_LOCAL, ip->len_bytes, ip->bytes);
    mnl_attr_put(msg, IFA_ADDRESS, ip->len_bytes, ip->bytes);
}

static struct nlmsghdr *begin_local_route(struct sp_lab_nl *nl, uint16_t type, uint16_t flags,
                                          int ifindex, const struct sp_lab_ip *ip, const char *what)
{
    struct nlmsghdr *msg = begin(nl, type, flags, what);
    struct rtmsg *route = mnl_nlmsg_put_extra_header(msg, sizeof *route);
    route->rtm_family = ip->family;
    route->rtm_dst_len = (uint8_t)(ip->len_bytes * 8);
    route->rtm_table = RT_TABLE_LOCAL;
    route->rtm_scope = RT_SCOPE_HOST;
    mnl_attr_put(msg, RTA_DST, ip->len_bytes, ip->bytes);
    mnl_attr_put_u32(msg, RTA_OIF, (uint32_t)ifindex);
    return msg;
}

void sp_lab_nl_add_local_route(struct sp_lab_nl *nl, int ifindex, const struct sp_lab_ip *ip,
                               const struct sp_lab_ip *source)
{
    struct nlmsghdr *msg = begin_local_route(nl, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_REPLACE,
                                             ifindex, ip, "a route in table local");
    struct rtmsg *route = mnl_nlmsg_get_payload(msg);
    route->rtm_protocol = RTPROT_STATIC;
    route->rtm_type = RTN_LOCAL;
    if (source != NULL)
        mnl_attr_put(msg, RTA_PREFSRC, source->len_bytes, source->bytes);
}

void sp_lab_nl_add_local_route_delete(struct sp_lab_nl *nl, int ifindex, const struct sp_lab_ip *ip)
{
    begin_local_route(nl, RTM_DELROUTE, 0, ifindex, ip,
                      "taking the kernel's own route out of table local");
}

void sp_lab_nl_add_host_route(struct sp_lab_nl *nl, int ifindex, const struct sp_lab_ip *ip,
                              const struct sp_lab_ip *source)
{
    struct nlmsghdr *msg =
        begin(nl, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_REPLACE, "a route to a host");
    struct rtmsg *route = mnl_nlmsg_put_extra_header(msg, sizeof *route);
    route->rtm_family = ip->family;
    route->rtm_dst_len = (uint8_t)(ip->len_bytes * 8);
    route->rtm_table = RT_TABLE_MAIN;
    route->rtm_scope = ip->family == AF_INET ? RT_SCOPE_LINK : RT_SCOPE_UNIVERSE;
    route->rtm_protocol = RTPROT_STATIC;
    route->rtm_type = RTN_UNICAST;
    mnl_attr_put(msg, RTA_DST, ip->len_bytes, ip->bytes);
    mnl_attr_put_u32(msg, RTA_OIF, (uint32_t)ifindex);
    if (source != NULL)
        mnl_attr_put(msg, RTA_PREFSRC, source->len_bytes, source->bytes);
}

void sp_lab_nl_add_neighbour(struct sp_lab_nl *nl, int ifindex, const struct sp_lab_ip *ip,
                             const uint8_t mac[6])
{
    struct nlmsghdr *msg =
        begin(nl, RTM_NEWNEIGH, NLM_F_CREATE | NLM_F_REPLACE, "a permanent neighbour");
    struct ndmsg *neigh = mnl_nlmsg_put_extra_header(msg, sizeof *neigh);
    neigh->ndm_family = ip->family;
    neigh->ndm_ifindex = ifindex;
    neigh->ndm_state = NUD_PERMANENT;
    mnl_attr_put(msg, NDA_DST, ip->len_bytes, ip->bytes);
    mnl_attr_put(msg, NDA_LLADDR, 6, mac);
}

void sp_lab_nl_add_default_route(struct sp_lab_nl *nl, int ifindex, const struct sp_lab_ip *gateway)
{
    struct nlmsghdr *msg =
        begin(nl, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_REPLACE, "the route by way of the box");
    struct rtmsg *route = mnl_nlmsg_put_extra_header(msg, sizeof *route);
    route->rtm_family = gateway->family;
    route->rtm_table = RT_TABLE_MAIN;
    route->rtm_scope = RT_SCOPE_UNIVERSE;
    route->rtm_protocol = RTPROT_STATIC;
    route->rtm_type = RTN_UNICAST;
    mnl_attr_put(msg, RTA_GATEWAY, gateway->len_bytes, gateway->bytes);
    mnl_attr_put_u32(msg, RTA_OIF, (uint32_t)ifindex);
}

/* ---- sending ------------------------------------------------------------------------------ */

static enum sp_rc rc_of_errno(int os)
{
    switch (os) {
    case EPERM:
    case EACCES:
        return SP_E_PERM;
    case EOPNOTSUPP:
    case EAFNOSUPPORT:
        return SP_E_UNSUPPORTED;
    default:
        return SP_E_IO;
    }
}

/*
 * Reads answers up to the one to last_seq. The first error becomes the return value; a message
 * that is not an answer is handed to `data`, if not NULL.
 */
static enum sp_rc read_answers(struct sp_lab_nl *nl, uint32_t first_seq, uint32_t last_seq,
                               void (*data)(const struct nlmsghdr *, void *), void *arg,
                               struct sp_err *err)
{
    alignas(8) char answer[RECV_BYTES];
    enum sp_rc rc = SP_OK;

    for (;;) {
        ssize_t got = mnl_socket_recvfrom(nl->sock, answer, sizeof answer);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return sp_fail_os(err, SP_E_IO, errno, "reading a netlink answer");
        int left = (int)got;
        const struct nlmsghdr *msg = (const struct nlmsghdr *)answer;
        for (; mnl_nlmsg_ok(msg, left); msg = mnl_nlmsg_next(msg, &left)) {
            if (msg->nlmsg_type == NLMSG_ERROR) {
                const struct nlmsgerr *e = mnl_nlmsg_get_payload(msg);
                if (e->error != 0 && rc == SP_OK)
                    rc = sp_fail_os(err, rc_of_errno(-e->error), -e->error, "the kernel refused %s",
                                    nl->what[msg->nlmsg_seq - first_seq]);
                if (msg->nlmsg_seq == last_seq)
                    return rc;
            } else if (data != NULL) {
                data(msg, arg);
            }
        }
    }
}

static enum sp_rc transact(struct sp_lab_nl *nl, void (*data)(const struct nlmsghdr *, void *),
                           void *arg, struct sp_err *err)
{
    if (nl->open == NULL)
        return SP_OK;
    nl->open->nlmsg_flags |= NLM_F_ACK;
    seal(nl);
    uint32_t first_seq = nl->sent_seq + 1;
    ssize_t sent = mnl_socket_sendto(nl->sock, nl->buf, nl->len_bytes);
    int os = errno;
    nl->len_bytes = 0;
    nl->sent_seq = nl->seq;
    if (sent < 0)
        return sp_fail_os(err, SP_E_IO, os, "sending a netlink request");
    return read_answers(nl, first_seq, nl->seq, data, arg, err);
}

enum sp_rc sp_lab_nl_flush(struct sp_lab_nl *nl, struct sp_err *err)
{
    return transact(nl, NULL, NULL, err);
}

/* ---- asking and waiting ------------------------------------------------------------------- */

static int read_link_attr(const struct nlattr *attr, void *arg)
{
    struct sp_lab_link_state *state = arg;

    switch (mnl_attr_get_type(attr)) {
    case IFLA_MTU:
        state->mtu = mnl_attr_get_u32(attr);
        break;
    case IFLA_GSO_MAX_SEGS:
        state->gso_max_segs = mnl_attr_get_u32(attr);
        break;
    case IFLA_ADDRESS:
        if (mnl_attr_get_payload_len(attr) == sizeof state->mac)
            memcpy(state->mac, mnl_attr_get_payload(attr), sizeof state->mac);
        break;
    case IFLA_QDISC:
        strncpy(state->qdisc, mnl_attr_get_str(attr), sizeof state->qdisc - 1);
        break;
    default:
        break;
    }
    return MNL_CB_OK;
}

static void read_link(const struct nlmsghdr *msg, void *arg)
{
    struct sp_lab_link_state *state = arg;

    if (msg->nlmsg_type != RTM_NEWLINK)
        return;
    const struct ifinfomsg *info = mnl_nlmsg_get_payload(msg);
    state->flags = info->ifi_flags;
    mnl_attr_parse(msg, sizeof *info, read_link_attr, state);
}

enum sp_rc sp_lab_nl_get_link(struct sp_lab_nl *nl, int ifindex, struct sp_lab_link_state *state,
                              struct sp_err *err)
{
    memset(state, 0, sizeof *state);
    struct nlmsghdr *msg = begin(nl, RTM_GETLINK, 0, "telling the state of a link");
    put_ifinfo(msg, ifindex, 0, 0);
    mnl_attr_put_u32(msg, IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
    return transact(nl, read_link, state, err);
}

enum sp_rc sp_lab_nl_wait(struct sp_lab_nl *events, int64_t deadline_ns, const char *what,
                          struct sp_err *err)
{
    struct pollfd p = {.fd = sp_lab_nl_fd(events), .events = POLLIN};

    for (;;) {
        int64_t left_ns = deadline_ns - sp_clock_now_ns();
        if (left_ns <= 0)
            return sp_fail(err, SP_E_TIMEOUT, "%s did not happen within %d s", what,
                           SP_LAB_SETTLE_MS / 1000);
        int n = poll(&p, 1, (int)(left_ns / SP_MS) + 1);
        if (n > 0)
            return SP_OK;
        if (n < 0 && errno != EINTR)
            return sp_fail_os(err, SP_E_IO, errno, "waiting for a netlink event");
    }
}

/* Drops what is queued: the state is asked for again after it. */
static void drain(struct sp_lab_nl *events)
{
    alignas(8) char buf[RECV_BYTES];
    while (recv(sp_lab_nl_fd(events), buf, sizeof buf, MSG_DONTWAIT) > 0) {
    }
}

/*
 * IFF_LOWER_UP shows at once, but frames pass only when the kernel's link watcher has run; it
 * sets the operational state (IFF_RUNNING) and switches the queue on in one go under the lock
 * that this request takes too, so both flags together mean a link that carries frames.
 */
enum sp_rc sp_lab_nl_wait_carrier(struct sp_lab_nl *nl, const struct sp_lab_link *link, bool on,
                                  struct sp_lab_link_state *state, struct sp_err *err)
{
    struct sp_lab_nl events = {.sock = NULL};
    int64_t deadline_ns = sp_clock_now_ns() + SP_LAB_SETTLE_MS * SP_MS;
    unsigned both = IFF_LOWER_UP | IFF_RUNNING;
    enum sp_rc rc;

    for (;;) {
        rc = sp_lab_nl_get_link(nl, link->ifindex, state, err);
        if (rc != SP_OK || (state->flags & both) == (on ? both : 0))
            break;
        if (events.sock == NULL) {
            /* Seldom needed: subscribed only now, and the state asked for once more after it. */
            rc = sp_lab_nl_open(&events, RTMGRP_LINK, err);
            if (rc != SP_OK)
                break;
            continue;
        }
        rc = sp_lab_nl_wait(&events, deadline_ns, on ? "carrier" : "loss of carrier", err);
        if (rc != SP_OK)
            break;
        drain(&events);
    }
    sp_lab_nl_release(&events);
    return rc;
}

struct awaited {
    const struct sp_lab_ip *ips;
    unsigned count;
    unsigned missing; /* bit i: ips[i] */
};

static int read_route_attr(const struct nlattr *attr, void *arg)
{
    struct awaited *awaited = arg;

    if (mnl_attr_get_type(attr) != RTA_DST)
        return MNL_CB_OK;
    for (unsigned i = 0; i < awaited->count; i++) {
        const struct sp_lab_ip *ip = &awaited->ips[i];
        if (mnl_attr_get_payload_len(attr) == ip->len_bytes &&
            memcmp(mnl_attr_get_payload(attr), ip->bytes, ip->len_bytes) == 0)
            awaited->missing &= ~(1U << i);
    }
    return MNL_CB_OK;
}

static void read_route(const struct nlmsghdr *msg, struct awaited *awaited)
{
    if (msg->nlmsg_type != RTM_NEWROUTE)
        return;
    const struct rtmsg *route = mnl_nlmsg_get_payload(msg);
    if (route->rtm_type == RTN_LOCAL)
        mnl_attr_parse(msg, sizeof *route, read_route_attr, awaited);
}

enum sp_rc sp_lab_nl_wait_local_routes(struct sp_lab_nl *events, const struct sp_lab_ip *ips,
                                       unsigned count, struct sp_err *err)
{
    alignas(8) char buf[RECV_BYTES];
    int64_t deadline_ns = sp_clock_now_ns() + SP_LAB_SETTLE_MS * SP_MS;
    struct awaited awaited = {.ips = ips, .count = count, .missing = (1U << count) - 1};

    while (awaited.missing != 0) {
        enum sp_rc rc = sp_lab_nl_wait(events, deadline_ns, "an address's local route", err);
        if (rc != SP_OK)
            return rc;
        ssize_t got = mnl_socket_recvfrom(events->sock, buf, sizeof buf);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return sp_fail_os(err, SP_E_IO, errno, "reading a netlink event");
        int left = (int)got;
        const struct nlmsghdr *msg = (const struct nlmsghdr *)buf;
        for (; mnl_nlmsg_ok(msg, left); msg = mnl_nlmsg_next(msg, &left))
            read_route(msg, &awaited);
    }
    return SP_OK;
}
