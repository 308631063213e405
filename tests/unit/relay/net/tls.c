/* TLS sessions joined by memory alone: what is cut anywhere gives the same, and what is changed on the way fails. */
#include "tests/unit/tls_lab.h"

static void test_whole(void **state) {
  (void)state;
  unsigned char here[32], there[32];
  begin("mx.test", true);
  assert_false(tls_binding(client.session, here));
  assert_string_equal(tls_text(client.session), "");
  assert_int_equal(shake(), TLS_DONE);
  assert_true(tls_binding(client.session, here) && tls_binding(server.session, there));
  assert_memory_equal(here, there, sizeof here);
  assert_non_null(strstr(tls_text(server.session), "TLSv1.3 "));
  exchange();
}

/* Octet by octet, and in odd pieces. */
static void test_in_pieces(void **state) {
  static const size_t steps[] = {1, 2, 7, 100, 1371};
  for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
    set_up(state);
    up.step = down.step = steps[i];
    begin("mx.test", true);
    if (shake() != TLS_DONE) fail_msg("pieces of %zu", steps[i]);
    exchange();
    tear_down(state);
  }
}

static void test_changed_on_the_way(void **state) {
  (void)state;
  char got[100];
  enum tls_step last;
  begin("mx.test", true);
  assert_int_equal(shake(), TLS_DONE);
  read_all(&client, got, sizeof got, &last); /* session tickets */
  assert_int_equal(tls_write(server.session, BYTES("250 ok\r\n")), TLS_DONE);
  down.octets[down.len - 1] ^= 1;
  assert_int_equal(read_all(&client, got, sizeof got, &last), 0);
  assert_int_equal(last, TLS_FAILED);
  assert_true(*tls_error(client.session));
}

/* --- what a peer may send without saying anything --- */

static void add(struct pipe *p, const void *octets, size_t len) {
  assert_true(len <= sizeof p->octets - p->len);
  memcpy(p->octets + p->len, octets, len);
  p->len += len;
}

/* Records of a message of the handshake of 16 MB, twice as much as is taken. */
static size_t add_endless(struct pipe *p, unsigned char message, size_t record) {
  static char zeros[16384];
  size_t before = p->len;
  for (bool first = true; p->len - before < 2 * TLS_WITHOUT_DATA_MAX; first = false) {
    unsigned char head[] = {22, 3, 3, (unsigned char)(record >> 8), (unsigned char)record, message, 255, 255, 255};
    add(p, head, first ? 9 : 5);
    add(p, zeros, first ? record - 4 : record);
  }
  return p->len - before;
}

static void check_budget(const struct tls_session *s, size_t taken) {
  assert_non_null(strstr(tls_error(s), "more than 64 KB"));
  assert_true(taken <= TLS_WITHOUT_DATA_MAX && taken > TLS_WITHOUT_DATA_MAX / 2);
}

static enum tls_step handshake_until_it_ends(struct side *side) {
  enum tls_step step = TLS_AGAIN;
  for (size_t before = SIZE_MAX; step == TLS_AGAIN && side->in->len < before;) {
    before = side->in->len;
    step = tls_handshake(side->session);
  }
  return step;
}

static void test_handshakes_without_end(void **state) {
  static const size_t records[] = {40, 1000, 16383, 16384};
  for (size_t i = 0; i < sizeof records / sizeof records[0]; i++) {
    set_up(state);
    begin("mx.test", false);
    size_t sent = add_endless(&up, 1, records[i]);
    assert_int_equal(handshake_until_it_ends(&server), TLS_FAILED);
    check_budget(server.session, sent - up.len);
    down.len = 0; /* the alert */
    assert_int_equal(tls_handshake(client.session), TLS_AGAIN);
    sent = add_endless(&down, 2, records[i]);
    assert_int_equal(handshake_until_it_ends(&client), TLS_FAILED);
    check_budget(client.session, sent - down.len);
    tear_down(state);
  }
}

