#include "cli/import/import_accounts.h"

#include "cli/account/account_list_file.h"
#include "cli/input/confirm.h"
#include "cli/output/output.h"
#include "cli/output/table.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *const forms[] = {
    [PASSWORD_NONE] = "made", [PASSWORD_PLAIN] = "given", [PASSWORD_SCRAM] = "verifier"};

/* --- the file --- */

static enum exit_status read_file(const char *path, struct buffer *out) {
  bool is_input = strcmp(path, "-") == 0;
  int fd = is_input ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
  ssize_t n = fd < 0 ? -1 : 1;
  int rc = OK;
  while (n > 0 && (rc = buffer_reserve(out, 65536)) == OK) {
    n = read(fd, out->at + out->len, 65536);
    if (n > 0) out->len += (size_t)n;
    if (n < 0 && errno == EINTR) n = 1;
  }
  enum exit_status s = EXIT_DONE;
  if (n < 0) s = cli_fail(EXIT_NO, "%s: %s; name a CSV file, or - for standard input", path, strerror(errno));
  if (rc != OK) s = cli_fail(EXIT_NO, "%s: %s", path, rc == E_TOO_BIG ? "it is larger than 64 MB" : result_text(rc));
  if (fd >= 0 && !is_input) close(fd);
  return s;
}

/* --- what is said of it --- */

static const char *sandbox_of(const struct account_row *r) {
  return r->sandbox ? "on" : "off";
}

static void print_table(const struct account_list *l) {
  static const char *const titles[] = {"ACCOUNT", "SENDERS~", "LIMITS~", "POOL", "SANDBOX", "PASSWORD"};
  struct table *t = table_new(titles, 6);
  for (const struct account_row *r = l->rows; r; r = r->hh.next)
    table_add(t, (const char *const[]){r->name, r->senders, *r->limits ? r->limits : "-", r->pool, sandbox_of(r),
                                       forms[r->form]});
  table_print(&t);
}

static void print_rows_json(const struct account_list *l, bool done, bool with_passwords) {
  for (const struct account_row *r = l->rows; r; r = r->hh.next)
    print_json(json_pack("{s:s, s:I, s:o, s:o, s:s, s:s, s:s, s:o, s:b}", "account", r->name, "line",
                         (json_int_t)r->line, "senders", json_text(r->senders), "limits", json_text(r->limits), "pool",
                         r->pool, "sandbox", sandbox_of(r), "login", forms[r->form], "password",
                         with_passwords && *r->made ? json_string(r->made) : json_null(), "dry_run", !done));
}

/* --- the passwords that were made --- */

static int write_passwords(FILE *to, const struct account_list *l) {
  struct buffer line;
  buffer_init_secret(&line, 4096);
  int rc = fputs("name,password\n", to) < 0 ? E_IO : OK;
  for (const struct account_row *r = l->rows; rc == OK && r; r = r->hh.next) {
    if (!*r->made) continue;
    line.len = 0;
    rc = csv_add_field(&line, r->name);
    if (rc == OK) rc = buffer_addf(&line, ",%s\n", r->made);
    if (rc == OK && fwrite(line.at, 1, line.len, to) != line.len) rc = E_IO;
  }
  buffer_wipe_free(&line);
  return rc;
}

/* Written and synced before the accounts are there, so that none has a password that nobody knows. */
static enum exit_status save_passwords(const char *path, const struct account_list *l) {
  int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  FILE *f = fd < 0 ? NULL : fdopen(fd, "w");
  if (!f) {
    if (fd >= 0) close(fd);
    return cli_fail(EXIT_NO, "%s: %s", path, strerror(errno));
  }
  bool written = write_passwords(f, l) == OK && fflush(f) == 0 && fsync(fd) == 0;
  if (fclose(f) == 0 && written) return EXIT_DONE;
  enum exit_status s = cli_fail(EXIT_NO, "%s: %s", path, strerror(errno));
  unlink(path);
  return s;
}

static void print_done(struct cli *c, const struct account_list *l, const char *path) {
  if (c->json) {
    print_rows_json(l, true, !path);
    return;
  }
  printf("%zu account%s added", l->count, l->count == 1 ? "" : "s");
  if (!l->made) {
    puts(".");
  } else if (path) {
    printf("; the passwords of %lu are in %s.\n", l->made, path);
  } else {
    printf(". The passwords that were made, shown this once:\n\n");
    write_passwords(stdout, l);
  }
}

/* Nobody knows the passwords that were made and not shown. */
static enum exit_status say_done(struct cli *c, const struct account_list *l) {
  const char *path = cli_option(c, "passwords");
  print_done(c, l, path);
  if (path || !l->made || output_is_whole(NULL)) return EXIT_DONE;
  return cli_fail(EXIT_NO,
                  "%zu account%s added, but of the %lu passwords that were made not all could be printed; for another "
                  "one of each account: sendoff account password NAME",
                  l->count, l->count == 1 ? " is" : "s are", l->made);
}

/* --- doing it --- */

static enum exit_status add_all(struct cli *c, struct account_list *l) {
  const char *path = l->made ? cli_option(c, "passwords") : NULL;
  struct admin *a;
  struct reason why = {""};
  enum exit_status s = account_list_verifiers(l);
  if (s == EXIT_DONE && path) s = save_passwords(path, l);
  if (s != EXIT_DONE) return s;
  s = cli_admin(c, &a);
  if (s == EXIT_DONE) s = cli_admin_done(c, &a, account_list_add(a, l, &why), &why);
  if (s == EXIT_DONE) return say_done(c, l);
  if (path) unlink(path);
  return s;
}

static enum exit_status import_list(struct cli *c, struct account_list *l) {
  char question[80];
  if (l->bad)
    return cli_fail(EXIT_NO, "%zu line%s cannot be imported, so nothing is; correct the list, and try again", l->bad,
                    l->bad == 1 ? "" : "s");
  if (cli_switch(c, "dry-run")) {
    if (c->json)
      print_rows_json(l, false, false);
    else
      print_table(l);
    if (!c->json)
      printf("\n%zu account%s would be added; a password would be made for %lu.\n", l->count, l->count == 1 ? "" : "s",
             l->made);
    return EXIT_DONE;
  }
  if (!cli_switch(c, "yes") && !c->json) print_table(l);
  snprintf(question, sizeof question, "Add %zu account%s?", l->count, l->count == 1 ? "" : "s");
  enum exit_status s = confirm(c, question);
  return s == EXIT_DONE ? add_all(c, l) : s;
}

enum exit_status import_accounts(struct cli *c) {
  struct buffer text;
  struct account_list l = {0};
  buffer_init_secret(&text, ACCOUNT_LIST_MAX);
  enum exit_status s = read_file(c->arguments[0], &text);
  if (s == EXIT_DONE) s = account_list_read(c, buffer_bytes(&text), &l);
  if (s == EXIT_DONE) s = import_list(c, &l);
  account_list_free(&l);
  buffer_wipe_free(&text);
  return s;
}
