/* The agent on Winsock, as a Windows program: sockproof-agent.exe ROLE AGAINST. */
#include <stdio.h>

#include "agent.h"
#include "stack.h"

int main(int argc, char **argv)
{
    struct sp_err err = {0};
    if (argc != 3) {
        fprintf(stderr, "usage: sockproof-agent client|server client|server|peer\n");
        return 4;
    }
    if (sp_agent_serve(0, 1, argv[1][0], argv[2][0], &err) == SP_OK)
        return 0;
    fprintf(stderr, "sockproof-agent: %s\n", err.text);
    return 3;
}
