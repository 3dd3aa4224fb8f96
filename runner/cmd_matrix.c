/*
 * The same cases on several kernels and stacks: `run` once for each column, one after the other
 * (they would stand in each other's way), and an index beside the columns' results.
 */
#include <ctype.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cmd.h"
#include "matrix.h"
#include "options.h"
#include "os.h"

enum { COLUMNS_MAX = 32, PATH_BYTES = 4096, WORDS_EXTRA = 40 };

struct matrix {
    const char *over, *results;
    bool quiet;
    struct matrix_column columns[COLUMNS_MAX];
    size_t count;
    char program[PATH_BYTES];
    struct sp_arena arena;
};

/* Options of `run` that every column is given as they are. */
static const char *const handed_on[] = {"cases", "lab",  "family",    "max-wait", "repeat",
                                        "tries", "jobs", "appliance", "patience", "modules"};
enum { HANDED_ON = sizeof handed_on / sizeof handed_on[0] };

static volatile sig_atomic_t interrupted;
static volatile pid_t child;

static void on_signal(int signal_number)
{
    interrupted = 1;
    if (child > 0)
        kill(child, signal_number);
}

/* ---- columns -------------------------------------------------------------------------------- */

/* "old=qemu:/boot/vmlinuz" has its name; else the last part of what it is over makes one. */
static const char *name_of(struct sp_arena *arena, const char *over)
{
    const char *colon = strchr(over, ':');
    const char *slash = strrchr(over, '/');
    char *name = slash && colon
                     ? sp_arena_printf(arena, "%.*s-%s", (int)(colon - over), over, slash + 1)
                     : sp_arena_strdup(arena, over);
    for (char *p = name; *p; p++)
        if (!isalnum((unsigned char)*p) && !strchr("-_.+", *p))
            *p = '-';
    return name;
}

static bool is_name(const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (!isalnum((unsigned char)text[i]) && !strchr("-_.+", text[i]))
            return false;
    return len > 0 && text[0] != '.';
}

static bool starts(const char *text, const char *with)
{
    return strncmp(text, with, strlen(with)) == 0;
}

static bool is_over(const char *over)
{
    static const char *const kinds[] = {"uml:", "qemu:", "client=", "server=", "both="};
    bool known = strcmp(over, "host") == 0;
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0] && !known; i++)
        known = starts(over, kinds[i]) && over[strlen(kinds[i])];
    return known;
}

static int column_add(struct matrix *m, const char *text)
{
    const char *equals = strchr(text, '=');
    const char *name = NULL, *over = text;
    if (!is_over(text) && equals && is_name(text, (size_t)(equals - text))) {
        name = sp_arena_strndup(&m->arena, text, (size_t)(equals - text));
        over = equals + 1;
    }
    if (!is_over(over))
        return cmd_usage(&cmd_matrix,
                         "'%s' is nothing to run on: host, uml:PATH, qemu:VMLINUZ, client=STACK, "
                         "server=STACK or both=STACK",
                         over);
    if (!name)
        name = name_of(&m->arena, over);
    for (size_t i = 0; i < m->count; i++)
        if (strcmp(m->columns[i].name, name) == 0)
            return cmd_usage(&cmd_matrix, "two columns would be '%s': NAME=%s names one", name,
                             over);
    if (m->count == COLUMNS_MAX)
        return cmd_usage(&cmd_matrix, "%d columns at most", COLUMNS_MAX);
    m->columns[m->count++] = (struct matrix_column){.name = name, .over = over, .exit_code = -1};
    return 0;
}

static int columns_parse(struct matrix *m)
{
    if (!m->over)
        return cmd_usage(&cmd_matrix, "--over wants what to run on: host,qemu:VMLINUZ");
    char *rest = sp_arena_strdup(&m->arena, m->over);
    for (char *text; (text = strsep(&rest, ","));) {
        int code = column_add(m, text);
        if (code != 0)
            return code;
    }
    return 0;
}

/* ---- the folder ----------------------------------------------------------------------------- */

/* Made if absent; else it must be empty or a matrix of ours. */
static int folder_open(const char *dir)
{
    char path[PATH_BYTES];
    if (mkdir(dir, 0777) == 0)
        return 0;
    snprintf(path, sizeof path, "%s/matrix.json", dir);
    if (errno == EEXIST && (access(path, F_OK) == 0 || rmdir(dir) == 0)) {
        if (mkdir(dir, 0777) == 0 || errno == EEXIST)
            return 0;
    }
    cmd_error("%s cannot be taken for a matrix: %s (--results DIR: another folder)", dir,
              errno == ENOTEMPTY ? "it holds something else" : strerror(errno));
    return SP_EXIT_USAGE;
}

