/* result.json: a run's row and what became of each of its statements. */
#ifndef SP_STORE_RESULT_JSON_H
#define SP_STORE_RESULT_JSON_H

#include "store.h"

/*
 * schema "sockproof-result/1": the members of the row; `stmt`, `t_ns` and `event` (its order in
 * trace.json) of the divergence; `lines`: [{stmt, line, text, how, t_ns, matched: [orders],
 * variant: {line, why, source_kind, source}}]. plan and judgement may be NULL.
 */
void sp_result_json(const struct sp_result *result, const struct sp_plan *plan,
                    const struct sp_judgement *judgement, struct sp_buf *out);

#endif
