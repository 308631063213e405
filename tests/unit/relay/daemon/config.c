/* The configuration file: what it gives, and that each mistake is refused with its line. */
#include "relay/daemon/config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LEAST "hostname = \"smtp.example.com\"\nlisten \"127.0.0.1:25\" { tls = \"optional\" }\n" /* two lines */

static char folder[] = "/tmp/sendoff-config-XXXXXX";
static char path[64];

static int make_folder(void **state) {
  (void)state;
  if (!mkdtemp(folder)) return -1;
  snprintf(path, sizeof path, "%s/sendoff.conf", folder);
  return 0;
}

static int remove_folder(void **state) {
  (void)state;
  unlink(path);
  return rmdir(folder);
}

static int load(const char *text, struct config **out, struct reason *why) {
  FILE *f = fopen(path, "w");
  assert_non_null(f);
  assert_true(fputs(text, f) >= 0);
  assert_int_equal(fclose(f), 0);
  *why = (struct reason){""};
  return config_load(path, out, why);
}

static void test_defaults(void **state) {
  (void)state;
  struct config *c;
  struct reason why;
  assert_int_equal(load(LEAST, &c, &why), OK);
  assert_string_equal(c->path, path);
  assert_string_equal(c->hostname, "smtp.example.com");
  assert_string_equal(c->data_dir, "/var/lib/sendoff");
  assert_null(c->user);
  assert_int_equal(c->certificate_count, 0);
  assert_null(c->trust_anchor);
  assert_null(c->trust);
  assert_int_equal(c->dns_server_count, 0);
  assert_int_equal(c->delivery_port, 25);
  static const int minutes[] = {1, 5, 15, 60, 120, 240};
  assert_int_equal(c->retry_count, 6);
  for (size_t i = 0; i < 6; i++) assert_true(c->retry_us[i] == minutes[i] * 60 * SECOND_US);
  assert_true(c->expire_us == 5 * 86400 * SECOND_US);
  assert_true(c->max_message_size == 36 * 1024 * 1024);
  assert_int_equal(c->max_sessions, 2000);
  assert_int_equal(c->max_sessions_per_address, 100);
  assert_int_equal(c->max_recipients, 1000);
  assert_int_equal(c->listens[0].proxy_count, 0);
  assert_true(c->command_timeout_us == 300 * SECOND_US && c->data_timeout_us == 180 * SECOND_US);
  assert_true(c->handshake_timeout_us == 30 * SECOND_US);
  assert_int_equal(c->minimum_rate, 100);
  assert_int_equal(c->login_failures_per_address, 20);
  assert_int_equal(c->login_failures_per_account, 100);
  assert_true(c->login_window_us == 600 * SECOND_US && c->ban_us == 900 * SECOND_US);
  assert_true(c->max_hold_us == 7 * 86400 * SECOND_US && c->idempotency_window_us == 600 * SECOND_US);
  assert_true(c->log_retain_us == 30 * 86400 * SECOND_US);
  assert_int_equal(c->log_format, LOG_TEXT);
  assert_int_equal(c->loops, 0);
  assert_false(c->received_client);
  config_free(&c);
  assert_null(c);
}

/* A file that was written for an older version means what it meant. */
static void test_older_name(void **state) {
  (void)state;
  struct config *c;
  struct reason why;
  assert_int_equal(load(LEAST "limits { repeat_window = \"2m\" }", &c, &why), OK);
  assert_true(c->idempotency_window_us == 120 * SECOND_US);
  config_free(&c);
  assert_int_equal(load(LEAST "limits { repeat_window = \"two\" }", &c, &why), E_SYNTAX);
  assert_non_null(strstr(why.text, ":3: repeat_window"));
}

