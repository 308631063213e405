#include "cli/self_command.h"

#include <errno.h>
#include <spawn.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define SELF "/proc/self/exe"

extern char **environ;

/* Files in memory in place of pipes: nobody waits for anybody, and a secret is on no disk. */
static int memory_file(struct bytes content) {
  int fd = memfd_create("sendoff", MFD_CLOEXEC);
  while (fd >= 0 && content.len) {
    ssize_t n = write(fd, content.at, content.len);
    if (n <= 0) {
      close(fd);
      return -1;
    }
    content = bytes_from(content, (size_t)n);
  }
  if (fd >= 0) lseek(fd, 0, SEEK_SET);
  return fd;
}

static void read_back(int fd, struct buffer *out) {
  lseek(fd, 0, SEEK_SET);
  for (ssize_t n = 1; n > 0 && buffer_reserve(out, 4096) == OK;) {
    n = read(fd, out->at + out->len, 4096);
    if (n > 0) out->len += (size_t)n;
  }
}

static int spawn(char *const *argv, const int fds[3], pid_t *pid) {
  posix_spawn_file_actions_t actions;
  int rc = posix_spawn_file_actions_init(&actions);
  for (int i = 0; rc == 0 && i < 3; i++) rc = posix_spawn_file_actions_adddup2(&actions, fds[i], i);
  if (rc == 0) rc = posix_spawn(pid, SELF, &actions, NULL, argv, environ);
  posix_spawn_file_actions_destroy(&actions);
  return rc;
}

static enum exit_status run(char *const *argv, const int fds[3], struct buffer *errors) {
  pid_t pid;
  int status = 0, rc = spawn(argv, fds, &pid);
  if (rc != 0) {
    buffer_addf(errors, "%s: %s\n", SELF, strerror(rc));
    return EXIT_NO;
  }
  while (waitpid(pid, &status, 0) < 0)
    if (errno != EINTR) return EXIT_NO;
  return WIFEXITED(status) ? (enum exit_status)WEXITSTATUS(status) : EXIT_NO;
}

enum exit_status self_command(const struct cli *c, const char *const *words, size_t count, struct bytes input,
                              struct buffer *out, struct buffer *errors) {
  const char *argv[SELF_WORDS_MAX + 4] = {"sendoff"};
  size_t n = 1;
  if (count > SELF_WORDS_MAX) { /* never a part of a command: it would be another one */
    buffer_addf(errors, "a command of more than %d words is not run\n", SELF_WORDS_MAX);
    return EXIT_NO;
  }
  if (c->config_option) {
    argv[n++] = "--config";
    argv[n++] = c->config_option;
  }
  for (size_t i = 0; i < count; i++) argv[n++] = words[i];
  int fds[3] = {memory_file(input), memory_file((struct bytes){"", 0}), memory_file((struct bytes){"", 0})};
  bool all = fds[0] >= 0 && fds[1] >= 0 && fds[2] >= 0;
  enum exit_status s = EXIT_NO;
  if (all)
    s = run((char *const *)(uintptr_t)argv, fds, errors);
  else
    buffer_addf(errors, "out of memory\n");
  if (all) read_back(fds[1], out);
  if (all) read_back(fds[2], errors);
  for (int i = 0; i < 3; i++)
    if (fds[i] >= 0) close(fds[i]);
  return s;
}
