#include "ladder.h"

#include <string.h>

enum {
    WIDTH_DEFAULT = 100,
    WIDTH_MIN = 60,
    TIME_COLUMNS = 10,
    SIDE_MIN = 12,        /* the longest state's name */
    NOT_REACHED_MAX = 12, /* lines listed under the ladder */
    AFTER = 3,            /* rows behind the divergence in an excerpt */
};

/* Characters that lines are drawn with. */
struct pens {
    const char *rail, *line, *dots, *to_right, *to_left, *lost, *ok, *bad, *cut, *box, *through;
};
static const struct pens pens_unicode = {
    .rail = "\xe2\x94\x82",     /* │ */
    .line = "\xe2\x94\x80",     /* ─ */
    .dots = "\xe2\x94\x84",     /* ┄ */
    .to_right = "\xe2\x96\xb6", /* ▶ */
    .to_left = "\xe2\x97\x80",  /* ◀ */
    .lost = "\xe2\x9c\x97",     /* ✗ */
    .ok = "\xe2\x9c\x93",       /* ✓ */
    .bad = "\xe2\x9c\x97",      /* ✗ */
    .cut = "\xe2\x80\xa6",      /* … */
    .box = "\xe2\x94\x8a",      /* ┊ */
    .through = "\xe2\x94\xbc",  /* ┼ */
};
static const struct pens pens_ascii = {.rail = "|",
                                       .line = "-",
                                       .dots = ".",
                                       .to_right = ">",
                                       .to_left = "<",
                                       .lost = "x",
                                       .ok = "ok",
                                       .bad = "BAD",
                                       .cut = "~",
                                       .box = ":",
                                       .through = "+"};

struct page {
    const struct sp_result *result;
    const struct sp_plan *plan;
    const struct sp_trace *trace;
    const struct sp_judgement *judgement;
    const struct sp_report_style *style;
    const struct pens *pens;
    struct sp_arena arena;
    struct sp_buf *out;
    size_t width;
    bool cuts; /* whether width is a limit; otherwise only a layout */
    size_t side, wire, mark;
    size_t box; /* the column of the wire where the box stands, 0: there is none */
};

static void lay_out(struct page *page)
{
    size_t asked = page->style->width > 0 ? (size_t)page->style->width : WIDTH_DEFAULT;
    page->cuts = page->style->width > 0;
    page->width = asked < WIDTH_MIN ? WIDTH_MIN : asked;
    page->mark = page->width >= 90 ? 13 : 8;
    /* time, two spaces, left, space, rail, wire, rail, space, right, mark */
    size_t rest = page->width - TIME_COLUMNS - 6 - page->mark;
    page->side = rest * 27 / 100;
    if (page->side < SIDE_MIN)
        page->side = SIDE_MIN;
    page->wire = rest - 2 * page->side;
    page->box = sp_rows_routed(page->trace) ? page->wire / 2 : 0;
}

static const char *clean(struct page *page, const char *text)
{
    return sp_clean(&page->arena, text, page->style->unicode);
}

static void repeat(struct sp_buf *out, const char *text, size_t count)
{
    while (count--)
        sp_buf_addstr(out, text);
}

/* ---- one row --------------------------------------------------------------------------------- */

/* The parts of a line, each with its own text; NULL is blank. */
struct line {
    const char *time, *left, *wire, *right, *mark;
    bool good, bad;
};

static const char *padded(struct page *page, const char *text, size_t columns)
{
    struct sp_buf cell;
    sp_buf_init(&cell, 0);
    size_t used = sp_columns(text);
    sp_buf_addstr(&cell, text);
    sp_spaces(&cell, used < columns ? columns - used : 0);
    const char *copy = sp_arena_strdup(&page->arena, cell.data ? cell.data : "");
    sp_buf_release(&cell);
    return copy;
}

static void end_line(struct page *page)
{
    struct sp_buf *out = page->out;
    while (out->len && out->data[out->len - 1] == ' ')
        out->data[--out->len] = '\0';
    sp_buf_addch(out, '\n');
}

