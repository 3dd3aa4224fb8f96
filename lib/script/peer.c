/*
 * What the scripted peer does: `peer SYN opt=[mss 1460]`, `peer 1..100`, `peer icmp unreachable
 * port`, `peer acks`. Segments are written as `wire` lines write them, but what is not written is
 * filled in by the run as a healthy end would.
 */
#include "parser.h"

#include <string.h>

#include "wire.h"

enum { PEER_OPTS_MAX = 20, PORT_MAX = 65535, LEN_MAX = 60000 };

static const char *const peer_words[] = {
    "accepts",  "connects", "acks",   "silent",   "icmp",  "SYN",  "ACK",  "FIN",
    "RST",      "seq=",     "ack=",   "win=",     "len=",  "urg=", "opt=", "to=",
    "from=",    "doff=",    "badsum", "badipsum", "rsvd=", "ttl=", "ecn=", "dscp=",
    "payload=", "src=",     "route=", "ipopt=",   NULL};

/* ---- sequence numbers ----------------------------------------------------------------------- */

static const struct {
    const char *name;
    enum sp_peer_base base; /* ISN: it is the window, which is added */
} fields[] = {{"rcv_nxt", SP_BASE_RCV_NXT},
              {"snd_nxt", SP_BASE_SND_NXT},
              {"snd_una", SP_BASE_SND_UNA},
              {"rcv_wnd", SP_BASE_ISN}};

/* @label.seq */
static bool label_term(struct sp_arena *arena, const char *term, struct sp_peer_num *out)
{
    static const struct {
        const char *name;
        enum sp_peer_base base;
    } parts[] = {{".seq", SP_BASE_SEQ}, {".ack", SP_BASE_ACK}, {".end", SP_BASE_END}};
    const char *dot = strrchr(term, '.');
    for (size_t i = 0; dot && i < sizeof parts / sizeof parts[0]; i++) {
        if (strcmp(dot, parts[i].name) != 0 || out->base != SP_BASE_ISN)
            continue;
        out->label = sp_arena_strndup(arena, term + 1, (size_t)(dot - term - 1));
        out->base = parts[i].base;
        return is_name(out->label);
    }
    return false;
}

static bool number_term(const char *term, bool minus, struct sp_peer_num *out)
{
    int64_t value = 0;
    bool absolute = strncmp(term, "abs:", 4) == 0;
    if (parse_int(absolute ? term + 4 : term, &value) && value <= UINT32_MAX) {
        out->offset += minus ? -value : value;
        if (absolute)
            out->base = SP_BASE_ABS;
        return !absolute || !minus;
    }
    const char *dot = strchr(term, '.');
    enum sp_who end = dot ? end_of_name(term, (size_t)(dot - term)) : SP_WHO_NONE;
    for (size_t i = 0; end && !minus && i < sizeof fields / sizeof fields[0]; i++) {
        bool window = fields[i].base == SP_BASE_ISN;
        if (strcmp(dot + 1, fields[i].name) != 0)
            continue;
        if (window ? out->window : out->base != SP_BASE_ISN)
            return false;
        if (window)
            out->window = true;
        else
            out->base = fields[i].base;
        out->end = end;
        return true;
    }
    return false;
}

/* 5; -1; abs:4294967290; client.rcv_nxt+client.rcv_wnd-1 */
static bool read_sum(struct cursor *cur, const struct word *word, const char *text,
                     struct sp_peer_num *out)
{
    *out = (struct sp_peer_num){.base = SP_BASE_ISN};
    const char *p = text;
    bool ok = *p != '\0';
    while (ok && *p) {
        bool minus = *p == '-';
        p += minus || (*p == '+' && p > text);
        size_t len = strcspn(p, *p == '@' ? "+" : "+-"); /* a label may have a dash */
        size_t dot = *p == '@' ? strcspn(p, ".") : 0;
        len = *p == '@' && p[dot] ? dot + strcspn(p + dot, "+-") : len;
        const char *term = sp_arena_strndup(cur->p->arena, p, len);
        ok = *p == '@' && !minus ? label_term(cur->p->arena, term, out)
                                 : number_term(term, minus, out);
        p += len;
    }
    return ok ||
           cursor_fail(cur, word,
                       "5, abs:1000, client.rcv_nxt+10, client.rcv_nxt+client.rcv_wnd, @re.seq-1",
                       "\"%s\" is no sequence number", text);
}

