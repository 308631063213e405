/* Users and networks become accounts, by one list for `sendoff import accounts`. */
#include "cli/import/postfix_parts.h"

#include "base/address/cidr.h"
#include "cli/account/account_password.h"
#include "cli/input/small_file.h"
#include "cli/output/csv.h"

#include "base/hash.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define USERS_MAX ((size_t)8 << 20)
#define NETWORKS_NAME "mynetworks"

/* Somebody who logs in. */
struct user {
  char *name, *password; /* as the file has it; NULL: not known */
  char where[64];
  struct buffer senders; /* patterns, parted by blanks */
  UT_hash_handle hh;
};
struct users {
  struct postfix *x;
  struct user *all;
  bool has_maps, maps_unread; /* smtpd_sender_login_maps is set; a part of it could not be read */
  const char *source;         /* the file of passwords; "" */
  char path[OPENDKIM_PATH];
};

/* --- limits --- */

/* "100" in "60s" is 100/minute. */
static bool read_rate(struct postfix *x, const struct postfix_setting *s, const char *unit, char *out, size_t size) {
  static const struct {
    const char *time, *window;
  } all[] = {{"1s", "second"}, {"1", "second"}, {"60s", "minute"}, {"60", "minute"},
             {"1m", "minute"}, {"1h", "hour"},  {"60m", "hour"},   {"3600s", "hour"},
             {"3600", "hour"}, {"1d", "day"},   {"24h", "day"},    {"86400s", "day"}};
  char value[POSTFIX_TEXT], time[POSTFIX_TEXT];
  uint64_t n;
  postfix_value(&x->conf, "anvil_rate_time_unit", time, sizeof time);
  if (!bytes_to_u64(bytes_of(postfix_value(&x->conf, s->name, value, sizeof value)), &n) || !n) return false;
  for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
    if (strcmp(all[i].time, time) == 0)
      return snprintf(out, size, "%llu%s/%s", (unsigned long long)n, unit, all[i].window) < (int)size;
  return false;
}

static void take_rate(struct postfix *x, const char *name, const char *unit, char *out, size_t size) {
  const struct postfix_setting *s = postfix_asked(x, name);
  if (!s) return;
  bool good = read_rate(x, s, unit, out, size);
  struct postfix_finding *f = postfix_about(x, good ? POSTFIX_TAKE : POSTFIX_NOTHING, s);
  if (good)
    postfix_text(&x->plan, f, "each account gets --limit %s; Postfix counts by client address", out);
  else
    postfix_text(&x->plan, f, "no limit, or one in a time that limits do not have: second, minute, hour, day, month");
}

void postfix_take_limits(struct postfix *x) {
  take_rate(x, "smtpd_client_message_rate_limit", "", x->rate, sizeof x->rate);
  take_rate(x, "smtpd_client_recipient_rate_limit", "rcpt", x->recipients_rate, sizeof x->recipients_rate);
  const struct postfix_setting *s = postfix_asked(x, "anvil_rate_time_unit");
  if (s) postfix_text(&x->plan, postfix_about(x, POSTFIX_NOTHING, s), "said with the limits");
}

/* --- users --- */

static struct user *user_named(struct users *u, const char *name, const char *where) {
  struct user *found = NULL;
  HASH_FIND_STR(u->all, name, found);
  if (found) return found;
  found = calloc(1, sizeof *found);
  if (found) found->name = strdup(name);
  if (found && found->name) {
    snprintf(found->where, sizeof found->where, "%s", where);
    buffer_init(&found->senders, POSTFIX_VALUE_MAX);
    HASH_ADD_KEYPTR(hh, u->all, found->name, strlen(found->name), found);
    if (found->hh.tbl) return found;
  }
  if (found) free(found->name);
  free(found);
  u->x->plan.no_memory = true;
  return NULL;
}

static void free_users(struct users *u) {
  struct user *one, *next;
  HASH_ITER(hh, u->all, one, next) {
    HASH_DEL(u->all, one);
    if (one->password) wipe(one->password, strlen(one->password));
    free(one->password);
    free(one->name);
    buffer_free(&one->senders);
    free(one);
  }
}

