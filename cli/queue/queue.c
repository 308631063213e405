#include "base/id.h"
#include "cli/command.h"
#include "cli/input/account_filter.h"
#include "cli/input/named.h"
#include "cli/output/listing.h"
#include "cli/queue/attempts.h"
#include "cli/queue/queue_bulk.h"
#include "cli/queue/queue_change.h"
#include "cli/queue/queue_filter.h"
#include "cli/queue/queue_reroute.h"
#include "cli/queue/waits.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CONTENT_MAX ((size_t)1 << 30)

static const char *state_name(enum recipient_state s) {
  return s == RECIPIENT_HELD ? "held" : s == RECIPIENT_RETURNING ? "returning" : "queued";
}

struct queue_listing {
  struct listing rows;
  struct attempts *attempts; /* of the running gateway; NULL: none is running */
  struct waits *waits;
};

static bool knows_other(const struct attempt *a) {
  return a->ahead_of_other > 0 && strcmp(a->ahead_other, "-") != 0;
}

static json_t *ahead_json(const struct attempt *a) {
  return a->waits ? json_pack("{s:I, s:I, s:o, s:I}", "messages", (json_int_t)a->ahead, "own", (json_int_t)a->ahead_own,
                              "other", knows_other(a) ? json_text(a->ahead_other) : json_null(), "of_other",
                              (json_int_t)a->ahead_of_other)
                  : json_null();
}

static json_t *attempt_json(const struct attempt *a) {
  return a ? json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "host", json_text(a->host), "stage", json_text(a->stage),
                       "since", json_time(a->since_us), "until", a->until_us ? json_time(a->until_us) : json_null(),
                       "ahead", ahead_json(a), "expected", a->expected_us ? json_time(a->expected_us) : json_null(),
                       "delivery_expected", a->delivered_us ? json_time(a->delivered_us) : json_null())
           : json_null();
}

static json_t *wait_json(const struct wait *w) {
  return json_pack("{s:s, s:o, s:o}", "for", w->what, "until", w->until_us ? json_time(w->until_us) : json_null(),
                   "text", *w->text ? json_text(w->text) : json_null());
}

static json_t *recipient_json(const struct envelope *m, const struct queued_recipient *r, const struct attempt *a,
                              const struct wait *w) {
  char id[ID_TEXT];
  id_format(m->id, id);
  return json_pack(
      "{s:s, s:o, s:b, s:o, s:o, s:o, s:o, s:o, s:s, s:I, s:I, s:o, s:o, s:o, s:o, s:o, s:o, s:s?, s:o, s:o}",
      "message", id, "account", json_text(m->account), "sandbox", (m->flags & MESSAGE_SANDBOX) != 0, "from",
      json_text(m->reverse_path), "to", json_text(r->to.address), "domain", json_text(r->to.domain), "pool",
      json_text(m->pool), "source", *r->source ? json_text(r->source) : json_null(), "state", state_name(r->state),
      "attempts", (json_int_t)r->attempts, "size", (json_int_t)m->size, "created", json_time(m->created_us), "next",
      json_time(r->next_us), "expires", json_time(m->expires_us), "last", json_text(r->last), "under_way",
      attempt_json(a), "waits", wait_json(w), "hold", r->state == RECIPIENT_HELD ? hold_name(r->hold) : NULL,
      "not_before", json_time(r->not_before_us), "site", *r->site ? json_text(r->site) : json_null());
}

/* "; 1200 ahead, 3 of them its own, 1100 of shop/bulk" */
static void describe_ahead(const struct attempt *a, char *out, size_t size) {
  char other[160] = "";
  if (knows_other(a))
    snprintf(other, sizeof other, ", %llu of %s", (unsigned long long)a->ahead_of_other, a->ahead_other);
  if (!a->waits)
    out[0] = '\0';
  else if (!a->ahead)
    snprintf(out, size, "; it is next");
  else
    snprintf(out, size, "; %llu ahead, %llu of them its own%s", (unsigned long long)a->ahead,
             (unsigned long long)a->ahead_own, other);
}

