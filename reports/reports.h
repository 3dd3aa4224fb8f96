/*
 * Reports: a results folder -> something to read. Each reads the store and nothing else, and
 * writes into a buffer; who called decides where that goes.
 */
#ifndef SP_REPORTS_REPORTS_H
#define SP_REPORTS_REPORTS_H

#include <stdbool.h>

#include "store.h"

struct sp_report_style {
    bool color;
    bool unicode; /* box and arrow characters; plain ASCII otherwise */
    int width;    /* columns, 0: do not cut */
};

/* The summary after a run: failures with expected beside seen, totals by verdict, notes. */
void sp_report_summary(const struct sp_results *results, const struct sp_report_style *style,
                       struct sp_buf *out);

/*
 * The ladder of one run: calls, segments and states of both ends on one clock, statements beside
 * what matched them, expected beside seen at the divergence, which is marked. `before`: how many
 * rows before the divergence to begin with, -1: from the start.
 */
void sp_report_ladder(const struct sp_result *result, const struct sp_plan *plan,
                      const struct sp_trace *trace, const struct sp_judgement *judgement,
                      int before, const struct sp_report_style *style, struct sp_buf *out);

enum sp_rc sp_report_junit(const struct sp_results *results, struct sp_buf *out,
                           struct sp_err *err);
enum sp_rc sp_report_ktap(const struct sp_results *results, struct sp_buf *out, struct sp_err *err);
/* For a job summary: at most 60 KB, what was cut is said. */
enum sp_rc sp_report_markdown(const struct sp_results *results, struct sp_buf *out,
                              struct sp_err *err);

/* By name for --format: "text" "json" "junit" "ktap" "markdown"; NULL where there is none. */
struct sp_reporter {
    const char *name;
    const char *what; /* one line of help */
    enum sp_rc (*write)(const struct sp_results *results, struct sp_buf *out, struct sp_err *err);
};
const struct sp_reporter *sp_reporter_find(const char *name);
const struct sp_reporter *sp_reporters(size_t *count);

#endif
