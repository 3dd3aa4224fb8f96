/* The results folder on a real file system: what is written reads back, appears whole or not at
 * all, and what is not ours stays. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>
#include <jansson.h>

#include "store.h"
#include "utf8.h"

struct fixture {
    char base[64];
    char dir[96];
};

static int set_up(void **state)
{
    struct fixture *f = sp_xcalloc(1, sizeof *f);
    snprintf(f->base, sizeof f->base, "/tmp/sp-store-test-XXXXXX");
    if (!mkdtemp(f->base))
        return -1;
    snprintf(f->dir, sizeof f->dir, "%s/results", f->base);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    char command[128];
    snprintf(command, sizeof command, "rm -rf '%s'", f->base);
    int status = system(command);
    free(f);
    return status;
}

static const char *command_words[] = {"sockproof", "run", "cases/a b"};
static const char *head_notes[] = {"no tracepoints: not root"};

static struct sp_run_head a_head(void)
{
    struct sp_run_head head = {
        .version = "0.1.0",
        .command = command_words,
        .command_count = 3,
        .started = "2026-01-01T00:00:00Z",
        .notes = head_notes,
        .note_count = 1,
    };
    head.machine.sysname = "Linux";
    head.machine.release = "6.18.44";
    head.machine.cpus = 2;
    head.machine.privileged = true;
    head.stack.name = "linux-6.18.44";
    head.stack.os = "linux";
    head.stack.os_version = "6.18.44";
    return head;
}

static struct sp_result a_row(const char *id, enum sp_verdict verdict)
{
    return (struct sp_result){.id = id,
                              .topic = "linger",
                              .title = "close",
                              .lab = "veth",
                              .family = "ipv4",
                              .repeat = 1,
                              .verdict = verdict,
                              .reason = "because",
                              .duration_ms = 12.3456,
                              .cpu_ms = 2.5,
                              .file = "cases/linger/a.case",
                              .dir = "cases/linger/a@veth@ipv4"};
}

static json_t *run_json(const struct fixture *f)
{
    char path[128];
    json_error_t error;
    snprintf(path, sizeof path, "%s/run.json", f->dir);
    json_t *root = json_load_file(path, JSON_REJECT_DUPLICATES, &error);
    assert_non_null(root);
    return root;
}

static void write_text(const char *dir, const char *name, const char *text)
{
    char path[192];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static bool exists(const char *dir, const char *name)
{
    char path[192];
    struct stat st;
    snprintf(path, sizeof path, "%s/%s", dir, name);
    return lstat(path, &st) == 0;
}

static void rows_and_head_read_back_as_they_were_given(void **state)
{
    const struct fixture *f = *state;
    struct sp_run_head head = a_head();
    struct sp_result failed = a_row("linger/a[linger=0]", SP_VERDICT_FAIL);
    const char *notes[] = {"a stale variant", "two\nlines"};
    struct sp_store *store = NULL;
    struct sp_results results;
    failed.kind = "seg-missing";
    failed.at = "cases/linger/a.case:14";
    failed.expected = "client RST";
    failed.seen = "nothing";
    failed.blames = "client";
    failed.notes = notes;
    failed.note_count = 2;
    failed.repeat = 3;
    assert_int_equal(sp_store_create(f->dir, &head, &store, NULL), SP_OK);
    assert_int_equal(sp_store_add(store, &failed, NULL), SP_OK);
    head.finished = true;
    head.wall_ms = 62100.5;
    assert_int_equal(sp_store_finish(store, &head, NULL), SP_OK);
    sp_store_free(store);

    assert_int_equal(sp_results_read(f->dir, &results, NULL), SP_OK);
    assert_string_equal(results.head.command[2], "cases/a b");
    assert_string_equal(results.head.stack.os_version, "6.18.44");
    assert_true(results.head.machine.privileged);
    assert_int_equal(results.head.machine.cpus, 2);
    assert_true(results.head.finished);
    assert_true(results.head.wall_ms > 62100.4 && results.head.wall_ms < 62100.6);
    assert_null(results.head.judged_as);
    assert_int_equal(results.run_count, 1);
    const struct sp_result *row = &results.runs[0];
    assert_string_equal(row->id, "linger/a[linger=0]");
    assert_int_equal(row->verdict, SP_VERDICT_FAIL);
    assert_int_equal(row->repeat, 3);
    assert_string_equal(row->at, "cases/linger/a.case:14");
    assert_string_equal(row->seen, "nothing");
    assert_null(row->rule);
    assert_int_equal(row->note_count, 2);
    assert_string_equal(row->notes[1], "two\nlines");
    assert_true(row->duration_ms > 12.34 && row->duration_ms < 12.35);
    sp_results_release(&results);
}

static void every_verdict_has_a_total_from_the_first_moment(void **state)
{
    const struct fixture *f = *state;
    static const char *const names[] = {"broken", "fail",    "inconclusive",
                                        "skip",   "variant", "pass"};
    struct sp_run_head head = a_head();
    struct sp_store *store = NULL;
    struct sp_result passed = a_row("linger/a", SP_VERDICT_PASS);
    assert_int_equal(sp_store_create(f->dir, &head, &store, NULL), SP_OK);
    for (int added = 0; added < 3; added++) {
        json_t *root = run_json(f);
        json_t *totals = json_object_get(root, "totals");
        assert_int_equal(json_object_size(totals), 6);
        for (size_t i = 0; i < 6; i++)
            assert_int_equal(json_integer_value(json_object_get(totals, names[i])),
                             i == 5 ? added : 0);
        assert_int_equal(json_array_size(json_object_get(root, "runs")), added);
        assert_true(json_is_false(json_object_get(root, "finished")));
        assert_string_equal(json_string_value(json_object_get(root, "schema")), "sockproof-run/1");
        json_decref(root);
        assert_int_equal(sp_store_add(store, &passed, NULL), SP_OK);
    }
    sp_store_free(store);
}

static void a_runner_killed_at_any_moment_leaves_every_row_it_added(void **state)
{
    const struct fixture *f = *state;
    int pipe_fd[2];
    assert_int_equal(pipe(pipe_fd), 0);
    pid_t child = fork();
    if (child == 0) {
        struct sp_run_head head = a_head();
        struct sp_store *store = NULL;
        struct sp_result row = a_row("linger/a", SP_VERDICT_PASS);
        if (sp_store_create(f->dir, &head, &store, NULL) != SP_OK)
            _exit(1);
        for (;;)
            if (sp_store_add(store, &row, NULL) != SP_OK || write(pipe_fd[1], "", 1) != 1)
                _exit(1);
    }
    size_t told = 0;
    char byte;
    close(pipe_fd[1]);
    while (told < 200 && read(pipe_fd[0], &byte, 1) == 1)
        told++;
    kill(child, SIGKILL);
    assert_int_equal(waitpid(child, NULL, 0), child);
    while (read(pipe_fd[0], &byte, 1) == 1)
        told++;
    close(pipe_fd[0]);
    json_t *root = run_json(f);
    size_t kept = json_array_size(json_object_get(root, "runs"));
    assert_true(kept == told || kept == told + 1);
    assert_true(told >= 200);
    json_decref(root);
}

static void hostile_text_is_valid_json_and_reads_back(void **state)
{
    (void)state;
    struct sp_result row = a_row("linger/\"quoted\"", SP_VERDICT_FAIL);
    struct sp_result back;
    struct sp_arena arena;
    struct sp_buf json;
    row.seen = "quote \" backslash \\ newline \n tab \t escape \x1b[31m delete \x7f";
    row.expected =
        "cut \xe2\x82 wild \xff overlong \xc0\xaf surrogate \xed\xa0\x80 good \xe2\x82\xac";
    sp_arena_init(&arena);
    sp_buf_init(&json, 0);
    assert_int_equal(sp_result_write(&row, &json, NULL), SP_OK);
    assert_null(strchr(json.data, '\n'));
    assert_int_equal(sp_result_read(json.data, json.len, &arena, &back, NULL), SP_OK);
    assert_string_equal(back.id, row.id);
    assert_string_equal(back.seen, row.seen);
#define BAD "\xef\xbf\xbd"
    assert_string_equal(back.expected, "cut " BAD BAD " wild " BAD " overlong " BAD BAD
                                       " surrogate " BAD BAD BAD " good \xe2\x82\xac");
    sp_buf_release(&json);
    sp_arena_release(&arena);
}

static void a_row_that_is_not_one_is_refused_with_its_member(void **state)
{
    (void)state;
    static const struct {
        const char *json, *says;
    } rows[] = {
        {"", "not JSON"},
        {"[]", "object"},
        {"{\"id\": \"a/b\"}", "`lab`"},
        {"{\"id\": 7, \"lab\": \"veth\", \"family\": \"ipv4\", \"verdict\": \"pass\"}", "`id`"},
        {"{\"id\": \"a\", \"lab\": \"veth\", \"family\": \"ipv4\", \"verdict\": \"good\"}",
         "`verdict`"},
        {"{\"id\": \"a\", \"lab\": \"veth\", \"family\": \"ipv4\", \"verdict\": \"pass\","
         " \"repeat\": 99999999999}",
         "`repeat`"},
        {"{\"id\": \"a\", \"lab\": \"veth\", \"family\": \"ipv4\", \"verdict\": \"pass\","
         " \"notes\": [1]}",
         "`notes`"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct sp_arena arena;
        struct sp_result row;
        struct sp_err err = {0};
        sp_arena_init(&arena);
        assert_int_equal(sp_result_read(rows[i].json, strlen(rows[i].json), &arena, &row, &err),
                         SP_E_PARSE);
        assert_non_null(strstr(err.text, rows[i].says));
        sp_arena_release(&arena);
    }
}

static void a_strangers_folder_is_refused_and_left_alone(void **state)
{
    const struct fixture *f = *state;
    struct sp_run_head head = a_head();
    struct sp_store *store = NULL;
    struct sp_err err = {0};
    assert_int_equal(mkdir(f->dir, 0755), 0);
    write_text(f->dir, "thesis.tex", "years of work");
    assert_int_equal(sp_store_create(f->dir, &head, &store, &err), SP_E_USAGE);
    assert_null(store);
    assert_non_null(strstr(err.text, f->dir));
    write_text(f->dir, "run.json", "{\"schema\": \"another/1\"}");
    assert_int_equal(sp_store_create(f->dir, &head, &store, &err), SP_E_USAGE);
    assert_true(exists(f->dir, "thesis.tex"));
    assert_true(exists(f->dir, "run.json"));
    assert_false(exists(f->dir, "cases"));
}

static void a_new_run_removes_the_old_runs_files_and_nothing_else(void **state)
{
    const struct fixture *f = *state;
    struct sp_run_head head = a_head();
    struct sp_result row = a_row("linger/a", SP_VERDICT_PASS);
    struct sp_store *store = NULL;
    char folder[160], outside[160], link_path[192];
    snprintf(outside, sizeof outside, "%s/outside", f->base);
    assert_int_equal(mkdir(outside, 0755), 0);
    write_text(outside, "trace.json", "not below the results");
    assert_int_equal(sp_store_create(f->dir, &head, &store, NULL), SP_OK);
    assert_int_equal(sp_store_write_case(f->dir, &row, NULL, NULL, NULL, NULL, NULL), SP_OK);
    assert_int_equal(sp_store_add(store, &row, NULL), SP_OK);
    sp_store_free(store);
    row.dir = "cases/linger/b@veth@ipv4";
    assert_int_equal(sp_store_write_case(f->dir, &row, NULL, NULL, NULL, NULL, NULL), SP_OK);
    snprintf(folder, sizeof folder, "%s/%s", f->dir, row.dir);
    write_text(folder, "my-notes.txt", "keep");
    write_text(f->dir, "report.html", "keep");
    snprintf(link_path, sizeof link_path, "%s/cases/link", f->dir);
    assert_int_equal(symlink(outside, link_path), 0);

    assert_int_equal(sp_store_create(f->dir, &head, &store, NULL), SP_OK);
    assert_false(exists(f->dir, "cases/linger/a@veth@ipv4"));
    assert_false(exists(folder, "result.json"));
    assert_true(exists(folder, "my-notes.txt"));
    assert_true(exists(f->dir, "report.html"));
    assert_true(exists(outside, "trace.json"));
    json_t *root = run_json(f);
    assert_int_equal(json_array_size(json_object_get(root, "runs")), 0);
    json_decref(root);
    sp_store_free(store);
}

static void two_runs_do_not_write_to_one_folder(void **state)
{
    const struct fixture *f = *state;
    struct sp_run_head head = a_head();
    struct sp_store *first = NULL, *second = NULL;
    struct sp_err err = {0};
    assert_int_equal(sp_store_create(f->dir, &head, &first, NULL), SP_OK);
    assert_int_equal(sp_store_create(f->dir, &head, &second, &err), SP_E_USAGE);
    assert_non_null(strstr(err.text, "another run"));
    sp_store_free(first);
    assert_int_equal(sp_store_create(f->dir, &head, &second, NULL), SP_OK);
    sp_store_free(second);
}

static void a_place_that_cannot_be_written_is_named(void **state)
{
    const struct fixture *f = *state;
    struct sp_run_head head = a_head();
    struct sp_store *store = NULL;
    struct sp_err err = {0};
    char below[160];
    write_text(f->base, "file", "");
    snprintf(below, sizeof below, "%s/file/results", f->base);
    assert_int_equal(sp_store_create(below, &head, &store, &err), SP_E_IO);
    assert_int_equal(err.os_code, ENOTDIR);
    assert_non_null(strstr(err.text, below));
}

/* A limit on file sizes stands for a full disk: write() fails after some bytes. */
static void a_full_disk_keeps_the_last_whole_file(void **state)
{
    const struct fixture *f = *state;
    struct sp_run_head head = a_head();
    struct sp_store *store = NULL;
    struct sp_err err = {0};
    struct rlimit before, tight;
    struct sp_result row = a_row("linger/a", SP_VERDICT_PASS);
    assert_int_equal(sp_store_create(f->dir, &head, &store, NULL), SP_OK);
    assert_int_equal(sp_store_add(store, &row, NULL), SP_OK);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    void (*handler)(int) = signal(SIGXFSZ, SIG_IGN);
    tight = before;
    tight.rlim_cur = 1000;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &tight), 0);
    enum sp_rc rc = SP_OK;
    for (int i = 0; i < 10 && rc == SP_OK; i++)
        rc = sp_store_add(store, &row, &err);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    signal(SIGXFSZ, handler);
    assert_int_equal(rc, SP_E_IO);
    assert_int_equal(err.os_code, EFBIG);
    assert_non_null(strstr(err.text, "run.json"));
    assert_false(exists(f->dir, "run.json.new"));
    json_t *root = run_json(f);
    assert_true(json_array_size(json_object_get(root, "runs")) >= 1);
    json_decref(root);
    sp_store_free(store);
}

