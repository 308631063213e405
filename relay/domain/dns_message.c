/* libldns's messages. */
#include "relay/domain/dns_message.h"

#include <ldns/ldns.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ALIASES_MAX 10

int dns_question(const char *name, int type, struct buffer *out) {
  ldns_rdf *owner = ldns_dname_new_frm_str(*name ? name : ".");
  ldns_pkt *query = owner ? ldns_pkt_query_new(owner, (ldns_rr_type)type, LDNS_RR_CLASS_IN, 0) : NULL;
  uint8_t *wire = NULL;
  size_t len = 0;
  buffer_init(out, 1024);
  if (!query) {
    ldns_rdf_deep_free(owner);
    return E_SYNTAX;
  }
  ldns_pkt_set_edns_udp_size(query, DNS_UDP_SIZE);
  int rc = ldns_pkt2wire(&wire, query, &len) == LDNS_STATUS_OK ? buffer_add(out, wire, len) : E_MEMORY;
  free(wire);
  ldns_pkt_free(query);
  return rc;
}

/* --- replies --- */

/* Where the reading has come to. */
struct reading {
  const ldns_pkt *packet;
  const char *zone;
  ldns_rr_type type;
  const ldns_rdf *at; /* the name whose records count: the one that was asked for, or where CNAMEs led */
  struct dns_reply *out;
};

static void nothing(struct dns_reply *out, const char *why) {
  out->kind = REPLY_NONE;
  snprintf(out->why, sizeof out->why, "%s", why);
}

/* Without its final dot. */
static bool name_text(const ldns_rdf *name, char out[ZONE_NAME]) {
  char *text = ldns_rdf2str(name);
  size_t len = text ? strlen(text) : 0;
  bool fits = text && len <= ZONE_NAME;
  if (fits && len && text[len - 1] == '.') len--;
  fits = fits && len < ZONE_NAME;
  if (fits) memcpy(out, text, len);
  if (fits) out[len] = '\0';
  free(text);
  return fits;
}

static bool is_of(const ldns_rr *rr, const ldns_rdf *owner, ldns_rr_type type) {
  return ldns_rr_get_type(rr) == type && ldns_rr_get_class(rr) == LDNS_RR_CLASS_IN &&
         ldns_dname_compare(ldns_rr_owner(rr), owner) == 0;
}

static const ldns_rr *find(const ldns_rr_list *list, const ldns_rdf *owner, ldns_rr_type type) {
  for (size_t i = 0; i < ldns_rr_list_rr_count(list); i++)
    if (is_of(ldns_rr_list_rr(list, i), owner, type)) return ldns_rr_list_rr(list, i);
  return NULL;
}

static bool has_type(const ldns_rr_list *list, ldns_rr_type type) {
  for (size_t i = 0; i < ldns_rr_list_rr_count(list); i++)
    if (ldns_rr_get_type(ldns_rr_list_rr(list, i)) == type) return true;
  return false;
}

/* Follows CNAMEs that stay within the zone. False: one leads out of it, or in a circle. */
static bool follow(struct reading *r) {
  char name[ZONE_NAME];
  for (int i = 0; r->type != LDNS_RR_TYPE_CNAME; i++) {
    const ldns_rr *alias = find(ldns_pkt_answer(r->packet), r->at, LDNS_RR_TYPE_CNAME);
    const ldns_rdf *target = alias ? ldns_rr_rdf(alias, 0) : NULL;
    if (!target) return true;
    if (i == ALIASES_MAX || !name_text(target, name) || !*name) { /* the root has nothing of ours */
      nothing(r->out, "its CNAME records lead nowhere");
      return false;
    }
    snprintf(r->out->answer.canonical, sizeof r->out->answer.canonical, "%s", name);
    r->at = target;
    if (!zone_holds(r->zone, name)) {
      r->out->kind = REPLY_ALIAS;
      snprintf(r->out->alias, sizeof r->out->alias, "%s", name);
      return false;
    }
  }
  return true;
}

/* RDATA in wire form: libldns keeps names uncompressed. */
static size_t rdata(const ldns_rr *rr, char *out) {
  size_t len = 0;
  for (size_t i = 0; i < ldns_rr_rd_count(rr); i++) {
    const ldns_rdf *part = ldns_rr_rdf(rr, i);
    if (out) memcpy(out + len, ldns_rdf_data(part), ldns_rdf_size(part));
    len += ldns_rdf_size(part);
  }
  return len;
}

