#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "cmd.h"
#include "os.h"

void cmd_error(const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    fputs("sockproof: error: ", stderr);
    vfprintf(stderr, fmt, args);
    fputc('\n', stderr);
    va_end(args);
}

int cmd_usage(const struct cmd *cmd, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    fprintf(stderr, "sockproof %s: ", cmd->name);
    vfprintf(stderr, fmt, args);
    fprintf(stderr, "\nsockproof %s --help tells its options\n", cmd->name);
    va_end(args);
    return SP_EXIT_USAGE;
}

void cmd_print_help(const struct cmd *cmd)
{
    printf("usage: sockproof %s %s\n\n%s\n\n%s", cmd->name, cmd->usage, cmd->summary, cmd->help);
}

bool cmd_write_out(const struct sp_buf *buf)
{
    bool ok = !buf->len || fwrite(buf->data, 1, buf->len, stdout) == buf->len;
    ok = fflush(stdout) == 0 && ok;
    if (!ok)
        cmd_error("standard output cannot be written");
    return ok;
}

static void print_help(FILE *to)
{
    fputs("usage: sockproof COMMAND [...]\n\n"
          "Plays scripted conversations over real sockets, watches the calls, the wire and the\n"
          "kernel's states, and judges all three.\n\n",
          to);
    for (int i = 0; cmd_all[i]; i++)
        fprintf(to, "  %-10s %s\n", cmd_all[i]->name, cmd_all[i]->summary);
    fputs("\nsockproof COMMAND --help tells more.\n"
          "Exit codes: 0 all passed, 1 something failed, 2 interrupted, 3 broken or inconclusive,\n"
          "4 usage or a bad case, 5 nothing ran.\n",
          to);
}

int main(int argc, char **argv)
{
    os_start(argc, argv);
    if (argc < 2) {
        print_help(stderr);
        return SP_EXIT_USAGE;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 ||
        strcmp(argv[1], "help") == 0) {
        print_help(stdout);
        return SP_EXIT_PASS;
    }
    if (strcmp(argv[1], "--version") == 0) {
        puts("sockproof " SP_VERSION);
        return SP_EXIT_PASS;
    }
    for (int i = 0; cmd_all[i]; i++) {
        if (strcmp(argv[1], cmd_all[i]->name) != 0)
            continue;
        if (argc > 2 && (strcmp(argv[2], "--help") == 0 || strcmp(argv[2], "-h") == 0)) {
            cmd_print_help(cmd_all[i]);
            return SP_EXIT_PASS;
        }
        return cmd_all[i]->main(argc - 1, argv + 1);
    }
    cmd_error("there is no command '%s'; sockproof --help lists them", argv[1]);
    return SP_EXIT_USAGE;
}
