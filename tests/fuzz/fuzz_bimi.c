/* A stranger's logo, and the record that names it. */
#include "tests/fuzz/fuzz.h"

#include "relay/domain/bimi.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  char *hold;
  struct bytes text = exact((struct bytes){(const char *)data, size}, &hold);
  struct bimi_record r;
  struct reason why = {""};
  int rc = bimi_svg_check(text, &why);
  CHECK((rc == OK) == !*why.text && (rc == OK || rc == E_SYNTAX));
  rc = bimi_record_read(text, &r, &why);
  CHECK(rc == OK || rc == E_SYNTAX);
  if (rc == OK) CHECK(!*r.logo || bytes_starts_nocase(bytes_of(r.logo), BYTES("https://")));
  free(hold);
  return 0;
}
