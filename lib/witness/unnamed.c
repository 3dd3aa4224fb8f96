#include "unnamed.h"

#include <string.h>

bool sp_is_unnamed(const struct sp_tp_record *record)
{
    return record->what == SP_TP_STATE && record->new_state == SP_TCP_SYN_RECEIVED &&
           record->old_state == SP_TCP_LISTEN && !record->remote.port;
}

/* Where the socket's record is; `count` where there is none. */
static unsigned place_of(const struct sp_unnamed *unnamed, uint64_t sock_id)
{
    unsigned at = 0;
    while (at < unnamed->count && unnamed->records[at].sock_id != sock_id)
        at++;
    return at;
}

static void forget(struct sp_unnamed *unnamed, unsigned at)
{
    memmove(unnamed->records + at, unnamed->records + at + 1,
            (--unnamed->count - at) * sizeof *unnamed->records);
}

bool sp_unnamed_keep(struct sp_unnamed *unnamed, const struct sp_tp_record *record)
{
    if (!sp_is_unnamed(record))
        return false;
    unsigned at = place_of(unnamed, record->sock_id);
    if (at < unnamed->count)
        forget(unnamed, at);
    else if (unnamed->count == SP_UNNAMED_MAX)
        forget(unnamed, 0);
    unnamed->records[unnamed->count++] = *record;
    return true;
}

bool sp_unnamed_take(struct sp_unnamed *unnamed, const struct sp_tp_record *next,
                     struct sp_tp_record *out)
{
    unsigned at = next->what == SP_TP_STATE ? place_of(unnamed, next->sock_id) : unnamed->count;
    if (at == unnamed->count)
        return false;
    *out = unnamed->records[at];
    out->local = next->local;
    out->remote = next->remote;
    forget(unnamed, at);
    return next->old_state == SP_TCP_SYN_RECEIVED;
}
