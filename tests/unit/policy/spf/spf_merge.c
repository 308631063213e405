/* Adding the addresses that mail leaves from to an SPF record. */
#include "policy/spf/spf_merge.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/exact.h"

#define A "192.0.2.1"
#define B "198.51.100.7"
#define SIX "2001:db8::1"

static const struct sample {
  const char *records[3], *addresses[5];
  enum spf_merge_state state;
  const char *value, *added; /* added NULL: nothing */
  const char *note;          /* a part of it; NULL: none at all */
  unsigned lookups;
} samples[] = {
    /* The first record. */
    {{NULL}, {A}, SPF_MERGE_NEW, "v=spf1 ip4:" A " -all", "ip4:" A},
    {{NULL},
     {A, SIX, A, B},
     SPF_MERGE_NEW,
     "v=spf1 ip4:" A " ip6:" SIX " ip4:" B " -all",
     "ip4:" A " ip6:" SIX " ip4:" B},
    {{NULL}, {SIX, "2001:DB8:0::1"}, SPF_MERGE_NEW, "v=spf1 ip6:" SIX " -all", "ip6:" SIX},
    {{NULL}, {NULL}, SPF_MERGE_NEW, "v=spf1 -all"},
    /* Before all, and nothing else changed. */
    {{"v=spf1 -all"}, {A}, SPF_MERGE_ADDED_TO, "v=spf1 ip4:" A " -all", "ip4:" A},
    {{"v=spf1 mx ~all"},
     {A, SIX},
     SPF_MERGE_ADDED_TO,
     "v=spf1 mx ip4:" A " ip6:" SIX " ~all",
     "ip4:" A " ip6:" SIX,
     .lookups = 1},
    {{"V=SPF1  a   MX  ?ALL exp=e.example.com"},
     {A},
     SPF_MERGE_ADDED_TO,
     "V=SPF1  a   MX  ip4:" A " ?ALL exp=e.example.com",
     "ip4:" A,
     .lookups = 2},
    {{"v=spf1 include:_spf.example.net -all"},
     {A},
     SPF_MERGE_ADDED_TO,
     "v=spf1 include:_spf.example.net ip4:" A " -all",
     "ip4:" A,
     .lookups = 1},
    {{"v=spf1 exists:%{i}._spf.example.net -all"},
     {A},
     SPF_MERGE_ADDED_TO,
     "v=spf1 exists:%{i}._spf.example.net ip4:" A " -all",
     "ip4:" A,
     .lookups = 1},
    /* What is there is not added again. */
    {{"v=spf1 ip4:" A " -all"}, {A}, SPF_MERGE_SAME, "v=spf1 ip4:" A " -all"},
    {{"v=spf1 +ip4:" A " -all"}, {A, A}, SPF_MERGE_SAME, "v=spf1 +ip4:" A " -all"},
    {{"v=spf1 ip4:192.0.2.0/24 -all"}, {A}, SPF_MERGE_SAME, "v=spf1 ip4:192.0.2.0/24 -all"},
    {{"v=spf1 ip4:192.0.2.9/28 -all"}, {A}, SPF_MERGE_SAME, "v=spf1 ip4:192.0.2.9/28 -all"},
    {{"v=spf1 ip4:192.0.2.9/29 -all"}, {A}, SPF_MERGE_ADDED_TO, "v=spf1 ip4:192.0.2.9/29 ip4:" A " -all", "ip4:" A},
    {{"v=spf1 ip6:2001:0DB8::/32 -all"}, {SIX}, SPF_MERGE_SAME, "v=spf1 ip6:2001:0DB8::/32 -all"},
    {{"v=spf1 ip4:0.0.0.0/0 -all"}, {A, SIX}, SPF_MERGE_ADDED_TO, "v=spf1 ip4:0.0.0.0/0 ip6:" SIX " -all", "ip6:" SIX},
    {{"v=spf1 -all"}, {NULL}, SPF_MERGE_SAME, "v=spf1 -all"},
    /* Behind all, nothing counts. */
    {{"v=spf1 -all ip4:" A}, {A}, SPF_MERGE_ADDED_TO, "v=spf1 ip4:" A " -all ip4:" A, "ip4:" A},
    /* A term that would fail the address comes after it. */
    {{"v=spf1 mx -ip4:192.0.2.0/24 a -all"},
     {A, B},
     SPF_MERGE_ADDED_TO,
     "v=spf1 mx ip4:" A " ip4:" B " -ip4:192.0.2.0/24 a -all",
     "ip4:" A " ip4:" B,
     .lookups = 2},
    {{"v=spf1 ip4:" A " -ip4:192.0.2.0/24 -all"}, {A}, SPF_MERGE_SAME, "v=spf1 ip4:" A " -ip4:192.0.2.0/24 -all"},
    {{"v=spf1 ?ip4:" A " -all"}, {A}, SPF_MERGE_ADDED_TO, "v=spf1 ip4:" A " ?ip4:" A " -all", "ip4:" A},
    /* redirect= counts when nothing matches: our terms do before. */
    {{"v=spf1 redirect=_spf.example.net"},
     {A},
     SPF_MERGE_ADDED_TO,
     "v=spf1 ip4:" A " redirect=_spf.example.net",
     "ip4:" A,
     .lookups = 1},
    {{"v=spf1 mx redirect=_spf.example.net exp=e.example.net"},
     {A},
     SPF_MERGE_ADDED_TO,
     "v=spf1 mx ip4:" A " redirect=_spf.example.net exp=e.example.net",
     "ip4:" A,
     .lookups = 2},
    {{"v=spf1 redirect=_spf.example.net mx"},
     {A},
     SPF_MERGE_ADDED_TO,
     "v=spf1 redirect=_spf.example.net mx ip4:" A,
     "ip4:" A,
     .lookups = 2},
    /* What a person should know. */
    {{"v=spf1"}, {A}, SPF_MERGE_ADDED_TO, "v=spf1 ip4:" A, "ip4:" A, "end it with ~all or -all"},
    {{"v=spf1 +all"}, {A}, SPF_MERGE_ADDED_TO, "v=spf1 ip4:" A " +all", "ip4:" A, "lets anybody send"},
    {{"v=spf1 all"}, {A}, SPF_MERGE_ADDED_TO, "v=spf1 ip4:" A " all", "ip4:" A, "lets anybody send"},
    {{"v=spf1 ptr -all"}, {A}, SPF_MERGE_ADDED_TO, "v=spf1 ptr ip4:" A " -all", "ip4:" A, "ptr is slow", 1},
    {{"v=spf1 a mx a:b.example mx:b.example include:c.example include:d.example include:e.example exists:f.example "
      "a:g.example a:h.example a:i.example -all"},
     {NULL},
     SPF_MERGE_SAME,
     "v=spf1 a mx a:b.example mx:b.example include:c.example include:d.example include:e.example exists:f.example "
     "a:g.example a:h.example a:i.example -all",
     .note = "it takes 11 DNS lookups",
     .lookups = 11},
    /* Several: one in place of them. */
    {{"v=spf1 mx -all", "v=spf1 a MX ip4:" B " ~all"},
     {A},
     SPF_MERGE_SEVERAL,
     "v=spf1 mx a ip4:" B " ip4:" A " -all",
     "ip4:" A,
     "there are 2 SPF records",
     2},
    {{"v=spf1 ip4:" A " -all", "v=spf1 ip4:" A " -all"},
     {A},
     SPF_MERGE_SEVERAL,
     "v=spf1 ip4:" A " -all",
     .note = "there are 2 SPF records"},
    {{"v=spf1 redirect:x", "v=spf1 mx -all"},
     {A},
     SPF_MERGE_SEVERAL,
     "v=spf1 mx ip4:" A " -all",
     "ip4:" A,
     "2 SPF records",
     1},
    /* One that counts for nothing. */
    {{"v=spf1 ip4:300.1.1.1 -all"},
     {A},
     SPF_MERGE_BROKEN,
     "v=spf1 ip4:" A " -all",
     "ip4:" A,
     "cannot be used: \"ip4:300.1.1.1\""},
    {{"v=spf1 a:192.0.2.1 -all"}, {A}, SPF_MERGE_BROKEN, "v=spf1 ip4:" A " -all", "ip4:" A, "cannot be used"},
    {{"v=spf1 redirect=a.example redirect=b.example"},
     {A},
     SPF_MERGE_BROKEN,
     "v=spf1 ip4:" A " -all",
     "ip4:" A,
     "is there twice"},
};

