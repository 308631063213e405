#include "cli/account/account_options.h"

#include "base/address/address.h"
#include "base/time_zone.h"
#include "cli/account/local_users.h"
#include "policy/senders.h"

#include <stdio.h>
#include <string.h>

/* Patterns of addresses, normalised: --sender, --to and their like. "none" alone is the empty list. */
static enum exit_status read_patterns(struct cli *c, struct draft *d, const char *option, const char *const **list,
                                      size_t *count, bool *given) {
  size_t n = cli_option_count(c, option);
  bool none = n == 1 && strcmp(cli_option(c, option), "none") == 0;
  *given = n != 0;
  *count = 0;
  if (!n || none) return EXIT_DONE;
  if (d->pattern_count + n > ADMIN_PATTERNS_MAX) return cli_fail(EXIT_USAGE, "%d patterns at most", ADMIN_PATTERNS_MAX);
  *list = &d->pattern_list[d->pattern_count];
  for (size_t i = 0; i < n; i++) {
    const char *typed = cli_option_at(c, option, i);
    char *room = d->patterns[d->pattern_count];
    if (sender_pattern_normalize(typed, room, sizeof d->patterns[0]) != OK)
      return cli_fail(EXIT_USAGE,
                      "--%s %s: write a domain, an address, or * for any; as in example.com, shop@example.com, "
                      "*.example.com",
                      option, typed);
    d->pattern_list[d->pattern_count++] = room;
  }
  *count = n;
  return EXIT_DONE;
}

static enum exit_status read_part(struct cli *c, struct draft *d, const char *option, enum account_part part,
                                  const char *const **list, size_t *count) {
  bool given;
  enum exit_status s = read_patterns(c, d, option, list, count, &given);
  if (given) d->parts |= part;
  return s;
}

static enum exit_status read_address_lists(struct cli *c, struct draft *d) {
  struct account *a = &d->account;
  bool given;
  enum exit_status s = read_part(c, d, "sender", ACCOUNT_SENDERS, &a->senders, &a->sender_count);
  if (s == EXIT_DONE && (d->parts & ACCOUNT_SENDERS) && !a->sender_count)
    s = cli_fail(EXIT_USAGE, "--sender none: an account that may send as nobody is suspended instead");
  if (s == EXIT_DONE) s = read_part(c, d, "to", ACCOUNT_TO, &a->to, &a->to_count);
  if (s == EXIT_DONE) s = read_part(c, d, "not-to", ACCOUNT_NOT_TO, &a->not_to, &a->not_to_count);
  if (s == EXIT_DONE) s = read_patterns(c, d, "add-sender", &d->edit.senders.add, &d->edit.senders.add_count, &given);
  if (s == EXIT_DONE)
    s = read_patterns(c, d, "remove-sender", &d->edit.senders.remove, &d->edit.senders.remove_count, &given);
  return s;
}

static enum exit_status read_client_ips(struct cli *c, struct draft *d) {
  size_t n = cli_option_count(c, "client-ip");
  if (n > ADMIN_LIST_MAX) return cli_fail(EXIT_USAGE, "%d client networks at most", ADMIN_LIST_MAX);
  if (n) d->parts |= ACCOUNT_CLIENT_IPS;
  d->account.client_ips = d->client_ips;
  if (n == 1 && strcmp(cli_option(c, "client-ip"), "none") == 0) return EXIT_DONE;
  for (size_t i = 0; i < n; i++)
    if (cidr_parse(cli_option_at(c, "client-ip", i), &d->client_ips[i]) != OK)
      return cli_fail(EXIT_USAGE,
                      "--client-ip %s: write an address or a network whose host bits are zero, as in 192.0.2.7, "
                      "10.0.0.0/8, 2001:db8::/32",
                      cli_option_at(c, "client-ip", i));
  d->account.client_ip_count = n;
  return EXIT_DONE;
}

static enum exit_status read_client_certs(struct cli *c, struct draft *d) {
  size_t n = cli_option_count(c, "client-cert");
  if (n > ADMIN_LIST_MAX) return cli_fail(EXIT_USAGE, "%d client certificates at most", ADMIN_LIST_MAX);
  if (n) d->parts |= ACCOUNT_CLIENT_CERTS;
  d->account.client_certs = d->client_certs;
  if (n == 1 && strcmp(cli_option(c, "client-cert"), "none") == 0) return EXIT_DONE;
  size_t kept = 0;
  for (size_t i = 0; i < n; i++) {
    if (fingerprint_parse(cli_option_at(c, "client-cert", i), &d->client_certs[kept]) != OK)
      return cli_fail(EXIT_USAGE,
                      "--client-cert %s: write the certificate's SHA-256 fingerprint, 64 hexadecimal digits, as this "
                      "prints it: openssl x509 -noout -fingerprint -sha256 -in FILE",
                      cli_option_at(c, "client-cert", i));
    bool twice = false;
    for (size_t k = 0; k < kept; k++)
      twice |= memcmp(&d->client_certs[k], &d->client_certs[kept], sizeof *d->client_certs) == 0;
    if (!twice) kept++;
  }
  d->account.client_cert_count = kept;
  return EXIT_DONE;
}

