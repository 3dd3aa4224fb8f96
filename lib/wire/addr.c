/*
 * Addresses and their text. Our own parser and printer and not inet_pton, so that this room needs
 * no socket headers and writes the same on every system.
 */
#include <stdio.h>
#include <string.h>

#include "wire.h"

enum { GROUPS = 8, NO_GAP = 17 };

bool sp_addr_same_ip(const struct sp_addr *a, const struct sp_addr *b)
{
    if (a->family != b->family)
        return false;
    size_t len = a->family == SP_IPV4 ? 4 : a->family == SP_IPV6 ? 16 : 0;
    return memcmp(a->ip, b->ip, len) == 0;
}

bool sp_addr_same(const struct sp_addr *a, const struct sp_addr *b)
{
    return sp_addr_same_ip(a, b) && a->port == b->port;
}

static unsigned group(const struct sp_addr *addr, unsigned i)
{
    return (unsigned)addr->ip[2 * i] << 8 | addr->ip[2 * i + 1];
}

/* Where the longest run of zero groups starts (RFC 5952 section 4.2: the first, two or more). */
static unsigned longest_zeros(const struct sp_addr *addr, unsigned *len)
{
    unsigned best = GROUPS;
    *len = 1;
    for (unsigned i = 0; i < GROUPS; i++) {
        unsigned run = 0;
        while (i + run < GROUPS && group(addr, i + run) == 0)
            run++;
        if (run > *len) {
            best = i;
            *len = run;
        }
    }
    return best;
}

static void print_ipv6(const struct sp_addr *addr, char out[SP_ADDR_TEXT])
{
    static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
    const uint8_t *ip = addr->ip;
    if (memcmp(ip, mapped, sizeof mapped) == 0) {
        snprintf(out, SP_ADDR_TEXT, "::ffff:%u.%u.%u.%u", ip[12], ip[13], ip[14], ip[15]);
        return;
    }
    unsigned zeros_len;
    unsigned zeros = longest_zeros(addr, &zeros_len);
    size_t used = 0;
    out[0] = '\0';
    for (unsigned i = 0; i < GROUPS; i++) {
        if (i == zeros) {
            used += (size_t)snprintf(out + used, SP_ADDR_TEXT - used, "::");
            i += zeros_len - 1;
            continue;
        }
        const char *colon = i && out[used - 1] != ':' ? ":" : "";
        used += (size_t)snprintf(out + used, SP_ADDR_TEXT - used, "%s%x", colon, group(addr, i));
    }
}

void sp_addr_print(const struct sp_addr *addr, char *out, size_t cap)
{
    char text[SP_ADDR_TEXT];
    const uint8_t *ip = addr->ip;
    switch (addr->family) {
    case SP_IPV4:
        if (addr->port)
            snprintf(out, cap, "%u.%u.%u.%u:%u", ip[0], ip[1], ip[2], ip[3], addr->port);
        else
            snprintf(out, cap, "%u.%u.%u.%u", ip[0], ip[1], ip[2], ip[3]);
        return;
    case SP_IPV6:
        print_ipv6(addr, text);
        if (addr->port)
            snprintf(out, cap, "[%s]:%u", text, addr->port);
        else
            snprintf(out, cap, "%s", text);
        return;
    default: /* family is a byte that any caller may have filled */
        snprintf(out, cap, "none");
    }
}

/* A decimal number up to max, without leading zeros; returns what follows, NULL where none. */
static const char *parse_decimal(const char *p, unsigned max, unsigned *value)
{
    const char *start = p;
    unsigned v = 0;
    for (; *p >= '0' && *p <= '9'; p++) {
        v = v * 10 + (unsigned)(*p - '0');
        if (v > max)
            return NULL;
    }
    if (p == start || (*start == '0' && p - start > 1))
        return NULL;
    *value = v;
    return p;
}

static const char *parse_ipv4(const char *p, uint8_t *ip)
{
    for (int i = 0; i < 4; i++) {
        unsigned byte;
        if (i && *p++ != '.')
            return NULL;
        p = parse_decimal(p, 255, &byte);
        if (!p)
            return NULL;
        ip[i] = (uint8_t)byte;
    }
    return p;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

/* One group of up to four hex digits; returns what follows, NULL where none. */
static const char *parse_group(const char *p, uint8_t out[2])
{
    unsigned value = 0;
    int digits = 0;
    for (; hex_digit(*p) >= 0; p++) {
        if (++digits > 4)
            return NULL;
        value = value << 4 | (unsigned)hex_digit(*p);
    }
    out[0] = (uint8_t)(value >> 8);
    out[1] = (uint8_t)value;
    return digits ? p : NULL;
}

/* Whether the token at p is dotted: the IPv4 tail of an IPv6 address. */
static bool is_dotted(const char *p)
{
    while (hex_digit(*p) >= 0)
        p++;
    return *p == '.';
}

static const char *parse_ipv6(const char *p, uint8_t ip[16])
{
    size_t used = 0;
    size_t gap = NO_GAP; /* where "::" stands */
    memset(ip, 0, 16);
    if (p[0] == ':' && p[1] == ':') {
        gap = 0;
        p += 2;
    }
    while (hex_digit(*p) >= 0) {
        if (used <= 12 && is_dotted(p)) {
            p = parse_ipv4(p, ip + used);
            used += 4;
            break;
        }
        if (used == 16 || !(p = parse_group(p, ip + used)))
            return NULL;
        used += 2;
        if (*p != ':' || (p[1] != ':' && hex_digit(p[1]) < 0))
            break;
        p++;
        if (*p == ':') {
            if (gap != NO_GAP)
                return NULL;
            gap = used;
            p++;
        }
    }
    if (!p || (gap == NO_GAP) != (used == 16))
        return NULL;
    if (gap != NO_GAP) {
        memmove(ip + 16 - (used - gap), ip + gap, used - gap);
        memset(ip + gap, 0, 16 - used);
    }
    return p;
}

static bool parse_addr(const char *text, struct sp_addr *addr)
{
    if (strcmp(text, "none") == 0)
        return true;
    bool bracket = *text == '[';
    bool may_have_port = true;
    const char *p = NULL;
    if (!bracket && (p = parse_ipv4(text, addr->ip)) != NULL && (*p == '\0' || *p == ':')) {
        addr->family = SP_IPV4;
    } else {
        p = parse_ipv6(text + bracket, addr->ip);
        if (!p || (bracket && *p++ != ']'))
            return false;
        addr->family = SP_IPV6;
        may_have_port = bracket;
    }
    if (*p == ':' && may_have_port) {
        unsigned port;
        p = parse_decimal(p + 1, 65535, &port);
        if (!p)
            return false;
        addr->port = (uint16_t)port;
    }
    return *p == '\0';
}

enum sp_rc sp_addr_parse(const char *text, struct sp_addr *addr, struct sp_err *err)
{
    struct sp_addr parsed = {0};
    if (!parse_addr(text, &parsed))
        return sp_fail(err, SP_E_PARSE, "not an address: '%.80s'", text);
    *addr = parsed;
    return SP_OK;
}
