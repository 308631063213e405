#include "cli/account/account_brake.h"
#include "cli/account/account_options.h"
#include "cli/account/account_password.h"
#include "cli/account/account_sandbox.h"
#include "cli/account/account_show.h"
#include "cli/account/account_state.h"
#include "cli/account/account_usage.h"
#include "cli/account/preset.h"
#include "cli/command.h"
#include "cli/input/named.h"
#include "cli/input/secret_line.h"
#include "cli/output/output.h"
#include "relay/net/certificate_facts.h"
#include "relay/submission/auth/password.h"
#include "store/read.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- passwords --- */

static enum exit_status read_line(char out[PASSWORD_MAX + 1]) {
  enum exit_status s = secret_line_read("password-stdin", "password", out, PASSWORD_MAX + 1);
  if (s != EXIT_DONE) return s;
  if (account_password_is_long(out)) return EXIT_DONE;
  return cli_fail(EXIT_NO, "a password has %d characters at least; leave --password-stdin out to have one made",
                  PASSWORD_LEAST);
}

static enum exit_status read_password(struct cli *c, struct draft *d) {
  d->generated = !cli_switch(c, "password-stdin");
  enum exit_status s = EXIT_DONE;
  if (d->generated)
    account_password_make(d->password);
  else
    s = read_line(d->password);
  if (s != EXIT_DONE) return s;
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
    if (l->tls == LISTEN_LOCAL) continue; /* where nobody logs in */
    printf("  port      %u (%s)\n", ip_port((const struct sockaddr *)&l->address), kinds[l->tls]);
  }
}

/* The certificate of those who name no host is one that no application trusts. */
static bool is_self_signed(const struct config *c) {
  struct certificate_facts facts;
  return c->certificate_count && certificate_facts_read(c->certificates[0].certificate, &facts, NULL) == OK &&
         facts.self_signed;
}

/* Else the first thing that a new account's owner sees is an application that cannot send. */
static void print_certificate(struct cli *c) {
  const struct config *k = c->config;
  if (!is_self_signed(k)) return;
  if (c->json)
    cli_warn("the certificate is self-signed, and applications refuse it: put one of a CA into %s (tls { ... })",
             k->path);
  else
    printf("\nThe gateway's certificate is self-signed: WordPress and most applications refuse it\n"
           "(\"certificate verify failed\", \"could not connect\"). Get one for %s from a CA:\n\n"
           "  certbot certonly --standalone -d %s --deploy-hook /usr/share/sendoff/certbot-hook\n\n"
           "and put its paths into %s (tls { ... }); docs/certificates.md has the rest.\n"
           "Or have the application trust this one, which is safe, too: docs/applications.md.\n",
           k->hostname, k->hostname, k->path);
}

/* A new account is printed whole. */
static void print_login_json(struct cli *c, const char *name, const struct draft *d, const char *lines, bool made) {
  json_t *j =
      json_pack("{s:s, s:o}", "account", name, "password", d->generated ? json_string(d->password) : json_null());
  print_certificate(c);
  if (j && lines) json_object_set_new(j, "configuration", json_text(lines));
  if (made)
    account_print_change(c, name, j);
  else
    print_json(j);
}

static void print_login_text(struct cli *c, const char *name, const struct draft *d, const char *lines, bool made) {
  if (d->generated) {
    printf("Type this into your application; the password is shown this once:\n\n  host      %s\n",
           c->config->hostname);
    print_ports(c->config);
    printf("  user      %s\n  password  %s\n", name, d->password);
  } else {
    printf("the password of %s is set\n", name);
  }
  if (made) account_print_made(c, name);
  if (lines)
    printf("\n%s", lines);
  else if (d->generated)
    print_certificate(c);
}

/* Nobody knows a password that was made here and not shown. */
static enum exit_status check_shown(const char *name, const struct draft *d, bool made) {
  if (!d->generated || output_is_whole(NULL)) return EXIT_DONE;
  return cli_fail(EXIT_NO, "%s %s could not be printed; for another one: sendoff account password %s", name,
                  made ? "is made, but its password" : "has a new password, which", name);
}

