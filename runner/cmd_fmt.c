#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cmd.h"
#include "options.h"

/* Rewrites the file by way of a neighbour, so that a full disk leaves the old one. */
static bool replace_file(const char *path, const struct sp_buf *text)
{
    char beside[4096];
    if (snprintf(beside, sizeof beside, "%s.new", path) >= (int)sizeof beside)
        return false;
    FILE *file = fopen(beside, "wb");
    bool ok = file && fwrite(text->data, 1, text->len, file) == text->len;
    if (file)
        ok = fclose(file) == 0 && ok;
    if (ok && rename(beside, path) == 0)
        return true;
    cmd_error("%s: %s", path, strerror(errno));
    unlink(beside);
    return false;
}

/* 0 well formed already, 1 was not, -1 error. */
static int format_one(const struct sp_case *c, bool check)
{
    struct sp_diags diags;
    struct sp_err err = {0};
    struct sp_buf out;
    sp_buf_init(&out, 0);
    sp_diags_init(&diags);
    int result = -1;
    if (sp_case_format(c->text, c->text_len, &out, &diags, &err) != SP_OK)
        cmd_error("%s: %s", c->file, err.text);
    else if (out.len == c->text_len && memcmp(out.data, c->text, out.len) == 0)
        result = 0;
    else if (check)
        result = 1;
    else
        result = replace_file(c->file, &out) ? 1 : -1;
    sp_diags_release(&diags);
    sp_buf_release(&out);
    return result;
}

static int main_fmt(int argc, char **argv)
{
    const char *cases_option = NULL;
    bool check = false;
    const struct option_row rows[] = {{"cases", OPT_TEXT, &cases_option, 0, 0},
                                      {"check", OPT_FLAG, &check, 0, 0}};
    struct cases cases = {0};
    int words = options_parse(&cmd_fmt, rows, sizeof rows / sizeof rows[0], argc, argv);
    if (words < 0)
        return SP_EXIT_USAGE;
    bool opened = cases_open(&cases, cases_option, argv + 1, (size_t)words);
    int code = opened && !cases.bad ? SP_EXIT_PASS : SP_EXIT_USAGE;
    for (size_t i = 0; opened && i < cases.len; i++) {
        int result = format_one(cases.items[i], check);
        if (result > 0)
            printf("%s\n", cases.items[i]->file);
        if (result > 0 && check && code == SP_EXIT_PASS)
            code = SP_EXIT_FAIL;
        if (result < 0)
            code = SP_EXIT_BROKEN;
    }
    cases_release(&cases);
    return code;
}

const struct cmd cmd_fmt = {
    .name = "fmt",
    .usage = "[CASE | FOLDER | GLOB]... [--check]",
    .summary = "Writes case files in their canonical form.",
    .help = "  --check       only name those that are not; exit code 1 where there are any\n"
            "  --cases DIR   the folder of cases (./cases, $SOCKPROOF_CASES)\n",
    .main = main_fmt,
};
