/* Addresses as the socket calls of POSIX and Winsock take them. Private to lib/stack. */
#ifndef SP_STACK_ADDR_H
#define SP_STACK_ADDR_H

#ifdef _WIN32
#include <winsock2.h>
#include <ws2tcpip.h>
#else
#include <sys/socket.h>
#endif

#include "stack.h"

/* From and to the system's form. No family gives AF_UNSPEC. */
socklen_t sp_stack_addr_out(const struct sp_stack_addr *addr, struct sockaddr_storage *out);
void sp_stack_addr_in(const struct sockaddr_storage *from, socklen_t len_bytes,
                      struct sp_stack_addr *addr);

#endif
