/* Answers DNS questions of SPF and DMARC from a table: a unit test has no network. Each answer is memory of exactly its
 * size, so that ASan sees a read past its end. */
#ifndef SENDOFF_TESTS_UNIT_POLICY_ZONE_H
#define SENDOFF_TESTS_UNIT_POLICY_ZONE_H

#include "policy/spf/spf.h"

#include "tests/unit/dns_wire.h"
#include "tests/unit/exact.h"

#include <arpa/inet.h>
#include <arpa/nameser.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

struct row {
  const char *name;
  int type;                /* 0: every question about the name */
  const char *data;        /* "192.0.2.1", "2001:db8::1", a host name, a TXT record of any length */
  struct bytes raw;        /* instead of data: RDATA as it is */
  enum dns_status trouble; /* instead of both; DNS_FOUND: none */
  bool bogus;              /* of DNS_FAILED */
  uint32_t ttl;            /* 0: 300 */
};

struct zone {
  const struct row *rows; /* up to the one without a name */
  size_t asked, released, old_type;
  char questions[64][300]; /* the first of them */
};

static inline size_t zone_wire(unsigned char *out, int type, const char *data) {
  if (type == ns_t_a) return inet_pton(AF_INET, data, out) == 1 ? 4 : 0;
  if (type == ns_t_aaaa) return inet_pton(AF_INET6, data, out) == 1 ? 16 : 0;
  if (type == ns_t_ptr) return dns_wire_name(out, data);
  if (type == ns_t_mx) {
    memcpy(out, "\0\12", 2);
    return 2 + dns_wire_name(out + 2, data);
  }
  size_t at = 0, len = strlen(data);
  for (size_t i = 0; i < len || !at; i += 255) {
    size_t n = len - i < 255 ? len - i : 255;
    out[at++] = (unsigned char)n;
    memcpy(out + at, data + i, n);
    at += n;
  }
  return at;
}

static inline struct dns_record zone_record(const struct row *r) {
  unsigned char wire[20000];
  struct bytes data = r->raw;
  if (r->data) data = (struct bytes){(const char *)wire, zone_wire(wire, r->type, r->data)};
  char *hold;
  struct dns_record out = {exact_copy(data, &hold)};
  return out;
}

static inline void zone_answer(const struct row *rows, const char *name, int type, struct dns_answer *out) {
  size_t total = 0;
  while (rows[total].name) total++;
  *out = (struct dns_answer){.status = DNS_NXDOMAIN, .ttl = 300};
  out->records = calloc(total + 1, sizeof *out->records);
  for (const struct row *r = rows; r->name; r++) {
    if (strcasecmp(r->name, name) != 0) continue;
    if (out->status == DNS_NXDOMAIN) out->status = DNS_NODATA;
    if (r->type && r->type != type) continue;
    if (r->ttl) out->ttl = r->ttl;
    out->status = r->trouble;
    out->bogus = r->bogus;
    if (r->trouble) return;
    out->records[out->count++] = zone_record(r);
  }
}

static inline void zone_lookup(void *arg, const char *name, int type, struct dns_answer *out) {
  struct zone *z = arg;
  if (z->asked < 64) snprintf(z->questions[z->asked], sizeof z->questions[0], "%s", name);
  z->asked++;
  z->old_type += type != ns_t_a && type != ns_t_aaaa && type != ns_t_txt && type != ns_t_mx && type != ns_t_ptr;
  zone_answer(z->rows, name, type, out);
}

static inline void zone_release(void *arg, struct dns_answer *answer) {
  struct zone *z = arg;
  z->released++;
  for (size_t i = 0; i < answer->count; i++) free((void *)(uintptr_t)answer->records[i].data.at);
  free(answer->records);
}

static inline struct dns_source zone_source(struct zone *z) {
  return (struct dns_source){z, zone_lookup, zone_release};
}

#endif
