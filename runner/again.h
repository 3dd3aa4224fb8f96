/*
 * A stored run brought back: its case, plan and trace, judged again.
 */
#ifndef SP_RUNNER_AGAIN_H
#define SP_RUNNER_AGAIN_H

#include "store.h"

struct again {
    struct sp_case case_;
    struct sp_plan plan;
    struct sp_trace trace;
    struct sp_judgement judgement;
    struct sp_diags diags;
    bool judged;
};

/*
 * Reads the run's trace and case (the stored copy, or the one of `cases_dir` where given) and
 * judges it, as the stacks of `os` where that is given. again_release() in any case.
 */
enum sp_rc again_judge(const char *dir, const struct sp_result *result, const char *cases_dir,
                       const char *os, struct again *out, struct sp_err *err);
void again_release(struct again *again);

#endif
