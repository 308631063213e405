#include "relay/delivery/outcome/verdict.h"

#include "base/clock.h"
#include "base/mail/rule.h"
#include "relay/delivery/outcome/bounce.h"

#include <stdio.h>
#include <string.h>

#define RETRY_FALLBACK_US (15 * 60 * SECOND_US) /* only for a configuration without any */
#define SITE_PAUSE_MAX_US (5 * 60 * SECOND_US)

/* RFC 5321 4.5.3.1.10: 452, and 552 as an old way to say it. A host that names a reason by an enhanced code means that
 * (mailbox full is X.2.2), whatever the code: X.5.3 is "too many recipients" (RFC 3463 3.6). */
static bool too_many_recipients(const struct incident *i) {
  if (i->stage != STAGE_RCPT) return false;
  const char *enhanced = i->reply.enhanced;
  return enhanced[0] ? !strcmp(enhanced + 1, ".5.3") : i->reply.code == 452 || i->reply.code == 552;
}

/* RFC 3207 4: 530; RFC 3463's registry: X.7.10 is "encryption needed"; and what hosts have made up instead. */
static bool demands_tls(const struct smtp_reply *r) {
  return r->code == 530 || !strcmp(r->enhanced[0] ? r->enhanced + 1 : "", ".7.10") || strcasestr(r->text, "TLS");
}

/* "451-4.3.0 Multiple destination domains per transaction is unsupported", "452 4.5.3 Recipients belong to multiple
 * regions ATTR38": what providers have made up. */
bool verdict_wants_one_domain(const struct incident *i) {
  const char *text = i->reply.text;
  return verdict_parts_domains(i) && strcasestr(text, "multiple") &&
         (strcasestr(text, "domain") || strcasestr(text, "region"));
}

/* At RCPT any 4xx to another domain than the first may mean it, once one was accepted. Behind it, only the words tell.
 */
bool verdict_parts_domains(const struct incident *i) {
  if (!i->joined || i->trouble != TROUBLE_REPLY || i->reply.code / 100 != 4 || i->reply.code == 421) return false;
  if (i->stage == STAGE_RCPT) return i->other_domain && i->others_accepted;
  bool later = i->stage == STAGE_DATA || i->stage == STAGE_DOT;
  return later && strcasestr(i->reply.text, "multiple") && strcasestr(i->reply.text, "domain");
}

static enum verdict of_reply(const struct incident *i) {
  if (verdict_parts_domains(i) && !i->site_wide) return VERDICT_AGAIN;
  if (i->site_wide && i->reply.code / 100 == 4) return VERDICT_DEFER;
  /* It offers what it demands, and today it did not work, with this attempt: no reason to return the mail. */
  if (i->tls_unused && demands_tls(&i->reply)) return VERDICT_NEXT_HOST;
  /* "Authentication required" (RFC 4954 6): the route lacks a login, which is no fault of the mail. */
  if (i->routed && i->reply.code == 530) return VERDICT_NEXT_HOST;
  if (too_many_recipients(i)) {
    if (i->others_accepted) return VERDICT_AGAIN;
    if (i->reply.code == 552) return VERDICT_NEXT_HOST; /* of the first, another 5xx is a refusal like any */
  }
  return i->reply.code / 100 == 5 ? VERDICT_BOUNCE : VERDICT_NEXT_HOST;
}

/* What one host lacks, another may have, and that one was only busy. */
static enum verdict of_obstacle(const struct incident *i) {
  return i->put_off ? VERDICT_NEXT_HOST : VERDICT_BOUNCE;
}

/* A host that fails before a message was mentioned says nothing about the message: even its 5xx is no more than "not
 * this host" (RFC 5321 3.1: 554 in the greeting; 5.1: other exchangers are tried). */
