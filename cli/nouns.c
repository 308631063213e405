#include "cli/nouns.h"

#include <string.h>

/* In the order of the help: what comes first when one begins, then what is done daily. */
const struct noun cli_nouns[] = {
    {setup_verbs, "the first hour, step by step"},
    {init_verbs, "make the configuration and the store"},
    {serve_verbs, "run the gateway"},
    {config_verbs, "check the configuration file"},
    {account_verbs, "who may send, as whom, and how much"},
    {domain_verbs, "domains that mail is sent from, and their DNS records"},
    {dkim_verbs, "signing keys and their rotation"},
    {source_verbs, "addresses that mail leaves from"},
    {route_verbs, "next hops other than the mail exchangers"},
    {site_verbs, "providers that mail goes to: pace, pauses"},
    {gateway_verbs, "limits and checks for all mail"},
    {policy_verbs, "the checks, and trying a limit on mail of the past"},
    {queue_verbs, "mail that waits"},
    {suppression_verbs, "recipients that are not written to"},
    {log_verbs, "the delivery log: what became of each message"},
    {why_verbs, "explain a refusal or a delay"},
    {explain_verbs, "a dry run of one message"},
    {tls_report_verbs, "reports to domains on TLS with them"},
    {status_verbs, "the running gateway: counters, certificates, bans"},
    {doctor_verbs, "what is wrong, and what fixes it"},
    {send_test_verbs, "send a real message and follow it to its end"},
    {unban_verbs, "lift a ban"},
    {import_verbs, "take over what other programs have"},
    {backup_verbs, "copy a running gateway into one file"},
    {restore_verbs, "put a backup back"},
    {help_verbs, "help on commands and topics"},
    {completion_verbs, "completion for bash and zsh"},
};
const size_t cli_noun_count = sizeof cli_nouns / sizeof cli_nouns[0];

const struct noun *noun_find(const char *name) {
  for (size_t i = 0; i < cli_noun_count; i++)
    if (strcmp(cli_nouns[i].verbs->noun, name) == 0) return &cli_nouns[i];
  return NULL;
}

const struct verb *noun_verb(const struct verb *verbs, const char *name) {
  for (const struct verb *v = verbs; v->noun; v++)
    if (v->name && name && strcmp(v->name, name) == 0) return v;
  for (const struct verb *v = verbs; v->noun; v++)
    if (!v->name) return v;
  return NULL;
}
