/* Where a preset sends clients, and how it quotes what they paste. */
#include "base/result.h"
#include "cli/account/preset_place.h"
#include "cli/account/preset_quote.h"

#include "tests/unit/caught.h"

#include <stdlib.h>
#include <string.h>

static struct listen_config listener(const char *at, enum listen_tls tls) {
  struct listen_config l = {.tls = tls};
  if (endpoint_parse(at, ':', &l.address) != OK) fail_msg("%s", at);
  return l;
}

static void test_place(void **state) {
  (void)state;
  static const struct {
    const char *at[3];
    enum listen_tls kinds[3];
    unsigned port;
    enum preset_tls tls;
    bool local;
  } table[] = {
      {{"0.0.0.0:465", "0.0.0.0:587", NULL}, {LISTEN_IMPLICIT, LISTEN_STARTTLS}, 587, PRESET_STARTTLS, false},
      {{"0.0.0.0:465", NULL, NULL}, {LISTEN_IMPLICIT}, 465, PRESET_IMPLICIT, false},
      {{"127.0.0.1:587", "[::]:465", NULL}, {LISTEN_STARTTLS, LISTEN_IMPLICIT}, 465, PRESET_IMPLICIT, false},
      {{"192.0.2.1:25", "127.0.0.1:465", NULL}, {LISTEN_OPTIONAL, LISTEN_IMPLICIT}, 25, PRESET_STARTTLS, false},
      {{"127.0.0.1:25", "127.0.0.2:587", NULL}, {LISTEN_OPTIONAL, LISTEN_STARTTLS}, 587, PRESET_STARTTLS, true},
      {{"127.0.0.1:25", NULL, NULL}, {LISTEN_OPTIONAL}, 25, PRESET_NO_TLS, true},
      {{"[::1]:25", NULL, NULL}, {LISTEN_OPTIONAL}, 25, PRESET_NO_TLS, true},
      {{NULL, NULL, NULL}, {0}, 0, PRESET_STARTTLS, false},
  };
  for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
    struct listen_config all[3];
    struct config k = {.listens = all};
    struct preset_place place;
    for (; k.listen_count < 3 && table[i].at[k.listen_count]; k.listen_count++)
      all[k.listen_count] = listener(table[i].at[k.listen_count], table[i].kinds[k.listen_count]);
    preset_place_choose(&k, &place);
    if (place.port != table[i].port || place.tls != table[i].tls || place.local != table[i].local)
      fail_msg("%zu: port %u, TLS %d, local %d", i, place.port, (int)place.tls, place.local);
  }
}

static void test_quote(void **state) {
  (void)state;
  static const struct {
    void (*quote)(FILE *out, const char *text);
    const char *text, *quoted;
  } table[] = {
      {quote_php, "abc", "'abc'"},
      {quote_php, "o'neil\\$x\"", "'o\\'neil\\\\$x\"'"},
      {quote_url, "shop-1.x_~", "shop-1.x_~"},
      {quote_url, "a+b@c:/%\xc3\xbc", "a%2Bb%40c%3A%2F%25%C3%BC"},
      {quote_exim, "abc@x", "abc@x"},
      {quote_exim, "a^b:c$d\\e", "a^^b::c\\$d\\\\e"},
      {quote_php, "", "''"},
  };
  for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    table[i].quote(out, table[i].text);
    fclose(out);
    assert_string_equal(text, table[i].quoted);
    free(text);
  }
}

int main(void) {
  static const struct CMUnitTest tests[] = {cmocka_unit_test(test_place), cmocka_unit_test(test_quote)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
