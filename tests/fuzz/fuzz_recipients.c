/* Whom `sendmail -t` writes to is read out of a header that strangers may have a part in. Names without a domain are
 * completed, and nothing else is changed: what could be read before gives the same addresses; what comes out is a
 * command's argument, and must be one address, without anything that could be another command. */
#include "tests/fuzz/fuzz.h"

#include "base/address/address.h"
#include "base/result.h"
#include "sendmail/qualify.h"
#include "sendmail/recipients.h"

static void none_lost(struct bytes value, const struct recipients *got) {
  struct address a;
  size_t at = 0, n = 0;
  char *scratch = malloc(value.len + 1);
  CHECK(scratch);
  while (mailbox_next(value, &at, &a, scratch, value.len) == 1) {
    if (!bytes_equal_nocase(a.domain, BYTES("localhost")))
      CHECK(n < got->count && bytes_equal(bytes_of(got->all[n].address), a.whole));
    n++;
  }
  free(scratch);
}

static bool reads_as_it_is(struct bytes value) {
  struct address a;
  size_t at = 0;
  int rc;
  char *scratch = malloc(value.len + 1);
  CHECK(scratch);
  while ((rc = mailbox_next(value, &at, &a, scratch, value.len)) == 1) continue;
  free(scratch);
  return rc == 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  char *hold;
  struct bytes value = exact((struct bytes){(const char *)data, size}, &hold);
  struct recipients r = {0};
  struct aliases a = {.domain = "host.example"};
  struct buffer once;
  struct reason why = {""};
  buffer_init(&once, SIZE_MAX / 2);
  CHECK(qualify(value, "host.example", &once) == OK);
  CHECK(once.len >= value.len);
  int rc = recipients_add(&r, value, &a, &why);
  CHECK(rc == OK || rc == E_SYNTAX);
  if (rc == OK && reads_as_it_is(value)) none_lost(value, &r);
  recipients_unite(&r);
  for (size_t i = 0; i < r.count; i++) {
    struct address one;
    CHECK(!strpbrk(r.all[i].address, "\r\n"));
    CHECK(address_parse(bytes_of(r.all[i].address), &one) == OK && one.domain.len);
    for (size_t k = 0; k < i && k < 100; k++) CHECK(strcmp(r.all[i].address, r.all[k].address) != 0);
  }
  recipients_free(&r);
  buffer_free(&once);
  free(hold);
  return 0;
}
