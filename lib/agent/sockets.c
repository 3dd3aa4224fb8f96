/*
 * Sockets by names of our own.
 *
 * A name outlives its socket: after close it stands for a handle that is none, so that a case can
 * see what the stack says to a call on a closed socket, and the number that the stack gives to the
 * next socket is never taken for it. A new socket may take the name again.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "worker.h"

static struct sp_slot *find(struct sp_worker *worker, const char *name)
{
    for (unsigned i = 0; i < SP_AGENT_SOCKETS; i++) {
        struct sp_slot *slot = &worker->slots[i];
        if (slot->state != SP_SLOT_FREE && strcmp(slot->name, name) == 0)
            return slot;
    }
    return NULL;
}

static void stream_let_go(struct sp_stream **stream)
{
    if (*stream && --(*stream)->refs == 0)
        free(*stream);
    *stream = NULL;
}

/* A slot for a new name: a free one, else one of a socket that is closed. */
static struct sp_slot *spare(struct sp_worker *worker)
{
    struct sp_slot *closed = NULL;
    for (unsigned i = 0; i < SP_AGENT_SOCKETS; i++) {
        struct sp_slot *slot = &worker->slots[i];
        if (slot->state == SP_SLOT_FREE)
            return slot;
        if (slot->state == SP_SLOT_CLOSED)
            closed = slot;
    }
    return closed;
}

static enum sp_rc reserve(struct sp_call *call, const char *name, struct sp_err *err)
{
    size_t len = strlen(name);
    if (!len || len >= sizeof call->made->name)
        return sp_fail(err, SP_E_USAGE, "%s: a socket's name has 1 to %zu letters",
                       call->spec->name, sizeof call->made->name - 1);
    struct sp_slot *slot = find(call->worker, name);
    if (slot && slot->state != SP_SLOT_CLOSED)
        return sp_fail(err, SP_E_USAGE, "%s: there is a socket '%s' already", call->spec->name,
                       name);
    if (!slot)
        slot = spare(call->worker);
    if (!slot)
        return sp_fail(err, SP_E_LIMIT, "an agent has at most %d sockets", SP_AGENT_SOCKETS);
    stream_let_go(&slot->stream);
    sp_stack_epoll_close(&slot->epoll);
    *slot = (struct sp_slot){
        .state = SP_SLOT_RESERVED, .sock = SP_STACK_NO_SOCK, .epoll = SP_STACK_NO_SOCK};
    memcpy(slot->name, name, len);
    call->made = slot;
    return SP_OK;
}

static enum sp_rc take_slot(struct sp_call *call, struct sp_err *err)
{
    struct sp_slot *slot = find(call->worker, call->request.sock);
    if (!slot)
        return sp_fail(err, SP_E_NOTFOUND, "%s: no socket '%s'", call->spec->name,
                       call->request.sock);
    if (slot->state == SP_SLOT_RESERVED)
        return sp_fail(err, SP_E_USAGE, "%s: the socket '%s' is still being made", call->spec->name,
                       slot->name);
    if ((call->spec->traits & SP_CALL_SENDS) && slot->stream->sending)
        return sp_fail(err, SP_E_USAGE, "%s: another call is still sending on '%s'",
                       call->spec->name, slot->name);
    call->slot = slot;
    call->sock = slot->sock;
    call->stream = slot->stream;
    call->stream->refs++;
    if (call->spec->traits & SP_CALL_SENDS)
        call->sending = call->stream->sending = true;
    return SP_OK;
}

static void let_go(struct sp_call *call)
{
    if (call->sending)
        call->stream->sending = call->sending = false;
    stream_let_go(&call->stream);
    if (call->made && call->made->state == SP_SLOT_RESERVED)
        *call->made = (struct sp_slot){.epoll = SP_STACK_NO_SOCK};
    call->made = NULL;
}

