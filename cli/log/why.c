#include "base/clock.h"
#include "base/id.h"
#include "cli/command.h"
#include "cli/log/advice.h"
#include "cli/log/event_print.h"
#include "cli/output/output.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

struct found {
  struct cli *c;
  size_t count;
  char advice[ADVICE_MAX]; /* of the last event that was no good */
};

/* Advice belongs to what was refused, delayed or bounced. */
static void take_advice(struct found *f, const struct event *e) {
  bool bad = e->kind == EVENT_REFUSED || e->kind == EVENT_DEFERRED || e->kind == EVENT_BOUNCED ||
             e->kind == EVENT_EXPIRED || e->kind == EVENT_HELD;
  f->advice[0] = '\0';
  if (bad) advise(e, f->advice, sizeof f->advice);
}

static bool print_found(void *arg, const struct event *e) {
  struct found *f = arg;
  char since[40];
  f->count++;
  take_advice(f, e);
  if (f->c->json) {
    json_t *object = event_json(e);
    json_object_set_new(object, "advice", json_text(f->advice));
    print_json(object);
    return true;
  }
  clock_format_span(clock_now_us() - (e->first_us ? e->first_us : id_time_us(e->id)), since, sizeof since);
  event_print_story(e, cli_switch(f->c, "utc"), -1);
  if (e->kind == EVENT_REFUSED)
    printf("    made     %llu time%s, first %s ago\n", (unsigned long long)e->count, e->count == 1 ? "" : "s", since);
  return true;
}

/* As it was shown, or as somebody read it out (base/id.h: Crockford's base32). */
static void read_ref(const char *typed, char *out, size_t size) {
  bytes_copy(bytes_of(typed), out, size);
  for (char *at = out; *at; at++) {
    *at = (char)toupper((unsigned char)*at);
    if (*at == 'O') *at = '0';
    if (*at == 'I' || *at == 'L') *at = '1';
  }
}

static enum exit_status why_run(struct cli *c) {
  char ref[64];
  struct reader *r;
  struct found f = {.c = c};
  struct log_filter filter = {.kind = -1, .ref = ref};
  read_ref(c->arguments[0], ref, sizeof ref);
  if (cli_reader(c, &r) != EXIT_DONE) return EXIT_NO;
  int rc = reader_log(r, &filter, print_found, &f);
  if (rc == OK && !f.count && id_parse(c->arguments[0], &filter.message_id) == OK && filter.message_id) {
    filter.ref = NULL;
    rc = reader_log(r, &filter, print_found, &f);
  }
  reader_close(&r);
  if (rc != OK) return cli_fail(EXIT_NO, "the log cannot be read: %s", result_text(rc));
  if (*f.advice && !c->json) {
    printf("\nWhat to do: ");
    print_fitted(f.advice, sizeof "What to do: " - 1, 0);
  }
  return f.count ? EXIT_DONE
                 : cli_fail(EXIT_NO, "nothing is known of %s; references are kept for as long as log { retain } says",
                            c->arguments[0]);
}

const struct verb why_verbs[] = {
    {"why", NULL, "REF",
     "Why something was refused or delayed, and what to do. REF is what the refusal ends with, or a message id.",
     "sendoff why 7QF2K9\n"
     "sendoff why 1CZQ6K3E0W40",
     1, 1, why_run},
    {0}};
