/* What became of TLS at a host, as TLS reports count it (RFC 8460 4). A session is a connection that came to the point
 * where it is decided whether there is TLS; it counts once, for the domain whose mail it was opened for. */
#include "relay/delivery/site/connection_parts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* RFC 8460 3: what carries reports, and so asks for TLS to be ignored (RFC 8689 3), is not in the next one. */
void connection_report_for(struct connection *c, const struct job *j) {
  const struct directory *directory = connection_delivery(c)->loop->directory;
  const char *domain = route_report_domain(directory, &c->route->terms, j->domain);
  bool counts = domain && !(j->envelope.flags & MESSAGE_TLS_OPTIONAL);
  c->report_domain = counts ? strdup(domain) : NULL;
}

/* --- the policy --- */

/* "3 1 1 0A1B...": as a zone file has it (RFC 6698 2.2). One that does not fit is left out, whole. */
static void write_tlsa(const struct tlsa *t, char out[TLS_POLICY_STRINGS_MAX]) {
  size_t at = strlen(out), room = TLS_POLICY_STRINGS_MAX - at;
  if (2 * t->data.len + sizeof "3 1 1 \n" > room) return;
  at += (size_t)snprintf(out + at, room, "%u %u %u ", t->usage, t->selector, t->matching);
  for (size_t i = 0; i < t->data.len; i++, at += 2)
    snprintf(out + at, TLS_POLICY_STRINGS_MAX - at, "%02X", (unsigned char)t->data.at[i]);
  memcpy(out + at, "\n", 2);
}

/* As many lines as fit. */
static void write_lines(char *const *lines, size_t count, char out[TLS_POLICY_STRINGS_MAX]) {
  size_t at = 0;
  for (size_t i = 0; i < count && at + strlen(lines[i]) + 2 <= TLS_POLICY_STRINGS_MAX; i++)
    at += (size_t)snprintf(out + at, TLS_POLICY_STRINGS_MAX - at, "%s\n", lines[i]);
}

struct policy_text {
  char strings[TLS_POLICY_STRINGS_MAX], mx[TLS_POLICY_STRINGS_MAX];
};

/* That of MTA-STS, also where it could not be fetched; of mode none it is none (RFC 8461 5). */
static struct tls_policy policy_of_domain(const struct route_policy *of, struct policy_text *text) {
  const struct sts_policy *p = of->policy;
  if (p ? p->mode == STS_MODE_NONE : of->failure == STS_FAILURE_NONE)
    return (struct tls_policy){TLS_POLICY_NONE, "", "", ""};
  if (p) write_lines(p->lines, p->line_count, text->strings);
  if (p) write_lines(p->mx, p->mx_count, text->mx);
  return (struct tls_policy){TLS_POLICY_STS, of->domain, text->strings, text->mx};
}

/* Rules of a route are nothing that the domain has published. */
static struct tls_policy policy_of(const struct connection *c, const struct tls_demand *demand,
                                   struct policy_text *text) {
  text->strings[0] = text->mx[0] = '\0';
  if (demand->by == TLS_RULE_ROUTE) return (struct tls_policy){TLS_POLICY_NONE, "", "", ""};
  if (demand->by != TLS_RULE_DANE) return policy_of_domain(&c->route->sts, text);
  for (size_t i = 0; i < demand->dane->records->count; i++)
    write_tlsa(&demand->dane->records->records[i], text->strings);
  return (struct tls_policy){TLS_POLICY_TLSA, demand->dane->base, text->strings, ""};
}

/* RFC 8460 4.3.2.1: TLS there was, and none of the records says with whom. */
static bool lacks_usable_records(const struct tls_demand *demand) {
  return demand->by == TLS_RULE_DANE && !demand->dane->records->count;
}

/* What of the domain's policy was not as it should be, though the session has TLS. RFC 8460 4.3.2.2. */
static void judge_policy(const struct connection *c, const struct tls_demand *demand, struct tls_outcome *o) {
  static const enum tls_result failures[] = {[STS_FETCH_ERROR] = TLS_RESULT_STS_POLICY_FETCH_ERROR,
                                             [STS_POLICY_INVALID] = TLS_RESULT_STS_POLICY_INVALID,
                                             [STS_WEBPKI_INVALID] = TLS_RESULT_STS_WEBPKI_INVALID};
  if (!c->route->sts.policy) {
    o->result = failures[c->route->sts.failure];
    o->reason = "the policy could not be fetched";
  } else if (demand->sts_testing && demand->sts_unnamed) {
    o->result = TLS_RESULT_VALIDATION_FAILURE;
    o->reason = "the policy does not name the host";
  }
}

/* --- the session --- */

/* As the world sees it. */
static const char *sending_ip(const struct connection *c, char room[IP_TEXT]) {
  const struct directory *d = connection_delivery(c)->loop->directory;
  ip_format(client_local(c->client), room);
  for (size_t i = 0; i < d->source_count; i++)
    if (strcmp(d->sources[i].address, room) == 0) return source_public(&d->sources[i]);
  return room;
}

void connection_on_tls(void *owner, const struct client_tls *t) {
  struct connection *c = ((struct call *)owner)->connection;
  if (!c || !c->report_domain) return;
  const struct tls_demand *demand = connection_host_tls(c);
  struct policy_text text;
  char from[IP_TEXT], to[IP_TEXT], reason[TLS_REASON_MAX];
  snprintf(reason, sizeof reason, "%.190s", t->reason);
  struct tls_outcome o = {.domain = c->report_domain,
                          .policy = policy_of(c, demand, &text),
                          .result = t->result,
                          .mx = connection_host(c),
                          .helo = t->helo,
                          .reason = reason};
  if (o.result == TLS_RESULT_SUCCESS && lacks_usable_records(demand)) {
    o.result = TLS_RESULT_TLSA_INVALID;
    o.reason = "none of the TLSA records is usable";
  }
  if (o.result == TLS_RESULT_SUCCESS && o.policy.type == TLS_POLICY_STS) judge_policy(c, demand, &o);
  if (o.result != TLS_RESULT_SUCCESS) {
    o.sending_ip = sending_ip(c, from);
    ip_format((const struct sockaddr *)connection_address(c), to);
    o.receiving_ip = to;
  }
  delivery_count_tls(connection_delivery(c)->loop, &o);
}
