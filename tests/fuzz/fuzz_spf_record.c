/* What a stranger's DNS zone says: TXT and name RDATA, and the terms of an SPF record, which are handed to libspf2. The
 * input is RDATA; the first octet says how much room there is for its text. */
#include "tests/fuzz/fuzz.h"

#include "base/address/cidr.h"
#include "policy/spf/rdata.h"
#include "policy/spf/spf.h"
#include "policy/spf/spf_macro.h"
#include "policy/spf/spf_terms.h"

#include <arpa/nameser.h>

static void name(struct bytes rdata) {
  char out[NAME_MAX_TEXT + 1], question[NAME_MAX_TEXT + 1], again[NAME_MAX_TEXT + 1];
  if (!rdata_name(rdata, out)) return;
  size_t label = 0;
  CHECK(strlen(out) <= NAME_MAX_TEXT && *out);
  for (const char *c = out; *c; c++) {
    label = *c == '.' ? 0 : label + 1;
    CHECK(label <= 63 && *c > 32 && *c < 127);
  }
  if (strcmp(out, ".") == 0) return;
  CHECK(question_name(out, question) && strcmp(out, question) == 0);
  CHECK(question_name(question, again) && strcmp(question, again) == 0);
}

static void question(struct bytes text) {
  char out[NAME_MAX_TEXT + 1], again[NAME_MAX_TEXT + 1], *typed = bytes_dup(text);
  if (typed && question_name(typed, out)) {
    CHECK(*out && strlen(out) <= NAME_MAX_TEXT && question_name(out, again) && strcmp(out, again) == 0);
  }
  free(typed);
}

static bool within(struct bytes whole, struct bytes part) {
  return part.at >= whole.at && part.at + part.len <= whole.at + whole.len;
}

static void is_term(struct bytes record, const struct spf_term *t) {
  CHECK(t->kind <= SPF_OTHER_MODIFIER && t->ip4_len <= 32 && t->ip6_len <= 128);
  CHECK(t->kind >= SPF_REDIRECT || memchr("+-~?", t->qualifier, 4));
  if (t->domain.len) {
    struct reason why = {""};
    CHECK(within(record, t->domain) && !memchr(t->domain.at, ' ', t->domain.len));
    CHECK(spf_domain_spec_check(t->domain, &why) == OK); /* also without its final dot */
    CHECK(t->kind != SPF_ALL && t->kind != SPF_IP4 && t->kind != SPF_IP6 && t->kind != SPF_OTHER_MODIFIER);
  }
  CHECK((t->kind == SPF_IP4 || t->kind == SPF_IP6) == (t->network.len > 0));
  if (t->network.len) CHECK(within(record, t->network) && t->network.len < IP_TEXT);
}

static void terms(struct bytes record) {
  static struct spf_terms t;
  struct reason why = {""};
  int rc = spf_terms_read(record, &t, &why);
  CHECK(rc == OK || rc == E_SYNTAX || rc == E_TOO_BIG);
  CHECK((rc == OK) == !*why.text);
  if (rc != OK) return;
  CHECK(t.count <= SPF_MECHANISMS_MAX);
  for (size_t i = 0; i < t.count; i++) {
    CHECK(t.mechanism[i].kind <= SPF_EXISTS);
    is_term(record, &t.mechanism[i]);
  }
  if (t.redirect.domain.len) is_term(record, &t.redirect);
}

/* A term alone, whatever the text. */
static void term(struct bytes text) {
  struct spf_term t;
  struct reason why = {""};
  for (size_t i = 0; i < text.len; i++)
    if (text.at[i] <= ' ' || text.at[i] > '~') return;
  int rc = spf_term_read(text, &t, &why);
  CHECK(rc == OK || rc == E_SYNTAX);
  CHECK((rc == OK) == !*why.text);
  if (rc == OK) is_term(text, &t);
}

/* --- the whole check, for any source, in a world of one record --- */

static void answer(void *arg, const char *name, int type, struct dns_answer *out) {
  struct dns_record *record = arg;
  (void)name;
  out->ttl = 300;
  out->status = type == ns_t_txt ? DNS_FOUND : DNS_NXDOMAIN;
  out->count = type == ns_t_txt;
  out->records = type == ns_t_txt ? record : NULL;
}

static void release(void *arg, struct dns_answer *given) {
  (void)arg;
  (void)given;
}

/* "%{p}" is libspf2's, which does not know all delimiters. */
static bool has_names(struct bytes rdata) {
  for (size_t i = 0; i + 2 < rdata.len; i++)
    if (rdata.at[i] == '{' && (rdata.at[i + 1] | 32) == 'p') return true;
  return false;
}

static void whole(struct bytes rdata) {
  static const char *const sources[] = {"192.0.2.1", "2001:db8::1"};
  struct dns_record record = {rdata};
  struct dns_source dns = {&record, answer, release};
  for (size_t i = 0; i < 2; i++) {
    struct spf_verdict v;
    spf_check(&dns, sources[i], "a.b-c@e.org", "smtp.e.org", &v);
    CHECK(v.result <= SPF_PERMERROR && v.result != SPF_TEMPERROR && v.ttl >= 5);
    for (const char *c = v.why; *c; c++) CHECK(*c >= ' ' && *c <= '~');
    CHECK(!strstr(v.why, "a term of it:") || has_names(rdata)); /* what is well-formed, libspf2 takes */
  }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  struct bytes in = {(const char *)data, size}, text;
  size_t room = take_octet(&in) * 16u;
  char *hold, *hold_room = malloc(room + 1), *hold_text;
  CHECK(hold_room);
  struct bytes rdata = exact(in, &hold);
  int rc = rdata_text(rdata, hold_room, room, &text);
  CHECK(rc == OK || rc == E_SYNTAX || rc == E_TOO_BIG);
  CHECK(text.at == hold_room && text.len <= room);
  struct bytes record = exact(text, &hold_text);
  if (spf_is_record(record)) {
    terms(record);
    whole(rdata);
  }
  term(record);
  name(rdata);
  question(rdata);
  free(hold);
  free(hold_room);
  free(hold_text);
  return 0;
}
