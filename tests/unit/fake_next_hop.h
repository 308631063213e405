/* A next hop for tests: an SMTP server with blocking sockets and a thread for each connection, which behaves as badly
 * as it is told. What a recipient's local part begins with decides its reply: "ok", "defer", "bounce", "drop" (the
 * connection is cut after the final dot), "late" (refused after the final dot). */
#ifndef FAKE_NEXT_HOP_H
#define FAKE_NEXT_HOP_H

#include <arpa/inet.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define HOP_MESSAGES_MAX 400
#define HOP_CONNECTIONS_MAX 400

struct hop_message {
  char *content; /* as received: without the final dot, dots unstuffed */
  size_t len;
  char reverse_path[300];
  char mail_line[600], helo[300];
  bool tls;
  unsigned recipients;
};

/* What it does with a MAIL that others came with in one write. */
enum hop_pipelining {
  HOP_PIPELINES,
  HOP_PIPELINING_CLOSES,
  HOP_PIPELINING_FORGETS /* MAIL */,
  HOP_PIPELINING_STUTTERS
};

struct hop_manner {
  enum hop_pipelining pipelining;
  bool tls; /* offers STARTTLS, with a certificate of its own */
  bool no_pipelining, no_ehlo, broken_tls, inject_after_starttls, no_8bitmime;
  bool close_after_message;    /* without a word, once the reply to the dot is out */
  bool take_data_without_rcpt; /* 354 though no recipient was accepted (RFC 2920 3.1) */
  const char *greeting;        /* NULL: 220 */
  const char *mail_reply;      /* NULL: 250; after a refusal recipients are refused with 503 */
  unsigned recipients_most;    /* more of them are refused; 0: any number */
  const char *excess_reply;    /* with this; NULL: 452 */
  unsigned long size_max;
};

struct hop {
  struct hop_manner manner; /* set before hop_start */
  /* what came; under lock */
  pthread_mutex_t lock;
  struct hop_message messages[HOP_MESSAGES_MAX];
  size_t message_count, connections, lone_dots, resets, quits;
  /* private */
  gnutls_certificate_credentials_t credentials;
  int listener;
  unsigned port;
  pthread_t acceptor;
  pthread_t threads[HOP_CONNECTIONS_MAX];
  int sockets[HOP_CONNECTIONS_MAX];
};

struct hop_session {
  struct hop *hop;
  int fd;
  gnutls_session_t tls; /* NULL: in the clear */
  char buffer[65536];
  size_t len, at;
};

static bool hop_say(struct hop_session *s, const char *text) {
  size_t len = strlen(text);
  if (s->tls) return gnutls_record_send(s->tls, text, len) == (ssize_t)len;
  return send(s->fd, text, len, MSG_NOSIGNAL) == (ssize_t)len;
}

static int hop_getc(struct hop_session *s) {
  if (s->at == s->len) {
    ssize_t n =
        s->tls ? gnutls_record_recv(s->tls, s->buffer, sizeof s->buffer) : recv(s->fd, s->buffer, sizeof s->buffer, 0);
    if (n <= 0) return -1;
    s->len = (size_t)n;
    s->at = 0;
  }
  return (unsigned char)s->buffer[s->at++];
}

/* A line without its CRLF; false at the end. */
static bool hop_line(struct hop_session *s, char *out, size_t size) {
  size_t len = 0;
  for (int c = hop_getc(s); c >= 0; c = hop_getc(s)) {
    if (c == '\n') {
      if (len && out[len - 1] == '\r') len--;
      out[len] = 0;
      return true;
    }
    if (len + 1 < size) out[len++] = (char)c;
  }
  return false;
}

static bool hop_read_message(struct hop_session *s, struct hop_message *m) {
  static const size_t line_max = 70000;
  char *line = malloc(line_max);
  size_t room = 0;
  bool ended = false;
  while (!ended && hop_line(s, line, line_max)) {
    if (!strcmp(line, ".")) {
      ended = true;
      break;
    }
    const char *text = line[0] == '.' ? line + 1 : line;
    size_t len = strlen(text);
    if (m->len + len + 2 > room) {
      room = 2 * (m->len + len + 2);
      m->content = realloc(m->content, room);
    }
    memcpy(m->content + m->len, text, len);
    memcpy(m->content + m->len + len, "\r\n", 2);
    m->len += len + 2;
  }
  free(line);
  return ended;
}

