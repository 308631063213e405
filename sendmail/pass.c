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

/* One read and its write. False: the end, or a failure. */
static bool move(int from, int to) {
  char block[BLOCK];
  ssize_t n = read(from, block, sizeof block);
  if (n < 0) return errno == EINTR || errno == EAGAIN;
  return n > 0 && write_all(to, (struct bytes){block, (size_t)n});
}

int pass_smtp(const char *path) {
  struct reason why;
  int fd;
  if (link_connect(path, &fd, &why) != OK) {
    printf("421 4.3.2 %s\r\n", why.text); /* RFC 5321 3.1: whoever speaks SMTP here understands it */
    fflush(stdout);
    fprintf(stderr, "sendmail: %s\n", why.text);
    return EX_TEMPFAIL;
  }
  /* What the client says before the greeting would be refused as an injection: scripts write all they have at once. */
  struct pollfd p[2] = {{.fd = fd, .events = POLLIN}, {.fd = -1, .events = POLLIN}};
  while (poll(p, 2, -1) > 0 || errno == EINTR) {
    if (p[0].revents && !move(fd, STDOUT_FILENO)) break;
    if (p[0].revents && p[1].fd < 0 && p[1].events) p[1].fd = STDIN_FILENO;
    if (p[1].revents && !move(STDIN_FILENO, fd)) {
      shutdown(fd, SHUT_WR); /* replies to what was said still come */
      p[1] = (struct pollfd){.fd = -1};
    }
  }
  close(fd);
  return EX_OK;
}
