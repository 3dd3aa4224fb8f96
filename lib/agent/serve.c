/*
 * The worker's loop.
 *
 * A request is read, held against the table of calls, and made: here, or in a thread of its own
 * where it is overlapped. Of an overlapped call the runner hears ENTERED once the stack shows its
 * thread asleep in the call (agent_serve_test: an_overlapped_recv_is_entered_then_woken_by_data);
 * a call that is done before it could be seen asleep is answered by RETURNED alone. Until one of
 * the two has been written, no other request is read.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "protocol.h"
#include "worker.h"

enum { READ_BYTES = 4096 };

/* How long a call may stay awake before ENTERED says so, and how long one must have been in a
 * call before it is taken to wait, on a system that does not show it. */
static const int64_t AWAKE_LIMIT_NS = 2000 * 1000 * 1000LL;
static const int64_t ASSUMED_AFTER_NS = 50 * 1000 * 1000LL;

/* ---- replies ------------------------------------------------------------------------------- */

/* With the lock held. Once the other end is gone, nothing is written any more. */
static void write_reply(struct sp_worker *worker, const struct sp_agent_reply *reply)
{
    struct sp_buf out;
    if (worker->ended)
        return;
    sp_buf_init(&out, SP_FRAME_HEAD_BYTES + SP_AGENT_FRAME_MAX);
    size_t start = sp_frame_begin(&out);
    enum sp_rc rc = sp_agent_reply_encode(reply, &out, NULL);
    if (rc == SP_OK) {
        sp_frame_end(&out, start);
        rc = sp_stack_pipe_write(worker->out_fd, out.data, out.len, true, NULL);
    }
    worker->ended = rc != SP_OK;
    sp_buf_release(&out);
}

static void send_reply(struct sp_worker *worker, const struct sp_agent_reply *reply)
{
    sp_stack_lock_take(worker->lock);
    write_reply(worker, reply);
    sp_stack_lock_give(worker->lock);
}

static struct sp_agent_reply reply_of(enum sp_agent_reply_kind kind, uint32_t id)
{
    return (struct sp_agent_reply){.kind = kind, .id = id, .first_bad = -1};
}

static void send_hello(struct sp_worker *worker)
{
    struct sp_agent_reply reply = reply_of(SP_AGENT_HELLO, 0);
    snprintf(reply.error, sizeof reply.error, "%s", sp_stack_name());
    sp_stack_version(reply.native, sizeof reply.native);
    reply.value = sp_stack_pid();
    send_reply(worker, &reply);
}

static void send_refusal(struct sp_worker *worker, uint32_t id, const struct sp_err *err)
{
    struct sp_agent_reply reply = reply_of(SP_AGENT_REFUSED, id);
    snprintf(reply.out, sizeof reply.out, "%.*s", (int)sizeof reply.out - 1, err->text);
    send_reply(worker, &reply);
}

static void fill_error(struct sp_agent_reply *reply, int error)
{
    const char *name = sp_stack_error_name(error);
    if (!error)
        return;
    if (name)
        snprintf(reply->error, sizeof reply->error, "%s", name);
    else
        snprintf(reply->error, sizeof reply->error, "E%d", error);
    snprintf(reply->native, sizeof reply->native, "%s", sp_stack_error_native(error));
}

void sp_call_reply(struct sp_call *call)
{
    struct sp_agent_reply *reply = &call->reply;
    reply->kind = SP_AGENT_RETURNED;
    reply->id = call->request.id;
    reply->value = call->outcome.value;
    reply->sig = call->outcome.sig;
    reply->t_enter_ns = call->outcome.t_enter_ns;
    reply->t_return_ns = call->outcome.t_return_ns;
    fill_error(reply, call->outcome.error);
    sp_stack_lock_take(call->worker->lock);
    write_reply(call->worker, reply);
    call->returned = true;
    sp_stack_lock_give(call->worker->lock);
}

void sp_call_names(struct sp_agent_reply *reply, sp_stack_sock sock)
{
    struct sp_stack_addr addr;
    struct sp_stack_outcome outcome;
    sp_stack_getsockname(sock, &addr, &outcome);
    sp_stack_addr_print(&addr, reply->local, sizeof reply->local);
    sp_stack_getpeername(sock, &addr, &outcome);
    sp_stack_addr_print(&addr, reply->remote, sizeof reply->remote);
}

/* ---- calls ----------------------------------------------------------------------------------- */

