#include <string.h>

#include "reports.h"

static enum sp_rc write_text(const struct sp_results *results, struct sp_buf *out,
                             struct sp_err *err)
{
    static const struct sp_report_style plain = {.unicode = true};
    sp_report_summary(results, &plain, out);
    return out->overflow
               ? sp_fail(err, SP_E_LIMIT, "the summary is larger than %zu bytes", out->max_bytes)
               : SP_OK;
}

static const struct sp_reporter reporters[] = {
    {"text", "the summary for people", write_text},
    {"json", "run.json (schema sockproof-run/1)", sp_results_write},
    {"junit", "JUnit XML, a testsuite a topic", sp_report_junit},
    {"ktap", "KTAP version 1, as kernel test tools read it", sp_report_ktap},
    {"markdown", "Markdown for a job summary", sp_report_markdown},
};

const struct sp_reporter *sp_reporters(size_t *count)
{
    *count = sizeof reporters / sizeof *reporters;
    return reporters;
}

const struct sp_reporter *sp_reporter_find(const char *name)
{
    for (size_t i = 0; i < sizeof reporters / sizeof *reporters; i++)
        if (strcmp(reporters[i].name, name) == 0)
            return &reporters[i];
    return NULL;
}
