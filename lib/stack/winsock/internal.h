/* What the files of the Winsock stack share. Every call under test is bracketed by
 * sp_winsock_enter and sp_winsock_leave. */
#ifndef SP_STACK_WINSOCK_INTERNAL_H
#define SP_STACK_WINSOCK_INTERNAL_H

#include <winsock2.h>
#include <ws2tcpip.h>

#include "stack.h"

enum sp_winsock_set { SP_WINSOCK_READ = 1, SP_WINSOCK_WRITE = 2, SP_WINSOCK_EXCEPT = 4 };

/* MSG_DONTWAIT is ours: the call is made in the mode that does not wait, and the mode put back. */
enum { SP_WINSOCK_DONTWAIT = 0x20000000 };

void sp_winsock_enter(struct sp_stack_outcome *out);
/* `value` -1: failed, with WSAGetLastError. */
void sp_winsock_leave(struct sp_stack_outcome *out, int64_t value);
/* The mode of a socket, which Winsock does not tell: noted where it is set, and whether it waits.
 */
void sp_winsock_mode_note(SOCKET sock, bool nonblock);
bool sp_winsock_waits(SOCKET sock);

/* A call that Winsock has not: ENOSYS. */
void sp_winsock_has_not(struct sp_stack_outcome *out);

#define SP_WINSOCK_CALL(out, call)                                                                 \
    do {                                                                                           \
        sp_winsock_enter(out);                                                                     \
        int64_t value_ = (int64_t)(call);                                                          \
        sp_winsock_leave((out), value_);                                                           \
    } while (0)

/* Before each call: what has arrived by now is taken in, as in a kernel. */
void sp_winsock_catch_up(void);
/* Thread side of the two above (thread.c). */
void sp_winsock_thread_enter(int64_t now_ns);
void sp_winsock_thread_leave(void);

#endif