static enum verdict of_opening(const struct incident *i) {
  /* At STARTTLS itself: a host that closes, or says nothing, instead of an answer. */
  bool broken_tls = i->stage == STAGE_HANDSHAKE || (i->stage == STAGE_STARTTLS && i->trouble != TROUBLE_REPLY) ||
                    (i->tls && i->stage == STAGE_EHLO && i->trouble != TROUBLE_REPLY);
  /* Whatever the fault: somebody in the middle who breaks the handshake, or puts octets ahead of it, could as well
   * have taken STARTTLS out of the EHLO reply. Refusing clear text for ever would only keep mail from broken hosts (RFC
   * 7435 3); what must not go in the clear says REQUIRETLS. */
  if (broken_tls && !i->resuming && !i->tls_enforced && i->trouble != TROUBLE_STOPPING) return VERDICT_PLAIN;
  return VERDICT_NEXT_HOST;
}

/* An idle connection that the host has closed meanwhile is noticed at the next command. */
static bool stale_connection(const struct incident *i) {
  if (!i->reused || i->answered || (i->stage != STAGE_MAIL && i->stage != STAGE_IDLE)) return false;
  return i->trouble == TROUBLE_NETWORK || i->trouble == TROUBLE_CLOSED ||
         (i->trouble == TROUBLE_REPLY && i->reply.code == 421);
}

enum verdict verdict_of(const struct incident *i) {
  switch (i->trouble) {
  case TROUBLE_NONE:
  case TROUBLE_SANDBOX: return VERDICT_DELIVERED;
  case TROUBLE_TOO_LARGE:   /* RFC 1870 6.1 */
  case TROUBLE_NO_8BITMIME: /* RFC 6152 3: and it cannot be converted */
  case TROUBLE_NO_SMTPUTF8: /* RFC 6531 3.2 */
  case TROUBLE_NO_DELIVERBY:
  case TROUBLE_NO_TLS:
  case TROUBLE_NO_REQUIRETLS: return of_obstacle(i); /* RFC 8689 4.2.1 */
  case TROUBLE_DEADLINE:                             /* RFC 2852 4.1 */
  case TROUBLE_NULL_MX:                              /* RFC 7505 4.1 */
  case TROUBLE_NO_DOMAIN:
  case TROUBLE_NO_ADDRESS: /* RFC 5321 5.1 */
  case TROUBLE_LOOP:
  case TROUBLE_RETURNED: return VERDICT_BOUNCE;
  case TROUBLE_LOCAL:
  case TROUBLE_SOURCE:
  case TROUBLE_DNS:
  case TROUBLE_PACE:
  case TROUBLE_WARMUP:
  case TROUBLE_PROBE:
  case TROUBLE_ROUTE:
  /* Another address of the host has the same users, and would count one more failure; and a password that was changed
     there is no reason to return mail (RFC 4954 6 has 535 for permanent, which it is for this password alone). */
  case TROUBLE_LOGIN: return VERDICT_DEFER;
  case TROUBLE_TLS_ENFORCED:
  case TROUBLE_DANE:
  case TROUBLE_STS: return VERDICT_NEXT_HOST;
  default: break;
  }
  if (i->stage >= STAGE_CONNECT && i->stage <= STAGE_AUTH) return of_opening(i);
  if (i->trouble == TROUBLE_STOPPING) return VERDICT_DEFER;
  if (stale_connection(i)) return VERDICT_AGAIN;
  if (i->trouble == TROUBLE_REPLY) return of_reply(i);
  /* After the final dot, and no answer: the host may have the message. Another that got it as well would make two. */
  return i->stage == STAGE_DOT ? VERDICT_DEFER : VERDICT_NEXT_HOST;
}

/* Whether that was it only shows without it: a wrong guess costs round trips, a missed one the mail. */
bool verdict_wants_lockstep(const struct incident *i) {
  if (!i->pipelined || stale_connection(i)) return false;
  if (i->trouble == TROUBLE_PROTOCOL) return true;
  bool silent = i->trouble == TROUBLE_CLOSED || i->trouble == TROUBLE_NETWORK || i->trouble == TROUBLE_TIMEOUT;
  return silent && i->stage < STAGE_CONTENT;
}

/* --- rulings --- */

