/* `sendoff setup`: the first hour, step by step. Each step is a command that could have been typed, and is shown; what
 * is there already is left as it is, so that it can be run again. */
#include "base/address/global_address.h"
#include "base/address/suffix.h"
#include "cli/machine/machine.h"
#include "cli/setup/answers.h"
#include "cli/setup/new_config.h"
#include "cli/setup/setup_parts.h"

#include <errno.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

/* What is configured now; NULL: a message has been printed. */
static struct directory *read_directory(struct setup *s) {
  struct directory *d = NULL;
  return cli_directory(s->cli, &d) == EXIT_DONE ? d : NULL;
}

/* --- the name, the certificate, and the configuration --- */

static bool is_configured(struct setup *s) {
  return new_config_is_taken(config_path(s->cli->config_option));
}

static enum exit_status ask_hostname(struct setup *s) {
  char guess[DOMAIN_MAX + 1], typed[ANSWER_MAX], name[DOMAIN_MAX + 1] = "";
  machine_name(guess);
  setup_title(s, "1. The name of this gateway");
  setup_say(s, "The name that applications connect to, and that receivers see. It needs an A record that leads to this "
               "machine, and the machine's address a PTR record that leads back to it.");
  enum exit_status status = ask(s->cli, "hostname", "Full host name?", guess, answer_hostname, typed);
  if (status == EXIT_DONE && domain_normalize(bytes_of(typed), name) != OK)
    status = cli_fail(EXIT_USAGE, "--hostname %s: %s", typed, answer_hostname(""));
  snprintf(s->hostname, sizeof s->hostname, "%s", name);
  return status;
}

static enum exit_status configure(struct setup *s) {
  static char certificate[PATH_MAX], key[PATH_MAX];
  struct setup_words w = {.at = {"init", "--hostname", s->hostname}, .count = 3};
  enum exit_status status = ask_hostname(s);
  if (status == EXIT_DONE) status = setup_certificate(s, certificate, key);
  if (status != EXIT_DONE) return status;
  setup_option(&w, "--data-dir", cli_option(s->cli, "data-dir"));
  setup_option(&w, "--dns", cli_option(s->cli, "dns"));
  for (size_t i = 0; i < cli_option_count(s->cli, "listen"); i++)
    setup_option(&w, "--listen", cli_option_at(s->cli, "listen", i));
  setup_option(&w, "--certificate", *certificate ? certificate : NULL);
  setup_option(&w, "--key", *key ? key : NULL);
  setup_word(&w, "--brief");
  status = setup_run(s, &w);
  return status == EXIT_DONE ? cli_config(s->cli) : status;
}

static enum exit_status begin(struct setup *s) {
  if (!is_configured(s)) return configure(s);
  if (cli_config(s->cli) != EXIT_DONE) return EXIT_NO;
  snprintf(s->hostname, sizeof s->hostname, "%s", s->cli->config->hostname);
  const char *given = cli_option(s->cli, "hostname");
  if (given && strcasecmp(given, s->hostname) != 0)
    cli_warn("--hostname %s: %s has %s, which stays", given, s->cli->config->path, s->hostname);
  setup_title(s, "1. and 2. The name of this gateway, and its certificate");
  setup_say(s, "%s, as %s has it; that file stays as it is.", s->hostname, s->cli->config->path);
  return EXIT_DONE;
}

/* --- the address that mail leaves from --- */

static enum exit_status ask_public(struct setup *s, const char *address, char public[ANSWER_MAX]) {
  char seen[INET6_ADDRSTRLEN] = "";
  if (!cli_option(s->cli, "public")) {
    if (ip_is_global(address)) return EXIT_DONE;
    machine_public(s->hostname, strchr(address, ':') != NULL, seen);
    setup_say(s,
              "%s is private: the world sees another address (NAT), which the SPF record names and which has the PTR "
              "record. On cloud machines it is what the provider's console calls the public or elastic address.",
              address);
  }
  return ask(s->cli, "public", "Public address? (none: the mail goes to a private network)", *seen ? seen : "none",
             answer_public, public);
}

static enum exit_status add_source(struct setup *s, const char *address) {
  char public[ANSWER_MAX] = "";
  struct setup_words w = {.at = {"source", "add", address, "--helo", s->hostname}, .count = 5};
  enum exit_status status = ask_public(s, address, public);
  if (status != EXIT_DONE) return status;
  setup_option(&w, "--public", answer_is_none(public) ? NULL : public);
  return setup_run(s, &w);
}

