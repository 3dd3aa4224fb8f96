#include "err.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum sp_rc sp_err_set(struct sp_err *err, enum sp_rc rc, int os_code, const char *file, int line,
                      const char *fmt, ...)
{
    if (!err)
        return rc;
    /* Formatted aside first: the arguments may well be this error's own text. */
    char text[sizeof err->text];
    va_list args;
    va_start(args, fmt);
    int used = vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    if (os_code && used >= 0 && (size_t)used < sizeof text)
        snprintf(text + used, sizeof text - (size_t)used, ": %s", strerror(os_code));
    err->rc = rc;
    err->os_code = os_code;
    err->file = file;
    err->line = line;
    memcpy(err->text, used >= 0 ? text : "", used >= 0 ? strlen(text) + 1 : 1);
    return rc;
}

void sp_err_prefix(struct sp_err *err, const char *fmt, ...)
{
    if (!err)
        return;
    char old[sizeof err->text];
    memcpy(old, err->text, sizeof old);
    va_list args;
    va_start(args, fmt);
    int used = vsnprintf(err->text, sizeof err->text, fmt, args);
    va_end(args);
    if (used >= 0 && (size_t)used < sizeof err->text)
        snprintf(err->text + used, sizeof err->text - (size_t)used, ": %s", old);
}

const char *sp_rc_name(enum sp_rc rc)
{
    switch (rc) {
    case SP_OK:
        return "ok";
    case SP_E_NOMEM:
        return "nomem";
    case SP_E_IO:
        return "io";
    case SP_E_PERM:
        return "perm";
    case SP_E_PARSE:
        return "parse";
    case SP_E_USAGE:
        return "usage";
    case SP_E_PROTO:
        return "proto";
    case SP_E_TIMEOUT:
        return "timeout";
    case SP_E_UNSUPPORTED:
        return "unsupported";
    case SP_E_INTERRUPTED:
        return "interrupted";
    case SP_E_LIMIT:
        return "limit";
    case SP_E_NOTFOUND:
        return "notfound";
    case SP_E_PIN:
        return "pin";
    }
    return "unknown";
}
