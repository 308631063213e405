/* Signatures, verified by python3-dkim, which shares no code with libopendkim. */
#include "dkim/signer.h"
#include "dkim/key_private.h"

#include "base/text/header.h"
#include "tests/unit/folder.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define HEADER                                                                                                         \
  "From: A <a@example.com>\r\nTo: b@example.net\r\nSubject: a\r\n long  subject,\r\n\tfolded\r\nDate: Mon, 23 Nov "    \
  "2026 10:00:00 +0000\r\n"                                                                                            \
  "Message-ID: <1@example.com>\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n"

struct keys {
  struct signer_key *rsa, *ed;
  struct buffer rsa_record, ed_record;
};

static struct signer_key *make(enum key_algorithm algorithm, struct buffer *record) {
  struct buffer pem, public;
  struct reason why;
  struct signer_key *key;
  assert_int_equal(key_generate(algorithm, 2048, &pem, &public, &why), OK);
  assert_int_equal(signer_key_load(buffer_bytes(&pem), &key, &why), OK);
  buffer_init(record, 4096);
  buffer_add(&public, "", 1);
  assert_int_equal(key_record(algorithm, public.at, record), OK);
  buffer_wipe_free(&pem);
  buffer_free(&public);
  return key;
}

static int setup(void **state) {
  struct keys *k = calloc(1, sizeof *k);
  k->rsa = make(KEY_RSA, &k->rsa_record);
  k->ed = make(KEY_ED25519, &k->ed_record);
  *state = k;
  return 0;
}

static int teardown(void **state) {
  struct keys *k = *state;
  signer_key_release(&k->rsa);
  signer_key_release(&k->ed);
  buffer_free(&k->rsa_record);
  buffer_free(&k->ed_record);
  free(k);
  return 0;
}

/* Signs header and body, the body in pieces of `step` octets (0: whole). The signatures go to `out`, at most `room`
 * octets of them. */
static int sign_into(struct signer_lib *lib, struct keys *k, struct bytes header, struct bytes body, size_t step,
                     struct buffer *out, size_t room, struct reason *why) {
  struct signer_identity ids[] = {{k->rsa, "example.com", "r1"}, {k->ed, "example.com", "e1"}};
  struct signer *s;
  struct field f;
  size_t at = 0;
  assert_int_equal(signer_begin(lib, ids, 2, &s, why), OK);
  while (header_next(header, &at, &f) == 1) assert_int_equal(signer_header(s, f.whole), OK);
  assert_int_equal(signer_headers_end(s, why), OK);
  for (size_t i = 0; i < body.len; i += step ? step : body.len) {
    size_t n = step && step < body.len - i ? step : step ? body.len - i : body.len;
    assert_int_equal(signer_body(s, (struct bytes){body.at + i, n}), OK);
  }
  buffer_init(out, room);
  int rc = signer_finish(s, out, why);
  signer_free(&s);
  return rc;
}

static void sign(struct signer_lib *lib, struct keys *k, struct bytes header, struct bytes body, size_t step,
                 struct buffer *out) {
  struct reason why;
  if (sign_into(lib, k, header, body, step, out, 16384, &why) != OK) fail_msg("%s", why.text);
}

/* Python prints one line for each signature: True or False. Messages are written to files, all verified by one process.
 */
static const char verifier[] = "import sys, dkim, glob\n"
                               "records = {b'r1._domainkey.example.com.': open(sys.argv[1] + '/r1', 'rb').read(), "
                               "b'e1._domainkey.example.com.': open(sys.argv[1] + '/e1', 'rb').read()}\n"
                               "bad = 0\n"
                               "for path in sorted(glob.glob(sys.argv[1] + '/*.eml')):\n"
                               "    message = open(path, 'rb').read()\n"
                               "    want = not path.endswith('.bad.eml')\n"
                               "    d = dkim.DKIM(message)\n"
                               "    for n in range(2):\n"
                               "        try: ok = d.verify(idx=n, dnsfunc=lambda name, timeout=5: records[name])\n"
                               "        except Exception as e: ok = repr(e) if want else False\n"
                               "        if ok is not want: bad += 1; print(path, n, ok)\n"
                               "sys.exit(1 if bad else 0)\n";

