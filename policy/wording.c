/* What a refusal says, and with which codes: the one place. The reason comes first, and the line stays under 300
 * characters: applications show their users the end of it, or nothing. */
#include "policy/bulk_rules.h"
#include "policy/check.h"
#include "policy/limit_text.h"
#include "policy/senders.h"

#include <stdio.h>
#include <string.h>

#define TEXT_GOAL 264 /* beside its codes and its reference, of a line of 300 */
#define SHOWN_MAX 76  /* of an address */
#define REASON_LEAST 50

/* Of a long text the beginning, or the line would lose its end; `out` has room for 4 octets more. */
static const char *cut(struct bytes text, size_t room, char *out) {
  size_t n = text.len < room ? text.len : room;
  while (n < text.len && n && ((unsigned char)text.at[n] & 0xc0) == 0x80) n--; /* no half characters */
  memcpy(out, text.at, n);
  memcpy(out + n, n < text.len ? "..." : "", n < text.len ? 4 : 1);
  return out;
}

/* An address as a reply shows it. */
static const char *shown(struct bytes address, char out[SHOWN_MAX + 4]) {
  return cut(address, SHOWN_MAX, out);
}

/* A reason in what the rest of the line, of `taken` octets, leaves of it. */
static const char *beside(const char *reason, size_t taken, char out[TEXT_GOAL + 4]) {
  taken += 3;
  return cut(bytes_of(reason), taken + REASON_LEAST < TEXT_GOAL ? TEXT_GOAL - taken : REASON_LEAST, out);
}

/* A list in what is left of the line. */
static void list_patterns(const char *const *patterns, size_t count, size_t taken, char out[TEXT_GOAL]) {
  size_t room = taken + 40 < TEXT_GOAL ? TEXT_GOAL - taken : 40;
  senders_list(patterns, count, out, room);
}

int refuse_misleading(struct refusal *out, int code, const char *enhanced, const char *rule, struct bytes address,
                      const char *meant) {
  char a[SHOWN_MAX + 4], d[SHOWN_MAX + 4];
  return refuse(out, code, enhanced, rule,
                "the domain of %s is not written as it is read (full-width or invisible characters, or not in NFC); "
                "write %s",
                shown(address, a), shown(bytes_of(meant), d));
}

static void word_misleading(const struct finding *found, int code, const char *enhanced, struct refusal *out) {
  refuse_misleading(out, code, enhanced, found->rule, bytes_of(found->subject), found->meant);
}

static void word_account(const struct facts *f, const struct finding *found, struct refusal *out) {
  const char *name = f->account_name;
  if (strcmp(found->rule, RULE_ACCOUNT_GONE) == 0)
    refuse(out, 550, "5.7.1", found->rule, "account %s is no longer here", name);
  else if (strcmp(found->rule, RULE_SUSPENDED) == 0)
    refuse(out, 550, "5.7.1", found->rule, "%s is suspended: %s", name, f->suspend_reason);
  else if (found->cause == CAUSE_LATE)
    refuse(out, 451, "4.7.0", found->rule,
           "what this session logged in with was changed while the message came; send it again");
  else
    refuse(out, 530, "5.7.0", found->rule,
           "the login of this session no longer holds: what it was made with was changed; log in again");
}

static void word_sender(const struct facts *f, const struct finding *found, struct refusal *out) {
  const struct account *a = f->account;
  char allowed[TEXT_GOAL], subject[SHOWN_MAX + 4];
  if (found->cause == CAUSE_MISLEADING) {
    word_misleading(found, 553, "5.1.7", out);
    return;
  }
  const char *with = strcmp(found->rule, RULE_HEADER_FROM) == 0     ? "with From: "
                     : strcmp(found->rule, RULE_HEADER_SENDER) == 0 ? "with Sender: "
                                                                    : "as ";
  shown(bytes_of(found->subject), subject);
  list_patterns(a->senders, a->sender_count, 26 + strlen(a->name) + strlen(with) + strlen(subject), allowed);
  refuse(out, 553, "5.7.1", found->rule, "%s may not send %s%s; allowed: %s", a->name, with, subject, allowed);
  refusal_about(out, found->subject);
}

static void word_header_sender(const struct facts *f, const struct finding *found, struct refusal *out) {
  if (found->cause == CAUSE_MISLEADING)
    word_misleading(found, 550, "5.6.0", out);
  else if (found->cause == CAUSE_UNREADABLE)
    refuse(out, 550, "5.6.0", found->rule,
           "the Sender field cannot be read as a mailbox (RFC 5322 3.6.2); write Sender: user@example.com, or leave it "
           "out");
  else
    word_sender(f, found, out);
}