static void test_everything(void **state) {
  (void)state;
  struct config *c;
  struct reason why;
  assert_int_equal(load("hostname = \"B\xc3\xbc"
                        "cher.Example\"  # a comment\n"
                        "data_dir = \"/srv/mail\"\nuser = \"postman\"\nloops = 3\nreceived_client = true\n"
                        "listen \"0.0.0.0:587\" { tls = \"starttls\" }\nlisten \"[::1]:465\" { tls = \"implicit\" }\n"
                        "listen \"127.0.0.1:2525\" { proxy = {\"10.0.0.0/8\", \"192.0.2.7\", \"2001:db8::/32\"} }\n"
                        "tls { certificate = \"/etc/c.pem\" key = \"/etc/k.pem\" }\n"
                        "tls { certificate = \"/etc/c2.pem\" key = \"/etc/k2.pem\" }\n"
                        "dns { servers = {\"127.0.0.1@5353\", \"::1\"} trust_anchor = \"/etc/root.key\" }\n"
                        "delivery { port = 2526 retry = {\"1s\", \"1h30m\"} expire = \"2w\" trust = \"/etc/roots.pem\" "
                        "delay_notice = \"90m\" }\n"
                        "limits { max_message_size = \"1M\" max_sessions = 7 max_sessions_per_address = 8 "
                        "max_recipients = 9 command_timeout = \"6m\" data_timeout = \"2s\" handshake_timeout = \"1s\" "
                        "minimum_rate = 0 login_failures_per_address = 0 login_failures_per_account = 3 "
                        "login_window = \"1h\" ban = \"2d\" max_hold = \"0s\" idempotency_window = \"3m\" }\n"
                        "log { retain = \"1d\" format = \"json\" }",
                        &c, &why),
                   OK);
  assert_string_equal(c->hostname, "xn--bcher-kva.example"); /* EHLO takes A-labels */
  assert_string_equal(c->data_dir, "/srv/mail");
  assert_string_equal(c->user, "postman");
  assert_int_equal(c->loops, 3);
  assert_true(c->received_client);
  assert_int_equal(c->listen_count, 3);
  assert_int_equal(c->listens[0].tls, LISTEN_STARTTLS);
  assert_int_equal(c->listens[1].tls, LISTEN_IMPLICIT);
  assert_int_equal(c->listens[2].tls, LISTEN_STARTTLS); /* not said: the safe kind */
  assert_int_equal(ip_port((struct sockaddr *)&c->listens[0].address), 587);
  assert_int_equal(c->listens[1].address.ss_family, AF_INET6);
  assert_int_equal(c->certificate_count, 2);
  assert_string_equal(c->certificates[0].certificate, "/etc/c.pem");
  assert_string_equal(c->certificates[1].key, "/etc/k2.pem");
  assert_string_equal(c->certificates[0].key, "/etc/k.pem");
  assert_int_equal(c->dns_server_count, 2);
  assert_string_equal(c->dns_servers[1], "::1");
  assert_string_equal(c->trust_anchor, "/etc/root.key");
  assert_int_equal(c->delivery_port, 2526);
  assert_string_equal(c->trust, "/etc/roots.pem");
  assert_int_equal(c->delay_notice_us, 90 * 60 * SECOND_US);
  assert_int_equal(c->retry_count, 2);
  assert_true(c->retry_us[1] == 90 * 60 * SECOND_US);
  assert_true(c->expire_us == 14 * 86400 * SECOND_US);
  assert_true(c->max_message_size == 1024 * 1024);
  assert_true(c->max_hold_us == 0 && c->idempotency_window_us == 180 * SECOND_US);
  assert_int_equal(c->max_sessions, 7);
  assert_int_equal(c->max_sessions_per_address, 8);
  assert_int_equal(c->max_recipients, 9);
  assert_int_equal(c->listens[0].proxy_count, 0);
  assert_int_equal(c->listens[2].proxy_count, 3);
  assert_int_equal(c->listens[2].proxies[0].prefix, 8);
  assert_int_equal(c->listens[2].proxies[1].prefix, 32);
  assert_int_equal(c->listens[2].proxies[2].family, AF_INET6);
  assert_true(c->command_timeout_us == 360 * SECOND_US && c->data_timeout_us == 2 * SECOND_US);
  assert_true(c->handshake_timeout_us == SECOND_US);
  assert_int_equal(c->minimum_rate, 0);
  assert_int_equal(c->login_failures_per_address, 0);
  assert_int_equal(c->login_failures_per_account, 3);
  assert_true(c->login_window_us == 3600 * SECOND_US && c->ban_us == 2 * 86400 * SECOND_US);
  assert_true(c->log_retain_us == 86400 * SECOND_US);
  assert_int_equal(c->log_format, LOG_JSON);
  config_free(&c);
}

