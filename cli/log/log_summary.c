#include "cli/log/log_summary.h"

#include "base/clock.h"
#include "base/hash.h"
#include "base/site/site_name.h"
#include "cli/log/log_options.h"
#include "cli/output/moment.h"
#include "cli/output/output.h"
#include "cli/output/table.h"
#include "relay/daemon/shaping_file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEFAULT_US (24 * 3600 * SECOND_US)
#define BAR 10         /* columns */
#define ROWS_MOST 1000 /* of a table; JSON has all */

struct line {
  uint64_t accepted, refused, deferred, delivered, bounced;
  UT_hash_handle hh;
  char key[];
};

struct summary {
  const struct cli *c;
  enum log_group by;
  int64_t since_us, until_us;
  struct shaping *shaping; /* LOG_BY_HOST */
  struct line *lines;
  struct line total;
  bool failed;
};

/* --- adding up --- */

static struct line *find(struct summary *s, const char *key) {
  struct line *l;
  size_t size = strlen(key) + 1;
  HASH_FIND_STR(s->lines, key, l);
  if (l) return l;
  l = calloc(1, sizeof *l + size);
  if (!l) return NULL;
  memcpy(l->key, key, size);
  HASH_ADD_STR(s->lines, key, l);
  if (l->hh.tbl) return l;
  free(l);
  return NULL;
}

static void count(struct line *l, const struct log_sum *sum) {
  switch (sum->kind) {
  case EVENT_ACCEPTED: l->accepted += sum->count; break;
  case EVENT_REFUSED: l->refused += sum->count; break;
  case EVENT_DEFERRED: l->deferred += sum->count; break;
  case EVENT_DELIVERED: l->delivered += sum->count; break;
  case EVENT_BOUNCED:
  case EVENT_EXPIRED: l->bounced += sum->count; break;
  default: break;
  }
}

/* "mx1.example.net[192.0.2.1]:25" is of example.net, or of a provider that the table knows. */
static void site_of(const struct summary *s, const char *host, char out[SITE_NAME_MAX]) {
  char name[SITE_NAME_MAX];
  bytes_copy((struct bytes){host, strcspn(host, "[")}, name, sizeof name);
  const char *const hosts[] = {name};
  *out = '\0';
  if (*name) site_name_of_hosts(s->shaping, hosts, 1, name, out);
}

static bool take(void *arg, const struct log_sum *sum) {
  struct summary *s = arg;
  char site[SITE_NAME_MAX];
  if (s->by == LOG_BY_HOST) site_of(s, sum->key, site);
  struct line *l = find(s, s->by == LOG_BY_HOST ? site : sum->key);
  s->failed = !l;
  if (l) count(l, sum);
  count(&s->total, sum);
  return l != NULL;
}

/* --- printing --- */

static uint64_t weight(const struct line *l) {
  uint64_t ended = l->delivered + l->bounced;
  return (ended > l->accepted ? ended : l->accepted) + l->refused;
}

static int by_weight(const struct line *a, const struct line *b) {
  uint64_t x = weight(a), y = weight(b);
  return x != y ? (x < y ? 1 : -1) : strcmp(a->key, b->key);
}

/* Of what came to an end. */
static double share(uint64_t part, const struct line *l) {
  uint64_t ended = l->delivered + l->bounced;
  return ended ? (double)part / (double)ended : 0;
}

static const char *name_of(const struct line *l) {
  return *l->key ? l->key : "(none)";
}

static void print_line_json(const struct summary *s, const struct line *l) {
  static const char *const names[] = {[LOG_BY_ACCOUNT] = "account",
                                      [LOG_BY_DOMAIN] = "domain",
                                      [LOG_BY_HOST] = "site",
                                      [LOG_BY_SOURCE] = "source",
                                      [LOG_BY_STREAM] = "stream"};
  json_t *object = json_pack(
      "{s:o, s:o, s:o, s:I, s:I, s:I, s:I, s:I, s:f, s:f}", names[s->by], json_text(l->key), "since",
      json_time(s->since_us), "until", json_time(s->until_us), "accepted", (json_int_t)l->accepted, "delivered",
      (json_int_t)l->delivered, "deferred", (json_int_t)l->deferred, "bounced", (json_int_t)l->bounced, "refused",
      (json_int_t)l->refused, "delivered_rate", share(l->delivered, l), "bounced_rate", share(l->bounced, l));
  print_json(object);
}

/* '#' is delivered, '!' bounced, '.' neither (yet). */
static void draw(const struct line *l, uint64_t most, char out[BAR + 1]) {
  uint64_t all = weight(l), ended = l->delivered + l->bounced;
  size_t length = most ? (size_t)((all * BAR + most - 1) / most) : 0;
  size_t bounced = all ? (size_t)((l->bounced * length + all - 1) / all) : 0;
  size_t delivered = all ? (size_t)(l->delivered * length / all) : 0;
  if (ended == all && bounced + delivered < length) delivered = length - bounced;
  for (size_t i = 0; i < length; i++) out[i] = i < delivered ? '#' : i < delivered + bounced ? '!' : '.';
  out[length] = '\0';
}

