/*
 * The page's data: chunks of runs, cases and captures as they come, and the index last.
 *
 * A chunk is closed when it holds enough to compress well and still opens at once. The budget is
 * counted in bytes of the page as they will stand there; the index and the cases, whose size is
 * known only at the end, are estimated high.
 */
#include <stdlib.h>
#include <string.h>

#include "fields.h"
#include "html_in.h"
#include "json.h"

enum {
    CHUNK_BYTES = 256 * 1024,   /* of JSON, before it is packed */
    INDEX_BYTES_PER_RUN = 90,   /* measured: 20 to 60, packed */
    INDEX_BYTES_LEAST = 200000, /* requirements, heads */
    CAPTURES_PER_CENT = 40,     /* of the page, at most */
    NONE = -1,
};

/* What the index says of a run beside its row. */
struct place {
    int case_;           /* index into cases, NONE where its file is not stored */
    int chunk;           /* NONE: no ladder, */
    int at;              /* else its number in the chunk */
    int capture;         /* NONE: not in the page */
    const char *without; /* why there is no ladder, NULL: no room */
};

/* A case that is in the page already: the same id with another hash is another. */
struct case_ref {
    const char *id;
    char hash[17];
    const char **specs;
    size_t spec_count;
};

/* JSON that many runs have in common, each once. */
struct shared {
    const char **texts;
    uint64_t *hashes;
    size_t len, cap, hash_len, hash_cap;
};

struct sp_html {
    struct sp_arena arena;
    const struct sp_html_results *results;
    size_t result_count;
    struct place **places; /* by result, by run */
    const char *version;
    size_t max_bytes;
    bool full; /* no more ladders */
    size_t capture_bytes;
    struct sp_buf data; /* <script> elements */
    struct sp_buf chunk;
    int chunk_count;
    struct place **pending; /* runs of the open chunk */
    size_t pending_len, pending_cap;
    int capture_count;
    struct sp_buf cases; /* JSON, a list without its brackets */
    struct case_ref *case_refs;
    size_t case_count, case_cap;
    struct shared pins, plans;
};

static void shared_release(struct shared *shared)
{
    free((void *)shared->texts);
    free(shared->hashes);
}

/* Its number among them; the text is copied where it is new, and the buffer released. */
static size_t shared_index(struct sp_html *html, struct shared *shared, struct sp_buf *text)
{
    uint64_t hash = sp_payload_hash(text->data, text->len);
    size_t at = 0;
    while (at < shared->len &&
           (shared->hashes[at] != hash || strcmp(shared->texts[at], text->data) != 0))
        at++;
    if (at == shared->len) {
        SP_PUSH(shared->texts, shared->len, shared->cap) =
            sp_arena_strdup(&html->arena, text->data);
        SP_PUSH(shared->hashes, shared->hash_len, shared->hash_cap) = hash;
    }
    sp_buf_release(text);
    return at;
}

struct sp_html *sp_html_new(const struct sp_html_results *results, size_t count,
                            const char *version, size_t max_bytes)
{
    struct sp_html *html = sp_xcalloc(1, sizeof *html);
    sp_arena_init(&html->arena);
    html->results = results;
    html->result_count = count;
    html->version = version;
    html->max_bytes = max_bytes ? max_bytes : SP_HTML_MAX_BYTES;
    html->places = SP_ARENA_ARRAY(&html->arena, struct place *, count);
    for (size_t i = 0; i < count; i++) {
        size_t runs = results[i].results->run_count;
        html->places[i] = SP_ARENA_ARRAY(&html->arena, struct place, runs);
        for (size_t k = 0; k < runs; k++)
            html->places[i][k] = (struct place){.case_ = NONE, .chunk = NONE, .capture = NONE};
    }
    sp_buf_init(&html->data, 0);
    sp_buf_init(&html->chunk, 0);
    sp_buf_init(&html->cases, 0);
    return html;
}

void sp_html_free(struct sp_html *html)
{
    if (!html)
        return;
    sp_buf_release(&html->data);
    sp_buf_release(&html->chunk);
    sp_buf_release(&html->cases);
    free(html->pending);
    free(html->case_refs);
    shared_release(&html->pins);
    shared_release(&html->plans);
    sp_arena_release(&html->arena);
    free(html);
}

/* ---- room ------------------------------------------------------------------------------------ */

/* What the page will have beside its chunks. */
static size_t reserved(const struct sp_html *html)
{
    size_t runs = 0;
    for (size_t i = 0; i < html->result_count; i++)
        runs += html->results[i].results->run_count;
    return sp_html_page_bytes + INDEX_BYTES_LEAST + runs * INDEX_BYTES_PER_RUN +
           html->cases.len / 2;
}

static bool fits(const struct sp_html *html, size_t more_bytes)
{
    return reserved(html) + html->data.len + more_bytes <= html->max_bytes;
}

