/*
 * strength RESULTS... [--case GLOB] [--least PERCENT] [--without RULE] [--argued FILE]
 *          [--kind GLOB] [--jobs N] [--json] [--quiet]
 *
 * Takes every run of the results folders that passed, damages its trace in every way of damage.c at
 * every place, and asks the judge. A damage that is not neutral (neutral.c) and after which the
 * run still passes is a survivor, which is argued (argued.c) or not explained. Exit: 0 at least
 * PERCENT caught in the whole and in every topic, nothing unexplained, no trace that was cut short
 * (after any number of its events, none included) passes and every undamaged one does; 1 otherwise,
 * 3 something could not be read, 4 usage. Rows of argued.tsv that are about a run and excuse
 * nothing are told as stale; where all four sets (loopback and veth, IPv4 and IPv6) were gone
 * through, they are a failure, too.
 * --kind GLOB: these kinds of damage alone, and no trace is cut short.
 * --without RULE: as if lib/tcp did not have that rule, so that what it alone catches survives.
 * --jobs N: so many processes share the runs (share.c); as many as there are processors.
 */
#include "share.h"

#include <fnmatch.h>
#include <getopt.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cmd.h"

void cmd_error(const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    fputs("strength: ", stderr);
    vfprintf(stderr, fmt, args);
    fputc('\n', stderr);
    va_end(args);
}

/* ---- one run ------------------------------------------------------------------------------- */

static bool passes(enum sp_verdict verdict)
{
    return verdict == SP_VERDICT_PASS || verdict == SP_VERDICT_VARIANT;
}

static void bench_prepare(struct bench *bench)
{
    struct again *again = &bench->again;
    const struct sp_trace *trace = &again->trace;
    bench->flights = &again->judgement.audit.flights;
    bench->taken_by = sp_xcalloc(trace->len + 1, sizeof *bench->taken_by);
    bench->as = sp_xcalloc(trace->len + 1, sizeof *bench->as);
    for (size_t i = 0; i < again->judgement.line_count; i++) {
        const struct sp_line *line = &again->judgement.lines[i];
        for (size_t m = 0; m < line->matched_count; m++) {
            size_t at = event_index(bench, line->matched[m]);
            bench->taken_by[at] = sp_plan_stmt(&again->plan, line->stmt);
            bench->as[at] = line->variant;
        }
    }
    for (size_t i = 0; i < trace->len; i++) {
        const struct sp_event *ev = &trace->events[i];
        if (ev->kind == SP_EV_MARK && ev->u.mark.what == SP_MARK_END)
            bench->end_ns = ev->t_ns;
        bench->last_ns = ev->t_ns;
    }
}

static void bench_release(struct bench *bench)
{
    free(bench->copy.events);
    free(bench->taken_by);
    free(bench->as);
    again_release(&bench->again);
}

static void tidy(struct sp_trace *trace)
{
    size_t kept = 0;
    for (size_t i = 0; i < trace->len; i++)
        if (trace->events[i].kind < SP_EV_KIND_COUNT)
            trace->events[kept++] = trace->events[i];
    trace->len = kept;
    sp_trace_sort(trace);
}

/* The tally of that name, which may be a new one. */
struct tally *tally_of(struct tallies *tallies, const char *name, size_t len)
{
    for (size_t i = 0; i < tallies->len; i++)
        if (strlen(tallies->items[i].name) == len &&
            strncmp(tallies->items[i].name, name, len) == 0)
            return &tallies->items[i];
    struct tally *tally = &SP_PUSH(tallies->items, tallies->len, tallies->cap);
    char *copy = sp_xstrdup(name);
    copy[len] = '\0';
    tally->name = copy;
    return tally;
}

static void tally_add(struct tally *tally, bool caught, bool neutral, bool is_argued)
{
    if (neutral) {
        tally->neutral++;
        tally->neutral_caught += caught;
    } else if (caught) {
        tally->caught++;
    } else if (is_argued) {
        tally->argued++;
    } else {
        tally->survived++;
    }
}

