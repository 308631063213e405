#include "cli/backup/restore_place.h"

#include "base/text/quantity.h"
#include "cli/machine/folder.h"
#include "relay/daemon/process.h"
#include "store/store.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define OWN_FOLDER ".restore"

static int path_in(const char *folder, const char *name, char out[RESTORE_PATH], struct reason *why) {
  int n = snprintf(out, RESTORE_PATH, "%s/%s", folder, name);
  return n > 0 && n < RESTORE_PATH ? OK : fail(why, E_TOO_BIG, "%s: the path is too long", folder);
}

static bool is_there(const char *folder, const char *name) {
  char path[RESTORE_PATH];
  struct stat st;
  return path_in(folder, name, path, NULL) != OK || lstat(path, &st) == 0 || errno != ENOENT;
}

/* --- is it empty? --- */

/* What a gateway that has ended, a file system or an interrupted restore leaves, and none of it is mail. */
static bool may_be_there(const char *name) {
  static const char *const names[] = {".", "..", OWN_FOLDER, "lock", "control.sock", "ballast", "lost+found", "spool"};
  for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
    if (strcmp(names[i], name) == 0) return true;
  return false;
}

static enum exit_status in_use(const char *data_dir, const char *what) {
  return cli_fail(EXIT_NO,
                  "%s holds %s, and nothing there is overwritten; stop the gateway and move it away: mv %s %s.old",
                  data_dir, what, data_dir, data_dir);
}

/* `give_to`: whose it becomes, then; by what was looked at, not by its name. */
static enum exit_status check_empty(const char *data_dir, const struct passwd *give_to) {
  if (is_there(data_dir, STORE_FILE)) return in_use(data_dir, "a store");
  struct dirent *entry;
  char found[256] = "";
  DIR *folder = opendir(data_dir);
  if (!folder) return cli_fail(EXIT_NO, "%s: %s", data_dir, strerror(errno));
  while (!*found && (entry = readdir(folder)))
    if (!may_be_there(entry->d_name)) snprintf(found, sizeof found, "%s", entry->d_name);
  enum exit_status s = *found ? in_use(data_dir, found) : EXIT_DONE;
  if (s == EXIT_DONE && give_to && fchown(dirfd(folder), give_to->pw_uid, give_to->pw_gid) != 0)
    s = cli_fail(EXIT_NO, "%s cannot be given to %s: %s", data_dir, give_to->pw_name, strerror(errno));
  closedir(folder);
  return s;
}

/* Its folder is made when there is no store yet, and goes after that has come: while there is no store, a spool beside
 * it is of the restore that was interrupted. */
static enum exit_status clear(const struct restore_place *p) {
  char spool[RESTORE_PATH];
  bool interrupted = is_there(p->data_dir, OWN_FOLDER);
  if (path_in(p->data_dir, "spool", spool, NULL) != OK)
    return cli_fail(EXIT_NO, "%s: the path is too long", p->data_dir);
  if (!interrupted && is_there(p->data_dir, "spool") && rmdir(spool) != 0)
    return in_use(p->data_dir, "mail in its spool");
  if (interrupted && is_there(p->data_dir, "spool") && folder_remove(spool) != 0)
    return cli_fail(EXIT_NO, "%s: %s", spool, strerror(errno));
  if (interrupted && folder_remove(p->folder) != 0) return cli_fail(EXIT_NO, "%s: %s", p->folder, strerror(errno));
  return EXIT_DONE;
}

/* --- making it --- */

static enum exit_status find_owner(struct restore_place *p, const struct config *c) {
  if (geteuid() != 0 || !c->user) return EXIT_DONE;
  p->owner = getpwnam(c->user);
  if (p->owner) return EXIT_DONE;
  return cli_fail(EXIT_NO, "user %s is not on this machine; make it: adduser --system --group %s", c->user, c->user);
}

void restore_place_as_root(const struct restore_place *p) {
  if (!p->owner || geteuid() == 0) return;
  if (seteuid(0) != 0 || setegid(0) != 0) abort(); /* the saved ids are root's */
}

int restore_place_as_owner(const struct restore_place *p, struct reason *why) {
  const struct passwd *o = p->owner;
  if (!o || (initgroups(o->pw_name, o->pw_gid) == 0 && setegid(o->pw_gid) == 0 && seteuid(o->pw_uid) == 0)) return OK;
  return fail(why, E_IO, "cannot become %s: %s", o->pw_name, strerror(errno));
}

static enum exit_status become_owner(const struct restore_place *p) {
  struct reason why = {""};
  if (restore_place_as_owner(p, &why) != OK) return cli_failed(E_IO, &why);
  if (!p->owner || faccessat(AT_FDCWD, p->data_dir, R_OK | W_OK | X_OK, AT_EACCESS) == 0) return EXIT_DONE;
  return cli_fail(EXIT_NO, "%s cannot use %s: %s; the folders above it must let others in (chmod o+x)",
                  p->owner->pw_name, p->data_dir, strerror(errno));
}

