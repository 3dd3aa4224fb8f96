#include <stdio.h>

#include "cmd.h"
#include "options.h"

static int main_lint(int argc, char **argv)
{
    const char *cases_option = NULL;
    const struct option_row rows[] = {{"cases", OPT_TEXT, &cases_option, 0, 0}};
    struct cases cases = {0};
    int words = options_parse(&cmd_lint, rows, sizeof rows / sizeof rows[0], argc, argv);
    if (words < 0)
        return SP_EXIT_USAGE;
    bool opened = cases_open(&cases, cases_option, argv + 1, (size_t)words);
    int code = opened && !cases.bad ? SP_EXIT_PASS : SP_EXIT_USAGE;
    if (opened)
        printf("%zu cases read, %zu with errors\n", cases.len + cases.bad, cases.bad);
    cases_release(&cases);
    return code;
}

const struct cmd cmd_lint = {
    .name = "lint",
    .usage = "[CASE | FOLDER | GLOB]...",
    .summary = "Checks case files: what is wrong, where, and what was probably meant.",
    .help = "  --cases DIR   the folder of cases (./cases, $SOCKPROOF_CASES)\n\n"
            "Exit codes: 0 all are well formed, 4 one is not.\n",
    .main = main_lint,
};
