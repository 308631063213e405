/* What sendoff.conf says: the host's name, where it listens, its certificates, and sizes. None of it is written: the
 * file is the operator's. */
#include "cli/import/postfix_parts.h"

#include "base/text/quantity.h"

#include <arpa/inet.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static void configure(struct postfix *x, const struct postfix_setting *s, bool there, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

static void configure(struct postfix *x, const struct postfix_setting *s, bool there, const char *format, ...) {
  char line[2 * POSTFIX_TEXT];
  va_list args;
  va_start(args, format);
  vsnprintf(line, sizeof line, format, args);
  va_end(args);
  postfix_config(&x->plan, postfix_about(x, there ? POSTFIX_PRESENT : POSTFIX_CONFIGURE, s), "%s", line);
}

static void leave_out(struct postfix *x, const struct postfix_setting *s, const char *why) {
  postfix_text(&x->plan, postfix_about(x, POSTFIX_LEFT_OUT, s), "%s", why);
}

static void take_hostname(struct postfix *x) {
  const struct postfix_setting *s = postfix_asked(x, "myhostname");
  char value[POSTFIX_TEXT];
  if (!s) return;
  postfix_value(&x->conf, s->name, value, sizeof value);
  configure(x, s, x->config->hostname && strcmp(value, x->config->hostname) == 0, "hostname = \"%s\"", value);
}

static void take_size(struct postfix *x) {
  const struct postfix_setting *s = postfix_asked(x, "message_size_limit");
  char value[POSTFIX_TEXT];
  uint64_t size;
  if (!s) return;
  if (!bytes_to_u64(bytes_of(postfix_value(&x->conf, s->name, value, sizeof value)), &size) || !size)
    leave_out(x, s, "there is always a largest size: limits { max_message_size }, 36M unless set");
  else
    configure(x, s, size == x->config->max_message_size, "limits { max_message_size = \"%s\" }", value);
}

/* A number that is one of limits { }. */
static void take_number(struct postfix *x, const char *name, const char *key, uint64_t now) {
  const struct postfix_setting *s = postfix_asked(x, name);
  char value[POSTFIX_TEXT];
  uint64_t n;
  if (!s) return;
  if (!bytes_to_u64(bytes_of(postfix_value(&x->conf, name, value, sizeof value)), &n) || !n)
    leave_out(x, s, "there is always a limit");
  else
    configure(x, s, n == now, "limits { %s = %llu }", key, (unsigned long long)n);
}

/* "5d", "4h", "300" (seconds; maximal_queue_lifetime: days). */
static void take_time(struct postfix *x, const char *name, const char *unit, const char *key, int64_t now_us) {
  const struct postfix_setting *s = postfix_asked(x, name);
  char value[POSTFIX_TEXT], text[POSTFIX_TEXT + 4];
  int64_t us = 0;
  if (!s) return;
  postfix_value(&x->conf, name, value, sizeof value);
  bool bare = *value && value[strspn(value, "0123456789")] == '\0';
  snprintf(text, sizeof text, "%s%s", value, bare ? unit : "");
  bool none = strspn(text, "0") == strlen(text) - 1;
  if (none && strcmp(key, "expire") == 0)
    leave_out(x, s, "there is always a time in which mail is tried again");
  else if (none || duration_parse(text, &us) != OK)
    postfix_text(&x->plan, postfix_about(x, POSTFIX_NOTHING, s), "that is how it is without the setting");
  else
    configure(x, s, us == now_us, "delivery { %s = \"%s\" }", key, text);
}

/* --- certificates --- */

static bool has_certificate(const struct postfix *x, const char *path) {
  for (size_t i = 0; i < x->config->certificate_count; i++)
    if (x->config->certificates[i].certificate && strcmp(x->config->certificates[i].certificate, path) == 0)
      return true;
  return false;
}

static void take_pair(struct postfix *x, const char *certificate, const char *key) {
  const struct postfix_setting *s = postfix_asked(x, certificate), *k = postfix_asked(x, key);
  char c[POSTFIX_TEXT], at[POSTFIX_TEXT];
  if (!s) return;
  postfix_value(&x->conf, certificate, c, sizeof c);
  postfix_value(&x->conf, k ? key : certificate, at, sizeof at);
  if (!*c || strcmp(c, "none") == 0) return;
  configure(x, s, has_certificate(x, c),
            "tls { certificate = \"%s\"  key = \"%s\" }   # must be readable for the user %s", c, at,
            x->config->user ? x->config->user : "that it runs as");
  if (k) postfix_text(&x->plan, postfix_about(x, POSTFIX_NOTHING, k), "said with the certificate");
}

