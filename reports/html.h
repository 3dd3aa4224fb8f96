/*
 * The report for people: results of one stack or several as one HTML page that needs no network.
 *
 * The page itself (html/page.html) is built from html/ui and embedded; this puts the data into it:
 * an index of everything, and the runs' ladders in chunks that the browser unpacks when one is
 * opened. Each is JSON, deflated and in base64 (docs/reports.md). The page has a size that it never
 * exceeds: where ladders or captures find no room, the page says so.
 */
#ifndef SP_REPORTS_HTML_H
#define SP_REPORTS_HTML_H

#include "reports.h"

struct sp_html;

/* Results under one name, and the way to their folder as a link from the page, NULL: none. */
struct sp_html_results {
    const struct sp_results *results;
    const char *folder_link;
};

enum { SP_HTML_MAX_BYTES = 19 * 1000 * 1000 };

/*
 * The results must outlive the page. max_bytes 0: SP_HTML_MAX_BYTES. The page tells when the
 * results were measured and not when it was made: of the same results it is always the same bytes.
 */
struct sp_html *sp_html_new(const struct sp_html_results *results, size_t count,
                            const char *version, size_t max_bytes);
void sp_html_free(struct sp_html *html);

/* A run brought back from the store: what was run, what was seen, and what the judge says of it. */
struct sp_html_run {
    size_t result, run; /* indexes into the results given, and into their runs */
    const struct sp_plan *plan;
    const struct sp_trace *trace;
    const struct sp_judgement *judgement;
};

/*
 * Adds a run's ladder and what its case says. Nothing of it is kept by reference. False where the
 * page has no more room: it stands in the matrix without a ladder then, as does a run that is never
 * added. To be called for the runs that matter most first.
 */
bool sp_html_add(struct sp_html *html, const struct sp_html_run *run);
/* Says of a run that it has no ladder, and why: the trace is not there, ... */
void sp_html_without(struct sp_html *html, size_t result, size_t run, const char *why);
/* A run's capture, to be downloaded from the page; false where there is no more room. */
bool sp_html_capture(struct sp_html *html, size_t result, size_t run, const void *data,
                     size_t len_bytes);

/* A row of the table of requirements; `holds` tells whether the word of a case's `spec` line names
 * it. */
struct sp_html_requirement {
    const char *id, *level, *section, *text;
    bool testable;
    const void *row; /* handed to `holds` */
};
typedef bool sp_html_holds(const void *row, const char *spec);

/* The whole page; requirements may be none. SP_E_LIMIT where it is larger than allowed. */
enum sp_rc sp_html_finish(struct sp_html *html, const struct sp_html_requirement *requirements,
                          size_t count, sp_html_holds *holds, struct sp_buf *out,
                          struct sp_err *err);

#endif
