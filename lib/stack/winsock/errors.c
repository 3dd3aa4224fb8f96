/*
 * Winsock's errors under the names of POSIX. Where both have a name that means the same it is that
 * name; a few differ (connect: WSAEWOULDBLOCK is what POSIX calls EINPROGRESS, and is told apart by
 * who asks; WSAENOTSOCK for a handle that is closed is POSIX's EBADF). WSAESHUTDOWN,
 * WSAECONNABORTED and WSAEDISCON have meanings of their own and never stand for EPIPE.
 *
 * Source: learn.microsoft.com, "Windows Sockets Error Codes".
 */
#include "internal.h"

#include <string.h>

static const struct row {
    int error;
    const char *name;
    const char *native;
} rows[] = {
#define SAME(name)                                                                                 \
    {                                                                                              \
        WSA##name, #name, "WSA" #name                                                              \
    }
    SAME(EACCES),
    SAME(EADDRINUSE),
    SAME(EADDRNOTAVAIL),
    SAME(EAFNOSUPPORT),
    SAME(EALREADY),
    SAME(ECONNABORTED),
    SAME(ECONNREFUSED),
    SAME(ECONNRESET),
    SAME(EDESTADDRREQ),
    SAME(EDQUOT),
    SAME(EFAULT),
    SAME(EHOSTDOWN),
    SAME(EHOSTUNREACH),
    SAME(EINPROGRESS),
    SAME(EINTR),
    SAME(EINVAL),
    SAME(EISCONN),
    SAME(ELOOP),
    SAME(EMFILE),
    SAME(EMSGSIZE),
    SAME(ENAMETOOLONG),
    SAME(ENETDOWN),
    SAME(ENETRESET),
    SAME(ENETUNREACH),
    SAME(ENOBUFS),
    SAME(ENOPROTOOPT),
    SAME(ENOTCONN),
    SAME(ENOTEMPTY),
    SAME(EOPNOTSUPP),
    SAME(EPFNOSUPPORT),
    SAME(EPROTONOSUPPORT),
    SAME(EPROTOTYPE),
    SAME(EREMOTE),
    SAME(ESHUTDOWN),
    SAME(ESOCKTNOSUPPORT),
    SAME(ESTALE),
    SAME(ETIMEDOUT),
    SAME(ETOOMANYREFS),
    SAME(EUSERS),
#undef SAME
    {WSAEWOULDBLOCK, "EAGAIN", "WSAEWOULDBLOCK"},
    {WSAENOTSOCK, "EBADF", "WSAENOTSOCK"},
    {WSAEBADF, "EBADF", "WSAEBADF"},
    {WSAEDISCON, "EDISCON", "WSAEDISCON"},
    {WSANOTINITIALISED, "ENOTINITIALISED", "WSANOTINITIALISED"},
    {WSA_OPERATION_ABORTED, "ECANCELED", "WSA_OPERATION_ABORTED"},
    {ERROR_CALL_NOT_IMPLEMENTED, "ENOSYS", "ERROR_CALL_NOT_IMPLEMENTED"},
};

enum { ROWS = sizeof rows / sizeof rows[0] };

const char *sp_stack_error_name(int error)
{
    for (unsigned i = 0; i < ROWS; i++)
        if (rows[i].error == error)
            return rows[i].name;
    return NULL;
}

const char *sp_stack_error_native(int error)
{
    for (unsigned i = 0; i < ROWS; i++)
        if (rows[i].error == error)
            return rows[i].native;
    return "";
}

bool sp_stack_error_number(const char *name, int *error)
{
    if (strcmp(name, "EWOULDBLOCK") == 0)
        name = "EAGAIN";
    for (unsigned i = 0; i < ROWS; i++) {
        if (strcmp(rows[i].name, name) == 0) {
            *error = rows[i].error;
            return true;
        }
    }
    return false;
}
