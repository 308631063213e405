#include "cli/command.h"
#include "cli/output.h"
#include "policy/limits.h"
#include "policy/senders.h"
#include "relay/password.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LIST_MAX 256
#define PASSWORD_MAX 1024
#define PASSWORD_LEAST 12
#define GENERATED_LENGTH 26 /* of 32 characters each: 130 bits */
#define PATTERN_ROOM 330

/* What the options describe; `account` points into it. */
struct draft {
  struct account account;
  const char *senders[LIST_MAX];
  char patterns[LIST_MAX][PATTERN_ROOM];
  struct limit limits[LIST_MAX];
  struct cidr client_ips[LIST_MAX];
  unsigned parts;
  char password[PASSWORD_MAX + 1];
  bool generated;
};

static bool name_ok(const char *name) {
  size_t n = strlen(name);
  return n && n <= 64 && strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._@+-") == n;
}

static enum exit_status read_senders(struct cli *c, struct draft *d) {
  size_t n = cli_option_count(c, "sender");
  if (n > LIST_MAX) return cli_fail(EXIT_WORDS, "%d senders at most", LIST_MAX);
  for (size_t i = 0; i < n; i++) {
    const char *typed = cli_option_at(c, "sender", i);
    if (sender_pattern_normalize(typed, d->patterns[i], sizeof d->patterns[i]) != OK)
      return cli_fail(
          EXIT_WORDS,
          "--sender %s: write a domain, an address, or * for any; as in example.com, shop@example.com, *.example.com",
          typed);
    d->senders[i] = d->patterns[i];
  }
  d->account.senders = d->senders;
  d->account.sender_count = n;
  if (n) d->parts |= ACCOUNT_SENDERS;
  return EXIT_DONE;
}

static enum exit_status read_limits(struct cli *c, struct draft *d) {
  size_t n = cli_option_count(c, "limit");
  struct reason why = {""};
  if (n > LIST_MAX) return cli_fail(EXIT_WORDS, "%d limits at most", LIST_MAX);
  if (n) d->parts |= ACCOUNT_LIMITS;
  d->account.limits = d->limits;
  if (n == 1 && strcmp(cli_option(c, "limit"), "none") == 0) return EXIT_DONE;
  for (size_t i = 0; i < n; i++)
    if (limit_parse(cli_option_at(c, "limit", i), &d->limits[i], &why) != OK)
      return cli_fail(EXIT_WORDS, "%s", why.text);
  d->account.limit_count = n;
  return EXIT_DONE;
}

static enum exit_status read_client_ips(struct cli *c, struct draft *d) {
  size_t n = cli_option_count(c, "client-ip");
  if (n > LIST_MAX) return cli_fail(EXIT_WORDS, "%d client networks at most", LIST_MAX);
  if (n) d->parts |= ACCOUNT_CLIENT_IPS;
  d->account.client_ips = d->client_ips;
  if (n == 1 && strcmp(cli_option(c, "client-ip"), "none") == 0) return EXIT_DONE;
  for (size_t i = 0; i < n; i++)
    if (cidr_parse(cli_option_at(c, "client-ip", i), &d->client_ips[i]) != OK)
      return cli_fail(EXIT_WORDS,
                      "--client-ip %s: write an address or a network whose host bits are zero, as in 192.0.2.7, "
                      "10.0.0.0/8, 2001:db8::/32",
                      cli_option_at(c, "client-ip", i));
  d->account.client_ip_count = n;
  return EXIT_DONE;
}

static enum exit_status read_rest(struct cli *c, struct draft *d) {
  const char *eight = cli_option(c, "eight-bit");
  d->account.pool = cli_option(c, "pool");
  if (d->account.pool) d->parts |= ACCOUNT_POOL;
  if (d->account.pool && !name_ok(d->account.pool))
    return cli_fail(EXIT_WORDS, "--pool: letters, digits and . _ - please");
  if (!eight) return EXIT_DONE;
  d->account.accept_8bit = strcmp(eight, "accept") == 0;
  d->parts |= ACCOUNT_8BIT;
  return d->account.accept_8bit || strcmp(eight, "refuse") == 0
             ? EXIT_DONE
             : cli_fail(EXIT_WORDS, "--eight-bit is refuse or accept");
}

