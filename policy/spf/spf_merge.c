#include "policy/spf/spf_merge.h"

#include "base/address/cidr.h"

#include <arpa/inet.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define VERSION "v=spf1"
#define LOOKUPS_MAX 10 /* RFC 7208 4.6.4 */

static void __attribute__((format(printf, 2, 3))) note(struct spf_merge *out, const char *format, ...) {
  size_t len = strlen(out->note);
  va_list args;
  va_start(args, format);
  if (len) len += (size_t)snprintf(out->note + len, sizeof out->note - len, "; ");
  if (len < sizeof out->note) vsnprintf(out->note + len, sizeof out->note - len, format, args);
  va_end(args);
}

/* --- terms by their place in the text --- */

struct place {
  struct bytes text;
  size_t at; /* of its first octet */
  struct spf_term term;
};

/* Start with `*at` = 0. False: the end. The record is well-formed. */
static bool next_term(struct bytes record, size_t *at, struct place *out) {
  if (*at < sizeof VERSION - 1) *at = sizeof VERSION - 1;
  while (*at < record.len && record.at[*at] == ' ') ++*at;
  if (*at >= record.len) return false;
  size_t end = bytes_find(record, ' ', *at);
  *out = (struct place){.text = {record.at + *at, end - *at}, .at = *at};
  *at = end;
  return spf_term_read(out->text, &out->term, NULL) == OK;
}

static bool is_mechanism(const struct spf_term *t) {
  return t->kind <= SPF_EXISTS;
}

static bool asks_dns(const struct spf_term *t) {
  return t->kind == SPF_INCLUDE || t->kind == SPF_A || t->kind == SPF_MX || t->kind == SPF_PTR || t->kind == SPF_EXISTS;
}

static bool same_bits(const unsigned char *a, const unsigned char *b, unsigned bits) {
  if (memcmp(a, b, bits / 8) != 0) return false;
  unsigned rest = bits % 8;
  return !rest || ((a[bits / 8] ^ b[bits / 8]) >> (8 - rest)) == 0;
}

/* Is the address one of an ip4 or ip6 term's? */
static bool covers(const struct spf_term *t, const char *address) {
  unsigned char ours[16], theirs[16];
  char network[IP_TEXT];
  bool v6 = strchr(address, ':') != NULL;
  int family = v6 ? AF_INET6 : AF_INET;
  if (t->kind != (v6 ? SPF_IP6 : SPF_IP4) || !bytes_copy(t->network, network, sizeof network)) return false;
  if (inet_pton(family, address, ours) != 1 || inet_pton(family, network, theirs) != 1) return false;
  return same_bits(ours, theirs, v6 ? t->ip6_len : t->ip4_len);
}

/* The first ip4 or ip6 term in front of "all" that has the address decides; '\0': none has. */
static char qualifier_of(struct bytes record, const char *address) {
  struct place p;
  for (size_t at = 0; next_term(record, &at, &p) && p.term.kind != SPF_ALL;)
    if (covers(&p.term, address)) return p.term.qualifier;
  return '\0';
}

/* --- putting terms in --- */

/* Where terms go: in front of "all" and of a term that would fail one of the addresses; else behind the last mechanism,
 * so that modifiers stay at the end. `*behind`: behind a term, not in front of one. */
static size_t place_for(struct bytes record, const char *const *addresses, size_t count, bool *behind) {
  struct place p;
  size_t end = sizeof VERSION - 1;
  *behind = false;
  for (size_t at = 0; next_term(record, &at, &p);) {
    if (p.term.kind == SPF_ALL) return p.at;
    for (size_t i = 0; i < count; i++)
      if (p.term.qualifier != '+' && covers(&p.term, addresses[i]) && qualifier_of(record, addresses[i]) != '+')
        return p.at;
    if (is_mechanism(&p.term)) end = at;
  }
  *behind = true;
  return end;
}

static int insert(struct buffer *value, size_t at, bool behind, const char *terms) {
  struct buffer made;
  buffer_init(&made, value->max);
  int rc = buffer_add(&made, value->at, at);
  if (rc == OK) rc = buffer_addf(&made, behind ? " %s" : "%s ", terms);
  if (rc == OK) rc = buffer_add(&made, value->at + at, value->len - at);
  if (rc == OK) {
    struct buffer old = *value;
    *value = made;
    made = old;
  }
  buffer_free(&made);
  return rc;
}

/* False, and nothing is changed, when the term does not fit. */
static bool add_term(char *list, size_t size, const char *address) {
  char term[IP_TEXT + 8];
  size_t len = strlen(list);
  int n = snprintf(term, sizeof term, "%sip%c:%s", len ? " " : "", strchr(address, ':') ? '6' : '4', address);
  bool fits = n > 0 && (size_t)n < sizeof term && len + (size_t)n < size;
  if (fits) memcpy(list + len, term, (size_t)n + 1);
  return fits;
}

/* The ones that `list` has not yet, in any spelling. */
static bool is_listed(const char *const *addresses, size_t index) {
  struct sockaddr_storage a, b;
  if (ip_parse(addresses[index], 0, &a) != OK) return true; /* no address at all */
  for (size_t i = 0; i < index; i++)
    if (ip_parse(addresses[i], 0, &b) == OK && memcmp(&a, &b, sizeof a) == 0) return true;
  return false;
}

