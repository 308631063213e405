#include "cli/account/account_list_file.h"

#include "cli/account/account_sandbox.h"
#include "relay/submission/auth/password.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A walk over the records of the text, and what the one that is read comes to. */
struct walk {
  struct bytes rest;
  struct csv_reader *csv;
  struct csv_record record;
  struct account_columns columns;
  struct cli cli;
  struct draft draft;
  char cells[ACCOUNT_CSV_CELL];
  const char *name, *password;
};

static long give_text(void *arg, char *out, size_t size) {
  struct bytes *rest = arg;
  size_t n = rest->len < size ? rest->len : size;
  memcpy(out, rest->at, n);
  *rest = bytes_from(*rest, n);
  return (long)n;
}

static void walk_free(struct walk **at) {
  struct walk *w = *at;
  *at = NULL;
  if (!w) return;
  csv_reader_free(&w->csv);
  wipe(w, sizeof *w);
  free(w);
}

/* To behind the header line. */
static int walk_new(struct bytes text, struct walk **out, struct reason *why) {
  struct walk *w = *out = calloc(1, sizeof *w);
  if (!w) return fail(why, E_MEMORY, "out of memory");
  w->rest = text;
  w->csv = csv_reader_new(give_text, &w->rest);
  int rc = w->csv ? csv_next(w->csv, &w->record, why) : fail(why, E_MEMORY, "out of memory");
  if (rc == 0) return fail(why, E_SYNTAX, "there is nothing in it; the first line names the columns");
  return rc == 1 ? account_columns_read(&w->record, &w->columns, why) : rc;
}

/* The record that csv_next has given, into the draft. EXIT_USAGE: the message has been printed. */
static enum exit_status read_record(struct walk *w) {
  struct reason why = {""};
  struct draft *d = &w->draft;
  wipe(d, sizeof *d);
  int rc = account_record_read(&w->record, &w->columns, &w->cli, w->cells, &w->name, &w->password, &why);
  if (rc != OK) return cli_fail(EXIT_USAGE, "%s", why.text);
  if (!cli_name_ok(w->name))
    return cli_fail(EXIT_USAGE, "%s is no name: 1 to 64 letters, digits and . _ @ + -",
                    *w->name ? w->name : "(nothing)");
  d->account.name = w->name;
  enum exit_status s = account_options_read(&w->cli, d);
  account_sandbox_add(&w->cli, d);
  if (s == EXIT_DONE && !d->account.sender_count)
    s = cli_fail(EXIT_USAGE, "it does not say who %s may send as (sender)", w->name);
  return s == EXIT_DONE ? account_check_rewrite(d, NULL) : s;
}

/* --- reading --- */

static char *join_senders(const struct account *a) {
  struct buffer out;
  buffer_init(&out, 64 * 1024);
  for (size_t i = 0; i < a->sender_count; i++) buffer_addf(&out, "%s%s", i ? " " : "", a->senders[i]);
  char *text = bytes_dup(buffer_bytes(&out));
  buffer_free(&out);
  return text;
}

static char *join_limits(const struct account *a) {
  struct buffer out;
  buffer_init(&out, 64 * 1024);
  for (size_t i = 0; i < a->settings.all.count; i++)
    buffer_addf(&out, "%s%s", i ? " " : "", a->settings.all.limits[i].text);
  char *text = bytes_dup(out.len ? buffer_bytes(&out) : BYTES(""));
  buffer_free(&out);
  return text;
}

static void free_row(struct account_row *r) {
  free(r->name);
  free(r->senders);
  free(r->limits);
  free(r->pool);
  wipe(r, sizeof *r);
  free(r);
}

static struct account_row *new_row(const struct walk *w) {
  struct account_row *r = calloc(1, sizeof *r);
  if (!r) return NULL;
  const struct account *a = &w->draft.account;
  r->name = strdup(w->name);
  r->line = w->record.line;
  r->senders = join_senders(a);
  r->limits = join_limits(a);
  r->pool = strdup(a->pool ? a->pool : "default");
  r->sandbox = a->sandbox;
  if (r->name && r->senders && r->limits && r->pool) return r;
  free_row(r);
  return NULL;
}

/* EXIT_USAGE: the line is bad. EXIT_NO: nothing can go on. */
static enum exit_status take_row(struct walk *w, const struct directory *there, struct account_list *out) {
  struct reason why = {""};
  struct account_row *before = NULL;
  const char *plain;
  enum exit_status s = read_record(w);
  if (s != EXIT_DONE) return EXIT_USAGE;
  HASH_FIND_STR(out->rows, w->name, before);
  if (before) return cli_fail(EXIT_USAGE, "%s is in line %llu already", w->name, (unsigned long long)before->line);
  if (directory_account(there, bytes_of(w->name)))
    return cli_fail(EXIT_USAGE, "account %s exists already; change it with: sendoff account set %s", w->name, w->name);
  if (out->count == ACCOUNT_LIST_ROWS) return cli_fail(EXIT_NO, "%d accounts at most", ACCOUNT_LIST_ROWS);
  struct account_row *r = new_row(w);
  if (!r) return cli_fail(EXIT_NO, "out of memory");
  if (account_password_read(w->password, &r->form, &plain, &r->verifier, &why) != OK) {
    free_row(r);
    return cli_fail(EXIT_USAGE, "%s", why.text);
  }
  HASH_ADD_KEYPTR(hh, out->rows, r->name, strlen(r->name), r);
  if (!r->hh.tbl) {
    free_row(r);
    return cli_fail(EXIT_NO, "out of memory");
  }
  out->count++;
  out->made += r->form == PASSWORD_NONE;
  return EXIT_DONE;
}

