#include "store/sqlite/sweep.h"

#include "base/id.h"
#include "base/log.h"
#include "store/sqlite/spool_layout.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define PATH_ROOM 4096

static int trouble(const char *name, struct reason *why) {
  return fail(why, E_IO, "the spool, %s: %s", name, strerror(errno));
}

/* Only a file that spool.c would have put there is ours: its name is an id as id_format writes it, in that id's folder.
 */
static bool is_ours(const char *folder, const char *name, int64_t *id) {
  char text[ID_TEXT], xx[3];
  if (id_parse(name, id) != OK) return false;
  id_format(*id, text);
  spool_folder(*id, xx);
  return strcmp(text, name) == 0 && strcmp(xx, folder) == 0;
}

static int has_message(struct sql *q, int64_t id, bool *has) {
  int64_t found;
  sqlite3_stmt *s = sql_use(q, "SELECT 1 FROM messages WHERE id = ?");
  sql_bind_int(s, 1, id);
  int rc = sql_int(s, 0, &found);
  *has = found == 1;
  return rc;
}

static int sweep_file(struct sql *q, int folder, const char *name, int64_t id, struct reason *why) {
  bool has;
  int rc = has_message(q, id, &has);
  if (rc != OK) return sql_why(q, rc, why);
  if (has) return OK;
  if (unlinkat(folder, name, 0) != 0) return trouble(name, why);
  log_event(LOG_INFO_, NULL, "removed an orphaned spool file", "file", name, NULL);
  return OK;
}

/* One entry after the other, so memory does not follow the number of files. */
static int sweep_folder(struct sql *q, int spool, const char *name, struct reason *why) {
  int fd = openat(spool, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
  if (fd < 0) return errno == ENOTDIR || errno == ELOOP ? OK : trouble(name, why);
  DIR *folder = fdopendir(fd);
  if (!folder) {
    close(fd);
    return fail(why, E_MEMORY, "out of memory");
  }
  int rc = OK;
  struct dirent *e;
  while (rc == OK && (errno = 0, e = readdir(folder))) {
    int64_t id;
    if (is_ours(name, e->d_name, &id)) rc = sweep_file(q, fd, e->d_name, id, why);
  }
  if (rc == OK && errno) rc = trouble(name, why);
  closedir(folder);
  return rc;
}

int sweep_spool(struct sql *q, const char *data_dir, struct reason *why) {
  char path[PATH_ROOM];
  int n = snprintf(path, sizeof path, "%s/spool", data_dir);
  if (n < 0 || n >= PATH_ROOM) return fail(why, E_TOO_BIG, "the path of the spool is too long");
  DIR *spool = opendir(path);
  if (!spool) return errno == ENOENT ? OK : trouble(path, why);
  /* A folder that was made in the instant of a crash is not known to be synced. */
  int rc = spool_sync_folder(path, why);
  struct dirent *e;
  while (rc == OK && (errno = 0, e = readdir(spool)))
    if (e->d_name[0] != '.') rc = sweep_folder(q, dirfd(spool), e->d_name, why);
  if (rc == OK && errno) rc = trouble(path, why);
  closedir(spool);
  return rc;
}
