#include "policy/policy.h"

#include "policy/check.h"

#include <stdio.h>
#include <string.h>

/* In the order in which they are asked. What is cheap, and what the client can do something about, comes first; a DNS
 * question is asked for a message that nothing else refuses. */
const struct check policy_checks[] = {
    {"account", STAGE_SESSION | STAGE_STORE, 0, true, CHECK_ENFORCE, check_account,
     "the account is there, not suspended, and the session's login still holds"},
    {"reverse-path", STAGE_MAIL, FACT_ACCOUNT | FACT_ENVELOPE, false, CHECK_ENFORCE, check_reverse_path,
     "the reverse-path is one that the account may send as"},
    {"recipient-count", STAGE_RCPT, FACT_RECIPIENT, true, CHECK_ENFORCE, check_recipient_count,
     "no more recipients in one message than max_recipients"},
    {"recipient", STAGE_RCPT, FACT_ACCOUNT | FACT_RECIPIENT, false, CHECK_ENFORCE, check_recipient,
     "the account may write to that recipient (--to, --not-to), and the simulator has it if it is its"},
    {"suppression", STAGE_RCPT, FACT_ACCOUNT | FACT_RECIPIENT | FACT_SUPPRESSION, false, CHECK_ENFORCE,
     check_suppression, "the recipient is on no suppression list: its mail has not bounced"},
    {"limits", STAGE_MAIL | STAGE_RCPT | STAGE_CONTENT | STAGE_STORE, FACT_ACCOUNT, false, CHECK_ENFORCE, check_limits,
     "limits let one more message in; decided exactly with the commit"},
    {"room", STAGE_MAIL | STAGE_DATA, FACT_ENVELOPE | FACT_ROOM, true, CHECK_ENFORCE, check_room,
     "the disk has room for it"},
    {"spf", STAGE_MAIL | STAGE_CONTENT, FACT_ENVELOPE | FACT_SPF, false, CHECK_OBSERVE, check_spf,
     "the reverse-path's domain lists the source in its SPF record (RFC 7208)"},
    {"header-from", STAGE_HEADER, FACT_ACCOUNT | FACT_HEADER, false, CHECK_ENFORCE, check_header_from,
     "every address in From is one that the account may send as"},
    {"header-sender", STAGE_HEADER, FACT_ACCOUNT | FACT_HEADER, false, CHECK_ENFORCE, check_header_sender,
     "the address in Sender is one that the account may send as"},
    {"from-form", STAGE_HEADER, FACT_HEADER, true, CHECK_ENFORCE, check_from_form,
     "From has an address with a domain, and several only with a Sender field (RFC 5322 3.6.2)"},
    {"dmarc", STAGE_CONTENT, FACT_DMARC, false, CHECK_OBSERVE, check_dmarc,
     "receivers will not reject or quarantine it by the DMARC policy of From's domain (RFC 9989)"},
    {"bulk-rules", STAGE_CONTENT, FACT_ACCOUNT | FACT_ENVELOPE | FACT_BULK, false, CHECK_OBSERVE, check_bulk_rules,
     "bulk mail has what the large receivers ask of it: one-click unsubscribe, signature, Feedback-ID"},
    {"brake", STAGE_CONTENT, FACT_ACCOUNT | FACT_BRAKE, false, CHECK_OBSERVE, check_brake,
     "the account sends as it usually does; else its mail is slowed, then held, then it is suspended"},
    {"store", STAGE_STORE, FACT_STORED, true, CHECK_ENFORCE, check_store, "the message is safe on the disk"},
};
const size_t policy_check_count = sizeof policy_checks / sizeof policy_checks[0];
_Static_assert(sizeof policy_checks / sizeof policy_checks[0] <= POLICY_CHECKS_MAX, "a record has a place for each");

const char *stage_name(enum stage stage) {
  static const char *const names[] = {"session", "mail", "rcpt", "data", "header", "content", "commit"};
  size_t i = 0;
  while (1u << i < (unsigned)stage) i++;
  return names[i];
}

static enum check_mode mode_of(const struct check *c, const struct facts *f) {
  if (c->fixed) return CHECK_ENFORCE;
  bool of_header = !(c->stages & STAGE_MAIL) && c->stages & (STAGE_HEADER | STAGE_CONTENT);
  const struct domain *d = of_header ? f->header_domain : f->envelope_domain;
  return directory_check_mode(f->directory, f->account, d, c->name, c->otherwise);
}