/* One complaint a line; the file may have a fault in every one. */
static enum exit_status take_record(struct walk *w, const struct directory *there, int rc, const struct reason *why,
                                    struct account_list *out) {
  char where[40];
  snprintf(where, sizeof where, "line %llu", (unsigned long long)w->record.line);
  cli_about(where);
  enum exit_status s = rc == E_SYNTAX ? cli_fail(EXIT_USAGE, "%s", why->text) : take_row(w, there, out);
  cli_about(NULL);
  if (s != EXIT_USAGE) return s;
  if (++out->bad < ACCOUNT_LIST_COMPLAINTS) return EXIT_DONE;
  return cli_fail(EXIT_NO, "bad lines: %zu; the rest is not read", out->bad);
}

static enum exit_status take_all(struct walk *w, const struct directory *there, struct account_list *out) {
  struct reason why = {""};
  enum exit_status s = EXIT_DONE;
  int rc;
  while (s == EXIT_DONE && (rc = csv_next(w->csv, &w->record, &why)) != 0) {
    if (rc != 1 && rc != E_SYNTAX) return cli_failed(rc, &why);
    s = take_record(w, there, rc, &why, out);
  }
  return s;
}

enum exit_status account_list_read(struct cli *c, struct bytes text, struct account_list *out) {
  struct walk *w;
  struct directory *there;
  struct reason why = {""};
  *out = (struct account_list){.text = text};
  if (cli_directory(c, &there) != EXIT_DONE) return EXIT_NO;
  int rc = walk_new(text, &w, &why);
  enum exit_status s = rc == OK ? take_all(w, there, out) : cli_failed(rc, &why);
  walk_free(&w);
  directory_release(&there);
  if (s == EXIT_DONE && !out->count && !out->bad) return cli_fail(EXIT_NO, "there is no account in it");
  return s;
}

void account_list_free(struct account_list *l) {
  struct account_row *r, *next;
  HASH_ITER(hh, l->rows, r, next) {
    HASH_DEL(l->rows, r);
    free_row(r);
  }
}

/* --- writing --- */

static enum exit_status make_verifier(struct account_row *r, const char *password) {
  unsigned iterations = PASSWORD_ITERATIONS_GENERATED;
  struct reason why = {""};
  const char *plain = r->made;
  if (r->form == PASSWORD_SCRAM) return EXIT_DONE;
  if (r->form == PASSWORD_NONE) account_password_make(r->made);
  if (r->form == PASSWORD_PLAIN) {
    iterations = PASSWORD_ITERATIONS_CHOSEN;
    account_password_read(password, &r->form, &plain, &r->verifier, &why);
  }
  if (password_verifier(bytes_of(plain), iterations, &r->verifier) == OK) return EXIT_DONE;
  return cli_fail(EXIT_NO, "line %llu: the password holds characters that passwords may not (RFC 4013)",
                  (unsigned long long)r->line);
}

/* The passwords are read once more, so that none of them is kept meanwhile. */
enum exit_status account_list_verifiers(struct account_list *l) {
  struct walk *w;
  struct reason why = {""};
  int rc = walk_new(l->text, &w, &why);
  enum exit_status s = rc == OK ? EXIT_DONE : cli_failed(rc, &why);
  for (struct account_row *r = l->rows; s == EXIT_DONE && r; r = r->hh.next) {
    rc = csv_next(w->csv, &w->record, &why);
    if (rc == 1)
      rc = account_record_read(&w->record, &w->columns, &w->cli, w->cells, &w->name, &w->password, &why) == OK;
    s = rc == 1 ? make_verifier(r, w->password) : cli_failed(rc, &why);
  }
  walk_free(&w);
  return s;
}

struct adding {
  struct walk *walk;
  struct account_row *row;
};

static int next_account(void *arg, struct account *out, struct reason *why) {
  struct adding *x = arg;
  if (!x->row) return 0;
  int rc = csv_next(x->walk->csv, &x->walk->record, why);
  if (rc != 1) return rc;
  if (read_record(x->walk) != EXIT_DONE) return fail(why, E_SYNTAX, "the list cannot be read again");
  *out = x->walk->draft.account;
  out->verifier = x->row->verifier;
  x->row = x->row->hh.next;
  return 1;
}

int account_list_add(struct admin *a, struct account_list *l, struct reason *why) {
  struct adding x = {.row = l->rows};
  int rc = walk_new(l->text, &x.walk, why);
  if (rc == OK) rc = admin_account_add_all(a, next_account, &x, why);
  walk_free(&x.walk);
  return rc;
}