static void put_mark(struct page *page, const struct line *line)
{
    if (!line->mark)
        return;
    if (line->bad)
        sp_paint(page->out, page->style, SP_PAINT_RED, line->mark);
    else if (line->good)
        sp_paint(page->out, page->style, SP_PAINT_GREEN, line->mark);
    else
        sp_buf_addstr(page->out, line->mark);
}

/* The box between the ends, drawn where a line of the wire leaves room for it. */
static const char *with_box(struct page *page, const char *wire)
{
    const char *at = wire;
    if (!page->box)
        return wire;
    for (size_t column = 0; column < page->box && *at; column++)
        do
            at++;
        while (((unsigned char)*at & 0xC0) == 0x80);
    const char *const free[] = {" ", page->pens->dots, page->pens->line};
    for (size_t i = 0; i < sizeof free / sizeof free[0]; i++) {
        size_t len = strlen(free[i]);
        bool blank = strncmp(at, free[i], len) == 0;
        if (blank && (i > 0 || at == wire || (at[-1] == ' ' && at[1] == ' ')))
            return sp_arena_printf(&page->arena, "%.*s%s%s", (int)(at - wire), wire,
                                   i == 2 ? page->pens->through : page->pens->box, at + len);
    }
    return wire;
}

static void put_line(struct page *page, const struct line *line)
{
    struct sp_buf *out = page->out;
    const char *time = line->time ? line->time : "";
    size_t used = sp_columns(time);
    sp_spaces(out, used < TIME_COLUMNS ? TIME_COLUMNS - used : 0);
    if (*time)
        sp_paint(out, page->style, SP_PAINT_DIM, time);
    sp_buf_addf(out, "  %s %s", padded(page, line->left ? line->left : "", page->side),
                page->pens->rail);
    sp_buf_addf(out, "%s%s ",
                with_box(page, padded(page, line->wire ? line->wire : "", page->wire)),
                page->pens->rail);
    sp_buf_addstr(out, padded(page, line->right ? line->right : "", page->side));
    put_mark(page, line);
    end_line(page);
}

/* Cuts cleaned text to a number of columns, saying so. */
static const char *cut(struct page *page, const char *text, size_t columns)
{
    if (!page->cuts || sp_columns(text) <= columns)
        return text;
    size_t bytes = 0;
    for (size_t used = 0; used + 1 < columns; used++)
        do
            bytes++;
        while (((unsigned char)text[bytes] & 0xC0) == 0x80);
    return sp_arena_printf(&page->arena, "%.*s%s", (int)bytes, text, page->pens->cut);
}

/* Text in one column, wrapped over as many lines as it takes; time and mark on the first. */
static void put_cell(struct page *page, struct line line, enum row_where where, const char *text)
{
    size_t columns = where == ROW_ARROW ? page->wire - 2 : page->side;
    for (bool first = true; first || *text; first = false) {
        size_t fits = sp_fit(text, columns);
        const char *part = sp_arena_strndup(&page->arena, text, fits);
        if (where == ROW_LEFT)
            line.left = part;
        else if (where == ROW_RIGHT)
            line.right = part;
        else
            line.wire = sp_arena_printf(&page->arena, "  %s", part);
        put_line(page, &line);
        line = (struct line){0};
        text += fits;
        while (*text == ' ')
            text++;
    }
}

