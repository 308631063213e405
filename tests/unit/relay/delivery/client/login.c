#include "relay/delivery/client/login.h"

#include "base/result.h"

#include <gsasl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h> /* last: it has a macro named fail */

static const unsigned char binding[LOGIN_BINDING] = {1, 2, 3};
static const char *password = "correct horse";

static void test_the_strongest(void **state) {
  const unsigned all =
      EHLO_PLAIN | EHLO_LOGIN | EHLO_SCRAM_SHA_1 | EHLO_SCRAM_SHA_1_PLUS | EHLO_SCRAM_SHA_256 | EHLO_SCRAM_SHA_256_PLUS;
  static const struct {
    unsigned without;
    const char *bound, *unbound;
  } cases[] = {
      {0, "SCRAM-SHA-256-PLUS", "SCRAM-SHA-256"},
      {EHLO_SCRAM_SHA_256_PLUS, "SCRAM-SHA-1-PLUS", "SCRAM-SHA-256"},
      {EHLO_SCRAM_SHA_1_PLUS, "SCRAM-SHA-256", "SCRAM-SHA-256"},
      {EHLO_SCRAM_SHA_256, "SCRAM-SHA-1", "SCRAM-SHA-1"},
      {EHLO_SCRAM_SHA_1, "PLAIN", "PLAIN"},
      {EHLO_PLAIN, "LOGIN", "LOGIN"},
      {EHLO_LOGIN, NULL, NULL},
  };
  unsigned offered = all;
  (void)state;
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    offered &= ~cases[i].without;
    const char *bound = login_mechanism(offered, true), *unbound = login_mechanism(offered, false);
    if (!cases[i].bound) {
      assert_null(bound);
      assert_null(unbound);
      continue;
    }
    assert_string_equal(bound, cases[i].bound);
    assert_string_equal(unbound, cases[i].unbound);
  }
}

static struct login_exchange *begin(const char *mechanism) {
  const struct login login = {.user = "us\xc3\xa9r", .secret = bytes_of(password)};
  struct login_exchange *x = login_begin(mechanism, &login, binding);
  assert_non_null(x);
  return x;
}

static int step(struct login_exchange *x, const char *challenge, char out[2000]) {
  struct buffer b;
  buffer_init_secret(&b, LOGIN_RESPONSE_MAX);
  int rc = login_step(x, challenge, &b);
  assert_true(bytes_copy(buffer_bytes(&b), out, 2000));
  buffer_wipe_free(&b);
  return rc;
}

static void test_plain_and_login(void **state) {
  char out[2000];
  (void)state;
  struct login_exchange *x = begin("PLAIN");
  assert_true(login_speaks_first(x));
  assert_int_equal(step(x, "", out), OK);
  assert_string_equal(out, "AHVzw6lyAGNvcnJlY3QgaG9yc2U="); /* NUL usér NUL correct horse */
  assert_true(login_is_proven(x));
  login_free(&x);
  assert_null(x);

  x = begin("LOGIN");
  assert_false(login_speaks_first(x));
  assert_int_equal(step(x, "VXNlcm5hbWU6", out), OK);
  assert_string_equal(out, "dXPDqXI=");
  assert_int_equal(step(x, "anything that is no base64", out), OK);
  assert_string_equal(out, "Y29ycmVjdCBob3JzZQ==");
  assert_int_equal(step(x, "more?", out), E_SYNTAX);
  login_free(&x);
}

/* The server's side, by the same library: the e2e tests have another. */
static int on_property(Gsasl *library, Gsasl_session *s, Gsasl_property property) {
  (void)library;
  char *text = NULL;
  size_t n;
  if (property == GSASL_PASSWORD) return gsasl_property_set(s, property, "correct horse");
  if (property != GSASL_CB_TLS_EXPORTER) return GSASL_NO_CALLBACK;
  gsasl_base64_to((const char *)binding, sizeof binding, &text, &n);
  int rc = gsasl_property_set(s, property, text);
  gsasl_free(text);
  return rc;
}

