#include "cli/input/small_file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int check(const char *path, int fd, size_t most, bool for_us_alone, struct reason *why) {
  struct stat st;
  if (fstat(fd, &st) != 0) return fail(why, E_IO, "%s: %s", path, strerror(errno));
  if (!S_ISREG(st.st_mode)) return fail(why, E_IO, "%s is no file", path);
  if (for_us_alone && st.st_mode & S_IRWXO)
    return fail(why, E_IO, "%s: others may read the private key; run: chmod 600 %s", path, path);
  if (st.st_size > (off_t)most) return fail(why, E_TOO_BIG, "%s is larger than %zu octets", path, most);
  return OK;
}

/* It may grow meanwhile: `out` has a bound of its own. */
static int read_all(const char *path, int fd, struct buffer *out, struct reason *why) {
  ssize_t n = 1;
  while (n > 0) {
    int rc = buffer_reserve(out, 4096);
    if (rc != OK) return fail(why, rc, "%s: %s", path, result_text(rc));
    n = read(fd, out->at + out->len, 4096);
    if (n > 0) out->len += (size_t)n;
  }
  return n == 0 ? OK : fail(why, E_IO, "%s: %s", path, strerror(errno));
}

int small_file_read(const char *path, size_t most, bool for_us_alone, struct buffer *out, struct reason *why) {
  int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) {
    bool none = errno == ENOENT || errno == ENOTDIR;
    return fail(why, none ? E_NOT_FOUND : E_IO, "%s: %s", path, strerror(errno));
  }
  int rc = check(path, fd, most, for_us_alone, why);
  if (rc == OK) rc = read_all(path, fd, out, why);
  close(fd);
  return rc;
}
