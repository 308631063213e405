#include "relay/delivery/outcome/bounce.h"

#include "base/mail/rule.h"

#include <string.h>

/* --- by enhanced status code --- */

/* How much of a code's word is taken. */
enum weight {
  WEIGHT_NONE, /* not of the mailbox */
  WEIGHT_SOFT,
  WEIGHT_HARD,
  WEIGHT_TEXT /* the code says too little: the text decides */
};

/* Of the permanent ones (5.X.X). What is not in the table is not of the mailbox: so are all of 5.3 (the host), 5.6 (the
 * content) and 5.7 (policy, authentication, reputation), however they are put. */
static const struct {
  const char *code;
  enum weight weight;
} codes[] = {
    {"5.0.0", WEIGHT_TEXT},  /* all that a bare reply code says */
    {"5.1.0", WEIGHT_TEXT},  /* "other address status" */
    {"5.1.1", WEIGHT_HARD},  /* no such mailbox */
    {"5.1.2", WEIGHT_HARD},  /* no such domain */
    {"5.1.3", WEIGHT_HARD},  /* no mailbox can have such an address there */
    {"5.1.4", WEIGHT_SOFT},  /* ambiguous: there are even several */
    {"5.1.6", WEIGHT_HARD},  /* moved, and nobody knows where to */
    {"5.1.10", WEIGHT_HARD}, /* null MX (RFC 7505); Exchange Online's "RecipientNotFound" */
    {"5.2.0", WEIGHT_TEXT},  /* "other mailbox status" */
    {"5.2.1", WEIGHT_HARD},  /* disabled */
    {"5.2.2", WEIGHT_SOFT},  /* full */
    {"5.2.4", WEIGHT_SOFT},  /* a mailing list that cannot be expanded */
    {"5.4.1", WEIGHT_TEXT},  /* "no answer": Exchange Online says it of recipients that its directory lacks */
    {"5.4.4", WEIGHT_SOFT},  /* no host for the domain: a zone in repair looks the same */
    {"5.4.7", WEIGHT_SOFT},  /* delivery time expired */
    {"5.5.0", WEIGHT_TEXT},  /* Outlook.com's code for nearly everything */
    {"5.5.1", WEIGHT_TEXT},  /* some hosts say it of every 550 */
};

static enum weight weight_of(const char *enhanced) {
  for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++)
    if (strcmp(codes[i].code, enhanced) == 0) return codes[i].weight;
  return WEIGHT_NONE;
}

/* --- by text --- */

/* Whoever says one of these refuses the sender, the message or the moment, whatever code goes with it: hosts do give
 * 5.1.1 to those whom they block. Whole words, or their beginnings where a "*" stands. */
static const char *const not_the_mailbox[] = {
    "block*",       "*blocklist*", "*blacklist*",  "*denylist*", "black list*",   "spam*",       "*spamhaus*",
    "dnsbl*",       "rbl*",        "listed",       "polic*",     "reputation*",   "unsolicited", "abus*",
    "banned",       "suspicious*", "junk",         "phish*",     "virus*",        "malware",     "throttl*",
    "greylist*",    "graylist*",   "rate",         "rates",      "too many",      "too quickly", "too much",
    "spf",          "dkim",        "dmarc",        "authentic*", "reverse dns",   "rdns",        "ptr",
    "helo",         "ehlo",        "sender*",      "relay*",     "access denied", "not allowed", "not permitted",
    "prohibited",   "restrict*",   "content*",     "unauthor*",  "not author*",   "your ip*",    "your host*",
    "your server*", "your domain", "temporar*",    "try again",  "later",         "complain*",   "ip address*",
    "bulk",         "security",    "rejected due", "unverified", "callout",       "filter*",
};

/* The mailbox is there, and has no room. */
static const char *const mailbox_full[] = {"quota", "overquota", "is full", "mailbox full", "inbox full"};

/* That there is no such mailbox, said in so many words: enough where the code says nothing. "Mailbox unavailable" is
 * not: it is RFC 5321's own text for 550, and hosts leave it beside every reason. */
static const char *const no_such_mailbox[] = {
    "user unknown",
    "unknown user",
    "unknown recipient*",
    "recipient unknown",
    "unknown mailbox",
    "unknown local part",
    "unknown address",
    "no such user*",
    "no such recipient*",
    "no such mailbox",
    "no such person*",
    "no such address",
    "no such account",
    "no mailbox here*",
    "mailbox not found",
    "user not found",
    "recipient not found",
    "account not found",
    "address not found",
    "does not exist",
    "doesn't exist",
    "user doesn't have*",
    "this user doesn't have*",
    "not a valid recipient",
    "not a valid mailbox",
    "not a valid user",
    "invalid recipient",
    "invalid mailbox",
    "invalid user",
    "not our customer",
    "is a deactivated mailbox",
    "mailbox is disabled",
    "mailbox disabled",
    "account is disabled",
    "account has been disabled",
    "mailbox is inactive",
    "account is inactive",
    "account that you tried to reach is disabled",
    "account that you tried to reach does not exist",
};