static void case_folders_are_safe_names(void **state)
{
    (void)state;
    struct sp_arena arena;
    char longest[600];
    sp_arena_init(&arena);
    assert_string_equal(sp_store_case_dir(&arena, "linger/zero-resets", "veth", "ipv4", 1),
                        "cases/linger/zero-resets@veth@ipv4");
    assert_string_equal(sp_store_case_dir(&arena, "linger/n[linger=0]", "loopback", "ipv6", 2),
                        "cases/linger/n[linger=0]@loopback@ipv6#2");
    assert_string_equal(sp_store_case_dir(&arena, "../../etc/passwd", "veth", "ipv4", 1),
                        "cases/%2e%2e/%2e%2e/etc/passwd@veth@ipv4");
    assert_string_equal(sp_store_case_dir(&arena, "/a//b c", "v/e", "", 1), "cases/a/b%20c@v%2fe@");
    assert_string_not_equal(sp_store_case_dir(&arena, "a/b@veth", "veth", "ipv4", 1),
                            sp_store_case_dir(&arena, "a/b", "veth@veth", "ipv4", 1));
    memset(longest, 'x', sizeof longest - 1);
    longest[sizeof longest - 1] = '\0';
    const char *one = sp_store_case_dir(&arena, longest, "veth", "ipv4", 1);
    const char *two = sp_store_case_dir(&arena, longest, "veth", "ipv4", 2);
    assert_true(strlen(one) < 250);
    assert_string_not_equal(one, two);
    sp_arena_release(&arena);
}

