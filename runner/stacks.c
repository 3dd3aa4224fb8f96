#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "cmd.h"
#include "stack.h"

void stacks_own(struct sp_plan_config *config)
{
    static char version[64], under[64];
    sp_stack_version(version, sizeof version);
    struct sp_plan_stack api = {.name = sp_stack_name(), .version = *version ? version : NULL};
    struct sp_plan_stack tcp = {.name = sp_stack_tcp(under, sizeof under)};
    tcp.version = *under ? under : NULL;
    for (int who = SP_WHO_CLIENT; who <= SP_WHO_SERVER; who++) {
        config->api[who] = api;
        config->tcp[who] = tcp;
    }
}

/* "linux-6.18" -> linux, 6.18; the version begins at the first '-' before a digit. */
static enum sp_rc one_stack(const char *text, size_t len, struct sp_plan_stack *out,
                            struct sp_arena *arena, struct sp_err *err)
{
    char *copy = sp_arena_strndup(arena, text, len);
    char *dash = strchr(copy, '-');
    out->name = copy;
    out->version = NULL;
    if (dash && isdigit((unsigned char)dash[1])) {
        *dash = '\0';
        out->version = dash + 1;
    }
    for (const char *p = copy; *p; p++)
        if (!isalnum((unsigned char)*p) && *p != '_')
            return sp_fail(err, SP_E_USAGE, "'%.*s' is not a stack: write linux or linux-6.18",
                           (int)len, text);
    return *copy ? SP_OK : sp_fail(err, SP_E_USAGE, "a stack without a name");
}

/*
 * "wine-8.0/linux-6.18": an API over the TCP of another. An API that has no TCP of its own, alone,
 * says nothing of what is under it: that stays.
 */
static enum sp_rc api_and_tcp(const char *text, size_t len, struct sp_plan_stack *api,
                              struct sp_plan_stack *tcp, bool *has_tcp, struct sp_arena *arena,
                              struct sp_err *err)
{
    static const char *const api_only[] = {"wine"};
    const char *slash = memchr(text, '/', len);
    size_t api_len = slash ? (size_t)(slash - text) : len;
    enum sp_rc rc = one_stack(text, api_len, api, arena, err);
    if (rc != SP_OK)
        return rc;
    *tcp = *api;
    *has_tcp = true;
    if (slash)
        return one_stack(slash + 1, len - api_len - 1, tcp, arena, err);
    for (size_t i = 0; i < sizeof api_only / sizeof api_only[0]; i++)
        if (strcmp(api->name, api_only[i]) == 0)
            *has_tcp = false;
    return SP_OK;
}

enum sp_rc stacks_parse(const char *text, struct sp_plan_config *config, struct sp_arena *arena,
                        struct sp_err *err)
{
    for (const char *p = text; *p;) {
        size_t len = strcspn(p, ",");
        bool client = strncmp(p, "client=", 7) == 0;
        bool server = strncmp(p, "server=", 7) == 0;
        size_t skip = client || server ? 7 : 0;
        struct sp_plan_stack api = {0}, tcp = {0};
        bool has_tcp = false;
        enum sp_rc rc = len > skip
                            ? api_and_tcp(p + skip, len - skip, &api, &tcp, &has_tcp, arena, err)
                            : sp_fail(err, SP_E_USAGE, "--os wants a stack: linux-6.18");
        if (rc != SP_OK)
            return rc;
        for (int who = SP_WHO_CLIENT; who <= SP_WHO_SERVER; who++) {
            if ((client && who != SP_WHO_CLIENT) || (server && who != SP_WHO_SERVER))
                continue;
            config->api[who] = api;
            if (has_tcp)
                config->tcp[who] = tcp;
        }
        p += len;
        if (*p == ',')
            p++;
    }
    return SP_OK;
}
