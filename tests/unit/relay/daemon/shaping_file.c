/* The table of providers: what it gives, that each mistake is reported with its line, and that each rule that is
 * shipped fires. */
#include "relay/daemon/shaping_file.h"
#include "base/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SHIPPED "../../deploy/shaping.conf" /* tests run in tests/unit */

static char folder[] = "/tmp/sendoff-shaping-XXXXXX";
static char path[64];

static int make_folder(void **state) {
  (void)state;
  if (!mkdtemp(folder)) return -1;
  snprintf(path, sizeof path, "%s/shaping.conf", folder);
  return 0;
}

static int remove_folder(void **state) {
  (void)state;
  unlink(path);
  return rmdir(folder);
}

static void write_file(const char *text) {
  FILE *f = fopen(path, "w");
  assert_non_null(f);
  assert_true(fputs(text, f) >= 0);
  assert_int_equal(fclose(f), 0);
}

static void test_values(void **state) {
  (void)state;
  struct shaping *s;
  struct reason why;
  write_file(
      "default {\n  connections = 7\n}\n"
      "provider \"big\" {\n  mx = {\"MX.Example.Net\", \"example.org\"}\n  messages_per_minute = 30 # a comment\n"
      "  require_tls = yes\n  rule { reply = \"[X1]\" action = \"pause\" time = \"2h\" example = \"421 [X1] no\" }\n}\n"
      "rule { code = 45 reply = \"grey\" action = \"greylist\" example = \"450 greylisted\" }\n");
  assert_int_equal(shaping_load(path, &s, &why), OK);
  assert_int_equal(s->rest.limits.connections, 7);
  assert_int_equal(s->rest.limits.messages, 100);
  assert_int_equal(s->provider_count, 1);
  const struct shaping_provider *p = shaping_find(s, "big");
  assert_non_null(p);
  assert_null(shaping_find(s, "small"));
  assert_int_equal(p->limits.connections, 7); /* as everybody's */
  assert_int_equal(p->limits.per_minute, 30);
  assert_int_equal(p->limits.per_hour, 0);
  assert_true(p->limits.require_tls);
  assert_true(shaping_has_host(p, "a.mx.example.net"));
  assert_int_equal(p->rules[0].for_us, 7200 * SECOND_US);
  assert_int_equal(p->rules[0].line, 8);
  assert_ptr_equal(shaping_rule_for(s, p, 451, "", "greylisted"), &s->rest.rules[0]);
  shaping_release(&s);
}