/* `preset` NULL: nothing is said of the application. EXIT_NO: the password was not shown, and a message has said so. */
static enum exit_status print_login(struct cli *c, const char *name, const struct draft *d, const struct preset *preset,
                                    bool made) {
  char *lines = preset ? preset_text(c, preset, name, d->generated ? d->password : NULL) : NULL;
  (c->json ? print_login_json : print_login_text)(c, name, d, lines, made);
  if (lines) wipe(lines, strlen(lines));
  free(lines);
  return check_shown(name, d, made);
}

static void print_local(const struct cli *c, const struct draft *d) {
  if (c->json || !d->account.local_user_count) return;
  printf("\nOf this machine, without a password, by sendmail (PHP's mail(), cron):");
  for (size_t i = 0; i < d->account.local_user_count; i++) printf(" %s", d->local_users[i]);
  putchar('\n');
}

/* --- verbs that change --- */

/* What will surprise: mail that leaves unsigned, or cannot leave at all. */
static const char *domain_of(const char *pattern) {
  const char *at = strrchr(pattern, '@'), *domain = at ? at + 1 : pattern;
  return strncmp(domain, "*.", 2) == 0 ? domain + 2 : domain;
}

static bool is_domain_of(const char *domain, const char *const *senders, size_t count) {
  for (size_t i = 0; i < count; i++)
    if (strcmp(domain, domain_of(senders[i])) == 0) return true;
  return false;
}

/* Once for each domain. */
static void warn_unsigned(const struct directory *dir, const char *const *senders, size_t count) {
  for (size_t i = 0; i < count; i++) {
    const char *domain = domain_of(senders[i]);
    if (strcmp(domain, "*") == 0 || directory_domain(dir, domain, true) || is_domain_of(domain, senders, i)) continue;
    cli_warn("mail from %s will not be signed; add the domain: sendoff domain add %s", domain, domain);
  }
}

static void warn_unsigned_rewrite(const struct directory *dir, const struct draft *d) {
  const char *to = d->account.rewrite_from;
  if (!to || !*to || is_domain_of(domain_of(to), d->account.senders, d->account.sender_count) ||
      is_domain_of(domain_of(to), d->edit.senders.add, d->edit.senders.add_count))
    return;
  warn_unsigned(dir, &to, 1);
}

static void warn_empty_pool(const struct directory *dir, const char *pool) {
  size_t sources = 0;
  if (!pool || !*pool || strcmp(pool, "default") == 0) return;
  directory_pool(dir, pool, &sources);
  if (!sources)
    cli_warn("pool %s has no address to send from yet: sendoff source add ADDRESS --helo NAME --pool %s", pool, pool);
}

static bool has_local_socket(const struct config *c) {
  bool any = c->default_local.text != NULL;
  for (size_t i = 0; i < c->listen_count; i++)
    any |= c->listens[i].tls == LISTEN_LOCAL && strcmp(c->listens[i].text, "unix:none") != 0;
  return any;
}

static void warn_no_socket(const struct cli *c, const struct draft *d) {
  if (d->account.local_user_count && !has_local_socket(c->config))
    cli_warn("the gateway has no local socket for them: take listen \"unix:none\" out of %s, and restart it",
             c->config->path);
}

static void warn(struct cli *c, const struct draft *d) {
  struct directory *dir;
  if (cli_directory(c, &dir) != EXIT_DONE) return;
  warn_unsigned(dir, d->account.senders, d->account.sender_count);
  warn_unsigned(dir, d->edit.senders.add, d->edit.senders.add_count);
  warn_unsigned_rewrite(dir, d);
  warn_empty_pool(dir, d->account.pool);
  warn_no_socket(c, d);
  for (int i = 0; i < STREAM_COUNT; i++) warn_empty_pool(dir, d->account.stream_pool[i]);
  directory_release(&dir);
}

