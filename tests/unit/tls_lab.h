/* Two TLS sessions joined by memory alone. */
#ifndef SENDOFF_TESTS_UNIT_TLS_LAB_H
#define SENDOFF_TESTS_UNIT_TLS_LAB_H

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

static inline ssize_t pull(void *arg, void *out, size_t size) {
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

static inline ssize_t push(void *arg, const void *data, size_t len) {
  struct pipe *p = ((struct side *)arg)->out;
  assert_true(len <= sizeof p->octets - p->len);
  memcpy(p->octets + p->len, data, len);
  p->len += len;
  return (ssize_t)len;
}

static inline void path_of(const char *name, char out[300]) {
  snprintf(out, 300, "%s/%s", folder, name);
}

static inline void load(const char *const names[], size_t count, struct tls_server **out) {
  char paths[4][2][300];
  struct tls_files files[4];
  struct reason why;
  for (size_t i = 0; i < count; i++) {
    char file[32];
    snprintf(file, sizeof file, "%zu.crt", i);
    path_of(file, paths[i][0]);
    snprintf(file, sizeof file, "%zu.key", i);
    path_of(file, paths[i][1]);
    self_signed(names[i], paths[i][0], paths[i][1]);
    files[i] = (struct tls_files){paths[i][0], paths[i][1]};
  }
  if (tls_server_load(files, count, out, &why) != OK) fail_msg("%s", why.text);
}

static inline void trust(const char *file) {
  char path[300];
  struct reason why;
  path_of(file, path);
  assert_int_equal(tls_client_new(&client_credentials), OK);
  assert_int_equal(tls_client_trust(client_credentials, path, &why), OK);
}

static inline int set_up(void **state) {
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

static inline int tear_down(void **state) {
  (void)state;
  tls_session_free(&client.session);
  tls_session_free(&server.session);
  tls_client_free(&client_credentials);
  tls_server_release(&server_credentials);
  folder_remove(folder);
  return 0;
}

static inline void begin_with(const struct tls_peer *peer) {
  struct tls_transport c = {pull, push, &client}, s = {pull, push, &server};
  assert_int_equal(tls_session_client(client_credentials, peer, &c, &client.session), OK);
  assert_int_equal(tls_session_server(server_credentials, false, &s, &server.session), OK);
}

static inline void begin(const char *name, bool verify) {
  begin_with(&(struct tls_peer){name, "", verify ? TLS_BY_CA : TLS_UNVERIFIED, NULL});
}

/* Both in turn, until both are done or one fails: TLS_DONE or TLS_FAILED. */
static inline enum tls_step shake(void) {
  enum tls_step c = TLS_AGAIN, s = TLS_AGAIN;
  for (int turn = 0; turn < 20000; turn++) {
    if (c == TLS_AGAIN) c = tls_handshake(client.session);
    if (s == TLS_AGAIN) s = tls_handshake(server.session);
    if (c == TLS_FAILED || s == TLS_FAILED) return TLS_FAILED;
    if (c == TLS_DONE && s == TLS_DONE) return TLS_DONE;
  }
  return TLS_AGAIN;
}

static inline size_t read_all(struct side *side, char *out, size_t size, enum tls_step *last) {
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

static inline void exchange(void) {
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

/* TLSA records of the first certificate; one bit of the digest may be another. */
static inline struct dane_rules *rules_of_first(bool wrong) {
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

#endif
