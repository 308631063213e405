/* Descriptors that run out: warned of once a minute, however often it is noticed. */
#include "relay/net/descriptors.h"

#include "base/log.h"
#include "tests/unit/caught.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>

#define LIMIT 64

static char said[8192];

static size_t lines(void) {
  size_t n = 0;
  for (const char *at = said; *at; at++) n += *at == '\n';
  return n;
}

/* In a process of its own: what is logged once a minute is then not yet. */
static void in_child(void (*what)(void)) {
  struct caught errors = catch_stream(stderr);
  pid_t child = fork();
  if (child == 0) {
    struct rlimit r = {LIMIT, LIMIT};
    setrlimit(RLIMIT_NOFILE, &r);
    what();
    _exit(0);
  }
  int status;
  assert_int_equal(waitpid(child, &status, 0), child);
  release_stream(&errors, said, sizeof said);
  assert_int_equal(status, 0);
}

static void far_from_it(void) {
  for (int fd = 0; fd < LIMIT - 20; fd++) descriptors_opened(fd);
  for (int i = 0; i < 100; i++) descriptors_poll();
  descriptors_failed(ENOMEM);
}

static void near(void) {
  for (int i = 0; i < 1000; i++) descriptors_opened(LIMIT - 3);
}

static void failed(void) {
  for (int i = 0; i < 1000; i++) descriptors_failed(EMFILE);
}

static void machine(void) {
  descriptors_failed(ENFILE);
}

static void polled(void) {
  while (dup(0) >= 0)
    ;
  for (int i = 0; i < 100; i++) descriptors_poll();
}

static void test_warnings(void **state) {
  (void)state;
  static const struct {
    void (*what)(void);
    size_t lines;
    const char *says;
  } cases[] = {
      {far_from_it, 0, ""},
      {near, 1, "file descriptors run out"},
      {failed, 1, "file descriptors have run out"},
      {machine, 1, "of the machine"},
      {polled, 1, "file descriptors have run out"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    in_child(cases[i].what);
    if (lines() != cases[i].lines || !strstr(said, cases[i].says)) fail_msg("case %zu: %s", i, said);
    if (cases[i].lines) assert_non_null(strstr(said, "level=warn"));
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_warnings)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
