/* Streams inside TLS: which certificate a name selects, pauses between records, and a middleman between the two ends
 * that splits or cuts what passes. */
#include "relay/net/tls.h"

#include "tests/unit/self_signed.h"
#include "tests/unit/stream_rig.h"

#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <pthread.h>
#include <stdio.h>

struct pem {
  char certificate[320], key[320];
};

static struct {
  char folder[256];
  struct pem a, b;
} lab;

static void make_certificate(const char *name, struct pem *out) {
  snprintf(out->certificate, sizeof out->certificate, "%s/%s.crt", lab.folder, name);
  snprintf(out->key, sizeof out->key, "%s/%s.key", lab.folder, name);
  self_signed(name, out->certificate, out->key);
}

static int make_lab(void **state) {
  (void)state;
  folder_make(lab.folder, sizeof lab.folder);
  make_certificate("a.test", &lab.a);
  make_certificate("b.test", &lab.b);
  return 0;
}

static int remove_lab(void **state) {
  (void)state;
  folder_remove(lab.folder);
  return 0;
}

static struct tls_server *load_server(void) {
  struct tls_files files[] = {{lab.a.certificate, lab.a.key}, {lab.b.certificate, lab.b.key}};
  struct tls_server *t;
  struct reason why = {0};
  if (tls_server_load(files, COUNT_OF(files), &t, &why) != OK) fail_msg("%s", why.text);
  return t;
}

static void fingerprint_of(const struct pem *p, struct fingerprint *out) {
  gnutls_datum_t text;
  gnutls_x509_crt_t crt;
  size_t size = sizeof out->sha256;
  assert_int_equal(gnutls_load_file(p->certificate, &text), 0);
  gnutls_x509_crt_init(&crt);
  assert_int_equal(gnutls_x509_crt_import(crt, &text, GNUTLS_X509_FMT_PEM), 0);
  assert_int_equal(gnutls_x509_crt_get_fingerprint(crt, GNUTLS_DIG_SHA256, out->sha256, &size), 0);
  gnutls_x509_crt_deinit(crt);
  gnutls_free(text.data);
}

/* --- streams --- */

static void tls_rig_open(struct stream_rig *r) {
  rig_open(r);
  r->on.loop.tls = load_server();
  assert_int_equal(tls_client_new(&r->on.loop.tls_client), OK);
}

static void tls_rig_close(struct stream_rig *r) {
  tls_server_release(&r->on.loop.tls);
  tls_client_free(&r->on.loop.tls_client);
  rig_close(r);
}

static void start_both(struct stream_rig *r, struct end *client, struct end *server, const char *name) {
  assert_int_equal(stream_start_tls_server(server->stream, false), OK);
  assert_int_equal(stream_start_tls_client(client->stream, name, TLS_UNVERIFIED, NULL), OK);
  assert_false(stream_is_tls(server->stream));
  loop_lab_until(&r->on, client->events[STREAM_TLS_READY] && server->events[STREAM_TLS_READY]);
}

static void close_both(struct stream_rig *r, struct end *client, struct end *server) {
  end_close(r, client);
  end_close(r, server);
}

static void two_streams(void **state) {
  (void)state;
  struct stream_rig r = {0};
  struct end client = {0}, server = {0};
  struct fingerprint peer, a;
  unsigned char bindings[2][32];
  static char text[700 * 1024];
  tls_rig_open(&r);
  rig_pair(&r, &client, &server);
  assert_false(stream_tls_binding(client.stream, bindings[0]));
  assert_false(stream_tls_peer(client.stream, &peer));
  assert_int_equal(stream_write(server.stream, BYTES("220 go\r\n")), OK); /* in the clear, before it */
  loop_lab_until(&r.on, client.got.len);
  client.got.len = 0;
  start_both(&r, &client, &server, "a.test");
  tls_server_release(&r.on.loop.tls); /* replaced meanwhile: the session holds its own */
  r.on.loop.tls = load_server();
  assert_true(stream_is_tls(client.stream) && stream_is_tls(server.stream));
  assert_string_equal(stream_tls_text(client.stream), stream_tls_text(server.stream));
  assert_int_equal(stream_start_tls_server(server.stream, false), E_DENIED); /* once */
  assert_int_equal(stream_start_tls_client(client.stream, "a.test", TLS_UNVERIFIED, NULL), E_DENIED);
  assert_true(stream_tls_binding(client.stream, bindings[0]) && stream_tls_binding(server.stream, bindings[1]));
  assert_memory_equal(bindings[0], bindings[1], 32);
  fingerprint_of(&lab.a, &a);
  assert_true(stream_tls_peer(client.stream, &peer));
  assert_memory_equal(&peer, &a, sizeof a);
  assert_false(stream_tls_peer(server.stream, &peer)); /* the client has none */

  fill_pattern(text, sizeof text, 0);
  assert_int_equal(stream_write(client.stream, (struct bytes){text, sizeof text}), OK);
  assert_int_equal(stream_write(server.stream, (struct bytes){text, sizeof text}), OK);
  assert_true(stream_pending(client.stream) > sizeof text); /* ciphertext */
  loop_lab_until(&r.on, client.got.len >= sizeof text && server.got.len >= sizeof text);
  check_pattern(buffer_bytes(&client.got), sizeof text);
  check_pattern(buffer_bytes(&server.got), sizeof text);

  stream_close(client.stream, true); /* close_notify, then FIN: one end */
  loop_lab_until(&r.on, server.events[STREAM_END]);
  loop_lab_for(&r.on, 20);
  assert_int_equal(server.events[STREAM_END], 1);
  assert_int_equal(server.events[STREAM_FAILED], 0);
  assert_int_equal(stream_write(server.stream, BYTES("221 still\r\n")), OK);
  close_both(&r, &client, &server);
  tls_rig_close(&r);
}

