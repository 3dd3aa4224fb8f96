/*
 * Two hosts that nobody made: one end on this machine, in the namespace that the runner was started
 * in, the other on another machine, and their own network between them. Nothing is set there; it is
 * looked at, and refused where a capture here could not tell what was sent.
 */
#include "internal.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

union address {
    struct sockaddr sa;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
};

/* What a device may do to segments between the stack and the capture; as `ethtool -K` says it. */
static const struct {
    uint32_t get;
    const char *name;
} offloads[] = {
    {ETHTOOL_GTSO, "tso"}, {ETHTOOL_GGSO, "gso"}, {ETHTOOL_GGRO, "gro"}, {ETHTOOL_GTXCSUM, "tx"}};

static bool is_on(int fd, const char *interface, uint32_t get)
{
    struct ethtool_value value = {.cmd = get};
    struct ifreq req = {0};
    memcpy(req.ifr_name, interface, sizeof req.ifr_name);
    req.ifr_data = (void *)&value;
    return ioctl(fd, SIOCETHTOOL, &req) == 0 && value.data;
}

static enum sp_rc check_interface(int fd, struct sp_lab_route *route, struct sp_err *err)
{
    char words[64] = "";
    struct ifreq req = {0};
    memcpy(req.ifr_name, route->interface, sizeof req.ifr_name);
    if (ioctl(fd, SIOCGIFHWADDR, &req) < 0)
        return sp_fail_os(err, SP_E_IO, errno, "looking at %s", route->interface);
    if (req.ifr_hwaddr.sa_family != ARPHRD_ETHER)
        return sp_fail(err, SP_E_UNSUPPORTED,
                       "the way to %s is by %s, which is no Ethernet interface: name an address of "
                       "that host on another network",
                       route->far, route->interface);
    memcpy(route->mac, req.ifr_hwaddr.sa_data, sizeof route->mac);
    if (ioctl(fd, SIOCGIFMTU, &req) < 0 || req.ifr_mtu != SP_LAB_MTU)
        return sp_fail(err, SP_E_UNSUPPORTED,
                       "the MTU of %s is %d, and cases count on %d: ip link set %s mtu %d",
                       route->interface, req.ifr_mtu, SP_LAB_MTU, route->interface, SP_LAB_MTU);
    for (size_t i = 0; i < sizeof offloads / sizeof offloads[0]; i++)
        if (is_on(fd, route->interface, offloads[i].get))
            snprintf(words + strlen(words), sizeof words - strlen(words), " %s off",
                     offloads[i].name);
    if (*words)
        return sp_fail(err, SP_E_UNSUPPORTED,
                       "%s changes segments behind the capture's back: ethtool -K %s%s",
                       route->interface, route->interface, words);
    route->ifindex = (int)if_nametoindex(route->interface);
    return SP_OK;
}

static const void *ip_of(const union address *addr)
{
    return addr->sa.sa_family == AF_INET6 ? (const void *)&addr->v6.sin6_addr
                                          : (const void *)&addr->v4.sin_addr;
}

/* The interface that has the address. */
static bool find_interface(const union address *own, char interface[16])
{
    struct ifaddrs *list = NULL;
    size_t len = own->sa.sa_family == AF_INET6 ? 16 : 4;
    if (getifaddrs(&list) < 0)
        return false;
    *interface = '\0';
    for (const struct ifaddrs *i = list; i && !*interface; i = i->ifa_next)
        if (i->ifa_addr && i->ifa_addr->sa_family == own->sa.sa_family &&
            memcmp(ip_of((const union address *)(const void *)i->ifa_addr), ip_of(own), len) == 0)
            snprintf(interface, 16, "%s", i->ifa_name);
    freeifaddrs(list);
    return *interface != '\0';
}

/* Where a datagram to that host would leave from: connect() of a UDP socket sends nothing. */
static enum sp_rc find_route(int family, const char *far, struct sp_lab_route *route,
                             struct sp_err *err)
{
    union address to = {.sa.sa_family = (sa_family_t)family}, own = to;
    socklen_t len = family == AF_INET6 ? sizeof to.v6 : sizeof to.v4;
    void *ip = family == AF_INET6 ? (void *)&to.v6.sin6_addr : (void *)&to.v4.sin_addr;
    enum sp_rc rc = SP_OK;
    int fd = socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    to.v4.sin_port = htons(9); /* the same place in both forms */
    snprintf(route->far, sizeof route->far, "%s", far);
    if (inet_pton(family, far, ip) != 1)
        rc = sp_fail(err, SP_E_USAGE, "'%s' is not an address", far);
    else if (fd < 0 || connect(fd, &to.sa, len) < 0 || getsockname(fd, &own.sa, &len) < 0)
        rc = sp_fail_os(err, SP_E_NOTFOUND, errno, "there is no way to %s from here", far);
    else if (memcmp(ip_of(&own), ip_of(&to), family == AF_INET6 ? 16 : 4) == 0)
        rc = sp_fail(err, SP_E_USAGE, "%s is an address of this machine, not of another", far);
    else if (!inet_ntop(family, ip_of(&own), route->near, sizeof route->near) ||
             !find_interface(&own, route->interface))
        rc = sp_fail(err, SP_E_NOTFOUND, "no interface has the address that goes to %s", far);
    else
        rc = check_interface(fd, route, err);
    if (rc != SP_OK)
        *route = (struct sp_lab_route){0};
    if (fd >= 0)
        close(fd);
    return rc;
}

enum sp_rc sp_lab_hosts_find(struct sp_lab_hosts *hosts, enum sp_place near,
                             const char *const far[2], uint16_t control_port, struct sp_err *err)
{
    enum sp_rc rc = SP_OK;
    *hosts = (struct sp_lab_hosts){.ns_fd = -1, .near = near, .control_port = control_port};
    for (int i = 0; i < 2 && rc == SP_OK; i++)
        if (far[i])
            rc = find_route(i ? AF_INET6 : AF_INET, far[i], &hosts->routes[i], err);
    if (rc != SP_OK)
        return rc;
    hosts->ns_fd = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
    return hosts->ns_fd < 0
               ? sp_fail_os(err, SP_E_IO, errno, "opening this machine's network namespace")
               : SP_OK;
}

void sp_lab_hosts_release(struct sp_lab_hosts *hosts)
{
    if (hosts->ns_fd >= 0)
        close(hosts->ns_fd);
    hosts->ns_fd = -1;
}

const struct sp_lab_route *sp_lab_hosts_route(const struct sp_lab_config *config)
{
    return &config->hosts->routes[config->family == 6];
}

enum sp_rc sp_lab_hosts_open(struct sp_lab *lab, struct sp_err *err)
{
    const struct sp_lab_hosts *hosts = lab->config.hosts;
    const struct sp_lab_route *route = sp_lab_hosts_route(&lab->config);
    for (int place = SP_PLACE_CLIENT; place <= SP_PLACE_SERVER; place++) {
        lab->ns_fd[place] = fcntl(hosts->ns_fd, F_DUPFD_CLOEXEC, 0);
        if (lab->ns_fd[place] < 0)
            return sp_fail_os(err, SP_E_IO, errno, "this machine's network namespace");
    }
    struct sp_lab_link *link = &lab->links[0];
    link->place = hosts->near;
    link->ifindex = route->ifindex;
    memcpy(link->name, route->interface, sizeof link->name);
    memcpy(link->mac, route->mac, sizeof link->mac);
    lab->link_count = 1;
    enum sp_rc rc = sp_lab_enter(lab, hosts->near, err);
    if (rc == SP_OK)
        rc = sp_lab_pins_read(lab, hosts->near, err);
    return rc;
}
