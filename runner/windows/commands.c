/* Those that Windows has: guests and recording need Linux's namespaces. */
#include "cmd.h"

const struct cmd *const cmd_all[] = {
    &cmd_run,  &cmd_list, &cmd_explain, &cmd_judge,    &cmd_compare, &cmd_report, &cmd_doctor,
    &cmd_lint, &cmd_fmt,  &cmd_sources, &cmd_coverage, &cmd_agent,   NULL,
};
