/*
 * Which appliances there are, and what each says of itself in a line of its script:
 *
 *     # sockproof: path=nat needs=nft
 */
#include "lab.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "recipes.h"

enum { NAMES_MAX = 16, HEAD_BYTES = 4096 };

static const char *const classes[] = {"router", "firewall", "nat", NULL};

/* The Debian package of a program that a recipe may ask for. */
static const struct {
    const char *program;
    const char *mend;
} packages[] = {{"nft", "apt-get install nftables"},
                {"iptables", "apt-get install iptables"},
                {"tc", "apt-get install iproute2"},
                {"ip", "apt-get install iproute2"}};

const char *const *sp_appliance_names(void)
{
    static const char *names[NAMES_MAX + 1] = {"router"};
    for (size_t i = 0; sp_recipes[i].name && i + 1 < NAMES_MAX; i++)
        names[i + 1] = sp_recipes[i].name;
    return names;
}

/* The value of a word of the declaration, NULL where it is not there. */
static const char *declared(const char *text, const char *key, struct sp_arena *arena)
{
    const char *line = strstr(text, "# sockproof:");
    const char *end = line ? line + strcspn(line, "\n") : NULL;
    size_t len = strlen(key);
    for (const char *at = line; at && (at = strstr(at, key)) && at < end; at += len)
        if (at[-1] == ' ' && at[len] == '=')
            return sp_arena_strndup(arena, at + len + 1, strcspn(at + len + 1, " \t\r\n"));
    return NULL;
}

static enum sp_rc read_declaration(const char *text, struct sp_appliance *out,
                                   struct sp_arena *arena, struct sp_err *err)
{
    const char *path = declared(text, "path", arena);
    out->path = path ? path : classes[0];
    out->needs = declared(text, "needs", arena);
    for (size_t i = 0; classes[i]; i++)
        if (strcmp(classes[i], out->path) == 0)
            return SP_OK;
    return sp_fail(err, SP_E_USAGE,
                   "the appliance %s says path=%s: a box is a router, a firewall or a nat",
                   out->name, out->path);
}

static enum sp_rc find_file(const char *text, struct sp_appliance *out, struct sp_arena *arena,
                            struct sp_err *err)
{
    char head[HEAD_BYTES];
    char *whole = realpath(text, NULL);
    struct stat st;
    if (!whole)
        return sp_fail_os(err, SP_E_NOTFOUND, errno, "the appliance %s", text);
    out->file = sp_arena_strdup(arena, whole);
    free(whole);
    if (stat(out->file, &st) < 0 || !S_ISREG(st.st_mode))
        return sp_fail(err, SP_E_USAGE, "the appliance %s is not a file", text);
    if (access(out->file, X_OK) < 0)
        return sp_fail(err, SP_E_USAGE, "the appliance %s cannot be run: chmod +x it", text);
    FILE *f = fopen(out->file, "re");
    if (!f)
        return sp_fail_os(err, SP_E_IO, errno, "reading the appliance %s", text);
    size_t len = fread(head, 1, sizeof head - 1, f);
    fclose(f);
    head[len] = '\0';
    return read_declaration(head, out, arena, err);
}

static void list_names(char *out, size_t cap)
{
    const char *const *names = sp_appliance_names();
    *out = '\0';
    for (size_t i = 0; names[i]; i++) {
        size_t len = strlen(out);
        const char *between = i == 0 ? "" : names[i + 1] ? ", " : " and ";
        snprintf(out + len, cap - len, "%s%s", between, names[i]);
    }
}

enum sp_rc sp_appliance_find(const char *text, struct sp_appliance *out, struct sp_arena *arena,
                             struct sp_err *err)
{
    *out = (struct sp_appliance){.name = sp_arena_strdup(arena, text), .path = classes[0]};
    if (strchr(text, '/'))
        return find_file(text, out, arena, err);
    if (strcmp(text, classes[0]) == 0)
        return SP_OK;
    for (size_t i = 0; sp_recipes[i].name; i++)
        if (strcmp(sp_recipes[i].name, text) == 0) {
            out->script = sp_recipes[i].text;
            return read_declaration(out->script, out, arena, err);
        }
    char names[160];
    list_names(names, sizeof names);
    return sp_fail(err, SP_E_NOTFOUND,
                   "there is no appliance '%s': %s ship; a script of your own has a slash (./%s)",
                   text, names, text);
}

/* Where a shell would find it; the folders of root's programs are often not in a user's PATH. */
static bool is_there(const char *program)
{
    const char *path = getenv("PATH");
    char all[4096], file[4352];
    snprintf(all, sizeof all, "%s:/usr/sbin:/sbin", path ? path : "");
    for (char *save = NULL, *dir = strtok_r(all, ":", &save); dir;
         dir = strtok_r(NULL, ":", &save)) {
        snprintf(file, sizeof file, "%s/%s", dir, program);
        if (access(file, X_OK) == 0)
            return true;
    }
    return false;
}

enum sp_rc sp_appliance_ready(const struct sp_appliance *appliance, struct sp_err *err)
{
    if (!appliance->needs || is_there(appliance->needs))
        return SP_OK;
    const char *mend = "install it";
    for (size_t i = 0; i < sizeof packages / sizeof packages[0]; i++)
        if (strcmp(packages[i].program, appliance->needs) == 0)
            mend = packages[i].mend;
    return sp_fail(err, SP_E_UNSUPPORTED,
                   "the appliance %s needs the program %s, which is not here: %s", appliance->name,
                   appliance->needs, mend);
}