static void no_certificate_no_tls(void **state) {
  (void)state;
  struct stream_rig r = {0};
  struct end client = {0}, server = {0};
  rig_open(&r);
  rig_pair(&r, &client, &server);
  assert_int_equal(stream_start_tls_server(server.stream, false), E_DENIED);
  close_both(&r, &client, &server);
  rig_close(&r);
}

static void the_name_selects_the_certificate(void **state) {
  (void)state;
  const struct {
    const char *name;
    const struct pem *shown;
  } cases[] = {{"a.test", &lab.a}, {"b.test", &lab.b}, {"c.test", &lab.a}, {"", &lab.a}, {"[127.0.0.1]", &lab.a}};
  for (size_t i = 0; i < COUNT_OF(cases); i++) {
    struct stream_rig r = {0};
    struct end client = {0}, server = {0};
    struct fingerprint peer, wanted;
    tls_rig_open(&r);
    rig_pair(&r, &client, &server);
    start_both(&r, &client, &server, cases[i].name);
    fingerprint_of(cases[i].shown, &wanted);
    assert_true(stream_tls_peer(client.stream, &peer));
    if (memcmp(&peer, &wanted, sizeof peer) != 0) fail_msg("\"%s\": another certificate", cases[i].name);
    close_both(&r, &client, &server);
    tls_rig_close(&r);
  }
}

static void paused_inside_tls(void **state) {
  (void)state;
  struct stream_rig r = {0};
  struct end client = {0}, server = {0};
  static char text[300 * 1024];
  tls_rig_open(&r);
  rig_pair(&r, &client, &server);
  start_both(&r, &client, &server, "a.test");
  fill_pattern(text, sizeof text, 0);
  stream_pause(server.stream);
  assert_int_equal(stream_write(client.stream, (struct bytes){text, sizeof text}), OK);
  stream_close(client.stream, true);
  loop_lab_for(&r.on, 30);
  assert_int_equal(server.reads + server.events[STREAM_END], 0);
  stream_resume(server.stream);
  loop_lab_until(&r.on, server.events[STREAM_END]);
  check_pattern(buffer_bytes(&server.got), sizeof text);
  close_both(&r, &client, &server);
  tls_rig_close(&r);
}

/* Paused at the first of many records of one read: the others wait as ciphertext, and the end behind them. */
static void pause_at_first(struct end *e, struct bytes data) {
  assert_int_equal(buffer_add_bytes(&e->got, data), OK);
  if (e->reads == 1) stream_pause(e->stream);
}

static void paused_between_records(void **state) {
  (void)state;
  struct stream_rig r = {0};
  struct end client = {0}, server = {.on_data = pause_at_first};
  tls_rig_open(&r);
  rig_pair(&r, &client, &server);
  start_both(&r, &client, &server, "a.test");
  assert_int_equal(stream_write(client.stream, BYTES("one ")), OK); /* a record each, one packet */
  assert_int_equal(stream_write(client.stream, BYTES("two ")), OK);
  assert_int_equal(stream_write(client.stream, BYTES("three")), OK);
  stream_close(client.stream, true);
  loop_lab_until(&r.on, server.reads);
  loop_lab_for(&r.on, 30);
  assert_true(got_is(&server, "one "));
  assert_int_equal(server.events[STREAM_END], 0);
  stream_resume(server.stream);
  loop_lab_until(&r.on, server.events[STREAM_END]);
  assert_true(got_is(&server, "one two three"));
  close_both(&r, &client, &server);
  tls_rig_close(&r);
}

