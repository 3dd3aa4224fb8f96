/* What the reports for people share: clean text, columns, colour. */
#ifndef SP_REPORTS_STYLE_H
#define SP_REPORTS_STYLE_H

#include "reports.h"

enum sp_paint { SP_PAINT_DIM, SP_PAINT_BOLD, SP_PAINT_RED, SP_PAINT_GREEN, SP_PAINT_YELLOW };

/* The text in a colour, where the style has colours: never the only thing that tells. */
void sp_paint(struct sp_buf *out, const struct sp_report_style *style, enum sp_paint paint,
              const char *text);
enum sp_paint sp_verdict_paint(enum sp_verdict verdict);

/*
 * What may go to a terminal: valid UTF-8 without control characters (a stack's words must not
 * move the cursor), or ASCII where it is asked for. White space becomes one space. NULL is "".
 */
const char *sp_clean(struct sp_arena *arena, const char *text, bool unicode);

/* Columns that cleaned text takes: one a character. */
size_t sp_columns(const char *text);
/* Bytes of cleaned text that fit into that many columns, broken behind a space, a
 * comma or a bracket if that leaves at least half of them filled; all of them where it fits. */
size_t sp_fit(const char *text, size_t columns);
void sp_spaces(struct sp_buf *out, size_t count);

/* Cleaned text after a prefix, wrapped to `width` columns (0: never), further lines indented by as
 * much as the prefix is wide; ends the line. */
void sp_wrap(struct sp_buf *out, const char *prefix, const char *text, size_t width);

/* "linger/zero-resets@veth@ipv4", "#2" behind it for a repeat. */
void sp_run_name(const struct sp_result *result, struct sp_buf *out);
/* One sentence on a run whose place, expected and seen are shown beside it: its reason, or its
 * title where the reason only repeats those; never NULL. */
const char *sp_run_says(const struct sp_result *run);
/* The topic of a row, from its id where it does not say; length in *len. */
const char *sp_topic_of(const struct sp_result *result, size_t *len);
/* Results by topic, in order of first appearance: indexes into results->runs. */
struct sp_topic {
    const char *name;
    size_t *runs;
    size_t count;
};
struct sp_topic *sp_topics(const struct sp_results *results, struct sp_arena *arena, size_t *count);

#endif