static enum exit_status finish(struct draft *d, enum exit_status status) {
  wipe(d, sizeof *d);
  free(d);
  return status;
}

/* With what --for adds to them. */
static enum exit_status read_options(struct cli *c, struct draft *d, const struct preset **preset) {
  enum exit_status s = preset_find(c, preset);
  if (s == EXIT_DONE && *preset) s = preset_apply(c, *preset, d->own_address);
  return s == EXIT_DONE ? account_options_read(c, d) : s;
}

static enum exit_status add(struct cli *c) {
  struct draft *d = calloc(1, sizeof *d);
  struct admin *a;
  struct reason why = {""};
  const struct preset *preset = NULL;
  if (!d) return cli_fail(EXIT_NO, "out of memory");
  d->account.name = c->arguments[0];
  enum exit_status s = cli_name_ok(c->arguments[0])
                           ? read_options(c, d, &preset)
                           : cli_fail(EXIT_USAGE, "an account's name is 1 to 64 letters, digits and . _ @ + -");
  account_sandbox_add(c, d);
  if (s == EXIT_DONE && !d->account.sender_count)
    s = cli_fail(EXIT_USAGE, "say who %s may send as: --sender example.com", c->arguments[0]);
  if (s == EXIT_DONE) s = account_check_rewrite(d, NULL);
  if (s == EXIT_DONE) s = read_password(c, d);
  if (s == EXIT_DONE) s = cli_admin(c, &a);
  if (s != EXIT_DONE) return finish(d, s);
  s = cli_admin_done(c, &a, admin_account_add(a, &d->account, &why), &why);
  if (s == EXIT_DONE) {
    s = print_login(c, c->arguments[0], d, preset, true);
    print_local(c, d);
    warn(c, d);
  }
  return finish(d, s);
}

static enum exit_status check_rewrite(struct cli *c, const struct draft *d) {
  struct directory *dir;
  if (cli_directory(c, &dir) != EXIT_DONE) return EXIT_NO;
  const struct account *now = directory_account(dir, bytes_of(c->arguments[0]));
  enum exit_status s = now ? account_check_rewrite(d, now) : EXIT_DONE;
  bool known = now != NULL;
  directory_release(&dir);
  return known ? s : named_unknown(c, NAMED_ACCOUNT, c->arguments[0]);
}

/* With what to write into the application, where its kind was named, and what became of its queue, where it is a
 * sandbox from now on: `held` recipients; NULL: it was one before, or is none. */
static enum exit_status print_set(struct cli *c, const struct preset *preset, const uint64_t *held) {
  char *lines = preset ? preset_text(c, preset, c->arguments[0], NULL) : NULL;
  json_t *more = c->json ? json_object() : NULL;
  if (more && lines) json_object_set_new(more, "configuration", json_text(lines));
  if (more && held) json_object_set_new(more, "held", json_integer((json_int_t)*held));
  enum exit_status s = account_print_change(c, c->arguments[0], more);
  if (s == EXIT_DONE && held && !c->json) account_sandbox_print_held(c->arguments[0], *held);
  if (s == EXIT_DONE && lines && !c->json) printf("\n%s", lines);
  free(lines);
  return s;
}

static enum exit_status set(struct cli *c) {
  struct draft *d = calloc(1, sizeof *d);
  struct admin *a;
  struct reason why = {""};
  const struct preset *preset = NULL;
  bool begins = false;
  uint64_t held = 0;
  if (!d) return cli_fail(EXIT_NO, "out of memory");
  enum exit_status s = read_options(c, d, &preset);
  if (s == EXIT_DONE) s = account_sandbox_set(c, d);
  if (s == EXIT_DONE && !d->parts && !draft_edits(d))
    s = cli_fail(EXIT_USAGE, "say what to change; see: sendoff account set --help");
  if (s == EXIT_DONE) s = check_rewrite(c, d);
  if (s == EXIT_DONE) s = account_sandbox_begins(c, d, &begins);
  if (s == EXIT_DONE) s = cli_admin(c, &a);
  if (s == EXIT_DONE)
    s = cli_admin_done(c, &a, admin_account_set(a, c->arguments[0], d->parts, &d->account, &d->edit, &why), &why);
  if (s == EXIT_DONE && begins) s = account_sandbox_hold(c, &held);
  if (s == EXIT_DONE) s = print_set(c, preset, begins ? &held : NULL);
  if (s == EXIT_DONE) warn(c, d);
  return finish(d, s);
}

