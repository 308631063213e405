#include "cli/help/config_help.h"

#include "cli/output/output.h"
#include "relay/daemon/config_keys.h"

#include <stdio.h>
#include <string.h>

const char config_help_intro[] =
    "The file has only what the gateway needs to start; accounts, domains, sources, routes and limits are in the "
    "store, and are changed by command (sendoff(1)) while it runs. Keys are NAME = VALUE, blocks are NAME { ... }; # "
    "begins a comment. Texts are in quotes, as are spans of time (\"30s\", \"5m\", \"4h\", \"7d\") and sizes "
    "(\"36M\", \"2G\"); lists "
    "are in braces. An unknown key or a bad value is refused with file and line: sendoff config check.";

const char config_help_example[] = "hostname = \"smtp.example.com\"\n"
                                   "user     = \"sendoff\"\n"
                                   "\n"
                                   "listen \"0.0.0.0:587\" { tls = \"starttls\" }\n"
                                   "listen \"0.0.0.0:465\" { tls = \"implicit\" }\n"
                                   "\n"
                                   "tls {\n"
                                   "  certificate = \"/etc/sendoff/tls/smtp.example.com/fullchain.pem\"\n"
                                   "  key         = \"/etc/sendoff/tls/smtp.example.com/privkey.pem\"\n"
                                   "}\n"
                                   "\n"
                                   "limits { max_message_size = \"50M\" }\n"
                                   "log { retain = \"90d\" }";

#define LISTEN "listen"

