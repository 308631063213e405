#include "cli/explain/explain_expected.h"

#include "cli/delivery/site_learning.h"
#include "cli/output/output.h"
#include "relay/daemon/shaping_file.h"

#include <stdio.h>
#include <string.h>

#define SET_TEXT (MX_HOSTS_MAX * 264)

/* The exchangers as their route names them (struct route's site). */
static void write_set(const struct explained *e, char out[SET_TEXT]) {
  size_t at = 0;
  *out = '\0';
  for (size_t i = 0; i < e->mx.count && at < SET_TEXT; i++) {
    int n = snprintf(out + at, SET_TEXT - at, "%s%u %s", i ? "," : "", e->mx.hosts[i].preference, e->mx.hosts[i].name);
    at += n > 0 ? (size_t)n : 0;
  }
}

/* A host by command is a site of its own. */
static enum exit_status find_site(const struct cli *c, const struct explained *e, struct expected *out) {
  const char *hosts[MX_HOSTS_MAX];
  char set[SET_TEXT];
  struct shaping *shaping;
  struct reason why = {""};
  out->site[0] = '\0';
  if (!e->mx.count || e->mx.null_mx) return EXIT_DONE;
  out->by_host = e->route && e->route->lookup == ROUTE_BY_ADDRESS;
  if (out->by_host) snprintf(out->site, sizeof out->site, "%s:%u", e->route->host, explained_port(e));
  int rc = shaping_load(c->config->shaping, &shaping, &why);
  if (rc != OK) return cli_failed(rc, &why);
  for (size_t i = 0; i < e->mx.count; i++) hosts[i] = e->mx.hosts[i].name;
  write_set(e, set);
  const struct shaping_provider *p =
      out->by_host ? &shaping->rest : site_name_of_hosts(shaping, hosts, e->mx.count, set, out->site);
  out->provider_known = p != &shaping->rest;
  out->table_tls = p->limits.require_tls;
  shaping_release(&shaping);
  return EXIT_DONE;
}

static bool is_of_pool(const struct explained *e, const json_t *row) {
  const char *source = json_string_value(json_object_get(row, "source"));
  if (!source) return !e->source_count; /* the system's choice */
  for (size_t i = 0; i < e->source_count; i++)
    if (strcmp(e->sources[i].address, source) == 0) return true;
  return false;
}

enum exit_status expected_read(struct cli *c, const struct explained *e, struct expected *out) {
  json_t *rows = NULL;
  size_t i;
  json_t *row;
  out->rows = json_array();
  enum exit_status s = find_site(c, e, out);
  if (s == EXIT_DONE && *out->site) s = site_learning_read(c, out->site, &rows);
  json_array_foreach(rows, i, row) if (is_of_pool(e, row)) json_array_append(out->rows, row);
  json_decref(rows);
  return s;
}

void expected_clear(struct expected *x) {
  json_decref(x->rows);
  x->rows = NULL;
}

static void print_row(const json_t *row) {
  const char *source = json_string_value(json_object_get(row, "source"));
  char times[160], wait[40], line[400];
  site_learning_times_text(json_object_get(row, "delivery"), times, sizeof times);
  site_learning_wait_text(row, wait, sizeof wait);
  if (!*times && !*wait) return;
  snprintf(line, sizeof line, "  expected%s%s: %s%s%s%s", source ? " from " : "", source ? source : "",
           *times ? "delivered " : "", times,
           *wait ? *times ? "; what is put off is taken after " : "what is put off is taken after " : "", wait);
  print_fitted(line, 0, 4);
}

void expected_print(const struct expected *x) {
  size_t i;
  const json_t *row;
  if (*x->site) {
    printf("  all that is known of it: sendoff site show ");
    print_safe(x->site);
    putchar('\n');
  }
  json_array_foreach(x->rows, i, row) print_row(row);
}

static json_t *row_json(const json_t *row) {
  const json_t *times = json_object_get(row, "delivery"), *greylisting = json_object_get(row, "greylisting");
  return json_pack("{s:O, s:O, s:O, s:O, s:O}", "source", json_object_get(row, "source"), "messages",
                   json_object_get(times, "messages"), "half_within_ms", json_object_get(times, "half_within_ms"),
                   "most_within_ms", json_object_get(times, "most_within_ms"), "taken_after_seconds",
                   json_object_get(greylisting, "taken_after_seconds"));
}

json_t *expected_json(const struct expected *x) {
  json_t *list = json_array();
  size_t i;
  const json_t *row;
  json_array_foreach(x->rows, i, row) json_array_append_new(list, row_json(row));
  return list;
}
