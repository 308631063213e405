/* A body that is hashed once for all signatures, and what happens where that does not work. body_digest_answer is
 * wrapped: `broken` makes a libopendkim that takes no answer. SHA256_Update is counted here as it is on the way to
 * OpenSSL. */
#define OPENSSL_SUPPRESS_DEPRECATED /* SHA256_Init and the like, which are what libopendkim uses */
#include "dkim/body_feed.h"
#include "dkim/body_digest.h"
#include "dkim/probe.h"
#include "dkim/signer_private.h"
#include "tests/unit/caught.h"

#include <dlfcn.h>
#include <openssl/sha.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define BODY (1024 * 1024)

static bool broken;
void __real_body_digest_answer(const struct body_digest *d);
void __wrap_body_digest_answer(const struct body_digest *d);
void __wrap_body_digest_answer(const struct body_digest *d) {
  if (!broken) __real_body_digest_answer(d);
}

static size_t hashed;
typedef int update_function(SHA256_CTX *context, const void *data, size_t len);
__attribute__((visibility("default"))) int SHA256_Update(SHA256_CTX *context, const void *data, size_t len) {
  union {
    void *object;
    update_function *function;
  } real = {dlsym(RTLD_NEXT, "SHA256_Update")};
  hashed += len;
  return real.function(context, data, len);
}

static struct signer_lib *lib;
static struct signer_key rsa, ed;
static struct signer_key *const keys[] = {&rsa, &ed, &rsa};
static struct reason why;

static int sign_probe(enum body_feed feed) {
  struct buffer out;
  buffer_init(&out, PROBE_SIGNATURES_MAX);
  int rc = probe_sign(lib, keys, 3, feed, &out, &why);
  buffer_free(&out);
  return rc;
}

/* The first of all: what is learnt is learnt once in a process, so this one has its own. */
static void a_library_that_does_not_share_gets_the_body_for_each_key(void **state) {
  (void)state;
  pid_t child = fork();
  assert_true(child >= 0);
  if (child == 0) {
    char said[4096];
    broken = true;
    struct caught log = catch_stream(stderr);
    int rc = signer_lib_new(&lib, &why);
    release_stream(&log, said, sizeof said);
    bool right = rc == OK && body_feed() == BODY_EACH && strstr(said, "level=warn") && strstr(said, "cannot share");
    right = right && probe_key_make(KEY_RSA, &rsa) && probe_key_make(KEY_ED25519, &ed) && sign_probe(body_feed()) == OK;
    _exit(right ? 0 : 1);
  }
  int status;
  assert_int_equal(waitpid(child, &status, 0), child);
  assert_int_equal(status, 0);
}

static void it_is_learnt_that_this_one_shares(void **state) {
  (void)state;
  assert_int_equal(body_feed(), BODY_EACH);
  assert_int_equal(signer_lib_new(&lib, &why), OK);
  assert_int_equal(body_feed(), BODY_ONCE);
  assert_true(probe_key_make(KEY_RSA, &rsa) && probe_key_make(KEY_ED25519, &ed));
}

static size_t hashed_for(enum body_feed feed, size_t count) {
  static char body[BODY];
  struct signer_identity ids[3];
  struct signer *s;
  struct buffer out;
  memset(body, 'x', sizeof body);
  for (size_t i = 0; i < 3; i++) ids[i] = (struct signer_identity){keys[i], "example.com", "s"};
  buffer_init(&out, PROBE_SIGNATURES_MAX);
  assert_int_equal(signer_begin(lib, ids, count, &s, &why), OK);
  signer_set_feed(s, feed);
  assert_int_equal(signer_header(s, BYTES("From: a@example.com\r\n")), OK);
  assert_int_equal(signer_headers_end(s, &why), OK);
  hashed = 0;
  assert_int_equal(signer_body(s, (struct bytes){body, sizeof body}), OK);
  assert_int_equal(signer_finish(s, &out, &why), OK);
  signer_free(&s);
  buffer_free(&out);
  return hashed;
}

static void the_body_is_hashed_once(void **state) {
  (void)state;
  assert_in_range(hashed_for(BODY_EACH, 3), 3 * BODY, 3 * BODY + 8192);
  assert_in_range(hashed_for(BODY_ONCE, 1), BODY, BODY + 8192);
  assert_in_range(hashed_for(BODY_ONCE, 3), BODY, BODY + 8192);
}

static void only_the_first_digest_is_noted_or_answered(void **state) {
  (void)state;
  static const unsigned char abc[] = {0xba, 0x78, 0x16, 0xbf}; /* FIPS 180-2 B.1 */
  struct body_digest noted;
  unsigned char digest[SHA256_OCTETS];
  const char *const texts[] = {"abc", "other", "abc"};
  const enum { NOTE, ANSWER, NEITHER } what[] = {NOTE, ANSWER, NEITHER};
  for (size_t i = 0; i < 3; i++) {
    SHA256_CTX c, second;
    assert_int_equal(SHA256_Init(&c) + SHA256_Init(&second), 2);
    SHA256_Update(&c, texts[i], strlen(texts[i]));
    SHA256_Update(&second, "x", 1);
    if (what[i] == NOTE) body_digest_note(&noted);
    if (what[i] == ANSWER) body_digest_answer(&noted);
    assert_int_equal(SHA256_Final(digest, &c), 1);
    assert_memory_equal(digest, abc, sizeof abc);
    assert_int_equal(SHA256_Final(digest, &second), 1);
    assert_memory_not_equal(digest, abc, sizeof abc);
    body_digest_end();
    assert_true(noted.known);
    assert_memory_equal(noted.octets, abc, sizeof abc);
  }
}

/* The last of all: from here on it is not trusted. */
static void signatures_that_disagree_are_not_sent(void **state) {
  (void)state;
  char said[4096];
  broken = true;
  struct caught log = catch_stream(stderr);
  assert_int_equal(sign_probe(BODY_ONCE), E_IO);
  assert_non_null(strstr(why.text, "different body hashes"));
  assert_int_equal(sign_probe(BODY_ONCE), E_IO);
  release_stream(&log, said, sizeof said);
  const char *line = strstr(said, "did not agree");
  assert_non_null(line);
  assert_null(strstr(line + 1, "did not agree")); /* once */
  assert_int_equal(body_feed(), BODY_EACH);
  assert_int_equal(sign_probe(body_feed()), OK);
  broken = false;
}

static int teardown(void **state) {
  (void)state;
  EVP_PKEY_free(rsa.pkey);
  EVP_PKEY_free(ed.pkey);
  signer_lib_free(&lib);
  return 0;
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_library_that_does_not_share_gets_the_body_for_each_key),
      cmocka_unit_test(it_is_learnt_that_this_one_shares),
      cmocka_unit_test(the_body_is_hashed_once),
      cmocka_unit_test(only_the_first_digest_is_noted_or_answered),
      cmocka_unit_test(signatures_that_disagree_are_not_sent),
  };
  return cmocka_run_group_tests(tests, NULL, teardown);
}