/* ---- options -------------------------------------------------------------------------------- */

static const struct opt_row {
    const char *name;
    enum sp_opt_kind kind;
    unsigned least, most; /* values */
    int64_t max;
} opt_rows[] = {{"mss", SP_OPT_MSS, 1, 1, 65535},
                {"wscale", SP_OPT_WSCALE, 1, 1, 255},
                {"sackok", SP_OPT_SACK_OK, 0, 0, 0},
                {"sack", SP_OPT_SACK, 1, 4, UINT32_MAX},
                {"ts", SP_OPT_TIMESTAMPS, 0, 2, UINT32_MAX},
                {"nop", SP_OPT_NOP, 0, 0, 0},
                {"eol", SP_OPT_EOL, 0, 0, 0}};

static bool opt_value(const struct opt_row *row, const char *text, struct sp_peer_opt *opt)
{
    struct sp_num num = {0};
    if (!parse_range(text, &num) || num.max > row->max || num.max < num.min)
        return false;
    if (row->kind != SP_OPT_SACK && strchr(text, '.'))
        return false;
    opt->values[opt->count++] = num.min;
    if (row->kind == SP_OPT_SACK)
        opt->values[opt->count++] = num.max + 1;
    return true;
}

/* One of the list: "mss 1460", "ts", "sack 101..200 301..400" */
static bool read_opt(struct sp_arena *arena, const char *text, struct sp_peer_opt *opt)
{
    size_t len = strcspn(text, " ");
    for (size_t i = 0; i < sizeof opt_rows / sizeof opt_rows[0]; i++) {
        const struct opt_row *row = &opt_rows[i];
        if (strlen(row->name) != len || memcmp(row->name, text, len) != 0)
            continue;
        unsigned values = 0;
        opt->kind = (uint8_t)row->kind;
        for (const char *p = text + len; *p; values++) {
            p += strspn(p, " ");
            size_t size = strcspn(p, " ");
            if (!size)
                break;
            if (values == row->most || !opt_value(row, sp_arena_strndup(arena, p, size), opt))
                return false;
            p += size;
        }
        return values >= row->least;
    }
    return false;
}

/* Pairs of digits; 0 where it is none or too long. */
static size_t read_hex(const char *text, uint8_t *out, size_t cap)
{
    size_t len = strlen(text);
    if (!len || len % 2 || len / 2 > cap || strspn(text, "0123456789abcdefABCDEF") != len)
        return 0;
    for (size_t i = 0; i < len; i++) {
        int digit = text[i] <= '9' ? text[i] - '0' : (text[i] | 0x20) - 'a' + 10;
        out[i / 2] = (uint8_t)(out[i / 2] << 4 | digit);
    }
    return len / 2;
}

/* The words of `opt=[mss 1460,nop]` in one, without the brackets; NULL: it has no end. */
static const char *opt_list(struct cursor *cur, const char *text)
{
    struct sp_buf all;
    sp_buf_init(&all, 0);
    sp_buf_addstr(&all, text + 1);
    while (!strchr(text, ']') && cursor_more(cur)) {
        text = cursor_next(cur)->text;
        sp_buf_addf(&all, " %s", text);
    }
    const char *list = NULL;
    if (all.len && all.data[all.len - 1] == ']')
        list = sp_arena_strndup(cur->p->arena, all.data, all.len - 1);
    sp_buf_release(&all);
    return list;
}