struct mistake {
  const char *text;
  int line; /* 0: of the whole file */
  const char *says;
};

static const struct mistake mistakes[] = {
    {"", 0, "hostname is missing"},
    {"hostname = \"smtp.example.com\"\n", 0, "no listen block"},
    {"listen \"127.0.0.1:25\" { tls = \"optional\" }\n", 0, "hostname is missing"},
    {LEAST "nonsense = 3\n", 3, "no such option 'nonsense'"},
    {LEAST "\nlimits {\n  max_sessions = 3\n  bogus = 1\n}\n", 6, "no such option 'bogus'"},
    {LEAST "\n\nhostname = \"not a name\"\n", 5, "write the full name"},
    {LEAST "hostname = \"-\"\n", 3, "write the full name"},
    {LEAST "data_dir = \"here\"\n", 3, "beginning with /"},
    {LEAST "user = \"\"\n", 3, "user"},
    {LEAST "loops = -1\n", 3, "from 0 to 256"},
    {LEAST "received_client = maybe\n", 3, "boolean"},
    {LEAST "listen \"nonsense\" { tls = \"optional\" }\n", 3, "ADDRESS:PORT"},
    {LEAST "listen \"127.0.0.1:0\" { tls = \"optional\" }\n", 3, "ADDRESS:PORT"},
    {LEAST "listen \"127.0.0.1:25\" { tls = \"optional\" }\n", 3, "duplicate"},
    {LEAST "listen \"127.0.0.1:26\" {\n  tls = \"maybe\"\n}\n", 4, "\"starttls\", \"implicit\" or \"optional\""},
    {LEAST "listen \"127.0.0.1:26\" { tls = \"starttls\" }\n", 3, "needs a certificate"},
    {LEAST "listen \"127.0.0.1:26\" { tls = \"implicit\" }\n", 3, "needs a certificate"},
    {LEAST "tls {\n  certificate = \"/x\"\n}\n", 5, "both certificate and key"},
    {LEAST "tls { certificate = \"/x\" key = \"/y\" }\ntls { key = \"/y\" }\n", 4, "both certificate and key"},
    {LEAST "tls { certificate = \"x\" key = \"/y\" }\n", 3, "beginning with /"},
    {LEAST "dns {\n  servers = {\"127.0.0.1@5353\",\n    \"ns.example.com\"}\n}\n", 5, "ADDRESS@PORT"},
    {LEAST "delivery { port = 65536 }\n", 3, "from 1 to 65535"},
    {LEAST "delivery { port = many }\n", 3, "port"},
    {LEAST "delivery {\n  retry = {\"1m\",\n    \"5\"}\n}\n", 5, "\"5\" is no duration"},
    {LEAST "delivery { retry = {} }\n", 3, "one duration at least"},
    {LEAST "delivery { expire = \"soon\" }\n", 3, "\"soon\" is no duration"},
    {LEAST "limits {\n  max_message_size = \"big\" }\n", 4, "write a size"},
    {LEAST "limits { max_sessions = 0 }\n", 3, "from 1 to 1000000"},
    {LEAST "limits { max_recipients = 99999999999999999999 }\n", 3, "out of range"},
    {LEAST "limits { command_timeout = \"0s\" }\n", 3, "from a second to a day"},
    {LEAST "limits { data_timeout = \"25h\" }\n", 3, "from a second to a day"},
    {LEAST "limits { minimum_rate = -1 }\n", 3, "from 0 to 1000000"},
    {LEAST "limits {\n  ban = \"15\"\n}\n", 4, "\"15\" is no duration"},
    {LEAST "listen \"127.0.0.1:26\" {\n  tls = \"optional\"\n  proxy = {\"10.0.0.0/8\",\n    \"10.0.0.1/8\"}\n}\n", 6,
     "\"10.0.0.1/8\" is no network"},
    {LEAST "listen \"127.0.0.1:26\" { tls = \"optional\" proxy = {\"lb.example.com\"} }\n", 3, "is no network"},
    {LEAST "log { format = \"xml\" }\n", 3, "\"text\" or \"json\""},
    {LEAST "log { retain = \"0s\" }\n", 3, "no duration"},
    {LEAST "http {\n  listen = \"127.0.0.1:8025\"\n}\n", 5, "not in this version"},
    {LEAST "limits { max_sessions 3 }\n", 3, "missing equal sign"},
    {LEAST "limits {\n  max_sessions = 3\n", 4, "still open"},
    {LEAST "user = \"x\nloops = 2\n", 3, "string is still open"},
    {LEAST "user = 'x\n", 3, "string is still open"},
    {LEAST "user = \"x\\\"\n", 3, "string is still open"},
    {LEAST "/* no end\n\n\n", 3, "never closed"},
    /* comments of all kinds, and the line after them */
    {LEAST "# a \"comment\nbogus = 1\n", 4, "bogus"},
    {LEAST "user = \"x\" # it's one\n//another\n// third\nbogus = 1\n", 6, "bogus"},
    {LEAST "/* a */ /* b\n c */\nbogus = 1\n", 5, "bogus"},
    {LEAST "delivery { # one\n  retry = {\"1m\", # two\n    \"2m\" /* three */}\n  bogus = 1\n}\n", 6, "bogus"},
    {LEAST "user = \"# no comment\"\nbogus = 1\n", 4, "bogus"},
    {LEAST "user = '// \"none'\nbogus = 1\n", 4, "bogus"},
    {LEAST "user = \"\\\"#\"\nbogus = 1\n", 4, "bogus"},
    {LEAST "data_dir = /srv//mail\nbogus = 1\n", 4, "bogus"},
};