/* `─── label ──▶` in exactly the wire's columns. */
static const char *arrow_text(struct page *page, const struct row *row, const char *label)
{
    const struct pens *pens = page->pens;
    struct sp_buf text;
    size_t used = *label ? sp_columns(label) + 3 : 1; /* two spaces and the head */
    size_t lines = used < page->wire ? page->wire - used : 0;
    size_t near = lines > 6 ? 4 : lines - lines / 2; /* at the sender */
    size_t far = lines - near;
    bool leaves = row->arrow == ARROW_LEAVES, lost = row->arrow == ARROW_LOST;
    const char *near_pen = row->arrow == ARROW_ARRIVES ? pens->dots : pens->line;
    const char *far_pen = leaves ? pens->dots : pens->line;
    const char *head = lost            ? pens->lost
                       : leaves        ? pens->dots
                       : row->to_right ? pens->to_right
                                       : pens->to_left;
    size_t beyond = 0; /* what a lost segment does not cover */
    if (lost) {
        size_t to_box = page->wire - page->box > used ? page->wire - page->box - used : 2;
        size_t keep = page->box && to_box < far ? to_box : 2;
        beyond = far > keep ? far - keep : 0;
        far -= beyond;
    }
    sp_buf_init(&text, 0);
    if (row->to_right) {
        repeat(&text, near_pen, near);
        sp_buf_addf(&text, *label ? " %s " : "%s", label);
        repeat(&text, far_pen, far);
        sp_buf_addstr(&text, head);
        sp_spaces(&text, beyond);
    } else {
        sp_spaces(&text, beyond);
        sp_buf_addstr(&text, head);
        repeat(&text, far_pen, far);
        sp_buf_addf(&text, *label ? " %s " : "%s", label);
        repeat(&text, near_pen, near);
    }
    const char *copy = sp_arena_strdup(&page->arena, text.data);
    sp_buf_release(&text);
    return copy;
}

static void put_arrow(struct page *page, struct line line, const struct row *row)
{
    const char *lost = row->arrow == ARROW_LOST ? " lost" : "";
    size_t room = page->wire - 5 - strlen(lost); /* a dash at each end beside head and spaces */
    const char *label = NULL;
    unsigned pick = 0;
    for (unsigned i = 0; i < sizeof row->texts / sizeof *row->texts && row->texts[i]; i++) {
        label = row->texts[i];
        pick = i;
        if (sp_columns(label) <= room)
            break;
    }
    /* The leanest form is still too wide: it goes over the arrow, whole. */
    if (sp_columns(label) > room) {
        put_cell(page, line, ROW_ARROW, label);
        line = (struct line){0};
        label = row->arrow == ARROW_LOST ? "lost" : "";
    } else {
        label = sp_arena_printf(&page->arena, "%s%s", label, lost);
    }
    line.wire = arrow_text(page, row, label);
    put_line(page, &line);
    if (pick > 0 && row->below)
        put_cell(page, (struct line){0}, ROW_ARROW, row->below);
}

static void put_across(struct page *page, struct line line, const char *text)
{
    size_t room = page->width - TIME_COLUMNS - 2 - page->mark - 1;
    struct sp_buf *out = page->out;
    const char *shown = cut(page, text, room - 6);
    size_t used = sp_columns(shown) + 4;
    const char *time = line.time ? line.time : "";
    size_t time_used = sp_columns(time);
    sp_spaces(out, time_used < TIME_COLUMNS ? TIME_COLUMNS - time_used : 0);
    if (*time)
        sp_paint(out, page->style, SP_PAINT_DIM, time);
    sp_buf_addstr(out, "  ");
    repeat(out, page->pens->line, 2);
    sp_buf_addf(out, " %s ", shown);
    repeat(out, page->pens->line, used < room ? room - used : 0);
    sp_buf_addch(out, ' ');
    put_mark(page, &line);
    end_line(page);
}

