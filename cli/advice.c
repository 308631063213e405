#include "cli/advice.h"

#include "base/id.h"

#include <string.h>

#define REFUSED (1u << EVENT_REFUSED)
#define DEFERRED (1u << EVENT_DEFERRED)
#define BOUNCED (1u << EVENT_BOUNCED)
#define EXPIRED (1u << EVENT_EXPIRED)
#define HELD (1u << EVENT_HELD)

/* The first line that fits counts: kinds, how the enhanced code begins, what the text holds. {account}, {domain} (the
 * reverse-path's) and {id} are filled in. The texts are those of relay/ and policy/. */
static const struct {
  unsigned kinds;
  const char *enhanced, *text, *advice;
} table[] = {
    /* what we refuse */
    {REFUSED, "5.7.23", "",
     "Publish the SPF record that the reply shows (sendoff domain records {domain} prints it, too), wait until its TTL "
     "has passed, and send again. Until then: sendoff domain set {domain} --spf observe"},
    {REFUSED, "5.7.1", "may not send",
     "Let the account use that sender: sendoff account set {account} --sender ... (name all that it may use; the list "
     "replaces the old one). Or correct the From address in the application."},
    {REFUSED, "", "is suspended",
     "An operator suspended the account. When the cause is gone: sendoff account resume {account}"},
    {REFUSED, "5.7.1", "in this message",
     "Send to fewer recipients, or less, in one message; or raise the limit: sendoff account set {account} --limit ... "
     "(name all of its limits)."},
    {REFUSED, "", "waits behind the limit",
     "The account sends more than its smoothed limit lets out. Raise it: sendoff account set {account} --limit ... "
     "(name all of its limits). sendoff queue list --account {account} shows what waits."},
    {REFUSED, "", "; resets ",
     "Wait until the window ends, or raise the limit: sendoff account set {account} --limit ... (name all of its "
     "limits). sendoff account usage {account} shows where it stands."},
    {REFUSED, "5.7.8", "",
     "The application has a wrong password. Make a new one: sendoff account password {account}. If nobody knows that "
     "client address, somebody is guessing."},
    {REFUSED, "5.6.11", "",
     "The application ends lines with LF or CR alone. Most mail libraries have a setting for CRLF; some need the "
     "message built with it."},
    {REFUSED, "5.6.1", "",
     "The application sends 8-bit text without announcing it. Allow it: sendoff account set {account} --eight-bit "
     "accept"},
    {REFUSED, "5.6.7", "",
     "A header field has raw 8-bit text. Encode it (RFC 2047), or allow it: sendoff account set {account} --eight-bit "
     "accept"},
    {REFUSED, "5.6.0", "", "The message is not well-formed, in the way that the text says; its maker has to mend it."},
    {REFUSED, "5.3.4", "", "The message is too large. Raise max_message_size in the configuration, or send less."},
    {REFUSED, "5.4.6", "",
     "The message goes in a circle: a forwarder or a route sends it back here. Look at its Received fields."},
    {REFUSED, "4.3.5", "",
     "Signing failed; the gateway's own log says why. sendoff dkim list {domain} shows the keys."},
    {REFUSED, "4.3.", "",
     "The gateway could not do it at that moment (disk or memory); its own log says more. The application should try "
     "again."},
    /* what waits */
    {HELD, "", "", "It is held by command. To let it go: sendoff queue release {id}"},
    {DEFERRED, "4.3.5", "", "The pool has no address to send from that fits; see: sendoff source list"},
    {DEFERRED, "4.4.3", "",
     "DNS does not answer for that domain. If others fail, too, look at the dns block of the "
     "configuration; otherwise it is theirs to mend. Retries go on by themselves."},
    {DEFERRED, "4.4.", "",
     "The recipient's host cannot be reached now. Retries go on by themselves; if all domains fail, look at this "
     "machine's way out (port 25 is often closed by providers). To try at once: sendoff queue retry {id}"},
    {DEFERRED, "4.2.2", "", "The mailbox is full. Retries go on by themselves."},
    {DEFERRED, "4.7.", "",
     "The recipient's host puts it off by its own rules (greylisting, reputation, rate). Retries go on by themselves. "
     "Check that the source's address resolves to its HELO name and back, and that SPF and DKIM are published: sendoff "
     "domain records {domain}"},
    {DEFERRED, "", "",
     "Nothing: the host asked to try later, and retries go on by themselves. To try at once: sendoff "
     "queue retry {id}"},
    /* what came back */
    {BOUNCED, "5.1.10", "", "The domain says that it takes no mail. Correct the address."},
    {BOUNCED, "5.1.", "",
     "The address does not exist. Correct it, or take it off the list: hosts hold mail to unknown "
     "addresses against the sender."},
    {BOUNCED, "5.2.2", "", "The mailbox is full. Reach the person in another way, or send again later."},
    {BOUNCED, "5.2.", "", "The mailbox does not take mail now (disabled, or not for this sender)."},
    {BOUNCED, "5.3.4", "", "The message is too large for that host. Send less, or a link."},
    {BOUNCED, "5.4.6", "", "The recipient's mail exchanger is this gateway itself. Correct the domain's MX record."},
    {BOUNCED, "5.4.4", "", "The recipient's mail exchangers have no address. It is theirs to mend."},
    {BOUNCED, "5.4.7", "",
     "The application set a time (BY= with R), and that host would not keep to it. Give it more, or send without."},
    {BOUNCED, "5.6.7", "",
     "The address has letters beyond ASCII before its @, and that host takes ASCII only. Use another address of that "
     "person or, for a sender, of the application."},
    {BOUNCED, "5.6.9", "", "The header has raw UTF-8, and that host takes ASCII only. Encode the fields (RFC 2047)."},
    {BOUNCED, "5.6.", "", "That host does not take this kind of content; send it as plain 7-bit MIME."},
    {BOUNCED, "5.7.10", "the message requires TLS",
     "The application sent it with REQUIRETLS. That takes MX records signed with DNSSEC, and hosts with a certificate "
     "for "
     "their name: theirs to mend. Or send without REQUIRETLS."},
    {BOUNCED, "5.7.10", "TLS: ",
     "The application sent it with REQUIRETLS, and TLS with that host is not good enough for that: theirs to mend. Or "
     "send without REQUIRETLS."},
    {BOUNCED, "5.7.30", "",
     "The application sent it with REQUIRETLS, which that host does not offer. Send without, or reach them otherwise."},
    {BOUNCED, "5.7.", "",
     "The recipient's host refused it by its own rules; its words say which. Check that SPF, DKIM and DMARC are "
     "published (sendoff domain records {domain}) and that the source's address resolves to its HELO name and back."},
    {BOUNCED, "", "", "The recipient's host refused it for good; its words say why."},
    {EXPIRED, "5.4.7", "",
     "The application set a time (BY= with R), and it was over before the message could be delivered. The reason above "
     "says what stood in the way; send again, with more time."},
    {EXPIRED, "", "",
     "It was tried until the time in delivery { expire } was over. The last reason above is the one to look into; then "
     "send again."},
};

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
    if (!(table[i].kinds & (1u << e->kind))) continue;
    if (strncmp(e->enhanced, table[i].enhanced, strlen(table[i].enhanced)) != 0) continue;
    if (!strstr(e->text, table[i].text)) continue;
    fill(table[i].advice, marks, sizeof marks / sizeof marks[0], out, size);
    return;
  }
}
