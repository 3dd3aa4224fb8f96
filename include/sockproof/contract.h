/*
 * What programs around Sockproof may rely on: the exit codes of the `sockproof` command, and the
 * names of the JSON forms that it writes (their schemas are in docs/schema). A form whose meaning
 * changes gets another number; members that are added do not change it.
 */
#ifndef SOCKPROOF_CONTRACT_H
#define SOCKPROOF_CONTRACT_H

/* Of every subcommand; README.md tells when each comes. */
enum sp_exit {
    SP_EXIT_PASS = 0,        /* all passed, variants and skips included */
    SP_EXIT_FAIL = 1,        /* something failed */
    SP_EXIT_INTERRUPTED = 2, /* a person or a signal ended it; what was finished is stored */
    SP_EXIT_BROKEN = 3,      /* broken or inconclusive */
    SP_EXIT_USAGE = 4,       /* usage, or a bad case file */
    SP_EXIT_NOTHING = 5,     /* nothing ran, or nothing was judged */
};

/* `schema` of run.json, of a run's trace.json and result.json, of `compare --json` and of a matrix.
 */
#define SP_SCHEMA_RUN     "sockproof-run/1"
#define SP_SCHEMA_TRACE   "sockproof-trace/1"
#define SP_SCHEMA_RESULT  "sockproof-result/1"
#define SP_SCHEMA_COMPARE "sockproof-compare/1"
#define SP_SCHEMA_MATRIX  "sockproof-matrix/1"

#endif
