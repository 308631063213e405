/* The program log: escaping, bounds, one line an event. Standard error is a file while a line is written. */
#include "base/log.h"
#include "base/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/unit/exact.h"

static char got[8192];
static int real_stderr;
static FILE *file;

static void capture(void) {
  file = tmpfile();
  if (!file) abort();
  real_stderr = dup(STDERR_FILENO);
  if (real_stderr < 0 || dup2(fileno(file), STDERR_FILENO) < 0) abort();
}

static const char *captured(void) {
  if (dup2(real_stderr, STDERR_FILENO) < 0) abort();
  close(real_stderr);
  rewind(file);
  got[fread(got, 1, sizeof got - 1, file)] = '\0';
  fclose(file);
  return got;
}

#define PREFIX "S1 time=2026-11-23T10:00:00.000Z level=info event=test"
#define JSON_PREFIX "{\"session\":\"S1\",\"time\":\"2026-11-23T10:00:00.000Z\",\"level\":\"info\",\"event\":\"test\""

static const char *line_with(enum log_format format, struct bytes value) {
  char *hold;
  struct log_line l;
  log_setup(LOG_INFO_, format);
  capture();
  log_begin(&l, LOG_INFO_, "S1", "test");
  log_bytes(&l, "k", exact_copy(value, &hold));
  log_end(&l);
  free(hold);
  return captured();
}

static void test_escapes(void **state) {
  (void)state;
  static const struct {
    struct bytes in;
    const char *text, *json;
  } samples[] = {
      {BYTES("plain"), "plain", "\"plain\""},
      {BYTES(""), "\"\"", "\"\""},
      {BYTES("two words"), "\"two words\"", "\"two words\""},
      {BYTES("a=b"), "\"a=b\"", "\"a=b\""},
      {BYTES("x\nS2 event=accepted"), "\"x\\x0aS2 event=accepted\"", "\"x\\u000aS2 event=accepted\""},
      {BYTES("x\r\ny"), "\"x\\x0d\\x0ay\"", "\"x\\u000d\\u000ay\""},
      {BYTES("a\0b"), "\"a\\x00b\"", "\"a\\u0000b\""},
      {BYTES("\" event=\"forged"), "\"\\\" event=\\\"forged\"", "\"\\\" event=\\\"forged\""},
      {BYTES("a\\"), "\"a\\\\\"", "\"a\\\\\""},
      {BYTES("\x1b[2J\x7f"), "\"\\x1b[2J\\x7f\"", "\"\\u001b[2J\\u007f\""},
      {BYTES("Z\xc3\xbcrich"), "\"Z\xc3\xbcrich\"", "\"Z\xc3\xbcrich\""},
      {BYTES("a\xc2\x85"
             "b"),
       "\"a\\xc2\\x85b\"", "\"a\\ufffdb\""}, /* NEL */
      {BYTES("a\xe2\x80\xa8"
             "b"),
       "\"a\\xe2\\x80\\xa8b\"", "\"a\\ufffdb\""}, /* LINE SEPARATOR */
      {BYTES("a\xe2\x80\xae"
             "b"),
       "\"a\\xe2\\x80\\xaeb\"", "\"a\\ufffdb\""}, /* RIGHT-TO-LEFT OVERRIDE */
      {BYTES("\xff\xc3"), "\"\\xff\\xc3\"", "\"\\ufffd\\ufffd\""},
      {BYTES("\xf0\x9f\x93\xa7"), "\"\xf0\x9f\x93\xa7\"", "\"\xf0\x9f\x93\xa7\""},
  };
  clock_set_for_tests(INT64_C(1795428000) * SECOND_US);
  for (size_t i = 0; i < COUNT_OF(samples); i++) {
    char expected[256];
    snprintf(expected, sizeof expected, PREFIX " k=%s\n", samples[i].text);
    assert_string_equal(line_with(LOG_TEXT, samples[i].in), expected);
    snprintf(expected, sizeof expected, JSON_PREFIX ",\"k\":%s}\n", samples[i].json);
    assert_string_equal(line_with(LOG_JSON, samples[i].in), expected);
  }
}

static size_t line_ends(const char *text) {
  size_t n = 0;
  for (; *text; text++) n += *text == '\n';
  return n;
}

