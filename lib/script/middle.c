/*
 * What the path does: `middle drop client FIN once`, `middle rewrite server SYN,ACK to
 * opt~mss=536`, `middle inject client RST seq=server.rcv_nxt+10`. Which segment is meant is written
 * as in `wire`; what it is turned into, or what is put in, as the scripted peer writes what it
 * sends.
 */
#include "parser.h"

#include <inttypes.h>
#include <string.h>

#include "clock.h"
#include "wire.h"

enum { COUNT_MAX = 1000000, COPIES_MAX = 1000, CHANGED_OPTS_MAX = 8 };

static const char *const verbs[] = {
#define X(id, word) word,
    SP_MIDDLE_VERBS(X)
#undef X
        NULL};

static const char *const part_words[] = {
#define X(id, word) word,
    SP_MIDDLE_PARTS(X)
#undef X
        NULL};

static int index_of(const char *const *words, const char *text)
{
    for (int i = 0; words[i]; i++)
        if (strcmp(words[i], text) == 0)
            return i;
    return -1;
}

/* ---- how often ------------------------------------------------------------------------------ */

/* [nth N] [once | times N] */
static bool read_times(struct cursor *cur, struct sp_middle *m, struct sp_num *times)
{
    if (cursor_take(cur, "nth") &&
        !read_number(cur, "which of those that fit", 1, COUNT_MAX, &m->nth))
        return false;
    if (cursor_take(cur, "once")) {
        *times = (struct sp_num){.set = true, .min = 1, .max = 1};
        return true;
    }
    if (!cursor_take(cur, "times"))
        return true;
    times->set = true;
    if (!read_number(cur, "how often", 1, COUNT_MAX, &times->min))
        return false;
    times->max = times->min;
    return true;
}

static bool read_which(struct cursor *cur, struct sp_stmt *st)
{
    return read_target(cur, st) && read_pattern(cur, &st->pattern);
}

/* ---- each verb ------------------------------------------------------------------------------ */

static bool read_drop(struct cursor *cur, struct sp_stmt *st, struct sp_middle *m)
{
    return read_which(cur, st) && read_times(cur, m, &st->times);
}

static bool read_hold(struct cursor *cur, struct sp_stmt *st, struct sp_middle *m)
{
    (void)m;
    if (!cursor_take(cur, "both") && !read_target(cur, st))
        return false;
    return !cursor_take(cur, "from") || read_pattern(cur, &st->pattern);
}

/* END [N] */
static bool read_some(struct cursor *cur, struct sp_stmt *st, struct sp_middle *m)
{
    (void)m;
    if (!read_target(cur, st))
        return false;
    if (!cursor_more(cur) || cursor_is(cur, "as"))
        return true;
    st->times.set = true;
    if (!read_number(cur, "a number", 1, COUNT_MAX, &st->times.min))
        return false;
    st->times.max = st->times.min;
    return true;
}

static bool read_nothing(struct cursor *cur, struct sp_stmt *st, struct sp_middle *m)
{
    (void)cur, (void)st, (void)m;
    return true;
}

static bool read_delay(struct cursor *cur, struct sp_stmt *st, struct sp_middle *m)
{
    if (!read_which(cur, st))
        return false;
    if (!cursor_take(cur, "by"))
        return cursor_fail(cur, cursor_peek(cur), "by 50ms", "say by how much it is delayed");
    return read_duration(cur, false, &m->by_ns) && read_times(cur, m, &st->times);
}

static bool read_duplicate(struct cursor *cur, struct sp_stmt *st, struct sp_middle *m)
{
    m->count = 1;
    if (!read_which(cur, st))
        return false;
    if (cursor_take(cur, "copies") &&
        !read_number(cur, "a number of copies", 1, COPIES_MAX, &m->count))
        return false;
    if (cursor_take(cur, "by") && !read_duration(cur, false, &m->by_ns))
        return false;
    return read_times(cur, m, &st->times);
}

static bool read_reorder(struct cursor *cur, struct sp_stmt *st, struct sp_middle *m)
{
    m->count = 1;
    if (!read_which(cur, st))
        return false;
    if (cursor_take(cur, "behind") &&
        !read_number(cur, "behind how many", 1, COPIES_MAX, &m->count))
        return false;
    return read_times(cur, m, &st->times);
}

