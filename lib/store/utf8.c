#include "utf8.h"

/* How each kind of first byte goes on (RFC 3629 section 4): the bounds of its second byte rule out
 * overlong forms, surrogates and codes beyond U+10FFFF; any further byte is 80..BF. */
static const struct form {
    uint8_t first_min, first_max;
    uint8_t second_min, second_max;
    uint8_t len_bytes;
} forms[] = {
    {0xC2, 0xDF, 0x80, 0xBF, 2}, {0xE0, 0xE0, 0xA0, 0xBF, 3}, {0xE1, 0xEC, 0x80, 0xBF, 3},
    {0xED, 0xED, 0x80, 0x9F, 3}, {0xEE, 0xEF, 0x80, 0xBF, 3}, {0xF0, 0xF0, 0x90, 0xBF, 4},
    {0xF1, 0xF3, 0x80, 0xBF, 4}, {0xF4, 0xF4, 0x80, 0x8F, 4},
};

static const struct form *form_of(uint8_t first)
{
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++)
        if (first >= forms[i].first_min && first <= forms[i].first_max)
            return &forms[i];
    return NULL;
}

size_t sp_utf8_next(const char *text, size_t len_bytes, uint32_t *code)
{
    const uint8_t *byte = (const uint8_t *)text;
    if (byte[0] < 0x80) {
        *code = byte[0];
        return 1;
    }
    *code = SP_UTF8_BAD;
    const struct form *form = form_of(byte[0]);
    if (!form || len_bytes < form->len_bytes || byte[1] < form->second_min ||
        byte[1] > form->second_max)
        return 1;
    uint32_t value = byte[0] & (0x7Fu >> form->len_bytes);
    for (size_t i = 1; i < form->len_bytes; i++) {
        if ((byte[i] & 0xC0) != 0x80)
            return 1;
        value = value << 6 | (byte[i] & 0x3Fu);
    }
    *code = value;
    return form->len_bytes;
}

size_t sp_utf8_put(uint32_t code, char out[4])
{
    if (code < 0x80) {
        out[0] = (char)code;
        return 1;
    }
    size_t len = code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    for (size_t i = len; i-- > 1; code >>= 6)
        out[i] = (char)(0x80 | (code & 0x3F));
    out[0] = (char)((0xF00u >> len & 0xF0u) | code);
    return len;
}
