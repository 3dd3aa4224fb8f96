/* The parser: what each line of the language becomes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "clock.h"
#include "script.h"
#include "wire.h"

#define HEADER                                                                                     \
    "case   topic/name\ntitle  a title\nspec   RFC9293:3.10.4\nlabs   veth\nfamily ipv4 ipv6\n\n"

struct fixture {
    struct sp_case c;
    struct sp_plan plan;
    struct sp_diags diags;
    struct sp_buf text;
};

static void open_case(struct fixture *f, const char *text)
{
    struct sp_err err = {0};
    sp_diags_init(&f->diags);
    sp_buf_init(&f->text, 0);
    enum sp_rc rc = sp_case_parse(NULL, text, strlen(text), &f->c, &f->diags, &err);
    if (rc) {
        sp_diags_print(&f->diags, "t.case", text, strlen(text), &f->text);
        fail_msg("%s", f->text.data);
    }
}

static void open_plan(struct fixture *f, const char *text)
{
    struct sp_err err = {0};
    open_case(f, text);
    struct sp_plan_config config = {
        .lab = SP_CASE_VETH,
        .family = SP_CASE_IPV4,
        .api = {[SP_WHO_CLIENT] = {"linux", "6.1.176"}, [SP_WHO_SERVER] = {"linux", "6.1.176"}},
        .tcp = {[SP_WHO_CLIENT] = {"linux", "6.1.176"}, [SP_WHO_SERVER] = {"linux", "6.1.176"}}};
    if (sp_plan_make(&f->c, &config, &f->plan, &err))
        fail_msg("%s", err.text);
}

static void close_plan(struct fixture *f)
{
    sp_plan_release(&f->plan);
    sp_case_release(&f->c);
    sp_diags_release(&f->diags);
    sp_buf_release(&f->text);
}

/* The single statement of a body of one line. */
static const struct sp_stmt *only(struct fixture *f, const char *line)
{
    struct sp_buf text;
    sp_buf_init(&text, 0);
    sp_buf_addf(&text, "%s%s\n", HEADER, line);
    open_plan(f, text.data);
    sp_buf_release(&text);
    assert_int_equal(f->plan.stmt_count, 1);
    return &f->plan.stmts[0];
}

static void the_sample_of_the_design_is_understood(void **state)
{
    (void)state;
    struct fixture f = {0};
    open_plan(&f, "case   linger/zero-resets\n"
                  "title  close() with SO_LINGER {on, 0} discards unsent data and sends RST\n"
                  "why    Servers use it to skip TIME_WAIT. The price: lost data,\n"
                  "       a reset peer (issue #123).\n"
                  "spec   RFC9293:3.10.4 POSIX:setsockopt\n"
                  "labs   loopback veth\n"
                  "family ipv4 ipv6\n\n"
                  "server listen\n"
                  "client connect server\n"
                  "wire   client SYN\n"
                  "wire   server SYN,ACK\n"
                  "wire   client ACK\n"
                  "server accept\n"
                  "state  client ESTABLISHED\n"
                  "state  server ESTABLISHED\n\n"
                  "client set SO_LINGER on=1 linger=0\n"
                  "client close\n"
                  "wire   client RST\n"
                  "server recv 1 -> ECONNRESET\n"
                  "  on wine -> 0            \"closesocket() shuts down before it closes\"\n"
                  "                          source measured wine-8.0\n"
                  "state  client CLOSED\n"
                  "never  client TIME_WAIT\n"
                  "never  wire client FIN\n");
    assert_string_equal(f.c.id, "linger/zero-resets");
    assert_string_equal(f.c.topic, "linger");
    assert_string_equal(f.c.why, "Servers use it to skip TIME_WAIT. The price: lost data, a reset "
                                 "peer (issue #123).");
    assert_int_equal(f.c.spec_count, 2);
    assert_int_equal(f.c.labs, SP_CASE_LOOPBACK | SP_CASE_VETH);
    assert_int_equal(f.c.families, SP_CASE_IPV4 | SP_CASE_IPV6);
    assert_int_equal(f.c.deadline_ns, 5 * SP_S);
    assert_int_equal(f.c.watch_ns, 20 * SP_MS);
    assert_int_equal(f.c.row_count, 1);
    assert_int_equal(f.plan.stmt_count, 15);
    const struct sp_stmt *recv = sp_plan_stmt(&f.plan, 12);
    assert_string_equal(recv->call, "recv");
    assert_int_equal(recv->expect.count, 1);
    assert_int_equal(recv->expect.any_of[0].kind, SP_OUT_ERROR);
    assert_string_equal(recv->expect.any_of[0].text, "ECONNRESET");
    assert_int_equal(recv->variant_count, 1);
    assert_string_equal(recv->variants[0].keys[0].name, "wine");
    assert_int_equal(recv->variants[0].expect.any_of[0].kind, SP_OUT_NUMBER);
    assert_int_equal(recv->variants[0].source_kind, SP_SOURCE_MEASURED);
    assert_string_equal(recv->variants[0].source, "wine-8.0");
    assert_string_equal(recv->variants[0].why, "closesocket() shuts down before it closes");
    assert_int_equal(f.plan.stmts[13].kind, SP_ST_NEVER_STATE);
    assert_int_equal(f.plan.stmts[14].kind, SP_ST_NEVER_WIRE);
    close_plan(&f);
}

