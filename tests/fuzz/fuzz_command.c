/* A command line, and the parameters of MAIL and RCPT. The first octets say which extensions are offered. What is
 * accepted must be within the bounds that the store and the next hop rely on; what is not must be a whole reply. */
#include "tests/fuzz/fuzz.h"

#include "base/clock.h"
#include "base/mail/envelope.h"
#include "base/result.h"
#include "relay/smtp/command.h"
#include "relay/smtp/parameters.h"
#include "relay/smtp/xtext.h"

#define NOW (INT64_C(1795429230) * SECOND_US) /* 2026-11-23 10:20:30 UTC */
#define HOLD_MAX (30 * 86400 * SECOND_US)

static bool plain(struct bytes text) {
  for (size_t i = 0; i < text.len; i++)
    if (((unsigned char)text.at[i] < 32 && text.at[i] != '\t') || text.at[i] == 127) return false;
  return true;
}

static void is_refusal(int rc, const struct refusal *why) {
  CHECK(rc == E_DENIED && (why->code == 501 || why->code == 552 || why->code == 555));
  CHECK(why->enhanced && why->enhanced[0] == '5' && *why->text && plain(bytes_of(why->text)));
}

static bool one_at_most(unsigned flags) {
  return (flags & (flags - 1)) == 0;
}

static void mail(struct bytes rest, size_t at, const struct parameter_rules *rules) {
  struct mail_parameters m;
  struct refusal why = {0};
  int rc = mail_parameters_read(rest, at, rules, &m, &why);
  if (rc != OK) {
    is_refusal(rc, &why);
    return;
  }
  CHECK(m.size <= rules->max_message_size && m.body <= BODY_BINARYMIME);
  CHECK(m.envid.len <= ENVID_MAX && xtext_valid(m.envid));
  CHECK(m.priority >= -9 && m.priority <= 9);
  CHECK(!m.hold_until_us || (m.hold_until_us > NOW && m.hold_until_us - NOW <= HOLD_MAX));
  CHECK(one_at_most(m.flags & (MESSAGE_RET_FULL | MESSAGE_RET_HDRS)));
  CHECK(one_at_most(m.flags & (MESSAGE_BY_RETURN | MESSAGE_BY_NOTIFY)));
  CHECK((m.deliver_by_us != 0) == ((m.flags & (MESSAGE_BY_RETURN | MESSAGE_BY_NOTIFY)) != 0));
  if (m.flags & MESSAGE_BY_RETURN) CHECK(m.deliver_by_us > NOW && m.deliver_by_us > m.hold_until_us);
  if (m.deliver_by_us) CHECK(llabs(m.deliver_by_us - NOW) <= BY_SECONDS_MAX * SECOND_US);
}

/* Within its bound, and so it stays where it must be written in ASCII. */
static void is_orcpt(struct bytes orcpt, bool utf8) {
  struct bytes address = bytes_from(orcpt, bytes_find(orcpt, ';', 0) + 1);
  struct buffer ascii;
  CHECK(orcpt.len <= ORCPT_MAX && (xtext_valid(address) || utf8_addr_valid(address, utf8)));
  buffer_init(&ascii, ORCPT_MAX);
  CHECK(utf8_addr_to_ascii(orcpt, &ascii) == OK);
  buffer_free(&ascii);
}

static void rcpt(struct bytes rest, size_t at, const struct parameter_rules *rules, bool utf8) {
  struct rcpt_parameters r;
  struct refusal why = {0};
  int rc = rcpt_parameters_read(rest, at, rules, utf8, &r, &why);
  if (rc != OK) {
    is_refusal(rc, &why);
    return;
  }
  CHECK(!(r.notify & NOTIFY_NEVER) || r.notify == NOTIFY_NEVER);
  is_orcpt(r.orcpt, utf8);
}

/* Every octet behind the path is a space, or of a parameter. */
static void parameters(struct bytes rest, size_t at) {
  struct parameter p;
  int rc;
  for (size_t before = at; (rc = parameter_next(rest, &at, &p)) == 1; before = at) {
    const char *keyword = p.keyword.at, *end = rest.at + at;
    CHECK(p.keyword.len && p.has_value == (p.value.len > 0));
    CHECK(keyword > rest.at + before && end == (p.has_value ? p.value.at + p.value.len : keyword + p.keyword.len));
    if (p.has_value) CHECK(p.value.at == keyword + p.keyword.len + 1);
    for (const char *c = rest.at + before; c < keyword; c++) CHECK(*c == ' ');
  }
  CHECK(rc == 0 || rc == E_SYNTAX);
}

static void argument(struct bytes rest, const char *word, const struct parameter_rules *rules, bool utf8) {
  struct address a;
  size_t at;
  if (path_argument_parse(rest, word, &a, &at) != OK) return;
  CHECK(at <= rest.len && at > strlen(word) && rest.at[at - 1] == '>');
  CHECK(plain(a.whole) && a.whole.len <= ADDRESS_MAX);
  parameters(rest, at);
  mail(rest, at, rules);
  rcpt(rest, at, rules, utf8);
}

/* Said again with one space, it is the same command. */
static void again(const struct command *c) {
  struct buffer line;
  struct command same;
  buffer_init(&line, SIZE_MAX / 2);
  CHECK(buffer_add_bytes(&line, c->verb) == OK && buffer_add(&line, " ", 1) == OK);
  CHECK(buffer_add_bytes(&line, c->rest) == OK && command_parse(buffer_bytes(&line), &same) == OK);
  CHECK(bytes_equal(c->verb, same.verb) && bytes_equal(c->rest, same.rest));
  buffer_free(&line);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  struct bytes in = {(const char *)data, size};
  unsigned withheld = take_octet(&in) << 8;
  withheld |= take_octet(&in);
  struct parameter_rules rules = {
      .offered = ~withheld, .max_message_size = 50 * 1024 * 1024, .now_us = NOW, .max_hold_us = HOLD_MAX};
  char *hold;
  struct bytes line = exact(in, &hold);
  struct command c;
  int rc = command_parse(line, &c);
  CHECK(rc == OK || rc == E_SYNTAX);
  if (rc == OK) {
    CHECK(plain(line) && c.verb.len);
    again(&c);
    argument(c.rest, "FROM:", &rules, withheld & 1);
    argument(c.rest, "TO:", &rules, withheld & 1);
  }
  free(hold);
  return 0;
}
