/*
 * Several processes go through the runs: each takes the next one that nobody has, and writes what
 * it counted to a file that the first one reads when all are done. One that ends otherwise has read
 * nothing, as far as anybody knows.
 */
#include "share.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

bool share_takes(struct share *share)
{
    size_t at = share->seen++;
    if (!share->next)
        return true;
    if (!share->claimed)
        share->mine = __atomic_fetch_add(share->next, 1, __ATOMIC_RELAXED);
    share->claimed = at != share->mine;
    return !share->claimed;
}

/* ---- counts, in one order ------------------------------------------------------------------- */

enum { TALLY_COUNTS = 5 };

static size_t *tally_count(struct tally *tally, size_t i)
{
    size_t *const counts[TALLY_COUNTS] = {&tally->caught, &tally->argued, &tally->survived,
                                          &tally->neutral, &tally->neutral_caught};
    return counts[i];
}

static void tally_write(FILE *file, const char *sort, struct tally *tally)
{
    fputs(sort, file);
    for (size_t i = 0; i < TALLY_COUNTS; i++)
        fprintf(file, " %zu", *tally_count(tally, i));
    fprintf(file, " %s\n", tally->name);
}

static void part_write(struct strength *s, FILE *file)
{
    for (size_t k = 0; k < kind_count; k++)
        tally_write(file, "kind", &s->by_kind[k]);
    for (size_t i = 0; i < s->cases.len; i++)
        tally_write(file, "case", &s->cases.items[i]);
    for (size_t i = 0; i < s->topics.len; i++)
        tally_write(file, "topic", &s->topics.items[i]);
    for (size_t i = 0; i < s->survivor_len; i++)
        fprintf(file, "survivor %s\n", s->survivors[i].text);
    for (size_t i = 0; argued_count(i); i++)
        fprintf(file, "argued %zu %zu\n", i, *argued_count(i));
    fprintf(file, "all %zu %zu %zu %zu %zu %zu\n", s->runs, s->not_passing, s->unread, s->cuts,
            s->cuts_passing, s->sets);
}

static void tally_read(struct strength *s, const char *sort, const char *line)
{
    struct tally part = {0};
    int name = 0;
    if (sscanf(line, "%zu %zu %zu %zu %zu %n", &part.caught, &part.argued, &part.survived,
               &part.neutral, &part.neutral_caught, &name) != TALLY_COUNTS)
        return;
    struct tally *whole = NULL;
    if (strcmp(sort, "case") == 0)
        whole = tally_of(&s->cases, line + name, strlen(line + name));
    else if (strcmp(sort, "topic") == 0)
        whole = tally_of(&s->topics, line + name, strlen(line + name));
    for (size_t k = 0; !whole && k < kind_count; k++)
        whole = strcmp(s->by_kind[k].name, line + name) == 0 ? &s->by_kind[k] : NULL;
    for (size_t i = 0; whole && i < TALLY_COUNTS; i++)
        *tally_count(whole, i) += *tally_count(&part, i);
}

/* True for the line that is the last of a part. */
static bool line_read(struct strength *s, char *line)
{
    char *rest = strchr(line, ' ');
    size_t at = 0, count = 0;
    struct strength part = {0};
    line[strcspn(line, "\n")] = '\0';
    if (!rest)
        return false;
    *rest++ = '\0';
    if (strcmp(line, "survivor") == 0) {
        SP_PUSH(s->survivors, s->survivor_len, s->survivor_cap).text =
            sp_arena_strdup(&s->arena, rest);
    } else if (strcmp(line, "argued") == 0) {
        if (sscanf(rest, "%zu %zu", &at, &count) == 2 && argued_count(at))
            *argued_count(at) += count;
    } else if (strcmp(line, "all") == 0) {
        if (sscanf(rest, "%zu %zu %zu %zu %zu %zu", &part.runs, &part.not_passing, &part.unread,
                   &part.cuts, &part.cuts_passing, &part.sets) != 6)
            return false;
        s->runs += part.runs;
        s->not_passing += part.not_passing;
        s->unread += part.unread;
        s->cuts += part.cuts;
        s->cuts_passing += part.cuts_passing;
        s->sets |= part.sets;
        return true;
    } else {
        tally_read(s, line, rest);
    }
    return false;
}

static bool part_read(struct strength *s, FILE *file)
{
    char *line = NULL;
    size_t cap = 0;
    bool whole = false;
    rewind(file);
    while (getline(&line, &cap, file) > 0)
        whole = line_read(s, line) || whole;
    free(line);
    return whole;
}

/* ---- processes ------------------------------------------------------------------------------ */

static pid_t part_start(struct strength *s, FILE *file)
{
    fflush(NULL);
    pid_t pid = fork();
    if (pid != 0)
        return pid;
    setvbuf(stdout, NULL, _IOLBF, 0); /* a line is one process's */
    strength_part(s);
    part_write(s, file);
    fflush(NULL);
    _exit(0);
}

static int by_text(const void *a, const void *b)
{
    return strcmp(((const struct survivor *)a)->text, ((const struct survivor *)b)->text);
}

void share_out(struct strength *s)
{
    if (s->jobs == 1) {
        strength_part(s);
        return;
    }
    s->share.next = mmap(NULL, sizeof *s->share.next, PROT_READ | PROT_WRITE,
                         MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    FILE **files = sp_xcalloc((size_t)s->jobs, sizeof *files);
    pid_t *pids = sp_xcalloc((size_t)s->jobs, sizeof *pids);
    for (long i = 0; i < s->jobs && s->share.next != MAP_FAILED; i++) {
        files[i] = tmpfile();
        pids[i] = files[i] ? part_start(s, files[i]) : -1;
    }
    for (long i = 0; i < s->jobs; i++) {
        int status = 0;
        bool ended = pids[i] > 0 && waitpid(pids[i], &status, 0) == pids[i] && status == 0;
        s->unread += !(ended && part_read(s, files[i]));
        if (files[i])
            fclose(files[i]);
    }
    if (s->share.next != MAP_FAILED)
        munmap(s->share.next, sizeof *s->share.next);
    qsort(s->survivors, s->survivor_len, sizeof *s->survivors, by_text);
    free(files);
    free(pids);
}
