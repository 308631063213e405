/* Keys made here, and keys that the openssl command made, in every form that people have them in. */
#include "dkim/keys.h"
#include "tests/unit/folder.h"

#include <openssl/pem.h>
#include <string.h>

static char folder[256];

static int setup(void **state) {
  (void)state;
  folder_make(folder, sizeof folder);
  return 0;
}

static int teardown(void **state) {
  (void)state;
  folder_remove(folder);
  return 0;
}

/* Runs a command with $d the folder; what it prints goes to `out`. */
static void run(struct buffer *out, const char *command) {
  char line[1024], part[4096];
  snprintf(line, sizeof line, "exec 2>%s/errors; d=%s; %s", folder, folder, command);
  buffer_init(out, 64 * 1024);
  FILE *f = popen(line, "r");
  assert_non_null(f);
  for (size_t n; (n = fread(part, 1, sizeof part, f)) > 0;) assert_int_equal(buffer_add(out, part, n), OK);
  if (pclose(f) != 0) fail_msg("failed: %s", command);
}

static int import(struct buffer *text, enum key_algorithm *algorithm, unsigned *bits, struct buffer *pem,
                  struct buffer *public, struct reason *why) {
  *why = (struct reason){""};
  int rc = key_import(buffer_bytes(text), pem, public, algorithm, bits, why);
  buffer_free(text);
  return rc;
}

#define PKCS1 "openssl genrsa -traditional 2048 >$d/1.pem; "
#define PKCS8 "openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 >$d/1.pem; "
#define ED "openssl genpkey -algorithm ED25519 >$d/1.pem; "

static void every_plain_form_is_taken(void **state) {
  (void)state;
  static const struct {
    const char *command; /* the key to 1.pem, and what is imported to its output */
    enum key_algorithm algorithm;
    unsigned bits;
  } forms[] = {
      {PKCS1 "grep -q 'BEGIN RSA PRIVATE KEY' $d/1.pem && cat $d/1.pem", KEY_RSA, 2048},
      {PKCS8 "cat $d/1.pem", KEY_RSA, 2048},
      {ED "cat $d/1.pem", KEY_ED25519, 256},
      {"openssl genrsa 3072 >$d/1.pem; cat $d/1.pem", KEY_RSA, 3072},
      {PKCS1 "sed 's/$/\\r/' $d/1.pem", KEY_RSA, 2048},
      {PKCS8 "openssl pkey -in $d/1.pem -text", KEY_RSA, 2048},           /* its numbers behind it */
      {ED "printf 'a note\\n\\n'; cat $d/1.pem; echo", KEY_ED25519, 256}, /* text around it */
      {PKCS1 "cat $d/1.pem; openssl pkey -in $d/1.pem -pubout", KEY_RSA, 2048},
  };
  for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
    struct buffer text, pem, public, expected;
    struct reason why;
    enum key_algorithm algorithm;
    unsigned bits;
    struct signer_key *key;
    run(&text, forms[i].command);
    if (import(&text, &algorithm, &bits, &pem, &public, &why) != OK) fail_msg("%zu: %s", i, why.text);
    assert_int_equal(algorithm, forms[i].algorithm);
    assert_int_equal(bits, forms[i].bits);
    assert_true(bytes_starts_nocase(buffer_bytes(&pem), BYTES("-----BEGIN PRIVATE KEY-----\n")));
    assert_int_equal(pem.at[pem.len], '\0');
    assert_int_equal(signer_key_load(buffer_bytes(&pem), &key, &why), OK);
    run(&expected, algorithm == KEY_RSA ? "openssl pkey -in $d/1.pem -pubout -outform DER | base64 -w0"
                                        : "openssl pkey -in $d/1.pem -pubout -outform DER | tail -c 32 | base64 -w0");
    assert_true(bytes_equal(buffer_bytes(&expected), buffer_bytes(&public)));
    signer_key_release(&key);
    buffer_free(&expected);
    buffer_wipe_free(&pem);
    buffer_free(&public);
  }
}

