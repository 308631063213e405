#include "policy/spf/spf_questions.h"

#include "base/clock.h"

#include <arpa/nameser.h>
#include <string.h>

#define TTL_UNASKED 86400

/* False when the name is none, and nothing was asked. */
static bool ask(struct spf_questions *q, const char *name, int type, struct dns_answer *out) {
  char question[NAME_MAX_TEXT + 1];
  memset(out, 0, sizeof *out);
  out->status = DNS_NXDOMAIN;
  out->ttl = TTL_UNASKED;
  if (!question_name(name, question)) return false; /* RFC 7208 4.3, 4.8: nothing can be there */
  out->status = DNS_FAILED;
  if (clock_monotonic_ms() < q->deadline_ms) q->dns->lookup(q->dns->arg, question, type, out);
  if (out->status == DNS_FAILED) {
    memcpy(q->failed_name, question, sizeof question);
    q->failed_bogus = out->bogus;
  } else if (out->ttl < q->ttl) {
    q->ttl = out->ttl;
  }
  return true;
}

void spf_answer_release(struct spf_questions *q, struct dns_answer *answer) {
  if (answer->records || answer->owner) q->dns->release(q->dns->arg, answer);
}

bool spf_count_lookup(struct spf_questions *q) {
  if (++q->lookups <= SPF_LOOKUPS_MAX) return true;
  fail(&q->broken, E_LIMIT, "it takes more than %d DNS lookups (RFC 7208 4.6.4)", SPF_LOOKUPS_MAX);
  return false;
}

static bool count_void(struct spf_questions *q) {
  if (++q->voids <= SPF_VOIDS_MAX) return true;
  fail(&q->broken, E_LIMIT, "more than %d of its DNS lookups find nothing (RFC 7208 4.6.4)", SPF_VOIDS_MAX);
  return false;
}

/* --- the terms --- */

void spf_expect(struct spf_questions *q, const char *name) {
  if (q->expected_count == SPF_NAMES_MAX) return;
  memcpy(q->expected[q->expected_count++], name, strlen(name) + 1);
}

/* libspf2 asks for the hosts of an mx or ptr term in the order in which it got them. */
static bool is_expected(struct spf_questions *q, const char *name) {
  if (q->expected_at < q->expected_count && strcmp(q->expected[q->expected_at], name) == 0) {
    q->expected_at++;
    return true;
  }
  q->expected_at = q->expected_count = 0;
  return false;
}

/* RFC 7208 5.5: names of the address that DNS does not tell are passed over. */
static bool pass_over(struct spf_questions *q, struct dns_answer *answer) {
  q->names_failed = true;
  answer->status = DNS_NODATA;
  return true;
}

bool spf_ask_term(struct spf_questions *q, const char *name, int type, struct dns_answer *answer) {
  memset(answer, 0, sizeof *answer);
  answer->status = DNS_FAILED;
  bool expected = is_expected(q, name);
  if (!expected) q->expected_ptr = type == ns_t_ptr;
  if (!expected && !spf_count_lookup(q)) return false;
  bool asked = ask(q, name, type, answer);
  if (answer->status == DNS_FAILED) {
    if (q->expected_ptr) return pass_over(q, answer);
    q->failed = true;
    return false;
  }
  return answer->status == DNS_FOUND || expected || !asked || count_void(q);
}

/* --- records --- */

int spf_find_record(struct spf_questions *q, const char *domain, char text[SPF_RECORD_MAX], struct bytes *out,
                    struct reason *why) {
  struct dns_answer answer;
  char room[SPF_RECORD_MAX];
  unsigned found = 0;
  int rc = OK;
  ask(q, domain, ns_t_txt, &answer);
  for (size_t i = 0; i < answer.count; i++) {
    struct bytes one;
    int read = rdata_text(answer.records[i].data, room, sizeof room, &one);
    if (!spf_is_record(one) || found++) continue;
    memcpy(text, one.at, one.len);
    *out = (struct bytes){text, one.len};
    if (read != OK) rc = read;
  }
  q->failed |= answer.status == DNS_FAILED;
  enum dns_status status = answer.status;
  spf_answer_release(q, &answer);
  if (status == DNS_FAILED) return E_TEMPORARY;
  if (!found) return E_NOT_FOUND;
  if (found > 1) return fail(why, E_SYNTAX, "there is more than one record (RFC 7208 4.5)");
  if (rc == E_TOO_BIG) return fail(why, E_SYNTAX, "it is longer than anybody reads");
  return rc == OK ? OK : fail(why, E_SYNTAX, "the TXT record is not well-formed");
}