static void a_row_cannot_point_outside_its_results(void **state)
{
    const struct fixture *f = *state;
    static const char *const dirs[] = {"../outside", "/etc", "cases/../../x", "", "cases/.."};
    struct sp_result row = a_row("linger/a", SP_VERDICT_PASS);
    struct sp_buf text;
    sp_buf_init(&text, 0);
    for (size_t i = 0; i < sizeof dirs / sizeof *dirs; i++) {
        row.dir = dirs[i];
        assert_int_equal(sp_store_read_case(f->dir, &row, &text, NULL), SP_E_PARSE);
        assert_int_equal(sp_store_write_case(f->dir, &row, NULL, NULL, NULL, NULL, NULL),
                         SP_E_PARSE);
    }
    row.dir = "cases/a..b/c";
    assert_int_equal(sp_store_read_case(f->dir, &row, &text, NULL), SP_E_NOTFOUND);
    sp_buf_release(&text);
}

static void a_case_folder_holds_its_trace_its_text_and_its_lines(void **state)
{
    const struct fixture *f = *state;
    static const char text[] = "case linger/a\nclient close\n";
    struct sp_stmt stmts[] = {
        {.id = 1, .kind = SP_ST_CALL, .text = "client close", .call = "close", .at = {.line = 2}}};
    struct sp_case the_case = {.file = "a.case", .text = text, .text_len = sizeof text - 1};
    struct sp_plan plan = {.case_ = &the_case, .stmts = stmts, .stmt_count = 1, .last_id = 1};
    struct sp_result row = a_row("linger/a", SP_VERDICT_VARIANT);
    struct sp_variant variant = {.at = {.line = 3},
                                 .why = "it closes \"late\"",
                                 .source_kind = SP_SOURCE_MEASURED,
                                 .source = "wine-8.0"};
    struct sp_trace trace, back;
    struct sp_buf buf;
    sp_trace_init(&trace);
    sp_buf_init(&buf, 0);
    trace.head.case_id = "linger/a";
    trace.head.lab = "veth";
    trace.head.family = SP_IPV4;
    struct sp_event *event = sp_trace_add(&trace, SP_EV_CALL, 1000);
    event->end = SP_END_CLIENT;
    event->stmt = 1;
    event->u.call.sock = "conn";
    event->u.call.name = "close";
    event->u.call.args = "";
    event->u.call.out = "";
    const struct sp_event *matched[] = {event};
    struct sp_line lines[] = {{0},
                              {.stmt = 1,
                               .how = SP_LINE_VARIANT,
                               .variant = &variant,
                               .matched = matched,
                               .matched_count = 1,
                               .t_ns = 1000}};
    struct sp_judgement judgement = {.verdict = SP_VERDICT_VARIANT,
                                     .reason = "because",
                                     .t_ns = -1,
                                     .lines = lines,
                                     .line_count = 2};
    struct sp_frames frames = {0};
    assert_int_equal(sp_store_write_case(f->dir, &row, &plan, &trace, &frames, &judgement, NULL),
                     SP_OK);
    assert_int_equal(sp_store_read_case(f->dir, &row, &buf, NULL), SP_OK);
    assert_string_equal(buf.data, text);
    assert_int_equal(sp_store_read_trace(f->dir, &row, &back, NULL), SP_OK);
    assert_int_equal(back.len, 1);
    assert_string_equal(back.events[0].u.call.name, "close");
    sp_trace_release(&back);

    char path[192];
    snprintf(path, sizeof path, "%s/%s/result.json", f->dir, row.dir);
    json_t *root = json_load_file(path, JSON_REJECT_DUPLICATES, NULL);
    const json_t *line = json_array_get(json_object_get(root, "lines"), 0);
    const json_t *told = json_object_get(line, "variant");
    assert_string_equal(json_string_value(json_object_get(root, "schema")), "sockproof-result/1");
    assert_string_equal(json_string_value(json_object_get(root, "verdict")), "variant");
    assert_int_equal(json_integer_value(json_object_get(line, "line")), 2);
    assert_string_equal(json_string_value(json_object_get(line, "how")), "variant");
    assert_string_equal(json_string_value(json_object_get(told, "source")), "wine-8.0");
    assert_string_equal(json_string_value(json_object_get(told, "source_kind")), "measured");
    assert_int_equal(json_integer_value(json_array_get(json_object_get(line, "matched"), 0)),
                     event->order);
    json_decref(root);
    assert_true(exists(f->dir, "cases/linger/a@veth@ipv4/capture.pcapng"));
    sp_trace_release(&trace);
    sp_buf_release(&buf);
}

