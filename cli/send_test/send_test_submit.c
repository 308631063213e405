/* The message goes in by one of the gateway's own listeners, with its TLS, over a connection that is announced over the
 * control socket as the account's (relay/submission/expected.h): so the account needs no password here, and yet all is
 * decided, counted, signed and logged as for an application. */
#include "base/clock.h"
#include "cli/machine/machine.h"
#include "cli/machine/own_listener.h"
#include "cli/send_test/send_test_parts.h"

#include <stdio.h>
#include <string.h>

#define SUBMIT_MS 30000

/* --- what it says --- */

static int add_recipients(const struct send_test *t, struct buffer *b) {
  int rc = buffer_addf(b, "To:");
  for (size_t i = 0; rc == OK && i < t->to_count; i++) rc = buffer_addf(b, "%s <%s>", i ? ",\r\n" : "", t->to[i]);
  return rc == OK ? buffer_addf(b, "\r\n") : rc;
}

/* RFC 3834 5: nobody's answering machine is to answer. */
static int write_message(const struct send_test *t, struct buffer *b) {
  const char *host = t->c->config->hostname;
  char date[64];
  clock_format_rfc5322(clock_now_us(), date, sizeof date);
  int rc = buffer_addf(b, "Date: %s\r\nFrom: <%s>\r\n", date, t->from);
  if (rc == OK) rc = add_recipients(t, b);
  if (rc == OK)
    rc = buffer_addf(b,
                     "Subject: Test message from the mail gateway %s\r\n"
                     "Auto-Submitted: auto-generated\r\n"
                     "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n",
                     host);
  if (rc == OK)
    rc = buffer_addf(b,
                     "This is a test message. The operator of the mail gateway %s\r\n"
                     "sent it with \"sendoff send-test\" for the account %s, to see whether\r\n"
                     "mail arrives here. There is nothing to do, and no answer is needed.\r\n.\r\n",
                     host, t->account->name);
  return rc;
}

/* --- replies --- */

static void show_reply(const struct send_test *t, const char *step, const struct smtp_reply *r, const char *about) {
  char text[REPLY_TEXT_MAX + ADDRESS_MAX + 64];
  snprintf(text, sizeof text, "%d%s%s %s%s%s%s", r->code, *r->enhanced ? " " : "", r->enhanced, r->text,
           *about ? "  <" : "", about, *about ? ">" : "");
  send_test_step(t, step, text,
                 json_pack("{s:i, s:s, s:o}", "code", r->code, "enhanced", r->enhanced, "reply", json_text(r->text)));
}

static enum exit_status fail_step(const struct send_test *t, const char *step, int rc, const struct reason *why) {
  send_test_step(t, "failed", why->text, NULL);
  return cli_fail(EXIT_NO, "the gateway's listener does not take it (%s): %s", step, rc == OK ? "refused" : why->text);
}

/* With the reference that its text ends with (base/mail/refusal.h). */
static enum exit_status refused(const char *step, const struct smtp_reply *r) {
  static const char before[] = "sendoff why ";
  const char *at = strstr(r->text, before);
  if (!at) return cli_fail(EXIT_NO, "refused at %s", step);
  return cli_fail(EXIT_NO, "refused at %s; what it means, and what to do: %s", step, at);
}

/* `step` is the command; anything but a reply of that class ends it. */
static enum exit_status expect(const struct send_test *t, int rc, int class, const char *step,
                               const struct smtp_reply *r, const char *about, const struct reason *why) {
  if (rc != OK) return fail_step(t, step, rc, why);
  show_reply(t, step, r, about);
  return r->code / 100 == class ? EXIT_DONE : refused(step, r);
}

/* --- the session --- */

struct submission_session {
  struct talk *talk;
  struct own_listener at;
  struct own_announcement announcement;
  enum listen_tls tls;
};

static int open_talk(struct submission_session *s, struct reason *why) {
  struct talk_plan plan = {.to = (const struct sockaddr *)&s->at.to,
                           .from = (const struct sockaddr *)&s->at.from,
                           .deadline_ms = clock_monotonic_ms() + SUBMIT_MS,
                           .announce = own_listener_announce,
                           .withdraw = own_listener_withdraw,
                           .arg = &s->announcement};
  int rc = own_announcement_begin(&s->announcement);
  return rc == OK ? talk_open(&plan, &s->talk, why) : rc;
}

/* The first that answers. */
static int open_listener(struct send_test *t, struct submission_session *s, struct reason *why) {
  const struct config *k = t->c->config;
  s->announcement = (struct own_announcement){k->data_dir, t->account->name, -1};
  int rc = fail(why, E_NOT_FOUND, "the configuration has no listener with an address and a port");
  for (size_t i = 0; i < k->listen_count; i++) {
    if (!own_listener_read(&k->listens[i], &s->at)) continue;
    s->tls = k->listens[i].tls;
    why->text[0] = '\0'; /* none is left when there is no gateway to announce it to */
    rc = open_talk(s, why);
    if (rc == OK || rc == E_DENIED || (rc == E_NOT_FOUND && !*why->text)) return rc;
    send_test_step(t, "listener", s->at.text, json_pack("{s:o}", "error", json_text(why->text)));
  }
  return rc;
}

