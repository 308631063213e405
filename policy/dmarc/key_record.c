#include "policy/dmarc/key_record.h"

#include "base/clock.h"
#include "base/text/text.h"
#include "policy/spf/rdata.h"
#include "policy/tag_list.h"

#include <arpa/nameser.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define RECORD_MAX 4096 /* an RSA key of 16,384 bits fits */
#define TTL_MIN 5
#define TTL_MAX 86400

/* --- the record --- */

static bool list_has(struct bytes list, struct bytes word) {
  for (size_t i = 0, end; i < list.len; i = end + 1) {
    end = bytes_find(list, ':', i);
    if (bytes_equal(bytes_trim((struct bytes){list.at + i, end - i}), word)) return true;
  }
  return false;
}

static const struct bytes names[] = {{"v", 1}, {"k", 1}, {"p", 1}, {"t", 1}, {"s", 1}, {"h", 1}};
enum { T_V, T_K, T_P, T_T, T_S, T_H, T_COUNT };

/* Names count with their case (RFC 6376 3.2). */
static int tag_index(struct bytes name) {
  int i = 0;
  while (i < T_COUNT && !bytes_equal(name, names[i])) i++;
  return i;
}

static int read_tags(struct bytes text, struct bytes v[T_COUNT + 1], struct reason *why) {
  struct tag tag;
  size_t at = 0, count = 0;
  for (int rc; (rc = tag_next(text, &at, &tag)) != 0; count++) {
    if (rc != 1) return fail(why, E_SYNTAX, "it is no tag list");
    int i = tag_index(tag.name);
    if (i == T_COUNT) continue;
    if (v[i].at) return fail(why, E_SYNTAX, "%s= is there twice", names[i].at);
    if (i == T_V && count) return fail(why, E_SYNTAX, "v= is not the first tag");
    v[i] = tag.value;
  }
  return OK;
}

int key_record_read(struct bytes text, struct key_record *out, struct reason *why) {
  struct bytes v[T_COUNT + 1] = {{NULL, 0}};
  int rc = read_tags(text, v, why);
  if (rc != OK) return rc;
  if (v[T_V].at && !bytes_equal(v[T_V], BYTES("DKIM1"))) return fail(why, E_SYNTAX, "v= is not DKIM1");
  if (!v[T_P].at) return fail(why, E_SYNTAX, "it has no p=");
  *out = (struct key_record){.k = v[T_K].at ? v[T_K] : BYTES("rsa"),
                             .p = v[T_P],
                             .testing = list_has(v[T_T], BYTES("y")),
                             .strict = list_has(v[T_T], BYTES("s")),
                             .for_mail = !v[T_S].at || list_has(v[T_S], BYTES("*")) || list_has(v[T_S], BYTES("email")),
                             .for_sha256 = !v[T_H].at || list_has(v[T_H], BYTES("sha256"))};
  return OK;
}

static bool counts(char c) {
  return c != ' ' && c != '\t' && c != '\r' && c != '\n' && c != '=';
}

bool key_record_has(const struct key_record *record, const char *public_base64) {
  const char *ours = public_base64;
  for (size_t i = 0; i < record->p.len; i++) {
    if (!counts(record->p.at[i])) continue;
    while (*ours && !counts(*ours)) ours++;
    if (!*ours || *ours++ != record->p.at[i]) return false;
  }
  while (*ours && !counts(*ours)) ours++;
  return !*ours && record->p.len;
}

/* --- the check --- */

const char *published_key_name(enum published_key s) {
  static const char *const states[] = {"matches", "missing", "revoked", "differs", "unknown"};
  return states[s];
}

static void __attribute__((format(printf, 3, 4)))
say(struct key_verdict *out, enum published_key state, const char *format, ...) {
  va_list args;
  va_start(args, format);
  out->state = state;
  vsnprintf(out->why, sizeof out->why, format, args);
  va_end(args);
  text_clean(out->why, true); /* a stranger's record may be in it */
}