/* How many find no room. */
static size_t choose(struct bytes record, const char *const *addresses, size_t count, struct spf_merge *out) {
  size_t left = 0;
  for (size_t i = 0; i < count; i++)
    if (!is_listed(addresses, i) && qualifier_of(record, addresses[i]) != '+')
      left += !add_term(out->added, sizeof out->added, addresses[i]);
  return left;
}

static int add_addresses(struct buffer *value, const char *const *addresses, size_t count, struct spf_merge *out) {
  bool behind;
  size_t left = choose(buffer_bytes(value), addresses, count, out);
  if (left) note(out, "%zu more addresses find no room in it: write networks, as in ip4:192.0.2.0/24", left);
  if (!*out->added) return OK;
  size_t at = place_for(buffer_bytes(value), addresses, count, &behind);
  return insert(value, at, behind, out->added);
}

/* --- several records --- */

static bool has_term(struct bytes record, struct bytes text) {
  struct place p;
  for (size_t at = 0; next_term(record, &at, &p);)
    if (bytes_equal_nocase(p.text, text)) return true;
  return false;
}

/* The mechanisms of another record that the first has not; what decides in the end stays the first's. */
static int add_record(struct buffer *value, struct bytes other) {
  struct place p;
  int rc = OK;
  for (size_t at = 0; rc == OK && next_term(other, &at, &p);) {
    char text[SPF_TERM_MAX + 1];
    bool behind;
    if (!is_mechanism(&p.term) || p.term.kind == SPF_ALL || has_term(buffer_bytes(value), p.text)) continue;
    if (!bytes_copy(p.text, text, sizeof text)) continue;
    size_t place = place_for(buffer_bytes(value), NULL, 0, &behind);
    rc = insert(value, place, behind, text);
  }
  return rc;
}

/* --- the whole --- */

static void note_terms(struct spf_merge *out) {
  struct bytes record = bytes_of(out->value);
  struct place p;
  bool all = false, redirect = false, ptr = false, anybody = false;
  for (size_t at = 0; next_term(record, &at, &p);) {
    out->lookups += asks_dns(&p.term);
    all |= p.term.kind == SPF_ALL;
    redirect |= p.term.kind == SPF_REDIRECT;
    ptr |= p.term.kind == SPF_PTR;
    anybody |= p.term.kind == SPF_ALL && p.term.qualifier == '+';
  }
  out->lookups += redirect && !all; /* RFC 7208 6.1: beside "all" it does not count */
  if (out->lookups > LOOKUPS_MAX)
    note(out, "it takes %u DNS lookups, and with more than %d it counts for nothing (RFC 7208 4.6.4)", out->lookups,
         LOOKUPS_MAX);
  if (anybody) note(out, "its +all lets anybody send in its name");
  if (ptr) note(out, "ptr is slow and should not be used (RFC 7208 5.5)");
  if (!all && !redirect) note(out, "it says nothing of all other addresses: end it with ~all or -all");
  if (record.len > SPF_LENGTH_WARNED)
    note(out, "it has %zu octets, and more than %d may not fit into an answer (RFC 7208 3.4)", record.len,
         SPF_LENGTH_WARNED);
}

static int start(const struct bytes *records, size_t count, struct buffer *value, struct spf_merge *out) {
  struct spf_terms terms;
  struct reason why = {""};
  size_t good = 0, first = 0;
  for (size_t i = count; i-- > 0;) {
    if (spf_terms_read(records[i], &terms, &why) != OK) continue;
    good++;
    first = i;
  }
  out->state = count > 1        ? SPF_MERGE_SEVERAL
               : count && !good ? SPF_MERGE_BROKEN
               : count          ? SPF_MERGE_SAME
                                : SPF_MERGE_NEW;
  if (out->state == SPF_MERGE_SEVERAL)
    note(out, "there are %zu SPF records, and with more than one none counts (RFC 7208 4.5)", count);
  if (count && !good) note(out, "the record that is there cannot be used: %.200s", why.text);
  if (!good) return buffer_addf(value, VERSION " -all");
  int rc = buffer_add_bytes(value, records[first]);
  for (size_t i = first + 1; rc == OK && i < count; i++)
    if (spf_terms_read(records[i], &terms, &why) == OK) rc = add_record(value, records[i]);
  return rc;
}

void spf_merge(const struct bytes *records, size_t count, const char *const *addresses, size_t address_count,
               struct spf_merge *out) {
  struct buffer value;
  memset(out, 0, sizeof *out);
  buffer_init(&value, sizeof out->value - 1);
  int rc = start(records, count, &value, out);
  if (rc == OK) rc = add_addresses(&value, addresses, address_count, out);
  if (rc == OK && out->state == SPF_MERGE_SAME && *out->added) out->state = SPF_MERGE_ADDED_TO;
  if (rc == OK)
    bytes_copy(buffer_bytes(&value), out->value, sizeof out->value);
  else
    note(out, "the record would be longer than anybody reads");
  buffer_free(&value);
  if (*out->value) note_terms(out);
}