static void put_element(struct sp_html *html, const char *id, int number, const struct sp_buf *body)
{
    sp_buf_addf(&html->data, "<script type=\"application/octet-stream\" id=\"%s%d\">", id, number);
    sp_buf_add(&html->data, body->data, body->len);
    sp_buf_addstr(&html->data, "</script>\n");
}

/* Puts the open chunk into the page, or forgets it where there is no room. */
static void close_chunk(struct sp_html *html)
{
    struct sp_buf packed;
    if (!html->pending_len)
        return;
    sp_buf_init(&packed, 0);
    sp_buf_addch(&html->chunk, ']');
    sp_pack(html->chunk.data, html->chunk.len, &packed);
    if (fits(html, packed.len + 100)) {
        put_element(html, "runs", html->chunk_count++, &packed);
    } else {
        html->full = true;
        for (size_t i = 0; i < html->pending_len; i++)
            html->pending[i]->chunk = NONE;
    }
    html->pending_len = 0;
    sp_buf_reset(&html->chunk);
    sp_buf_release(&packed);
}

/* ---- what is added --------------------------------------------------------------------------- */

static int case_index(struct sp_html *html, const struct sp_case *c)
{
    for (size_t i = html->case_count; i-- > 0;)
        if (strcmp(html->case_refs[i].hash, c->hash) == 0 &&
            strcmp(html->case_refs[i].id, c->id) == 0)
            return (int)i;
    struct case_ref *ref = &SP_PUSH(html->case_refs, html->case_count, html->case_cap);
    const char **specs = SP_ARENA_ARRAY(&html->arena, const char *, c->spec_count);
    for (size_t i = 0; i < c->spec_count; i++)
        specs[i] = sp_arena_strdup(&html->arena, c->specs[i]);
    *ref = (struct case_ref){
        .id = sp_arena_strdup(&html->arena, c->id), .specs = specs, .spec_count = c->spec_count};
    memcpy(ref->hash, c->hash, sizeof ref->hash);
    if (html->cases.len)
        sp_buf_addch(&html->cases, ',');
    sp_html_case_json(c, &html->cases);
    return (int)(html->case_count - 1);
}

bool sp_html_add(struct sp_html *html, const struct sp_html_run *run)
{
    struct place *place = &html->places[run->result][run->run];
    place->case_ = case_index(html, run->plan->case_);
    if (html->full)
        return false;
    struct sp_buf pins, plan;
    sp_buf_init(&pins, 0);
    sp_buf_init(&plan, 0);
    sp_html_pins_json(&run->trace->head, &pins);
    sp_html_plan_json(run, &plan);
    size_t pins_at = shared_index(html, &html->pins, &pins);
    size_t plan_at = shared_index(html, &html->plans, &plan);
    sp_buf_addch(&html->chunk, html->pending_len ? ',' : '[');
    sp_html_run_json(run, pins_at, plan_at, &html->chunk);
    place->chunk = html->chunk_count;
    place->at = (int)html->pending_len;
    SP_PUSH(html->pending, html->pending_len, html->pending_cap) = place;
    if (html->chunk.len >= CHUNK_BYTES)
        close_chunk(html);
    return !html->full;
}

void sp_html_without(struct sp_html *html, size_t result, size_t run, const char *why)
{
    html->places[result][run].without = sp_arena_strdup(&html->arena, why);
}

bool sp_html_capture(struct sp_html *html, size_t result, size_t run, const void *data,
                     size_t len_bytes)
{
    struct sp_buf packed;
    close_chunk(html);
    sp_buf_init(&packed, 0);
    sp_pack(data, len_bytes, &packed);
    bool room = fits(html, packed.len + 100) &&
                html->capture_bytes + packed.len <= html->max_bytes / 100 * CAPTURES_PER_CENT;
    if (room) {
        html->places[result][run].capture = html->capture_count;
        html->capture_bytes += packed.len;
        put_element(html, "capture", html->capture_count++, &packed);
    }
    sp_buf_release(&packed);
    return room;
}

/* ---- the index ------------------------------------------------------------------------------- */

static void put_heads(const struct sp_html *html, struct sp_buf *out)
{
    sp_html_key(out, "results");
    sp_buf_addch(out, '[');
    for (size_t i = 0; i < html->result_count; i++) {
        const struct sp_results *results = html->results[i].results;
        sp_buf_addstr(out, i ? ",{" : "{");
        sp_html_str(out, "dir", results->dir);
        sp_html_str(out, "link", html->results[i].folder_link);
        sp_html_key(out, "head");
        sp_buf_addch(out, '{');
        sp_fields_write(sp_head_fields, sp_head_field_count, &results->head, ",", out);
        sp_buf_addch(out, ',');
        sp_fields_write(sp_foot_fields, sp_foot_field_count, &results->head, ",", out);
        sp_buf_addstr(out, "}}");
    }
    sp_buf_addch(out, ']');
}