static void word_recipient(const struct facts *f, const struct finding *found, struct refusal *out) {
  const struct account *a = f->account;
  char list[TEXT_GOAL], subject[SHOWN_MAX + 4];
  size_t taken = 33 + strlen(a->name) + strlen(shown(bytes_of(found->subject), subject));
  if (found->cause == CAUSE_DENIED) {
    list_patterns(a->not_to, a->not_to_count, taken, list);
    refuse(out, 550, "5.7.1", found->rule, "%s may not write to %s; not allowed: %s", a->name, subject, list);
  } else {
    list_patterns(a->to, a->to_count, taken, list);
    refuse(out, 550, "5.7.1", found->rule, "%s may not write to %s; allowed: %s", a->name, subject, list);
  }
  refusal_about(out, found->subject);
}

static void word_simulator(const struct facts *f, const struct finding *found, struct refusal *out) {
  char subject[SHOWN_MAX + 4];
  (void)f;
  refuse(out, 550, "5.1.1", found->rule, "the simulator has no address %s; it has: %s",
         shown(bytes_of(found->subject), subject), SIMULATOR_NAMES);
  refusal_about(out, found->subject);
}

static void word_recipients(const struct facts *f, const struct finding *found, struct refusal *out) {
  refuse(out, 452, "4.5.3", found->rule, /* RFC 5321 4.5.3.1.10 */
         "too many recipients: %zu in one message at most; send the rest in another", f->recipients_max);
}

/* "it bounced with 550 5.1.1 (user unknown)", "asked us to", "added by command" */
static void suppression_reason(const struct suppression *s, char *out, size_t size) {
  if (*s->reason)
    cut(bytes_of(s->reason), size - 4, out);
  else if (s->code)
    snprintf(out, size, "its mail bounced with %d %s", s->code, s->enhanced);
  else
    snprintf(out, size, "%s", s->origin == SUPPRESSION_BOUNCE ? "its mail bounced" : "added by command");
}

static void word_suppression(const struct facts *f, const struct finding *found, struct refusal *out) {
  const struct suppression *s = f->suppression;
  char reason[84], until[40] = "", span[40], end[100], recipient[SHOWN_MAX + 4];
  suppression_reason(s, reason, sizeof reason);
  if (s->expires_us) clock_format_minute(s->expires_us, until, sizeof until);
  clock_format_span(s->expires_us - f->now_us, span, sizeof span);
  if (s->expires_us)
    snprintf(end, sizeof end, "until %s (in %s)", until, span);
  else
    snprintf(end, sizeof end, "until it is removed");
  refuse(out, 550, "5.1.1", found->rule, "%s is suppressed: %s; %s", shown(bytes_of(f->recipient), recipient), reason,
         end);
  refusal_about(out, f->recipient);
}

static void word_limit(const struct facts *f, const struct finding *found, struct refusal *out) {
  const struct usage_scope *scope = found->limit.scope;
  refuse_limit(out, &found->limit, scope ? usage_scope_label(scope) : f->account_name, f->now_us);
}

static void word_disk(const struct facts *f, const struct finding *found, struct refusal *out) {
  if (found->cause == CAUSE_LATE)
    refuse(out, 452, "4.3.1", found->rule, "the disk is full; try again later"); /* RFC 5321 4.2.2 */
  else
    refuse(out, 452, "4.3.1", found->rule, "the disk is almost full: %.100s; try again later", f->room_why);
}

static void word_store(const struct facts *f, const struct finding *found, struct refusal *out) {
  (void)f;
  refuse(out, 451, "4.3.0", found->rule,
         found->cause == CAUSE_LOST         ? "the store's files have gone; try again later"
         : found->cause == CAUSE_UNREADABLE ? "the suppression list could not be read; try again later"
                                            : "the message could not be stored; try again later");
}

static void word_memory(const struct facts *f, const struct finding *found, struct refusal *out) {
  (void)f;
  refuse(out, 451, "4.3.0", found->rule, "out of memory; try again later");
}

/* What fails has a record: a second one would make an error of both (RFC 7208 4.5). */
static void word_spf(const struct facts *f, const struct finding *found, struct refusal *out) {
  const struct spf_verdict *v = f->spf;
  char about[REFUSAL_ABOUT], name[SHOWN_MAX + 4], why[TEXT_GOAL + 4];
  size_t taken = 32 + strlen(v->source) + strlen(shown(bytes_of(v->domain), name));
  refuse(out, 550, "5.7.23", found->rule, /* RFC 7372 3.2 */
         "%s; add ip%c:%s to the SPF record of %s", beside(v->why, taken, why), strchr(v->source, ':') ? '6' : '4',
         v->source, name);
  snprintf(about, sizeof about, "%s %s", v->domain, v->source);
  refusal_about(out, about);
}

#define RECORD_MOST 110 /* what of a record fits into a reply; the rest is a command away */

