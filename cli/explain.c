#include "cli/explain_expected.h"
#include "cli/explain_facts.h"
#include "cli/explain_tls.h"
#include "cli/explain_warmup.h"
#include "cli/output.h"
#include "policy/source_use.h"

#include "base/clock.h"
#include "base/id.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DETAIL_TEXT 1024
#define HISTORY_US (7 * 86400 * SECOND_US)
#define DELAYS_MAX 1000

/* --- what the far side has said lately --- */

struct history {
  size_t delivered, deferred, bounced, delay_count;
  int64_t delays_us[DELAYS_MAX];
};

static bool take_event(void *arg, const struct event *e) {
  struct history *h = arg;
  h->delivered += e->kind == EVENT_DELIVERED;
  h->deferred += e->kind == EVENT_DEFERRED;
  h->bounced += e->kind == EVENT_BOUNCED;
  if (e->kind == EVENT_DELIVERED && h->delay_count < DELAYS_MAX)
    h->delays_us[h->delay_count++] = id_time_us(e->id) - id_time_us(e->message_id);
  return true;
}

static int by_time(const void *a, const void *b) {
  int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
  return (x > y) - (x < y);
}

static int64_t usual_delay_us(struct history *h) {
  if (!h->delay_count) return 0;
  qsort(h->delays_us, h->delay_count, sizeof h->delays_us[0], by_time);
  return h->delays_us[h->delay_count / 2];
}

static enum exit_status read_history(struct cli *c, const char *domain, struct history *h) {
  struct reader *r;
  char to[DOMAIN_MAX + 4];
  snprintf(to, sizeof to, "*@%s", domain);
  struct log_filter f = {.to = to, .kind = -1, .since_us = clock_now_us() - HISTORY_US, .limit = 5000};
  if (cli_reader(c, &r) != EXIT_DONE) return EXIT_NO;
  int rc = reader_log(r, &f, take_event, h);
  reader_close(&r);
  return rc == OK ? EXIT_DONE : cli_fail(EXIT_NO, "the log cannot be read: %s", result_text(rc));
}

/* --- texts --- */

static const char *outcome_text(const struct finding *found) {
  switch (found->outcome) {
  case OUTCOME_OFF: return "off";
  case OUTCOME_PASS: return "pass";
  case OUTCOME_DROP: return found->mode == CHECK_ENFORCE ? "drop" : "would drop";
  case OUTCOME_REFUSE: return found->mode == CHECK_ENFORCE ? "REFUSE" : "would refuse";
  case OUTCOME_SLOW: return found->mode == CHECK_ENFORCE ? "slow" : "would slow";
  case OUTCOME_HOLD: return found->mode == CHECK_ENFORCE ? "hold" : "would hold";
  default: return "later";
  }
}

/* When a check lets it leave: of a smoothed limit and of the brake. 0: as far as they are concerned, at once. */
static int64_t leaves_us(const struct explained *e, const struct finding *found) {
  if (strcmp(found->check->name, "limits") == 0 && found->outcome == OUTCOME_PASS) return found->limit.not_before_us;
  if (found->outcome != OUTCOME_SLOW || found->mode != CHECK_ENFORCE) return 0;
  struct brake copy = e->brake; /* nothing is counted */
  return brake_slow(&copy, e->facts.now_us, 1);
}

static void put_off_text(const struct explained *e, const struct finding *found, char *out, size_t size) {
  char when[40], span[40];
  int64_t us = leaves_us(e, found);
  clock_format_minute(us, when, sizeof when);
  clock_format_span(us - e->facts.now_us, span, sizeof span);
  if (found->outcome == OUTCOME_PASS)
    snprintf(out, size, "leaves %s (in %s), at %s", when, span, found->limit.rule->text);
  else if (us > e->facts.now_us)
    snprintf(out, size, "leaves %s (in %s), slowed by the brake; see: sendoff account review %s", when, span,
             e->facts.account_name);
  else
    snprintf(out, size, "slowed by the brake; see: sendoff account review %s", e->facts.account_name);
}