static bool read_opts(struct cursor *cur, const struct word *word, const char *text,
                      struct sp_peer_seg *out)
{
    out->has_opts = true;
    if (strncmp(text, "raw:", 4) == 0)
        return (out->raw_len = (uint8_t)read_hex(text + 4, out->raw, sizeof out->raw)) ||
               cursor_fail(cur, word, "pairs of hexadecimal digits, at most 40 of them",
                           "\"%s\" is no row of bytes", text + 4);
    const char *list = *text == '[' ? opt_list(cur, text) : NULL;
    if (!list)
        return cursor_fail(cur, word, "opt=[mss 1460,sackok,nop,wscale 7], opt=[], opt=raw:0101",
                           "expected a list of options between [ and ]");
    out->opts = SP_ARENA_ARRAY(cur->p->arena, struct sp_peer_opt, PEER_OPTS_MAX);
    for (const char *p = list; *p;) {
        p += strspn(p, " ");
        size_t len = strcspn(p, ",");
        const char *item = sp_arena_strndup(cur->p->arena, p, len);
        if (out->opt_count == PEER_OPTS_MAX)
            return cursor_fail(cur, word, NULL, "more than %d options", PEER_OPTS_MAX);
        if (!read_opt(cur->p->arena, item, &out->opts[out->opt_count++]))
            return cursor_fail(cur, word,
                               "mss N, wscale N, sackok, sack A..B, ts [N [N]], nop, eol",
                               "\"%s\" is no TCP option", item);
        p += len;
        p += *p == ',';
    }
    return true;
}

/* ---- words ---------------------------------------------------------------------------------- */

static bool said_before(struct cursor *cur, const struct word *word, bool said)
{
    return said &&
           !cursor_fail(cur, word, NULL, "\"%s\" says again what was said before", word->text);
}

static bool read_limited(struct cursor *cur, const struct word *word, const char *text, int64_t max,
                         struct sp_num *out)
{
    if (said_before(cur, word, out->set))
        return false;
    if (!parse_int(text, &out->min) || out->min > max)
        return cursor_fail(cur, word, NULL, "\"%s\" is no number up to %lld", text, (long long)max);
    out->set = true;
    out->max = out->min;
    return true;
}

struct peer_reader {
    struct cursor *cur;
    struct sp_peer_seg *out;
    uint8_t clear;
};

static const char *value_of(const char *text, const char *name)
{
    size_t len = strlen(name);
    return strncmp(text, name, len) == 0 && text[len] == '=' ? text + len + 1 : NULL;
}

/* PORT, or an address as in calls */
static bool read_from(struct cursor *cur, const struct word *word, const char *value,
                      struct sp_peer_seg *out)
{
    int64_t port = 0;
    if (parse_int(value, &port)) {
        out->from = sp_arena_printf(cur->p->arena, ":%s", value);
        return (port > 0 && port <= PORT_MAX) ||
               cursor_fail(cur, word, NULL, "\"%s\" is no port", value);
    }
    out->from = value;
    return parse_address(cur, word, value);
}

/* NAME=VALUE; *known tells whether it was one. */
static bool read_field(struct peer_reader *rd, const struct word *word, bool *known)
{
    struct sp_peer_seg *out = rd->out;
    const struct {
        const char *name;
        struct sp_num *num;
        int64_t max;
    } numbers[] = {
        {"win", &out->window, 65535}, {"len", &out->len, LEN_MAX},  {"urg", &out->urgent, 65535},
        {"doff", &out->offset, 15},   {"rsvd", &out->reserved, 15}, {"mtu", &out->mtu, 65535},
        {"ttl", &out->ttl, 255},      {"dscp", &out->dscp, 63},     {"ecn", &out->ecn, 3}};
    const char *value = NULL;
    *known = true;
    if ((value = value_of(word->text, "len")) && end_of_name(value, strcspn(value, ".")) &&
        strcmp(value + strcspn(value, "."), ".rcv_wnd") == 0) {
        out->len_is_window = true;
        return !said_before(rd->cur, word, out->len.set);
    }
    if ((value = value_of(word->text, "ttl")) && strcmp(value, "0") == 0)
        return cursor_fail(rd->cur, word, "ttl=1", "a packet cannot leave with no hops left");
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
        if ((value = value_of(word->text, numbers[i].name)))
            return read_limited(rd->cur, word, value, numbers[i].max, numbers[i].num);
    if ((value = value_of(word->text, "seq")))
        return !said_before(rd->cur, word, out->seq.base != SP_BASE_USUAL) &&
               read_sum(rd->cur, word, value, &out->seq);
    if ((value = value_of(word->text, "ack")))
        return !said_before(rd->cur, word, out->ack.base != SP_BASE_USUAL) &&
               read_sum(rd->cur, word, value, &out->ack);
    if ((value = value_of(word->text, "opt")))
        return !said_before(rd->cur, word, out->has_opts) && read_opts(rd->cur, word, value, out);
    if ((value = value_of(word->text, "payload"))) {
        out->payload_len = read_hex(value, out->payload, sizeof out->payload);
        return out->payload_len || cursor_fail(rd->cur, word, "pairs of hexadecimal digits",
                                               "\"%s\" is no row of bytes", value);
    }
    if ((value = value_of(word->text, "from")))
        return !said_before(rd->cur, word, out->from != NULL) &&
               read_from(rd->cur, word, value, out);
    if ((value = value_of(word->text, "to"))) {
        out->to = value;
        return parse_address(rd->cur, word, value);
    }
    if ((value = value_of(word->text, "src"))) {
        out->src = value;
        return !strchr(value, ':') ? parse_address(rd->cur, word, value)
                                   : cursor_fail(rd->cur, word, "src=multicast",
                                                 "the source port is written from=");
    }
    if ((value = value_of(word->text, "route"))) {
        out->route = value;
        return parse_route(rd->cur, word, value);
    }
    if ((value = value_of(word->text, "ipopt"))) {
        out->ip_raw_len = read_hex(value, out->ip_raw, sizeof out->ip_raw);
        return out->ip_raw_len || cursor_fail(rd->cur, word, "pairs of hexadecimal digits",
                                              "\"%s\" is no row of bytes", value);
    }
    *known = false;
    return true;
}

