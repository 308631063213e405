#include "cli/policy/policy_replay.h"
#include "cli/output/table.h"

#include "base/address/address.h"
#include "base/clock.h"
#include "base/hash.h"
#include "base/id.h"
#include "base/mail/refusal.h"
#include "base/text/quantity.h"
#include "base/usage/limits.h"
#include "cli/input/named.h"
#include "cli/policy/policy_replay_print.h"
#include "policy/limit_text.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The mail of one owner, played against the limit. */
struct played {
  struct usage usage;
  struct usage_scope scope; /* whose, in the directory as it is now */
  uint64_t messages, refused, put_off;
  int64_t first_us, last_us, latest_delay_us; /* of what is refused; of what a smoothed limit puts off */
  UT_hash_handle hh;
  char owner[];
};

struct replay {
  const struct cli *c;
  const struct directory *directory;
  struct limit limit;
  enum scope scope;
  enum mail_stream stream; /* of SCOPE_STREAM */
  const char *domain;      /* of SCOPE_DOMAIN, normalised */
  bool list;
  int64_t since_us;
  struct played *owners; /* in the order in which they came */
  uint64_t without;      /* events of older versions, which have no numbers */
  bool failed;
};

/* --- whose it is --- */

/* Older versions did not write whose domain it was; mostly the reverse-path's. */
static bool is_of_domain(const struct replay *r, const struct event *e, bool older) {
  char name[DOMAIN_MAX + 1];
  const char *at = strrchr(e->from, '@');
  if (!older) return strcmp(e->domain, r->domain) == 0;
  if (!at || domain_normalize(bytes_of(at + 1), name) != OK) return false;
  const struct domain *d = directory_domain(r->directory, name, true);
  return d && strcmp(d->name, r->domain) == 0;
}

static bool is_of_scope(const struct replay *r, const struct event *e, bool older) {
  if (r->scope == SCOPE_DOMAIN) return is_of_domain(r, e, older);
  return r->scope != SCOPE_STREAM || e->stream == r->stream;
}

static const char *owner_of(const struct replay *r, const struct event *e) {
  return r->scope == SCOPE_GATEWAY ? "" : r->scope == SCOPE_DOMAIN ? r->domain : e->account;
}

/* Of an account that has gone, days are those of UTC. */
static struct usage_scope scope_of(const struct replay *r, const char *owner) {
  if (r->scope == SCOPE_GATEWAY) return usage_scope_of_gateway(r->directory);
  const struct domain *d = r->scope == SCOPE_DOMAIN ? directory_domain(r->directory, owner, false) : NULL;
  const struct account *a = r->scope == SCOPE_DOMAIN ? NULL : directory_account(r->directory, bytes_of(owner));
  if (d) return usage_scope_of_domain(d);
  return a ? usage_scope_of_account(a) : (struct usage_scope){.scope = r->scope};
}

static struct played *find(struct replay *r, const char *owner) {
  struct played *p;
  size_t size = strlen(owner) + 1;
  HASH_FIND_STR(r->owners, owner, p);
  if (p) return p;
  p = calloc(1, sizeof *p + size);
  if (!p) return NULL;
  memcpy(p->owner, owner, size);
  p->scope = scope_of(r, owner);
  HASH_ADD_STR(r->owners, owner, p);
  if (p->hh.tbl) return p;
  free(p);
  return NULL;
}

/* As people read it: "gateway", "example.com", "blog", "blog/bulk". */
static const char *label_of(const struct replay *r, const struct played *p, char out[STREAM_OWNER_TEXT]) {
  if (r->scope == SCOPE_GATEWAY) return scope_name(SCOPE_GATEWAY);
  if (r->scope != SCOPE_STREAM) return p->owner;
  snprintf(out, STREAM_OWNER_TEXT, "%s/%s", p->owner, stream_name(r->stream));
  return out;
}

/* --- one message --- */

/* What an event says of how much it counted. `known`: it says it. */
struct numbers {
  struct limit_request request;
  bool known, repeat, sandbox;
};

