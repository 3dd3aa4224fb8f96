#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd.h"
#include "options.h"

static const struct {
    enum sp_case_lab lab;
    const char *name;
} lab_names[] = {{SP_CASE_LOOPBACK, "loopback"}, {SP_CASE_VETH, "veth"}, {SP_CASE_ROUTED, "routed"}};

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

static int list_json(const struct cases *cases)
{
    json_t *all = json_array();
    for (size_t i = 0; i < cases->len; i++)
        json_array_append_new(all, case_json(cases->items[i]));
    char *text = json_dumps(all, JSON_INDENT(2));
    bool ok = text && puts(text) >= 0 && fflush(stdout) == 0;
    free(text);
    json_decref(all);
    return ok ? SP_EXIT_PASS : SP_EXIT_BROKEN;
}

static int list_text(const struct cases *cases)
{
    const char *topic = "";
    for (size_t i = 0; i < cases->len; i++) {
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
    bool json = false;
    const struct option_row rows[] = {{"cases", OPT_TEXT, &cases_option, 0, 0},
                                      {"json", OPT_FLAG, &json, 0, 0}};
    struct cases cases = {0};
    struct sp_err err = {0};
    char dir[4096];
    int words = options_parse(&cmd_list, rows, sizeof rows / sizeof rows[0], argc, argv);
    if (words < 0)
        return SP_EXIT_USAGE;
    enum sp_rc rc = cases_dir(cases_option, dir, sizeof dir, &err);
    if (rc == SP_OK)
        rc = cases_load(&cases, dir, argv + 1, (size_t)words, &err);
    int code = SP_EXIT_USAGE;
    if (rc != SP_OK)
        cmd_error("%s", err.text);
    else if (!cases.bad)
        code = json ? list_json(&cases) : list_text(&cases);
    cases_release(&cases);
    return code;
}

const struct cmd cmd_list = {
    .name = "list",
    .usage = "[CASE | TOPIC | GLOB]... [--json]",
    .summary = "Lists the cases: what each proves.",
    .help = "  --json        an array of {id, topic, title, file, labs, families, spec}\n"
            "  --cases DIR   the folder of cases (./cases, $SOCKPROOF_CASES)\n",
    .main = main_list,
};
