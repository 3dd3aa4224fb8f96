/*
 * Sockets with several owners. A socket goes to another process as a WSAPROTOCOL_INFOW that
 * WSADuplicateSocketW has made for it (learn.microsoft.com, "Shared Sockets"): from then on it has
 * a reference of its own. Here the other process is this one, and the channel the list of what is
 * on its way: channel[0] the oldest, channel[1] the newest, SP_STACK_NO_SOCK where there is none.
 */
#include "internal.h"

#include <stdlib.h>

#include "mem.h"

struct parcel {
    WSAPROTOCOL_INFOW info;
    bool waits; /* the socket's mode, which goes with it */
    struct parcel *next;
};

static struct parcel *parcel_of(sp_stack_sock end)
{
    return end == SP_STACK_NO_SOCK ? NULL : (struct parcel *)end;
}

void sp_stack_pass(sp_stack_sock sock, sp_stack_sock channel[2], struct sp_stack_outcome *out)
{
    struct parcel *parcel = sp_xcalloc(1, sizeof *parcel);
    parcel->waits = sp_winsock_waits((SOCKET)sock);
    SP_WINSOCK_CALL(out, WSADuplicateSocketW((SOCKET)sock, GetCurrentProcessId(), &parcel->info));
    if (out->value < 0) {
        free(parcel);
        return;
    }
    struct parcel *newest = parcel_of(channel[1]);
    if (newest)
        newest->next = parcel;
    else
        channel[0] = (sp_stack_sock)parcel;
    channel[1] = (sp_stack_sock)parcel;
}

void sp_stack_take(sp_stack_sock channel[2], struct sp_stack_outcome *out)
{
    struct parcel *parcel = parcel_of(channel[0]);
    sp_winsock_enter(out);
    SOCKET sock = INVALID_SOCKET;
    WSASetLastError(WSAEWOULDBLOCK);
    if (parcel)
        sock = WSASocketW(FROM_PROTOCOL_INFO, FROM_PROTOCOL_INFO, FROM_PROTOCOL_INFO, &parcel->info,
                          0, WSA_FLAG_OVERLAPPED);
    sp_winsock_leave(out, sock == INVALID_SOCKET ? -1 : (int64_t)sock);
    if (out->value < 0)
        return;
    sp_winsock_mode_note(sock, !parcel->waits);
    channel[0] = parcel->next ? (sp_stack_sock)parcel->next : SP_STACK_NO_SOCK;
    if (!parcel->next)
        channel[1] = SP_STACK_NO_SOCK;
    free(parcel);
}

void sp_stack_fork(const int *pipes, size_t pipe_count, struct sp_stack_outcome *out)
{
    (void)pipes, (void)pipe_count;
    sp_winsock_has_not(out);
}

void sp_stack_reap(int64_t child, struct sp_stack_outcome *out)
{
    (void)child;
    sp_winsock_has_not(out);
}
