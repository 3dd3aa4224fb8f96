/*
 * Calls that let a socket have several owners, and the one that wakes a call with a signal.
 *
 * pass queues a reference to a socket, which keeps it alive although its name is closed; take makes
 * a new name of the oldest. fork leaves a child that has a copy of every socket and does nothing:
 * what is closed here is not closed for good until reap has ended the last child.
 */
#include <string.h>

#include "worker.h"

enum sp_rc sp_prepare_pass(struct sp_call *call, struct sp_err *err)
{
    if (call->worker->passed_count < SP_AGENT_PASSED)
        return SP_OK;
    return sp_fail(err, SP_E_LIMIT, "at most %d sockets may be on their way", SP_AGENT_PASSED);
}

void sp_make_pass(struct sp_call *call)
{
    sp_stack_pass(call->sock, call->worker->channel, &call->outcome);
    if (call->outcome.value >= 0)
        sp_call_passed(call);
}

enum sp_rc sp_prepare_take(struct sp_call *call, struct sp_err *err)
{
    if (call->worker->passed_count)
        return SP_OK;
    return sp_fail(err, SP_E_USAGE, "take: no socket has been passed");
}

void sp_make_take(struct sp_call *call)
{
    sp_stack_take(call->worker->channel, &call->outcome);
    if (call->outcome.value < 0)
        return;
    sp_call_names(&call->reply, (sp_stack_sock)call->outcome.value);
    sp_call_taken(call, (sp_stack_sock)call->outcome.value);
    call->outcome.value = 0;
}

enum sp_rc sp_prepare_fork(struct sp_call *call, struct sp_err *err)
{
    if (call->worker->child_count < SP_AGENT_CHILDREN)
        return SP_OK;
    return sp_fail(err, SP_E_LIMIT, "an agent has at most %d children", SP_AGENT_CHILDREN);
}

void sp_make_fork(struct sp_call *call)
{
    struct sp_worker *worker = call->worker;
    const int pipes[] = {worker->in_fd, worker->out_fd};
    sp_stack_fork(pipes, 2, &call->outcome);
    if (call->outcome.value < 0)
        return;
    worker->children[worker->child_count++] = call->outcome.value;
    call->outcome.value = 0;
}

enum sp_rc sp_prepare_reap(struct sp_call *call, struct sp_err *err)
{
    if (call->worker->child_count)
        return SP_OK;
    return sp_fail(err, SP_E_USAGE, "reap: there is no child");
}

/* The youngest goes first. */
void sp_make_reap(struct sp_call *call)
{
    struct sp_worker *worker = call->worker;
    sp_stack_reap(worker->children[--worker->child_count], &call->outcome);
}

/* The call of that name that waits on the socket; NULL where there is none. */
static struct sp_call *waiting(const struct sp_call *call)
{
    for (unsigned i = 0; i < SP_AGENT_CALLS; i++) {
        struct sp_call *other = call->worker->calls[i];
        if (other && other->slot == call->slot && other->thread &&
            strcmp(other->spec->name, sp_call_text(call, "call")) == 0)
            return other;
    }
    return NULL;
}

enum sp_rc sp_prepare_interrupt(struct sp_call *call, struct sp_err *err)
{
    if (!waiting(call))
        return sp_fail(err, SP_E_USAGE, "interrupt: no %s is under way on '%s'",
                       sp_call_text(call, "call"), call->slot->name);
    return sp_stack_words_parse(SP_STACK_SIGNAL, sp_call_text(call, "what"), &call->words, err);
}

/* Only this thread frees calls, so the thread is there, even where its call has returned. */
void sp_make_interrupt(struct sp_call *call)
{
    sp_stack_thread_signal(waiting(call)->thread, call->words, &call->outcome);
}