static void results_judged_again_replace_rows_and_keep_the_cases(void **state)
{
    const struct fixture *f = *state;
    struct sp_run_head head = a_head();
    struct sp_result row = a_row("linger/a", SP_VERDICT_PASS);
    struct sp_store *store = NULL;
    struct sp_results results;
    assert_int_equal(sp_store_create(f->dir, &head, &store, NULL), SP_OK);
    assert_int_equal(sp_store_write_case(f->dir, &row, NULL, NULL, NULL, NULL, NULL), SP_OK);
    assert_int_equal(sp_store_add(store, &row, NULL), SP_OK);
    sp_store_free(store);
    assert_int_equal(sp_results_read(f->dir, &results, NULL), SP_OK);
    results.runs[0].verdict = SP_VERDICT_VARIANT;
    results.head.judged_as = "windows-10";
    assert_int_equal(sp_results_save(&results, NULL), SP_OK);
    sp_results_release(&results);
    assert_int_equal(sp_results_read(f->dir, &results, NULL), SP_OK);
    assert_int_equal(results.runs[0].verdict, SP_VERDICT_VARIANT);
    assert_string_equal(results.head.judged_as, "windows-10");
    assert_true(exists(f->dir, "cases/linger/a@veth@ipv4/result.json"));
    sp_results_release(&results);
}

