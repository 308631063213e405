/* The configuration file: what it gives, and that each mistake is refused with its line. */
#include "relay/daemon/config.h"
#include "relay/daemon/config_keys.h"

#include "tests/unit/folder.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LEAST "hostname = \"smtp.example.com\"\nlisten \"127.0.0.1:25\" { tls = \"optional\" }\n" /* two lines */

static char folder[256], path[300];

static int make_folder(void **state) {
  (void)state;
  folder_make(folder, sizeof folder);
  snprintf(path, sizeof path, "%s/sendoff.conf", folder);
  return 0;
}

static int remove_folder(void **state) {
  (void)state;
  folder_remove(folder);
  return 0;
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
  assert_null(c->https_trust);
  assert_int_equal(c->dns_server_count, 0);
  assert_int_equal(c->delivery_port, 25);
  assert_int_equal(c->mechanism_count, AUTH_MECHANISM_COUNT);
  assert_false(c->local_next_hops);
  assert_true(c->learning);
  assert_true(c->dane);
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
  assert_true(c->log_retain_us == 30 * 86400 * SECOND_US);
  assert_int_equal(c->log_format, LOG_TEXT);
  assert_true(c->disk_reserve == UINT64_MAX);
  assert_int_equal(c->loops, 0);
  assert_false(c->received_client);
  config_free(&c);
  assert_null(c);
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
                        "delivery { port = 2526 local_next_hops = yes dane = no learning = no retry = {\"1s\", "
                        "\"1h30m\"} expire = \"2w\" "
                        "trust = \"/etc/roots.pem\" https_trust = \"/etc/web.pem\" "
                        "delay_notice = \"90m\" reply_timeout = \"90s\" }\n"
                        "limits { max_message_size = \"1M\" max_sessions = 7 max_sessions_per_address = 8 "
                        "max_recipients = 9 command_timeout = \"6m\" data_timeout = \"2s\" handshake_timeout = \"1s\" "
                        "minimum_rate = 0 login_failures_per_address = 0 login_failures_per_account = 3 "
                        "login_window = \"1h\" ban = \"2d\" }\n"
                        "log { retain = \"1d\" format = \"json\" }\n"
                        "store { disk_reserve = \"64M\" }",
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
  assert_true(c->local_next_hops);
  assert_false(c->learning);
  assert_false(c->dane);
  assert_string_equal(c->trust, "/etc/roots.pem");
  assert_string_equal(c->https_trust, "/etc/web.pem");
  assert_int_equal(c->delay_notice_us, 90 * 60 * SECOND_US);
  assert_int_equal(c->reply_timeout_us, 90 * SECOND_US);
  assert_int_equal(c->retry_count, 2);
  assert_true(c->retry_us[1] == 90 * 60 * SECOND_US);
  assert_true(c->expire_us == 14 * 86400 * SECOND_US);
  assert_true(c->max_message_size == 1024 * 1024);
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
  assert_true(c->disk_reserve == 64 * 1024 * 1024);
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
    {LEAST "received_client = maybe\n", 3, "received_client = maybe: write yes or no"},
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
    {LEAST "auth {\n  mechanisms = {\"PLAIN\",\n    \"CRAM-MD5\"}\n}\n", 5,
     "mechanisms = \"CRAM-MD5\": write \"PLAIN\""},
    {LEAST "auth { mechanisms = {LOGIN, PLAIN, LOGIN} }\n", 3, "LOGIN is there twice"},
    {LEAST "delivery { port = 65536 }\n", 3, "from 1 to 65535"},
    {LEAST "delivery { port = many }\n", 3, "port = many: write a number from 1 to 65535"},
    {LEAST "delivery {\n  retry = {\"1m\",\n    \"5\"}\n}\n", 5, "retry = \"5\": write a duration of 1s or more"},
    {LEAST "delivery { retry = {} }\n", 3, "one duration at least"},
    {LEAST "delivery { expire = \"soon\" }\n", 3, "expire = \"soon\": write a duration of 1s or more"},
    {LEAST "limits {\n  max_message_size = \"big\" }\n", 4, "write a size of 1K or more"},
    {LEAST "limits { max_sessions = 0 }\n", 3, "from 1 to 1000000"},
    {LEAST "limits { max_recipients = 99999999999999999999 }\n", 3, "from 1 to 1000000"},
    {LEAST "limits { command_timeout = \"0s\" }\n", 3, "write a duration from 1s to 1d"},
    {LEAST "limits { data_timeout = \"25h\" }\n", 3, "write a duration from 1s to 1d"},
    {LEAST "limits { minimum_rate = -1 }\n", 3, "from 0 to 1000000"},
    {LEAST "limits {\n  ban = \"15\"\n}\n", 4, "ban = \"15\": write a duration of 1s or more"},
    {LEAST "listen \"127.0.0.1:26\" {\n  tls = \"optional\"\n  proxy = {\"10.0.0.0/8\",\n    \"10.0.0.1/8\"}\n}\n", 6,
     "proxy = \"10.0.0.1/8\": write networks"},
    {LEAST "listen \"127.0.0.1:26\" { tls = \"optional\" proxy = {\"lb.example.com\"} }\n", 3, "write networks"},
    {LEAST "log { format = \"xml\" }\n", 3, "\"text\" or \"json\""},
    {LEAST "log { retain = \"0s\" }\n", 3, "of 1s or more"},
    {LEAST "limits { max_hold = \"1y\" }\n", 3, "write a duration up to 366d"},
    {LEAST "http {\n  listen = \"127.0.0.1:8025\"\n}\n", 5, "not in this version"},
    {LEAST "http { }\n", 3, "not in this version"},
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
    char where[400];
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

/* One row a key: what it takes and what it refuses, written as in the file, a list without its braces. */
struct key_case {
  const char *block, *name;
  const char *good[5], *bad[8];
};

#define ADDRESS_CASE                                                                                                   \
  {"\"tls-reports@example.com\"", "\"a+b@EXAMPLE.com\""}, {                                                            \
    "\"\"", "example", "\"a@\"", "\"@example.com\"", "\"a b@example.com\"", "\"a@[192.0.2.1]\"",                       \
        "\"A <a@example.com>\""                                                                                        \
  }
#define PATH_CASE                                                                                                      \
  {"\"/a\"", "/srv//mail", "'/with blanks'"}, {                                                                        \
    "here", "\"./here\"", "\"\"", "~/x"                                                                                \
  }
#define COUNT_CASE                                                                                                     \
  {"1", "1000000", "\"7\"", "0x10"}, {                                                                                 \
    "0", "1000001", "-1", "many", "1.5", "\"\""                                                                        \
  }
#define COUNT_OR_NONE_CASE                                                                                             \
  {"0", "1", "1000000"}, {                                                                                             \
    "-1", "1000001", "many", "10M", "\"\""                                                                             \
  }
#define TIMEOUT_CASE                                                                                                   \
  {"1s", "\"90s\"", "24h", "1d"}, {                                                                                    \
    "0s", "25h", "1d1s", "5", "\"\"", "\"5 m\"", "-1s", "never"                                                        \
  }
#define DURATION_CASE                                                                                                  \
  {"1s", "\"1h30m\"", "5d", "520w"}, {                                                                                 \
    "0s", "5", "\"\"", "soon", "-1s", "1.5h", "36501d"                                                                 \
  }
#define DELAY_CASE                                                                                                     \
  {"0", "0s", "never", "\"1h30m\"", "520w"}, {                                                                         \
    "5", "\"\"", "soon", "Never", "-1s", "1.5h", "36501d"                                                              \
  }
#define SPAN_CASE                                                                                                      \
  {"0s", "\"10m\"", "7d", "366d"}, {                                                                                   \
    "367d", "5", "\"\"", "none", "-1s"                                                                                 \
  }

static const struct key_case key_cases[] = {
    {CONFIG_TOP,
     "hostname",
     {"smtp.example.com", "\"SMTP.Example\"",
      "\"b\xc3\xbc"
      "cher.example\""},
     {"\"\"", "-", "\"a b\"", "a..example", "smtp_.example;"}},
    {CONFIG_TOP, "data_dir", PATH_CASE},
    {CONFIG_TOP, "user", {"sendoff", "\"mail-out\""}, {"\"\"", "''"}},
    {CONFIG_TOP, "loops", {"0", "1", "256"}, {"-1", "257", "all", "1.5", "\"\""}},
    {CONFIG_TOP, "received_client", {"yes", "no", "true", "OFF", "\"on\""}, {"maybe", "1", "\"\"", "y"}},
    {"listen",
     CONFIG_TITLE,
     {"\"0.0.0.0:587\"", "\"[::]:465\"", "127.0.0.1:65535"},
     {"\"\"", "smtp", "\"127.0.0.1\"", "\"127.0.0.1:0\"", "\"127.0.0.1:65536\"", "\"::1:25\"", "\"host.example:25\""}},
    {"listen", "tls", {"optional"}, {"\"\"", "Optional", "none", "yes"}},
    {"listen",
     "proxy",
     {"\"10.0.0.0/8\"", "\"192.0.2.7\", \"2001:db8::/32\"", "::1", ""},
     {"\"10.0.0.1/8\"", "\"10.0.0.0/33\"", "\"192.0.2.7\", \"lb.example\"", "\"\""}},
    {"tls", "certificate", PATH_CASE},
    {"tls", "key", PATH_CASE},
    {"tls", "cbc", {"yes", "no"}, {"maybe", "\"\""}},
    {"auth",
     "mechanisms",
     {"PLAIN", "\"LOGIN\", \"PLAIN\"", "scram-sha-256, SCRAM-SHA-256-PLUS, EXTERNAL"},
     {"", "PLAIN, PLAIN", "PLAIN, plain", "CRAM-MD5", "PLAIN, SCRAM-SHA-1", "\"\"", "\"PLAIN LOGIN\"",
      "PLAIN, LOGIN, PLAIN, LOGIN, PLAIN, LOGIN"}},
    {"dns",
     "servers",
     {"\"127.0.0.1@5353\"", "\"::1\", \"192.0.2.1\"", ""},
     {"\"127.0.0.1:53\"", "\"127.0.0.1@0\"", "\"127.0.0.1@65536\"", "ns.example", "\"::1\", \"\""}},
    {"dns", "trust_anchor", PATH_CASE},
    {"blocklist",
     CONFIG_TITLE,
     {"bl.example.org", "\"BL.Example.org\"", "_x.example.org"},
     {"\"\"", "zen", "\"a b.example\"", "\"http://bl.example.org/\"", "a..example"}},
    {"blocklist", "kind", {"ip", "domain"}, {"\"\"", "IP", "url", "yes"}},
    {"blocklist", "every", {"1s", "4h", "7d"}, {"0s", "8d", "5", "\"\"", "often"}},
    {CONFIG_TOP, "dns_hook", PATH_CASE},
    {"dns_update",
     CONFIG_TITLE,
     {"dkim.example.net", "\"Example.org\"", "_domainkey.example.org"},
     {"\"\"", "net", "\"a b.example\"", "a..example"}},
    {"dns_update",
     "server",
     {"\"127.0.0.1@5353\"", "\"::1\""},
     {"\"127.0.0.1:53\"", "\"127.0.0.1@0\"", "ns.example", "\"\""}},
    {"dns_update", "key_name", {"sendoff", "\"update.example.net\""}},
    {"dns_update", "algorithm", {"hmac-sha256", "\"hmac-sha512\""}, {"\"\"", "hmac-md5", "HMAC-SHA256", "sha256"}},
    {"dns_update", "key_file", PATH_CASE},
    {"delivery", "port", {"1", "25", "65535"}, {"0", "65536", "-25", "smtp", "\"\""}},
    {"delivery", "local_next_hops", {"yes", "no", "true", "OFF", "\"on\""}, {"maybe", "1", "\"\"", "y"}},
    {"delivery", "mta_sts", {"yes", "no", "true", "OFF", "\"on\""}, {"maybe", "1", "\"\"", "y"}},
    {"delivery", "learning", {"yes", "no", "true", "OFF", "\"on\""}, {"maybe", "1", "\"\"", "y"}},
    {"delivery", "dane", {"yes", "no", "true", "OFF", "\"on\""}, {"maybe", "1", "\"\"", "y"}},
    {"delivery",
     "simulator",
     {"simulator.example.com", "\"Simulator.Example\"", "sim.b\303\274cher.example"},
     {"\"\"", "simulator", "\"a b.example\"", "a..example"}},
    {"delivery", "shaping", PATH_CASE},
    {"delivery", "trust", PATH_CASE},
    {"delivery", "https_trust", PATH_CASE},
    {"delivery", "retry", {"1s", "\"1m\", \"1h30m\"", "5d"}, {"", "0s", "1m, 5", "\"\"", "1m, soon"}},
    {"delivery", "expire", DURATION_CASE},
    {"delivery", "delay_notice", DELAY_CASE},
    {"delivery", "delay_warning", DELAY_CASE}, /* its other name */
    {"delivery", "reply_timeout", TIMEOUT_CASE},
    {"limits", "max_message_size", {"1024", "1K", "\"36M\"", "2G"}, {"1023", "0", "-1", "\"\"", "big", "1T", "1.5M"}},
    {"limits", "max_sessions", COUNT_CASE},
    {"limits", "max_sessions_per_address", COUNT_CASE},
    {"limits", "max_connections", COUNT_OR_NONE_CASE},
    {"limits", "max_recipients", COUNT_CASE},
    {"limits", "command_timeout", TIMEOUT_CASE},
    {"limits", "data_timeout", TIMEOUT_CASE},
    {"limits", "handshake_timeout", TIMEOUT_CASE},
    {"limits", "minimum_rate", COUNT_OR_NONE_CASE},
    {"limits", "login_failures_per_address", COUNT_OR_NONE_CASE},
    {"limits", "login_failures_per_account", COUNT_OR_NONE_CASE},
    {"limits", "login_window", TIMEOUT_CASE},
    {"limits", "ban", DURATION_CASE},
    {"limits", "max_hold", SPAN_CASE},
    {"limits", "idempotency_window", SPAN_CASE},
    {"limits", "repeat_window", SPAN_CASE}, /* its older name */
    {"log", "retain", DURATION_CASE},
    {"store",
     "disk_reserve",
     {"auto", "0", "\"512M\"", "2G", "1"},
     {"\"\"", "5%", "-1", "none", "1.5M", "99999999999999999999"}},
    {"suppression", "keep", DURATION_CASE},
    {"tls_reports", "from", ADDRESS_CASE},
    {"tls_reports", "contact", ADDRESS_CASE},
    {"tls_reports", "organization", {"\"Example Inc\"", "x"}},
    {"log", "max_size", {"0", "1024", "\"500M\"", "2G"}, {"-1", "\"\"", "big", "1.5M"}},
    {"log", "subject", {"yes", "no", "true", "OFF", "\"on\""}, {"maybe", "1", "\"\"", "y"}},
    {"log", "format", {"text", "\"json\""}, {"\"\"", "xml", "JSON"}},
};

/* The smallest file that is complete, and from its third line on this one value. */
static void write_value(const struct key_case *k, const char *value, char *out, size_t size) {
  bool list = config_key_find(k->block, k->name)->list != NULL;
  char line[160];
  snprintf(line, sizeof line, "%s = %s%s%s", k->name, list ? "{" : "", value, list ? "}" : "");
  if (strcmp(k->block, CONFIG_TOP) == 0)
    snprintf(out, size, LEAST "%s\n", line);
  else if (strcmp(k->block, "blocklist") == 0)
    snprintf(out, size, LEAST "blocklist %s { %s }\n", *k->name ? "bl.example.org" : value, *k->name ? line : "");
  else if (strcmp(k->block, "dns_update") == 0)
    snprintf(out, size, LEAST "dns_update %s { server = \"::1\" key_name = k key_file = /k %s }\n",
             *k->name ? "dkim.example.org" : value, *k->name ? line : "");
  else if (strcmp(k->name, CONFIG_TITLE) == 0)
    snprintf(out, size, LEAST "listen %s { tls = optional }\n", value);
  else if (strcmp(k->block, "listen") == 0)
    snprintf(out, size, LEAST "listen \"127.0.0.1:26\" { tls = optional %s }\n", line);
  else if (strcmp(k->block, "tls") == 0)
    snprintf(out, size, LEAST "tls { certificate = /c key = /k %s }\n", line);
  else
    snprintf(out, size, LEAST "%s { %s }\n", k->block, line);
}

static void check_good(const struct key_case *k, const char *value) {
  struct config *c;
  struct reason why;
  char text[512];
  write_value(k, value, text, sizeof text);
  if (load(text, &c, &why) != OK) fail_msg("%s%s", text, why.text);
  config_free(&c);
}

/* The error names the line and the key. */
static void check_bad(const struct key_case *k, const char *value) {
  struct config *c;
  struct reason why;
  char text[512], where[400];
  write_value(k, value, text, sizeof text);
  snprintf(where, sizeof where, "%s:3: %s", path, *k->name ? k->name : k->block);
  if (load(text, &c, &why) != E_SYNTAX || strncmp(why.text, where, strlen(where)) != 0)
    fail_msg("%s%s", text, why.text);
  assert_null(c);
}

static void test_every_key(void **state) {
  (void)state;
  for (const struct key_case *k = key_cases; k < key_cases + sizeof key_cases / sizeof key_cases[0]; k++) {
    assert_non_null(config_key_find(k->block, k->name));
    for (size_t i = 0; i < 5 && k->good[i]; i++) check_good(k, k->good[i]);
    for (size_t i = 0; i < 8 && k->bad[i]; i++) check_bad(k, k->bad[i]);
  }
}

static bool has_case(const struct config_key *key) {
  for (size_t i = 0; i < sizeof key_cases / sizeof key_cases[0]; i++)
    if (strcmp(key_cases[i].block, key->block) == 0 && strcmp(key_cases[i].name, key->name) == 0) return true;
  return false;
}

static void test_every_key_has_a_case(void **state) {
  (void)state;
  for (size_t i = 0; i < config_key_count; i++)
    if (config_keys[i].type != &config_type_unused && !has_case(&config_keys[i]))
      fail_msg("%s|%s", config_keys[i].block, config_keys[i].name);
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
  assert_non_null(strstr(why.text, ":3: retry: write 32 values at most"));
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
      cmocka_unit_test(test_defaults),
      cmocka_unit_test(test_everything),
      cmocka_unit_test(test_mistakes),
      cmocka_unit_test(test_every_key),
      cmocka_unit_test(test_every_key_has_a_case),
      cmocka_unit_test(test_too_many_retries),
      cmocka_unit_test(test_unreadable),
      cmocka_unit_test(test_path),
  };
  return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
