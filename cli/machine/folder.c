#include "cli/machine/folder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PATH_ROOM 4096

enum exit_status folder_make(const char *path, mode_t mode) {
  char copy[PATH_ROOM];
  if (!bytes_copy(bytes_of(path), copy, sizeof copy) || !*copy) return cli_fail(EXIT_NO, "%s: no good path", path);
  for (char *at = copy + 1;; at++) {
    if (*at && *at != '/') continue;
    char end = *at;
    *at = '\0';
    bool last = !end || !at[1];
    if (mkdir(copy, last ? mode : 0755) != 0 && errno != EEXIST)
      return cli_fail(EXIT_NO, "%s: %s", copy, strerror(errno));
    *at = end;
    if (last) return EXIT_DONE;
  }
}

bool folder_is_empty(const char *path) {
  struct dirent *entry;
  DIR *folder = opendir(path);
  bool empty = folder != NULL;
  while (folder && (entry = readdir(folder)))
    if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0) empty = false;
  if (folder) closedir(folder);
  return empty;
}

#define OPEN_FOLDERS 16

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *at) {
  (void)st, (void)kind, (void)at;
  return remove(path);
}

int folder_remove(const char *path) {
  return nftw(path, remove_one, OPEN_FOLDERS, FTW_DEPTH | FTW_PHYS);
}

int rename_new(const char *from, const char *to) {
  int failed = renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE);
  return failed && (errno == EINVAL || errno == ENOSYS) ? rename(from, to) : failed;
}
