#include "relay/delivery/client/envelope_commands.h"

#include "base/address/address.h"
#include "base/clock.h"
#include "relay/smtp/xtext.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define BY_SECONDS_MAX INT64_C(999999999) /* RFC 2852 4 */
#define ORCPT_MAX 500                     /* RFC 3461 4.2 */

static bool ascii(struct bytes text) {
  for (size_t i = 0; i < text.len; i++)
    if ((unsigned char)text.at[i] >= 0x80) return false;
  return true;
}

/* --- addresses beyond ASCII --- */

/* Only the domain is: it can be written in A-labels (RFC 5891), and then needs no SMTPUTF8. */
static int write_a_labels(const char *address, struct buffer *out) {
  struct address a;
  char domain[DOMAIN_MAX + 1];
  if (address_parse(bytes_of(address), &a) != OK || !ascii(a.local)) return E_SYNTAX;
  int rc = domain_normalize(a.domain, domain);
  if (rc == OK) rc = buffer_add_bytes(out, a.local);
  return rc == OK ? buffer_addf(out, "@%s", domain) : rc;
}

static int write_path(const char *address, const struct ehlo *e, struct buffer *out) {
  if (e->utf8 || ascii(bytes_of(address))) return buffer_add_bytes(out, bytes_of(address));
  return write_a_labels(address, out);
}

static bool needs_utf8(const char *address, const struct ehlo *e) {
  if (e->utf8 || ascii(bytes_of(address))) return false;
  struct buffer scratch;
  buffer_init(&scratch, ADDRESS_MAX + DOMAIN_MAX);
  int rc = write_a_labels(address, &scratch);
  buffer_free(&scratch);
  return rc != OK && rc != E_MEMORY; /* without memory the command will fail, and the host is tried again */
}

/* RFC 6531 3.4: said only where something in the transaction needs it. */
static bool says_utf8(const struct client_transaction *t, const struct ehlo *e) {
  if (!e->utf8) return false;
  bool needed = t->envelope.flags & MESSAGE_UTF8 || !ascii(bytes_of(t->envelope.reverse_path));
  for (size_t i = 0; i < t->recipient_count && !needed; i++) needed = !ascii(bytes_of(t->recipients[i].to.address));
  return needed;
}

/* --- obstacles --- */

static bool obstacle(struct incident *out, enum trouble trouble, const char *enhanced, const char *text) {
  out->trouble = trouble;
  out->enhanced = enhanced;
  out->numbers[0] = '\0';
  snprintf(out->text, sizeof out->text, "%s", text);
  return true;
}

static bool size_obstacle(const struct client_transaction *t, const struct ehlo *e, struct incident *out) {
  if (!e->size || !e->size_max || t->envelope.size <= e->size_max) return false;
  obstacle(out, TROUBLE_TOO_LARGE, NULL, "");
  snprintf(out->text, sizeof out->text, "the message has %llu octets, and the host takes no more than %llu",
           (unsigned long long)t->envelope.size, (unsigned long long)e->size_max);
  numbers_add(out->numbers, "size", (int64_t)t->envelope.size);
  numbers_add(out->numbers, "limit", (int64_t)e->size_max);
  return true;
}

/* RFC 6531 3.2. The codes are those of RFC 5248's registry: X.6.9 speaks of the header, X.6.7 of addresses. */
static bool utf8_obstacle(const struct client_transaction *t, const struct ehlo *e, struct incident *out) {
  if (t->envelope.flags & MESSAGE_UTF8 && !e->utf8)
    return obstacle(out, TROUBLE_NO_SMTPUTF8, "5.6.9",
                    "the message's header needs SMTPUTF8, which the host does not offer");
  if (needs_utf8(t->envelope.reverse_path, e))
    return obstacle(out, TROUBLE_NO_SMTPUTF8, NULL,
                    "the sender's address needs SMTPUTF8, which the host does not offer");
  return false;
}

static int64_t seconds_left(const struct client_transaction *t, int64_t now_us) {
  return (t->envelope.deliver_by_us - now_us) / SECOND_US;
}

