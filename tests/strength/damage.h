/* Private to the kinds of damage: the copy that they change, and what is done to segments. */
#ifndef SP_TESTS_STRENGTH_DAMAGE_H
#define SP_TESTS_STRENGTH_DAMAGE_H

#include "strength.h"

/* Of an event of the whole trace; NULL of NULL. */
struct sp_event *copy_of(struct bench *bench, const struct sp_event *ev);
struct sp_event *copy_add(struct bench *bench, const struct sp_event *like, int64_t t_ns);
void copy_drop(struct bench *bench, const struct sp_event *ev);

/* `by` of a stray: its flags, and these. */
enum { STRAY_AFTER_END = 0x100, STRAY_DATA = 0x200 };

bool damage_seg_lost(struct bench *bench, size_t at, int64_t by);
bool damage_seg_not_arrived(struct bench *bench, size_t at, int64_t by);
bool damage_seg_twice(struct bench *bench, size_t at, int64_t by);
bool damage_seg_flag(struct bench *bench, size_t at, int64_t by);
bool damage_seg_seq(struct bench *bench, size_t at, int64_t by);
bool damage_seg_ack(struct bench *bench, size_t at, int64_t by);
bool damage_seg_length(struct bench *bench, size_t at, int64_t by);
bool damage_seg_payload(struct bench *bench, size_t at, int64_t by);
bool damage_seg_window(struct bench *bench, size_t at, int64_t by);
bool damage_seg_hops(struct bench *bench, size_t at, int64_t by);
bool damage_seg_checksum(struct bench *bench, size_t at, int64_t by);
bool damage_seg_stamp(struct bench *bench, size_t at, int64_t by);
bool damage_seg_ecn(struct bench *bench, size_t at, int64_t by);
bool damage_seg_echo(struct bench *bench, size_t at, int64_t by);
bool damage_seg_unstamped(struct bench *bench, size_t at, int64_t by);
bool damage_stray(struct bench *bench, size_t at, int64_t by);

/* The copy's records of a segment: one, or one for each side that captured it. */
unsigned records(struct bench *bench, size_t at, struct sp_event *out[2]);

bool damage_seg_before(struct bench *bench, size_t at, int64_t by);
bool damage_seg_swapped(struct bench *bench, size_t at, int64_t by);
bool damage_seg_source(struct bench *bench, size_t at, int64_t by);
bool damage_seg_class(struct bench *bench, size_t at, int64_t by);
bool damage_isn_again(struct bench *bench, size_t at, int64_t by);
bool damage_call_sibling(struct bench *bench, size_t at, int64_t by);
bool damage_call_address(struct bench *bench, size_t at, int64_t by);
bool damage_state_skipped(struct bench *bench, size_t at, int64_t by);

bool damage_seg_pointer(struct bench *bench, size_t at, int64_t by);
bool damage_seg_shrunk(struct bench *bench, size_t at, int64_t by);
bool damage_seg_scale(struct bench *bench, size_t at, int64_t by);
bool damage_state_socket(struct bench *bench, size_t at, int64_t by);

#endif
