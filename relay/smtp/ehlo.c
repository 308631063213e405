#include "relay/smtp/ehlo.h"

/* A number that may be left out, or be unreadable: then there is no such bound. */
static uint64_t number(struct bytes text) {
  uint64_t n;
  return bytes_to_u64(text, &n) ? n : 0;
}

static void read_pipelining(struct ehlo *e, struct bytes parameter) {
  (void)parameter;
  e->pipelining = true;
}
static void read_eightbit(struct ehlo *e, struct bytes parameter) {
  (void)parameter;
  e->eightbit = true;
}
static void read_utf8(struct ehlo *e, struct bytes parameter) {
  (void)parameter;
  e->utf8 = true;
}
static void read_starttls(struct ehlo *e, struct bytes parameter) {
  (void)parameter;
  e->starttls = true;
}
static void read_size(struct ehlo *e, struct bytes parameter) { /* RFC 1870 3 */
  e->size = true;
  e->size_max = number(parameter);
}
static void read_dsn(struct ehlo *e, struct bytes parameter) {
  (void)parameter;
  e->dsn = true;
}
static void read_deliver_by(struct ehlo *e, struct bytes parameter) { /* RFC 2852 2 */
  e->deliver_by = true;
  e->deliver_by_least = number(parameter);
}
static void read_priority(struct ehlo *e, struct bytes parameter) { /* RFC 6710 3: may name a profile */
  (void)parameter;
  e->priority = true;
}
static void read_require_tls(struct ehlo *e, struct bytes parameter) {
  (void)parameter;
  e->require_tls = true;
}

static void read_mechanism(struct ehlo *e, struct bytes name) {
  static const struct {
    const char *name;
    enum ehlo_auth is;
  } known[] = {
      {"PLAIN", EHLO_PLAIN},
      {"LOGIN", EHLO_LOGIN},
      {"SCRAM-SHA-1", EHLO_SCRAM_SHA_1},
      {"SCRAM-SHA-1-PLUS", EHLO_SCRAM_SHA_1_PLUS},
      {"SCRAM-SHA-256", EHLO_SCRAM_SHA_256},
      {"SCRAM-SHA-256-PLUS", EHLO_SCRAM_SHA_256_PLUS},
      {"XOAUTH2", EHLO_XOAUTH2},
      {"OAUTHBEARER", EHLO_OAUTHBEARER},
  };
  for (size_t i = 0; i < sizeof known / sizeof *known; i++)
    if (bytes_equal_nocase(name, bytes_of(known[i].name))) e->mechanisms |= known[i].is;
}

static void read_auth(struct ehlo *e, struct bytes parameter) { /* RFC 4954 3 */
  e->auth = true;
  for (size_t at = 0; at < parameter.len;) {
    size_t end = bytes_find(parameter, ' ', at);
    read_mechanism(e, (struct bytes){parameter.at + at, end - at});
    at = end + 1;
  }
}

/* RFC 9422 3: limits that are not known are passed over. */
static void read_limits(struct ehlo *e, struct bytes parameter) {
  for (size_t at = 0; at < parameter.len;) {
    size_t end = bytes_find(parameter, ' ', at), equals = bytes_find(parameter, '=', at);
    if (equals < end) {
      struct bytes name = {parameter.at + at, equals - at}, value = {parameter.at + equals + 1, end - equals - 1};
      if (bytes_equal_nocase(name, BYTES("MAILMAX"))) e->mail_max = number(value);
      if (bytes_equal_nocase(name, BYTES("RCPTMAX"))) e->recipient_max = number(value);
    }
    at = end + 1;
  }
}

void ehlo_line(struct ehlo *e, size_t index, struct bytes text) {
  static const struct {
    const char *keyword;
    void (*read)(struct ehlo *e, struct bytes parameter);
  } known[] = {
      {"PIPELINING", read_pipelining},
      {"8BITMIME", read_eightbit},
      {"SMTPUTF8", read_utf8},
      {"STARTTLS", read_starttls},
      {"SIZE", read_size},
      {"DSN", read_dsn},
      {"DELIVERBY", read_deliver_by},
      {"MT-PRIORITY", read_priority},
      {"REQUIRETLS", read_require_tls},
      {"LIMITS", read_limits},
      {"AUTH", read_auth},
  };
  if (index == 0) return;
  /* "AUTH=PLAIN LOGIN": servers say so, some of them alone, for clients older than RFC 2554 */
  size_t end = bytes_starts_nocase(text, BYTES("AUTH=")) ? 4 : bytes_find(text, ' ', 0);
  struct bytes keyword = {text.at, end};
  for (size_t i = 0; i < sizeof known / sizeof *known; i++)
    if (bytes_equal_nocase(keyword, bytes_of(known[i].keyword)))
      known[i].read(e, bytes_trim(bytes_from(text, end + (end < text.len))));
}