static void add_cells(struct table *t, const char *name, const struct line *l, const char *bar) {
  char numbers[5][24], rate[16] = "";
  const uint64_t counts[] = {l->accepted, l->delivered, l->deferred, l->bounced, l->refused};
  for (size_t i = 0; i < 5; i++) snprintf(numbers[i], sizeof numbers[i], "%llu", (unsigned long long)counts[i]);
  if (l->delivered + l->bounced) snprintf(rate, sizeof rate, "%.1f%%", 100 * share(l->delivered, l));
  table_add(t, (const char *const[]){name, numbers[0], numbers[1], numbers[2], numbers[3], numbers[4], rate, bar});
}

static void print_table(struct summary *s) {
  static const char *const names[] = {[LOG_BY_ACCOUNT] = "ACCOUNT~",
                                      [LOG_BY_DOMAIN] = "DOMAIN~",
                                      [LOG_BY_HOST] = "SITE~",
                                      [LOG_BY_SOURCE] = "SOURCE",
                                      [LOG_BY_STREAM] = "STREAM"};
  const char *const titles[] = {names[s->by], "ACCEPT", "DELIVER", "DEFER", "BOUNCE", "REFUSE", "OK", " "};
  struct table *t = table_new(titles, sizeof titles / sizeof titles[0]);
  uint64_t most = s->lines ? weight(s->lines) : 0;
  size_t n = 0;
  for (struct line *l = s->lines; l && n < ROWS_MOST; l = l->hh.next, n++) {
    char bar[BAR + 1];
    draw(l, most, bar);
    add_cells(t, name_of(l), l, bar);
  }
  if (HASH_COUNT(s->lines) > 1) add_cells(t, "together", &s->total, "");
  table_print(&t);
  if (HASH_COUNT(s->lines) > ROWS_MOST)
    cli_warn("these are the first %d of %u; for all: --json", ROWS_MOST, HASH_COUNT(s->lines));
}

static void print_times(const struct summary *s) {
  char since[MOMENT_TEXT], until[MOMENT_TEXT];
  bool utc = cli_switch(s->c, "utc");
  moment_text(s->since_us, utc, since);
  moment_text(s->until_us, utc, until);
  printf("%s to %s\n", since, until);
}

static void print(struct summary *s) {
  HASH_SORT(s->lines, by_weight);
  if (s->c->json) {
    for (struct line *l = s->lines; l; l = l->hh.next) print_line_json(s, l);
    return;
  }
  print_times(s);
  if (s->lines)
    print_table(s);
  else
    puts("nothing in the log");
}

/* --- the command --- */

static enum exit_status read_by(const struct cli *c, enum log_group *out) {
  static const char *const names[] = {"account", "domain", "site", "source", "stream"};
  const char *by = cli_option(c, "by");
  for (size_t i = 0; by && i < sizeof names / sizeof names[0]; i++)
    if (strcmp(by, names[i]) == 0) {
      *out = (enum log_group)i;
      return EXIT_DONE;
    }
  return cli_fail(EXIT_USAGE, "say by what: --by account, domain, site, source or stream");
}

static enum exit_status load_shaping(struct cli *c, struct summary *s) {
  struct reason why = {""};
  if (s->by != LOG_BY_HOST) return EXIT_DONE;
  if (cli_config(c) != EXIT_DONE) return EXIT_NO;
  int rc = shaping_load(c->config->shaping, &s->shaping, &why);
  return rc == OK ? EXIT_DONE : cli_failed(rc, &why);
}

static void release(struct summary *s) {
  struct line *l, *next;
  HASH_ITER(hh, s->lines, l, next) {
    HASH_DEL(s->lines, l);
    free(l);
  }
  if (s->shaping) shaping_release(&s->shaping);
}

enum exit_status log_summary(struct cli *c) {
  struct reader *r;
  struct summary s = {.c = c, .until_us = clock_now_us()};
  enum exit_status status = read_by(c, &s.by);
  if (status == EXIT_DONE) status = log_span_read(c, &s.since_us, &s.until_us);
  if (!cli_option(c, "since")) s.since_us = s.until_us - DEFAULT_US;
  if (status == EXIT_DONE) status = load_shaping(c, &s);
  if (status == EXIT_DONE && (status = cli_reader(c, &r)) == EXIT_DONE) {
    int rc = reader_log_sums(r, s.by, s.since_us, s.until_us, take, &s);
    reader_close(&r);
    if (rc == OK && !s.failed)
      print(&s);
    else
      status = cli_fail(EXIT_NO, "the log cannot be read: %s", result_text(s.failed ? E_MEMORY : rc));
  }
  release(&s);
  return status;
}
