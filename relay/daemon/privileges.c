#include "relay/daemon/privileges.h"

#include "base/log.h"
#include "relay/daemon/process.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int privileges_drop(const char *user, struct reason *why) {
  if (!user) {
    if (geteuid() == 0)
      log_event(LOG_WARN_, NULL, "running as root", "advice",
                "adduser --system --group sendoff, give it the data and the key, write user = \"sendoff\"", NULL);
    return OK;
  }
  const struct passwd *p = getpwnam(user);
  if (!p)
    return fail(
        why, E_NOT_FOUND,
        "user %s is not on this machine; make it (adduser --system --group %s) or change user in the configuration",
        user, user);
  if (geteuid() == p->pw_uid) return OK;
  if (geteuid() != 0) return fail(why, E_DENIED, "cannot become %s: start sendoff as root or as %s", user, user);
  if (initgroups(user, p->pw_gid) != 0 || setgid(p->pw_gid) != 0 || setuid(p->pw_uid) != 0)
    return fail(why, E_IO, "cannot become %s: %s", user, strerror(errno));
  process_conceal();
  if (setuid(0) == 0) return fail(why, E_IO, "privileges came back after they were dropped");
  return OK;
}

bool privileges_serves(const char *user, const char *data_dir) {
  struct stat st;
  if (geteuid() == 0) return true;
  const struct passwd *p = user ? getpwnam(user) : NULL;
  if (user) return p && geteuid() == p->pw_uid;
  return stat(data_dir, &st) == 0 && st.st_uid == geteuid();
}
