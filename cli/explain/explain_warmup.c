#include "cli/explain/explain_warmup.h"

#include "cli/delivery/source_warmups.h"

#include <stdio.h>

/* docs/warm-up.md: mail that goes to a host by a route is not counted. */
enum exit_status explain_warmup_read(struct cli *c, const struct explained *e, const struct expected *x, json_t **out) {
  *out = json_object();
  if (!*x->site || x->by_host) return EXIT_DONE;
  json_t *all = source_warmups(c, e->directory);
  if (!all) return EXIT_NO;
  for (size_t i = 0; i < e->source_count; i++)
    json_object_set_new(*out, e->sources[i].address, source_warmup_at(all, &e->sources[i], x->site, x->provider_known));
  json_decref(all);
  return EXIT_DONE;
}

static long long number(const json_t *of, const char *name) {
  return json_integer_value(json_object_get(of, name));
}

void explain_warmup_print(const json_t *all, const struct source *s) {
  const json_t *w = json_object_get(all, s->address);
  if (!json_is_object(w)) return;
  printf("    warm-up, ");
  print_safe(json_string_value(json_object_get(w, "provider")));
  if (json_is_true(json_object_get(w, "warm"))) {
    puts(": warm");
    return;
  }
  printf(": day %lld of %lld, %lld of %lld recipients used today, room for %lld now%s\n", number(w, "day"),
         number(w, "days"), number(w, "used"), number(w, "amount"), number(w, "room"),
         json_is_true(json_object_get(w, "held")) ? "; held back" : "");
}

json_t *explain_warmup_json(const json_t *all, const struct source *s) {
  json_t *w = json_object_get(all, s->address);
  return w ? json_incref(w) : json_null();
}
