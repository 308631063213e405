#include "cli/log/log_show.h"

#include "base/clock.h"
#include "base/id.h"
#include "base/mail/refusal.h"
#include "cli/log/event_print.h"
#include "cli/output/moment.h"
#include "cli/output/output.h"

#include <stdio.h>
#include <string.h>

struct story {
  bool json, utc;
  size_t count;
  int64_t first_us, last_us; /* of the events so far */
  /* since the first event; -1: there was none */
  int64_t attempt_us;                      /* when the first attempt began */
  int64_t delivered_us, delivered_last_us; /* the first recipient, and the last */
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

/* When the attempt began that the event ended, since the first event; -1: it ended none, or that is not known. */
static int64_t attempt_began(const struct story *s, const struct event *e) {
  const char *at = NULL;
  char name[32];
  int64_t value;
  while (numbers_next(e->numbers, &at, name, &value)) {
    if (strcmp(name, NUMBER_TOOK_MS) != 0) continue;
    int64_t began_us = id_time_us(e->id) - s->first_us - value * 1000;
    return began_us > 0 ? began_us : 0; /* an attempt takes its time before its event does */
  }
  return -1;
}

static void note_times(struct story *s, const struct event *e, int64_t began_us) {
  int64_t at_us = id_time_us(e->id) - s->first_us;
  if (began_us >= 0 && (s->attempt_us < 0 || began_us < s->attempt_us)) s->attempt_us = began_us;
  if (e->kind != EVENT_DELIVERED) return;
  if (s->delivered_us < 0) s->delivered_us = at_us;
  s->delivered_last_us = at_us;
}

static void print_event_json(const struct story *s, const struct event *e, int64_t began_us) {
  json_t *object = event_json(e);
  if (object) json_object_set_new(object, "after_ms", json_integer((id_time_us(e->id) - s->first_us) / 1000));
  if (object && began_us >= 0) json_object_set_new(object, "attempt_ms", json_integer(began_us / 1000));
  print_json(object);
}

/* "first attempt after 3ms, delivered after 25ms to 4m10s" */
static void print_times(const struct story *s) {
  char attempt[MOMENT_TEXT], first[MOMENT_TEXT], last[MOMENT_TEXT], text[4 * MOMENT_TEXT] = "";
  size_t at = 0;
  moment_span(s->attempt_us, attempt);
  moment_span(s->delivered_us, first);
  moment_span(s->delivered_last_us, last);
  bool several = strcmp(first, last) != 0;
  if (s->attempt_us >= 0) at = (size_t)snprintf(text, sizeof text, "first attempt after %s", attempt);
  if (s->delivered_us >= 0)
    snprintf(text + at, sizeof text - at, "%sdelivered after %s%s%s", at ? ", " : "", first, several ? " to " : "",
             several ? last : "");
  if (*text) putchar('\n');
  print_field("times", text);
}

static bool print_event(void *arg, const struct event *e) {
  struct story *s = arg;
  int64_t at_us = id_time_us(e->id), after_us = s->count ? at_us - s->last_us : -1;
  if (!s->count) s->first_us = at_us;
  int64_t began_us = attempt_began(s, e);
  note_times(s, e, began_us);
  if (s->json) {
    print_event_json(s, e, began_us);
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
  struct story s = {.json = c->json, .utc = cli_switch(c, "utc"), .attempt_us = -1, .delivered_us = -1};
  int rc = f.message_id ? reader_log(r, &f, print_event, &s) : OK; /* 0 would stand for every message */
  reader_close(&r);
  if (!s.json) print_times(&s);
  if (rc != OK) return cli_fail(EXIT_NO, "the log cannot be read: %s", result_text(rc));
  return s.count ? EXIT_DONE
                 : cli_fail(EXIT_NO, "the log knows no message %s (it is kept for as long as log { retain } says)",
                            c->arguments[0]);
}