/* Those of --source, or the one that is typed. */
static enum exit_status add_sources(struct setup *s) {
  struct machine_address all[MACHINE_ADDRESSES_MAX];
  char chosen[ANSWER_MAX];
  size_t n = machine_addresses(all, MACHINE_ADDRESSES_MAX), given = cli_option_count(s->cli, "source");
  enum exit_status status = EXIT_DONE;
  for (size_t i = 0; i < given && given > 1 && status == EXIT_DONE; i++)
    status = add_source(s, cli_option_at(s->cli, "source", i));
  if (given > 1) return status;
  if (!s->cli->json && !given)
    for (size_t i = 0; i < n; i++) printf("  %s%s\n", all[i].text, all[i].global ? "" : " (private)");
  status = ask(s->cli, "source", "From which address? (none: later)", n ? all[0].text : "none", answer_source, chosen);
  return status != EXIT_DONE || answer_is_none(chosen) ? status : add_source(s, chosen);
}

static enum exit_status sources(struct setup *s) {
  struct directory *d = read_directory(s);
  if (!d) return EXIT_NO;
  size_t count = d->source_count;
  setup_title(s, "3. The address that mail leaves from");
  if (count) setup_say(s, "%s, as it is: sendoff source list", d->sources[0].address);
  directory_release(&d);
  return count ? EXIT_DONE : add_sources(s);
}

/* --- the domain that mail is from --- */

static enum exit_status domains(struct setup *s) {
  char guess[DOMAIN_MAX + 1] = "";
  struct setup_words w = {.at = {"domain", "add", s->domain}, .count = 3};
  struct directory *d = read_directory(s);
  if (!d) return EXIT_NO;
  setup_title(s, "4. The domain that mail comes from");
  suffix_organization(s->hostname, guess);
  if (d->domain_count) snprintf(guess, sizeof guess, "%s", d->domains[0].name);
  enum exit_status status = ask(s->cli, "domain", "Domain? (none: later)", guess, answer_domain, s->domain);
  bool known = status == EXIT_DONE && directory_domain(d, s->domain, false);
  directory_release(&d);
  if (status != EXIT_DONE || answer_is_none(s->domain)) return status;
  if (!known) return setup_run(s, &w);
  setup_say(s, "%s is there already; its records: sendoff domain records %s", s->domain, s->domain);
  return EXIT_DONE;
}

/* --- the first account --- */

static enum exit_status ask_sender(struct setup *s, const char *kind, char sender[ANSWER_MAX]) {
  bool device = strcmp(kind, "device") == 0;
  char guess[2 * ANSWER_MAX + 2] = "";
  if (!answer_is_none(s->domain))
    snprintf(guess, sizeof guess, "%s%s%s", device ? s->account : "", device ? "@" : "", s->domain);
  return ask(s->cli, "sender",
             device ? "Which address does its mail come from?" : "Who may it send as: a domain, or an address?",
             strlen(guess) < ANSWER_MAX ? guess : "", device ? answer_device_sender : answer_sender, sender);
}

static enum exit_status add_account(struct setup *s) {
  char kind[ANSWER_MAX], sender[ANSWER_MAX];
  struct setup_words w = {.at = {"account", "add", s->account}, .count = 3};
  size_t given = cli_option_count(s->cli, "sender");
  enum exit_status status =
      ask(s->cli, "for", "What will use it: wordpress, php, device or server?", "wordpress", answer_kind, kind);
  if (status == EXIT_DONE) status = ask_sender(s, kind, sender);
  if (status != EXIT_DONE) return status;
  for (size_t i = 0; i < given; i++) setup_option(&w, "--sender", cli_option_at(s->cli, "sender", i));
  if (!given) setup_option(&w, "--sender", sender);
  setup_option(&w, "--for", kind);
  return setup_run(s, &w);
}

static enum exit_status accounts(struct setup *s) {
  struct directory *d = read_directory(s);
  if (!d) return EXIT_NO;
  setup_title(s, "5. The account of the first application");
  char guess[DOMAIN_MAX + 1] = "site";
  if (!answer_is_none(s->domain)) snprintf(guess, sizeof guess, "%.*s", (int)strcspn(s->domain, "."), s->domain);
  if (d->account_count) snprintf(guess, sizeof guess, "%s", d->accounts[0].name);
  enum exit_status status = ask(s->cli, "account", "Its name? (none: later)", guess, answer_account, s->account);
  bool known = status == EXIT_DONE && directory_account(d, bytes_of(s->account));
  directory_release(&d);
  if (status != EXIT_DONE || answer_is_none(s->account)) return status;
  if (!known) return add_account(s);
  setup_say(s, "%s is there already; what its application needs: sendoff account set %s --for KIND", s->account,
            s->account);
  return EXIT_DONE;
}

/* --- all of it --- */

