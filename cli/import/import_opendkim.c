#include "cli/import/import_opendkim.h"

#include "cli/domain/domain_keys.h"
#include "cli/import/opendkim_folder.h"
#include "cli/input/confirm.h"
#include "cli/output/output.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum action { IMPORTED, PRESENT, SKIPPED };

/* What becomes of an entry. */
struct row {
  struct opendkim_entry *entry;
  struct brought_key key; /* as far as it could be read */
  bool loaded;
  enum action action;
  struct reason text; /* why not, or what else is to be done; "" */
};

struct import {
  struct cli *cli;
  struct opendkim_folder *folder;
  struct directory *directory; /* as it was before */
  struct row *rows;
  size_t count;
};

static size_t count_of(const struct import *m, enum action action) {
  size_t n = 0;
  for (size_t i = 0; i < m->count; i++) n += m->rows[i].action == action;
  return n;
}

/* Skipped, or taken over in part. */
static size_t count_left_out(const struct import *m) {
  size_t n = 0;
  for (size_t i = 0; i < m->count; i++) n += *m->rows[i].text.text != '\0';
  return n;
}

/* --- what there is to do --- */

#define PEM_MAX ((size_t)64 * 1024)

/* A key that stands in the table: PKCS #8, or else PKCS #1. */
static int load_inline(struct row *r) {
  int rc = E_SYNTAX;
  for (int pkcs8 = 1; rc == E_SYNTAX && pkcs8 >= 0; pkcs8--) {
    struct buffer pem;
    buffer_init_secret(&pem, PEM_MAX);
    rc = opendkim_key_pem(r->entry->key, pkcs8, &pem);
    if (rc == OK) rc = brought_key_parse(buffer_bytes(&pem), &r->key, &r->text);
    buffer_wipe_free(&pem);
  }
  if (rc == OK) r->text.text[0] = '\0';
  return rc;
}

static int load(struct row *r) {
  int rc = r->entry->file ? brought_key_load(r->entry->file, &r->key, &r->text) : load_inline(r);
  if (rc != OK && !*r->text.text) fail(&r->text, rc, "%s", result_text(rc));
  r->loaded = rc == OK;
  snprintf(r->key.selector, sizeof r->key.selector, "%s", r->entry->selector);
  return rc;
}

/* A domain that is there stays as it is. */
static void compare(struct row *r, const struct domain *d) {
  if (r->entry->subdomains && !d->subdomains)
    fail(&r->text, E_EXISTS, "mail from its subdomains is not signed until: sendoff domain set %s --subdomains on",
         d->name);
  for (size_t i = 0; i < d->key_count; i++) {
    const struct signing_key *k = &d->keys[i];
    if (strcmp(k->selector, r->key.selector) != 0) continue;
    r->action = PRESENT;
    if (strcmp(k->public_base64, r->key.public_base64.at) == 0) return;
    r->action = SKIPPED;
    fail(&r->text, E_EXISTS, "%s has another key with this selector; see: sendoff dkim list %s", d->name, d->name);
  }
}

static void plan_row(const struct import *m, struct row *r, struct opendkim_entry *e) {
  r->entry = e;
  if (*e->left_out.text || load(r) != OK) {
    r->action = SKIPPED;
    if (*e->left_out.text) r->text = e->left_out;
    return;
  }
  const struct domain *d = directory_domain(m->directory, e->domain, false);
  if (d) compare(r, d);
}

static enum exit_status plan(struct import *m) {
  m->rows = calloc(m->folder->count, sizeof *m->rows);
  if (!m->rows) return cli_fail(EXIT_NO, "out of memory");
  m->count = m->folder->count;
  for (size_t i = 0; i < m->count; i++) plan_row(m, &m->rows[i], m->folder->entries[i]);
  return EXIT_DONE;
}

/* --- doing it --- */

/* A domain without a key would send unsigned mail in silence: one that is new comes with its first key or not at all.
 */
static int import_key(const struct import *m, struct admin *a, const struct row *r, struct reason *why) {
  const struct opendkim_entry *e = r->entry;
  struct reason ignored;
  bool was_there = directory_domain(m->directory, e->domain, false) != NULL;
  int rc = was_there ? E_EXISTS : admin_domain_add(a, e->domain, e->subdomains, why);
  bool is_new = rc == OK;
  if (rc == E_EXISTS) rc = OK; /* before, or with another key of it */
  if (rc == OK) rc = brought_key_add(a, e->domain, &r->key, why);
  if (rc != OK && is_new) admin_domain_remove(a, e->domain, &ignored);
  if (rc != OK || is_new || was_there || !e->subdomains) return rc;
  return admin_domain_set(a, DOMAIN_SUBDOMAINS, &(struct domain){.name = e->domain, .subdomains = true}, why);
}

/* What fails for one key is said of it. A store that cannot be written fails for all that follow, each after a wait, so
 * they are not tried. */
