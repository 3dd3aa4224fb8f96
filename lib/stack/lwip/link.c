/* packet(7) on one side, lwIP's netif on the other. */
#include "link.h"
#include "states.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <lwip/ip.h>
#include <lwip/netif.h>
#include <lwip/pbuf.h>
#include <lwip/sys.h>
#include <lwip/tcpip.h>
#include <netif/ethernet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { MTU_BYTES = 1500, FRAME_MAX_BYTES = 65536, NETWORK4_BYTES = 3, NETWORK6_BYTES = 8 };

struct link {
    int fd;
    int ifindex;
    uint8_t mac[6], peer_mac[6];
    ip_addr_t address, peer;
    struct netif netif, other;
    pthread_t reader;
    pthread_mutex_t taking; /* frames, by the reader or before a call: they stay in order */
};

/* lwIP has one world a process. */
static struct link link_ = {.fd = -1, .taking = PTHREAD_MUTEX_INITIALIZER};

static err_t frame_send(struct netif *netif, struct pbuf *p)
{
    const struct link *link = netif->state;
    static uint8_t frame[FRAME_MAX_BYTES]; /* under the core lock */
    uint16_t len = pbuf_copy_partial(p, frame, p->tot_len, 0);
    struct sockaddr_ll to = {.sll_family = AF_PACKET, .sll_ifindex = link->ifindex};
    sp_lwip_states_look();
    return sendto(link->fd, frame, len, 0, (const void *)&to, sizeof to) < 0 ? ERR_IF : ERR_OK;
}

/* Whether a packet is a segment, by the header's byte that says so. */
static bool is_tcp(const struct pbuf *p, uint16_t at)
{
    return pbuf_get_at(p, at) == IP_PROTO_TCP;
}

/*
 * The lab's neighbours are permanent: there is one host to send to, and nobody answers who asks for
 * its hardware address. What is for a group goes nowhere (neighbour discovery, MLD), but a segment,
 * which should not be, is to be seen.
 */
static err_t ip4_send(struct netif *netif, struct pbuf *p, const ip4_addr_t *to)
{
    const struct link *link = netif->state;
    bool group = ip4_addr_ismulticast(to) || ip4_addr_isbroadcast(to, netif);
    if (group && !is_tcp(p, offsetof(struct ip_hdr, _proto)))
        return ERR_OK;
    return ethernet_output(netif, p, (const struct eth_addr *)link->mac,
                           (const struct eth_addr *)link->peer_mac, ETHTYPE_IP);
}

static err_t ip6_send(struct netif *netif, struct pbuf *p, const ip6_addr_t *to)
{
    const struct link *link = netif->state;
    if (ip6_addr_ismulticast(to) && !is_tcp(p, offsetof(struct ip6_hdr, _nexth)))
        return ERR_OK;
    return ethernet_output(netif, p, (const struct eth_addr *)link->mac,
                           (const struct eth_addr *)link->peer_mac, ETHTYPE_IPV6);
}

static uint64_t in_us(const struct timespec *t)
{
    return (uint64_t)t->tv_sec * 1000000 + (uint64_t)t->tv_nsec / 1000;
}

static uint64_t now_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now); /* as frames are stamped */
    return in_us(&now);
}

/* In lwIP's own thread, which has the core lock, behind the frame that was handed over before and
 * had arrived then: microseconds, their lower 32 bits. */
static void was_read(void *arrived_us)
{
    sp_lwip_states_late((uint32_t)now_us() - (uint32_t)(uintptr_t)arrived_us);
    sp_lwip_states_look();
}

/* When the kernel had the frame; now where it does not say. */
static uint64_t arrived_us(struct msghdr *message)
{
    for (struct cmsghdr *c = CMSG_FIRSTHDR(message); c; c = CMSG_NXTHDR(message, c)) {
        struct timespec at;
        if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_TIMESTAMPNS)
            continue;
        memcpy(&at, CMSG_DATA(c), sizeof at);
        return in_us(&at);
    }
    return now_us();
}