/* [result, case, {row}, chunk, number in it, capture, why there is no ladder] */
static void put_runs(const struct sp_html *html, struct sp_buf *out)
{
    bool first = true;
    sp_html_key(out, "runs");
    sp_buf_addch(out, '[');
    for (size_t i = 0; i < html->result_count; i++)
        for (size_t k = 0; k < html->results[i].results->run_count; k++) {
            const struct place *place = &html->places[i][k];
            sp_buf_addf(out, "%s[%zu,%d,{", first ? "" : ",", i, place->case_);
            sp_fields_write(sp_result_fields, sp_result_field_count,
                            &html->results[i].results->runs[k], ",", out);
            sp_buf_addf(out, "},%d,%d,%d", place->chunk, place->at, place->capture);
            if (place->without) {
                sp_buf_addch(out, ',');
                sp_json_str(out, place->without);
            }
            sp_buf_addch(out, ']');
            first = false;
        }
    sp_buf_addch(out, ']');
}

static void put_shared(const char *key, const struct shared *shared, struct sp_buf *out)
{
    sp_html_key(out, key);
    sp_buf_addch(out, '[');
    for (size_t i = 0; i < shared->len; i++) {
        if (i)
            sp_buf_addch(out, ',');
        sp_buf_addstr(out, shared->texts[i]);
    }
    sp_buf_addch(out, ']');
}

static bool case_holds(const struct case_ref *ref, const struct sp_html_requirement *row,
                       sp_html_holds *holds)
{
    for (size_t i = 0; i < ref->spec_count; i++)
        if (holds(row->row, ref->specs[i]))
            return true;
    return false;
}

static void put_requirements(const struct sp_html *html, const struct sp_html_requirement *rows,
                             size_t count, sp_html_holds *holds, struct sp_buf *out)
{
    sp_html_key(out, "requirements");
    sp_buf_addch(out, '[');
    for (size_t i = 0; i < count; i++) {
        sp_buf_addstr(out, i ? ",{" : "{");
        sp_html_str(out, "id", rows[i].id);
        sp_html_str(out, "level", rows[i].level);
        sp_html_str(out, "section", rows[i].section);
        sp_html_str(out, "text", rows[i].text);
        sp_html_some(out, "testable", rows[i].testable);
        sp_html_key(out, "cases");
        sp_buf_addch(out, '[');
        bool first = true;
        for (size_t n = 0; n < html->case_count; n++) {
            if (!case_holds(&html->case_refs[n], &rows[i], holds))
                continue;
            sp_buf_addf(out, first ? "%zu" : ",%zu", n);
            first = false;
        }
        sp_buf_addstr(out, "]}");
    }
    sp_buf_addch(out, ']');
}

static void put_index(struct sp_html *html, const struct sp_html_requirement *requirements,
                      size_t count, sp_html_holds *holds, struct sp_buf *out)
{
    sp_buf_addch(out, '{');
    sp_html_str(out, "schema", "sockproof-report/1");
    sp_html_str(out, "version", html->version);
    sp_html_some(out, "full", html->full);
    put_heads(html, out);
    put_runs(html, out);
    put_shared("pins", &html->pins, out);
    put_shared("plans", &html->plans, out);
    put_requirements(html, requirements, count, holds, out);
    sp_html_key(out, "cases");
    sp_buf_addch(out, '[');
    sp_buf_add(out, html->cases.data, html->cases.len);
    sp_buf_addstr(out, "]}");
}

enum sp_rc sp_html_finish(struct sp_html *html, const struct sp_html_requirement *requirements,
                          size_t count, sp_html_holds *holds, struct sp_buf *out,
                          struct sp_err *err)
{
    static const char mark[] = "<!--sockproof:data-->";
    const char *page = (const char *)sp_html_page;
    const char *place = strstr(page, mark);
    struct sp_buf json, packed;
    if (!place)
        return sp_fail(err, SP_E_PARSE, "the page that was built in has no place for data");
    sp_buf_init(&json, 0);
    sp_buf_init(&packed, 0);
    close_chunk(html);
    put_index(html, requirements, count, holds, &json);
    sp_pack(json.data, json.len, &packed);
    put_element(html, "index", 0, &packed);
    sp_buf_add(out, page, (size_t)(place - page));
    sp_buf_add(out, html->data.data, html->data.len);
    sp_buf_addstr(out, place + strlen(mark));
    sp_buf_release(&json);
    sp_buf_release(&packed);
    return out->overflow
               ? sp_fail(err, SP_E_LIMIT, "the report is larger than %zu bytes", out->max_bytes)
               : SP_OK;
}
