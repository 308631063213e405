/* Tables: aligned columns, and what gives way where there is little room. */
#include "cli/output/table.h"

#include "tests/unit/caught.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void test_table(void **state) {
  (void)state;
  char printed[512];
  struct table *t = table_new((const char *const[]){"NAME", "N", "LAST"}, 3);
  table_add(t, (const char *const[]){"gr\xc3\xbc\xc3\x9f", "12", "x\ny"});
  table_add(t, (const char *const[]){"a longer one", "", ""});
  table_add(t, (const char *const[]){"b", NULL, "z"});
  struct caught output = catch_stream(stdout);
  table_print(&t);
  release_stream(&output, printed, sizeof printed);
  assert_null(t);
  assert_string_equal(printed, "NAME           N  LAST\n"
                               "gr\xc3\xbc\xc3\x9f          12  x?y\n"
                               "a longer one\n"
                               "b                 z\n");
}

static void test_empty_table(void **state) {
  (void)state;
  char printed[64];
  struct table *t = table_new((const char *const[]){"NAME"}, 1);
  struct caught output = catch_stream(stdout);
  table_print(&t);
  release_stream(&output, printed, sizeof printed);
  assert_string_equal(printed, "");
}

/* More rows than the table begins with. */
static void test_long_table(void **state) {
  (void)state;
  static char printed[65536];
  size_t lines = 0;
  struct table *t = table_new((const char *const[]){"N"}, 1);
  for (int i = 0; i < 1000; i++) {
    char n[16];
    snprintf(n, sizeof n, "%d", i);
    table_add(t, (const char *const[]){n});
  }
  struct caught output = catch_stream(stdout);
  table_print(&t);
  release_stream(&output, printed, sizeof printed);
  for (const char *at = printed; *at; at++) lines += *at == '\n';
  assert_int_equal(lines, 1001);
  assert_non_null(strstr(printed, "\n999\n"));
}

/* COLUMNS says how wide a terminal is. */
static void print_in(const char *columns, char *out, size_t size) {
  struct table *t = table_new((const char *const[]){"ID", "TO~", "NOTE+", "FROM+", "N"}, 5);
  table_add(t, (const char *const[]){"5AZ3TGEZK200", "somebody@long.example.net", "mailbox full", "a@b.example", "7"});
  table_add(t, (const char *const[]){"5AZ3TGEZK201", "j\xc3\xb6rg@example.net", "", "", "1"});
  table_add(t,
            (const char *const[]){"5AZ3TGEZK202", "\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e@example.net", "", "x", "12"});
  setenv("COLUMNS", columns, 1);
  struct caught output = catch_stream(stdout);
  table_print(&t);
  release_stream(&output, out, size);
  unsetenv("COLUMNS");
}

static void test_widths(void **state) {
  (void)state;
  static const struct {
    const char *columns, *printed;
  } widths[] = {
      {"80", "ID            TO                         NOTE          FROM          N\n"
             "5AZ3TGEZK200  somebody@long.example.net  mailbox full  a@b.example   7\n"
             "5AZ3TGEZK201  j\xc3\xb6rg@example.net                                       1\n"
             "5AZ3TGEZK202  \xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e@example.net                       x            12\n"},
      {"60", "ID            TO                          N\n"
             "5AZ3TGEZK200  somebody@long.example.net   7\n"
             "              mailbox full  a@b.example\n"
             "5AZ3TGEZK201  j\xc3\xb6rg@example.net            1\n"
             "5AZ3TGEZK202  \xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e@example.net         12\n"
             "              x\n"},
      {"30", "ID            TO             N\n"
             "5AZ3TGEZK200  somebody@lo\xe2\x80\xa6   7\n"
             "              mailbox full\n"
             "              a@b.example\n"
             "5AZ3TGEZK201  j\xc3\xb6rg@exampl\xe2\x80\xa6   1\n"
             "5AZ3TGEZK202  \xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e@exam\xe2\x80\xa6  12\n"
             "              x\n"},
  };
  for (size_t i = 0; i < sizeof widths / sizeof widths[0]; i++) {
    char printed[1024];
    print_in(widths[i].columns, printed, sizeof printed);
    assert_string_equal(printed, widths[i].printed);
  }
}

int main(void) {
  static const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_table),
      cmocka_unit_test(test_empty_table),
      cmocka_unit_test(test_long_table),
      cmocka_unit_test(test_widths),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
