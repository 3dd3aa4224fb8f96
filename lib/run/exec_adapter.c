/*
 * Agents on other stacks: a program of the adapter's, started in the end's place, that becomes the
 * agent (docs/adding-a-stack.md). What it is told stands in its environment.
 */
#include "exec.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* A sandbox needs its time to come up, more where many do at once. */
static const int64_t START_NS = 60 * SP_S;
enum { EXIT_NO_START = 126, SAID_MAX = 400 };

const struct sp_run_adapter *exec_adapter(const struct exec *x, enum sp_who who)
{
    return exec_is_real(x, who) ? x->env->adapter[who] : NULL;
}

const char *exec_agent_on(struct exec *x, enum sp_who who)
{
    const struct sp_run_adapter *adapter = exec_adapter(x, who);
    return adapter ? sp_arena_printf(&x->trace.arena, " on %s", adapter->name) : "";
}

bool exec_has_kernel(const struct exec *x, enum sp_who who)
{
    const struct sp_run_adapter *adapter = exec_adapter(x, who);
    return exec_is_real(x, who) && !(adapter && adapter->own_tcp);
}

bool exec_tells(const struct exec *x, enum sp_who who)
{
    const struct sp_run_adapter *adapter = exec_adapter(x, who);
    return adapter && adapter->tells_states;
}

struct start {
    const struct sp_run_adapter *adapter;
    char role[8], against[8], family[4], ip[48], peer_ip[48];
    char interface[16], mac[18], peer_mac[18];
    const char *pins; /* "NAME=VALUE", a line each */
    char log[64];     /* what it says on standard error goes there */
    char states[64];  /* and what it tells of its states, "" nothing */
};

static void say_mac(char out[18], const uint8_t mac[6])
{
    snprintf(out, 18, "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2], mac[3], mac[4],
             mac[5]);
}

/* In the new process, with the pipes as standard input and output. */
static int start_main(int in_fd, int out_fd, void *arg)
{
    (void)in_fd;
    (void)out_fd;
    const struct start *start = arg;
    const struct {
        const char *name, *value;
    } told[] = {
        {"SOCKPROOF_ROLE", start->role},
        {"SOCKPROOF_AGAINST", start->against},
        {"SOCKPROOF_FAMILY", start->family},
        {"SOCKPROOF_ADDRESS", start->ip},
        {"SOCKPROOF_PEER_ADDRESS", start->peer_ip},
        {"SOCKPROOF_INTERFACE", start->interface},
        {"SOCKPROOF_MAC", start->mac},
        {"SOCKPROOF_PEER_MAC", start->peer_mac},
        {"SOCKPROOF_STATES", start->states},
        {"SOCKPROOF_PARAM", start->adapter->param},
        {"SOCKPROOF_PINS", start->pins},
        {"SOCKPROOF_PROGRAM", start->adapter->program},
    };
    for (const char *const *word = start->adapter->environment; word && *word; word++)
        putenv((char *)*word);
    for (size_t i = 0; i < sizeof told / sizeof told[0]; i++)
        setenv(told[i].name, told[i].value, 1);
    int log = open(start->log, O_WRONLY);
    if (log >= 0)
        dup2(log, STDERR_FILENO);
    execl(start->adapter->start, start->adapter->start, (char *)NULL);
    dprintf(STDERR_FILENO, "%s: %s", start->adapter->start, strerror(errno));
    return EXIT_NO_START;
}

/* The settings that the case pins, a line each. */
static const char *pins_text(struct exec *x)
{
    struct sp_buf text;
    sp_buf_init(&text, 0);
    for (size_t i = 0; i < x->plan.pin_count; i++)
        sp_buf_addf(&text, "%s=%s\n", x->plan.pins[i].name, x->plan.pins[i].value);
    const char *kept = sp_trace_str(&x->trace, text.data ? text.data : "");
    sp_buf_release(&text);
    return kept;
}