static void show_listener(const struct send_test *t, const struct submission_session *s) {
  char text[256];
  const char *tls = talk_tls(s->talk);
  snprintf(text, sizeof text, "%s, %s", s->at.text, *tls ? tls : "without TLS");
  send_test_step(t, "listener", text, json_pack("{s:s, s:s}", "listener", s->at.text, "tls", tls));
}

static int hello(struct send_test *t, struct submission_session *s, struct smtp_reply *r, struct reason *why) {
  const char *host = t->c->config->hostname;
  int rc = s->tls == LISTEN_IMPLICIT ? talk_start_tls(s->talk, host, why) : OK;
  if (rc == OK) rc = talk_reply(s->talk, r, why);
  if (rc == OK && r->code / 100 == 2) rc = talk_hello(s->talk, host, r, why);
  if (rc != OK || r->code / 100 != 2 || s->tls == LISTEN_IMPLICIT || !talk_offers(s->talk, "STARTTLS")) return rc;
  rc = talk_say(s->talk, r, why, "STARTTLS");
  if (rc == OK && r->code / 100 == 2) rc = talk_start_tls(s->talk, host, why);
  return rc == OK && r->code / 100 == 2 ? talk_hello(s->talk, host, r, why) : rc;
}

static bool needs_utf8(const struct send_test *t) {
  bool utf8 = false;
  for (const char *p = t->from; *p; p++) utf8 |= (unsigned char)*p > 127;
  for (size_t i = 0; i < t->to_count; i++)
    for (const char *p = t->to[i]; *p; p++) utf8 |= (unsigned char)*p > 127;
  return utf8;
}

static enum exit_status send_envelope(struct send_test *t, struct talk *talk) {
  struct smtp_reply r = {0};
  struct reason why = {""};
  int rc = talk_say(talk, &r, &why, "MAIL FROM:<%s>%s", t->from, needs_utf8(t) ? " SMTPUTF8" : "");
  enum exit_status s = expect(t, rc, 2, "MAIL", &r, "", &why);
  for (size_t i = 0; s == EXIT_DONE && i < t->to_count; i++) {
    rc = talk_say(talk, &r, &why, "RCPT TO:<%s>", t->to[i]);
    s = expect(t, rc, 2, "RCPT", &r, t->to[i], &why);
  }
  return s;
}

/* "accepted as 1CZQ6K3E0W40; ..." */
static bool read_id(const char *text, int64_t *out) {
  static const char before[] = "accepted as ";
  char id[ID_TEXT] = "";
  const char *at = strstr(text, before);
  if (!at) return false;
  at += sizeof before - 1;
  return bytes_copy((struct bytes){at, strcspn(at, "; ")}, id, sizeof id) && id_parse(id, out) == OK;
}

static enum exit_status send_content(struct send_test *t, struct talk *talk, const struct buffer *message) {
  struct smtp_reply r = {0};
  struct reason why = {""};
  int rc = talk_say(talk, &r, &why, "DATA");
  enum exit_status s = expect(t, rc, 3, "DATA", &r, "", &why);
  if (s != EXIT_DONE) return s;
  rc = talk_send(talk, buffer_bytes(message), &why);
  if (rc == OK) rc = talk_reply(talk, &r, &why);
  s = expect(t, rc, 2, "accepted", &r, "", &why);
  t->accepted = t->to_count;
  t->put_off = strchr(r.text, ';') != NULL;
  if (s == EXIT_DONE && !read_id(r.text, &t->message_id))
    s = cli_fail(EXIT_NO, "the gateway does not say which message it is; see: sendoff log");
  if (s == EXIT_DONE) talk_say(talk, &r, &why, "QUIT");
  return s;
}

static enum exit_status submit(struct send_test *t, struct submission_session *at) {
  struct smtp_reply r = {0};
  struct reason why = {""};
  struct buffer message;
  buffer_init(&message, 64 * 1024);
  int rc = hello(t, at, &r, &why);
  if (rc == OK) show_listener(t, at);
  enum exit_status s = rc != OK            ? fail_step(t, "EHLO", rc, &why)
                       : r.code / 100 != 2 ? expect(t, rc, 2, "EHLO", &r, "", &why)
                                           : send_envelope(t, at->talk);
  if (s == EXIT_DONE && write_message(t, &message) != OK) s = cli_fail(EXIT_NO, "out of memory");
  if (s == EXIT_DONE) s = send_content(t, at->talk, &message);
  buffer_free(&message);
  return s;
}

enum exit_status send_test_submit(struct send_test *t) {
  struct submission_session at = {0};
  struct reason why = {""};
  int rc = open_listener(t, &at, &why);
  if (rc == E_DENIED)
    return cli_fail(EXIT_NO, "the gateway does not admit a test message; is the one that runs of this version? Restart "
                             "it, and see its log");
  if (rc == E_NOT_FOUND && !*why.text) return machine_not_running();
  if (rc != OK) return cli_fail(EXIT_NO, "no listener of the gateway answers: %s; see: sendoff doctor", why.text);
  enum exit_status s = submit(t, &at);
  own_listener_withdraw(&at.announcement);
  talk_close(&at.talk);
  return s;
}