/* Key and chain alternate, or are in one file each. */
static void take_chains(struct postfix *x) {
  const struct postfix_setting *s = postfix_asked(x, "smtpd_tls_chain_files");
  char value[POSTFIX_TEXT];
  struct bytes first, second;
  if (!s) return;
  struct bytes list = bytes_of(postfix_value(&x->conf, s->name, value, sizeof value));
  if (!postfix_list_next(&list, &first)) return;
  if (!postfix_list_next(&list, &second)) second = first;
  configure(x, s, false, "tls { certificate = \"%.*s\"  key = \"%.*s\" }   # the chain, and its key", (int)second.len,
            second.at, (int)first.len, first.at);
}

/* --- listeners --- */

static unsigned port_of(const char *name) {
  static const struct {
    const char *name;
    unsigned port;
  } all[] = {{"smtp", 25}, {"submission", 587}, {"smtps", 465}, {"submissions", 465}};
  uint64_t port;
  for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
    if (strcmp(all[i].name, name) == 0) return all[i].port;
  return bytes_to_u64(bytes_of(name), &port) && port && port <= 65535 ? (unsigned)port : 0;
}

/* "587", "submission", "127.0.0.1:10025", "[::1]:587"; `address` "": as inet_interfaces says. */
static unsigned split_service(const char *name, char address[80]) {
  const char *colon = strrchr(name, ':');
  *address = '\0';
  if (!colon) return port_of(name);
  bool brackets = name[0] == '[' && colon > name + 1 && colon[-1] == ']';
  bytes_copy((struct bytes){name + brackets, (size_t)(colon - name) - (brackets ? 2 : 0)}, address, 80);
  return port_of(colon + 1);
}

static void interface_of(const struct postfix *x, char address[80]) {
  char value[POSTFIX_TEXT];
  struct bytes list = bytes_of(postfix_value(&x->conf, "inet_interfaces", value, sizeof value)), first;
  bool has_first = postfix_list_next(&list, &first), single = has_first && !list.len;
  if (has_first && (bytes_equal(first, BYTES("loopback-only")) || bytes_equal(first, BYTES("localhost"))))
    snprintf(address, 80, "127.0.0.1");
  else if (!single || bytes_equal(first, BYTES("all")) || first.at[0] == '$' || !bytes_copy(first, address, 80))
    snprintf(address, 80, "0.0.0.0");
}

static const char *tls_of(const struct postfix_service *s) {
  char level[POSTFIX_TEXT];
  if (postfix_is_yes(&s->own, "smtpd_tls_wrappermode")) return "implicit";
  postfix_value(&s->own, "smtpd_tls_security_level", level, sizeof level);
  return strcmp(level, "encrypt") == 0 ? "starttls" : "optional";
}

static bool listens(const struct postfix *x, unsigned port) {
  for (size_t i = 0; i < x->config->listen_count; i++)
    if (ip_port((const struct sockaddr *)&x->config->listens[i].address) == port) return true;
  return false;
}

static void take_listener(struct postfix *x, const struct postfix_service *s) {
  char address[80];
  unsigned port = split_service(s->name, address);
  const char *tls = tls_of(s);
  struct postfix_finding *f =
      postfix_find(&x->plan, POSTFIX_CONFIGURE, "master.cf", s->line, "%s %s %s", s->name, s->type, s->command);
  if (!port) {
    f->action = POSTFIX_LEFT_OUT;
    postfix_text(&x->plan, f, "the port is not known: listen \"ADDRESS:PORT\" { tls = \"%s\" }", tls);
    return;
  }
  if (!*address) interface_of(x, address);
  bool six = strchr(address, ':') != NULL, loopback = !strncmp(address, "127.", 4) || !strcmp(address, "::1");
  if (port == 25 && !loopback) {
    f->action = POSTFIX_LEFT_OUT;
    postfix_text(
        &x->plan, f,
        "Sendoff takes no mail of strangers: leave port 25 to Postfix where it receives for your domains; where "
        "only programs use it: listen \"127.0.0.1:25\" { tls = \"optional\" }");
    return;
  }
  if (listens(x, port)) f->action = POSTFIX_PRESENT;
  postfix_config(&x->plan, f, "listen \"%s%s%s:%u\" { tls = \"%s\" }", six ? "[" : "", address, six ? "]" : "", port,
                 tls);
}

