#include "linux_tcp.h"

#include <string.h>

enum sp_tcp_state sp_linux_tcp_state(int64_t number)
{
    static const uint8_t states[] = {
        [1] = SP_TCP_ESTABLISHED,
        [2] = SP_TCP_SYN_SENT,
        [3] = SP_TCP_SYN_RECEIVED,
        [4] = SP_TCP_FIN_WAIT_1,
        [5] = SP_TCP_FIN_WAIT_2,
        [6] = SP_TCP_TIME_WAIT,
        [7] = SP_TCP_CLOSED,
        [8] = SP_TCP_CLOSE_WAIT,
        [9] = SP_TCP_LAST_ACK,
        [10] = SP_TCP_LISTEN,
        [11] = SP_TCP_CLOSING,
        [12] = SP_TCP_SYN_RECEIVED, /* TCP_NEW_SYN_RECV: a half-open request */
    };
    if (number < 0 || number >= (int64_t)(sizeof states / sizeof states[0]))
        return SP_TCP_NONE;
    return (enum sp_tcp_state)states[number];
}

struct sp_addr sp_linux_addr4(const uint8_t ip[4], uint16_t port)
{
    struct sp_addr addr = {.family = SP_IPV4, .port = port};
    memcpy(addr.ip, ip, 4);
    return addr;
}

struct sp_addr sp_linux_addr6(const uint8_t ip[16], uint16_t port)
{
    static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
    if (memcmp(ip, mapped, sizeof mapped) == 0)
        return sp_linux_addr4(ip + sizeof mapped, port);
    struct sp_addr addr = {.family = SP_IPV6, .port = port};
    memcpy(addr.ip, ip, 16);
    return addr;
}

bool sp_linux_addr_is_wildcard(const struct sp_addr *addr)
{
    static const uint8_t zero[16];
    return memcmp(addr->ip, zero, sizeof zero) == 0;
}

struct sp_addr sp_linux_remote(const struct sp_addr *addr)
{
    struct sp_addr none = {0};
    return sp_linux_addr_is_wildcard(addr) && addr->port == 0 ? none : *addr;
}

enum sp_end sp_linux_addr_end(const struct sp_trace_head *head, const struct sp_addr *addr)
{
    for (int end = SP_END_NONE + 1; end < SP_END_COUNT; end++)
        if (addr->family &&
            (sp_addr_same_ip(&head->addr[end], addr) || sp_addr_same_ip(&head->second[end], addr)))
            return (enum sp_end)end;
    return SP_END_NONE;
}
