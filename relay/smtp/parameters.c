#include "relay/smtp/parameters.h"

#include "base/clock.h"
#include "base/mail/envelope.h"
#include "base/result.h"
#include "base/text/quantity.h"
#include "relay/smtp/command.h"
#include "relay/smtp/extensions.h"
#include "relay/smtp/xtext.h"

#include <stdio.h>
#include <string.h>

/* One reading: what the functions for the single parameters share. */
struct reading {
  const struct parameter_rules *rules;
  struct refusal *why;
  struct mail_parameters *mail;
  struct rcpt_parameters *rcpt;
  bool utf8;
};

struct known {
  const char *keyword;
  unsigned extension;
  bool has_value;
  int (*read)(struct reading *r, struct bytes value);
};

/* --- MAIL --- */

static int read_size(struct reading *r, struct bytes value) { /* RFC 1870 4 */
  uint64_t max = r->rules->max_message_size;
  if (value.len > 20 || !bytes_to_u64(value, &r->mail->size))
    return refuse(r->why, 501, "5.5.4", RULE_PARAMETER, "SIZE= takes a number of octets");
  if (r->mail->size <= max) return OK;
  return refuse(r->why, 552, "5.3.4", RULE_SIZE, "%llu octets; this gateway takes %llu at most",
                (unsigned long long)r->mail->size, (unsigned long long)max);
}

static int read_body(struct reading *r, struct bytes value) { /* RFC 6152 2, RFC 3030 3 */
  static const char *const names[] = {
      [BODY_7BIT] = "7BIT", [BODY_8BITMIME] = "8BITMIME", [BODY_BINARYMIME] = "BINARYMIME"};
  for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
    if (bytes_equal_nocase(value, bytes_of(names[i]))) {
      r->mail->body = (enum body_type)i;
      return OK;
    }
  return refuse(r->why, 501, "5.5.4", RULE_PARAMETER, "BODY= takes 7BIT, 8BITMIME or BINARYMIME");
}

/* RFC 4954 5: checked, and not trusted further: the session's own account decides. */
static int read_auth(struct reading *r, struct bytes value) {
  if (xtext_valid(value)) return OK;
  return refuse(r->why, 501, "5.5.4", RULE_PARAMETER, "AUTH= takes a mailbox in xtext, or <>");
}

static int read_utf8(struct reading *r, struct bytes value) { /* RFC 6531 3.4 */
  (void)value;
  r->mail->utf8 = true;
  return OK;
}

static int read_ret(struct reading *r, struct bytes value) { /* RFC 3461 4.3 */
  bool full = bytes_equal_nocase(value, BYTES("FULL"));
  if (!full && !bytes_equal_nocase(value, BYTES("HDRS")))
    return refuse(r->why, 501, "5.5.4", RULE_PARAMETER, "RET= takes FULL or HDRS");
  r->mail->flags |= full ? MESSAGE_RET_FULL : MESSAGE_RET_HDRS;
  return OK;
}

static int read_envid(struct reading *r, struct bytes value) { /* RFC 3461 4.4 */
  if (value.len > ENVID_MAX || !xtext_valid(value))
    return refuse(r->why, 501, "5.5.4", RULE_PARAMETER, "ENVID= takes xtext of %d octets at most", ENVID_MAX);
  r->mail->envid = value;
  return OK;
}

static int read_require_tls(struct reading *r, struct bytes value) { /* RFC 8689 2 */
  (void)value;
  r->mail->flags |= MESSAGE_REQUIRE_TLS;
  return OK;
}

static int hold_until(struct reading *r, int64_t until_us) { /* RFC 4865 5 */
  if (r->mail->hold_until_us)
    return refuse(r->why, 501, "5.5.4", RULE_PARAMETER, "HOLDFOR= and HOLDUNTIL= exclude each other");
  if (until_us - r->rules->now_us > r->rules->max_hold_us)
    return refuse(r->why, 501, "5.5.4", RULE_PARAMETER, "a message can be held for %lld seconds at most",
                  (long long)(r->rules->max_hold_us / SECOND_US));
  r->mail->hold_until_us = until_us;
  return OK;
}

static int read_hold_for(struct reading *r, struct bytes value) {
  uint64_t seconds;
  if (value.len > 9 || !bytes_to_u64(value, &seconds) || !seconds)
    return refuse(r->why, 501, "5.5.4", RULE_PARAMETER, "HOLDFOR= takes a number of seconds, of nine digits at most");
  return hold_until(r, r->rules->now_us + (int64_t)seconds * SECOND_US);
}

