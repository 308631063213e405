#include "policy/source_name.h"

#include "base/address/cidr.h"
#include "base/address/reverse_name.h"
#include "base/address/suffix.h"
#include "base/clock.h"
#include "policy/spf/rdata.h"
#include "policy/spf/spf.h"

#include <arpa/nameser.h>
#include <stdio.h>
#include <string.h>

/* One source that is checked. */
struct check {
  const struct dns_source *dns;
  const char *address, *helo;
  struct sockaddr_storage parsed;
  uint64_t deadline_ms;
  struct source_name_finding *out;
};

static bool is_v6(const struct check *c) {
  return c->parsed.ss_family == AF_INET6;
}

/* "AAAA" */
static const char *record_kind(const struct check *c) {
  return is_v6(c) ? "AAAA" : "A";
}

static void ask(const struct check *c, const char *name, int type, struct dns_answer *out) {
  *out = (struct dns_answer){.status = DNS_FAILED};
  if (clock_monotonic_ms() < c->deadline_ms) c->dns->lookup(c->dns->arg, name, type, out);
}

static void done(const struct check *c, struct dns_answer *answer) {
  if (answer->records || answer->owner) c->dns->release(c->dns->arg, answer);
}

/* --- names --- */

enum back { BACK_YES, BACK_NO, BACK_UNKNOWN };

/* `bogus`, of BACK_UNKNOWN: the answer was. */
static enum back leads_back(const struct check *c, const char *name, bool *bogus) {
  struct dns_answer answer;
  ask(c, name, is_v6(c) ? ns_t_aaaa : ns_t_a, &answer);
  enum back found = answer.status == DNS_FAILED ? BACK_UNKNOWN : BACK_NO;
  *bogus = answer.bogus;
  for (size_t i = 0; answer.status == DNS_FOUND && i < answer.count; i++)
    if (bytes_equal(answer.records[i].data, address_octets(&c->parsed))) found = BACK_YES;
  done(c, &answer);
  return found;
}

/* Of one organization: mail.example.com and smtp.example.com are. */
static bool is_of_helo(const struct check *c, const char *name) {
  char a[DOMAIN_MAX + 1], b[DOMAIN_MAX + 1];
  suffix_organization(name, a);
  suffix_organization(c->helo, b);
  return strcmp(a, b) == 0;
}

static void unknown(const struct check *c, const char *question, bool bogus) {
  c->out->known = false;
  snprintf(c->out->text, sizeof c->out->text, "%s for %.250s", dns_failure(bogus), question);
}

/* What is wrong with one name; the first that is found is kept. */
static void wrong(const struct check *c, enum back back, const char *name) {
  if (*c->out->text) return;
  snprintf(c->out->ptr, sizeof c->out->ptr, "%s", name);
  if (back == BACK_NO)
    snprintf(c->out->text, sizeof c->out->text,
             "its name %.100s (PTR) has no %s record %s: publish one, or have the PTR record say %.60s", name,
             record_kind(c), c->address, c->helo);
  else
    snprintf(c->out->text, sizeof c->out->text,
             "its name %.100s (PTR) is of another domain than %.60s, which it says in EHLO: have the PTR record say "
             "that, or change it: sendoff source set %s --helo NAME",
             name, c->helo, c->address);
}

/* True: it is a name as it should be. */
static bool take_name(const struct check *c, struct bytes rdata) {
  char name[NAME_MAX_TEXT + 1], normal[DOMAIN_MAX + 1];
  if (!rdata_name(rdata, name) || domain_normalize(bytes_of(name), normal) != OK) return false;
  bool bogus;
  enum back back = leads_back(c, normal, &bogus);
  if (back == BACK_UNKNOWN) {
    if (c->out->known) unknown(c, normal, bogus);
    return false;
  }
  if (back == BACK_NO || !is_of_helo(c, normal)) {
    wrong(c, back, normal);
    return false;
  }
  *c->out = (struct source_name_finding){.known = true, .confirmed = true};
  snprintf(c->out->ptr, sizeof c->out->ptr, "%s", normal);
  return true;
}

static void without_ptr(const struct check *c) {
  snprintf(c->out->text, sizeof c->out->text,
           "it has no PTR record: have one made that says %.60s (whoever gave you the address can), and publish %.60s "
           "%s %s",
           c->helo, c->helo, record_kind(c), c->address);
}

static void take_names(const struct check *c, const struct dns_answer *answer) {
  size_t count = answer->count < SOURCE_NAME_RECORDS ? answer->count : SOURCE_NAME_RECORDS;
  for (size_t i = 0; i < count; i++)
    if (take_name(c, answer->records[i].data)) return;
  if (!*c->out->text) without_ptr(c); /* none of them was a name */
}

/* Receivers judge reports, which have the null reverse-path, by the HELO name (RFC 7208 2.4). Over IPv4 its record is
 * advice; who publishes none is not failed. */
static void check_spf_of_helo(const struct check *c) {
  struct spf_verdict v;
  spf_check_until(c->dns, c->address, "", c->helo, c->deadline_ms, &v);
  if (v.result == SPF_TEMPERROR) {
    c->out->known = false;
    bytes_copy(bytes_of(v.why), c->out->text, sizeof c->out->text);
  }
  if (v.result != SPF_FAIL && v.result != SPF_SOFTFAIL && v.result != SPF_PERMERROR) return;
  c->out->confirmed = false;
  snprintf(c->out->text, sizeof c->out->text,
           "SPF says %s for its name %.60s: publish for that TXT \"v=spf1 ip6:%s -all\", or add it to the record that "
           "is there",
           spf_result_name(v.result), c->helo, c->address);
}

void source_name_check(const struct dns_source *dns, const char *address, const char *helo, uint64_t deadline_ms,
                       struct source_name_finding *out) {
  struct check c = {.dns = dns, .address = address, .helo = helo, .deadline_ms = deadline_ms, .out = out};
  struct dns_answer answer;
  char name[80];
  *out = (struct source_name_finding){.known = true};
  if (ip_parse(address, 0, &c.parsed) != OK) return;
  reverse_name(address_octets(&c.parsed), is_v6(&c) ? "ip6.arpa" : "in-addr.arpa", name, sizeof name);
  ask(&c, name, ns_t_ptr, &answer);
  if (answer.status == DNS_FAILED)
    unknown(&c, name, answer.bogus);
  else if (answer.status != DNS_FOUND)
    without_ptr(&c);
  else
    take_names(&c, &answer);
  done(&c, &answer);
  if (out->known && out->confirmed && is_v6(&c)) check_spf_of_helo(&c);
}