static void save(const char *folder, const char *name, struct bytes a, struct bytes b, struct bytes c, struct bytes d) {
  char path[512];
  snprintf(path, sizeof path, "%s/%s", folder, name);
  FILE *f = fopen(path, "wb");
  assert_non_null(f);
  const struct bytes parts[] = {a, b, c, d};
  for (size_t i = 0; i < 4; i++)
    if (parts[i].len) assert_int_equal(fwrite(parts[i].at, 1, parts[i].len, f), parts[i].len);
  fclose(f);
}

static void test_verifies_elsewhere(void **state) {
  struct keys *k = *state;
  static const struct {
    struct bytes header, body;
  } samples[] = {
      {BYTES(HEADER), BYTES("hello\r\nworld\r\n")},
      {BYTES(HEADER), BYTES("")},
      {BYTES(HEADER), BYTES("no end of line")},
      {BYTES(HEADER), BYTES("trailing \t\r\n  white   space \r\n\r\n\r\n\r\n")},
      {BYTES(HEADER), BYTES("\r\n\r\n")},
      {BYTES(HEADER), BYTES("\xc3\xa4\xc3\xb6\r\n.\r\n..\r\n")},
      {BYTES(HEADER "X-Twice: 1\r\nX-Twice: 2\r\nTo: c@example.net\r\n"), BYTES("two To fields\r\n")},
      {BYTES("From: \xc3\xa4 <a@example.com>\r\nSubject:\r\n"), BYTES("8-bit header, empty subject\r\n")},
  };
  char folder[256], command[1024];
  folder_make(folder, sizeof folder);
  struct signer_lib *lib;
  struct reason why;
  assert_int_equal(signer_lib_new(&lib, &why), OK);
  save(folder, "r1", buffer_bytes(&k->rsa_record), BYTES(""), BYTES(""), BYTES(""));
  save(folder, "e1", buffer_bytes(&k->ed_record), BYTES(""), BYTES(""), BYTES(""));
  save(folder, "verify.py", bytes_of(verifier), BYTES(""), BYTES(""), BYTES(""));
  for (size_t i = 0; i < sizeof samples / sizeof samples[0]; i++)
    for (size_t step = 0; step < 6; step++) {
      struct buffer out;
      char name[64];
      sign(lib, k, samples[i].header, samples[i].body, step, &out);
      snprintf(name, sizeof name, "%zu-%zu.eml", i, step);
      struct buffer head;
      buffer_init(&head, 16384);
      buffer_add_bytes(&head, buffer_bytes(&out));
      buffer_add_bytes(&head, samples[i].header);
      save(folder, name, buffer_bytes(&head), BYTES("\r\n"), samples[i].body, BYTES(""));
      if (!step) { /* another From on top: oversigning must make it fail; so must a changed body */
        snprintf(name, sizeof name, "%zu-from.bad.eml", i);
        save(folder, name, BYTES("From: evil@example.org\r\n"), buffer_bytes(&head), BYTES("\r\n"), samples[i].body);
        snprintf(name, sizeof name, "%zu-body.bad.eml", i);
        save(folder, name, buffer_bytes(&head), BYTES("\r\n"), samples[i].body, BYTES("more\r\n"));
      }
      assert_null(memmem(out.at, out.len, "\n\n", 2));
      for (size_t n = 0; n < out.len; n++) assert_true(out.at[n] != '\n' || (n && out.at[n - 1] == '\r'));
      buffer_free(&head);
      buffer_free(&out);
    }
  signer_lib_free(&lib);
  snprintf(command, sizeof command, "/usr/bin/python3 %s/verify.py %s", folder, folder);
  assert_int_equal(system(command), 0);
  folder_remove(folder);
}

/* Fails when a future libopendkim no longer asks for its key through the call that dkim/key_handover.c answers. */
static void test_key_is_asked_for(void **state) {
  struct keys *k = *state;
  struct signer_lib *lib;
  struct reason why;
  struct buffer out;
  assert_int_equal(signer_lib_new(&lib, &why), OK);
  for (int i = 0; i < 3; i++) {
    unsigned long before = key_handover_count();
    sign(lib, k, BYTES(HEADER), BYTES("x\r\n"), 0, &out);
    buffer_free(&out);
    assert_true(key_handover_count() - before >= 2); /* once a signature at least */
  }
  signer_lib_free(&lib);
}

