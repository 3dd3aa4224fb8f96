/*
 * Places: who is where, which addresses and links are whose, and how to get there.
 */
#include "internal.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <sched.h>
#include <string.h>
#include <sys/socket.h>

static const char *const place_names[SP_PLACE_COUNT] = {
    [SP_PLACE_CLIENT] = "client",
    [SP_PLACE_SERVER] = "server",
    [SP_PLACE_BOX] = "box",
};

const char *sp_lab_place_name(enum sp_place place)
{
    assert(place < SP_PLACE_COUNT);
    return place_names[place];
}

bool sp_lab_place_exists(const struct sp_lab *lab, enum sp_place place)
{
    return place < SP_PLACE_COUNT && lab->ns_fd[place] >= 0;
}

enum sp_rc sp_lab_enter(const struct sp_lab *lab, enum sp_place place, struct sp_err *err)
{
    if (!sp_lab_place_exists(lab, place))
        return sp_fail(err, SP_E_UNSUPPORTED, "this lab has no %s",
                       place < SP_PLACE_COUNT ? sp_lab_place_name(place) : "such place");
    if (setns(lab->ns_fd[place], CLONE_NEWNET) < 0)
        return sp_fail_os(err, SP_E_IO, errno, "entering the namespace of the %s",
                          sp_lab_place_name(place));
    return SP_OK;
}

enum sp_rc sp_lab_leave(const struct sp_lab *lab, struct sp_err *err)
{
    if (setns(lab->home_fd, CLONE_NEWNET) < 0)
        return sp_fail_os(err, SP_E_IO, errno, "returning from a lab's namespace");
    return SP_OK;
}

/* ---- links: [0] the client's, [1] the server's, [2] and [3] the box's towards each ----------- */

const struct sp_lab_link *sp_lab_own_link(const struct sp_lab *lab, enum sp_place place)
{
    if (lab->config.kind == SP_LAB_LOOPBACK || lab->config.kind == SP_LAB_HOSTS ||
        place > SP_PLACE_SERVER)
        return NULL;
    return &lab->links[place];
}

const struct sp_lab_link *sp_lab_far_link(const struct sp_lab *lab, enum sp_place place)
{
    if (place > SP_PLACE_SERVER)
        return NULL;
    switch (lab->config.kind) {
    case SP_LAB_LOOPBACK:
    case SP_LAB_HOSTS:
        return NULL;
    case SP_LAB_VETH:
        return &lab->links[place == SP_PLACE_CLIENT ? SP_PLACE_SERVER : SP_PLACE_CLIENT];
    case SP_LAB_PATH:
        return &lab->links[2 + place];
    case SP_LAB_ROUTED: /* the box's own interface, whose routes would go with it */
        return NULL;
    }
    return NULL;
}

void sp_lab_ip_print(const struct sp_lab_ip *ip, char out[48])
{
    inet_ntop(ip->family, ip->bytes, out, 48);
}

bool sp_lab_has_box(enum sp_lab_kind kind)
{
    return kind == SP_LAB_PATH || kind == SP_LAB_ROUTED;
}

/* ---- addresses ---------------------------------------------------------------------------- */

/*
 * Four addresses for each run, as in a /30: the client's is the second, the server's the third.
 * Number 0 is not used, so 127.0.0.1 is nobody's. With a router between them the four are two
 * networks of two: the first is the box's towards the client, the fourth its own towards the
 * server.
 */
static struct sp_lab_ip ip_of(const struct sp_lab_config *config, unsigned host)
{
    struct sp_lab_ip ip;
    unsigned low = config->number * 4U + host;

