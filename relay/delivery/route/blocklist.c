#include "relay/delivery/route/blocklist.h"

#include "base/address/cidr.h"
#include "base/address/reverse_name.h"
#include "base/address/suffix.h"
#include "base/clock.h"
#include "base/result.h"
#include "policy/spf/rdata.h"

#include <arpa/nameser.h>
#include <stdio.h>
#include <string.h>

/* --- pure --- */

bool blocklist_question(const char *zone, const char *subject, char out[DOMAIN_MAX + 1]) {
  struct sockaddr_storage address;
  char name[DOMAIN_MAX + 2];
  size_t room = NAME_MAX_TEXT + 1; /* with the final NUL */
  if (ip_parse(subject, 0, &address) == OK) return reverse_name(address_octets(&address), zone, out, room);
  if ((size_t)snprintf(name, sizeof name, "%s.%s", subject, zone) >= room) return false;
  memcpy(out, name, strlen(name) + 1);
  return true;
}

/* What lists say in place of an answer, as most of them do by now. */
static const char *refusal_text(unsigned char last) {
  switch (last) {
  case 252: return "its name is not written as the list wants it";
  case 254:
    return "it does not answer public resolvers: ask through a resolver of your own, or get a key of the list's";
  case 255: return "it is asked too often: it may want to be paid, or asked through a resolver of your own";
  default: return "it refuses to answer";
  }
}

static void unusable(struct blocklist_finding *out, const unsigned char *octets, const char *text) {
  out->state = BLOCKLIST_UNUSABLE;
  out->codes[0] = '\0';
  snprintf(out->text, sizeof out->text, "it answers %u.%u.%u.%u: %s", octets[0], octets[1], octets[2], octets[3], text);
}

static void add_code(struct blocklist_finding *out, const unsigned char *octets) {
  size_t at = strlen(out->codes);
  char code[20];
  snprintf(code, sizeof code, "%s%u.%u.%u.%u", at ? ", " : "", octets[0], octets[1], octets[2], octets[3]);
  if (at + strlen(code) < sizeof out->codes) memcpy(out->codes + at, code, strlen(code) + 1);
}

/* RFC 5782 2.1: every answer is within 127.0.0.0/8. Of these, 127.255.255.0/24 and 127.0.0.1 (URIBL, SURBL) refuse the
 * question. */
static void take_record(struct bytes rdata, struct blocklist_finding *out) {
  const unsigned char *octets = (const unsigned char *)rdata.at;
  if (rdata.len != 4 || out->state == BLOCKLIST_UNUSABLE) return;
  if (octets[0] != 127)
    unusable(out, octets, "no blocklist does that; its domain may belong to somebody else by now");
  else if (octets[1] == 255 && octets[2] == 255)
    unusable(out, octets, refusal_text(octets[3]));
  else if (!octets[1] && !octets[2] && octets[3] == 1)
    unusable(out, octets, "it refuses to answer");
  else {
    out->state = BLOCKLIST_LISTED;
    add_code(out, octets);
  }
}

void blocklist_read(const struct dns_answer *answer, struct blocklist_finding *out) {
  *out = (struct blocklist_finding){.state = BLOCKLIST_CLEAN};
  if (answer->status == DNS_FAILED) {
    out->state = BLOCKLIST_UNKNOWN;
    snprintf(out->text, sizeof out->text, "%s", dns_failure(answer->bogus));
  }
  if (answer->status != DNS_FOUND) return;
  for (size_t i = 0; i < answer->count; i++) take_record(answer->records[i].data, out);
}

/* --- questions --- */

struct check {
  const struct dns_source *dns;
  const char *zone;
  uint64_t deadline_ms;
  struct blocklist_finding *out;
};

static void lookup(const struct check *c, const char *name, int type, struct dns_answer *out) {
  *out = (struct dns_answer){.status = DNS_FAILED};
  if (clock_monotonic_ms() < c->deadline_ms) c->dns->lookup(c->dns->arg, name, type, out);
}

static void done(const struct check *c, struct dns_answer *answer) {
  if (answer->records || answer->owner) c->dns->release(c->dns->arg, answer);
}

static enum blocklist_state ask(const struct check *c, const char *name) {
  struct dns_answer answer;
  lookup(c, name, ns_t_a, &answer);
  blocklist_read(&answer, c->out);
  done(c, &answer);
  if (c->out->state == BLOCKLIST_UNKNOWN) {
    char text[BLOCKLIST_TEXT];
    snprintf(text, sizeof text, "%.60s for %.200s", c->out->text, name);
    memcpy(c->out->text, text, sizeof text);
  }
  return c->out->state;
}

