/* run.json in pieces: a store keeps the rows as bytes, and writes again only what is behind. */
#ifndef SP_STORE_RUN_JSON_H
#define SP_STORE_RUN_JSON_H

#include "store.h"

enum { SP_RUN_JSON_MAX_BYTES = 256 * 1024 * 1024 };

/* From the first byte to the opening bracket of `runs`: what stays the same while runs go on. */
void sp_run_json_head(const struct sp_run_head *head, struct sp_buf *out);
/* One row with what separates it from the one before. */
void sp_run_json_row(const struct sp_result *result, bool first, struct sp_buf *out);
/* From behind the last row to the end: what each run changes. */
void sp_run_json_foot(const struct sp_run_head *head, const size_t totals[SP_VERDICT_COUNT],
                      struct sp_buf *out);

#endif
