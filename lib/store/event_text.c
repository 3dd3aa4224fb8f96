#include "event_text.h"

#include <string.h>

#include "clock.h"

enum { WAITED_MIN_NS = 1000000 };

/* The names that a case's sockets have where it gives none. */
static bool usual_socket(const char *sock)
{
    return !sock || !*sock || strcmp(sock, "conn") == 0 || strcmp(sock, "listener") == 0;
}

void sp_call_print(const struct sp_ev_call *call, struct sp_buf *out)
{
    if (!usual_socket(call->sock))
        sp_buf_addf(out, "%s: ", call->sock);
    sp_buf_addf(out, "%s(%s)", call->name ? call->name : "?", call->args ? call->args : "");
}

static void print_returned(const struct sp_ev_call *call, struct sp_buf *out)
{
    sp_buf_addf(out, "%lld", (long long)call->value);
    if (call->error)
        sp_buf_addf(out, " %s", call->error);
    if (call->native && call->error && strcmp(call->native, call->error) != 0)
        sp_buf_addf(out, " (%s)", call->native);
    if (call->out && *call->out)
        sp_buf_addf(out, " %s", call->out);
    if (call->first_bad >= 0)
        sp_buf_addf(out, ", byte %lld is not what was sent", (long long)call->first_bad);
}

void sp_call_print_result(const struct sp_ev_call *call, struct sp_buf *out)
{
    static const char *const words[] = {
        [SP_CALL_HUNG] = "hung",
        [SP_CALL_KILLED] = "killed",
        [SP_CALL_PENDING] = "pending",
    };
    if (call->how == SP_CALL_RETURNED)
        print_returned(call, out);
    else
        sp_buf_addstr(out, words[call->how]);
    if (call->signal)
        sp_buf_addf(out, call->signal == 13 ? ", SIGPIPE raised" : ", signal %d raised",
                    (int)call->signal);
}

bool sp_call_waited(const struct sp_event *event)
{
    return event->kind == SP_EV_CALL &&
           (event->t_end_ns < 0 || event->t_end_ns - event->t_ns >= WAITED_MIN_NS);
}

void sp_state_print(const struct sp_ev_state *state, struct sp_buf *out)
{
    if (state->old_state != SP_TCP_NONE && state->old_state != state->new_state)
        sp_buf_addf(out, "%s -> ", sp_tcp_state_name(state->old_state));
    sp_buf_addstr(out,
                  state->new_state == SP_TCP_NONE ? "gone" : sp_tcp_state_name(state->new_state));
}

static void print_queues(const struct sp_ev_state *state, struct sp_buf *out)
{
    if (state->recv_queue > 0)
        sp_buf_addf(out, ", %lld unread", (long long)state->recv_queue);
    if (state->send_queue > 0 && state->new_state != SP_TCP_LISTEN)
        sp_buf_addf(out, ", %lld unacknowledged", (long long)state->send_queue);
}

static void print_proc(const struct sp_ev_proc *proc, struct sp_buf *out)
{
    sp_buf_addf(out, "process %lld ", (long long)proc->pid);
    switch (proc->what) {
    case SP_PROC_START:
        sp_buf_addstr(out, "started");
        break;
    case SP_PROC_EXIT:
        sp_buf_addf(out, "exited with %d", (int)proc->code);
        break;
    case SP_PROC_KILLED:
        sp_buf_addf(out, "killed by signal %d", (int)proc->code);
        break;
    case SP_PROC_OUTLIVED:
        sp_buf_addstr(out, "did not end in time, and was ended by the runner");
        break;
    }
}

static void print_mark(const struct sp_event *event, struct sp_buf *out)
{
    const char *text = event->u.mark.text ? event->u.mark.text : "";
    switch (event->u.mark.what) {
    case SP_MARK_BEGIN:
    case SP_MARK_DONE:
    case SP_MARK_FENCE:
    case SP_MARK_CANARY:
        break;
    case SP_MARK_END:
        sp_buf_addstr(out, "end of the script: what follows is clean-up");
        break;
    case SP_MARK_ABSENT:
        sp_buf_addf(out, "not watching: %s", text);
        break;
    case SP_MARK_DROPS:
        sp_buf_addf(out, "events lost: %s", text);
        break;
    case SP_MARK_STALL: {
        char length[32];
        sp_duration_print(event->t_end_ns - event->t_ns, length, sizeof length);
        sp_buf_addf(out, "this machine stood still for %s", length);
        break;
    }
    case SP_MARK_KEPT: {
        char length[32];
        sp_duration_print(event->t_end_ns - event->t_ns, length, sizeof length);
        sp_buf_addf(out, "the %s's stack waited for a processor for %s", sp_end_name(event->end),
                    length);
        break;
    }
    case SP_MARK_DEADLINE:
        sp_buf_addstr(out, "deadline reached");
        if (*text)
            sp_buf_addf(out, ": %s", text);
        break;
    }
}

/* An action reads as the case wrote it: what is done to links begins with `lab`, what is done to
 * segments on their way with `middle`. */
static void print_lab(const struct sp_ev_lab *lab, struct sp_buf *out)
{
    static const char *const verbs[] = {"cut", "restore", "unplug", "plug", "sysctl", "address"};
    const char *action = lab->action ? lab->action : "";
    action += strspn(action, " "); /* as it was aligned behind `lab` */
    size_t len = strcspn(action, " ");
    const char *prefix = "middle ";
    if (strncmp(action, prefix, strlen(prefix)) == 0)
        prefix = "";
    bool scripted = strncmp(action, "peer ", 5) == 0; /* what it sent is a segment of its own */
    if (scripted)
        prefix = "";
    for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++)
        if (strlen(verbs[i]) == len && strncmp(action, verbs[i], len) == 0)
            prefix = "lab ";
    sp_buf_addf(out, "%s%s", prefix, action);
    if (lab->detail && *lab->detail && !scripted)
        sp_buf_addf(out, ": %s", lab->detail);
}

static void print_words(const char *a, const char *b, struct sp_buf *out)
{
    sp_buf_addstr(out, a ? a : "");
    if (b && *b)
        sp_buf_addf(out, ": %s", b);
}

void sp_event_print(const struct sp_event *event, struct sp_buf *out)
{
    bool whose = event->end != SP_END_NONE && event->kind != SP_EV_SEG &&
                 event->kind != SP_EV_LAB && event->kind != SP_EV_MARK;
    if (whose)
        sp_buf_addf(out, "%s ", sp_end_name(event->end));
    switch (event->kind) {
    case SP_EV_CALL:
        sp_call_print(&event->u.call, out);
        break;
    case SP_EV_STATE:
        sp_state_print(&event->u.state, out);
        print_queues(&event->u.state, out);
        break;
    case SP_EV_NOTE:
        print_words(event->u.note.what, event->u.note.detail, out);
        break;
    case SP_EV_LAB:
        print_lab(&event->u.lab, out);
        break;
    case SP_EV_PROC:
        print_proc(&event->u.proc, out);
        break;
    case SP_EV_MARK:
        print_mark(event, out);
        break;
    case SP_EV_SEG:
    case SP_EV_KIND_COUNT:
        break;
    }
}