/* What a check has to say, also when it passes: its numbers, what it rests on. */
static void detail(const struct explained *e, const struct finding *found, char out[DETAIL_TEXT]) {
  const size_t size = DETAIL_TEXT;
  const char *name = found->check->name;
  struct refusal r = {0};
  out[0] = '\0';
  if (found->outcome == OUTCOME_REFUSE || found->outcome == OUTCOME_DROP) {
    policy_word(&e->facts, found, &r);
    snprintf(out, size, "%d %s %s", r.code, r.enhanced, r.text);
  } else if (found->outcome == OUTCOME_SLOW || leaves_us(e, found)) {
    put_off_text(e, found, out, size);
  } else if (found->outcome == OUTCOME_HOLD) {
    snprintf(out, size, "new mail is held; see: sendoff account review %s", e->facts.account_name);
  } else if (found->outcome == OUTCOME_UNKNOWN) {
    snprintf(out, size, "known when the message comes");
  } else if (found->outcome == OUTCOME_PASS && strcmp(name, "spf") == 0) {
    snprintf(out, size, "%s: %s", spf_result_name(e->rank.best.result), e->rank.best.why);
  } else if (found->outcome == OUTCOME_PASS && strcmp(name, "dmarc") == 0) {
    snprintf(out, size, "%s: %s", dmarc_result_name(e->dmarc.now.result), e->dmarc.why);
  }
}

static const char *mode_text(const struct finding *found) {
  return found->check->fixed ? "always" : check_mode_name(found->mode);
}

/* The first that refuses, in order; NULL: it is taken. */
static const struct finding *cause(const struct finding *found) {
  for (size_t i = 0; i < policy_check_count; i++)
    if (found[i].outcome == OUTCOME_REFUSE && found[i].mode == CHECK_ENFORCE) return &found[i];
  return NULL;
}

/* --- for scripts --- */

static json_t *checks_json(const struct explained *e, const struct finding *found) {
  json_t *list = json_array();
  for (size_t i = 0; i < policy_check_count; i++) {
    char text[DETAIL_TEXT];
    detail(e, &found[i], text);
    json_array_append_new(list,
                          json_pack("{s:s, s:s, s:s, s:o}", "check", found[i].check->name, "mode", mode_text(&found[i]),
                                    "result", outcome_text(&found[i]), "text", json_text(text)));
  }
  return list;
}

static json_t *limits_json(const struct explained *e) {
  json_t *list = json_array();
  for (size_t i = 0; i < e->facts.scope_count; i++)
    for (size_t k = 0; k < e->scopes[i].limit_count; k++) {
      const struct limit *l = &e->scopes[i].limits[k];
      json_array_append_new(list,
                            json_pack("{s:s, s:s, s:I, s:I}", "of", usage_scope_label(&e->scopes[i]), "limit", l->text,
                                      "used", (json_int_t)limit_used(l, &e->usages[i]), "count", (json_int_t)l->count));
    }
  return list;
}

static json_t *sources_json(const struct explained *e, const json_t *warmups) {
  json_t *list = json_array();
  for (size_t i = 0; i < e->source_count; i++)
    json_array_append_new(
        list, json_pack("{s:s, s:s, s:b, s:o}", "source", e->sources[i].address, "spf",
                        spf_result_name(e->spf[i].result), "first",
                        source_may_be_used(&e->sources[i]) &&
                            (!*e->rank.preferred || source_listed(e->rank.preferred, source_public(&e->sources[i]))),
                        "warmup", explain_warmup_json(warmups, &e->sources[i])));
  return list;
}

static json_t *signatures_json(const struct explained *e) {
  json_t *list = json_array();
  for (size_t i = 0; i < e->key_count; i++)
    json_array_append_new(list,
                          json_pack("{s:s, s:s, s:s}", "domain", e->signing_domain->name, "selector",
                                    e->keys[i]->selector, "published", published_key_name(e->published[i].state)));
  return list;
}

