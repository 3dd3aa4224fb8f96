/* Any bytes as a trace; what is read is written, read again and written again to the same text. */
#include <stdlib.h>
#include <string.h>

#include "trace.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Not assert(), which an optimised build leaves out. */
static void must(int holds)
{
    if (!holds)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sp_trace trace;
    struct sp_trace back;
    struct sp_buf once;
    struct sp_buf twice;
    struct sp_err err = {0};
    sp_buf_init(&once, 0);
    sp_buf_init(&twice, 0);
    enum sp_rc rc = sp_trace_read((const char *)data, size, &trace, &err);
    must((rc == SP_OK) == (err.text[0] == '\0'));
    if (rc == SP_OK) {
        must(sp_trace_write(&trace, &once, NULL) == SP_OK);
        must(sp_trace_read(once.data, once.len, &back, NULL) == SP_OK);
        must(sp_trace_write(&back, &twice, NULL) == SP_OK);
        must(once.len == twice.len && memcmp(once.data, twice.data, once.len) == 0);
        sp_trace_release(&back);
        sp_trace_sort(&trace);
    }
    sp_trace_release(&trace);
    sp_buf_release(&once);
    sp_buf_release(&twice);
    return 0;
}
