/* What becomes of the message: the events of its log as they come, what its attempts are at, and in the end why that
 * is all for now. */
#include "base/clock.h"
#include "base/mail/envelope.h"
#include "cli/log/event_print.h"
#include "cli/queue/attempts.h"
#include "cli/send_test/send_test_parts.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#define POLL_NS 100000000L
#define WAITING_TEXT 600

struct follow {
  struct send_test *t;
  struct reader *reader;
  int64_t after_id;
  size_t delivered, bounced, dropped; /* recipients */
  /* those that are still queued: */
  size_t queued, held, untried;
  int64_t next_us;      /* the earliest next attempt of those that are not held; 0: none */
  int64_t recipient_id; /* of one of them */
  char last[WAITING_TEXT];
  /* what was shown last of an attempt */
  char stage[WAITING_TEXT];
  bool no_attempts; /* the gateway does not say */
};

/* --- the log --- */

static void count_event(struct follow *f, const struct event *e) {
  f->delivered += e->kind == EVENT_DELIVERED;
  f->bounced += e->kind == EVENT_BOUNCED || e->kind == EVENT_EXPIRED;
  f->dropped += e->kind == EVENT_DROPPED;
}

static bool show_event(void *arg, const struct event *e) {
  struct follow *f = arg;
  char text[64];
  f->after_id = e->id;
  count_event(f, e);
  if (f->t->c->json) {
    json_t *object = event_json(e);
    json_object_set_new(object, "step", json_string("event"));
    print_json(object);
    return true;
  }
  putchar('\n');
  event_print_story(e, false, -1); /* what follows says when */
  double seconds = (double)(id_time_us(e->id) - id_time_us(f->t->message_id)) / (double)SECOND_US;
  snprintf(text, sizeof text, "%.2fs", seconds > 0 ? seconds : 0.0);
  printf("    after    %s\n", text);
  fflush(stdout);
  return true;
}

static int read_events(struct follow *f) {
  struct log_filter filter = {.kind = -1, .message_id = f->t->message_id, .after_id = f->after_id};
  return reader_log(f->reader, &filter, show_event, f);
}

/* --- the queue --- */

static bool take_queued(void *arg, const struct envelope *m, const struct queued_recipient *r) {
  struct follow *f = arg;
  (void)m;
  bytes_copy(bytes_of(r->last), f->last, sizeof f->last);
  if (r->state == RECIPIENT_HELD) {
    f->held++;
    return true;
  }
  f->queued++;
  f->untried += !r->attempts;
  f->recipient_id = r->to.id;
  if (!f->next_us || r->next_us < f->next_us) f->next_us = r->next_us;
  return true;
}

static int read_queue(struct follow *f) {
  struct queue_filter filter = {.state = -1, .message_id = f->t->message_id};
  f->queued = f->held = f->untried = 0;
  f->next_us = 0;
  return reader_queue(f->reader, &filter, take_queued, f);
}

/* --- what it is at --- */

static void show_stage(struct follow *f) {
  char text[WAITING_TEXT];
  struct attempts *all = f->no_attempts || !f->queued ? NULL : attempts_read(f->t->c);
  f->no_attempts |= f->queued && !all;
  const struct attempt *a = attempts_find(all, f->recipient_id);
  if (a) {
    snprintf(text, sizeof text, "%s %s", attempt_phrase(a), a->host);
    if (strcmp(text, f->stage) != 0)
      send_test_step(f->t, "delivery", text, json_pack("{s:s, s:o}", "stage", a->stage, "host", json_text(a->host)));
    memcpy(f->stage, text, sizeof f->stage);
  }
  attempts_free(&all);
}

/* --- the end --- */

static bool all_done(const struct follow *f) {
  return f->delivered + f->bounced + f->dropped >= f->t->accepted;
}

/* The time in the store says when: not of mail that was handed over in memory, which is read from the store only if
 * nothing becomes of that. */
static bool is_put_off(const struct follow *f) {
  return f->t->put_off || !f->untried;
}

/* Nothing of what is left will be tried before the time is over. */
static bool nothing_to_come(const struct follow *f) {
  int64_t left_us = ((int64_t)f->t->deadline_ms - (int64_t)clock_monotonic_ms()) * 1000;
  return !f->queued || (is_put_off(f) && f->next_us > clock_now_us() + left_us);
}

