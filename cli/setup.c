/* `sendoff setup`: the first hour, step by step. Each step is a command that could have been typed, and is shown; what
 * is there already is left as it is, so that it can be run again. */
#include "base/global_address.h"
#include "base/suffix.h"
#include "cli/ask.h"
#include "cli/command.h"
#include "cli/machine.h"
#include "cli/new_config.h"
#include "cli/output.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define WORDS_MAX 32
#define INSTALL_CERTIFICATE "/usr/share/sendoff/install-certificate"

struct setup {
  struct cli *cli;
  char hostname[ANSWER_MAX], domain[ANSWER_MAX], account[ANSWER_MAX];
  bool self_signed;
};

/* --- the commands --- */

static void add_word(const char **words, size_t *n, const char *word) {
  if (*n < WORDS_MAX) words[(*n)++] = word;
}

static enum exit_status run(struct setup *s, const char *const *words, size_t count) {
  if (!s->cli->json) {
    printf("\n$ sendoff");
    for (size_t i = 0; i < count; i++) printf(" %s", words[i]);
    printf("\n");
    fflush(stdout);
  }
  return cli_run(s->cli, words, count);
}

static void say(const struct setup *s, const char *text) {
  if (!s->cli->json) print_wrapped(text, 0, 0, false);
}

static void title(const struct setup *s, const char *text) {
  if (!s->cli->json)
    printf("\n%s%s%s\n", output_is_colored() ? "\033[1m" : "", text, output_is_colored() ? "\033[0m" : "");
}

/* What is configured now; NULL: a message has been printed. */
static struct directory *read_directory(struct setup *s) {
  struct directory *d = NULL;
  return cli_directory(s->cli, &d) == EXIT_DONE ? d : NULL;
}

static bool is_none(const char *answer) {
  return !*answer || strcmp(answer, "none") == 0;
}

/* --- the name and the configuration --- */

static bool is_configured(struct setup *s) {
  return new_config_is_taken(config_path(s->cli->config_option));
}

static enum exit_status ask_hostname(struct setup *s) {
  char guess[DOMAIN_MAX + 1];
  machine_name(guess);
  title(s, "1. The name of this gateway");
  say(s,
      "The name that applications connect to, and that receivers see. It needs an A record that leads to this machine, "
      "and the machine's address a PTR record that leads back to it.");
  enum exit_status status = ask(s->cli, "hostname", "Full host name?", guess, s->hostname);
  if (status == EXIT_DONE && !*s->hostname)
    status = cli_fail(EXIT_USAGE, "this machine has no full name; give one: --hostname smtp.example.com");
  return status;
}

/* certbot's files belong to root alone; they are copied to where the gateway's user may read them. */
static enum exit_status install_from_certbot(struct setup *s, const char *folder, char *certificate, char *key) {
  char command[4 * PATH_MAX];
  snprintf(certificate, PATH_MAX, "/etc/sendoff/tls/%s/fullchain.pem", s->hostname);
  snprintf(key, PATH_MAX, "/etc/sendoff/tls/%s/privkey.pem", s->hostname);
  if (access(INSTALL_CERTIFICATE, X_OK) != 0)
    return cli_fail(EXIT_NO, "%s is missing; name the files: --certificate FILE --key FILE", INSTALL_CERTIFICATE);
  snprintf(command, sizeof command, INSTALL_CERTIFICATE " '%s' '%s/fullchain.pem' '%s/privkey.pem'", s->hostname,
           folder, folder);
  if (!s->cli->json) printf("\n$ %s\n", command);
  fflush(stdout);
  return system(command) == 0 ? EXIT_DONE : cli_fail(EXIT_NO, "certbot's certificate could not be copied");
}

/* Into `certificate` and `key`, each of PATH_MAX; "": a self-signed one is to be made. */
static enum exit_status find_certificate(struct setup *s, char *certificate, char *key) {
  char folder[PATH_MAX];
  const char *given = cli_option(s->cli, "certificate"), *given_key = cli_option(s->cli, "key");
  certificate[0] = key[0] = '\0';
  if (!given != !given_key) return cli_fail(EXIT_USAGE, "--certificate and --key come together");
  if (given) {
    snprintf(certificate, PATH_MAX, "%s", given);
    snprintf(key, PATH_MAX, "%s", given_key);
    return EXIT_DONE;
  }
  if (machine_certbot(s->hostname, folder, sizeof folder)) return install_from_certbot(s, folder, certificate, key);
  s->self_signed = true;
  return EXIT_DONE;
}

