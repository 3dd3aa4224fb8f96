/* What a segment must look like: `SYN,ACK opt~mss=1460`, `1..100`, `bytes 1..200000 then FIN`. */
#include "parser.h"

#include <stddef.h>
#include <string.h>

#include "wire.h"

enum { OPTS_MAX = 8 };

struct seg_reader {
    struct cursor *cur;
    struct sp_pattern *out;
    bool flags_read;
};

/* "RST,!ACK" -> set, clear. */
bool read_flags(struct cursor *cur, const struct word *word, uint8_t *set, uint8_t *clear)
{
    for (const char *p = word->text; *p;) {
        bool not = *p == '!';
        p += not ;
        size_t len = strcspn(p, ",");
        const char *name = sp_arena_strndup(cur->p->arena, p, len);
        int bit = flag_bit(name);
        if (!bit)
            return cursor_fail(cur, word, diag_near(cur->p->diags, name, flag_names),
                               "\"%s\" is neither a flag nor another word of a segment", name);
        if ((*set | *clear) & bit)
            return cursor_fail(cur, word, NULL, "the flag %s is named twice", name);
        if (not )
            *clear |= (uint8_t)bit;
        else
            *set |= (uint8_t)bit;
        p += len;
        if (*p == ',' && !*++p)
            return cursor_fail(cur, word, NULL, "a flag is missing behind the comma");
    }
    return true;
}

/* opt~mss, opt~mss=1460, opt!~ts */
bool read_opt_want(struct cursor *cur, const struct word *word, struct sp_opt_want *want)
{
    *want = (struct sp_opt_want){.absent = word->text[3] == '!'};
    const char *name = word->text + (want->absent ? 5 : 4);
    size_t len = strcspn(name, "=");
    want->name = sp_arena_strndup(cur->p->arena, name, len);
    if (!name_known(opt_names, want->name))
        return cursor_fail(cur, word, diag_near(cur->p->diags, want->name, opt_names),
                           "\"%s\" is not a TCP option", want->name);
    if (name[len] != '=')
        return true;
    want->has_value = true;
    if (want->absent)
        return cursor_fail(cur, word, NULL, "an option that is absent has no value");
    return parse_int(name + len + 1, &want->value) ||
           cursor_fail(cur, word, NULL, "\"%s\" is not a number", name + len + 1);
}

static bool word_opt(struct seg_reader *rd, const struct word *word)
{
    struct cursor *cur = rd->cur;
    struct sp_opt_want want;
    if (!read_opt_want(cur, word, &want))
        return false;
    if (rd->out->opt_count == OPTS_MAX)
        return cursor_fail(cur, word, NULL, "more than %d options", OPTS_MAX);
    if (!rd->out->opts)
        rd->out->opts = SP_ARENA_ARRAY(cur->p->arena, struct sp_opt_want, OPTS_MAX);
    rd->out->opts[rd->out->opt_count++] = want;
    return true;
}

static bool new_word(struct cursor *cur, const struct word *word, bool is_new)
{
    return is_new ||
           cursor_fail(cur, word, NULL, "\"%s\" says again what was said before", word->text);
}

/* bytes A..B [then FIN] */
static bool read_stream(struct seg_reader *rd, const struct word *word)
{
    struct cursor *cur = rd->cur;
    const struct word *range = cursor_want(cur, "positions like 1..200000");
    if (!range || !new_word(cur, word, !rd->out->bytes.set) ||
        !read_range(cur, range, range->text, &rd->out->bytes))
        return false;
    rd->out->stream = true;
    if (!cursor_take(cur, "then"))
        return true;
    const struct word *fin = cursor_want(cur, "FIN");
    rd->out->then_fin = true;
    return fin && (strcmp(fin->text, "FIN") == 0 ||
                   cursor_fail(cur, fin, NULL, "only FIN can come behind `then`"));
}

/* NAME=N, NAME=A..B. max: what the header's field can hold; 0: no such limit */
static const struct field {
    const char *name;
    size_t at;
    int64_t max;
} fields[] = {
    {"len=", offsetof(struct sp_pattern, len), 0},
    {"seq=", offsetof(struct sp_pattern, seq), 0},
    {"ack=", offsetof(struct sp_pattern, ack), 0},
    {"win=", offsetof(struct sp_pattern, window), 65535},
    {"urg=", offsetof(struct sp_pattern, urgent), 65535},
    {"sack=", offsetof(struct sp_pattern, sack), 0},
    {"dscp=", offsetof(struct sp_pattern, dscp), 63},
    {"ecn=", offsetof(struct sp_pattern, ecn), 3},
    {"ttl=", offsetof(struct sp_pattern, ttl), 255},
    {"isn-rate=", offsetof(struct sp_pattern, isn_rate), 0},
    {"isn-spread=", offsetof(struct sp_pattern, isn_spread), 0},
};

static const struct field *field_of(const char *text)
{
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++)
        if (strncmp(text, fields[i].name, strlen(fields[i].name)) == 0)
            return &fields[i];
    return NULL;
}

static bool read_field(struct cursor *cur, const struct word *word, const struct field *field,
                       struct sp_pattern *out)
{
    struct sp_num *num = (struct sp_num *)(void *)((char *)out + field->at);
    if (!new_word(cur, word, !num->set) ||
        !read_range(cur, word, word->text + strlen(field->name), num))
        return false;
    const char *hint = num == &out->window ? "write it as on the wire, before scaling" : NULL;
    return !field->max || num->max <= field->max ||
           cursor_fail(cur, word, hint, "%.*s is at most %lld", (int)strlen(field->name) - 1,
                       field->name, (long long)field->max);
}