static void test_mistakes(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof mistakes / sizeof mistakes[0]; i++) {
    struct config *c;
    struct reason why;
    char where[96];
    int rc = load(mistakes[i].text, &c, &why);
    if (mistakes[i].line)
      snprintf(where, sizeof where, "%s:%d: ", path, mistakes[i].line);
    else
      snprintf(where, sizeof where, "%s: ", path);
    if (rc != E_SYNTAX || strncmp(why.text, where, strlen(where)) != 0 || !strstr(why.text, mistakes[i].says))
      fail_msg("%s\n%d: %s", mistakes[i].text, rc, why.text);
    assert_null(c);
  }
}

static void test_too_many_retries(void **state) {
  (void)state;
  struct config *c;
  struct reason why;
  char text[1024];
  int n = snprintf(text, sizeof text, LEAST "delivery { retry = {\"1m\"");
  for (int i = 0; i < CONFIG_RETRIES_MAX; i++) n += snprintf(text + n, sizeof text - (size_t)n, ", \"1m\"");
  snprintf(text + n, sizeof text - (size_t)n, "} }\n");
  assert_int_equal(load(text, &c, &why), E_SYNTAX);
  assert_non_null(strstr(why.text, ":3: retry: 32 durations at most"));
}

static void test_unreadable(void **state) {
  (void)state;
  struct config *c;
  struct reason why = {""};
  assert_int_equal(config_load("/nowhere/sendoff.conf", &c, &why), E_IO);
  assert_non_null(strstr(why.text, "/nowhere/sendoff.conf: No such file"));
  assert_non_null(strstr(why.text, "sendoff init"));
  assert_int_equal(config_load(folder, &c, &why), E_IO); /* a folder */
  assert_null(c);
}

static void test_path(void **state) {
  (void)state;
  unsetenv("SENDOFF_CONFIG");
  assert_string_equal(config_path(NULL), CONFIG_DEFAULT_PATH);
  setenv("SENDOFF_CONFIG", "", 1);
  assert_string_equal(config_path(NULL), CONFIG_DEFAULT_PATH);
  setenv("SENDOFF_CONFIG", "/from/environment", 1);
  assert_string_equal(config_path(NULL), "/from/environment");
  assert_string_equal(config_path("/from/option"), "/from/option");
}

int main(void) {
  static const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_defaults), cmocka_unit_test(test_older_name),       cmocka_unit_test(test_everything),
      cmocka_unit_test(test_mistakes), cmocka_unit_test(test_too_many_retries), cmocka_unit_test(test_unreadable),
      cmocka_unit_test(test_path),
  };
  return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