static bool read_corrupt(struct cursor *cur, struct sp_stmt *st, struct sp_middle *m)
{
    if (!read_which(cur, st))
        return false;
    if (!cursor_take(cur, "at"))
        return read_times(cur, m, &st->times);
    const struct word *word = cursor_want(cur, "payload, header, checksum or ip");
    if (!word)
        return false;
    int part = index_of(part_words, word->text);
    if (part < 0)
        return cursor_fail(cur, word, diag_near(cur->p->diags, word->text, part_words),
                           "a segment has no part \"%s\"", word->text);
    m->part = (enum sp_middle_part)part;
    if (m->part == SP_PART_IP && (cur->p->c->families & SP_CASE_IPV6))
        return cursor_fail(cur, word, "family ipv4", "IPv6's header has no checksum");
    return read_times(cur, m, &st->times);
}

/* ---- rewrite -------------------------------------------------------------------------------- */

/* opt~mss=536, opt!~ts: what the segment has afterwards, or has not */
static bool read_changed_opt(struct cursor *cur, const struct word *word, struct sp_middle *m)
{
    static const char *const with_value[] = {"mss", "wscale", "ts", "ecr", NULL};
    struct sp_opt_want want;
    if (!read_opt_want(cur, word, &want))
        return false;
    if (!want.absent && (!want.has_value || !name_known(with_value, want.name)))
        return cursor_fail(cur, word, "opt~mss=536, opt~wscale=2, opt~ts=1, opt!~sackok, opt=[...]",
                           "it does not say what the option becomes");
    if (m->opt_count == CHANGED_OPTS_MAX)
        return cursor_fail(cur, word, NULL, "more than %d options", CHANGED_OPTS_MAX);
    if (!m->opts)
        m->opts = SP_ARENA_ARRAY(cur->p->arena, struct sp_opt_want, CHANGED_OPTS_MAX);
    m->opts[m->opt_count++] = want;
    return true;
}

/* seq=5 (from the ISN on), seq+=5, seq-=5 (from what it was) */
static bool read_moved(struct cursor *cur, const struct word *word, struct sp_peer_num *num,
                       bool *shift)
{
    const char *text = word->text + 3;
    bool minus = *text == '-';
    *shift = *text == '+' || minus;
    text += *shift;
    *num = (struct sp_peer_num){.base = SP_BASE_ISN};
    if (*text++ != '=' || !parse_int(text, &num->offset) || num->offset > UINT32_MAX)
        return cursor_fail(cur, word, "seq=5, seq+=1000, seq-=1000",
                           "\"%s\" does not say what the number becomes", word->text);
    if (minus)
        num->offset = -num->offset;
    return true;
}

static bool read_change(struct cursor *cur, const struct word *word, struct sp_middle *m)
{
    static const char *const unknown[] = {"len=", "to=",  "from=",  "doff=",  "badsum",
                                          "mtu=", "src=", "route=", "ipopt=", NULL};
    const char *text = word->text;
    if (strncmp(text, "opt~", 4) == 0 || strncmp(text, "opt!~", 5) == 0)
        return read_changed_opt(cur, word, m);
    if (strncmp(text, "seq", 3) == 0)
        return read_moved(cur, word, &m->seg->seq, &m->seq_shift);
    if (strncmp(text, "ack", 3) == 0)
        return read_moved(cur, word, &m->seg->ack, &m->ack_shift);
    bool no_field = *text >= '0' && *text <= '9';
    for (size_t i = 0; unknown[i]; i++)
        no_field = no_field || strncmp(text, unknown[i], strlen(unknown[i])) == 0;
    if (no_field)
        return cursor_fail(cur, word, "flags, seq, ack, win, urg, opt, payload, ttl, dscp, ecn",
                           "the middle cannot rewrite \"%s\"", text);
    return read_segment_word(cur, word, m->seg, &m->clear);
}

static bool ends_change(const struct cursor *cur)
{
    return cursor_is(cur, "nth") || cursor_is(cur, "once") || cursor_is(cur, "times") ||
           cursor_is(cur, "as");
}

static bool read_rewrite(struct cursor *cur, struct sp_stmt *st, struct sp_middle *m)
{
    if (!read_which(cur, st))
        return false;
    if (!cursor_take(cur, "to"))
        return cursor_fail(cur, cursor_peek(cur), "to opt~mss=536", "say what becomes of it");
    if (!cursor_more(cur) || ends_change(cur))
        return cursor_fail(cur, cursor_peek(cur), "to opt~mss=536 win=1000",
                           "say what becomes of it");
    size_t from = cur->at;
    m->seg = SP_ARENA_NEW(cur->p->arena, struct sp_peer_seg);
    while (cursor_more(cur) && !ends_change(cur))
        if (!read_change(cur, cursor_next(cur), m))
            return false;
    if (m->seg->has_opts && m->opt_count)
        return cursor_fail(cur, &cur->words[from], "either opt=[...] or opt~mss=536 opt!~ts",
                           "the options are said twice");
    m->text = text_from(cur, from);
    return read_times(cur, m, &st->times);
}

