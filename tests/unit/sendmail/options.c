/* The option table: what each program's way of calling comes to, and that no value is taken for a recipient. */
#include "sendmail/options.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#define WORDS_MAX 24

struct call {
  const char *words; /* separated by blanks; "''" is an empty one */
  const char *recipients, *sender, *full_name, *notify, *ret, *envid;
  bool header, dot, verbose, seven_bit;
  enum mode mode;
};

static const struct call calls[] = {
    {"sendmail -t -i", .recipients = "", .header = true, .dot = true},
    {"/usr/sbin/sendmail -ti a@b", .recipients = "a@b", .header = true, .dot = true},
    {"sendmail -FCronDaemon -i -B8BITMIME -oem root", .recipients = "root", .full_name = "CronDaemon", .dot = true},
    {"sendmail -f a@b -F Full c@d e@f", .recipients = "c@d e@f", .sender = "a@b", .full_name = "Full"},
    {"sendmail -fa@b -oi -oem -- -c@d", .recipients = "-c@d", .sender = "a@b", .dot = true},
    {"sendmail -f '' c@d", .recipients = "c@d", .sender = ""},
    {"sendmail -ra@b -tv", .recipients = "", .sender = "a@b", .header = true, .verbose = true},
    {"sendmail -o i c@d", .recipients = "c@d", .dot = true},
    {"sendmail -oi -f a@b -- c@d -f x", .recipients = "c@d -f x", .sender = "a@b", .dot = true},
    {"sendmail c@d -f x", .recipients = "c@d -f x"},
    {"sendmail -N never -R FULL -V id c@d", .recipients = "c@d", .notify = "NEVER", .ret = "FULL", .envid = "id"},
    {"sendmail -Ndelay,SUCCESS -Rhdrs -Vid c@d", .recipients = "c@d", .notify = "SUCCESS,DELAY", .ret = "HDRS",
     .envid = "id"},
    {"sendmail -Nfailure,failure,success,delay c@d", .recipients = "c@d", .notify = "SUCCESS,FAILURE,DELAY"},
    {"sendmail -B 7BIT c@d", .recipients = "c@d", .seven_bit = true},
    {"sendmail -Am -C x -D x -L x -O x=y -X x -e m -h 3 -p smtp c@d", .recipients = "c@d"},
    {"sendmail -Ac -d -d0.1 -Q -Qx -G -U -m -n -x -c -E -s c@d", .recipients = "c@d"},
    {"sendmail - c@d", .recipients = "- c@d"},
    {"sendmail -bm c@d", .recipients = "c@d"},
    {"sendmail -bs", .recipients = "", .mode = MODE_SMTP},
    {"sendmail -bp", .recipients = "", .mode = MODE_QUEUE},
    {"/usr/bin/mailq", .recipients = "", .mode = MODE_QUEUE},
    {"newaliases", .recipients = "", .mode = MODE_NONE},
    {"sendmail -bi", .recipients = "", .mode = MODE_NONE},
    {"sendmail -q", .recipients = "", .mode = MODE_NONE},
    {"sendmail -q15m", .recipients = "", .mode = MODE_NONE},
    {"sendmail -I", .recipients = "", .mode = MODE_NONE},
};

static const struct {
  const char *words, *says;
} mistakes[] = {
    {"sendmail", "no recipients"},
    {"sendmail -i", "no recipients"},
    {"sendmail --", "no recipients"},
    {"sendmail -f", "-f takes a value"},
    {"sendmail -iF", "-F takes a value"},
    {"sendmail -Z c@d", "no option -Z"},
    {"sendmail --help", "no option --"},
    {"sendmail -bd", "systemctl start sendoff"},
    {"sendmail -bv c@d", "-bv is not offered"},
    {"sendmail -b sm c@d", "-bsm is not offered"},
    {"sendmail -N '' c@d", "-N is never"},
    {"sendmail -N never,delay c@d", "-N is never"},
    {"sendmail -N delay, c@d", "-N is never"},
    {"sendmail -R some c@d", "-R is full or hdrs"},
    {"sendmail -V '' c@d", "-V takes"},
    {"sendmail -B 9BIT c@d", "-B is 7BIT"},
};

static int split(const char *words, char room[512], char *argv[WORDS_MAX]) {
  int argc = 0;
  snprintf(room, 512, "%s", words);
  for (char *at = strtok(room, " "); at; at = strtok(NULL, " ")) {
    assert_true(argc < WORDS_MAX - 1);
    if (strcmp(at, "''") == 0) *at = '\0';
    argv[argc++] = at;
  }
  argv[argc] = NULL;
  return argc;
}

static void same(const char *words, const char *got, const char *wanted) {
  if (strcmp(got ? got : "(none)", wanted ? wanted : "(none)") != 0)
    fail_msg("%s: %s, not %s", words, got ? got : "(none)", wanted ? wanted : "(none)");
}

static void test_calls(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof calls / sizeof calls[0]; i++) {
    const struct call *c = &calls[i];
    char room[512], recipients[512] = "", *argv[WORDS_MAX];
    struct options o;
    struct reason why;
    int argc = split(c->words, room, argv);
    if (options_read(argc, argv, &o, &why) != OK) fail_msg("%s: %s", c->words, why.text);
    for (size_t k = 0; k < o.recipient_count; k++) {
      if (k) strcat(recipients, " ");
      strcat(recipients, o.recipients[k]);
    }
    same(c->words, recipients, c->recipients);
    same(c->words, o.sender, c->sender);
    same(c->words, o.full_name, c->full_name);
    same(c->words, o.notify, c->notify ? c->notify : "");
    same(c->words, o.ret, c->ret);
    same(c->words, o.envid, c->envid);
    assert_int_equal(o.mode, c->mode);
    assert_int_equal(o.recipients_in_header, c->header);
    assert_int_equal(o.dot_is_text, c->dot);
    assert_int_equal(o.verbose, c->verbose);
    assert_int_equal(o.seven_bit, c->seven_bit);
  }
}

static void test_mistakes(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof mistakes / sizeof mistakes[0]; i++) {
    char room[512], *argv[WORDS_MAX];
    struct options o;
    struct reason why = {""};
    int argc = split(mistakes[i].words, room, argv);
    if (options_read(argc, argv, &o, &why) != E_SYNTAX || !strstr(why.text, mistakes[i].says))
      fail_msg("%s: %s", mistakes[i].words, why.text);
  }
}

int main(void) {
  static const struct CMUnitTest tests[] = {cmocka_unit_test(test_calls), cmocka_unit_test(test_mistakes)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
