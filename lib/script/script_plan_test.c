/* Plans: rows of `for` tables, blocks that ask for a stack, short words, what follows from all. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "clock.h"
#include "deviations.h"
#include "script.h"
#include "wire.h"

#define HEADER                                                                                     \
    "case   topic/name\ntitle  a title\nspec   RFC9293:3.10.4\nlabs   veth\nfamily ipv4 ipv6\n"

static const struct sp_plan_config linux_both = {
    .lab = SP_CASE_VETH,
    .family = SP_CASE_IPV4,
    .api = {[SP_WHO_CLIENT] = {"linux", "6.1"}, [SP_WHO_SERVER] = {"linux", "6.1"}},
    .tcp = {[SP_WHO_CLIENT] = {"linux", "6.1"}, [SP_WHO_SERVER] = {"linux", "6.1"}}};

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
    if (sp_case_parse(NULL, text, strlen(text), &f->c, &f->diags, &err)) {
        sp_diags_print(&f->diags, "t.case", text, strlen(text), &f->text);
        fail_msg("%s", f->text.data);
    }
}

static void make(struct fixture *f, const struct sp_plan_config *config, size_t row)
{
    struct sp_err err = {0};
    struct sp_plan_config with = *config;
    with.row = row;
    sp_plan_release(&f->plan);
    if (sp_plan_make(&f->c, &with, &f->plan, &err))
        fail_msg("%s", err.text);
}

static void close_case(struct fixture *f)
{
    sp_plan_release(&f->plan);
    sp_case_release(&f->c);
    sp_diags_release(&f->diags);
    sp_buf_release(&f->text);
}

static const char *printed(struct fixture *f)
{
    sp_buf_reset(&f->text);
    sp_buf_addstr(&f->text, "");
    for (size_t i = 0; i < f->plan.stmt_count; i++) {
        sp_stmt_print(&f->plan.stmts[i], &f->text);
        sp_buf_addch(&f->text, '\n');
    }
    return f->text.data;
}

static void for_tables_make_a_run_of_each_row(void **state)
{
    (void)state;
    struct fixture f = {0};
    open_case(&f, HEADER "pin net.ipv4.tcp_fin_timeout=$n\nfor n in 1 2 3\n"
                         "for call in \"recv 1\" drain\n\nclient send $n\nserver $call\n");
    assert_int_equal(f.c.row_count, 6);
    assert_string_equal(f.c.rows[1].suffix, "[n=1,call=drain]");
    make(&f, &linux_both, 4);
    assert_string_equal(f.plan.run_id, "topic/name[n=3,call=recv 1]");
    assert_string_equal(printed(&f), "client send 3\nserver recv 1\n");
    assert_string_equal(f.plan.stmts[1].text, "server recv 1");
    assert_string_equal(f.plan.pins[0].value, "3");
    char hash[17];
    memcpy(hash, f.plan.hash, sizeof hash);
    make(&f, &linux_both, 5);
    assert_string_not_equal(hash, f.plan.hash);
    close_case(&f);
}

static void a_table_has_several_values_in_a_row(void **state)
{
    (void)state;
    struct fixture f = {0};
    open_case(&f, HEADER "for call what gives\n"
                         "    end \"shutdown WR\" 0\n"
                         "    # a comment ends it not\n"
                         "    ask \"recv 1\" \"0 | EAGAIN\"\n"
                         "for n in 1 2\n\nclient send $n\nserver $what -> $gives\n");
    assert_int_equal(f.c.row_count, 4);
    assert_string_equal(f.c.rows[0].suffix, "[call=end,n=1]");
    make(&f, &linux_both, 3);
    assert_string_equal(f.plan.run_id, "topic/name[call=ask,n=2]");
    assert_string_equal(printed(&f), "client send 2\nserver recv 1 -> 0 | EAGAIN\n");
    close_case(&f);
}

static void a_line_without_a_value_is_left_out(void **state)
{
    (void)state;
    struct fixture f = {0};
    open_case(&f, HEADER "for n says linux\n    1 - 1\n    2 2 -\n\n"
                         "client send $says\n  on linux -> 5\n    source measured linux-6.18\n"
                         "server recv $n\n  on linux -> $linux \"why\"\n"
                         "    source measured linux-6.18\n");
    make(&f, &linux_both, 0);
    assert_string_equal(printed(&f), "server recv 1\n");
    assert_int_equal(f.plan.stmts[0].variant_count, 1);
    make(&f, &linux_both, 1);
    assert_string_equal(printed(&f), "client send 2\nserver recv 2\n");
    assert_int_equal(f.plan.stmts[0].variant_count, 1);
    assert_int_equal(f.plan.stmts[1].variant_count, 0);
    close_case(&f);
}

static void when_chooses_lines_by_the_rows_value(void **state)
{
    (void)state;
    static const char *const want[] = {"client close\noptional\nserver close\n",
                                       "client send 1\nserver close\n",
                                       "client send 1\nclient send 2\nserver close\n"};
    struct fixture f = {0};
    open_case(&f, HEADER "for n in 1 2 \"3 4\"\n\n"
                         "when n in 1 {\n  client close\n  optional {\n    wire client FIN\n  }\n"
                         "} else {\n  client send 1\n  when n in \"3 4\" 1 {\n"
                         "    client send 2\n  }\n}\nserver close\n");
    for (size_t row = 0; row < 3; row++) {
        make(&f, &linux_both, row);
        assert_string_equal(printed(&f), want[row]);
    }
    close_case(&f);
}

static void a_line_that_no_run_has_is_a_warning(void **state)
{
    (void)state;
    static const char text[] = HEADER "for n says\n    1 -\n    2 -\n\nclient send $n\n"
                                      "server recv $says\n";
    struct sp_case c;
    struct sp_diags diags;
    struct sp_err err = {0};
    sp_diags_init(&diags);
    assert_int_equal(sp_case_parse(NULL, text, sizeof text - 1, &c, &diags, &err), SP_OK);
    assert_int_equal(diags.len, 1);
    assert_true(diags.items[0].warning);
    assert_int_equal(diags.items[0].at.line, 11);
    assert_string_equal(diags.items[0].text, "this line is in no run");
    sp_case_release(&c);
    sp_diags_release(&diags);
}

static void variants_of_a_table_are_listed_by_value(void **state)
{
    (void)state;
    struct fixture f = {0};
    struct sp_deviations all;
    open_case(&f, HEADER "for n gives wine\n    1 0 EINVAL\n    2 0 -\n    3 1 EPIPE\n\n"
                         "client send $n -> $gives\n  on wine -> $wine\n"
                         "    source measured wine-8.0\n"
                         "when n in 1 {\n  server recv $n -> $gives\n    on wine -> $wine\n"
                         "      source measured wine-8.0\n}\n");
    sp_case_deviations(&f.c, &all);
    assert_int_equal(all.len, 3);
    assert_string_equal(all.items[0].line, "client send 1 -> 0");
    assert_string_equal(all.items[0].expects, "-> EINVAL");
    assert_string_equal(all.items[1].line, "client send 3 -> 1");
    assert_string_equal(all.items[2].line, "server recv 1 -> 0");
    assert_string_equal(all.items[2].source, "wine-8.0");
    sp_deviations_release(&all);
    close_case(&f);
}

static void establish_is_written_out(void **state)
{
    (void)state;
    struct fixture f = {0};
    open_case(&f, HEADER "\nestablish\nestablish client/b server/b as @second\n"
                         "silence for 1s\nserver exit\nserver spawn\nestablish server\n");
    make(&f, &linux_both, 0);
    assert_string_equal(printed(&f), "server listen\nclient connect server\nwire client SYN\n"
                                     "wire server SYN,ACK\nwire client ACK\nserver accept\n"
                                     "state client ESTABLISHED\nstate server ESTABLISHED\n"
                                     "client/b connect server\nwire client/b SYN\n"
                                     "wire server/b SYN,ACK\nwire client/b ACK\nserver accept b\n"
                                     "state client/b ESTABLISHED\n"
                                     "state server/b ESTABLISHED as @second\n"
                                     "silence for 1s\nserver exit 0\nserver spawn\n"
                                     "client listen\nserver connect client\nwire server SYN\n"
                                     "wire client SYN,ACK\nwire server ACK\nclient accept\n"
                                     "state server ESTABLISHED\nstate client ESTABLISHED\n");
    const struct sp_stmt *ack = sp_plan_stmt(&f.plan, 5);
    assert_true(ack->implied && ack->pattern.pure_ack && ack->at.line == 7);
    assert_int_equal(ack->pattern.clear, SP_SYN | SP_FIN | SP_RST);
    assert_string_equal(ack->text, "wire client ACK");
    assert_string_equal(sp_plan_stmt(&f.plan, 6)->args[0].text, "conn");
    assert_string_equal(sp_plan_stmt(&f.plan, 6)->sock, "listener");
    assert_int_equal(f.plan.last_id, f.plan.stmt_count);
    close_case(&f);
}

static void what_establish_writes_is_what_the_words_mean(void **state)
{
    (void)state;
    struct fixture short_ = {0};
    struct fixture long_ = {0};
    open_case(&short_, HEADER "\nestablish\n");
    open_case(&long_, HEADER "\nserver listen\nclient connect server\nwire client SYN\n"
                             "wire server SYN,ACK\nwire client ACK\nserver accept\n"
                             "state client ESTABLISHED\nstate server ESTABLISHED\n");
    make(&short_, &linux_both, 0);
    make(&long_, &linux_both, 0);
    assert_string_equal(short_.plan.hash, long_.plan.hash);
    for (size_t i = 0; i < long_.plan.stmt_count; i++) {
        const struct sp_stmt *a = &short_.plan.stmts[i];
        const struct sp_stmt *b = &long_.plan.stmts[i];
        assert_string_equal(a->sock, b->sock);
        assert_int_equal(a->sock_named, b->sock_named);
        assert_int_equal(a->arg_count, b->arg_count);
        assert_int_equal(a->pattern.set, b->pattern.set);
        assert_int_equal(a->pattern.clear, b->pattern.clear);
        assert_int_equal(a->pattern.pure_ack, b->pattern.pure_ack);
    }
    close_case(&short_);
    close_case(&long_);
}

static void on_blocks_ask_for_the_stacks(void **state)
{
    (void)state;
    struct fixture f = {0};
    open_case(&f, HEADER "\non linux>=5 {\n  client send 1\n} else {\n  client send 2\n}\n"
                         "on client=wine {\n  client send 3\n}\n"
                         "on windows lwip {\n  client send 4\n} else {\n"
                         "  on server=linux<5 {\n    client send 5\n  }\n}\n");
    make(&f, &linux_both, 0);
    assert_string_equal(printed(&f), "client send 1\n");
    struct sp_plan_config mixed = linux_both;
    mixed.api[SP_WHO_CLIENT] = (struct sp_plan_stack){"wine", "8.0"};
    mixed.tcp[SP_WHO_SERVER] = (struct sp_plan_stack){"linux", "4.9"};
    mixed.api[SP_WHO_SERVER] = mixed.tcp[SP_WHO_SERVER];
    make(&f, &mixed, 0);
    assert_string_equal(printed(&f), "client send 2\nclient send 3\nclient send 5\n");
    mixed.tcp[SP_WHO_SERVER].version = NULL; /* unknown: matches no range */
    mixed.api[SP_WHO_SERVER].version = NULL;
    make(&f, &mixed, 0);
    assert_string_equal(printed(&f), "client send 2\nclient send 3\n");
    close_case(&f);
}

