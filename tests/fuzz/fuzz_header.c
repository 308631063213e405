/* A header block: its fields tile it without a gap, unfolded values are clean, and what header fix-up lets pass is in
 * order permanently: passed through again, it stays as it is. Where From is to have an address, it has that one and
 * nobody else is in it, whatever it said. The first octet picks what the account allows. */
#include "tests/fuzz/fuzz.h"

#include "base/address/address.h"
#include "base/text/header.h"
#include "relay/mime/header_fixup.h"
#include "relay/mime/header_fold.h"

#define OWN "printer@example.com"

static bool ends_in_crlf(struct bytes text) {
  return text.len > 1 && memcmp(text.at + text.len - 2, "\r\n", 2) == 0;
}

/* --- values --- */

static void clean(const char *text) {
  struct bytes t = bytes_of(text);
  for (size_t i = 0; i < t.len; i++) {
    unsigned char c = (unsigned char)t.at[i];
    CHECK(c >= 32 && c != 127);
    if (c < 0x80) continue;
    size_t n = bytes_utf8_length(t, i);
    CHECK(n && !(c == 0xc2 && (unsigned char)t.at[i + 1] < 0xa0));
    i += n - 1;
  }
}

static void unfold(struct bytes value) {
  size_t size = value.len + 1;
  char *once = malloc(size), *twice = malloc(size), small[8];
  CHECK(once && twice);
  header_unfold(value, once, size);
  clean(once);
  header_unfold(bytes_of(once), twice, size);
  CHECK(strcmp(once, twice) == 0);
  for (size_t room = 1; room <= sizeof small; room++) {
    header_unfold(value, small, room);
    CHECK(strlen(small) < room && strncmp(small, once, strlen(small)) == 0);
    clean(small);
  }
  free(once);
  free(twice);
}

/* --- fields --- */

static void is_field(const struct field *f) {
  const char *end = f->whole.at + f->whole.len;
  CHECK(f->name.len && f->name.at == f->whole.at);
  for (size_t i = 0; i < f->name.len; i++) CHECK(f->name.at[i] > 32 && f->name.at[i] < 127 && f->name.at[i] != ':');
  CHECK(f->value.at > f->name.at && f->value.at[-1] == ':');
  CHECK((size_t)(end - f->value.at) - f->value.len == (ends_in_crlf(f->whole) ? 2 : 0));
  for (size_t i = 0; i + 2 < f->whole.len; i++)
    if (f->whole.at[i] == '\r' && f->whole.at[i + 1] == '\n')
      CHECK(f->whole.at[i + 2] == ' ' || f->whole.at[i + 2] == '\t');
}

static void fields(struct bytes block) {
  struct field f;
  size_t at = 0, count = 0;
  int rc;
  for (size_t before = 0; (rc = header_next(block, &at, &f)) != 0; before = at) {
    CHECK(rc == 1 || rc == E_SYNTAX);
    CHECK(f.whole.at == block.at + before && f.whole.len == at - before && f.whole.len);
    CHECK(at == block.len || ends_in_crlf(f.whole));
    if (rc < 0) continue;
    CHECK(at == block.len || (block.at[at] != ' ' && block.at[at] != '\t')); /* no fold is left behind */
    is_field(&f);
    unfold(f.value);
    count += bytes_equal_nocase(f.name, BYTES("From"));
  }
  CHECK(at == block.len || bytes_starts_nocase(bytes_from(block, at), BYTES("\r\n")));
  CHECK(header_find(block, "from", NULL) == count);
}

/* --- header fix-up --- */

static int apply(struct bytes block, unsigned choices, struct header_fixup *h, struct buffer *added,
                 struct buffer *kept) {
  buffer_init(added, 2048);
  buffer_init(kept, 8 * HEADER_MAX);
  *h = (struct header_fixup){.hostname = "host.example",
                             .id_text = "ID",
                             .now_us = INT64_C(1795429230) * 1000000,
                             .encode_8bit = choices & 1,
                             .accept_utf8 = choices & 2,
                             .convert_long_lines = choices & 4,
                             .report = choices & 8,
                             .rewrite_from = choices & 16 ? OWN : NULL,
                             .added = added,
                             .kept = kept};
  return header_fixup_apply(block, h);
}

static void in_order(struct bytes header, const struct header_fixup *h) {
  static const char *const once[] = {"From", "Date", "Message-ID"}, *const never[] = {"Bcc", "Resent-Bcc",
                                                                                      "Return-Path",
                                                                                      "X-Sendoff-Stream"};
  bool beyond = false;
  for (size_t i = 0; i < 3; i++) CHECK(header_find(header, once[i], NULL) == 1);
  for (size_t i = 0; i < 4; i++) CHECK(header_find(header, never[i], NULL) == 0);
  for (size_t i = 0; i < header.len; i++) beyond |= (unsigned char)header.at[i] >= 0x80;
  CHECK(!beyond || h->utf8);
  CHECK(!header_needs_folding(header));
}

/* One author, and no Sender beside it. */
static void is_rewritten(struct bytes header, struct bytes from) {
  struct address a;
  size_t at = 0;
  char *scratch = malloc(from.len + 1);
  CHECK(scratch && mailbox_next(from, &at, &a, scratch, from.len) == 1);
  CHECK(bytes_equal_nocase(a.whole, BYTES(OWN)));
  CHECK(mailbox_next(from, &at, &a, scratch, from.len) == 0);
  CHECK(header_find(header, "Sender", NULL) == 0);
  free(scratch);
}

static void pass(const struct header_fixup *h, unsigned choices) {
  struct buffer whole, added, kept;
  struct header_fixup again;
  buffer_init(&whole, SIZE_MAX / 2);
  CHECK(buffer_add_bytes(&whole, buffer_bytes(h->added)) == OK &&
        buffer_add_bytes(&whole, buffer_bytes(h->kept)) == OK);
  in_order(buffer_bytes(&whole), h);
  if (choices & 16) is_rewritten(buffer_bytes(&whole), header_fixup_from(h));
  CHECK(apply(buffer_bytes(&whole), choices, &again, &added, &kept) == OK && !added.len && !again.own_message_id);
  CHECK(bytes_equal(buffer_bytes(&whole), buffer_bytes(&kept)));
  CHECK(bytes_equal(header_fixup_from(h), header_fixup_from(&again)) && strcmp(h->message_id, again.message_id) == 0);
  buffer_free(&whole);
  buffer_free(&added);
  buffer_free(&kept);
}

static void fix_up(struct bytes block, unsigned choices) {
  struct header_fixup h;
  struct buffer added, kept;
  int rc = apply(block, choices, &h, &added, &kept);
  CHECK(rc == OK || rc == E_DENIED);
  if (rc == OK)
    pass(&h, choices);
  else
    CHECK((h.refusal.code == 550 || h.refusal.code == 554) && h.refusal.enhanced[0] == '5' && *h.refusal.text);
  clean(h.stream);
  clean(rc == OK ? h.message_id : h.refusal.text);
  buffer_free(&added);
  buffer_free(&kept);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  struct bytes in = {(const char *)data, size};
  unsigned choices = take_octet(&in);
  char *hold;
  struct bytes block = exact(in, &hold);
  unfold(block);
  fields(block);
  fix_up(block, choices);
  free(hold);
  return 0;
}