/* RFC 4865 4: an Internet date-time (RFC 3339) in UTC. */
static int read_hold_until(struct reading *r, struct bytes value) {
  char text[40];
  int64_t at;
  bool whole = value.len >= 20 && value.at[10] == 'T' && value.at[value.len - 1] == 'Z';
  if (!whole || !bytes_copy(value, text, sizeof text) || moment_parse(text, r->rules->now_us, &at) != OK)
    return refuse(r->why, 501, "5.5.4", RULE_PARAMETER, "HOLDUNTIL= takes a time in UTC, as in 2026-12-24T18:00:00Z");
  if (at <= r->rules->now_us) return refuse(r->why, 501, "5.5.4", RULE_PARAMETER, "HOLDUNTIL= is in the past");
  return hold_until(r, at);
}

/* RFC 2852 4:
 *   by-value = by-time ";" by-mode [by-trace]
 *   by-time  = ["-" / "+"] 1*9digit     seconds
 *   by-mode  = "N" / "R"                notify, or return
 *   by-trace = "T" */
struct by {
  int64_t time_us;
  bool back, trace;
};

static bool parse_by_time(struct bytes text, int64_t *us) {
  bool minus = text.len && text.at[0] == '-', sign = minus || (text.len && text.at[0] == '+');
  struct bytes digits = bytes_from(text, sign);
  uint64_t seconds;
  if (!digits.len || digits.len > 9 || !bytes_to_u64(digits, &seconds)) return false;
  *us = (minus ? -1 : 1) * (int64_t)seconds * SECOND_US;
  return true;
}

static bool parse_by_mode(struct bytes text, struct by *out) {
  static const struct {
    const char *text;
    bool back, trace;
  } modes[] = {{"N", false, false}, {"NT", false, true}, {"R", true, false}, {"RT", true, true}};
  for (size_t i = 0; i < sizeof modes / sizeof modes[0]; i++) {
    if (!bytes_equal_nocase(text, bytes_of(modes[i].text))) continue;
    out->back = modes[i].back;
    out->trace = modes[i].trace;
    return true;
  }
  return false;
}

/* A deadline that has passed may only ask for notice (RFC 2852 4). */
static int read_by(struct reading *r, struct bytes value) {
  size_t semicolon = bytes_find(value, ';', 0);
  struct by by;
  if (!parse_by_time((struct bytes){value.at, semicolon}, &by.time_us) ||
      !parse_by_mode(bytes_from(value, semicolon + 1), &by))
    return refuse(r->why, 501, "5.5.4", RULE_PARAMETER, "BY= takes seconds, a semicolon, and N or R, as in BY=3600;R");
  if (by.back && by.time_us <= 0)
    return refuse(r->why, 501, "5.5.4", RULE_PARAMETER, "BY= with R takes more than 0 seconds");
  r->mail->deliver_by_us = r->rules->now_us + by.time_us;
  r->mail->flags |= (by.back ? MESSAGE_BY_RETURN : MESSAGE_BY_NOTIFY) | (by.trace ? MESSAGE_BY_TRACE : 0u);
  return OK;
}

static int read_priority(struct reading *r, struct bytes value) { /* RFC 6710 3: ["-"] DIGIT, -9 to 9 */
  bool minus = value.at[0] == '-';
  char digit = value.len == 1u + minus ? value.at[minus] : '\0';
  if (digit < '0' || digit > '9' || (minus && digit == '0'))
    return refuse(r->why, 501, "5.5.4", RULE_PARAMETER, "MT-PRIORITY= takes a number from -9 to 9");
  r->mail->priority = minus ? '0' - digit : digit - '0';
  return OK;
}

static const struct known of_mail[] = {
    {"SIZE", EXTENSION_SIZE, true, read_size},
    {"BODY", EXTENSION_8BITMIME, true, read_body},
    {"AUTH", EXTENSION_AUTH, true, read_auth},
    {"SMTPUTF8", EXTENSION_SMTPUTF8, false, read_utf8},
    {"RET", EXTENSION_DSN, true, read_ret},
    {"ENVID", EXTENSION_DSN, true, read_envid},
    {"REQUIRETLS", EXTENSION_REQUIRETLS, false, read_require_tls},
    {"HOLDFOR", EXTENSION_HOLD, true, read_hold_for},
    {"HOLDUNTIL", EXTENSION_HOLD, true, read_hold_until},
    {"BY", EXTENSION_DELIVERBY, true, read_by},
    {"MT-PRIORITY", EXTENSION_PRIORITY, true, read_priority},
    {0},
};

/* --- RCPT --- */

static unsigned notify_word(struct bytes word) {
  static const struct {
    const char *name;
    unsigned flag;
  } words[] = {
      {"NEVER", NOTIFY_NEVER}, {"SUCCESS", NOTIFY_SUCCESS}, {"FAILURE", NOTIFY_FAILURE}, {"DELAY", NOTIFY_DELAY}};
  for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
    if (bytes_equal_nocase(word, bytes_of(words[i].name))) return words[i].flag;
  return 0;
}

