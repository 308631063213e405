#include "base/clock.h"
#include "base/id.h"
#include "base/quantity.h"
#include "cli/account_filter.h"
#include "cli/command.h"
#include "cli/event_print.h"
#include "cli/output.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#define DEFAULT_LIMIT 1000
#define FOLLOW_NS 500000000L

struct printing {
  bool json;
  size_t count;
  int64_t last;
};

static bool print_row(void *arg, const struct event *e) {
  struct printing *p = arg;
  p->count++;
  p->last = e->id;
  if (p->json)
    print_json(event_json(e));
  else
    event_print_line(e);
  return true;
}

static enum exit_status read_filter(struct cli *c, struct log_filter *f) {
  enum event_kind kind;
  uint64_t limit = DEFAULT_LIMIT;
  const char *event = cli_option(c, "event"), *limit_text = cli_option(c, "limit");
  *f = (struct log_filter){
      .account = cli_option(c, "account"), .from = cli_option(c, "from"), .to = cli_option(c, "to"), .kind = -1};
  if (event && event_kind_parse(event, &kind) != OK)
    return cli_fail(EXIT_USAGE, "--event is accepted, refused, deferred, delivered, bounced, expired, held, released, "
                                "dropped, warned, suppressed or rerouted");
  if (event) f->kind = (int)kind;
  if (limit_text && !bytes_to_u64(bytes_of(limit_text), &limit))
    return cli_fail(EXIT_USAGE, "--limit is a number; 0 is no limit");
  f->limit = (size_t)limit;
  enum exit_status s = cli_moment(c, "since", &f->since_us);
  return s == EXIT_DONE ? cli_moment(c, "until", &f->until_us) : s;
}

static enum exit_status follow(struct reader *r, struct log_filter *f, struct printing *p) {
  f->limit = 0;
  for (;;) {
    struct timespec pause = {.tv_nsec = FOLLOW_NS};
    fflush(stdout);
    if (ferror(stdout)) return EXIT_NO; /* the reader of our output has gone */
    nanosleep(&pause, NULL);
    f->after_id = p->last;
    int rc = reader_log(r, f, print_row, p);
    if (rc != OK) return cli_fail(EXIT_NO, "the log cannot be read: %s", result_text(rc));
  }
}

static enum exit_status list(struct cli *c) {
  struct log_filter f;
  struct reader *r;
  enum exit_status s = read_filter(c, &f);
  if (s != EXIT_DONE || (s = cli_reader(c, &r)) != EXIT_DONE) return s;
  struct printing p = {.json = c->json};
  int rc = reader_log(r, &f, print_row, &p);
  if (rc != OK) s = cli_fail(EXIT_NO, "the log cannot be read: %s", result_text(rc));
  if (s == EXIT_DONE && !p.count) s = account_filter_check(c, f.account);
  if (s == EXIT_DONE && cli_switch(c, "follow")) {
    if (!p.last) p.last = id_floor(clock_now_us()); /* nothing yet: from now on */
    s = follow(r, &f, &p);
  }
  reader_close(&r);
  return s;
}

static bool story_row(void *arg, const struct event *e) {
  struct printing *p = arg;
  p->count++;
  if (p->json)
    print_json(event_json(e));
  else
    event_print_story(e);
  return true;
}

static enum exit_status show(struct cli *c) {
  struct log_filter f = {.kind = -1};
  struct reader *r;
  if (id_parse(c->arguments[0], &f.message_id) != OK)
    return cli_fail(EXIT_USAGE, "%s is no message id; ids are in: sendoff log", c->arguments[0]);
  if (cli_reader(c, &r) != EXIT_DONE) return EXIT_NO;
  struct printing p = {.json = c->json};
  int rc = f.message_id ? reader_log(r, &f, story_row, &p) : OK; /* 0 would stand for every message */
  reader_close(&r);
  if (rc != OK) return cli_fail(EXIT_NO, "the log cannot be read: %s", result_text(rc));
  return p.count ? EXIT_DONE
                 : cli_fail(EXIT_NO, "the log knows no message %s (it is kept for as long as log { retain } says)",
                            c->arguments[0]);
}

const struct verb log_verbs[] = {
    {"log", "show", "ID", "", "The whole story of one message, in order.", "sendoff log show 1CZQ6K3E0W40", 1, 1, show},
    {"log", NULL, "[--account A] [--from P] [--to P] [--since T] [--until T] [--event E] [--limit N] [--follow]",
     "account= from= to= since= until= event= limit= follow",
     "The delivery log: what was accepted, refused, deferred, delivered, bounced, and why. Patterns take *.",
     "sendoff log --account blog --since 2h\n"
     "sendoff log --event warned --since today",
     0, 0, list},
    {0}};
