/* argued.tsv: single survivors, by globs of the damage, the run and the place. */
#include "argued.h"

#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROWS_MAX = 200 };

struct row {
    char *kind, *run, *place, *reason;
    size_t used, about;
};

static struct row rows[ROWS_MAX];
static size_t row_count;

static char *field(char **line)
{
    char *at = *line, *tab = at ? strchr(at, '\t') : NULL;
    if (tab)
        *tab++ = '\0';
    *line = tab;
    return sp_xstrdup(at ? at : "");
}

bool argued_read(const char *path)
{
    char text[1000];
    FILE *file = fopen(path, "r");
    if (!file)
        return false;
    while (row_count < ROWS_MAX && fgets(text, sizeof text, file)) {
        char *line = text;
        text[strcspn(text, "\n")] = '\0';
        if (!*text || *text == '#')
            continue;
        struct row *row = &rows[row_count++];
        row->kind = field(&line);
        row->run = field(&line);
        row->place = field(&line);
        row->reason = field(&line);
    }
    fclose(file);
    return true;
}

void argued_release(void)
{
    for (size_t i = 0; i < row_count; i++) {
        free(rows[i].kind);
        free(rows[i].run);
        free(rows[i].place);
        free(rows[i].reason);
    }
    row_count = 0;
}

bool row_argues(const char *kind, const char *run, const char *place)
{
    for (size_t i = 0; i < row_count; i++)
        if (fnmatch(rows[i].kind, kind, 0) == 0 && fnmatch(rows[i].run, run, 0) == 0 &&
            fnmatch(rows[i].place, place, 0) == 0) {
            rows[i].used++;
            return true;
        }
    return false;
}

void argued_about(const char *run)
{
    for (size_t i = 0; i < row_count; i++)
        rows[i].about += fnmatch(rows[i].run, run, 0) == 0;
}

size_t argued_stale(bool print)
{
    size_t stale = 0;
    for (size_t i = 0; i < row_count; i++) {
        if (!rows[i].about || rows[i].used)
            continue;
        stale++;
        if (print)
            printf("stale: %s, %s, %s: it excuses nothing in %zu runs\n", rows[i].kind, rows[i].run,
                   rows[i].place, rows[i].about);
    }
    return stale;
}

size_t *rows_count(size_t i)
{
    if (i / 2 >= row_count)
        return NULL;
    return i % 2 ? &rows[i / 2].about : &rows[i / 2].used;
}

void rows_print(void)
{
    for (size_t i = 0; i < row_count; i++)
        if (rows[i].used)
            printf("  %5zu %-12s %s, %s: %s\n", rows[i].used, "argued.tsv", rows[i].run,
                   rows[i].kind, rows[i].reason);
}