/*
 * The last that is done for a call: whoever reads RETURNED may use its socket at once. In a
 * thread, the call belongs to the main thread from then on. What a call lost that was over at once
 * is not worth a look, and the look costs as much as most calls do.
 */
static void make(void *arg)
{
    enum { WORTH_NS = 10 * 1000 * 1000 };
    struct sp_call *call = arg;
    bool timed = call->request.timed || call->request.overlapped;
    int64_t before_ns = timed ? sp_stack_kept_waiting_ns() : 0;
    call->spec->make(call);
    if (timed && call->outcome.t_return_ns - call->outcome.t_enter_ns >= WORTH_NS)
        call->reply.kept_waiting_ns = sp_stack_kept_waiting_ns() - before_ns;
    sp_call_release_sockets(call);
    sp_call_reply(call);
}

static void call_free(struct sp_call *call)
{
    sp_stack_thread_free(call->thread);
    free(call);
}

/* Frees the calls that have returned; true where none is left. */
static bool reap(struct sp_worker *worker)
{
    bool none_left = true;
    for (unsigned i = 0; i < SP_AGENT_CALLS; i++) {
        struct sp_call *call = worker->calls[i];
        if (!call)
            continue;
        sp_stack_lock_take(worker->lock);
        bool returned = call->returned;
        sp_stack_lock_give(worker->lock);
        if (returned) {
            call_free(call);
            worker->calls[i] = NULL;
        } else {
            none_left = false;
        }
    }
    return none_left;
}

/* With the lock held: whether the call has been entered, or it is time to say what is known. */
static bool has_entered(struct sp_call *call, int64_t began_ns, struct sp_agent_reply *reply)
{
    enum sp_stack_sleep sleep = sp_stack_thread_sleep(call->thread, &reply->t_enter_ns);
    int64_t now_ns = sp_stack_now_ns();
    reply->t_return_ns = now_ns;
    if (sleep == SP_STACK_ASLEEP)
        return true;
    if (sleep == SP_STACK_IN_CALL && now_ns - reply->t_enter_ns > ASSUMED_AFTER_NS) {
        snprintf(reply->out, sizeof reply->out, "assumed: this system does not show sleep");
        return true;
    }
    if (now_ns - began_ns < AWAKE_LIMIT_NS)
        return false;
    snprintf(reply->out, sizeof reply->out, "awake: not seen asleep within 2s");
    return true;
}

static void announce(struct sp_worker *worker, struct sp_call *call)
{
    int64_t began_ns = sp_stack_now_ns();
    bool done = false;
    for (unsigned round = 0; !done; round++) {
        struct sp_agent_reply reply = reply_of(SP_AGENT_ENTERED, call->request.id);
        if (round)
            sp_stack_yield(round - 1);
        sp_stack_lock_take(worker->lock);
        done = call->returned;
        if (!done && has_entered(call, began_ns, &reply)) {
            if (strcmp(call->spec->name, "connect") == 0) {
                sp_call_names(&reply, call->sock);
                sp_stack_addr_print(&call->addr, reply.remote, sizeof reply.remote);
            }
            write_reply(worker, &reply);
            done = true;
        }
        sp_stack_lock_give(worker->lock);
    }
}

static enum sp_rc start(struct sp_worker *worker, struct sp_call *call, struct sp_err *err)
{
    unsigned place = 0;
    while (place < SP_AGENT_CALLS && worker->calls[place])
        place++;
    if (call->spec->traits & SP_CALL_NOT_OVERLAPPED)
        return sp_fail(err, SP_E_USAGE, "%s cannot be overlapped", call->spec->name);
    if (place == SP_AGENT_CALLS)
        return sp_fail(err, SP_E_LIMIT, "an agent has at most %d calls under way", SP_AGENT_CALLS);
    enum sp_rc rc = sp_stack_thread_new(make, call, &call->thread, err);
    if (rc != SP_OK)
        return rc;
    worker->calls[place] = call;
    announce(worker, call);
    return SP_OK;
}

static enum sp_rc run(struct sp_worker *worker, struct sp_call *call, bool *kept,
                      struct sp_err *err)
{
    bool holds = false;
    enum sp_rc rc = sp_call_bind(call, err);
    if (rc == SP_OK)
        rc = sp_call_sockets(call, err);
    holds = rc == SP_OK;
    if (rc == SP_OK && call->spec->prepare)
        rc = call->spec->prepare(call, err);
    if (rc == SP_OK && call->request.overlapped) {
        rc = start(worker, call, err);
        *kept = rc == SP_OK;
    } else if (rc == SP_OK) {
        make(call);
    }
    if (rc != SP_OK && holds)
        sp_call_release_sockets(call);
    return rc;
}

