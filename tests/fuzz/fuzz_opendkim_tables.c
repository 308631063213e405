/* OpenDKIM's configuration and tables: every view is within the text, lines are in order and clean, fields hold what
 * they may, and a key in a line becomes PEM of one block that has nothing but base64 in it. */
#include "tests/fuzz/fuzz.h"

#include "cli/import/opendkim_tables.h"

static void check_view(struct bytes text, struct bytes view) {
  if (view.len) CHECK(view.at >= text.at && view.at + view.len <= text.at + text.len);
}

static bool has(struct bytes text, const char *octets) {
  for (size_t i = 0; i < text.len; i++)
    if (text.at[i] && strchr(octets, text.at[i])) return true;
  return false;
}

static void check_pem(struct bytes key, bool pkcs8) {
  struct buffer pem;
  buffer_init_secret(&pem, 1 << 20);
  int rc = opendkim_key_pem(key, pkcs8, &pem);
  CHECK(rc == OK || rc == E_TOO_BIG);
  if (rc == OK) {
    CHECK(pem.len > 30 && pem.at[pem.len - 1] == '\n' && memcmp(pem.at, "-----BEGIN ", 11) == 0);
    size_t lines = 0;
    for (size_t at = 0, end; at < pem.len; at = end + 1, lines++) {
      end = bytes_find(buffer_bytes(&pem), '\n', at);
      CHECK(!lines || end == pem.len - 1 || end - at <= 64);
    }
    CHECK(lines <= key.len / 64 + 3);
  }
  buffer_wipe_free(&pem);
}

static void read_key(struct bytes text, struct bytes line) {
  struct opendkim_key k;
  struct reason why = {""};
  int rc = opendkim_key_read(line, &k, &why);
  CHECK(rc == OK || (rc == E_SYNTAX && *why.text));
  if (rc != OK) return;
  check_view(text, k.name);
  check_view(text, k.domain);
  check_view(text, k.selector);
  check_view(text, k.key);
  CHECK(k.domain.len && k.selector.len && k.key.len && !has(k.domain, ":") && !has(k.selector, ":"));
  if (!k.is_inline) return;
  check_pem(k.key, true);
  check_pem(k.key, false);
}

static void read_signing(struct bytes text, struct bytes line) {
  struct opendkim_signing s;
  struct reason why = {""};
  int rc = opendkim_signing_read(line, &s, &why);
  CHECK(rc == OK || (rc == E_SYNTAX && *why.text));
  if (rc != OK) return;
  check_view(text, s.pattern);
  check_view(text, s.name);
  check_view(text, s.domain);
  CHECK(s.name.len && !has(s.domain, "*@%/:") && !has(s.pattern, " \t"));
  if (s.senders == OPENDKIM_DOMAIN || s.senders == OPENDKIM_SUBDOMAINS) CHECK(s.domain.len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  char *hold;
  struct bytes text = exact((struct bytes){(const char *)data, size}, &hold), line, one;
  struct opendkim_lines lines = {text, 0};
  struct opendkim_settings s;
  unsigned last = 0;
  while (opendkim_next(&lines, &line)) {
    CHECK(lines.number > last && line.len && !has(line, "#\n") && bytes_trim(line).len == line.len);
    last = lines.number;
    check_view(text, line);
    read_key(text, line);
    read_signing(text, line);
  }
  opendkim_settings_read(text, &s);
  struct bytes all[] = {s.key_table, s.signing_table, s.domain, s.selector, s.key_file, s.base_directory};
  for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
    check_view(text, all[i]);
    struct opendkim_set set = opendkim_set_read(all[i]);
    check_view(text, set.value);
    while (opendkim_list_next(&set.value, &one)) CHECK(one.len && !has(one, ","));
  }
  free(hold);
  return 0;
}
