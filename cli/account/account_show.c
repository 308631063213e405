#include "cli/account/account_show.h"

#include "cli/account/account_brake.h"
#include "cli/input/named.h"
#include "cli/output/listing.h"
#include "cli/output/settings_show.h"

#include <stdio.h>

/* "a, b, c" in `out`, and releases the list. */
static const char *joined(json_t *list, const char *between, struct buffer *out) {
  size_t i;
  json_t *item;
  int rc = OK;
  buffer_init(out, 1024 * 1024);
  json_array_foreach(list, i, item) if (rc == OK) rc =
      buffer_addf(out, "%s%s", i ? between : "", json_string_value(item));
  if (rc == OK) rc = buffer_add(out, "", 1);
  json_decref(list);
  return rc == OK ? out->at : "?";
}

static void list_row(struct listing *l, const struct account *a) {
  struct buffer senders, limits;
  const char *senders_text = joined(account_senders_json(a), " ", &senders),
             *limits_text = joined(account_limits_json(a), " ", &limits);
  listing_add(l, account_json(a),
              (const char *const[]){a->name, senders_text, *limits_text ? limits_text : "none", a->pool,
                                    a->suspended ? "suspended"
                                    : a->sandbox ? "sandbox"
                                                 : "active"});
  buffer_free(&senders);
  buffer_free(&limits);
}

enum exit_status account_list(struct cli *c) {
  struct directory *d;
  if (cli_directory(c, &d) != EXIT_DONE) return EXIT_NO;
  struct listing l;
  listing_begin(&l, c, (const char *const[]){"ACCOUNT", "SENDERS~", "LIMITS~", "POOL~", "STATE"}, 5);
  for (size_t i = 0; i < d->account_count; i++) list_row(&l, &d->accounts[i]);
  l.empty = "no accounts yet; add one: sendoff account add NAME --sender DOMAIN";
  listing_end(&l);
  directory_release(&d);
  return EXIT_DONE;
}

/* Each list's entries on lines of their own; what is "" is left out. */
static void print_fields(json_t *object) {
  const char *key;
  json_t *value;
  json_object_foreach(object, key, value) {
    size_t i;
    json_t *item;
    if (json_is_string(value) && *json_string_value(value)) printf("%-14s %s\n", key, json_string_value(value));
    json_array_foreach(value, i, item) printf("%-14s %s\n", key, json_string_value(item));
  }
}

/* "bulk           limit 5000/day": what a stream has of its own. */
static void print_streams(const struct account *a) {
  for (int k = 0; k < STREAM_COUNT; k++) {
    const struct limit_list *l = &a->settings.stream[k];
    const char *stream = stream_name((enum mail_stream)k);
    for (size_t i = 0; i < l->count; i++) printf("%-14s limit %s\n", stream, l->limits[i].text);
    if (*a->stream_pool[k]) printf("%-14s pool %s\n", stream, a->stream_pool[k]);
  }
}

/* Where the brake is; NULL: it cannot be read. */
static json_t *brake_of(struct cli *c, const struct settings_place *here) {
  struct reader *r;
  if (cli_reader(c, &r) != EXIT_DONE) return NULL;
  json_t *brake = account_brake_json(r, here->directory, here->account);
  reader_close(&r);
  return brake;
}

static void print_brake(const json_t *brake) {
  const char *since = json_string_value(json_object_get(brake, "since"));
  printf("%-14s %s%s%s\n", "brake step", json_string_value(json_object_get(brake, "step")), since ? ", since " : "",
         since ? since : "");
}

static void print_account(struct cli *c, const struct settings_place *here, json_t *more) {
  json_t *object = account_json(here->account), *brake = brake_of(c, here);
  if (object && brake) json_object_set(object, "brake", brake);
  if (c->json) {
    json_decref(brake);
    json_object_set_new(object, "modes", settings_modes_json(here));
    if (more) json_object_update(object, more);
    print_json(object);
    return;
  }
  print_fields(object);
  json_decref(object);
  print_streams(here->account);
  settings_print_modes(here);
  if (brake) print_brake(brake);
  json_decref(brake);
}

static enum exit_status show_one(struct cli *c, const char *name, json_t *more) {
  struct directory *d;
  if (cli_directory(c, &d) != EXIT_DONE) return EXIT_NO;
  const struct settings_place here = {.directory = d, .account = directory_account(d, bytes_of(name))};
  bool known = here.account != NULL;
  if (known) print_account(c, &here, more);
  directory_release(&d);
  return known ? EXIT_DONE : named_unknown(c, NAMED_ACCOUNT, name);
}

enum exit_status account_show(struct cli *c) {
  return show_one(c, c->arguments[0], NULL);
}

enum exit_status account_print_change(struct cli *c, const char *name, json_t *more) {
  enum exit_status s = show_one(c, name, more);
  json_decref(more);
  return s;
}

void account_print_made(struct cli *c, const char *name) {
  struct directory *d;
  struct buffer senders, limits;
  if (cli_directory(c, &d) != EXIT_DONE) return;
  const struct account *a = directory_account(d, bytes_of(name));
  if (a) {
    printf("\nIt may send as %s", joined(account_senders_json(a), ", ", &senders));
    const char *most = joined(account_limits_json(a), ", ", &limits);
    printf("; limits: %s.\n%sAll of it: sendoff account show %s\n", *most ? most : "none",
           a->sandbox ? "It is a sandbox: its mail never leaves.\n" : "", name);
    buffer_free(&senders);
    buffer_free(&limits);
  }
  directory_release(&d);
}