/* ":14 ✓": the case line that asked for this row, and what became of it. */
static void mark_of(struct page *page, const struct row *row, struct line *line)
{
    const struct sp_judgement *judgement = page->judgement;
    const struct sp_stmt *stmt =
        row->stmt && page->plan ? sp_plan_stmt(page->plan, row->stmt) : NULL;
    bool at_fault = row->event && row->event == judgement->event;
    enum sp_line_how how =
        row->stmt < judgement->line_count ? judgement->lines[row->stmt].how : SP_LINE_NOT_REACHED;
    const char *word = "";
    if (at_fault && !stmt && judgement->stmt && page->plan)
        stmt = sp_plan_stmt(page->plan, judgement->stmt);
    if (at_fault || (stmt && how == SP_LINE_FAILED)) {
        word = page->pens->bad;
        line->bad = true;
    } else if (stmt && how == SP_LINE_DONE) {
        word = page->pens->ok;
        line->good = true;
    } else if (stmt && how != SP_LINE_NOT_REACHED) {
        word = sp_line_how_name(how);
        line->good = how == SP_LINE_VARIANT;
    }
    if (!stmt && !*word)
        return;
    const char *mark = stmt ? sp_arena_printf(&page->arena, " :%d %s", stmt->at.line, word)
                            : sp_arena_printf(&page->arena, " %s", word);
    line->mark = cut(page, mark, page->mark);
}

static void put_row(struct page *page, const struct row *row)
{
    struct line line = {.time = sp_arena_printf(&page->arena, "%lld.%03d",
                                                (long long)(row->t_ns / 1000000),
                                                (int)(row->t_ns % 1000000 / 1000))};
    mark_of(page, row, &line);
    if (row->where == ROW_ARROW)
        put_arrow(page, line, row);
    else if (row->where == ROW_ACROSS)
        put_across(page, line, row->texts[0]);
    else
        put_cell(page, line, row->where, row->texts[0]);
}

/* ---- around the rows ------------------------------------------------------------------------- */

static void put_heading(struct page *page)
{
    struct sp_buf name;
    const struct sp_result *result = page->result;
    sp_buf_init(&name, 0);
    sp_run_name(result, &name);
    sp_paint(page->out, page->style, SP_PAINT_BOLD, clean(page, name.data));
    sp_buf_release(&name);
    sp_buf_addstr(page->out, ": ");
    sp_paint(page->out, page->style, sp_verdict_paint(page->judgement->verdict),
             sp_verdict_name(page->judgement->verdict));
    sp_buf_addf(page->out, " in %.1f ms\n", result->duration_ms);
    size_t width = page->cuts ? page->width : 0;
    if (result->title && *result->title)
        sp_wrap(page->out, "", clean(page, result->title), width);
    if (page->judgement->reason && page->judgement->verdict != SP_VERDICT_PASS &&
        page->judgement->kind == SP_FAIL_NONE)
        sp_wrap(page->out, "", clean(page, page->judgement->reason), width);
}

/* "linux 6.18.44", "wine 8.0 over linux 6.18.44" */
static const char *stack_of(struct page *page, bool right)
{
    enum sp_end end = sp_rows_end_at(page->trace, right);
    const struct sp_stack_id *api = &page->trace->head.api[end], *tcp = &page->trace->head.tcp[end];
    struct sp_buf text;
    sp_buf_init(&text, 0);
    sp_buf_addf(&text, "%s%s%s", api->name ? api->name : "", api->version ? " " : "",
                api->version ? api->version : "");
    if (tcp->name && (!api->name || strcmp(tcp->name, api->name) != 0))
        sp_buf_addf(&text, "%s%s%s%s", text.len ? " over " : "", tcp->name, tcp->version ? " " : "",
                    tcp->version ? tcp->version : "");
    const char *copy = clean(page, text.data);
    sp_buf_release(&text);
    return copy;
}

static const char *end_name(struct page *page, bool right)
{
    return sp_end_name(sp_rows_end_at(page->trace, right));
}

static void put_stacks(struct page *page)
{
    const char *left = stack_of(page, false), *right = stack_of(page, true);
    if (!*left && !*right)
        return;
    if (strcmp(left, right) == 0)
        sp_buf_addf(page->out, "%s and %s: %s\n", end_name(page, false), end_name(page, true),
                    left);
    else
        sp_buf_addf(page->out, "%s: %s, %s: %s\n", end_name(page, false), *left ? left : "-",
                    end_name(page, true), *right ? right : "-");
}

