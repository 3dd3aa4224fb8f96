/* Addresses: to and from text, and to and from the form that the socket calls take. */
#include "addr.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifndef _WIN32
#include <arpa/inet.h>
#include <netinet/in.h>
#endif

socklen_t sp_stack_addr_out(const struct sp_stack_addr *addr, struct sockaddr_storage *out)
{
    memset(out, 0, sizeof *out);
    if (addr->family == 4) {
        struct sockaddr_in *in = (struct sockaddr_in *)out;
        in->sin_family = AF_INET;
        in->sin_port = htons(addr->port);
        memcpy(&in->sin_addr, addr->ip, sizeof in->sin_addr);
        return sizeof *in;
    }
    if (addr->family == 6) {
        struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)out;
        in6->sin6_family = AF_INET6;
        in6->sin6_port = htons(addr->port);
        memcpy(&in6->sin6_addr, addr->ip, sizeof in6->sin6_addr);
        return sizeof *in6;
    }
    out->ss_family = AF_UNSPEC;
    return sizeof(struct sockaddr_in);
}

void sp_stack_addr_in(const struct sockaddr_storage *from, socklen_t len_bytes,
                      struct sp_stack_addr *addr)
{
    memset(addr, 0, sizeof *addr);
    if (from->ss_family == AF_INET && len_bytes >= (socklen_t)sizeof(struct sockaddr_in)) {
        const struct sockaddr_in *in = (const struct sockaddr_in *)from;
        addr->family = 4;
        addr->port = ntohs(in->sin_port);
        memcpy(addr->ip, &in->sin_addr, sizeof in->sin_addr);
    } else if (from->ss_family == AF_INET6 && len_bytes >= (socklen_t)sizeof(struct sockaddr_in6)) {
        const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)from;
        addr->family = 6;
        addr->port = ntohs(in6->sin6_port);
        memcpy(addr->ip, &in6->sin6_addr, sizeof in6->sin6_addr);
    }
}

void sp_stack_addr_print(const struct sp_stack_addr *addr, char *out, size_t cap)
{
    char ip[INET6_ADDRSTRLEN] = "";
    out[0] = '\0';
    if (addr->family != 4 && addr->family != 6)
        return;
    inet_ntop(addr->family == 4 ? AF_INET : AF_INET6, addr->ip, ip, sizeof ip);
    if (!addr->port)
        snprintf(out, cap, "%s", ip);
    else if (addr->family == 4)
        snprintf(out, cap, "%s:%u", ip, addr->port);
    else
        snprintf(out, cap, "[%s]:%u", ip, addr->port);
}

static enum sp_rc parse_port(const char *digits, const char *whole, uint16_t *port,
                             struct sp_err *err)
{
    unsigned long number = 0;
    size_t len = strspn(digits, "0123456789");
    if (len && len <= 5)
        number = strtoul(digits, NULL, 10);
    if (!len || len > 5 || digits[len] || number > UINT16_MAX)
        return sp_fail(err, SP_E_PARSE, "'%s': a port is a number from 0 to 65535", whole);
    *port = (uint16_t)number;
    return SP_OK;
}

enum sp_rc sp_stack_addr_parse(const char *text, struct sp_stack_addr *addr, struct sp_err *err)
{
    char ip[SP_STACK_ADDR_TEXT];
    const char *from = text;
    size_t len = strlen(text);
    const char *port = NULL;
    const char *colon = strchr(text, ':');
    memset(addr, 0, sizeof *addr);
    if (*text == '[') {
        const char *end = strchr(text, ']');
        if (!end || (end[1] && end[1] != ':'))
            return sp_fail(err, SP_E_PARSE, "'%s': expected [ADDRESS] or [ADDRESS]:PORT", text);
        from = text + 1;
        len = (size_t)(end - from);
        port = end[1] ? end + 2 : NULL;
    } else if (colon && !strchr(colon + 1, ':')) {
        len = (size_t)(colon - text);
        port = colon + 1;
    }
    if (len >= sizeof ip)
        return sp_fail(err, SP_E_PARSE, "not an address: '%s'", text);
    memcpy(ip, from, len);
    ip[len] = '\0';
    if (*text != '[' && inet_pton(AF_INET, ip, addr->ip) == 1)
        addr->family = 4;
    else if ((*text == '[' || !port) && inet_pton(AF_INET6, ip, addr->ip) == 1)
        addr->family = 6;
    else
        return sp_fail(err, SP_E_PARSE,
                       "not an address: '%s'; expected 10.0.0.1:80 or [fd00::1]:80", text);
    return port ? parse_port(port, text, &addr->port, err) : SP_OK;
}