/* False: the connection is to be closed. */
static bool hop_data(struct hop_session *s, struct hop_message *m, unsigned accepted, bool drop, bool late) {
  struct hop *h = s->hop;
  if (!accepted && !h->manner.take_data_without_rcpt) return hop_say(s, "503 5.5.1 no recipients\r\n");
  if (!hop_say(s, "354 go on\r\n") || !hop_read_message(s, m)) return false;
  pthread_mutex_lock(&h->lock);
  if (!accepted && !m->len) h->lone_dots++;
  if (accepted && !late && h->message_count < HOP_MESSAGES_MAX) {
    m->recipients = accepted;
    m->tls = s->tls != NULL;
    h->messages[h->message_count++] = *m;
    m->content = NULL;
  }
  pthread_mutex_unlock(&h->lock);
  if (drop) return false;
  if (late || !accepted) return hop_say(s, "554 5.7.1 content refused\r\n");
  return hop_say(s, "250 2.0.0 taken\r\n") && !h->manner.close_after_message;
}

static void hop_ehlo(struct hop_session *s) {
  struct hop *h = s->hop;
  char text[300];
  snprintf(text, sizeof text, "250-fake\r\n%s%s%s250-SIZE %lu\r\n250 ENHANCEDSTATUSCODES\r\n",
           h->manner.no_pipelining ? "" : "250-PIPELINING\r\n", h->manner.no_8bitmime ? "" : "250-8BITMIME\r\n",
           (h->manner.tls || h->manner.broken_tls || h->manner.inject_after_starttls) && !s->tls ? "250-STARTTLS\r\n"
                                                                                                 : "",
           h->manner.size_max);
  hop_say(s, text);
}

/* A key and a certificate that signs itself. */
static void hop_make_certificate(struct hop *h) {
  gnutls_x509_privkey_t key;
  gnutls_x509_crt_t crt;
  gnutls_x509_privkey_init(&key);
  gnutls_x509_crt_init(&crt);
  gnutls_x509_privkey_generate(key, GNUTLS_PK_ECDSA, GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1), 0);
  gnutls_x509_crt_set_version(crt, 3);
  gnutls_x509_crt_set_serial(crt, "1", 1);
  gnutls_x509_crt_set_activation_time(crt, time(NULL) - 3600);
  gnutls_x509_crt_set_expiration_time(crt, time(NULL) + 3600);
  gnutls_x509_crt_set_dn_by_oid(crt, GNUTLS_OID_X520_COMMON_NAME, 0, "fake", 4);
  gnutls_x509_crt_set_key(crt, key);
  gnutls_x509_crt_sign2(crt, crt, key, GNUTLS_DIG_SHA256, 0);
  gnutls_certificate_allocate_credentials(&h->credentials);
  gnutls_certificate_set_x509_key(h->credentials, &crt, 1, key);
  gnutls_x509_crt_deinit(crt);
  gnutls_x509_privkey_deinit(key);
}

static bool hop_starttls(struct hop_session *s) {
  if (!hop_say(s, "220 go\r\n")) return false;
  gnutls_session_t tls;
  gnutls_init(&tls, GNUTLS_SERVER);
  gnutls_set_default_priority(tls);
  gnutls_credentials_set(tls, GNUTLS_CRD_CERTIFICATE, s->hop->credentials);
  gnutls_transport_set_int(tls, s->fd);
  int rc;
  do rc = gnutls_handshake(tls);
  while (rc < 0 && !gnutls_error_is_fatal(rc));
  s->tls = tls;
  return rc == 0;
}