/* "user:{SCHEME}password:..." of Dovecot's passwd-file; without a scheme it is crypt(3)'s. */
static void take_user_line(struct users *u, struct bytes line, unsigned number) {
  char where[64], *name, *password;
  size_t colon = bytes_find(line, ':', 0);
  struct bytes rest = bytes_from(line, colon + 1);
  bool braces = rest.len && rest.at[0] == '{';
  struct bytes field = {rest.at, bytes_find(rest, ':', braces ? bytes_find(rest, '}', 0) : 0)};
  snprintf(where, sizeof where, "%.50s:%u", u->source, number);
  name = bytes_dup((struct bytes){line.at, colon});
  struct user *one = name && *name ? user_named(u, name, where) : NULL;
  password = bytes_dup(field);
  if (one && !one->password && password && *password) {
    if (braces)
      one->password = strdup(password);
    else if (asprintf(&one->password, "{CRYPT}%s", password) < 0)
      one->password = NULL;
  }
  if (password) wipe(password, strlen(password));
  free(password);
  free(name);
}

/* A line as it stands in a file of Dovecot's, without white space around it; false: there are no more. */
static bool next_line(struct bytes *rest, struct bytes *line) {
  if (!rest->len) return false;
  size_t end = bytes_find(*rest, '\n', 0);
  *line = bytes_trim((struct bytes){rest->at, end});
  *rest = bytes_from(*rest, end + 1);
  return true;
}

static void read_user_file(struct users *u) {
  struct buffer text;
  struct reason why = {""};
  struct bytes line;
  unsigned number = 0;
  buffer_init_secret(&text, USERS_MAX + 4096);
  int rc = small_file_read(u->path, USERS_MAX, false, &text, &why);
  if (rc != OK)
    postfix_text(&u->x->plan, postfix_find(&u->x->plan, POSTFIX_LEFT_OUT, u->path, 0, "users"), "%s", why.text);
  struct bytes rest = rc == OK ? buffer_bytes(&text) : (struct bytes){"", 0};
  while (next_line(&rest, &line)) {
    number++;
    if (line.len && line.at[0] != '#') take_user_line(u, line, number);
  }
  buffer_wipe_free(&text);
}

/* "args = scheme=X /etc/dovecot/users": the last word. */
static void read_args(struct bytes text, char named[OPENDKIM_PATH]) {
  struct bytes line, word;
  while (next_line(&text, &line)) {
    struct bytes last = {"", 0};
    bool args = bytes_starts_nocase(line, BYTES("args"));
    while (postfix_list_next(&line, &word)) last = word;
    if (args && last.len && last.at[0] == '/') bytes_copy(last, named, OPENDKIM_PATH);
  }
}

/* A passwd-file that Dovecot's configuration names. */
static bool named_by_dovecot(struct users *u, const char *conf) {
  struct buffer text;
  char named[OPENDKIM_PATH] = "", path[OPENDKIM_PATH];
  struct postfix_place p = u->x->place;
  buffer_init(&text, USERS_MAX + 4096);
  snprintf(p.dir, sizeof p.dir, "%.3000s/../dovecot", u->x->place.dir);
  snprintf(path, sizeof path, "%.3500s/%s", p.dir, conf);
  if (small_file_read(path, USERS_MAX, false, &text, NULL) == OK) read_args(buffer_bytes(&text), named);
  buffer_free(&text);
  return *named && postfix_place_path(&p, bytes_of(named), u->path);
}

static bool find_user_file(struct users *u) {
  static const char *const confs[] = {"local.conf", "conf.d/auth-passwdfile.conf.ext", "dovecot.conf"};
  static const char *const usual[] = {"users", "passwd"};
  struct postfix_place p = u->x->place;
  if (u->x->users) return snprintf(u->path, sizeof u->path, "%s", u->x->users) < (int)sizeof u->path;
  for (size_t i = 0; i < sizeof confs / sizeof confs[0]; i++)
    if (named_by_dovecot(u, confs[i])) return true;
  snprintf(p.dir, sizeof p.dir, "%.3000s/../dovecot", u->x->place.dir);
  for (size_t i = 0; i < sizeof usual / sizeof usual[0]; i++)
    if (postfix_place_path(&p, bytes_of(usual[i]), u->path)) return true;
  return false;
}

/* --- who may send as whom --- */

/* "user@example.com", "@example.com", and "user" of the domain that mail without one is of. */
static bool sender_of(const struct postfix *x, const char *key, char *out, size_t size) {
  char origin[POSTFIX_TEXT];
  if (key[0] == '@') return key[1] && snprintf(out, size, "%s", key + 1) < (int)size;
  if (strchr(key, '@')) return snprintf(out, size, "%s", key) < (int)size;
  postfix_value(&x->conf, "myorigin", origin, sizeof origin);
  return *origin && origin[0] != '/' && snprintf(out, size, "%s@%s", key, origin) < (int)size;
}

