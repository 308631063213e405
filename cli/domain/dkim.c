#include "base/clock.h"
#include "cli/command.h"
#include "cli/domain/dns_records.h"
#include "cli/domain/domain_keys.h"
#include "cli/domain/domain_name.h"
#include "cli/input/named.h"
#include "cli/output/listing.h"
#include "dkim/new_key.h"
#include "dkim/rotation.h"

#include <stdio.h>
#include <string.h>

/* --- list --- */

/* "2026-12-05": the table has no room for more, JSON has. */
static void date_text(int64_t us, char out[40]) {
  clock_format_minute(us, out, 40);
  out[10] = '\0';
}

/* What comes next, for people. */
static void next_text(const struct signing_key *k, char out[80]) {
  char when[40];
  switch (k->state) {
  case KEY_WAITING: snprintf(out, 80, "signs once in DNS"); return;
  case KEY_RETIRED: snprintf(out, 80, "its record can go"); return;
  case KEY_OLD:
    date_text(rotation_retires_us(k), when);
    if (k->left_us)
      snprintf(out, 80, "can go %s", when);
    else
      snprintf(out, 80, "while mail needs it");
    return;
  default: out[0] = '\0';
  }
}

static json_t *time_or_null(int64_t us) {
  return us ? json_time(us) : json_null();
}

static json_t *key_json(const struct signing_key *k) {
  bool leaves = k->state == KEY_OLD && k->left_us;
  return json_pack("{s:o, s:o, s:s, s:I, s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "domain", json_text(k->domain),
                   "selector", json_text(k->selector), "algorithm", key_algorithm_name(k->algorithm), "bits",
                   (json_int_t)key_bits(k->algorithm, k->public_base64), "state", key_state_name(k->state), "since",
                   json_time(k->state_us), "created", json_time(k->created_us), "replaces",
                   *k->replaces ? json_text(k->replaces) : json_null(), "checked", time_or_null(k->checked_us), "found",
                   *k->found ? json_text(k->found) : json_null(), "left", time_or_null(k->left_us), "retires",
                   leaves ? json_time(rotation_retires_us(k)) : json_null());
}

static void list_keys(struct listing *l, const struct domain *d) {
  for (size_t i = 0; i < d->key_count; i++) {
    const struct signing_key *k = &d->keys[i];
    char since[40], next[80];
    date_text(k->state_us, since);
    next_text(k, next);
    listing_add(l, key_json(k),
                (const char *const[]){k->domain, k->selector, key_algorithm_name(k->algorithm),
                                      key_state_name(k->state), since, next});
  }
}

static enum exit_status list(struct cli *c) {
  char name[DOMAIN_MAX + 1] = "";
  struct directory *d;
  if (c->argument_count && domain_name_read(c->arguments[0], name) != EXIT_DONE) return EXIT_USAGE;
  if (cli_directory(c, &d) != EXIT_DONE) return EXIT_NO;
  enum exit_status s = EXIT_DONE;
  if (*name && !directory_domain(d, name, false)) s = named_unknown(c, NAMED_DOMAIN, name);
  struct listing l;
  listing_begin(&l, c, (const char *const[]){"DOMAIN", "SELECTOR", "ALGORITHM", "STATE", "SINCE", "NEXT~"}, 6);
  for (size_t i = 0; i < d->domain_count; i++)
    if (!*name || strcmp(name, d->domains[i].name) == 0) list_keys(&l, &d->domains[i]);
  if (s == EXIT_DONE)
    l.empty = *name ? "that domain has no keys" : "no keys yet; add a domain: sendoff domain add DOMAIN";
  listing_end(&l);
  directory_release(&d);
  return s;
}

/* --- rotate --- */

static int add_successor(struct admin *a, const struct domain *d, const struct signing_key *before,
                         struct reason *why) {
  struct new_key k;
  int rc = new_key_make(&k, d, before->algorithm, 0, before, clock_now_us(), why);
  if (rc == OK) rc = admin_key_add(a, &k.key, buffer_bytes(&k.pem), why);
  new_key_clear(&k);
  return rc;
}

/* For each key that signs, unless it has a successor that waits already. */
static int add_successors(struct admin *a, const struct domain *d, size_t *active, struct reason *why) {
  int rc = OK;
  for (size_t i = *active = 0; rc == OK && i < d->key_count; i++) {
    if (d->keys[i].state != KEY_ACTIVE) continue;
    ++*active;
    if (!rotation_successor(d, &d->keys[i])) rc = add_successor(a, d, &d->keys[i], why);
  }
  return rc;
}