static void reading_says_which_file_is_wrong(void **state)
{
    const struct fixture *f = *state;
    struct sp_results results;
    struct sp_err err = {0};
    assert_int_equal(sp_results_read(f->dir, &results, &err), SP_E_NOTFOUND);
    assert_int_equal(mkdir(f->dir, 0755), 0);
    write_text(f->dir, "run.json", "{\"schema\": \"sockproof-run/9\", \"runs\": []}");
    assert_int_equal(sp_results_read(f->dir, &results, &err), SP_E_PARSE);
    assert_non_null(strstr(err.text, "run.json"));
    assert_non_null(strstr(err.text, "sockproof-run/9"));
    write_text(f->dir, "run.json",
               "{\"schema\": \"sockproof-run/1\", \"runs\": [{\"id\": \"a\"}]}");
    assert_int_equal(sp_results_read(f->dir, &results, &err), SP_E_PARSE);
    assert_non_null(strstr(err.text, "row 1"));
}

static void json_for_a_pipe_is_the_run_json_of_the_folder(void **state)
{
    const struct fixture *f = *state;
    struct sp_run_head head = a_head();
    struct sp_result rows[] = {a_row("linger/a", SP_VERDICT_PASS), a_row("b/c", SP_VERDICT_SKIP)};
    struct sp_store *store = NULL;
    struct sp_results results;
    struct sp_buf json, file;
    char path[128], chunk[8192];
    assert_int_equal(sp_store_create(f->dir, &head, &store, NULL), SP_OK);
    for (size_t i = 0; i < 2; i++)
        assert_int_equal(sp_store_add(store, &rows[i], NULL), SP_OK);
    assert_int_equal(sp_store_finish(store, &head, NULL), SP_OK);
    sp_store_free(store);
    assert_int_equal(sp_results_read(f->dir, &results, NULL), SP_OK);
    sp_buf_init(&json, 0);
    sp_buf_init(&file, 0);
    assert_int_equal(sp_results_write(&results, &json, NULL), SP_OK);
    snprintf(path, sizeof path, "%s/run.json", f->dir);
    FILE *stream = fopen(path, "r");
    assert_non_null(stream);
    sp_buf_add(&file, chunk, fread(chunk, 1, sizeof chunk, stream));
    fclose(stream);
    assert_string_equal(json.data, file.data);
    sp_buf_release(&json);
    sp_buf_release(&file);
    sp_results_release(&results);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(rows_and_head_read_back_as_they_were_given),
        TEST(every_verdict_has_a_total_from_the_first_moment),
        TEST(a_runner_killed_at_any_moment_leaves_every_row_it_added),
        TEST(hostile_text_is_valid_json_and_reads_back),
        TEST(a_row_that_is_not_one_is_refused_with_its_member),
        TEST(a_strangers_folder_is_refused_and_left_alone),
        TEST(a_new_run_removes_the_old_runs_files_and_nothing_else),
        TEST(two_runs_do_not_write_to_one_folder),
        TEST(a_place_that_cannot_be_written_is_named),
        TEST(a_full_disk_keeps_the_last_whole_file),
        TEST(case_folders_are_safe_names),
        TEST(a_row_cannot_point_outside_its_results),
        TEST(a_case_folder_holds_its_trace_its_text_and_its_lines),
        TEST(results_judged_again_replace_rows_and_keep_the_cases),
        TEST(reading_says_which_file_is_wrong),
        TEST(json_for_a_pipe_is_the_run_json_of_the_folder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
