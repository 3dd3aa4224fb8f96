#include <stdlib.h>
#include <zlib.h>

#include "html_in.h"

static void base64(const unsigned char *data, size_t len, struct sp_buf *out)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (size_t i = 0; i < len; i += 3) {
        size_t left = len - i;
        unsigned bits = (unsigned)data[i] << 16;
        bits |= left > 1 ? (unsigned)data[i + 1] << 8 : 0;
        bits |= left > 2 ? data[i + 2] : 0;
        const char four[4] = {digits[bits >> 18], digits[bits >> 12 & 63],
                              left > 1 ? digits[bits >> 6 & 63] : '=',
                              left > 2 ? digits[bits & 63] : '='};
        sp_buf_add(out, four, sizeof four);
    }
}

void sp_pack(const void *data, size_t len_bytes, struct sp_buf *out)
{
    uLong len = (uLong)len_bytes; /* a run's ladder or capture: a few megabytes */
    uLongf packed = compressBound(len);
    unsigned char *room = sp_xcalloc(1, packed);
    /* It has all the room that it can need, and memory does not run out here (mem.h). */
    if (compress2(room, &packed, data, len, Z_BEST_COMPRESSION) != Z_OK)
        abort();
    base64(room, packed, out);
    free(room);
}
