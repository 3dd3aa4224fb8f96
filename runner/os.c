#include "os.h"

#include <fnmatch.h>
#include <langinfo.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

void os_start(void)
{
    setlocale(LC_CTYPE, "");
}

bool os_program(char *out, size_t cap)
{
    ssize_t len = readlink("/proc/self/exe", out, cap - 1);
    out[len > 0 ? len : 0] = '\0';
    return len > 0;
}

char *os_real_path(const char *path)
{
    return realpath(path, NULL);
}

bool os_match(const char *pattern, const char *text)
{
    return fnmatch(pattern, text, 0) == 0;
}

bool os_is_terminal(int fd)
{
    return isatty(fd);
}

int os_columns(int fd)
{
    struct winsize size = {0};
    return ioctl(fd, TIOCGWINSZ, &size) == 0 ? size.ws_col : 0;
}

bool os_has_unicode(void)
{
    return strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
}

void os_date(char *out, size_t cap)
{
    time_t now = time(NULL);
    struct tm tm;
    strftime(out, cap, "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&now, &tm));
}
