/*
 * Private to the path:
 *
 *   path.c       frames from one link to the other, and the rules that stand in between
 *   path_talk.c  what each connection's ends have shown of themselves on the way
 *   path_alter.c frames changed: a bit turned, fields rewritten
 */
#ifndef SP_RUN_PATH_IN_H
#define SP_RUN_PATH_IN_H

#include "forge.h"
#include "path.h"

/* Directions are named by the end that sends. */
enum path_dir { FROM_CLIENT, FROM_SERVER, DIRS };

/* What an end of a connection has shown of itself. */
struct path_end {
    bool isn_known;
    uint32_t isn, snd_nxt;
    bool acks; /* it has acknowledged something: rcv_nxt holds */
    uint32_t rcv_nxt;
    uint16_t window;
    bool wscale_sent, ts_sent;
    uint8_t wscale;
    uint32_t ts_val;
};

/* A connection; the addresses and ends are indexed by direction. */
struct path_talk {
    struct sp_addr addr[DIRS];
    struct path_end end[DIRS];
};

enum { TALKS_MAX = 32 };

/* The newest last. */
struct path_talks {
    struct path_talk items[TALKS_MAX];
    unsigned len;
};

/* The connection of a segment that goes in that direction; NULL: none of it was seen. */
const struct path_talk *path_talk_of(const struct path_talks *talks, enum path_dir dir,
                                     const struct sp_seg *seg);
/* The newest connection that has these addresses at its ends; an address without a family is any.
 */
const struct path_talk *path_talk_newest(const struct path_talks *talks, enum path_dir dir,
                                         const struct sp_addr *own, const struct sp_addr *other);
void path_talk_learn(struct path_talks *talks, enum path_dir dir, const struct sp_seg *seg);
/* Whether the segment, not learnt yet, fits, with what only the connection tells. */
bool path_talk_fits(const struct path_talks *talks, enum path_dir dir,
                    const struct sp_pattern *pattern, const struct sp_seg *seg);
/* What the sending end of the connection would say now. */
struct forge path_talk_forge(const struct path_talk *talk, enum path_dir dir);

/* Turns one bit, so that a checksum does not fit any more. */
void path_corrupt(uint8_t *frame, size_t len, enum sp_middle_part part);
/* The frame with its fields changed and its checksums mended, as a frame of its own. */
enum sp_rc path_rewrite(const struct sp_middle *change, const struct path_talk *talk,
                        enum path_dir dir, const uint8_t *frame, size_t len, struct sp_buf *out,
                        struct sp_err *err);

#endif