/* The lock's file stays, whatever comes of this: the gateway must be able to open it. */
static enum exit_status lock(struct restore_place *p) {
  struct reason why = {""};
  int rc = process_lock(p->data_dir, &p->lock, &why);
  if (rc == E_BUSY) return cli_fail(EXIT_NO, "%s; stop it first", why.text);
  return rc == OK ? EXIT_DONE : cli_failed(rc, &why);
}

enum exit_status restore_place_make(struct restore_place *p, const struct config *c) {
  char folder[RESTORE_PATH];
  *p = (struct restore_place){.data_dir = c->data_dir, .lock = -1};
  if (path_in(c->data_dir, OWN_FOLDER, folder, NULL) != OK)
    return cli_fail(EXIT_NO, "%s: the path is too long", c->data_dir);
  enum exit_status s = find_owner(p, c);
  if (s == EXIT_DONE) s = folder_make(c->data_dir, 0700);
  if (s == EXIT_DONE) s = check_empty(c->data_dir, p->owner);
  if (s == EXIT_DONE) s = lock(p);
  if (s == EXIT_DONE) s = become_owner(p);
  if (s == EXIT_DONE) s = check_empty(c->data_dir, NULL); /* and nobody has made one meanwhile */
  if (s != EXIT_DONE) return s;
  snprintf(p->folder, sizeof p->folder, "%s", folder);
  s = clear(p);
  if (s == EXIT_DONE && mkdir(p->folder, 0700) != 0) s = cli_fail(EXIT_NO, "%s: %s", p->folder, strerror(errno));
  return s;
}

void restore_place_close(struct restore_place *p) {
  if (*p->folder) folder_remove(p->folder);
  restore_place_as_root(p);
  if (p->lock >= 0) close(p->lock);
  p->lock = -1;
}

/* --- filling it --- */

static int make_parents(const struct restore_place *p, const char *name, struct reason *why) {
  char path[RESTORE_PATH];
  for (const char *slash = strchr(name, '/'); slash; slash = strchr(slash + 1, '/')) {
    char parent[64];
    bytes_copy((struct bytes){name, (size_t)(slash - name)}, parent, sizeof parent);
    int rc = path_in(p->folder, parent, path, why);
    if (rc != OK) return rc;
    if (mkdir(path, 0700) != 0 && errno != EEXIST)
      return fail(why, errno == ENOSPC ? E_FULL : E_IO, "%s: %s", path, strerror(errno));
  }
  return OK;
}

int restore_place_open(const struct restore_place *p, const char *name, struct reason *why) {
  char path[RESTORE_PATH];
  if (path_in(p->folder, name, path, why) != OK || make_parents(p, name, why) != OK) return -1;
  int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (fd < 0 && errno == EEXIST) fail(why, E_SYNTAX, "%s is in it twice", name);
  if (fd < 0 && errno != EEXIST) fail(why, E_IO, "%s: %s", path, strerror(errno));
  return fd;
}

int restore_place_check_room(const struct restore_place *p, uint64_t octets, struct reason *why) {
  struct statvfs v;
  char has[40], wants[40];
  if (statvfs(p->folder, &v) != 0) return fail(why, E_IO, "%s: %s", p->folder, strerror(errno));
  uint64_t room = (uint64_t)v.f_bavail * v.f_frsize;
  if (octets <= room) return OK;
  size_format(room, has, sizeof has);
  size_format(octets, wants, sizeof wants);
  return fail(why, E_FULL, "%s has %s free, and %s are needed for one file alone", p->data_dir, has, wants);
}

/* --- its end --- */

static int sync_all(const char *folder, struct reason *why) {
  int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  int rc = fd < 0 || syncfs(fd) != 0 ? fail(why, E_IO, "%s: %s", folder, strerror(errno)) : OK;
  if (fd >= 0) close(fd);
  return rc;
}

static int move(const char *name, const char *from_folder, const char *to_folder, struct reason *why) {
  char from[RESTORE_PATH], to[RESTORE_PATH];
  int rc = path_in(from_folder, name, from, why);
  if (rc == OK) rc = path_in(to_folder, name, to, why);
  if (rc != OK || rename_new(from, to) == 0) return rc; /* sendoff init, which takes no lock, may have made one */
  return fail(why, E_IO, "%s: %s", to, strerror(errno));
}

/* What fails is taken back, or data_dir would hold a spool that the next restore takes for somebody's mail. */
int restore_place_finish(struct restore_place *p, struct reason *why) {
  bool spool = is_there(p->folder, "spool"), spool_moved = false, store_moved = false;
  struct reason ignored;
  if (is_there(p->folder, STORE_FILE "-wal")) return fail(why, E_IO, "the database could not be closed whole");
  int rc = sync_all(p->folder, why);
  if (rc == OK && spool) spool_moved = (rc = move("spool", p->folder, p->data_dir, why)) == OK;
  if (rc == OK) rc = sync_all(p->data_dir, why);
  if (rc == OK) store_moved = (rc = move(STORE_FILE, p->folder, p->data_dir, why)) == OK;
  if (rc == OK) rc = sync_all(p->data_dir, why);
  if (rc != OK && store_moved) move(STORE_FILE, p->data_dir, p->folder, &ignored);
  if (rc != OK && spool_moved) move("spool", p->data_dir, p->folder, &ignored);
  return rc;
}
