#include "data.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "os.h"

enum { PROGRAM_BYTES = 4096 };

static bool is_there(const char *path, enum data_kind kind)
{
    struct stat st;
    return stat(path, &st) == 0 &&
           (kind == DATA_FOLDER ? S_ISDIR(st.st_mode) : S_ISREG(st.st_mode));
}

bool data_find_beside(const char *program, const char *name, enum data_kind kind, char *out,
                      size_t cap)
{
    static const char *const beside[] = {"", "../", "../share/sockproof/"};
    const char *slash = strrchr(program, '/');
    int fits = snprintf(out, cap, "%s", name);
    if (fits < (int)cap && is_there(out, kind))
        return true;
    for (size_t i = 0; slash && i < sizeof beside / sizeof beside[0]; i++) {
        fits = snprintf(out, cap, "%.*s/%s%s", (int)(slash - program), program, beside[i], name);
        if (fits < (int)cap && is_there(out, kind))
            return true;
    }
    *out = '\0';
    return false;
}

bool data_find(const char *name, enum data_kind kind, char *out, size_t cap)
{
    char program[PROGRAM_BYTES];
    os_program(program, sizeof program);
    return data_find_beside(program, name, kind, out, cap);
}