static bool read_word(struct seg_reader *rd, const struct word *word)
{
    struct cursor *cur = rd->cur;
    struct sp_pattern *out = rd->out;
    const char *text = word->text;
    const struct field *field = field_of(text);
    if (field)
        return read_field(cur, word, field, out);
    if (strncmp(text, "opt~", 4) == 0 || strncmp(text, "opt!~", 5) == 0)
        return word_opt(rd, word);
    if (strcmp(text, "bytes") == 0)
        return read_stream(rd, word);
    if (*text >= '0' && *text <= '9')
        return new_word(cur, word, !out->bytes.set) && read_range(cur, word, text, &out->bytes);
    bool said = false;
    if (strcmp(text, "any") == 0) {
        said = out->any_payload;
        out->any_payload = true;
    } else if (strcmp(text, "again") == 0) {
        said = out->again;
        out->again = true;
    } else if (strncmp(text, "route=", 6) == 0) {
        said = out->route != NULL;
        out->route = text + 6;
        if (!said && strcmp(out->route, "none") != 0 && !parse_route(cur, word, out->route))
            return false;
    } else if (strcmp(text, "src=own") == 0 || strcmp(text, "src=second") == 0) {
        said = out->own_src || out->second_src;
        *(text[4] == 'o' ? &out->own_src : &out->second_src) = true;
    } else if (*text == '@') {
        said = out->seen_at != SP_WHO_NONE;
        out->seen_at = end_of_name(text + 1, strlen(text + 1));
        if (!out->seen_at)
            return cursor_fail(cur, word, "@client, @server",
                               "\"%s\" is not an end that a segment is seen at", text);
    } else if (strcmp(text, "goodsum") == 0) {
        said = out->good_sums;
        out->good_sums = true;
    } else if (strcmp(text, "df") == 0) {
        said = out->dont_fragment;
        out->dont_fragment = true;
    } else if (strcmp(text, "probe") == 0 || strcmp(text, "window-probe") == 0) {
        said = out->class_ != SP_CLASS_ANY;
        out->class_ = *text == 'p' ? SP_CLASS_KEEPALIVE : SP_CLASS_ZERO_WINDOW_PROBE;
    } else {
        said = rd->flags_read;
        rd->flags_read = true;
        return new_word(cur, word, !said) && read_flags(cur, word, &out->set, &out->clear);
    }
    return new_word(cur, word, !said);
}

static bool ends_pattern(const struct word *word)
{
    static const char *const ends[] = {"within", "after", "as",   "once", "times", "for",
                                       "until",  "since", "from", "nth",  "by",    "copies",
                                       "behind", "at",    "to",   "{",    NULL};
    return word->quoted || name_known(ends, word->text);
}

/* SYN, FIN and RST exactly; ACK exactly beside SYN only. */
static void close_flags(struct sp_pattern *out)
{
    uint8_t named = out->set | out->clear;
    uint8_t exact = SP_SYN | SP_FIN | SP_RST;
    if (out->then_fin)
        exact = SP_SYN | SP_RST; /* one of its segments carries it */
    out->clear |= (uint8_t)(exact & ~named);
    if ((out->set & SP_SYN) && !(named & SP_ACK))
        out->clear |= SP_ACK;
}

static bool check_pattern(struct cursor *cur, const struct word *first, struct sp_pattern *out)
{
    if (out->bytes.set && out->bytes.min < 1)
        return cursor_fail(cur, first, NULL, "the first byte of a stream is number 1");
    if ((out->bytes.set && (out->len.set || out->any_payload)) ||
        (out->len.set && out->any_payload))
        return cursor_fail(cur, first, "one of: A..B, bytes A..B, len=N, any",
                           "the payload is said twice");
    if (out->stream && out->seen_at)
        return cursor_fail(cur, first, "one line for each segment",
                           "a stream is not asked for at one end alone");
    return true;
}

bool read_pattern(struct cursor *cur, struct sp_pattern *out)
{
    struct seg_reader rd = {.cur = cur, .out = out};
    size_t from = cur->at;
    const struct word *word;
    struct sp_buf text;
    sp_buf_init(&text, 0);
    bool ok = true;
    while (ok && (word = cursor_peek(cur)) && !ends_pattern(word)) {
        cur->at++;
        ok = read_word(&rd, word);
    }
    for (size_t i = from; i < cur->at; i++)
        sp_buf_addf(&text, "%s%s", i > from ? " " : "", cur->words[i].text);
    if (ok && cur->at == from)
        ok = cursor_fail(cur, cursor_peek(cur), "flags (SYN,ACK), positions (1..100), len=, any",
                         "expected what the segment looks like");
    if (ok)
        ok = check_pattern(cur, &cur->words[from], out);
    if (ok) {
        out->text = sp_arena_strndup(cur->p->arena, text.data, text.len);
        out->pure_ack = out->set == SP_ACK && !out->bytes.set && !out->len.set &&
                        !out->any_payload && out->class_ == SP_CLASS_ANY;
        close_flags(out);
    }
    sp_buf_release(&text);
    return ok;
}