static void waiting_and_the_path_are_known_beforehand(void **state)
{
    (void)state;
    struct fixture f = {0};
    open_case(&f, HEADER "\nwait 1s\nwire client FIN after 2s +wheel\nstill client CLOSED for 3s\n"
                         "silence for 4s\nnever client TIME_WAIT for 50s\n"
                         "client close took 10s..20s\nwire client RST within 60s\n"
                         "optional wire client probe after 70s +1s\n");
    make(&f, &linux_both, 0);
    assert_int_equal(f.plan.least_ns, 20 * SP_S);
    assert_false(f.plan.needs_path);
    close_case(&f);
    open_case(&f, HEADER "\nlab cut\nwait 1s\nlab restore\n");
    make(&f, &linux_both, 0);
    assert_true(f.plan.needs_path);
    close_case(&f);
}

static void a_plan_asks_for_what_the_case_allows(void **state)
{
    (void)state;
    struct fixture f = {0};
    struct sp_err err = {0};
    open_case(&f, HEADER "\nclient socket\n");
    struct sp_plan_config config = linux_both;
    config.lab = SP_CASE_LOOPBACK;
    assert_int_equal(sp_plan_make(&f.c, &config, &f.plan, &err), SP_E_USAGE);
    sp_plan_release(&f.plan);
    config = linux_both;
    config.row = 1;
    assert_int_equal(sp_plan_make(&f.c, &config, &f.plan, &err), SP_E_USAGE);
    close_case(&f);
}

