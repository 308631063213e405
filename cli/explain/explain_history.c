#include "cli/explain/explain_parts.h"

#include "base/clock.h"
#include "base/id.h"

#include <stdio.h>
#include <stdlib.h>

#define HISTORY_US (7 * 86400 * SECOND_US)

static bool take_event(void *arg, const struct event *e) {
  struct explain_history *h = arg;
  h->delivered += e->kind == EVENT_DELIVERED;
  h->deferred += e->kind == EVENT_DEFERRED;
  h->bounced += e->kind == EVENT_BOUNCED;
  if (e->kind == EVENT_DELIVERED && h->delay_count < DELAYS_MAX)
    h->delays_us[h->delay_count++] = id_time_us(e->id) - id_time_us(e->message_id);
  return true;
}

static int by_time(const void *a, const void *b) {
  int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
  return (x > y) - (x < y);
}

int64_t explain_usual_delay_us(struct explain_history *h) {
  if (!h->delay_count) return 0;
  qsort(h->delays_us, h->delay_count, sizeof h->delays_us[0], by_time);
  return h->delays_us[h->delay_count / 2];
}

enum exit_status explain_read_history(struct cli *c, const char *domain, struct explain_history *h) {
  struct reader *r;
  char to[DOMAIN_MAX + 4];
  snprintf(to, sizeof to, "*@%s", domain);
  struct log_filter f = {.to = to, .kind = -1, .since_us = clock_now_us() - HISTORY_US, .limit = 5000};
  if (cli_reader(c, &r) != EXIT_DONE) return EXIT_NO;
  int rc = reader_log(r, &f, take_event, h);
  reader_close(&r);
  return rc == OK ? EXIT_DONE : cli_fail(EXIT_NO, "the log cannot be read: %s", result_text(rc));
}