static enum exit_status configure(struct setup *s) {
  static char certificate[PATH_MAX], key[PATH_MAX];
  const char *words[WORDS_MAX], *data_dir = cli_option(s->cli, "data-dir"), *dns = cli_option(s->cli, "dns");
  size_t n = 0;
  enum exit_status status = ask_hostname(s);
  if (status == EXIT_DONE) status = find_certificate(s, certificate, key);
  if (status != EXIT_DONE) return status;
  add_word(words, &n, "init");
  add_word(words, &n, "--hostname");
  add_word(words, &n, s->hostname);
  if (data_dir) add_word(words, &n, "--data-dir"), add_word(words, &n, data_dir);
  if (dns) add_word(words, &n, "--dns"), add_word(words, &n, dns);
  for (size_t i = 0; i < cli_option_count(s->cli, "listen"); i++)
    add_word(words, &n, "--listen"), add_word(words, &n, cli_option_at(s->cli, "listen", i));
  if (*certificate)
    add_word(words, &n, "--certificate"), add_word(words, &n, certificate), add_word(words, &n, "--key"),
        add_word(words, &n, key);
  status = run(s, words, n);
  return status == EXIT_DONE ? cli_config(s->cli) : status;
}

static enum exit_status begin(struct setup *s) {
  if (!is_configured(s)) return configure(s);
  if (cli_config(s->cli) != EXIT_DONE) return EXIT_NO;
  snprintf(s->hostname, sizeof s->hostname, "%s", s->cli->config->hostname);
  title(s, "1. The name of this gateway");
  if (!s->cli->json) printf("%s, as %s has it; that file stays as it is.\n", s->hostname, s->cli->config->path);
  return EXIT_DONE;
}

/* --- the address that mail leaves from --- */

static enum exit_status add_source(struct setup *s, const char *address) {
  char seen[INET6_ADDRSTRLEN] = "", public[ANSWER_MAX] = "";
  const char *words[WORDS_MAX] = {"source", "add", address, "--helo", s->hostname};
  size_t n = 5;
  enum exit_status status = EXIT_DONE;
  if (!ip_is_global(address)) {
    machine_public(s->hostname, strchr(address, ':') != NULL, seen);
    say(s,
        "That address is private: the world sees another one (NAT), which is in the SPF record and has the PTR record. "
        "On cloud machines it is what the provider's console calls the public or elastic address.");
    status = ask(s->cli, "public", "Public address? (none: the mail goes to a private network)", *seen ? seen : "none",
                 public);
  }
  if (status != EXIT_DONE) return status;
  if (!is_none(public)) words[n++] = "--public", words[n++] = public;
  return run(s, words, n);
}

/* Those of --source, or the one that is typed. */
static enum exit_status add_sources(struct setup *s) {
  struct machine_address all[MACHINE_ADDRESSES_MAX];
  char chosen[ANSWER_MAX];
  size_t n = machine_addresses(all, MACHINE_ADDRESSES_MAX), given = cli_option_count(s->cli, "source");
  enum exit_status status = EXIT_DONE;
  for (size_t i = 0; i < given && status == EXIT_DONE; i++) status = add_source(s, cli_option_at(s->cli, "source", i));
  if (given) return status;
  if (!s->cli->json)
    for (size_t i = 0; i < n; i++) printf("  %s%s\n", all[i].text, all[i].global ? "" : " (private)");
  status = ask(s->cli, "source", "From which address? (none: later)", n ? all[0].text : "none", chosen);
  if (status != EXIT_DONE || is_none(chosen)) return status;
  return add_source(s, chosen);
}

static enum exit_status sources(struct setup *s) {
  struct directory *d = read_directory(s);
  if (!d) return EXIT_NO;
  size_t count = d->source_count;
  title(s, "2. The address that mail leaves from");
  if (count && !s->cli->json) printf("%s, as it is: sendoff source list\n", d->sources[0].address);
  directory_release(&d);
  return count ? EXIT_DONE : add_sources(s);
}

/* --- the domain that mail is from --- */

static enum exit_status domains(struct setup *s) {
  char guess[DOMAIN_MAX + 1] = "";
  struct directory *d = read_directory(s);
  if (!d) return EXIT_NO;
  title(s, "3. The domain that mail comes from");
  suffix_organization(s->hostname, guess);
  if (d->domain_count) snprintf(guess, sizeof guess, "%s", d->domains[0].name);
  enum exit_status status = ask(s->cli, "domain", "Domain? (none: later)", guess, s->domain);
  bool known = status == EXIT_DONE && directory_domain(d, s->domain, false);
  directory_release(&d);
  if (status != EXIT_DONE || is_none(s->domain)) return status;
  if (!known) return run(s, (const char *const[]){"domain", "add", s->domain}, 3);
  if (!s->cli->json) printf("%s is there already; its records: sendoff domain records %s\n", s->domain, s->domain);
  return EXIT_DONE;
}

/* --- the first account --- */