static int activate(struct admin *a, const struct domain *d, struct reason *why) {
  int rc = OK;
  for (size_t i = 0; rc == OK && i < d->key_count; i++)
    if (d->keys[i].state == KEY_WAITING)
      rc = admin_key_step(a, &d->keys[i], KEY_ACTIVE, "by command, whatever DNS has", why);
  return rc;
}

static const char rotated[] =
    "The next key of %s is made, and signs as soon as DNS has its record everywhere; `sendoff "
    "dkim list %s` shows how far it is. Publish:\n\n";
static const char forced[] = "The new key of %s signs from now on, whatever DNS has. Publish, if it is not there:\n\n";

static enum exit_status print_new(struct cli *c, const char *name, bool force) {
  struct directory *d;
  if (cli_directory(c, &d) != EXIT_DONE) return EXIT_NO;
  const struct domain *domain = directory_domain(d, name, false);
  if (!c->json) {
    if (force)
      printf(forced, name);
    else
      printf(rotated, name, name);
  }
  const enum key_state state = force ? KEY_ACTIVE : KEY_WAITING;
  enum exit_status s =
      domain ? dns_records_print(c, d, domain, c->json ? RECORDS_JSON : RECORDS_ZONE, &state) : EXIT_DONE;
  directory_release(&d);
  return s;
}

static int rotate_in(struct cli *c, struct admin *a, const struct domain *d, struct reason *why) {
  size_t active;
  int rc = add_successors(a, d, &active, why);
  if (rc == OK && !active)
    rc = fail(why, E_NOT_FOUND, "%s has no key that signs; see: sendoff dkim list %s", d->name, d->name);
  if (rc != OK || !cli_switch(c, "force")) return rc;
  struct directory *now;
  if (cli_directory(c, &now) != EXIT_DONE) return fail(why, E_IO, "the keys cannot be read");
  const struct domain *made = directory_domain(now, d->name, false);
  rc = made ? activate(a, made, why) : OK;
  directory_release(&now);
  return rc;
}

static enum exit_status rotate(struct cli *c) {
  char name[DOMAIN_MAX + 1];
  struct directory *d;
  struct admin *a;
  struct reason why = {""};
  if (domain_name_read(c->arguments[0], name) != EXIT_DONE) return EXIT_USAGE;
  if (cli_directory(c, &d) != EXIT_DONE) return EXIT_NO;
  const struct domain *domain = directory_domain(d, name, false);
  enum exit_status s = domain ? cli_admin(c, &a) : named_unknown(c, NAMED_DOMAIN, name);
  if (s == EXIT_DONE) s = cli_admin_done(c, &a, rotate_in(c, a, domain, &why), &why);
  directory_release(&d);
  return s == EXIT_DONE ? print_new(c, name, cli_switch(c, "force")) : s;
}

/* --- retire --- */

static size_t count_active(const struct domain *d) {
  size_t n = 0;
  for (size_t i = 0; i < d->key_count; i++) n += d->keys[i].state == KEY_ACTIVE;
  return n;
}

/* Why it must stay; "": it need not. */
static enum exit_status why_stay(struct cli *c, const struct domain *d, const struct signing_key *k,
                                 struct reason *out) {
  struct reader *r;
  bool waits = false;
  char when[40];
  out->text[0] = '\0';
  if (k->state == KEY_ACTIVE) {
    fail(out, E_DENIED, "%s signs the mail of %s; first let another sign: sendoff dkim rotate %s", k->selector, d->name,
         d->name);
    return EXIT_DONE;
  }
  if (k->state != KEY_OLD) return EXIT_DONE;
  if (cli_reader(c, &r) != EXIT_DONE) return EXIT_NO;
  int rc = reader_key_mail_waits(r, k->domain, k->selector, k->state_us + ROTATION_SLACK_US, &waits);
  reader_close(&r);
  if (rc != OK) return cli_fail(EXIT_NO, "the queue cannot be read: %s", result_text(rc));
  clock_format_minute(rotation_retires_us(k), when, sizeof when);
  if (waits)
    fail(out, E_DENIED,
         "mail that %s has signed is still queued; its record must stay until a week after that has left", k->selector);
  else if (clock_now_us() < rotation_retires_us(k))
    fail(out, E_DENIED, "receivers may still look at mail that %s has signed, until %s", k->selector, when);
  return EXIT_DONE;
}

