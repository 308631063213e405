#include "cli/explain/explain_parts.h"

#include "policy/source_use.h"

#include <string.h>

static json_t *checks_json(const struct explained *e, const struct finding *found) {
  json_t *list = json_array();
  for (size_t i = 0; i < policy_check_count; i++) {
    char text[DETAIL_TEXT];
    explain_detail(e, &found[i], text);
    json_array_append_new(list, json_pack("{s:s, s:s, s:s, s:o}", "check", found[i].check->name, "mode",
                                          explain_mode(&found[i]), "result", explain_outcome(&found[i]), "text",
                                          json_text(text)));
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

static json_t *hops_json(const struct explained *e, const struct expected *x) {
  json_t *list = json_array();
  for (size_t i = 0; i < e->mx.count; i++)
    json_array_append_new(list, json_pack("{s:o, s:i, s:i, s:b, s:o}", "host", json_text(e->mx.hosts[i].name), "port",
                                          (int)explained_port(e), "preference", (int)e->mx.hosts[i].preference,
                                          "mta_sts", explain_names_host(e, e->mx.hosts[i].name), "tls",
                                          explain_tls_json(e, i, x->table_tls)));
  return list;
}

void explain_print_json(const struct explained *e, const struct finding *found, struct explain_history *h,
                        const struct expected *x, const json_t *warmups) {
  print_json(json_pack("{s:b, s:b, s:o, s:o, s:o, s:s, s:s, s:o, s:o, s:s, s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o, "
                       "s:{s:I, s:I, s:I, s:I}}",
                       "accepted", !explain_cause(found), "sandbox", e->facts.account->sandbox, "simulator",
                       e->facts.simulated ? json_text(simulated_phrase(e->facts.simulated)) : json_null(), "checks",
                       checks_json(e, found), "limits", limits_json(e), "stream", stream_name(e->facts.stream), "pool",
                       e->pool, "sources", sources_json(e, warmups), "signatures", signatures_json(e), "spf",
                       spf_result_name(e->rank.best.result), "dmarc", dmarc_result_name(e->dmarc.now.result),
                       "dmarc_text", json_text(e->dmarc.why), "route", route_json(e), "mta_sts",
                       explain_tls_policy_json(e), "next_hops", hops_json(e, x), "requiretls",
                       explain_tls_required_json(e), "site", *x->site ? json_text(x->site) : json_null(), "expected",
                       expected_json(x), "history", "delivered", (json_int_t)h->delivered, "deferred",
                       (json_int_t)h->deferred, "bounced", (json_int_t)h->bounced, "usual_delay_ms",
                       (json_int_t)(explain_usual_delay_us(h) / 1000)));
}
