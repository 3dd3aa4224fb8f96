/* What a call may come to (`-> 0 | ECONNRESET took 2s ±0.2s raises SIGPIPE`) and bounds of time. */
#include "parser.h"

#include <string.h>

/* ---- time ---------------------------------------------------------------------------------- */

/* "±D", "+-D", "+D", "-D" or "+wheel" after a duration; steps over what it takes. */
static bool read_tolerance(struct cursor *cur, struct sp_bound *out, bool *got)
{
    *got = false;
    int64_t early = 0;
    int64_t late = 0;
    const struct word *word;
    while ((word = cursor_peek(cur)) && !word->quoted) {
        const char *text = word->text;
        int64_t *less = NULL;
        int64_t *more = NULL;
        if (strncmp(text, "\xc2\xb1", 2) == 0 || strncmp(text, "+-", 2) == 0) {
            less = &early;
            more = &late;
            text += 2;
        } else if (strcmp(text, "+wheel") == 0) {
            out->wheel = true;
        } else if (*text == '+') {
            more = &late;
            text++;
        } else if (*text == '-' && text[1] != '>') {
            less = &early;
            text++;
        } else {
            break;
        }
        cur->at++;
        if ((less && early) || (more && late) || (out->wheel && (*got || less || more)))
            return cursor_fail(cur, word, "one of: ±D, -D +D, +D, +wheel",
                               "\"%s\" does not go with what stands before it", word->text);
        int64_t value = 0;
        if ((less || more) && !word_duration(cur, word, text, false, &value))
            return false;
        if (less)
            *less = value;
        if (more)
            *more = value;
        *got = true;
    }
    if (early > out->min_ns)
        return cursor_fail(cur, cur->at ? &cur->words[cur->at - 1] : NULL, NULL,
                           "the tolerance is larger than the time itself");
    out->min_ns -= early;
    out->max_ns += late;
    return true;
}

/* "A..B" with A < B. */
static bool word_duration_range(struct cursor *cur, const struct word *word, struct sp_bound *out)
{
    const char *dots = strstr(word->text, "..");
    const char *first = sp_arena_strndup(cur->p->arena, word->text, (size_t)(dots - word->text));
    if (!word_duration(cur, word, first, true, &out->min_ns) ||
        !word_duration(cur, word, dots + 2, false, &out->max_ns))
        return false;
    return out->min_ns <= out->max_ns || cursor_fail(cur, word, "write the shorter time first",
                                                     "the range %s is empty", word->text);
}

/* The time of `after`: D alone is open for one deadline of the case. */
static bool read_after(struct cursor *cur, bool alone, struct sp_bound *out)
{
    const struct word *word = cursor_want(cur, "a duration like 60s");
    if (!word)
        return false;
    out->kind = SP_BOUND_AFTER;
    if (strstr(word->text, ".."))
        return word_duration_range(cur, word, out);
    if (!word_duration(cur, word, word->text, false, &out->min_ns))
        return false;
    out->max_ns = out->min_ns;
    bool tolerance = false;
    if (!read_tolerance(cur, out, &tolerance))
        return false;
    if (!tolerance && !alone)
        return cursor_fail(cur, word, "say how exact: took 2s ±0.2s, took 2s +wheel, took <2s",
                           "a call never takes exactly %s", word->text);
    if (!tolerance)
        out->max_ns = out->min_ns + cur->p->c->deadline_ns;
    return true;
}

bool read_bound(struct cursor *cur, struct sp_bound *out, bool *got)
{
    *got = true;
    if (cursor_take(cur, "within")) {
        out->kind = SP_BOUND_WITHIN;
        if (!read_duration(cur, false, &out->max_ns))
            return false;
    } else if (cursor_take(cur, "after")) {
        if (!read_after(cur, true, out))
            return false;
    } else {
        *got = false;
        return true;
    }
    return !cursor_take(cur, "since") || read_label_name(cur, &out->since);
}

/* Behind `took`: "<D", ">D", "A..B", or D with a tolerance. */
static bool read_took(struct cursor *cur, struct sp_bound *out)
{
    const struct word *word = cursor_peek(cur);
    if (word && (*word->text == '<' || *word->text == '>')) {
        bool less = *word->text == '<';
        int64_t value = 0;
        cur->at++;
        if (!word_duration(cur, word, word->text + 1, false, &value))
            return false;
        out->kind = less ? SP_BOUND_WITHIN : SP_BOUND_AFTER;
        out->min_ns = less ? 0 : value;
        out->max_ns = less ? value : value + cur->p->c->deadline_ns;
        return true;
    }
    return read_after(cur, false, out);
}

