#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd.h"
#include "options.h"

static const struct {
    enum sp_case_lab lab;
    const char *name;
} lab_names[] = {
    {SP_CASE_LOOPBACK, "loopback"}, {SP_CASE_VETH, "veth"}, {SP_CASE_ROUTED, "routed"}};

static const struct {
    enum sp_case_family family;
    const char *name;
} families[] = {{SP_CASE_IPV4, "ipv4"}, {SP_CASE_IPV6, "ipv6"}};

static json_t *case_json(const struct sp_case *c)
{
    json_t *lab_list = json_array();
    json_t *family_names = json_array();
    json_t *specs = json_array();
    for (size_t i = 0; i < sizeof lab_names / sizeof lab_names[0]; i++)
        if (c->labs & lab_names[i].lab)
            json_array_append_new(lab_list, json_string(lab_names[i].name));
    for (size_t i = 0; i < sizeof families / sizeof families[0]; i++)
        if (c->families & families[i].family)
            json_array_append_new(family_names, json_string(families[i].name));
    for (size_t i = 0; i < c->spec_count; i++)
        json_array_append_new(specs, json_string(c->specs[i]));
    return json_pack("{ss ss ss ss so so so}", "id", c->id, "topic", c->topic, "title", c->title,
                     "file", c->file, "labs", lab_list, "families", family_names, "spec", specs);
}

/* ---- every run: a row of the case, a lab, a family ------------------------------------------ */

struct run_of {
    const struct sp_case *c;
    const char *suffix, *lab, *family;
};

static void each_run(const struct sp_case *c, void (*take)(const struct run_of *, void *),
                     void *arg)
{
    for (size_t lab = 0; lab < sizeof lab_names / sizeof lab_names[0]; lab++)
        for (size_t family = 0; family < sizeof families / sizeof families[0]; family++)
            for (size_t row = 0; row < c->row_count; row++)
                if ((c->labs & lab_names[lab].lab) && (c->families & families[family].family)) {
                    struct run_of run = {c, c->rows[row].suffix, lab_names[lab].name,
                                         families[family].name};
                    take(&run, arg);
                }
}

static void run_text(const struct run_of *run, void *unused)
{
    (void)unused;
    printf("%s%s@%s@%s\n", run->c->id, run->suffix, run->lab, run->family);
}

static void run_json(const struct run_of *run, void *all)
{
    json_t *id = json_sprintf("%s%s", run->c->id, run->suffix);
    json_array_append_new(all, json_pack("{so ss ss ss ss ss ss}", "id", id, "case", run->c->id,
                                         "topic", run->c->topic, "title", run->c->title, "file",
                                         run->c->file, "lab", run->lab, "family", run->family));
}

/* ---- what is printed ------------------------------------------------------------------------ */

static int list_json(const struct cases *cases, bool runs)
{
    json_t *all = json_array();
    for (size_t i = 0; i < cases->len; i++)
        if (runs)
            each_run(cases->items[i], run_json, all);
        else
            json_array_append_new(all, case_json(cases->items[i]));
    char *text = json_dumps(all, JSON_INDENT(2));
    bool ok = text && puts(text) >= 0 && fflush(stdout) == 0;
    free(text);
    json_decref(all);
    return ok ? SP_EXIT_PASS : SP_EXIT_BROKEN;
}

static int list_text(const struct cases *cases, bool runs)
{
    const char *topic = "";
    for (size_t i = 0; runs && i < cases->len; i++)
        each_run(cases->items[i], run_text, NULL);
    for (size_t i = 0; !runs && i < cases->len; i++) {
        const struct sp_case *c = cases->items[i];
        if (strcmp(topic, c->topic) != 0)
            printf("%s%s\n", i ? "\n" : "", c->topic);
        topic = c->topic;
        printf("  %-34s %s\n", c->id + strlen(topic) + 1, c->title);
    }
    return fflush(stdout) == 0 ? SP_EXIT_PASS : SP_EXIT_BROKEN;
}

static int main_list(int argc, char **argv)
{
    const char *cases_option = NULL;
    bool json = false, runs = false;
    const struct option_row rows[] = {{"cases", OPT_TEXT, &cases_option, 0, 0},
                                      {"json", OPT_FLAG, &json, 0, 0},
                                      {"runs", OPT_FLAG, &runs, 0, 0}};
    struct cases cases = {0};
    int words = options_parse(&cmd_list, rows, sizeof rows / sizeof rows[0], argc, argv);
    if (words < 0)
        return SP_EXIT_USAGE;
    bool opened = cases_open(&cases, cases_option, argv + 1, (size_t)words);
    int code = SP_EXIT_USAGE;
    if (opened && !cases.bad)
        code = json ? list_json(&cases, runs) : list_text(&cases, runs);
    cases_release(&cases);
    return code;
}

const struct cmd cmd_list = {
    .name = "list",
    .usage = "[CASE | TOPIC | GLOB]... [--json] [--runs]",
    .summary = "Lists the cases: what each proves.",
    .help = "  --json        an array of {id, topic, title, file, labs, families, spec}\n"
            "  --runs        every run of them: id[row]@lab@family; with --json an array of\n"
            "                {id, case, topic, title, file, lab, family}\n"
            "  --cases DIR   the folder of cases (./cases, $SOCKPROOF_CASES)\n",
    .main = main_list,
};
