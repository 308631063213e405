#include "sendmail/caller.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

/* The name of a process, and its parent. False: it cannot be read. */
static bool read_process(long pid, char name[32], long *parent) {
  char path[64], line[512];
  snprintf(path, sizeof path, "/proc/%ld/stat", pid);
  FILE *f = fopen(path, "re");
  if (!f) return false;
  bool whole = fgets(line, sizeof line, f) != NULL;
  fclose(f);
  /* "PID (NAME) STATE PARENT ..."; a name may hold parentheses (proc(5)). */
  char *open = whole ? strchr(line, '(') : NULL, *close = open ? strrchr(line, ')') : NULL;
  if (!close || sscanf(close, ") %*c %ld", parent) != 1) return false;
  *close = '\0';
  snprintf(name, 32, "%.31s", open + 1);
  return true;
}

static bool begins(const char *name, const char *with) {
  return strncmp(name, with, strlen(with)) == 0;
}

/* php, php8.2, php-fpm8.2, lsphp; with the interpreter in the web server, that one. */
static bool is_php(const char *name) {
  static const char *const names[] = {"php", "lsphp", "frankenphp", "apache2", "httpd", "litespeed"};
  for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
    if (begins(name, names[i])) return true;
  return false;
}

/* PHP runs us through a shell (popen(3)), which most often becomes us. */
int caller_status(int status) {
  char name[32];
  long pid = getppid(), parent;
  if (status != EX_TEMPFAIL || !read_process(pid, name, &parent)) return status;
  bool shell = strcmp(name, "sh") == 0 || strcmp(name, "dash") == 0 || strcmp(name, "bash") == 0;
  if (shell && !read_process(parent, name, &parent)) return status;
  return is_php(name) ? EX_UNAVAILABLE : status;
}
