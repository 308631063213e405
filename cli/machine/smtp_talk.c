#include "cli/machine/smtp_talk.h"

#include "base/address/cidr.h"
#include "base/clock.h"
#include "relay/net/tls.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define KEYWORDS_MAX 1024

struct talk {
  int fd;
  uint64_t deadline_ms;
  struct reply_parser parser;
  char input[4096];
  struct bytes unread;         /* of input */
  char keywords[KEYWORDS_MAX]; /* of the last EHLO: " STARTTLS PIPELINING " */
  struct tls_client *credentials;
  struct tls_session *tls;
};

/* --- the connection --- */

/* 1: ready; 0: the deadline has come; -1 with errno. */
static int wait_for(const struct talk *t, short events) {
  for (;;) {
    uint64_t now = clock_monotonic_ms();
    struct pollfd p = {.fd = t->fd, .events = events};
    int n = now < t->deadline_ms ? poll(&p, 1, (int)(t->deadline_ms - now)) : 0;
    if (n >= 0 || errno != EINTR) return n;
  }
}

static int fail_timeout(struct reason *why) {
  return fail(why, E_TEMPORARY, "no answer in time");
}

static int fail_system(struct reason *why, int error) {
  return fail(why, E_IO, "%s", strerror(error));
}

/* Bound before it is announced, so that nobody else can come from there. */
static int bind_from(const struct talk *t, const struct talk_plan *plan, struct reason *why) {
  struct sockaddr_storage local;
  socklen_t len = sizeof local;
  if (!plan->from) return OK;
  if (bind(t->fd, plan->from, ip_length(plan->from)) != 0)
    return errno == EADDRNOTAVAIL ? fail(why, E_NOT_FOUND, "not an address of this machine") : fail_system(why, errno);
  if (!plan->announce) return OK;
  if (getsockname(t->fd, (struct sockaddr *)&local, &len) != 0) return fail_system(why, errno);
  return plan->announce(plan->arg, (const struct sockaddr *)&local);
}

static int connect_to(const struct talk *t, const struct sockaddr *to, struct reason *why) {
  int error = 0;
  socklen_t len = sizeof error;
  if (connect(t->fd, to, ip_length(to)) == 0) return OK;
  if (errno != EINPROGRESS) return fail_system(why, errno);
  if (wait_for(t, POLLOUT) <= 0) return fail_timeout(why);
  if (getsockopt(t->fd, SOL_SOCKET, SO_ERROR, &error, &len) != 0) return fail_system(why, errno);
  return error ? fail_system(why, error) : OK;
}

