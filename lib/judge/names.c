/* Names of verdicts and failures: they stand in the JSON and never change. */
#include "judge.h"

#include <assert.h>
#include <string.h>

static_assert((int)SP_WHO_CLIENT == (int)SP_END_CLIENT, "script and trace number the ends alike");
static_assert((int)SP_WHO_SERVER == (int)SP_END_SERVER, "script and trace number the ends alike");
static_assert((int)SP_WHO_PEER == (int)SP_END_PEER, "script and trace number the ends alike");
static_assert((int)SP_WHO_MIDDLE == (int)SP_END_MIDDLE, "script and trace number the ends alike");
static_assert((int)SP_WHO_COUNT == (int)SP_END_COUNT, "script and trace number the ends alike");

static const char *const verdicts[SP_VERDICT_COUNT] = {
    [SP_VERDICT_BROKEN] = "broken",
    [SP_VERDICT_FAIL] = "fail",
    [SP_VERDICT_INCONCLUSIVE] = "inconclusive",
    [SP_VERDICT_SKIP] = "skip",
    [SP_VERDICT_VARIANT] = "variant",
    [SP_VERDICT_PASS] = "pass",
};

const char *sp_verdict_name(enum sp_verdict verdict)
{
    return verdict < SP_VERDICT_COUNT ? verdicts[verdict] : "broken";
}

bool sp_verdict_parse(const char *name, enum sp_verdict *out)
{
    for (int i = 0; name && i < SP_VERDICT_COUNT; i++)
        if (strcmp(verdicts[i], name) == 0) {
            *out = (enum sp_verdict)i;
            return true;
        }
    return false;
}

static const char *const fails[] = {
    [SP_FAIL_NONE] = "none",
    [SP_FAIL_VALUE] = "value",
    [SP_FAIL_ERROR] = "error",
    [SP_FAIL_PAYLOAD] = "payload",
    [SP_FAIL_SIGNAL] = "signal",
    [SP_FAIL_HUNG] = "hung",
    [SP_FAIL_SEG_MISSING] = "segment-missing",
    [SP_FAIL_SEG_EXTRA] = "segment-extra",
    [SP_FAIL_SEG_WRONG] = "segment-wrong",
    [SP_FAIL_STATE_MISSING] = "state-missing",
    [SP_FAIL_STATE_EXTRA] = "state-extra",
    [SP_FAIL_ORDER] = "order",
    [SP_FAIL_EARLY] = "early",
    [SP_FAIL_LATE] = "late",
    [SP_FAIL_FORBIDDEN] = "forbidden",
    [SP_FAIL_QUEUE] = "queue",
    [SP_FAIL_INVARIANT] = "invariant",
    [SP_FAIL_STALE] = "stale",
};

const char *sp_fail_name(enum sp_fail_kind kind)
{
    return (size_t)kind < sizeof fails / sizeof fails[0] ? fails[kind] : "none";
}