static enum exit_status read_draft(struct cli *c, struct draft *d) {
  enum exit_status s = read_senders(c, d);
  if (s == EXIT_DONE) s = read_limits(c, d);
  if (s == EXIT_DONE) s = read_client_ips(c, d);
  if (s == EXIT_DONE) s = read_rest(c, d);
  return s;
}

/* --- passwords --- */

static void generate(char out[PASSWORD_MAX + 1]) {
  static const char alphabet[] = "abcdefghijkmnpqrstuvwxyz23456789"; /* 32, without those that look alike */
  unsigned char random[GENERATED_LENGTH];
  random_bytes(random, sizeof random);
  for (size_t i = 0; i < sizeof random; i++) out[i] = alphabet[random[i] & 31];
  out[sizeof random] = '\0';
  wipe(random, sizeof random);
}

static enum exit_status read_password(struct cli *c, struct draft *d) {
  d->generated = !cli_switch(c, "password-stdin");
  if (d->generated) {
    generate(d->password);
  } else {
    if (!fgets(d->password, sizeof d->password, stdin))
      return cli_fail(EXIT_NO, "--password-stdin: nothing came on standard input");
    d->password[strcspn(d->password, "\r\n")] = '\0';
    if (strlen(d->password) < PASSWORD_LEAST)
      return cli_fail(EXIT_NO, "a password has %d characters at least; leave --password-stdin out to have one made",
                      PASSWORD_LEAST);
  }
  unsigned iterations = d->generated ? PASSWORD_ITERATIONS_GENERATED : PASSWORD_ITERATIONS_CHOSEN;
  if (password_verifier(bytes_of(d->password), iterations, &d->account.verifier) != OK)
    return cli_fail(EXIT_NO, "the password holds characters that passwords may not (RFC 4013)");
  d->parts |= ACCOUNT_VERIFIER;
  return EXIT_DONE;
}

static void print_ports(const struct config *c) {
  static const char *const kinds[] = {"STARTTLS", "TLS from the start", "TLS if the client wants it"};
  for (size_t i = 0; i < c->listen_count; i++) {
    const struct listen_config *l = &c->listens[i];
    printf("  port      %u (%s)\n", ip_port((const struct sockaddr *)&l->address), kinds[l->tls]);
  }
}

static void print_login(struct cli *c, const char *name, const struct draft *d) {
  if (c->json) {
    print_json(
        json_pack("{s:s, s:o}", "account", name, "password", d->generated ? json_string(d->password) : json_null()));
    return;
  }
  if (!d->generated) {
    printf("the password of %s is set\n", name);
    return;
  }
  printf("Type this into your application; the password is shown this once:\n\n  host      %s\n", c->config->hostname);
  print_ports(c->config);
  printf("  user      %s\n  password  %s\n", name, d->password);
}

/* --- verbs that change --- */

static void warn_unsigned(struct cli *c, const struct draft *d) {
  struct directory *dir;
  if (c->json || cli_directory(c, &dir) != EXIT_DONE) return;
  for (size_t i = 0; i < d->account.sender_count; i++) {
    const char *at = strrchr(d->senders[i], '@'), *domain = at ? at + 1 : d->senders[i];
    if (strncmp(domain, "*.", 2) == 0) domain += 2;
    if (strcmp(domain, "*") == 0 || directory_domain(dir, domain, true)) continue;
    fprintf(stderr, "sendoff: mail from %s will not be signed; add the domain: sendoff domain add %s\n", domain,
            domain);
  }
  directory_release(&dir);
}

static enum exit_status finish(struct cli *c, struct draft *d, enum exit_status status) {
  (void)c;
  wipe(d, sizeof *d);
  free(d);
  return status;
}

