#include "base/address/cidr.h"
#include "base/address/reverse_name.h"
#include "policy/source_name.h"
#include "relay/domain/report_parts.h"

#include <arpa/inet.h>
#include <arpa/nameser.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

static enum match match_address(void *arg, const struct dns_answer *answer, char found[CHECK_VALUE]) {
  const struct sockaddr_storage *wanted = arg;
  for (size_t i = 0; i < answer->count; i++) {
    struct bytes data = answer->records[i].data;
    char text[INET6_ADDRSTRLEN] = "";
    if (data.len != 4 && data.len != 16) continue;
    inet_ntop(data.len == 16 ? AF_INET6 : AF_INET, data.at, text, sizeof text);
    snprintf(found, CHECK_VALUE, "%s", text);
    if (bytes_equal(data, address_octets(wanted))) return MATCH_RIGHT;
  }
  return answer->count ? MATCH_WRONG : MATCH_ABSENT;
}

/* Receivers that ask for it want it to exist; that it leads back is the PTR record's affair. */
static void report_helo(struct checking *c, const struct domain_record *r) {
  struct sockaddr_storage address;
  if (ip_parse(r->value, 0, &address) != OK) return;
  struct check_entry *e = report_add(c, RECORD_HELO, r->name, r->type);
  snprintf(e->expected, sizeof e->expected, "%s", r->value);
  report_published(c, e, address.ss_family == AF_INET6 ? ns_t_aaaa : ns_t_a, match_address, &address);
  e->hurts = e->state == FOUND_MISSING;
}

static void report_ptr(struct checking *c, const struct domain_record *r) {
  struct source_name_finding found;
  struct check_entry *e = report_add(c, RECORD_PTR, r->name, r->type);
  snprintf(e->expected, sizeof e->expected, "%s", r->value);
  source_name_check(c->dns, source_public(r->source), r->source->helo, c->deadline_ms, &found);
  snprintf(e->found, sizeof e->found, "%s", found.ptr);
  if (!found.known)
    report_say(e, FOUND_UNKNOWN, false, "%s", found.text);
  else if (found.confirmed)
    report_say(e, FOUND_RIGHT, false, "%s leads to %.200s, and back", source_public(r->source), found.ptr);
  else
    report_say(e, *found.ptr ? FOUND_WRONG : FOUND_MISSING, true, "%s: %s", source_public(r->source), found.text);
}

void report_names(struct checking *c) {
  for (size_t i = 0; i < c->records.count; i++) {
    if (c->records.list[i].kind == RECORD_PTR) report_ptr(c, &c->records.list[i]);
    if (c->records.list[i].kind == RECORD_HELO) report_helo(c, &c->records.list[i]);
  }
}