static void no_client_credentials_no_tls(void **state) {
  (void)state;
  struct stream_rig r = {0};
  struct end client = {0}, server = {0};
  rig_open(&r);
  rig_pair(&r, &client, &server);
  assert_int_equal(stream_start_tls_client(client.stream, "a.test", TLS_UNVERIFIED, NULL), E_DENIED);
  assert_int_equal(stream_write(client.stream, BYTES("EHLO c\r\n")), OK); /* the stream is as it was */
  loop_lab_until(&r.on, got_is(&server, "EHLO c\r\n"));
  close_both(&r, &client, &server);
  rig_close(&r);
}

static void nothing_is_written_within_the_handshake(void **state) {
  (void)state;
  struct stream_rig r = {0};
  struct end client = {0}, server = {0};
  tls_rig_open(&r);
  rig_pair(&r, &client, &server);
  assert_int_equal(stream_start_tls_server(server.stream, false), OK);
  assert_int_equal(stream_write(server.stream, BYTES("250 secret\r\n")), E_DENIED);
  assert_int_equal(stream_start_tls_client(client.stream, "a.test", TLS_UNVERIFIED, NULL), OK);
  assert_int_equal(stream_write(client.stream, BYTES("AUTH PLAIN secret\r\n")), E_DENIED);
  loop_lab_until(&r.on, client.events[STREAM_TLS_READY] && server.events[STREAM_TLS_READY]);
  assert_int_equal(stream_write(server.stream, BYTES("250 secret\r\n")), OK);
  loop_lab_until(&r.on, client.got.len);
  assert_true(got_is(&client, "250 secret\r\n"));
  close_both(&r, &client, &server);
  tls_rig_close(&r);
}

/* Both leave in one turn of the loop, so that they are there in one read. */
static void write_at_once(struct end *e) {
  assert_int_equal(stream_write(e->stream, BYTES("EHLO client\r\n")), OK);
}

static void data_behind_the_handshake(void **state) {
  (void)state;
  struct stream_rig r = {0};
  struct end client = {.on_ready = write_at_once}, server = {0};
  tls_rig_open(&r);
  rig_pair(&r, &client, &server);
  start_both(&r, &client, &server, "a.test");
  loop_lab_until(&r.on, server.got.len);
  assert_true(got_is(&server, "EHLO client\r\n"));
  close_both(&r, &client, &server);
  tls_rig_close(&r);
}

static void the_end_comes_once(void **state) {
  (void)state;
  struct stream_rig r = {0};
  struct end client = {0}, server = {0};
  tls_rig_open(&r);
  rig_pair(&r, &client, &server);
  start_both(&r, &client, &server, "a.test");
  stream_close(client.stream, true);
  loop_lab_until(&r.on, server.events[STREAM_END]);
  for (int i = 0; i < 3; i++) {
    stream_pause(server.stream);
    stream_resume(server.stream);
    loop_lab_for(&r.on, 10);
  }
  assert_int_equal(server.events[STREAM_END], 1);
  assert_int_equal(server.events[STREAM_FAILED], 0);
  close_both(&r, &client, &server);
  tls_rig_close(&r);
}

/* --- through a middleman --- */

/* Passes octets between the client and the listener, at most `piece` at once, until `cut_after` octets have come from
 * the server; then both sides see the end of TCP, without TLS having said so. `halve`: only the server sees it, and
 * what it writes still passes. When the client ends, `tail` goes to the server first. */
struct middleman {
  size_t piece, cut_after;
  bool halve; /* atomic */
  struct bytes tail;
  int listener;
  struct sockaddr_in at;
  const struct stream_rig *rig;
  pthread_t thread;
  bool released; /* atomic */
};

static bool pass(int from, int to, size_t most) {
  char piece[4096];
  ssize_t n = recv(from, piece, most < sizeof piece ? most : sizeof piece, 0);
  return n > 0 && send(to, piece, (size_t)n, MSG_NOSIGNAL) == n;
}

