#include "sendmail/link.h"

#include "base/clock.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define LINE_ROOM 8192
#define PAUSE_MS 100

static void pause_ms(int ms) {
  poll(NULL, 0, ms);
}

/* -1 with errno. */
static int connect_once(const struct sockaddr_un *a) {
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0 || connect(fd, (const struct sockaddr *)a, sizeof *a) == 0) return fd;
  int error = errno;
  close(fd);
  errno = error;
  return -1;
}

/* EAGAIN: it has no room for one more yet (unix(7)). */
static bool may_pass(int error) {
  return error == ENOENT || error == ECONNREFUSED || error == EAGAIN;
}

static int connect_until(const char *path, uint64_t end_ms, int *fd, struct reason *why) {
  struct sockaddr_un a = {.sun_family = AF_UNIX};
  *fd = -1;
  if (!bytes_copy(bytes_of(path), a.sun_path, sizeof a.sun_path))
    return fail(why, E_IO, "%s: the path is too long", path);
  while ((*fd = connect_once(&a)) < 0 && may_pass(errno) && clock_monotonic_ms() < end_ms) pause_ms(PAUSE_MS);
  if (*fd >= 0) return OK;
  if (may_pass(errno))
    return fail(why, E_IO, "the gateway is not running, nothing was sent (%s: %s); start it: systemctl start sendoff",
                path, strerror(errno));
  return fail(why, E_IO, "cannot connect to the gateway, nothing was sent (%s: %s)", path, strerror(errno));
}

int link_connect(const char *path, int *fd, struct reason *why) {
  return connect_until(path, clock_monotonic_ms() + LINK_AGAIN_MS, fd, why);
}

/* --- octets --- */

static bool wait_for(int fd, short events, int timeout_ms) {
  struct pollfd p = {.fd = fd, .events = events};
  int n;
  while ((n = poll(&p, 1, timeout_ms)) < 0 && errno == EINTR) continue;
  return n > 0;
}

int link_send(struct link *l, struct bytes data) {
  while (data.len) {
    ssize_t n = send(l->fd, data.at, data.len, MSG_NOSIGNAL);
    if (n < 0 && errno != EINTR && (errno != EAGAIN || !wait_for(l->fd, POLLOUT, LINK_REPLY_MS))) return E_IO;
    if (n > 0) data = bytes_from(data, (size_t)n);
  }
  return OK;
}

/* 1 with octets in l->in, 0 at the end of the connection, E_IO. */
static int receive(struct link *l, int timeout_ms) {
  char block[16384];
  if (!wait_for(l->fd, POLLIN, timeout_ms)) return E_IO;
  ssize_t n = recv(l->fd, block, sizeof block, 0);
  if (n < 0) return errno == EINTR || errno == EAGAIN ? 1 : E_IO;
  return n && buffer_add(&l->in, block, (size_t)n) == OK ? 1 : 0;
}

/* --- replies --- */

int link_reply(struct link *l, int timeout_ms, const struct smtp_reply **reply) {
  int rc = 0, more = 1;
  *reply = &l->parser.reply;
  while (rc == 0 && more == 1) {
    struct bytes data = buffer_bytes(&l->in);
    size_t had = data.len;
    rc = had ? reply_parser_feed(&l->parser, &data) : 0;
    buffer_consume(&l->in, had - data.len);
    if (rc == 0) more = receive(l, timeout_ms);
  }
  if (rc == 1 && l->verbose) fprintf(stderr, "<<< %d %s\n", (*reply)->code, (*reply)->text);
  return rc == 1 ? OK : E_IO;
}

int link_say(struct link *l, const struct smtp_reply **reply, const char *format, ...) {
  char line[LINE_ROOM];
  va_list args;
  va_start(args, format);
  int n = vsnprintf(line, sizeof line - 2, format, args);
  va_end(args);
  if (n < 0 || (size_t)n >= sizeof line - 2 || strpbrk(line, "\r\n")) return E_IO; /* it would be two commands */
  if (l->verbose) fprintf(stderr, ">>> %s\n", line);
  memcpy(line + n, "\r\n", 2);
  int rc = link_send(l, (struct bytes){line, (size_t)n + 2});
  return rc == OK ? link_reply(l, LINK_REPLY_MS, reply) : rc;
}

static void on_line(void *arg, size_t index, struct bytes text) {
  struct link *l = arg;
  ehlo_line(&l->offers, index, text);
}

static int greet(struct link *l, const struct smtp_reply **reply) {
  reply_parser_init(&l->parser, NULL, NULL);
  int rc = link_reply(l, LINK_GREETING_MS, reply);
  if (rc != OK || (*reply)->code != 220) return rc == OK ? E_DENIED : rc;
  struct bytes text = bytes_of((*reply)->text);
  bytes_copy((struct bytes){text.at, bytes_find(text, ' ', 0)}, l->host, sizeof l->host);
  l->offers = (struct ehlo){0};
  l->parser.on_line = on_line;
  l->parser.arg = l;
  rc = link_say(l, reply, "EHLO localhost");
  l->parser.on_line = NULL;
  return rc == OK && (*reply)->code != 250 ? E_DENIED : rc;
}

int link_open(struct link *l, const char *path, bool verbose, const struct smtp_reply **reply, struct reason *why) {
  static const struct smtp_reply none;
  uint64_t end = clock_monotonic_ms() + LINK_AGAIN_MS;
  for (;;) {
    *l = (struct link){.fd = -1, .verbose = verbose};
    buffer_init(&l->in, REPLY_OCTETS_MAX);
    *reply = &none;
    int rc = connect_until(path, end, &l->fd, why);
    if (rc != OK) return rc;
    rc = greet(l, reply);
    if (rc == OK) return OK;
    bool again = rc == E_IO || (*reply)->code == 421; /* it is stopping, or busy */
    int code = rc == E_IO ? 0 : (*reply)->code;
    link_close(l);
    if (again && clock_monotonic_ms() < end) {
      pause_ms(PAUSE_MS);
      continue;
    }
    if (!code) *reply = &none;
    return fail(why, E_IO, code ? "%s" : "the gateway does not answer, nothing was sent", (*reply)->text);
  }
}

void link_close(struct link *l) {
  if (l->fd >= 0) close(l->fd);
  l->fd = -1;
  buffer_free(&l->in);
}
