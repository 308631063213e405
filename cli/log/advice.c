#include "cli/log/advice.h"

#include "base/id.h"
#include "base/mail/rule.h"

#include <stdbool.h>
#include <string.h>

#define REFUSED (1u << EVENT_REFUSED)
#define DEFERRED (1u << EVENT_DEFERRED)
#define BOUNCED (1u << EVENT_BOUNCED)
#define EXPIRED (1u << EVENT_EXPIRED)
#define HELD (1u << EVENT_HELD)

#define SENDER_ADVICE                                                                                                  \
  "Let the account use that sender: sendoff account set {account} --add-sender ADDRESS (or its domain). Or correct "   \
  "the sender address in the application."

#define MALFORMED_ADVICE "The message is not well-formed, as the text says. Fix the application that makes it."

/* The first row that fits counts. `rule`: the event's cause (base/mail/rule.h); NULL for any. `enhanced`: how the
 * enhanced status code begins; NULL for any. Logs of older versions have no rules: their events fit rows by the code
 * alone, if that is unambiguous. {account}, {domain} (the reverse-path's) and {id} are filled in. */
static const struct row {
  unsigned kinds;
  const char *rule, *enhanced, *advice;
} table[] = {
    /* what we refuse */
    {REFUSED, RULE_SPF, "5.7.23",
     "Add to the SPF record what the reply shows (sendoff domain records {domain} prints it, too), wait until its TTL "
     "has passed, and send again. Until then: sendoff domain set {domain} --spf observe"},
    {REFUSED, RULE_BULK, NULL,
     "Give the mail what the text says is missing, or say that it is no bulk mail: X-Sendoff-Stream: transactional. "
     "Until then: sendoff account set {account} --bulk-rules observe"},
    {REFUSED, RULE_SENDER, NULL, SENDER_ADVICE},
    {REFUSED, RULE_HEADER_FROM, NULL, SENDER_ADVICE},
    {REFUSED, RULE_RECIPIENT, NULL,
     "Have the application write to somebody whom the text allows, or allow this one, too: sendoff account set "
     "{account} --to PATTERN replaces the list of those it may write to, --not-to that of those it may not ('none' "
     "empties either); sendoff account show {account} shows both."},
    {REFUSED, RULE_SIMULATOR, NULL,
     "Write to one of the simulator's addresses, as the text lists them; anything may follow a +, as in "
     "bounce+order12@. docs/simulator.md says what each does."},
    {REFUSED, RULE_SUSPENDED, NULL,
     "An operator, or the brake on stolen credentials, suspended the account. sendoff account review {account} shows "
     "what the brake sees. When the cause is gone: sendoff account resume {account}; what the brake did ends with: "
     "sendoff account trust {account}"},
    {REFUSED, RULE_LOGIN_ENDED, NULL,
     "The account's password, certificates or client addresses were changed while a session was open. If the "
     "application has the new ones, it goes on by itself."},
    {REFUSED, RULE_ACCOUNT_GONE, NULL,
     "The account was removed while a session was open. The application needs another one: sendoff account add"},
    {REFUSED, RULE_AUTHENTICATION, NULL,
     "The application sent mail, or its password, without logging in or without TLS. Set user name, password and "
     "STARTTLS (port 587) or TLS (port 465) in it."},
    {REFUSED, RULE_USER_DATABASE, NULL,
     "A user of this machine used the local socket, and the machine's database of users (/etc/nsswitch.conf: LDAP, "
     "SSSD) "
     "did not say in time who that is. Programs try again; see whether it answers: getent passwd UID"},
    {REFUSED, RULE_LOCAL_USER, NULL,
     "A user of this machine sent mail by the local socket (sendmail, PHP's mail(), cron), and no account is his. Say "
     "for which one he sends, as the text shows, with the account's name (sendoff account list)."},
    {REFUSED, RULE_TLS_HANDSHAKE, NULL,
     "The TLS handshake with that client failed, as the text says. If it does not trust the certificate, give the "
     "gateway one that it does (tls { certificate } in the configuration)."},
    {REFUSED, RULE_SESSIONS, NULL,
     "Too many connections at once. The limits are max_sessions and max_sessions_per_address in the configuration."},
    {REFUSED, RULE_BANNED, NULL,
     "Too many failed logins came from that address. If it is one of yours, correct the password there, then: sendoff "
     "unban ADDRESS"},
    {REFUSED, RULE_RECIPIENTS, NULL,
     "Send to fewer recipients in one message, or raise max_recipients in the configuration."},
    {REFUSED, RULE_SYNTAX, NULL, "What the client said cannot be read as SMTP; the text says what is expected."},
    {REFUSED, RULE_SEQUENCE, NULL, "The client said its commands in another order than SMTP has them."},
    {REFUSED, RULE_MESSAGE_LIMIT, NULL,
     "Send to fewer recipients, or less, in one message; or change the limit: sendoff account set {account} "
     "--remove-limit OLD --add-limit NEW."},
    {REFUSED, RULE_SMOOTH_LIMIT, NULL,
     "The account sends more than its smoothed limit lets out. Raise it: sendoff account set {account} "
     "--remove-limit OLD --add-limit NEW. sendoff queue list --account {account} shows what waits."},
    {REFUSED, RULE_LIMIT, NULL,
     "Wait until the window ends, or raise the limit: sendoff account set {account} --remove-limit OLD --add-limit "
     "NEW. sendoff account usage {account} shows its limits and what is used of them. Where the text names a domain, "
     "or the "
     "gateway, the limit is theirs: sendoff domain set, sendoff gateway set; and domain usage, gateway usage."},
    {REFUSED, RULE_LOGIN, "5.7.8",
     "The application has a wrong password. Make a new one: sendoff account password {account}. If nobody knows that "
     "client address, somebody is guessing."},
    {REFUSED, RULE_LOGIN_RESTRICTED, NULL,
     "Somebody guesses at the account's password. Clients that have logged in before are not affected; to let new ones "
     "in at once: sendoff unban {account}"},
    {REFUSED, RULE_BARE_NEWLINE, "5.6.11",
     "The application ends lines with LF or CR alone. Most mail libraries have a setting for CRLF; some need the "
     "message built with it."},
    {REFUSED, RULE_8BIT, "5.6.1",
     "The application sends 8-bit text without announcing it. Allow it: sendoff account set {account} --eight-bit "
     "accept"},
    {REFUSED, RULE_HEADER_8BIT, "5.6.7",
     "A header field has raw 8-bit text. Encode it (RFC 2047), or allow it: sendoff account set {account} --eight-bit "
     "accept"},
    {REFUSED, RULE_HEADER_SIZE, NULL, "The message's header is too large. Fix the application that makes it."},
    {REFUSED, RULE_SIZE, "5.3.4",
     "The message is too large. Raise max_message_size in the configuration, or send less."},
    {REFUSED, RULE_MAIL_LOOP, "5.4.6",
     "A mail loop: a forwarder or a route sends the message back here. Its Received fields show the way it took."},
    {REFUSED, NULL, "5.6.", MALFORMED_ADVICE},
    {REFUSED, RULE_HEADER_SENDER, NULL, SENDER_ADVICE},
    {REFUSED, RULE_DISK, NULL,
     "Make room on the gateway's disk: sendoff status shows what is free and what is kept free (disk_reserve in the "
     "configuration), and its own log says the rest. Then send again."},
    {REFUSED, RULE_STORE, NULL,
     "The gateway's store did not take it: sendoff status shows how it is, and its own log why. Then send again."},
    {REFUSED, RULE_SIGNING, "4.3.5",
     "Signing failed; the gateway's own log says why. sendoff dkim list {domain} shows the keys."},
    {REFUSED, NULL, "4.3.",
     "The gateway could not do it at that moment (disk or memory); its own log says more. The application should try "
     "again."},
    {REFUSED, NULL, "",
     "The text says what is not allowed; sendoff account show {account} shows the account's senders and limits."},
    /* what waits */
    {HELD, RULE_BRAKE, NULL,
     "The account does not send as it usually does: its password may be stolen. sendoff account review {account} shows "
     "why, and what to do. If it is right so: sendoff account trust {account}, then: sendoff queue release --account "
     "{account}"},
    {HELD, NULL, NULL, "It is held by command. To let it go: sendoff queue release {id}"},
    {BOUNCED, RULE_COMMAND, NULL,
     "An operator had it returned to its sender (sendoff queue bounce), who was notified. The recipient is not "
     "suppressed: what is sent to it from now on goes as usual."},
    {DEFERRED, RULE_SOURCE, "4.3.5",
     "The pool has no address to send from that fits, that this machine has now, (IPv6) whose PTR record is right, "
     "and that no blocklist pauses; sendoff source list shows which, and what to do. Give the machine the address "
     "back, or take it out: sendoff source remove ADDRESS. It is noticed within seconds; to try "
     "at once: sendoff queue retry {id}"},
    {DEFERRED, RULE_PACE, NULL,
     "It is not this site's turn yet: the text says why. What each site takes, and what holds it back, is in: sendoff "
     "site list. To send there again at once: sendoff site resume SITE."},
    {DEFERRED | EXPIRED, RULE_WARMUP, NULL,
     "The source that it leaves from is new, and sends no more to that provider for now; it goes by itself when its "
     "turn comes. sendoff source list shows how far the source is, and what holds it back. To have a warm source take "
     "the rest, put one into its pool (sendoff source add), then: sendoff queue retry {id}. To send all of it now: "
     "sendoff source set ADDRESS --warmup none"},
    {DEFERRED, RULE_PROBE, NULL,
     "No host of that site takes a connection. One message at a time finds out whether that is over, after as long as "
     "the retries wait, and half an hour at most; then all of its mail goes at once. To ask now: sendoff queue retry "
     "{id}"},
    {DEFERRED, RULE_DNS, "4.4.3",
     "DNS does not answer for that domain, or DNSSEC does not confirm what it answers. If others fail, too, check the "
     "dns block of the configuration; otherwise its operators have to fix it. Retries continue by themselves."},
    {DEFERRED, RULE_STOPPING, NULL, "The gateway was stopping. It is tried again when the gateway runs."},
    {DEFERRED, RULE_LOCAL, NULL,
     "This gateway lacked memory or disk at that moment; its own log says more. Retries continue by themselves."},
    {DEFERRED | EXPIRED, RULE_ROUTE, NULL,
     "A route that was made by command leads nowhere. sendoff route list shows it; correct it: sendoff route set, or "
     "remove it: sendoff route remove. At once afterwards: sendoff queue retry {id}"},
    {DEFERRED | EXPIRED, RULE_TLS_ENFORCED, NULL,
     "The route to that host requires TLS, and the text says what is wrong with it: a certificate that is not for the "
     "host's name, or not by an authority that is trusted (delivery { trust }). Name the host as its certificate does, "
     "or have it corrected there; sendoff route set with --tls may does without, and with it any host can take the "
     "mail."},
    {DEFERRED | EXPIRED, RULE_DANE, NULL,
     "The next hop has signed TLSA records, which say that it has TLS with another certificate than the one that it "
     "shows, or than none: a certificate that was renewed without them, mostly, or somebody in between. Its operators "
     "have to fix it (records _25._tcp.HOST, or with another port); the mail waits meanwhile. Is its certificate by an "
     "authority that is trusted, then that can count instead: sendoff route add DOMAIN direct --tls verify, or, where "
     "the mail takes a route already (sendoff route list), sendoff route set with --tls verify. Only if they ask for "
     "it without: --tls none; then any host can take the mail."},
    {DEFERRED | EXPIRED, RULE_STS, NULL,
     "The recipient's domain has an MTA-STS policy (https://mta-sts.DOMAIN/.well-known/mta-sts.txt), and the host is "
     "not as it says: not of those that it names, without TLS, or with a certificate that is not for its name or not "
     "by an authority that is trusted (delivery { trust }). Its operators have to fix it, or their policy, with a new "
     "id in DNS (TXT at _mta-sts.DOMAIN), which is followed as soon as DNS shows it; the mail waits meanwhile. Only if "
     "they ask for it without: sendoff route add DOMAIN direct --tls none; then any host can take the mail."},
    {DEFERRED | EXPIRED, RULE_NEXT_HOP_LOGIN, NULL,
     "The next hop does not let the gateway log in, or there is no token to log in with. Check the user, and the "
     "password or the application's secret and rights, there, then give the new one: sendoff route set DOMAIN HOST "
     "--user NAME --password-stdin (sendoff route list shows them, and why there is no token). No mail is lost "
     "meanwhile; at once afterwards: sendoff queue retry {id}"},
    {DEFERRED, RULE_TLS, NULL,
     "TLS with that host did not work. The next attempt begins with TLS again, and goes on without it if that fails as "
     "well, unless the application has sent it with REQUIRETLS."},
    {DEFERRED, NULL, "4.4.",
     "The recipient's host cannot be reached now. Retries continue by themselves; if all domains fail, check this "
     "machine's way out (providers often block port 25). To try at once: sendoff queue retry {id}"},
    {DEFERRED, NULL, "4.2.2", "The mailbox is full. Retries continue by themselves."},
    {DEFERRED, NULL, "4.7.",
     "The recipient's host defers it by its own rules (greylisting, reputation, rate). Retries continue by themselves. "
     "Check that the source's address resolves to its HELO name and back, and that SPF and DKIM are published: sendoff "
     "domain records {domain}"},
    {DEFERRED, NULL, NULL,
     "Nothing: the host asked to try later, and retries continue by themselves. To try at once: sendoff queue retry "
     "{id}"},
    /* what bounced */
    {BOUNCED, RULE_NULL_MX, "5.1.10", "The domain says that it takes no mail. Correct the address."},
    {BOUNCED, NULL, "5.1.",
     "The address does not exist. Correct it, or take it off the list: mail to unknown addresses harms the sender's "
     "reputation."},
    {BOUNCED, NULL, "5.2.2", "The mailbox is full. Reach the person in another way, or send again later."},
    {BOUNCED, NULL, "5.2.", "The mailbox does not take mail now (disabled, or not for this sender)."},
    {BOUNCED, NULL, "5.3.4", "The message is too large for that host. Send less, or a link."},
    {BOUNCED, RULE_MAIL_LOOP, "5.4.6",
     "The recipient's mail exchanger is this gateway itself, or its machine. Correct the domain's MX record. In a test "
     "or "
     "a lab, mail may go to this machine with delivery { local_next_hops = yes }."},
    {BOUNCED, RULE_NO_ADDRESS, "5.4.4",
     "The recipient's mail exchangers have no address that mail can go to; the domain's operators have to fix it. In a "
     "test or a lab, mail may go to loopback with delivery { local_next_hops = yes }."},
    {BOUNCED, RULE_NO_DELIVERBY, "5.4.7",
     "The application set a deadline (BY= with R), which that host does not promise to keep. Give it more time, or "
     "send without."},
    {BOUNCED, RULE_NO_SMTPUTF8, "5.6.7",
     "The address has letters beyond ASCII before its @, and that host takes ASCII only. Use another address of that "
     "person or, for a sender, of the application."},
    {BOUNCED, RULE_NO_SMTPUTF8, "5.6.9",
     "The header has raw UTF-8, and that host takes ASCII only. Encode the fields (RFC 2047)."},
    {BOUNCED, NULL, "5.6.", "That host does not take this kind of content; send it as plain 7-bit MIME."},
    {BOUNCED, RULE_NO_TLS, NULL,
     "The application sent it with REQUIRETLS. That takes MX records signed with DNSSEC, and hosts with a certificate "
     "for their name, which that domain does not have. Or send without REQUIRETLS."},
    {BOUNCED, RULE_TLS, NULL,
     "The application sent it with REQUIRETLS, and TLS with that host is not good enough for that; its operators have "
     "to fix it. Or send without REQUIRETLS."},
    {BOUNCED, RULE_NO_REQUIRETLS, "5.7.30",
     "The application sent it with REQUIRETLS, which that host does not offer. Send without, or reach them otherwise."},
    {BOUNCED, NULL, "5.7.",
     "The recipient's host refused it by its own rules; its reply says which. Check that SPF, DKIM and DMARC are "
     "published (sendoff domain records {domain}) and that the source's address resolves to its HELO name and back."},
    {BOUNCED, NULL, NULL, "The recipient's host refused it permanently; its reply says why."},
    {EXPIRED, RULE_DEADLINE, "5.4.7",
     "The application set a deadline (BY= with R), and it passed before the message could be delivered. The reason "
     "above says what prevented it; send again, with more time."},
    {EXPIRED, NULL, NULL,
     "It was tried until the time in delivery { expire } had passed. Fix what the last reason above says; then send "
     "again."},
};

