#include "relay/net/file_access.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <pwd.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define NAME_ROOM 64

static void user_name(uid_t id, char out[NAME_ROOM]) {
  struct passwd p, *found = NULL;
  char text[1024];
  if (getpwuid_r(id, &p, text, sizeof text, &found) == 0 && found)
    snprintf(out, NAME_ROOM, "%.63s", p.pw_name);
  else
    snprintf(out, NAME_ROOM, "%u", (unsigned)id);
}

static void group_name(gid_t id, char out[NAME_ROOM]) {
  struct group g, *found = NULL;
  char text[1024];
  if (getgrgid_r(id, &g, text, sizeof text, &found) == 0 && found)
    snprintf(out, NAME_ROOM, "%.63s", g.gr_name);
  else
    snprintf(out, NAME_ROOM, "%u", (unsigned)id);
}

/* The last folder on the way to `path` that may be seen but not entered. */
static bool closed_folder(const char *path, char out[PATH_MAX]) {
  snprintf(out, PATH_MAX, "%s", path);
  for (char *end = strrchr(out, '/'); end; end = strrchr(out, '/')) {
    struct stat st;
    *end = '\0';
    const char *folder = *out ? out : "/";
    if (stat(folder, &st) == 0) return faccessat(AT_FDCWD, folder, X_OK, AT_EACCESS) != 0 && *out;
  }
  return false;
}

/* Of a symbolic link, what is in the way to the file that it leads to. glibc leaves the place where it got stuck. */
static const char *where_it_ends(const char *path, char out[PATH_MAX]) {
  *out = '\0';
  if (realpath(path, out)) return out;
  return errno == EACCES && *out ? out : path;
}

static int fail_denied(const char *path, struct reason *why) {
  char end[PATH_MAX], folder[PATH_MAX], user[NAME_ROOM], group[NAME_ROOM], owner[NAME_ROOM];
  struct stat st;
  const char *target = where_it_ends(path, end);
  user_name(geteuid(), user);
  if (closed_folder(target, folder) && stat(folder, &st) == 0) {
    user_name(st.st_uid, owner);
    return fail(why, E_DENIED,
                "%s: user %s may not enter %s (mode %04o, of %s); have the files copied to where it may read them, for "
                "certbot: --deploy-hook /usr/share/sendoff/certbot-hook (docs/authentication.md)",
                path, user, folder, (unsigned)st.st_mode & 07777, owner);
  }
  group_name(getegid(), group);
  return fail(why, E_DENIED, "%s: user %s may not read it; run: chgrp %s %s; chmod 640 %s", path, user, group, target,
              target);
}

int file_check_readable(const char *path, struct reason *why) {
  int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd >= 0) {
    close(fd);
    return OK;
  }
  if (errno == EACCES) return fail_denied(path, why);
  return fail(why, E_IO, "%s: %s", path, strerror(errno));
}