static void take_login_row(struct users *u, const struct postfix_table *t, const struct postfix_row *r) {
  char sender[400], where[64], *name;
  const char *file = strrchr(t->path, '/');
  struct bytes owners = bytes_of(r->value), owner;
  snprintf(where, sizeof where, "%.50s:%u", file ? file + 1 : "smtpd_sender_login_maps", r->line);
  if (!sender_of(u->x, r->key, sender, sizeof sender)) {
    postfix_text(&u->x->plan, postfix_find(&u->x->plan, POSTFIX_LEFT_OUT, where, 0, "%s  %s", r->key, r->value),
                 "that is no sender");
    return;
  }
  while (postfix_list_next(&owners, &owner)) {
    name = bytes_dup(owner);
    struct user *one = name ? user_named(u, name, where) : NULL;
    free(name);
    if (one && buffer_addf(&one->senders, "%s%s", one->senders.len ? " " : "", sender) != OK)
      u->x->plan.no_memory = true;
  }
}

static void read_login_maps(struct users *u, const struct postfix_conf *conf, const struct postfix_setting *s) {
  char value[POSTFIX_TEXT];
  struct postfix_table t = {0};
  struct bytes list = bytes_of(postfix_value(conf, s->name, value, sizeof value)), one;
  while (postfix_list_next(&list, &one)) {
    struct reason why = {""};
    u->has_maps = true;
    if (postfix_table_read(&u->x->place, one, &t, &why) == OK) continue;
    u->maps_unread = true;
    struct postfix_finding *f = postfix_about(u->x, POSTFIX_LEFT_OUT, s);
    postfix_text(&u->x->plan, f, "%s; who may send as whom is said with each account", why.text);
    postfix_words(&u->x->plan, f, "sendoff", "account", "add", "NAME", "--sender", "DOMAIN", NULL);
  }
  for (size_t i = 0; i < t.count; i++) take_login_row(u, &t, &t.rows[i]);
  postfix_table_free(&t);
}

/* --- the list --- */

static int add_csv(struct buffer *out, const char *name, const char *senders, const char *networks, const char *limits,
                   const char *password) {
  const char *const cells[] = {name, senders, networks, limits, password};
  int rc = OK;
  for (size_t i = 0; rc == OK && i < sizeof cells / sizeof cells[0]; i++) {
    if (i) rc = buffer_add(out, ",", 1);
    if (rc == OK) rc = csv_add_field(out, cells[i]);
  }
  return rc == OK ? buffer_add(out, "\n", 1) : rc;
}

static int add_account(struct postfix *x, struct postfix_finding *list, const char *name, const char *senders,
                       const char *networks, const char *password) {
  char limits[100];
  int rc = OK;
  snprintf(limits, sizeof limits, "%s %s", x->rate, x->recipients_rate);
  if (!list->input.len) rc = buffer_add_bytes(&list->input, BYTES("name,sender,client-ip,limit,password\n"));
  return rc == OK ? add_csv(&list->input, name, senders, networks, limits, password) : rc;
}

/* The password that goes into the list: what can be kept, else none, so that one is made. */
static const char *kept_password(const struct user *one, struct reason *why) {
  enum password_form form;
  const char *plain;
  struct scram_verifier ignored;
  if (!one->password) {
    fail(why, E_NOT_FOUND, "its password is not known, so one is made");
    return "";
  }
  int rc = account_password_read(one->password, &form, &plain, &ignored, why);
  wipe(&ignored, sizeof ignored);
  return rc == OK ? one->password : "";
}

