/* What one judging of a trace collects, and what it settles on. Private to lib/judge. */
#ifndef SP_JUDGE_JUDGING_H
#define SP_JUDGE_JUDGING_H

#include "impl.h"

struct judging {
    const struct sp_plan *plan;
    const struct sp_trace *trace;
    const struct sp_trace *seen; /* the same with the addresses that were seen */
    struct sp_judgement *out;
    struct view view;
    struct walk walk;
    struct finding worst;             /* earliest so far; kind NONE: nothing */
    const struct sp_stmt *stopped_at; /* never begun */
    bool no_record;                   /* a call was begun and left no event */
    size_t judged;
    size_t unwatched;
};

/*
 * The verdict, its reason and its notes in `j->out`, once everything that speaks against the run is
 * collected. Of several reasons the first counts: broken, a witness that lost events, a failure, a
 * line that was never begun; what is left is a pass or a variant.
 */
void judging_settle(struct judging *j);

#endif
