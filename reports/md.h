/*
 * Markdown for job summaries (CommonMark with GitHub's tables and its <details>): text that cannot
 * become markup, and a page that never grows beyond its size.
 */
#ifndef SP_REPORTS_MD_H
#define SP_REPORTS_MD_H

#include "style.h"

/* Below what the usual hosts take (GitHub: 1 MiB a summary, 65,536 characters a comment). */
enum { SP_MD_BYTES = 60 * 1024 };

/* Text with every character escaped that Markdown could take for its own. */
void sp_md_text(struct sp_buf *out, const char *text);
/* A code span, whatever is in it; "nothing" in words where the text is empty. */
void sp_md_code(struct sp_buf *out, const char *text);

/*
 * A page of at most SP_MD_BYTES: items are written into `item` and go in whole or not at all.
 * What was left out is counted; sp_md_end says so.
 */
struct sp_md {
    struct sp_buf *out;
    struct sp_buf item;
    size_t begin; /* where the page begins in out */
    size_t cut;
    const char *close; /* what the open section still needs ("</details>"), NULL nothing */
};
void sp_md_begin(struct sp_md *md, struct sp_buf *out);
/* Puts the item in and empties it; false where there was no room. */
bool sp_md_put(struct sp_md *md);
/* The same for a heading, which is not counted among what was cut. */
bool sp_md_head(struct sp_md *md);
/* A collapsed section; its items follow until sp_md_close. */
bool sp_md_details(struct sp_md *md, const char *summary);
void sp_md_close(struct sp_md *md);
/* The last line where something was cut: "N ... were cut: ... `where`"; releases the item. */
void sp_md_end(struct sp_md *md, const char *what, const char *where);

/* "| verdict | runs |" and its rows: the verdicts that occurred. */
void sp_md_totals(struct sp_buf *out, const struct sp_results *results);

#endif
