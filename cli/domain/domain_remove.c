#include "cli/domain/domain_remove.h"

#include "base/clock.h"
#include "cli/domain/domain_name.h"
#include "cli/input/confirm.h"
#include "cli/input/named.h"
#include "cli/output/name_list.h"
#include "cli/output/output.h"

#include <stdio.h>
#include <string.h>

struct affected {
  struct name_list accounts; /* that may send from it, and whose mail it signs */
  bool mail_waits;           /* mail that it has signed is in the queue */
};

/* Does the domain sign mail from there? */
static bool signs(const struct directory *d, const struct domain *domain, const char *pattern) {
  const char *at = strrchr(pattern, '@'), *name = at ? at + 1 : pattern;
  if (strcmp(name, "*") == 0) return true;
  if (strncmp(name, "*.", 2) == 0) name += 2;
  return directory_domain(d, name, true) == domain;
}

static void add_account(const struct directory *d, const struct domain *domain, const struct account *a,
                        struct affected *out) {
  for (size_t i = 0; i < a->sender_count; i++)
    if (signs(d, domain, a->senders[i])) {
      name_list_add(&out->accounts, a->name);
      return;
    }
}

static int find_mail(struct reader *r, const struct domain *domain, bool *waits) {
  int rc = OK;
  *waits = false;
  for (size_t i = 0; rc == OK && !*waits && i < domain->key_count; i++)
    rc = reader_key_mail_waits(r, domain->name, domain->keys[i].selector, clock_now_us(), waits);
  return rc;
}

static enum exit_status find_affected(struct cli *c, const char *name, struct affected *out) {
  struct directory *d;
  struct reader *r;
  *out = (struct affected){0};
  if (cli_directory(c, &d) != EXIT_DONE) return EXIT_NO;
  const struct domain *domain = directory_domain(d, name, false);
  enum exit_status s = domain ? cli_reader(c, &r) : named_unknown(c, NAMED_DOMAIN, name);
  if (s == EXIT_DONE) {
    for (size_t i = 0; i < d->account_count; i++) add_account(d, domain, &d->accounts[i], out);
    int rc = find_mail(r, domain, &out->mail_waits);
    reader_close(&r);
    if (rc != OK) s = cli_fail(EXIT_NO, "the queue cannot be read: %s", result_text(rc));
  }
  directory_release(&d);
  return s;
}

static void print_affected(const char *name, const struct affected *a) {
  char names[NAME_LIST_TEXT];
  if (a->accounts.count)
    printf("Without %s, mail from it is not signed any more; these accounts may send it: %s\n", name,
           name_list_text(&a->accounts, names));
  if (a->mail_waits)
    printf("Mail that its keys have signed waits in the queue: keep their records in DNS until it has left.\n");
  fflush(stdout);
}

static json_t *names_json(const struct name_list *l) {
  json_t *all = json_array();
  for (size_t i = 0; i < l->count && i < NAME_LIST_MAX; i++) json_array_append_new(all, json_text(l->names[i]));
  return all;
}

static void print_result(struct cli *c, const char *name, const struct affected *a) {
  if (c->json)
    print_json(json_pack("{s:s, s:b, s:o, s:b}", "domain", name, "removed", 1, "accounts", names_json(&a->accounts),
                         "signed_mail_waits", (int)a->mail_waits));
  else
    printf("domain %s is removed, with its keys\n", name);
}

enum exit_status domain_remove(struct cli *c) {
  char name[DOMAIN_MAX + 1];
  struct affected affected;
  struct admin *a;
  struct reason why = {""};
  if (domain_name_read(c->arguments[0], name) != EXIT_DONE) return EXIT_USAGE;
  enum exit_status s = find_affected(c, name, &affected);
  if (s != EXIT_DONE) return s;
  if ((affected.accounts.count || affected.mail_waits) && !cli_switch(c, "yes")) {
    if (!c->json) print_affected(name, &affected);
    s = confirm(c, "remove the domain?");
  }
  if (s == EXIT_DONE) s = cli_admin(c, &a);
  if (s == EXIT_DONE) s = cli_admin_done(c, &a, admin_domain_remove(a, name, &why), &why);
  if (s == EXIT_DONE) print_result(c, name, &affected);
  return s;
}
