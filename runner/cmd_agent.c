#include <signal.h>
#include <unistd.h>

#include "agent.h"
#include "cmd.h"
#include "options.h"

static int main_agent(int argc, char **argv)
{
    const char *role = "client";
    const struct option_row rows[] = {{"role", OPT_TEXT, &role, 0, 0}};
    struct sp_err err = {0};
    int words = options_parse(&cmd_agent, rows, sizeof rows / sizeof rows[0], argc, argv);
    if (words < 0)
        return SP_EXIT_USAGE;
    bool client = role[0] == 'c';
    if (words > 0 || (!client && role[0] != 's'))
        return cmd_usage(&cmd_agent, "--role takes client or server");
    if (sp_agent_serve(STDIN_FILENO, STDOUT_FILENO, client ? 'c' : 's', client ? 's' : 'c', &err) ==
        SP_OK)
        return SP_EXIT_PASS;
    cmd_error("%s", err.text);
    return SP_EXIT_BROKEN;
}

const struct cmd cmd_agent = {
    .name = "agent",
    .usage = "[--role client|server]",
    .summary = "Makes socket calls for a runner: requests on standard input, replies on output.",
    .help = "  --role R   whose payload it sends: client (the default) or server\n\n"
            "The protocol is described in docs/agent-protocol.md.\n",
    .main = main_agent,
};
