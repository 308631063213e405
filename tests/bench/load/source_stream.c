#include "tests/bench/load/source.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
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
static SSL_CTX *context;

/* Each client keeps the ticket that it was given last. */
static int on_ticket(SSL *ssl, SSL_SESSION *ticket) {
  struct session *s = SSL_get_app_data(ssl);
  SSL_SESSION_free(s->resumable);
  s->resumable = ticket;
  return 1;
}

void stream_init(int fd) {
  epoll = fd;
  if (!plan.tls) return;
  context = SSL_CTX_new(TLS_client_method());
  if (!context) die("TLS", "no context");
  SSL_CTX_set_mode(context,
                   SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_verify(context, SSL_VERIFY_NONE, NULL); /* the gateway's certificate is its own */
  if (!plan.resume) return;
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
  SSL_CTX_sess_set_new_cb(context, on_ticket);
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

void stream_close(struct session *s) {
  if (s->ssl) {
    SSL_set_quiet_shutdown(s->ssl, 1); /* a ticket counts as used up when its connection was not shut down */
    SSL_shutdown(s->ssl);
    SSL_free(s->ssl);
  }
  s->ssl = NULL;
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
  size_t n;
  if (SSL_write_ex(s->ssl, at, len, &n) == 1) return (ssize_t)n;
  return SSL_get_error(s->ssl, 0) == SSL_ERROR_WANT_WRITE ? MORE_LATER : -1;
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
  int rc = SSL_do_handshake(s->ssl);
  if (rc == 1) {
    s->secure = true;
    handshake_done(SSL_session_reused(s->ssl));
    want_write(s, false);
    s->state = EHLO;
    return stream_say(s, "EHLO client.example\r\n");
  }
  int error = SSL_get_error(s->ssl, rc);
  if (error == SSL_ERROR_WANT_READ) return want_write(s, false);
  if (error == SSL_ERROR_WANT_WRITE) return want_write(s, true);
  session_ended(s, "the TLS handshake failed");
}

void stream_secure(struct session *s) {
  s->ssl = SSL_new(context);
  if (!s->ssl || !SSL_set_fd(s->ssl, s->fd)) die("TLS", "no session");
  SSL_set_app_data(s->ssl, s);
  if (s->resumable) SSL_set_session(s->ssl, s->resumable);
  SSL_set_connect_state(s->ssl);
  s->state = HANDSHAKE;
  shake_hands(s);
}

static ssize_t read_some(struct session *s) {
  if (!s->secure) {
    ssize_t n = recv(s->fd, s->in + s->in_len, INPUT - s->in_len, 0);
    return n < 0 && errno == EAGAIN ? MORE_LATER : n;
  }
  size_t n;
  if (SSL_read_ex(s->ssl, s->in + s->in_len, INPUT - s->in_len, &n) == 1) return (ssize_t)n;
  int error = SSL_get_error(s->ssl, 0);
  return error == SSL_ERROR_WANT_READ ? MORE_LATER : error == SSL_ERROR_ZERO_RETURN ? 0 : -1;
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