static enum exit_status import_all(struct import *m) {
  struct admin *a;
  struct reason why = {""};
  int rc = OK;
  if (cli_admin(m->cli, &a) != EXIT_DONE) return EXIT_NO;
  for (size_t i = 0; i < m->count; i++) {
    struct row *r = &m->rows[i];
    if (r->action != IMPORTED) continue;
    if (rc == OK || rc == E_EXISTS) rc = import_key(m, a, r, &why);
    if (rc == OK) continue;
    r->action = SKIPPED;
    fail(&r->text, rc, "%s", *why.text ? why.text : result_text(rc));
  }
  why.text[0] = '\0';
  return cli_admin_done(m->cli, &a, OK, &why);
}

/* --- what is said of it --- */

static json_t *known(const char *text) {
  return text && *text ? json_text(text) : json_null();
}

static void print_row_json(const struct row *r, bool dry_run) {
  static const char *const actions[] = {"imported", "present", "skipped"};
  const struct opendkim_entry *e = r->entry;
  print_json(json_pack("{s:o, s:o, s:o, s:o, s:o, s:s, s:o, s:b}", "domain", known(e->domain), "selector",
                       known(e->selector), "algorithm",
                       r->key.bits ? json_string(key_algorithm_name(r->key.algorithm)) : json_null(), "bits",
                       r->key.bits ? json_integer((json_int_t)r->key.bits) : json_null(), "file", known(e->file),
                       "action", actions[r->action], "text", json_text(r->text.text), "dry_run", dry_run));
}

static void print_row(const struct row *r, bool done) {
  static const char *const names[] = {"imported", "present", "skipped"};
  const struct opendkim_entry *e = r->entry;
  char line[2 * OPENDKIM_PATH], key[32] = "";
  if (r->loaded) snprintf(key, sizeof key, ", %s %u", r->key.algorithm == KEY_RSA ? "RSA" : "Ed25519", r->key.bits);
  const char *name = r->action == IMPORTED && !done ? "import" : names[r->action];
  const char *file = r->action != SKIPPED && e->file ? e->file : "";
  snprintf(line, sizeof line, "%-9s %s%s%s%s%s%s%s%s", name, e->selector, *e->selector ? " of " : "", e->domain, key,
           *file ? ", " : "", file, *e->domain && *r->text.text ? ": " : "", r->text.text);
  print_safe(line);
  putchar('\n');
}

static void print_rows(const struct import *m, bool done) {
  for (size_t i = 0; i < m->count; i++) {
    if (m->cli->json)
      print_row_json(&m->rows[i], !done);
    else
      print_row(&m->rows[i], done);
  }
}

static enum exit_status say_result(const struct import *m, bool done) {
  size_t imported = count_of(m, IMPORTED), left_out = count_left_out(m);
  if (!m->cli->json)
    printf("\n%zu key%s %s, %zu there already, %zu skipped.%s\n", imported, imported == 1 ? "" : "s",
           done ? "imported" : "to import", count_of(m, PRESENT), count_of(m, SKIPPED),
           done && imported ? " What DNS has of them: sendoff domain check" : "");
  if (!left_out) return EXIT_DONE;
  return cli_fail(EXIT_NO, "%zu of %zu lines %s left out, in whole or in part", left_out, m->count,
                  done ? "were" : "would be");
}

/* --- the command --- */

static enum exit_status ask(const struct import *m) {
  char question[80];
  size_t n = count_of(m, IMPORTED);
  if (cli_switch(m->cli, "yes")) return EXIT_DONE;
  if (!m->cli->json) print_rows(m, false);
  snprintf(question, sizeof question, "Import %zu key%s?", n, n == 1 ? "" : "s");
  return confirm(m->cli, question);
}

static enum exit_status run(struct import *m) {
  if (m->folder->settings.includes) cli_warn("%s includes other files, which are not read", m->folder->conf);
  enum exit_status s = plan(m);
  if (s != EXIT_DONE) return s;
  bool dry_run = cli_switch(m->cli, "dry-run");
  if (!dry_run && count_of(m, IMPORTED)) {
    if ((s = ask(m)) != EXIT_DONE || (s = import_all(m)) != EXIT_DONE) return s;
  }
  print_rows(m, !dry_run);
  return say_result(m, !dry_run);
}

enum exit_status import_opendkim(struct cli *c) {
  struct import m = {.cli = c};
  struct reason why = {""};
  if (cli_directory(c, &m.directory) != EXIT_DONE) return EXIT_NO;
  int rc = opendkim_folder_read(c->arguments[0], &m.folder, &why);
  enum exit_status s = rc == OK ? run(&m) : cli_failed(rc, &why);
  for (size_t i = 0; i < m.count; i++)
    if (m.rows[i].loaded) brought_key_free(&m.rows[i].key);
  free(m.rows);
  opendkim_folder_free(&m.folder);
  directory_release(&m.directory);
  return s;
}
