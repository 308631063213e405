/* Words and options: what is understood, and that what is not is said in one line. */
#include "cli/command.h"

#include "tests/unit/caught.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WORDS_MAX 16

static enum exit_status take(struct cli *c, const char *const arguments[WORDS_MAX], char *said, size_t size) {
  char *argv[WORDS_MAX + 2] = {(char *)(uintptr_t) "sendoff"};
  int argc = 1;
  for (; argc <= WORDS_MAX && arguments[argc - 1]; argc++) argv[argc] = (char *)(uintptr_t)arguments[argc - 1];
  memset(c, 0, sizeof *c);
  struct caught errors = catch_stream(stderr);
  enum exit_status status = cli_take(c, argc, argv);
  release_stream(&errors, said, size);
  return status;
}

static void test_understood(void **state) {
  (void)state;
  static const struct {
    const char *arguments[WORDS_MAX];
    const char *noun, *verb; /* verb "": the noun alone */
    size_t argument_count, option_count;
    bool json, help, version;
  } table[] = {
      {.arguments = {NULL}},
      {.arguments = {"--help"}, .help = true},
      {.arguments = {"-h"}, .help = true},
      {.arguments = {"--version"}, .version = true},
      {.arguments = {"account"}, .noun = "account"},
      {.arguments = {"account", "--help"}, .noun = "account", .help = true},
      {.arguments = {"--help", "account", "add"}, .noun = "account", .verb = "add", .help = true},
      {.arguments = {"account", "list", "--json"}, .noun = "account", .verb = "list", .json = true},
      {.arguments = {"--json", "account", "list"}, .noun = "account", .verb = "list", .json = true},
      {.arguments = {"account", "--json", "show", "blog"},
       .noun = "account",
       .verb = "show",
       .argument_count = 1,
       .json = true},
      {.arguments = {"account", "add", "blog", "--sender", "example.com", "--sender=a@example.org", "--password-stdin"},
       .noun = "account",
       .verb = "add",
       .argument_count = 1,
       .option_count = 3},
      /* a value, whatever it is */
      {.arguments = {"account", "suspend", "--reason", "--json", "blog"},
       .noun = "account",
       .verb = "suspend",
       .argument_count = 1,
       .option_count = 1},
      {.arguments = {"account", "show", "--", "--json"}, .noun = "account", .verb = "show", .argument_count = 1},
      {.arguments = {"log"}, .noun = "log", .verb = ""},
      {.arguments = {"log", "--since", "2h", "--follow"}, .noun = "log", .verb = "", .option_count = 2},
      {.arguments = {"log", "show", "1CZQ6K3E0W40"}, .noun = "log", .verb = "show", .argument_count = 1},
      {.arguments = {"why", "7QF2K9XY"}, .noun = "why", .verb = "", .argument_count = 1},
      {.arguments = {"queue", "drop", "A", "B", "C"}, .noun = "queue", .verb = "drop", .argument_count = 3},
      {.arguments = {"init", "--hostname", "smtp.example.com"}, .noun = "init", .verb = "", .option_count = 1},
      {.arguments = {"account", "set", "blog", "--limit", ""},
       .noun = "account",
       .verb = "set",
       .argument_count = 1,
       .option_count = 1},
      {.arguments = {"account", "set", "blog", "--limit="},
       .noun = "account",
       .verb = "set",
       .argument_count = 1,
       .option_count = 1},
  };
  struct cli *c = malloc(sizeof *c);
  assert_non_null(c);
  for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
    char said[512];
    assert_int_equal(take(c, table[i].arguments, said, sizeof said), EXIT_DONE);
    assert_string_equal(said, "");
    assert_true(!c->noun == !table[i].noun);
    if (c->noun) assert_string_equal(c->noun->noun, table[i].noun);
    assert_true(!c->verb == !table[i].verb);
    if (c->verb) assert_string_equal(c->verb->name ? c->verb->name : "", table[i].verb);
    assert_int_equal(c->argument_count, table[i].argument_count);
    assert_int_equal(c->option_count, table[i].option_count);
    assert_int_equal(c->json, table[i].json);
    assert_int_equal(c->help, table[i].help);
    assert_int_equal(c->version, table[i].version);
  }
  free(c);
}

static void test_not_understood(void **state) {
  (void)state;
  static const struct {
    const char *arguments[WORDS_MAX];
    const char *says;
  } table[] = {
      {{"nonsense"}, "nonsense is not a command; see: sendoff --help"},
      {{"--colour"}, "--colour is not a command"},
      {{"--config"}, "--config takes a value"},
      {{"account", "frobnicate"}, "sendoff account has no frobnicate; see: sendoff account --help"},
      {{"acount", "list"}, "acount is not a command; did you mean account? see: sendoff --help"},
      {{"account", "delete", "x"}, "sendoff account has no delete; did you mean remove? see: sendoff account --help"},
      {{"account", "--sender", "x"}, "sendoff account has no --sender"},
      {{"account", "list", "--colour"}, "--colour is not an option here; see: sendoff account list --help"},
      {{"account", "list", "--sender"}, "--sender is not an option here"}, /* another verb's */
      {{"account", "add", "--send", "x"}, "--send is not an option here"}, /* no guessing */
      {{"account", "add", "--limit"}, "--limit takes a value"},
      {{"account", "add", "--password-stdin=yes"}, "--password-stdin takes no value"},
      {{"account", "add", "--=x"}, "is not an option here"},
      {{"log", "--sinc=2h"}, "--sinc=2h is not an option here; did you mean --since? see: sendoff log --help"},
      {{"evil\x1b[2J\nsecond line"}, "evil?[2J?second line is not a command"},
  };
  struct cli *c = malloc(sizeof *c);
  assert_non_null(c);
  for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
    char said[512];
    assert_int_equal(take(c, table[i].arguments, said, sizeof said), EXIT_USAGE);
    if (strncmp(said, "sendoff: ", 9) != 0 || !strstr(said, table[i].says)) fail_msg("%s", said);
    assert_ptr_equal(strchr(said, '\n'), said + strlen(said) - 1); /* one line */
  }
  free(c);
}

