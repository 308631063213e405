#include "cli/machine/operator_name.h"

#include <ctype.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

const char *operator_name(char out[OPERATOR_NAME]) {
  const char *name = geteuid() == 0 ? getenv("SUDO_USER") : NULL; /* of root alone, so that nobody takes another's */
  const struct passwd *user = name && *name ? NULL : getpwuid(getuid());
  if (user) name = user->pw_name;
  if (name && *name)
    snprintf(out, OPERATOR_NAME, "%s", name);
  else
    snprintf(out, OPERATOR_NAME, "uid-%u", (unsigned)getuid());
  for (char *at = out; *at; at++)
    if (!isalnum((unsigned char)*at) && *at != '.' && *at != '_' && *at != '@' && *at != '+' && *at != '-') *at = '_';
  return out;
}