static void start_fill(struct exec *x, enum sp_who who, int log_fd, struct start *start)
{
    bool client = who == SP_WHO_CLIENT;
    enum sp_place place = client ? SP_PLACE_CLIENT : SP_PLACE_SERVER;
    *start = (struct start){.adapter = exec_adapter(x, who)};
    snprintf(start->role, sizeof start->role, "%s", client ? "client" : "server");
    snprintf(start->against, sizeof start->against, "%s",
             x->peer  ? "peer"
             : client ? "server"
                      : "client");
    snprintf(start->family, sizeof start->family, "%d", x->lab.config.family);
    snprintf(start->ip, sizeof start->ip, "%s", client ? x->lab.client_ip : x->lab.server_ip);
    snprintf(start->peer_ip, sizeof start->peer_ip, "%s",
             client ? x->lab.server_ip : x->lab.client_ip);
    start->pins = pins_text(x);
    snprintf(start->log, sizeof start->log, "/proc/%d/fd/%d", (int)getpid(), log_fd);
    if (x->agents[who].states_fd >= 0)
        snprintf(start->states, sizeof start->states, "/proc/%d/fd/%d", (int)getpid(),
                 x->agents[who].states_fd);
    for (unsigned i = 0; i < x->lab.link_count; i++) {
        const struct sp_lab_link *link = &x->lab.links[i];
        if (link->place == place) {
            snprintf(start->interface, sizeof start->interface, "%s", link->name);
            say_mac(start->mac, link->mac);
        } else if (link->place != SP_PLACE_BOX) {
            say_mac(start->peer_mac, link->mac);
        }
    }
    if (x->lab.config.kind == SP_LAB_ROUTED) /* the box is the next hop */
        say_mac(start->peer_mac, x->lab.links[client ? 2 : 3].mac);
}

/* The last of what it said, in one line. */
static void log_read(int fd, char out[SAID_MAX])
{
    char text[SAID_MAX] = "";
    off_t size = lseek(fd, 0, SEEK_END);
    off_t from = size > (off_t)sizeof text - 1 ? size - (off_t)sizeof text + 1 : 0;
    ssize_t got = pread(fd, text, sizeof text - 1, from);
    size_t len = 0;
    for (ssize_t i = 0; i < got; i++)
        out[len++] = (unsigned char)text[i] < 0x20 ? ' ' : text[i];
    while (len && out[len - 1] == ' ')
        len--;
    out[len] = '\0';
}

const char *exec_agent_said(struct exec *x, enum sp_who who)
{
    char said[SAID_MAX] = "";
    if (x->agents[who].log_fd < 0)
        return "";
    log_read(x->agents[who].log_fd, said);
    return *said ? sp_arena_printf(&x->trace.arena, ": %s", said) : "";
}

enum sp_rc exec_adapter_spawn(struct exec *x, enum sp_who who)
{
    struct exec_agent *agent = &x->agents[who];
    const struct sp_run_adapter *adapter = exec_adapter(x, who);
    enum sp_place place = who == SP_WHO_CLIENT ? SP_PLACE_CLIENT : SP_PLACE_SERVER;
    struct start start;
    char said[SAID_MAX] = "";
    if (agent->log_fd < 0)
        agent->log_fd = memfd_create("log", MFD_CLOEXEC);
    if (agent->log_fd < 0)
        return sp_fail_os(&x->err, SP_E_IO, errno, "a place for what %s says", adapter->name);
    enum sp_rc rc = exec_told_open(x, who);
    if (rc != SP_OK)
        return rc;
    start_fill(x, who, agent->log_fd, &start);
    rc = sp_lab_spawn(&x->lab, place, start_main, &start, &agent->proc, &x->err);
    if (rc != SP_OK)
        return rc;
    sp_agent_conn_init(&agent->conn, agent->proc.in_fd, agent->proc.out_fd);
    agent->alive = true;
    agent->hellos = 0;
    int64_t until_ns = exec_now(x) + START_NS;
    while (rc == SP_OK && agent->alive && !agent->hellos && exec_now(x) < until_ns)
        rc = exec_pump(x, until_ns);
    if (agent->hellos && adapter->takes_address) /* what a cable brings back is not the kernel's */
        x->lab.config.mute[place] = true;
    log_read(agent->log_fd, said);
    if (rc == SP_OK && !agent->hellos)
        rc = sp_fail(&x->err, SP_E_IO, "the %s's agent on %s %s%s%s", sp_end_name((enum sp_end)who),
                     adapter->name,
                     agent->alive ? "did not come up in time" : "ended before it came up",
                     *said ? ": " : "", said);
    else if (rc != SP_OK && *said)
        sp_err_prefix(&x->err, "%s said \"%s\"", adapter->name, said);
    return rc;
}

