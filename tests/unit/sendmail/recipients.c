/* Who a message is for: names without a domain, aliases, the fields of the header, each once. */
#include "sendmail/recipients.h"

#include "sendmail/qualify.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

/* --- names without a domain --- */

static const char *const qualified[][2] = {
    {"root", "root@h"},
    {" root\r\n", " root@h\r\n"},
    {"root (Cron Daemon)", "root@h (Cron Daemon)"},
    {"(a (nested) comment, with <brackets>) root", "(a (nested) comment, with <brackets>) root@h"},
    {"root, a@b, \"x y\", postmaster;", "root@h, a@b, \"x y\"@h, postmaster@h;"},
    {"Cron <root>, \"A, B\" <c>", "Cron <root@h>, \"A, B\" <c@h>"},
    {"Cron <root@x>", "Cron <root@x>"},
    {"friends: root, a@b;", "friends: root@h, a@b;"},
    {"undisclosed-recipients:;", "undisclosed-recipients:;"},
    {"two words", "two words"},
    {"=?utf-8?q?name?=", "=?utf-8?q?name?="},
    {"a@b", "a@b"},
    {"a @ b", "a @ b"},
    {"@route:a", "@route:a@h"},
    {"", ""},
    {",,;", ",,;"},
    {"\"open", "\"open@h"},
    {"(open", "(open"},
    {"<root", "<root"},
    {")", ")@h"},
    {"<>", "<>"},
    {"\"a\\\"b\", c", "\"a\\\"b\"@h, c@h"},
};

static void test_qualify(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof qualified / sizeof qualified[0]; i++) {
    struct buffer out;
    buffer_init(&out, 1024);
    assert_int_equal(qualify(bytes_of(qualified[i][0]), "h", &out), OK);
    if (!bytes_equal(buffer_bytes(&out), bytes_of(qualified[i][1])))
      fail_msg("%s: %.*s", qualified[i][0], (int)out.len, out.len ? out.at : "");
    buffer_free(&out);
  }
}

/* --- lists --- */

static const char aliases_text[] = "# a: comment\n"
                                   "root: admin@example.com\n"
                                   "\"quoted\": Q <q@example.com>, root\n"
                                   "Long: one@example.com, two\n"
                                   "itself: Itself@localhost, root\n"
                                   "circle: other\n"
                                   "other: circle\n"
                                   "empty:\n"
                                   "pipe: |x\n"
                                   "no colon\n";

static struct aliases some_aliases(void) {
  struct aliases a;
  buffer_init(&a.text, ALIASES_MAX);
  assert_int_equal(buffer_add(&a.text, aliases_text, sizeof aliases_text - 1), OK);
  strcpy(a.domain, "host.example");
  return a;
}

struct list_case {
  const char *list, *wanted; /* NULL: it cannot be read */
};

static const struct list_case lists[] = {
    {"a@b.example", "a@b.example"},
    {"a@b.example,A@b.example,a@B.EXAMPLE, a@b.example", "a@b.example A@b.example"},
    {"root", "admin@example.com"},
    {"ROOT@localhost, root", "admin@example.com"},
    {"root@elsewhere.example", "root@elsewhere.example"},
    {"www-data", "www-data@host.example"},
    {"quoted", "q@example.com admin@example.com"},
    {"long, LONG", "one@example.com two@host.example"},
    {"Name <root>, g: x@y.example, root;", "admin@example.com x@y.example"},
    {"empty, x@y.example", "x@y.example"},
    {"", ""},
    {"itself", "Itself@host.example admin@example.com"},
    {"circle", NULL},
    {"pipe", NULL},
    {"two words", NULL},
    {"a@", NULL},
    {"a@b.example, <x", NULL},
};

static void joined(const struct recipients *r, char out[1024]) {
  *out = '\0';
  for (size_t i = 0; i < r->count; i++) {
    if (i) strcat(out, " ");
    strcat(out, r->all[i].address);
  }
}

static void test_lists(void **state) {
  (void)state;
  struct aliases a = some_aliases();
  for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++) {
    struct recipients r = {0};
    struct reason why = {""};
    char got[1024];
    int rc = recipients_add(&r, bytes_of(lists[i].list), &a, &why);
    recipients_unite(&r);
    joined(&r, got);
    if (rc != (lists[i].wanted ? OK : E_SYNTAX) || (rc != OK) != (*why.text != '\0') ||
        (rc == OK && strcmp(got, lists[i].wanted) != 0))
      fail_msg("%s: %d %s %s", lists[i].list, rc, got, why.text);
    recipients_free(&r);
  }
  aliases_free(&a);
}

/* --- the header --- */

static const struct list_case headers[] = {
    {"To: a@b.example\r\nSubject: x@y.example\r\nCc: c@d.example\r\nBcc: e@f.example\r\n",
     "a@b.example c@d.example e@f.example"},
    {"TO: a@b.example,\r\n c@d.example\r\nTo: e@f.example\r\n", "a@b.example c@d.example e@f.example"},
    {"To: a@b.example\r\nResent-To: c@d.example\r\nResent-Bcc: e@f.example\r\n", "c@d.example e@f.example"},
    {"Subject: x\r\n", ""},
    {"To: undisclosed-recipients:;\r\nBcc: root\r\n", "admin@example.com"},
    {"To: a@b.example\r\nCc: <\r\n", NULL},
};

static void test_headers(void **state) {
  (void)state;
  struct aliases a = some_aliases();
  for (size_t i = 0; i < sizeof headers / sizeof headers[0]; i++) {
    struct recipients r = {0};
    struct reason why = {""};
    char got[1024];
    int rc = recipients_add_header(&r, bytes_of(headers[i].list), &a, &why);
    joined(&r, got);
    if (rc != (headers[i].wanted ? OK : E_SYNTAX) || (rc == OK && strcmp(got, headers[i].wanted) != 0))
      fail_msg("%s: %d %s %s", headers[i].list, rc, got, why.text);
    if (rc != OK) assert_non_null(strstr(why.text, "Cc: "));
    recipients_free(&r);
  }
  aliases_free(&a);
}

int main(void) {
  static const struct CMUnitTest tests[] = {cmocka_unit_test(test_qualify), cmocka_unit_test(test_lists),
                                            cmocka_unit_test(test_headers)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
