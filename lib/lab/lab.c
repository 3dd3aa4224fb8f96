/*
 * Making and unmaking a lab.
 *
 * All namespaces are made first, each with a netlink socket that stays in it; the links are then
 * built through those sockets from wherever the thread is. Only sysctls need the thread itself in
 * a place, and are set when it is made. The interfaces get fixed numbers, so that one batch can
 * make a link and go on to configure it; they are high because a kernel with tunnel modules loaded
 * gives low ones to the tunnels it puts into every namespace.
 */
#include "internal.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/rtnetlink.h>
#include <linux/sockios.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum { LO_IFINDEX = 1, LINK_IFINDEX = 100, NUMBER_MAX = 16383 };

/* Sockets to the places while the lab is built. */
struct build {
    struct sp_lab_nl nl[SP_PLACE_COUNT];
    struct sp_lab_pin_plan pins;
};

/* ---- namespaces --------------------------------------------------------------------------- */

static enum sp_rc open_own_namespace(int *fd, struct sp_err *err)
{
    *fd = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
    if (*fd < 0)
        return sp_fail_os(err, SP_E_IO, errno,
                          "opening /proc/thread-self/ns/net (is /proc mounted?)");
    return SP_OK;
}

/* That of a socket, which costs less than the way through /proc (SIOCGSKNS of linux/sockios.h). */
static enum sp_rc open_namespace_of(int socket_fd, int *fd, struct sp_err *err)
{
    *fd = ioctl(socket_fd, SIOCGSKNS);
    return *fd < 0 ? open_own_namespace(fd, err) : SP_OK; /* before Linux 4.10 */
}

/*
 * Leaves the thread in the new place. Each is a child of home, whose settings it is born with. Pins
 * come before links, which are born with the defaults that they find.
 */
static enum sp_rc make_place(struct sp_lab *lab, struct build *build, enum sp_place place,
                             struct sp_err *err)
{
    enum sp_rc rc = sp_lab_leave(lab, err);
    if (rc != SP_OK)
        return rc;
    if (unshare(CLONE_NEWNET) < 0) {
        rc = errno == EPERM ? SP_E_PERM : SP_E_IO;
        return sp_fail_os(err, rc, errno,
                          rc == SP_E_PERM
                              ? "may not make a network namespace: needs CAP_SYS_ADMIN"
                              : "making a network namespace (user.max_net_namespaces?)");
    }
    rc = sp_lab_nl_open(&build->nl[place], 0, err);
    if (rc == SP_OK)
        rc = open_namespace_of(sp_lab_nl_fd(&build->nl[place]), &lab->ns_fd[place], err);
    if (rc == SP_OK)
        rc = sp_lab_pins_apply(&build->pins, place, err);
    if (rc == SP_OK)
        sp_lab_nl_add_lo_up(&build->nl[place]);
    return rc;
}

/* ---- loopback ----------------------------------------------------------------------------- */

/*
 * IPv6: the kernel gives each address a route of metric 0 in table local, in the background, which
 * no route of ours can outrank and which makes an address its own source. So that one is awaited
 * and ours, with the other address as source, put in its stead.
 */
static enum sp_rc lo_addresses_ipv6(struct sp_lab_nl *nl, const struct sp_lab_ip ips[2],
                                    struct sp_err *err)
{
    struct sp_lab_nl events = {.sock = NULL};
    enum sp_rc rc = sp_lab_nl_open(&events, RTMGRP_IPV6_ROUTE, err);

    if (rc != SP_OK)
        goto out;
    for (int i = 0; i < 2; i++)
        sp_lab_nl_add_address(nl, LO_IFINDEX, &ips[i], 128);
    rc = sp_lab_nl_flush(nl, err);
    if (rc == SP_OK)
        rc = sp_lab_nl_wait_local_routes(&events, ips, 2, err);
    if (rc != SP_OK)
        goto out;
    for (int i = 0; i < 2; i++) {
        sp_lab_nl_add_local_route_delete(nl, LO_IFINDEX, &ips[i]);
        sp_lab_nl_add_local_route(nl, LO_IFINDEX, &ips[i], &ips[1 - i]);
    }
    rc = sp_lab_nl_flush(nl, err);
out:
    sp_lab_nl_release(&events);
    return rc;
}

static enum sp_rc build_loopback(struct sp_lab *lab, struct build *build, struct sp_err *err)
{
    struct sp_lab_nl *nl = &build->nl[SP_PLACE_CLIENT];
    struct sp_lab_ip ips[2];
    enum sp_rc rc = make_place(lab, build, SP_PLACE_CLIENT, err);

