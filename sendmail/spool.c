#include "sendmail/spool.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BLOCK 65536

/* --- the file --- */

static int open_unnamed(const char *folder) {
  char path[4096];
  int fd = open(folder, O_TMPFILE | O_RDWR | O_EXCL | O_CLOEXEC, 0600);
  if (fd >= 0 || (errno != EOPNOTSUPP && errno != EISDIR)) return fd;
  if ((size_t)snprintf(path, sizeof path, "%s/sendmailXXXXXX", folder) >= sizeof path) return -1;
  fd = mkostemp(path, O_CLOEXEC);
  if (fd >= 0) unlink(path);
  return fd;
}

static const char *folder(void) {
  const char *named = getenv("TMPDIR");
  return named && *named ? named : "/tmp";
}

static int write_all(int fd, struct bytes data) {
  while (data.len) {
    ssize_t n = write(fd, data.at, data.len);
    if (n < 0 && errno != EINTR) return E_IO;
    if (n > 0) data = bytes_from(data, (size_t)n);
  }
  return OK;
}

static int keep_in_file(struct spool *s, struct bytes data, struct reason *why) {
  if (s->fd < 0) s->fd = open_unnamed(folder());
  if (s->fd >= 0 && write_all(s->fd, data) == OK) return OK;
  return fail(why, E_IO, "the message cannot be kept in %.200s: %s", folder(), strerror(errno));
}

static int keep(struct spool *s, struct bytes data, struct reason *why) {
  size_t room = SPOOL_MEMORY - s->head.len, first = data.len < room ? data.len : room;
  s->octets += data.len;
  if (s->octets > SPOOL_MOST)
    return fail(why, E_TOO_BIG, "the message is over %llu MB", (unsigned long long)SPOOL_MOST / (1024 * 1024));
  if (buffer_add(&s->head, data.at, first) != OK) return fail(why, E_MEMORY, "out of memory");
  return first < data.len ? keep_in_file(s, bytes_from(data, first), why) : OK;
}

/* --- lines --- */

struct lines {
  struct spool *spool;
  struct reason *why;
  size_t returns;     /* CR that have come, and may be of a line's end */
  bool at_start, dot; /* at the start of a line; behind a dot there */
  bool dot_ends, ended;
  size_t len;
  char out[BLOCK]; /* to be kept */
};

static int flush(struct lines *l) {
  int rc = keep(l->spool, (struct bytes){l->out, l->len}, l->why);
  l->len = 0;
  return rc;
}

static int put(struct lines *l, char c) {
  int rc = l->len == sizeof l->out ? flush(l) : OK;
  l->out[l->len++] = c;
  return rc;
}

static int put_text(struct lines *l, char c) {
  int rc = OK;
  if (l->dot) rc = put(l, '.');
  for (; rc == OK && l->returns; l->returns--) rc = put(l, '\r');
  l->dot = l->at_start = false;
  if ((unsigned char)c >= 0x80) l->spool->eight_bit = true;
  return rc == OK ? put(l, c) : rc;
}

static int put_end(struct lines *l) {
  l->ended = l->dot && l->dot_ends;
  if (l->ended) return OK;
  int rc = l->dot ? put(l, '.') : OK;
  l->returns = 0;
  l->dot = false;
  l->at_start = true;
  if (rc == OK) rc = put(l, '\r');
  return rc == OK ? put(l, '\n') : rc;
}

static int feed(struct lines *l, char c) {
  if (c == '\n') return put_end(l);
  if (c == '\r') {
    l->returns++;
    return l->returns < BLOCK ? OK : put_text(l, c); /* so many are no line's end */
  }
  if (c == '.' && l->at_start && !l->returns) {
    l->at_start = false;
    l->dot = true;
    return OK;
  }
  return put_text(l, c);
}

/* The last line may have no end; a dot alone without one is text to those that ask for it, and an end to others. */
static int finish(struct lines *l) {
  int rc = OK;
  bool open = l->dot || l->returns || !l->at_start;
  if (!l->ended && open) rc = put_end(l);
  return rc == OK ? flush(l) : rc;
}

int spool_read(struct spool *s, int from, bool dot_ends, struct reason *why) {
  static struct lines l;
  char in[BLOCK];
  int rc = OK;
  *s = (struct spool){.fd = -1};
  buffer_init(&s->head, SPOOL_MEMORY);
  l = (struct lines){.spool = s, .why = why, .at_start = true, .dot_ends = dot_ends};
  while (rc == OK && !l.ended) {
    ssize_t n = read(from, in, sizeof in);
    if (n == 0) break;
    if (n < 0 && errno == EAGAIN) { /* whoever opened it does not wait for it; we do */
      poll(&(struct pollfd){.fd = from, .events = POLLIN}, 1, -1);
      continue;
    }
    if (n < 0 && errno != EINTR) return fail(why, E_IO, "the message cannot be read: %s", strerror(errno));
    for (ssize_t i = 0; rc == OK && i < n && !l.ended; i++) rc = feed(&l, in[i]);
  }
  return rc == OK ? finish(&l) : rc;
}

/* --- reading back --- */

static int each_of_file(const struct spool *s, off_t at, int (*take)(void *arg, struct bytes piece), void *arg) {
  char block[BLOCK];
  int rc = OK;
  while (rc == OK) {
    ssize_t n = pread(s->fd, block, sizeof block, at);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return n == 0 ? OK : E_IO;
    at += n;
    rc = take(arg, (struct bytes){block, (size_t)n});
  }
  return rc;
}

int spool_each(const struct spool *s, uint64_t offset, int (*take)(void *arg, struct bytes piece), void *arg) {
  int rc = OK;
  if (offset < s->head.len) rc = take(arg, bytes_from(buffer_bytes(&s->head), (size_t)offset));
  uint64_t in_file = offset < s->head.len ? 0 : offset - s->head.len;
  return rc == OK && s->fd >= 0 ? each_of_file(s, (off_t)in_file, take, arg) : rc;
}

void spool_free(struct spool *s) {
  buffer_free(&s->head);
  if (s->fd >= 0) close(s->fd);
  s->fd = -1;
}