/* The codes of our own reasons; those of a reply come from the reply. */
static void own_codes(const struct incident *i, struct ruling *out) {
  static const struct {
    int code;
    const char *enhanced;
  } table[] = {
      [TROUBLE_NONE] = {250, "2.0.0"},
      [TROUBLE_SANDBOX] = {250, "2.0.0"},
      [TROUBLE_REPLY] = {450, "4.0.0"},
      [TROUBLE_NETWORK] = {450, "4.4.1"},
      [TROUBLE_CLOSED] = {450, "4.4.2"},
      [TROUBLE_TIMEOUT] = {450, "4.4.2"},
      [TROUBLE_PROTOCOL] = {450, "4.5.0"},
      [TROUBLE_TLS] = {450, "4.7.5"},
      [TROUBLE_LOCAL] = {451, "4.3.0"},
      [TROUBLE_STOPPING] = {451, "4.3.2"},
      [TROUBLE_SOURCE] = {451, "4.3.5"},
      [TROUBLE_TOO_LARGE] = {552, "5.3.4"},
      [TROUBLE_NO_8BITMIME] = {554, "5.6.3"},
      [TROUBLE_NO_SMTPUTF8] = {554, "5.6.7"},
      [TROUBLE_NULL_MX] = {556, "5.1.10"},
      [TROUBLE_NO_DOMAIN] = {550, "5.1.2"},
      [TROUBLE_NO_ADDRESS] = {550, "5.4.4"},
      [TROUBLE_LOOP] = {554, "5.4.6"},
      [TROUBLE_DNS] = {450, "4.4.3"},
      [TROUBLE_NO_TLS] = {550, "5.7.10"},
      [TROUBLE_NO_REQUIRETLS] = {550, "5.7.30"},
      [TROUBLE_DEADLINE] = {554, "5.4.7"},
      [TROUBLE_NO_DELIVERBY] = {554, "5.4.7"},
      [TROUBLE_PACE] = {450, "4.4.5"}, /* RFC 3463 3.5: congestion */
      [TROUBLE_WARMUP] = {450, "4.4.5"},
      [TROUBLE_ROUTE] = {451, "4.3.5"},
      [TROUBLE_TLS_ENFORCED] = {451, "4.7.5"},
      [TROUBLE_LOGIN] = {451, "4.7.8"},
      [TROUBLE_DANE] = {451, "4.7.5"},
      [TROUBLE_STS] = {451, "4.7.5"},
      [TROUBLE_PROBE] = {450, "4.4.1"},
      [TROUBLE_RETURNED] = {554, "5.0.0"}, /* all that is known is the class */
  };
  out->code = table[i->trouble].code;
  snprintf(out->enhanced, sizeof out->enhanced, "%s", i->enhanced ? i->enhanced : table[i->trouble].enhanced);
}

static void copy_reply(const struct incident *i, struct ruling *out) {
  const struct smtp_reply *r = &i->reply;
  out->remote = true;
  out->code = r->code;
  snprintf(out->enhanced, sizeof out->enhanced, "%s", r->enhanced);
  /* RFC 3463 3.1: X.0.0 is all that a bare code says. */
  if (!r->enhanced[0]) snprintf(out->enhanced, sizeof out->enhanced, "%c.0.0", (char)('0' + r->code / 100));
  const char *text = r->text[0] ? r->text : "(no text)";
  if (i->stage <= STAGE_AUTH) /* it was not about the message */
    snprintf(out->text, sizeof out->text, "%.700s (%s)", text, smtp_stage_phrase(i->stage));
  else
    snprintf(out->text, sizeof out->text, "%s", text);
}

static int64_t retry_after(const struct config *config, unsigned attempts, uint32_t random) {
  int64_t wait = RETRY_FALLBACK_US;
  if (config->retry_count) wait = config->retry_us[attempts < config->retry_count ? attempts : config->retry_count - 1];
  return wait + wait / 1000 * (int64_t)(random % 101); /* up to a tenth more, so that retries do not march in step */
}

static void rule_expired(struct ruling *out, int64_t created_us, int64_t now_us) {
  char span[40], last[REPLY_TEXT_MAX];
  clock_format_span(now_us - created_us, span, sizeof span);
  snprintf(last, sizeof last, "%s", out->text);
  int n = snprintf(out->text, sizeof out->text, "not delivered within %s; the last reason was: ", span);
  size_t at = n > 0 ? (size_t)n : 0;
  if (at < sizeof out->text) {
    int code = out->code;
    snprintf(out->text + at, sizeof out->text - at, "%d %.11s %.640s", code, out->enhanced, last);
  }
  out->kind = EVENT_EXPIRED;
  out->code = 0;
  snprintf(out->enhanced, sizeof out->enhanced, "4.4.7"); /* RFC 3463 3.5: delivery time expired */
}