static void place_say(const struct bench *bench, const struct kind *kind, size_t at,
                      struct sp_buf *out)
{
    const struct sp_event *ev = site_event(bench, kind->site, at);
    if (kind->site == AT_SENDER) {
        sp_buf_addf(out, "connection %zu, %s", at / 2 + 1, at % 2 ? "responder" : "opener");
        return;
    }
    if (!ev)
        return;
    sp_buf_addf(out, "#%u at %.3f ms ", (unsigned)ev->order, (double)ev->t_ns / 1e6);
    if (kind->site == AT_SEGMENT) {
        const struct sp_flight *flight = &bench->flights->items[at];
        char flags[SP_TCP_FLAGS_TEXT];
        sp_tcp_flags_print(ev->u.seg.seg.flags, flags, sizeof flags);
        sp_buf_addf(out, "%s %s seq=%u ack=%u len=%u%s", sp_end_name(flight->from), flags,
                    flight->rel_seq, flight->rel_ack, ev->u.seg.seg.payload_len,
                    ev->t_ns > bench->end_ns ? " (clean-up)" : "");
    } else if (ev->kind == SP_EV_CALL) {
        sp_buf_addf(out, "%s %s %s -> %lld %s %s", sp_end_name(ev->end), ev->u.call.name,
                    ev->u.call.args, (long long)ev->u.call.value,
                    ev->u.call.error ? ev->u.call.error : "", ev->u.call.out);
    } else if (ev->kind == SP_EV_STATE) {
        sp_buf_addf(
            out, "%s %s %s>%s%s", sp_end_name(ev->end), sp_state_source_name(ev->u.state.source),
            sp_tcp_state_name(ev->u.state.old_state), sp_tcp_state_name(ev->u.state.new_state),
            ev->t_ns > bench->end_ns ? " (clean-up)" : "");
    } else {
        sp_buf_addf(out, "%s %s", sp_end_name(ev->end), sp_ev_kind_name(ev->kind));
    }
    const struct sp_stmt *line = bench->taken_by[event_index(bench, ev)];
    if (line)
        sp_buf_addf(out, " | %d: %s", line->at.line, line->text);
}

/* Whether the survivor is argued; one that is not goes to the report, and the others where all is
 * shown. */
static bool survivor_explain(struct strength *s, const struct bench *bench, const struct kind *kind,
                             size_t at)
{
    struct sp_buf run, place;
    sp_buf_init(&run, 0);
    sp_buf_init(&place, 0);
    sp_buf_addf(&run, "%s@%s@%s", bench->run->id, bench->run->lab, bench->run->family);
    place_say(bench, kind, at, &place);
    const char *why = argued(bench, kind, at, run.data, place.data ? place.data : "");
    sp_buf_addf(&run, ": %s", place.data ? place.data : "");
    if (!why)
        SP_PUSH(s->survivors, s->survivor_len, s->survivor_cap).text =
            sp_arena_printf(&s->arena, "%-22s %s", kind->name, run.data);
    else if (!s->quiet && !s->json)
        printf("argued, %s: %-22s %s\n", why, kind->name, run.data);
    sp_buf_release(&run);
    sp_buf_release(&place);
    return why != NULL;
}

static void damage(struct strength *s, struct bench *bench, size_t k, size_t at)
{
    const struct kind *kind = &kinds[k];
    struct sp_judgement judgement;
    bench_copy(bench);
    if (!kind->apply(bench, at, kind->by))
        return;
    tidy(&bench->copy);
    sp_judge(&bench->again.plan, &bench->copy, &judgement);
    bool caught = !passes(judgement.verdict) &&
                  !(s->without && judgement.rule && strcmp(judgement.rule, s->without) == 0);
    sp_judgement_release(&judgement);
    bool neutral = (kind->neutral && kind->neutral(bench, at, kind->by)) ||
                   (kind->site == AT_SEGMENT && neutral_script(bench, at));
    bool is_argued = !caught && !neutral && survivor_explain(s, bench, kind, at);
    tally_add(&s->by_kind[k], caught, neutral, is_argued);
    const char *id = bench->run->id;
    tally_add(tally_of(&s->cases, id, strcspn(id, "[")), caught, neutral, is_argued);
    tally_add(tally_of(&s->topics, id, strcspn(id, "/")), caught, neutral, is_argued);
}

/* A run that broke off anywhere, before its first event too, has shown nothing. */
static void cut_short(struct strength *s, struct bench *bench)
{
    for (size_t len = 0; len < bench->again.trace.len; len++) {
        struct sp_judgement judgement;
        bench_copy(bench);
        bench->copy.len = len;
        sp_judge(&bench->again.plan, &bench->copy, &judgement);
        s->cuts++;
        if (passes(judgement.verdict)) {
            s->cuts_passing++;
            printf("passes when cut short: %s@%s@%s after %zu of %zu events\n", bench->run->id,
                   bench->run->lab, bench->run->family, len, bench->again.trace.len);
        }
        sp_judgement_release(&judgement);
    }
}

enum { ALL_SETS = 15 };

static void set_note(struct strength *s, const struct sp_result *run)
{
    unsigned bit = strcmp(run->family, "ipv6") == 0 ? 2 : 1;
    if (strcmp(run->lab, "loopback") == 0 || strcmp(run->lab, "veth") == 0)
        s->sets |= strcmp(run->lab, "veth") == 0 ? bit << 2 : bit;
    char *name = sp_arena_printf(&s->arena, "%s@%s@%s", run->id, run->lab, run->family);
    argued_about(name);
}