static enum exit_status add(struct cli *c) {
  struct draft *d = calloc(1, sizeof *d);
  struct admin *a;
  struct reason why = {""};
  if (!d) return cli_fail(EXIT_NO, "out of memory");
  d->account.name = c->words[0];
  enum exit_status s = name_ok(c->words[0])
                           ? read_draft(c, d)
                           : cli_fail(EXIT_WORDS, "an account's name is 1 to 64 letters, digits and . _ @ + -");
  if (s == EXIT_DONE && !d->account.sender_count)
    s = cli_fail(EXIT_WORDS, "say who %s may send as: --sender example.com", c->words[0]);
  if (s == EXIT_DONE) s = read_password(c, d);
  if (s == EXIT_DONE) s = cli_admin(c, &a);
  if (s != EXIT_DONE) return finish(c, d, s);
  s = cli_admin_done(c, &a, admin_account_add(a, &d->account, &why), &why);
  if (s == EXIT_DONE) {
    warn_unsigned(c, d);
    print_login(c, c->words[0], d);
  }
  return finish(c, d, s);
}

static enum exit_status set(struct cli *c) {
  struct draft *d = calloc(1, sizeof *d);
  struct admin *a;
  struct reason why = {""};
  if (!d) return cli_fail(EXIT_NO, "out of memory");
  enum exit_status s = read_draft(c, d);
  if (s == EXIT_DONE && !d->parts) s = cli_fail(EXIT_WORDS, "say what to change; see: sendoff account set --help");
  if (s == EXIT_DONE) s = cli_admin(c, &a);
  if (s == EXIT_DONE) s = cli_admin_done(c, &a, admin_account_set(a, c->words[0], d->parts, &d->account, &why), &why);
  return finish(c, d, s);
}

static enum exit_status password(struct cli *c) {
  struct draft *d = calloc(1, sizeof *d);
  struct admin *a;
  struct reason why = {""};
  if (!d) return cli_fail(EXIT_NO, "out of memory");
  enum exit_status s = read_password(c, d);
  if (s == EXIT_DONE) s = cli_admin(c, &a);
  if (s == EXIT_DONE)
    s = cli_admin_done(c, &a, admin_account_set(a, c->words[0], ACCOUNT_VERIFIER, &d->account, &why), &why);
  if (s == EXIT_DONE) print_login(c, c->words[0], d);
  return finish(c, d, s);
}

static enum exit_status suspend(struct cli *c) {
  struct admin *a;
  struct reason why = {""};
  const char *reason = cli_option(c, "reason");
  if (!reason || !*reason) return cli_fail(EXIT_WORDS, "say why, for the one who will ask: --reason TEXT");
  if (cli_admin(c, &a) != EXIT_DONE) return EXIT_NO;
  return cli_admin_done(c, &a, admin_account_suspend(a, c->words[0], reason, &why), &why);
}

static enum exit_status resume(struct cli *c) {
  struct admin *a;
  struct reason why = {""};
  if (cli_admin(c, &a) != EXIT_DONE) return EXIT_NO;
  return cli_admin_done(c, &a, admin_account_suspend(a, c->words[0], NULL, &why), &why);
}

static enum exit_status remove_account(struct cli *c) {
  struct admin *a;
  struct reason why = {""};
  if (cli_admin(c, &a) != EXIT_DONE) return EXIT_NO;
  return cli_admin_done(c, &a, admin_account_remove(a, c->words[0], &why), &why);
}

/* --- verbs that show --- */

static void join(char *out, size_t size, const char *text) {
  size_t n = strlen(out);
  snprintf(out + n, size - n, "%s%s", n ? " " : "", text);
}

static json_t *list_json(const struct account *a, char what) {
  json_t *list = json_array();
  for (size_t i = 0; what == 's' && i < a->sender_count; i++) json_array_append_new(list, json_text(a->senders[i]));
  for (size_t i = 0; what == 'l' && i < a->limit_count; i++) json_array_append_new(list, json_text(a->limits[i].text));
  for (size_t i = 0; what == 'c' && i < a->client_ip_count; i++) {
    char text[IP_TEXT + 8], ip[IP_TEXT];
    struct sockaddr_storage address = {.ss_family = (sa_family_t)a->client_ips[i].family};
    if (a->client_ips[i].family == AF_INET)
      memcpy(&((struct sockaddr_in *)&address)->sin_addr, a->client_ips[i].address, 4);
    else
      memcpy(&((struct sockaddr_in6 *)&address)->sin6_addr, a->client_ips[i].address, 16);
    ip_format((struct sockaddr *)&address, ip);
    snprintf(text, sizeof text, "%s/%u", ip, a->client_ips[i].prefix);
    json_array_append_new(list, json_text(text));
  }
  return list;
}

