/* A command of this program as a process of its own. Run by self_command, this test is the program: it prints its words
 * and what it reads. */
#include "cli/self_command.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define PLAY "play"

static enum exit_status run(const struct cli *c, const char *const *words, size_t count, const char *input,
                            struct buffer *out, struct buffer *errors) {
  buffer_init(out, 4096);
  buffer_init(errors, 4096);
  return self_command(c, words, count, bytes_of(input), out, errors);
}

static void test_what_it_says(void **state) {
  (void)state;
  static const struct cli with_config = {.config_option = "/a b.conf"}, without;
  static const char *const words[] = {PLAY, "it's", "", "--x=*"};
  struct buffer out, errors;
  assert_int_equal(run(&without, words, 4, "secret", &out, &errors), EXIT_USAGE);
  assert_true(bytes_equal(buffer_bytes(&out), BYTES("sendoff|play|it's||--x=*|secret")));
  assert_true(bytes_equal(buffer_bytes(&errors), BYTES("it failed\n")));
  buffer_free(&out);
  buffer_free(&errors);
  assert_int_equal(run(&with_config, words, 1, "", &out, &errors), EXIT_USAGE);
  assert_true(bytes_equal(buffer_bytes(&out), BYTES("sendoff|--config|/a b.conf|play|")));
  buffer_free(&out);
  buffer_free(&errors);
}

/* All of its words, or it is not run. */
static void test_too_many_words(void **state) {
  (void)state;
  static const struct cli c;
  const char *words[SELF_WORDS_MAX + 1];
  struct buffer out, errors;
  for (size_t i = 0; i <= SELF_WORDS_MAX; i++) words[i] = i == 0 ? PLAY : i == SELF_WORDS_MAX - 1 ? "last" : "x";
  assert_int_equal(run(&c, words, SELF_WORDS_MAX, "", &out, &errors), EXIT_USAGE);
  assert_true(out.len > 6 && memcmp(out.at + out.len - 6, "|last|", 6) == 0);
  buffer_free(&out);
  buffer_free(&errors);
  assert_int_equal(run(&c, words, SELF_WORDS_MAX + 1, "", &out, &errors), EXIT_NO);
  assert_int_equal(out.len, 0);
  assert_true(bytes_starts_nocase(buffer_bytes(&errors), BYTES("a command of more than 128 words is not run")));
  buffer_free(&out);
  buffer_free(&errors);
}

static int play(int argc, char **argv) {
  char input[64];
  for (int i = 0; i < argc; i++) printf("%s|", argv[i]);
  size_t n = fread(input, 1, sizeof input, stdin);
  fwrite(input, 1, n, stdout);
  fputs("it failed\n", stderr);
  return EXIT_USAGE;
}

int main(int argc, char **argv) {
  static const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_what_it_says),
      cmocka_unit_test(test_too_many_words),
  };
  if (argc > 1) return play(argc, argv);
  return cmocka_run_group_tests(tests, NULL, NULL);
}