static bool starts_with(const char *text, const char *start) {
  return strncmp(text, start, strlen(start)) == 0;
}

static bool fits(const struct row *r, const struct event *e) {
  if (!(r->kinds & (1u << e->kind))) return false;
  bool code = r->enhanced && starts_with(e->enhanced, r->enhanced);
  if (!r->rule) return code || !r->enhanced;
  return *e->rule ? strcmp(r->rule, e->rule) == 0 && (code || !r->enhanced) : code;
}

/* Copies `text`, with the marks replaced, as far as there is room. */
static void fill(const char *text, const char *const marks[][2], size_t count, char *out, size_t size) {
  size_t n = 0;
  while (*text) {
    const char *put = text;
    size_t len = 1, skip = 1;
    for (size_t i = 0; i < count; i++) {
      size_t mark = strlen(marks[i][0]);
      if (strncmp(text, marks[i][0], mark) != 0) continue;
      put = marks[i][1];
      len = strlen(put);
      skip = mark;
    }
    if (n + len >= size) break;
    memcpy(out + n, put, len);
    n += len;
    text += skip;
  }
  out[n] = '\0';
}

void advise(const struct event *e, char *out, size_t size) {
  const char *at = strrchr(e->from, '@');
  char id[ID_TEXT] = "ID";
  if (e->message_id) id_format(e->message_id, id);
  const char *const marks[][2] = {
      {"{account}", *e->account ? e->account : "ACCOUNT"}, {"{domain}", at && at[1] ? at + 1 : "DOMAIN"}, {"{id}", id}};
  out[0] = '\0';
  for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
    if (!fits(&table[i], e)) continue;
    fill(table[i].advice, marks, sizeof marks / sizeof marks[0], out, size);
    return;
  }
}
