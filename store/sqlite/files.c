#include "store/sqlite/files.h"

#include "base/log.h"
#include "store/store.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

int files_init(struct files *f, const char *data_dir, struct reason *why) {
  static const char *const suffixes[FILES_COUNT] = {"", "-wal", "-shm"};
  memset(f, 0, sizeof *f);
  for (size_t i = 0; i < FILES_COUNT; i++) {
    int n = snprintf(f->all[i].path, sizeof f->all[i].path, "%s/" STORE_FILE "%s", data_dir, suffixes[i]);
    if (n < 0 || (size_t)n >= sizeof f->all[i].path) return fail(why, E_TOO_BIG, "the path of the store is too long");
  }
  return OK;
}

void files_make_private(const struct files *f) {
  for (size_t i = 0; i < FILES_COUNT; i++) {
    struct stat st;
    const char *path = f->all[i].path;
    if (stat(path, &st) != 0 || !(st.st_mode & (S_IRWXG | S_IRWXO))) continue;
    bool done = chmod(path, 0600) == 0;
    log_event(done ? LOG_WARN_ : LOG_ERROR_, NULL,
              done ? "a file with private keys was open to others; it is closed now"
                   : "a file with private keys is open to others",
              "file", path, "advice",
              done ? "keys that others may have copied should be replaced" : "run: chmod 600, and replace the keys",
              NULL);
  }
}

void files_note(struct files *f) {
  for (size_t i = 0; i < FILES_COUNT; i++) {
    struct stat st;
    if ((i == 0 && f->all[i].known) || stat(f->all[i].path, &st) != 0) continue;
    f->all[i].device = st.st_dev;
    f->all[i].inode = st.st_ino;
    f->all[i].known = true;
  }
}

int files_check(const struct files *f, struct reason *why) {
  for (size_t i = 0; i < FILES_COUNT; i++) {
    struct stat st;
    if (!f->all[i].known) continue;
    if (stat(f->all[i].path, &st) != 0) {
      if (errno == ENOENT || errno == ENOTDIR)
        return fail(why, E_NOT_FOUND, "%s was removed while the gateway had it open", f->all[i].path);
    } else if (st.st_dev != f->all[i].device || st.st_ino != f->all[i].inode)
      return fail(why, E_NOT_FOUND, "%s was replaced while the gateway had it open", f->all[i].path);
  }
  return OK;
}
