#include "cli/delivery/source_remove.h"

#include "cli/input/confirm.h"
#include "cli/input/named.h"
#include "cli/output/name_list.h"
#include "cli/output/output.h"

#include <stdio.h>
#include <string.h>

struct affected {
  char pool[65];             /* that it leaves without a source; "": there are others */
  bool last;                 /* of all pools */
  struct name_list accounts; /* whose mail leaves from that pool */
  uint64_t messages;         /* that wait for it */
};

static bool leaves_from(const struct account *a, const char *pool) {
  for (int i = 0; i < STREAM_COUNT; i++)
    if (strcmp(account_pool(a, (enum mail_stream)i), pool) == 0) return true;
  return false;
}

static bool see_pool(void *arg, const struct queue_pool_row *row) {
  struct affected *a = arg;
  if (strcmp(row->pool, a->pool) == 0) a->messages = row->messages + row->spf_messages;
  return true;
}

static enum exit_status count_mail(struct cli *c, struct affected *out) {
  struct reader *r;
  static const struct queue_filter all = {.state = -1};
  if (cli_reader(c, &r) != EXIT_DONE) return EXIT_NO;
  int rc = reader_queue_pools(r, &all, "", see_pool, out); /* no pool is named "": each has its row */
  reader_close(&r);
  return rc == OK ? EXIT_DONE : cli_fail(EXIT_NO, "the queue cannot be read: %s", result_text(rc));
}

static const struct source *find(const struct directory *d, const char *address) {
  for (size_t i = 0; i < d->source_count; i++)
    if (strcmp(d->sources[i].address, address) == 0) return &d->sources[i];
  return NULL;
}

static enum exit_status find_affected(struct cli *c, const char *address, struct affected *out) {
  struct directory *d;
  size_t in_pool = 0;
  *out = (struct affected){0};
  if (cli_directory(c, &d) != EXIT_DONE) return EXIT_NO;
  const struct source *s = find(d, address);
  enum exit_status status = s ? EXIT_DONE : named_unknown(c, NAMED_SOURCE, address);
  if (s) directory_pool(d, s->pool, &in_pool);
  if (s && in_pool == 1) {
    snprintf(out->pool, sizeof out->pool, "%s", s->pool);
    out->last = d->source_count == 1;
    for (size_t i = 0; i < d->account_count; i++)
      if (leaves_from(&d->accounts[i], out->pool)) name_list_add(&out->accounts, d->accounts[i].name);
    status = count_mail(c, out);
  }
  directory_release(&d);
  return status;
}

static bool is_default(const struct affected *a) {
  return strcmp(a->pool, "default") == 0;
}

static void print_affected(const char *address, const struct affected *a) {
  char names[NAME_LIST_TEXT];
  printf("%s is the last source of the pool %s%s. ", address, a->pool, a->last ? ", and of all" : "");
  puts(is_default(a) ? "The system chooses the address of its mail then."
                     : "Its mail waits then until the pool has another one.");
  if (a->accounts.count) printf("Accounts that send from it: %s\n", name_list_text(&a->accounts, names));
  if (a->messages) printf("Messages of it in the queue: %llu\n", (unsigned long long)a->messages);
  fflush(stdout);
}

static void print_result(struct cli *c, const char *address, const struct affected *a) {
  if (c->json)
    print_json(json_pack("{s:s, s:b, s:o, s:I, s:I}", "address", address, "removed", 1, "empty_pool",
                         *a->pool ? json_text(a->pool) : json_null(), "accounts", (json_int_t)a->accounts.count,
                         "messages", (json_int_t)a->messages));
  else
    printf("source %s is removed\n", address);
}

enum exit_status source_remove(struct cli *c, const char *address) {
  struct affected affected;
  struct admin *a;
  struct reason why = {""};
  enum exit_status s = find_affected(c, address, &affected);
  if (s != EXIT_DONE) return s;
  if (*affected.pool && (affected.accounts.count || affected.messages) && !cli_switch(c, "yes")) {
    if (!c->json) print_affected(address, &affected);
    s = confirm(c, "remove the source?");
  }
  if (s == EXIT_DONE) s = cli_admin(c, &a);
  if (s == EXIT_DONE) s = cli_admin_done(c, &a, admin_source_remove(a, address, &why), &why);
  if (s == EXIT_DONE) print_result(c, address, &affected);
  return s;
}