/* Where no record would help: the signature is of another domain, or there is none. */
static void word_unsigned(const struct facts *f, const struct finding *found, struct refusal *out) {
  const struct domain *d = f->header_domain;
  char name[SHOWN_MAX + 4], why[TEXT_GOAL + 4];
  bool own = !f->from_domain || (d && strcmp(d->name, f->from_domain) == 0);
  shown(bytes_of(f->from_domain ? f->from_domain : ""), name);
  if (own)
    refuse(out, 550, "5.7.26", found->rule, "%s", beside(f->dmarc->why, 0, why));
  else
    refuse(out, 550, "5.7.26", found->rule, "%s; have it signed: sendoff domain add %s",
           beside(f->dmarc->why, 38 + strlen(name), why), name);
}

/* The best repair that fits; a key's record is long, and is named. */
static const struct dmarc_repair *find_repair(const struct dmarc_prediction *p) {
  const struct dmarc_repair *r = &p->repairs[0];
  for (size_t i = 0; i < p->repair_count && strlen(r->value) > RECORD_MOST; i++) r = &p->repairs[i];
  return r;
}

static void word_repair(const struct facts *f, const struct finding *found, struct refusal *out) {
  const struct dmarc_repair *r = find_repair(f->dmarc);
  const char *reason = f->dmarc->why, *at = f->header_domain ? f->header_domain->name : "DOMAIN";
  char why[TEXT_GOAL + 4], name[SHOWN_MAX + 4], domain[SHOWN_MAX + 4];
  size_t taken = 30 + strlen(shown(bytes_of(r->name), name)), more = 25 + strlen(shown(bytes_of(at), domain));
  bool is_short = strlen(r->value) <= RECORD_MOST;
  beside(reason, taken + (is_short ? strlen(r->value) : more), why);
  if (!is_short)
    refuse(out, 550, "5.7.26", found->rule, "%s; publish the TXT record of %s: sendoff domain records %s", why, name,
           domain);
  else if (r->add)
    refuse(out, 550, "5.7.26", found->rule, "%s; add %s to the SPF record of %s", why, r->value, name);
  else
    refuse(out, 550, "5.7.26", found->rule, "%s; publish for %s: TXT \"%s\"", why, name, r->value);
}

/* RFC 7372 3.3 */
static void word_dmarc(const struct facts *f, const struct finding *found, struct refusal *out) {
  if (f->dmarc->repair_count)
    word_repair(f, found, out);
  else
    word_unsigned(f, found, out);
  refusal_about(out, f->dmarc->now.record);
}

static const char *enhanced_of_bulk(uint64_t missing) {
  for (size_t i = 0; i < bulk_rule_count; i++)
    if (missing >> i & 1) return bulk_rules[i].enhanced;
  return "5.7.1";
}

static void word_bulk(const struct facts *f, const struct finding *found, struct refusal *out) {
  char missing[206]; /* with the rest of the line under 300 characters */
  const char *domain = f->from_domain ? f->from_domain : "";
  bulk_rules_text(found->count, missing, sizeof missing);
  refuse(out, 550, enhanced_of_bulk(found->count), found->rule, "bulk mail of %.40s lacks %s", domain, missing);
  refusal_about(out, domain);
}

static void word_from_form(const struct facts *f, const struct finding *found, struct refusal *out) {
  (void)f;
  if (found->cause == CAUSE_MISLEADING)
    word_misleading(found, 550, "5.6.0", out);
  else if (found->cause == CAUSE_NO_DOMAIN)
    refuse(out, 550, "5.6.0", found->rule,
           "the From field's address has no domain name: it could not be signed, and nobody would take it");
  else
    refuse(out, 550, "5.6.0", found->rule,
           "the From field has %llu mailboxes, so there must be a Sender field to say which one it is from",
           (unsigned long long)found->count);
}

static const struct {
  const char *rule;
  void (*word)(const struct facts *f, const struct finding *found, struct refusal *out);
} words[] = {
    {RULE_ACCOUNT_GONE, word_account},
    {RULE_LOGIN_ENDED, word_account},
    {RULE_SUSPENDED, word_account},
    {RULE_SENDER, word_sender},
    {RULE_HEADER_FROM, word_sender},
    {RULE_FROM_SYNTAX, word_from_form},
    {RULE_HEADER_SENDER, word_header_sender},
    {RULE_SUPPRESSION, word_suppression},
    {RULE_RECIPIENT, word_recipient},
    {RULE_SIMULATOR, word_simulator},
    {RULE_RECIPIENTS, word_recipients},
    {RULE_LIMIT, word_limit},
    {RULE_MESSAGE_LIMIT, word_limit},
    {RULE_SMOOTH_LIMIT, word_limit},
    {RULE_DISK, word_disk},
    {RULE_STORE, word_store},
    {RULE_MEMORY, word_memory},
    {RULE_SPF, word_spf},
    {RULE_DMARC, word_dmarc},
    {RULE_BULK, word_bulk},
};

void policy_word(const struct facts *f, const struct finding *found, struct refusal *out) {
  for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
    if (strcmp(words[i].rule, found->rule) == 0) {
      words[i].word(f, found, out);
      return;
    }
  refuse(out, 554, "5.7.1", found->rule, "refused by the check %s", found->check->name);
}
