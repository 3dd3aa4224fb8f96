#include "exec.h"

#include <stdio.h>
#include <string.h>

#include "stack.h"

static int agent_main(int in_fd, int out_fd, void *arg)
{
    const struct exec_agent *agent = arg;
    return sp_agent_serve(in_fd, out_fd, agent->salt, agent->peer_salt, NULL) == SP_OK ? 0 : 1;
}

static struct sp_event *proc_event(struct exec *x, enum sp_who who, enum sp_proc_what what,
                                   int32_t code, int64_t t_ns, uint32_t stmt)
{
    struct sp_event *event = sp_trace_add(&x->trace, SP_EV_PROC, t_ns);
    event->end = (enum sp_end)who;
    event->stmt = stmt;
    event->u.proc.what = what;
    event->u.proc.pid = x->agents[who].proc.pid;
    event->u.proc.code = code;
    return event;
}

enum sp_rc exec_spawn(struct exec *x, enum sp_who who)
{
    struct exec_agent *agent = &x->agents[who];
    if (agent->between) {
        agent->between = false;
        agent->alive = true;
        proc_event(x, who, SP_PROC_START, 0, exec_now(x), 0);
        return SP_OK;
    }
    agent->salt = who == SP_WHO_CLIENT ? 'c' : 's';
    agent->peer_salt = x->peer ? 'p' : who == SP_WHO_CLIENT ? 's' : 'c';
    enum sp_place place = who == SP_WHO_CLIENT ? SP_PLACE_CLIENT : SP_PLACE_SERVER;
    bool adapted = exec_adapter(x, who);
    enum sp_rc rc = adapted
                        ? exec_adapter_spawn(x, who)
                        : sp_lab_spawn(&x->lab, place, agent_main, agent, &agent->proc, &x->err);
    if (rc != SP_OK)
        return rc;
    if (!adapted) {
        sp_agent_conn_init(&agent->conn, agent->proc.in_fd, agent->proc.out_fd);
        agent->hellos = 0;
    }
    agent->alive = true;
    proc_event(x, who, SP_PROC_START, 0, exec_now(x), 0);
    return SP_OK;
}

/* Waits for the end of a process that has been told to end; SIGKILL when it takes too long. */
static enum sp_proc_what reap(struct exec *x, struct exec_agent *agent, int *code)
{
    bool killed = false;
    int64_t until_ns = exec_now(x) + x->plan.case_->deadline_ns;
    while (agent->alive && exec_now(x) < until_ns)
        if (exec_pump(x, until_ns) != SP_OK)
            break;
    bool outlived = agent->alive && exec_now(x) >= until_ns;
    if (agent->alive)
        sp_lab_kill(&agent->proc, sp_lab_signal("SIGKILL"));
    sp_lab_reap(&agent->proc, &killed, code);
    return outlived ? SP_PROC_OUTLIVED : killed ? SP_PROC_KILLED : SP_PROC_EXIT;
}

/* Of an end whose agents follow each other in one place: asks this one to end, and waits for the
 * next one's HELLO, which says that it is gone. */
static enum sp_rc end_again(struct exec *x, enum sp_who who, const char *call, const char *name,
                            int64_t number, uint32_t stmt)
{
    struct exec_agent *agent = &x->agents[who];
    struct sp_agent_request request = {.id = ++x->next_request};
    snprintf(request.call, sizeof request.call, "%s", call);
    sp_agent_arg_number(&request, name, number);
    int64_t begin_ns = exec_now(x);
    unsigned hellos = agent->hellos;
    agent->leaving = request.id;
    enum sp_rc rc = sp_agent_send(&agent->conn, &request, &x->err);
    int64_t until_ns = begin_ns + x->plan.case_->deadline_ns;
    while (rc == SP_OK && agent->alive && agent->hellos == hellos && exec_now(x) < until_ns)
        rc = exec_pump(x, until_ns);
    if (rc == SP_OK && agent->hellos == hellos)
        rc = sp_fail(&x->err, SP_E_PROTO, "the %s's agent was told to end, and no other one came",
                     sp_end_name((enum sp_end)who));
    if (rc != SP_OK)
        return rc;
    struct sp_event *event =
        proc_event(x, who, strcmp(call, "kill") == 0 ? SP_PROC_KILLED : SP_PROC_EXIT,
                   (int32_t)number, begin_ns, stmt);
    event->t_end_ns = exec_now(x);
    exec_calls_abandon(x, who, SP_CALL_KILLED, exec_now(x));
    agent->leaving = 0;
    agent->between = true;
    agent->alive = false;
    exec_socks_forget(x, who);
    return SP_OK;
}