/* No fault of anybody's: again as soon as the gateway is back. */
static void rule_stopping(int64_t now_us, struct ruling *out) {
  out->kind = EVENT_DEFERRED;
  out->next_us = now_us;
}

/* A little after the time that somebody has named, so that not all come at once. */
static int64_t retry_asked(int64_t at_us, int64_t now_us, uint32_t random) {
  int64_t wait = at_us > now_us ? at_us - now_us : 0;
  return now_us + wait + wait / 2000 * (int64_t)(random % 101); /* up to a twentieth */
}

static void rule_deferred(const struct verdict_case *c, const struct incident *i, struct ruling *out) {
  out->kind = EVENT_DEFERRED;
  out->daily = i->trouble == TROUBLE_WARMUP;
  out->counts = i->trouble != TROUBLE_PACE && i->trouble != TROUBLE_PROBE && !out->daily; /* which were no attempts */
  out->next_us = i->retry_us ? retry_asked(i->retry_us, c->now_us, c->random)
                             : c->now_us + retry_after(c->config, c->attempts, c->random);
  if (i->probe_us) out->next_us = i->probe_us;
  if (out->next_us < i->again_us) out->next_us = i->again_us;
  if (out->next_us > c->expires_us) out->next_us = c->expires_us; /* one last attempt, then it expires */
}

static void rule_bounced(const struct incident *i, struct ruling *out) {
  out->kind = i->trouble == TROUBLE_DEADLINE ? EVENT_EXPIRED : EVENT_BOUNCED;
  if (out->kind == EVENT_EXPIRED) out->code = 0;
}

static void add_last(const struct verdict_case *c, struct ruling *out) {
  size_t at = strlen(out->text);
  if (c->last && c->last[0]) snprintf(out->text + at, sizeof out->text - at, "; the last reason was: %s", c->last);
}

/* Its sender's deadline: RFC 3463 3.5 with RFC 2852 makes that 5.4.7, a permanent failure. An attempt made too late has
 * its own reason in the text already. */
static void rule_deadline(const struct verdict_case *c, const struct incident *i, struct ruling *out) {
  snprintf(out->enhanced, sizeof out->enhanced, "5.4.7");
  out->rule = RULE_DEADLINE;
  if (i->trouble == TROUBLE_DEADLINE) add_last(c, out);
}

void verdict_rule(const struct verdict_case *c, const struct incident *i, struct ruling *out) {
  *out = (struct ruling){.set = true,
                         .greylisted = i->greylisted,
                         .played = i->played,
                         .rule = incident_rule(i),
                         .host_dsn = i->host_dsn,
                         .host_deliver_by = i->host_deliver_by};
  own_codes(i, out);
  snprintf(out->text, sizeof out->text, "%s", i->text);
  snprintf(out->numbers, sizeof out->numbers, "%s", i->numbers);
  if (i->reply.code) copy_reply(i, out);
  enum verdict v = verdict_of(i);
  if (v == VERDICT_DELIVERED)
    out->kind = EVENT_DELIVERED;
  else if (v == VERDICT_BOUNCE)
    rule_bounced(i, out);
  else if (i->trouble == TROUBLE_STOPPING)
    rule_stopping(c->now_us, out);
  else if (c->now_us >= c->expires_us)
    rule_expired(out, c->created_us, c->now_us);
  else
    rule_deferred(c, i, out);
  if (out->kind == EVENT_EXPIRED && c->sender_ends) rule_deadline(c, i, out);
  if (i->trouble == TROUBLE_RETURNED) add_last(c, out);
  out->bounce = bounce_of(i, out);
  numbers_add(out->numbers, "attempt", (int64_t)c->attempts + 1);
}

int64_t verdict_site_pause(const struct config *config) {
  int64_t first = config->retry_count ? config->retry_us[0] : RETRY_FALLBACK_US;
  return first < SITE_PAUSE_MAX_US ? first : SITE_PAUSE_MAX_US;
}