enum sp_rc sp_call_sockets(struct sp_call *call, struct sp_err *err)
{
    unsigned traits = call->spec->traits;
    enum sp_rc rc = SP_OK;
    call->sock = SP_STACK_NO_SOCK;
    sp_stack_lock_take(call->worker->lock);
    if (traits & SP_CALL_ON_SOCKET)
        rc = take_slot(call, err);
    else if (traits & SP_CALL_MAKES_SOCK)
        rc = reserve(call, call->request.sock, err);
    else if (call->request.sock[0])
        rc = sp_fail(err, SP_E_USAGE, "%s is not a call on a socket", call->spec->name);
    if (rc == SP_OK && (traits & SP_CALL_MAKES_AS))
        rc = reserve(call, sp_call_text(call, "as"), err);
    if (rc != SP_OK)
        let_go(call);
    sp_stack_lock_give(call->worker->lock);
    return rc;
}

void sp_call_release_sockets(struct sp_call *call)
{
    sp_stack_lock_take(call->worker->lock);
    let_go(call);
    sp_stack_lock_give(call->worker->lock);
}

void sp_call_made(struct sp_call *call, sp_stack_sock sock, int family, bool same_stream)
{
    sp_stack_lock_take(call->worker->lock);
    struct sp_slot *slot = call->made;
    assert(slot && slot->state == SP_SLOT_RESERVED);
    slot->state = SP_SLOT_OPEN;
    slot->sock = sock;
    slot->family = family;
    slot->stream = same_stream ? call->stream : sp_xcalloc(1, sizeof *slot->stream);
    slot->stream->refs++;
    sp_stack_lock_give(call->worker->lock);
}

void sp_call_passed(struct sp_call *call)
{
    struct sp_worker *worker = call->worker;
    sp_stack_lock_take(worker->lock);
    worker->passed[worker->passed_count++] =
        (struct sp_passed){.family = call->slot->family, .stream = call->stream};
    call->stream->refs++;
    sp_stack_lock_give(worker->lock);
}

void sp_call_taken(struct sp_call *call, sp_stack_sock sock)
{
    struct sp_worker *worker = call->worker;
    sp_stack_lock_take(worker->lock);
    struct sp_passed passed = worker->passed[0];
    worker->passed_count--;
    memmove(worker->passed, worker->passed + 1, worker->passed_count * sizeof worker->passed[0]);
    call->made->state = SP_SLOT_OPEN;
    call->made->sock = sock;
    call->made->family = passed.family;
    call->made->stream = passed.stream; /* with the reference that pass took */
    sp_stack_lock_give(worker->lock);
}

/* A slot that has another stream by now is another socket of the same name. */
static bool is_still_ours(const struct sp_call *call)
{
    return call->slot->state == SP_SLOT_OPEN && call->slot->stream == call->stream &&
           call->slot->sock == call->sock;
}

sp_stack_sock sp_call_sock_now(struct sp_call *call)
{
    sp_stack_lock_take(call->worker->lock);
    sp_stack_sock sock = is_still_ours(call) ? call->sock : SP_STACK_NO_SOCK;
    sp_stack_lock_give(call->worker->lock);
    return sock;
}

void sp_call_closed(struct sp_call *call)
{
    sp_stack_lock_take(call->worker->lock);
    if (is_still_ours(call)) {
        call->slot->state = SP_SLOT_CLOSED;
        sp_stack_epoll_close(&call->slot->epoll);
        call->slot->sock = SP_STACK_NO_SOCK;
    }
    sp_stack_lock_give(call->worker->lock);
}

uint64_t sp_call_received(struct sp_call *call, uint64_t len_bytes)
{
    sp_stack_lock_take(call->worker->lock);
    uint64_t from = call->stream->received;
    call->stream->received += len_bytes;
    sp_stack_lock_give(call->worker->lock);
    return from;
}

uint64_t sp_call_sent(struct sp_call *call, uint64_t len_bytes)
{
    sp_stack_lock_take(call->worker->lock);
    uint64_t from = call->stream->sent;
    call->stream->sent += len_bytes;
    sp_stack_lock_give(call->worker->lock);
    return from;
}
