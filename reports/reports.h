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
 * Draws part of a run's ladder behind what is in the buffer; false where there is none. Asked for
 * the first few runs that did not pass.
 */
typedef bool sp_report_draw(const struct sp_result *run, const struct sp_report_style *style,
                            void *context, struct sp_buf *out);
/* The same with those ladders in it. */
void sp_report_summary_drawn(const struct sp_results *results, const struct sp_report_style *style,
                             sp_report_draw *draw, void *context, struct sp_buf *out);

/*
 * The ladder of one run: calls, segments and states of both ends on one clock, statements beside
 * what matched them, expected beside seen at the divergence, which is marked. `before`: -1 for all
 * of it, with its heading; else an excerpt that begins so many rows before the divergence.
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
