/* What the files of the HTML report share. */
#ifndef SP_REPORTS_HTML_IN_H
#define SP_REPORTS_HTML_IN_H

#include "html.h"

/* The page that ui/ is built to, NUL-terminated: page.c, made from page.html by CMake. */
extern const unsigned char sp_html_page[];
extern const size_t sp_html_page_bytes;

/* Deflated (zlib's format, RFC 1950) and in base64, behind what is there. */
void sp_pack(const void *data, size_t len_bytes, struct sp_buf *out);

/* One run's object in a chunk: ends, lines, the ladder's rows with all that stands behind them. */
void sp_html_run_json(const struct sp_html_run *run, size_t pins, size_t plan, struct sp_buf *out);
/* The lines of its plan, which runs share: repetitions, labs and families. */
void sp_html_plan_json(const struct sp_html_run *run, struct sp_buf *out);

/* "[["net.ipv4.tcp_sack","1"],...]", which runs share. */
void sp_html_pins_json(const struct sp_trace_head *head, struct sp_buf *out);
/* What a case says of itself: title, why, sources, its text, who differs. */
void sp_html_case_json(const struct sp_case *c, struct sp_buf *out);

/* `"key":` with a comma where one is due: the compact form of sp_json_key. */
void sp_html_key(struct sp_buf *out, const char *key);
void sp_html_str(struct sp_buf *out, const char *key, const char *text);  /* "" and NULL: nothing */
void sp_html_num(struct sp_buf *out, const char *key, long long number);  /* always */
void sp_html_some(struct sp_buf *out, const char *key, long long number); /* 0: nothing */

#endif
