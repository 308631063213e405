#include "cli/setup/new_config.h"

#include "base/bytes.h"
#include "cli/input/small_file.h"
#include "relay/daemon/config_text.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Comments are blanks in what config_text_read gives; its mark is the one setting. */
bool new_config_is_taken(const char *path) {
  struct buffer text;
  struct reason why;
  if (access(path, F_OK) != 0) return false;
  bool taken = config_text_read(path, &text, &why) != OK;
  if (!taken) taken = strncmp(text.at + strspn(text.at, " \t\r\n"), CONFIG_END_MARK, strlen(CONFIG_END_MARK)) != 0;
  buffer_free(&text);
  return taken;
}

static int failed(struct new_config *n, const char *path, struct reason *why) {
  int rc = fail(why, errno == EEXIST ? E_EXISTS : E_IO, "%s: %s", path, strerror(errno));
  if (n->file) {
    fclose(n->file);
    unlink(n->beside);
    n->file = NULL;
  }
  return rc;
}

/* What is there, with its owner and mode. */
static int keep_comments(struct new_config *n, struct reason *why) {
  struct buffer text;
  struct stat st;
  int fd = fileno(n->file);
  if (stat(n->path, &st) != 0) return fchmod(fd, 0644) == 0 ? OK : failed(n, n->beside, why);
  buffer_init(&text, CONFIG_FILE_MAX + 8192);
  int rc = small_file_read(n->path, CONFIG_FILE_MAX, false, &text, why);
  if (rc == OK && text.len) fprintf(n->file, "%.*s\n", (int)text.len, text.at);
  buffer_free(&text);
  if (rc == OK && fchown(fd, st.st_uid, st.st_gid) == 0 && fchmod(fd, st.st_mode & 07777) == 0) return OK;
  return rc == OK ? failed(n, n->beside, why) : rc;
}

int new_config_begin(struct new_config *n, const char *path, struct reason *why) {
  n->path = path;
  n->file = NULL;
  int len = snprintf(n->beside, sizeof n->beside, "%s.new", path);
  if (len < 0 || (size_t)len >= sizeof n->beside) return fail(why, E_IO, "%s: the path is too long", path);
  n->file = fopen(n->beside, "wxe");
  if (!n->file && errno == EEXIST)
    return fail(why, E_EXISTS, "%s is there: if no other sendoff init is running, one was interrupted; rm %s",
                n->beside, n->beside);
  if (!n->file) return failed(n, n->beside, why);
  int rc = keep_comments(n, why);
  if (rc == OK || !n->file) return rc;
  fclose(n->file);
  unlink(n->beside);
  return rc;
}

/* A hard link does not replace a file that has come meanwhile, as rename would. */
static int put_in_place(const struct new_config *n) {
  if (access(n->path, F_OK) == 0) return new_config_is_taken(n->path) ? -1 : rename(n->beside, n->path);
  if (link(n->beside, n->path) != 0) return -1;
  unlink(n->beside);
  return 0;
}

int new_config_end(struct new_config *n, struct reason *why) {
  if (fflush(n->file) != 0 || ferror(n->file) || fsync(fileno(n->file)) != 0) return failed(n, n->beside, why);
  errno = EEXIST; /* of a file that has come meanwhile */
  if (put_in_place(n) != 0) return failed(n, n->path, why);
  int rc = fclose(n->file);
  n->file = NULL;
  return rc == 0 ? OK : fail(why, E_IO, "%s: %s", n->path, strerror(errno));
}
