#include "relay/mime/from_rewrite.h"

#include "base/address.h"

#include <stdlib.h>
#include <string.h>

/* The old addresses, as far as they can be read, and whether any is another one. */
static int old_addresses(struct bytes value, struct from_rewrite *r, struct buffer *out) {
  char *scratch = malloc(value.len + 1);
  struct address a;
  size_t at = 0;
  int rc = scratch ? OK : E_MEMORY;
  r->changed = true;
  while (rc == OK && mailbox_next(value, &at, &a, scratch, value.len) == 1) {
    r->changed = !bytes_equal_nocase(a.whole, bytes_of(r->address));
    if (!r->changed || a.utf8 || out->len + 2 + a.whole.len > out->max) continue;
    if (out->len) rc = buffer_add(out, ", ", 2);
    if (rc == OK) rc = buffer_add_bytes(out, a.whole);
  }
  free(scratch);
  return rc;
}

/* What stands before the one angle address: "Scanner" of Scanner <root@localhost>. */
static struct bytes display_name(struct bytes value) {
  size_t angle = bytes_find(value, '<', 0);
  bool one = angle < value.len && bytes_find(value, '<', angle + 1) == value.len;
  return one ? bytes_trim((struct bytes){value.at, angle}) : (struct bytes){"", 0};
}

static int add_reply_to(struct from_rewrite *r, const struct buffer *old) {
  if (!r->reply_to || !old->len) return OK;
  int rc = buffer_add(r->reply_to, "Reply-To: ", 10);
  if (rc == OK) rc = buffer_add_bytes(r->reply_to, buffer_bytes(old));
  return rc == OK ? buffer_add(r->reply_to, "\r\n", 2) : rc;
}

int from_rewrite(struct bytes value, struct from_rewrite *r, struct buffer *out) {
  struct bytes name = display_name(value);
  struct buffer old;
  buffer_init(&old, 900); /* what fits on a line: nobody answers to more */
  int rc = old_addresses(value, r, &old);
  if (rc == OK) rc = add_reply_to(r, &old);
  if (rc == OK)
    rc = name.len ? buffer_addf(out, "From: %.*s <%s>\r\n", (int)name.len, name.at, r->address)
                  : buffer_addf(out, "From: %s\r\n", r->address);
  buffer_free(&old);
  return rc;
}