static void judge(struct key_verdict *out, const struct key_record *r, enum key_algorithm algorithm,
                  const char *public_base64) {
  const char *k = key_algorithm_name(algorithm);
  out->testing = r->testing;
  if (!r->p.len)
    say(out, PUBLISHED_REVOKED, "the key at %.200s is revoked (its p= is empty)", out->name);
  else if (!bytes_equal(r->k, bytes_of(k)))
    say(out, PUBLISHED_DIFFERS, "the key at %.180s is for k=%.*s, and ours is k=%s", out->name,
        (int)(r->k.len < 20 ? r->k.len : 20), r->k.at, k);
  else if (!r->for_mail)
    say(out, PUBLISHED_DIFFERS, "the key at %.200s is not for mail (its s= says so)", out->name);
  else if (!r->for_sha256)
    say(out, PUBLISHED_DIFFERS, "the key at %.200s is not for sha256 (its h= says so)", out->name);
  else if (!key_record_has(r, public_base64))
    say(out, PUBLISHED_DIFFERS, "the key at %.180s is not the one that mail is signed with", out->name);
  else
    say(out, PUBLISHED_MATCHES, "the key at %.200s is ours", out->name);
}

static void judge_text(struct key_verdict *out, struct bytes rdata, enum key_algorithm algorithm,
                       const char *public_base64) {
  char room[RECORD_MAX];
  struct bytes text;
  struct key_record record;
  struct reason why = {""};
  int rc = rdata_text(rdata, room, sizeof room, &text);
  if (rc != OK)
    fail(&why, rc, rc == E_TOO_BIG ? "it is longer than anybody reads" : "the TXT record is not well-formed");
  else
    rc = key_record_read(text, &record, &why);
  if (rc == OK)
    judge(out, &record, algorithm, public_base64);
  else
    say(out, PUBLISHED_DIFFERS, "the record at %.150s cannot be used: %.60s", out->name, why.text);
}

static void lookup(const struct dns_source *dns, const char *name, uint64_t deadline_ms, struct dns_answer *out) {
  char question[NAME_MAX_TEXT + 1];
  *out = (struct dns_answer){.status = DNS_NXDOMAIN, .ttl = TTL_MAX};
  if (strlen(name) > NAME_MAX_TEXT || !question_name(name, question)) return; /* it can have no records */
  out->status = DNS_FAILED;
  if (clock_monotonic_ms() < deadline_ms) dns->lookup(dns->arg, question, ns_t_txt, out);
}

void key_judge(const struct dns_answer *answer, const char *selector, const char *domain, enum key_algorithm algorithm,
               const char *public_base64, struct key_verdict *out) {
  *out = (struct key_verdict){.ttl = TTL_MIN};
  snprintf(out->name, sizeof out->name, "%.200s._domainkey.%.255s", selector, domain);
  if (answer->status == DNS_FAILED)
    say(out, PUBLISHED_UNKNOWN, "%s for %.200s", dns_failure(answer->bogus), out->name);
  else if (!answer->count)
    say(out, PUBLISHED_MISSING, "there is no TXT record at %.200s", out->name);
  else if (answer->count > 1)
    say(out, PUBLISHED_DIFFERS, "there are %zu TXT records at %.150s, and one must be there alone", answer->count,
        out->name);
  else
    judge_text(out, answer->records[0].data, algorithm, public_base64);
  if (answer->status != DNS_FAILED && answer->ttl > TTL_MIN) out->ttl = answer->ttl < TTL_MAX ? answer->ttl : TTL_MAX;
}

void key_check(const struct dns_source *dns, const char *selector, const char *domain, enum key_algorithm algorithm,
               const char *public_base64, uint64_t deadline_ms, struct key_verdict *out) {
  struct dns_answer answer;
  char name[sizeof out->name];
  snprintf(name, sizeof name, "%.200s._domainkey.%.255s", selector, domain);
  lookup(dns, name, deadline_ms, &answer);
  key_judge(&answer, selector, domain, algorithm, public_base64, out);
  if (answer.records || answer.owner) dns->release(dns->arg, &answer);
}