static void hop_serve(struct hop_session *s) {
  struct hop *h = s->hop;
  struct hop_message m = {0};
  unsigned accepted = 0, seen = 0;
  bool drop = false, late = false, forgotten = false,
       go_on = hop_say(s, h->manner.greeting ? h->manner.greeting : "220 fake ESMTP\r\n");
  char line[2000], helo[300] = "";
  while (go_on && hop_line(s, line, sizeof line)) {
    if (!strncmp(line, "EHLO ", 5) && h->manner.no_ehlo) {
      go_on = hop_say(s, "502 5.5.1 what?\r\n");
    } else if (!strncmp(line, "EHLO ", 5)) {
      snprintf(helo, sizeof helo, "%.250s", line + 5);
      hop_ehlo(s);
    } else if (!strncmp(line, "HELO ", 5)) {
      go_on = hop_say(s, "250 fake\r\n");
    } else if (!strcmp(line, "STARTTLS") && h->manner.tls) {
      go_on = hop_starttls(s);
    } else if (!strcmp(line, "STARTTLS")) {
      hop_say(s, h->manner.inject_after_starttls ? "220 go\r\n250 injected\r\n" : "220 go\r\n");
      if (h->manner.broken_tls && hop_getc(s) >= 0)
        hop_say(s, "this is no TLS record\r\n"); /* in answer to ClientHello */
      while (hop_getc(s) >= 0) continue;
      go_on = false;
    } else if (!strncmp(line, "MAIL FROM:<", 11)) {
      snprintf(m.mail_line, sizeof m.mail_line, "%.500s", line);
      snprintf(m.reverse_path, sizeof m.reverse_path, "%.*s", (int)(strcspn(line + 11, ">") & 0xff), line + 11);
      memcpy(m.helo, helo, sizeof m.helo);
      accepted = seen = 0;
      drop = late = false;
      go_on = hop_say(s, h->manner.mail_reply ? h->manner.mail_reply : "250 2.1.0 ok\r\n");
      if (s->at < s->len && h->manner.pipelining == HOP_PIPELINING_CLOSES) go_on = false;
      if (s->at < s->len && h->manner.pipelining == HOP_PIPELINING_STUTTERS) go_on = hop_say(s, "250 2.1.0 ok\r\n");
      forgotten = s->at < s->len && h->manner.pipelining == HOP_PIPELINING_FORGETS;
    } else if (forgotten && strcmp(line, "RSET") != 0 && strcmp(line, "QUIT") != 0) {
      go_on = hop_say(s, "503 5.5.1 bad sequence of commands\r\n");
    } else if (!strncmp(line, "RCPT TO:<", 9)) {
      const char *to = line + 9;
      if (h->manner.mail_reply && h->manner.mail_reply[0] != '2') {
        go_on = hop_say(s, "503 5.5.1 MAIL first\r\n");
      } else if (h->manner.recipients_most && ++seen > h->manner.recipients_most) {
        go_on = hop_say(s, h->manner.excess_reply ? h->manner.excess_reply : "452 4.5.3 too many recipients\r\n");
      } else if (!strncmp(to, "defer", 5)) {
        go_on = hop_say(s, "451 4.7.1 greylisted\r\n");
      } else if (!strncmp(to, "bounce", 6)) {
        go_on = hop_say(s, "550-5.1.1 no such\r\n550 5.1.1 user here\r\n");
      } else {
        drop |= !strncmp(to, "drop", 4);
        late |= !strncmp(to, "late", 4);
        accepted++;
        go_on = hop_say(s, "250 2.1.5 ok\r\n");
      }
    } else if (!strcmp(line, "DATA")) {
      go_on = hop_data(s, &m, accepted, drop, late);
      free(m.content);
      m = (struct hop_message){0};
    } else if (!strcmp(line, "RSET")) {
      pthread_mutex_lock(&h->lock);
      h->resets++;
      pthread_mutex_unlock(&h->lock);
      go_on = hop_say(s, "250 2.0.0 ok\r\n");
    } else if (!strcmp(line, "QUIT")) {
      pthread_mutex_lock(&h->lock);
      h->quits++;
      pthread_mutex_unlock(&h->lock);
      hop_say(s, "221 2.0.0 bye\r\n");
      go_on = false;
    } else {
      go_on = hop_say(s, "500 5.5.2 what?\r\n");
    }
  }
  free(m.content);
}

static void *hop_connection(void *arg) {
  struct hop_session *s = arg;
  hop_serve(s);
  if (s->tls) gnutls_deinit(s->tls);
  shutdown(s->fd, SHUT_RDWR); /* closed by hop_stop, so that the number is not used again */
  free(s);
  return NULL;
}

static void *hop_accept(void *arg) {
  struct hop *h = arg;
  for (;;) {
    int fd = accept(h->listener, NULL, NULL);
    if (fd < 0) return NULL;
    int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    struct hop_session *s = calloc(1, sizeof *s);
    s->hop = h;
    s->fd = fd;
    pthread_mutex_lock(&h->lock);
    size_t n = h->connections < HOP_CONNECTIONS_MAX ? h->connections++ : HOP_CONNECTIONS_MAX;
    pthread_mutex_unlock(&h->lock);
    if (n == HOP_CONNECTIONS_MAX) {
      close(fd);
      free(s);
      continue;
    }
    h->sockets[n] = fd;
    pthread_create(&h->threads[n], NULL, hop_connection, s);
  }
}

static bool hop_start(struct hop *h) {
  struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t len = sizeof a;
  pthread_mutex_init(&h->lock, NULL);
  if (h->manner.tls) hop_make_certificate(h);
  h->listener = socket(AF_INET, SOCK_STREAM, 0);
  if (bind(h->listener, (struct sockaddr *)&a, sizeof a) != 0 || listen(h->listener, 100) != 0) return false;
  getsockname(h->listener, (struct sockaddr *)&a, &len);
  h->port = ntohs(a.sin_port);
  return pthread_create(&h->acceptor, NULL, hop_accept, h) == 0;
}

static void hop_stop(struct hop *h) {
  shutdown(h->listener, SHUT_RDWR);
  pthread_join(h->acceptor, NULL);
  close(h->listener);
  for (size_t i = 0; i < h->connections; i++) {
    shutdown(h->sockets[i], SHUT_RDWR);
    pthread_join(h->threads[i], NULL);
    close(h->sockets[i]);
  }
  for (size_t i = 0; i < h->message_count; i++) free(h->messages[i].content);
  if (h->credentials) gnutls_certificate_free_credentials(h->credentials);
  pthread_mutex_destroy(&h->lock);
}

#endif
