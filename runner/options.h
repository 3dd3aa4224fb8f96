/*
 * Command line options from a table: long options with or without a value, in any order, `--` ends
 * them. What is no option is a word.
 */
#ifndef SP_RUNNER_OPTIONS_H
#define SP_RUNNER_OPTIONS_H

#include "cmd.h"

enum option_kind {
    OPT_FLAG,     /* bool */
    OPT_TEXT,     /* const char * */
    OPT_NUMBER,   /* long, from min to max */
    OPT_DURATION, /* int64_t, nanoseconds */
};

struct option_row {
    const char *name; /* without the dashes */
    enum option_kind kind;
    void *to;
    long min, max; /* OPT_NUMBER */
};

/*
 * Fills what the rows point to and moves the words to the front of argv + 1; returns their
 * number, or -1 after saying what is wrong.
 */
int options_parse(const struct cmd *cmd, const struct option_row *rows, size_t row_count, int argc,
                  char **argv);

#endif
