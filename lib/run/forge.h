/*
 * Segments made to order: what the script writes, and in all that it leaves open what a healthy end
 * would put there. For the scripted peer and for what the middle injects. Private to lib/run.
 */
#ifndef SP_RUN_FORGE_H
#define SP_RUN_FORGE_H

#include <stdbool.h>
#include <stdint.h>

#include "script.h"
#include "wire.h"

/* What an end has shown of itself on the wire. */
struct forge_end {
    uint32_t snd_nxt;      /* one beyond the highest number that it sent */
    uint32_t snd_una;      /* what was acknowledged of it */
    uint32_t rcv_nxt;      /* what it acknowledged last */
    uint32_t window_bytes; /* that it offered last, scaled */
};

/* What a healthy end in the sender's place would say now. */
struct forge {
    struct sp_addr src, dst;
    const uint8_t *ip_opt; /* of its IP header */
    size_t ip_opt_len;
    char salt;               /* of its payload's pattern */
    uint32_t isn, other_isn; /* its own, and the other end's */
    uint32_t seq, ack;       /* ack is 0 where nothing has come yet */
    uint16_t window;         /* as on the wire */
    uint16_t ip_id;
    bool ts; /* both SYNs had timestamps */
    uint32_t ts_val, ts_ecr;
    uint32_t labelled[2]; /* what the labels of seq= and ack= stand for */
    enum sp_who other;    /* who receives it */
    struct forge_end ends[SP_WHO_COUNT];
};

/* A number as it is written, from what is known; `usual` where nothing is, `labelled` where it is
 * counted from a line's. */
uint32_t forge_number(const struct forge *forge, const struct sp_peer_num *num, uint32_t isn,
                      uint32_t usual, uint32_t labelled);

/*
 * Fills in the segment. `payload` gets seg->payload_len bytes, to be freed by the caller (also
 * after an error). SP_E_LIMIT for options that do not fit.
 */
enum sp_rc forge_segment(const struct forge *forge, const struct sp_peer_seg *want,
                         struct sp_seg *seg, char **payload, struct sp_err *err);

/* Builds the frame of the segment that is asked for; seg gets what is in it. */
enum sp_rc forge_frame(const struct forge *forge, const struct sp_peer_seg *want,
                       const uint8_t src_mac[6], const uint8_t dst_mac[6], struct sp_seg *seg,
                       struct sp_buf *frame, struct sp_err *err);

/* The options that are written, or else the usual ones, in place of those that seg has. */
enum sp_rc forge_opts(const struct forge *forge, const struct sp_peer_seg *want, struct sp_seg *seg,
                      struct sp_err *err);

#endif