static void listen_and_accept_mean_the_listener_and_all_else_conn(void **state)
{
    (void)state;
    static const struct {
        const char *line;
        const char *sock;
        bool named;
    } rows[] = {
        {"server listen", "listener", false},        {"server accept", "listener", false},
        {"server/second accept b", "second", true},  {"server close", "conn", false},
        {"server/listener close", "listener", true}, {"state server LISTEN", "listener", false},
        {"state server ESTABLISHED", "conn", false}, {"wire client/b SYN", "b", true}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct fixture f = {0};
        const struct sp_stmt *st = only(&f, rows[i].line);
        assert_string_equal(st->sock, rows[i].sock);
        assert_int_equal(st->sock_named, rows[i].named);
        close_plan(&f);
    }
}

static const struct sp_arg *arg(const struct sp_stmt *st, const char *name)
{
    for (size_t i = 0; i < st->arg_count; i++)
        if (strcmp(st->args[i].name, name) == 0)
            return &st->args[i];
    fail_msg("%s has no argument %s", st->text, name);
    return NULL;
}

static void calls_have_the_arguments_of_their_row(void **state)
{
    (void)state;
    static const struct {
        const char *line;
        const char *call;
        const char *name;
        const char *text; /* NULL: the number counts */
        int64_t number;
    } rows[] = {
        {"server/listener bind :p1", "bind", "addr", ":p1", 0},
        {"client bind own:5000", "bind", "addr", "own:5000", 0},
        {"server listen 7", "listen", "backlog", NULL, 7},
        {"client connect server:p1", "connect", "addr", "server:p1", 0},
        {"server accept", "accept", "as", "conn", 0},
        {"server accept b", "accept", "as", "b", 0},
        {"client send 100", "send", "len", NULL, 100},
        {"client send 1 MSG_OOB", "send", "flags", "MSG_OOB", 0},
        {"client recv 5 MSG_DONTWAIT|MSG_PEEK", "recv", "flags", "MSG_DONTWAIT|MSG_PEEK", 0},
        {"client shutdown WR", "shutdown", "how", "WR", 0},
        {"client set SO_KEEPALIVE 1", "set", "value", NULL, 1},
        {"client set TCP_NODELAY on", "set", "value", NULL, 1},
        {"client set SO_LINGER linger=5 on=1", "set", "linger", NULL, 5},
        {"client set SO_LINGER on=1 linger=0", "set", "on", NULL, 1},
        {"client set TCP_LINGER2 -1", "set", "value", NULL, -1},
        {"client get SO_ERROR", "get", "opt", "SO_ERROR", 0},
        {"client poll IN|HUP", "poll", "events", "IN|HUP", 0},
        {"client poll IN OUT timeout 1s", "poll", "events", "IN|OUT", 0},
        {"client poll IN timeout 250ms", "poll", "timeout_ms", NULL, 250},
        {"client poll IN timeout 0s", "poll", "timeout_ms", NULL, 0},
        {"client nonblock", "nonblock", "on", NULL, 1},
        {"client nonblock off", "nonblock", "on", NULL, 0},
        {"client ioctl FIONREAD", "ioctl", "what", "FIONREAD", 0},
        {"client dup copy", "dup", "as", "copy", 0},
        {"client signal SIGPIPE catch", "signal", "action", "catch", 0},
        {"client exit 3", "exit", "code", NULL, 3},
        {"client exit", "exit", "code", NULL, 0},
        {"client kill SIGKILL", "kill", "signal", "SIGKILL", 0}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct fixture f = {0};
        const struct sp_stmt *st = only(&f, rows[i].line);
        assert_string_equal(st->call, rows[i].call);
        const struct sp_arg *found = arg(st, rows[i].name);
        assert_int_equal(found->is_text, rows[i].text != NULL);
        if (rows[i].text)
            assert_string_equal(found->text, rows[i].text);
        else
            assert_int_equal(found->number, rows[i].number);
        close_plan(&f);
    }
}

