#include "os.h"

#include <fcntl.h>
#include <io.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <windows.h>

/* A word such as close/[a-z]* is ours to expand, over the ids of cases. */
int _dowildcard = 0;

static void with_slashes(char *path)
{
    for (; *path; path++)
        if (*path == '\\')
            *path = '/';
}

void os_start(int argc, char **argv)
{
    DWORD mode = 0;
    for (int i = 1; i < argc; i++)
        if (strncmp(argv[i], "\\\\?\\", 4) != 0) /* \\?\ is not looked into by Windows either */
            with_slashes(argv[i]);
    _setmode(_fileno(stdout), _O_BINARY); /* a line ends with \n alone, as in the results folder */
    _setmode(_fileno(stderr), _O_BINARY);
    SetConsoleOutputCP(CP_UTF8);
    for (DWORD i = 0; i < 2; i++) {
        HANDLE console = GetStdHandle(i ? STD_ERROR_HANDLE : STD_OUTPUT_HANDLE);
        if (GetConsoleMode(console, &mode))
            SetConsoleMode(console, mode | ENABLE_VIRTUAL_TERMINAL_PROCESSING);
    }
}

bool os_program(char *out, size_t cap)
{
    DWORD len = GetModuleFileNameA(NULL, out, (DWORD)cap);
    if (!len || len >= cap)
        len = 0;
    out[len] = '\0';
    with_slashes(out);
    return len > 0;
}

char *os_real_path(const char *path)
{
    char *real = _access(path, 0) == 0 ? _fullpath(NULL, path, 0) : NULL;
    if (real)
        with_slashes(real);
    return real;
}

/* [a-z], [!a-z]: the character behind the set, NULL where it does not match or has no end. */
static const char *match_set(const char *pattern, char c)
{
    bool other = *pattern == '!', found = false;
    const char *p = pattern + other;
    do {
        if (!*p)
            return NULL;
        char to = p[1] == '-' && p[2] && p[2] != ']' ? p[2] : *p;
        found = found || (c >= *p && c <= to);
        p += to != *p ? 3 : 1;
    } while (*p != ']');
    return found != other ? p + 1 : NULL;
}

bool os_match(const char *pattern, const char *text)
{
    for (; *pattern; text++) {
        if (*pattern == '*') {
            for (const char *rest = text;; rest++) {
                if (os_match(pattern + 1, rest))
                    return true;
                if (!*rest)
                    return false;
            }
        }
        if (!*text)
            return false;
        const char *behind = *pattern == '['                        ? match_set(pattern + 1, *text)
                             : *pattern == '?' || *pattern == *text ? pattern + 1
                                                                    : NULL;
        if (!behind)
            return false;
        pattern = behind;
    }
    return !*text;
}

static HANDLE console_of(int fd)
{
    return GetStdHandle(fd == 2 ? STD_ERROR_HANDLE : STD_OUTPUT_HANDLE);
}

/* A console: _isatty() says so of every character device, NUL among them. */
bool os_is_terminal(int fd)
{
    DWORD mode = 0;
    return GetConsoleMode(console_of(fd), &mode);
}

int os_columns(int fd)
{
    CONSOLE_SCREEN_BUFFER_INFO info;
    if (!GetConsoleScreenBufferInfo(console_of(fd), &info))
        return 0;
    return info.srWindow.Right - info.srWindow.Left + 1;
}

/* os_start() has said so to the console; files and pipes get UTF-8 too. */
bool os_has_unicode(void)
{
    return true;
}

void os_date(char *out, size_t cap)
{
    SYSTEMTIME now;
    GetSystemTime(&now);
    snprintf(out, cap, "%04u-%02u-%02uT%02u:%02u:%02uZ", now.wYear, now.wMonth, now.wDay, now.wHour,
             now.wMinute, now.wSecond);
}

void os_machine(struct os_machine *machine)
{
    OSVERSIONINFOW info = {.dwOSVersionInfoSize = sizeof info};
    SYSTEM_INFO system;
    DWORD len = sizeof machine->hostname;
    union {
        FARPROC any;
        LONG(WINAPI *call)(OSVERSIONINFOW *);
    } exact = {.any = GetProcAddress(GetModuleHandleW(L"ntdll.dll"), "RtlGetVersion")};
    if (exact.any)
        exact.call(&info);
    GetNativeSystemInfo(&system);
    if (!GetComputerNameA(machine->hostname, &len))
        machine->hostname[0] = '\0';
    bool arm = system.wProcessorArchitecture == PROCESSOR_ARCHITECTURE_ARM64;
    snprintf(machine->sysname, sizeof machine->sysname, "Windows");
    snprintf(machine->release, sizeof machine->release, "%lu.%lu.%lu",
             (unsigned long)info.dwMajorVersion, (unsigned long)info.dwMinorVersion,
             (unsigned long)info.dwBuildNumber);
    snprintf(machine->arch, sizeof machine->arch, "%s", arm ? "aarch64" : "x86_64");
    machine->cpus = (int)system.dwNumberOfProcessors;
}

static volatile int *interrupt;

static BOOL WINAPI on_control(DWORD what)
{
    *interrupt = (int)what + 1;
    return TRUE;
}

void os_on_interrupt(volatile int *interrupted)
{
    interrupt = interrupted;
    SetConsoleCtrlHandler(on_control, TRUE);
}

/* Handles have no such limit. */
void os_raise_file_limit(void)
{
}

/* They share one loopback. */
int os_jobs_max(void)
{
    return 1;
}

bool os_is_root(void)
{
    return false;
}