static enum exit_status add_account(struct setup *s) {
  char kind[ANSWER_MAX], sender[ANSWER_MAX];
  const char *domain = is_none(s->domain) ? "" : s->domain;
  enum exit_status status =
      ask(s->cli, "for", "What will use it: wordpress, php, device or server?", "wordpress", kind);
  if (status == EXIT_DONE) {
    bool device = strcmp(kind, "device") == 0;
    char guess[2 * ANSWER_MAX];
    snprintf(guess, sizeof guess, "%s%s%s", device ? s->account : "", device ? "@" : "", domain);
    guess[ANSWER_MAX - 1] = '\0';
    status = ask(s->cli, "sender", "Whom may it send as (a domain, or an address)?", *domain ? guess : "", sender);
  }
  if (status == EXIT_DONE && !*sender) status = cli_fail(EXIT_USAGE, "say who may be the sender: --sender example.com");
  if (status != EXIT_DONE) return status;
  return run(s, (const char *const[]){"account", "add", s->account, "--sender", sender, "--for", kind}, 7);
}

static enum exit_status accounts(struct setup *s) {
  struct directory *d = read_directory(s);
  if (!d) return EXIT_NO;
  title(s, "4. The account of the first application");
  char guess[DOMAIN_MAX + 1] = "site";
  if (!is_none(s->domain)) snprintf(guess, sizeof guess, "%.*s", (int)strcspn(s->domain, "."), s->domain);
  if (d->account_count) snprintf(guess, sizeof guess, "%s", d->accounts[0].name);
  enum exit_status status = ask(s->cli, "account", "Its name? (none: later)", guess, s->account);
  bool known = status == EXIT_DONE && directory_account(d, bytes_of(s->account));
  directory_release(&d);
  if (status != EXIT_DONE || is_none(s->account)) return status;
  if (!known) return add_account(s);
  if (!s->cli->json) printf("%s is there already: sendoff account show %s\n", s->account, s->account);
  return EXIT_DONE;
}

/* --- running, and whether all is well --- */

static enum exit_status start(struct setup *s) {
  bool now;
  title(s, "5. Running it");
  if (!machine_has_unit()) {
    say(s, "There is no service here: run `sendoff serve`, which stays in the foreground, or install the package.");
    return EXIT_DONE;
  }
  enum exit_status status = ask_yes(s->cli, "start", "Start the gateway now, and with the machine?", true, &now);
  if (status != EXIT_DONE || !now) return status;
  if (!s->cli->json) printf("\n$ systemctl enable --now sendoff\n");
  fflush(stdout);
  return system("systemctl enable --now sendoff >&2") == 0
             ? EXIT_DONE
             : cli_fail(EXIT_NO, "the gateway did not start; why: journalctl -u sendoff -n 20");
}

static void say_certificate(struct setup *s) {
  char text[1024];
  if (!s->self_signed) return;
  snprintf(text, sizeof text,
           "The certificate is self-signed, which most applications refuse. One of a CA, once the name leads here: "
           "certbot certonly --standalone -d %s --deploy-hook /usr/share/sendoff/certbot-hook; then its paths into %s "
           "(docs/certificates.md).",
           s->hostname, config_path(s->cli->config_option));
  if (!s->cli->json) putchar('\n');
  say(s, text);
}

static enum exit_status check(struct setup *s) {
  char to[ANSWER_MAX];
  title(s, "6. Is all well?");
  say_certificate(s);
  enum exit_status found = run(s, (const char *const[]){"doctor"}, 1);
  if (is_none(s->account)) return found;
  enum exit_status status = ask(s->cli, "test-to", "Send a test message to which address? (none: no)", "none", to);
  if (status != EXIT_DONE || is_none(to)) return status == EXIT_DONE ? found : status;
  status = run(s, (const char *const[]){"send-test", "--account", s->account, "--to", to}, 6);
  return status == EXIT_DONE ? found : status;
}

static enum exit_status setup(struct cli *c) {
  struct setup *s = calloc(1, sizeof *s);
  if (!s) return cli_fail(EXIT_NO, "out of memory");
  s->cli = c;
  enum exit_status status = begin(s);
  if (status == EXIT_DONE) status = sources(s);
  if (status == EXIT_DONE) status = domains(s);
  if (status == EXIT_DONE) status = accounts(s);
  if (status == EXIT_DONE) status = start(s);
  if (status == EXIT_DONE) status = check(s);
  free(s);
  return status;
}

const struct verb setup_verbs[] = {
    {"setup", NULL,
     "[--hostname NAME] [--source ADDRESS]... [--public ADDRESS] [--domain DOMAIN|none] [--account NAME|none] [--for "
     "wordpress|php|device|server] [--sender DOMAIN|ADDRESS] [--certificate FILE --key FILE] [--start yes|no] "
     "[--test-to "
     "ADDRESS|none] [--data-dir DIR] [--listen ADDR:PORT/starttls|implicit|optional]... [--dns ADDR@PORT] [--yes]",
     "The first hour: asks for the gateway's name, the address that mail leaves from, the first domain and the first "
     "account, makes them, starts the gateway and checks everything. Each option answers a question, --yes takes the "
     "defaults for the others. What is there already stays as it is, so it can be run again. Exit status 1: something "
     "is "
     "still to be done, and was said.",
     "sendoff setup\n"
     "sendoff setup --yes --hostname smtp.example.com --domain example.com --account blog --for wordpress",
     0, 0, setup},
    {0}};