static json_t *route_json(const struct explained *e) {
  char text[STATIC_ROUTE_TEXT];
  const struct static_route *r = e->route;
  if (!r) return json_null();
  return json_pack(
      "{s:s, s:o, s:o, s:s, s:s, s:b, s:o}", "to", r->to, "account", *r->account ? json_text(r->account) : json_null(),
      "sender", *r->sender ? json_text(r->sender) : json_null(), "next_hop", static_route_text(r, text), "tls",
      route_tls_name(r->tls), "implicit_tls", r->implicit_tls, "user", *r->user ? json_text(r->user) : json_null());
}

/* By the policy, as far as it says anything. */
static bool is_named(const struct explained *e, const char *host) {
  const struct sts_policy *p = e->sts.policy;
  return !p || p->mode == STS_MODE_NONE || sts_policy_names(p, host);
}

static json_t *hops_json(const struct explained *e, const struct expected *x) {
  json_t *list = json_array();
  for (size_t i = 0; i < e->mx.count; i++)
    json_array_append_new(list,
                          json_pack("{s:o, s:i, s:i, s:b, s:o}", "host", json_text(e->mx.hosts[i].name), "port",
                                    (int)explained_port(e), "preference", (int)e->mx.hosts[i].preference, "mta_sts",
                                    is_named(e, e->mx.hosts[i].name), "tls", explain_tls_json(e, i, x->table_tls)));
  return list;
}

static void print_explained_json(const struct explained *e, const struct finding *found, struct history *h,
                                 const struct expected *x, const json_t *warmups) {
  print_json(json_pack(
      "{s:b, s:o, s:o, s:s, s:s, s:o, s:o, s:s, s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:{s:I, s:I, s:I, s:I}}",
      "accepted", !cause(found), "checks", checks_json(e, found), "limits", limits_json(e), "stream",
      stream_name(e->facts.stream), "pool", e->pool, "sources", sources_json(e, warmups), "signatures",
      signatures_json(e), "spf", spf_result_name(e->rank.best.result), "dmarc", dmarc_result_name(e->dmarc.now.result),
      "dmarc_text", json_text(e->dmarc.why), "route", route_json(e), "mta_sts", explain_tls_policy_json(e), "next_hops",
      hops_json(e, x), "requiretls", explain_tls_required_json(e), "site", *x->site ? json_text(x->site) : json_null(),
      "expected", expected_json(x), "history", "delivered", (json_int_t)h->delivered, "deferred",
      (json_int_t)h->deferred, "bounced", (json_int_t)h->bounced, "usual_delay_ms",
      (json_int_t)(usual_delay_us(h) / 1000)));
}

/* --- for people --- */

static void print_checks(const struct explained *e, const struct finding *found) {
  for (size_t i = 0; i < policy_check_count; i++) {
    char text[DETAIL_TEXT];
    detail(e, &found[i], text);
    printf("  %-15s %-8s %-12s ", found[i].check->name, mode_text(&found[i]), outcome_text(&found[i]));
    print_safe(text);
    putchar('\n');
  }
}

static void print_limits(const struct explained *e) {
  bool any = false;
  for (size_t i = 0; i < e->facts.scope_count; i++)
    for (size_t k = 0; k < e->scopes[i].limit_count; k++) {
      const struct limit *l = &e->scopes[i].limits[k];
      char used[32];
      limit_quantity(l, limit_used(l, &e->usages[i]), used, sizeof used);
      printf("  %-15s %s: %s used\n", usage_scope_label(&e->scopes[i]), l->text, used);
      any = true;
    }
  if (!any) puts("  none");
}

