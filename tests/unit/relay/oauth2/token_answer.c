#include "relay/oauth2/token.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h> /* last: it has a macro named fail */

static void test_answers(void **state) {
  static const struct {
    long status;
    const char *body;
    int rc;
    const char *access, *refresh; /* of OK */
    int64_t life_s;
    const char *why; /* of the others: a part of it */
  } cases[] = {
      {200, "{\"access_token\":\"a.b-c\",\"token_type\":\"Bearer\",\"expires_in\":3599}", OK, "a.b-c", "", 3599},
      {200, "{\"access_token\":\"a\",\"refresh_token\":\"r\",\"token_type\":\"bearer\"}", OK, "a", "r", TOKEN_LIFE_S},
      {200, "{\"access_token\":\"a\",\"expires_in\":\"3600\"}", OK, "a", "", 3600},
      {200, "{\"access_token\":\"a\",\"expires_in\":-5}", OK, "a", "", TOKEN_LIFE_S},
      {200, "{\"access_token\":\"a\",\"expires_in\":99999999999}", OK, "a", "", TOKEN_LIFE_MOST_S},
      {200, "{\"access_token\":\"a\",\"expires_in\":\"soon\"}", OK, "a", "", TOKEN_LIFE_S},
      {200, "{\"access_token\":\"a\\u0001b\"}", E_TEMPORARY, .why = "without a token"},
      {200, "{\"access_token\":\"a b\"}", E_TEMPORARY, .why = "without a token"},
      {200, "{\"access_token\":7}", E_TEMPORARY, .why = "without a token"},
      {200, "{\"access_token\":\"a\",\"refresh_token\":\"r\\r\\n\"}", E_TEMPORARY, .why = "without a token"},
      {200, "{\"access_token\":\"a\",\"token_type\":\"mac\"}", E_TEMPORARY, .why = "of the type mac"},
      {200, "[\"access_token\"]", E_TEMPORARY, .why = "no JSON object"},
      {200, "", E_TEMPORARY, .why = "no JSON object"},
      {200, "{\"access_token\":\"a\",\"access_token\":\"b\"}", E_TEMPORARY, .why = "no JSON object"},
      {400, "{\"error\":\"invalid_grant\",\"error_description\":\"gone\\nTrace\"}", E_DENIED,
       .why = "400 invalid_grant: gone Trace"},
      {401, "{\"error\":\"invalid_client\"}", E_DENIED, .why = "401 invalid_client"},
      {400, "{\"access_token\":\"a\"}", E_TEMPORARY, .why = "400, and says no reason"},
      {503, "<html>", E_TEMPORARY, .why = "503, and what is no JSON object"},
      {302, "{}", E_TEMPORARY, .why = "302"},
  };
  (void)state;
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    struct token_answer a;
    struct reason why = {""};
    token_answer_init(&a);
    int rc = token_answer_read(cases[i].status, bytes_of(cases[i].body), &a, &why);
    if (rc != cases[i].rc) fail_msg("%s: %d %s", cases[i].body, rc, why.text);
    if (rc == OK) {
      assert_true(bytes_equal(buffer_bytes(&a.access), bytes_of(cases[i].access)));
      assert_true(bytes_equal(buffer_bytes(&a.refresh), bytes_of(cases[i].refresh)));
      assert_int_equal(a.life_s, cases[i].life_s);
    } else if (!strstr(why.text, cases[i].why)) {
      fail_msg("%s: %s", cases[i].body, why.text);
    }
    token_answer_clear(&a);
  }
}

static void test_a_token_that_is_too_long(void **state) {
  static char body[TOKEN_MAX + 100];
  struct token_answer a;
  struct reason why;
  (void)state;
  int n = snprintf(body, sizeof body, "{\"access_token\":\"");
  memset(body + n, 'a', TOKEN_MAX + 1);
  strcpy(body + n + TOKEN_MAX + 1, "\"}");
  token_answer_init(&a);
  assert_int_equal(token_answer_read(200, bytes_of(body), &a, &why), E_TEMPORARY);
  assert_non_null(strstr(why.text, "too long"));
  token_answer_clear(&a);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_answers), cmocka_unit_test(test_a_token_that_is_too_long)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
