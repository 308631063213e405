/* What the servers of a zone and the resolver have of one record, together. */
#include "relay/domain/report_parts.h"

#include "base/clock.h"
#include "policy/spf/rdata.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What was found; `found` of the first that is not right, or else of the first. */
struct sides {
  match_function *match;
  void *arg;
  struct check_entry *e;
  bool answered; /* the resolver did */
  bool bogus;
  enum match resolver;
  uint32_t ttl;                /* of its answer */
  size_t right, wrong, absent; /* servers */
  struct authority_agreement agreement;
};

static enum match take(struct sides *s, const struct dns_answer *answer) {
  char found[CHECK_VALUE] = "";
  enum match m = s->match(s->arg, answer, found);
  if (m == MATCH_WRONG || !*s->e->found) memcpy(s->e->found, found, sizeof found);
  return m;
}

static bool is_right(void *arg, const struct dns_answer *answer) {
  struct sides *s = arg;
  enum match m = take(s, answer);
  s->right += m == MATCH_RIGHT;
  s->wrong += m == MATCH_WRONG;
  s->absent += m == MATCH_ABSENT;
  return m == MATCH_RIGHT;
}

static void ask_resolver(struct checking *c, struct sides *s, int type) {
  char question[NAME_MAX_TEXT + 1];
  struct dns_answer answer = {.status = DNS_NXDOMAIN};
  bool can_be = strlen(s->e->name) <= NAME_MAX_TEXT && question_name(s->e->name, question);
  if (can_be) answer.status = DNS_FAILED;
  if (can_be && clock_monotonic_ms() < c->deadline_ms) c->dns->lookup(c->dns->arg, question, type, &answer);
  s->answered = answer.status != DNS_FAILED;
  s->bogus = answer.bogus;
  s->ttl = answer.ttl;
  if (s->answered) s->resolver = take(s, &answer);
  if (answer.records || answer.owner) c->dns->release(c->dns->arg, &answer);
}

/* Once for all records. */
static void note_servers(struct check_report *out, const char *text) {
  size_t len = strlen(out->servers);
  if (!*text || strstr(out->servers, text)) return;
  snprintf(out->servers + len, sizeof out->servers - len, "%s%s", len ? "; " : "", text);
}

static void ask_servers(struct checking *c, struct sides *s, int type, struct reason *why) {
  struct authority *a = calloc(1, sizeof *a);
  if (!a) return;
  int rc = authority_ask(&c->authority, s->e->name, type, c->deadline_ms, a, why);
  if (rc == OK) authority_agree(a, is_right, s, &s->agreement);
  note_servers(c->out, rc == OK ? s->agreement.silent_text : why->text);
  authority_clear(a);
  free(a);
}

/* Without a server that answered, what the resolver has is all that is known. */
static void judge_resolver(struct sides *s) {
  if (!s->answered && s->bogus)
    report_say(s->e, FOUND_WRONG, true, "DNSSEC does not confirm the answer for %.200s: who validates gets none",
               s->e->name);
  else if (!s->answered)
    report_say(s->e, FOUND_UNKNOWN, false, "DNS did not answer for %.200s", s->e->name);
  else if (s->resolver == MATCH_RIGHT)
    report_say(s->e, FOUND_RIGHT, false, "it is there");
  else if (s->resolver == MATCH_ABSENT)
    report_say(s->e, FOUND_MISSING, true, "there is no %s record at %.200s", s->e->type, s->e->name);
  else
    report_say(s->e, FOUND_WRONG, true, "there is another %s record at %.200s", s->e->type, s->e->name);
}

static void judge_both(struct sides *s) {
  if (s->right && s->wrong + s->absent)
    report_say(s->e, FOUND_OLD, true, "the servers of the zone do not agree: %.350s %s, and %zu %s it",
               s->agreement.wrong_text, s->wrong ? "still serves something else" : "does not have it yet", s->right,
               s->right == 1 ? "other has" : "others have");
  else if (!s->right && s->wrong)
    report_say(s->e, FOUND_WRONG, true, "there is another %s record at %.200s", s->e->type, s->e->name);
  else if (!s->right)
    report_say(s->e, FOUND_MISSING, true, "there is no %s record at %.200s", s->e->type, s->e->name);
  else if (s->answered && s->resolver != MATCH_RIGHT)
    report_say(s->e, FOUND_OLD, true,
               "every server of the zone has it, and resolvers may have what was there before for %u s yet", s->ttl);
  else
    judge_resolver(s);
}

void report_published(struct checking *c, struct check_entry *e, int type, match_function *match, void *arg) {
  struct sides s = {.match = match, .arg = arg, .e = e};
  struct reason why = {""};
  ask_servers(c, &s, type, &why);
  ask_resolver(c, &s, type);
  if (s.right + s.wrong + s.absent)
    judge_both(&s);
  else
    judge_resolver(&s);
  if (s.bogus && e->state != FOUND_WRONG)
    report_say(e, FOUND_WRONG, true, "DNSSEC does not confirm the answer for %.200s: who validates gets none", e->name);
}