/* What stands between the ends, and how the server's side calls what the client calls otherwise. */
static void put_box(struct page *page)
{
    const struct sp_trace_head *head = &page->trace->head;
    const struct sp_flights *flights = &page->judgement->audit.flights;
    const char *name = head->api[SP_END_MIDDLE].name, *class_ = head->tcp[SP_END_MIDDLE].name;
    if (!name || !class_)
        return;
    bool same = strcmp(name, class_) == 0;
    sp_buf_addf(page->out, "box: %s%s%s%s\n", clean(page, name), same ? "" : " (",
                same ? "" : class_, same ? "" : ")");
    for (size_t i = 0; i < flights->len; i++) {
        const struct sp_flight *flight = &flights->items[i];
        if (!flight->sent || !flight->received || flight->from != SP_END_CLIENT)
            continue;
        const struct sp_seg *left = &flight->sent->u.seg.seg, *came = &flight->received->u.seg.seg;
        char inner[SP_ADDR_TEXT], outer[SP_ADDR_TEXT];
        if (!(left->flags & SP_SYN) || sp_addr_same(&left->src, &came->src))
            continue;
        sp_addr_print(&left->src, inner, sizeof inner);
        sp_addr_print(&came->src, outer, sizeof outer);
        sp_buf_addf(page->out, "     client's %s is %s at the server\n", inner, outer);
    }
}

static void put_columns(struct page *page)
{
    struct line line = {.time = "ms", .left = end_name(page, false), .right = end_name(page, true)};
    size_t rail = page->wire > 4 ? (page->wire - 4) / 2 : 0;
    line.wire = sp_arena_printf(&page->arena, "%*s%s", (int)rail, "", "wire");
    line.mark = " line";
    put_line(page, &line);
}

static void put_divergence_field(struct page *page, const char *label, const char *text)
{
    struct sp_buf prefix;
    if (!text || !*text)
        return;
    sp_buf_init(&prefix, 0);
    sp_buf_addf(&prefix, ">>> %-10s", label);
    sp_wrap(page->out, prefix.data, clean(page, text), page->cuts ? page->width : 0);
    sp_buf_release(&prefix);
}

/* Where it parted from what was expected: expected beside seen. */
static void put_divergence(struct page *page)
{
    const struct sp_judgement *judgement = page->judgement;
    const struct sp_stmt *stmt =
        judgement->stmt && page->plan ? sp_plan_stmt(page->plan, judgement->stmt) : NULL;
    const char *head = sp_arena_printf(
        &page->arena, ">>> %s%s%s", clean(page, judgement->at ? judgement->at : "here"),
        stmt && stmt->text ? ": " : "", stmt ? clean(page, stmt->text) : "");
    sp_paint(page->out, page->style, SP_PAINT_RED, cut(page, head, page->width));
    sp_buf_addch(page->out, '\n');
    put_divergence_field(page, "expected", judgement->expected);
    put_divergence_field(page, "seen", judgement->seen);
    put_divergence_field(page, "rule", judgement->rule);
    if (judgement->blames != SP_END_NONE)
        put_divergence_field(page, "blames", sp_end_name(judgement->blames));
}

/* Statements that have no row with a tick: what named stacks do otherwise, what was not watched
 * or not reached. */