/* A key that signs beside others gets old first; a last one never goes. */
static enum exit_status drop(struct cli *c, const struct domain *d, const struct signing_key *k) {
  struct admin *a;
  struct reason why = {""};
  if (cli_admin(c, &a) != EXIT_DONE) return EXIT_NO;
  int rc = admin_key_step(a, k, KEY_GONE, "by command", &why);
  enum exit_status s = cli_admin_done(c, &a, rc, &why);
  char name[KEY_NAME_MAX];
  if (s == EXIT_DONE && c->json)
    print_json(json_pack("{s:o, s:o, s:s}", "domain", json_text(k->domain), "selector", json_text(k->selector), "state",
                         "gone"));
  if (s != EXIT_DONE || c->json || key_record_name(k->selector, k->domain, d->delegation, name) != OK) return s;
  printf("%s is gone; its record %s can be taken out of DNS.\n", k->selector, name);
  return s;
}

static const struct signing_key *find_key(const struct domain *d, const char *selector) {
  for (size_t i = 0; i < d->key_count; i++)
    if (strcmp(d->keys[i].selector, selector) == 0) return &d->keys[i];
  return NULL;
}

static enum exit_status retire_in(struct cli *c, const struct directory *all, const char *name) {
  struct reason stay;
  const struct domain *d = directory_domain(all, name, false);
  const struct signing_key *k = d ? find_key(d, c->arguments[1]) : NULL;
  if (!d) return named_unknown(c, NAMED_DOMAIN, name);
  if (!k) return cli_fail(EXIT_NO, "%s has no key %s; see: sendoff dkim list %s", name, c->arguments[1], name);
  enum exit_status s = why_stay(c, d, k, &stay);
  if (s != EXIT_DONE) return s;
  bool last = k->state == KEY_ACTIVE && count_active(d) == 1;
  if (*stay.text && (last || !cli_switch(c, "force")))
    return cli_fail(EXIT_NO, "%s%s", stay.text, last ? "" : ". --force retires it all the same");
  return drop(c, d, k);
}

static enum exit_status retire(struct cli *c) {
  char name[DOMAIN_MAX + 1];
  struct directory *d;
  if (domain_name_read(c->arguments[0], name) != EXIT_DONE) return EXIT_USAGE;
  if (cli_directory(c, &d) != EXIT_DONE) return EXIT_NO;
  enum exit_status s = retire_in(c, d, name);
  directory_release(&d);
  return s;
}

/* --- import --- */

static enum exit_status import(struct cli *c) {
  char name[DOMAIN_MAX + 1];
  struct brought_key k;
  struct admin *a;
  struct directory *d;
  struct reason why = {""};
  if (domain_name_read(c->arguments[0], name) != EXIT_DONE) return EXIT_USAGE;
  enum exit_status s = brought_key_read(c->arguments[1], cli_option(c, "selector"), name, &k);
  if (s != EXIT_DONE) return s;
  s = cli_admin(c, &a);
  if (s == EXIT_DONE) s = cli_admin_done(c, &a, brought_key_add(a, name, &k, &why), &why);
  if (s == EXIT_DONE && !c->json) {
    printf("The key %s of %s signs from now on. Publish these records:\n\n", k.selector, name);
    key_length_note(k.algorithm, k.bits);
  }
  brought_key_free(&k);
  if (s != EXIT_DONE || cli_directory(c, &d) != EXIT_DONE) return s == EXIT_DONE ? EXIT_NO : s;
  const struct domain *domain = directory_domain(d, name, false);
  if (domain) s = dns_records_print(c, d, domain, c->json ? RECORDS_JSON : RECORDS_ZONE, NULL);
  directory_release(&d);
  return s;
}

const struct verb dkim_verbs[] = {
    {"dkim", "list", "[DOMAIN]",
     "The signing keys and their states. active: signs; waiting: is to sign once DNS has its record; old: signs no "
     "more, and its record stays for the mail that it has signed; retired: its record can go.",
     "sendoff dkim list example.com", 0, 1, list},
    {"dkim", "rotate", "DOMAIN [--force]",
     "Makes the next key, and prints the record to publish. The gateway looks until every name server of the domain "
     "has it, then signs with it; the old key's record must stay until `dkim list` says that it can go. --force: sign "
     "with it now, whatever DNS has.",
     "sendoff dkim rotate example.com", 1, 1, rotate},
    {"dkim", "retire", "DOMAIN SELECTOR [--force]",
     "Forgets a key: one that is retired, or one that waits and is not wanted any more. Refused while mail that it has "
     "signed may still be looked at. --force: all the same, but never the last key that signs.",
     "sendoff dkim retire example.com s202611r", 2, 2, retire},
    {"dkim", "import", "DOMAIN FILE --selector S",
     "One more key of a domain, made elsewhere: an RSA or Ed25519 private key in PEM without a passphrase. Prints the "
     "records to publish.",
     "sendoff dkim import example.com mail.private --selector mail", 2, 2, import},
    {0}};