/* What the interface has for us, one frame: false where there is none. */
static bool frame_take(struct link *link)
{
    static uint8_t frame[FRAME_MAX_BYTES]; /* under `taking` */
    struct sockaddr_ll from;
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(sizeof(struct timespec))];
    } said;
    struct iovec room = {.iov_base = frame, .iov_len = sizeof frame};
    struct msghdr message = {.msg_name = &from,
                             .msg_namelen = sizeof from,
                             .msg_iov = &room,
                             .msg_iovlen = 1,
                             .msg_control = &said,
                             .msg_controllen = sizeof said};
    ssize_t len = recvmsg(link->fd, &message, MSG_DONTWAIT);
    if (len < 0)
        return errno == EINTR || errno == ENETDOWN;
    if (len == 0 || from.sll_pkttype == PACKET_OUTGOING)
        return true;
    /* Not PBUF_POOL: Debian's 2.1.3 gives those less room than it says they have. */
    struct pbuf *p = pbuf_alloc(PBUF_RAW, (uint16_t)len, PBUF_RAM);
    if (!p)
        return true; /* as a card without room does */
    pbuf_take(p, frame, (uint16_t)len);
    if (link->netif.input(p, &link->netif) != ERR_OK)
        pbuf_free(p);
    else
        /* a number is what the callback is given: NOLINTNEXTLINE(performance-no-int-to-ptr) */
        tcpip_callback(was_read, (void *)(uintptr_t)arrived_us(&message));
    return true;
}

static void frames_take(struct link *link)
{
    pthread_mutex_lock(&link->taking);
    while (frame_take(link))
        ;
    pthread_mutex_unlock(&link->taking);
}

static void *frames_read(void *arg)
{
    struct link *link = arg;
    struct pollfd wait = {.fd = link->fd, .events = POLLIN};
    while (poll(&wait, 1, -1) >= 0 || errno == EINTR)
        frames_take(link);
    return NULL;
}

static void signal_semaphore(void *semaphore)
{
    sys_sem_signal(semaphore);
}

void sp_lwip_catch_up(void)
{
    sys_sem_t done;
    frames_take(&link_);
    if (sys_sem_new(&done, 0) != ERR_OK)
        return;
    if (tcpip_callback(signal_semaphore, &done) == ERR_OK)
        sys_arch_sem_wait(&done, 0);
    sys_sem_free(&done);
}

static err_t netif_fill(struct netif *netif)
{
    const struct link *link = netif->state;
    netif->name[0] = 's';
    netif->name[1] = 'p';
    netif->mtu = MTU_BYTES;
    netif->hwaddr_len = sizeof link->mac;
    memcpy(netif->hwaddr, link->mac, sizeof link->mac);
    netif->flags = NETIF_FLAG_BROADCAST | NETIF_FLAG_ETHERNET | NETIF_FLAG_LINK_UP |
                   NETIF_FLAG_ETHARP; /* without it IPv4 is not taken in */
    netif->output = ip4_send;
    netif->output_ip6 = ip6_send;
    netif->linkoutput = frame_send;
    return ERR_OK;
}

/* Whether the other end is on the same network: then there is no way to any other. */
static bool is_near(const struct link *link)
{
    const ip_addr_t *a = &link->address, *b = &link->peer;
    if (IP_IS_V6(a))
        return memcmp(ip_2_ip6(a)->addr, ip_2_ip6(b)->addr, NETWORK6_BYTES) == 0;
    return memcmp(&ip_2_ip4(a)->addr, &ip_2_ip4(b)->addr, NETWORK4_BYTES) == 0;
}

/* Nothing goes out here; it is never up. */
static err_t other_fill(struct netif *netif)
{
    netif->name[0] = 'n';
    netif->name[1] = 'o';
    return ERR_OK;
}

