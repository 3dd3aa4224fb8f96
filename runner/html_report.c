/*
 * The page has a limit, so what matters most goes in first: runs that did not pass, then the first
 * repetition of each that did, then the others; captures in the same order behind all ladders.
 */
#include "html_report.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "again.h"
#include "cmd.h"
#include "files.h"
#include "html.h"
#include "os.h"
#include "requirements.h"

enum { CAPTURE_MAX_BYTES = 4 << 20, TURNS = 3 };

static int turn_of(const struct sp_result *run)
{
    if (run->verdict < SP_VERDICT_SKIP)
        return 0;
    return run->repeat > 1 ? 2 : 1;
}

struct maker {
    const struct sp_results *const *results;
    size_t count;
    struct sp_html *html;
};

typedef bool each_run(struct maker *maker, size_t result, size_t run);

/* Calls for every run in the order of its turn, until it says that there is no more room. */
static void in_turns(struct maker *maker, each_run *each)
{
    for (int turn = 0; turn < TURNS; turn++)
        for (size_t i = 0; i < maker->count; i++)
            for (size_t k = 0; k < maker->results[i]->run_count; k++)
                if (turn_of(&maker->results[i]->runs[k]) == turn && !each(maker, i, k))
                    return;
}

static bool add_run(struct maker *maker, size_t result, size_t run)
{
    const struct sp_results *results = maker->results[result];
    struct again again;
    struct sp_err err = {0};
    bool room = true;
    if (again_judge(results->dir, &results->runs[run], NULL, results->head.judged_as, &again,
                    &err) == SP_OK) {
        const struct sp_html_run made = {result, run, &again.plan, &again.trace, &again.judgement};
        room = sp_html_add(maker->html, &made);
    } else {
        sp_html_without(maker->html, result, run, err.text);
    }
    again_release(&again);
    return room;
}

static bool add_capture(struct maker *maker, size_t result, size_t run)
{
    const struct sp_results *results = maker->results[result];
    char path[PATH_MAX];
    struct sp_buf data;
    struct sp_err err = {0};
    bool room = true;
    snprintf(path, sizeof path, "%s/%s/capture.pcapng", results->dir, results->runs[run].dir);
    sp_buf_init(&data, 0);
    if (sp_file_read(path, CAPTURE_MAX_BYTES, &data, &err) == SP_OK && data.len)
        room = sp_html_capture(maker->html, result, run, data.data, data.len);
    sp_buf_release(&data);
    return room;
}

/* ---- links ----------------------------------------------------------------------------------- */

/* The way from the folder of `to` to `dir`, both absolute, without a slash at its end. */
static void add_way(const char *from, const char *dir, struct sp_buf *out)
{
    size_t same = 0, i = 0;
    for (;; i++) {
        bool ends = (!from[i] || from[i] == '/') && (!dir[i] || dir[i] == '/');
        if (ends)
            same = i;
        if (!from[i] || !dir[i] || from[i] != dir[i])
            break;
    }
    for (const char *at = from + same; *at; at++)
        if (*at == '/' && at[1])
            sp_buf_addstr(out, "../");
    for (const char *at = dir + same + (dir[same] == '/'); *at; at++)
        if (strchr("%?# \"", *at) || (unsigned char)*at < ' ')
            sp_buf_addf(out, "%%%02X", (unsigned)(unsigned char)*at);
        else
            sp_buf_addch(out, *at);
}

/* From the page to a results folder, for captures that are not in the page; NULL where there is no
 * way to tell. */
static char *link_to(const char *to, const char *dir)
{
    char here[PATH_MAX], *slash;
    struct sp_buf way;
    if (!to || strcmp(to, "-") == 0)
        return NULL;
    snprintf(here, sizeof here, "%s", to);
    slash = strrchr(here, '/');
    if (slash)
        slash[slash == here] = '\0';
    char *page_dir = os_real_path(slash ? here : ".");
    char *there = os_real_path(dir);
    char *link = NULL;
    if (page_dir && there) {
        sp_buf_init(&way, 0);
        add_way(page_dir, there, &way);
        link = sp_xstrdup(way.len ? way.data : ".");
        sp_buf_release(&way);
    }
    free(page_dir);
    free(there);
    return link;
}

/* ---- requirements ---------------------------------------------------------------------------- */

static bool holds(const void *row, const char *spec)
{
    return requirement_named(row, spec);
}

static enum sp_rc finish(struct maker *maker, const struct html_report_options *o,
                         struct sp_buf *out, struct sp_err *err)
{
    struct requirements table = {0};
    struct sp_html_requirement *rows = NULL;
    char dir[PATH_MAX] = ".";
    struct sp_err ignored = {0};
    (void)cases_dir(NULL, dir, sizeof dir, &ignored);
    enum sp_rc rc = requirements_load(&table, o->requirements, dir, err);
    if (rc == SP_E_NOTFOUND && !o->requirements) /* a report without its table, which it says */
        rc = SP_OK;
    if (rc == SP_OK) {
        rows = sp_xcalloc(table.len + 1, sizeof *rows);
        for (size_t i = 0; i < table.len; i++) {
            const struct requirement *from = &table.items[i];
            rows[i] = (struct sp_html_requirement){from->id,   from->level,    from->section,
                                                   from->text, from->testable, from};
        }
        rc = sp_html_finish(maker->html, rows, table.len, holds, out, err);
    }
    free(rows);
    requirements_release(&table);
    return rc;
}

enum sp_rc html_report(const struct sp_results *const *results, size_t count,
                       const struct html_report_options *o, struct sp_buf *out, struct sp_err *err)
{
    struct sp_html_results *named = sp_xcalloc(count, sizeof *named);
    struct maker maker = {.results = results, .count = count};
    for (size_t i = 0; i < count; i++)
        named[i] = (struct sp_html_results){results[i], link_to(o->to, results[i]->dir)};
    maker.html = sp_html_new(named, count, SP_VERSION, o->max_bytes);
    in_turns(&maker, add_run);
    in_turns(&maker, add_capture);
    enum sp_rc rc = finish(&maker, o, out, err);
    sp_html_free(maker.html);
    for (size_t i = 0; i < count; i++)
        free((void *)named[i].folder_link);
    free(named);
    return rc;
}
