#include "matrix.h"

#include <jansson.h>
#include <sockproof/contract.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "judge.h"

enum { PATH_BYTES = 4096, COLUMN_WIDTH = 13, ID_WIDTH_LEAST = 12 };

static const char index_name[] = "matrix.json";

/* ---- runs by their place -------------------------------------------------------------------- */

/* One run of the first column to have it; its verdicts in all, the worst of its repetitions. */
struct row {
    const struct sp_result *run;
    int *verdicts; /* SP_VERDICT_COUNT: none */
};

struct table {
    struct row *rows;
    size_t len, cap;
    struct sp_arena arena;
};

static int by_place(const void *a, const void *b)
{
    const struct sp_result *x = ((const struct row *)a)->run;
    const struct sp_result *y = ((const struct row *)b)->run;
    int differs = strcmp(x->id, y->id);
    if (!differs)
        differs = strcmp(x->lab, y->lab);
    return differs ? differs : strcmp(x->family, y->family);
}

static void table_make(struct table *table, const struct matrix_column *columns, size_t count)
{
    sp_arena_init(&table->arena);
    for (size_t c = 0; c < count; c++)
        for (size_t i = 0; columns[c].has_results && i < columns[c].results.run_count; i++) {
            const struct sp_result *run = &columns[c].results.runs[i];
            int *verdicts = SP_ARENA_ARRAY(&table->arena, int, count);
            for (size_t k = 0; k < count; k++)
                verdicts[k] = SP_VERDICT_COUNT;
            verdicts[c] = (int)run->verdict;
            SP_PUSH(table->rows, table->len, table->cap) = (struct row){run, verdicts};
        }
    if (table->len)
        qsort(table->rows, table->len, sizeof *table->rows, by_place);
    size_t kept = 0;
    for (size_t i = 0; i < table->len; i++) {
        if (!kept || by_place(&table->rows[kept - 1], &table->rows[i]) != 0) {
            table->rows[kept++] = table->rows[i];
            continue;
        }
        for (size_t k = 0; k < count; k++)
            if (table->rows[i].verdicts[k] < table->rows[kept - 1].verdicts[k])
                table->rows[kept - 1].verdicts[k] = table->rows[i].verdicts[k];
    }
    table->len = kept;
}

static void table_release(struct table *table)
{
    free(table->rows);
    sp_arena_release(&table->arena);
}

/* A column without any results is told of by itself. */
static bool differs(const struct row *row, const struct matrix_column *columns, size_t count)
{
    int first = -1;
    for (size_t k = 0; k < count; k++) {
        if (!columns[k].has_results)
            continue;
        if (first >= 0 && row->verdicts[k] != first)
            return true;
        first = row->verdicts[k];
    }
    return false;
}

static const char *verdict_text(int verdict)
{
    return verdict == SP_VERDICT_COUNT ? "-" : sp_verdict_name((enum sp_verdict)verdict);
}

/* ---- the table ------------------------------------------------------------------------------ */

/* How many rows from `at` on are of the same case and say the same. */
static size_t alike(const struct table *table, size_t at, size_t count)
{
    size_t n = 1;
    while (at + n < table->len &&
           strcmp(table->rows[at + n].run->id, table->rows[at].run->id) == 0 &&
           memcmp(table->rows[at + n].verdicts, table->rows[at].verdicts,
                  count * sizeof *table->rows[at].verdicts) == 0)
        n++;
    return n;
}

static bool is_whole_case(const struct table *table, size_t at, size_t n)
{
    const char *id = table->rows[at].run->id;
    return (at == 0 || strcmp(table->rows[at - 1].run->id, id) != 0) &&
           (at + n == table->len || strcmp(table->rows[at + n].run->id, id) != 0);
}

static void label_of(const struct row *row, bool whole, char *out, size_t cap)
{
    if (whole)
        snprintf(out, cap, "%s", row->run->id);
    else
        snprintf(out, cap, "%s@%s@%s", row->run->id, row->run->lab, row->run->family);
}