/* begin_ns: before the order to end, whose effects may come before anything that is stamped here.
 */
static enum sp_rc end_since(struct exec *x, enum sp_who who, int signal, uint32_t stmt,
                            int64_t begin_ns)
{
    struct exec_agent *agent = &x->agents[who];
    if (agent->proc.pid <= 0)
        return SP_OK;
    agent->alive = agent->alive || agent->between;
    agent->between = false;
    int64_t pid = agent->proc.pid;
    if (signal)
        sp_lab_kill(&agent->proc, signal);
    else if (agent->conn.out_fd >= 0) {
        sp_stack_pipe_close(agent->conn.out_fd); /* end of its input: it returns and exits */
        agent->conn.out_fd = -1;
    }
    int code = 0;
    enum sp_proc_what what = reap(x, agent, &code);
    struct sp_event *event = proc_event(x, who, what, code, begin_ns, stmt);
    event->u.proc.pid = pid;
    event->t_end_ns = exec_now(x);
    if (stmt) /* the other end's timers did not wait for it */
        exec_note_late_call(x, begin_ns, exec_now(x));
    /* what the case ended was ended in its calls; our own clean-up ends what was left pending */
    exec_calls_abandon(x, who, stmt ? SP_CALL_KILLED : SP_CALL_PENDING, exec_now(x));
    sp_agent_conn_release(&agent->conn);
    agent->alive = false;
    agent->proc.pid = 0;
    exec_socks_forget(x, who);
    return SP_OK;
}

enum sp_rc exec_end(struct exec *x, enum sp_who who, int signal, uint32_t stmt)
{
    return end_since(x, who, signal, stmt, exec_now(x));
}

static bool begins_again(const struct exec *x, enum sp_who who)
{
    const struct sp_run_adapter *adapter = exec_adapter(x, who);
    return adapter && adapter->again;
}

static enum sp_rc proc_exit(struct exec *x, const struct sp_stmt *stmt)
{
    struct sp_agent_request request = {.id = ++x->next_request};
    memcpy(request.call, "exit", 5);
    int64_t code = stmt->arg_count ? stmt->args[0].number : 0;
    if (begins_again(x, stmt->who))
        return end_again(x, stmt->who, "exit", "code", code, stmt->id);
    sp_agent_arg_number(&request, "code", code);
    int64_t begin_ns = exec_now(x);
    enum sp_rc rc = sp_agent_send(&x->agents[stmt->who].conn, &request, &x->err);
    return rc == SP_OK ? end_since(x, stmt->who, 0, stmt->id, begin_ns) : rc;
}

enum sp_rc exec_proc_stmt(struct exec *x, const struct sp_stmt *stmt)
{
    struct exec_agent *agent = &x->agents[stmt->who];
    if (strcmp(stmt->call, "spawn") == 0) {
        if (agent->alive)
            return sp_fail(&x->err, SP_E_USAGE, "%s:%d: the %s's process is still there",
                           x->plan.case_->file, stmt->at.line, sp_end_name((enum sp_end)stmt->who));
        return exec_spawn(x, stmt->who);
    }
    if (!agent->alive)
        return sp_fail(&x->err, SP_E_USAGE, "%s:%d: the %s's process is gone already",
                       x->plan.case_->file, stmt->at.line, sp_end_name((enum sp_end)stmt->who));
    if (strcmp(stmt->call, "exit") == 0)
        return proc_exit(x, stmt);
    int signal = stmt->arg_count ? sp_lab_signal(stmt->args[0].text) : -1;
    if (signal >= 0 && begins_again(x, stmt->who))
        return end_again(x, stmt->who, "kill", "signal", signal, stmt->id);
    if (signal >= 0)
        return exec_end(x, stmt->who, signal, stmt->id);
    return sp_fail(&x->err, SP_E_USAGE, "%s:%d: cannot send that signal", x->plan.case_->file,
                   stmt->at.line);
}
