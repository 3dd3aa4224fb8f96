/*
 * Stacks that are not this machine's own: stacks/NAME/stack.json says how an agent is started on
 * one, and what of it cannot be watched (docs/adding-a-stack.md).
 */
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cmd.h"
#include "data.h"
#include "os.h"
#include "run.h"
#include "session.h"

enum { PATH_MAX_ = 4096, VERSION_MAX = 64 };

struct adapter {
    struct sp_arena arena;
    struct sp_run_adapter run;
    struct sp_plan_stack api;
    struct sp_plan_stack tcp; /* name NULL: this machine's kernel */
    unsigned labs;
    struct session session; /* pid 0: the stack needs none */
};

static bool is_file(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISREG(st.st_mode);
}

/* The folder of a stack: below $SOCKPROOF_STACKS, ./stacks, or beside the program; NULL none. */
static const char *find_dir(const char *name, struct sp_arena *arena)
{
    char path[PATH_MAX_];
    const char *env = getenv("SOCKPROOF_STACKS");
    const char *json = sp_arena_printf(arena, "%s/%s/stack.json", env ? env : "stacks", name);
    bool found = env ? is_file(json) && snprintf(path, sizeof path, "%s", json) < PATH_MAX_
                     : data_find(json, DATA_FILE, path, sizeof path);
    if (!found)
        return NULL;
    *strrchr(path, '/') = '\0';
    char *real = realpath(path, NULL);
    const char *dir = sp_arena_strdup(arena, real ? real : path);
    free(real);
    return dir;
}

/* The first line that the adapter's own `version` prints; "" where it has none. */
static enum sp_rc ask_version(const char *dir, const char *program, struct sp_arena *arena,
                              char out[VERSION_MAX], struct sp_err *err)
{
    const char *path = sp_arena_printf(arena, "%s/version", dir);
    *out = '\0';
    if (!is_file(path))
        return SP_OK;
    setenv("SOCKPROOF_PROGRAM", program, 1);
    FILE *stream = popen(sp_arena_printf(arena, "'%s'", path), "re");
    if (!stream)
        return sp_fail_os(err, SP_E_IO, errno, "starting %s", path);
    char *line = fgets(out, VERSION_MAX, stream);
    int status = pclose(stream);
    if (!line || status != 0)
        return sp_fail(err, SP_E_UNSUPPORTED,
                       "%s does not say a version: the stack is not installed here (see the README "
                       "beside it)",
                       path);
    out[strcspn(out, "\n")] = '\0';
    return SP_OK;
}

static unsigned read_labs(const json_t *list)
{
    static const enum sp_case_lab labs[] = {SP_CASE_LOOPBACK, SP_CASE_VETH, SP_CASE_ROUTED};
    unsigned bits = 0;
    for (size_t i = 0; i < json_array_size(list); i++)
        for (size_t j = 0; j < sizeof labs / sizeof labs[0]; j++) {
            const char *name = json_string_value(json_array_get(list, i));
            if (name && strcmp(name, sp_case_lab_name(labs[j])) == 0)
                bits |= labs[j];
        }
    return bits;
}

/* Starts what the stack keeps for the length of the command, where it keeps anything. */
static enum sp_rc open_session(const char *dir, struct adapter *a, struct sp_err *err)
{
    const char *path = sp_arena_printf(&a->arena, "%s/session", dir);
    if (!is_file(path))
        return SP_OK;
    enum sp_rc rc = session_open(path, a->run.param, a->run.program, &a->arena, &a->session, err);
    if (rc == SP_OK)
        a->run.environment = a->session.environment;
    return rc;
}

/* A list of words, NULL at its end; NULL where there is none. */
static const char *const *read_words(const json_t *list, struct sp_arena *arena)
{
    size_t count = json_array_size(list), len = 0;
    if (!count)
        return NULL;
    const char **words = sp_arena_alloc(arena, (count + 1) * sizeof *words);
    for (size_t i = 0; i < count; i++) {
        const char *word = json_string_value(json_array_get(list, i));
        if (word)
            words[len++] = sp_arena_strdup(arena, word);
    }
    words[len] = NULL;
    return words;
}

/* An object's "NAME": "VALUE" as words NAME=VALUE, NULL at their end; NULL where there is none. */
static const char *const *read_settings(json_t *object, struct sp_arena *arena)
{
    size_t count = json_object_size(object), len = 0;
    if (!count)
        return NULL;
    const char **words = sp_arena_alloc(arena, (count + 1) * sizeof *words);
    for (void *at = json_object_iter(object); at; at = json_object_iter_next(object, at)) {
        const char *value = json_string_value(json_object_iter_value(at));
        if (value)
            words[len++] = sp_arena_printf(arena, "%s=%s", json_object_iter_key(at), value);
    }
    words[len] = NULL;
    return words;
}