/* Calls for each line of the table; returns how many runs differ. */
static size_t lines_walk(const struct table *table, const struct matrix_column *columns,
                         size_t count,
                         void (*line)(const struct row *row, const char *label, void *arg),
                         void *arg)
{
    char label[400];
    size_t differing = 0;
    for (size_t i = 0; i < table->len;) {
        size_t n = alike(table, i, count);
        bool whole = is_whole_case(table, i, n);
        if (!differs(&table->rows[i], columns, count)) {
            i += n;
            continue;
        }
        differing += n;
        for (size_t k = 0; k < (whole ? 1 : n); k++) {
            label_of(&table->rows[i + k], whole, label, sizeof label);
            line(&table->rows[i + k], label, arg);
        }
        i += n;
    }
    return differing;
}

struct print {
    const struct matrix_column *columns;
    size_t count;
    int id_width, width;
    struct sp_buf *out;
};

static void measure(const struct row *row, const char *label, void *arg)
{
    struct print *p = arg;
    (void)row;
    if ((int)strlen(label) > p->id_width)
        p->id_width = (int)strlen(label);
}

static void line_begin(const struct print *p, const char *label)
{
    sp_buf_addf(p->out, "%-*s", p->id_width, label);
}

static void cell_add(const struct print *p, size_t at, const char *text)
{
    if (at + 1 < p->count)
        sp_buf_addf(p->out, "  %-*s", p->width, text);
    else
        sp_buf_addf(p->out, "  %s\n", text);
}

static void print_row(const struct row *row, const char *label, void *arg)
{
    const struct print *p = arg;
    line_begin(p, label);
    for (size_t k = 0; k < p->count; k++)
        cell_add(p, k, p->columns[k].has_results ? verdict_text(row->verdicts[k]) : "not run");
}

static void print_heads(const struct print *p)
{
    line_begin(p, "");
    for (size_t k = 0; k < p->count; k++)
        cell_add(p, k, p->columns[k].name);
    line_begin(p, "stack");
    for (size_t k = 0; k < p->count; k++)
        cell_add(p, k, p->columns[k].has_results ? p->columns[k].results.head.stack.name : "-");
}

static void print_totals(const struct print *p)
{
    for (int v = SP_VERDICT_COUNT - 1; v >= 0; v--) {
        size_t all = 0, totals[SP_VERDICT_COUNT];
        for (size_t k = 0; k < p->count; k++)
            if (p->columns[k].has_results) {
                sp_results_count(&p->columns[k].results, totals);
                all += totals[v];
            }
        if (!all)
            continue;
        line_begin(p, sp_verdict_name((enum sp_verdict)v));
        for (size_t k = 0; k < p->count; k++) {
            char text[24] = "-";
            if (p->columns[k].has_results) {
                sp_results_count(&p->columns[k].results, totals);
                snprintf(text, sizeof text, "%zu", totals[v]);
            }
            cell_add(p, k, text);
        }
    }
}

void matrix_print(const struct matrix_column *columns, size_t count, struct sp_buf *out)
{
    struct table table = {0};
    struct print p = {columns, count, ID_WIDTH_LEAST, COLUMN_WIDTH, out};
    table_make(&table, columns, count);
    for (size_t k = 0; k < count; k++) {
        const char *stack = columns[k].has_results ? columns[k].results.head.stack.name : "";
        size_t name_len = strlen(columns[k].name), stack_len = strlen(stack);
        size_t widest = name_len > stack_len ? name_len : stack_len;
        p.width = (int)widest > p.width ? (int)widest : p.width;
    }
    lines_walk(&table, columns, count, measure, &p);
    print_heads(&p);
    size_t differing = lines_walk(&table, columns, count, print_row, &p);
    print_totals(&p);
    sp_buf_addf(out, "%zu of %zu runs differ\n", differing, table.len);
    table_release(&table);
}

/* ---- the index ------------------------------------------------------------------------------ */