static void take_user(struct users *u, struct user *one, struct postfix_finding *list) {
  struct postfix *x = u->x;
  struct reason why = {""};
  const char *senders = one->senders.len && buffer_add(&one->senders, "", 1) == OK ? one->senders.at : "";
  struct postfix_finding *f = postfix_find(&x->plan, POSTFIX_TAKE, one->where, 0, "user %s", one->name);
  if (!cli_name_ok(one->name)) {
    f->action = POSTFIX_LEFT_OUT;
    postfix_text(&x->plan, f, "that is no name of an account: 1 to 64 letters, digits and . _ @ + -");
  } else if (directory_account(x->there, bytes_of(one->name))) {
    f->action = POSTFIX_PRESENT;
  } else if (!*senders && u->has_maps) {
    f->action = POSTFIX_LEFT_OUT;
    postfix_text(&x->plan, f,
                 u->maps_unread ? "who it may send as is in a table that cannot be read"
                                : "smtpd_sender_login_maps lets it send as nobody");
    postfix_words(&x->plan, f, "sendoff", "account", "add", one->name, "--sender", "DOMAIN", NULL);
  } else {
    const char *password = kept_password(one, &why);
    postfix_text(&x->plan, f, "%s%s%s", *senders ? "" : "it may send as anybody, as with Postfix",
                 *why.text && !*senders ? "; " : "", why.text);
    if (add_account(x, list, one->name, *senders ? senders : "*", "", password) != OK) x->plan.no_memory = true;
  }
}

static void say_no_users(struct postfix *x, const struct postfix_service *s) {
  char type[POSTFIX_TEXT];
  postfix_value(&s->own, "smtpd_sasl_type", type, sizeof type);
  struct postfix_finding *f =
      postfix_find(&x->plan, POSTFIX_LEFT_OUT, "master.cf", s->line, "AUTH, smtpd_sasl_type = %s", type);
  if (strcmp(type, "dovecot") == 0)
    postfix_text(
        &x->plan, f,
        "no passwd-file of Dovecot was found; name it with --users FILE. Users in a database, LDAP or PAM are made "
        "anew: list their names, and have passwords made");
  else
    postfix_text(
        &x->plan, f,
        "users of Cyrus SASL are not read (sasldb2, PAM, SQL); sasldblistusers2 lists those of sasldb2: make a list "
        "of their names, and have passwords made");
  postfix_words(&x->plan, f, "sendoff", "import", "accounts", "LIST.csv", NULL);
}

static void take_users(struct postfix *x, struct postfix_finding *list) {
  static const char *const named[] = {"smtpd_sasl_auth_enable", "smtpd_sasl_type", "smtpd_sasl_path",
                                      "smtpd_sender_login_maps"};
  struct users u = {.x = x, .source = ""};
  const struct postfix_service *s = postfix_submission(x);
  const struct postfix_setting *maps = s ? postfix_conf_find(&s->own, "smtpd_sender_login_maps") : NULL;
  for (size_t i = 0; i < sizeof named / sizeof named[0]; i++) {
    const struct postfix_setting *set = postfix_asked(x, named[i]);
    if (set) postfix_text(&x->plan, postfix_about(x, POSTFIX_NOTHING, set), "said with the users");
  }
  if (!s || (!postfix_is_yes(&s->own, "smtpd_sasl_auth_enable") && !x->users)) return;
  if (find_user_file(&u)) {
    const char *slash = strrchr(u.path, '/');
    u.source = slash ? slash + 1 : u.path;
    read_user_file(&u);
  }
  if (maps) read_login_maps(&u, &s->own, maps);
  if (!*u.source) say_no_users(x, s);
  struct user *one, *next;
  HASH_ITER(hh, u.all, one, next) take_user(&u, one, list);
  free_users(&u);
}

/* --- mynetworks --- */

/* May they relay? Who is let in by another list is not by that alone; without relay restrictions it is those of
 * recipients (postconf(5), smtpd_relay_restrictions). */
static bool permits_networks(const struct postfix *x) {
  char value[POSTFIX_TEXT];
  if (!*postfix_value(&x->conf, "smtpd_relay_restrictions", value, sizeof value))
    postfix_value(&x->conf, "smtpd_recipient_restrictions", value, sizeof value);
  return strstr(value, "permit_mynetworks") != NULL;
}

/* "[::1]/128" as the account takes it; IPv4 in IPv6 is IPv4. */
static bool read_network(struct bytes text, char out[100], bool *skip) {
  char plain[100];
  struct cidr ignored;
  size_t n = 0;
  *skip = bytes_starts_nocase(text, BYTES("[::ffff:")) || bytes_starts_nocase(text, BYTES("::ffff:"));
  for (size_t i = 0; i < text.len && n + 1 < sizeof plain; i++)
    if (text.at[i] != '[' && text.at[i] != ']') plain[n++] = text.at[i];
  plain[n] = '\0';
  snprintf(out, 100, "%s", plain);
  return *skip || cidr_parse(plain, &ignored) == OK;
}