static const char *use_text(const struct explained *e, const struct source *s) {
  if (!source_may_be_used(s)) return "not used, its name is not confirmed";
  if (!*e->rank.preferred || source_listed(e->rank.preferred, source_public(s))) return "used";
  return source_use_is_bound(&e->facts, &e->rank) ? "not used, it would fail an enforced check"
                                                  : "used when no other can be";
}

static void print_sources(const struct explained *e, const json_t *warmups) {
  if (!e->source_count) printf("  the system chooses: the pool %s has no sources\n", e->pool);
  for (size_t i = 0; i < e->source_count; i++) {
    printf("  %-39s SPF %s: %s\n", e->sources[i].address, spf_result_name(e->spf[i].result),
           use_text(e, &e->sources[i]));
    explain_warmup_print(warmups, &e->sources[i]);
  }
}

static void print_signatures(const struct explained *e) {
  if (!e->key_count) printf("  none: no key for %s; sendoff domain add %s\n", e->author, e->author);
  for (size_t i = 0; i < e->key_count; i++)
    printf("  d=%s s=%s: published key %s\n", e->signing_domain->name, e->keys[i]->selector,
           published_key_name(e->published[i].state));
}

static void print_route(const struct static_route *r) {
  char text[STATIC_ROUTE_TEXT];
  printf("  by the route of mail to %s%s%s%s%s: ", r->to, *r->account ? " of the account " : "", r->account,
         *r->sender ? " from " : "", r->sender);
  print_safe(static_route_text(r, text));
  printf(", TLS: %s%s", route_tls_name(r->tls), r->implicit_tls ? ", from the start" : "");
  if (*r->user) printf(", logged in as ");
  if (*r->user) print_safe(r->user);
  putchar('\n');
}

static const char *no_hosts_text(const struct explained *e) {
  if (e->mx_status == DNS_FAILED) return dns_failure(e->mx_bogus);
  return e->mx_status == DNS_FOUND ? "its MX records name no host" : "there is no such domain";
}

static void print_way(const struct explained *e, struct history *h, const struct expected *x) {
  char delay[40];
  if (e->route) print_route(e->route);
  explain_tls_print_policy(e);
  if (e->mx.null_mx)
    printf("  %s takes no mail (null MX)\n", e->recipient_domain);
  else if (!e->mx.count)
    printf("  %s: %s\n", e->recipient_domain, no_hosts_text(e));
  for (size_t i = 0; i < e->mx.count; i++) {
    printf("  %u ", e->mx.hosts[i].preference);
    print_safe(e->mx.hosts[i].name);
    if (explained_port(e) != 25) printf(":%u", explained_port(e));
    puts(is_named(e, e->mx.hosts[i].name) ? "" : ", which that policy does not name");
    explain_tls_print(e, i, x->table_tls);
  }
  explain_tls_print_required(e);
  clock_format_span(usual_delay_us(h), delay, sizeof delay);
  printf("  in the last 7 days: %zu delivered, %zu deferred, %zu bounced%s%s\n", h->delivered, h->deferred, h->bounced,
         h->delay_count ? "; usually after " : "",
         !h->delay_count                 ? ""
         : usual_delay_us(h) < SECOND_US ? "under 1s"
                                         : delay);
}

/* What puts it off for longest, or holds it; NULL: it leaves at once. */
static const struct finding *find_delay(const struct explained *e, const struct finding *found) {
  const struct finding *out = NULL;
  int64_t latest_us = 0;
  for (size_t i = 0; i < policy_check_count; i++) {
    if (found[i].outcome == OUTCOME_HOLD && found[i].mode == CHECK_ENFORCE) return &found[i];
    int64_t us = leaves_us(e, &found[i]);
    if (us <= latest_us) continue;
    latest_us = us;
    out = &found[i];
  }
  return out;
}

static void print_accepted(const struct explained *e, const struct finding *found) {
  const struct finding *delay = find_delay(e, found);
  char text[DETAIL_TEXT];
  printf("accepted, as %s mail of the pool %s", stream_name(e->facts.stream), e->pool);
  if (delay) {
    detail(e, delay, text);
    printf("; ");
    print_safe(text);
  }
  putchar('\n');
}

