#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cmd.h"
#include "data.h"
#include "os.h"

enum { PATH_MAX_ = 4096, DEPTH_MAX = 8 };

/* Case files found, before they are parsed. */
struct files {
    char **items;
    size_t len;
    size_t cap;
};

static bool is_dir(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

enum sp_rc cases_dir(const char *option, char *out, size_t cap, struct sp_err *err)
{
    const char *env = getenv("SOCKPROOF_CASES");
    const char *given = option ? option : env;
    if (given) {
        snprintf(out, cap, "%s", given);
        return is_dir(out) ? SP_OK
                           : sp_fail(err, SP_E_NOTFOUND, "there is no folder of cases '%s'", out);
    }
    if (data_find("cases", DATA_FOLDER, out, cap))
        return SP_OK;
    return sp_fail(err, SP_E_NOTFOUND,
                   "no folder of cases here or beside the program: name one with --cases DIR");
}

static bool ends_with(const char *text, const char *end)
{
    size_t a = strlen(text), b = strlen(end);
    return a >= b && strcmp(text + a - b, end) == 0;
}

static void files_add(struct files *files, const char *path)
{
    SP_PUSH(files->items, files->len, files->cap) = sp_xstrdup(path);
}

static void files_walk(struct files *files, const char *dir, int depth)
{
    DIR *handle = depth < DEPTH_MAX ? opendir(dir) : NULL;
    if (!handle)
        return;
    const struct dirent *entry;
    size_t len = strlen(dir); /* cases/linger/: as a shell completes it */
    while (len > 1 && dir[len - 1] == '/')
        len--;
    while ((entry = readdir(handle))) {
        char path[PATH_MAX_];
        if (entry->d_name[0] == '.' || snprintf(path, sizeof path, "%.*s/%s", (int)len, dir,
                                                entry->d_name) >= (int)sizeof path)
            continue;
        if (is_dir(path))
            files_walk(files, path, depth + 1);
        else if (ends_with(path, ".case"))
            files_add(files, path);
    }
    closedir(handle);
}

/* "cases/linger/zero.case" under "cases" -> "linger/zero" */
static void id_of(const char *path, const char *dir, char *out, size_t cap)
{
    size_t dir_len = strlen(dir);
    while (dir_len > 1 && dir[dir_len - 1] == '/')
        dir_len--;
    const char *rest =
        strncmp(path, dir, dir_len) == 0 && path[dir_len] == '/' ? path + dir_len + 1 : path;
    snprintf(out, cap, "%.*s", (int)(strlen(rest) - strlen(".case")), rest);
}

static bool word_matches(const char *word, const char *id)
{
    size_t len = strlen(word);
    while (len && word[len - 1] == '/')
        len--;
    if (strncmp(id, word, len) == 0 && (id[len] == '\0' || id[len] == '/'))
        return true;
    const char *slash = strrchr(id, '/');
    return os_match(word, id) || (slash && os_match(word, slash + 1));
}

/* Levenshtein, for "did you mean". */
static size_t distance(const char *a, const char *b)
{
    size_t row[128];
    size_t n = strlen(b);
    if (n >= 128 || strlen(a) >= 128)
        return 999;
    for (size_t j = 0; j <= n; j++)
        row[j] = j;
    for (size_t i = 1; a[i - 1]; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= n; j++) {
            size_t change = diagonal + (a[i - 1] != b[j - 1]);
            diagonal = row[j];
            size_t least = row[j] < row[j - 1] ? row[j] + 1 : row[j - 1] + 1;
            row[j] = change < least ? change : least;
        }
    }
    return row[n];
}

static enum sp_rc not_found(const char *word, const struct files *all, const char *dir,
                            struct sp_err *err)
{
    char best[256] = "";
    size_t least = strlen(word) / 3 + 2;
    for (size_t i = 0; i < all->len; i++) {
        char id[256];
        id_of(all->items[i], dir, id, sizeof id);
        size_t d = distance(word, id);
        if (d < least) {
            least = d;
            snprintf(best, sizeof best, "%s", id);
        }
    }
    if (*best)
        return sp_fail(err, SP_E_NOTFOUND, "no case, folder or topic '%s'; did you mean '%s'?",
                       word, best);
    return sp_fail(err, SP_E_NOTFOUND,
                   "no case, folder or topic '%s'; sockproof list shows what there is", word);
}

