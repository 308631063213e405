#include "cli/policy_replay.h"

#include "base/clock.h"
#include "base/hash.h"
#include "base/id.h"
#include "base/limits.h"
#include "base/quantity.h"
#include "base/refusal.h"
#include "cli/listing.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* An account's mail, played against the limit. */
struct played {
  struct usage usage;
  const struct time_zone *zone;
  uint64_t messages, refused, put_off;
  int64_t first_us, last_us, latest_delay_us; /* of what is refused; of what a smoothed limit puts off */
  UT_hash_handle hh;
  char account[];
};

struct replay {
  const struct directory *directory;
  struct limit limit;
  struct played *accounts; /* in the order in which they came */
  uint64_t without;        /* events of older versions, which have no numbers */
  bool failed;
};

static struct played *find(struct replay *r, const char *account) {
  struct played *p;
  size_t size = strlen(account) + 1;
  HASH_FIND_STR(r->accounts, account, p);
  if (p) return p;
  p = calloc(1, sizeof *p + size);
  if (!p) return NULL;
  memcpy(p->account, account, size);
  const struct account *a = directory_account(r->directory, bytes_of(account));
  if (a) p->zone = usage_scope_of_account(a).zone;
  HASH_ADD_STR(r->accounts, account, p);
  if (p->hh.tbl) return p;
  free(p);
  return NULL;
}

/* False: it does not say. `*repeat`: it is no message of its own. */
static bool read_numbers(const struct event *e, struct limit_request *out, bool *repeat) {
  const char *at = NULL;
  char name[32];
  int64_t value;
  unsigned found = 0;
  while (numbers_next(e->numbers, &at, name, &value)) {
    bool octets = strcmp(name, "octets") == 0;
    *repeat |= strcmp(name, NUMBER_REPEAT) == 0;
    if (value < 0 || (!octets && strcmp(name, "recipients") != 0)) continue;
    *(octets ? &out->octets : &out->recipients) = (uint64_t)value;
    found |= octets ? 1u : 2u;
  }
  return found == 3;
}

static void play(struct replay *r, struct played *p, int64_t at_us, const struct limit_request *request) {
  usage_roll(&p->usage, at_us, p->zone);
  struct limit_verdict v = limits_check(&r->limit, 1, &p->usage, at_us, request);
  p->messages++;
  if (v.result != OK) { /* refused mail counts nothing */
    if (!p->refused++) p->first_us = at_us;
    p->last_us = at_us;
    return;
  }
  if (v.not_before_us > at_us) {
    p->put_off++;
    if (v.not_before_us - at_us > p->latest_delay_us) p->latest_delay_us = v.not_before_us - at_us;
  }
  limits_reserve(&r->limit, 1, &p->usage, at_us);
  usage_add(&p->usage, at_us, p->zone, request->recipients, request->octets);
}

static bool take(void *arg, const struct event *e) {
  struct replay *r = arg;
  struct limit_request request = {.recipients = 1};
  bool repeat = false;
  if (!*e->account || e->kind != EVENT_ACCEPTED) return true;
  bool said = read_numbers(e, &request, &repeat);
  if (repeat) return true; /* it counted nothing */
  if (!said) r->without++;
  struct played *p = find(r, e->account);
  r->failed = !p;
  if (p) play(r, p, id_time_us(e->id), &request);
  return p != NULL;
}

static json_t *played_json(const struct played *p) {
  return json_pack("{s:o, s:I, s:I, s:o, s:o, s:I, s:I}", "account", json_text(p->account), "messages",
                   (json_int_t)p->messages, "refused", (json_int_t)p->refused, "first",
                   p->refused ? json_time(p->first_us) : json_null(), "last",
                   p->refused ? json_time(p->last_us) : json_null(), "put_off", (json_int_t)p->put_off,
                   "longest_delay_ms", (json_int_t)(p->latest_delay_us / 1000));
}

static void print_row(struct listing *l, const struct played *p) {
  char messages[24], refused[24], first[40] = "", last[40] = "", put_off[24], delay[40] = "";
  snprintf(messages, sizeof messages, "%" PRIu64, p->messages);
  snprintf(refused, sizeof refused, "%" PRIu64, p->refused);
  snprintf(put_off, sizeof put_off, "%" PRIu64, p->put_off);
  if (p->refused) clock_format_minute(p->first_us, first, sizeof first);
  if (p->refused) clock_format_minute(p->last_us, last, sizeof last);
  if (p->put_off) clock_format_span(p->latest_delay_us, delay, sizeof delay);
  listing_add(l, played_json(p), (const char *const[]){p->account, messages, refused, first, last, put_off, delay});
}

static void print_all(const struct cli *c, struct replay *r) {
  struct listing l;
  listing_begin(&l, c, (const char *const[]){"ACCOUNT", "MESSAGES", "REFUSED", "FIRST", "LAST", "PUT OFF", "LONGEST"},
                7);
  struct played *p, *next;
  HASH_ITER(hh, r->accounts, p, next) {
    print_row(&l, p);
    HASH_DEL(r->accounts, p);
    free(p);
  }
  listing_end(&l);
  if (r->without)
    cli_warn("%" PRIu64 " messages were logged by an older version, without their numbers: each counts as one "
             "recipient and no octets",
             r->without);
}

static enum exit_status run(struct cli *c, struct replay *r, const struct log_filter *f) {
  struct directory *d;
  struct reader *reader;
  if (cli_directory(c, &d) != EXIT_DONE) return EXIT_NO;
  enum exit_status s = EXIT_DONE;
  if (f->account && !directory_account(d, bytes_of(f->account)))
    s = cli_fail(EXIT_NO, "there is no account %s; see: sendoff account list", f->account);
  if (s == EXIT_DONE) s = cli_reader(c, &reader);
  if (s == EXIT_DONE) {
    r->directory = d;
    int rc = reader_log(reader, f, take, r);
    reader_close(&reader);
    if (rc != OK || r->failed)
      s = cli_fail(EXIT_NO, "the log cannot be read: %s", result_text(r->failed ? E_MEMORY : rc));
    print_all(c, r);
  }
  directory_release(&d);
  return s;
}

enum exit_status policy_replay(struct cli *c) {
  struct replay r = {.accounts = NULL};
  struct reason why = {""};
  const char *since = cli_option(c, "since"), *spec = cli_option(c, "limit");
  struct log_filter f = {.account = cli_option(c, "account"), .kind = EVENT_ACCEPTED};
  if (!since || !spec) return cli_fail(EXIT_USAGE, "say from when, and which limit: --since 7d --limit 5000/day");
  if (moment_parse(since, clock_now_us(), &f.since_us) != OK)
    return cli_fail(EXIT_USAGE, "--since %s: write 2h, 7d, today, 2026-11-01 or 2026-11-01T18:42", since);
  if (limit_parse(spec, &r.limit, &why) != OK) return cli_fail(EXIT_USAGE, "%s", why.text);
  return run(c, &r, &f);
}
