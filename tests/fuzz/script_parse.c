/*
 * Any bytes as a case: parsing, planning and formatting end without a crash, and keep their
 * promises. Formatting is idempotent; a case that is formatted is the same case.
 */
#include <stdlib.h>
#include <string.h>

#include "script.h"

static const struct sp_plan_config configs[] = {
    {.lab = SP_CASE_LOOPBACK,
     .family = SP_CASE_IPV4,
     .api = {[SP_WHO_CLIENT] = {"linux", "6.1"}, [SP_WHO_SERVER] = {"linux", "6.1"}},
     .tcp = {[SP_WHO_CLIENT] = {"linux", "6.1"}, [SP_WHO_SERVER] = {"linux", "6.1"}}},
    {.lab = SP_CASE_VETH,
     .family = SP_CASE_IPV6,
     .api = {[SP_WHO_CLIENT] = {"wine", NULL}, [SP_WHO_SERVER] = {"lwip", "2.2"}},
     .tcp = {[SP_WHO_CLIENT] = {"linux", "4.9"}, [SP_WHO_SERVER] = {"lwip", "2.2"}}},
};

static void must(bool holds)
{
    if (!holds)
        abort();
}

/* The hash of the case's plan, "" where it has none. */
static bool plan_hash(const struct sp_case *c, size_t config, size_t row, char hash[17])
{
    struct sp_plan_config with = configs[config];
    struct sp_plan plan;
    struct sp_err err;
    with.row = row;
    bool made = sp_plan_make(c, &with, &plan, &err) == SP_OK;
    hash[0] = '\0';
    if (made) {
        memcpy(hash, plan.hash, sizeof plan.hash);
        for (uint32_t id = 1; id <= plan.last_id; id++)
            must(sp_plan_stmt(&plan, id) != NULL);
        must(plan.least_ns >= 0);
    }
    sp_plan_release(&plan);
    return made;
}

static bool format(const char *text, size_t len, struct sp_buf *out)
{
    struct sp_diags diags;
    struct sp_err err;
    sp_diags_init(&diags);
    sp_buf_init(out, 1 << 22);
    sp_buf_addstr(out, "");
    bool ok = sp_case_format(text, len, out, &diags, &err) == SP_OK;
    sp_diags_release(&diags);
    return ok;
}

static void check_formatted(const struct sp_case *c, const struct sp_buf *formatted)
{
    struct sp_case again;
    struct sp_diags diags;
    struct sp_err err;
    sp_diags_init(&diags);
    enum sp_rc rc = sp_case_parse(NULL, formatted->data, formatted->len, &again, &diags, &err);
    if (rc == SP_OK) { /* it may be that a line is too long now */
        must(again.row_count == c->row_count);
        for (size_t i = 0; i < sizeof configs / sizeof configs[0]; i++) {
            char one[17];
            char two[17];
            plan_hash(c, i, 0, one);
            plan_hash(&again, i, 0, two);
            must(strcmp(one, two) == 0);
        }
    } else {
        bool too_long = false;
        for (size_t i = 0; i < diags.len; i++)
            too_long = too_long || strstr(diags.items[i].text, "bytes") != NULL;
        must(too_long);
    }
    sp_diags_release(&diags);
    sp_case_release(&again);
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
    const char *text = (const char *)data;
    struct sp_case c;
    struct sp_diags diags;
    struct sp_err err = {0};
    struct sp_buf printed;
    struct sp_buf once;
    struct sp_buf twice;
    sp_diags_init(&diags);
    sp_buf_init(&printed, 0);
    enum sp_rc rc = sp_case_parse("cases/a/b.case", text, size, &c, &diags, &err);
    must((rc == SP_OK) == (c.body != 0));
    must(rc == SP_OK || diags.len > 0);
    must(diags.len <= 50);
    sp_diags_print(&diags, "a.case", text, size, &printed);
    bool formatted = format(text, size, &once);
    must(rc != SP_OK || formatted);
    for (size_t row = 0; rc == SP_OK && row < c.row_count && row < 3; row++) {
        char hash[17];
        plan_hash(&c, 0, row, hash);
        plan_hash(&c, 1, row, hash);
    }
    if (rc == SP_OK)
        check_formatted(&c, &once);
    if (formatted && format(once.data, once.len, &twice)) {
        must(once.len == twice.len);
        must(memcmp(once.data, twice.data, once.len) == 0);
    }
    if (formatted)
        sp_buf_release(&twice);
    sp_buf_release(&once);
    sp_buf_release(&printed);
    sp_diags_release(&diags);
    sp_case_release(&c);
    return 0;
}
