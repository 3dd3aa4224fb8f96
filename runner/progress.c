#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cmd.h"
#include "os.h"
#include "run.h"

/* Asked for each line: a window may be made wider or narrower meanwhile. */
static void measure(struct progress *p)
{
    int columns = os_columns(STDERR_FILENO);
    if (columns > 20)
        p->width = columns;
}

void progress_init(struct progress *p, bool quiet)
{
    const char *no_color = getenv("NO_COLOR");
    bool terminal = os_is_terminal(STDERR_FILENO) && !getenv("CI");
    *p = (struct progress){.live = terminal && !quiet,
                           .color = terminal && !(no_color && *no_color),
                           .width = 80,
                           .quiet = quiet};
    if (terminal)
        measure(p);
}

void progress_clear(struct progress *p)
{
    if (p->live)
        fputs("\r\033[K", stderr);
}

static const struct {
    const char *word;
    const char *color;
} looks[SP_VERDICT_COUNT] = {
    [SP_VERDICT_BROKEN] = {"broken", "\033[35m"},
    [SP_VERDICT_FAIL] = {"fail", "\033[31m"},
    [SP_VERDICT_INCONCLUSIVE] = {"inconclusive", "\033[33m"},
    [SP_VERDICT_SKIP] = {"skip", "\033[2m"},
    [SP_VERDICT_VARIANT] = {"variant", "\033[36m"},
    [SP_VERDICT_PASS] = {"pass", "\033[32m"},
};

/* Bytes of the text that so many columns hold: one a character, none cut in two. */
static int fits(const char *text, int columns)
{
    int bytes = 0;
    for (; text[bytes]; bytes++)
        if ((text[bytes] & 0xC0) != 0x80 && columns-- == 0)
            break;
    return bytes;
}

/* Writes as much of the text as fits, so that the line never wraps. */
static void put_line(const struct progress *p, const char *text)
{
    fprintf(stderr, "\r%.*s\033[K", fits(text, p->width - 1), text);
    fflush(stderr);
}

void progress_show(const struct sp_progress *now, void *progress)
{
    struct progress *p = progress;
    if (!p->live)
        return;
    struct sp_buf line;
    char elapsed[32];
    measure(p);
    sp_buf_init(&line, 0);
    sp_duration_print(now->elapsed_ns / SP_S * SP_S, elapsed, sizeof elapsed);
    sp_buf_addf(&line, "%zu/%zu  %s", now->done, now->total, elapsed);
    for (int v = SP_VERDICT_COUNT - 1; v >= 0; v--)
        if (now->by_verdict[v])
            sp_buf_addf(&line, "  %zu %s", now->by_verdict[v], looks[v].word);
    if (now->left_ns > SP_S)
        sp_buf_addf(&line, "  about %llds left", (long long)(now->left_ns / SP_S));
    if (*now->running_id)
        sp_buf_addf(&line, "  %s%s%s", now->running_id, *now->waits_for ? ": " : "",
                    now->waits_for);
    put_line(p, line.data);
    sp_buf_release(&line);
}

/* Without a live line each run gets a line of its own; with one, only what is worth a look. */
void progress_result(const struct sp_result *result, void *progress)
{
    struct progress *p = progress;
    bool fine = result->verdict >= SP_VERDICT_SKIP;
    if (p->quiet || (p->live && fine))
        return;
    struct sp_buf line;
    sp_buf_init(&line, 0);
    sp_buf_addf(&line, " %s@%s@%s  %.0f ms%s%s", result->id, result->lab, result->family,
                result->duration_ms, fine ? "" : "  ", fine ? "" : result->reason);
    progress_clear(p);
    /* The summary says again, and whole, what a window has no room for. */
    fprintf(stderr, "%s%-12s%s%.*s\n", p->color ? looks[result->verdict].color : "",
            looks[result->verdict].word, p->color ? "\033[0m" : "",
            p->live ? fits(line.data, p->width - 13) : (int)line.len, line.data);
    sp_buf_release(&line);
}