static enum sp_rc files_pick(const struct files *all, const char *dir, const char *word,
                             struct files *picked, struct sp_err *err)
{
    size_t before = picked->len;
    if (is_dir(word))
        files_walk(picked, word, 0);
    else if (ends_with(word, ".case") && access(word, F_OK) == 0)
        files_add(picked, word);
    if (picked->len > before)
        return SP_OK;
    for (size_t i = 0; i < all->len; i++) {
        char id[256];
        id_of(all->items[i], dir, id, sizeof id);
        if (word_matches(word, id))
            files_add(picked, all->items[i]);
    }
    return picked->len > before ? SP_OK : not_found(word, all, dir, err);
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static int by_id(const void *a, const void *b)
{
    const struct sp_case *x = *(struct sp_case *const *)a;
    const struct sp_case *y = *(struct sp_case *const *)b;
    return strcmp(x->id, y->id);
}

static void case_add(struct cases *cases, const char *file)
{
    struct sp_case *c = sp_xcalloc(1, sizeof *c);
    struct sp_diags diags;
    struct sp_err err = {0};
    sp_diags_init(&diags);
    enum sp_rc rc = sp_case_load(file, c, &diags, &err);
    if (diags.len) {
        struct sp_buf out;
        sp_buf_init(&out, 0);
        sp_diags_print(&diags, file, c->text, c->text_len, &out);
        if (out.data)
            fputs(out.data, stderr);
        sp_buf_release(&out);
    } else if (rc != SP_OK) {
        cmd_error("%s", err.text);
    }
    sp_diags_release(&diags);
    if (rc == SP_OK) {
        SP_PUSH(cases->items, cases->len, cases->cap) = c;
        return;
    }
    cases->bad++;
    sp_case_release(c);
    free(c);
}

static void files_release(struct files *files)
{
    for (size_t i = 0; i < files->len; i++)
        free(files->items[i]);
    free(files->items);
}

enum sp_rc cases_load(struct cases *cases, const char *dir, char **words, size_t count,
                      struct sp_err *err)
{
    struct files all = {0}, picked = {0};
    enum sp_rc rc = SP_OK;
    files_walk(&all, dir, 0);
    for (size_t i = 0; rc == SP_OK && i < count; i++)
        rc = files_pick(&all, dir, words[i], &picked, err);
    struct files *chosen = count ? &picked : &all;
    if (rc == SP_OK && !chosen->len)
        rc = sp_fail(err, SP_E_NOTFOUND, "there is no .case file in '%s'", dir);
    if (rc == SP_OK) {
        qsort(chosen->items, chosen->len, sizeof chosen->items[0], by_text);
        for (size_t i = 0; i < chosen->len; i++)
            if (!i || strcmp(chosen->items[i], chosen->items[i - 1]) != 0)
                case_add(cases, chosen->items[i]);
        qsort(cases->items, cases->len, sizeof cases->items[0], by_id);
    }
    files_release(&all);
    files_release(&picked);
    return rc;
}

bool cases_open(struct cases *cases, const char *dir_option, char **words, size_t count)
{
    char dir[PATH_MAX_];
    struct sp_err err = {0};
    enum sp_rc rc = cases_dir(dir_option, dir, sizeof dir, &err);
    if (rc == SP_OK)
        rc = cases_load(cases, dir, words, count, &err);
    if (rc != SP_OK)
        cmd_error("%s", err.text);
    return rc == SP_OK;
}

void cases_release(struct cases *cases)
{
    for (size_t i = 0; i < cases->len; i++) {
        sp_case_release(cases->items[i]);
        free(cases->items[i]);
    }
    free(cases->items);
    *cases = (struct cases){0};
}
