/* The capture of Windows, beside witness.h: what the runner's loop and its fences need of it. */
#ifndef SP_WITNESS_WINDOWS_CAPTURE_H
#define SP_WITNESS_WINDOWS_CAPTURE_H

#include "witness.h"

/* Why nothing can be captured here; NULL: it can. */
const char *sp_capture_blind(const struct sp_capture *capture);
/* A Windows event that is signalled where frames have arrived; NULL: it must be asked. */
void *sp_capture_event(const struct sp_capture *capture);

/* Sends a datagram that the capture must see: a canary, or a fence behind all that was sent. */
enum sp_rc sp_capture_canary(struct sp_capture *capture, struct sp_err *err);
/* How many of them have been seen. */
unsigned sp_capture_canaries(const struct sp_capture *capture);

#endif