static struct numbers read_numbers(const struct event *e) {
  struct numbers out = {.request = {.recipients = 1}};
  const char *at = NULL;
  char name[32];
  int64_t value;
  bool octets = false, recipients = false, counted = false;
  while (numbers_next(e->numbers, &at, name, &value)) {
    if (value < 0) continue;
    if (strcmp(name, NUMBER_REPEAT) == 0) out.repeat = true;
    if (strcmp(name, NUMBER_SANDBOX) == 0) out.sandbox = true;
    if (strcmp(name, NUMBER_OCTETS) == 0) {
      octets = true;
      out.request.octets = (uint64_t)value;
    }
    bool all = strcmp(name, NUMBER_RECIPIENTS) == 0, part = strcmp(name, NUMBER_COUNTED) == 0;
    if (part || (all && !counted)) out.request.recipients = (uint64_t)value;
    recipients |= all;
    counted |= part;
  }
  out.known = octets && recipients;
  return out;
}

static void list_refused(const struct replay *r, const struct played *p, const struct event *e,
                         const struct limit_verdict *v) {
  char label[STREAM_OWNER_TEXT];
  struct refusal why = {0};
  refuse_limit(&why, v, label_of(r, p, label), id_time_us(e->id));
  policy_replay_message(r->c, e, &why, 0);
}

static void play(struct replay *r, struct played *p, const struct event *e, const struct limit_request *request) {
  int64_t at_us = id_time_us(e->id);
  usage_roll(&p->usage, at_us, p->scope.zone);
  struct limit_verdict v = limits_check(&r->limit, 1, &p->usage, at_us, request);
  p->messages++;
  if (v.result != OK) { /* refused mail counts nothing */
    if (!p->refused++) p->first_us = at_us;
    p->last_us = at_us;
    if (r->list) list_refused(r, p, e, &v);
    return;
  }
  if (v.not_before_us > at_us) {
    p->put_off++;
    if (v.not_before_us - at_us > p->latest_delay_us) p->latest_delay_us = v.not_before_us - at_us;
    if (r->list) policy_replay_message(r->c, e, NULL, v.not_before_us);
  }
  limits_reserve(&r->limit, 1, &p->usage, at_us);
  usage_add(&p->usage, at_us, p->scope.zone, request->recipients, request->octets);
}

/* What came before --since was accepted, and is used up when the limit begins. */
static bool take(void *arg, const struct event *e) {
  struct replay *r = arg;
  if (!*e->account || e->kind != EVENT_ACCEPTED || event_is_notice(e)) return true;
  struct numbers numbers = read_numbers(e);
  if (numbers.repeat || (numbers.sandbox && r->scope == SCOPE_GATEWAY)) return true;
  if (!is_of_scope(r, e, !numbers.known)) return true;
  struct played *p = find(r, owner_of(r, e));
  int64_t at_us = id_time_us(e->id);
  r->failed = !p;
  if (!p || at_us < p->scope.since_us) return p != NULL;
  if (!numbers.known) r->without++;
  if (at_us < r->since_us)
    usage_add(&p->usage, at_us, p->scope.zone, numbers.request.recipients, numbers.request.octets);
  else
    play(r, p, e, &numbers.request);
  return true;
}

/* --- all of it --- */

static void print_all(const struct cli *c, struct replay *r) {
  struct table *t = policy_replay_table();
  uint64_t messages = 0, stopped = 0;
  struct played *p, *next;
  HASH_ITER(hh, r->owners, p, next) {
    char label[STREAM_OWNER_TEXT];
    struct replayed row = {.scope = r->scope,
                           .owner = label_of(r, p, label),
                           .messages = p->messages,
                           .refused = p->refused,
                           .put_off = p->put_off,
                           .first_us = p->first_us,
                           .last_us = p->last_us,
                           .latest_delay_us = p->latest_delay_us};
    if (p->messages && !r->list) policy_replay_row(c, t, &row);
    messages += p->messages;
    stopped += p->refused + p->put_off;
    HASH_DEL(r->owners, p);
    free(p);
  }
  table_print(&t);
  if (!c->json && !messages)
    puts("no such mail was accepted since then");
  else if (!c->json && r->list && !stopped)
    puts("it would have refused nothing, and put nothing off");
  if (r->without)
    cli_warn("%" PRIu64 " message%s logged by an older version, without numbers: each counts as one recipient and no "
             "octets",
             r->without, r->without == 1 ? " was" : "s were");
}