static json_t *account_json(const struct account *a) {
  return json_pack("{s:o, s:o, s:o, s:o, s:o, s:s, s:o, s:s, s:o}", "account", json_text(a->name), "senders",
                   list_json(a, 's'), "limits", list_json(a, 'l'), "pool", json_text(a->pool), "client_ips",
                   list_json(a, 'c'), "state", a->suspended ? "suspended" : "active", "reason",
                   json_text(a->suspend_reason), "eight_bit", a->accept_8bit ? "accept" : "refuse", "created",
                   json_time(a->created_us));
}

static enum exit_status list(struct cli *c) {
  struct directory *d;
  if (cli_directory(c, &d) != EXIT_DONE) return EXIT_NO;
  struct table *t = table_new((const char *const[]){"ACCOUNT", "SENDERS", "LIMITS", "POOL", "STATE"}, 5);
  for (size_t i = 0; i < d->account_count; i++) {
    const struct account *a = &d->accounts[i];
    char senders[512] = "", limits[512] = "";
    for (size_t n = 0; n < a->sender_count; n++) join(senders, sizeof senders, a->senders[n]);
    for (size_t n = 0; n < a->limit_count; n++) join(limits, sizeof limits, a->limits[n].text);
    if (c->json)
      print_json(account_json(a));
    else
      table_add(t, (const char *const[]){a->name, senders, *limits ? limits : "none", a->pool,
                                         a->suspended ? "suspended" : "active"});
  }
  table_print(&t);
  directory_release(&d);
  return EXIT_DONE;
}

static enum exit_status show(struct cli *c) {
  struct directory *d;
  if (cli_directory(c, &d) != EXIT_DONE) return EXIT_NO;
  const struct account *a = directory_account(d, bytes_of(c->words[0]));
  json_t *object = a ? account_json(a) : NULL, *value;
  const char *key;
  enum exit_status s =
      a ? EXIT_DONE : cli_fail(EXIT_NO, "there is no account %s; see: sendoff account list", c->words[0]);
  if (a && c->json) {
    print_json(object);
    object = NULL;
  }
  json_object_foreach(object, key, value) {
    size_t i;
    json_t *item;
    if (json_is_string(value) && *json_string_value(value)) printf("%-11s %s\n", key, json_string_value(value));
    json_array_foreach(value, i, item) printf("%-11s %s\n", key, json_string_value(item));
  }
  json_decref(object);
  directory_release(&d);
  return s;
}

static json_t *usage_json(const struct account *a, const struct usage *u) {
  json_t *windows = json_object();
  for (enum window w = 0; w < WINDOW_COUNT; w++)
    json_object_set_new(windows, window_name(w),
                        json_pack("{s:I, s:I, s:I}", "messages", (json_int_t)u->window[w].messages, "recipients",
                                  (json_int_t)u->window[w].recipients, "octets", (json_int_t)u->window[w].octets));
  json_t *object =
      json_pack("{s:o, s:I, s:I, s:I}", "account", json_text(a->name), "total_messages", (json_int_t)u->total_messages,
                "total_recipients", (json_int_t)u->total_recipients, "total_octets", (json_int_t)u->total_octets);
  json_object_update(object, windows);
  json_decref(windows);
  json_object_set_new(object, "limits", list_json(a, 'l'));
  return object;
}

static void usage_rows(struct table *t, const struct account *a, const struct usage *u) {
  int64_t now = clock_now_us();
  for (enum window w = WINDOW_MINUTE; w < WINDOW_COUNT; w++) {
    char messages[64], recipients[64], octets[64], limit[256] = "", resets[40];
    snprintf(messages, sizeof messages, "%llu", (unsigned long long)u->window[w].messages);
    snprintf(recipients, sizeof recipients, "%llu", (unsigned long long)u->window[w].recipients);
    snprintf(octets, sizeof octets, "%llu", (unsigned long long)(u->window[w].octets / 1024));
    for (size_t i = 0; i < a->limit_count; i++)
      if (!a->limits[i].per_message && a->limits[i].window == w) join(limit, sizeof limit, a->limits[i].text);
    clock_format_span(window_end(w, now) - now, resets, sizeof resets);
    table_add(t, (const char *const[]){a->name, window_phrase(w), messages, recipients, octets, limit, resets});
  }
  char messages[64], recipients[64], octets[64];
  snprintf(messages, sizeof messages, "%llu", (unsigned long long)u->total_messages);
  snprintf(recipients, sizeof recipients, "%llu", (unsigned long long)u->total_recipients);
  snprintf(octets, sizeof octets, "%llu", (unsigned long long)(u->total_octets / 1024));
  table_add(t, (const char *const[]){a->name, "in all", messages, recipients, octets, "", ""});
}

