/* Names of TCP's states and flags: printed and parsed from the tables in wire.h. */
#include <stdio.h>
#include <string.h>

#include "wire.h"

static const char *const state_names[SP_TCP_STATE_COUNT] = {
#define SP_X(name) #name,
    SP_TCP_STATE_TABLE(SP_X)
#undef SP_X
};

/* What operating systems call them: Linux (tracepoints and ss), the BSDs, Windows. */
static const struct alias {
    const char *name;
    enum sp_tcp_state state;
} state_aliases[] = {
    {"CLOSE", SP_TCP_CLOSED},          {"SYN_RECV", SP_TCP_SYN_RECEIVED},
    {"SYN_RCVD", SP_TCP_SYN_RECEIVED}, {"NEW_SYN_RECV", SP_TCP_SYN_RECEIVED},
    {"ESTAB", SP_TCP_ESTABLISHED},     {"FIN_WAIT1", SP_TCP_FIN_WAIT_1},
    {"FIN_WAIT2", SP_TCP_FIN_WAIT_2},
};

static const struct flag {
    const char *name;
    uint8_t bit;
} flags_table[] = {
#define SP_X(name, bit) {#name, bit},
    SP_TCP_FLAG_TABLE(SP_X)
#undef SP_X
};

enum {
    ALIASES = sizeof state_aliases / sizeof state_aliases[0],
    FLAGS = sizeof flags_table / sizeof flags_table[0],
};

const char *sp_tcp_state_name(enum sp_tcp_state state)
{
    return (unsigned)state < SP_TCP_STATE_COUNT ? state_names[state] : "UNKNOWN";
}

/* Equal, where a dash in `name` stands for an underscore. */
static bool same_name(const char *name, const char *row)
{
    for (; *name && *row; name++, row++)
        if (*name != *row && !(*name == '-' && *row == '_'))
            return false;
    return *name == *row;
}

bool sp_tcp_state_parse(const char *name, enum sp_tcp_state *out)
{
    for (unsigned i = 0; i < SP_TCP_STATE_COUNT; i++) {
        if (same_name(name, state_names[i])) {
            *out = (enum sp_tcp_state)i;
            return true;
        }
    }
    for (unsigned i = 0; i < ALIASES; i++) {
        if (same_name(name, state_aliases[i].name)) {
            *out = state_aliases[i].state;
            return true;
        }
    }
    return false;
}

void sp_tcp_flags_print(uint8_t flags, char *out, size_t cap)
{
    char text[SP_TCP_FLAGS_TEXT] = "";
    size_t used = 0;
    for (unsigned i = 0; i < FLAGS; i++) {
        if (!(flags & flags_table[i].bit))
            continue;
        if (used)
            text[used++] = ',';
        memcpy(text + used, flags_table[i].name, 4);
        used += 3;
    }
    snprintf(out, cap, "%s", used ? text : "none");
}

bool sp_tcp_flags_parse(const char *text, uint8_t *flags)
{
    uint8_t found = 0;
    if (strcmp(text, "none") != 0) {
        for (const char *p = text;; p += 4) {
            uint8_t bit = 0;
            for (unsigned i = 0; i < FLAGS; i++)
                if (strncmp(p, flags_table[i].name, 3) == 0)
                    bit = flags_table[i].bit;
            if (!bit || (found & bit) || (p[3] != ',' && p[3] != '\0'))
                return false;
            found |= bit;
            if (p[3] == '\0')
                break;
        }
    }
    *flags = found;
    return true;
}
