/* Whom a route's exchangers belong to. */
#include "relay/delivery/site/site_name.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h> /* last: it has a macro named fail */

static char *google_mx[] = {"google.com", "googlemail.com"}, *microsoft_mx[] = {"mail.protection.outlook.com"};
static struct shaping_provider providers[] = {
    {.name = "google", .suffixes = google_mx, .suffix_count = 2, .limits = {.connections = 5}},
    {.name = "microsoft365", .suffixes = microsoft_mx, .suffix_count = 1},
};
static struct shaping table = {.providers = providers, .provider_count = 2, .references = 1};

static void name_of(const char *site, const char *const *hosts, char out[SITE_NAME_MAX],
                    const struct shaping_provider **provider) {
  struct route r = {.site = strdup(site)};
  struct route_host all[8] = {0};
  for (; hosts[r.host_count]; r.host_count++)
    snprintf(all[r.host_count].name, sizeof all[0].name, "%s", hosts[r.host_count]);
  r.hosts = all;
  *provider = site_name_of(&table, &r, out);
  free(r.site);
}

/* One host that an operator has named is a site of its own, not its organization's or provider's. */
static void test_a_host_by_command(void **state) {
  struct route_host host = {.name = "smtp.example.net"};
  char site[] = "smtp.example.net:587", name[SITE_NAME_MAX];
  struct route r = {.site = site, .hosts = &host, .host_count = 1, .terms = {.by = 7, .host = true}};
  (void)state;
  assert_ptr_equal(site_name_of(&table, &r, name), &table.rest);
  assert_string_equal(name, "smtp.example.net:587");
  r.terms.host = false; /* mx:, direct: as ever */
  site_name_of(&table, &r, name);
  assert_string_equal(name, "example.net");
}

static void test_names(void **state) {
  (void)state;
  static const struct {
    const char *hosts[4], *site, *name;
    int provider; /* -1: nobody's */
  } cases[] = {
      {{"gmail-smtp-in.l.google.com", "alt1.gmail-smtp-in.l.google.com"}, "s", "google", 0},
      {{"aspmx.l.google.com", "aspmx2.googlemail.com"}, "s", "google", 0},
      {{"ASPMX.L.GOOGLE.COM"}, "s", "google", 0},
      {{"example-com.mail.protection.outlook.com"}, "s", "microsoft365", 1},
      {{"example-org.mail.protection.outlook.com"}, "s", "microsoft365", 1},    /* another domain, the same site */
      {{"aspmx.l.google.com", "mx.example.net"}, "10 a 20 b", "10 a 20 b", -1}, /* only some of them */
      {{"mx1.example.net", "mx2.example.net"}, "s", "example.net", -1},
      {{"mx1.a.example.co.uk", "mx2.b.example.co.uk"}, "s", "example.co.uk", -1},
      {{"mx.one.co.uk", "mx.two.co.uk"}, "10 x", "10 x", -1}, /* a public suffix is no organization */
      {{"[192.0.2.1]"}, "[192.0.2.1]", "[192.0.2.1]", -1},
      {{"localhost"}, "localhost", "localhost", -1},
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    char name[SITE_NAME_MAX];
    const struct shaping_provider *p;
    name_of(cases[i].site, cases[i].hosts, name, &p);
    assert_string_equal(name, cases[i].name);
    assert_ptr_equal(p, cases[i].provider >= 0 ? &providers[cases[i].provider] : &table.rest);
  }
}

static void test_long_sets_stay_apart(void **state) {
  (void)state;
  static const char *const hosts[] = {"mx.one.example", "mx.two.example", NULL};
  char one[600], two[600], name_one[SITE_NAME_MAX], name_two[SITE_NAME_MAX];
  const struct shaping_provider *p;
  memset(one, 'x', sizeof one - 1);
  one[sizeof one - 1] = 0;
  memcpy(two, one, sizeof one);
  two[sizeof two - 2] = 'y';
  name_of(one, hosts, name_one, &p);
  name_of(two, hosts, name_two, &p);
  assert_string_not_equal(name_one, name_two);
  assert_true(strlen(name_one) < SITE_NAME_MAX);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_a_host_by_command), cmocka_unit_test(test_names),
                                     cmocka_unit_test(test_long_sets_stay_apart)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