static void test_options(void **state) {
  (void)state;
  char said[512];
  struct cli *c = malloc(sizeof *c);
  assert_non_null(c);
  static const char *const arguments[WORDS_MAX] = {
      "account",    "add",    "blog",   "--limit",  "5/day",           "--limit=9/hour",
      "--pool=a=b", "--pool", "second", "--config", "/etc/other.conf", "--password-stdin"};
  assert_int_equal(take(c, arguments, said, sizeof said), EXIT_DONE);
  assert_int_equal(cli_option_count(c, "limit"), 2);
  assert_string_equal(cli_option_at(c, "limit", 0), "5/day");
  assert_string_equal(cli_option_at(c, "limit", 1), "9/hour");
  assert_null(cli_option_at(c, "limit", 2));
  assert_string_equal(cli_option_at(c, "pool", 0), "a=b");
  assert_string_equal(cli_option(c, "pool"), "second"); /* the last one counts */
  assert_string_equal(c->config_option, "/etc/other.conf");
  assert_true(cli_switch(c, "password-stdin"));
  assert_false(cli_switch(c, "password"));
  assert_null(cli_option(c, "sender"));
  assert_null(cli_option(c, "lim"));
  free(c);
}

/* As many arguments as a shell's expansion may give, and no more than there is room for. */
static void test_bound(void **state) {
  (void)state;
  static char *argv[COMMAND_ARGUMENTS_MAX + 4];
  static char queue[] = "queue", drop[] = "drop", id[] = "x";
  char said[512];
  struct cli *c = calloc(1, sizeof *c);
  assert_non_null(c);
  argv[0] = argv[1] = queue;
  argv[2] = drop;
  for (int i = 3; i < COMMAND_ARGUMENTS_MAX + 4; i++) argv[i] = id;
  assert_int_equal(cli_take(c, COMMAND_ARGUMENTS_MAX + 3, argv), EXIT_DONE);
  assert_int_equal(c->argument_count, COMMAND_ARGUMENTS_MAX);
  memset(c, 0, sizeof *c);
  struct caught errors = catch_stream(stderr);
  enum exit_status status = cli_take(c, COMMAND_ARGUMENTS_MAX + 4, argv);
  release_stream(&errors, said, sizeof said);
  assert_int_equal(status, EXIT_USAGE);
  assert_string_equal(said, "sendoff: too many arguments\n");
  free(c);
}

/* One line of a verb's examples is a command that the arguments understand. */
static void check_example(struct cli *c, const struct verb *v, char *example) {
  char said[512], *save = NULL;
  const char *arguments[WORDS_MAX + 1] = {NULL};
  size_t n = 0;
  bool quoted = strchr(example, '"') || strchr(example, '\''); /* not for strtok */
  char *word = strtok_r(example, " ", &save);
  assert_string_equal(word, "sendoff");
  while (n < WORDS_MAX && (word = strtok_r(NULL, " ", &save))) arguments[n++] = word;
  if (quoted) return;
  if (take(c, arguments, said, sizeof said) != EXIT_DONE) fail_msg("%s %s: %s", v->noun, v->name, said);
  assert_ptr_equal(c->verb, v);
  assert_in_range(c->argument_count, v->least, v->most);
}

/* Each verb's help names it, and its examples are commands. */
static void test_table(void **state) {
  (void)state;
  static const struct verb *const nouns[] = {
      init_verbs,   serve_verbs, config_verbs,  account_verbs, domain_verbs, dkim_verbs,
      source_verbs, site_verbs,  gateway_verbs, policy_verbs,  queue_verbs,  suppression_verbs,
      log_verbs,    why_verbs,   explain_verbs, status_verbs,  unban_verbs,  tls_report_verbs};
  struct cli *c = malloc(sizeof *c);
  assert_non_null(c);
  for (size_t i = 0; i < sizeof nouns / sizeof nouns[0]; i++)
    for (const struct verb *v = nouns[i]; v->noun; v++) {
      char examples[1024], *save = NULL;
      assert_true(*v->example && strlen(v->example) < sizeof examples);
      strcpy(examples, v->example);
      for (char *line = strtok_r(examples, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
        check_example(c, v, line);
    }
  free(c);
}

int main(void) {
  static const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_understood), cmocka_unit_test(test_not_understood), cmocka_unit_test(test_options),
      cmocka_unit_test(test_bound),      cmocka_unit_test(test_table),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