static bool is_understood(const struct postfix_setting *s) {
  static const char *const begins[] = {"smtpd_tls_",
                                       "smtpd_sasl_",
                                       "smtpd_sender_login_maps",
                                       "syslog_name",
                                       "milter_macro_",
                                       "smtpd_reject_unlisted_",
                                       "smtpd_delay_reject",
                                       "local_header_rewrite_clients"};
  size_t n = strlen(s->name), e = strlen("_restrictions");
  if (n > e && strcmp(s->name + n - e, "_restrictions") == 0) return !strstr(s->value, "check_");
  for (size_t i = 0; i < sizeof begins / sizeof begins[0]; i++)
    if (strncmp(s->name, begins[i], strlen(begins[i])) == 0) return true;
  return !*s->value;
}

/* What -o says, beside what the listener and the users come from. */
static void take_own(struct postfix *x, const struct postfix_service *s) {
  for (size_t i = 0; i < s->own.count; i++) {
    const struct postfix_setting *o = &s->own.all[i];
    if (is_understood(o)) continue;
    struct postfix_finding *f =
        postfix_find(&x->plan, POSTFIX_LEFT_OUT, "master.cf", s->line, "%s: -o %s=%s", s->name, o->name, o->value);
    postfix_text(&x->plan, f, "%s",
                 strstr(o->value, "check_policy_service")
                     ? "a policy daemon is not asked: quotas are limits of accounts (account set NAME --limit)"
                     : "a setting of this service alone; listeners have none but their TLS");
  }
}

static void take_service(struct postfix *x, const struct postfix_service *s) {
  bool inet = strcmp(s->type, "inet") == 0;
  if (inet && (!strcmp(s->command, "smtpd") || !strcmp(s->command, "postscreen"))) {
    take_listener(x, s);
    take_own(x, s);
  } else if (strcmp(s->command, "pipe") == 0) {
    postfix_text(&x->plan,
                 postfix_find(&x->plan, POSTFIX_LEFT_OUT, "master.cf", s->line, "%s %s pipe", s->name, s->type),
                 "Sendoff hands mail to SMTP servers only, not to programs");
  } else if (!strcmp(s->command, "smtp") && postfix_conf_find(&s->own, "smtp_bind_address") && s->own.count) {
    char address[POSTFIX_TEXT], helo[POSTFIX_TEXT];
    struct postfix_finding *f = postfix_find(&x->plan, POSTFIX_LEFT_OUT, "master.cf", s->line,
                                             "%s %s smtp, with settings of its own", s->name, s->type);
    postfix_text(&x->plan, f, "which mail leaves from it is said by pool: account set NAME --pool %s", s->name);
    postfix_words(&x->plan, f, "sendoff", "source", "add",
                  postfix_value(&s->own, "smtp_bind_address", address, sizeof address), "--helo",
                  postfix_value(&s->own, "smtp_helo_name", helo, sizeof helo), "--pool", s->name, NULL);
  }
}

void postfix_take_receiving(struct postfix *x) {
  static const char *const with_listeners[] = {"inet_interfaces", "smtpd_tls_security_level", "smtpd_tls_wrappermode",
                                               "smtpd_use_tls", "smtpd_tls_auth_only"};
  take_hostname(x);
  take_pair(x, "smtpd_tls_cert_file", "smtpd_tls_key_file");
  take_pair(x, "smtpd_tls_eccert_file", "smtpd_tls_eckey_file");
  take_chains(x);
  for (size_t i = 0; i < x->services.count; i++) take_service(x, x->services.all[i]);
  take_size(x);
  take_number(x, "smtpd_client_connection_count_limit", "max_sessions_per_address",
              x->config->max_sessions_per_address);
  take_number(x, "smtpd_recipient_limit", "max_recipients", x->config->max_recipients);
  take_time(x, "maximal_queue_lifetime", "d", "expire", x->config->expire_us);
  take_time(x, "delay_warning_time", "h", "delay_notice", x->config->delay_notice_us);
  for (size_t i = 0; i < sizeof with_listeners / sizeof with_listeners[0]; i++) {
    const struct postfix_setting *s = postfix_asked(x, with_listeners[i]);
    if (s) postfix_text(&x->plan, postfix_about(x, POSTFIX_NOTHING, s), "said with the listeners of master.cf");
  }
}