static bool read_inject(struct cursor *cur, struct sp_stmt *st, struct sp_middle *m)
{
    if (!read_target(cur, st))
        return false;
    if (!cursor_more(cur) || cursor_is(cur, "as"))
        return cursor_want(cur, "the segment, like RST seq=server.rcv_nxt") &&
               cursor_fail(cur, &cur->words[cur->at - 1], "middle inject client RST",
                           "say which segment");
    size_t from = cur->at;
    m->seg = SP_ARENA_NEW(cur->p->arena, struct sp_peer_seg);
    st->peer = m->seg;
    if (!read_segment(cur, m->seg))
        return false;
    if (m->seg->src || m->seg->route || m->seg->ip_raw_len)
        return cursor_fail(cur, &cur->words[from], NULL,
                           "only the peer has src=, route= and ipopt=");
    m->seg->text = m->text = text_from(cur, from);
    return true;
}

/* ---- the whole ------------------------------------------------------------------------------ */

static bool (*const readers[])(struct cursor *cur, struct sp_stmt *st, struct sp_middle *m) = {
    [SP_MIDDLE_DROP] = read_drop,       [SP_MIDDLE_HOLD] = read_hold,
    [SP_MIDDLE_RELEASE] = read_some,    [SP_MIDDLE_OPEN] = read_nothing,
    [SP_MIDDLE_DELAY] = read_delay,     [SP_MIDDLE_DUPLICATE] = read_duplicate,
    [SP_MIDDLE_REORDER] = read_reorder, [SP_MIDDLE_CORRUPT] = read_corrupt,
    [SP_MIDDLE_REWRITE] = read_rewrite, [SP_MIDDLE_KEEP] = read_drop,
    [SP_MIDDLE_REPLAY] = read_some,     [SP_MIDDLE_INJECT] = read_inject,
};

bool parse_middle(struct cursor *cur, struct node *node)
{
    struct sp_stmt *st = &node->st;
    st->kind = SP_ST_MIDDLE;
    st->who = SP_WHO_MIDDLE;
    const struct word *word = cursor_want(cur, "what is done, like drop, delay or inject");
    if (!word)
        return false;
    int verb = index_of(verbs, word->text);
    if (verb < 0)
        return cursor_fail(cur, word, diag_near(cur->p->diags, word->text, verbs),
                           "the middle cannot \"%s\"", word->text);
    struct sp_middle *m = SP_ARENA_NEW(cur->p->arena, struct sp_middle);
    m->verb = (enum sp_middle_verb)verb;
    m->nth = 1;
    st->middle = m;
    return readers[verb](cur, st, m) && finish_line(cur, st);
}

static void print_amount(const struct sp_middle *m, struct sp_buf *out)
{
    if (m->verb == SP_MIDDLE_DUPLICATE && m->count != 1)
        sp_buf_addf(out, " copies %" PRId64, m->count);
    if (m->verb == SP_MIDDLE_REORDER && m->count != 1)
        sp_buf_addf(out, " behind %" PRId64, m->count);
    if (m->by_ns) {
        char text[48];
        sp_duration_print(m->by_ns, text, sizeof text);
        sp_buf_addf(out, " by %s", text);
    }
    if (m->verb == SP_MIDDLE_CORRUPT)
        sp_buf_addf(out, " at %s", part_words[m->part]);
    if (m->verb == SP_MIDDLE_REWRITE)
        sp_buf_addf(out, " to %s", m->text);
    if (m->verb == SP_MIDDLE_INJECT)
        sp_buf_addf(out, " %s", m->text);
}

void middle_print(const struct sp_stmt *st, struct sp_buf *out)
{
    const struct sp_middle *m = st->middle;
    bool hold = m->verb == SP_MIDDLE_HOLD;
    bool plain = m->verb == SP_MIDDLE_RELEASE || m->verb == SP_MIDDLE_REPLAY;
    sp_buf_addf(out, "middle %s", verbs[m->verb]);
    if (st->target || hold)
        sp_buf_addf(out, " %s", st->target ? sp_who_name(st->target) : "both");
    if (st->pattern.text)
        sp_buf_addf(out, " %s%s", hold ? "from " : "", st->pattern.text);
    print_amount(m, out);
    if (m->nth > 1)
        sp_buf_addf(out, " nth %" PRId64, m->nth);
    if (st->times.set)
        sp_buf_addf(out, " %s%" PRId64, plain ? "" : "times ", st->times.min);
}
