#include "style.h"

#include <string.h>

#include "utf8.h"

/* By enum sp_paint: SGR parameters (ECMA-48). */
static const char *const sgr[] = {"2", "1", "31", "32", "33"};

void sp_paint(struct sp_buf *out, const struct sp_report_style *style, enum sp_paint paint,
              const char *text)
{
    if (style->color)
        sp_buf_addf(out, "\x1b[%sm%s\x1b[0m", sgr[paint], text);
    else
        sp_buf_addstr(out, text);
}

enum sp_paint sp_verdict_paint(enum sp_verdict verdict)
{
    static const enum sp_paint paints[SP_VERDICT_COUNT] = {
        [SP_VERDICT_BROKEN] = SP_PAINT_RED,          [SP_VERDICT_FAIL] = SP_PAINT_RED,
        [SP_VERDICT_INCONCLUSIVE] = SP_PAINT_YELLOW, [SP_VERDICT_SKIP] = SP_PAINT_YELLOW,
        [SP_VERDICT_VARIANT] = SP_PAINT_GREEN,       [SP_VERDICT_PASS] = SP_PAINT_GREEN,
    };
    return paints[verdict];
}

static const char *in_ascii(uint32_t code)
{
    static const struct {
        uint32_t code;
        const char *text;
    } rows[] = {{0xB1, "+-"},   {0x2013, "-"},  {0x2014, "-"},   {0x2018, "'"}, {0x2019, "'"},
                {0x201C, "\""}, {0x201D, "\""}, {0x2026, "..."}, {0x2192, "->"}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (rows[i].code == code)
            return rows[i].text;
    return "?";
}

/* C0, DEL, C1, and the marks that turn the direction of writing. */
static bool controls(uint32_t code)
{
    return code < 0x20 || (code >= 0x7F && code < 0xA0) || (code >= 0x200E && code <= 0x200F) ||
           (code >= 0x2028 && code <= 0x202E) || (code >= 0x2066 && code <= 0x2069);
}

const char *sp_clean(struct sp_arena *arena, const char *text, bool unicode)
{
    struct sp_buf clean;
    sp_buf_init(&clean, 0);
    for (size_t i = 0, len = text ? strlen(text) : 0; i < len;) {
        uint32_t code;
        char bytes[4];
        i += sp_utf8_next(text + i, len - i, &code);
        bool space = code == ' ' || code == '\n' || code == '\t' || code == '\r';
        if (space && clean.len && clean.data[clean.len - 1] == ' ')
            continue;
        if (space)
            sp_buf_addch(&clean, ' ');
        else if (controls(code))
            sp_buf_addch(&clean, '?');
        else if (code < 0x80 || unicode)
            sp_buf_add(&clean, bytes, sp_utf8_put(code, bytes));
        else
            sp_buf_addstr(&clean, in_ascii(code));
    }
    const char *copy = sp_arena_strndup(arena, clean.data ? clean.data : "", clean.len);
    sp_buf_release(&clean);
    return copy;
}

static bool continues(char byte)
{
    return ((unsigned char)byte & 0xC0) == 0x80;
}

size_t sp_columns(const char *text)
{
    size_t columns = 0;
    for (; *text; text++)
        columns += !continues(*text);
    return columns;
}

size_t sp_fit(const char *text, size_t columns)
{
    size_t end = 0, used = 0, break_at = 0;
    while (text[end] && used < columns) {
        if (text[end] == ' ' && used >= columns / 2)
            break_at = end;
        bool behind = text[end] == ',' || (text[end] == '(' && end && text[end - 1] != ' ');
        used++;
        end++;
        while (continues(text[end]))
            end++;
        if (behind && used >= columns / 2)
            break_at = end;
    }
    if (!text[end] || text[end] == ' ')
        return end;
    return break_at ? break_at : end;
}

void sp_spaces(struct sp_buf *out, size_t count)
{
    while (count--)
        sp_buf_addch(out, ' ');
}

void sp_wrap(struct sp_buf *out, const char *prefix, const char *text, size_t width)
{
    size_t indent = sp_columns(prefix);
    size_t room = width == 0 ? SIZE_MAX : width > indent + 20 ? width - indent : 20;
    sp_buf_addstr(out, prefix);
    for (;;) {
        size_t fits = sp_fit(text, room);
        sp_buf_add(out, text, fits);
        sp_buf_addch(out, '\n');
        text += fits;
        while (*text == ' ')
            text++;
        if (!*text)
            break;
        sp_spaces(out, indent);
    }
}

void sp_run_name(const struct sp_result *result, struct sp_buf *out)
{
    sp_buf_addf(out, "%s@%s@%s", result->id, result->lab, result->family);
    if (result->repeat > 1)
        sp_buf_addf(out, "#%d", result->repeat);
}

const char *sp_topic_of(const struct sp_result *result, size_t *len)
{
    const char *topic = result->topic && *result->topic ? result->topic : result->id;
    const char *end = topic == result->id ? strrchr(topic, '/') : NULL;
    *len = end ? (size_t)(end - topic) : strlen(topic);
    return topic;
}

static struct sp_topic *topic_named(struct sp_topic *topics, size_t count, const char *name,
                                    size_t len)
{
    for (size_t i = 0; i < count; i++)
        if (strlen(topics[i].name) == len && strncmp(topics[i].name, name, len) == 0)
            return &topics[i];
    return NULL;
}

struct sp_topic *sp_topics(const struct sp_results *results, struct sp_arena *arena, size_t *count)
{
    size_t total = results->run_count;
    struct sp_topic *topics = SP_ARENA_ARRAY(arena, struct sp_topic, total);
    size_t *topic_of = SP_ARENA_ARRAY(arena, size_t, total);
    *count = 0;
    for (size_t i = 0; i < total; i++) {
        size_t len;
        const char *name = sp_topic_of(&results->runs[i], &len);
        struct sp_topic *topic = topic_named(topics, *count, name, len);
        if (!topic) {
            topic = &topics[(*count)++];
            topic->name = sp_arena_strndup(arena, name, len);
        }
        topic->count++;
        topic_of[i] = (size_t)(topic - topics);
    }
    for (size_t i = 0; i < *count; i++) {
        topics[i].runs = SP_ARENA_ARRAY(arena, size_t, topics[i].count);
        topics[i].count = 0;
    }
    for (size_t i = 0; i < total; i++) {
        struct sp_topic *topic = &topics[topic_of[i]];
        topic->runs[topic->count++] = i;
    }
    return topics;
}

const char *sp_run_says(const struct sp_result *run)
{
    const char *reason = run->reason ? run->reason : "";
    bool repeats = run->title && run->expected && run->seen && strstr(reason, run->expected) &&
                   strstr(reason, run->seen);
    return repeats ? run->title : reason;
}