static void run_damage(struct strength *s, const struct sp_results *results,
                       const struct sp_result *run)
{
    struct bench bench = {.run = run};
    struct sp_err err = {0};
    if (again_judge(results->dir, run, NULL, NULL, &bench.again, &err) != SP_OK) {
        cmd_error("%s: %s", run->dir, err.text);
        s->unread++;
        again_release(&bench.again);
        return;
    }
    if (!passes(bench.again.judgement.verdict)) {
        cmd_error("%s: it does not pass any more: %s", run->dir, bench.again.judgement.reason);
        s->not_passing++;
        again_release(&bench.again);
        return;
    }
    s->runs++;
    set_note(s, run);
    bench_prepare(&bench);
    for (size_t k = 0; k < kind_count; k++) {
        bool wanted = !s->kind || fnmatch(s->kind, kinds[k].name, 0) == 0;
        size_t count = wanted ? site_count(&bench, kinds[k].site) : 0;
        for (size_t at = 0; at < count; at++)
            damage(s, &bench, k, at);
    }
    if (!s->kind)
        cut_short(s, &bench);
    bench_release(&bench);
}

/* ---- the report ---------------------------------------------------------------------------- */

static double percent(const struct tally *tally)
{
    size_t all = tally->caught + tally->argued + tally->survived;
    return all ? 100.0 * (double)tally->caught / (double)all : 100.0;
}

static struct tally sum(const struct tally *tallies, size_t count)
{
    struct tally all = {.name = "all"};
    for (size_t i = 0; i < count; i++) {
        all.caught += tallies[i].caught;
        all.argued += tallies[i].argued;
        all.survived += tallies[i].survived;
        all.neutral += tallies[i].neutral;
        all.neutral_caught += tallies[i].neutral_caught;
    }
    return all;
}

static void tallies_print(const char *head, const struct tally *tallies, size_t count)
{
    printf("%-46s %9s %7s %12s %9s %9s\n", head, "caught", "argued", "unexplained", "neutral",
           "share");
    for (size_t i = 0; i < count; i++)
        if (tallies[i].caught + tallies[i].argued + tallies[i].survived + tallies[i].neutral)
            printf("%-46s %9zu %7zu %12zu %9zu %8.2f%%\n", tallies[i].name, tallies[i].caught,
                   tallies[i].argued, tallies[i].survived, tallies[i].neutral,
                   percent(&tallies[i]));
}

static void report_text(const struct strength *s)
{
    struct tally all = sum(s->by_kind, kind_count);
    for (size_t i = 0; i < s->survivor_len; i++)
        printf("survived: %s\n", s->survivors[i].text);
    if (s->survivor_len)
        printf("\n");
    if (!s->quiet) {
        tallies_print("case", s->cases.items, s->cases.len);
        printf("\n");
        tallies_print("topic", s->topics.items, s->topics.len);
        printf("\n");
    }
    tallies_print("damage", s->by_kind, kind_count);
    if (!s->quiet) {
        printf("\nneutral damages, by rule:\n");
        for (size_t i = 0; neutral_rules[i][0]; i++)
            printf("  %-17s %s\n", neutral_rules[i][0], neutral_rules[i][1]);
    }
    argued_print(!s->quiet);
    argued_stale(true);
    printf("\n%zu runs, %zu damages that matter, %zu caught (%.2f%%), %zu argued, %zu unexplained; "
           "%zu neutral, of which %zu were objected to anyway\n",
           s->runs, all.caught + all.argued + all.survived, all.caught, percent(&all), all.argued,
           all.survived, all.neutral, all.neutral_caught);
    printf("%zu traces cut short, of which %zu pass\n", s->cuts, s->cuts_passing);
}

static json_t *tallies_json(const struct tally *tallies, size_t count)
{
    json_t *list = json_array();
    for (size_t i = 0; i < count; i++)
        json_array_append_new(list, json_pack("{s:s, s:I, s:I, s:I, s:I}", "name", tallies[i].name,
                                              "caught", (json_int_t)tallies[i].caught, "argued",
                                              (json_int_t)tallies[i].argued, "unexplained",
                                              (json_int_t)tallies[i].survived, "neutral",
                                              (json_int_t)tallies[i].neutral));
    return list;
}

static void report_json(const struct strength *s)
{
    json_t *survivors = json_array();
    for (size_t i = 0; i < s->survivor_len; i++)
        json_array_append_new(survivors, json_string(s->survivors[i].text));
    struct tally all = sum(s->by_kind, kind_count);
    json_t *root = json_pack("{s:s, s:I, s:f, s:o, s:o, s:o, s:I, s:I, s:I}", "schema",
                             "sockproof-strength/1", "runs", (json_int_t)s->runs, "share",
                             percent(&all), "kinds", tallies_json(s->by_kind, kind_count), "cases",
                             tallies_json(s->cases.items, s->cases.len), "survivors", survivors,
                             "cut", (json_int_t)s->cuts, "cut_passing", (json_int_t)s->cuts_passing,
                             "stale", (json_int_t)argued_stale(false));
    json_dumpf(root, stdout, JSON_INDENT(1));
    putchar('\n');
    json_decref(root);
}