/* An option with two values, of which the first is the default. */
static enum exit_status read_choice(struct cli *c, struct draft *d, const char *name, const char *first,
                                    const char *second, enum account_part part, bool *is_first) {
  const char *text = cli_option(c, name);
  *is_first = !text || strcmp(text, first) == 0;
  if (!text) return EXIT_DONE;
  d->parts |= part;
  return *is_first || strcmp(text, second) == 0 ? EXIT_DONE
                                                : cli_fail(EXIT_USAGE, "--%s is %s or %s", name, first, second);
}

static enum exit_status read_choices(struct cli *c, struct draft *d) {
  struct account *a = &d->account;
  enum exit_status s = read_choice(c, d, "idempotent", "on", "off", ACCOUNT_IDEMPOTENT, &a->idempotent);
  if (s == EXIT_DONE) s = read_choice(c, d, "eight-bit", "accept", "refuse", ACCOUNT_8BIT, &a->accept_8bit);
  if (s == EXIT_DONE)
    s = read_choice(c, d, "long-lines", "convert", "refuse", ACCOUNT_LONG_LINES, &a->convert_long_lines);
  return s;
}

static enum exit_status read_pool(struct cli *c, struct draft *d) {
  d->account.pool = cli_option(c, "pool");
  if (d->account.pool) d->parts |= ACCOUNT_POOL;
  if (d->account.pool && !cli_name_ok(d->account.pool))
    return cli_fail(EXIT_USAGE, "--pool %s: a pool's name is 1 to 64 letters, digits and . _ @ + -", d->account.pool);
  return EXIT_DONE;
}

/* It reads as one author, and without SMTPUTF8 (RFC 6531): not every host offers that. */
static bool is_plain_author(const char *address) {
  char scratch[PATTERN_ROOM];
  struct address a;
  size_t at = 0;
  return mailbox_next(bytes_of(address), &at, &a, scratch, sizeof scratch) == 1 && !a.utf8;
}

/* The address as it stands in From, normalised. */
static enum exit_status read_rewrite_from(struct cli *c, struct draft *d) {
  const char *typed = cli_option(c, "rewrite-from");
  if (!typed) return EXIT_DONE;
  d->parts |= ACCOUNT_REWRITE_FROM;
  d->account.rewrite_from = d->rewrite_from;
  if (strcmp(typed, "none") == 0) return EXIT_DONE;
  if (strchr(typed, '@') && sender_pattern_normalize(typed, d->rewrite_from, sizeof d->rewrite_from) == OK &&
      is_plain_author(d->rewrite_from))
    return EXIT_DONE;
  return cli_fail(EXIT_USAGE, "--rewrite-from %s: write one address, as in printer@example.com, or none", typed);
}

static bool is_in(const char *const *list, size_t count, const char *text) {
  for (size_t i = 0; i < count; i++)
    if (strcmp(list[i], text) == 0) return true;
  return false;
}

/* In the store's order: what replaces the list, then what is added, then what is removed. */
static bool may_send_as(const struct draft *d, const struct account *now, const struct address *address) {
  const struct list_edit *edit = &d->edit.senders;
  const struct account *base = d->parts & ACCOUNT_SENDERS || !now ? &d->account : now;
  for (size_t i = 0; i < base->sender_count + edit->add_count; i++) {
    const char *const *pattern = i < base->sender_count ? &base->senders[i] : &edit->add[i - base->sender_count];
    if (!is_in(edit->remove, edit->remove_count, *pattern) && sender_allowed(pattern, 1, address)) return true;
  }
  return false;
}

enum exit_status account_check_rewrite(const struct draft *d, const struct account *now) {
  struct address address;
  bool given = d->parts & ACCOUNT_REWRITE_FROM;
  bool changed = given || d->parts & ACCOUNT_SENDERS || d->edit.senders.add_count || d->edit.senders.remove_count;
  const char *to = given ? d->account.rewrite_from : now ? now->rewrite_from : "";
  if (!changed || !*to || (address_parse(bytes_of(to), &address) == OK && may_send_as(d, now, &address)))
    return EXIT_DONE;
  if (given)
    return cli_fail(EXIT_NO, "--rewrite-from %s is no address that the account may send as; add it with --%s %s", to,
                    now ? "add-sender" : "sender", to);
  return cli_fail(EXIT_NO,
                  "its From is rewritten to %s, which it could no longer send as; keep that with --add-sender %s, or "
                  "end it with --rewrite-from none",
                  to, to);
}

static enum exit_status read_time_zone(struct cli *c, struct draft *d) {
  const struct time_zone *found;
  const char *zone = d->account.time_zone = cli_option(c, "time-zone");
  if (!zone) return EXIT_DONE;
  d->parts |= ACCOUNT_TIME_ZONE;
  return time_zone_find(zone, &found) == OK
             ? EXIT_DONE
             : cli_fail(EXIT_USAGE,
                        "--time-zone %s is not known here; write one as in UTC, Europe/Vienna, "
                        "America/New_York (timedatectl list-timezones)",
                        zone);
}

