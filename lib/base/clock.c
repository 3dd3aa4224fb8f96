#include "clock.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

static int64_t read_clock_ns(clockid_t id)
{
    struct timespec ts;
    clock_gettime(id, &ts);
    return (int64_t)ts.tv_sec * SP_S + ts.tv_nsec;
}

int64_t sp_clock_now_ns(void)
{
    return read_clock_ns(CLOCK_MONOTONIC);
}

int64_t sp_clock_realtime_offset_ns(int64_t *error_ns)
{
    int64_t best_width = INT64_MAX;
    int64_t offset = 0;
    for (int i = 0; i < 8; i++) {
        int64_t before = read_clock_ns(CLOCK_MONOTONIC);
        int64_t real = read_clock_ns(CLOCK_REALTIME);
        int64_t after = read_clock_ns(CLOCK_MONOTONIC);
        if (after - before < best_width) {
            best_width = after - before;
            offset = before + (after - before) / 2 - real;
        }
    }
    if (error_ns)
        *error_ns = best_width / 2;
    return offset;
}

static const struct unit {
    const char *name;
    int64_t ns;
} units[] = {
    {"ns", 1},          {"us", SP_US},      {"ms", SP_MS},       {"s", SP_S},
    {"min", 60 * SP_S}, {"h", 3600 * SP_S}, {"d", 86400 * SP_S},
};

enum { UNITS = sizeof units / sizeof units[0] };

void sp_duration_print(int64_t ns, char *out, unsigned cap)
{
    const char *sign = ns < 0 ? "-" : "";
    uint64_t left = ns < 0 ? 0 - (uint64_t)ns : (uint64_t)ns;
    if (left == 0) {
        snprintf(out, cap, "0s");
        return;
    }
    const struct unit *unit = &units[0];
    for (int i = 0; i < UNITS; i++)
        if (left >= (uint64_t)units[i].ns &&
            (units[i].ns <= SP_S || left % (uint64_t)units[i].ns == 0))
            unit = &units[i];
    uint64_t whole = left / (uint64_t)unit->ns;
    uint64_t part = left % (uint64_t)unit->ns;
    char digits[24] = "";
    if (part) {
        uint64_t billionths = part * (uint64_t)(SP_S / unit->ns);
        snprintf(digits, sizeof digits, ".%09llu", (unsigned long long)billionths);
        size_t len = strlen(digits);
        while (len > 1 && digits[len - 1] == '0')
            digits[--len] = '\0';
    }
    snprintf(out, cap, "%s%llu%s%s", sign, (unsigned long long)whole, digits, unit->name);
}

unsigned sp_duration_parse(const char *text, int64_t *ns)
{
    const char *p = text;
    int64_t whole = 0;
    int64_t part = 0;
    int64_t scale = 1;
    if (*p < '0' || *p > '9')
        return 0;
    for (; *p >= '0' && *p <= '9'; p++) {
        if (whole > (INT64_MAX - 9) / 10)
            return 0;
        whole = whole * 10 + (*p - '0');
    }
    if (*p == '.') {
        p++;
        if (*p < '0' || *p > '9')
            return 0;
        for (; *p >= '0' && *p <= '9'; p++) {
            if (scale >= SP_S)
                return 0;
            part = part * 10 + (*p - '0');
            scale *= 10;
        }
    }
    const struct unit *found = NULL;
    for (int i = 0; i < UNITS; i++) {
        size_t len = strlen(units[i].name);
        if (strncmp(p, units[i].name, len) == 0 && (!found || len > strlen(found->name)))
            found = &units[i];
    }
    if (!found || whole > INT64_MAX / found->ns)
        return 0;
    /* part / scale of a unit, in two steps that both fit: part < scale <= 10^9. */
    int64_t fraction = part * (found->ns / scale) + part * (found->ns % scale) / scale;
    if (whole * found->ns > INT64_MAX - fraction)
        return 0;
    p += strlen(found->name);
    *ns = whole * found->ns + fraction;
    return (unsigned)(p - text);
}