static json_t *column_json(const struct matrix_column *column)
{
    json_t *totals = json_null(), *stack = json_null();
    if (column->has_results) {
        size_t counts[SP_VERDICT_COUNT];
        sp_results_count(&column->results, counts);
        totals = json_object();
        for (int v = 0; v < SP_VERDICT_COUNT; v++)
            json_object_set_new(totals, sp_verdict_name((enum sp_verdict)v),
                                json_integer((json_int_t)counts[v]));
        stack = json_string(column->results.head.stack.name);
    }
    json_t *exit_code =
        column->exit_code < 0 ? json_null() : json_integer((json_int_t)column->exit_code);
    return json_pack("{ss ss so so so}", "name", column->name, "over", column->over, "exit_code",
                     exit_code, "stack", stack, "totals", totals);
}

static json_t *differences_json(const struct table *table, const struct matrix_column *columns,
                                size_t count)
{
    json_t *rows = json_array();
    for (size_t i = 0; i < table->len; i++) {
        const struct row *row = &table->rows[i];
        if (!differs(row, columns, count))
            continue;
        json_t *verdicts = json_array();
        for (size_t k = 0; k < count; k++)
            json_array_append_new(verdicts, row->verdicts[k] == SP_VERDICT_COUNT
                                                ? json_null()
                                                : json_string(verdict_text(row->verdicts[k])));
        json_array_append_new(rows,
                              json_pack("{ss ss ss so}", "id", row->run->id, "lab", row->run->lab,
                                        "family", row->run->family, "verdicts", verdicts));
    }
    return rows;
}

static void index_path(const char *dir, char path[PATH_BYTES])
{
    snprintf(path, PATH_BYTES, "%s/%s", dir, index_name);
}

enum sp_rc matrix_write(const char *dir, const struct matrix_column *columns, size_t count,
                        struct sp_err *err)
{
    char path[PATH_BYTES];
    struct table table = {0};
    table_make(&table, columns, count);
    json_t *list = json_array();
    for (size_t k = 0; k < count; k++)
        json_array_append_new(list, column_json(&columns[k]));
    json_t *index = json_pack("{ss so so}", "schema", SP_SCHEMA_MATRIX, "columns", list,
                              "differences", differences_json(&table, columns, count));
    index_path(dir, path);
    bool ok = index && json_dump_file(index, path, JSON_INDENT(1)) == 0;
    json_decref(index);
    table_release(&table);
    return ok ? SP_OK : sp_fail(err, SP_E_IO, "%s cannot be written", path);
}

static enum sp_rc index_read(const char *dir, json_t **out, struct sp_err *err)
{
    char path[PATH_BYTES];
    json_error_t error;
    index_path(dir, path);
    *out = NULL;
    FILE *file = fopen(path, "r");
    if (!file)
        return SP_OK; /* a results folder, or nothing: its reader tells */
    *out = json_loadf(file, 0, &error);
    fclose(file);
    const char *schema = json_string_value(json_object_get(*out, "schema"));
    return schema && strcmp(schema, SP_SCHEMA_MATRIX) == 0
               ? SP_OK
               : sp_fail(err, SP_E_PARSE, "%s is no index of a matrix", path);
}

enum sp_rc matrix_expand(char **words, size_t count, struct sp_arena *arena, char ***out,
                         size_t *out_count, struct sp_err *err)
{
    char **list = NULL;
    size_t len = 0, cap = 0;
    enum sp_rc rc = SP_OK;
    for (size_t i = 0; rc == SP_OK && i < count; i++) {
        json_t *index = NULL, *column;
        size_t at;
        rc = index_read(words[i], &index, err);
        if (rc == SP_OK && !index)
            SP_PUSH(list, len, cap) = words[i];
        json_array_foreach(json_object_get(index, "columns"), at, column)
        {
            const char *name = json_string_value(json_object_get(column, "name"));
            if (rc == SP_OK && name && !json_is_null(json_object_get(column, "stack")))
                SP_PUSH(list, len, cap) = sp_arena_printf(arena, "%s/%s", words[i], name);
        }
        json_decref(index);
    }
    *out = SP_ARENA_ARRAY(arena, char *, len + 1);
    for (size_t i = 0; i < len; i++)
        (*out)[i] = list[i];
    *out_count = len;
    free(list);
    return rc;
}