static void test_each_mistake_is_reported_with_its_line(void **state) {
  (void)state;
#define P "provider \"p\" {\n  mx = {\"mx.example.net\"}\n" /* two lines */
#define R(reply, example) "  rule { reply = \"" reply "\" action = \"slow\" example = \"" example "\" }\n"
  static const struct {
    const char *text, *problem; /* "LINE: ...", as it begins */
  } cases[] = {
      {P "  speed = 3\n}\n", "3: no such option 'speed'"},
      {"defaults { }\n", "1: no such option 'defaults'"},
      {P "  connections = 0\n}\n", "3: connections = 0: write a number from 1"},
      {P "  connections = many\n}\n", "3: connections = many: write a number"},
      {P "  require_tls = maybe\n}\n", "3: require_tls = maybe: write yes or no"},
      {P "}\nprovider \"p\" {\n  mx = {\"a.example.net\"}\n}\n", "4: found duplicate title"},
      {"provider \"p\" {\n  connections = 3\n}\n", "2: provider \"p\" has no mx"},
      {"provider \"p q\" {\n  mx = {\"mx.example.net\"}\n}\n", "2: provider \"p q\": write a name"},
      {"provider \"p\" {\n\n  mx = {\"mx.example.net.\"}\n}\n",
       "3: mx \"mx.example.net.\": no exchanger's name ends with a dot"},
      {"provider \"p\" {\n  mx = {\".example.net\"}\n}\n", "2: mx \".example.net\": take the dot out"},
      {"provider \"p\" {\n  mx = {\"co.uk\"}\n}\n", "2: mx \"co.uk\" is a public suffix"},
      {"provider \"p\" {\n  mx = {\"com\"}\n}\n", "2: mx \"com\" is a public suffix"},
      {"provider \"p\" {\n  mx = {\"a b\"}\n}\n", "2: mx \"a b\" is no domain"},
      {P "}\nprovider \"q\" {\n  mx = {\"MX.example.net\"}\n}\n", "5: mx \"mx.example.net\" is another provider's"},
      {P "  rule { reply = \"x\" example = \"421 x\" }\n}\n", "3: this rule has no action"},
      {P "  rule { reply = \"x\" action = \"stop\" example = \"421 x\" }\n}\n", "3: action = stop: write"},
      {P "  rule { reply = \"x\" action = \"pause\" example = \"421 x\" }\n}\n", "3: action pause needs a time"},
      {P "  rule { reply = \"x\" action = \"slow\" time = \"1h\" example = \"421 x\" }\n}\n",
       "3: action slow has no time"},
      {P "  rule { reply = \"x\" action = \"pause\" time = \"9d\" example = \"421 x\" }\n}\n", "3: time = 9d"},
      {P "  rule { reply = \"x\" code = 250 action = \"slow\" example = \"250 x\" }\n}\n", "3: code = 250"},
      {P "  rule { action = \"slow\" example = \"421 x\" }\n}\n", "3: this rule is for every reply"},
      {P "  rule { reply = \"x\" action = \"slow\" }\n}\n", "3: this rule has no example"},
      {P R("x", "x") "}\n", "3: example \"x\": write a whole reply"},
      {P R("x", "421 y") "}\n", "3: this rule is not for its own example"},
      {P R("x", "421 x") "\n" R("y", "421 x y") "}\n", "5: the rule of line 3 takes this rule's example before it"},
      {P R("x", "421 x") R("a x b", "421 a x b") "}\n", "4: this rule can never fire: the rule of line 3"},
      {P R("x", "421 x") R("x", "421 x") "}\n", "4: this rule can never fire: the rule of line 3"},
      {P, "2: a block is still open"},
      {P "  mx = \"open\n}\n", "3: a string is still open"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    struct shaping *s;
    struct reason why;
    char expected[200];
    write_file(cases[i].text);
    int rc = shaping_load(path, &s, &why);
    if (rc != E_SYNTAX) print_message("case %zu is taken: %s\n", i, cases[i].text);
    assert_int_equal(rc, E_SYNTAX);
    assert_null(s);
    snprintf(expected, sizeof expected, "%s:%s", path, cases[i].problem);
    if (strncmp(why.text, expected, strlen(expected)) != 0) print_message("case %zu: %s\n", i, why.text);
    assert_memory_equal(why.text, expected, strlen(expected));
  }
}

static void count_problem(void *arg, const char *text) {
  (void)text;
  ++*(int *)arg;
}

static void print_problem(void *arg, const char *text) {
  (void)arg;
  print_message("%s\n", text);
}

static void test_all_problems_are_reported(void **state) {
  (void)state;
  int problems = 0;
  write_file("provider \"p\" {\n  mx = {\"com\", \"a.example.\"}\n  rule { reply = \"x\" action = \"slow\" }\n}\n");
  assert_false(shaping_check(path, count_problem, &problems));
  assert_int_equal(problems, 3);
}

static void test_files_that_are_not_there(void **state) {
  (void)state;
  struct shaping *s;
  struct reason why;
  assert_int_equal(shaping_load("/nowhere/shaping.conf", &s, &why), E_IO);
  assert_string_equal(why.text, "/nowhere/shaping.conf: No such file or directory");
  if (access(shaping_default_path(), F_OK) == 0) return;
  assert_int_equal(shaping_load(NULL, &s, &why), OK); /* not installed */
  assert_int_equal(s->provider_count, 0);
  shaping_release(&s);
}

/* Also over the wire: the reply parser's parts, with the enhanced code by itself. */
static void expect_fires(const struct shaping *s, const struct shaping_provider *p, const struct shaping_rule *r) {
  char enhanced[16] = "", text[600];
  const char *rest = r->example + 4;
  int end = 0;
  if (sscanf(rest, "%*1[45].%*3[0-9].%*3[0-9]%n", &end) == 0 && end && rest[end] == ' ') {
    snprintf(enhanced, sizeof enhanced, "%.*s", end, rest);
    rest += end + 1;
  }
  snprintf(text, sizeof text, "%s", rest);
  const struct shaping_rule *found = shaping_rule_for(s, p, atoi(r->example), enhanced, text);
  if (found != r) print_message("line %d: %s\n", r->line, r->example);
  assert_ptr_equal(found, r);
}

static void test_each_rule_that_is_shipped_fires(void **state) {
  (void)state;
  struct shaping *s;
  struct reason why;
  assert_true(shaping_check(SHIPPED, print_problem, NULL));
  assert_int_equal(shaping_load(SHIPPED, &s, &why), OK);
  size_t rules = s->rest.rule_count;
  for (size_t i = 0; i < s->provider_count; i++) {
    const struct shaping_provider *p = &s->providers[i];
    for (size_t k = 0; k < p->rule_count; k++, rules++) expect_fires(s, p, &p->rules[k]);
  }
  for (size_t k = 0; k < s->rest.rule_count; k++) expect_fires(s, &s->rest, &s->rest.rules[k]);
  assert_true(rules >= 40);
  shaping_release(&s);
}

/* The hosts that the large ones have, and near misses. */
static void test_hosts_of_providers(void **state) {
  (void)state;
  static const struct {
    const char *host, *provider; /* NULL: nobody's */
  } cases[] = {
      {"gmail-smtp-in.l.google.com", "google"},
      {"alt4.aspmx.l.google.com", "google"},
      {"aspmx2.googlemail.com", "google"},
      {"mta7.am0.yahoodns.net", "yahoo"},
      {"mx-aol.mail.gm0.yahoodns.net", "yahoo"},
      {"hotmail-com.olc.protection.outlook.com", "outlook"},
      {"example-com.mail.protection.outlook.com", "microsoft365"},
      {"example-com.a-v1.mx.microsoft", "microsoft365"},
      {"mx01.mail.icloud.com", "icloud"},
      {"mx00.emig.gmx.net", "gmx"},
      {"mx-ha02.web.de", "gmx"},
      {"smtp-in.orange.fr", "orange"},
      {"mx1.mxge.comcast.net", "comcast"},
      {"mx00.t-online.de", "t-online"},
      {"mx1.mail.yahoo.co.jp", "yahoo-japan"},
      {"mx3.qq.com", "qq"},
      {"163mx01.mxmail.netease.com", "netease"},
      {"eu-smtp-inbound-1.mimecast.com", "mimecast"},
      {"d12345.ess.barracudanetworks.com", "barracuda"},
      {"mx1.kpnmail.nl", "kpn"},
      {"mx.example.net", NULL},
      {"google.com.example.net", NULL},
      {"outlook.com", NULL},
  };
  struct shaping *s;
  struct reason why;
  assert_int_equal(shaping_load(SHIPPED, &s, &why), OK);
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    const char *found = NULL;
    for (size_t k = 0; k < s->provider_count; k++)
      if (shaping_has_host(&s->providers[k], cases[i].host)) {
        assert_null(found);
        found = s->providers[k].name;
      }
    assert_string_equal(found ? found : "-", cases[i].provider ? cases[i].provider : "-");
  }
  shaping_release(&s);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_values),
      cmocka_unit_test(test_each_mistake_is_reported_with_its_line),
      cmocka_unit_test(test_all_problems_are_reported),
      cmocka_unit_test(test_files_that_are_not_there),
      cmocka_unit_test(test_each_rule_that_is_shipped_fires),
      cmocka_unit_test(test_hosts_of_providers),
  };
  return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