static void take_record(struct dns_answer *a, const ldns_rr *rr, char **room) {
  size_t len = rdata(rr, *room);
  a->records[a->count++].data = (struct bytes){*room, len};
  *room += len;
  if (a->count == 1 || ldns_rr_ttl(rr) < a->ttl) a->ttl = ldns_rr_ttl(rr);
}

/* Records of the name; false: there are none. */
static bool take_records(struct reading *r) {
  const ldns_rr_list *list = ldns_pkt_answer(r->packet);
  struct dns_answer *a = &r->out->answer;
  size_t count = 0, octets = 1;
  for (size_t i = 0; i < ldns_rr_list_rr_count(list); i++) {
    if (!is_of(ldns_rr_list_rr(list, i), r->at, r->type)) continue;
    count++;
    octets += rdata(ldns_rr_list_rr(list, i), NULL);
  }
  if (!count) return false;
  char *room = a->owner = malloc(octets);
  a->records = calloc(count, sizeof *a->records);
  if (!room || !a->records) {
    nothing(r->out, "out of memory");
    return true;
  }
  for (size_t i = 0; i < ldns_rr_list_rr_count(list); i++)
    if (is_of(ldns_rr_list_rr(list, i), r->at, r->type)) take_record(a, ldns_rr_list_rr(list, i), &room);
  a->status = DNS_FOUND;
  return true;
}

/* RFC 2308 2.1, 2.2: no records of that kind, no such name, or a referral to who should know. */
static void take_absence(struct reading *r) {
  const ldns_rr_list *authority = ldns_pkt_authority(r->packet);
  bool nxdomain = ldns_pkt_get_rcode(r->packet) == LDNS_RCODE_NXDOMAIN;
  if (!nxdomain && has_type(authority, LDNS_RR_TYPE_NS) && !has_type(authority, LDNS_RR_TYPE_SOA)) {
    if (!r->out->answer.canonical[0]) {
      nothing(r->out, "refers to other servers");
      return;
    }
    r->out->kind = REPLY_ALIAS;
    snprintf(r->out->alias, sizeof r->out->alias, "%s", r->out->answer.canonical);
    return;
  }
  r->out->answer.status = nxdomain ? DNS_NXDOMAIN : DNS_NODATA;
}

static void read_packet(struct reading *r, const char *name) {
  ldns_rr_list *questions = ldns_pkt_question(r->packet);
  ldns_rdf *asked = ldns_dname_new_frm_str(*name ? name : ".");
  ldns_pkt_rcode rcode = ldns_pkt_get_rcode(r->packet);
  if (!asked || ldns_rr_list_rr_count(questions) != 1 || !is_of(ldns_rr_list_rr(questions, 0), asked, r->type)) {
    nothing(r->out, "answers another question");
  } else if (rcode != LDNS_RCODE_NOERROR && rcode != LDNS_RCODE_NXDOMAIN) {
    char *text = ldns_pkt_rcode2str(rcode);
    snprintf(r->out->why, sizeof r->out->why, "answers %s", text ? text : "an error");
    r->out->kind = REPLY_NONE;
    free(text);
  } else if (!ldns_pkt_aa(r->packet)) {
    nothing(r->out, "is not authoritative for the zone");
  } else {
    r->at = asked;
    if (follow(r) && !take_records(r)) take_absence(r);
  }
  ldns_rdf_deep_free(asked);
}

void dns_reply_read(struct bytes wire, const char *zone, const char *name, int type, struct dns_reply *out) {
  ldns_pkt *packet = NULL;
  memset(out, 0, sizeof *out);
  out->answer.status = DNS_FAILED;
  if (ldns_wire2pkt(&packet, (const uint8_t *)wire.at, wire.len) != LDNS_STATUS_OK) {
    nothing(out, "answers with what is no DNS message");
    return;
  }
  struct reading r = {.packet = packet, .zone = zone, .type = (ldns_rr_type)type, .out = out};
  read_packet(&r, name);
  ldns_pkt_free(packet);
  if (out->kind != REPLY_FINAL) dns_answer_clear(&out->answer);
}

void dns_answer_clear(struct dns_answer *a) {
  free(a->records);
  free(a->owner);
  *a = (struct dns_answer){.status = DNS_FAILED};
}