static void patterns_ask_for_syn_fin_and_rst_exactly(void **state)
{
    (void)state;
    static const struct {
        const char *pattern;
        unsigned set;
        unsigned clear;
        bool pure_ack;
    } rows[] = {{"SYN", SP_SYN, SP_FIN | SP_RST | SP_ACK, false},
                {"SYN,ACK", SP_SYN | SP_ACK, SP_FIN | SP_RST, false},
                {"ACK", SP_ACK, SP_SYN | SP_FIN | SP_RST, true},
                {"ACK any", SP_ACK, SP_SYN | SP_FIN | SP_RST, false},
                {"FIN", SP_FIN, SP_SYN | SP_RST, false},
                {"RST", SP_RST, SP_SYN | SP_FIN, false},
                {"RST,!ACK", SP_RST, SP_SYN | SP_FIN | SP_ACK, false},
                {"1..100", 0, SP_SYN | SP_FIN | SP_RST, false},
                {"bytes 1..9 then FIN", 0, SP_SYN | SP_RST, false},
                {"probe", 0, SP_SYN | SP_FIN | SP_RST, false}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct fixture f = {0};
        char line[100];
        snprintf(line, sizeof line, "wire client %s", rows[i].pattern);
        const struct sp_pattern *pattern = &only(&f, line)->pattern;
        assert_int_equal(pattern->set, rows[i].set);
        assert_int_equal(pattern->clear, rows[i].clear);
        assert_int_equal(pattern->pure_ack, rows[i].pure_ack);
        assert_string_equal(pattern->text, rows[i].pattern);
        close_plan(&f);
    }
}

static void patterns_hold_numbers_options_and_payload(void **state)
{
    (void)state;
    struct fixture f = {0};
    const struct sp_pattern *p =
        &only(&f, "wire client SYN seq=0 ack=1..2 win=100 len=0 opt~mss=1460 opt!~ts again")
             ->pattern;
    assert_true(p->seq.set && p->seq.max == 0);
    assert_true(p->ack.set && p->ack.min == 1 && p->ack.max == 2);
    assert_true(p->window.set && p->window.min == 100);
    assert_true(p->len.set && p->len.max == 0);
    assert_true(p->again);
    assert_int_equal(p->opt_count, 2);
    assert_string_equal(p->opts[0].name, "mss");
    assert_true(p->opts[0].has_value && p->opts[0].value == 1460);
    assert_string_equal(p->opts[1].name, "ts");
    assert_true(p->opts[1].absent);
    close_plan(&f);
    p = &only(&f, "wire client bytes 1..200000 then FIN")->pattern;
    assert_true(p->stream && p->then_fin && p->bytes.min == 1 && p->bytes.max == 200000);
    close_plan(&f);
}