static char *column_dir(struct matrix *m, const struct matrix_column *column)
{
    return sp_arena_printf(&m->arena, "%s/%s", m->results, column->name);
}

/* ---- one column ----------------------------------------------------------------------------- */

static void words_over(struct matrix *m, const char *over, const char **words, size_t *n)
{
    static const struct {
        const char *with;
        const char *options[2];
    } ends[] = {
        {"client=", {"--client"}}, {"server=", {"--server"}}, {"both=", {"--client", "--server"}}};
    if (starts(over, "uml:") || starts(over, "qemu:")) {
        words[(*n)++] = "--kernel";
        words[(*n)++] = over;
    }
    for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++)
        for (size_t k = 0; starts(over, ends[i].with) && k < 2 && ends[i].options[k]; k++) {
            words[(*n)++] = ends[i].options[k];
            words[(*n)++] = sp_arena_strdup(&m->arena, over + strlen(ends[i].with));
        }
}

static _Noreturn void column_exec(struct matrix *m, const char **words)
{
    prctl(PR_SET_PDEATHSIG, SIGTERM); /* then it stores what was finished */
    signal(SIGINT, SIG_DFL);
    signal(SIGTERM, SIG_DFL);
    signal(SIGHUP, SIG_DFL);
    execv(m->program, (char **)words);
    cmd_error("%s: %s", m->program, strerror(errno));
    _exit(SP_EXIT_BROKEN);
}

static void column_run(struct matrix *m, struct matrix_column *column, const char **handed,
                       char **cases, size_t case_count)
{
    const char **words = sp_xcalloc(case_count + WORDS_EXTRA, sizeof *words);
    size_t n = 0;
    words[n++] = "sockproof";
    words[n++] = "run";
    words[n++] = "--results";
    words[n++] = column_dir(m, column);
    words_over(m, column->over, words, &n);
    for (size_t i = 0; i < HANDED_ON; i++) {
        /* another kernel's modules are none of a column that has none */
        bool fits = strcmp(handed_on[i], "modules") != 0 || starts(column->over, "qemu:");
        if (!handed[i] || !fits)
            continue;
        words[n++] = sp_arena_printf(&m->arena, "--%s", handed_on[i]);
        words[n++] = handed[i];
    }
    if (m->quiet)
        words[n++] = "--quiet";
    words[n++] = "--";
    for (size_t i = 0; i < case_count; i++)
        words[n++] = cases[i];
    int status = 0;
    child = fork();
    if (child == 0)
        column_exec(m, words);
    while (child > 0 && waitpid(child, &status, 0) < 0 && errno == EINTR)
        ;
    column->exit_code = child > 0 && WIFEXITED(status) ? WEXITSTATUS(status) : SP_EXIT_BROKEN;
    child = 0;
    free(words);
}

/* When a column's run.json was written last; all 0 where there is none. */
static struct timespec written(struct matrix *m, const struct matrix_column *column)
{
    struct stat st = {0};
    const char *path = sp_arena_printf(&m->arena, "%s/run.json", column_dir(m, column));
    return stat(path, &st) == 0 ? st.st_mtim : (struct timespec){0};
}

/* What an earlier matrix has left in the folder is none of this one's. */
static void column_read(struct matrix *m, struct matrix_column *column, struct timespec before)
{
    struct sp_err err = {0};
    struct timespec now = written(m, column);
    if (now.tv_sec == before.tv_sec && now.tv_nsec == before.tv_nsec)
        return;
    if (sp_results_read(column_dir(m, column), &column->results, &err) != SP_OK)
        return;
    column->has_results = column->results.run_count > 0;
    if (!column->has_results)
        sp_results_release(&column->results);
}

/* ---- all ------------------------------------------------------------------------------------ */

/* The worst of them: what must be looked at first. */
static int exit_code(const struct matrix *m)
{
    static const int worst_first[] = {SP_EXIT_USAGE, SP_EXIT_FAIL, SP_EXIT_BROKEN, SP_EXIT_NOTHING};
    if (interrupted)
        return SP_EXIT_INTERRUPTED;
    for (size_t i = 0; i < sizeof worst_first / sizeof worst_first[0]; i++)
        for (size_t k = 0; k < m->count; k++)
            if (m->columns[k].exit_code == worst_first[i])
                return worst_first[i];
    return SP_EXIT_PASS;
}