int talk_open(const struct talk_plan *plan, struct talk **out, struct reason *why) {
  struct talk *t = *out = calloc(1, sizeof *t);
  if (!t) return fail(why, E_MEMORY, "out of memory");
  reply_parser_init(&t->parser, NULL, NULL);
  t->deadline_ms = plan->deadline_ms;
  t->fd = socket(plan->to->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  int rc = t->fd < 0 ? fail_system(why, errno) : OK;
  if (rc == OK) rc = bind_from(t, plan, why);
  if (rc == OK) rc = connect_to(t, plan->to, why);
  if (rc != OK && plan->announce) plan->withdraw(plan->arg);
  if (rc != OK) talk_close(out);
  return rc;
}

void talk_close(struct talk **at) {
  struct talk *t = *at;
  *at = NULL;
  if (!t) return;
  if (t->tls) tls_session_free(&t->tls);
  if (t->credentials) tls_client_free(&t->credentials);
  if (t->fd >= 0) close(t->fd);
  free(t);
}

/* --- octets, in the clear or inside TLS --- */

static ssize_t pull(void *arg, void *out, size_t size) {
  struct talk *t = arg;
  int ready = wait_for(t, POLLIN);
  if (ready == 0) errno = ETIMEDOUT;
  return ready > 0 ? recv(t->fd, out, size, 0) : -1;
}

static ssize_t push(void *arg, const void *data, size_t len) {
  struct talk *t = arg;
  int ready = wait_for(t, POLLOUT);
  if (ready == 0) errno = ETIMEDOUT;
  return ready > 0 ? send(t->fd, data, len, MSG_NOSIGNAL) : -1;
}

static int fail_tls(const struct talk *t, struct reason *why) {
  if (clock_monotonic_ms() >= t->deadline_ms) return fail_timeout(why);
  return fail(why, E_IO, "%s", tls_error(t->tls));
}

static int read_tls(struct talk *t, size_t *got, struct reason *why) {
  enum tls_step step;
  while ((step = tls_read(t->tls, t->input, sizeof t->input, got)) == TLS_AGAIN)
    if (clock_monotonic_ms() >= t->deadline_ms) return fail_timeout(why);
  if (step == TLS_DONE) return OK;
  return step == TLS_END ? fail(why, E_IO, "the connection was closed") : fail_tls(t, why);
}

/* More input; OK, or why there is none. */
static int fill(struct talk *t, struct reason *why) {
  size_t got = 0;
  int rc = OK;
  if (t->tls) {
    rc = read_tls(t, &got, why);
  } else {
    ssize_t n = pull(t, t->input, sizeof t->input);
    if (n < 0 && errno == ETIMEDOUT) return fail_timeout(why);
    if (n < 0) return fail_system(why, errno);
    if (n == 0) return fail(why, E_IO, "the connection was closed");
    got = (size_t)n;
  }
  t->unread = (struct bytes){t->input, rc == OK ? got : 0};
  return rc;
}

int talk_send(struct talk *t, struct bytes data, struct reason *why) {
  if (t->tls) return tls_write(t->tls, data) == TLS_DONE ? OK : fail_tls(t, why);
  while (data.len) {
    ssize_t n = push(t, data.at, data.len);
    if (n < 0 && errno == ETIMEDOUT) return fail_timeout(why);
    if (n < 0) return fail_system(why, errno);
    data = bytes_from(data, (size_t)n);
  }
  return OK;
}

/* --- commands and replies --- */

int talk_reply(struct talk *t, struct smtp_reply *out, struct reason *why) {
  for (;;) {
    int rc = reply_parser_feed(&t->parser, &t->unread);
    if (rc == 1) {
      *out = t->parser.reply;
      return OK;
    }
    if (rc < 0) return fail(why, E_IO, "what answers is no SMTP server");
    if ((rc = fill(t, why)) != OK) return rc;
  }
}

int talk_say(struct talk *t, struct smtp_reply *out, struct reason *why, const char *format, ...) {
  char line[1024];
  va_list args;
  va_start(args, format);
  int n = vsnprintf(line, sizeof line - 2, format, args);
  va_end(args);
  if (n < 0 || (size_t)n >= sizeof line - 2) return fail(why, E_TOO_BIG, "the command is too long");
  memcpy(line + n, "\r\n", 2);
  int rc = talk_send(t, (struct bytes){line, (size_t)n + 2}, why);
  return rc == OK ? talk_reply(t, out, why) : rc;
}

/* The first line is a greeting (RFC 5321 4.1.1.1). */
static void take_keyword(void *arg, size_t index, struct bytes text) {
  struct talk *t = arg;
  size_t at = strlen(t->keywords), len = bytes_find(text, ' ', 0);
  if (index == 0 || at + len + 3 > sizeof t->keywords) return;
  snprintf(t->keywords + at, sizeof t->keywords - at, "%s%.*s ", at ? "" : " ", (int)len, text.at);
}

int talk_hello(struct talk *t, const char *name, struct smtp_reply *out, struct reason *why) {
  t->keywords[0] = '\0';
  t->parser.on_line = take_keyword;
  t->parser.arg = t;
  int rc = talk_say(t, out, why, "EHLO %s", name);
  t->parser.on_line = NULL;
  return rc;
}

bool talk_offers(const struct talk *t, const char *keyword) {
  char word[64];
  snprintf(word, sizeof word, " %s ", keyword);
  return strcasestr(t->keywords, word) != NULL;
}

/* --- TLS --- */

int talk_start_tls(struct talk *t, const char *name, struct reason *why) {
  const struct tls_peer peer = {.name = name, .at = "", .proof = TLS_UNVERIFIED};
  const struct tls_transport transport = {pull, push, t};
  enum tls_step step;
  if (tls_client_new(&t->credentials) != OK || tls_session_client(t->credentials, &peer, &transport, &t->tls) != OK)
    return fail(why, E_MEMORY, "out of memory");
  t->unread = (struct bytes){t->input, 0}; /* RFC 3207 4.2: nothing that came in the clear counts behind it */
  while ((step = tls_handshake(t->tls)) == TLS_AGAIN)
    if (clock_monotonic_ms() >= t->deadline_ms) return fail_timeout(why);
  return step == TLS_DONE ? OK : fail_tls(t, why);
}

const char *talk_tls(const struct talk *t) {
  return t->tls ? tls_text(t->tls) : "";
}

bool talk_trusts(struct talk *t, const char *name, struct reason *why) {
  return tls_check_peer(t->credentials, t->tls, name, why);
}