static size_t length(const char *const *list, size_t most) {
  size_t n = 0;
  while (n < most && list[n]) n++;
  return n;
}

static void merge(const struct sample *s, struct spf_merge *out) {
  struct bytes records[3];
  char *hold[3];
  size_t count = length(s->records, 3);
  for (size_t i = 0; i < count; i++) records[i] = exact_copy(bytes_of(s->records[i]), &hold[i]);
  spf_merge(records, count, s->addresses, length(s->addresses, 5), out);
  for (size_t i = 0; i < count; i++) free(hold[i]);
}

static void test_samples(void **state) {
  (void)state;
  for (size_t i = 0; i < COUNT_OF(samples); i++) {
    const struct sample *s = &samples[i];
    struct spf_merge got;
    print_message("%zu %s\n", i, s->records[0] ? s->records[0] : "none");
    merge(s, &got);
    assert_string_equal(got.value, s->value);
    assert_string_equal(got.added, s->added ? s->added : "");
    assert_int_equal(got.state, s->state);
    assert_int_equal(got.lookups, s->lookups);
    if (!s->note)
      assert_string_equal(got.note, "");
    else if (!strstr(got.note, s->note))
      fail_msg("\"%s\" is not in \"%s\"", s->note, got.note);
  }
}

/* What was made is not changed again. */
static void test_merged_is_the_same(void **state) {
  (void)state;
  for (size_t i = 0; i < COUNT_OF(samples); i++) {
    struct spf_merge first, again;
    merge(&samples[i], &first);
    struct bytes made = bytes_of(first.value);
    spf_merge(&made, 1, samples[i].addresses, length(samples[i].addresses, 5), &again);
    assert_int_equal(again.state, SPF_MERGE_SAME);
    assert_string_equal(again.value, first.value);
  }
}

static void test_long(void **state) {
  (void)state;
  static char texts[400][20];
  static const char *list[400];
  struct spf_merge got;
  for (size_t i = 0; i < 400; i++) {
    snprintf(texts[i], sizeof texts[i], "192.0.%zu.%zu", i / 200, i % 200 + 20);
    list[i] = texts[i];
  }
  spf_merge(NULL, 0, list, 40, &got);
  assert_non_null(strstr(got.note, "may not fit into an answer"));
  assert_non_null(strstr(got.value, "ip4:192.0.0.59 -all"));
  spf_merge(NULL, 0, list, 400, &got); /* more than is ever added */
  assert_non_null(strstr(got.note, "more addresses find no room"));
  assert_true(strlen(got.value) < sizeof got.value);
  assert_string_equal(got.value + strlen(got.value) - 5, " -all");
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_samples), cmocka_unit_test(test_merged_is_the_same),
                                     cmocka_unit_test(test_long)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
