#include "cli/time_zones.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define FOLDER "/usr/share/zoneinfo"

/* A name of the tz database, not a path out of it. */
static bool is_name(const char *name) {
  size_t len = strlen(name);
  return len && len < 64 && name[0] != '/' && !strstr(name, "..") &&
         strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789/_+-") == len;
}

bool time_zone_exists(const char *name) {
  char path[128];
  struct stat st;
  if (strcmp(name, "UTC") == 0) return true;
  snprintf(path, sizeof path, FOLDER "/%s", name);
  return is_name(name) && stat(path, &st) == 0 && S_ISREG(st.st_mode);
}
