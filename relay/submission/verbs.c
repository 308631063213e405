#include "relay/submission/verbs.h"

#include "base/log.h"
#include "relay/smtp/command.h"
#include "relay/submission/input.h"
#include "relay/submission/reply.h"

#include <stdio.h>

static bool check_always(struct session *s) {
  (void)s;
  return true;
}

static void do_noop(struct session *s, struct bytes rest) {
  (void)rest;
  reply(s, 250, "2.0.0", "OK");
}

static void do_rset(struct session *s, struct bytes rest) {
  if (rest.len) {
    reply_refused(s, 501, "5.5.4", RULE_SYNTAX, "RSET takes no argument");
    return;
  }
  session_reset(s);
  if (s->state != SESSION_START) session_set_state(s, SESSION_READY);
  reply(s, 250, "2.0.0", "OK");
}

static void do_quit(struct session *s, struct bytes rest) {
  if (rest.len) { /* RFC 5321 4.1.1.10 gives QUIT no argument */
    reply_refused(s, 501, "5.5.4", RULE_SYNTAX, "QUIT takes no argument");
    return;
  }
  reply(s, 221, "2.0.0", "%s closing the connection", s->submission->config->hostname);
  session_close(s, true, "quit");
}

static void do_help(struct session *s, struct bytes rest) {
  (void)rest;
  reply(s, 214, "2.0.0", "EHLO STARTTLS AUTH MAIL RCPT DATA BDAT RSET NOOP QUIT; RFC 5321, RFC 6409");
}

/* RFC 5321 3.5.3 and 7.3: 252 is the answer of a server that does not tell who has a mailbox. */
static void do_vrfy(struct session *s, struct bytes rest) {
  (void)rest;
  reply(s, 252, "2.5.0", "cannot verify; send the message and it will be tried");
}

static void do_expn(struct session *s, struct bytes rest) {
  (void)rest;
  reply_refused(s, 502, "5.5.1", RULE_SYNTAX, "EXPN is not offered here");
}

struct verb {
  const char *name;
  size_t line_max;
  bool (*check)(struct session *s);
  void (*action)(struct session *s, struct bytes rest);
};

static const struct verb verbs[] = {
    {"MAIL", COMMAND_LINE_LONG, check_mail, do_mail},  {"RCPT", COMMAND_LINE_LONG, check_rcpt, do_rcpt},
    {"DATA", COMMAND_LINE_MAX, check_data, do_data},   {"EHLO", COMMAND_LINE_MAX, check_hello, do_ehlo},
    {"HELO", COMMAND_LINE_MAX, check_hello, do_helo},  {"RSET", COMMAND_LINE_MAX, check_always, do_rset},
    {"NOOP", COMMAND_LINE_MAX, check_always, do_noop}, {"QUIT", COMMAND_LINE_MAX, check_always, do_quit},
    {"AUTH", AUTH_LINE_MAX, check_auth, do_auth},      {"STARTTLS", COMMAND_LINE_MAX, check_starttls, do_starttls},
    {"BDAT", COMMAND_LINE_MAX, check_bdat, do_bdat},   {"HELP", COMMAND_LINE_MAX, check_always, do_help},
    {"VRFY", COMMAND_LINE_MAX, check_always, do_vrfy}, {"EXPN", COMMAND_LINE_MAX, check_always, do_expn},
};

static const struct verb *find(struct bytes name) {
  for (size_t i = 0; i < sizeof verbs / sizeof verbs[0]; i++)
    if (bytes_equal_nocase(name, bytes_of(verbs[i].name))) return &verbs[i];
  return NULL;
}

size_t verbs_line_max(struct bytes line) {
  size_t end = bytes_find(line, ' ', 0);
  const struct verb *v = find((struct bytes){line.at, end});
  return v ? v->line_max : COMMAND_LINE_MAX;
}

void verbs_run(struct session *s, struct bytes line) {
  struct command c;
  if (command_parse(line, &c) != OK) {
    reply_refused(s, 500, "5.5.2", RULE_SYNTAX, "that is no command");
    return;
  }
  const struct verb *v = find(c.verb);
  if (log_wants(LOG_DEBUG_)) { /* never what follows AUTH */
    struct log_line l;
    log_begin(&l, LOG_DEBUG_, s->id, "command");
    log_bytes(&l, "line", v && v->action == do_auth ? c.verb : line);
    log_end(&l);
  }
  if (!v)
    reply_refused(s, 500, "5.5.1", RULE_SYNTAX, "command not recognised; HELP lists them");
  else if (v->check(s))
    v->action(s, c.rest);
}
