/*
 * A second address for a host, on the same link: what makes it multihomed.
 *
 * It is outside the subnet that the two ends share, so that an unbound socket goes on speaking from
 * the first one. `preferred` puts in a route to the other host that has the second one as its
 * source: from then on the kernel chooses that. What exists already must not notice.
 */
#include "internal.h"

#include <arpa/inet.h>
#include <string.h>

/*
 * IPv4: 100.64.0.0/10 (RFC 6598) holds 22 bits, slot and number; so there is one for each run.
 * IPv6: another subnet of the run's own prefix.
 */
static struct sp_lab_ip second_ip(const struct sp_lab_config *config)
{
    struct sp_lab_ip ip = sp_lab_end_ip(config, SP_PLACE_CLIENT);
    if (config->family == 4) {
        ip.bytes[0] = 100;
        ip.bytes[1] = (uint8_t)(64 | config->slot >> 2);
        ip.bytes[2] = (uint8_t)((config->slot & 3) << 6 | config->number >> 8);
        ip.bytes[3] = (uint8_t)config->number;
    } else {
        ip.bytes[7] = 1;
        ip.bytes[15] = 3;
    }
    return ip;
}

void sp_lab_second_address(const struct sp_lab_config *config, char text[48])
{
    struct sp_lab_ip ip = second_ip(config);
    inet_ntop(ip.family, ip.bytes, text, 48);
}

/* What one of the two hosts needs, sent from inside its place. */
static enum sp_rc tell_host(const struct sp_lab *lab, enum sp_place host, enum sp_place owner,
                            bool preferred, struct sp_err *err)
{
    const struct sp_lab_link *link = &lab->links[host];
    struct sp_lab_ip second = second_ip(&lab->config);
    struct sp_lab_ip other =
        sp_lab_end_ip(&lab->config, owner == SP_PLACE_CLIENT ? SP_PLACE_SERVER : SP_PLACE_CLIENT);
    struct sp_lab_nl nl;
    enum sp_rc rc = sp_lab_enter(lab, host, err);
    if (rc == SP_OK)
        rc = sp_lab_nl_open(&nl, 0, err);
    if (rc != SP_OK)
        return rc;
    if (host != owner) {
        sp_lab_nl_add_host_route(&nl, link->ifindex, &second, NULL);
        sp_lab_nl_add_neighbour(&nl, link->ifindex, &second, lab->links[owner].mac);
    } else {
        sp_lab_nl_add_address(&nl, link->ifindex, &second, second.len_bytes * 8U);
        if (second.family == AF_INET6)
            sp_lab_nl_add_local_route(&nl, link->ifindex, &second, NULL);
        if (preferred)
            sp_lab_nl_add_host_route(&nl, link->ifindex, &other, &second);
    }
    rc = sp_lab_nl_flush(&nl, err);
    sp_lab_nl_release(&nl);
    return rc;
}

enum sp_rc sp_lab_second(struct sp_lab *lab, enum sp_place place, bool preferred,
                         struct sp_err *err)
{
    if (lab->config.kind == SP_LAB_LOOPBACK || lab->config.kind == SP_LAB_ROUTED ||
        place == SP_PLACE_BOX)
        return sp_fail(err, SP_E_UNSUPPORTED, "only the hosts of a link get a second address");
    enum sp_rc rc = SP_OK;
    for (int host = SP_PLACE_CLIENT; host <= SP_PLACE_SERVER && rc == SP_OK; host++)
        if (!lab->config.mute[host])
            rc = tell_host(lab, (enum sp_place)host, place, preferred, err);
    enum sp_rc left = sp_lab_leave(lab, rc == SP_OK ? err : NULL);
    return rc != SP_OK ? rc : left;
}
