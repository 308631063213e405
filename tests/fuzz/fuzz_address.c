/* Addresses and paths of the envelope. What is read, written again and read again, is the same; and a domain that was
 * normalised stays as it is, whatever case it comes in. */
#include "tests/fuzz/fuzz.h"

#include "base/address/address.h"
#include "base/result.h"

static void same(const struct address *a, const struct address *b) {
  CHECK(bytes_equal(a->whole, b->whole) && bytes_equal(a->local, b->local) && bytes_equal(a->domain, b->domain));
  CHECK(a->utf8 == b->utf8 && a->literal == b->literal && a->is_null == b->is_null);
}

static void normalise(struct bytes domain) {
  char once[DOMAIN_MAX + 1], twice[DOMAIN_MAX + 1];
  int rc = domain_normalize(domain, once);
  CHECK(rc == OK || rc == E_SYNTAX || rc == E_TOO_BIG);
  if (rc != OK) return;
  CHECK(domain_valid(domain) && domain_valid(bytes_of(once)));
  for (const char *c = once; *c; c++) CHECK((unsigned char)*c < 0x80 && !(*c >= 'A' && *c <= 'Z'));
  CHECK(domain_normalize(bytes_of(once), twice) == OK && strcmp(once, twice) == 0);
  for (char *c = once; *c; c++)
    if (*c >= 'a' && *c <= 'z') *c = (char)(*c - 'a' + 'A');
  CHECK(domain_normalize(bytes_of(once), once) == OK && strcmp(once, twice) == 0);
}

/* In brackets, with octets behind it that are not its own. */
static void as_path(const struct address *a) {
  struct buffer path;
  struct address again;
  size_t used;
  buffer_init(&path, 1024);
  CHECK(buffer_addf(&path, "<%.*s> SIZE=1", (int)a->whole.len, a->whole.at) == OK);
  CHECK(path_parse(buffer_bytes(&path), &again, &used) == OK && used == a->whole.len + 2);
  same(a, &again);
  buffer_free(&path);
}

static void bounds(const struct address *a) {
  CHECK(a->domain.len <= DOMAIN_MAX && a->whole.len <= ADDRESS_MAX);
  for (size_t i = 0; i < a->whole.len; i++) CHECK((unsigned char)a->whole.at[i] >= 32 && a->whole.at[i] != 127);
}

static void address(struct bytes text) {
  struct address a, again;
  int rc = address_parse(text, &a);
  CHECK(rc == OK || rc == E_SYNTAX || rc == E_TOO_BIG);
  if (rc != OK) return;
  bounds(&a);
  CHECK(bytes_equal(a.whole, text) && !a.is_null && a.local.len && a.domain.len);
  CHECK(a.local.at == text.at && a.domain.at == a.local.at + a.local.len + 1 && a.domain.at[-1] == '@');
  CHECK(a.local.len + 1 + a.domain.len == text.len);
  CHECK(a.literal ? address_literal_valid(a.domain) : domain_valid(a.domain));
  CHECK(address_parse(a.whole, &again) == OK);
  same(&a, &again);
  as_path(&a);
  if (!a.literal) normalise(a.domain);
}

static void path(struct bytes text) {
  struct address a, again;
  size_t used;
  int rc = path_parse(text, &a, &used);
  CHECK(rc == OK || rc == E_SYNTAX || rc == E_TOO_BIG);
  if (rc != OK) return;
  bounds(&a);
  CHECK(used >= 2 && used <= text.len && text.at[0] == '<' && text.at[used - 1] == '>');
  CHECK(a.is_null == !a.whole.len);
  if (a.is_null) return;
  CHECK(a.whole.at + a.whole.len + 1 == text.at + used);
  if (a.domain.len) {
    CHECK(address_parse(a.whole, &again) == OK);
    same(&a, &again);
  } else {
    CHECK(bytes_equal_nocase(a.whole, BYTES("postmaster")));
  }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  char *hold;
  struct bytes text = exact((struct bytes){(const char *)data, size}, &hold);
  address(text);
  path(text);
  normalise(text);
  free(hold);
  return 0;
}
