#include <string.h>
#include <unistd.h>

#include "agent.h"
#include "cmd.h"
#include "options.h"
#include "stack.h"

/* The payload pattern of a role, which is its first letter; 0: there is no such role. */
static char salt_of(const char *role)
{
    static const char *const roles[] = {"client", "server", "peer"};
    for (size_t i = 0; i < sizeof roles / sizeof roles[0]; i++)
        if (strcmp(roles[i], role) == 0)
            return role[0];
    return 0;
}

struct service {
    char salt, peer_salt;
};

static enum sp_rc serve(void *arg, struct sp_err *err)
{
    const struct service *service = arg;
    return sp_agent_serve(STDIN_FILENO, STDOUT_FILENO, service->salt, service->peer_salt, err);
}

static int main_agent(int argc, char **argv)
{
    const char *role = "client";
    const char *against = NULL;
    bool again = false;
    const struct option_row rows[] = {{"role", OPT_TEXT, &role, 0, 0},
                                      {"against", OPT_TEXT, &against, 0, 0},
                                      {"again", OPT_FLAG, &again, 0, 0}};
    struct sp_err err = {0};
    int words = options_parse(&cmd_agent, rows, sizeof rows / sizeof rows[0], argc, argv);
    if (words < 0)
        return SP_EXIT_USAGE;
    char salt = salt_of(role);
    if (!against)
        against = salt == 's' ? "client" : "server";
    char peer_salt = salt_of(against);
    if (words > 0 || !salt || salt == 'p')
        return cmd_usage(&cmd_agent, "--role takes client or server");
    if (!peer_salt)
        return cmd_usage(&cmd_agent, "--against takes client, server or peer");
    struct service service = {salt, peer_salt};
    if ((again ? sp_stack_again(serve, &service, &err) : serve(&service, &err)) == SP_OK)
        return SP_EXIT_PASS;
    cmd_error("%s", err.text);
    return SP_EXIT_BROKEN;
}

const struct cmd cmd_agent = {
    .name = "agent",
    .usage = "[--role client|server] [--against client|server|peer] [--again]",
    .summary = "Makes socket calls for a runner: requests on standard input, replies on output.",
    .help = "  --role R      whose payload it sends: client (the default) or server\n"
            "  --against A   whose payload it expects: the other one's (the default), or the\n"
            "                scripted peer's\n"
            "  --again       where it ends by a request, or is killed, another one takes its\n"
            "                place and greets\n\n"
            "The protocol is described in docs/agent-protocol.md.\n",
    .main = main_agent,
};