/* An option that the case sets without a word about its outcome: it only prepares with it. */
static const char *prepares_with(const struct sp_stmt *stmt)
{
    if (stmt->kind != SP_ST_CALL || strcmp(stmt->call, "set") != 0 || stmt->expect.count)
        return NULL;
    return exec_option_of(stmt);
}

static bool is_one_of(const char *word, const char *const *list)
{
    for (; word && list && *list; list++)
        if (strcmp(word, *list) == 0)
            return true;
    return false;
}

/* A signal that means nothing to the programs of that API; NULL: there is none in the case. */
static const char *signal_forbids(const struct exec *x, enum sp_who who, struct sp_arena *arena)
{
    const struct sp_run_adapter *adapter = exec_adapter(x, who);
    for (size_t i = 0; adapter->deaf && i < x->plan.stmt_count; i++) {
        const struct sp_stmt *stmt = &x->plan.stmts[i];
        if (stmt->kind == SP_ST_PROC && stmt->who == who && strcmp(stmt->call, "kill") == 0 &&
            strcmp(stmt->args[0].text, "SIGKILL") != 0)
            return sp_arena_printf(arena,
                                   "%s:%d sends %s, and %s has no signals: a process can be "
                                   "ended, as SIGKILL does",
                                   x->plan.case_->file, stmt->at.line, stmt->args[0].text,
                                   adapter->name);
    }
    return NULL;
}

/* Why a line cannot be done on a stack that is all in its agent's process; NULL it can. */
static const char *line_forbids(const struct exec *x, int who, const struct sp_stmt *stmt,
                                struct sp_arena *arena)
{
    const struct sp_run_adapter *adapter = exec_adapter(x, (enum sp_who)who);
    const char *file = x->plan.case_->file;
    int line = stmt->at.line;
    bool mine = (int)stmt->who == who;
    bool here = stmt->target == SP_WHO_NONE || (int)stmt->target == who;
    const char *option = prepares_with(stmt);
    if (stmt->kind == SP_ST_LAB && strcmp(stmt->verb, "sysctl") == 0 && here)
        return sp_arena_printf(arena, "%s:%d sets a sysctl, and %s has none", file, line,
                               adapter->name);
    if (mine && stmt->kind == SP_ST_PROC && !adapter->again && strcmp(stmt->call, "spawn") != 0)
        return sp_arena_printf(arena, "%s:%d ends the process, and with it the whole of %s", file,
                               line, adapter->name);
    if (mine && exec_ignores(adapter, option))
        return sp_arena_printf(arena, "%s:%d prepares with %s, which %s takes without effect", file,
                               line, option, adapter->name);
    return NULL;
}

/* A need of the other end's TCP that a stack's own never meets; NULL it does, or nobody knows. */
static const char *need_forbids(const struct sp_run_adapter *adapter, const char *need,
                                struct sp_arena *arena)
{
    static const struct {
        const char *need, *never;
    } needs[] = {{"timestamps=on", "net.ipv4.tcp_timestamps=0"},
                 {"sack=on", "net.ipv4.tcp_sack=0"}};
    for (size_t i = 0; i < sizeof needs / sizeof needs[0]; i++)
        if (strcmp(need, needs[i].need) == 0 && is_one_of(needs[i].never, adapter->sysctls))
            return sp_arena_printf(arena, "the case needs %s, which %s does not have", need,
                                   adapter->name);
    return NULL;
}