    memset(&ip, 0, sizeof ip);
    if (config->family == 4) {
        ip.family = AF_INET;
        ip.len_bytes = 4;
        ip.bytes[0] = config->kind == SP_LAB_LOOPBACK ? 127 : 10;
        ip.bytes[1] = config->slot;
        ip.bytes[2] = (uint8_t)(low >> 8);
        ip.bytes[3] = (uint8_t)low;
    } else {
        ip.family = AF_INET6;
        ip.len_bytes = 16;
        ip.bytes[0] = 0xfd;
        ip.bytes[1] = 0x5c;
        ip.bytes[3] = config->slot;
        ip.bytes[4] = (uint8_t)(config->number >> 8);
        ip.bytes[5] = (uint8_t)config->number;
        ip.bytes[15] = (uint8_t)host;
    }
    return ip;
}

struct sp_lab_ip sp_lab_end_ip(const struct sp_lab_config *config, enum sp_place place)
{
    return ip_of(config, place == SP_PLACE_CLIENT ? 1 : 2);
}

struct sp_lab_ip sp_lab_box_ip(const struct sp_lab_config *config, enum sp_place facing)
{
    return ip_of(config, facing == SP_PLACE_CLIENT ? 0 : 3);
}

/* Two addresses and no more: of one network, whose host part is one bit (RFC 3021, RFC 6164). */
static unsigned pair_prefix_bits(const struct sp_lab_ip *ip)
{
    return ip->len_bytes * 8U - 1;
}

void sp_lab_nl_add_box(struct sp_lab_nl *nl, const struct sp_lab *lab, enum sp_place facing)
{
    struct sp_lab_ip own = sp_lab_box_ip(&lab->config, facing);
    struct sp_lab_ip neighbour = sp_lab_end_ip(&lab->config, facing);
    const struct sp_lab_link *link = &lab->links[2 + facing];

    sp_lab_nl_add_address(nl, link->ifindex, &own, pair_prefix_bits(&own));
    if (own.family == AF_INET6)
        sp_lab_nl_add_local_route(nl, link->ifindex, &own, NULL);
    sp_lab_nl_add_neighbour(nl, link->ifindex, &neighbour, lab->links[facing].mac);
}

/*
 * An end's own address. The kernel adds the local route of an IPv6 one in the background
 * (addrconf_dad_work), and a segment that comes earlier would be lost, so it is put there by us;
 * but not where a stack takes the address away again: ours would stay behind, and with a route back
 * the kernel would answer with a RST whatever comes for that stack.
 */
static void add_own(struct sp_lab_nl *nl, const struct sp_lab *lab, enum sp_place place,
                    unsigned prefix_bits)
{
    struct sp_lab_ip own = sp_lab_end_ip(&lab->config, place);

    sp_lab_nl_add_address(nl, lab->links[place].ifindex, &own, prefix_bits);
    if (own.family == AF_INET6 && !lab->config.lent[place])
        sp_lab_nl_add_local_route(nl, lab->links[place].ifindex, &own, NULL);
}

static void add_end_behind_router(struct sp_lab_nl *nl, const struct sp_lab *lab,
                                  enum sp_place place)
{
    struct sp_lab_ip box = sp_lab_box_ip(&lab->config, place);
    const struct sp_lab_link *link = &lab->links[place];

    add_own(nl, lab, place, pair_prefix_bits(&box));
    sp_lab_nl_add_neighbour(nl, link->ifindex, &box, lab->links[2 + place].mac);
    sp_lab_nl_add_default_route(nl, link->ifindex, &box);
}

void sp_lab_nl_add_end(struct sp_lab_nl *nl, const struct sp_lab *lab, enum sp_place place)
{
    enum sp_place other = place == SP_PLACE_CLIENT ? SP_PLACE_SERVER : SP_PLACE_CLIENT;
    struct sp_lab_ip neighbour = sp_lab_end_ip(&lab->config, other);
    const struct sp_lab_link *link = &lab->links[place];

    if (lab->config.kind == SP_LAB_ROUTED) {
        add_end_behind_router(nl, lab, place);
        return;
    }
    add_own(nl, lab, place, neighbour.family == AF_INET ? 30 : 64);
    sp_lab_nl_add_neighbour(nl, link->ifindex, &neighbour, lab->links[other].mac);
}
