#include "json_text.h"

#include <stdint.h>
#include <string.h>

/* Length of the UTF-8 sequence at p (RFC 3629: shortest form, no surrogates), 0 where none. */
static size_t utf8_len(const unsigned char *p)
{
    static const struct {
        unsigned char first_min, first_max, second_min, second_max;
        unsigned char len;
    } rows[] = {
        {0x01, 0x7f, 0x00, 0xff, 1}, {0xc2, 0xdf, 0x80, 0xbf, 2}, {0xe0, 0xe0, 0xa0, 0xbf, 3},
        {0xe1, 0xec, 0x80, 0xbf, 3}, {0xed, 0xed, 0x80, 0x9f, 3}, {0xee, 0xef, 0x80, 0xbf, 3},
        {0xf0, 0xf0, 0x90, 0xbf, 4}, {0xf1, 0xf3, 0x80, 0xbf, 4}, {0xf4, 0xf4, 0x80, 0x8f, 4},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (p[0] < rows[i].first_min || p[0] > rows[i].first_max)
            continue;
        if (rows[i].len > 1 && (p[1] < rows[i].second_min || p[1] > rows[i].second_max))
            return 0;
        for (size_t k = 2; k < rows[i].len; k++)
            if ((p[k] & 0xc0) != 0x80) /* the NUL at the end is no continuation either */
                return 0;
        return rows[i].len;
    }
    return 0;
}

static void add_escape(struct sp_buf *buf, unsigned char c)
{
    static const char hex[] = "0123456789abcdef";
    static const char shorts[] = "\"\"\\\\\bb\ff\nn\rr\tt";
    for (const char *s = shorts; *s; s += 2) {
        if ((unsigned char)*s == c) {
            sp_buf_addch(buf, '\\');
            sp_buf_addch(buf, s[1]);
            return;
        }
    }
    char text[6] = {'\\', 'u', '0', '0', hex[c >> 4], hex[c & 15]};
    sp_buf_add(buf, text, sizeof text);
}

void sp_json_add_string(struct sp_buf *buf, const char *text)
{
    const unsigned char *p = (const unsigned char *)text;
    sp_buf_addch(buf, '"');
    while (*p) {
        const unsigned char *start = p;
        while (*p >= 0x20 && *p < 0x7f && *p != '"' && *p != '\\')
            p++;
        sp_buf_add(buf, start, (size_t)(p - start));
        if (!*p)
            break;
        if (*p < 0x80) {
            add_escape(buf, *p++);
            continue;
        }
        size_t len = utf8_len(p);
        if (len)
            sp_buf_add(buf, p, len);
        else
            sp_buf_addstr(buf, "\xef\xbf\xbd");
        p += len ? len : 1;
    }
    sp_buf_addch(buf, '"');
}