static void a_label_of_a_block_not_taken_is_refused(void **state)
{
    (void)state;
    struct fixture f = {0};
    struct sp_err err = {0};
    open_case(&f, HEADER "\non wine {\n  wire client SYN as @a\n}\n"
                         "wire client FIN within 1s since @a\n");
    assert_int_equal(sp_plan_make(&f.c, &linux_both, &f.plan, &err), SP_E_PARSE);
    assert_non_null(strstr(err.text, "@a"));
    close_case(&f);
}

static void one_label_may_stand_on_both_sides_of_a_block(void **state)
{
    (void)state;
    struct fixture f = {0};
    open_case(&f,
              HEADER "\nclient start recv 1\non wine {\n  wire client FIN as @a\n"
                     "  client finish recv\n} else {\n  wire client RST as @a\n"
                     "  client finish recv -> ECONNRESET\n}\nwire server FIN within 1s since @a\n");
    make(&f, &linux_both, 0);
    assert_string_equal(f.plan.stmts[3].when.since, "a");
    close_case(&f);
}

static void the_hash_is_of_the_meaning_and_not_of_the_spelling(void **state)
{
    (void)state;
    struct fixture a = {0};
    struct fixture b = {0};
    open_case(&a, HEADER "\nclient  recv   1 ->0|EPIPE # comment\n");
    open_case(&b, HEADER "# another\n\n\nclient recv 1 -> 0 | EPIPE\n");
    make(&a, &linux_both, 0);
    make(&b, &linux_both, 0);
    assert_string_equal(a.plan.hash, b.plan.hash);
    assert_string_not_equal(a.c.hash, b.c.hash);
    close_case(&b);
    open_case(&b, HEADER "\nclient recv 1 -> 0 | ECONNRESET\n");
    make(&b, &linux_both, 0);
    assert_string_not_equal(a.plan.hash, b.plan.hash);
    close_case(&a);
    close_case(&b);
}

