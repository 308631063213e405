/* Plans for warming up as files: what they give, that each mistake is reported, and the one that is built in. */
#include "relay/daemon/warmup_file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SHIPPED "../../deploy/warmup.conf" /* tests run in tests/unit */

static char folder[] = "/tmp/sendoff-warmup-XXXXXX";
static char path[64];
static struct warmup_plan plan, other;

static int make_folder(void **state) {
  (void)state;
  if (!mkdtemp(folder)) return -1;
  snprintf(path, sizeof path, "%s/plan.conf", folder);
  return 0;
}

static int remove_folder(void **state) {
  (void)state;
  unlink(path);
  return rmdir(folder);
}

static void write_file(const char *text) {
  FILE *f = fopen(path, "w");
  assert_non_null(f);
  assert_true(fputs(text, f) >= 0);
  assert_int_equal(fclose(f), 0);
}

static const char *text_of(const struct warmup_plan *p) {
  static char text[WARMUP_PLAN_TEXT];
  warmup_plan_format(p, text);
  return text;
}

static void values(void **state) {
  (void)state;
  static const struct {
    const char *file, *text;
  } cases[] = {
      {"days = {3}\n", "hold 50\n* 100 3"},
      {"# mine\ndays = {3, 6, # more\n 12}\nhold_above = 2\n", "hold 200\n* 100 3 6 12"},
      {"days = {3}\nhold_above = 0.25\n", "hold 25\n* 100 3"},
      {"days = {3}\nhold_above = 0\n", "hold 0\n* 100 3"},
      {"provider \"google\" { days = {1, 2} }\ndays = {3, 3}\nprovider \"others\" { share = 25 }\n",
       "hold 50\n* 100 3 3\ngoogle 100 1 2\nothers 25"},
  };
  struct reason why;
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    write_file(cases[i].file);
    if (warmup_file_load(path, &plan, &why) != OK) fail_msg("%s", why.text);
    assert_string_equal(text_of(&plan), cases[i].text);
  }
}

static void mistakes(void **state) {
  (void)state;
  static const struct {
    const char *file, *says;
  } cases[] = {
      {"", "there are no days; write, for example, days = {50, 100, 200}"},
      {"share = 50\n", ":1: no such option 'share'"},
      {"days = {3}\ndaily = {4}\n", ":2: no such option 'daily'"},
      {"days = {3, x}\n", ":1: days: x: write a number from 1 to 100000000"},
      {"days = {3,\n 0}\n", ":2: days: 0: write a number from 1 to 100000000"},
      {"days = {3, 2}\n", "day 2 has 2, less than the day before; amounts grow"},
      {"days = {3}\nhold_above = 101\n", ":2: hold_above = 101: write a percentage from 0 to 100, as in 0.5"},
      {"days = {3}\nhold_above = 0.555\n", ":2: hold_above = 0.555: write a percentage"},
      {"days = {3}\nhold_above = -1\n", ":2: hold_above = -1: write a percentage"},
      {"days = {3}\nprovider \"google\" {\n share = 0\n}\n", ":3: share = 0: write a number from 1 to 100, in percent"},
      {"days = {3}\nprovider \"Google\" {\n}\n", "provider \"Google\": write a name as sendoff site list shows it"},
      {"days = {3}\nprovider \"google\" {\n days = {2, 1}\n}\n", "google: day 2 has 1, less than the day before"},
      {"days = {3}\nprovider \"google\" {\n", "a block is still open at the end of the file; a } is missing"},
      {"days = {3}\nprovider \"google\" {\n}\nprovider \"google\" {\n}\n", "google"},
  };
  struct reason why;
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    write_file(cases[i].file);
    assert_int_equal(warmup_file_load(path, &plan, &why), E_SYNTAX);
    if (!strstr(why.text, cases[i].says)) fail_msg("\"%s\" is not in \"%s\"", cases[i].says, why.text);
    if (strncmp(why.text, path, strlen(path)) != 0) fail_msg("no file in \"%s\"", why.text);
  }
  assert_int_equal(warmup_file_load("/nowhere/plan.conf", &plan, &why), E_IO);
  assert_string_equal(why.text, "/nowhere/plan.conf: No such file or directory");
}

static void too_much(void **state) {
  (void)state;
  struct reason why;
  char text[8000] = "days = {1";
  for (int i = 0; i < WARMUP_DAYS_MAX; i++) strcat(text, ", 1");
  strcat(text, "}\n");
  write_file(text);
  assert_int_equal(warmup_file_load(path, &plan, &why), E_SYNTAX);
  assert_non_null(strstr(why.text, "days: write 100 days at most"));
  strcpy(text, "days = {1}\n");
  for (int i = 0; i <= WARMUP_PROVIDERS_MAX; i++) snprintf(text + strlen(text), 40, "provider \"p%d\" {\n}\n", i);
  write_file(text);
  assert_int_equal(warmup_file_load(path, &plan, &why), E_SYNTAX);
  assert_non_null(strstr(why.text, "there are 51 providers; write 50 at most"));
}

static void what_is_built_in_is_what_is_shipped(void **state) {
  (void)state;
  struct reason why;
  static char built_in[WARMUP_PLAN_TEXT];
  if (warmup_file_load(NULL, &plan, &why) != OK) fail_msg("%s", why.text);
  if (warmup_file_load(SHIPPED, &other, &why) != OK) fail_msg("%s", why.text);
  snprintf(built_in, sizeof built_in, "%s", text_of(&plan));
  assert_string_equal(text_of(&other), built_in);
  struct warmup_course google = warmup_course_of(&plan, "google"), outlook = warmup_course_of(&plan, "outlook");
  assert_int_equal(google.day_count, 30);
  for (unsigned day = 1; day <= 30; day++)
    assert_int_equal(warmup_course_amount(&outlook, day), warmup_course_amount(&google, day) / 2);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(values),
      cmocka_unit_test(mistakes),
      cmocka_unit_test(too_much),
      cmocka_unit_test(what_is_built_in_is_what_is_shipped),
  };
  return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
