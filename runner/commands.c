#include "cmd.h"

const struct cmd *const cmd_all[] = {
    &cmd_run,      &cmd_matrix, &cmd_list,  &cmd_explain, &cmd_judge,  &cmd_compare,
    &cmd_report,   &cmd_doctor, &cmd_lint,  &cmd_fmt,     &cmd_record, &cmd_sources,
    &cmd_coverage, &cmd_agent,  &cmd_guest, NULL,
};
