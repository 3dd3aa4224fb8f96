/* TCP options (RFC 9293 section 3.2, RFC 7323, RFC 2018, RFC 7413): one at a time, both ways. */
#include <string.h>

#include "checksum.h"
#include "wire.h"

/* Whether an option of this kind may have this length (RFC 9293 MUST-6: others are skipped). */
static bool length_fits(uint8_t kind, uint8_t len)
{
    switch (kind) {
    case SP_OPT_MSS:
        return len == 4;
    case SP_OPT_WSCALE:
        return len == 3;
    case SP_OPT_SACK_OK:
        return len == 2;
    case SP_OPT_SACK:
        return len >= 10 && len <= 34 && (len - 2) % 8 == 0;
    case SP_OPT_TIMESTAMPS:
        return len == 10;
    default: /* any byte may come off the wire */
        return len >= 2;
    }
}

static void read_value(struct sp_opt *opt)
{
    const uint8_t *data = opt->data;
    switch (opt->kind) {
    case SP_OPT_MSS:
        opt->mss = sp_get16(data);
        break;
    case SP_OPT_WSCALE:
        opt->wscale = data[0];
        break;
    case SP_OPT_SACK:
        opt->sack_count = (uint8_t)((opt->len - 2) / 8);
        for (unsigned i = 0; i < opt->sack_count; i++) {
            opt->sack[i].left = sp_get32(data + 8 * i);
            opt->sack[i].right = sp_get32(data + 8 * i + 4);
        }
        break;
    case SP_OPT_TIMESTAMPS:
        opt->ts_val = sp_get32(data);
        opt->ts_ecr = sp_get32(data + 4);
        break;
    default: /* no value that we know */
        break;
    }
}

bool sp_opt_next(const struct sp_seg *seg, size_t *pos, struct sp_opt *opt, bool *malformed)
{
    size_t end = seg->opt_len <= SP_SEG_OPT_MAX ? seg->opt_len : (size_t)SP_SEG_OPT_MAX;
    *opt = (struct sp_opt){0};
    if (malformed)
        *malformed = false;
    if (*pos >= end)
        return false;
    const uint8_t *p = seg->opt + *pos;
    size_t left = end - *pos;
    opt->kind = p[0];
    opt->len = 1;
    opt->data = p + 1;
    if (p[0] == SP_OPT_EOL) {
        *pos = end;
        return true;
    }
    if (p[0] == SP_OPT_NOP) {
        *pos += 1;
        return true;
    }
    if (left < 2 || p[1] > left || !length_fits(p[0], p[1])) {
        if (malformed)
            *malformed = true;
        *pos = end;
        return false;
    }
    opt->len = p[1];
    opt->data = p + 2;
    read_value(opt);
    *pos += opt->len;
    return true;
}

bool sp_opt_find(const struct sp_seg *seg, uint8_t kind, struct sp_opt *opt)
{
    for (size_t pos = 0; sp_opt_next(seg, &pos, opt, NULL);)
        if (opt->kind == kind)
            return true;
    return false;
}

/* The bytes after kind and length, into data; returns how many. */
static size_t write_value(const struct sp_opt *opt, uint8_t data[SP_SEG_OPT_MAX])
{
    size_t len = 0;
    switch (opt->kind) {
    case SP_OPT_MSS:
        sp_put16(data, opt->mss);
        return 2;
    case SP_OPT_WSCALE:
        data[0] = opt->wscale;
        return 1;
    case SP_OPT_SACK_OK:
        return 0;
    case SP_OPT_SACK:
        for (unsigned i = 0; i < opt->sack_count; i++, len += 8) {
            sp_put32(data + len, opt->sack[i].left);
            sp_put32(data + len + 4, opt->sack[i].right);
        }
        return len;
    case SP_OPT_TIMESTAMPS:
        sp_put32(data, opt->ts_val);
        sp_put32(data + 4, opt->ts_ecr);
        return 8;
    default: /* kinds without fields of their own carry opt->data */
        len = opt->len - 2u;
        if (len)
            memcpy(data, opt->data, len);
        return len;
    }
}

static bool has_fields(uint8_t kind)
{
    return kind == SP_OPT_MSS || kind == SP_OPT_WSCALE || kind == SP_OPT_SACK_OK ||
           kind == SP_OPT_SACK || kind == SP_OPT_TIMESTAMPS;
}

enum sp_rc sp_opt_add(struct sp_seg *seg, const struct sp_opt *opt, struct sp_err *err)
{
    uint8_t bytes[2 + SP_SEG_OPT_MAX] = {opt->kind};
    size_t len = 1;
    if (opt->kind == SP_OPT_SACK && (opt->sack_count < 1 || opt->sack_count > 4))
        return sp_fail(err, SP_E_USAGE, "a SACK option has 1 to 4 blocks, not %u", opt->sack_count);
    if (opt->kind != SP_OPT_EOL && opt->kind != SP_OPT_NOP) {
        if (!has_fields(opt->kind) && (opt->len < 2 || opt->len > SP_SEG_OPT_MAX))
            return sp_fail(err, SP_E_USAGE, "option %u has an impossible length of %u", opt->kind,
                           opt->len);
        len = 2 + write_value(opt, bytes + 2);
        bytes[1] = (uint8_t)len;
    }
    if (seg->opt_len + len > SP_SEG_OPT_MAX)
        return sp_fail(err, SP_E_LIMIT, "TCP options take %zu bytes, the header holds %d",
                       seg->opt_len + len, SP_SEG_OPT_MAX);
    memcpy(seg->opt + seg->opt_len, bytes, len);
    seg->opt_len = (uint8_t)(seg->opt_len + len);
    return SP_OK;
}