static int print(const struct matrix *m)
{
    struct sp_buf out;
    sp_buf_init(&out, 0);
    matrix_print(m->columns, m->count, &out);
    sp_buf_addf(&out, "matrix: %s\n", m->results);
    bool ok = cmd_write_out(&out);
    sp_buf_release(&out);
    return ok ? exit_code(m) : SP_EXIT_BROKEN;
}

static int columns_run(struct matrix *m, const char **handed, char **cases, size_t case_count)
{
    struct sp_err err = {0};
    enum sp_rc rc = SP_OK;
    struct sigaction action = {.sa_handler = on_signal};
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGHUP, &action, NULL);
    for (size_t k = 0; k < m->count && rc == SP_OK && !interrupted; k++) {
        if (!m->quiet)
            fprintf(stderr, "%s: %s\n", m->columns[k].name, m->columns[k].over);
        struct timespec before = written(m, &m->columns[k]);
        column_run(m, &m->columns[k], handed, cases, case_count);
        column_read(m, &m->columns[k], before);
        rc = matrix_write(m->results, m->columns, m->count, &err);
        if (m->columns[k].exit_code ==
            SP_EXIT_USAGE) /* it has said why: so it would be next time */
            return SP_EXIT_USAGE;
        if (m->columns[k].exit_code == SP_EXIT_INTERRUPTED)
            interrupted = 1;
    }
    if (rc != SP_OK) {
        cmd_error("%s", err.text);
        return SP_EXIT_BROKEN;
    }
    return print(m);
}

static int main_matrix(int argc, char **argv)
{
    struct matrix m = {.results = "matrix"};
    const char *handed[HANDED_ON] = {NULL};
    struct option_row rows[3 + HANDED_ON] = {{"over", OPT_TEXT, &m.over, 0, 0},
                                             {"results", OPT_TEXT, &m.results, 0, 0},
                                             {"quiet", OPT_FLAG, &m.quiet, 0, 0}};
    for (size_t i = 0; i < HANDED_ON; i++)
        rows[3 + i] = (struct option_row){handed_on[i], OPT_TEXT, (void *)&handed[i], 0, 0};
    sp_arena_init(&m.arena);
    int words = options_parse(&cmd_matrix, rows, sizeof rows / sizeof rows[0], argc, argv);
    int code = words < 0 ? SP_EXIT_USAGE : columns_parse(&m);
    if (code == 0 && !os_program(m.program, sizeof m.program)) {
        cmd_error("where this program is, to start it for each column");
        code = SP_EXIT_BROKEN;
    }
    if (code == 0)
        code = folder_open(m.results);
    if (code == 0)
        code = columns_run(&m, handed, argv + 1, (size_t)words);
    for (size_t k = 0; k < m.count; k++)
        if (m.columns[k].has_results)
            sp_results_release(&m.columns[k].results);
    sp_arena_release(&m.arena);
    return code;
}

const struct cmd cmd_matrix = {
    .name = "matrix",
    .usage = "--over COLUMN,COLUMN... [CASE | FOLDER | TOPIC | GLOB]... [options]",
    .summary = "Runs cases on several kernels and stacks, and shows where their verdicts differ.",
    .help =
        "  --over LIST     what to run on, one after the other, the first being what the others\n"
        "                  are held against: host, uml:PATH, qemu:VMLINUZ (as run --kernel has\n"
        "                  them), client=STACK, server=STACK, both=STACK (as run --client);\n"
        "                  NAME=... names a column: old=qemu:/boot/vmlinuz-6.1.0-56-amd64\n"
        "  --results DIR   where they go (matrix): a results folder for each column, under its\n"
        "                  name, and matrix.json. compare and report take DIR for all of them\n"
        "  --lab, --family, --appliance, --max-wait, --repeat, --tries, --jobs, --patience, "
        "--modules and\n"
        "  --cases         are those of run, for every column\n"
        "  --quiet         nothing of the columns' own, only the table\n\n"
        "Exit codes: 0 all passed in every column (variants and skips included), 1 something\n"
        "failed in one, 2 interrupted, 3 broken or inconclusive, or a column that could not be\n"
        "run, 4 usage or a bad case, 5 nothing ran in one.\n",
    .main = main_matrix,
};
