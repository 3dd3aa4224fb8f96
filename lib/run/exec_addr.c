/*
 * Names of a case that stand for addresses: hosts, and ports that keep their number throughout.
 *
 * A host is of the family of the socket that the address is for. In a lab of the other family the
 * ends have no address of it, so an IPv6 socket names them by mapped addresses; what calls tell of
 * those is unmapped, because the segments and the kernel's states are IPv4's.
 */
#include "exec.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct exec_port *port_find(struct exec *x, const char *name)
{
    for (unsigned i = 0; i < x->port_count; i++)
        if (strcmp(x->ports[i].name, name) == 0)
            return &x->ports[i];
    return NULL;
}

static bool is_number(const char *text, long *number)
{
    char *end = NULL;
    *number = strtol(text, &end, 10);
    return *text && end && !*end;
}

/* An IPv6 socket names an IPv4 host by its mapped address (RFC 4291, 2.5.5.2). */
static void map_address(struct sp_addr *addr)
{
    uint8_t ip[4];
    memcpy(ip, addr->ip, sizeof ip);
    memset(addr->ip, 0, sizeof addr->ip);
    memset(addr->ip + 10, 0xff, 2);
    memcpy(addr->ip + 12, ip, sizeof ip);
    addr->family = SP_IPV6;
}

/* The inverse, for what a call tells: the segments on the wire are IPv4's. */
void exec_address_unmap(struct sp_addr *addr)
{
    static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
    if (addr->family != SP_IPV6 || memcmp(addr->ip, mapped, sizeof mapped) != 0)
        return;
    memmove(addr->ip, addr->ip + sizeof mapped, 4);
    memset(addr->ip + 4, 0, sizeof addr->ip - 4);
    addr->family = SP_IPV4;
}

/*
 * The address that "[HOST][:PORT]" stands for on a socket of the family. A name without a number
 * yet is port 0, and *new_port gets the name so that the port the kernel picks can be remembered
 * under it.
 */
enum sp_rc exec_address(struct exec *x, enum sp_who self, const char *text, uint8_t family,
                        struct sp_addr *addr, const char **new_port)
{
    char host[32] = "";
    const char *colon = strrchr(text, ':');
    size_t host_len = colon ? (size_t)(colon - text) : strlen(text);
    if (host_len < sizeof host)
        memcpy(host, text, host_len);
    enum sp_who who = !*host || strcmp(host, "own") == 0 ? self
                      : strcmp(host, "client") == 0      ? SP_WHO_CLIENT
                      : strcmp(host, "server") == 0      ? SP_WHO_SERVER
                      : strcmp(host, "peer") == 0        ? SP_WHO_PEER
                                                         : SP_WHO_NONE;
    bool nobody = who == SP_WHO_NONE;
    if (!nobody)
        *addr = x->trace.head.addr[who];
    else if (!sp_trace_host(&x->trace.head, host, family, addr) &&
             !sp_trace_host(&x->trace.head, host, x->trace.head.family, addr))
        return sp_fail(&x->err, SP_E_USAGE, "no such host in an address: '%s'", text);
    if (addr->family == SP_IPV4 && family == SP_IPV6)
        map_address(addr);
    if (addr->family != family)
        return sp_fail(&x->err, SP_E_USAGE, "%s: '%s' has no IPv4 address here",
                       x->plan.case_->file, text);

    if (!colon) {
        if (!nobody)
            addr->port = who == SP_WHO_PEER ? peer_port(x->peer) : exec_listener_port(x, who);
        return SP_OK;
    }
    long number = 0;
    struct exec_port *port = NULL;
    if (is_number(colon + 1, &number))
        addr->port = (uint16_t)number;
    else if ((port = port_find(x, colon + 1)))
        addr->port = port->port;
    else
        *new_port = colon + 1;
    return SP_OK;
}

enum sp_rc exec_port_note(struct exec *x, const char *name, uint16_t port)
{
    if (x->port_count == EXEC_PORTS)
        return sp_fail(&x->err, SP_E_LIMIT, "a case may name at most %d ports", EXEC_PORTS);
    x->ports[x->port_count++] = (struct exec_port){.name = name, .port = port};
    return SP_OK;
}

/*
 * A loose source route (RFC 791) through the hosts, one behind the other: as its first sender
 * writes it or, `followed`, as the last host gets it, with the pointer behind all of them. `option`
 * takes 40 bytes: the option and the end of the list.
 */
enum sp_rc exec_route(struct exec *x, const char *hosts, bool followed, uint8_t *option,
                      size_t *len)
{
    enum { LSRR = 131 };
    size_t end = 3;
    for (const char *p = hosts; *p; p += *p == ',') {
        char host[32] = "";
        struct sp_addr addr;
        size_t size = strcspn(p, ",");
        if (size < sizeof host)
            memcpy(host, p, size);
        if (!sp_trace_host(&x->trace.head, host, SP_IPV4, &addr))
            return sp_fail(&x->err, SP_E_USAGE, "no such host on a route: '%s'", host);
        memcpy(option + end, addr.ip, 4);
        end += 4;
        p += size;
    }
    option[0] = LSRR;
    option[1] = (uint8_t)end;
    option[2] = followed ? (uint8_t)(end + 1) : 4;
    option[end] = 0;
    *len = end + 1;
    return SP_OK;
}
