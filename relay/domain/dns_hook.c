#include "relay/domain/dns_hook.h"

#include "base/clock.h"
#include "base/text/text.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

#define LOOK_MS 200 /* whether it is to stop */
#define SAID_MAX 200

struct hook {
  pid_t pid;
  int process, output; /* a descriptor of the process, and of what it prints */
  char said[SAID_MAX + 1];
  size_t len;
};

extern char **environ;

static int start(const char *program, char *const argv[], struct hook *h, struct reason *why) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0) return fail(why, E_IO, "dns_hook: %s", strerror(errno));
  posix_spawn_file_actions_t files;
  posix_spawnattr_t attributes;
  posix_spawn_file_actions_init(&files);
  posix_spawnattr_init(&attributes);
  posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&files, ends[1], 1);
  posix_spawn_file_actions_adddup2(&files, ends[1], 2);
  sigset_t none, ignored; /* what this thread blocks and the gateway ignores is no business of the program's */
  sigemptyset(&none);
  sigemptyset(&ignored);
  sigaddset(&ignored, SIGPIPE);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setsigdefault(&attributes, &ignored);
  /* A group of its own, so that all that it starts can be ended. */
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  int rc = posix_spawn(&h->pid, program, &files, &attributes, argv, environ);
  posix_spawn_file_actions_destroy(&files);
  posix_spawnattr_destroy(&attributes);
  close(ends[1]);
  h->output = ends[0];
  if (rc == 0 && (h->process = pidfd_open(h->pid, 0)) >= 0) return OK;
  if (rc == 0) { /* which no kernel that this runs on should say */
    kill(-h->pid, SIGKILL);
    waitpid(h->pid, NULL, 0);
  }
  close(ends[0]);
  return fail(why, E_IO, "dns_hook %s cannot be run: %s", program, strerror(rc ? rc : errno));
}

/* The end of what it prints is kept. */
static void read_output(struct hook *h) {
  char more[SAID_MAX];
  ssize_t n;
  while ((n = read(h->output, more, sizeof more)) > 0) {
    size_t len = (size_t)n, keep = SAID_MAX - len < h->len ? SAID_MAX - len : h->len;
    memmove(h->said, h->said + h->len - keep, keep);
    memcpy(h->said + keep, more, len);
    h->len = keep + len;
  }
  h->said[h->len] = '\0';
}

/* True: it has ended. */
static bool wait_for(struct hook *h, const atomic_uint_least64_t *until_ms, uint64_t deadline_ms) {
  for (;;) {
    struct pollfd fds[] = {{.fd = h->process, .events = POLLIN}, {.fd = h->output, .events = POLLIN}};
    int n = poll(fds, 2, LOOK_MS);
    read_output(h);
    if (n > 0 && fds[0].revents) return true;
    if (clock_monotonic_ms() >= deadline_ms || (until_ms && atomic_load(until_ms))) return false;
    if (n > 0 && fds[1].revents & POLLHUP) poll(fds, 1, LOOK_MS); /* it has closed its output, and goes on */
  }
}

static int judge(const struct hook *h, int status, struct reason *why) {
  char said[SAID_MAX + 1];
  size_t end = strcspn(h->said, ""), from = 0;
  while (end && (h->said[end - 1] == '\n' || h->said[end - 1] == ' ')) end--;
  for (size_t i = 0; i < end; i++)
    if (h->said[i] == '\n') from = i + 1; /* its last line */
  snprintf(said, sizeof said, "%.*s", (int)(end - from), h->said + from);
  text_clean(said, true);
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return OK;
  if (WIFEXITED(status))
    return fail(why, E_DENIED, "dns_hook ended with status %d%s%s", WEXITSTATUS(status), *said ? ": " : "", said);
  return fail(why, E_DENIED, "dns_hook was ended by signal %d%s%s", WTERMSIG(status), *said ? ": " : "", said);
}

int dns_hook_run(const char *program, bool add, const char *name, const char *value,
                 const atomic_uint_least64_t *until_ms, uint64_t deadline_ms, struct reason *why) {
  struct hook h = {0};
  int status = 0;
  const char *const argv[] = {program, add ? "add" : "remove", name, "TXT", value, NULL};
  int rc = start(program, (char *const *)(uintptr_t)argv, &h, why);
  if (rc != OK) return rc;
  bool ended = wait_for(&h, until_ms, deadline_ms);
  if (!ended) kill(-h.pid, SIGKILL);
  waitpid(h.pid, &status, 0);
  read_output(&h);
  close(h.process);
  close(h.output);
  return ended ? judge(&h, status, why) : fail(why, E_TEMPORARY, "dns_hook did not end in time");
}
