#include "cli/input/named.h"

#include <string.h>

#define SITES_MAX 20000

static const char *const nouns[] = {[NAMED_ACCOUNT] = "account",
                                    [NAMED_DOMAIN] = "domain",
                                    [NAMED_SOURCE] = "source",
                                    [NAMED_SITE] = "site",
                                    [NAMED_ROUTE] = "route"};

struct search {
  struct suggestion near;
  bool found;
};

static void try(struct search *s, const char *name) {
  s->found |= bytes_equal(s->near.typed, bytes_of(name));
  suggestion_try(&s->near, bytes_of(name));
}

static bool try_note(void *arg, const struct site_note *n) {
  try(arg, n->site);
  return true;
}

static bool try_learning(void *arg, const struct site_learning_note *n) {
  try(arg, n->site);
  return true;
}

static bool try_recipient(void *arg, const struct envelope *m, const struct queued_recipient *r) {
  (void)m;
  if (*r->site) try(arg, r->site);
  return true;
}

/* What mail in the queue was for counts as well: the gateway writes its own notes once a minute. */
static int try_sites(struct reader *r, const struct directory *d, struct search *s) {
  static const struct queue_filter all = {.state = -1, .limit = SITES_MAX};
  for (size_t i = 0; i < d->site_pause_count; i++) try(s, d->site_pauses[i].site);
  int rc = reader_site_notes(r, SITES_MAX, try_note, s);
  if (rc == OK) rc = reader_site_learning(r, NULL, SITES_MAX, try_learning, s);
  return rc == OK && !s->found ? reader_queue(r, &all, try_recipient, s) : rc;
}

static int try_all(struct reader *r, const struct directory *d, enum named kind, struct search *s) {
  switch (kind) {
  case NAMED_ACCOUNT:
    for (size_t i = 0; i < d->account_count; i++) try(s, d->accounts[i].name);
    break;
  case NAMED_DOMAIN:
    for (size_t i = 0; i < d->domain_count; i++) try(s, d->domains[i].name);
    break;
  case NAMED_SOURCE:
    for (size_t i = 0; i < d->source_count; i++) try(s, d->sources[i].address);
    break;
  case NAMED_ROUTE:
    for (size_t i = 0; i < d->route_count; i++) try(s, d->routes[i].to);
    break;
  case NAMED_SITE: return try_sites(r, d, s);
  }
  return OK;
}

static enum exit_status search(struct cli *c, enum named kind, const char *name, struct search *s) {
  struct reader *r;
  struct directory *d = NULL;
  struct reason why = {""};
  *s = (struct search){.near = suggestion_for(bytes_of(name))};
  if (cli_reader(c, &r) != EXIT_DONE) return EXIT_NO;
  int rc = reader_directory(r, &d, &why);
  if (rc == OK) rc = try_all(r, d, kind, s);
  if (d) directory_release(&d);
  reader_close(&r);
  return rc == OK ? EXIT_DONE : cli_failed(rc, &why);
}

static enum exit_status say(enum named kind, const char *name, const struct search *s) {
  char near[NAMED_NEAR_TEXT];
  return cli_fail(EXIT_NO, "there is no %s %s%s%s see: sendoff %s list", nouns[kind], kind == NAMED_ROUTE ? "for " : "",
                  name, suggestion_text(&s->near, "", near, NAMED_NEAR_TEXT), nouns[kind]);
}

enum exit_status named_check(struct cli *c, enum named kind, const char *name) {
  struct search s;
  enum exit_status status = search(c, kind, name, &s);
  return status != EXIT_DONE || s.found ? status : say(kind, name, &s);
}

enum exit_status named_find(struct cli *c, enum named kind, const char *name, bool *found, char near[NAMED_NEAR_TEXT]) {
  struct search s;
  enum exit_status status = search(c, kind, name, &s);
  *found = status == EXIT_DONE && s.found;
  if (status == EXIT_DONE) suggestion_text(&s.near, "", near, NAMED_NEAR_TEXT);
  return status;
}

enum exit_status named_unknown(struct cli *c, enum named kind, const char *name) {
  struct search s;
  enum exit_status status = search(c, kind, name, &s);
  return status != EXIT_DONE ? status : say(kind, name, &s);
}