static void test_value_bound(void **state) {
  (void)state;
  char large[3000], expected[1024];
  memset(large, 'a', sizeof large);
  int n = snprintf(expected, sizeof expected, PREFIX " k=%.512s...\n", large);
  assert_true(n > 0 && (size_t)n < sizeof expected);
  assert_string_equal(line_with(LOG_TEXT, (struct bytes){large, sizeof large}), expected);
  n = snprintf(expected, sizeof expected, PREFIX " k=%.512s\n", large);
  assert_true(n > 0);
  assert_string_equal(line_with(LOG_TEXT, (struct bytes){large, 512}), expected); /* the bound itself is not cut */
  memset(large, '\n', sizeof large);
  const char *line = line_with(LOG_JSON, (struct bytes){large, sizeof large});
  assert_int_equal(line_ends(line), 1);
  assert_non_null(strstr(line, "\\u000a...\"}"));
  for (size_t i = 0; i + 1 < sizeof large; i += 2) memcpy(large + i, "\xc3\xbc", 2);
  line = line_with(
      LOG_TEXT, (struct bytes){large + 1, 1001}); /* a lone octet first, so that the bound falls within a character */
  assert_int_equal(line_ends(line), 1);
  assert_non_null(strstr(line, "\xc3\xbc...\""));
}

/* A stranger's long value must not push the fields behind it off the line. */
static void test_fields_behind(void **state) {
  (void)state;
  for (enum log_format format = LOG_TEXT; format <= LOG_JSON; format++) {
    char large[2000];
    memset(large, 1, sizeof large);
    struct log_line l;
    log_setup(LOG_INFO_, format);
    capture();
    log_begin(&l, LOG_INFO_, "S1", "test");
    log_bytes(&l, "a", (struct bytes){large, sizeof large});
    log_bytes(&l, "b", (struct bytes){large, sizeof large});
    log_int(&l, "n", -7);
    log_end(&l);
    const char *line = captured();
    assert_non_null(strstr(line, format == LOG_JSON ? ",\"n\":-7}\n" : " n=-7\n"));
    assert_null(strstr(line, "cut"));
  }
}

static void test_line_bound(void **state) {
  (void)state;
  for (enum log_format format = LOG_TEXT; format <= LOG_JSON; format++) {
    char large[500];
    memset(large, 'x', sizeof large);
    struct log_line l;
    log_setup(LOG_INFO_, format);
    capture();
    log_begin(&l, LOG_INFO_, "S1", "test");
    for (int i = 0; i < 50; i++) log_bytes(&l, "many", (struct bytes){large, sizeof large});
    log_int(&l, "small", 1); /* still fits */
    for (int i = 0; i < 5000; i++) log_int(&l, "n", i);
    assert_true(l.cut);
    log_end(&l);
    const char *line = captured();
    size_t len = strlen(line);
    assert_true(len > 1500 && len <= sizeof l.text);
    assert_int_equal(line_ends(line), 1);
    assert_non_null(strstr(line, "small"));
    const char *tail = format == LOG_JSON ? ",\"cut\":true}\n" : " cut=true\n";
    assert_string_equal(line + len - strlen(tail), tail);
  }
}

static void test_levels_and_sessions(void **state) {
  (void)state;
  clock_set_for_tests(INT64_C(1795428000) * SECOND_US);
  log_setup(LOG_WARN_, LOG_TEXT);
  assert_false(log_wants(LOG_INFO_));
  assert_true(log_wants(LOG_WARN_) && log_wants(LOG_ERROR_));
  struct log_line l;
  capture();
  log_event(LOG_INFO_, "S1", "quiet", NULL);
  log_begin(&l, LOG_DEBUG_, "S1", "quiet");
  log_end(&l);
  log_event(LOG_ERROR_, NULL, "loud", "a", "1", "b", (const char *)NULL, "c", "3", NULL);
  log_event(LOG_WARN_, "x\ny z", "loud", NULL);
  assert_string_equal(captured(), "- time=2026-11-23T10:00:00.000Z level=error event=loud a=1 b=\"\" c=3\n"
                                  "\"x\\x0ay z\" time=2026-11-23T10:00:00.000Z level=warn event=loud\n");
  char large[4000];
  memset(large, 1, sizeof large - 1);
  large[sizeof large - 1] = '\0';
  log_setup(LOG_INFO_, LOG_JSON);
  capture();
  log_event(LOG_INFO_, large, "loud", NULL);
  const char *line = captured();
  assert_int_equal(line_ends(line), 1);
  assert_non_null(strstr(line, "...\",\"time\":\""));
  assert_non_null(strstr(line, ",\"event\":\"loud\"}\n"));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_escapes),
      cmocka_unit_test(test_value_bound),
      cmocka_unit_test(test_fields_behind),
      cmocka_unit_test(test_line_bound),
      cmocka_unit_test(test_levels_and_sessions),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