static enum sp_rc read_manifest(const char *dir, const char *name, struct adapter *a,
                                struct sp_err *err)
{
    char version[VERSION_MAX];
    json_error_t error;
    const char *api = NULL, *tcp = NULL, *address = "none", *clock = "machine", *states = "absent";
    json_t *labs = NULL, *ignores = NULL, *sysctls = NULL, *pins = NULL;
    int again = 0, signals = 1;
    const char *path = sp_arena_printf(&a->arena, "%s/stack.json", dir);
    json_t *root = json_load_file(path, JSON_REJECT_DUPLICATES, &error);
    if (!root)
        return sp_fail(err, SP_E_PARSE, "%s:%d: %s", path, error.line, error.text);
    enum sp_rc rc = SP_OK;
    if (json_unpack_ex(root, &error, 0, "{s:s, s:s, s?s, s?s, s?s, s?o, s?o, s?o, s?b, s?b, s:o}",
                       "api", &api, "tcp", &tcp, "address", &address, "states", &states, "clock",
                       &clock, "ignores", &ignores, "sysctls", &sysctls, "pins", &pins, "again",
                       &again, "signals", &signals, "labs", &labs) < 0)
        rc = sp_fail(err, SP_E_PARSE, "%s: %s", path, error.text);
    else if (!(a->labs = read_labs(labs)))
        rc = sp_fail(err, SP_E_PARSE, "%s: `labs` names no lab", path);
    else
        rc = ask_version(dir, a->run.program, &a->arena, version, err);
    if (rc == SP_OK)
        rc = open_session(dir, a, err);
    if (rc != SP_OK)
        goto out;
    if (a->session.pid) /* only what is there can say what it is */
        snprintf(version, sizeof version, "%s", a->session.version);
    api = strcmp(api, "told") == 0 ? a->session.name : api;
    tcp = strcmp(tcp, "told") == 0 ? a->session.name : tcp;
    a->api.name = sp_arena_strdup(&a->arena, api);
    a->api.version = *version ? sp_arena_strdup(&a->arena, version) : NULL;
    a->run.own_tcp = strcmp(tcp, "kernel") != 0;
    if (a->run.own_tcp)
        a->tcp = (struct sp_plan_stack){sp_arena_strdup(&a->arena, tcp),
                                        strcmp(tcp, api) == 0 ? a->api.version : NULL};
    a->run.takes_address = strcmp(address, "kernel") == 0;
    a->run.tells_states = a->run.own_tcp && strcmp(states, "told") == 0;
    a->run.own_clock = strcmp(clock, "own") == 0;
    a->run.ignores = read_words(ignores, &a->arena);
    a->run.sysctls = read_settings(sysctls, &a->arena);
    a->run.pins = read_words(pins, &a->arena);
    a->run.again = again;
    a->run.deaf = !signals;
    a->run.remote = strcmp(address, "own") == 0;
    a->run.name = a->run.remote
                      ? sp_arena_printf(&a->arena, "%s:%s", name, a->run.param)
                      : sp_arena_printf(&a->arena, "%s%s%s", name, *version ? "-" : "", version);
    a->run.start = sp_arena_printf(&a->arena, "%s/start", dir);
    if (access(a->run.start, X_OK) < 0)
        rc = sp_fail_os(err, SP_E_IO, errno, "%s cannot be started", a->run.start);
out:
    json_decref(root);
    return rc;
}

enum sp_rc adapter_load(const char *text, struct adapter **out, struct sp_err *err)
{
    struct adapter *a = sp_xcalloc(1, sizeof *a);
    sp_arena_init(&a->arena);
    size_t len = strcspn(text, ":");
    const char *name = sp_arena_strndup(&a->arena, text, len);
    a->run.param = sp_arena_strdup(&a->arena, text[len] ? text + len + 1 : "");
    char program[PATH_MAX_];
    os_program(program, sizeof program);
    a->run.program = sp_arena_strdup(&a->arena, program);
    const char *dir = find_dir(name, &a->arena);
    enum sp_rc rc = SP_OK;
    if (!*name || strchr(name, '/') || *name == '.')
        rc = sp_fail(err, SP_E_USAGE, "'%s' is no stack: NAME or NAME:PARAM", text);
    else if (!dir)
        rc = sp_fail(err, SP_E_NOTFOUND,
                     "there is no stack '%s': no stacks/%s/stack.json here, beside the program or "
                     "in $SOCKPROOF_STACKS",
                     name, name);
    else
        rc = read_manifest(dir, name, a, err);
    if (rc != SP_OK) {
        adapter_free(a);
        a = NULL;
    }
    *out = a;
    return rc;
}

void adapter_free(struct adapter *a)
{
    if (!a)
        return;
    if (a->session.pid)
        session_close(&a->session);
    sp_arena_release(&a->arena);
    free(a);
}

const struct session *adapter_session(const struct adapter *a)
{
    return a && a->session.pid ? &a->session : NULL;
}

const struct sp_run_adapter *adapter_run(const struct adapter *a)
{
    return a ? &a->run : NULL;
}

void adapter_stack(const struct adapter *a, enum sp_who who, struct sp_plan_config *config)
{
    if (!a)
        return;
    config->api[who] = a->api;
    if (a->tcp.name)
        config->tcp[who] = a->tcp;
}

unsigned adapter_labs(const struct adapter *a)
{
    return a ? a->labs : SP_CASE_LOOPBACK | SP_CASE_VETH | SP_CASE_ROUTED;
}
