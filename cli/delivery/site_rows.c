#include "cli/delivery/site_rows.h"

#include "base/bytes.h"
#include "base/clock.h"
#include "cli/machine/machine.h"
#include "cli/output/output.h"
#include "relay/daemon/control_client.h"
#include "relay/daemon/sites.h"

#include <string.h>

#define NOTES_MAX 20000

struct listing {
  struct cli *c;
  const struct directory *directory;
  const char *only; /* a site; NULL: all */
  json_t *sites;
};

const char *site_text(const json_t *site, const char *key) {
  const char *text = json_string_value(json_object_get(site, key));
  return text ? text : "";
}

/* A pause by command is in the configuration, whether a gateway runs or not. */
static void add_command(const struct listing *l, json_t *site) {
  int64_t until =
      directory_site_paused(l->directory, site_text(site, "site"), site_text(site, "source"), clock_now_us());
  json_object_set_new(site, "paused_by_command", json_boolean(until > 0));
  if (until > 0 && until != INT64_MAX) json_object_set_new(site, "paused_until", json_time(until));
}

static void add_site(struct listing *l, json_t *site) {
  if (site && (!l->only || strcmp(site_text(site, "site"), l->only) == 0)) {
    add_command(l, site);
    json_array_append(l->sites, site);
  }
  json_decref(site);
}

static void read_lines(struct listing *l, struct bytes answer) {
  for (size_t at = 0; at < answer.len;) {
    size_t end = bytes_find(answer, '\n', at);
    add_site(l, json_loadb(answer.at + at, end - at, 0, NULL));
    at = end + 1;
  }
}

static json_t *number_or_null(unsigned n) {
  return n ? json_integer(n) : json_null();
}

static bool add_note(void *arg, const struct site_note *n) {
  bool paused = n->paused_until_us > clock_now_us();
  add_site(arg,
           json_pack("{s:o, s:o, s:I, s:o, s:o, s:o, s:o, s:s, s:o, s:o}", "site", json_text(n->site), "source",
                     *n->source ? json_text(n->source) : json_null(), "open", (json_int_t)0, "connections",
                     number_or_null(n->connections), "messages_per_connection", number_or_null(n->closed_after), "rate",
                     n->rate > 0 ? json_real(n->rate) : json_null(), "paused_until",
                     paused ? json_time(n->paused_until_us) : json_null(), "action", paused ? n->action : "", "reason",
                     paused && *n->reason ? json_text(n->reason) : json_null(), "as_of", json_time(n->updated_us)));
  return true;
}

static enum exit_status read_notes(struct listing *l) {
  struct reader *r;
  if (cli_reader(l->c, &r) != EXIT_DONE) return EXIT_NO;
  int rc = reader_site_notes(r, NOTES_MAX, add_note, l);
  reader_close(&r);
  return rc == OK ? EXIT_DONE : cli_fail(EXIT_NO, "the store cannot be read: %s", result_text(rc));
}

static bool has_row(const json_t *rows, size_t count, const struct site_pause *p) {
  for (size_t k = 0; k < count; k++) {
    const json_t *row = json_array_get(rows, k);
    bool same_source = !*p->source || strcmp(site_text(row, "source"), p->source) == 0;
    if (same_source && strcmp(site_text(row, "site"), p->site) == 0) return true;
  }
  return false;
}

/* Pauses by command that no row shows: mail has gone there from other sources only, or not at all. */
static void add_pauses(struct listing *l) {
  size_t known = json_array_size(l->sites);
  for (size_t i = 0; i < l->directory->site_pause_count; i++) {
    const struct site_pause *p = &l->directory->site_pauses[i];
    if ((p->until_us && p->until_us <= clock_now_us()) || has_row(l->sites, known, p)) continue;
    add_site(l, json_pack("{s:o, s:o, s:I}", "site", json_text(p->site), "source",
                          *p->source ? json_text(p->source) : json_null(), "open", (json_int_t)0));
  }
}

enum exit_status site_rows(struct cli *c, const struct directory *d, const char *only, json_t **rows) {
  struct listing l = {.c = c, .directory = d, .only = only, .sites = json_array()};
  struct buffer answer;
  *rows = l.sites;
  if (cli_config(c) != EXIT_DONE) return EXIT_NO;
  buffer_init(&answer, SITES_ANSWER_MAX);
  int rc = control_ask(c->config->data_dir, "sites", &answer);
  enum exit_status s = EXIT_DONE;
  if (rc == OK)
    read_lines(&l, buffer_bytes(&answer));
  else if (rc == E_NOT_FOUND)
    s = read_notes(&l);
  else
    s = machine_no_answer(c->config);
  buffer_free(&answer);
  if (s == EXIT_DONE) add_pauses(&l);
  return s;
}