static enum exit_status read_stream(struct cli *c, struct draft *d) {
  const char *stream = cli_option(c, "stream");
  if (!stream) return EXIT_DONE;
  d->parts |= ACCOUNT_STREAM;
  return stream_parse(stream, &d->account.stream) == OK ? EXIT_DONE
                                                        : cli_fail(EXIT_USAGE, "--stream is transactional or bulk");
}

/* "STREAM:VALUE"; the value, or NULL after a message. */
static const char *split_stream(const char *option, const char *typed, enum mail_stream *out) {
  const char *colon = strchr(typed, ':');
  char name[32] = "";
  if (colon) bytes_copy((struct bytes){typed, (size_t)(colon - typed)}, name, sizeof name);
  if (colon && colon[1] && stream_parse(name, out) == OK) return colon + 1;
  cli_fail(EXIT_USAGE, "--%s %s: write the stream before it, as in bulk:%s", option, typed,
           strcmp(option, "stream-pool") == 0 ? "newsletters" : "5000/day");
  return NULL;
}

static enum exit_status read_stream_pools(struct cli *c, struct draft *d) {
  size_t n = cli_option_count(c, "stream-pool");
  if (n) d->parts |= ACCOUNT_STREAM_POOLS;
  if (n == 1 && strcmp(cli_option(c, "stream-pool"), "none") == 0) return EXIT_DONE;
  for (size_t i = 0; i < n; i++) {
    enum mail_stream stream;
    const char *pool = split_stream("stream-pool", cli_option_at(c, "stream-pool", i), &stream);
    if (!pool) return EXIT_USAGE;
    if (!cli_name_ok(pool))
      return cli_fail(EXIT_USAGE, "--stream-pool: a pool's name is 1 to 64 letters, digits and . _ @ + -");
    d->account.stream_pool[stream] = pool;
  }
  return EXIT_DONE;
}

static enum exit_status read_stream_limits(struct cli *c, struct draft *d) {
  size_t n = cli_option_count(c, "stream-limit");
  struct reason why = {""};
  if (n) d->parts |= ACCOUNT_STREAM_LIMITS;
  if (n > ADMIN_LIST_MAX) return cli_fail(EXIT_USAGE, "%d limits at most", ADMIN_LIST_MAX);
  for (int i = 0; i < STREAM_COUNT; i++) d->account.settings.stream[i].limits = d->stream_limits[i];
  if (n == 1 && strcmp(cli_option(c, "stream-limit"), "none") == 0) return EXIT_DONE;
  for (size_t i = 0; i < n; i++) {
    enum mail_stream stream;
    const char *spec = split_stream("stream-limit", cli_option_at(c, "stream-limit", i), &stream);
    if (!spec) return EXIT_USAGE;
    size_t at = d->account.settings.stream[stream].count++;
    if (limit_parse(spec, &d->stream_limits[stream][at], &why) != OK) return cli_fail(EXIT_USAGE, "%s", why.text);
  }
  return EXIT_DONE;
}

static enum exit_status read_suppression(struct cli *c, struct draft *d) {
  const char *after = cli_option(c, "suppress-after");
  bool refuse;
  uint64_t n = 0;
  enum exit_status s = read_choice(c, d, "suppressed", "refuse", "drop", ACCOUNT_DROP_SUPPRESSED, &refuse);
  d->account.drop_suppressed = !refuse;
  if (s != EXIT_DONE || !after) return s;
  d->parts |= ACCOUNT_SUPPRESS_AFTER;
  if (strcmp(after, "default") != 0 && (!bytes_to_u64(bytes_of(after), &n) || n < 1 || n > 100))
    return cli_fail(EXIT_USAGE, "--suppress-after is a number of hard bounces within a week, 1 to 100, or default");
  d->account.suppress_after = (unsigned)n;
  return EXIT_DONE;
}

enum exit_status account_options_read(struct cli *c, struct draft *d) {
  static enum exit_status (*const readers[])(struct cli * c, struct draft * d) = {
      read_address_lists, read_client_ips, read_client_certs, local_users_read,  read_choices,       read_pool,
      read_rewrite_from,  read_time_zone,  read_stream,       read_stream_pools, read_stream_limits, read_suppression};
  enum exit_status s = settings_options_read(c, &d->settings);
  d->account.settings = d->settings.settings;
  d->edit.limits = d->settings.edit;
  d->parts |= d->settings.parts;
  for (size_t i = 0; s == EXIT_DONE && i < sizeof readers / sizeof readers[0]; i++) s = readers[i](c, d);
  return s;
}

bool draft_edits(const struct draft *d) {
  const struct list_edit *s = &d->edit.senders, *l = &d->edit.limits;
  return s->add_count || s->remove_count || l->add_count || l->remove_count;
}
