/* Earlier TLS sessions are resumed, and who the peer is counts as in a whole handshake. */
#include "tests/unit/tls_lab.h"

#define AT "192.0.2.1:25"

static const struct tls_peer by_ca = {"mx.test", AT, TLS_BY_CA, NULL};

/* Both sides' sessions end; the pipes are empty. */
static void leave(void) {
  tls_session_free(&client.session);
  tls_session_free(&server.session);
  up.len = down.len = 0;
}

/* A session with some data, to its end. Was it resumed? */
static bool meet(const struct tls_peer *peer) {
  begin_with(peer);
  assert_int_equal(shake(), TLS_DONE);
  bool resumed = tls_resumes(client.session);
  exchange();
  leave();
  return resumed;
}

static void test_again_and_again(void **state) {
  (void)state;
  assert_false(meet(&by_ca));
  for (int i = 0; i < 5; i++) assert_true(meet(&by_ca));
}

static void test_facts_of_the_first(void **state) {
  (void)state;
  struct fingerprint before, now;
  begin_with(&by_ca);
  assert_int_equal(shake(), TLS_DONE);
  assert_true(tls_fingerprint(client.session, &before));
  exchange();
  leave();
  begin_with(&by_ca);
  assert_int_equal(shake(), TLS_DONE);
  assert_true(tls_resumes(client.session) && tls_fingerprint(client.session, &now));
  assert_memory_equal(&before, &now, sizeof now);
  struct tls_facts facts = tls_facts(client.session);
  assert_true(facts.version == 13 && facts.proof == TLS_BY_CA);
  assert_true(tls_check_peer(client_credentials, client.session, "mx.test", &(struct reason){""}));
  assert_false(tls_check_peer(client_credentials, client.session, "nobody.test", &(struct reason){""}));
}

static void test_with_that_peer_only(void **state) {
  (void)state;
  static const struct tls_peer others[] = {
      {"mx.test", "192.0.2.1:465", TLS_BY_CA, NULL}, {"mx.test", "192.0.2.2:25", TLS_BY_CA, NULL},
      {"other.test", AT, TLS_UNVERIFIED, NULL},      {"mx.test", "", TLS_BY_CA, NULL},
      {"mx.test", AT, TLS_UNVERIFIED, NULL},
  };
  for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
    meet(&by_ca);
    assert_false(meet(&others[i]));
  }
}

/* Each is for one session (RFC 8446 C.4): connections that are opened together need as many. */
static void test_one_for_each(void **state) {
  (void)state;
  assert_false(meet(&by_ca));
  begin_with(&by_ca);
  assert_int_equal(shake(), TLS_DONE);
  assert_true(tls_resumes(client.session));
  leave(); /* before it got any data */
  assert_false(meet(&by_ca));
  assert_true(meet(&by_ca));
}

/* As behind its restart. */
static void test_the_peer_has_forgotten(void **state) {
  (void)state;
  char certificate[300], key[300];
  struct reason why;
  path_of("0.crt", certificate), path_of("0.key", key);
  struct tls_files file = {certificate, key};
  meet(&by_ca);
  tls_server_release(&server_credentials);
  assert_int_equal(tls_server_load(&file, 1, &server_credentials, &why), OK);
  assert_false(meet(&by_ca));
  assert_true(meet(&by_ca));
}

/* Its records may have changed since the first session. The whole handshake that follows shows who it is now. */
static void test_dane_is_asked_again(void **state) {
  (void)state;
  struct dane_rules *right = rules_of_first(false), *wrong = rules_of_first(true);
  struct tls_peer then = {"mx.test", AT, TLS_BY_DANE, right}, now = {"mx.test", AT, TLS_BY_DANE, wrong};
  assert_false(meet(&then));
  assert_true(meet(&then));
  begin_with(&now);
  assert_int_equal(shake(), TLS_FAILED);
  assert_true(tls_resumes(client.session));
  assert_string_equal(tls_error(client.session), "TLS: the certificate matches none of the TLSA records of mx.test");
  leave();
  assert_false(meet(&then)); /* and the peer is barred for a while */
  assert_false(meet(&then));
  dane_rules_free(&right);
  dane_rules_free(&wrong);
}

static void test_a_broken_handshake_bars_the_peer(void **state) {
  (void)state;
  clock_set_for_tests(clock_now_us());
  meet(&by_ca);
  begin_with(&by_ca);
  assert_int_equal(tls_handshake(client.session), TLS_AGAIN);
  leave(); /* the peer has closed, say */
  assert_false(meet(&by_ca));
  assert_false(meet(&by_ca));
  clock_set_for_tests(0);
}

int main(void) {
  static const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(test_again_and_again, set_up, tear_down),
      cmocka_unit_test_setup_teardown(test_facts_of_the_first, set_up, tear_down),
      cmocka_unit_test_setup_teardown(test_with_that_peer_only, set_up, tear_down),
      cmocka_unit_test_setup_teardown(test_one_for_each, set_up, tear_down),
      cmocka_unit_test_setup_teardown(test_the_peer_has_forgotten, set_up, tear_down),
      cmocka_unit_test_setup_teardown(test_dane_is_asked_again, set_up, tear_down),
      cmocka_unit_test_setup_teardown(test_a_broken_handshake_bars_the_peer, set_up, tear_down),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
