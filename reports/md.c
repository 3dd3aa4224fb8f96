#include "md.h"

#include <string.h>

enum { END_BYTES = 512 }; /* for what closes the page */

void sp_md_text(struct sp_buf *out, const char *text)
{
    static const char special[] = "\\`*_{}[]()#+-.!|~@:/";
    struct sp_arena arena;
    sp_arena_init(&arena);
    for (const char *at = sp_clean(&arena, text, true); *at; at++) {
        if (*at == '<')
            sp_buf_addstr(out, "&lt;");
        else if (*at == '>')
            sp_buf_addstr(out, "&gt;");
        else if (*at == '&')
            sp_buf_addstr(out, "&amp;");
        else {
            /* a dot, a dash or a slash between letters is prose */
            bool prose = strchr("-.:/()", *at) && at[1] != '/' && at[1] != '-';
            if (strchr(special, *at) && !prose)
                sp_buf_addch(out, '\\');
            sp_buf_addch(out, *at);
        }
    }
    sp_arena_release(&arena);
}

/* The longest run of back quotes in the text. */
static size_t longest_run(const char *text)
{
    size_t longest = 0;
    for (; *text; text++) {
        size_t run = strspn(text, "`");
        longest = run > longest ? run : longest;
        text += run ? run - 1 : 0;
    }
    return longest;
}

void sp_md_code(struct sp_buf *out, const char *text)
{
    struct sp_arena arena;
    sp_arena_init(&arena);
    text = sp_clean(&arena, text, true);
    if (!*text) {
        sp_buf_addstr(out, "nothing");
    } else {
        size_t fence = longest_run(text) + 1;
        const char *pad = fence > 1 ? " " : "";
        for (size_t i = 0; i < fence; i++)
            sp_buf_addch(out, '`');
        sp_buf_addf(out, "%s%s%s", pad, text, pad);
        for (size_t i = 0; i < fence; i++)
            sp_buf_addch(out, '`');
    }
    sp_arena_release(&arena);
}

/* ---- the page -------------------------------------------------------------------------------- */

void sp_md_begin(struct sp_md *md, struct sp_buf *out)
{
    *md = (struct sp_md){.out = out, .begin = out->len};
    sp_buf_init(&md->item, 0);
}

static bool put(struct sp_md *md, size_t *counted)
{
    size_t closing = END_BYTES + (md->close ? strlen(md->close) : 0);
    bool fits = md->out->len - md->begin + md->item.len + closing <= SP_MD_BYTES;
    if (fits && md->item.len)
        sp_buf_add(md->out, md->item.data, md->item.len);
    else if (!fits && counted)
        ++*counted;
    sp_buf_reset(&md->item);
    return fits;
}

bool sp_md_put(struct sp_md *md)
{
    return put(md, &md->cut);
}

bool sp_md_head(struct sp_md *md)
{
    return put(md, NULL);
}

bool sp_md_details(struct sp_md *md, const char *summary)
{
    sp_buf_addstr(&md->item, "<details><summary>");
    sp_md_text(&md->item, summary);
    sp_buf_addstr(&md->item, "</summary>\n\n");
    md->close = "\n</details>\n\n";
    bool fits = sp_md_head(md);
    if (!fits)
        md->close = NULL;
    return fits;
}

void sp_md_close(struct sp_md *md)
{
    if (md->close)
        sp_buf_addstr(md->out, md->close);
    md->close = NULL;
}

void sp_md_end(struct sp_md *md, const char *what, const char *where)
{
    sp_md_close(md);
    if (md->cut) {
        char first[200];
        size_t len = strlen(where) < sizeof first - 1 ? strlen(where) : sizeof first - 1;
        memcpy(first, where, len);
        first[len] = '\0';
        sp_buf_addf(md->out,
                    "\n%zu %s were cut to keep this page below %d KB; all of them: ", md->cut, what,
                    SP_MD_BYTES / 1024);
        sp_md_code(md->out, first);
        sp_buf_addch(md->out, '\n');
    }
    sp_buf_release(&md->item);
}

void sp_md_totals(struct sp_buf *out, const struct sp_results *results)
{
    size_t totals[SP_VERDICT_COUNT];
    sp_results_count(results, totals);
    sp_buf_addstr(out, "| verdict | runs |\n| --- | ---: |\n");
    for (int verdict = SP_VERDICT_COUNT; verdict-- > 0;)
        if (totals[verdict])
            sp_buf_addf(out, "| %s | %zu |\n", sp_verdict_name((enum sp_verdict)verdict),
                        totals[verdict]);
    sp_buf_addf(out, "| **all** | **%zu** |\n\n", results->run_count);
}
