#include "base/clock.h"
#include "base/id.h"
#include "cli/command.h"
#include "cli/input/account_filter.h"
#include "cli/log/event_print.h"
#include "cli/log/log_compact.h"
#include "cli/log/log_export.h"
#include "cli/log/log_options.h"
#include "cli/log/log_show.h"
#include "cli/log/log_summary.h"
#include "cli/output/output.h"

#include <stdio.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#define DEFAULT_LIMIT 1000
#define SCREEN_LINES 24 /* of a terminal that does not say */
#define FOLLOW_NS 500000000L

struct printing {
  bool json, utc;
  size_t width; /* 0: lines are as long as they are */
  size_t count;
  int64_t last;
};

static bool print_row(void *arg, const struct event *e) {
  struct printing *p = arg;
  p->count++;
  p->last = e->id;
  if (p->json)
    print_json(event_json(e));
  else if (p->width)
    event_print_short(e, p->utc, p->width);
  else
    event_print_line(e, p->utc);
  return true;
}

/* 0: no terminal. */
static size_t screen_lines(void) {
  struct winsize size;
  if (!output_is_terminal()) return 0;
  return ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_row ? size.ws_row : SCREEN_LINES;
}

/* The whole log on a terminal: as much as it shows, and room for the next command. */
static enum exit_status read_limit(const struct cli *c, struct log_filter *f) {
  uint64_t limit = DEFAULT_LIMIT;
  size_t height = c->json || !log_options_none(c) ? 0 : screen_lines();
  const char *text = cli_option(c, "limit");
  if (height) limit = height > 2 ? height - 1 : 1;
  if (text && !bytes_to_u64(bytes_of(text), &limit)) return cli_fail(EXIT_USAGE, "--limit is a number; 0 is no limit");
  f->limit = (size_t)limit;
  return EXIT_DONE;
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
  enum exit_status s = log_options_read(c, &f);
  if (s == EXIT_DONE) s = read_limit(c, &f);
  if (s != EXIT_DONE || (s = cli_reader(c, &r)) != EXIT_DONE) return s;
  struct printing p = {.json = c->json, .utc = cli_switch(c, "utc"), .width = output_width()};
  int rc = reader_log(r, &f, print_row, &p);
  if (rc != OK) s = cli_fail(EXIT_NO, "the log cannot be read: %s", result_text(rc));
  if (s == EXIT_DONE && !p.count) s = account_filter_check(c, f.account);
  if (s == EXIT_DONE && !p.count && p.width && !cli_switch(c, "follow")) /* what reads a pipe counts lines */
    puts(log_options_none(c) ? "nothing in the log yet" : "nothing in the log matches");
  if (s == EXIT_DONE && cli_switch(c, "follow")) {
    if (!p.last) p.last = id_floor(clock_now_us()); /* nothing yet: from now on */
    s = follow(r, &f, &p);
  }
  reader_close(&r);
  return s;
}

const struct verb log_verbs[] = {
    {"log", NULL, LOG_USAGE " [--limit N] [--follow]",
     "The delivery log: what was accepted, refused, deferred, delivered, bounced, and why; the newest events, as many "
     "as the screen has lines, or in a pipe 1,000. PATTERN is a whole address, PART a part of a text; in both * stands "
     "for anything. --follow: and what comes from now on.",
     "sendoff log --account blog --since 2h\n"
     "sendoff log --subject 'order 123'\n"
     "sendoff log --event warned --since today",
     0, 0, list},
    {"log", "show", "ID", "The whole story of one message, in order.", "sendoff log show 1CZQ6K3E0W40", 1, 1, log_show},
    {"log", "summary", "--by account|domain|site|source|stream [--since T] [--until T]",
     "What was accepted, delivered, deferred, bounced and refused, added up; without --since of the last 24 hours, or "
     "those before --until.",
     "sendoff log summary --by account --since 24h\n"
     "sendoff log summary --by site --since yesterday --until today",
     0, 0, log_summary},
    {"log", "export", "--format csv|jsonl " LOG_USAGE "",
     "Writes the log, or what the options select of it, to standard output.",
     "sendoff log export --format csv --since 30d\n"
     "sendoff log export --format jsonl --account blog --event bounced",
     0, 0, log_export},
    {"log", "compact", "[--forget-subjects]",
     "Writes the store's file anew, in its least size. For large stores of older versions, once; the gateway is "
     "stopped. --forget-subjects: the log's subjects are removed before, for log { subject = no } to hold for the "
     "past.",
     "sendoff log compact", 0, 0, log_compact},
    {0}};
