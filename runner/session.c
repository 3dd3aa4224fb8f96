#include "session.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

enum { LINE_MAX_ = 512, SAID_MAX = 400, READY_MS = 60 * 1000, END_MS = 5 * 1000, ENV_MAX = 8 };

static _Noreturn void child_main(const char *program, const char *param, const char *self,
                                 const int fds[3])
{
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    setpgid(0, 0); /* Ctrl+C is for us: it still has to clean up */
    for (int i = 0; i < 3; i++)
        dup2(fds[i], i);
    setenv("SOCKPROOF_PARAM", param, 1);
    setenv("SOCKPROOF_PROGRAM", self, 1);
    execl(program, program, (char *)NULL);
    dprintf(STDERR_FILENO, "%s: %s", program, strerror(errno));
    _exit(127);
}

static void take_address(struct session *s, const char *text, struct sp_arena *arena)
{
    s->address[strchr(text, ':') != NULL] = sp_arena_strdup(arena, text);
}

static void take_line(struct session *s, const char *line, struct sp_arena *arena)
{
    size_t len = strcspn(line, " ");
    const char *rest = line[len] ? line + len + 1 : line + len;
    size_t env = 0;
    if (strncmp(line, "stack", len) == 0) {
        size_t name = strcspn(rest, " ");
        s->name = sp_arena_strndup(arena, rest, name);
        s->version = rest[name] ? sp_arena_strdup(arena, rest + name + 1) : "";
    } else if (strncmp(line, "machine", len) == 0) {
        s->machine = sp_arena_strdup(arena, rest);
    } else if (strncmp(line, "address", len) == 0) {
        take_address(s, rest, arena);
    } else if (strncmp(line, "port", len) == 0) {
        s->port = (uint16_t)strtoul(rest, NULL, 10);
    } else if (strncmp(line, "env", len) == 0) {
        while (s->environment[env])
            env++;
        if (env < ENV_MAX)
            s->environment[env] = sp_arena_strdup(arena, rest);
    }
}

/* A byte at a time: what comes behind `ready` is nobody's. False at its end, or after a minute. */
static bool read_line(int fd, char line[LINE_MAX_])
{
    size_t len = 0;
    struct pollfd ready = {.fd = fd, .events = POLLIN};
    while (len + 1 < LINE_MAX_ && poll(&ready, 1, READY_MS) > 0) {
        char c;
        if (read(fd, &c, 1) != 1)
            return false;
        if (c == '\n') {
            line[len] = '\0';
            return true;
        }
        line[len++] = c;
    }
    return false;
}

static void read_said(int fd, char out[SAID_MAX])
{
    ssize_t got = pread(fd, out, SAID_MAX - 1, 0);
    size_t len = got > 0 ? (size_t)got : 0;
    for (size_t i = 0; i < len; i++)
        if ((unsigned char)out[i] < 0x20)
            out[i] = ' ';
    while (len && out[len - 1] == ' ')
        len--;
    out[len] = '\0';
}

enum sp_rc session_open(const char *program, const char *param, const char *self,
                        struct sp_arena *arena, struct session *out, struct sp_err *err)
{
    int in[2] = {-1, -1}, told[2] = {-1, -1};
    char line[LINE_MAX_], said[SAID_MAX];
    enum sp_rc rc = SP_OK;
    bool ready = false;
    *out = (struct session){.in_fd = -1, .out_fd = -1, .name = "", .version = "", .machine = ""};
    int log = memfd_create("said", MFD_CLOEXEC);
    if (log < 0 || pipe2(in, O_CLOEXEC) < 0 || pipe2(told, O_CLOEXEC) < 0)
        rc = sp_fail_os(err, SP_E_IO, errno, "pipes to %s", program);
    out->pid = rc == SP_OK ? fork() : 0;
    if (rc == SP_OK && out->pid == 0)
        child_main(program, param, self, (const int[3]){in[0], told[1], log});
    if (out->pid < 0)
        rc = sp_fail_os(err, SP_E_IO, errno, "starting %s", program);
    out->in_fd = in[1];
    out->out_fd = told[0];
    if (in[0] >= 0)
        close(in[0]);
    if (told[1] >= 0)
        close(told[1]);
    while (rc == SP_OK && !ready && read_line(out->out_fd, line)) {
        ready = strcmp(line, "ready") == 0;
        take_line(out, line, arena);
    }
    if (rc == SP_OK && !ready) {
        read_said(log, said);
        rc = sp_fail(err, SP_E_IO, "%s", *said ? said : "the stack's session ended without a word");
    }
    if (log >= 0)
        close(log);
    if (rc != SP_OK)
        session_close(out);
    return rc;
}

void session_close(struct session *s)
{
    if (s->in_fd >= 0)
        close(s->in_fd);
    struct pollfd end = {.fd = s->out_fd, .events = POLLIN};
    char rest[LINE_MAX_];
    while (s->pid > 0 && poll(&end, 1, END_MS) > 0 && read(s->out_fd, rest, sizeof rest) > 0)
        ;
    if (s->pid > 0 && waitpid(s->pid, NULL, WNOHANG) == 0) {
        kill(s->pid, SIGTERM);
        waitpid(s->pid, NULL, 0);
    }
    if (s->out_fd >= 0)
        close(s->out_fd);
    s->in_fd = s->out_fd = -1;
    s->pid = 0;
}
