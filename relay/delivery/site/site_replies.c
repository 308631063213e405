/* What replies of a site mean for what is sent to it next. */
#include "base/log.h"
#include "relay/delivery/site/site.h"
#include "relay/delivery/site/site_learn.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define GREYLIST_US (5 * 60 * SECOND_US) /* most are as long, and say nothing of it */

static void remember(struct site *s, const struct incident *i, enum shaping_action action) {
  char *reason = NULL;
  if (asprintf(&reason, "%d %s%s%.160s", i->reply.code, i->reply.enhanced, i->reply.enhanced[0] ? " " : "",
               i->reply.text) < 0)
    return;
  free(s->reason);
  s->reason = reason;
  s->action = action;
}

static void log_action(const struct site *s, enum shaping_action action, int64_t for_us) {
  char span[40];
  struct log_line l;
  bool alarm = action == SHAPING_BLOCK;
  clock_format_span(for_us, span, sizeof span);
  log_begin(&l, alarm ? LOG_ERROR_ : LOG_WARN_, NULL, alarm ? "source blocked" : "site asks to wait");
  log_str(&l, "site", s->name);
  log_str(&l, "source", s->source[0] ? s->source : "any");
  log_str(&l, "action", shaping_action_name(action));
  if (for_us) log_str(&l, "for", span);
  if (s->reason) log_str(&l, "reply", s->reason);
  log_end(&l);
}

/* Once, and not for each of the messages that were under way. */
static void pause_source(struct site *s, const struct incident *i, const struct shaping_rule *rule, int64_t for_us) {
  int64_t now = site_now();
  bool already = s->pace.pause_until_us > now;
  pace_pause(&s->pace, now + for_us);
  remember(s, i, rule->action);
  if (!already) log_action(s, rule->action, for_us);
}

/* --- all sources --- */

struct pause_message {
  struct loop_message message;
  char name[SITE_NAME_MAX], reason[200];
  int64_t until_us; /* by the clock on the wall */
};

void site_pause_all(struct delivery *d, const char *name, int64_t until_us, const char *reason) {
  int64_t now = site_now(), for_us = until_us - clock_now_us();
  for (struct site *s = d->paced; s && for_us > 0; s = s->hh.next) {
    if (strcmp(s->name, name) != 0) continue;
    char *copy = strdup(reason);
    if (copy) free(s->reason);
    if (copy) s->reason = copy;
    s->action = SHAPING_PAUSE_ALL;
    pace_pause(&s->pace, now + for_us);
    site_feed(s);
  }
}

static void on_pause(struct loop *on, struct loop_message *m) {
  struct pause_message *p = (struct pause_message *)m;
  if (on->delivery) site_pause_all(on->delivery, p->name, p->until_us, p->reason);
  free(p);
}

static void tell_other_loops(const struct site *s, int64_t for_us) {
  const struct gateway *g = s->delivery->loop->gateway;
  for (size_t i = 0; i < g->loop_count; i++) {
    struct pause_message *p = calloc(1, sizeof *p);
    if (!p) return; /* they find out by themselves */
    p->message.run = on_pause;
    p->until_us = clock_now_us() + for_us;
    snprintf(p->name, sizeof p->name, "%s", s->name);
    snprintf(p->reason, sizeof p->reason, "%.190s", s->reason ? s->reason : "");
    loop_post(g->loops[i], &p->message);
  }
}

/* --- one reply --- */

/* What the site says is about all of its hosts. */
static void site_wide(struct incident *i, int64_t for_us) {
  i->site_wide = true;
  i->retry_us = clock_now_us() + for_us;
}

/* A provider's own words are all its hosts'; what hosts say everywhere may be that host's alone. */
static bool is_own(const struct site *s, const struct shaping_rule *rule) {
  const struct shaping_provider *p = s->provider;
  return p != &s->delivery->shaping->rest && rule >= p->rules && rule < p->rules + p->rule_count;
}

