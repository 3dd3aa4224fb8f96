#include "guest.h"

#include <string.h>
#include <unistd.h>

bool sp_guest_say(int fd, enum sp_guest_word word, const char *data, size_t len_bytes)
{
    struct sp_buf out;
    uint32_t len = (uint32_t)len_bytes;
    sp_buf_init(&out, 0);
    sp_buf_addch(&out, (char)word);
    sp_buf_add(&out, (const char *)&len, sizeof len);
    sp_buf_add(&out, data, len_bytes);
    size_t sent = 0;
    ssize_t n = 1;
    while (n > 0 && sent < out.len) {
        n = write(fd, out.data + sent, out.len - sent);
        sent += n > 0 ? (size_t)n : 0;
    }
    sp_buf_release(&out);
    return n > 0;
}