static void bounds_are_read_in_every_form(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum sp_bound_kind kind;
        int64_t min_ms;
        int64_t max_ms;
        bool wheel;
    } rows[] = {{"within 2s", SP_BOUND_WITHIN, 0, 2000, false},
                {"after 60s \xc2\xb1"
                 "1s",
                 SP_BOUND_AFTER, 59000, 61000, false},
                {"after 60s +-1s", SP_BOUND_AFTER, 59000, 61000, false},
                {"after 60s +200ms", SP_BOUND_AFTER, 60000, 60200, false},
                {"after 60s -1s +2s", SP_BOUND_AFTER, 59000, 62000, false},
                {"after 60s +wheel", SP_BOUND_AFTER, 60000, 60000, true},
                {"after 1s..3s", SP_BOUND_AFTER, 1000, 3000, false},
                {"after 2s", SP_BOUND_AFTER, 2000, 7000, false}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct fixture f = {0};
        char line[100];
        snprintf(line, sizeof line, "state client CLOSED %s", rows[i].text);
        const struct sp_bound *when = &only(&f, line)->when;
        assert_int_equal(when->kind, rows[i].kind);
        assert_int_equal(when->min_ns, rows[i].min_ms * SP_MS);
        assert_int_equal(when->max_ns, rows[i].max_ms * SP_MS);
        assert_int_equal(when->wheel, rows[i].wheel);
        close_plan(&f);
    }
}

static void outcomes_are_read_in_every_form(void **state)
{
    (void)state;
    struct fixture f = {0};
    const struct sp_expect *e =
        &only(&f,
              "client send 1 -> 0|3..5 | EPIPE | EWOULDBLOCK | killed took <100ms raises SIGPIPE")
             ->expect;
    assert_int_equal(e->count, 5);
    assert_true(e->any_of[0].kind == SP_OUT_NUMBER && e->any_of[0].max == 0);
    assert_true(e->any_of[1].min == 3 && e->any_of[1].max == 5);
    assert_string_equal(e->any_of[2].text, "EPIPE");
    assert_string_equal(e->any_of[3].text, "EAGAIN");
    assert_int_equal(e->any_of[4].kind, SP_OUT_KILLED);
    assert_true(e->took.kind == SP_BOUND_WITHIN && e->took.max_ns == 100 * SP_MS);
    assert_int_equal(e->signal, 13);
    close_plan(&f);
    e = &only(&f, "client poll IN HUP -> has IN HUP lacks ERR OUT")->expect;
    assert_int_equal(e->any_of[0].kind, SP_OUT_BITS);
    assert_string_equal(e->any_of[0].text, "IN HUP");
    assert_string_equal(e->any_of[0].lacks, "ERR OUT");
    close_plan(&f);
    e = &only(&f, "client poll IN -> -1")->expect;
    assert_true(e->any_of[0].kind == SP_OUT_NUMBER && e->any_of[0].min == -1);
    assert_int_equal(e->any_of[0].max, -1);
    close_plan(&f);
    e = &only(&f, "client get SO_LINGER -> on=1 linger=0")->expect;
    assert_int_equal(e->any_of[0].kind, SP_OUT_TEXT);
    assert_string_equal(e->any_of[0].text, "on=1 linger=0");
    close_plan(&f);
    e = &only(&f, "client close -> ok took 2s \xc2\xb1"
                  "0.2s")
             ->expect;
    assert_true(e->any_of[0].min == 0 && e->any_of[0].max == INT64_MAX);
    assert_true(e->took.min_ns == 1800 * SP_MS && e->took.max_ns == 2200 * SP_MS);
    close_plan(&f);
    e = &only(&f, "client close")->expect;
    assert_int_equal(e->count, 0);
    close_plan(&f);
    assert_int_equal(only(&f, "client connect server -> unknown")->expect.any_of[0].kind,
                     SP_OUT_UNKNOWN);
    close_plan(&f);
}