/* For how long: as the reply says, or the table; 0: neither does. */
static void greylisted(struct incident *i, int64_t for_us) {
  int64_t now = clock_now_us();
  i->greylisted = true;
  i->retry_us = now + (for_us ? for_us : GREYLIST_US);
  if (for_us) i->again_us = i->retry_us;
}

static enum pace_sign act(struct site *s, const struct shaping_rule *rule, struct incident *i) {
  int64_t asked = shaping_wait_asked(i->reply.text), for_us = asked ? asked : rule->for_us;
  switch (rule->action) {
  case SHAPING_NOTHING: return PACE_ACCEPTED;
  case SHAPING_SLOW:
    remember(s, i, rule->action);
    i->site_wide = is_own(s, rule);
    return i->reply.code == 421 ? PACE_CLOSED : PACE_SLOW;
  case SHAPING_GREYLIST: greylisted(i, for_us); return PACE_ACCEPTED;
  case SHAPING_SINGLE:
    pace_single(&s->pace, site_now() + for_us);
    remember(s, i, rule->action);
    return PACE_NEUTRAL;
  case SHAPING_PAUSE_ALL:
    pause_source(s, i, rule, for_us);
    tell_other_loops(s, for_us);
    break;
  case SHAPING_PAUSE:
  case SHAPING_BLOCK: pause_source(s, i, rule, for_us); break;
  }
  site_wide(i, for_us);
  return PACE_NEUTRAL;
}

/* Without a rule for it. 4xx to the first attempt at a recipient is mostly greylisting; a mailbox's own trouble (RFC
 * 3463 X.1, X.2) is nobody else's. */
static enum pace_sign by_code(struct incident *i, bool waited) {
  int code = i->reply.code;
  char subject = i->reply.enhanced[0] ? i->reply.enhanced[2] : 0;
  bool was_idle = i->reused && !i->answered && strcmp(i->reply.enhanced, "4.4.2") == 0; /* for too long */
  if (code == 421) return was_idle ? PACE_NEUTRAL : PACE_CLOSED;
  if (code / 100 != 4) return PACE_ACCEPTED;
  if (subject == '1' || subject == '2') return PACE_NEUTRAL;
  bool of_recipient = i->stage == STAGE_RCPT || i->stage == STAGE_DOT;
  i->greylisted = of_recipient && subject != '3' && subject != '4';
  return !i->greylisted || waited ? PACE_DEFERRED : PACE_NEUTRAL;
}

/* What asks for less from it, or for nothing. */
static bool means_source(const struct shaping_rule *rule, enum pace_sign sign) {
  if (rule) return rule->action != SHAPING_NOTHING && rule->action != SHAPING_GREYLIST;
  return sign == PACE_DEFERRED || sign == PACE_CLOSED || sign == PACE_SLOW;
}

enum pace_sign site_hear(struct site *s, struct incident *i, bool waited) {
  if (i->trouble == TROUBLE_NONE) return PACE_ACCEPTED;
  if (i->trouble != TROUBLE_REPLY) return PACE_NEUTRAL;
  const struct shaping_rule *rule =
      shaping_rule_for(s->delivery->shaping, s->provider, i->reply.code, i->reply.enhanced, i->reply.text);
  enum pace_sign sign = rule ? act(s, rule, i) : by_code(i, waited);
  i->of_source = means_source(rule, sign);
  return sign;
}

bool site_hear_opening(struct site *s, struct incident *i) {
  bool refused = i->trouble == TROUBLE_REPLY && i->stage <= STAGE_EHLO;
  if (refused) site_hear(s, i, false);
  return refused;
}

/* A host that is dead refuses nobody, unless others of the same are alive. And of an organization's several sets of
 * exchangers, which may have nothing to do with each other, one does not speak for all. */
void site_hear_no_host(struct site *s, const struct incident *i, bool refused, size_t ready) {
  if (i->local || i->trouble == TROUBLE_STOPPING) return;
  if (refused) site_learn_refused(s);
  if (i->site_wide || (!refused && !ready)) return;
  if (!ready && s->destinations > 1 && s->provider == &s->delivery->shaping->rest) return;
  s->refused++;
  pace_connect_refused(&s->pace, site_now());
}
