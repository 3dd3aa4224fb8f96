/* The agent on lwIP: what stacks/lwip/start becomes (docs/adding-a-stack.md). */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent.h"
#include "lwip/link.h"
#include "stack.h"

enum { EXIT_BROKEN = 3, EXIT_USAGE = 4 };

static const char *told(const char *name)
{
    const char *value = getenv(name);
    return value ? value : "";
}

/*
 * Replies have the output for themselves: lwIP prints its assertions there, and what it says last
 * is to be told as what a stack said on standard error. -1 with errno.
 */
static int output_take(void)
{
    int out = dup(STDOUT_FILENO);
    return out < 0 || dup2(STDERR_FILENO, STDOUT_FILENO) < 0 ? -1 : out;
}

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "--version") == 0) {
        char version[32];
        sp_stack_version(version, sizeof version);
        puts(version);
        return 0;
    }
    const struct sp_lwip_link link = {.interface = told("SOCKPROOF_INTERFACE"),
                                      .address = told("SOCKPROOF_ADDRESS"),
                                      .peer_mac = told("SOCKPROOF_PEER_MAC"),
                                      .peer = told("SOCKPROOF_PEER_ADDRESS"),
                                      .states = told("SOCKPROOF_STATES")};
    struct sp_err err = {0};
    char salt = *told("SOCKPROOF_ROLE");
    char peer_salt = *told("SOCKPROOF_AGAINST");
    if (argc > 1 || !*link.interface || !salt || !peer_salt) {
        fprintf(stderr, "%s is started by sockproof run --client lwip\n", argv[0]);
        return EXIT_USAGE;
    }
    int out = output_take();
    if (out < 0)
        sp_fail_os(&err, SP_E_IO, errno, "no descriptor for the replies");
    else if (sp_lwip_start(&link, &err) == SP_OK &&
             sp_agent_serve(STDIN_FILENO, out, salt, peer_salt, &err) == SP_OK)
        return 0;
    fprintf(stderr, "sockproof-lwip: %s\n", err.text);
    return EXIT_BROKEN;
}
