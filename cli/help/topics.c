#include "cli/help/topics.h"

#include <string.h>

const struct topic topics[] = {
    {"start", "from nothing to the first message",
     "sendoff setup asks for all that is needed, and does it. By hand: make the configuration, then add what mail "
     "needs: a domain with its DNS records, the address that it leaves from, and an account for each application.\n\n"
     "  sendoff init --hostname smtp.example.com\n"
     "  sendoff domain add example.com\n"
     "  sendoff source add 192.0.2.10 --helo smtp.example.com\n"
     "  sendoff account add blog --sender example.com --limit 60/minute:smooth\n"
     "  sendoff domain check example.com\n"
     "  sendoff serve\n\n"
     "The package starts the gateway as a service; then it is: systemctl start sendoff."},
    {"limits", "SPEC: how limits are written",
     "A limit is COUNT[UNIT]/WINDOW[:ACTION].\n\n"
     "UNIT: none for messages; rcpt for recipients; KB or MB. WINDOW: second, minute, hour, day, month, or message, "
     "which is for each message by itself. ACTION: reject (without one), defer, or smooth, which accepts the mail and "
     "spreads its sending.\n\n"
     "  5000/day               messages in a day of the account's time zone\n"
     "  60/minute:smooth       accepted; leaves at that rate\n"
     "  20000rcpt/month:defer  recipients\n"
     "  100rcpt/message        recipients of one message\n"
     "  500MB/day              content\n\n"
     "Seconds, minutes and hours roll; days and months are the calendar's. Over a window's limit the reply is 452. "
     "Short "
     "windows are best smooth, since most web applications do not try again."},
    {"times", "T: how times are written",
     "  2h, 30m, 7d            so long ago; of a pause or a suppression, from now on\n"
     "  today, yesterday       when that day began\n"
     "  18:42                  the last time it was that late\n"
     "  2026-11-01             when that day began\n"
     "  2026-11-01T18:42       that minute\n\n"
     "In this machine's time zone, or with --utc, which every command takes, in UTC; so is a time that ends in Z."},
    {"patterns", "PATTERN: how senders and recipients are matched",
     "In lists of an account: DOMAIN (example.com), *.DOMAIN (its subdomains), ADDRESS, or * for all. In searches of "
     "the queue, the log and suppression lists, * stands for any run of characters, and case does not matter; an entry "
     "of a suppression list is one address. Quote it, so that the shell does not expand it: '*@example.net'."},
    {"checks", "CHECK: what decides, and its modes",
     "Mail is judged by an ordered table of checks: sendoff policy list. Those that have a mode are off, observe "
     "(what they would have refused is in the log) or enforce, for the gateway, a domain or an account; the nearest "
     "one holds. default takes back what was set.\n\n"
     "  sendoff gateway set --dmarc observe\n"
     "  sendoff domain set example.com --dmarc enforce\n"
     "  sendoff account set blog --dmarc default"},
    {"output", "tables, JSON and colours",
     "Tables fit the terminal, or COLUMNS; in a pipe they are as wide as they must be. With --json a command prints "
     "one JSON object a line, with field names that stay (docs/json.md). Times in JSON are UTC (RFC 3339). Colours "
     "are on "
     "terminals only, and never with NO_COLOR. Errors are one line on standard error, which says what to do."},
    {"exit-status", "what scripts can rely on",
     "  0   done; the answer is yes\n"
     "  1   it failed, or the answer is no\n"
     "  2   the command was not understood; nothing was changed"},
    {"files", "where everything is",
     "  /etc/sendoff/sendoff.conf   the configuration: sendoff.conf(5)\n"
     "  /var/lib/sendoff            the store: accounts, keys, queue, log\n"
     "  /run/sendoff                the local socket, for sendmail (docs/local.md)\n"
     "  /usr/share/sendoff          tables of providers and of warm-up, certbot's hook\n"
     "  /usr/share/doc/sendoff      the documents that are named as docs/\n\n"
     "Everything but what the gateway needs to start is in the store, and is changed by command while it runs."},
};
const size_t topic_count = sizeof topics / sizeof topics[0];

const struct topic *topic_find(const char *name) {
  for (size_t i = 0; i < topic_count; i++)
    if (strcmp(topics[i].name, name) == 0) return &topics[i];
  return NULL;
}
