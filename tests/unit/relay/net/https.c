/* URLs; the requests are tested with a server, in tests/e2e. */
#include "relay/net/https.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h> /* last: it has a macro named fail */

static void test_urls(void **state) {
  static const struct {
    const char *url, *host; /* host NULL: refused */
    unsigned port;
  } cases[] = {
      {"https://login.example.net/tenant/token", "login.example.net", 443},
      {"https://login.example.net:8443/?a=b", "login.example.net", 8443},
      {"https://192.0.2.1/x", "192.0.2.1", 443},
      {"https://[2001:db8::1]:444/x", "[2001:db8::1]", 444},
      {"http://login.example.net/"},
      {"HTTPS://login.example.net/"},
      {"https://"},
      {"https:///x"},
      {"https://user:secret@login.example.net/"},
      {"https://login.example.net/#x"},
      {"https://login.example.net:0/"},
      {"https://login.example.net:99999/"},
      {"https://a b.example/"},
      {"file:///etc/passwd"},
      {""},
  };
  char host[256];
  unsigned port;
  (void)state;
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    int rc = https_url_check(cases[i].url, host, &port);
    if (rc != (cases[i].host ? OK : E_SYNTAX)) fail_msg("%s: %d", cases[i].url, rc);
    if (rc != OK) continue;
    assert_string_equal(host, cases[i].host);
    assert_int_equal(port, cases[i].port);
  }
  static char long_url[HTTPS_URL_MAX + 10] = "https://a.example/";
  memset(long_url + strlen(long_url), 'x', HTTPS_URL_MAX - strlen(long_url));
  assert_int_equal(https_url_check(long_url, host, &port), E_SYNTAX);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_urls)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
