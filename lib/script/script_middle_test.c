/* The lines of the path: what they are parsed into, and that they are printed as they are meant. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "clock.h"
#include "script.h"
#include "wire.h"

#define HEADER "case a/b\ntitle t\nspec S:1\nlabs veth\nfamily ipv4\n\nestablish\n"

struct fixture {
    struct sp_case c;
    struct sp_diags diags;
    struct sp_plan plan;
    const struct sp_stmt *stmt; /* the last line */
};

static void open_line(struct fixture *f, const char *line)
{
    struct sp_buf text;
    struct sp_err err = {0};
    sp_buf_init(&text, 0);
    sp_diags_init(&f->diags);
    sp_buf_addf(&text, HEADER "%s\n", line);
    if (sp_case_parse(NULL, text.data, text.len, &f->c, &f->diags, &err) != SP_OK)
        fail_msg("%s: %s", line, err.text);
    struct sp_plan_config config = {.lab = SP_CASE_VETH, .family = SP_CASE_IPV4};
    assert_int_equal(sp_plan_make(&f->c, &config, &f->plan, &err), SP_OK);
    f->stmt = &f->plan.stmts[f->plan.stmt_count - 1];
    assert_int_equal(f->stmt->kind, SP_ST_MIDDLE);
    sp_buf_release(&text);
}

static void close_line(struct fixture *f)
{
    sp_plan_release(&f->plan);
    sp_case_release(&f->c);
    sp_diags_release(&f->diags);
}

static void every_verb_is_printed_as_it_is_meant(void **state)
{
    static const struct {
        const char *line, *printed; /* NULL: the same */
    } rows[] = {
        {"middle drop client FIN once", "middle drop client FIN times 1"},
        {"middle drop client 1..10 nth 3 times 2", NULL},
        {"middle hold both from FIN", NULL},
        {"middle hold client", NULL},
        {"middle release server 2", NULL},
        {"middle open", NULL},
        {"middle delay client 1..10 by 50ms", NULL},
        {"middle duplicate server SYN,ACK copies 2 by 1s", NULL},
        {"middle duplicate server SYN,ACK copies 1", "middle duplicate server SYN,ACK"},
        {"middle reorder client any behind 2", NULL},
        {"middle corrupt client any at header nth 2", NULL},
        {"middle corrupt client any", "middle corrupt client any at payload"},
        {"middle keep client FIN", NULL},
        {"middle replay client", NULL},
        {"middle replay client 2", NULL},
        {"middle rewrite client SYN to opt~mss=536 opt!~ts CWR,!ECE win=7 times 3", NULL},
        {"middle inject server RST seq=client.rcv_nxt+10", NULL},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct fixture f = {0};
        struct sp_buf out;
        sp_buf_init(&out, 0);
        open_line(&f, rows[i].line);
        sp_stmt_print(f.stmt, &out);
        assert_string_equal(out.data, rows[i].printed ? rows[i].printed : rows[i].line);
        sp_buf_release(&out);
        close_line(&f);
    }
}

static void amounts_are_read(void **state)
{
    struct fixture f = {0};
    (void)state;
    open_line(&f, "middle duplicate client SYN copies 3 by 20ms nth 4 times 5");
    assert_int_equal(f.stmt->middle->verb, SP_MIDDLE_DUPLICATE);
    assert_int_equal(f.stmt->middle->count, 3);
    assert_int_equal(f.stmt->middle->by_ns, 20 * SP_MS);
    assert_int_equal(f.stmt->middle->nth, 4);
    assert_int_equal(f.stmt->times.max, 5);
    assert_int_equal(f.stmt->target, SP_WHO_CLIENT);
    close_line(&f);
    open_line(&f, "middle reorder server 1..10");
    assert_int_equal(f.stmt->middle->count, 1);
    assert_int_equal(f.stmt->middle->nth, 1);
    assert_false(f.stmt->times.set);
    close_line(&f);
}

static void fields_to_rewrite_are_read(void **state)
{
    struct fixture f = {0};
    (void)state;
    open_line(&f, "middle rewrite client any to ECE,!PSH seq-=5 ack=9 ecn=3 dscp=46 payload=4142");
    const struct sp_middle *m = f.stmt->middle;
    assert_int_equal(m->seg->flags, SP_ECE); /* no ACK by itself: what is not named stays */
    assert_int_equal(m->clear, SP_PSH);
    assert_true(m->seq_shift);
    assert_int_equal(m->seg->seq.offset, -5);
    assert_false(m->ack_shift);
    assert_int_equal(m->seg->ack.offset, 9);
    assert_int_equal(m->seg->ecn.min, 3);
    assert_int_equal(m->seg->dscp.min, 46);
    assert_int_equal(m->seg->payload_len, 2);
    assert_memory_equal(m->seg->payload, "AB", 2);
    close_line(&f);
}

static void a_segment_to_inject_is_one_of_the_peers(void **state)
{
    struct fixture f = {0};
    (void)state;
    open_line(&f, "middle inject client FIN 1..10 ack=server.snd_nxt+server.rcv_wnd from=5000");
    const struct sp_peer_seg *seg = f.stmt->peer;
    assert_int_equal(seg->flags, SP_FIN | SP_ACK);
    assert_int_equal(seg->bytes.max, 10);
    assert_int_equal(seg->ack.base, SP_BASE_SND_NXT);
    assert_int_equal(seg->ack.end, SP_WHO_SERVER);
    assert_true(seg->ack.window);
    assert_string_equal(seg->from, ":5000");
    close_line(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_verb_is_printed_as_it_is_meant),
        cmocka_unit_test(amounts_are_read),
        cmocka_unit_test(fields_to_rewrite_are_read),
        cmocka_unit_test(a_segment_to_inject_is_one_of_the_peers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
