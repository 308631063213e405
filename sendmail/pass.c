#include "sendmail/pass.h"

#include "base/bytes.h"
#include "sendmail/link.h"

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sysexits.h>
#include <unistd.h>

#define BLOCK 65536

static bool write_all(int fd, struct bytes data) {
  while (data.len) {
    ssize_t n = write(fd, data.at, data.len);
    if (n < 0 && errno == EAGAIN) poll(&(struct pollfd){.fd = fd, .events = POLLOUT}, 1, LINK_REPLY_MS);
    if (n < 0 && errno != EINTR && errno != EAGAIN) return false;
    if (n > 0) data = bytes_from(data, (size_t)n);
  }
  return true;
}

/* What the gateway says. False: the end, or a failure. */
static bool pass_replies(int fd) {
  char block[BLOCK];
  ssize_t n = read(fd, block, sizeof block);
  if (n < 0) return errno == EINTR || errno == EAGAIN;
  return n > 0 && write_all(STDOUT_FILENO, (struct bytes){block, (size_t)n});
}

/* What the client says. The gateway reads no more of it while too many replies wait to be read, so it is never waited
 * for without reading those. */
struct commands {
  struct bytes left; /* of the block */
  bool greeted, ended;
  char block[BLOCK];
};

static void read_commands(struct commands *c, int fd) {
  ssize_t n = read(STDIN_FILENO, c->block, sizeof c->block);
  if (n < 0 && (errno == EINTR || errno == EAGAIN)) return;
  c->left = (struct bytes){c->block, n > 0 ? (size_t)n : 0};
  c->ended = n <= 0;
  if (c->ended) shutdown(fd, SHUT_WR); /* replies to what was said still come */
}

static void send_commands(struct commands *c, int fd) {
  ssize_t n = send(fd, c->left.at, c->left.len, MSG_NOSIGNAL);
  if (n > 0) c->left = bytes_from(c->left, (size_t)n);
  if (n >= 0 || errno == EINTR || errno == EAGAIN) return;
  c->left.len = 0; /* the gateway has ended: what it said last is still to be read */
  c->ended = true;
}

int pass_smtp(const char *path) {
  static struct commands c;
  struct reason why;
  int fd;
  if (link_connect(path, &fd, &why) != OK) {
    printf("421 4.3.2 %s\r\n", why.text); /* RFC 5321 3.1: whoever speaks SMTP here understands it */
    fflush(stdout);
    fprintf(stderr, "sendmail: %s\n", why.text);
    return EX_TEMPFAIL;
  }
  for (;;) {
    /* What the client says before the greeting would be refused as an injection: scripts write all they have at once.
     */
    bool listens = c.greeted && !c.ended && !c.left.len;
    struct pollfd p[2] = {{.fd = fd, .events = (short)(POLLIN | (c.left.len ? POLLOUT : 0))},
                          {.fd = listens ? STDIN_FILENO : -1, .events = POLLIN}};
    if (poll(p, 2, -1) < 0 && errno != EINTR) break;
    if (p[0].revents & ~POLLOUT) {
      if (!pass_replies(fd)) break;
      c.greeted = true;
    }
    if (p[0].revents & POLLOUT) send_commands(&c, fd);
    if (p[1].revents) read_commands(&c, fd);
  }
  close(fd);
  return EX_OK;
}