static int read_notify(struct reading *r, struct bytes value) { /* RFC 3461 4.1 */
  unsigned all = 0, flag = 1;
  for (size_t at = 0; flag && at <= value.len;) {
    size_t end = bytes_find(value, ',', at);
    flag = notify_word((struct bytes){value.at + at, end - at});
    if (all & flag) flag = 0;
    all |= flag;
    at = end + 1;
  }
  if (!flag || (all & NOTIFY_NEVER && all != NOTIFY_NEVER))
    return refuse(r->why, 501, "5.5.4", RULE_PARAMETER, "NOTIFY= takes NEVER, or a list of SUCCESS, FAILURE and DELAY");
  r->rcpt->notify = all;
  return OK;
}

/* It may have to go on, or into a DSN, where UTF-8 is not known: then it is written in ASCII, and grows threefold. */
static bool short_in_ascii(struct bytes orcpt) {
  struct buffer ascii;
  buffer_init(&ascii, ORCPT_MAX);
  bool fits = utf8_addr_to_ascii(orcpt, &ascii) == OK;
  buffer_free(&ascii);
  return fits;
}

/* RFC 3461 4.2: addr-type ";" xtext. RFC 6533 3: the type utf-8 has its own. */
static int read_orcpt(struct reading *r, struct bytes value) {
  size_t semicolon = bytes_find(value, ';', 0);
  struct bytes type = {value.at, semicolon}, address = bytes_from(value, semicolon + 1);
  bool utf8 = bytes_equal_nocase(type, BYTES("utf-8")), ok = type.len && address.len && value.len <= ORCPT_MAX;
  for (size_t i = 0; i < type.len; i++) {
    char c = type.at[i];
    ok &= (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '-';
  }
  if (!ok || !(utf8 ? utf8_addr_valid(address, r->utf8) && short_in_ascii(value) : xtext_valid(address)))
    return refuse(r->why, 501, "5.5.4", RULE_PARAMETER,
                  "ORCPT= takes a type and an address in xtext, as in rfc822;bob@example.com");
  r->rcpt->orcpt = value;
  return OK;
}

static const struct known of_rcpt[] = {
    {"NOTIFY", EXTENSION_DSN, true, read_notify},
    {"ORCPT", EXTENSION_DSN, true, read_orcpt},
    {0},
};

/* --- both --- */

static int read_one(struct reading *r, const struct known *all, const struct parameter *p, unsigned *seen) {
  for (unsigned i = 0; all[i].keyword; i++) {
    const struct known *k = &all[i];
    if (!bytes_equal_nocase(p->keyword, bytes_of(k->keyword)) || !(k->extension & r->rules->offered)) continue;
    if (*seen & 1u << i) return refuse(r->why, 501, "5.5.4", RULE_PARAMETER, "duplicate %s parameter", k->keyword);
    *seen |= 1u << i;
    if (p->has_value != k->has_value)
      return refuse(r->why, 501, "5.5.4", RULE_PARAMETER, "%s takes %s", k->keyword,
                    k->has_value ? "a value, after an =" : "no value");
    return k->read(r, p->value);
  }
  return refuse(r->why, 555, "5.5.4", RULE_PARAMETER, "parameter %.*s is not known here",
                (int)(p->keyword.len < 64 ? p->keyword.len : 64), p->keyword.at); /* RFC 5321 4.1.1.11 */
}

static int read_all(struct reading *r, const struct known *all, struct bytes rest, size_t at) {
  struct parameter p;
  unsigned seen = 0;
  int next, rc = OK;
  while ((next = parameter_next(rest, &at, &p)) == 1 && rc == OK) rc = read_one(r, all, &p, &seen);
  if (rc == OK && next < 0)
    return refuse(r->why, 501, "5.5.4", RULE_PARAMETER, "the parameters after the address cannot be read");
  return rc;
}

int mail_parameters_read(struct bytes rest, size_t at, const struct parameter_rules *rules, struct mail_parameters *out,
                         struct refusal *why) {
  struct reading r = {.rules = rules, .why = why, .mail = out};
  *out = (struct mail_parameters){0};
  int rc = read_all(&r, of_mail, rest, at);
  if (rc != OK) return rc;
  if (out->flags & MESSAGE_BY_RETURN && out->hold_until_us >= out->deliver_by_us)
    return refuse(why, 501, "5.5.4", RULE_PARAMETER, "the message would have to be returned before it is released");
  return OK;
}

int rcpt_parameters_read(struct bytes rest, size_t at, const struct parameter_rules *rules, bool utf8,
                         struct rcpt_parameters *out, struct refusal *why) {
  struct reading r = {.rules = rules, .why = why, .rcpt = out, .utf8 = utf8};
  *out = (struct rcpt_parameters){0};
  return read_all(&r, of_rcpt, rest, at);
}
