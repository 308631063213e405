/* The From field decides whom a message claims to be from. Whatever comes out must be an address that is found again
 * when it is written plainly, and nobody may hide a mailbox that stands behind others. */
#include "tests/fuzz/fuzz.h"

#include "base/address/address.h"
#include "base/result.h"
#include "policy/senders.h"

#define LAST "last@behind.example"

/* All mailboxes of `value`, put behind each other with `after` behind each. -1 when the value cannot be read. */
static int walk(struct bytes value, const char *before, const char *after, struct buffer *list) {
  char *hold, *scratch = malloc(value.len ? value.len : 1);
  struct bytes text = exact(value, &hold);
  struct address a, again;
  size_t at = 0;
  int rc, count = 0;
  CHECK(scratch);
  for (size_t from = 0; (rc = mailbox_next(text, &at, &a, scratch, text.len)) == 1; from = at, count++) {
    CHECK(at > from && at <= text.len && a.local.len && a.domain.len);
    CHECK(address_parse(a.whole, &again) == OK && bytes_equal(a.domain, again.domain));
    if (list) CHECK(buffer_addf(list, "%s%.*s%s", before, (int)a.whole.len, a.whole.at, after) == OK);
  }
  CHECK(rc == 0 || rc == E_SYNTAX);
  CHECK(rc != 0 || at == text.len);
  free(scratch);
  free(hold);
  return rc == 0 ? count : -1;
}

static void written_plainly(struct bytes value, int count, const char *before, const char *after) {
  struct buffer list, again;
  buffer_init(&list, SIZE_MAX / 2);
  buffer_init(&again, SIZE_MAX / 2);
  CHECK(walk(value, before, after, &list) == count);
  CHECK(walk(buffer_bytes(&list), before, after, &again) == count);
  CHECK(bytes_equal(buffer_bytes(&list), buffer_bytes(&again)));
  buffer_free(&list);
  buffer_free(&again);
}

static void nothing_hides(struct bytes value, int count) {
  struct buffer more;
  if (value.len && value.at[value.len - 1] == '\n') return; /* a line end is one at the end only */
  buffer_init(&more, SIZE_MAX / 2);
  CHECK(buffer_add_bytes(&more, value) == OK && buffer_addf(&more, ", " LAST) == OK);
  CHECK(walk(buffer_bytes(&more), "", "", NULL) == count + 1);
  buffer_free(&more);
}

static void who_may(struct bytes value, int count) {
  static const char *const all[] = {"*"}, *const some[] = {"*.example", "example.com", "a@example.net"};
  char offender[ADDRESS_MAX + 1] = "";
  size_t mailboxes;
  int rc = header_from_allowed(all, 1, value, &mailboxes, offender, sizeof offender);
  CHECK(rc == E_DENIED ||
        rc == (count > 0 ? OK : E_SYNTAX)); /* "*" stands for domains, and what libidn2 refuses is none */
  CHECK((rc == E_DENIED) == (*offender != '\0'));
  *offender = '\0';
  rc = header_from_allowed(some, 3, value, &mailboxes, offender, sizeof offender);
  CHECK(rc == OK || rc == E_SYNTAX || rc == E_DENIED);
  CHECK((rc == E_DENIED) == (*offender != '\0'));
  if (rc == OK) CHECK(count > 0 && mailboxes == (size_t)count);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  struct bytes value = {(const char *)data, size};
  int count = walk(value, "", "", NULL);
  who_may(value, count);
  if (count < 0) return 0;
  written_plainly(value, count, "", ",");
  written_plainly(value, count, "Name (comment) <", ">,\r\n ");
  nothing_hides(value, count);
  return 0;
}