/* "waiting for the probe of the host of example.net, in 40s" */
static void describe_wait(const struct attempt *a, int64_t now_us, char *out, size_t size) {
  char span[40] = "now";
  if (a->until_us > now_us) clock_format_span(a->until_us - now_us, span, sizeof span);
  snprintf(out, size, "%s %s, %s%s", attempt_phrase(a), a->host, a->until_us ? "in " : "",
           a->until_us ? span : "which is under way");
}

/* "waiting for a connection to example.net, for 12s; 40 ahead, 3 of them its own, 30 of shop/bulk; its turn in 9s" */
static void describe_attempt(const struct attempt *a, int64_t now_us, char *out, size_t size) {
  char span[40], left[40] = "", delivered[40] = "", ahead[240];
  int64_t turn_us = a->expected_us ? a->expected_us : a->until_us;
  clock_format_span(now_us - a->since_us, span, sizeof span);
  if (turn_us > now_us + SECOND_US) clock_format_span(turn_us - now_us, left, sizeof left);
  if (a->delivered_us > now_us + SECOND_US) clock_format_span(a->delivered_us - now_us, delivered, sizeof delivered);
  describe_ahead(a, ahead, sizeof ahead);
  snprintf(out, size, "%s %s, for %s%s%s%s%s%s", attempt_phrase(a), a->host,
           now_us - a->since_us < SECOND_US ? "0s" : span, ahead, *left ? "; its turn in " : "", left,
           *delivered ? "; delivered in about " : "", delivered);
}

/* What is due, and waits for the probe of its site; NULL: it does not. */
static const struct attempt *wait_of(const struct queue_listing *l, const struct envelope *m,
                                     const struct queued_recipient *r, int64_t now_us) {
  char lane[LANE_TEXT];
  if (r->state != RECIPIENT_QUEUED || r->next_us > now_us + SECOND_US) return NULL;
  envelope_lane(m, lane);
  return attempts_find_wait(l->attempts, r->to.domain, lane);
}

/* An attempt that is under way is one of the tries, and what is said of the last one is of the one before. */
static bool list_row(void *arg, const struct envelope *m, const struct queued_recipient *r) {
  struct queue_listing *l = arg;
  const struct attempt *a = attempts_find(l->attempts, r->to.id);
  struct wait w;
  char id[ID_TEXT], next[40], age[40], tries[16], under_way[512], account[80];
  int64_t now = clock_now_us();
  id_format(m->id, id);
  snprintf(account, sizeof account, "%s%s", m->account, m->flags & MESSAGE_SANDBOX ? " (sandbox)" : "");
  clock_format_span(now - m->created_us, age, sizeof age);
  clock_format_span(r->next_us - now, next, sizeof next);
  snprintf(tries, sizeof tries, "%u", r->attempts + (a != NULL));
  const struct attempt *shown = a ? a : wait_of(l, m, r, now);
  if (a)
    describe_attempt(a, now, under_way, sizeof under_way);
  else if (shown)
    describe_wait(shown, now, under_way, sizeof under_way);
  waits_of(l->waits, m, r, shown, now, &w);
  listing_add(&l->rows, recipient_json(m, r, shown, &w),
              (const char *const[]){id, account, m->reverse_path, r->to.address, age, tries,
                                    a                             ? "under way"
                                    : strcmp(w.what, "time") == 0 ? next
                                                                  : w.what,
                                    shown     ? under_way
                                    : *w.text ? w.text
                                              : r->last});
  return true;
}

static enum exit_status list_with(struct cli *c, const struct queue_filter *f, size_t *count) {
  struct reader *r;
  if (cli_reader(c, &r) != EXIT_DONE) return EXIT_NO;
  struct queue_listing l = {.attempts = attempts_read(c)};
  l.waits = waits_new(c, l.attempts);
  listing_begin(&l.rows, c,
                (const char *const[]){"MESSAGE", "ACCOUNT~", "FROM+", "TO~", "AGE", "TRIES", "NEXT IN", "LAST+"}, 8);
  int rc = l.waits ? reader_queue(r, f, list_row, &l) : E_MEMORY;
  reader_close(&r);
  listing_end(&l.rows);
  waits_free(&l.waits);
  attempts_free(&l.attempts);
  *count = l.rows.count;
  listing_warn_cut(&l.rows, f->limit);
  return rc == OK ? EXIT_DONE : cli_fail(EXIT_NO, "the queue cannot be read: %s", result_text(rc));
}

