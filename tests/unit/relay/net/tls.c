/* TLS sessions joined by memory alone: what is cut anywhere gives the same, and what is changed on the way fails. */
#include "relay/net/tls.h"

#include "tests/unit/loop_lab.h"
#include "tests/unit/self_signed.h"

#include <errno.h>

/* One direction: what one side has sent and the other has not read. */
struct pipe {
  char octets[256 * 1024];
  size_t len;
  size_t step; /* octets that one pull gives at most */
};
struct side {
  struct pipe *in, *out;
  struct tls_session *session;
};

static char folder[256];
static struct pipe up, down;
static struct side client, server;
static struct tls_client *client_credentials;
static struct tls_server *server_credentials;

static ssize_t pull(void *arg, void *out, size_t size) {
  struct pipe *p = ((struct side *)arg)->in;
  size_t n = p->len < size ? p->len : size;
  if (n > p->step) n = p->step;
  if (!n) {
    errno = EAGAIN;
    return -1;
  }
  memcpy(out, p->octets, n);
  memmove(p->octets, p->octets + n, p->len - n);
  p->len -= n;
  return (ssize_t)n;
}

static ssize_t push(void *arg, const void *data, size_t len) {
  struct pipe *p = ((struct side *)arg)->out;
  assert_true(len <= sizeof p->octets - p->len);
  memcpy(p->octets + p->len, data, len);
  p->len += len;
  return (ssize_t)len;
}

static void path_of(const char *name, char out[300]) {
  snprintf(out, 300, "%s/%s", folder, name);
}

static void load(const char *const names[], size_t count, struct tls_server **out) {
  char paths[4][2][300];
  struct tls_files files[4];
  struct reason why;
  for (size_t i = 0; i < count; i++) {
    char file[64];
    snprintf(file, sizeof file, "%zu.crt", i);
    path_of(file, paths[i][0]);
    snprintf(file, sizeof file, "%zu.key", i);
    path_of(file, paths[i][1]);
    self_signed(names[i], paths[i][0], paths[i][1]);
    files[i] = (struct tls_files){paths[i][0], paths[i][1]};
  }
  if (tls_server_load(files, count, out, &why) != OK) fail_msg("%s", why.text);
}

static void trust(const char *file) {
  char path[300];
  struct reason why;
  path_of(file, path);
  assert_int_equal(tls_client_new(&client_credentials), OK);
  assert_int_equal(tls_client_trust(client_credentials, path, &why), OK);
}

static int set_up(void **state) {
  (void)state;
  static const char *const names[] = {"mx.test", "other.test"};
  folder_make(folder, sizeof folder);
  load(names, 2, &server_credentials);
  trust("0.crt");
  up.len = down.len = 0;
  up.step = down.step = SIZE_MAX;
  client = (struct side){.in = &down, .out = &up};
  server = (struct side){.in = &up, .out = &down};
  return 0;
}

static int tear_down(void **state) {
  (void)state;
  tls_session_free(&client.session);
  tls_session_free(&server.session);
  tls_client_free(&client_credentials);
  tls_server_release(&server_credentials);
  folder_remove(folder);
  return 0;
}

static void begin(const char *name, bool verify) {
  struct tls_transport c = {pull, push, &client}, s = {pull, push, &server};
  assert_int_equal(
      tls_session_client(client_credentials, name, verify ? TLS_BY_CA : TLS_UNVERIFIED, NULL, &c, &client.session), OK);
  assert_int_equal(tls_session_server(server_credentials, false, &s, &server.session), OK);
}

/* Both in turn, until both are done or one fails: TLS_DONE or TLS_FAILED. */
static enum tls_step shake(void) {
  enum tls_step c = TLS_AGAIN, s = TLS_AGAIN;
  for (int turn = 0; turn < 20000; turn++) {
    if (c == TLS_AGAIN) c = tls_handshake(client.session);
    if (s == TLS_AGAIN) s = tls_handshake(server.session);
    if (c == TLS_FAILED || s == TLS_FAILED) return TLS_FAILED;
    if (c == TLS_DONE && s == TLS_DONE) return TLS_DONE;
  }
  return TLS_AGAIN;
}

static size_t read_all(struct side *side, char *out, size_t size, enum tls_step *last) {
  size_t len = 0, got;
  for (int turn = 0; turn < 20000; turn++) {
    size_t before = side->in->len;
    *last = tls_read(side->session, out + len, size - len, &got);
    if (*last == TLS_DONE) len += got;
    if (*last == TLS_END || *last == TLS_FAILED) break;
    if (*last == TLS_AGAIN && side->in->len == before && !side->in->len) break;
  }
  return len;
}

static void exchange(void) {
  char sent[40000], got[40000 + 1];
  enum tls_step last;
  for (size_t i = 0; i < sizeof sent; i++) sent[i] = (char)(i * 7);
  assert_int_equal(tls_write(client.session, (struct bytes){sent, sizeof sent}), TLS_DONE);
  assert_int_equal(read_all(&server, got, sizeof got, &last), sizeof sent);
  assert_memory_equal(got, sent, sizeof sent);
  assert_int_equal(tls_write(server.session, BYTES("250 ok\r\n")), TLS_DONE);
  assert_int_equal(read_all(&client, got, sizeof got, &last), 8);
  assert_memory_equal(got, "250 ok\r\n", 8);
  tls_bye(server.session);
  assert_int_equal(read_all(&client, got, sizeof got, &last), 0);
  assert_int_equal(last, TLS_END);
}

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

/* TLSA records of the first certificate; one bit of the digest may be another. */
static struct dane_rules *rules_of_first(bool wrong) {
  char path[300], rdata[35] = "\3\0\1";
  size_t size = 32;
  gnutls_datum_t pem;
  gnutls_x509_crt_t crt;
  path_of("0.crt", path);
  assert_int_equal(gnutls_load_file(path, &pem), 0);
  gnutls_x509_crt_init(&crt);
  assert_int_equal(gnutls_x509_crt_import(crt, &pem, GNUTLS_X509_FMT_PEM), 0);
  assert_int_equal(gnutls_x509_crt_get_fingerprint(crt, GNUTLS_DIG_SHA256, rdata + 3, &size), 0);
  gnutls_x509_crt_deinit(crt);
  gnutls_free(pem.data);
  rdata[34] ^= wrong ? 1 : 0;
  struct dns_record record = {.data = {rdata, sizeof rdata}};
  struct dns_answer answer = {.status = DNS_FOUND, .count = 1, .records = &record};
  return dane_rules_new(tlsa_set_read(&answer), &(struct dane_names){"mx.test", "", ""});
}

/* Whom nobody trusts may be the one that the TLSA records are of. */
static void test_dane(void **state) {
  for (int wrong = 0; wrong < 2; wrong++) {
    set_up(state);
    tls_client_free(&client_credentials);
    assert_int_equal(tls_client_new(&client_credentials), OK);
    struct dane_rules *rules = rules_of_first(wrong);
    struct tls_transport c = {pull, push, &client}, s = {pull, push, &server};
    assert_int_equal(tls_session_client(client_credentials, "mx.test", TLS_BY_DANE, rules, &c, &client.session), OK);
    assert_int_equal(tls_session_server(server_credentials, false, &s, &server.session), OK);
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
