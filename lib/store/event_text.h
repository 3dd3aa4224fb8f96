/* Events in words: the same ones in captures and in ladders. */
#ifndef SP_STORE_EVENT_TEXT_H
#define SP_STORE_EVENT_TEXT_H

#include <stdbool.h>

#include "trace.h"

/* "recv(10)", with the socket before it where it is not the endpoint's usual one: "b: recv(10)". */
void sp_call_print(const struct sp_ev_call *call, struct sp_buf *out);
/* What it came to: "10", "-1 ECONNRESET", "-1 EPIPE, SIGPIPE raised", "hung", "killed",
 * "pending"; wrong payload and other results behind it. */
void sp_call_print_result(const struct sp_ev_call *call, struct sp_buf *out);
/*
 * Is the call worth a row at its entry too: it took a millisecond or never ended, so that what
 * happened meanwhile reads in order.
 */
bool sp_call_waited(const struct sp_event *event);

/* "SYN_SENT -> ESTABLISHED", "TIME_WAIT", "TIME_WAIT -> gone". */
void sp_state_print(const struct sp_ev_state *state, struct sp_buf *out);

/*
 * The whole event but for its time and, where it is a call, its result: "client recv(10)",
 * "server ESTABLISHED -> CLOSE_WAIT", "lab cut", "client process 4711 killed by signal 9".
 * Nothing for segments and for marks that tell a reader nothing.
 */
void sp_event_print(const struct sp_event *event, struct sp_buf *out);

#endif