static enum exit_status password(struct cli *c) {
  struct draft *d = calloc(1, sizeof *d);
  struct admin *a;
  struct reason why = {""};
  if (!d) return cli_fail(EXIT_NO, "out of memory");
  enum exit_status s = named_check(c, NAMED_ACCOUNT, c->arguments[0]);
  if (s == EXIT_DONE) s = read_password(c, d);
  if (s == EXIT_DONE) s = cli_admin(c, &a);
  if (s == EXIT_DONE)
    s = cli_admin_done(c, &a, admin_account_set(a, c->arguments[0], ACCOUNT_VERIFIER, &d->account, NULL, &why), &why);
  if (s == EXIT_DONE) s = print_login(c, c->arguments[0], d, NULL, false);
  return finish(d, s);
}

#define SETTINGS_TEXT                                                                                                  \
  "[--for " PRESET_KINDS "] [--limit SPEC|none]... [--to PATTERN|none]... [--not-to PATTERN|none]... "                 \
  "[--rewrite-from ADDRESS|none] [--time-zone ZONE] [--pool POOL] [--stream transactional|bulk] "                      \
  "[--stream-limit STREAM:SPEC|none]... [--stream-pool STREAM:POOL|none]... [--suppressed refuse|drop] "               \
  "[--suppress-after N] [--client-ip CIDR|none]... [--client-cert FINGERPRINT|none]... [--local-user USER|none]... "   \
  "[--eight-bit accept|refuse] "                                                                                       \
  "[--long-lines convert|refuse] [--idempotent on|off] [--CHECK off|observe|enforce|default]..."