static bool read_word(struct peer_reader *rd, const struct word *word)
{
    struct cursor *cur = rd->cur;
    bool known = false;
    if (!read_field(rd, word, &known) || known)
        return known && !cur->failed;
    if (strcmp(word->text, "badsum") == 0 || strcmp(word->text, "badipsum") == 0) {
        *(word->text[3] == 'i' ? &rd->out->bad_ip_checksum : &rd->out->bad_checksum) = true;
        return !rd->out->bad_ip_checksum || !(cur->p->c->families & SP_CASE_IPV6) ||
               cursor_fail(cur, word, "family ipv4", "IPv6's header has no checksum");
    }
    if (*word->text >= '0' && *word->text <= '9')
        return !said_before(cur, word, rd->out->bytes.set) &&
               read_range(cur, word, word->text, &rd->out->bytes);
    if ((*word->text < 'A' || *word->text > 'Z') && *word->text != '!')
        return cursor_fail(cur, word, diag_near(cur->p->diags, word->text, peer_words),
                           "\"%s\" is no word of a segment that is sent", word->text);
    return !said_before(cur, word, rd->out->flags || rd->clear) &&
           read_flags(cur, word, &rd->out->flags, &rd->clear);
}

static bool check_segment(struct cursor *cur, const struct sp_peer_seg *seg)
{
    if (seg->bytes.set && (seg->bytes.min < 1 || seg->bytes.max - seg->bytes.min >= LEN_MAX))
        return cursor_fail(cur, &cur->words[0], "the first byte of a stream is number 1",
                           "a segment has 1 to %d bytes", LEN_MAX);
    int payloads = seg->bytes.set + seg->len.set + seg->len_is_window + (seg->payload_len > 0);
    if (payloads > 1)
        return cursor_fail(cur, &cur->words[0], "one of: A..B, len=N, payload=HEX",
                           "the payload is said twice");
    if (seg->route && seg->ip_raw_len)
        return cursor_fail(cur, &cur->words[0], "one of: route=HOST, ipopt=HEX",
                           "the options of IP are said twice");
    return true;
}

/* Whatever describes a segment, up to the label. */
bool read_segment_word(struct cursor *cur, const struct word *word, struct sp_peer_seg *out,
                       uint8_t *clear)
{
    struct peer_reader rd = {.cur = cur, .out = out, .clear = *clear};
    bool ok = read_word(&rd, word);
    *clear = rd.clear;
    return ok;
}

bool read_segment(struct cursor *cur, struct sp_peer_seg *out)
{
    struct peer_reader rd = {.cur = cur, .out = out};
    while (cursor_more(cur) && !cursor_is(cur, "as"))
        if (!read_word(&rd, cursor_next(cur)))
            return false;
    bool quiet = (out->flags & (SP_SYN | SP_RST)) != 0;
    if (!quiet && !(rd.clear & SP_ACK))
        out->flags |= SP_ACK;
    if (out->urgent.set && !(rd.clear & SP_URG))
        out->flags |= SP_URG;
    return check_segment(cur, out);
}