static void put_lines(struct page *page)
{
    const struct sp_judgement *judgement = page->judgement;
    size_t not_reached = 0;
    bool begun = false;
    for (size_t id = 1; id < judgement->line_count && page->plan; id++) {
        const struct sp_line *line = &judgement->lines[id];
        const struct sp_stmt *stmt = sp_plan_stmt(page->plan, (uint32_t)id);
        bool missed = line->how == SP_LINE_NOT_REACHED;
        not_reached += missed;
        if (!stmt || line->how == SP_LINE_DONE || (missed && not_reached > NOT_REACHED_MAX) ||
            (line->how == SP_LINE_FAILED && id == judgement->stmt))
            continue;
        if (!begun)
            sp_buf_addch(page->out, '\n');
        begun = true;
        const char *why = line->variant && line->variant->why ? line->variant->why : "";
        const char *source = line->variant && line->variant->source ? line->variant->source : "";
        const char *prefix = sp_arena_printf(&page->arena, "  :%-4d %-12s", stmt->at.line,
                                             sp_line_how_name(line->how));
        const char *text =
            sp_arena_printf(&page->arena, "%s%s%s%s%s%s", stmt->text ? stmt->text : "",
                            *why ? ": " : "", why, *source ? " (" : "", source, *source ? ")" : "");
        sp_wrap(page->out, prefix, clean(page, text), page->cuts ? page->width : 0);
    }
    if (not_reached > NOT_REACHED_MAX)
        sp_buf_addf(page->out, "  and %zu more not reached\n", not_reached - NOT_REACHED_MAX);
}

static void put_notes(struct page *page)
{
    for (size_t i = 0; i < page->judgement->note_count; i++)
        sp_wrap(page->out, "note: ", clean(page, page->judgement->notes[i]),
                page->cuts ? page->width : 0);
}

/* Index of the row behind which the divergence stands; len where there is none. */
static size_t divergence_at(const struct page *page, const struct rows *rows)
{
    const struct sp_judgement *judgement = page->judgement;
    size_t at = rows->len;
    for (size_t i = 0; i < rows->len; i++) {
        bool of_event = judgement->event && rows->items[i].event == judgement->event;
        bool before =
            !judgement->event && judgement->t_ns >= 0 && rows->items[i].t_ns <= judgement->t_ns;
        if (of_event || before)
            at = i;
    }
    return at;
}

static void put_rows(struct page *page, const struct rows *rows, int before)
{
    bool failed =
        page->judgement->kind != SP_FAIL_NONE || page->judgement->expected || page->judgement->seen;
    size_t at = failed ? divergence_at(page, rows) : rows->len;
    size_t from = 0;
    if (before >= 0 && failed) {
        size_t last = at < rows->len ? at : rows->len;
        from = last > (size_t)before ? last - (size_t)before : 0;
    }
    if (from)
        put_across(
            page, (struct line){0},
            sp_arena_printf(&page->arena, from == 1 ? "%zu row before" : "%zu rows before", from));
    size_t end = before >= 0 && at + 1 + AFTER < rows->len ? at + 1 + AFTER : rows->len;
    for (size_t i = from; i < end; i++) {
        put_row(page, &rows->items[i]);
        if (failed && i == at)
            put_divergence(page);
    }
    if (failed && at == rows->len)
        put_divergence(page);
    size_t after = rows->len - end;
    if (after)
        put_across(
            page, (struct line){0},
            sp_arena_printf(&page->arena, after == 1 ? "%zu row after" : "%zu rows after", after));
}

void sp_report_ladder(const struct sp_result *result, const struct sp_plan *plan,
                      const struct sp_trace *trace, const struct sp_judgement *judgement,
                      int before, const struct sp_report_style *style, struct sp_buf *out)
{
    struct page page = {.result = result,
                        .plan = plan,
                        .trace = trace,
                        .judgement = judgement,
                        .style = style,
                        .pens = style->unicode ? &pens_unicode : &pens_ascii,
                        .out = out};
    struct rows rows = {.arena = &page.arena,
                        .unicode = style->unicode,
                        .plan = plan,
                        .trace = trace,
                        .judgement = judgement};
    sp_arena_init(&page.arena);
    lay_out(&page);
    sp_rows_build(&rows);
    sp_rows_fold(&rows, judgement->event);
    if (before < 0) {
        put_heading(&page);
        put_stacks(&page);
        put_box(&page);
        sp_buf_addch(out, '\n');
    }
    put_columns(&page);
    put_rows(&page, &rows, before);
    if (before < 0) {
        put_lines(&page);
        put_notes(&page);
    }
    sp_rows_release(&rows);
    sp_arena_release(&page.arena);
}