/* RFC 2852 4.1.4.1: with by-mode R, a host that would not keep to the deadline is not given the message; nor is one
 * that says it cannot be that quick (2). */
static bool deadline_obstacle(const struct client_transaction *t, const struct ehlo *e, int64_t now_us,
                              struct incident *out) {
  if (!(t->envelope.flags & MESSAGE_BY_RETURN)) return false;
  if (t->envelope.deliver_by_us <= now_us)
    return obstacle(out, TROUBLE_DEADLINE, NULL, "the sender's deadline has passed");
  if (!e->deliver_by)
    return obstacle(out, TROUBLE_NO_DELIVERBY, NULL,
                    "the sender set a deadline, and the host does not offer DELIVERBY, so it would not keep to it");
  uint64_t left = (uint64_t)seconds_left(t, now_us);
  if (left >= e->deliver_by_least) return false;
  obstacle(out, TROUBLE_NO_DELIVERBY, NULL, "");
  snprintf(out->text, sizeof out->text, "%llu seconds are left to the sender's deadline, and the host wants %llu",
           (unsigned long long)left, (unsigned long long)e->deliver_by_least);
  numbers_add(out->numbers, "seconds_left", (int64_t)left);
  numbers_add(out->numbers, "seconds_least", (int64_t)e->deliver_by_least);
  return true;
}

bool transaction_obstacle(const struct client_transaction *t, const struct ehlo *e, int64_t now_us,
                          struct incident *out) {
  if (size_obstacle(t, e, out) || utf8_obstacle(t, e, out) || deadline_obstacle(t, e, now_us, out)) return true;
  for (size_t i = 0; i < t->recipient_count; i++)
    if (!transaction_recipient_obstacle(t->recipients[i].to.address, e, out)) return false;
  return t->recipient_count > 0;
}

bool transaction_recipient_obstacle(const char *address, const struct ehlo *e, struct incident *out) {
  if (!needs_utf8(address, e)) return false;
  return obstacle(out, TROUBLE_NO_SMTPUTF8, NULL,
                  "the recipient's address needs SMTPUTF8, which the host does not offer");
}

/* --- commands --- */

/* Whatever the store has: a command is one line. */
static int end_command(struct buffer *out, size_t begin) {
  for (size_t i = begin; i < out->len; i++)
    if ((unsigned char)out->at[i] < 0x20 || out->at[i] == 0x7f) return E_SYNTAX;
  return buffer_add(out, "\r\n", 2);
}

/* --- MAIL --- */

/* RFC 3461 5.2.1: exactly what its sender said, and nothing where nothing was said. */
static int add_dsn(const struct client_transaction *t, struct buffer *out) {
  int rc = OK;
  if (t->envelope.flags & MESSAGE_RET_FULL) rc = buffer_addf(out, " RET=FULL");
  if (rc == OK && t->envelope.flags & MESSAGE_RET_HDRS) rc = buffer_addf(out, " RET=HDRS");
  return rc == OK && t->envelope.envid && t->envelope.envid[0] ? buffer_addf(out, " ENVID=%s", t->envelope.envid) : rc;
}

/* RFC 2852 4: what is left of the time; with R at least a second, since there is some left. */
static int add_deadline(const struct client_transaction *t, int64_t now_us, struct buffer *out) {
  bool back = t->envelope.flags & MESSAGE_BY_RETURN;
  int64_t left = seconds_left(t, now_us);
  if (back && left < 1) left = 1;
  if (left > BY_SECONDS_MAX) left = BY_SECONDS_MAX;
  if (left < -BY_SECONDS_MAX) left = -BY_SECONDS_MAX;
  return buffer_addf(out, " BY=%" PRId64 ";%s%s", left, back ? "R" : "N",
                     t->envelope.flags & MESSAGE_BY_TRACE ? "T" : "");
}

