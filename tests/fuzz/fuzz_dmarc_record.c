/* What a stranger's zone says at _dmarc.NAME: the tag list, and the policy that is read from it. */
#include "tests/fuzz/fuzz.h"

#include "policy/dmarc/dmarc_record.h"
#include "policy/tag_list.h"

static void tags(struct bytes text) {
  struct tag tag;
  size_t at = 0, last = 0;
  for (int rc; (rc = tag_next(text, &at, &tag)) != 0; last = at) {
    CHECK(at > last && at <= text.len);
    CHECK(rc == 1 || rc == E_SYNTAX);
    if (rc != 1) continue;
    CHECK(tag.name.len && tag.name.at >= text.at && tag.name.at + tag.name.len <= text.at + text.len);
    CHECK(tag.value.at >= tag.name.at && tag.value.at + tag.value.len <= text.at + text.len);
    CHECK(!tag.value.len || (!memchr(tag.value.at, ';', tag.value.len) && !memchr(tag.value.at, 0, tag.value.len)));
  }
  CHECK(at == text.len);
}

static bool is_policy(enum dmarc_policy p) {
  return p == DMARC_NONE || p == DMARC_QUARANTINE || p == DMARC_REJECT;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  char *hold;
  struct bytes text = exact((struct bytes){(const char *)data, size}, &hold);
  struct dmarc_record r;
  tags(text);
  dmarc_record_read(text, &r);
  CHECK(is_policy(r.p) && is_policy(r.sp) && is_policy(r.np) && is_policy(r.old_p) && is_policy(r.old_sp));
  CHECK(r.psd == DMARC_PSD_UNKNOWN || r.psd == DMARC_PSD_YES || r.psd == DMARC_PSD_NO);
  CHECK(r.pct <= 100 && r.fo >= 1 && r.fo <= 15);
  if (r.unusable) CHECK(r.p == DMARC_NONE && r.sp == DMARC_NONE && r.np == DMARC_NONE && !r.rua);
  if (r.old_unusable) CHECK(r.old_p == DMARC_NONE && r.old_sp == DMARC_NONE && !r.rua);
  if (dmarc_is_record(text)) CHECK(size >= 8 && text.at[0] != ';');
  free(hold);
  return 0;
}
