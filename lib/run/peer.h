/*
 * The scripted peer: an end of the link with no kernel behind it. It has a packet socket in a
 * place whose kernel has no address, sends what the script says, and keeps count of what it and
 * the real end have sent, so that a script writes down only what is unusual. Private to lib/run.
 */
#ifndef SP_RUN_PEER_H
#define SP_RUN_PEER_H

#include <stdbool.h>
#include <stdint.h>

#include "lab.h"
#include "script.h"
#include "trace.h"

struct peer;

/* `place`: where it stands. Addresses without ports. */
enum sp_rc peer_new(const struct sp_lab *lab, enum sp_place place, const struct sp_addr *own,
                    const struct sp_addr *other, struct peer **out, struct sp_err *err);
void peer_free(struct peer *peer);
int peer_fd(const struct peer *peer);
/* Where it can be reached: the port that `connect peer` means. */
uint16_t peer_port(const struct peer *peer);

/* Takes what has come in; answers where it was told to. */
enum sp_rc peer_run(struct peer *peer, int64_t now_ns, struct sp_err *err);

/* sp_tcp_identity() of the segment that came last from the real end; 0: none has. */
uint64_t peer_heard(const struct peer *peer);

/* Of a segment: where it goes and what it says of its way. */
struct peer_way {
    struct sp_addr from;  /* of a connection of its own; family 0: where the one before came from */
    struct sp_addr to;    /* port 0: where the one before it went, else `listener`. Another address
                             than the real end's is this segment's alone */
    struct sp_addr src;   /* family 0: the peer's own; another one is this segment's alone */
    uint32_t labelled[2]; /* what the labels of seq= and ack= stand for */
    uint8_t ip_opt[40];
    size_t ip_opt_len;
};

/*
 * One statement. What it sent is printed to `detail`. The statement must outlive the peer.
 */
enum sp_rc peer_act(struct peer *peer, const struct sp_stmt *stmt, const struct peer_way *way,
                    uint16_t listener, int64_t now_ns, struct sp_buf *detail, struct sp_err *err);

#endif