static bool one_row(void *arg, const struct envelope *m, const struct queued_recipient *r) {
  (void)m;
  (void)r;
  *(bool *)arg = true;
  return false;
}

/* "The queue is empty" is for an empty queue: a filter that finds nothing says nothing of the rest. */
static enum exit_status say_nothing_found(struct cli *c, const struct queue_filter *f) {
  struct reader *r;
  struct queue_filter all = {.state = -1, .limit = 1};
  bool any = false;
  enum exit_status s = account_filter_check(c, f->account);
  if (s == EXIT_DONE && f->site) s = named_check(c, NAMED_SITE, f->site);
  if (s != EXIT_DONE || c->json) return s;
  if (cli_reader(c, &r) != EXIT_DONE) return EXIT_NO;
  int rc = reader_queue(r, &all, one_row, &any);
  reader_close(&r);
  if (rc != OK) return cli_fail(EXIT_NO, "the queue cannot be read: %s", result_text(rc));
  puts(any ? "nothing in the queue matches; all of it: sendoff queue list" : "the queue is empty");
  return EXIT_DONE;
}

static enum exit_status list(struct cli *c) {
  struct queue_filter f;
  size_t count;
  enum exit_status s = queue_filter_read(c, NULL, &f);
  if (s == EXIT_DONE) s = listing_read_limit(c, &f.limit);
  if (s == EXIT_DONE) s = list_with(c, &f, &count);
  return s == EXIT_DONE && !count ? say_nothing_found(c, &f) : s;
}

static enum exit_status print_content(struct cli *c, int64_t id) {
  struct reader *r;
  struct buffer prefix, content;
  struct reason why = {""};
  if (cli_reader(c, &r) != EXIT_DONE) return EXIT_NO;
  buffer_init(&prefix, CONTENT_MAX);
  buffer_init(&content, CONTENT_MAX);
  int rc = reader_content(r, id, &prefix, &content, &why);
  if (rc == OK && prefix.len) fwrite(prefix.at, 1, prefix.len, stdout);
  if (rc == OK && content.len) fwrite(content.at, 1, content.len, stdout);
  buffer_free(&prefix);
  buffer_free(&content);
  reader_close(&r);
  return rc == OK ? EXIT_DONE : cli_failed(rc, &why);
}

static enum exit_status show(struct cli *c) {
  struct queue_filter f;
  size_t count;
  enum exit_status s = queue_filter_read(c, c->arguments[0], &f);
  if (s != EXIT_DONE) return s;
  if (cli_switch(c, "content")) return print_content(c, f.message_id);
  s = list_with(c, &f, &count);
  if (s == EXIT_DONE && !count)
    s = cli_fail(EXIT_NO, "%s is not in the queue; its story: sendoff log show %s", c->arguments[0], c->arguments[0]);
  return s;
}

static json_t *summary_json(const struct queue_summary_row *r) {
  return json_pack("{s:o, s:I, s:I, s:I, s:o, s:o, s:o}", "domain", json_text(r->domain), "queued",
                   (json_int_t)r->queued, "held", (json_int_t)r->held, "returning", (json_int_t)r->returning, "oldest",
                   json_time(r->oldest_us), "next", json_time(r->next_us), "last", json_text(r->last));
}

static bool summary_row(void *arg, const struct queue_summary_row *r) {
  char queued[32], held[32], returning[32], oldest[40], next[40];
  int64_t now = clock_now_us();
  snprintf(queued, sizeof queued, "%llu", (unsigned long long)r->queued);
  snprintf(held, sizeof held, "%llu", (unsigned long long)r->held);
  snprintf(returning, sizeof returning, "%llu", (unsigned long long)r->returning);
  clock_format_span(now - r->oldest_us, oldest, sizeof oldest);
  clock_format_span(r->next_us - now, next, sizeof next);
  listing_add(arg, summary_json(r), (const char *const[]){r->domain, queued, held, returning, oldest, next, r->last});
  return true;
}

