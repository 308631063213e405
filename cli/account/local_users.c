#include "cli/account/local_users.h"

#include <pwd.h>
#include <stdio.h>
#include <string.h>

static const struct passwd *find(const char *typed, uint64_t *uid) {
  *uid = UINT64_MAX;
  if (!bytes_to_u64(bytes_of(typed), uid)) return getpwnam(typed);
  return *uid < (uid_t)-1 ? getpwuid((uid_t)*uid) : NULL;
}

/* A number may be that of a user in a container, who has no name here. A name that nobody has is a slip of the pen. */
static enum exit_status canonical(const char *typed, char out[LOCAL_USER_MAX + 1]) {
  uint64_t uid;
  const struct passwd *p = find(typed, &uid);
  if (p && strlen(p->pw_name) <= LOCAL_USER_MAX) return strcpy(out, p->pw_name), EXIT_DONE;
  if (p) uid = p->pw_uid; /* the gateway goes by the number of those, too */
  if (!p && uid >= (uid_t)-1)
    return cli_fail(EXIT_USAGE,
                    "--local-user %s: there is no such user on this machine; write a login name, as in www-data, or a "
                    "numeric user id",
                    typed);
  snprintf(out, LOCAL_USER_MAX + 1, "%u", (unsigned)uid);
  return EXIT_DONE;
}

static bool is_twice(const struct draft *d, size_t count) {
  for (size_t i = 0; i < count; i++)
    if (strcmp(d->local_users[i], d->local_users[count]) == 0) return true;
  return false;
}

enum exit_status local_users_read(struct cli *c, struct draft *d) {
  size_t n = cli_option_count(c, "local-user"), kept = 0;
  if (n > ADMIN_LIST_MAX) return cli_fail(EXIT_USAGE, "%d local users at most", ADMIN_LIST_MAX);
  if (n) d->parts |= ACCOUNT_LOCAL_USERS;
  d->account.local_users = d->local_user_list;
  if (n == 1 && strcmp(cli_option(c, "local-user"), "none") == 0) return EXIT_DONE;
  for (size_t i = 0; i < n; i++) {
    enum exit_status s = canonical(cli_option_at(c, "local-user", i), d->local_users[kept]);
    if (s != EXIT_DONE) return s;
    d->local_user_list[kept] = d->local_users[kept];
    if (!is_twice(d, kept)) kept++;
  }
  d->account.local_user_count = kept;
  return EXIT_DONE;
}
