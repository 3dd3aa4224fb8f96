#include <stdio.h>
#include <string.h>

#include "cmd.h"
#include "files.h"
#include "html_report.h"
#include "matrix.h"
#include "options.h"

enum { RESULTS_MAX = 32, MEGABYTE = 1000 * 1000 };

struct report_options {
    const char *output, *format, *requirements;
    long max_mb;
};

static bool is_html(const struct report_options *o)
{
    return strcmp(o->format, "html") == 0;
}

static enum sp_rc write_to(const char *path, const struct sp_buf *out, struct sp_err *err)
{
    if (strcmp(path, "-") == 0)
        return cmd_write_out(out) ? SP_OK : SP_E_IO;
    const struct sp_piece whole = {out->data, out->len};
    return sp_file_write(path, &whole, 1, err);
}

static enum sp_rc make(const struct report_options *o, const struct sp_results *const *results,
                       size_t count, struct sp_buf *out, struct sp_err *err)
{
    const struct html_report_options html = {o->output, o->requirements,
                                             o->max_mb ? (size_t)o->max_mb * MEGABYTE : 0};
    if (is_html(o))
        return html_report(results, count, &html, out, err);
    return sp_reporter_find(o->format)->write(results[0], out, err);
}

static int check(struct report_options *o, size_t words)
{
    if (!o->format)
        o->format = "html";
    if (!is_html(o) && !sp_reporter_find(o->format))
        return cmd_usage(&cmd_report,
                         "there is no format '%s': html, text, junit, ktap, markdown or json",
                         o->format);
    if (words < 1)
        return cmd_usage(&cmd_report, "wants a results folder");
    if (words > RESULTS_MAX)
        return cmd_usage(&cmd_report, "takes %d results at most", RESULTS_MAX);
    if (words > 1 && !is_html(o))
        return cmd_usage(&cmd_report, "--format %s is about one result; html takes several",
                         o->format);
    if (!o->output)
        o->output = is_html(o) ? "report.html" : "-";
    return 0;
}

static int main_report(int argc, char **argv)
{
    struct report_options o = {0};
    const struct option_row rows[] = {{"output", OPT_TEXT, &o.output, 0, 0},
                                      {"format", OPT_TEXT, &o.format, 0, 0},
                                      {"requirements", OPT_TEXT, &o.requirements, 0, 0},
                                      {"max-mb", OPT_NUMBER, &o.max_mb, 1, 1000}};
    struct sp_results items[RESULTS_MAX] = {0};
    const struct sp_results *results[RESULTS_MAX] = {NULL};
    struct sp_err err = {0};
    struct sp_buf out;
    int words = options_parse(&cmd_report, rows, sizeof rows / sizeof rows[0], argc, argv);
    if (words < 0)
        return SP_EXIT_USAGE;
    struct sp_arena arena;
    char **dirs = NULL;
    size_t count = 0;
    int code = SP_EXIT_BROKEN;
    sp_arena_init(&arena);
    sp_buf_init(&out, 0);
    enum sp_rc rc = matrix_expand(argv + 1, (size_t)words, &arena, &dirs, &count, &err);
    if (rc == SP_OK && check(&o, count) != 0) {
        sp_arena_release(&arena);
        return SP_EXIT_USAGE;
    }
    for (size_t i = 0; i < count && rc == SP_OK; i++) {
        results[i] = &items[i];
        rc = sp_results_read(dirs[i], &items[i], &err);
    }
    if (rc == SP_E_NOTFOUND)
        code = SP_EXIT_USAGE;
    if (rc == SP_OK)
        rc = make(&o, results, count, &out, &err);
    if (rc == SP_OK)
        rc = write_to(o.output, &out, &err);
    if (rc == SP_OK)
        code = SP_EXIT_PASS;
    else if (*err.text)
        cmd_error("%s", err.text);
    if (rc == SP_OK && strcmp(o.output, "-") != 0)
        fprintf(stderr, "%s: %.1f MB\n", o.output, (double)out.len / MEGABYTE);
    sp_buf_release(&out);
    for (size_t i = 0; i < count && i < RESULTS_MAX; i++)
        sp_results_release(&items[i]);
    sp_arena_release(&arena);
    return code;
}

const struct cmd cmd_report = {
    .name = "report",
    .usage = "RESULTS... [-o FILE] [--format F]",
    .summary = "Makes a report of results: one HTML page, or a form that machines read.",
    .help =
        "  RESULTS         results folders, which stand beside each other in the page; a matrix\n"
        "                  stands for all of its columns\n"
        "  -o FILE         where to, also --output (report.html; - is standard output)\n"
        "  --format F      html, text, junit, ktap, markdown or json\n"
        "  --max-mb N      how large the page may become (19): what finds no room is left\n"
        "                  out, captures first, then ladders of runs that pass\n"
        "  --requirements FILE  the table of requirements (docs/requirements.tsv)\n",
    .main = main_report,
};
