#include "message.h"

#include <stdint.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

enum { HEAD_BYTES = 5 };

bool message_send(int fd, char type, const char *data, size_t len_bytes)
{
    struct sp_buf message;
    uint32_t len = (uint32_t)len_bytes;
    sp_buf_init(&message, 0);
    sp_buf_addch(&message, type);
    sp_buf_add(&message, &len, sizeof len);
    sp_buf_add(&message, data, len_bytes);
    ssize_t n = 1;
    for (size_t sent = 0; sent < message.len && n > 0; sent += n > 0 ? (size_t)n : 0)
        n = write(fd, message.data + sent, message.len - sent);
    sp_buf_release(&message);
    return n > 0;
}

bool message_next(const struct sp_buf *in, size_t *at, struct message *message)
{
    uint32_t len;
    if (in->len - *at < HEAD_BYTES)
        return false;
    memcpy(&len, in->data + *at + 1, sizeof len);
    if (in->len - *at - HEAD_BYTES < len)
        return false;
    *message = (struct message){in->data[*at], in->data + *at + HEAD_BYTES, len};
    *at += HEAD_BYTES + len;
    return true;
}

void messages_drop(struct sp_buf *in, size_t at)
{
    if (!at)
        return;
    memmove(in->data, in->data + at, in->len - at);
    in->len -= at;
}