/* "!10.0.0.5": patterns are tried in their order, so an exception counts for networks behind it (postconf(5)). */
struct exceptions {
  struct cidr all[32];
  size_t count;
  bool unread; /* there are more, which may be in any network */
};

static void take_exception(struct exceptions *e, struct bytes text) {
  char plain[100];
  bool skip;
  if (e->count < sizeof e->all / sizeof e->all[0] && read_network(text, plain, &skip) &&
      cidr_parse(plain, &e->all[e->count]) == OK)
    e->count++;
  else
    e->unread = true;
}

static bool have_common(const struct cidr *a, const struct cidr *b) {
  unsigned bits = a->prefix < b->prefix ? a->prefix : b->prefix;
  if (a->family != b->family || memcmp(a->address, b->address, bits / 8) != 0) return false;
  return bits % 8 == 0 || (a->address[bits / 8] ^ b->address[bits / 8]) >> (8 - bits % 8) == 0;
}

/* What an exception keeps out would be let in without it. */
static bool has_exception(const struct exceptions *e, const char *network) {
  struct cidr net;
  if (e->unread || cidr_parse(network, &net) != OK) return e->unread;
  for (size_t i = 0; i < e->count; i++)
    if (have_common(&e->all[i], &net)) return true;
  return false;
}

static void leave_network_out(struct postfix *x, const struct postfix_setting *s, struct bytes network,
                              const char *text) {
  struct postfix_finding *f =
      postfix_find(&x->plan, POSTFIX_LEFT_OUT, "main.cf", s->line, "mynetworks: %.*s", (int)network.len, network.at);
  postfix_text(&x->plan, f, "%s", text);
}

/* Those that are taken, parted by blanks. */
static void read_networks(struct postfix *x, const struct postfix_setting *s, struct buffer *out) {
  char value[POSTFIX_TEXT], network[100];
  struct exceptions e = {0};
  struct bytes all = bytes_of(postfix_value(&x->conf, "mynetworks", value, sizeof value)), one;
  bool skip;
  while (postfix_list_next(&all, &one)) {
    if (one.at[0] == '!')
      take_exception(&e, bytes_from(one, 1));
    else if (!read_network(one, network, &skip))
      leave_network_out(x, s, one, "only addresses and networks are taken, not files and tables");
    else if (!skip && has_exception(&e, network))
      leave_network_out(x, s, one,
                        "an exception stands before it, and --client-ip has none: name the networks without");
    else if (!skip && buffer_addf(out, "%s%s", out->len ? " " : "", network) != OK)
      x->plan.no_memory = true;
  }
}

static void take_networks(struct postfix *x, struct postfix_finding *list) {
  const struct postfix_setting *s = postfix_asked(x, "mynetworks");
  struct buffer networks;
  if (!s) return;
  if (!permits_networks(x)) {
    postfix_text(&x->plan, postfix_about(x, POSTFIX_NOTHING, s), "smtpd_relay_restrictions does not let them relay");
    return;
  }
  buffer_init(&networks, POSTFIX_VALUE_MAX);
  read_networks(x, s, &networks);
  bool there = directory_account(x->there, BYTES(NETWORKS_NAME)) != NULL;
  if (networks.len && buffer_add(&networks, "", 1) == OK) {
    struct postfix_finding *f = postfix_about(x, there ? POSTFIX_PRESENT : POSTFIX_TAKE, s);
    postfix_text(&x->plan, f,
                 "an account of that name sends from there without AUTH, as anybody, as with Postfix; narrow it: "
                 "sendoff account set " NETWORKS_NAME " --sender DOMAIN");
    if (!there && add_account(x, list, NETWORKS_NAME, "*", networks.at, "") != OK) x->plan.no_memory = true;
  }
  buffer_free(&networks);
}

void postfix_take_accounts(struct postfix *x) {
  struct postfix_finding *list =
      postfix_find(&x->plan, POSTFIX_TAKE, "main.cf", 0, "accounts, those of the lines below together");
  postfix_words(&x->plan, list, "sendoff", "import", "accounts", "-", "--yes", NULL);
  list->input_name = "accounts.csv";
  take_networks(x, list);
  take_users(x, list);
  if (list->input.len) return;
  list->action = POSTFIX_NOTHING;
  postfix_no_command(list);
}
