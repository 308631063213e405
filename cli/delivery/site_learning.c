#include "cli/delivery/site_learning.h"

#include "base/clock.h"
#include "base/site/site_learning.h"
#include "base/site/site_name.h"
#include "cli/machine/machine.h"
#include "relay/daemon/control_client.h"
#include "relay/daemon/sites.h"

#include <stdio.h>
#include <string.h>

#define ROWS_MAX 1000

static const json_t *part(const json_t *row, const char *key) {
  return json_object_get(row, key);
}

static int64_t number(const json_t *object, const char *key) {
  return json_integer_value(json_object_get(object, key));
}

/* --- reading --- */

static void read_lines(struct bytes answer, json_t *rows) {
  for (size_t at = 0; at < answer.len;) {
    size_t end = bytes_find(answer, '\n', at);
    json_t *row = json_loadb(answer.at + at, end - at, 0, NULL);
    if (row) json_array_append_new(rows, row);
    at = end + 1;
  }
}

static bool add_note(void *arg, const struct site_learning_note *n) {
  return json_array_append_new(arg, site_learning_json(n)) == 0;
}

static enum exit_status read_store(struct cli *c, const char *site, json_t *rows) {
  struct reader *r;
  if (cli_reader(c, &r) != EXIT_DONE) return EXIT_NO;
  int rc = reader_site_learning(r, site, ROWS_MAX, add_note, rows);
  reader_close(&r);
  return rc == OK ? EXIT_DONE : cli_fail(EXIT_NO, "the store cannot be read: %s", result_text(rc));
}

static enum exit_status read_any(struct cli *c, const char *site, json_t *rows) {
  char request[SITE_NAME_MAX + 16];
  struct buffer answer;
  snprintf(request, sizeof request, "learnt %s", site);
  buffer_init(&answer, SITES_ANSWER_MAX);
  int rc = control_ask(c->config->data_dir, request, &answer);
  if (rc == OK) read_lines(buffer_bytes(&answer), rows);
  buffer_free(&answer);
  if (rc == E_NOT_FOUND) return read_store(c, site, rows);
  return rc == OK ? EXIT_DONE : machine_no_answer(c->config);
}

static struct learnt_share taken_of(const json_t *row) {
  const json_t *s = part(row, "this_source");
  return (struct learnt_share){(uint16_t)number(s, "messages"), (uint16_t)number(s, "taken")};
}

/* As the gateway weighs them (relay/delivery/route/source_success.h). */
static void add_weights(const json_t *rows) {
  struct learnt_share all[ROWS_MAX];
  size_t count = 0, i;
  const json_t *row;
  json_array_foreach(rows, i, row) if (count < ROWS_MAX) all[count++] = taken_of(row);
  json_array_foreach(rows, i, row) {
    struct learnt_share own = taken_of(row);
    json_object_set_new(json_object_get(row, "this_source"), "weight_percent",
                        json_integer((json_int_t)learnt_percent(&own, all, count)));
  }
}

enum exit_status site_learning_read(struct cli *c, const char *site, json_t **rows) {
  *rows = json_array();
  if (cli_config(c) != EXIT_DONE) return EXIT_NO;
  enum exit_status s = c->config->learning ? read_any(c, site, *rows) : EXIT_DONE;
  add_weights(*rows);
  return s;
}

void site_learning_attach(json_t *sites, const json_t *rows) {
  size_t i, k;
  const json_t *row;
  json_t *site, *found;
  json_array_foreach(rows, i, row) {
    found = NULL;
    json_array_foreach(sites, k, site) if (json_equal(part(site, "source"), part(row, "source"))) found = site;
    if (!found) {
      found =
          json_pack("{s:O, s:O, s:I}", "site", part(row, "site"), "source", part(row, "source"), "open", (json_int_t)0);
      json_array_append_new(sites, found);
    }
    json_object_set(found, "learnt", (json_t *)row);
  }
}

/* --- texts --- */

static void span_of(int64_t ms, char *out, size_t size) {
  if (ms < 1000)
    snprintf(out, size, "%lldms", (long long)ms);
  else
    clock_format_span(ms * 1000, out, size);
}

void site_learning_times_text(const json_t *times, char *out, size_t size) {
  char half[40], most[40];
  *out = '\0';
  if (!number(times, "messages")) return;
  span_of(number(times, "half_within_ms"), half, sizeof half);
  span_of(number(times, "most_within_ms"), most, sizeof most);
  snprintf(out, size, "half within %s, nine of ten within %s (%lld message%s)", half, most,
           (long long)number(times, "messages"), number(times, "messages") == 1 ? "" : "s");
}

void site_learning_wait_text(const json_t *row, char *out, size_t size) {
  int64_t seconds = number(part(row, "greylisting"), "taken_after_seconds");
  *out = '\0';
  if (seconds) clock_format_span(seconds * SECOND_US, out, size);
}

static void print_times(const json_t *row, const char *key, const char *title) {
  char text[160];
  site_learning_times_text(part(row, key), text, sizeof text);
  printf("  %-16s %s\n", title, *text ? text : "-");
}

static void print_greylisting(const json_t *row) {
  const json_t *g = part(row, "greylisting"), *a;
  char wait[40], after[40];
  size_t i;
  site_learning_wait_text(row, wait, sizeof wait);
  printf("  %-16s %lld of %lld first attempts put off%s%s\n", "greylisting", (long long)number(g, "put_off"),
         (long long)number(g, "first_attempts"), *wait ? "; taken after " : "", wait);
  json_array_foreach(part(g, "later_attempts"), i, a) {
    clock_format_span(number(a, "after_seconds") * SECOND_US, after, sizeof after);
    int64_t taken = number(a, "taken");
    printf("  %-16s %lld of %lld taken, %s after the first\n", i ? "" : "later attempts", (long long)taken,
           (long long)(taken + number(a, "put_off")), strcmp(after, "now") == 0 ? "under 1s" : after);
  }
}

static void print_share(const char *title, const char *of, const json_t *share) {
  printf("  %-16s %lld of %lld put off %s\n", title, (long long)number(share, "put_off"),
         (long long)number(share, "answers"), of);
}

static void print_hours(const json_t *row) {
  const json_t *hour;
  char of[40];
  size_t i;
  json_array_foreach(part(row, "hours"), i, hour) {
    snprintf(of, sizeof of, "at %02lld:00 to %02lld:59 UTC", (long long)number(hour, "hour"),
             (long long)number(hour, "hour"));
    print_share(i ? "" : "by the hour", of, hour);
  }
}

static void print_sizes(const json_t *row) {
  const json_t *size;
  char of[60];
  size_t i;
  json_array_foreach(part(row, "sizes"), i, size) {
    int64_t most = number(size, "up_to_octets");
    snprintf(of, sizeof of, "of up to %lld KB", (long long)(most / 1000));
    print_share(i ? "" : "by the size", most ? of : "of more than that", size);
  }
}

void site_learning_print(const json_t *row) {
  const json_t *s = part(row, "this_source");
  printf("learnt\n");
  print_times(row, "delivery", "delivery");
  print_times(row, "transaction", "transaction");
  print_greylisting(row);
  printf("  %-16s %lld of %lld messages taken; it keeps %lld%% of its weight\n", "this source",
         (long long)number(s, "taken"), (long long)number(s, "messages"), (long long)number(s, "weight_percent"));
  print_hours(row);
  print_sizes(row);
  putchar('\n');
}