static enum exit_status run_steps(struct setup *s) {
  enum exit_status status = begin(s);
  if (status == EXIT_DONE) status = sources(s);
  if (status == EXIT_DONE) status = domains(s);
  if (status == EXIT_DONE) status = accounts(s);
  if (status == EXIT_DONE) status = setup_start(s);
  return status == EXIT_DONE ? setup_check(s) : status;
}

/* All that was given, before anything is done. */
static enum exit_status check_options(const struct cli *c) {
  static const struct {
    const char *option;
    answer_check *check;
  } all[] = {{"hostname", answer_hostname}, {"source", answer_source},    {"public", answer_public},
             {"domain", answer_domain},     {"account", answer_account},  {"for", answer_kind},
             {"sender", answer_sender},     {"test-to", answer_recipient}};
  for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
    for (size_t j = 0; j < cli_option_count(c, all[i].option); j++) {
      const char *given = cli_option_at(c, all[i].option, j), *wrong = all[i].check(given);
      if (wrong) return cli_fail(EXIT_USAGE, "--%s %s: %s", all[i].option, given, wrong);
    }
  return EXIT_DONE;
}

/* Is the account made in this run? It may be there from an earlier one. */
static enum exit_status is_new_account(struct setup *s, bool *out) {
  const char *name = cli_option(s->cli, "account");
  *out = !name || !answer_is_none(name);
  if (!*out || !is_configured(s)) return EXIT_DONE;
  struct directory *d = read_directory(s);
  if (!d) return EXIT_NO;
  *out = name ? !directory_account(d, bytes_of(name)) : !d->account_count;
  directory_release(&d);
  return EXIT_DONE;
}

/* What fits only together: a new account needs a sender, which --yes takes from the domain, and a device an address. */
static enum exit_status check_account(struct setup *s) {
  const struct cli *c = s->cli;
  const char *sender = cli_option(c, "sender"), *kind = cli_option(c, "for"), *domain = cli_option(c, "domain");
  bool device = kind && strcmp(kind, "device") == 0, is_new;
  const char *wrong = device && sender ? answer_device_sender(sender) : NULL;
  bool missing = cli_switch(c, "yes") && !sender && domain && answer_is_none(domain);
  if (!wrong && !missing) return EXIT_DONE;
  enum exit_status status = is_new_account(s, &is_new);
  if (status != EXIT_DONE || !is_new) return status;
  if (wrong) return cli_fail(EXIT_USAGE, "--for device --sender %s: %s", sender, wrong);
  return cli_fail(EXIT_USAGE,
                  "--domain none: then say who the account may send as, as in --sender %s, or write "
                  "--account none",
                  device ? "printer@example.com" : "example.com");
}

/* Who is not root learns it before the questions. */
static enum exit_status check_place(const struct cli *c) {
  const char *path = config_path(c->config_option);
  char folder[PATH_MAX];
  snprintf(folder, sizeof folder, "%s", path);
  if (access(access(path, F_OK) == 0 ? path : dirname(folder), W_OK) == 0 || errno != EACCES) return EXIT_DONE;
  return cli_fail(EXIT_NO, "%s: %s; run this as root", path, strerror(errno));
}

static enum exit_status setup(struct cli *c) {
  if (check_options(c) != EXIT_DONE) return EXIT_USAGE;
  if (check_place(c) != EXIT_DONE) return EXIT_NO;
  struct setup *s = calloc(1, sizeof *s);
  if (!s) return cli_fail(EXIT_NO, "out of memory");
  s->cli = c;
  enum exit_status status = check_account(s);
  if (status == EXIT_DONE) status = run_steps(s);
  free(s);
  return status;
}

const struct verb setup_verbs[] = {
    {"setup", NULL,
     "[--hostname NAME] [--source ADDRESS|none]... [--public ADDRESS|none] [--domain DOMAIN|none] [--account "
     "NAME|none] [--for wordpress|php|device|server] [--sender DOMAIN|ADDRESS]... [--certificate FILE --key FILE] "
     "[--start yes|no] [--test-to ADDRESS|none] [--data-dir DIR] [--listen "
     "ADDR:PORT/starttls|implicit|optional|unix:PATH]... [--dns ADDR@PORT] [--yes]",
     "The first hour: asks for the gateway's name, the address that mail leaves from, the first domain and the first "
     "account, makes them, starts the gateway and checks everything. Each option answers a question, --yes takes the "
     "defaults for the others. What is there already stays as it is, so it can be run again. Exit status 1: something "
     "is still to be done, and was said.",
     "sendoff setup\n"
     "sendoff setup --yes --hostname smtp.example.com --domain example.com --account blog --for wordpress",
     0, 0, setup},
    {0}};
