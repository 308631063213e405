#include "cli/queue/queue_bulk.h"

#include "base/id.h"
#include "cli/input/confirm.h"
#include "cli/output/output.h"
#include "cli/output/progress.h"
#include "cli/queue/queue_filter.h"

#include <stdio.h>
#include <string.h>

/* --- what it will touch --- */

static bool see_example(void *arg, const struct envelope *m, const struct queued_recipient *r) {
  struct queue_preview *p = arg;
  char id[ID_TEXT];
  id_format(m->id, id);
  if (p->example_count && strcmp(p->examples[p->example_count - 1].id, id) == 0) return true;
  if (p->example_count == QUEUE_EXAMPLES) return false;
  struct queue_example *e = &p->examples[p->example_count++];
  snprintf(e->id, sizeof e->id, "%s", id);
  snprintf(e->account, sizeof e->account, "%s", m->account);
  snprintf(e->to, sizeof e->to, "%s", r->to.address);
  return true;
}

static int add_selection(struct reader *r, const struct queue_filter *f, struct queue_preview *p) {
  struct queue_extent one;
  int rc = reader_queue_extent(r, f, &one);
  if (rc != OK || !one.recipients) return rc;
  p->extent.messages += one.messages;
  p->extent.recipients += one.recipients;
  p->extent.null_senders += one.null_senders;
  if (!f->message_id) p->extent.accounts = one.accounts;
  if (!p->extent.oldest_us || one.oldest_us < p->extent.oldest_us) p->extent.oldest_us = one.oldest_us;
  return p->example_count < QUEUE_EXAMPLES ? reader_queue(r, f, see_example, p) : OK;
}

enum exit_status queue_preview_read(struct cli *c, const struct queue_change *change, struct queue_preview *out) {
  struct reader *r;
  *out = (struct queue_preview){0};
  enum exit_status s = queue_filter_check(c);
  if (s != EXIT_DONE || (s = cli_reader(c, &r)) != EXIT_DONE) return s;
  int rc = OK;
  for (size_t i = 0; rc == OK && i < queue_filter_count(c); i++) {
    struct queue_filter f;
    uint64_t before = out->extent.recipients;
    if (queue_filter_at(c, i, &f) != EXIT_DONE) rc = E_SYNTAX; /* read before */
    f.among = queue_concerns(change->action, change->hold);
    if (rc == OK) rc = add_selection(r, &f, out);
    if (rc == OK && c->argument_count && out->extent.recipients == before) out->missing = c->arguments[i];
  }
  reader_close(&r);
  return rc == OK ? EXIT_DONE : cli_fail(EXIT_NO, "the queue cannot be read: %s", result_text(rc));
}

static const char *plural(uint64_t n) {
  return n == 1 ? "" : "s";
}

void queue_preview_print(const struct queue_preview *p) {
  const struct queue_extent *e = &p->extent;
  char age[40], of[40] = "";
  clock_format_span(clock_now_us() - e->oldest_us, age, sizeof age);
  if (e->accounts) snprintf(of, sizeof of, ", of %llu account%s", (unsigned long long)e->accounts, plural(e->accounts));
  printf("%llu message%s, %llu recipient%s%s; the oldest came %s ago\n", (unsigned long long)e->messages,
         plural(e->messages), (unsigned long long)e->recipients, plural(e->recipients), of, age);
  for (size_t i = 0; i < p->example_count; i++) {
    printf("  %s  ", p->examples[i].id);
    print_safe(p->examples[i].account);
    fputs("  ", stdout);
    print_safe(p->examples[i].to);
    putchar('\n');
  }
  if (e->messages > p->example_count)
    printf("  and %llu more: sendoff queue list\n", (unsigned long long)(e->messages - p->example_count));
}

json_t *queue_preview_json(const struct queue_preview *p) {
  const struct queue_extent *e = &p->extent;
  json_t *examples = json_array();
  for (size_t i = 0; i < p->example_count; i++)
    json_array_append_new(examples, json_pack("{s:s, s:o, s:o}", "message", p->examples[i].id, "account",
                                              json_text(p->examples[i].account), "to", json_text(p->examples[i].to)));
  return json_pack("{s:I, s:I, s:o, s:o, s:o}", "messages", (json_int_t)e->messages, "recipients",
                   (json_int_t)e->recipients, "accounts",
                   e->accounts ? json_integer((json_int_t)e->accounts) : json_null(), "oldest", json_time(e->oldest_us),
                   "examples", examples);
}

/* --- the question --- */

bool queue_asks(const struct cli *c) {
  bool few = c->argument_count && c->argument_count <= QUEUE_IDS_UNASKED;
  return !few && !cli_switch(c, "yes");
}

enum exit_status queue_ask(struct cli *c, const struct queue_preview *p, const char *verb, const char *question) {
  if (!queue_asks(c)) return EXIT_DONE;
  if (!c->json) {
    printf("queue %s: ", verb);
    queue_preview_print(p);
    fflush(stdout);
  }
  return confirm(c, question);
}

/* --- the change --- */

struct bulk {
  struct progress bar;
  uint64_t before; /* of the selections that are done */
};

static void on_progress(void *arg, uint64_t recipients) {
  struct bulk *b = arg;
  progress_show(&b->bar, b->before + recipients);
}

static void add(struct queue_changed *to, const struct queue_changed *one) {
  to->messages += one->messages;
  to->recipients += one->recipients;
  to->later += one->later;
  to->returning += one->returning;
  if (one->later_us && (!to->later_us || one->later_us < to->later_us)) to->later_us = one->later_us;
}

static int run_one(struct admin *admin, const struct queue_filter *f, struct queue_change *change, struct bulk *b,
                   struct queue_changed *changed, struct reason *why) {
  struct queue_changed one;
  change->progress = on_progress;
  change->arg = b;
  int rc = admin_queue(admin, f, change, &one, why);
  add(changed, &one);
  b->before = changed->recipients;
  return rc;
}

int queue_bulk_run_of(struct admin *admin, const struct queue_filter *f, struct queue_change *change, uint64_t total,
                      struct queue_changed *changed, struct reason *why) {
  struct bulk b = {.bar = {.total = total}};
  *changed = (struct queue_changed){0};
  int rc = run_one(admin, f, change, &b, changed, why);
  progress_end(&b.bar);
  return rc;
}

int queue_bulk_run(struct cli *c, struct admin *admin, struct queue_change *change, uint64_t total,
                   struct queue_changed *changed, struct reason *why) {
  struct bulk b = {.bar = {.total = total}};
  int rc = OK;
  *changed = (struct queue_changed){0};
  for (size_t i = 0; rc == OK && i < queue_filter_count(c); i++) {
    struct queue_filter f;
    if (queue_filter_at(c, i, &f) != EXIT_DONE) rc = E_SYNTAX; /* read before */
    if (rc == OK) rc = run_one(admin, &f, change, &b, changed, why);
  }
  progress_end(&b.bar);
  return rc;
}
