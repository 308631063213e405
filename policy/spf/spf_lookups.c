#include "policy/spf/spf_lookups.h"

#include "policy/spf/spf_questions.h"

#include <stdlib.h>
#include <string.h>

#define COUNTED_MAX (2 * SPF_LOOKUPS_MAX)

struct counting {
  struct spf_questions questions;
  struct spf_lookups *out;
};

static void count_record(struct counting *c, struct bytes record);

static void count_named(struct counting *c, struct bytes domain) {
  char name[SPF_TERM_MAX + 1];
  struct bytes record;
  if (c->out->count >= COUNTED_MAX) return;
  char *text = malloc(SPF_RECORD_MAX);
  int rc = E_MEMORY;
  if (text && bytes_find(domain, '%', 0) == domain.len && bytes_copy(domain, name, sizeof name))
    rc = spf_find_record(&c->questions, name, text, &record, NULL);
  if (rc == OK)
    count_record(c, record);
  else if (rc != E_NOT_FOUND && rc != E_SYNTAX)
    c->out->whole = false;
  free(text);
}

static bool asks_dns(enum spf_kind kind) {
  return kind == SPF_INCLUDE || kind == SPF_A || kind == SPF_MX || kind == SPF_PTR || kind == SPF_EXISTS;
}

/* Depth is bounded by the count: each include is one. */
static void count_record(struct counting *c, struct bytes record) {
  struct spf_terms *terms = malloc(sizeof *terms);
  if (!terms) {
    c->out->whole = false;
    return;
  }
  spf_terms_read(record, terms, NULL);
  for (size_t i = 0; i < terms->count; i++) {
    if (terms->mechanism[i].kind == SPF_ALL) break;
    if (!asks_dns(terms->mechanism[i].kind)) continue;
    c->out->count++;
    if (terms->mechanism[i].kind == SPF_INCLUDE) count_named(c, terms->mechanism[i].domain);
  }
  if (terms->redirect.domain.len) {
    c->out->count++;
    count_named(c, terms->redirect.domain);
  }
  free(terms);
}

void spf_lookups_count(const struct dns_source *dns, struct bytes record, uint64_t deadline_ms,
                       struct spf_lookups *out) {
  struct counting *c = calloc(1, sizeof *c);
  *out = (struct spf_lookups){.whole = c != NULL};
  if (!c) return;
  c->questions.dns = dns;
  c->questions.deadline_ms = deadline_ms;
  c->out = out;
  count_record(c, record);
  free(c);
}
