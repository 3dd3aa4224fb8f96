#include "collector_link.h"

#include <sys/socket.h>

bool sp_link_send(int fd, const struct sp_tp_record *records, size_t count)
{
    size_t len = count * sizeof *records;
    return send(fd, records, len, MSG_DONTWAIT | MSG_NOSIGNAL) == (ssize_t)len;
}

size_t sp_link_recv(int fd, struct sp_tp_record *records)
{
    ssize_t got = recv(fd, records, SP_LINK_BATCH * sizeof *records, MSG_DONTWAIT);
    return got > 0 ? (size_t)got / sizeof *records : 0;
}
