/*
 * A pattern of the case language against one segment on its way, for whoever acts on the path.
 * The same code that the judge matches `wire` lines with.
 */
#ifndef SP_JUDGE_SEG_PATTERN_H
#define SP_JUDGE_SEG_PATTERN_H

#include <stdbool.h>
#include <stdint.h>

#include "script.h"
#include "wire.h"

/*
 * isn: the sender's initial sequence number, peer_isn: the other end's (0 where not seen yet).
 * What only the whole connection tells (`again`, `probe`, `window-probe`) never fits here.
 */
bool sp_seg_fits(const struct sp_pattern *pattern, const struct sp_seg *seg, uint32_t isn,
                 uint32_t peer_isn);

#endif