static const char *result_of(const struct follow *f) {
  if (all_done(f)) return f->delivered == f->t->accepted ? "delivered" : f->bounced ? "bounced" : "dropped";
  return f->queued ? "deferred" : f->held ? "held" : "unknown";
}

/* The queue was read before the log: what has ended since was still there. */
static void end_json(const struct follow *f, const char *result) {
  char id[ID_TEXT];
  bool done = all_done(f);
  id_format(f->t->message_id, id);
  send_test_step(f->t, "end", result,
                 json_pack("{s:s, s:s, s:I, s:I, s:I, s:o}", "result", result, "message", id, "recipients",
                           (json_int_t)f->t->accepted, "delivered", (json_int_t)f->delivered, "waiting",
                           (json_int_t)(done ? 0 : f->queued + f->held), "next",
                           !done && is_put_off(f) ? json_time(f->next_us) : json_null()));
}

static void write_waiting(const struct follow *f, const char *id, char *out, size_t size) {
  char when[40], span[40];
  int64_t now = clock_now_us();
  clock_format_minute(f->next_us, when, sizeof when);
  clock_format_span(f->next_us - now, span, sizeof span);
  if (!f->queued)
    snprintf(out, size, "Held: it does not leave by itself; see: sendoff queue show %s, sendoff queue release %s", id,
             id);
  else if (is_put_off(f) && f->next_us > now)
    snprintf(out, size, "Not delivered yet: the next attempt is at %s, in %s. See: sendoff log show %s", when, span,
             id);
  else
    snprintf(out, size, "Not delivered yet, and an attempt is due or under way. See: sendoff queue show %s", id);
}

static void write_end(const struct follow *f, const char *result, char *out, size_t size) {
  char id[ID_TEXT];
  id_format(f->t->message_id, id);
  if (strcmp(result, "delivered") == 0)
    snprintf(out, size,
             "Delivered: the next hop has accepted it%s, %.2fs after the session began. What it does with it, an inbox "
             "or a spam folder, only the recipient sees.",
             f->t->accepted > 1 ? " for every recipient" : "", (double)(clock_monotonic_ms() - f->t->began_ms) / 1000);
  else if (strcmp(result, "bounced") == 0)
    snprintf(out, size, "Returned: it was refused permanently, or its time is over. The sender gets a notice.");
  else if (strcmp(result, "dropped") == 0)
    snprintf(out, size, "Dropped: it is not sent; the log above says why.");
  else
    write_waiting(f, id, out, size);
}

static void print_end(const struct follow *f, const char *result) {
  char text[400];
  write_end(f, result, text, sizeof text);
  putchar('\n');
  print_wrapped(text, 0, 0, false);
  if (!*f->last || all_done(f)) return;
  printf("The last reply: ");
  print_fitted(f->last, sizeof "The last reply: " - 1, 2);
}

/* --- all of it --- */

static int poll_once(struct follow *f) {
  int rc = read_queue(f); /* first: what leaves the queue after it has its event by then */
  if (rc == OK) rc = read_events(f);
  if (rc == OK && !all_done(f)) show_stage(f);
  return rc;
}

static int follow(struct follow *f) {
  const struct timespec pause = {.tv_nsec = POLL_NS};
  for (;;) {
    int rc = poll_once(f);
    if (rc != OK || all_done(f)) return rc;
    /* What left the queue while its event was read comes with the next round. */
    if ((f->queued || f->held) && nothing_to_come(f)) return OK;
    if (clock_monotonic_ms() >= f->t->deadline_ms) return OK;
    nanosleep(&pause, NULL);
  }
}

enum exit_status send_test_follow(struct send_test *t) {
  struct follow f = {.t = t};
  if (cli_reader(t->c, &f.reader) != EXIT_DONE) return EXIT_NO;
  int rc = follow(&f);
  reader_close(&f.reader);
  if (rc != OK) return cli_fail(EXIT_NO, "the log cannot be read: %s", result_text(rc));
  const char *result = result_of(&f);
  if (t->c->json)
    end_json(&f, result);
  else
    print_end(&f, result);
  return all_done(&f) && f.delivered == t->accepted ? EXIT_DONE : EXIT_NO;
}