/* ---- ICMP ----------------------------------------------------------------------------------- */

/* RFC 792, RFC 1122 section 3.2.2.1, RFC 1191, RFC 1812; RFC 4443. Type 0: that family has none. */
static const struct icmp_row {
    const char *kind;
    const char *what; /* NULL: nothing more is written */
    uint8_t codes[2][2];
} icmp_rows[] = {
    {"unreachable", "net", {{3, 0}, {1, 0}}},
    {"unreachable", "host", {{3, 1}, {1, 3}}},
    {"unreachable", "protocol", {{3, 2}, {4, 1}}},
    {"unreachable", "port", {{3, 3}, {1, 4}}},
    {"unreachable", "frag", {{3, 4}, {2, 0}}},
    {"unreachable", "srcroute", {{3, 5}, {0, 0}}},
    {"unreachable", "prohibited", {{3, 13}, {1, 1}}},
    {"quench", NULL, {{4, 0}, {0, 0}}},
    {"exceeded", NULL, {{11, 0}, {3, 0}}},
    {"exceeded", "reassembly", {{11, 1}, {3, 1}}},
    {"problem", NULL, {{12, 0}, {4, 0}}},
};

static const char *const icmp_kinds =
    "unreachable net|host|protocol|port|frag|srcroute|prohibited, exceeded [reassembly], problem, "
    "quench, type=T code=C";

static const struct icmp_row *icmp_row_of(const char *kind, const char *what)
{
    for (size_t i = 0; i < sizeof icmp_rows / sizeof icmp_rows[0]; i++) {
        const struct icmp_row *row = &icmp_rows[i];
        bool same = row->what && what ? strcmp(row->what, what) == 0 : !row->what && !what;
        if (same && strcmp(row->kind, kind) == 0)
            return row;
    }
    return NULL;
}

/* type=T code=C: of one family, because the numbers mean other things in the other */
static bool read_icmp_numbers(struct cursor *cur, const struct word *type, struct sp_peer_seg *out)
{
    struct sp_num numbers[2] = {0};
    const struct word *code = cursor_want(cur, "code=C");
    const char *value = code ? value_of(code->text, "code") : NULL;
    if (!code || !value)
        return code && cursor_fail(cur, code, "type=3 code=9", "the code comes behind the type");
    if (!read_limited(cur, type, value_of(type->text, "type"), 255, &numbers[0]) ||
        !read_limited(cur, code, value, 255, &numbers[1]))
        return false;
    if (cur->p->c->families == (SP_CASE_IPV4 | SP_CASE_IPV6))
        return cursor_fail(cur, type, "family ipv4", "IPv4's and IPv6's numbers are not the same");
    for (int family = 0; family < 2; family++)
        for (int i = 0; i < 2; i++)
            out->icmp[family][i] = (uint8_t)numbers[i].min;
    return read_segment(cur, out);
}

static bool read_icmp(struct cursor *cur, struct sp_peer_seg *out)
{
    const struct word *kind = cursor_want(cur, "unreachable, exceeded, problem or quench");
    if (kind && value_of(kind->text, "type"))
        return read_icmp_numbers(cur, kind, out);
    if (!kind)
        return false;
    const struct word *what = cursor_peek(cur);
    const struct icmp_row *row = what ? icmp_row_of(kind->text, what->text) : NULL;
    if (row)
        cursor_next(cur);
    else
        row = icmp_row_of(kind->text, NULL);
    if (!row && strcmp(kind->text, "unreachable") == 0 && !what)
        return cursor_want(cur, "net, host, protocol, port, frag, srcroute or prohibited") != NULL;
    if (!row)
        return cursor_fail(cur, strcmp(kind->text, "unreachable") == 0 ? what : kind, icmp_kinds,
                           "\"%s\" is no ICMP error",
                           strcmp(kind->text, "unreachable") == 0 ? what->text : kind->text);
    memcpy(out->icmp, row->codes, sizeof out->icmp);
    if ((cur->p->c->families & SP_CASE_IPV6) && !out->icmp[1][0])
        return cursor_fail(cur, kind, "family ipv4", "IPv6 has no such message");
    return read_segment(cur, out);
}

