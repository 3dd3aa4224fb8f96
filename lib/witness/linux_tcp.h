/*
 * What both state witnesses have in common: Linux's numbers and addresses in our words, and whose
 * an address is.
 *
 * Private to this room. Pure.
 */
#ifndef SP_WITNESS_LINUX_TCP_H
#define SP_WITNESS_LINUX_TCP_H

#include <stdbool.h>
#include <stdint.h>

#include "trace.h"

/* Of include/net/tcp_states.h; NONE for a number that is no state of TCP. */
enum sp_tcp_state sp_linux_tcp_state(int64_t number);

/* Sixteen bytes in network order; an IPv4-mapped address (RFC 4291 section 2.5.5.2) is IPv4. */
struct sp_addr sp_linux_addr6(const uint8_t ip[16], uint16_t port);
struct sp_addr sp_linux_addr4(const uint8_t ip[4], uint16_t port);

/* Address of no host: 0.0.0.0, ::, or none at all. */
bool sp_linux_addr_is_wildcard(const struct sp_addr *addr);

/* The same address; none (family 0) for the zeros that the kernel shows where nobody is. */
struct sp_addr sp_linux_remote(const struct sp_addr *addr);

/* The endpoint of the run that has this address; SP_END_NONE: none. */
enum sp_end sp_linux_addr_end(const struct sp_trace_head *head, const struct sp_addr *addr);

#endif