enum check_mode policy_mode(const struct facts *f, const char *check) {
  for (size_t i = 0; i < policy_check_count; i++)
    if (strcmp(policy_checks[i].name, check) == 0) return mode_of(&policy_checks[i], f);
  return CHECK_OFF;
}

static void find(const struct check *c, const struct facts *f, struct finding *out) {
  out->check = c;
  out->mode = mode_of(c, f);
  out->outcome = OUTCOME_UNKNOWN;
  out->rule = out->what = out->doubt = NULL;
  out->missing = c->needs & ~(f->known & ~(unsigned)FACT_ACCOUNT) & ~(f->account ? FACT_ACCOUNT : 0u);
  if (out->mode == CHECK_OFF)
    out->outcome = OUTCOME_OFF;
  else if (!out->missing)
    c->run(f, out);
}

/* The text is left out where it finds no room. */
static void note(struct verdict *out, const struct finding *found, const char *outcome, const char *why) {
  char text[201];
  size_t at = strlen(out->notes), room = NOTES_TEXT - at;
  bytes_copy(bytes_of(why), text, sizeof text); /* cut */
  for (char *c = text; *c; c++)
    if (*c == ';') *c = ','; /* it separates the notes */
  const char *between = at ? "; " : "", *name = found->check->name;
  int n = snprintf(out->notes + at, room, "%s%s=%s: %s", between, name, outcome, text);
  if (n < 0 || (size_t)n >= room) n = snprintf(out->notes + at, room, "%s%s=%s", between, name, outcome);
  if (n < 0 || (size_t)n >= room) out->notes[at] = '\0';
}

static void note_observed(const struct facts *f, const struct finding *found, struct verdict *out) {
  struct refusal r = {0};
  policy_word(f, found, &r);
  note(out, found, found->outcome == OUTCOME_DROP ? "would drop" : "would refuse", r.text);
}

/* What was found of the recipient before is not this one's. */
static void begin_record(const struct facts *f, enum stage stage, struct policy_record *out) {
  for (size_t i = 0; i < policy_check_count; i++) {
    bool another = stage == STAGE_RCPT && policy_checks[i].needs & FACT_RECIPIENT;
    if (f->before && f->before->of[i].outcome != OUTCOME_UNKNOWN && !another)
      result_copy(&out->of[i], &f->before->of[i]);
    else
      out->of[i].outcome = OUTCOME_UNKNOWN;
  }
}

/* What is found again at a later stage of a message has been said. */
static bool is_noted(const struct facts *f, const struct finding *found) {
  return f->before && f->before->of[found->check - policy_checks].outcome == found->outcome;
}

static void refuse_for(const struct facts *f, const struct finding *found, struct verdict *out) {
  out->action = ACTION_REFUSE;
  out->refusal = (struct refusal){0};
  policy_word(f, found, &out->refusal);
  policy_trace(&out->record, out->refusal.trace);
}

void policy_decide(const struct facts *f, enum stage stage, struct verdict *out) {
  struct finding found;
  out->action = ACTION_ACCEPT;
  out->drop = false;
  out->missing = 0;
  out->notes[0] = '\0';
  begin_record(f, stage, &out->record);
  for (size_t i = 0; i < policy_check_count; i++) {
    const struct check *c = &policy_checks[i];
    if (!(c->stages & stage)) continue;
    find(c, f, &found);
    if (found.outcome == OUTCOME_UNKNOWN) {
      out->action = ACTION_GATHER;
      out->missing = found.missing;
      return;
    }
    record_finding(&out->record.of[i], &found);
    if (found.doubt && !is_noted(f, &found)) note(out, &found, "pass", found.doubt);
    bool drops = found.outcome == OUTCOME_DROP;
    if (!drops && found.outcome != OUTCOME_REFUSE) continue;
    if (found.mode != CHECK_ENFORCE) {
      if (!is_noted(f, &found)) note_observed(f, &found, out);
      continue;
    }
    if (!drops) {
      refuse_for(f, &found, out);
      return;
    }
    out->drop = true;
  }
}

void policy_find_all(const struct facts *f, struct finding *out) {
  for (size_t i = 0; i < policy_check_count; i++) find(&policy_checks[i], f, &out[i]);
}