/* ---- outcomes ------------------------------------------------------------------------------ */

static const struct outcome_word {
    const char *name;
    enum sp_outcome_kind kind;
} outcome_words[] = {
    {"ok", SP_OUT_NUMBER}, {"killed", SP_OUT_KILLED},   {"pending", SP_OUT_PENDING},
    {"any", SP_OUT_ANY},   {"unknown", SP_OUT_UNKNOWN},
};

enum { OUTCOME_WORDS = sizeof outcome_words / sizeof outcome_words[0] };

static const char *near_outcome(struct cursor *cur, const char *text)
{
    static const char *const words[] = {"ok",  "killed", "pending", "any",    "unknown",
                                        "has", "lacks",  "took",    "raises", NULL};
    const char *hint = diag_near(cur->p->diags, text, error_names);
    return hint ? hint : diag_near(cur->p->diags, text, words);
}

static bool simple_outcome(struct cursor *cur, const struct word *word, struct sp_outcome *out)
{
    for (size_t i = 0; i < OUTCOME_WORDS; i++) {
        if (strcmp(word->text, outcome_words[i].name) == 0) {
            *out = (struct sp_outcome){.kind = outcome_words[i].kind};
            if (out->kind == SP_OUT_NUMBER)
                out->max = INT64_MAX;
            return true;
        }
    }
    if (strcmp(word->text, "-1") == 0) { /* as a stack does that fails and leaves errno alone */
        *out = (struct sp_outcome){.kind = SP_OUT_NUMBER, .min = -1, .max = -1};
        return true;
    }
    if (*word->text >= '0' && *word->text <= '9') {
        struct sp_num num = {0};
        if (!read_range(cur, word, word->text, &num))
            return false;
        *out = (struct sp_outcome){.kind = SP_OUT_NUMBER, .min = num.min, .max = num.max};
        return true;
    }
    if (error_known(word->text)) {
        /* the two are one on every stack that has poll(); reports use one name */
        bool block = strcmp(word->text, "EWOULDBLOCK") == 0;
        *out = (struct sp_outcome){.kind = SP_OUT_ERROR, .text = block ? "EAGAIN" : word->text};
        return true;
    }
    if (strncmp(word->text, "WSAE", 4) == 0)
        return cursor_fail(cur, word, "write the POSIX name, without WSA",
                           "\"%s\" is a name of Winsock's", word->text);
    if (word->text[0] == 'E')
        return cursor_fail(cur, word, near_outcome(cur, word->text),
                           "\"%s\" is not the name of an error", word->text);
    return cursor_fail(cur, word, near_outcome(cur, word->text), "\"%s\" is no outcome",
                       word->text);
}

static const char *join(struct cursor *cur, const struct word *words, size_t count)
{
    struct sp_buf buf;
    sp_buf_init(&buf, 0);
    sp_buf_addstr(&buf, "");
    for (size_t i = 0; i < count; i++)
        sp_buf_addf(&buf, "%s%s", i ? " " : "", words[i].text);
    const char *text = sp_arena_strndup(cur->p->arena, buf.data, buf.len);
    sp_buf_release(&buf);
    return text;
}

/* has IN HUP lacks ERR */
static bool bits_outcome(struct cursor *cur, const struct word *words, size_t count,
                         struct sp_outcome *out)
{
    size_t split = 0;
    while (split < count && strcmp(words[split].text, "lacks") != 0)
        split++;
    size_t from = strcmp(words[0].text, "has") == 0 ? 1 : 0;
    for (size_t i = from; i < count; i++)
        if (i != split && !name_known(poll_names, words[i].text) &&
            !name_known(select_names, words[i].text))
            return cursor_fail(cur, &words[i], diag_near(cur->p->diags, words[i].text, poll_names),
                               "\"%s\" is not something that poll or select reports",
                               words[i].text);
    if ((from && split == 1) || split + 1 == count || count == 1)
        return cursor_fail(cur, &words[0], "has IN HUP lacks ERR", "nothing to have or to lack");
    *out = (struct sp_outcome){
        .kind = SP_OUT_BITS,
        .text = join(cur, words + from, split - from),
        .lacks = split < count ? join(cur, words + split + 1, count - split - 1) : ""};
    return true;
}