static void test_freed_at_every_stage(void **state) {
  struct keys *k = *state;
  struct signer_identity id = {k->rsa, "example.com", "r1"};
  struct signer_lib *lib;
  struct reason why;
  assert_int_equal(signer_lib_new(&lib, &why), OK);
  for (int stage = 0; stage < 4; stage++) {
    struct signer *s;
    assert_int_equal(signer_begin(lib, &id, 1, &s, &why), OK);
    if (stage > 0) assert_int_equal(signer_header(s, BYTES("From: a@example.com\r\n")), OK);
    if (stage > 1) assert_int_equal(signer_headers_end(s, &why), OK);
    if (stage > 2) assert_int_equal(signer_body(s, BYTES("x")), OK);
    signer_free(&s);
    assert_null(s);
  }
  signer_lib_free(&lib);
}

static void test_bad_keys(void **state) {
  (void)state;
  struct signer_key *key;
  struct reason why;
  assert_int_equal(
      signer_key_load(BYTES("-----BEGIN PRIVATE KEY-----\nnonsense\n-----END PRIVATE KEY-----\n"), &key, &why),
      E_SYNTAX);
  assert_int_equal(signer_key_load(BYTES(""), &key, &why), E_SYNTAX);
  assert_null(key);
}

static void *sign_many(void *arg) {
  struct signer_lib *lib;
  struct reason why;
  if (signer_lib_new(&lib, &why) != OK) return NULL;
  for (int i = 0; i < 50; i++) {
    struct buffer out;
    sign(lib, arg, BYTES(HEADER), BYTES("x\r\n"), 0, &out);
    buffer_free(&out);
  }
  signer_lib_free(&lib);
  return arg;
}

static void test_two_threads_one_key(void **state) {
  pthread_t threads[2];
  for (int i = 0; i < 2; i++) assert_int_equal(pthread_create(&threads[i], NULL, sign_many, *state), 0);
  for (int i = 0; i < 2; i++) {
    void *result;
    pthread_join(threads[i], &result);
    assert_non_null(result);
  }
}

/* RFC 5322 2.1, 2.3: CR and LF come as a pair only, and a line that goes on begins with white space. */
static void check_lines(struct bytes fields) {
  assert_true(fields.len > 2 && memcmp(fields.at + fields.len - 2, "\r\n", 2) == 0);
  for (size_t i = 0; i < fields.len; i++) {
    if (fields.at[i] == '\n') assert_true(i && fields.at[i - 1] == '\r');
    if (fields.at[i] != '\r') continue;
    assert_int_equal(fields.at[i + 1], '\n');
    if (i + 2 < fields.len && strchr(" \t", fields.at[i + 2]) == NULL) assert_int_equal(fields.at[i + 2], 'D');
  }
}

static void test_folded_and_within_its_room(void **state) {
  struct keys *k = *state;
  struct signer_lib *lib;
  struct reason why = {0};
  struct buffer out;
  assert_int_equal(signer_lib_new(&lib, &why), OK);
  sign(lib, k, BYTES(HEADER), BYTES("x\r\n"), 0, &out);
  size_t whole = out.len;
  check_lines(buffer_bytes(&out));
  buffer_free(&out);
  for (size_t room = 0; room < whole; room += 13) {
    assert_int_equal(sign_into(lib, k, BYTES(HEADER), BYTES("x\r\n"), 0, &out, room, &why), E_TOO_BIG);
    assert_true(out.len <= room);
    assert_non_null(strstr(why.text, "larger than their room"));
    buffer_free(&out);
  }
  signer_lib_free(&lib);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_verifies_elsewhere),   cmocka_unit_test(test_key_is_asked_for),
      cmocka_unit_test(test_freed_at_every_stage), cmocka_unit_test(test_bad_keys),
      cmocka_unit_test(test_two_threads_one_key),  cmocka_unit_test(test_folded_and_within_its_room)};
  return cmocka_run_group_tests(tests, setup, teardown);
}