static void converse(const char *mechanism, bool good) {
  Gsasl *library;
  Gsasl_session *server;
  char out[2000], *challenge = NULL;
  assert_int_equal(gsasl_init(&library), GSASL_OK);
  gsasl_callback_set(library, on_property);
  assert_int_equal(gsasl_server_start(library, mechanism, &server), GSASL_OK);
  struct login_exchange *x = begin(mechanism);
  assert_true(login_speaks_first(x));
  assert_int_equal(step(x, "", out), OK);
  assert_int_equal(gsasl_step64(server, out, &challenge), GSASL_NEEDS_MORE);
  assert_int_equal(step(x, challenge, out), OK);
  assert_false(login_is_proven(x)); /* a host that says 235 now has not shown that it knows the password */
  gsasl_free(challenge);
  challenge = NULL;
  int rc = gsasl_step64(server, out, &challenge);
  assert_int_equal(rc, good ? GSASL_OK : GSASL_AUTHENTICATION_ERROR);
  if (good) {
    assert_int_equal(step(x, challenge, out), OK);
    assert_string_equal(out, "");
    assert_true(login_is_proven(x));
  }
  gsasl_free(challenge);
  login_free(&x);
  gsasl_finish(server);
  gsasl_done(library);
}

static void test_scram(void **state) {
  static const char *const mechanisms[] = {"SCRAM-SHA-1", "SCRAM-SHA-256"};
  (void)state;
  for (size_t i = 0; i < 2; i++) {
    converse(mechanisms[i], true);
    password = "wrong horse";
    converse(mechanisms[i], false);
    password = "correct horse";
  }
}

/* Bound to the channel; without a binding there is no such exchange. */
static void test_scram_plus(void **state) {
  const struct login login = {.user = "u", .secret = BYTES("p")};
  char out[2000];
  (void)state;
  struct login_exchange *x = begin("SCRAM-SHA-256-PLUS");
  assert_int_equal(step(x, "", out), OK);
  assert_memory_equal(out, "cD10bHMtZXhwb3J0ZXIs", 20); /* p=tls-exporter, */
  login_free(&x);
  x = login_begin("SCRAM-SHA-256-PLUS", &login, NULL);
  if (x) assert_int_not_equal(step(x, "", out), OK);
  login_free(&x);
}

/* RFC 7628 3.1, and XOAUTH2 as its inventors describe it; then what an error is acknowledged with. */
static void test_tokens(void **state) {
  const struct login login = {.user = "a,b=c@example.net",
                              .token = true,
                              .secret = BYTES("vF9dft4qmT"),
                              .host = "smtp.example.net",
                              .port = 587};
  static const struct {
    const char *mechanism, *message, *acknowledgment;
  } cases[] = {
      /* n,a=a=2Cb=3Dc@example.net,^Ahost=smtp.example.net^Aport=587^Aauth=Bearer vF9dft4qmT^A^A */
      {"OAUTHBEARER",
       "bixhPWE9MkNiPTNEY0BleGFtcGxlLm5ldCwBaG9zdD1zbXRwLmV4YW1wbGUubmV0AXBvcnQ9NTg3AWF1dGg9QmVhcmVyIHZGOWRmdDRxbVQBAQ"
       "==",
       "AQ=="},
      /* user=a,b=c@example.net^Aauth=Bearer vF9dft4qmT^A^A */
      {"XOAUTH2", "dXNlcj1hLGI9Y0BleGFtcGxlLm5ldAFhdXRoPUJlYXJlciB2RjlkZnQ0cW1UAQE=", ""},
  };
  char out[2000];
  (void)state;
  for (size_t i = 0; i < 2; i++) {
    struct login_exchange *x = login_begin(cases[i].mechanism, &login, NULL);
    assert_non_null(x);
    assert_true(login_speaks_first(x) && login_is_proven(x));
    assert_int_equal(step(x, "", out), OK);
    assert_string_equal(out, cases[i].message);
    assert_int_equal(step(x, "eyJzdGF0dXMiOiI0MDEifQ==", out), OK);
    assert_string_equal(out, cases[i].acknowledgment);
    login_free(&x);
  }
  assert_string_equal(login_token_mechanism(EHLO_XOAUTH2 | EHLO_OAUTHBEARER | EHLO_PLAIN), "OAUTHBEARER");
  assert_string_equal(login_token_mechanism(EHLO_XOAUTH2 | EHLO_SCRAM_SHA_256), "XOAUTH2");
  assert_null(login_token_mechanism(EHLO_PLAIN | EHLO_LOGIN));
}

