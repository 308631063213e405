#include "base/address/cidr.h"
#include "relay/domain/domain_sources.h"
#include "relay/domain/report_parts.h"
#include "relay/domain/txt.h"

#include <arpa/nameser.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The sources that mail leaves from now, and what SPF says of each. */
static void ask_sources(struct checking *c) {
  const struct source *all[DOMAIN_SOURCES_MAX];
  const struct spf_verdict *verdicts[SOURCES_MAX];
  struct check_report *out = c->out;
  struct source_rank rank;
  char path[DOMAIN_MAX + 16];
  size_t count = domain_sources(c->plan->directory, c->domain, all);
  snprintf(path, sizeof path, "postmaster@%s", c->domain);
  out->best = (struct spf_verdict){.result = SPF_NONE, .why = "there is no source: sendoff source add"};
  for (size_t i = 0; i < count && out->source_count < SOURCES_MAX; i++) {
    if (!source_may_be_used(all[i])) continue;
    struct spf_verdict *v = &out->spf[out->source_count];
    spf_check_until(c->dns, source_public(all[i]), path, all[i]->helo, c->deadline_ms, v);
    verdicts[out->source_count++] = v;
  }
  out->cut |= count > SOURCES_MAX;
  if (!out->source_count) return;
  source_rank(verdicts, out->source_count, out->source_count, &rank);
  out->best = rank.best;
}

/* What is right. */
struct wanted_spf {
  const char *expected;
  const char *addresses[DOMAIN_SOURCES_MAX];
  size_t count;
};

/* Another record will do, too, if it names every address: it may be newer than the one that the resolver has. */
static bool lets_send(const struct wanted_spf *w, const char *text) {
  struct bytes record = bytes_of(text);
  struct spf_merge *merge = malloc(sizeof *merge);
  if (!merge) return false;
  spf_merge(&record, 1, w->addresses, w->count, merge);
  bool does = merge->state == SPF_MERGE_SAME;
  free(merge);
  return does;
}

static enum match match_spf(void *arg, const struct dns_answer *answer, char found[CHECK_VALUE]) {
  const struct wanted_spf *w = arg;
  struct txt_list list;
  txt_read(answer, spf_is_record, &list);
  txt_show(&list, found, CHECK_VALUE);
  bool right = list.count == 1 && (strcmp(list.texts[0], w->expected) == 0 || lets_send(w, list.texts[0]));
  txt_free(&list);
  return right ? MATCH_RIGHT : list.count ? MATCH_WRONG : MATCH_ABSENT;
}

static const struct domain_record *expected_record(const struct checking *c) {
  for (size_t i = 0; i < c->records.count; i++)
    if (c->records.list[i].kind == RECORD_SPF) return &c->records.list[i];
  return NULL;
}

static void say_difference(struct checking *c, struct check_entry *e) {
  const struct spf_merge *merge = &c->records.spf;
  if (e->state != FOUND_WRONG && e->state != FOUND_MISSING) return;
  if (merge->state == SPF_MERGE_ADDED_TO) report_say(e, FOUND_WRONG, true, "the record lacks %.300s", merge->added);
  if (merge->state == SPF_MERGE_SEVERAL || merge->state == SPF_MERGE_BROKEN)
    report_say(e, FOUND_WRONG, true, "%.600s", merge->note);
  if (e->state == FOUND_MISSING) report_say(e, FOUND_MISSING, true, "%.200s publishes no SPF record", c->domain);
}

/* A record that is as it should be may still fail a source: by what it includes, or by its lookups. */
static void say_sources(struct checking *c, struct check_entry *e) {
  for (size_t i = 0; i < c->out->source_count && e->state == FOUND_RIGHT; i++) {
    const struct spf_verdict *v = &c->out->spf[i];
    if (v->result == SPF_PASS) continue;
    bool unknown = v->result == SPF_TEMPERROR;
    report_say(e, unknown ? FOUND_UNKNOWN : FOUND_WRONG, !unknown, "source %s gets %s: %.250s", v->source,
               spf_result_name(v->result), v->why);
  }
  if (e->state == FOUND_RIGHT) report_say(e, FOUND_RIGHT, false, "it lets every source send");
}

void report_spf(struct checking *c) {
  const struct domain_record *r = expected_record(c);
  ask_sources(c);
  struct check_entry *e = report_add(c, RECORD_SPF, c->domain, "TXT");
  if (!r) {
    report_say(e, FOUND_UNKNOWN, true, "there is no source that mail could leave from: sendoff source add");
    return;
  }
  struct wanted_spf w = {.expected = r->value};
  const struct source *all[DOMAIN_SOURCES_MAX];
  size_t count = domain_sources(c->plan->directory, c->domain, all);
  while (w.count < count) {
    w.addresses[w.count] = source_public(all[w.count]);
    w.count++;
  }
  snprintf(e->expected, sizeof e->expected, "%s", r->value);
  report_published(c, e, ns_t_txt, match_spf, &w);
  say_difference(c, e);
  say_sources(c, e);
  if (*c->records.spf.note && !strstr(e->text, c->records.spf.note)) report_add_text(e, "%.350s", c->records.spf.note);
}
