#include "cli/account/account_password.h"

#include <gnutls/gnutls.h>
#include <string.h>

#define ITERATIONS_MOST 10000000 /* what a login may cost */

void account_password_make(char out[PASSWORD_MADE + 1]) {
  static const char alphabet[] = "abcdefghijkmnpqrstuvwxyz23456789"; /* 32, without those that look alike */
  unsigned char random[PASSWORD_MADE];
  random_bytes(random, sizeof random);
  for (size_t i = 0; i < sizeof random; i++) out[i] = alphabet[random[i] & 31];
  out[sizeof random] = '\0';
  wipe(random, sizeof random);
}

bool account_password_is_long(const char *text) {
  size_t characters = 0;
  for (; *text; text++) characters += ((unsigned char)*text & 0xc0) != 0x80; /* UTF-8 */
  return characters >= PASSWORD_LEAST;
}

/* --- verifiers --- */

static bool read_octets(struct bytes text, unsigned char *out, size_t size) {
  gnutls_datum_t in = {(unsigned char *)(uintptr_t)text.at, (unsigned)text.len}, decoded = {NULL, 0};
  if (!text.len || gnutls_base64_decode2(&in, &decoded) != 0) return false;
  bool right = decoded.size == size;
  if (right) memcpy(out, decoded.data, size);
  gnutls_free(decoded.data);
  return right;
}

/* Up to the separator, which is taken, too; the rest at the end. */
static struct bytes next_field(struct bytes *rest, char separator) {
  size_t n = bytes_find(*rest, separator, 0);
  struct bytes field = {rest->at, n};
  *rest = bytes_from(*rest, n + 1);
  return field;
}

/* `separators`: of the four fields. */
static int read_scram(const char *text, const char *separators, struct scram_verifier *out, struct reason *why) {
  struct bytes rest = bytes_of(text);
  uint64_t iterations = 0;
  bool counted = bytes_to_u64(next_field(&rest, separators[0]), &iterations);
  bool salt = read_octets(next_field(&rest, separators[1]), out->salt, sizeof out->salt);
  bool keys = read_octets(next_field(&rest, separators[2]), out->stored_key, sizeof out->stored_key) &&
              read_octets(rest, out->server_key, sizeof out->server_key);
  if (!counted || iterations < 4096 || iterations > ITERATIONS_MOST)
    return fail(why, E_SYNTAX, "its SCRAM verifier has no good number of iterations (RFC 7677 4: 4096 at least)");
  if (!salt) return fail(why, E_SYNTAX, "its SCRAM verifier has a salt of another length than 16 octets");
  if (!keys) return fail(why, E_SYNTAX, "its SCRAM verifier cannot be read");
  out->iterations = (unsigned)iterations;
  return OK;
}

/* --- schemes --- */

static bool starts(const char *text, const char *with) {
  return strncmp(text, with, strlen(with)) == 0;
}

/* crypt(5)'s, of which a login would make the password itself. */
static bool is_crypt(const char *text) {
  static const char *const all[] = {"$1$", "$2a$", "$2b$", "$2y$", "$5$", "$6$", "$y$", "$7$", "$gy$", "$argon2"};
  for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
    if (starts(text, all[i])) return true;
  return false;
}

static int plain_password(const char *text, enum password_form *form, const char **plain, struct reason *why) {
  if (!account_password_is_long(text))
    return fail(why, E_SYNTAX, "its password has less than %d characters; without one, one is made", PASSWORD_LEAST);
  *form = PASSWORD_PLAIN;
  *plain = text;
  return OK;
}

static int of_scheme(const char *text, enum password_form *form, const char **plain, struct scram_verifier *verifier,
                     struct reason *why) {
  static const char *const clear[] = {"PLAIN", "CLEAR", "CLEARTEXT"};
  size_t n = strcspn(text, "}");
  struct bytes scheme = {text + 1, n - 1};
  const char *rest = text + n + 1;
  for (size_t i = 0; i < sizeof clear / sizeof clear[0]; i++)
    if (bytes_equal_nocase(scheme, bytes_of(clear[i]))) return plain_password(rest, form, plain, why);
  if (bytes_equal_nocase(scheme, BYTES("SCRAM-SHA-256"))) {
    *form = PASSWORD_SCRAM;
    return read_scram(rest, ",,,", verifier, why);
  }
  return fail(why, E_SYNTAX,
              "its password is kept as {%.*s}, of which no SCRAM verifier can be made; without one, one is made",
              (int)(scheme.len < 40 ? scheme.len : 40), scheme.at);
}

int account_password_read(const char *text, enum password_form *form, const char **plain,
                          struct scram_verifier *verifier, struct reason *why) {
  *form = PASSWORD_NONE;
  if (!*text) return OK;
  if (text[0] == '{' && strchr(text, '}')) return of_scheme(text, form, plain, verifier, why);
  if (starts(text, "SCRAM-SHA-256$")) {
    *form = PASSWORD_SCRAM;
    return read_scram(text + strlen("SCRAM-SHA-256$"), ":$:", verifier, why);
  }
  if (is_crypt(text))
    return fail(why, E_SYNTAX,
                "its password is a hash, of which no SCRAM verifier can be made; without one, one is "
                "made, and {PLAIN} before it says that it is the password itself");
  return plain_password(text, form, plain, why);
}