/* ---- the whole ------------------------------------------------------------------------------ */

const char *text_from(struct cursor *cur, size_t from)
{
    struct sp_buf text;
    sp_buf_init(&text, 0);
    for (size_t i = from; i < cur->at; i++)
        sp_buf_addf(&text, "%s%s", i > from ? " " : "", cur->words[i].text);
    const char *copy = sp_arena_strndup(cur->p->arena, text.data ? text.data : "", text.len);
    sp_buf_release(&text);
    return copy;
}

/* What only a segment that is sent at once has. */
static bool is_plain(struct cursor *cur, const struct sp_peer_seg *seg)
{
    bool icmp = seg->verb == SP_PEER_ICMP; /* it may be a router's */
    return ((icmp || !seg->src) && !seg->route && !seg->ip_raw_len) ||
           cursor_fail(cur, &cur->words[0], "peer SYN,ACK route=nobody,peer",
                       "src=, route= and ipopt= are of a segment");
}

bool parse_peer(struct cursor *cur, struct node *node)
{
    struct sp_stmt *st = &node->st;
    struct sp_peer_seg *seg = SP_ARENA_NEW(cur->p->arena, struct sp_peer_seg);
    size_t from = cur->at;
    st->kind = SP_ST_PEER;
    st->who = SP_WHO_PEER;
    st->sock = "conn";
    st->peer = seg;
    bool ok = true;
    if (!cursor_more(cur)) {
        ok = cursor_want(cur, "what the peer does, like SYN or acks") != NULL;
    } else if (cursor_take(cur, "acks")) {
        seg->verb = SP_PEER_ACKS;
    } else if (cursor_take(cur, "silent")) {
        seg->verb = SP_PEER_SILENT;
    } else if (cursor_take(cur, "icmp")) {
        seg->verb = SP_PEER_ICMP;
        ok = read_icmp(cur, seg) && is_plain(cur, seg);
    } else if (cursor_take(cur, "accepts")) {
        seg->verb = SP_PEER_ACCEPTS;
        ok = read_segment(cur, seg) && is_plain(cur, seg);
        seg->flags = SP_SYN | SP_ACK;
    } else {
        bool connects = cursor_take(cur, "connects");
        ok = read_segment(cur, seg);
        if (connects) {
            node->kind = NODE_PEER_CONNECTS;
            seg->flags = SP_SYN;
        }
    }
    if (ok)
        seg->text = node->kind == NODE_PEER_CONNECTS ? "SYN" : text_from(cur, from);
    if (ok && node->kind == NODE_PEER_CONNECTS && cur->at > from + 1)
        seg->text = sp_arena_printf(cur->p->arena, "SYN %s", text_from(cur, from + 1));
    return ok && finish_line(cur, st);
}

struct sp_peer_seg *peer_plain(struct sp_arena *arena, enum sp_peer_verb verb, const char *flags)
{
    struct sp_peer_seg *seg = SP_ARENA_NEW(arena, struct sp_peer_seg);
    seg->verb = verb;
    seg->flags =
        (uint8_t)((strstr(flags, "SYN") ? SP_SYN : 0) | (strstr(flags, "ACK") ? SP_ACK : 0));
    seg->text = verb == SP_PEER_ACCEPTS ? "accepts" : flags;
    return seg;
}

static void find_ends(const struct node_list *nodes, bool acts[SP_WHO_COUNT])
{
    for (const struct node *node = nodes->first; node; node = node->next) {
        acts[node->st.who] = true;
        acts[node->active] = true;
        acts[node->passive] = true;
        if (node->kind == NODE_PEER_CONNECTS)
            acts[SP_WHO_PEER] = true;
        find_ends(&node->kids, acts);
        find_ends(&node->other, acts);
    }
}

enum sp_who peer_place(const struct node_list *nodes)
{
    bool acts[SP_WHO_COUNT] = {false};
    find_ends(nodes, acts);
    if (!acts[SP_WHO_PEER])
        return SP_WHO_NONE;
    return acts[SP_WHO_CLIENT] ? SP_WHO_SERVER : SP_WHO_CLIENT;
}

void peer_print(const struct sp_peer_seg *peer, struct sp_buf *out)
{
    sp_buf_addf(out, "peer %s", peer->text);
}