/* How far before --since mail may have come that still counts. A slot that gives a smoothed limit is not kept without
 * one. */
static int64_t earlier_us(const struct limit *l) {
  if (l->per_message || l->action == LIMIT_SMOOTH) return 0;
  int64_t length = window_length_us(l->window);
  return window_rolls(l->window) ? length + length / ROLLING_SLOTS : length + 3 * 86400 * SECOND_US;
}

static enum exit_status find_owners(struct cli *c, const struct replay *r, const struct log_filter *f) {
  if (f->account && !directory_account(r->directory, bytes_of(f->account)))
    return named_unknown(c, NAMED_ACCOUNT, f->account);
  if (r->domain && !directory_domain(r->directory, r->domain, false)) return named_unknown(c, NAMED_DOMAIN, r->domain);
  return EXIT_DONE;
}

static enum exit_status run(struct cli *c, struct replay *r, const struct log_filter *f) {
  struct directory *d;
  struct reader *reader;
  if (cli_directory(c, &d) != EXIT_DONE) return EXIT_NO;
  r->directory = d;
  enum exit_status s = find_owners(c, r, f);
  if (s == EXIT_DONE) s = cli_reader(c, &reader);
  if (s == EXIT_DONE) {
    int rc = reader_log(reader, f, take, r);
    reader_close(&reader);
    if (rc != OK || r->failed)
      s = cli_fail(EXIT_NO, "the log cannot be read: %s", result_text(r->failed ? E_MEMORY : rc));
    print_all(c, r);
  }
  directory_release(&d);
  return s;
}

/* Whose mail is played together: each account's, unless something else is said. */
static enum exit_status take_scope(struct cli *c, struct replay *r, char domain[DOMAIN_MAX + 1]) {
  const char *of_domain = cli_option(c, "domain"), *stream = cli_option(c, "stream");
  bool gateway = cli_switch(c, "gateway");
  r->scope = gateway ? SCOPE_GATEWAY : of_domain ? SCOPE_DOMAIN : stream ? SCOPE_STREAM : SCOPE_ACCOUNT;
  if (gateway + (of_domain != NULL) + (cli_option(c, "account") || stream) > 1)
    return cli_fail(EXIT_USAGE, "say one of --account NAME, --domain DOMAIN and --gateway: a limit is for one of them "
                                "(--stream goes with accounts)");
  if (stream && stream_parse(stream, &r->stream) != OK)
    return cli_fail(EXIT_USAGE, "--stream %s: write transactional or bulk", stream);
  if (of_domain && domain_normalize(bytes_of(of_domain), domain) != OK)
    return cli_fail(EXIT_USAGE, "--domain %s: write a domain, as in example.com", of_domain);
  if (of_domain) r->domain = domain;
  return EXIT_DONE;
}

enum exit_status policy_replay(struct cli *c) {
  struct replay r = {.c = c, .list = cli_switch(c, "list")};
  struct reason why = {""};
  char domain[DOMAIN_MAX + 1];
  const char *since = cli_option(c, "since"), *spec = cli_option(c, "limit");
  struct log_filter f = {.account = cli_option(c, "account"), .kind = EVENT_ACCEPTED};
  if (!since || !spec) return cli_fail(EXIT_USAGE, "say from when, and which limit: --since 7d --limit 5000/day");
  if (cli_moment(c, "since", &r.since_us) != EXIT_DONE) return EXIT_USAGE;
  if (limit_parse(spec, &r.limit, &why) != OK) return cli_fail(EXIT_USAGE, "%s", why.text);
  enum exit_status s = take_scope(c, &r, domain);
  f.since_us = r.since_us - earlier_us(&r.limit);
  if (f.since_us < 1) f.since_us = 1;
  return s == EXIT_DONE ? run(c, &r, &f) : s;
}
