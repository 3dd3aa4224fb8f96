/* The names of labs and families in results and on the command line. */
#include <string.h>

#include "run.h"

static const struct {
    enum sp_case_lab lab;
    const char *name;
} lab_names[] = {
    {SP_CASE_LOOPBACK, "loopback"}, {SP_CASE_VETH, "veth"}, {SP_CASE_ROUTED, "routed"}};

const char *sp_case_lab_name(enum sp_case_lab lab)
{
    for (size_t i = 0; i < sizeof lab_names / sizeof lab_names[0]; i++)
        if (lab_names[i].lab == lab)
            return lab_names[i].name;
    return "none";
}

enum sp_case_lab sp_case_lab_of(const char *name)
{
    for (size_t i = 0; i < sizeof lab_names / sizeof lab_names[0]; i++)
        if (strcmp(lab_names[i].name, name) == 0)
            return lab_names[i].lab;
    return SP_CASE_VETH;
}

const char *sp_case_family_name(enum sp_case_family family)
{
    return family == SP_CASE_IPV6 ? "ipv6" : "ipv4";
}
