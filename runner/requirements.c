#include "requirements.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "data.h"

enum { PATH_BYTES = 4096, FILE_MAX_BYTES = 1 << 20, FIELDS = 6 };

/* ---- the file ------------------------------------------------------------------------------- */

static enum sp_rc find_file(const char *option, const char *cases_dir, char *out, size_t cap,
                            struct sp_err *err)
{
    if (option) {
        snprintf(out, cap, "%s", option);
        return SP_OK;
    }
    snprintf(out, cap, "%s/../docs/requirements.tsv", cases_dir);
    if (access(out, R_OK) == 0 || data_find("docs/requirements.tsv", DATA_FILE, out, cap) ||
        data_find("requirements.tsv", DATA_FILE, out, cap))
        return SP_OK;
    return sp_fail(err, SP_E_NOTFOUND,
                   "no docs/requirements.tsv beside the cases, here or beside the program: name it "
                   "with --requirements FILE");
}

static enum sp_rc read_all(const char *path, struct sp_buf *out, struct sp_err *err)
{
    char part[8192];
    FILE *file = fopen(path, "rb");
    if (!file)
        return sp_fail(err, SP_E_NOTFOUND, "%s: %s", path, strerror(errno));
    for (size_t got; (got = fread(part, 1, sizeof part, file)) > 0;)
        sp_buf_add(out, part, got);
    bool failed = ferror(file) != 0;
    fclose(file);
    if (failed || out->overflow)
        return sp_fail(err, SP_E_PARSE, "%s: cannot be read, or is too large", path);
    return SP_OK;
}

/* ---- the rows ------------------------------------------------------------------------------- */

static bool begins(const char *text, const char *with)
{
    return strncmp(text, with, strlen(with)) == 0;
}

static enum requirement_group group_of(const char *id, const char *level)
{
    if (begins(id, "MUST-"))
        return GROUP_MUST;
    if (begins(id, "EV-"))
        return GROUP_EVENT;
    /* "-" is a rule about what is free to be left out as a whole (fast open, the user timeout) */
    return strcmp(level, "MAY") == 0 ? GROUP_MAY : GROUP_SHOULD;
}

/* id, level, section, paraphrase, testability (a, b, c), how; false: this is no row. */
static bool add_row(struct requirements *all, char *line)
{
    char *fields[FIELDS] = {NULL};
    size_t count = 0;
    for (char *p = line; p && count < FIELDS; count++) {
        fields[count] = p;
        p = strchr(p, '\t');
        if (p)
            *p++ = '\0';
    }
    if (count < FIELDS || !*fields[0] || strlen(fields[4]) != 1 || !strchr("abc", *fields[4]))
        return false;
    SP_PUSH(all->items, all->len, all->cap) = (struct requirement){
        .id = fields[0],
        .level = fields[1],
        .section = fields[2],
        .text = fields[3],
        .testable = *fields[4] != 'c',
        .group = group_of(fields[0], fields[1]),
    };
    return true;
}

enum sp_rc requirements_load(struct requirements *out, const char *option, const char *cases_dir,
                             struct sp_err *err)
{
    char path[PATH_BYTES];
    struct sp_buf text;
    int number = 0;
    *out = (struct requirements){0};
    sp_arena_init(&out->arena);
    sp_buf_init(&text, FILE_MAX_BYTES);
    enum sp_rc rc = find_file(option, cases_dir, path, sizeof path, err);
    if (rc == SP_OK)
        rc = read_all(path, &text, err);
    char *line =
        rc == SP_OK && text.len ? sp_arena_strndup(&out->arena, text.data, text.len) : NULL;
    while (rc == SP_OK && line) {
        char *next = strchr(line, '\n');
        if (next)
            *next++ = '\0';
        number++;
        if (*line && *line != '#' && !begins(line, "id\t") && !add_row(out, line))
            rc = sp_fail(err, SP_E_PARSE,
                         "%s:%d: no row of id, level, section, paraphrase, testability and how",
                         path, number);
        line = next;
    }
    if (rc == SP_OK && !out->len)
        rc = sp_fail(err, SP_E_PARSE, "%s: no requirements in it", path);
    sp_buf_release(&text);
    return rc;
}

void requirements_release(struct requirements *requirements)
{
    sp_arena_release(&requirements->arena);
    free(requirements->items);
    *requirements = (struct requirements){0};
}

/* ---- names ---------------------------------------------------------------------------------- */

/* The digits behind the R of an id of another RFC; 0: it is RFC 9293's. */
static size_t other_rfc(const char *id)
{
    return *id == 'R' ? strspn(id + 1, "0123456789") : 0;
}

bool requirement_named(const struct requirement *requirement, const char *spec)
{
    const char *id = requirement->id;
    size_t digits = other_rfc(id);
    char document[32];
    snprintf(document, sizeof document, "RFC%.*s:", digits ? (int)digits : 4,
             digits ? id + 1 : "9293");
    if (!begins(spec, document))
        return false;
    const char *place = spec + strlen(document);
    if (strcmp(place, id) == 0)
        return true;
    const char *rest = digits && id[1 + digits] == '-' ? id + 2 + digits : "";
    bool only_section = rest[strspn(rest, "0123456789.")] == '\0';
    return !only_section && strcmp(place, rest) == 0;
}

bool spec_names_requirement(const char *spec)
{
    static const char *const labels[] = {"MUST-", "SHLD-", "MAY-", "REC-", "EV-"};
    const char *place = strchr(spec, ':');
    if (!place || !begins(spec, "RFC"))
        return false;
    place++;
    for (size_t i = 0; i < sizeof labels / sizeof labels[0]; i++)
        if (begins(place, labels[i]))
            return true;
    return other_rfc(place) > 0;
}
