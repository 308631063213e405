#include "cli/backup/backup_parts.h"

#include <stdio.h>

json_t *backup_counts_json(const struct backup_counts *n) {
  return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "accounts", (json_int_t)n->accounts, "domains",
                   (json_int_t)n->domains, "keys", (json_int_t)n->keys, "sources", (json_int_t)n->sources, "routes",
                   (json_int_t)n->routes, "messages", (json_int_t)n->messages, "recipients", (json_int_t)n->recipients,
                   "events", (json_int_t)n->events);
}

void backup_counts_print(FILE *to, const struct backup_counts *n) {
  fprintf(to,
          "  accounts %llu, domains %llu with %llu keys, sources %llu, routes %llu\n"
          "  queue    %llu messages to %llu recipients\n  log      %llu events\n",
          (unsigned long long)n->accounts, (unsigned long long)n->domains, (unsigned long long)n->keys,
          (unsigned long long)n->sources, (unsigned long long)n->routes, (unsigned long long)n->messages,
          (unsigned long long)n->recipients, (unsigned long long)n->events);
}

static void give(void (*each)(void *arg, const char *path), void *arg, const char *path) {
  if (path) each(arg, path);
}

void backup_named_files(const struct config *c, void (*each)(void *arg, const char *path), void *arg) {
  for (size_t i = 0; i < c->certificate_count; i++) {
    give(each, arg, c->certificates[i].certificate);
    give(each, arg, c->certificates[i].key);
  }
  for (size_t i = 0; i < c->dns_update_count; i++) give(each, arg, c->dns_updates[i].key_file);
  const char *const others[] = {c->dns_hook, c->shaping, c->trust_anchor, c->https_trust, c->trust};
  for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) give(each, arg, others[i]);
}
