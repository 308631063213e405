#include "cli/backup/backup_file.h"

#include "cli/machine/folder.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

static enum exit_status trouble(const char *path) {
  return cli_fail(EXIT_NO, "%s: %s", path, strerror(errno));
}

/* --- standard output --- */

static enum exit_status open_output(struct backup_file *f) {
  const char *temporary = getenv("TMPDIR");
  if (isatty(STDOUT_FILENO))
    return cli_fail(EXIT_USAGE, "a backup is nothing for a terminal: sendoff backup - | ssh HOST 'cat > FILE'");
  f->fd = STDOUT_FILENO;
  int n = snprintf(f->folder, sizeof f->folder - 32, "%s/sendoff-backup.XXXXXX",
                   temporary && *temporary ? temporary : "/var/tmp");
  if (n < 0 || (size_t)n >= sizeof f->folder - 32) return cli_fail(EXIT_NO, "TMPDIR: the path is too long");
  if (!mkdtemp(f->folder)) {
    enum exit_status s = trouble(f->folder);
    *f->folder = '\0';
    return s;
  }
  return snprintf(f->copy_path, sizeof f->copy_path, "%s/sendoff.db", f->folder) > 0 ? EXIT_DONE : EXIT_NO;
}

/* --- a file --- */

/* With what SQLite has beside it, where that could not end in order. 0, or -1 with errno. */
static int remove_copy(const struct backup_file *f) {
  static const char *const beside[] = {"-journal", "-wal", "-shm"};
  char path[BACKUP_PATH + 16];
  for (size_t i = 0; i < sizeof beside / sizeof beside[0]; i++) {
    snprintf(path, sizeof path, "%s%s", f->copy_path, beside[i]);
    unlink(path);
  }
  return unlink(f->copy_path) == 0 || errno == ENOENT ? 0 : -1;
}

static bool is_same(const char *a, const char *b) {
  struct stat one, other;
  return stat(a, &one) == 0 && stat(b, &other) == 0 && one.st_dev == other.st_dev && one.st_ino == other.st_ino;
}

/* `folder` is that one, or below it; it is cut on the way. */
static bool is_within(char *folder, const char *of) {
  for (char *end; !is_same(folder, of); *end = '\0')
    if (!(end = strrchr(folder, '/'))) return false;
  return true;
}

/* --force would replace what it is a backup of, and a disk takes both with it. */
static enum exit_status check_place(const struct backup_file *f, const struct config *config) {
  char copy[BACKUP_PATH], folder[PATH_MAX];
  snprintf(copy, sizeof copy, "%s", f->path);
  if (is_same(f->path, config->data_dir) || (realpath(dirname(copy), folder) && is_within(folder, config->data_dir)))
    return cli_fail(EXIT_NO, "%s is the gateway's own folder; name a file in another", config->data_dir);
  if (is_same(f->path, config->path)) return cli_fail(EXIT_NO, "%s is the configuration; name another file", f->path);
  return EXIT_DONE;
}

static enum exit_status check_name(const struct backup_file *f) {
  struct stat st;
  if (lstat(f->path, &st) != 0) return errno == ENOENT ? EXIT_DONE : trouble(f->path);
  if (S_ISDIR(st.st_mode)) return cli_fail(EXIT_NO, "%s is a folder; name a file in it", f->path);
  if (!S_ISREG(st.st_mode)) return cli_fail(EXIT_NO, "%s is no file", f->path);
  if (f->force) return EXIT_DONE;
  return cli_fail(EXIT_NO, "%s is there already; name another file, or have it replaced with --force", f->path);
}

/* The lock is on the file that has the name now, and not on one that has just become a backup. */
static bool is_locked(const struct backup_file *f) {
  struct stat own, named;
  return flock(f->fd, LOCK_EX | LOCK_NB) == 0 && fstat(f->fd, &own) == 0 && lstat(f->new_path, &named) == 0 &&
         own.st_dev == named.st_dev && own.st_ino == named.st_ino;
}

static enum exit_status open_new(struct backup_file *f) {
  f->fd = open(f->new_path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);
  if (f->fd < 0) return trouble(f->new_path);
  struct stat st;
  /* Whoever has made it may have it open, and would read the keys. */
  bool good = fstat(f->fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_uid == geteuid() && st.st_nlink == 1;
  if (good && is_locked(f)) {
    bool made = fchmod(f->fd, 0600) == 0 && ftruncate(f->fd, 0) == 0;
    if (made && remove_copy(f) == 0) return EXIT_DONE;
    return trouble(f->new_path);
  }
  close(f->fd);
  f->fd = -1;
  *f->new_path = *f->copy_path = '\0'; /* they are another's */
  return good ? cli_fail(EXIT_NO, "another backup to %s is under way", f->path)
              : cli_fail(EXIT_NO, "%s.new is no file of ours; remove it", f->path);
}

enum exit_status backup_file_open(struct backup_file *f, const char *path, const struct config *config, bool force) {
  *f = (struct backup_file){.path = path, .fd = -1, .force = force};
  if (strcmp(path, "-") == 0) return open_output(f);
  int n = snprintf(f->new_path, sizeof f->new_path, "%s.new", path);
  if (n < 0 || (size_t)n >= sizeof f->new_path - 4) return cli_fail(EXIT_NO, "%s: the path is too long", path);
  snprintf(f->copy_path, sizeof f->copy_path, "%.4000s.db", f->new_path);
  enum exit_status s = check_place(f, config);
  if (s == EXIT_DONE) s = check_name(f);
  if (s == EXIT_DONE) return open_new(f);
  *f->new_path = *f->copy_path = '\0';
  return s;
}

/* --- its end --- */

static int sync_folder_of(const char *path) {
  char copy[BACKUP_PATH];
  snprintf(copy, sizeof copy, "%s", path);
  int fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  int rc = fd < 0 || fsync(fd) != 0 ? E_IO : OK;
  if (fd >= 0) close(fd);
  return rc;
}

/* Without --force check_name has looked already, for file systems that cannot tell. */
static int take_name(const struct backup_file *f) {
  return f->force ? rename(f->new_path, f->path) : rename_new(f->new_path, f->path);
}

int backup_file_finish(struct backup_file *f, struct reason *why) {
  if (!*f->new_path) return OK;
  if (fsync(f->fd) != 0 || take_name(f) != 0) return fail(why, E_IO, "%s: %s", f->path, strerror(errno));
  *f->new_path = '\0';
  f->named = true;
  return sync_folder_of(f->path) == OK ? OK : fail(why, E_IO, "%s: %s", f->path, strerror(errno));
}

void backup_file_close(struct backup_file *f) {
  if (*f->copy_path) remove_copy(f);
  if (*f->new_path) unlink(f->new_path);
  if (*f->folder) rmdir(f->folder);
  if (f->fd > STDERR_FILENO) close(f->fd);
  f->fd = -1;
}
