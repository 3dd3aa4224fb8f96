#include "option_table.h"

#include <string.h>

const struct sp_stack_option *sp_stack_option_at(unsigned i)
{
    return i < sp_stack_option_count ? &sp_stack_options[i] : NULL;
}

enum sp_rc sp_stack_option_find(const char *name, const struct sp_stack_option **option,
                                struct sp_err *err)
{
    for (unsigned i = 0; i < sp_stack_option_count; i++) {
        if (strcmp(sp_stack_options[i].name, name) != 0)
            continue;
        if (!sp_stack_options[i].present)
            return sp_fail(err, SP_E_UNSUPPORTED, "%s does not have the socket option %s",
                           sp_stack_name(), name);
        *option = &sp_stack_options[i];
        return SP_OK;
    }
    return sp_fail(err, SP_E_USAGE, "no such socket option: '%s'", name);
}

bool sp_stack_is_bytes(const char *text)
{
    size_t len = strlen(text);
    return strspn(text, "0123456789abcdef") == len && len % 2 == 0;
}

static int digit(char c)
{
    return c <= '9' ? c - '0' : c - 'a' + 10;
}

size_t sp_stack_bytes_take(const char *text, char *out)
{
    size_t len = 0;
    for (; text[2 * len]; len++)
        out[len] = (char)(digit(text[2 * len]) << 4 | digit(text[2 * len + 1]));
    return len;
}
