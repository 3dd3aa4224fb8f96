#include "json.h"

#include "json_text.h"

void sp_json_str(struct sp_buf *out, const char *text)
{
    if (!text) {
        sp_buf_addstr(out, "null");
        return;
    }
    sp_json_add_string(out, text);
}

void sp_json_strs(struct sp_buf *out, const char *const *texts, size_t count)
{
    sp_buf_addch(out, '[');
    for (size_t i = 0; i < count; i++) {
        if (i)
            sp_buf_addstr(out, ", ");
        sp_json_str(out, texts[i]);
    }
    sp_buf_addch(out, ']');
}

void sp_json_bool(struct sp_buf *out, bool value)
{
    sp_buf_addstr(out, value ? "true" : "false");
}

void sp_json_ms(struct sp_buf *out, double ms)
{
    const double limit_ms = 1e12; /* thirty years; also catches what is not a number */
    int64_t us = ms > 0 && ms < limit_ms ? (int64_t)(ms * 1000 + 0.5) : 0;
    sp_buf_addf(out, "%lld.%03lld", (long long)(us / 1000), (long long)(us % 1000));
}

void sp_json_key(struct sp_buf *out, const char *key)
{
    if (out->len && out->data[out->len - 1] != '{')
        sp_buf_addstr(out, ", ");
    sp_json_str(out, key);
    sp_buf_addstr(out, ": ");
}
