#include <stdlib.h>

#include "deviations.h"
#include "html_in.h"
#include "json.h"

static void put_deviations(const struct sp_case *c, struct sp_buf *out)
{
    struct sp_deviations all;
    sp_case_deviations(c, &all);
    sp_html_key(out, "differs");
    sp_buf_addch(out, '[');
    for (size_t i = 0; i < all.len; i++) {
        const struct sp_deviation *d = &all.items[i];
        sp_buf_addstr(out, i ? ",{" : "{");
        sp_html_num(out, "at", d->at.line);
        sp_html_str(out, "line", d->line);
        sp_html_str(out, "stacks", d->stacks);
        sp_html_str(out, "expects", d->expects);
        sp_html_str(out, "why", d->why);
        if (d->kind != SP_SOURCE_NONE)
            sp_html_str(out, "kind", sp_source_kind_name(d->kind));
        sp_html_str(out, "source", d->source);
        sp_html_some(out, "block", d->block);
        sp_buf_addch(out, '}');
    }
    sp_buf_addch(out, ']');
    sp_deviations_release(&all);
}

void sp_html_case_json(const struct sp_case *c, struct sp_buf *out)
{
    char *text = sp_xcalloc(c->text_len + 1, 1);
    for (size_t i = 0; i < c->text_len; i++)
        text[i] = c->text[i] ? c->text[i] : ' ';
    sp_buf_addch(out, '{');
    sp_html_str(out, "id", c->id);
    sp_html_str(out, "hash", c->hash);
    sp_html_str(out, "title", c->title);
    sp_html_str(out, "why", c->why);
    sp_html_key(out, "spec");
    sp_json_strs(out, c->specs, c->spec_count);
    sp_html_str(out, "text", text);
    put_deviations(c, out);
    sp_buf_addch(out, '}');
    free(text);
}