/* ---- the command --------------------------------------------------------------------------- */

static int usage(void)
{
    fputs("usage: strength RESULTS... [--case GLOB] [--kind GLOB] [--least PERCENT] "
          "[--without RULE] [--argued FILE] [--jobs N] [--json] [--quiet]\n",
          stderr);
    return SP_EXIT_USAGE;
}

enum { JOBS = 256 }; /* beside the letters */

static bool options(struct strength *s, int argc, char **argv)
{
    static const struct option longs[] = {{"case", required_argument, NULL, 'c'},
                                          {"kind", required_argument, NULL, 'k'},
                                          {"least", required_argument, NULL, 'l'},
                                          {"without", required_argument, NULL, 'w'},
                                          {"json", no_argument, NULL, 'j'},
                                          {"quiet", no_argument, NULL, 'q'},
                                          {"argued", required_argument, NULL, 'a'},
                                          {"jobs", required_argument, NULL, JOBS},
                                          {0}};
    for (int o; (o = getopt_long(argc, argv, "", longs, NULL)) != -1;) {
        s->glob = o == 'c' ? optarg : s->glob;
        s->kind = o == 'k' ? optarg : s->kind;
        s->without = o == 'w' ? optarg : s->without;
        s->argued = o == 'a' ? optarg : s->argued;
        s->least = o == 'l' ? strtod(optarg, NULL) : s->least;
        s->jobs = o == JOBS ? strtol(optarg, NULL, 10) : s->jobs;
        s->json = s->json || o == 'j';
        s->quiet = s->quiet || o == 'q';
        if (o == '?' || s->jobs < 1)
            return false;
    }
    return optind < argc;
}

static void tallies_release(struct tallies *tallies)
{
    for (size_t i = 0; i < tallies->len; i++)
        free((char *)tallies->items[i].name);
    free(tallies->items);
}

static void strength_release(struct strength *s)
{
    tallies_release(&s->cases);
    tallies_release(&s->topics);
    sp_arena_release(&s->arena);
    argued_release();
    free(s->survivors);
    free(s->by_kind);
}

static bool is_asked_for(const struct strength *s, const struct sp_result *run)
{
    return passes(run->verdict) &&
           (!s->glob || fnmatch(s->glob, run->id, 0) == 0 || fnmatch(s->glob, run->dir, 0) == 0);
}

/* This process's part of the runs. */
static bool results_damage(struct strength *s, const char *dir)
{
    struct sp_results results;
    struct sp_err err = {0};
    if (sp_results_read(dir, &results, &err) != SP_OK) {
        cmd_error("%s", err.text);
        return false;
    }
    for (size_t i = 0; i < results.run_count; i++)
        if (is_asked_for(s, &results.runs[i]) && share_takes(&s->share))
            run_damage(s, &results, &results.runs[i]);
    sp_results_release(&results);
    return true;
}

void strength_part(struct strength *s)
{
    for (int i = 0; i < s->dir_count && !s->unread; i++)
        s->unread += !results_damage(s, s->dirs[i]);
}

static bool is_strong(const struct strength *s)
{
    struct tally all = sum(s->by_kind, kind_count);
    bool stale = s->sets == ALL_SETS && !s->glob && !s->kind && argued_stale(false);
    bool strong = s->runs && percent(&all) >= s->least && !s->not_passing && !s->cuts_passing &&
                  !all.survived && !stale;
    for (size_t i = 0; i < s->topics.len; i++)
        strong = strong && percent(&s->topics.items[i]) >= s->least;
    return strong;
}

int main(int argc, char **argv)
{
    struct strength s = {.least = 95.0, .argued = SP_ARGUED};
    s.jobs = sysconf(_SC_NPROCESSORS_ONLN);
    if (!options(&s, argc, argv))
        return usage();
    if (!argued_read(s.argued)) {
        cmd_error("%s cannot be read", s.argued);
        return SP_EXIT_BROKEN;
    }
    sp_arena_init(&s.arena);
    s.by_kind = sp_xcalloc(kind_count, sizeof *s.by_kind);
    for (size_t k = 0; k < kind_count; k++)
        s.by_kind[k].name = kinds[k].name;
    s.dirs = argv + optind;
    s.dir_count = argc - optind;
    share_out(&s);
    if (!s.unread && s.json)
        report_json(&s);
    else if (!s.unread)
        report_text(&s);
    bool strong = is_strong(&s);
    int code = s.unread ? SP_EXIT_BROKEN : strong ? SP_EXIT_PASS : SP_EXIT_FAIL;
    strength_release(&s);
    return code;
}