int transaction_mail(const struct client_transaction *t, const struct ehlo *e, int64_t now_us, struct buffer *out) {
  size_t begin = out->len;
  int rc = buffer_addf(out, "MAIL FROM:<");
  if (rc == OK) rc = write_path(t->envelope.reverse_path, e, out);
  if (rc == OK) rc = buffer_addf(out, ">");
  if (rc == OK && e->size) rc = buffer_addf(out, " SIZE=%llu", (unsigned long long)t->envelope.size); /* RFC 1870 */
  if (rc == OK && t->envelope.flags & MESSAGE_8BIT) rc = buffer_addf(out, " BODY=8BITMIME");          /* RFC 6152 */
  if (rc == OK && says_utf8(t, e)) rc = buffer_addf(out, " SMTPUTF8");                                /* RFC 6531 */
  if (rc == OK && e->dsn) rc = add_dsn(t, out);
  if (rc == OK && e->deliver_by && t->envelope.deliver_by_us) rc = add_deadline(t, now_us, out);
  if (rc == OK && e->priority && t->envelope.priority)
    rc = buffer_addf(out, " MT-PRIORITY=%d", t->envelope.priority);                              /* RFC 6710 */
  if (rc == OK && t->envelope.flags & MESSAGE_REQUIRE_TLS) rc = buffer_addf(out, " REQUIRETLS"); /* RFC 8689 4.2.1 */
  return rc == OK ? end_command(out, begin) : rc;
}

/* --- RCPT --- */

static int add_notify(unsigned notify, struct buffer *out) {
  static const struct {
    unsigned flag;
    const char *name;
  } names[] = {
      {NOTIFY_NEVER, "NEVER"}, {NOTIFY_SUCCESS, "SUCCESS"}, {NOTIFY_FAILURE, "FAILURE"}, {NOTIFY_DELAY, "DELAY"}};
  const char *before = " NOTIFY=";
  int rc = OK;
  for (size_t i = 0; rc == OK && i < sizeof names / sizeof *names; i++) {
    if (!(notify & names[i].flag)) continue;
    rc = buffer_addf(out, "%s%s", before, names[i].name);
    before = ",";
  }
  return rc;
}

/* RFC 3461 5.2.1 (d): as it came, to the letter; but UTF-8 itself only where SMTPUTF8 was said (RFC 6533 3). */
static int add_given_orcpt(struct bytes orcpt, bool utf8, struct buffer *out) {
  int rc = buffer_addf(out, " ORCPT=");
  if (rc != OK) return rc;
  return utf8 ? buffer_add_bytes(out, orcpt) : utf8_addr_to_ascii(orcpt, out);
}

/* The same paragraph: where none came, the recipient's address may be said. */
static int add_own_orcpt(struct bytes address, bool utf8, struct buffer *out) {
  struct buffer text;
  buffer_init(&text, ORCPT_MAX);
  bool plain = ascii(address);
  int rc = buffer_addf(&text, plain ? "rfc822;" : "utf-8;");
  if (rc == OK) rc = plain ? xtext_encode(address, &text) : utf8_addr_encode(address, utf8, &text);
  if (rc == OK) rc = buffer_addf(out, " ORCPT=%.*s", (int)text.len, text.at);
  buffer_free(&text);
  return rc == E_TOO_BIG ? OK : rc; /* escaped it is longer than a parameter may be: left out, as it may be */
}

int transaction_rcpt(const struct client_transaction *t, size_t index, const struct ehlo *e, struct buffer *out) {
  const struct queued_recipient *r = &t->recipients[index];
  bool utf8 = says_utf8(t, e);
  size_t begin = out->len;
  int rc = buffer_addf(out, "RCPT TO:<");
  if (rc == OK) rc = write_path(r->to.address, e, out);
  if (rc == OK) rc = buffer_addf(out, ">");
  if (rc == OK && e->dsn) rc = add_notify(r->to.notify, out);
  if (rc == OK && e->dsn)
    rc = r->to.orcpt && r->to.orcpt[0] ? add_given_orcpt(bytes_of(r->to.orcpt), utf8, out)
                                       : add_own_orcpt(bytes_of(r->to.address), utf8, out);
  return rc == OK ? end_command(out, begin) : rc;
}
