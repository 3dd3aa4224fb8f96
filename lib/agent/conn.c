/* The runner's end of an agent: requests out, replies in, never waiting. */
#include <string.h>

#include "protocol.h"
#include "stack.h"

enum { READ_BYTES = 4096 };

/* Where this fails, the first read or write will say so. */
void sp_agent_conn_init(struct sp_agent_conn *conn, int in_fd, int out_fd)
{
    *conn = (struct sp_agent_conn){.in_fd = in_fd, .out_fd = out_fd};
    sp_buf_init(&conn->pending, 0);
    if (in_fd >= 0)
        (void)sp_stack_pipe_nonblock(in_fd, NULL);
    if (out_fd >= 0 && out_fd != in_fd)
        (void)sp_stack_pipe_nonblock(out_fd, NULL);
}

void sp_agent_conn_release(struct sp_agent_conn *conn)
{
    sp_stack_pipe_close(conn->in_fd);
    if (conn->out_fd != conn->in_fd)
        sp_stack_pipe_close(conn->out_fd);
    sp_buf_release(&conn->pending);
    conn->in_fd = conn->out_fd = -1;
    conn->ended = true;
}

enum sp_rc sp_agent_send(struct sp_agent_conn *conn, const struct sp_agent_request *request,
                         struct sp_err *err)
{
    struct sp_buf out;
    sp_buf_init(&out, SP_FRAME_HEAD_BYTES + SP_AGENT_FRAME_MAX);
    size_t start = sp_frame_begin(&out);
    enum sp_rc rc = sp_agent_request_encode(request, &out, err);
    if (rc != SP_OK)
        goto out;
    sp_frame_end(&out, start);
    rc = sp_stack_pipe_write(conn->out_fd, out.data, out.len, false, err);
out:
    sp_buf_release(&out);
    return rc;
}

/* Reads until a frame is whole or nothing more is there; at most one frame's worth beyond. */
static enum sp_rc fill(struct sp_agent_conn *conn, const uint8_t **body, size_t *len,
                       struct sp_err *err)
{
    for (;;) {
        char data[READ_BYTES];
        size_t got = 0;
        enum sp_rc rc = sp_frame_peek(&conn->pending, body, len, err);
        if (rc != SP_OK || *body || conn->ended)
            return rc;
        rc = sp_stack_pipe_read(conn->in_fd, data, sizeof data, &got, &conn->ended, err);
        if (rc != SP_OK) {
            conn->ended = true;
            return rc;
        }
        sp_buf_add(&conn->pending, data, got);
        conn->emptied = got < sizeof data;
        if (!got)
            return SP_OK;
    }
}

enum sp_rc sp_agent_recv(struct sp_agent_conn *conn, struct sp_agent_reply *reply, bool *got,
                         struct sp_err *err)
{
    const uint8_t *body = NULL;
    size_t len = 0;
    *got = false;
    enum sp_rc rc = fill(conn, &body, &len, err);
    if (rc == SP_OK && body) {
        rc = sp_agent_reply_decode(body, len, reply, err);
        sp_frame_drop(&conn->pending, len);
        *got = rc == SP_OK;
        return rc;
    }
    if (rc == SP_OK && conn->ended && conn->pending.len) {
        rc = sp_fail(err, SP_E_PROTO, "offset %zu of a frame: the agent's output ends inside it",
                     conn->pending.len);
        sp_buf_reset(&conn->pending);
    }
    return rc;
}

bool sp_agent_conn_more(const struct sp_agent_conn *conn)
{
    return conn->pending.len || !conn->emptied;
}
