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

#define ERROR "error: "
#define CONNECT_TIMEOUT_S 5
#define ANSWER_TIMEOUT_MS 5000 /* the gateway answers when every loop has done its part; the machine may be busy */

static int connect_socket(int fd, const struct sockaddr_un *address) {
  struct timeval timeout = {.tv_sec = CONNECT_TIMEOUT_S}; /* of connect(), too, which waits while the backlog is full */
  if (setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof timeout) != 0) return E_IO;
  if (connect(fd, (const struct sockaddr *)address, sizeof *address) == 0) return OK;
  return errno == ENOENT || errno == ECONNREFUSED ? E_NOT_FOUND : E_IO;
}

int control_open(const char *data_dir, int *out) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  int n = snprintf(address.sun_path, sizeof address.sun_path, "%s/control.sock", data_dir);
  if (n < 0 || (size_t)n >= sizeof address.sun_path) return E_NOT_FOUND; /* no gateway can listen on it either */
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return E_IO;
  int rc = connect_socket(fd, &address);
  if (rc == OK)
    *out = fd;
  else
    close(fd);
  return rc;
}

/* As poll(2), again after a signal; 0 after the deadline. */
static int wait_readable(int fd, uint64_t deadline_ms) {
  for (;;) {
    uint64_t now = clock_monotonic_ms();
    struct pollfd wait = {.fd = fd, .events = POLLIN};
    int ready = now < deadline_ms ? poll(&wait, 1, (int)(deadline_ms - now)) : 0;
    if (ready >= 0 || errno != EINTR) return ready;
  }
}

/* One deadline for the whole answer, also when octets keep coming. `line`: it ends with its line, else with the
 * connection. */
static int read_answer(int fd, bool line, struct buffer *answer) {
  char chunk[1024];
  uint64_t deadline_ms = clock_monotonic_ms() + ANSWER_TIMEOUT_MS;
  for (;;) {
    if (wait_readable(fd, deadline_ms) <= 0) return E_BUSY;
    ssize_t n = read(fd, chunk, sizeof chunk);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return E_BUSY;
    if (n == 0) return answer->len ? OK : E_BUSY;
    int rc = buffer_add(answer, chunk, (size_t)n);
    if (rc != OK || (line && answer->at[answer->len - 1] == '\n')) return rc;
  }
}

static int ask(int fd, const char *request, bool line, struct buffer *answer) {
  char text[320];
  int n = snprintf(text, sizeof text, "%s\n", request);
  if (n < 0 || (size_t)n >= sizeof text) return E_TOO_BIG;
  if (send(fd, text, (size_t)n, MSG_NOSIGNAL) != n) return E_BUSY;
  int rc = read_answer(fd, line, answer);
  if (rc == OK && answer->at[answer->len - 1] == '\n') answer->len--;
  if (rc != OK || !bytes_starts_nocase(buffer_bytes(answer), BYTES(ERROR))) return rc;
  answer->len -= sizeof ERROR - 1;
  memmove(answer->at, answer->at + sizeof ERROR - 1, answer->len);
  return E_DENIED;
}

int control_ask_over(int fd, const char *request, struct buffer *answer) {
  return ask(fd, request, true, answer);
}

int control_ask(const char *data_dir, const char *request, struct buffer *answer) {
  int fd, rc = control_open(data_dir, &fd);
  if (rc != OK) return rc;
  rc = ask(fd, request, false, answer);
  close(fd);
  return rc;
}
