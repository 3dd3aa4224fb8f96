/*
 * Error numbers and names. On POSIX systems the API's own name is the POSIX name.
 *
 * Source: errno(3); the kernel's include/uapi/asm-generic/errno.h for those beyond it.
 */
#include <errno.h>
#include <string.h>

#include "stack.h"

struct row {
    int error;
    const char *name;
};

#define ROW(name)                                                                                  \
    {                                                                                              \
        name, #name                                                                                \
    }

static const struct row rows[] = {
    /* IEEE Std 1003.1-2017, <errno.h>. */
    ROW(E2BIG),
    ROW(EACCES),
    ROW(EADDRINUSE),
    ROW(EADDRNOTAVAIL),
    ROW(EAFNOSUPPORT),
    ROW(EAGAIN),
    ROW(EALREADY),
    ROW(EBADF),
    ROW(EBADMSG),
    ROW(EBUSY),
    ROW(ECANCELED),
    ROW(ECHILD),
    ROW(ECONNABORTED),
    ROW(ECONNREFUSED),
    ROW(ECONNRESET),
    ROW(EDEADLK),
    ROW(EDESTADDRREQ),
    ROW(EDOM),
    ROW(EDQUOT),
    ROW(EEXIST),
    ROW(EFAULT),
    ROW(EFBIG),
    ROW(EHOSTUNREACH),
    ROW(EIDRM),
    ROW(EILSEQ),
    ROW(EINPROGRESS),
    ROW(EINTR),
    ROW(EINVAL),
    ROW(EIO),
    ROW(EISCONN),
    ROW(EISDIR),
    ROW(ELOOP),
    ROW(EMFILE),
    ROW(EMLINK),
    ROW(EMSGSIZE),
    ROW(EMULTIHOP),
    ROW(ENAMETOOLONG),
    ROW(ENETDOWN),
    ROW(ENETRESET),
    ROW(ENETUNREACH),
    ROW(ENFILE),
    ROW(ENOBUFS),
    ROW(ENODEV),
    ROW(ENOENT),
    ROW(ENOEXEC),
    ROW(ENOLCK),
    ROW(ENOLINK),
    ROW(ENOMEM),
    ROW(ENOMSG),
    ROW(ENOPROTOOPT),
    ROW(ENOSPC),
    ROW(ENOSYS),
    ROW(ENOTCONN),
    ROW(ENOTDIR),
    ROW(ENOTEMPTY),
    ROW(ENOTRECOVERABLE),
    ROW(ENOTSOCK),
    ROW(ENOTTY),
    ROW(ENXIO),
    ROW(EOPNOTSUPP),
    ROW(EOVERFLOW),
    ROW(EOWNERDEAD),
    ROW(EPERM),
    ROW(EPIPE),
    ROW(EPROTO),
    ROW(EPROTONOSUPPORT),
    ROW(EPROTOTYPE),
    ROW(ERANGE),
    ROW(EROFS),
    ROW(ESPIPE),
    ROW(ESRCH),
    ROW(ESTALE),
    ROW(ETIMEDOUT),
    ROW(ETXTBSY),
    ROW(EXDEV),
#ifdef __linux__
    ROW(ENOTBLK),
    ROW(ECHRNG),
    ROW(EL2NSYNC),
    ROW(EL3HLT),
    ROW(EL3RST),
    ROW(ELNRNG),
    ROW(EUNATCH),
    ROW(ENOCSI),
    ROW(EL2HLT),
    ROW(EBADE),
    ROW(EBADR),
    ROW(EXFULL),
    ROW(ENOANO),
    ROW(EBADRQC),
    ROW(EBADSLT),
    ROW(EBFONT),
    ROW(ENOSTR),
    ROW(ENODATA),
    ROW(ETIME),
    ROW(ENOSR),
    ROW(ENONET),
    ROW(ENOPKG),
    ROW(EREMOTE),
    ROW(EADV),
    ROW(ESRMNT),
    ROW(ECOMM),
    ROW(EDOTDOT),
    ROW(ENOTUNIQ),
    ROW(EBADFD),
    ROW(EREMCHG),
    ROW(ELIBACC),
    ROW(ELIBBAD),
    ROW(ELIBSCN),
    ROW(ELIBMAX),
    ROW(ELIBEXEC),
    ROW(ERESTART),
    ROW(ESTRPIPE),
    ROW(EUSERS),
    ROW(ESOCKTNOSUPPORT),
    ROW(EPFNOSUPPORT),
    ROW(ESHUTDOWN),
    ROW(ETOOMANYREFS),
    ROW(EHOSTDOWN),
    ROW(EUCLEAN),
    ROW(ENOTNAM),
    ROW(ENAVAIL),
    ROW(EISNAM),
    ROW(EREMOTEIO),
    ROW(ENOMEDIUM),
    ROW(EMEDIUMTYPE),
    ROW(ENOKEY),
    ROW(EKEYEXPIRED),
    ROW(EKEYREVOKED),
    ROW(EKEYREJECTED),
    ROW(ERFKILL),
    ROW(EHWPOISON),
#else
    ROW(EHOSTDOWN),
    ROW(ENOTBLK),
    ROW(EPFNOSUPPORT),
    ROW(ESHUTDOWN),
    ROW(ESOCKTNOSUPPORT),
#endif
};

/* Second names of numbers that have a row above. */
static const struct row aliases[] = {ROW(EWOULDBLOCK), ROW(ENOTSUP)};

enum { ROWS = sizeof rows / sizeof rows[0], ALIASES = sizeof aliases / sizeof aliases[0] };

const char *sp_stack_error_name(int error)
{
    for (unsigned i = 0; i < ROWS; i++)
        if (rows[i].error == error)
            return rows[i].name;
    return NULL;
}

const char *sp_stack_error_native(int error)
{
    (void)error;
    return "";
}

static bool find(const struct row *table, unsigned len, const char *name, int *error)
{
    for (unsigned i = 0; i < len; i++) {
        if (strcmp(table[i].name, name) == 0) {
            *error = table[i].error;
            return true;
        }
    }
    return false;
}

bool sp_stack_error_number(const char *name, int *error)
{
    return find(rows, ROWS, name, error) || find(aliases, ALIASES, name, error);
}