/* A trace of Linux's conversation, to be judged as another's that goes another way. */
static void a_plan_is_cut_where_another_stacks_begins(void **state)
{
    (void)state;
    static const char text[] = "case   topic/name\ntitle  Two ways to go\nspec   POSIX:close\n"
                               "labs   veth\nfamily ipv4\n\nestablish\nclient close\n"
                               "on client=linux {\n    wire   client FIN\n} else {\n"
                               "    wire   client RST\n}\nstate  client CLOSED\n";
    struct sp_case c;
    struct sp_diags diags;
    struct sp_plan ran, other;
    struct sp_plan_config config = {.lab = SP_CASE_VETH, .family = SP_CASE_IPV4};
    for (int who = SP_WHO_CLIENT; who <= SP_WHO_SERVER; who++)
        config.api[who] = config.tcp[who] = (struct sp_plan_stack){.name = "linux"};
    sp_diags_init(&diags);
    assert_int_equal(sp_case_parse(NULL, text, sizeof text - 1, &c, &diags, NULL), SP_OK);
    assert_int_equal(sp_plan_make(&c, &config, &ran, NULL), SP_OK);
    assert_int_equal(sp_plan_make(&c, &config, &other, NULL), SP_OK);
    sp_plan_cut(&other, &ran);
    assert_int_equal(other.parts_id, 0);
    sp_plan_release(&other);

    for (int who = SP_WHO_CLIENT; who <= SP_WHO_SERVER; who++)
        config.api[who] = config.tcp[who] = (struct sp_plan_stack){.name = "lwip"};
    assert_int_equal(sp_plan_make(&c, &config, &other, NULL), SP_OK);
    sp_plan_cut(&other, &ran);
    assert_int_equal(other.parts_line, 12);
    assert_string_equal(other.stmts[other.stmt_count - 1].call, "close");
    assert_int_equal(other.stmts[other.stmt_count - 1].id + 1, other.parts_id);
    sp_plan_release(&other);
    sp_plan_release(&ran);
    sp_case_release(&c);
    sp_diags_release(&diags);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(for_tables_make_a_run_of_each_row),
        cmocka_unit_test(a_table_has_several_values_in_a_row),
        cmocka_unit_test(a_line_without_a_value_is_left_out),
        cmocka_unit_test(when_chooses_lines_by_the_rows_value),
        cmocka_unit_test(a_line_that_no_run_has_is_a_warning),
        cmocka_unit_test(variants_of_a_table_are_listed_by_value),
        cmocka_unit_test(establish_is_written_out),
        cmocka_unit_test(what_establish_writes_is_what_the_words_mean),
        cmocka_unit_test(on_blocks_ask_for_the_stacks),
        cmocka_unit_test(waiting_and_the_path_are_known_beforehand),
        cmocka_unit_test(a_plan_asks_for_what_the_case_allows),
        cmocka_unit_test(a_label_of_a_block_not_taken_is_refused),
        cmocka_unit_test(one_label_may_stand_on_both_sides_of_a_block),
        cmocka_unit_test(the_hash_is_of_the_meaning_and_not_of_the_spelling),
        cmocka_unit_test(a_plan_is_cut_where_another_stacks_begins),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