static bool one_outcome(struct cursor *cur, const struct word *words, size_t count,
                        const struct word *bar, struct sp_outcome *out)
{
    if (count == 0)
        return cursor_fail(cur, bar, NULL, "an outcome is missing here");
    if (strcmp(words[0].text, "has") == 0 || strcmp(words[0].text, "lacks") == 0)
        return bits_outcome(cur, words, count, out);
    if (words[0].quoted) {
        *out = (struct sp_outcome){.kind = SP_OUT_TEXT, .text = words[0].text};
        return count == 1 || cursor_fail(cur, &words[1], "write | between outcomes",
                                         "\"%s\" does not belong to the outcome", words[1].text);
    }
    if (strchr(words[0].text, '=')) {
        for (size_t i = 1; i < count; i++)
            if (!strchr(words[i].text, '='))
                return cursor_fail(cur, &words[i], NULL, "\"%s\" is no NAME=VALUE", words[i].text);
        *out = (struct sp_outcome){.kind = SP_OUT_TEXT, .text = join(cur, words, count)};
        return true;
    }
    if (count > 1)
        return cursor_fail(cur, &words[1], "write | between outcomes",
                           "\"%s\" does not belong to the outcome", words[1].text);
    return simple_outcome(cur, words, out);
}

static bool ends_outcome(const struct word *word)
{
    static const char *const ends[] = {"took", "raises", "as", "within", "after", "{", NULL};
    return word->quoted || name_known(ends, word->text);
}

static bool is_bar(const struct word *word)
{
    return !word->quoted && strcmp(word->text, "|") == 0;
}

/* Cuts the words up to the end of the outcomes at each `|`; a bar becomes a word "|". */
static size_t split_bars(struct cursor *cur, struct word *pieces)
{
    size_t count = 0;
    const struct word *word;
    while ((word = cursor_peek(cur))) {
        bool first = count == 0 || is_bar(&pieces[count - 1]);
        if (!(word->quoted && first) && ends_outcome(word))
            break;
        cur->at++;
        if (word->quoted) { /* a printed result; behind an outcome a quote is the reason */
            pieces[count++] = *word;
            continue;
        }
        for (const char *p = word->text; *p;) {
            size_t len = *p == '|' ? 1 : strcspn(p, "|");
            struct word *piece = &pieces[count++];
            *piece = *word;
            if (len != strlen(word->text) && word->length == (int)strlen(word->text)) {
                piece->column = word->column + (int)(p - word->text);
                piece->length = (int)len;
            }
            piece->text = sp_arena_strndup(cur->p->arena, p, len);
            p += len;
        }
    }
    return count;
}

static size_t piece_max(const struct cursor *cur)
{
    size_t bytes = 1;
    for (size_t i = cur->at; i < cur->count; i++)
        bytes += strlen(cur->words[i].text) + cur->words[i].quoted;
    return bytes;
}

static bool read_outcomes(struct cursor *cur, struct sp_expect *out)
{
    struct word *pieces = SP_ARENA_ARRAY(cur->p->arena, struct word, piece_max(cur));
    size_t count = split_bars(cur, pieces);
    size_t bars = 0;
    for (size_t i = 0; i < count; i++)
        bars += is_bar(&pieces[i]);
    if (count == 0)
        return cursor_fail(cur, cursor_peek(cur), "a number, an error name, ok, killed, ...",
                           "expected an outcome behind ->");
    out->any_of = SP_ARENA_ARRAY(cur->p->arena, struct sp_outcome, bars + 1);
    size_t from = 0;
    for (size_t i = 0; i <= count; i++) {
        if (i < count && !is_bar(&pieces[i]))
            continue;
        if (!one_outcome(cur, pieces + from, i - from, i < count ? &pieces[i] : &pieces[i - 1],
                         &out->any_of[out->count++]))
            return false;
        from = i + 1;
    }
    return true;
}

static bool read_raises(struct cursor *cur, struct sp_expect *out)
{
    const struct word *word = cursor_want(cur, "a signal like SIGPIPE");
    if (!word)
        return false;
    out->signal = signal_number(word->text);
    return out->signal || cursor_fail(cur, word, diag_near(cur->p->diags, word->text, signal_names),
                                      "\"%s\" is not the name of a signal", word->text);
}

/* -> OUTCOMES, then `took` and `raises`, the one or the other first */
bool read_expect(struct cursor *cur, struct sp_expect *out, bool *got_outcome, bool *got_rest)
{
    *got_outcome = cursor_take(cur, "->");
    *got_rest = false;
    if (*got_outcome && !read_outcomes(cur, out))
        return false;
    while (true) {
        if (out->took.kind == SP_BOUND_NONE && cursor_take(cur, "took")) {
            if (!read_took(cur, &out->took))
                return false;
        } else if (!out->signal && cursor_take(cur, "raises")) {
            if (!read_raises(cur, out))
                return false;
        } else {
            return true;
        }
        *got_rest = true;
    }
}
