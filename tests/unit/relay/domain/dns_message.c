/* What a server's reply says, and replies that no server would send. */
#include "relay/domain/dns_message.h"

#include <ldns/ldns.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/exact.h"

#define NAME "k.d.example"

static const struct sample {
  const char *what;
  ldns_pkt_rcode rcode;
  bool not_authoritative;
  const char *question;  /* NULL: NAME */
  const char *answer[4]; /* records */
  const char *authority[2];
  enum reply_kind kind;
  enum dns_status status;
  size_t count;
  const char *text; /* alias, or why; NULL: none */
} samples[] = {
    {"a record", .answer = {"k.d.example. 60 IN TXT \"x\""}, .status = DNS_FOUND, .count = 1},
    {"other case", .answer = {"K.D.Example. 60 IN TXT \"x\""}, .status = DNS_FOUND, .count = 1},
    {"two, and others beside them",
     .answer = {"k.d.example. 60 IN TXT \"x\"", "k.d.example. 60 IN A 192.0.2.1", "l.d.example. 60 IN TXT \"z\"",
                "k.d.example. 60 IN TXT \"y\""},
     .status = DNS_FOUND, .count = 2},
    {"no such name", .rcode = LDNS_RCODE_NXDOMAIN, .status = DNS_NXDOMAIN},
    {"nothing of that kind", .authority = {"d.example. 60 IN SOA ns.d.example. h.d.example. 1 2 3 4 5"},
     .status = DNS_NODATA},
    {"an alias within the zone", .answer = {"k.d.example. 60 IN CNAME l.d.example.", "l.d.example. 60 IN TXT \"x\""},
     .status = DNS_FOUND, .count = 1},
    {"an alias out of it, whose records do not count",
     .answer = {"k.d.example. 60 IN CNAME l.e.example.", "l.e.example. 60 IN TXT \"x\""}, .kind = REPLY_ALIAS,
     .status = DNS_FAILED, .text = "l.e.example"},
    {"an alias into a zone below", .answer = {"k.d.example. 60 IN CNAME l.b.d.example."},
     .authority = {"b.d.example. 60 IN NS ns.b.d.example."}, .kind = REPLY_ALIAS, .status = DNS_FAILED,
     .text = "l.b.d.example"},
    {"an alias of itself", .answer = {"k.d.example. 60 IN CNAME k.d.example."}, .kind = REPLY_NONE,
     .status = DNS_FAILED, .text = "its CNAME records lead nowhere"},
    {"a referral", .authority = {"k.d.example. 60 IN NS ns.k.d.example."}, .kind = REPLY_NONE, .status = DNS_FAILED,
     .text = "refers to other servers"},
    {"another question", .question = "l.d.example", .answer = {"k.d.example. 60 IN TXT \"x\""}, .kind = REPLY_NONE,
     .status = DNS_FAILED, .text = "answers another question"},
    {"an error", .rcode = LDNS_RCODE_REFUSED, .kind = REPLY_NONE, .status = DNS_FAILED, .text = "answers REFUSED"},
    {"no authority", .not_authoritative = true, .answer = {"k.d.example. 60 IN TXT \"x\""}, .kind = REPLY_NONE,
     .status = DNS_FAILED, .text = "is not authoritative for the zone"},
};

static void push(ldns_pkt *p, ldns_pkt_section section, const char *text) {
  ldns_rr *rr = NULL;
  if (!text) return;
  assert_int_equal(ldns_rr_new_frm_str(&rr, text, 0, NULL, NULL), LDNS_STATUS_OK);
  assert_true(ldns_pkt_push_rr(p, section, rr));
}

static uint8_t *make(const struct sample *s, size_t *len) {
  uint8_t *wire = NULL;
  ldns_pkt *p = ldns_pkt_query_new(ldns_dname_new_frm_str(s->question ? s->question : NAME), LDNS_RR_TYPE_TXT,
                                   LDNS_RR_CLASS_IN, LDNS_QR);
  ldns_pkt_set_rcode(p, (uint8_t)s->rcode);
  ldns_pkt_set_aa(p, !s->not_authoritative);
  for (size_t i = 0; i < COUNT_OF(s->answer); i++) push(p, LDNS_SECTION_ANSWER, s->answer[i]);
  for (size_t i = 0; i < COUNT_OF(s->authority); i++) push(p, LDNS_SECTION_AUTHORITY, s->authority[i]);
  assert_int_equal(ldns_pkt2wire(&wire, p, len), LDNS_STATUS_OK);
  ldns_pkt_free(p);
  return wire;
}

static void test_samples(void **state) {
  (void)state;
  for (size_t i = 0; i < COUNT_OF(samples); i++) {
    const struct sample *s = &samples[i];
    struct dns_reply got;
    size_t len;
    uint8_t *wire = make(s, &len);
    print_message("%s\n", s->what);
    dns_reply_read((struct bytes){(const char *)wire, len}, "d.example", NAME, LDNS_RR_TYPE_TXT, &got);
    assert_int_equal(got.kind, s->kind);
    assert_int_equal(got.answer.status, s->status);
    assert_int_equal(got.answer.count, s->count);
    if (s->text) assert_string_equal(got.kind == REPLY_ALIAS ? got.alias : got.why, s->text);
    if (s->count) assert_memory_equal(got.answer.records[0].data.at, "\1x", 2);
    dns_answer_clear(&got.answer);
    free(wire);
  }
}

/* Whatever a stranger sends: each octet changed, and cut at each place. */
static void test_damaged(void **state) {
  (void)state;
  for (size_t i = 0; i < COUNT_OF(samples); i++) {
    size_t len;
    uint8_t *wire = make(&samples[i], &len);
    for (size_t at = 0; at < 3 * len; at++) {
      struct dns_reply got;
      char *hold;
      uint8_t before = wire[at % len];
      wire[at % len] = (uint8_t)(at < len ? 0xff : at < 2 * len ? 0xc0 : before);
      struct bytes copy = exact_copy((struct bytes){(const char *)wire, at < 2 * len ? len : at - 2 * len}, &hold);
      dns_reply_read(copy, "d.example", NAME, LDNS_RR_TYPE_TXT, &got);
      dns_answer_clear(&got.answer);
      free(hold);
      wire[at % len] = before;
    }
    free(wire);
  }
}

static void test_questions(void **state) {
  (void)state;
  static const char *const good[] = {"", "example.com", "s1._domainkey.example.com"};
  for (size_t i = 0; i < COUNT_OF(good); i++) {
    struct buffer b;
    assert_int_equal(dns_question(good[i], LDNS_RR_TYPE_TXT, &b), OK);
    assert_true(b.len > 12 && (b.at[2] & 1) == 0);
    buffer_free(&b);
  }
  struct buffer b;
  assert_int_equal(dns_question("a..b", LDNS_RR_TYPE_TXT, &b), E_SYNTAX);
  buffer_free(&b);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_samples), cmocka_unit_test(test_damaged),
                                     cmocka_unit_test(test_questions)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
