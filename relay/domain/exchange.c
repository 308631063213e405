#include "relay/domain/exchange.h"

#include "base/address/cidr.h"
#include "base/clock.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define HEADER 12
#define TRUNCATED 0x02 /* TC, in the third octet (RFC 1035 4.1.1) */
#define IS_REPLY 0x80  /* QR */
#define REPLY_MAX 65535
#define FRAMED_MAX (REPLY_MAX + 2)

/* asking -> (truncated) -> connecting -> sending -> reading -> over; any of them -> over */
enum phase { ASKING, CONNECTING, SENDING, READING, OVER };

struct ask {
  struct exchange *e;
  enum phase phase;
  int fd; /* -1: none */
  uint64_t until_ms, again_ms;
  unsigned char *message; /* two octets of length (RFC 1035 4.2.2), and the message with an id of its own */
  size_t message_len;     /* with those two */
  unsigned char *room;    /* FRAMED_MAX octets */
  size_t at;              /* octets sent, or read, over TCP */
};

static void end(struct ask *a, int error) {
  if (a->fd >= 0) close(a->fd);
  a->fd = -1;
  a->phase = OVER;
  if (!a->e->reply) a->e->error = error;
}

static void finish(struct ask *a, const unsigned char *reply, size_t len) {
  a->e->reply = malloc(len);
  if (a->e->reply) {
    memcpy(a->e->reply, reply, len);
    a->e->len = len;
  }
  end(a, ENOMEM);
}

