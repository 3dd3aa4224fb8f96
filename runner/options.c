#include "options.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"

static const struct option_row *row_find(const struct option_row *rows, size_t count,
                                         const char *name, size_t len)
{
    for (size_t i = 0; i < count; i++)
        if (strlen(rows[i].name) == len && strncmp(rows[i].name, name, len) == 0)
            return &rows[i];
    return NULL;
}

static bool take_number(const struct cmd *cmd, const struct option_row *row, const char *value)
{
    char *end = NULL;
    long number = strtol(value, &end, 10);
    if (!*value || *end || number < row->min || number > row->max) {
        cmd_usage(cmd, "--%s takes a whole number from %ld to %ld, not '%s'", row->name, row->min,
                  row->max, value);
        return false;
    }
    *(long *)row->to = number;
    return true;
}

static bool take_duration(const struct cmd *cmd, const struct option_row *row, const char *value)
{
    int64_t ns = 0;
    unsigned used = sp_duration_parse(value, &ns);
    if (!used || value[used]) {
        cmd_usage(cmd, "--%s takes a time with its unit, such as 10s or 500ms, not '%s'", row->name,
                  value);
        return false;
    }
    *(int64_t *)row->to = ns;
    return true;
}

static bool take(const struct cmd *cmd, const struct option_row *row, const char *value)
{
    switch (row->kind) {
    case OPT_FLAG:
        *(bool *)row->to = true;
        return true;
    case OPT_TEXT:
        *(const char **)row->to = value;
        return true;
    case OPT_NUMBER:
        return take_number(cmd, row, value);
    case OPT_DURATION:
        return take_duration(cmd, row, value);
    }
    return false;
}

int options_parse(const struct cmd *cmd, const struct option_row *rows, size_t row_count, int argc,
                  char **argv)
{
    int words = 0;
    bool ended = false;
    for (int i = 1; i < argc; i++) {
        const char *arg = strcmp(argv[i], "-o") == 0 && !ended ? "--output" : argv[i];
        if (!ended && strcmp(arg, "--") == 0) {
            ended = true;
            continue;
        }
        if (ended || strncmp(arg, "--", 2) != 0) {
            if (!ended && arg[0] == '-' && arg[1]) {
                cmd_usage(cmd, "there is no option '%s'", arg);
                return -1;
            }
            argv[1 + words++] = argv[i];
            continue;
        }
        size_t len = strcspn(arg + 2, "=");
        const struct option_row *row = row_find(rows, row_count, arg + 2, len);
        const char *value = arg[2 + len] == '=' ? arg + 3 + len : NULL;
        if (!row) {
            cmd_usage(cmd, "there is no option '%s'", arg);
            return -1;
        }
        if (row->kind == OPT_FLAG && value) {
            cmd_usage(cmd, "--%s takes no value", row->name);
            return -1;
        }
        if (row->kind != OPT_FLAG && !value) {
            if (i + 1 >= argc) {
                cmd_usage(cmd, "--%s wants a value", row->name);
                return -1;
            }
            value = argv[++i];
        }
        if (!take(cmd, row, value))
            return -1;
    }
    return words;
}
