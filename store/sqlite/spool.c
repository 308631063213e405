#include "store/spool.h"

#include "base/id.h"
#include "store/sqlite/spool_layout.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PATH_ROOM 4096

void spool_folder(int64_t id, char out[3]) {
  char text[ID_TEXT];
  id_format(id, text);
  size_t n = strlen(text);
  bytes_copy(bytes_from(bytes_of(text), n > 2 ? n - 2 : 0), out, 3);
}

void spool_name(int64_t id, char out[SPOOL_NAME]) {
  char text[ID_TEXT], xx[3];
  id_format(id, text);
  spool_folder(id, xx);
  snprintf(out, SPOOL_NAME, "spool/%s/%s", xx, text);
}

/* Whatever else it says, it is that name and no other. */
int spool_name_parse(const char *name, int64_t *out) {
  char own[SPOOL_NAME];
  const char *id = strrchr(name, '/');
  if (!id || strlen(id + 1) >= ID_TEXT || id_parse(id + 1, out) != OK) return E_SYNTAX;
  spool_name(*out, own);
  return strcmp(own, name) == 0 ? OK : E_SYNTAX;
}

/* DATA_DIR/spool/XX, and the file in it. */
static int paths(const char *data_dir, int64_t id, char *folder, char *file, struct reason *why) {
  char text[ID_TEXT], xx[3];
  id_format(id, text);
  spool_folder(id, xx);
  int a = snprintf(folder, PATH_ROOM, "%s/spool/%s", data_dir, xx);
  int b = snprintf(file, PATH_ROOM, "%s/%s", folder, text);
  if (a < 0 || b < 0 || b >= PATH_ROOM) return fail(why, E_TOO_BIG, "the path of the spool is too long");
  return OK;
}

/* A folder that was made is only there permanently once its parent is synced. */
int spool_sync_folder(const char *path, struct reason *why) {
  int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  int rc = fd < 0 || fsync(fd) != 0 ? fail(why, E_IO, "%s: %s", path, strerror(errno)) : OK;
  if (fd >= 0) close(fd);
  return rc;
}

/* How many threads are between making a folder and having synced it. A thread that finds a folder made by another must
 * not rely on it before: its own file could go with the folder in a crash. */
static atomic_uint making;

static int sync_spool(const char *data_dir, struct reason *why) {
  char spool[PATH_ROOM];
  snprintf(spool, sizeof spool, "%s/spool", data_dir);
  return spool_sync_folder(spool, why);
}

static int make_folder_unsynced(const char *data_dir, const char *folder, struct reason *why) {
  char spool[PATH_ROOM];
  if (mkdir(folder, 0700) == 0 || errno == EEXIST) return OK;
  if (errno != ENOENT) return fail(why, E_IO, "%s: %s", folder, strerror(errno));
  snprintf(spool, sizeof spool, "%s/spool", data_dir);
  if (mkdir(spool, 0700) != 0 && errno != EEXIST) return fail(why, E_IO, "%s: %s", spool, strerror(errno));
  int rc = spool_sync_folder(data_dir, why);
  if (rc != OK || mkdir(folder, 0700) == 0 || errno == EEXIST) return rc;
  return fail(why, E_IO, "%s: %s", folder, strerror(errno));
}

static int make_folder(const char *data_dir, const char *folder, struct reason *why) {
  atomic_fetch_add(&making, 1);
  int rc = make_folder_unsynced(data_dir, folder, why);
  if (rc == OK) rc = sync_spool(data_dir, why);
  atomic_fetch_sub(&making, 1);
  return rc;
}

/* Never one that is there: should an id ever come twice (a clock set back), the older message keeps its content. */
static int create(const char *file) {
  return open(file, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
}

int spool_begin(const char *data_dir, int64_t id, int *fd, struct reason *why) {
  char folder[PATH_ROOM], file[PATH_ROOM];
  *fd = -1;
  int rc = paths(data_dir, id, folder, file, why);
  if (rc != OK) return rc;
  *fd = create(file);
  if (*fd < 0 && errno == ENOENT) {
    rc = make_folder(data_dir, folder, why);
    if (rc != OK) return rc;
    *fd = create(file);
  } else if (*fd >= 0 && atomic_load(&making)) {
    rc = sync_spool(data_dir, why);
    if (rc == OK) return OK;
    close(*fd);
    *fd = -1;
    unlink(file);
    return rc;
  }
  return *fd < 0 ? fail(why, E_IO, "%s: %s", file, strerror(errno)) : OK;
}

int spool_write(int fd, struct bytes data, struct reason *why) {
  while (data.len) {
    ssize_t n = write(fd, data.at, data.len);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return fail(why, E_IO, "writing to the spool: %s", strerror(errno));
    data = bytes_from(data, (size_t)n);
  }
  return OK;
}

int spool_finish(const char *data_dir, int64_t id, int *fd, struct reason *why) {
  char folder[PATH_ROOM], file[PATH_ROOM];
  int rc = paths(data_dir, id, folder, file, why);
  if (rc == OK && fdatasync(*fd) != 0) rc = fail(why, E_IO, "%s: %s", file, strerror(errno));
  if (close(*fd) != 0 && rc == OK) rc = fail(why, E_IO, "%s: %s", file, strerror(errno));
  *fd = -1;
  return rc == OK ? spool_sync_folder(folder, why) : rc;
}

int spool_open(const char *data_dir, int64_t id, int *fd, struct reason *why) {
  char folder[PATH_ROOM], file[PATH_ROOM];
  int rc = paths(data_dir, id, folder, file, why);
  if (rc != OK) return rc;
  /* Commands of root read it, too, in the folder of the user that serves: no link of his, and no pipe to wait for. */
  *fd = open(file, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
  return *fd < 0 ? fail(why, errno == ENOENT ? E_NOT_FOUND : E_IO, "%s: %s", file, strerror(errno)) : OK;
}

void spool_remove(const char *data_dir, int64_t id) {
  char folder[PATH_ROOM], file[PATH_ROOM];
  if (paths(data_dir, id, folder, file, NULL) == OK) unlink(file);
}
