/* Reading the JSON form: what is damaged is refused, and named. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "trace.h"
#include "trace_fixture.h"

static void a_trace_cut_anywhere_is_refused(void **state)
{
    (void)state;
    struct sp_trace trace;
    struct sp_buf json;
    fill(&trace);
    sp_buf_init(&json, 0);
    assert_int_equal(sp_trace_write(&trace, &json, NULL), SP_OK);
    for (size_t len = 0; len + 2 < json.len; len += 7) {
        struct sp_trace back;
        struct sp_err err = {0};
        assert_int_equal(sp_trace_read(json.data, len, &back, &err), SP_E_PARSE);
        assert_true(err.text[0] != '\0');
        assert_int_equal(back.len, 0);
        sp_trace_release(&back);
    }
    sp_buf_release(&json);
    sp_trace_release(&trace);
}

#define HEAD "{\"schema\":\"sockproof-trace/1\",\"events\":["
#define SEG  "{\"kind\":\"segment\",\"t_ns\":1,"

static void what_is_wrong_is_named(void **state)
{
    (void)state;
    static const struct {
        const char *json;
        const char *words;
    } rows[] = {
        {"", "not JSON"},
        {"\xff\xfe", "not JSON"},
        {"[]", "a trace is an object"},
        {"{}", "schema: expected a string, got nothing"},
        {"{\"schema\":\"sockproof-trace/2\"}", "schema: 'sockproof-trace/2'"},
        {"{\"schema\":\"sockproof-trace/1\"}", "events: expected an array, got nothing"},
        {"{\"schema\":\"sockproof-trace/1\",\"schema\":\"x\"}", "duplicate"},
        {"{\"schema\":\"sockproof-trace/1\",\"hz\":\"x\",\"events\":[]}",
         "hz: expected an integer"},
        {"{\"schema\":\"sockproof-trace/1\",\"family\":\"ipx\",\"events\":[]}", "family: 'ipx'"},
        {"{\"schema\":\"sockproof-trace/1\",\"ends\":{\"client\":{\"addr\":\"x\"}},\"events\":[]}",
         "ends: client: addr: not an address"},
        {"{\"schema\":\"sockproof-trace/1\",\"ends\":{\"peer\":{\"api\":3}},\"events\":[]}",
         "ends: peer: api: expected an object, got an integer"},
        {"{\"schema\":\"sockproof-trace/1\",\"pins\":[{},{\"name\":1}],\"events\":[]}",
         "pin 1: name: expected a string"},
        {HEAD "7]}", "event 0: expected an object"},
        {HEAD "{\"kind\":\"lab\",\"t_ns\":1},{\"t_ns\":1}]}", "event 1: kind: expected a string"},
        {HEAD "{\"kind\":\"dance\",\"t_ns\":1}]}", "event 0: kind: 'dance'"},
        {HEAD "{\"kind\":\"lab\"}]}", "t_ns: expected an integer, got nothing"},
        {HEAD "{\"kind\":\"lab\",\"t_ns\":1.5}]}", "t_ns: expected an integer, got a fraction"},
        {HEAD "{\"kind\":\"lab\",\"t_ns\":99999999999999999999}]}", "not JSON"},
        {HEAD "{\"kind\":\"lab\",\"t_ns\":1,\"end\":\"nobody\"}]}", "end: 'nobody'"},
        {HEAD "{\"kind\":\"lab\",\"t_ns\":1,\"stmt\":-1}]}", "stmt: -1 is not between 0"},
        {HEAD "{\"kind\":\"lab\",\"t_ns\":1,\"order\":4294967296}]}", "order: 4294967296"},
        {HEAD "{\"kind\":\"lab\",\"t_ns\":1,\"action\":null}]}", "action: expected a string"},
        {HEAD SEG "\"window\":65536}]}", "event 0: window: 65536 is not between 0 and 65535"},
        {HEAD SEG "\"ttl\":256}]}", "ttl: 256"},
        {HEAD SEG "\"flags\":\"SYN+ACK\"}]}", "flags: 'SYN+ACK' are no TCP flags"},
        {HEAD SEG "\"src\":\"10.0.0.300:1\"}]}", "src: not an address"},
        {HEAD SEG "\"src\":5}]}", "src: expected a string, got an integer"},
        {HEAD SEG "\"options\":\"0\"}]}", "options: 1 hex digits"},
        {HEAD SEG "\"options\":\"0X\"}]}", "options: not hex at digit 0"},
        {HEAD SEG "\"payload_hash\":\"12\"}]}", "payload_hash: 2 hex digits, expected 16"},
        {HEAD SEG "\"payload_head\":\"12\"}]}", "payload_head: 1 bytes of a payload of 0"},
        {HEAD SEG "\"ip_df\":1}]}", "ip_df: expected true or false, got an integer"},
        {HEAD "{\"kind\":\"state\",\"t_ns\":1,\"new\":\"SLEEPING\"}]}", "new: 'SLEEPING'"},
        {HEAD "{\"kind\":\"state\",\"t_ns\":1,\"timer\":2147483648}]}", "timer: 2147483648"},
        {HEAD "{\"kind\":\"call\",\"t_ns\":1,\"name\":\"a\\u0000b\"}]}", "not JSON"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct sp_trace trace;
        struct sp_err err = {0};
        enum sp_rc rc = sp_trace_read(rows[i].json, strlen(rows[i].json), &trace, &err);
        if (rc != SP_E_PARSE || !strstr(err.text, rows[i].words))
            fail_msg("%s: got %s '%s', expected '%s'", rows[i].json, sp_rc_name(rc), err.text,
                     rows[i].words);
        sp_trace_release(&trace);
    }
}

static void options_longer_than_a_header_are_refused(void **state)
{
    (void)state;
    struct sp_trace trace;
    struct sp_buf json;
    struct sp_err err = {0};
    sp_buf_init(&json, 0);
    sp_buf_addstr(&json, HEAD SEG "\"options\":\"");
    for (int i = 0; i < SP_SEG_OPT_MAX + 1; i++)
        sp_buf_addstr(&json, "01");
    sp_buf_addstr(&json, "\"}]}");
    assert_int_equal(sp_trace_read(json.data, json.len, &trace, &err), SP_E_PARSE);
    assert_non_null(strstr(err.text, "82 hex digits"));
    sp_trace_release(&trace);
    sp_buf_release(&json);
}

static void unknown_fields_are_let_by(void **state)
{
    (void)state;
    static const char json[] =
        "{\"schema\":\"sockproof-trace/1\",\"moon\":[1,{}],\"ends\":{\"dog\":4},\"events\":["
        "{\"kind\":\"lab\",\"t_ns\":3,\"colour\":\"red\",\"action\":\"cut\"}]}";
    struct sp_trace trace;
    assert_int_equal(sp_trace_read(json, sizeof json - 1, &trace, NULL), SP_OK);
    assert_int_equal(trace.len, 1);
    assert_string_equal(trace.events[0].u.lab.action, "cut");
    assert_string_equal(trace.events[0].u.lab.detail, "");
    sp_trace_release(&trace);
}

static void more_events_than_the_limit_are_refused(void **state)
{
    (void)state;
    struct sp_trace trace;
    struct sp_buf json;
    sp_buf_init(&json, 0);
    sp_buf_addstr(&json, HEAD "0");
    for (int i = 0; i < SP_TRACE_EVENTS_MAX; i++)
        sp_buf_add(&json, ",0", 2);
    sp_buf_addstr(&json, "]}");
    assert_int_equal(sp_trace_read(json.data, json.len, &trace, NULL), SP_E_LIMIT);
    sp_trace_release(&trace);
    sp_buf_release(&json);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_trace_cut_anywhere_is_refused),
        cmocka_unit_test(what_is_wrong_is_named),
        cmocka_unit_test(options_longer_than_a_header_are_refused),
        cmocka_unit_test(unknown_fields_are_let_by),
        cmocka_unit_test(more_events_than_the_limit_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