static enum sp_rc serve_request(struct sp_worker *worker, const uint8_t *body, size_t len_bytes,
                                struct sp_err *err)
{
    struct sp_err refusal = {0};
    bool kept = false;
    struct sp_call *call = sp_xcalloc(1, sizeof *call);
    call->worker = worker;
    call->reply.first_bad = -1;
    enum sp_rc rc = sp_agent_request_decode(body, len_bytes, &call->request, err);
    if (rc == SP_OK) {
        reap(worker);
        if (run(worker, call, &kept, &refusal) != SP_OK)
            send_refusal(worker, call->request.id, &refusal);
    }
    if (!kept)
        call_free(call);
    return rc;
}

/* ---- the loop ----------------------------------------------------------------------------------
 */

static enum sp_rc serve_frames(struct sp_worker *worker, struct sp_buf *in, struct sp_err *err)
{
    for (;;) {
        const uint8_t *body = NULL;
        size_t len = 0;
        enum sp_rc rc = sp_frame_peek(in, &body, &len, err);
        if (rc != SP_OK || !body)
            return rc;
        rc = serve_request(worker, body, len, err);
        if (rc != SP_OK)
            return rc;
        sp_frame_drop(in, len);
    }
}

static enum sp_rc loop(struct sp_worker *worker, struct sp_err *err)
{
    struct sp_buf in;
    enum sp_rc rc = SP_OK;
    bool ended = false;
    sp_buf_init(&in, 0);
    while (rc == SP_OK && !ended) {
        char data[READ_BYTES];
        size_t got = 0;
        rc = sp_stack_pipe_read(worker->in_fd, data, sizeof data, &got, &ended, err);
        sp_buf_add(&in, data, got);
        if (rc == SP_OK && got)
            rc = serve_frames(worker, &in, err);
    }
    if (rc == SP_OK && in.len)
        rc = sp_fail(err, SP_E_PROTO, "offset %zu of a frame: the requests end inside it", in.len);
    sp_buf_release(&in);
    return rc;
}

/* Calls that still wait keep the worker: their threads end with the process. */
static void worker_free(struct sp_worker *worker)
{
    sp_stack_lock_take(worker->lock);
    worker->ended = true;
    sp_stack_lock_give(worker->lock);
    if (!reap(worker))
        return;
    for (unsigned i = 0; i < SP_AGENT_SOCKETS; i++)
        if (worker->slots[i].stream && --worker->slots[i].stream->refs == 0)
            free(worker->slots[i].stream);
    for (unsigned i = 0; i < SP_AGENT_SOCKETS; i++)
        sp_stack_epoll_close(&worker->slots[i].epoll);
    for (unsigned i = 0; i < worker->passed_count; i++)
        if (--worker->passed[i].stream->refs == 0)
            free(worker->passed[i].stream);
    sp_stack_lock_free(worker->lock);
    free(worker);
}

enum sp_rc sp_agent_serve(int in_fd, int out_fd, char salt, char peer_salt, struct sp_err *err)
{
    enum sp_rc rc = sp_stack_startup(err);
    if (rc != SP_OK)
        return rc;
    struct sp_worker *worker = sp_xcalloc(1, sizeof *worker);
    worker->in_fd = in_fd;
    worker->out_fd = out_fd;
    worker->salt = salt;
    worker->peer_salt = peer_salt;
    worker->channel[0] = worker->channel[1] = SP_STACK_NO_SOCK;
    for (unsigned i = 0; i < SP_AGENT_SOCKETS; i++)
        worker->slots[i].epoll = SP_STACK_NO_SOCK;
    worker->lock = sp_stack_lock_new();
    send_hello(worker);
    rc = loop(worker, err);
    worker_free(worker);
    return rc;
}

int sp_agent_main(int in_fd, int out_fd, void *role)
{
    const struct sp_agent_role *salts = role;
    enum sp_rc rc = sp_agent_serve(in_fd, out_fd, salts->salt, salts->peer_salt, NULL);
    return rc == SP_OK ? 0 : SP_AGENT_EXIT_BROKEN;
}