static void other_statements_fill_their_fields(void **state)
{
    (void)state;
    struct fixture f = {0};
    const struct sp_stmt *st = only(&f, "still client ESTABLISHED for 2s");
    assert_true(st->kind == SP_ST_STILL && st->when.max_ns == 2 * SP_S);
    close_plan(&f);
    st = only(&f, "silence for 300ms");
    assert_true(st->kind == SP_ST_SILENCE && st->who == SP_WHO_NONE);
    close_plan(&f);
    st = only(&f, "queue server unread 5..9 within 1s");
    assert_true(st->kind == SP_ST_QUEUE && st->times.min == 5 && st->times.max == 9);
    assert_string_equal(st->verb, "unread");
    close_plan(&f);
    st = only(&f, "lab sysctl server net.ipv4.tcp_fin_timeout=3");
    assert_true(st->kind == SP_ST_LAB && st->target == SP_WHO_SERVER);
    assert_string_equal(arg(st, "name")->text, "net.ipv4.tcp_fin_timeout");
    assert_string_equal(arg(st, "value")->text, "3");
    assert_false(f.plan.needs_path);
    close_plan(&f);
    st = only(&f, "lab address server");
    assert_true(st->kind == SP_ST_LAB && st->target == SP_WHO_SERVER && !st->preferred);
    assert_false(f.plan.needs_path);
    close_plan(&f);
    st = only(&f, "lab address server preferred");
    assert_true(st->preferred);
    close_plan(&f);
    st = only(&f, "lab cut");
    assert_true(st->target == SP_WHO_NONE && f.plan.needs_path);
    close_plan(&f);
    st = only(&f, "middle drop client FIN any once");
    assert_true(st->kind == SP_ST_MIDDLE && st->target == SP_WHO_CLIENT && st->times.max == 1);
    assert_true(st->who == SP_WHO_MIDDLE && f.plan.needs_path && st->pattern.any_payload);
    close_plan(&f);
    st = only(&f, "middle hold both from FIN");
    assert_true(st->target == SP_WHO_NONE && st->pattern.set == SP_FIN);
    close_plan(&f);
    st = only(&f, "middle release server 2");
    assert_true(st->times.set && st->times.min == 2);
    close_plan(&f);
    st = only(&f, "repeat 2..5 {\n  wire client probe\n}");
    assert_true(st->kind == SP_ST_REPEAT && st->child_count == 1 && st->times.max == 5);
    assert_int_equal(st->children[0].id, 2);
    assert_ptr_equal(sp_plan_stmt(&f.plan, 2), &st->children[0]);
    close_plan(&f);
    st = only(&f, "optional wire client 1..5");
    assert_true(st->kind == SP_ST_OPTIONAL && st->children[0].pattern.bytes.max == 5);
    assert_string_equal(st->children[0].text, "optional wire client 1..5");
    close_plan(&f);
    st = only(&f, "any order {\n  wire client FIN\n  state server CLOSE_WAIT\n}");
    assert_true(st->kind == SP_ST_ANY_ORDER && st->child_count == 2);
    close_plan(&f);
}

static void a_variant_keeps_what_it_does_not_say_again(void **state)
{
    (void)state;
    struct fixture f = {0};
    const struct sp_stmt *st =
        only(&f, "client send 1 -> EPIPE took <1s raises SIGPIPE\n"
                 "  on linux<4.12 wine took <2s \"slow\"\n    source reported by a user # 3\n"
                 "  on windows>=10.0.17063 <10.0.19045 -> ECONNRESET\n"
                 "    \"because\"\n    source documented WSASend\n"
                 "  on client=lwip -> unknown\n    source measured lwip 2.2");
    assert_int_equal(st->variant_count, 3);
    const struct sp_variant *v = &st->variants[0];
    assert_int_equal(v->key_count, 2);
    assert_string_equal(v->keys[0].terms[0].op, "<");
    assert_string_equal(v->keys[0].terms[0].version, "4.12");
    assert_string_equal(v->expect.any_of[0].text, "EPIPE");
    assert_int_equal(v->expect.signal, 13);
    assert_int_equal(v->expect.took.max_ns, 2 * SP_S);
    assert_string_equal(v->source, "by a user # 3");
    v = &st->variants[1];
    assert_int_equal(v->keys[0].term_count, 2);
    assert_int_equal(v->expect.took.max_ns, SP_S);
    assert_int_equal(v->expect.signal, 0);
    assert_string_equal(v->why, "because");
    assert_int_equal(st->variants[2].end, SP_WHO_CLIENT);
    close_plan(&f);
}