/* Data gives the whole of it back: a session may last. */
static void test_data_counts_for_nothing(void **state) {
  (void)state;
  static char sent[40000], got[40000];
  enum tls_step last;
  begin("mx.test", true);
  assert_int_equal(shake(), TLS_DONE);
  for (int i = 0; i < 10; i++) {
    assert_int_equal(tls_write(client.session, (struct bytes){sent, sizeof sent}), TLS_DONE);
    assert_int_equal(read_all(&server, got, sizeof got, &last), sizeof sent);
  }
}

/* --- who does not trust the certificate --- */

/* What the server makes of an alert, in the clear, in answer to its certificate. */
static enum tls_step answer_with_alert(unsigned char level, unsigned char alert) {
  unsigned char record[] = {21, 3, 3, 0, 2, level, alert};
  begin("mx.test", false);
  assert_int_equal(tls_handshake(client.session), TLS_AGAIN);
  assert_int_equal(handshake_until_it_ends(&server), TLS_AGAIN);
  assert_int_equal(tls_distrust(server.session), TLS_DISTRUST_POSSIBLE); /* if it closed now */
  add(&up, record, sizeof record);
  return handshake_until_it_ends(&server);
}

static void test_alerts_in_the_clear(void **state) {
  static const struct {
    unsigned char alert;
    enum tls_distrust distrust;
    const char *text;
  } cases[] = {
      {48, TLS_DISTRUST_CERTAIN, "CA is unknown"},          {42, TLS_DISTRUST_CERTAIN, "Certificate is bad"},
      {45, TLS_DISTRUST_CERTAIN, "Certificate is expired"}, {46, TLS_DISTRUST_CERTAIN, "Unknown certificate"},
      {40, TLS_DISTRUST_NONE, "Handshake failed"},          {80, TLS_DISTRUST_NONE, "Internal error"},
      {200, TLS_DISTRUST_NONE, "of an unknown kind"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    set_up(state);
    assert_int_equal(answer_with_alert(2, cases[i].alert), TLS_FAILED);
    assert_non_null(strstr(tls_error(server.session), cases[i].text));
    assert_int_equal(tls_distrust(server.session), cases[i].distrust);
    tear_down(state);
  }
}

static void test_no_alert(void **state) {
  (void)state;
  assert_int_equal(answer_with_alert(77, 48), TLS_FAILED); /* there is no such level */
  assert_null(strstr(tls_error(server.session), "alert"));
  assert_int_equal(tls_distrust(server.session), TLS_DISTRUST_NONE);
}

/* The alert of GnuTLS's own clients is encrypted. */
static void test_a_client_that_does_not_trust(void **state) {
  (void)state;
  begin("nobody.test", true);
  assert_int_equal(tls_distrust(server.session), TLS_DISTRUST_NONE);
  assert_int_equal(shake(), TLS_FAILED);
  assert_int_equal(handshake_until_it_ends(&server), TLS_FAILED);
  assert_int_equal(tls_distrust(server.session), TLS_DISTRUST_CERTAIN);
  assert_int_equal(tls_distrust(client.session), TLS_DISTRUST_NONE);
}

static void test_no_tls_at_all(void **state) {
  (void)state;
  begin("mx.test", false);
  assert_false(tls_began(server.session));
  add(&up, "EHLO client.example\r\n", 21);
  assert_int_equal(handshake_until_it_ends(&server), TLS_FAILED);
  assert_true(tls_began(server.session));
  assert_string_equal(tls_error(server.session), "TLS: what the peer sends is no TLS");
}

/* The certificate is chosen by the name that is asked for (RFC 6066 3): only the first is trusted here. */
static void test_certificates(void **state) {
  static const struct {
    const char *name;
    bool verify;
    enum tls_step step;
  } cases[] = {
      {"mx.test", true, TLS_DONE},       {"MX.test", true, TLS_DONE},      {"other.test", true, TLS_FAILED},
      {"nobody.test", true, TLS_FAILED}, {"nobody.test", false, TLS_DONE}, {"other.test", false, TLS_DONE},
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    set_up(state);
    begin(cases[i].name, cases[i].verify);
    if (shake() != cases[i].step) fail_msg("%s, %d", cases[i].name, cases[i].verify);
    if (cases[i].step == TLS_DONE) {
      struct tls_facts facts = tls_facts(client.session);
      assert_int_equal(facts.version, 13);
      assert_int_equal(facts.proof, cases[i].verify ? TLS_BY_CA : TLS_UNVERIFIED);
    }
    tear_down(state);
  }
  set_up(state);
  tls_client_free(&client_credentials);
  trust("1.crt");
  begin("other.test", true);
  assert_int_equal(shake(), TLS_DONE);
  tear_down(state);
}

/* What is only tried ends no handshake, and says the same as what must pass. */
static void test_a_peer_that_is_checked_afterwards(void **state) {
  static const struct {
    const char *asked, *name, *why; /* why NULL: it would have passed */
  } cases[] = {
      {"mx.test", "mx.test", NULL},
      {"mx.test", "MX.test", NULL},
      {"mx.test", "nobody.test", "does not match"},
      {"other.test", "other.test", "NOT trusted"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    struct reason why = {""};
    set_up(state);
    begin(cases[i].asked, false);
    assert_int_equal(shake(), TLS_DONE);
    bool good = tls_check_peer(client_credentials, client.session, cases[i].name, &why);
    if (good != !cases[i].why || !strstr(why.text, good ? "" : cases[i].why)) fail_msg("%zu: %s", i, why.text);
    assert_int_equal(tls_facts(client.session).proof, TLS_UNVERIFIED);
    exchange();
    tear_down(state);
  }
}

/* Whom nobody trusts may be the one that the TLSA records are of. */
static void test_dane(void **state) {
  for (int wrong = 0; wrong < 2; wrong++) {
    set_up(state);
    tls_client_free(&client_credentials);
    assert_int_equal(tls_client_new(&client_credentials), OK);
    struct dane_rules *rules = rules_of_first(wrong);
    begin_with(&(struct tls_peer){"mx.test", "", TLS_BY_DANE, rules});
    assert_int_equal(shake(), wrong ? TLS_FAILED : TLS_DONE);
    struct tls_facts facts = tls_facts(client.session);
    if (wrong)
      assert_string_equal(tls_error(client.session),
                          "TLS: the certificate matches none of the TLSA records of mx.test");
    else
      assert_true(facts.proof == TLS_BY_DANE && facts.tlsa == 301 && *tls_cipher_name(facts.cipher));
    tear_down(state);
    dane_rules_free(&rules);
  }
}

static void test_files(void **state) {
  (void)state;
  char certificate[300], key[300], other[300], none[300];
  struct reason why;
  struct tls_server *out = NULL;
  path_of("0.crt", certificate);
  path_of("0.key", key);
  path_of("1.key", other);
  path_of("none", none);
  struct tls_files wrong_key = {certificate, other}, no_file = {none, key}, open_key = {certificate, key};
  assert_int_equal(tls_server_load(&wrong_key, 1, &out, &why), E_IO);
  assert_int_equal(tls_server_load(&no_file, 1, &out, &why), E_IO);
  assert_non_null(strstr(why.text, none));
  assert_int_equal(chmod(key, 0644), 0);
  assert_int_equal(tls_server_load(&open_key, 1, &out, &why), E_IO);
  assert_non_null(strstr(why.text, key));
}

int main(void) {
  static const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(test_whole, set_up, tear_down),
      cmocka_unit_test(test_in_pieces),
      cmocka_unit_test_setup_teardown(test_changed_on_the_way, set_up, tear_down),
      cmocka_unit_test(test_handshakes_without_end),
      cmocka_unit_test_setup_teardown(test_data_counts_for_nothing, set_up, tear_down),
      cmocka_unit_test(test_alerts_in_the_clear),
      cmocka_unit_test_setup_teardown(test_no_alert, set_up, tear_down),
      cmocka_unit_test_setup_teardown(test_a_client_that_does_not_trust, set_up, tear_down),
      cmocka_unit_test_setup_teardown(test_no_tls_at_all, set_up, tear_down),
      cmocka_unit_test(test_certificates),
      cmocka_unit_test(test_a_peer_that_is_checked_afterwards),
      cmocka_unit_test(test_dane),
      cmocka_unit_test_setup_teardown(test_files, set_up, tear_down),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