/* Why a pin cannot stand for what that stack does; NULL it does so anyhow. Of its own settings
 * nobody has held any still: `default` is what is there. */
static const char *pin_forbids(const struct sp_run_adapter *adapter, const struct sp_case_pin *pin,
                               struct sp_arena *arena)
{
    size_t name_len = strlen(pin->name);
    if (is_one_of(pin->name, adapter->pins) || strcmp(pin->value, "default") == 0)
        return NULL;
    for (const char *const *held = adapter->sysctls; held && *held; held++) {
        if (strncmp(*held, pin->name, name_len) != 0 || (*held)[name_len] != '=')
            continue;
        const char *value = *held + name_len + 1;
        if (strcmp(value, pin->value) == 0)
            return NULL;
        return sp_arena_printf(arena, "the case pins %s=%s, and %s always does as with %s",
                               pin->name, pin->value, adapter->name, value);
    }
    return sp_arena_printf(arena, "the case pins %s, which %s does not have", pin->name,
                           adapter->name);
}

/* Words that stand for addresses which only a lab of our own has to give. */
static bool names_a_labs_host(const struct sp_stmt *stmt)
{
    static const char *const words[] = {"nobody", "second", "multicast", "broadcast"};
    for (size_t i = 0; i < stmt->arg_count; i++)
        for (size_t k = 0; k < sizeof words / sizeof words[0]; k++) {
            size_t len = strlen(words[k]);
            const char *text = stmt->args[i].text;
            if (text && strncmp(text, words[k], len) == 0 && (!text[len] || text[len] == ':'))
                return true;
        }
    return false;
}

/* Between two machines whose network is their own, nothing is set, cut or played. */
static const char *hosts_forbid(const struct exec *x, const struct sp_stmt *stmts, size_t count,
                                struct sp_arena *arena)
{
    const char *file = x->plan.case_->file;
    for (size_t i = 0; i < count; i++) {
        const struct sp_stmt *stmt = &stmts[i];
        int line = stmt->at.line;
        if (stmt->kind == SP_ST_LAB || stmt->kind == SP_ST_MIDDLE || stmt->kind == SP_ST_PEER)
            return sp_arena_printf(arena,
                                   "%s:%d acts on the path, and the one between two machines is "
                                   "not ours",
                                   file, line);
        if (names_a_labs_host(stmt))
            return sp_arena_printf(
                arena, "%s:%d names an address that only a lab of our own has to give", file, line);
        const char *why = hosts_forbid(x, stmt->children, stmt->child_count, arena);
        if (why)
            return why;
    }
    if (x->plan.pin_count)
        return sp_arena_printf(arena, "the case pins %s, and the machines' settings are their own",
                               x->plan.pins[0].name);
    return NULL;
}

const char *exec_adapter_forbids(const struct exec *x, struct sp_arena *arena)
{
    if (x->env->hosts && x->plan.peer_at != SP_WHO_NONE)
        return "a scripted peer has no place between two machines: their network is their own";
    if (x->env->hosts)
        return hosts_forbid(x, x->plan.stmts, x->plan.stmt_count, arena);
    for (int who = SP_WHO_CLIENT; who <= SP_WHO_SERVER; who++) {
        const struct sp_run_adapter *adapter = exec_adapter(x, (enum sp_who)who);
        const char *signal = adapter ? signal_forbids(x, (enum sp_who)who, arena) : NULL;
        if (signal)
            return signal;
        if (!adapter || !adapter->own_tcp)
            continue;
        for (size_t i = 0; i < x->plan.case_->need_count; i++) {
            const char *why = need_forbids(adapter, x->plan.case_->needs[i], arena);
            if (why)
                return why;
        }
        for (size_t i = 0; i < x->plan.pin_count; i++) {
            const char *why = pin_forbids(adapter, &x->plan.pins[i], arena);
            if (why)
                return why;
        }
        for (size_t i = 0; i < x->plan.stmt_count; i++) {
            const char *why = line_forbids(x, who, &x->plan.stmts[i], arena);
            if (why)
                return why;
        }
    }
    return NULL;
}