const struct config_help config_helps[] = {
    {CONFIG_TOP, "hostname", "The gateway's name, in its greeting, EHLO, Received and Message-ID. A full domain name."},
    {CONFIG_TOP, "data_dir", "Where the store is. Belongs to the user, and to nobody else."},
    {CONFIG_TOP, "user", "Whom it runs as after its ports are open, when it is started as root."},
    {CONFIG_TOP, "loops", "Event loops; 0: one for each core."},
    {CONFIG_TOP, "received_client",
     "Whether Received names the client's address. By default it does not: that is often "
     "somebody's home."},
    {CONFIG_TOP, "dns_hook", "A program that publishes DNS records of signing keys (docs/rotation.md)."},

    {LISTEN, CONFIG_TITLE, "An address and a port, as in 0.0.0.0:587 or [::]:465."},
    {LISTEN, "tls",
     "starttls: TLS is asked for, and nothing goes without; implicit: TLS from the first octet; optional: "
     "offered."},
    {LISTEN, "proxy",
     "Networks whose connections begin with the PROXY protocol's header, as a load balancer writes it."},

    {"tls", "certificate",
     "The certificate's chain, PEM. Read as the user, again when it changes and with SIGHUP. With "
     "several blocks, the client's server name (SNI) chooses."},
    {"tls", "key", "Its private key, PEM without a passphrase."},
    {"tls", "cbc",
     "Offers CBC cipher suites too, for devices that know no others; many of these know RSA certificates only."},

    {"auth", "mechanisms", "What AUTH offers, inside TLS."},

    {"dns", "servers", "Resolvers, ADDRESS@PORT. By default those of resolv.conf."},
    {"dns", "trust_anchor", "The root's keys for DNSSEC. By default the distribution's."},

    {"dns_update", CONFIG_TITLE, "A zone that records of signing keys are published in, by updates (RFC 2136)."},
    {"dns_update", "server", "Its primary server, ADDRESS@PORT."},
    {"dns_update", "key_name", "The name of the key that signs the updates (TSIG)."},
    {"dns_update", "algorithm", "That key's algorithm."},
    {"dns_update", "key_file", "A file with the key, in base64."},

    {"blocklist", CONFIG_TITLE, "The zone of a DNS blocklist that the sources are looked up in."},
    {"blocklist", "kind", "Whether the list has addresses (ip) or domains (domain)."},
    {"blocklist", "every", "How often it is asked."},

    {"delivery", "port", "The port of mail exchangers."},
    {"delivery", "local_next_hops",
     "Lets mail go to loopback and to this machine's own addresses: for tests and labs."},
    {"delivery", "learning", "What sites answer decides when and from where they are tried next (docs/learning.md)."},
    {"delivery", "dane", "TLSA records of next hops are followed (RFC 7672)."},
    {"delivery", "mta_sts", "MTA-STS policies of recipients' domains are followed (RFC 8461)."},
    {"delivery", "simulator",
     "A domain whose mail is played by the gateway, not sent: for tests (docs/simulator.md). By default none."},
    {"delivery", "shaping", "The table of providers. By default the installed one (docs/pace.md)."},
    {"delivery", "trust", "Roots that next hops' certificates are verified with. By default the system's."},
    {"delivery", "https_trust", "Roots for HTTPS: policies and tokens. By default the system's."},
    {"delivery", "retry", "Waits between attempts; the last one repeats."},
    {"delivery", "expire", "After so long mail that could not be delivered is returned."},
    {"delivery", "delay_notice", "After so long a sender who wants it is notified of the delay; \"never\"."},
    {"delivery", "delay_warning", "Another name of delay_notice."},
    {"delivery", "reply_timeout", "The longest wait for a next hop's reply."},

    {"limits", "max_message_size", "The largest message."},
    {"limits", "max_sessions", "Sessions at once."},
    {"limits", "max_sessions_per_address", "Sessions at once from one address."},
    {"limits", "max_connections", "Connections to next hops at once; 0: a thousand for each event loop."},
    {"limits", "max_recipients", "Recipients of one message."},
    {"limits", "command_timeout", "How long a client may be silent between commands."},
    {"limits", "data_timeout", "How long a client may be silent in its message."},
    {"limits", "handshake_timeout", "How long a TLS handshake may take."},
    {"limits", "minimum_rate", "Octets a second that a message must come with; 0: any."},
    {"limits", "login_failures_per_address", "Failed logins after which an address is banned; 0: any number."},
    {"limits", "login_failures_per_account",
     "Failed logins after which an account lets in known addresses only; 0: any "
     "number."},
    {"limits", "login_window", "The time in which these are counted."},
    {"limits", "ban", "How long a ban lasts."},
    {"limits", "max_hold",
     "The longest that a client may have mail held (FUTURERELEASE, RFC 4865); \"0s\": not offered."},
    {"limits", "idempotency_window",
     "How long the same message is answered with the first one's id, and not sent again; "
     "\"0s\": never."},
    {"limits", "repeat_window", "An older name of idempotency_window."},

    {"log", "retain", "How long events are kept."},
    {"log", "max_size", "How much room events may take, with their indexes; the oldest go first. \"0\": any."},
    {"log", "subject", "Whether the log keeps the subjects of messages, from then on."},
    {"log", "format", "Of what the running gateway writes to standard error: text or json."},

    {"suppression", "keep", "How long a recipient that bounced is suppressed."},

    {"tls_reports", "from", "The address that TLS reports come from; without it none are sent (docs/tls-reports.md)."},
    {"tls_reports", "organization", "The name in them. By default the host name."},
    {"tls_reports", "contact", "Whom their readers may write to. By default the address in from."},

    {"store", "disk_reserve", "Room on the disk that mail may not take, so that what is there can still be delivered."},

    {"http", "listen", "Not in this version."},
};
const size_t config_help_count = sizeof config_helps / sizeof config_helps[0];

void config_help_preset(const struct config_help *h, char *out, size_t size) {
  const struct config_key *k = config_key_find(h->block, h->name);
  snprintf(out, size, "%s", k && k->preset ? k->preset : "");
}

const char *config_help_title(const struct config_help *h) {
  if (strcmp(h->block, CONFIG_TOP) == 0) return "At the top";
  static char title[64];
  for (size_t i = 0; i < config_block_count; i++)
    if (strcmp(config_blocks[i].name, h->block) == 0)
      snprintf(title, sizeof title, "%s %s{ ... }%s", h->block, config_blocks[i].titled ? "\"...\" " : "",
               config_blocks[i].repeated ? ", as often as needed" : "");
  return title;
}

void config_help_print(void) {
  const char *block = NULL;
  print_wrapped(config_help_intro, 0, 0, false);
  for (size_t i = 0; i < config_help_count; i++) {
    const struct config_help *h = &config_helps[i];
    char preset[256], text[1024];
    if (!block || strcmp(block, h->block) != 0) printf("\n%s\n", config_help_title(h));
    block = h->block;
    config_help_preset(h, preset, sizeof preset);
    snprintf(text, sizeof text, "%s%s%s", h->text, *preset ? " Default: " : "", preset);
    printf("  %s\n      ", *h->name ? h->name : "\"...\"");
    print_wrapped(text, 6, 6, false);
  }
  printf("\n%s\n", config_help_example);
}
