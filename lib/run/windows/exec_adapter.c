/*
 * Agents on Windows: this program again, as `sockproof agent`, on this machine's own stack. It goes
 * by the way of adapters, because Winsock has not all that cases may ask of an API.
 */
#include "exec.h"

#include <string.h>

#include "windows/spawn.h"

static const int64_t START_NS = 60 * SP_S;

const struct sp_run_adapter *exec_adapter(const struct exec *x, enum sp_who who)
{
    return exec_is_real(x, who) ? x->env->adapter[who] : NULL;
}

/* It is this machine's own stack at both ends. */
const char *exec_agent_on(struct exec *x, enum sp_who who)
{
    (void)x, (void)who;
    return "";
}

const char *exec_agent_said(struct exec *x, enum sp_who who)
{
    (void)x, (void)who;
    return "";
}

bool exec_has_kernel(const struct exec *x, enum sp_who who)
{
    return exec_is_real(x, who);
}

/* Stacks that tell of their states are Linux's guests: here the system's own table does. */
bool exec_tells(const struct exec *x, enum sp_who who)
{
    (void)x, (void)who;
    return false;
}

enum sp_rc exec_told_open(struct exec *x, enum sp_who who)
{
    (void)x, (void)who;
    return SP_OK;
}

void exec_told_close(struct exec *x, enum sp_who who)
{
    (void)x, (void)who;
}

enum sp_rc exec_told_read(struct exec *x)
{
    (void)x;
    return SP_OK;
}

enum sp_rc exec_await_rest(struct exec *x, enum sp_who who)
{
    (void)x, (void)who;
    return SP_OK;
}

/* The kernel speaks TCP there, and the agents' own threads tell what they waited. */
void exec_kept_begin(const struct exec *x, struct exec_kept *kept)
{
    (void)x, (void)kept;
}

void exec_kept_note(struct exec *x, struct exec_kept *kept, uint32_t stmt)
{
    (void)x, (void)kept, (void)stmt;
}

enum sp_rc exec_adapter_spawn(struct exec *x, enum sp_who who)
{
    struct exec_agent *agent = &x->agents[who];
    bool client = who == SP_WHO_CLIENT;
    const char *command = sp_arena_printf(
        &x->trace.arena, "\"%s\" agent --role %s --against %s", exec_adapter(x, who)->program,
        client ? "client" : "server", client ? "server" : "client");
    enum sp_rc rc = sp_lab_spawn_program(command, &agent->proc, &x->err);
    if (rc != SP_OK)
        return rc;
    sp_agent_conn_init(&agent->conn, agent->proc.in_fd, agent->proc.out_fd);
    agent->alive = true;
    agent->hellos = 0;
    int64_t until_ns = exec_now(x) + START_NS;
    while (rc == SP_OK && agent->alive && !agent->hellos && exec_now(x) < until_ns)
        rc = exec_pump(x, until_ns);
    if (rc == SP_OK && !agent->hellos)
        rc = sp_fail(&x->err, SP_E_IO, "the %s's agent %s", sp_end_name((enum sp_end)who),
                     agent->alive ? "did not come up in time" : "ended before it came up");
    return rc;
}

static bool names_wildcard(const struct sp_stmt *stmt, const char *call)
{
    bool calls = (stmt->kind == SP_ST_CALL || stmt->kind == SP_ST_START) && stmt->arg_count &&
                 strcmp(stmt->call, call) == 0;
    return calls && strncmp(stmt->args[0].text, "any", 3) == 0 &&
           strchr(":", stmt->args[0].text[3]);
}

static bool connects_later(const struct exec *x, size_t i)
{
    const struct sp_stmt *bound = &x->plan.stmts[i];
    for (i++; i < x->plan.stmt_count; i++) {
        const struct sp_stmt *stmt = &x->plan.stmts[i];
        bool calls = stmt->kind == SP_ST_CALL || stmt->kind == SP_ST_START;
        if (calls && stmt->who == bound->who && strcmp(stmt->call, "connect") == 0 &&
            strcmp(stmt->sock, bound->sock) == 0)
            return true;
    }
    return false;
}

/* The loopback has no way of its own from one end to the other: who connects to the wildcard is
 * connected to itself, and who has bound it and connects is 127.0.0.1, or the other end. */
static const char *wildcard_forbids(const struct exec *x, struct sp_arena *arena)
{
    for (size_t i = 0; i < x->plan.stmt_count; i++) {
        const struct sp_stmt *stmt = &x->plan.stmts[i];
        if (names_wildcard(stmt, "connect") ||
            (names_wildcard(stmt, "bind") && connects_later(x, i)))
            return sp_arena_printf(arena,
                                   "%s:%d connects to or from the wildcard, which is none of the "
                                   "run's addresses on Windows's loopback",
                                   x->plan.case_->file, stmt->at.line);
    }
    return NULL;
}

/* Why a line cannot be done here; NULL it can. */
static const char *line_forbids(const struct exec *x, const struct sp_stmt *stmt,
                                struct sp_arena *arena)
{
    const char *file = x->plan.case_->file;
    bool kills = stmt->kind == SP_ST_PROC && strcmp(stmt->call, "kill") == 0 && stmt->arg_count;
    if (stmt->kind == SP_ST_LAB && strcmp(stmt->verb, "sysctl") == 0)
        return sp_arena_printf(arena, "%s:%d sets a sysctl, and Windows has none", file,
                               stmt->at.line);
    if (kills && sp_lab_signal(stmt->args[0].text) < 0)
        return sp_arena_printf(arena,
                               "%s:%d sends %s, and Windows has no signals: it can end a "
                               "process, as SIGKILL does",
                               file, stmt->at.line, stmt->args[0].text);
    return NULL;
}

const char *exec_adapter_forbids(const struct exec *x, struct sp_arena *arena)
{
    struct sp_lab_config config = {.kind = SP_LAB_LOOPBACK,
                                   .family = x->job->config.family == SP_CASE_IPV6 ? 6 : 4,
                                   .slot = x->env->slot,
                                   .number = x->job->number};
    char client[48], server[48];
    sp_lab_addresses(&config, client, server);
    if (!*client)
        return "the loopback interface has not two addresses of fd00::/8 (docs/windows.md says how "
               "to give it them)";
    if (x->plan.pin_count)
        return sp_arena_printf(arena, "the case pins %s, which this lab cannot",
                               x->plan.pins[0].name);
    for (size_t i = 0; i < x->plan.stmt_count; i++) {
        const char *why = line_forbids(x, &x->plan.stmts[i], arena);
        if (why)
            return why;
    }
    return wildcard_forbids(x, arena);
}
