#include "cli/log/log_show.h"

#include "base/clock.h"
#include "base/id.h"
#include "cli/log/event_print.h"
#include "cli/output/output.h"

#include <stdio.h>

struct story {
  bool json, utc;
  size_t count;
  int64_t first_us, last_us; /* of the events so far */
};

static void print_field(const char *name, const char *value) {
  if (!*value) return;
  printf("%-12s ", name);
  print_safe(value);
  putchar('\n');
}

/* What holds for all of it; before the first event. */
static void print_message(const struct event *e) {
  print_field("subject", e->subject);
  print_field("message-id", e->header_id);
  print_field("stream", stream_name(e->stream));
  putchar('\n');
}

static bool print_event(void *arg, const struct event *e) {
  struct story *s = arg;
  int64_t at_us = id_time_us(e->id), after_us = s->count ? at_us - s->last_us : -1;
  if (!s->count) s->first_us = at_us;
  if (s->json) {
    json_t *object = event_json(e);
    if (object) json_object_set_new(object, "after_ms", json_integer((at_us - s->first_us) / 1000));
    print_json(object);
  } else {
    if (!s->count) print_message(e);
    event_print_story(e, s->utc, after_us);
  }
  s->count++;
  s->last_us = at_us;
  return true;
}

enum exit_status log_show(struct cli *c) {
  struct log_filter f = {.kind = -1, .of_message = true};
  struct reader *r;
  if (id_parse(c->arguments[0], &f.message_id) != OK)
    return cli_fail(EXIT_USAGE, "%s is no message id; ids are in: sendoff log", c->arguments[0]);
  if (cli_reader(c, &r) != EXIT_DONE) return EXIT_NO;
  struct story s = {.json = c->json, .utc = cli_switch(c, "utc")};
  int rc = f.message_id ? reader_log(r, &f, print_event, &s) : OK; /* 0 would stand for every message */
  reader_close(&r);
  if (rc != OK) return cli_fail(EXIT_NO, "the log cannot be read: %s", result_text(rc));
  return s.count ? EXIT_DONE
                 : cli_fail(EXIT_NO, "the log knows no message %s (it is kept for as long as log { retain } says)",
                            c->arguments[0]);
}
