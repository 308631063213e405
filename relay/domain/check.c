#include "relay/domain/check.h"

#include "base/text/text.h"
#include "relay/domain/report_parts.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct check_entry *report_add(struct checking *c, enum record_kind kind, const char *name, const char *type) {
  struct check_report *out = c->out;
  out->cut |= out->count == CHECK_ENTRIES_MAX;
  struct check_entry *e = &out->entries[out->cut ? CHECK_ENTRIES_MAX - 1 : out->count++];
  *e = (struct check_entry){.kind = kind};
  snprintf(e->name, sizeof e->name, "%s", name);
  snprintf(e->type, sizeof e->type, "%s", type);
  return e;
}

void report_say(struct check_entry *e, enum found_state state, bool hurts, const char *format, ...) {
  va_list args;
  va_start(args, format);
  e->state = state;
  e->hurts = hurts;
  vsnprintf(e->text, sizeof e->text, format, args);
  va_end(args);
  text_clean(e->text, true); /* a stranger's record may be in it */
}

void report_add_text(struct check_entry *e, const char *format, ...) {
  size_t len = strlen(e->text);
  va_list args;
  va_start(args, format);
  if (len) len += (size_t)snprintf(e->text + len, sizeof e->text - len, "; ");
  if (len < sizeof e->text) vsnprintf(e->text + len, sizeof e->text - len, format, args);
  va_end(args);
  text_clean(e->text, true);
}

/* What is not known is not right, either. What is only worth having may be unknown. */
static bool is_right(const struct check_report *r) {
  bool right = true;
  for (size_t i = 0; i < r->count; i++) {
    const struct check_entry *e = &r->entries[i];
    bool needed = e->kind <= RECORD_PTR;
    right &= !e->hurts && (e->state != FOUND_UNKNOWN || !needed);
  }
  return right;
}

static void run(struct checking *c) {
  report_keys(c);
  report_spf(c);
  report_dmarc(c);
  report_return_path(c);
  report_names(c);
  report_mta_sts(c);
  report_tls_rpt(c);
  report_bimi(c);
  c->out->right = is_right(c->out);
}

int check_domain(const struct check_plan *plan, uint64_t deadline_ms, struct check_report *out) {
  memset(out, 0, sizeof *out);
  struct checking *c = calloc(1, sizeof *c);
  if (!c) return E_MEMORY;
  c->plan = plan;
  c->dns = plan->authority.dns;
  c->domain = plan->domain->name;
  c->deadline_ms = deadline_ms;
  c->authority = plan->authority;
  c->authority.memory = &c->memory;
  c->out = out;
  snprintf(out->domain, sizeof out->domain, "%s", c->domain);
  const struct records_plan wanted = {
      .directory = plan->directory, .domain = plan->domain, .dns = c->dns, .deadline_ms = deadline_ms};
  int rc = domain_records_make(&wanted, &c->records);
  if (rc == OK) run(c);
  domain_records_free(&c->records);
  free(c);
  return rc;
}