    if (rc != SP_OK)
        return rc;
    lab->ns_fd[SP_PLACE_SERVER] = lab->ns_fd[SP_PLACE_CLIENT];
    for (int i = 0; i < 2; i++)
        ips[i] = sp_lab_end_ip(&lab->config, (enum sp_place)i);
    if (lab->config.family == 6) {
        rc = lo_addresses_ipv6(nl, ips, err);
    } else {
        /* 127.0.0.0/8 is local already: only who is the source towards whom is to be said. */
        for (int i = 0; i < 2; i++)
            sp_lab_nl_add_local_route(nl, LO_IFINDEX, &ips[i], &ips[1 - i]);
        rc = sp_lab_nl_flush(nl, err);
    }
    lab->links[0] =
        (struct sp_lab_link){.place = SP_PLACE_CLIENT, .name = "lo", .ifindex = LO_IFINDEX};
    lab->link_count = 1;
    return rc;
}

/* ---- veth, path and routed
 * ------------------------------------------------------------------------ */

static void name_link(struct sp_lab *lab, unsigned index, enum sp_place place, const char *name,
                      int ifindex)
{
    const struct sp_lab_config *config = &lab->config;
    struct sp_lab_link *link = &lab->links[index];

    link->place = place;
    snprintf(link->name, sizeof link->name, "%s", name);
    link->ifindex = ifindex;
    /* Locally administered; tells slot, run and link. */
    const uint8_t mac[6] = {0x02,
                            0x5c,
                            config->slot,
                            (uint8_t)(config->number >> 8),
                            (uint8_t)config->number,
                            (uint8_t)(index + 1)};
    memcpy(link->mac, mac, sizeof mac);
    if (lab->link_count <= index)
        lab->link_count = index + 1;
}

/* A pair between two links of the lab, whose places exist already. */
static void add_pair(struct sp_lab *lab, struct build *build, unsigned here, unsigned there)
{
    const struct sp_lab_link *a = &lab->links[here];
    const struct sp_lab_link *b = &lab->links[there];
    struct sp_lab_veth_end near = {.name = a->name, .ifindex = a->ifindex, .mac = a->mac};
    struct sp_lab_veth_end far = {.name = b->name, .ifindex = b->ifindex, .mac = b->mac};

    sp_lab_nl_add_veth(&build->nl[a->place], &near, &far, lab->ns_fd[b->place]);
}

/* No address of its own making, then up. */
static void add_up(struct sp_lab *lab, struct build *build, unsigned index)
{
    const struct sp_lab_link *link = &lab->links[index];
    struct sp_lab_nl *nl = &build->nl[link->place];

    sp_lab_nl_add_no_link_local(nl, link->ifindex);
    sp_lab_nl_add_updown(nl, link->ifindex, true);
    if (link->place != SP_PLACE_BOX && !lab->config.mute[link->place])
        sp_lab_nl_add_end(nl, lab, link->place);
    if (link->place == SP_PLACE_BOX && lab->config.kind == SP_LAB_ROUTED)
        sp_lab_nl_add_box(nl, lab, (enum sp_place)(index - 2));
}

/* Flushes the places in order: the pairs are made by messages of `first`. */
static enum sp_rc flush_from(struct sp_lab *lab, struct build *build, enum sp_place first,
                             struct sp_err *err)
{
    enum sp_rc rc = sp_lab_nl_flush(&build->nl[first], err);

    for (int place = 0; place < SP_PLACE_COUNT && rc == SP_OK; place++) {
        if (place != (int)first && sp_lab_place_exists(lab, (enum sp_place)place))
            rc = sp_lab_nl_flush(&build->nl[place], err);
    }
    return rc;
}

static enum sp_rc build_links(struct sp_lab *lab, struct build *build, struct sp_err *err)
{
    bool box = sp_lab_has_box(lab->config.kind);
    enum sp_rc rc = make_place(lab, build, SP_PLACE_CLIENT, err);

    if (rc == SP_OK)
        rc = make_place(lab, build, SP_PLACE_SERVER, err);
    if (rc == SP_OK && box)
        rc = make_place(lab, build, SP_PLACE_BOX, err);
    if (rc != SP_OK)
        return rc;
    name_link(lab, 0, SP_PLACE_CLIENT, "client", LINK_IFINDEX);
    name_link(lab, 1, SP_PLACE_SERVER, "server", LINK_IFINDEX);
    if (box) {
        name_link(lab, 2, SP_PLACE_BOX, "to-client", LINK_IFINDEX);
        name_link(lab, 3, SP_PLACE_BOX, "to-server", LINK_IFINDEX + 1);
        add_pair(lab, build, 2, 0);
        add_pair(lab, build, 3, 1);
    } else {
        add_pair(lab, build, 1, 0);
    }
    for (unsigned i = lab->link_count; i-- > 0;)
        add_up(lab, build, i);
    return flush_from(lab, build, box ? SP_PLACE_BOX : SP_PLACE_SERVER, err);
}

/* ---- checking ----------------------------------------------------------------------------- */

/* Offloads off, then that the link is what was asked for and carries frames. */
static enum sp_rc check_link(struct sp_lab_nl *nl, const struct sp_lab_link *link,
                             struct sp_err *err)
{
    struct sp_lab_link_state state;
    enum sp_rc rc = sp_lab_offloads_off(sp_lab_nl_fd(nl), link->name, err);