static void *middleman_run(void *arg) {
  struct middleman *m = arg;
  int on = 1, client = accept(m->listener, NULL, NULL), server = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  bool open = client >= 0 && connect(server, (const struct sockaddr *)&m->rig->at, sizeof m->rig->at) == 0;
  setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  setsockopt(server, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  size_t from_server = 0;
  bool halved = false;
  while (open && !__atomic_load_n(&m->released, __ATOMIC_ACQUIRE)) {
    struct pollfd fds[2] = {{.fd = client, .events = POLLIN}, {.fd = server, .events = POLLIN}};
    if (!halved && __atomic_load_n(&m->halve, __ATOMIC_ACQUIRE)) halved = shutdown(server, SHUT_WR) == 0;
    if (halved) fds[0].fd = -1;
    if (poll(fds, 2, 20) <= 0) continue;
    if (fds[0].revents) open = pass(client, server, m->piece);
    if (!open && m->tail.len) send(server, m->tail.at, m->tail.len, MSG_NOSIGNAL);
    size_t most = m->cut_after - from_server < m->piece ? m->cut_after - from_server : m->piece;
    if (open && fds[1].revents) open = most && pass(server, client, most);
    if (fds[1].revents) from_server += most;
  }
  close(client);
  close(server);
  return NULL;
}

static void middleman_start(struct middleman *m, const struct stream_rig *r) {
  socklen_t len = sizeof m->at;
  m->rig = r;
  m->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  assert_int_equal(uv_ip4_addr("127.0.0.1", 0, &m->at), 0);
  assert_int_equal(bind(m->listener, (struct sockaddr *)&m->at, sizeof m->at), 0);
  assert_int_equal(listen(m->listener, 1), 0);
  assert_int_equal(getsockname(m->listener, (struct sockaddr *)&m->at, &len), 0);
  assert_int_equal(pthread_create(&m->thread, NULL, middleman_run, m), 0);
}

static void middleman_stop(struct middleman *m) {
  __atomic_store_n(&m->released, true, __ATOMIC_RELEASE);
  pthread_join(m->thread, NULL);
  close(m->listener);
}

static void begin_through(struct stream_rig *r, struct middleman *m, struct end *client, struct end *server) {
  tls_rig_open(r);
  middleman_start(m, r);
  rig_connect_to(r, client, &m->at);
  rig_accept(r, server);
  assert_int_equal(stream_start_tls_server(server->stream, false), OK);
  loop_lab_until(&r->on, client->events[STREAM_CONNECTED]);
  assert_int_equal(stream_start_tls_client(client->stream, "a.test", TLS_UNVERIFIED, NULL), OK);
}

static void records_split_over_many_reads(void **state) {
  (void)state;
  struct stream_rig r = {0};
  struct middleman m = {.piece = 1, .cut_after = SIZE_MAX};
  struct end client = {0}, server = {0};
  static char text[3000];
  begin_through(&r, &m, &client, &server);
  loop_lab_until(&r.on, client.events[STREAM_TLS_READY] && server.events[STREAM_TLS_READY]);
  fill_pattern(text, sizeof text, 0);
  assert_int_equal(stream_write(client.stream, (struct bytes){text, sizeof text}), OK);
  loop_lab_until(&r.on, server.got.len >= sizeof text);
  assert_int_equal(server.reads, 1); /* a record is given whole, or not at all */
  check_pattern(buffer_bytes(&server.got), sizeof text);
  assert_int_equal(stream_write(server.stream, BYTES("250 ok\r\n")), OK);
  loop_lab_until(&r.on, got_is(&client, "250 ok\r\n"));
  middleman_stop(&m);
  close_both(&r, &client, &server);
  tls_rig_close(&r);
}

/* Cut with a reply under way: what came whole counts, and the rest is no data. To SMTP that is the end, not a failure,
 * as nothing of it says that anything is complete. */
static void cut_without_close_notify(void **state) {
  (void)state;
  struct stream_rig r = {0};
  struct middleman m = {.piece = 4096, .cut_after = SIZE_MAX};
  struct end client = {0}, server = {0};
  begin_through(&r, &m, &client, &server);
  loop_lab_until(&r.on, client.events[STREAM_TLS_READY] && server.events[STREAM_TLS_READY]);
  assert_int_equal(stream_write(server.stream, BYTES("250 ok\r\n")), OK);
  loop_lab_until(&r.on, got_is(&client, "250 ok\r\n"));
  middleman_stop(&m);
  loop_lab_until(&r.on, client.events[STREAM_END] && server.events[STREAM_END]);
  assert_int_equal(client.events[STREAM_FAILED] + server.events[STREAM_FAILED], 0);
  assert_true(got_is(&client, "250 ok\r\n"));
  close_both(&r, &client, &server);
  tls_rig_close(&r);
}

/* A client that has said all that it wants to, and says so to TCP alone: it still gets the replies. */
static void ended_without_close_notify(void **state) {
  (void)state;
  struct stream_rig r = {0};
  struct middleman m = {.piece = 4096, .cut_after = SIZE_MAX};
  struct end client = {0}, server = {0};
  begin_through(&r, &m, &client, &server);
  loop_lab_until(&r.on, client.events[STREAM_TLS_READY] && server.events[STREAM_TLS_READY]);
  assert_int_equal(stream_write(client.stream, BYTES("QUIT\r\n")), OK);
  loop_lab_until(&r.on, server.got.len);
  __atomic_store_n(&m.halve, true, __ATOMIC_RELEASE);
  loop_lab_until(&r.on, server.events[STREAM_END]);
  assert_int_equal(stream_write(server.stream, BYTES("221 bye\r\n")), OK);
  stream_close(server.stream, true); /* with close_notify */
  loop_lab_until(&r.on, client.events[STREAM_END]);
  assert_true(got_is(&client, "221 bye\r\n"));
  assert_int_equal(server.events[STREAM_END], 1);
  assert_int_equal(client.events[STREAM_FAILED] + server.events[STREAM_FAILED], 0);
  middleman_stop(&m);
  close_both(&r, &client, &server);
  tls_rig_close(&r);
}

/* RFC 8446 6.1: what comes behind close_notify is ignored, be it TLS or not. */
static void octets_behind_close_notify(void **state) {
  (void)state;
  static const char *const tails[] = {"QUIT\r\n", "\x17\x03\x03\x00\x30"
                                                  "0123456789abcdef0123456789abcdef0123456789abcdef"};
  for (size_t i = 0; i < COUNT_OF(tails); i++) {
    struct stream_rig r = {0};
    struct middleman m = {.piece = 4096, .cut_after = SIZE_MAX, .tail = {tails[i], i ? 53 : 6}};
    struct end client = {0}, server = {0};
    begin_through(&r, &m, &client, &server);
    loop_lab_until(&r.on, client.events[STREAM_TLS_READY] && server.events[STREAM_TLS_READY]);
    assert_int_equal(stream_write(client.stream, BYTES("NOOP\r\n")), OK);
    stream_close(client.stream, true);
    loop_lab_until(&r.on, server.events[STREAM_END]);
    loop_lab_for(&r.on, 100);
    assert_true(got_is(&server, "NOOP\r\n"));
    assert_int_equal(server.events[STREAM_END], 1);
    assert_int_equal(server.events[STREAM_FAILED], 0);
    middleman_stop(&m);
    close_both(&r, &client, &server);
    tls_rig_close(&r);
  }
}

static void cut_within_the_handshake(void **state) {
  (void)state;
  struct stream_rig r = {0};
  struct middleman m = {.piece = 4096, .cut_after = 50}; /* within ServerHello */
  struct end client = {0}, server = {0};
  begin_through(&r, &m, &client, &server);
  loop_lab_until(&r.on, client.events[STREAM_FAILED] && server.events[STREAM_FAILED]);
  assert_int_equal(client.events[STREAM_TLS_READY] + server.events[STREAM_TLS_READY], 0);
  assert_true(*stream_error(client.stream) && *stream_error(server.stream));
  assert_false(stream_is_tls(client.stream) || stream_is_tls(server.stream));
  middleman_stop(&m);
  close_both(&r, &client, &server);
  tls_rig_close(&r);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(two_streams),
      cmocka_unit_test(no_certificate_no_tls),
      cmocka_unit_test(the_name_selects_the_certificate),
      cmocka_unit_test(paused_inside_tls),
      cmocka_unit_test(paused_between_records),
      cmocka_unit_test(records_split_over_many_reads),
      cmocka_unit_test(cut_without_close_notify),
      cmocka_unit_test(cut_within_the_handshake),
      cmocka_unit_test(no_client_credentials_no_tls),
      cmocka_unit_test(nothing_is_written_within_the_handshake),
      cmocka_unit_test(data_behind_the_handshake),
      cmocka_unit_test(the_end_comes_once),
      cmocka_unit_test(ended_without_close_notify),
      cmocka_unit_test(octets_behind_close_notify),
  };
  return cmocka_run_group_tests(tests, make_lab, remove_lab);
}