const struct verb account_verbs[] = {
    {"account", "add", "NAME --sender DOMAIN|*.DOMAIN|ADDRESS|* ... " SETTINGS_TEXT " [--sandbox] [--password-stdin]",
     "Makes an account and prints its password, once. --sender: who it may send as, once for each. --sandbox: its mail "
     "goes through everything, and never leaves "
     "(docs/simulator.md). What the other options mean: sendoff account set --help.",
     "sendoff account add blog --sender example.com --limit 60/minute:smooth --limit 5000/day\n"
     "sendoff account add shop --sender example.com --for wordpress\n"
     "sendoff account add printer --sender printer@example.com --for device\n"
     "sendoff account add staging --sender staging.example.com --to example.com\n"
     "sendoff account add trial --sender example.com --sandbox",
     1, 1, add},
    {"account", "list", "", "All accounts.", "sendoff account list", 0, 0, account_list},
    {"account", "show", "NAME", "One account, whole.", "sendoff account show blog", 1, 1, account_show},
    {"account", "usage", "[NAME]",
     "What accounts have used of their windows, beside their limits, and their streams' own.",
     "sendoff account usage blog\n"
     "sendoff account usage",
     0, 1, account_usage},
    {"account", "review", "NAME",
     "What the brake on stolen credentials sees: what the account sends, beside what is usual for it, and what to do.",
     "sendoff account review blog", 1, 1, account_review},
    {"account", "trust", "NAME [--forget]",
     "Ends the brake's hold on an account: what it has seen is usual from now on; with --forget (the password was "
     "stolen, and is another one now) it is forgotten. What is held stays held.",
     "sendoff account trust blog\n"
     "sendoff account trust blog --forget",
     1, 1, account_trust},
    {"account", "set",
     "NAME [--sender DOMAIN|*.DOMAIN|ADDRESS|*]... " SETTINGS_TEXT
     " [--sandbox on|off] [--add-sender|--remove-sender PATTERN]... [--add-limit|--remove-limit SPEC]...",
     "Changes an account; a list that is given replaces the old one, none empties it. Takes effect with the next "
     "command of every session.\n"
     "--sender PATTERN: who it may send as: a domain, *.DOMAIN for its subdomains, an address, or * for all.\n"
     "--for KIND: sets what suits that kind of client, where it is not said otherwise, and prints what to write "
     "into it.\n"
     "--limit SPEC: how much it may send; all of them hold.\n"
     "--to, --not-to PATTERN: whom it may, and may not, write to: DOMAIN, *.DOMAIN, ADDRESS or *.\n"
     "--rewrite-from ADDRESS: all its mail comes from that address, one that it may send as; what it said goes to "
     "Reply-To.\n"
     "--time-zone ZONE: that of its days and months, as in Europe/Vienna.\n"
     "--pool POOL: the sources that its mail leaves from.\n"
     "--stream: what its mail is unless a message says otherwise; --stream-limit and --stream-pool are for one of "
     "both.\n"
     "--suppressed: refuse (the default) or drop: mail to suppressed recipients is accepted, and dropped.\n"
     "--suppress-after N: so many hard bounces in a week suppress a recipient (default: 3, bulk mail 1).\n"
     "--client-ip CIDR: whoever comes from there sends without AUTH.\n"
     "--client-cert FINGERPRINT: whoever shows that TLS certificate logs in with AUTH EXTERNAL, without a "
     "password. It is its SHA-256, from: openssl x509 -noout -fingerprint -sha256 -in FILE\n"
     "--local-user USER: that user of this machine (a login name, or a numeric id) sends without a password: "
     "PHP's mail(), cron, mailx.\n"
     "--eight-bit: accept (the default) takes 8-bit text that was not announced as it is, refuse turns it away "
     "(5.6.1).\n"
     "--long-lines: convert (the default) encodes lines over 998 octets anew, refuse turns them away (5.6.0).\n"
     "--idempotent: on (the default): the same Message-ID, recipients and content within ten minutes are answered "
     "with the first one's id, and sent once. off is for applications that send the very same message twice and "
     "mean it.\n"
     "--CHECK: what that check does with its mail; default takes back what was set here. --brake on is --brake "
     "enforce.\n"
     "--sandbox: on: its mail goes through everything, and never leaves; what was accepted before is held. off is "
     "for mail that comes from then on: what was accepted under it never leaves.",
     "sendoff account set blog --limit 100/minute:smooth --limit 10000/day\n"
     "sendoff account set blog --add-limit 100rcpt/message --time-zone Europe/Vienna\n"
     "sendoff account set staging --to example.com\n"
     "sendoff account set blog --local-user www-data\n"
     "sendoff account set staging --sandbox on\n"
     "sendoff account set news --stream bulk --bulk-rules enforce --brake on\n"
     "sendoff account set blog --spf default --limit none",
     1, 1, set},
    {"account", "password", "NAME [--password-stdin]", "A new password, printed once. The old one ends at once.",
     "sendoff account password blog", 1, 1, password},
    {"account", "suspend", "NAME --reason TEXT [--leave-queue]",
     "Refuses its mail, with the reason, until it is resumed, and holds what is queued of it; with --leave-queue that "
     "is still delivered.",
     "sendoff account suspend blog --reason \"hacked plugin\"", 1, 1, account_suspend},
    {"account", "resume", "NAME [--leave-queue]",
     "Ends a suspension, and releases what it held; with --leave-queue that stays held. What was held by command or by "
     "the brake stays held in any case: sendoff queue release --account NAME",
     "sendoff account resume blog", 1, 1, account_resume},
    {"account", "remove", "NAME [--leave-queue] [--yes]",
     "Removes it, with its routes, the passwords that these log in with, and its suppression list, and holds what is "
     "queued of it; with --leave-queue that is still delivered. Its log stays. Asks when mail of it waits, or it has "
     "routes or suppressed addresses.",
     "sendoff account remove blog --yes", 1, 1, account_remove},
    {0}};