static void what_cannot_sign_says_what_to_do(void **state) {
  (void)state;
  static const struct {
    const char *command;
    int code;
    const char *says;
  } forms[] = {
      {"openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -aes256 -pass pass:x", E_DENIED,
       "openssl pkey -in"},
      {"openssl genrsa -traditional -aes256 -passout pass:x 2048", E_DENIED, "encrypted with a passphrase"},
      {"openssl genrsa 1024", E_DENIED, "1024 bits is too short"},
      {"openssl genrsa -traditional 1536", E_DENIED, "RFC 8301 3.2"},
      {"openssl genrsa 4104", E_DENIED, "too long"},
      {"openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256", E_SYNTAX, "neither"},
      {"openssl ecparam -name prime256v1 -genkey", E_SYNTAX, "neither"},
      {"openssl genpkey -algorithm RSA-PSS -pkeyopt rsa_keygen_bits:2048", E_SYNTAX, "neither"},
      {"openssl genpkey -algorithm X25519", E_SYNTAX, "neither"},
      {PKCS8 "openssl pkey -in $d/1.pem -pubout", E_SYNTAX, "this is public"},
      {"echo 'v=DKIM1; k=rsa; p=MIIB'", E_SYNTAX, "this is public"},
      {PKCS8 "openssl pkey -in $d/1.pem -outform DER", E_SYNTAX, "-inform DER"},
      {PKCS1 "cat $d/1.pem $d/1.pem", E_SYNTAX, "more than one"},
      {PKCS1 "head -n 12 $d/1.pem", E_SYNTAX, "cannot be read"},
      {PKCS1 "sed 5d $d/1.pem", E_SYNTAX, ""},
      {"printf -- '-----BEGIN PRIVATE KEY-----\\nMAA=\\n-----END PRIVATE KEY-----\\n'", E_SYNTAX, "cannot be read"},
      {"head -c 40000 /dev/zero", E_TOO_BIG, "larger"},
      {"head -c 4000 /dev/zero", E_SYNTAX, "no private key"},
      {"true", E_SYNTAX, "no private key"},
  };
  for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
    struct buffer text, pem, public;
    struct reason why;
    enum key_algorithm algorithm;
    unsigned bits;
    run(&text, forms[i].command);
    int rc = import(&text, &algorithm, &bits, &pem, &public, &why);
    if (rc != forms[i].code || !strstr(why.text, forms[i].says)) fail_msg("%s: %d %s", forms[i].command, rc, why.text);
    assert_int_equal(pem.len + public.len, 0);
    buffer_wipe_free(&pem);
    buffer_free(&public);
  }
}

/* An octet of the modulus is another: it parses, and signs nothing that verifies. */
static void a_damaged_key_is_found(void **state) {
  (void)state;
  struct buffer der, pem, public;
  struct reason why;
  enum key_algorithm algorithm;
  unsigned bits;
  char *written;
  run(&der, PKCS1 "openssl rsa -in $d/1.pem -traditional -outform DER");
  der.at[60] ^= 0x10;
  BIO *bio = BIO_new(BIO_s_mem());
  assert_true(PEM_write_bio(bio, "RSA PRIVATE KEY", "", (unsigned char *)der.at, (long)der.len) > 0);
  long len = BIO_get_mem_data(bio, &written);
  int rc = key_import((struct bytes){written, (size_t)len}, &pem, &public, &algorithm, &bits, &why);
  assert_int_equal(rc, E_SYNTAX);
  assert_non_null(strstr(why.text, "damaged"));
  BIO_free(bio);
  buffer_free(&der);
  buffer_wipe_free(&pem);
  buffer_free(&public);
}

static void only_lengths_that_receivers_take_are_made(void **state) {
  (void)state;
  static const struct {
    unsigned bits;
    int code;
  } lengths[] = {{768, E_DENIED}, {1024, E_DENIED}, {2047, E_DENIED}, {2048, OK}, {3072, OK}, {4097, E_DENIED}};
  for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
    struct buffer pem, public;
    struct reason why;
    assert_int_equal(key_generate(KEY_RSA, lengths[i].bits, &pem, &public, &why), lengths[i].code);
    assert_int_equal(public.len > 0, lengths[i].code == OK);
    buffer_wipe_free(&pem);
    buffer_free(&public);
  }
}

/* A store may have one from when they were made. */
static void a_stored_key_of_1024_bits_goes_on_signing(void **state) {
  (void)state;
  static const struct {
    const char *command;
    int code;
  } keys[] = {{"openssl genrsa 1024", OK}, {"openssl genrsa -traditional 1024", OK}, {"openssl genrsa 1016", E_DENIED}};
  for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
    struct buffer text;
    struct reason why;
    struct signer_key *key;
    run(&text, keys[i].command);
    assert_int_equal(signer_key_load(buffer_bytes(&text), &key, &why), keys[i].code);
    signer_key_release(&key);
    buffer_free(&text);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_plain_form_is_taken),
      cmocka_unit_test(what_cannot_sign_says_what_to_do),
      cmocka_unit_test(a_damaged_key_is_found),
      cmocka_unit_test(only_lengths_that_receivers_take_are_made),
      cmocka_unit_test(a_stored_key_of_1024_bits_goes_on_signing),
  };
  return cmocka_run_group_tests(tests, setup, teardown);
}