/* Its operator writes it, and it is shown on terminals and in logs. */
static void copy_printable(struct bytes from, char *to, size_t size) {
  size_t n = 0;
  for (; n < from.len && n + 1 < size; n++) to[n] = (char)(from.at[n] >= ' ' && from.at[n] <= '~' ? from.at[n] : '?');
  to[n] = '\0';
}

/* RFC 5782 2.1: the reason is in a TXT record of the same name. Without one the listing stands all the same. */
static void ask_reason(const struct check *c, const char *name) {
  struct dns_answer answer;
  char room[BLOCKLIST_TEXT];
  struct bytes text = {0};
  lookup(c, name, ns_t_txt, &answer);
  if (answer.status == DNS_FOUND && answer.count &&
      rdata_text(answer.records[0].data, room, sizeof room, &text) != E_SYNTAX)
    copy_printable(text, c->out->text, sizeof c->out->text);
  done(c, &answer);
}

/* RFC 5782 5: the entry that each list has for testing, and the one that none may have. */
static const struct probe {
  const char *listed, *not_listed; /* for texts */
  struct bytes listed_octets, not_listed_octets;
  const char *kind;
} probes[] = {
    {"127.0.0.2", "127.0.0.1", {"\177\0\0\2", 4}, {"\177\0\0\1", 4}, "IPv4 addresses"},
    {"::ffff:7f00:2",
     "::ffff:7f00:1",
     {"\0\0\0\0\0\0\0\0\0\0\377\377\177\0\0\2", 16},
     {"\0\0\0\0\0\0\0\0\0\0\377\377\177\0\0\1", 16},
     "IPv6 addresses"},
    {"test", "invalid", {0}, {0}, "domains"},
};

static const struct probe *probe_of(const char *subject) {
  struct sockaddr_storage address;
  if (ip_parse(subject, 0, &address) != OK) return &probes[2];
  return &probes[address.ss_family == AF_INET6];
}

static enum blocklist_state ask_probe(const struct check *c, const char *text, struct bytes octets) {
  char name[DOMAIN_MAX + 1];
  bool fits = octets.len ? reverse_name(octets, c->zone, name, sizeof name) : blocklist_question(c->zone, text, name);
  if (fits) return ask(c, name);
  *c->out = (struct blocklist_finding){.state = BLOCKLIST_UNUSABLE, .text = "its name is too long"};
  return BLOCKLIST_UNUSABLE;
}

/* True: what it says of others can be believed. */
static bool probe(const struct check *c, const struct probe *p) {
  enum blocklist_state state = ask_probe(c, p->listed, p->listed_octets);
  if (state == BLOCKLIST_CLEAN) {
    c->out->state = BLOCKLIST_UNUSABLE;
    snprintf(c->out->text, sizeof c->out->text, "it does not list %s, so it lists no %s", p->listed, p->kind);
  }
  if (state != BLOCKLIST_LISTED) return false;
  state = ask_probe(c, p->not_listed, p->not_listed_octets);
  if (state == BLOCKLIST_LISTED) {
    *c->out = (struct blocklist_finding){.state = BLOCKLIST_UNUSABLE};
    snprintf(c->out->text, sizeof c->out->text, "it lists %s, which no list may: it lists everything", p->not_listed);
  }
  return state == BLOCKLIST_CLEAN;
}

/* True: nothing more is to be asked. */
static bool ask_subject(const struct check *c, const char *subject) {
  char name[DOMAIN_MAX + 1];
  if (!blocklist_question(c->zone, subject, name)) {
    *c->out = (struct blocklist_finding){.state = BLOCKLIST_CLEAN}; /* it cannot have an entry for it */
    return false;
  }
  enum blocklist_state state = ask(c, name);
  if (state == BLOCKLIST_LISTED) ask_reason(c, name);
  return state != BLOCKLIST_CLEAN;
}

void blocklist_check(const struct dns_source *dns, const char *zone, const char *subject, uint64_t deadline_ms,
                     struct blocklist_finding *out) {
  const struct check c = {dns, zone, deadline_ms, out};
  const struct probe *p = probe_of(subject);
  char organization[DOMAIN_MAX + 1];
  if (!probe(&c, p) || ask_subject(&c, subject) || p != &probes[2]) return;
  suffix_organization(subject, organization); /* some lists have domains only, without what is below them */
  if (strcmp(organization, subject) != 0) ask_subject(&c, organization);
}