static void test_hostile_challenges(void **state) {
  static const char *const challenges[] = {
      "",
      "no base64!",
      "YWJj",                                     /* abc */
      "cj14LHM9QUFBQSxpPTQwOTY=",                 /* r=x,s=AAAA,i=4096: another nonce */
      "cj0scz0saT0=",                             /* r=,s=,i= */
      "dj1BQUFB",                                 /* v=AAAA: the end before the begin */
      "ZT11bmtub3duLXVzZXI=",                     /* e=unknown-user */
      "cj1BQUFBQUFBQUFBQUFBQSxzPSxpPTk5OTk5OTk5", /* too many iterations, and cut */
  };
  char out[2000];
  (void)state;
  for (size_t i = 0; i < sizeof challenges / sizeof challenges[0]; i++) {
    struct login_exchange *x = begin("SCRAM-SHA-256");
    assert_int_equal(step(x, "", out), OK);
    int rc = step(x, challenges[i], out);
    if (rc != E_DENIED && rc != E_SYNTAX && rc != E_TOO_BIG) fail_msg("%s: %d %s", challenges[i], rc, out);
    assert_false(login_is_proven(x));
    login_free(&x);
  }
}

/* The nonce that is ours, and one of the host's; then how often the hash is made. */
static int ask_for_rounds(const char *rounds) {
  char out[2000], *first = NULL, text[300], *challenge = NULL;
  size_t n;
  struct login_exchange *x = begin("SCRAM-SHA-256");
  assert_int_equal(step(x, "", out), OK);
  assert_int_equal(gsasl_base64_from(out, strlen(out), &first, &n), GSASL_OK);
  const char *nonce = strstr(first, "r=") + 2;
  snprintf(text, sizeof text, "r=%.*shost,s=QUJDREVGR0g=,i=%s", (int)(n - (size_t)(nonce - first)), nonce, rounds);
  assert_int_equal(gsasl_base64_to(text, strlen(text), &challenge, &n), GSASL_OK);
  int rc = step(x, challenge, out);
  gsasl_free(first);
  gsasl_free(challenge);
  login_free(&x);
  return rc;
}

static void test_rounds_have_a_bound(void **state) {
  (void)state;
  assert_int_equal(ask_for_rounds("4096"), OK);
  assert_int_equal(ask_for_rounds("65536"), OK);
  assert_int_equal(ask_for_rounds("65537"), E_TOO_BIG);
  assert_int_equal(ask_for_rounds("4000000000"), E_TOO_BIG);
  assert_int_equal(ask_for_rounds("18446744077709551616"), E_TOO_BIG); /* 2^64 and 4,000,000,000 */
}

/* A host that goes on asking is not answered for ever. */
static void test_challenges_have_an_end(void **state) {
  static const struct {
    const char *mechanism;
    bool token;
    unsigned most;
  } cases[] = {{"PLAIN", false, 1}, {"LOGIN", false, 2}, {"XOAUTH2", true, 2}, {"OAUTHBEARER", true, 2}};
  (void)state;
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    const struct login login = {
        .user = "u", .token = cases[i].token, .secret = BYTES("p"), .host = "h.example", .port = 25};
    struct login_exchange *x = login_begin(cases[i].mechanism, &login, NULL);
    char out[2000];
    for (unsigned n = 0; n < cases[i].most; n++) assert_int_equal(step(x, "", out), OK);
    for (unsigned n = 0; n < 3; n++) assert_int_equal(step(x, "", out), E_SYNTAX);
    login_free(&x);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_the_strongest),
      cmocka_unit_test(test_plain_and_login),
      cmocka_unit_test(test_scram),
      cmocka_unit_test(test_scram_plus),
      cmocka_unit_test(test_hostile_challenges),
      cmocka_unit_test(test_tokens),
      cmocka_unit_test(test_rounds_have_a_bound),
      cmocka_unit_test(test_challenges_have_an_end),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
