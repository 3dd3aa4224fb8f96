#include "seg_pattern.h"

#include "impl.h"

bool sp_seg_fits(const struct sp_pattern *pattern, const struct sp_seg *seg, uint32_t isn,
                 uint32_t peer_isn)
{
    struct sp_event event = {.kind = SP_EV_SEG};
    event.u.seg.seg = *seg;
    struct sp_flight flight = {
        .sent = &event, .rel_seq = seg->seq - isn, .rel_ack = seg->ack - peer_isn};
    struct item item = {.flight = &flight, .ev = &event};
    char diff[SAY_MAX];
    return pattern_fit(pattern, &item, diff, sizeof diff) == FIT_YES;
}
