/* What a stranger's zone says at SELECTOR._domainkey.NAME. */
#include "tests/fuzz/fuzz.h"

#include "policy/dmarc/key_record.h"

static bool within(struct bytes part, struct bytes text) {
  return part.at >= text.at && part.at + part.len <= text.at + text.len;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  char *hold;
  struct bytes text = exact((struct bytes){(const char *)data, size}, &hold);
  struct key_record r;
  struct reason why = {""};
  int rc = key_record_read(text, &r, &why);
  CHECK(rc == OK || rc == E_SYNTAX);
  CHECK((rc == OK) == !*why.text);
  if (rc == OK) {
    char *key = bytes_dup(r.p);
    CHECK(within(r.p, text) && (within(r.k, text) || bytes_equal(r.k, BYTES("rsa"))));
    CHECK(key && (!r.p.len || key_record_has(&r, key))); /* it has what it says, and not one letter more */
    CHECK(!key_record_has(&r, "") || strspn(key, " \t\r\n=") == r.p.len);
    free(key);
    struct bytes longer = r.p;
    struct buffer more;
    buffer_init(&more, size + 2);
    CHECK(buffer_add_bytes(&more, longer) == OK && buffer_add(&more, "A", 2) == OK);
    CHECK(!key_record_has(&r, more.at));
    buffer_free(&more);
  }
  free(hold);
  return 0;
}
