/* What a stranger's DNS zone says: TXT and name RDATA, and the terms of an SPF record, which are handed to libspf2. The
 * input is RDATA; the first octet says how much room there is for its text. */
#include "tests/fuzz/fuzz.h"

#include "policy/spf/rdata.h"
#include "policy/spf/spf_terms.h"

static void name(struct bytes rdata) {
  char out[NAME_MAX_TEXT + 1], question[NAME_MAX_TEXT + 1], again[NAME_MAX_TEXT + 1];
  if (!rdata_name(rdata, out)) return;
  size_t label = 0;
  CHECK(strlen(out) <= NAME_MAX_TEXT && *out);
  for (const char *c = out; *c; c++) {
    label = *c == '.' ? 0 : label + 1;
    CHECK(label <= 63 && *c > 32 && *c < 127);
  }
  if (strcmp(out, ".") == 0) return;
  CHECK(question_name(out, question) && strcmp(out, question) == 0);
  CHECK(question_name(question, again) && strcmp(question, again) == 0);
}

static void question(struct bytes text) {
  char out[NAME_MAX_TEXT + 1], again[NAME_MAX_TEXT + 1], *typed = bytes_dup(text);
  if (typed && question_name(typed, out)) {
    CHECK(*out && strlen(out) <= NAME_MAX_TEXT && question_name(out, again) && strcmp(out, again) == 0);
  }
  free(typed);
}

static void is_term(struct bytes record, struct bytes term) {
  CHECK(term.len && term.len <= SPF_TERM_MAX);
  CHECK(term.at > record.at && term.at + term.len <= record.at + record.len);
  CHECK(!memchr(term.at, ' ', term.len));
}

static void terms(struct bytes record) {
  static struct spf_terms t;
  struct reason why = {""};
  int rc = spf_terms_read(record, &t, &why);
  CHECK(rc == OK || rc == E_SYNTAX || rc == E_TOO_BIG);
  CHECK((rc == OK) == !*why.text);
  if (rc != OK) return;
  for (size_t i = 0; i < t.count; i++) is_term(record, t.mechanism[i]);
  for (size_t i = 1; i < t.count; i++) CHECK(t.mechanism[i - 1].at < t.mechanism[i].at);
  if (t.redirect.len) is_term(record, t.redirect);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  struct bytes in = {(const char *)data, size}, text;
  size_t room = take_octet(&in) * 16u;
  char *hold, *hold_room = malloc(room + 1), *hold_text;
  CHECK(hold_room);
  struct bytes rdata = exact(in, &hold);
  int rc = rdata_text(rdata, hold_room, room, &text);
  CHECK(rc == OK || rc == E_SYNTAX || rc == E_TOO_BIG);
  CHECK(text.at == hold_room && text.len <= room);
  struct bytes record = exact(text, &hold_text);
  if (spf_is_record(record)) terms(record);
  name(rdata);
  question(rdata);
  free(hold);
  free(hold_room);
  free(hold_text);
  return 0;
}
