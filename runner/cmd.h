/*
 * The subcommands of `sockproof`, private to runner/: each cmd_*.c fills one row of the table in
 * main.c. They are the only code of the project that prints and decides exit codes.
 */
#ifndef SP_RUNNER_CMD_H
#define SP_RUNNER_CMD_H

#include <sockproof/contract.h>
#include <stdbool.h>
#include <stddef.h>

#include "err.h"
#include "mem.h"
#include "script.h"

struct cmd {
    const char *name;
    const char *usage;                  /* after the name: "[CASE...] [--jobs N]" */
    const char *summary;                /* one line */
    const char *help;                   /* options and what they mean, ready to print */
    int (*main)(int argc, char **argv); /* argv[0] is the command's name */
};

extern const struct cmd cmd_run, cmd_list, cmd_explain, cmd_judge, cmd_doctor, cmd_lint, cmd_fmt,
    cmd_agent, cmd_sources, cmd_coverage, cmd_record, cmd_compare, cmd_guest, cmd_report,
    cmd_matrix;

/* Those that this system has, NULL at the end: commands.c, and windows/commands.c. */
extern const struct cmd *const cmd_all[];

/* "sockproof: error: ..." on standard error. */
void cmd_error(const char *fmt, ...) SP_PRINTF(1, 2);
/* The same with a pointer to --help; returns SP_EXIT_USAGE. */
int cmd_usage(const struct cmd *cmd, const char *fmt, ...) SP_PRINTF(2, 3);
void cmd_print_help(const struct cmd *cmd);

/* Writes a buffer to standard output; false where that fails (a full disk, a closed pipe). */
bool cmd_write_out(const struct sp_buf *buf);

/* ---- cases.c: from words on the command line to parsed cases -------------------------------- */

struct cases {
    struct sp_case **items; /* ordered by id */
    size_t len;
    size_t cap;
    size_t bad; /* files that could not be read; said on standard error */
};

/*
 * The folder of cases: --cases, $SOCKPROOF_CASES, ./cases, or the one beside the program.
 * SP_E_NOTFOUND says where was looked.
 */
enum sp_rc cases_dir(const char *option, char *out, size_t cap, struct sp_err *err);

/*
 * Loads what the words name: files, folders, ids, topics, globs over ids; none: all. A word that
 * names nothing is SP_E_NOTFOUND with a near one. Complaints about case files are printed.
 */
enum sp_rc cases_load(struct cases *cases, const char *dir, char **words, size_t count,
                      struct sp_err *err);
/* Both in one, for commands that are about cases only; says what is wrong, and is then false. */
bool cases_open(struct cases *cases, const char *dir_option, char **words, size_t count);
void cases_release(struct cases *cases);

/* ---- stacks.c ------------------------------------------------------------------------------- */

/* The stack of this machine, for both ends; strings are static. */
void stacks_own(struct sp_plan_config *config);
/*
 * --os: "linux-6.18" for both ends, or "client=windows-10.0.19045,server=wine-8.0/linux-6.18", an
 * API over the TCP of another. An API without a TCP of its own leaves the one that `config` has.
 */
enum sp_rc stacks_parse(const char *text, struct sp_plan_config *config, struct sp_arena *arena,
                        struct sp_err *err);

/* ---- adapters.c: other stacks at an end ------------------------------------------------------ */

struct adapter;
struct sp_run_adapter;

/*
 * --client, --server: "gvisor", "lwip", "exec:./agent": NAME or NAME:PARAM, where NAME is a folder
 * of stacks/ with a stack.json. Asks it for its version. SP_E_NOTFOUND lists those that there are.
 */
enum sp_rc adapter_load(const char *text, struct adapter **out, struct sp_err *err);
void adapter_free(struct adapter *adapter);
const struct sp_run_adapter *adapter_run(const struct adapter *adapter);
/* Whose expectations its calls and its segments answer to. */
void adapter_stack(const struct adapter *adapter, enum sp_who who, struct sp_plan_config *config);
/* What it keeps for the length of the command; NULL nothing. */
struct session;
const struct session *adapter_session(const struct adapter *adapter);
/* The labs in which it can be an end, enum sp_case_lab bits. */
unsigned adapter_labs(const struct adapter *adapter);

/* ---- progress.c ----------------------------------------------------------------------------- */

struct sp_progress;
struct sp_result;
struct progress {
    bool live; /* a line that is rewritten; else one line a result */
    bool color;
    int width;
    bool quiet;
};
void progress_init(struct progress *p, bool quiet);
void progress_show(const struct sp_progress *now, void *progress);
void progress_result(const struct sp_result *result, void *progress);
void progress_clear(struct progress *p);

#endif