static bool is_word(char c) {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

static bool has_phrase(const char *text, const char *phrase) {
  bool open_start = *phrase == '*';
  phrase += open_start;
  size_t n = strlen(phrase);
  bool open_end = phrase[n - 1] == '*';
  n -= open_end;
  for (const char *at = text; *at; at++)
    if (strncmp(at, phrase, n) == 0 && (open_start || at == text || !is_word(at[-1])) && (open_end || !is_word(at[n])))
      return true;
  return false;
}

static bool has_any(const char *text, const char *const *phrases, size_t count) {
  for (size_t i = 0; i < count; i++)
    if (has_phrase(text, phrases[i])) return true;
  return false;
}

/* In lower case, runs of white space as one, and without mail addresses: spam@example.com may be unknown like any. */
static void plain_text(const char *text, char out[REPLY_TEXT_MAX]) {
  size_t n = 0;
  while (*text) {
    size_t space = strspn(text, " \t"), word = strcspn(text + space, " \t");
    const char *begin = text + space;
    text = begin + word;
    if (!word || memchr(begin, '@', word)) continue;
    if (n + word + 2 > REPLY_TEXT_MAX) break;
    if (n) out[n++] = ' ';
    for (size_t i = 0; i < word; i++) {
      char c = begin[i];
      out[n++] = (char)(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
    }
  }
  out[n] = '\0';
}

#define HAS_ANY(text, list) has_any(text, list, sizeof(list) / sizeof(list)[0])

/* --- both --- */

/* It was about this recipient, and no other. After the content that is only so where there was one. */
static bool concerns_recipient(const struct incident *i) {
  if (i->stage == STAGE_RCPT) return true;
  return (i->stage == STAGE_DATA || i->stage == STAGE_DOT) && !i->others_accepted;
}

/* RFC 5321 4.2.3 has these alone speak of a mailbox; 552 and 554 are used for it all the same. RFC 7504: 556. */
static bool may_mean_mailbox(int code) {
  return code == 550 || code == 551 || code == 552 || code == 553 || code == 554 || code == 556;
}

static enum bounce of_reply(const struct incident *i, const struct ruling *r) {
  char text[REPLY_TEXT_MAX];
  if (!concerns_recipient(i) || !may_mean_mailbox(r->code)) return BOUNCE_NONE;
  enum weight weight = weight_of(r->enhanced);
  if (weight == WEIGHT_NONE) return BOUNCE_NONE;
  if (weight == WEIGHT_SOFT) return BOUNCE_SOFT;
  plain_text(i->reply.text, text);
  if (HAS_ANY(text, not_the_mailbox)) return BOUNCE_NONE;
  if (HAS_ANY(text, mailbox_full)) return BOUNCE_SOFT;
  if (weight == WEIGHT_HARD || r->code == 556) return BOUNCE_HARD;
  return HAS_ANY(text, no_such_mailbox) ? BOUNCE_HARD : BOUNCE_NONE;
}

bool bounce_blames_sender(const struct incident *i, const struct ruling *r) {
  static const char *const other_way[] = {"relay*"};
  char text[REPLY_TEXT_MAX];
  if (!r->remote || r->code / 100 != 5 || r->bounce != BOUNCE_NONE || i->stage < STAGE_MAIL) return false;
  plain_text(i->reply.text, text);
  if (HAS_ANY(text, other_way)) return false;
  return strncmp(r->enhanced, "5.7.", 4) == 0 ||
         (strncmp(r->enhanced, "5.3.4", 5) != 0 && HAS_ANY(text, not_the_mailbox));
}

/* What keeps the mail is between us and the next hop of a route: the recipient's host was never asked. */
static bool is_routes_own(const struct incident *i) {
  return i->trouble == TROUBLE_ROUTE || i->trouble == TROUBLE_LOGIN || i->trouble == TROUBLE_TLS_ENFORCED;
}

enum bounce bounce_of(const struct incident *i, const struct ruling *r) {
  if (is_routes_own(i)) return BOUNCE_NONE;
  if (r->kind == EVENT_EXPIRED) return strcmp(r->rule, RULE_DEADLINE) == 0 ? BOUNCE_NONE : BOUNCE_SOFT;
  if (r->kind != EVENT_BOUNCED) return BOUNCE_NONE;
  if (r->remote) return of_reply(i, r);
  if (i->trouble == TROUBLE_NO_DOMAIN || i->trouble == TROUBLE_NULL_MX) return BOUNCE_HARD;
  return i->trouble == TROUBLE_NO_ADDRESS ? BOUNCE_SOFT : BOUNCE_NONE;
}
