#include "tests/bench/load/source.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define MORE_LATER (-2)
#define FIRST_ADDRESS 0x7f400001u /* 127.64.0.1 */

static int epoll;
static gnutls_certificate_credentials_t credentials;
static gnutls_priority_t priority;

static void tls_init(void) {
  /* The gateway's certificate is its own, so nothing is verified but that it has the key. One group: for each of two, a
   * key would be made. */
  if (gnutls_certificate_allocate_credentials(&credentials) < 0 ||
      gnutls_priority_init(&priority, "NORMAL:-VERS-ALL:+VERS-TLS1.3:-GROUP-ALL:+GROUP-X25519", NULL) < 0)
    die("TLS", "it cannot be set up");
}

void stream_init(int fd) {
  epoll = fd;
  if (plan.tls) tls_init();
}

static void watch(struct session *s, int operation, bool write) {
  struct epoll_event e = {.events = EPOLLIN | (write ? EPOLLOUT : 0), .data.ptr = s};
  if (epoll_ctl(epoll, operation, s->fd, &e) != 0) die("epoll_ctl", strerror(errno));
  s->watches_write = write;
}

static void want_write(struct session *s, bool write) {
  if (s->watches_write != write) watch(s, EPOLL_CTL_MOD, write);
}

void stream_open(struct session *s) {
  int yes = 1;
  s->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (s->fd < 0) die("socket", strerror(errno));
  setsockopt(s->fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
  if (plan.addresses) {
    struct sockaddr_in from = {.sin_family = AF_INET};
    from.sin_addr.s_addr = htonl(FIRST_ADDRESS + (uint32_t)(s->index % plan.addresses));
    setsockopt(s->fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &yes, sizeof yes);
    if (bind(s->fd, (struct sockaddr *)&from, sizeof from) != 0) die("bind", strerror(errno));
  }
  s->state = CONNECTING;
  s->in_len = s->out_at = s->out_len = 0;
  s->secure = s->content_begun = false;
  if (connect(s->fd, (struct sockaddr *)&plan.to, sizeof plan.to) != 0 && errno != EINPROGRESS)
    die("connect", strerror(errno));
  watch(s, EPOLL_CTL_ADD, true);
}

/* Each client keeps the ticket that it was given last. */
static void keep_ticket(struct session *s) {
  if (!(gnutls_session_get_flags(s->tls) & GNUTLS_SFLAGS_SESSION_TICKET)) return;
  gnutls_free(s->ticket.data);
  if (gnutls_session_get_data2(s->tls, &s->ticket) < 0) s->ticket = (gnutls_datum_t){0};
}

void stream_close(struct session *s) {
  if (s->tls) {
    if (plan.resume) keep_ticket(s);
    gnutls_deinit(s->tls);
  }
  s->tls = NULL;
  close(s->fd);
  free(s->out);
  s->out = NULL;
  s->state = CLOSED;
}

/* --- octets out --- */

char *stream_room(struct session *s, size_t *room) {
  if (!s->out) s->out = malloc(OUTPUT);
  if (!s->out) die("source", "no memory");
  *room = OUTPUT - s->out_len;
  return s->out + s->out_len;
}

static ssize_t write_some(struct session *s, const char *at, size_t len) {
  if (!s->secure) {
    ssize_t n = send(s->fd, at, len, MSG_NOSIGNAL);
    return n < 0 && errno == EAGAIN ? MORE_LATER : n;
  }
  ssize_t n = gnutls_record_send(s->tls, at, len);
  return n == GNUTLS_E_AGAIN || n == GNUTLS_E_INTERRUPTED ? MORE_LATER : n;
}

void stream_flush(struct session *s) {
  for (;;) {
    while (s->out_at < s->out_len) {
      ssize_t n = write_some(s, s->out + s->out_at, s->out_len - s->out_at);
      if (n == MORE_LATER) return want_write(s, true);
      if (n < 0) return session_ended(s, "the gateway closed the connection");
      s->out_at += (size_t)n;
    }
    s->out_at = s->out_len = 0;
    if (s->state != CONTENT || !s->content_begun) break;
    content_fill(s);
  }
  want_write(s, false);
  if (plan.idle) {
    free(s->out);
    s->out = NULL;
  }
}

void stream_say(struct session *s, const char *format, ...) {
  size_t room;
  char *at = stream_room(s, &room);
  va_list args;
  va_start(args, format);
  int n = vsnprintf(at, room, format, args);
  va_end(args);
  if (n < 0 || (size_t)n >= room) die("source", "a command is too long");
  s->out_len += (size_t)n;
  stream_flush(s);
}

/* --- octets in --- */

static void shake_hands(struct session *s) {
  int rc = gnutls_handshake(s->tls);
  if (rc == GNUTLS_E_SUCCESS) {
    s->secure = true;
    handshake_done(gnutls_session_is_resumed(s->tls));
    want_write(s, false);
    s->state = EHLO;
    return stream_say(s, "EHLO client.example\r\n");
  }
  if (gnutls_error_is_fatal(rc)) return session_ended(s, gnutls_strerror(rc));
  want_write(s, gnutls_record_get_direction(s->tls) == 1);
}

void stream_secure(struct session *s) {
  if (gnutls_init(&s->tls, GNUTLS_CLIENT | GNUTLS_NONBLOCK | GNUTLS_NO_SIGNAL) < 0 ||
      gnutls_priority_set(s->tls, priority) < 0 ||
      gnutls_credentials_set(s->tls, GNUTLS_CRD_CERTIFICATE, credentials) < 0)
    die("TLS", "no session");
  gnutls_transport_set_int(s->tls, s->fd);
  if (s->ticket.data) gnutls_session_set_data(s->tls, s->ticket.data, s->ticket.size);
  s->state = HANDSHAKE;
  shake_hands(s);
}

static ssize_t read_some(struct session *s) {
  if (!s->secure) {
    ssize_t n = recv(s->fd, s->in + s->in_len, INPUT - s->in_len, 0);
    return n < 0 && errno == EAGAIN ? MORE_LATER : n;
  }
  ssize_t n = gnutls_record_recv(s->tls, s->in + s->in_len, INPUT - s->in_len);
  return n == GNUTLS_E_AGAIN || n == GNUTLS_E_INTERRUPTED ? MORE_LATER : n;
}

/* Replies are taken one at a time: each may change the state, begin TLS, or end the session. */
static void take_replies(struct session *s) {
  char *end;
  while (s->state != CLOSED && s->state != HANDSHAKE && (end = memchr(s->in, '\n', s->in_len))) {
    char line[INPUT];
    size_t len = (size_t)(end - s->in) + 1, text = len - 1;
    memcpy(line, s->in, text);
    if (text && line[text - 1] == '\r') text--;
    line[text] = 0;
    s->in_len -= len;
    memmove(s->in, s->in + len, s->in_len);
    if (text < 4 || line[3] != '-') smtp_reply(s, line);
  }
}

static void take_input(struct session *s) {
  while (s->state != CLOSED && s->state != HANDSHAKE) {
    ssize_t n = read_some(s);
    if (n == MORE_LATER) return;
    if (n <= 0) return session_ended(s, s->state == QUIT ? NULL : "the gateway closed the connection");
    s->in_len += (size_t)n;
    take_replies(s);
    if (!s->secure) return; /* level-triggered; a record of TLS may hold more than was asked for */
  }
}

static void connected(struct session *s) {
  int error = 0;
  socklen_t len = sizeof error;
  getsockopt(s->fd, SOL_SOCKET, SO_ERROR, &error, &len);
  if (error) return session_ended(s, strerror(error));
  want_write(s, false);
  smtp_begin(s);
}

void stream_event(struct session *s, uint32_t events) {
  if (s->state == CONNECTING) return connected(s);
  if (s->state == HANDSHAKE) return shake_hands(s);
  if (events & EPOLLOUT) stream_flush(s);
  if (s->state != CLOSED && events & (EPOLLIN | EPOLLHUP | EPOLLERR)) take_input(s);
}