static enum exit_status summary(struct cli *c) {
  struct reader *r;
  if (cli_reader(c, &r) != EXIT_DONE) return EXIT_NO;
  struct listing l;
  listing_begin(&l, c, (const char *const[]){"DOMAIN", "QUEUED", "HELD", "RETURNING", "OLDEST", "NEXT IN", "LAST+"}, 7);
  int rc = reader_queue_summary(r, summary_row, &l);
  reader_close(&r);
  if (rc == OK) l.empty = "the queue is empty";
  listing_end(&l);
  return rc == OK ? EXIT_DONE : cli_fail(EXIT_NO, "the queue cannot be read: %s", result_text(rc));
}

#define WHICH QUEUE_WHICH " " QUEUE_ASK

const struct verb queue_verbs[] = {
    {"queue", "list",
     "[--account NAME] [--to PATTERN] [--site SITE] [--reply TEXT] [--state queued|held|returning] [--since T] "
     "[--limit N]",
     "The recipients that wait, or are under way: where, and since when.",
     "sendoff queue list --account blog\n"
     "sendoff queue list --state held --to '*@example.net'\n"
     "sendoff queue list --reply greylist",
     0, 0, list},
    {"queue", "show", "ID [--content]", "One message's recipients, or its content as it will be sent.",
     "sendoff queue show 1CZQ6K3E0W40 --content\n"
     "sendoff queue show 1CZQ6K3E0W40",
     1, 1, show},
    {"queue", "summary", "", "What waits, by domain.", "sendoff queue summary", 0, 0, summary},
    {"queue", "retry", WHICH,
     "Tries them now. What is selected by several options fits all of them; --site takes the names of sendoff site "
     "list, --reply what the last reply has in it. What a selection will touch is shown first, and asked about.",
     "sendoff queue retry --to '*@example.net' --yes\n"
     "sendoff queue retry --site google --yes",
     0, COMMAND_ARGUMENTS_MAX, queue_retry},
    {"queue", "hold", WHICH, "Keeps them until they are released.", "sendoff queue hold --account blog --yes", 0,
     COMMAND_ARGUMENTS_MAX, queue_hold},
    {"queue", "release", WHICH,
     "Ends a hold, also one of the brake (sendoff account review NAME) or of an account that is suspended or removed. "
     "Nothing leaves before the time that its sender or a smoothed limit has set.",
     "sendoff queue release --account blog --yes\n"
     "sendoff queue release --account blog --since 2h --yes\n"
     "sendoff queue release 1CZQ6K3E0W40",
     0, COMMAND_ARGUMENTS_MAX, queue_release},
    {"queue", "drop", WHICH, "Throws them away, without a bounce; the log says so.",
     "sendoff queue drop 1CZQ6K3E0W40\n"
     "sendoff queue drop --account blog --since 18:42 --yes",
     0, COMMAND_ARGUMENTS_MAX, queue_drop},
    {"queue", "bounce", WHICH " [--reason TEXT]",
     "Returns them to their senders now, with a notice (RFC 3464) that has the reason and the last reply. Nobody is "
     "suppressed for it. What is under way ends its attempt first. When the gateway is not running, it does so when it "
     "starts.",
     "sendoff queue bounce 1CZQ6K3E0W40 --reason 'that mailbox has moved'\n"
     "sendoff queue bounce --to '*@exmaple.net' --yes",
     0, COMMAND_ARGUMENTS_MAX, queue_bounce},
    {"queue", "reroute", QUEUE_WHICH " --to-pool POOL [--despite-spf] " QUEUE_ASK,
     "They leave from the sources of that pool from now on. What is under way ends its attempt first. Mail whose SPF "
     "or DMARC result rests on the sources that it was accepted for stays, unless --despite-spf. --dry-run only says "
     "what would move.",
     "sendoff queue reroute --account blog --to-pool bulk --dry-run\n"
     "sendoff queue reroute 1CZQ6K3E0W40 --to-pool bulk",
     0, COMMAND_ARGUMENTS_MAX, queue_reroute},
    {0}};
