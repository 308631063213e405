/* What a usage says: options with their placeholders, arguments, and no more. */
#include "cli/help/usage.h"

#include "tests/unit/caught.h"

#include <stdio.h>
#include <string.h>

static void list(const char *usage, char *out, size_t size) {
  struct usage_walk w = USAGE_WALK(usage);
  struct usage_word u;
  size_t n = 0;
  out[0] = '\0';
  while (usage_next(&w, &u) && n < size)
    n += (size_t)snprintf(out + n, size - n, "%s%.*s=%.*s;", u.option.len ? "--" : "", (int)u.option.len, u.option.at,
                          (int)u.value.len, u.value.at);
}

static void test_walk(void **state) {
  (void)state;
  static const struct {
    const char *usage, *words;
  } table[] = {
      {"", ""},
      {"NAME", "=NAME;"},
      {"[NAME]", "=NAME;"},
      {"NAME --sender DOMAIN|ADDRESS|* ... [--limit SPEC|none]... [--yes]",
       "=NAME;--sender=DOMAIN|ADDRESS|*;--limit=SPEC|none;--yes=;"},
      {"ID... | [--account A] [--to PATTERN]", "=ID...;--account=A;--to=PATTERN;"},
      {"[--add-limit|--remove-limit SPEC]...", "--add-limit=SPEC;--remove-limit=SPEC;"},
      {"[--account A | --domain D | --gateway] [--list]", "--account=A;--domain=D;--gateway=;--list=;"},
      {"[--until WHEN|--forever]", "--until=WHEN;--forever=;"},
      {"DOMAIN|* HOST[:PORT]|mx:DOMAIN|direct [--tls none|may|verify]",
       "=DOMAIN|*;=HOST[:PORT]|mx:DOMAIN|direct;--tls=none|may|verify;"},
      {"[--listen ADDR:PORT/starttls|implicit|optional]...", "--listen=ADDR:PORT/starttls|implicit|optional;"},
      {"[--CHECK off|observe|enforce|default]...", "--CHECK=off|observe|enforce|default;"},
      {"FILE|-", "=FILE|-;"},
      {"ADDRESS|ACCOUNT|--all", "=ADDRESS|ACCOUNT;--all=;"},
  };
  for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
    char words[256];
    list(table[i].usage, words, sizeof words);
    assert_string_equal(words, table[i].words);
  }
}

static void test_find(void **state) {
  (void)state;
  static const char usage[] = "NAME [--since T] [--yes] [--CHECK off|observe]...";
  struct bytes value;
  assert_int_equal(usage_find(usage, bytes_of("since"), &value), USAGE_VALUE);
  assert_true(bytes_equal(value, bytes_of("T")));
  assert_int_equal(usage_find(usage, bytes_of("yes"), NULL), USAGE_SWITCH);
  assert_int_equal(usage_find(usage, bytes_of("dmarc"), NULL), USAGE_VALUE);  /* a check that has a mode */
  assert_int_equal(usage_find(usage, bytes_of("room"), NULL), USAGE_UNKNOWN); /* one that has none */
  assert_int_equal(usage_find(usage, bytes_of("sinc"), NULL), USAGE_UNKNOWN);
  assert_int_equal(usage_find(usage, bytes_of(""), NULL), USAGE_UNKNOWN);
  assert_int_equal(usage_find("[--since T]", bytes_of("dmarc"), NULL), USAGE_UNKNOWN);
}

static void test_arguments(void **state) {
  (void)state;
  assert_true(bytes_equal(usage_argument("DOMAIN [--force] SELECTOR", 1), bytes_of("SELECTOR")));
  assert_int_equal(usage_argument("DOMAIN [--force] SELECTOR", 2).len, 0);
  assert_true(bytes_equal(usage_argument("ID... | [--account A]", 7), bytes_of("ID...")));
  assert_int_equal(usage_argument("[--account A]", 0).len, 0);
}

int main(void) {
  static const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_walk),
      cmocka_unit_test(test_find),
      cmocka_unit_test(test_arguments),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
