#include "tests/bench/load/source.h"

#include <stdio.h>

static void greet(struct session *s) {
  s->state = EHLO;
  stream_say(s, "EHLO client.example\r\n");
}

static void become_ready(struct session *s) {
  s->state = READY;
  session_opened(s);
  session_ready(s);
}

void smtp_begin(struct session *s) {
  s->state = GREETING;
}

void smtp_message(struct session *s) {
  s->state = MAIL;
  s->recipient = 0;
  stream_say(s, "MAIL FROM:<%s>\r\n", plan.from);
}

void recipient_domain(uint64_t number, char out[DOMAIN_SIZE]) {
  if (plan.domains)
    snprintf(out, DOMAIN_SIZE, "d%llu.%s", (unsigned long long)(number % plan.domains), plan.to_domain);
  else
    snprintf(out, DOMAIN_SIZE, "%s", plan.to_domain);
}

static void name_recipient(struct session *s) {
  unsigned long long n = s->number;
  char domain[DOMAIN_SIZE];
  recipient_domain(n, domain);
  s->state = RCPT;
  if (plan.recipients == 1)
    stream_say(s, "RCPT TO:<r%llu@%s>\r\n", n, domain);
  else
    stream_say(s, "RCPT TO:<r%llux%zu@%s>\r\n", n, s->recipient, domain);
}

void smtp_quit(struct session *s) {
  s->state = QUIT;
  stream_say(s, "QUIT\r\n");
}

static void after_ehlo(struct session *s) {
  if (plan.tls && !s->secure) {
    s->state = STARTTLS;
    stream_say(s, "STARTTLS\r\n");
  } else if (plan.auth) {
    s->state = AUTH;
    stream_say(s, "AUTH PLAIN %s\r\n", plan.auth);
  } else {
    become_ready(s);
  }
}

static void after_content(struct session *s) {
  message_accepted(s);
  if (plan.keep) {
    s->state = READY;
    session_ready(s);
  } else {
    smtp_quit(s);
  }
}

/* What comes next when a command was answered as it should be. */
static void go_on(struct session *s) {
  switch (s->state) {
  case GREETING: greet(s); break;
  case EHLO: after_ehlo(s); break;
  case STARTTLS: stream_secure(s); break;
  case AUTH: become_ready(s); break;
  case MAIL: name_recipient(s); break;
  case RCPT:
    if (++s->recipient < plan.recipients) {
      name_recipient(s);
    } else {
      s->state = DATA;
      stream_say(s, "DATA\r\n");
    }
    break;
  case DATA:
    s->state = CONTENT;
    content_fill(s);
    stream_flush(s);
    break;
  case CONTENT: after_content(s); break;
  default: session_ended(s, "a reply that nothing asked for");
  }
}

void smtp_reply(struct session *s, const char *line) {
  char good = s->state == DATA ? '3' : '2';
  if (s->state == QUIT)
    session_ended(s, NULL);
  else if (line[0] == good)
    go_on(s);
  else if (s->has_message) {
    message_refused(s, line);
    smtp_quit(s);
  } else
    session_ended(s, line);
}
