/*
 * Tracepoint records as events of a run's trace. A record carries addresses only; each run has
 * addresses of its own, so they tell whose it is. A socket that is bound to the wildcard address
 * has none and belongs to no run here: sock_diag, which looks inside a namespace, shows it.
 */
#include "witness.h"

#include "linux_tcp.h"

static const char *const note_words[] = {
    [SP_TP_RETRANSMIT] = "retransmit",
    [SP_TP_SEND_RESET] = "send-reset",
    [SP_TP_RECEIVE_RESET] = "receive-reset",
};

static void lost_mark(struct sp_trace *trace, int64_t t_ns)
{
    struct sp_event *event = sp_trace_add(trace, SP_EV_MARK, t_ns);
    event->u.mark.what = SP_MARK_DROPS;
    event->u.mark.text = "tracepoints";
}

void sp_tp_record_add(const struct sp_tp_record *record, struct sp_trace *trace)
{
    int64_t t_ns = record->mono_ns - trace->head.start_mono_ns;
    if (record->what == SP_TP_LOST) {
        lost_mark(trace, t_ns);
        return;
    }
    enum sp_end end = sp_linux_addr_end(&trace->head, &record->local);
    if (end == SP_END_NONE)
        return;
    if (record->what == SP_TP_STATE) {
        struct sp_event *event = sp_trace_add(trace, SP_EV_STATE, t_ns);
        event->end = end;
        event->u.state.source = SP_STATE_TRACEPOINT;
        event->u.state.old_state = (enum sp_tcp_state)record->old_state;
        event->u.state.new_state = (enum sp_tcp_state)record->new_state;
        event->u.state.local = record->local;
        event->u.state.remote = sp_linux_remote(&record->remote);
        event->u.state.sock_id = record->sock_id;
        event->u.state.not_before_ns = t_ns;
        return;
    }
    const char *detail = sp_trace_str(trace, record->detail);
    struct sp_event *event = sp_trace_add(trace, SP_EV_NOTE, t_ns);
    event->end = end;
    event->u.note.what = note_words[record->what];
    event->u.note.detail = detail;
    event->u.note.local = record->local;
    event->u.note.remote = sp_linux_remote(&record->remote);
    event->u.note.sock_id = record->sock_id;
}