static enum exit_status usage(struct cli *c) {
  struct directory *d;
  struct reader *r;
  if (cli_directory(c, &d) != EXIT_DONE) return EXIT_NO;
  enum exit_status s = cli_reader(c, &r);
  if (s == EXIT_DONE && c->word_count && !directory_account(d, bytes_of(c->words[0]))) {
    s = cli_fail(EXIT_NO, "there is no account %s; see: sendoff account list", c->words[0]);
    reader_close(&r);
  }
  struct table *t =
      table_new((const char *const[]){"ACCOUNT", "WINDOW", "MESSAGES", "RECIPIENTS", "KB", "LIMITS", "RESETS IN"}, 7);
  for (size_t i = 0; s == EXIT_DONE && i < d->account_count; i++) {
    const struct account *a = &d->accounts[i];
    struct usage u;
    if (c->word_count && strcmp(a->name, c->words[0]) != 0) continue;
    if (reader_usage(r, a->name, &u) != OK) continue; /* removed this moment */
    if (c->json)
      print_json(usage_json(a, &u));
    else
      usage_rows(t, a, &u);
  }
  if (s == EXIT_DONE) reader_close(&r);
  table_print(&t);
  directory_release(&d);
  return s;
}

#define SETTINGS "sender= limit= pool= client-ip= eight-bit="
#define SETTINGS_TEXT                                                                                                  \
  "[--sender DOMAIN|ADDRESS|*]... [--limit SPEC|none]... [--pool POOL] [--client-ip CIDR|none]... [--eight-bit "       \
  "refuse|accept]"

const struct verb account_verbs[] = {
    {"account", "add",
     "NAME --sender DOMAIN|ADDRESS|* ... [--limit SPEC]... [--pool POOL] [--client-ip CIDR]... [--eight-bit "
     "refuse|accept] [--password-stdin]",
     SETTINGS " password-stdin",
     "Makes an account and prints its password, once. SPEC is "
     "COUNT[rcpt|KB|MB]/second|minute|hour|day|month|message[:reject|defer|smooth]. "
     "--eight-bit accept is for applications (PHPMailer, WordPress) that send 8-bit text without announcing it.",
     "sendoff account add blog --sender example.com --limit 60/minute --limit 5000/day", 1, 1, add},
    {"account", "list", "", "", "All accounts.", "sendoff account list", 0, 0, list},
    {"account", "show", "NAME", "", "One account, whole.", "sendoff account show blog", 1, 1, show},
    {"account", "usage", "[NAME]", "", "What accounts have used of their windows, beside their limits.",
     "sendoff account usage blog", 0, 1, usage},
    {"account", "set", "NAME " SETTINGS_TEXT, SETTINGS,
     "Changes an account; a list that is given replaces the old one. Takes effect at once.",
     "sendoff account set blog --limit 100/minute --limit 10000/day", 1, 1, set},
    {"account", "password", "NAME [--password-stdin]", "password-stdin",
     "A new password, printed once. The old one ends at once.", "sendoff account password blog", 1, 1, password},
    {"account", "suspend", "NAME --reason TEXT", "reason=", "Refuses its mail, with the reason, until it is resumed.",
     "sendoff account suspend blog --reason \"hacked plugin\"", 1, 1, suspend},
    {"account", "resume", "NAME", "", "Ends a suspension.", "sendoff account resume blog", 1, 1, resume},
    {"account", "remove", "NAME", "", "Removes it; its queued mail is still delivered, its log stays.",
     "sendoff account remove blog", 1, 1, remove_account},
    {0}};
