/* Frames on a pipe, for both of its ends. Not for other rooms. */
#ifndef SP_AGENT_PROTOCOL_H
#define SP_AGENT_PROTOCOL_H

#include <stddef.h>

#include "agent.h"

enum { SP_FRAME_HEAD_BYTES = 4 };

/* Leaves room for a frame's length; what is appended until sp_frame_end is its body. */
size_t sp_frame_begin(struct sp_buf *out);
void sp_frame_end(struct sp_buf *out, size_t start);

/* The body of the first frame in a buffer, NULL where it has not all arrived; SP_E_PROTO for a
 * length that no frame has. The body stays valid until the buffer changes. */
enum sp_rc sp_frame_peek(const struct sp_buf *in, const uint8_t **body, size_t *len_bytes,
                         struct sp_err *err);

/* Takes that frame off. */
void sp_frame_drop(struct sp_buf *in, size_t len_bytes);

#endif
