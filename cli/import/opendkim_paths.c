#include "cli/import/opendkim_paths.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

static bool join(const char *dir, const char *name, char out[OPENDKIM_PATH]) {
  size_t n = strlen(dir);
  int len = snprintf(out, OPENDKIM_PATH, "%s%s%s", dir, n && dir[n - 1] == '/' ? "" : "/", name);
  return len > 0 && len < OPENDKIM_PATH;
}

bool opendkim_path_in(const char *dir, const char *name, char out[OPENDKIM_PATH]) {
  return join(dir, name, out) && access(out, F_OK) == 0;
}

/* "./" in front of it is of no use once it has a folder before it. */
static int fill_in(struct bytes named, const char *domain, char out[OPENDKIM_PATH], struct reason *why) {
  size_t n = 0;
  if (named.len > 2 && named.at[0] == '.' && named.at[1] == '/') named = bytes_from(named, 2);
  for (size_t i = 0; i < named.len; i++) {
    struct bytes piece = named.at[i] == '%' ? bytes_of(domain) : (struct bytes){named.at + i, 1};
    if (n + piece.len >= OPENDKIM_PATH || !named.at[i]) return fail(why, E_TOO_BIG, "the path is too long");
    memcpy(out + n, piece.at, piece.len);
    n += piece.len;
  }
  out[n] = '\0';
  return OK;
}

/* "/etc/opendkim/keys/a/b": "opendkim/keys/a/b" in `dir`, "keys/a/b", "a/b", and "b" alone only when that will do. */
static bool find_below(const char *dir, const char *path, bool by_name, char out[OPENDKIM_PATH]) {
  for (const char *at = strchr(path, '/'); at; at = strchr(at + 1, '/'))
    if ((by_name || strchr(at + 1, '/')) && opendkim_path_in(dir, at + 1, out)) return true;
  return false;
}

/* Of a folder that was copied with those above it, as old/etc/dkimkeys, "/etc/dkimkeys/a" is old/etc/dkimkeys/a. */
static bool find_copied(const char *dir, const char *path, char out[OPENDKIM_PATH]) {
  const char *etc = NULL;
  for (const char *at = dir; (at = strstr(at, "/etc")); at++)
    if (at > dir && (at[4] == '/' || !at[4])) etc = at;
  int len = etc ? snprintf(out, OPENDKIM_PATH, "%.*s%s", (int)(etc - dir), dir, path) : 0;
  return len > 0 && len < OPENDKIM_PATH && access(out, F_OK) == 0;
}

int opendkim_path(const char *dir, struct bytes base, struct bytes named, const char *domain, bool by_name,
                  char out[OPENDKIM_PATH], struct reason *why) {
  char path[OPENDKIM_PATH], root[OPENDKIM_PATH];
  int rc = fill_in(named, domain, path, why);
  if (rc != OK) return rc;
  if (path[0] == '/') {
    if (find_copied(dir, path, out)) return OK;
    if (access(path, F_OK) != 0 && find_below(dir, path, by_name, out)) return OK;
    memcpy(out, path, strlen(path) + 1);
    return OK;
  }
  if (base.len && bytes_copy(base, root, sizeof root) && opendkim_path_in(root, path, out)) return OK;
  return join(dir, path, out) ? OK : fail(why, E_TOO_BIG, "the path is too long");
}
