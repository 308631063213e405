#include "relay/daemon/control_client.h"

#include "base/clock.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#define ANSWER_TIMEOUT_MS 5000 /* every loop has to take a new directory first, maybe on a busy machine */

static int connect_to(const char *data_dir, int *out) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  int n = snprintf(address.sun_path, sizeof address.sun_path, "%s/control.sock", data_dir);
  if (n < 0 || (size_t)n >= sizeof address.sun_path) return E_NOT_FOUND; /* too long for the gateway, too */
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return E_IO;
  struct timeval timeout = {.tv_sec = ANSWER_TIMEOUT_MS / 1000}; /* bounds connect(), too: its backlog may be full */
  if (setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof timeout) != 0) {
    close(fd);
    return E_IO;
  }
  if (connect(fd, (struct sockaddr *)&address, sizeof address) == 0) {
    *out = fd;
    return OK;
  }
  int error = errno;
  close(fd);
  return error == ENOENT || error == ECONNREFUSED ? E_NOT_FOUND : E_IO;
}

static int read_answer(int fd, struct buffer *answer) {
  char chunk[1024];
  uint64_t until = clock_monotonic_ms() + ANSWER_TIMEOUT_MS;
  for (;;) {
    uint64_t now = clock_monotonic_ms();
    struct pollfd wait = {.fd = fd, .events = POLLIN};
    int ready = now < until ? poll(&wait, 1, (int)(until - now)) : 0;
    if (ready < 0 && errno == EINTR) continue;
    if (ready <= 0) return E_BUSY;
    ssize_t n = read(fd, chunk, sizeof chunk);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return E_BUSY;
    if (n == 0) return answer->len ? OK : E_BUSY;
    int rc = buffer_add(answer, chunk, (size_t)n);
    if (rc != OK) return rc;
  }
}

int control_ask(const char *data_dir, const char *request, struct buffer *answer) {
  int fd, rc = connect_to(data_dir, &fd);
  if (rc != OK) return rc;
  char line[160];
  int n = snprintf(line, sizeof line, "%s\n", request);
  if (n < 0 || (size_t)n >= sizeof line) rc = E_TOO_BIG;
  if (rc == OK && send(fd, line, (size_t)n, MSG_NOSIGNAL) != n) rc = E_BUSY;
  if (rc == OK) rc = read_answer(fd, answer);
  close(fd);
  if (rc == OK && answer->at[answer->len - 1] == '\n') answer->len--;
  return rc == OK && bytes_starts_nocase(buffer_bytes(answer), BYTES("error")) ? E_DENIED : rc;
}