/* The address is ours alone: no detection of duplicates, no router. A second interface is there,
 * since lwIP sends IPv6 to wherever it is for by an only one, as if there were no other network. */
static void netif_up(struct link *link)
{
    ip4_addr_t any = {0}, mask;
    struct netif *netif = &link->netif;
    bool v6 = IP_IS_V6(&link->address);
    IP4_ADDR(&mask, 255, 255, 255, 0);
    LOCK_TCPIP_CORE();
    netif_add(netif, v6 ? &any : ip_2_ip4(&link->address), v6 ? &any : &mask, &any, link,
              netif_fill, tcpip_input); /* which takes Ethernet apart */
    netif_add(&link->other, &any, &any, &any, link, other_fill, tcpip_input);
    if (!is_near(link))
        netif_set_default(netif);
    netif_create_ip6_linklocal_address(netif, 1);
    netif_ip6_addr_set_state(netif, 0, IP6_ADDR_PREFERRED);
    if (v6) {
        netif_ip6_addr_set(netif, 1, ip_2_ip6(&link->address));
        netif_ip6_addr_set_state(netif, 1, IP6_ADDR_PREFERRED);
    }
    netif_set_up(netif);
    UNLOCK_TCPIP_CORE();
}

static enum sp_rc open_interface(struct link *link, const char *name, struct sp_err *err)
{
    struct ifreq request = {0};
    link->ifindex = (int)if_nametoindex(name);
    if (!link->ifindex)
        return sp_fail_os(err, SP_E_IO, errno, "no interface %s", name);
    link->fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, htons(ETH_P_ALL));
    struct sockaddr_ll at = {
        .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL), .sll_ifindex = link->ifindex};
    const int on = 1;
    strncpy(request.ifr_name, name, sizeof request.ifr_name - 1);
    if (link->fd < 0 || setsockopt(link->fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof on) < 0 ||
        bind(link->fd, (const void *)&at, sizeof at) < 0 ||
        ioctl(link->fd, SIOCGIFHWADDR, &request) < 0)
        return sp_fail_os(err, SP_E_IO, errno, "a packet socket on %s", name);
    memcpy(link->mac, request.ifr_hwaddr.sa_data, sizeof link->mac);
    return SP_OK;
}

/* Six bytes, as two hexadecimal digits each with a colon between. */
static bool mac_parse(const char *text, uint8_t out[ETH_HWADDR_LEN])
{
    for (int i = 0; i < ETH_HWADDR_LEN; i++) {
        char *end;
        unsigned long byte = strtoul(text, &end, 16);
        if (end != text + 2 || *end != (i < ETH_HWADDR_LEN - 1 ? ':' : '\0'))
            return false;
        out[i] = (uint8_t)byte;
        text = end + 1;
    }
    return true;
}

enum sp_rc sp_lwip_start(const struct sp_lwip_link *config, struct sp_err *err)
{
    sys_sem_t ready;
    if (!ipaddr_aton(config->address, &link_.address) || !ipaddr_aton(config->peer, &link_.peer))
        return sp_fail(err, SP_E_USAGE, "'%s' or '%s' is no address", config->address,
                       config->peer);
    if (!mac_parse(config->peer_mac, link_.peer_mac))
        return sp_fail(err, SP_E_USAGE, "'%s' is no hardware address", config->peer_mac);
    enum sp_rc rc = open_interface(&link_, config->interface, err);
    if (rc != SP_OK)
        return rc;
    if (sys_sem_new(&ready, 0) != ERR_OK)
        return sp_fail(err, SP_E_LIMIT, "lwIP has no room for a semaphore");
    tcpip_init(signal_semaphore, &ready);
    sys_arch_sem_wait(&ready, 0);
    sys_sem_free(&ready);
    netif_up(&link_);
    sp_lwip_states_start(config->states);
    int error = pthread_create(&link_.reader, NULL, frames_read, &link_);
    return error ? sp_fail_os(err, SP_E_IO, error, "a thread for %s", config->interface) : SP_OK;
}