static bool open_socket(struct ask *a, int type) {
  if (a->fd >= 0) close(a->fd);
  a->fd = socket(a->e->to.ss_family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  const struct sockaddr *to = (const struct sockaddr *)&a->e->to;
  return a->fd >= 0 && (connect(a->fd, to, ip_length(to)) == 0 || errno == EINPROGRESS);
}

static bool is_ours(const struct ask *a, const unsigned char *reply, size_t len) {
  return len >= HEADER && memcmp(reply, a->message + 2, 2) == 0 && (reply[2] & IS_REPLY);
}

/* --- UDP --- */

static void send_datagram(struct ask *a, uint64_t now) {
  a->again_ms = now + EXCHANGE_AGAIN_MS;
  if (send(a->fd, a->message + 2, a->message_len - 2, MSG_NOSIGNAL) < 0 && errno != EAGAIN) end(a, errno);
}

static void begin_tcp(struct ask *a) {
  a->phase = CONNECTING;
  a->at = 0;
  if (!open_socket(a, SOCK_STREAM)) end(a, errno);
}

/* What is not an answer to this question is passed over (RFC 5452 9.1). */
static void read_datagram(struct ask *a) {
  ssize_t n = recv(a->fd, a->room, REPLY_MAX, 0);
  if (n < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (n < 0) {
    end(a, errno);
    return;
  }
  if (!is_ours(a, a->room, (size_t)n)) return;
  if (a->room[2] & TRUNCATED)
    begin_tcp(a);
  else
    finish(a, a->room, (size_t)n);
}

/* --- TCP --- */

static void send_more(struct ask *a) {
  ssize_t n = send(a->fd, a->message + a->at, a->message_len - a->at, MSG_NOSIGNAL);
  if (n < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (n < 0) {
    end(a, errno);
    return;
  }
  a->at += (size_t)n;
  if (a->at < a->message_len) return;
  a->phase = READING;
  a->at = 0;
}

static void on_connected(struct ask *a) {
  int error = 0;
  socklen_t len = sizeof error;
  if (getsockopt(a->fd, SOL_SOCKET, SO_ERROR, &error, &len) != 0) error = errno;
  if (error) {
    end(a, error);
    return;
  }
  a->phase = SENDING;
  send_more(a);
}

static void read_more(struct ask *a) {
  size_t want = a->at < 2 ? 2 : 2 + ((size_t)a->room[0] << 8 | a->room[1]);
  ssize_t n = recv(a->fd, a->room + a->at, want - a->at, 0);
  if (n < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (n <= 0) {
    end(a, n < 0 ? errno : ECONNRESET);
    return;
  }
  a->at += (size_t)n;
  if (a->at < 2) return;
  want = 2 + ((size_t)a->room[0] << 8 | a->room[1]);
  if (a->at < want) return;
  if (is_ours(a, a->room + 2, want - 2))
    finish(a, a->room + 2, want - 2);
  else
    end(a, EPROTO);
}

/* --- all of them --- */

static void begin(struct ask *a, struct exchange *e, struct bytes message, bool tcp, uint64_t now,
                  uint64_t deadline_ms) {
  *a = (struct ask){.e = e, .fd = -1, .phase = ASKING, .until_ms = now + EXCHANGE_MS};
  if (a->until_ms > deadline_ms) a->until_ms = deadline_ms;
  e->reply = NULL;
  e->len = 0;
  e->error = ENOMEM;
  a->message_len = message.len + 2;
  a->message = malloc(a->message_len);
  a->room = malloc(FRAMED_MAX);
  if (!a->message || !a->room) {
    end(a, ENOMEM);
    return;
  }
  a->message[0] = (unsigned char)(message.len >> 8);
  a->message[1] = (unsigned char)message.len;
  memcpy(a->message + 2, message.at, message.len);
  random_bytes(a->message + 2, 2);
  if (e->skipped) {
    end(a, ETIMEDOUT);
  } else if (tcp) {
    begin_tcp(a);
  } else if (open_socket(a, SOCK_DGRAM)) {
    send_datagram(a, now);
  } else {
    end(a, errno);
  }
}

static void step(struct ask *a) {
  switch (a->phase) {
  case ASKING: read_datagram(a); break;
  case CONNECTING: on_connected(a); break;
  case SENDING: send_more(a); break;
  case READING: read_more(a); break;
  case OVER: break;
  }
}

/* Ends what has had its time, sends again what was not answered. False: all are over. `*wait_ms`: until the next of
 * both. */
static bool mind_times(struct ask *list, size_t count, uint64_t now, int *wait_ms) {
  uint64_t next = UINT64_MAX;
  for (size_t i = 0; i < count; i++) {
    struct ask *a = &list[i];
    if (a->phase != OVER && a->until_ms <= now) end(a, ETIMEDOUT);
    if (a->phase == ASKING && a->again_ms <= now) send_datagram(a, now);
    if (a->phase == OVER) continue;
    uint64_t at = a->phase == ASKING && a->again_ms < a->until_ms ? a->again_ms : a->until_ms;
    if (at < next) next = at;
  }
  *wait_ms = next == UINT64_MAX ? 0 : (int)(next - now);
  return next != UINT64_MAX;
}

static void wait_once(struct ask *list, size_t count, int wait_ms) {
  struct pollfd fds[EXCHANGES_MAX];
  for (size_t i = 0; i < count; i++) {
    bool writes = list[i].phase == CONNECTING || list[i].phase == SENDING;
    fds[i] = (struct pollfd){.fd = list[i].fd, .events = writes ? POLLOUT : POLLIN};
  }
  if (poll(fds, count, wait_ms) <= 0) return;
  for (size_t i = 0; i < count; i++)
    if (fds[i].revents) step(&list[i]);
}

void exchange_run(struct exchange *list, size_t count, struct bytes message, bool tcp, uint64_t deadline_ms) {
  struct ask asks[EXCHANGES_MAX];
  uint64_t now = clock_monotonic_ms();
  int wait_ms;
  if (count > EXCHANGES_MAX) count = EXCHANGES_MAX;
  for (size_t i = 0; i < count; i++) begin(&asks[i], &list[i], message, tcp, now, deadline_ms);
  while (mind_times(asks, count, clock_monotonic_ms(), &wait_ms)) wait_once(asks, count, wait_ms);
  for (size_t i = 0; i < count; i++) {
    free(asks[i].message);
    free(asks[i].room);
  }
}

void exchange_clear(struct exchange *list, size_t count) {
  for (size_t i = 0; i < count; i++) {
    free(list[i].reply);
    list[i].reply = NULL;
  }
}