    if (rc == SP_OK)
        rc = sp_lab_nl_wait_carrier(nl, link, true, &state, err);
    if (rc != SP_OK)
        return rc;
    if (state.mtu != SP_LAB_MTU)
        return sp_fail(err, SP_E_PIN, "MTU of %s: asked %d, is %u", link->name, SP_LAB_MTU,
                       state.mtu);
    if (state.gso_max_segs != 1)
        return sp_fail(err, SP_E_PIN, "segments in one send on %s: asked 1, is %u", link->name,
                       state.gso_max_segs);
    if (memcmp(state.mac, link->mac, sizeof state.mac) != 0)
        return sp_fail(err, SP_E_PIN, "the hardware address of %s did not take", link->name);
    if (strcmp(state.qdisc, "noqueue") != 0)
        return sp_fail(err, SP_E_PIN, "queueing of %s: asked noqueue, is %s", link->name,
                       state.qdisc);
    return SP_OK;
}

static enum sp_rc check_config(const struct sp_lab_config *config, struct sp_err *err)
{
    if (config->family != 4 && config->family != 6)
        return sp_fail(err, SP_E_USAGE, "family %d of a lab is neither 4 nor 6", config->family);
    if (config->number < 1 || config->number > NUMBER_MAX)
        return sp_fail(err, SP_E_USAGE, "run number %u is not within 1..%d", config->number,
                       NUMBER_MAX);
    return SP_OK;
}

static enum sp_rc build_all(struct sp_lab *lab, struct build *build, struct sp_err *err)
{
    bool loopback = lab->config.kind == SP_LAB_LOOPBACK;
    enum sp_rc rc = sp_lab_pins_plan(lab, &build->pins, err);

    if (rc == SP_OK)
        rc = loopback ? build_loopback(lab, build, err) : build_links(lab, build, err);
    sp_lab_pins_done(&build->pins);
    /* In the link's own place: who waits for its carrier subscribes where the thread is. */
    for (unsigned i = 0; i < lab->link_count && rc == SP_OK; i++) {
        rc = sp_lab_enter(lab, lab->links[i].place, err);
        if (rc == SP_OK)
            rc = check_link(&build->nl[lab->links[i].place], &lab->links[i], err);
    }
    if (rc == SP_OK)
        sp_lab_pins_publish(lab, &build->pins);
    return rc;
}

enum sp_rc sp_lab_open(struct sp_lab *lab, const struct sp_lab_config *config, struct sp_err *err)
{
    struct build build = {.pins.proc_fd = -1};
    enum sp_rc rc = check_config(config, err);

    memset(lab, 0, sizeof *lab);
    lab->config = *config;
    lab->home_fd = -1;
    for (int place = 0; place < SP_PLACE_COUNT; place++) {
        lab->ns_fd[place] = -1;
        build.nl[place].sock = NULL;
    }
    sp_arena_init(&lab->arena);
    sp_lab_addresses(config, lab->client_ip, lab->server_ip);
    for (int side = 0; side < 2 && config->kind == SP_LAB_ROUTED; side++) {
        struct sp_lab_ip ip = sp_lab_box_ip(config, (enum sp_place)side);
        sp_lab_ip_print(&ip, lab->box_ip[side]);
    }
    if (rc == SP_OK)
        rc = open_own_namespace(&lab->home_fd, err);
    if (rc != SP_OK)
        goto out;
    rc = config->kind == SP_LAB_HOSTS ? sp_lab_hosts_open(lab, err) : build_all(lab, &build, err);
    enum sp_rc left = sp_lab_leave(lab, rc == SP_OK ? err : NULL);
    if (rc == SP_OK)
        rc = left;
    for (int place = 0; place < SP_PLACE_COUNT; place++)
        sp_lab_nl_release(&build.nl[place]);
out:
    /* The caller's list may be gone before the lab is; what came of it is in lab->pins. */
    lab->config.pins = NULL;
    lab->config.pin_count = 0;
    if (rc != SP_OK)
        sp_lab_close(lab);
    return rc;
}

void sp_lab_close(struct sp_lab *lab)
{
    if (lab->ns_fd[SP_PLACE_SERVER] == lab->ns_fd[SP_PLACE_CLIENT])
        lab->ns_fd[SP_PLACE_SERVER] = -1;
    for (int place = 0; place < SP_PLACE_COUNT; place++) {
        if (lab->ns_fd[place] >= 0)
            close(lab->ns_fd[place]);
        lab->ns_fd[place] = -1;
    }
    if (lab->home_fd >= 0)
        close(lab->home_fd);
    lab->home_fd = -1;
    lab->link_count = 0;
    lab->pins = NULL;
    lab->pin_count = 0;
    sp_arena_release(&lab->arena);
}

const char *sp_lab_note(void)
{
    return NULL;
}

unsigned sp_lab_kinds(void)
{
    return 1U << SP_LAB_LOOPBACK | 1U << SP_LAB_VETH | 1U << SP_LAB_PATH | 1U << SP_LAB_ROUTED;
}

/* Routes of ours see to it, on loopback too. */
bool sp_lab_chooses_source(const struct sp_lab *lab)
{
    (void)lab;
    return true;
}
