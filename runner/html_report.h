/*
 * Results folders -> the HTML report, with every run judged again for its ladder.
 */
#ifndef SP_RUNNER_HTML_REPORT_H
#define SP_RUNNER_HTML_REPORT_H

#include "reports.h"

struct html_report_options {
    const char *to; /* the file that the page will be, for links to captures; NULL: none */
    const char *requirements; /* the table; NULL: where it usually is */
    size_t max_bytes;         /* 0: the usual */
};

/* The page, appended to out. What cannot be read of a run is said in the page. */
enum sp_rc html_report(const struct sp_results *const *results, size_t count,
                       const struct html_report_options *o, struct sp_buf *out, struct sp_err *err);

#endif