static void versions_compare_as_numbers(void **state)
{
    (void)state;
    assert_true(sp_version_cmp("4.9", "4.12") < 0);
    assert_int_equal(sp_version_cmp("6.1.0-49-amd64", "6.1"), 0);
    assert_true(sp_version_cmp("10.0.19045", "10.0.17063") > 0);
    struct sp_stack_key key = {.name = "linux", .terms = {{"<", "4.12"}}, .term_count = 1};
    bool unknown = false;
    assert_true(sp_stack_key_match(&key, "linux", "4.9.1", &unknown));
    assert_false(sp_stack_key_match(&key, "linux", "4.12", &unknown));
    assert_false(unknown);
    assert_false(sp_stack_key_match(&key, "linux", NULL, &unknown));
    assert_true(unknown);
    assert_false(sp_stack_key_match(&key, "wine", "4.9", &unknown));
    assert_false(unknown);
    struct sp_stack_key equal = {.name = "linux", .terms = {{"=", "6.1"}}, .term_count = 1};
    assert_true(sp_stack_key_match(&equal, "linux", "6.1.176", &unknown));
    assert_false(sp_stack_key_match(&equal, "linux", "6.10", &unknown));
}

static void complaints_show_place_line_caret_and_correction(void **state)
{
    (void)state;
    const char *text = HEADER "server listen\nstate  client ESTABLISHD\n";
    struct sp_case c;
    struct sp_diags diags;
    struct sp_buf out;
    struct sp_err err = {0};
    sp_diags_init(&diags);
    sp_buf_init(&out, 0);
    assert_int_equal(sp_case_parse(NULL, text, strlen(text), &c, &diags, &err), SP_E_PARSE);
    sp_diags_print(&diags, "cases/topic/name.case", text, strlen(text), &out);
    assert_string_equal(out.data,
                        "cases/topic/name.case:8:15: error: \"ESTABLISHD\" is not a TCP state\n"
                        "  state  client ESTABLISHD\n"
                        "                ^~~~~~~~~~\n"
                        "  did you mean ESTABLISHED?\n");
    sp_case_release(&c);
    sp_diags_release(&diags);
    sp_buf_release(&out);
}

/* How many complaints a body draws, all of which must be warnings. */
static size_t warnings_of(const char *body)
{
    struct fixture f = {0};
    struct sp_buf text;
    sp_buf_init(&text, 0);
    sp_buf_addf(&text, "%s%s", HEADER, body);
    open_case(&f, text.data);
    size_t count = f.diags.len;
    for (size_t i = 0; i < count; i++)
        assert_true(f.diags.items[i].warning);
    sp_buf_release(&text);
    close_plan(&f);
    return count;
}

static void a_socket_is_closed_where_both_sides_of_a_block_leave_it_so(void **state)
{
    (void)state;
    assert_int_equal(warnings_of("establish\nserver close\nserver recv 1\n"), 1);
    assert_int_equal(warnings_of("establish\non server=lwip {\n  server close\n} else {\n"
                                 "  server recv 1\n  server close\n}\n"),
                     0);
    assert_int_equal(warnings_of("establish\non server=lwip {\n  server close\n} else {\n"
                                 "  server close\n}\nserver recv 1\n"),
                     1);
    assert_int_equal(warnings_of("establish\nserver close\non server=lwip {\n"
                                 "  server recv 1\n} else {\n  server recv 1\n}\n"),
                     2);
    assert_int_equal(warnings_of("establish\non server=lwip {\n  server close\n}\n"
                                 "server recv 1\n"),
                     0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_sample_of_the_design_is_understood),
        cmocka_unit_test(listen_and_accept_mean_the_listener_and_all_else_conn),
        cmocka_unit_test(calls_have_the_arguments_of_their_row),
        cmocka_unit_test(patterns_ask_for_syn_fin_and_rst_exactly),
        cmocka_unit_test(patterns_hold_numbers_options_and_payload),
        cmocka_unit_test(bounds_are_read_in_every_form),
        cmocka_unit_test(outcomes_are_read_in_every_form),
        cmocka_unit_test(other_statements_fill_their_fields),
        cmocka_unit_test(a_variant_keeps_what_it_does_not_say_again),
        cmocka_unit_test(versions_compare_as_numbers),
        cmocka_unit_test(complaints_show_place_line_caret_and_correction),
        cmocka_unit_test(a_socket_is_closed_where_both_sides_of_a_block_leave_it_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