static void print_explained(const struct explained *e, const struct finding *found, struct history *h,
                            const struct expected *x, const json_t *warmups) {
  const struct finding *no = cause(found);
  char text[DETAIL_TEXT];
  if (no) {
    detail(e, no, text);
    printf("refused by the check %s: ", no->check->name);
    print_safe(text);
    putchar('\n');
  } else {
    print_accepted(e, found);
  }
  printf("\nchecks\n");
  print_checks(e, found);
  printf("\nlimits\n");
  print_limits(e);
  printf("\nsources of the pool %s\n", e->pool);
  print_sources(e, warmups);
  printf("\nsignatures\n");
  print_signatures(e);
  printf("\nnext hop\n");
  print_way(e, h, x);
  expected_print(x);
}

/* --- the command --- */

static enum exit_status read_question(struct cli *c, struct explain_question *q) {
  enum mail_stream stream;
  const char *text = cli_option(c, "stream");
  *q = (struct explain_question){.account = cli_option(c, "account"),
                                 .from = cli_option(c, "from"),
                                 .header_from = cli_option(c, "header-from"),
                                 .to = cli_option(c, "to"),
                                 .stream = -1,
                                 .require_tls = cli_switch(c, "requiretls")};
  if (!q->account || !q->from || !q->to)
    return cli_fail(EXIT_USAGE, "say who sends what to whom: --account NAME --from ADDRESS --to ADDRESS");
  if (text && stream_parse(text, &stream) != OK) return cli_fail(EXIT_USAGE, "--stream is transactional or bulk");
  if (text) q->stream = (int)stream;
  return cli_config(c);
}

static enum exit_status explain(struct cli *c) {
  struct explain_question q;
  struct finding found[POLICY_CHECKS_MAX];
  struct explained *e = calloc(1, sizeof *e);
  struct history *h = calloc(1, sizeof *h);
  struct expected x = {0};
  json_t *warmups = NULL;
  enum exit_status s = e && h ? read_question(c, &q) : cli_fail(EXIT_NO, "out of memory");
  if (s == EXIT_DONE) s = explain_gather(c, &q, e);
  if (s == EXIT_DONE) s = read_history(c, e->recipient_domain, h);
  if (s == EXIT_DONE) s = expected_read(c, e, &x);
  if (s == EXIT_DONE) s = explain_warmup_read(c, e, &x, &warmups);
  if (s == EXIT_DONE) {
    policy_find_all(&e->facts, found);
    if (c->json)
      print_explained_json(e, found, h, &x, warmups);
    else
      print_explained(e, found, h, &x, warmups);
    s = cause(found) ? EXIT_NO : EXIT_DONE;
  }
  if (e) explained_clear(e);
  expected_clear(&x);
  json_decref(warmups);
  free(e);
  free(h);
  return s;
}

const struct verb explain_verbs[] = {
    {"explain", NULL,
     "--account NAME --from ADDRESS [--header-from ADDRESS] --to ADDRESS [--stream transactional|bulk] "
     "[--requiretls]",
     "account= from= header-from= to= stream= requiretls",
     "A dry run: would this mail be taken now, and why? Every check with its numbers, the source, the signatures, what "
     "SPF, DKIM and DMARC will say, when it leaves, how far its sources have warmed up, the next hop with the TLS that "
     "it must have, and how mail went there lately. --requiretls: as if the message asked for it (RFC 8689). Exit "
     "status 1: it would be refused.",
     "sendoff explain --account blog --from shop@example.com --to user@example.net\n"
     "sendoff explain --account blog --from bounces@example.com --header-from news@example.com --to user@example.net "
     "--stream bulk\n"
     "sendoff explain --account blog --from shop@example.com --to user@example.net --requiretls",
     0, 0, explain},
    {0}};
