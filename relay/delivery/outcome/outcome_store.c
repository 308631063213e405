/* An outcome on its way into the store, with the notice for its sender; again and again, until the store has it. */
#include "base/clock.h"
#include "base/id.h"
#include "base/log.h"
#include "base/mail/rule.h"
#include "relay/delivery/outcome/outcome_parts.h"
#include "relay/delivery/outcome/regard.h"
#include "relay/delivery/outcome/story.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DAY_US (86400 * SECOND_US)

static void begin(struct pending *p);

/* --- into the store --- */

/* A notice that cannot be delivered ends here, in the log: nobody is notified of it. */
static enum event_kind kind_of(const struct job *j, const struct ruling *r) {
  bool failed = r->kind == EVENT_BOUNCED || r->kind == EVENT_EXPIRED;
  return failed && j->envelope.flags & MESSAGE_IS_DSN ? EVENT_DROPPED : r->kind;
}

/* How many hard bounces within a week suppress a recipient: a reset password is not lost to one wrong reply, and bulk
 * mail is not sent twice to a mailbox that is not there. */
static unsigned suppress_after(const struct loop *on, const struct job *j) {
  static const unsigned defaults[STREAM_COUNT] = {[STREAM_TRANSACTIONAL] = 3, [STREAM_BULK] = 1};
  if (!j->envelope.account[0]) return 0; /* mail of no account suppresses nobody */
  const struct account *a = directory_account(on->directory, bytes_of(j->envelope.account));
  return a && a->suppress_after ? a->suppress_after : defaults[envelope_stream(&j->envelope)];
}

/* It says nothing of its recipient, nor of how its account's mail fares. */
static bool is_played(const struct job *j, const struct ruling *r) {
  return r->played || j->envelope.flags & MESSAGE_SANDBOX;
}

/* A notice is not its account's mail. */
static enum bounce bounce_that_counts(const struct job *j, const struct ruling *r) {
  return is_played(j, r) || kind_of(j, r) == EVENT_DROPPED ? BOUNCE_NONE : r->bounce;
}

static void fill_op(struct pending *p) {
  const struct job *j = p->outcome.job;
  for (size_t i = 0; i < j->recipient_count; i++) {
    const struct ruling *r = &p->outcome.rulings[i];
    p->outcomes[i] = (struct recipient_outcome){
        .recipient_id = j->recipients[i].to.id,
        .next_us = r->next_us,
        .counts = r->counts,
        .once_in_us = r->daily ? DAY_US : 0,
        .waits_for = r->daily ? p->source : NULL,
        .site = p->site,
        .delay_told = p->actions[i] == DSN_DELAYED,
        .in_dsn = p->actions[i] != DSN_NONE,
        .played = is_played(j, r),
        .bounce = bounce_that_counts(j, r),
        .event =
            {
                .message_id = j->envelope.id,
                .kind = kind_of(j, r),
                .account = j->envelope.account,
                .stream = envelope_stream(&j->envelope),
                .from = j->envelope.reverse_path,
                .to = j->recipients[i].to.address,
                .code = r->code,
                .enhanced = r->enhanced,
                .rule = r->rule,
                .numbers = r->numbers,
                .text = r->story ? r->story : r->text,
                .host = p->host,
                .source = p->source,
                .count = 1,
            },
    };
  }
  memset(&p->op, 0, sizeof p->op);
  store_outcome_init(&p->op);
  p->op.message_id = j->envelope.id;
  p->op.outcomes = p->outcomes;
  p->op.outcome_count = j->recipient_count;
  p->op.suppress_after = suppress_after(loop_of_outcome(p), j);
  p->op.suppress_for_us = loop_of_outcome(p)->gateway->config->suppression_keep_us;
  if (!p->notice.made) return;
  p->op.dsn = &p->notice.message;
  p->op.dsn_event = &p->notice.accepted;
}

static void log_outcome(const struct pending *p) {
  const struct job *j = p->outcome.job;
  char id[ID_TEXT];
  id_format(j->envelope.id, id);
  int64_t now = clock_now_us();
  for (size_t i = 0; i < j->recipient_count; i++) {
    const struct event *e = &p->outcomes[i].event;
    if (p->outcomes[i].quiet) continue;
    struct log_line l;
    log_begin(&l, LOG_INFO_, NULL, event_name(e->kind));
    log_str(&l, "message", id);
    log_str(&l, "account", j->envelope.account);
    log_str(&l, "from", j->envelope.reverse_path);
    log_str(&l, "to", e->to);
    if (p->host[0]) log_str(&l, "host", p->host);
    if (p->source[0]) log_str(&l, "source", p->source);
    if (p->tls[0]) log_str(&l, "tls", p->tls);
    if (p->tls[0]) log_str(&l, "verified", p->verified);
    if (e->code) log_int(&l, "code", e->code);
    log_str(&l, "enhanced", e->enhanced);
    log_str(&l, "text", e->text);
    log_int(&l, "attempt", j->recipients[i].attempts + 1);
    log_int(&l, "age_ms", (now - j->envelope.created_us) / 1000);
    log_end(&l);
    if (p->outcomes[i].suppressed)
      log_event(LOG_INFO_, NULL, event_name(EVENT_SUPPRESSED), "message", id, "account", j->envelope.account, "to",
                e->to, NULL);
  }
}

static bool is_refused_by_policy(const struct ruling *r) {
  bool tried = r->kind != EVENT_DELIVERED && (r->kind != EVENT_DEFERRED || r->counts);
  return tried && r->rule && strcmp(r->rule, RULE_STS) == 0;
}

static void count(struct pending *p) {
  struct job *j = p->outcome.job;
  struct delivery_counters *counters = &p->outcome.all->counters;
  for (size_t i = 0; i < j->recipient_count; i++) {
    const struct ruling *r = &p->outcome.rulings[i];
    regard_count(r->regard, &j->came);
    counters->sts_refused += is_refused_by_policy(r);
    if (r->kind == EVENT_DELIVERED) {
      counters->delivered++;
    } else if (r->kind == EVENT_DEFERRED) {
      counters->deferred += r->counts;
      if (r->next_us < j->retry_us) j->retry_us = r->next_us;
    } else {
      counters->bounced++;
    }
  }
}

/* Of what came before a delivery, only what concerns the message is logged, not how the host was found. */
static void tell_stories(struct pending *p, const char *before) {
  const struct job *j = p->outcome.job;
  for (size_t i = 0; i < j->recipient_count; i++) {
    struct ruling *r = &p->outcome.rulings[i];
    const char *own = j->before ? j->before[i] : NULL;
    if (r->by)
      r->story = story_by_command(r->by, r->text);
    else if (own || r->kind != EVENT_DELIVERED)
      r->story = story_tell(r->text, own, before);
  }
}

static void free_stories(struct pending *p) {
  for (size_t i = 0; i < p->outcome.job->recipient_count; i++) free(p->outcome.rulings[i].story);
}

static void set_unkept(struct pending *p, bool unkept) {
  if (unkept && !p->unkept) p->outcome.all->unkept++;
  if (!unkept && p->unkept) p->outcome.all->unkept--;
  p->unkept = unkept;
}

static void finish(struct pending *p) {
  struct job *j = p->outcome.job;
  set_unkept(p, false);
  free_stories(p);
  struct job_result result = {.not_before_us = p->not_before_us};
  if (p->notice.made) result.notice = notice_job(&p->notice);
  result.notice_waits = p->notice.made && !result.notice;
  p->outcome.job = NULL;
  job_finish(loop_of_outcome(p)->gateway, j, &result);
  outcome_destroy(p);
}

static void on_retry(uv_timer_t *timer) {
  struct pending *p = timer->data;
  if (!store_records(loop_of_outcome(p)->gateway->store)) {
    uv_timer_start(timer, on_retry, OUTCOME_RETRY_LEAST_MS, 0);
    return;
  }
  p->waiting = false;
  begin(p);
}

static void abandon(struct pending *p) {
  char id[ID_TEXT];
  id_format(p->outcome.job->envelope.id, id);
  log_event(LOG_ERROR_, NULL, "outcome lost", "message", id, "reason",
            "the store failed until the end; its recipients are still queued and will be tried again", NULL);
  notice_free(&p->notice);
  finish(p);
}

/* Once: while the store is not well, it says that itself. */
static void log_retry(const struct pending *p, const char *why) {
  char id[ID_TEXT];
  if (p->delay_ms) return;
  id_format(p->outcome.job->envelope.id, id);
  log_event(LOG_ERROR_, NULL, "outcome not kept", "message", id, "reason", why, "next", "posted again until it is",
            NULL);
}

static void retry_later(struct pending *p, const char *why) {
  log_retry(p, why);
  notice_free(&p->notice);
  if (p->outcome.all->abandoning) {
    abandon(p);
    return;
  }
  if (!p->timer_open) uv_timer_init(&loop_of_outcome(p)->uv, &p->timer);
  p->timer_open = p->waiting = true;
  p->timer.data = p;
  bool own = p->delay_ms && store_records(loop_of_outcome(p)->gateway->store); /* not the store's trouble */
  p->delay_ms = own ? 2 * p->delay_ms : OUTCOME_RETRY_LEAST_MS;
  if (p->delay_ms > OUTCOME_RETRY_MOST_MS) p->delay_ms = OUTCOME_RETRY_MOST_MS;
  uv_timer_start(&p->timer, on_retry, p->delay_ms, 0);
}

/* Again, with a notice about those that were not dropped meanwhile, if there are any. */
static void leave_out_dropped(struct pending *p) {
  for (size_t i = 0; i < p->outcome.job->recipient_count; i++) p->outcome.rulings[i].dropped |= p->outcomes[i].dropped;
  notice_free(&p->notice);
  begin(p);
}

static void on_stored(struct store_op *op) {
  struct pending *p = (struct pending *)((char *)op - offsetof(struct pending, op.op));
  if (op->result != OK) {
    set_unkept(p, op->result == E_IO || op->result == E_FULL || op->result == E_BUSY);
    retry_later(p, op->why.text[0] ? op->why.text : result_text(op->result));
    return;
  }
  if (p->op.dsn_outdated) {
    leave_out_dropped(p);
    return;
  }
  count(p);
  log_outcome(p);
  finish(p);
}

static void post(struct pending *p) {
  fill_op(p);
  loop_store_post(loop_of_outcome(p), &p->op.op, on_stored);
}

/* --- the notice --- */

/* So that the message's story names its notices. */
static void note_notice(struct pending *p) {
  for (size_t i = 0; p->notice.made && i < p->outcome.job->recipient_count; i++)
    if (p->actions[i] != DSN_NONE)
      numbers_set(p->outcome.rulings[i].numbers, NUMBER_NOTICE, p->notice.message.envelope.id);
}

static void make_notice(struct pending *p, const struct content *content) {
  int rc =
      notice_make(loop_of_outcome(p), p->outcome.job, p->outcome.rulings, p->actions, p->host, content, &p->notice);
  if (rc != OK) {
    retry_later(p, result_text(rc));
    return;
  }
  note_notice(p);
  post(p);
}

static void on_original(void *arg, struct loaded *loaded) {
  struct pending *p = arg;
  const char *why = loaded->why.text[0] ? loaded->why.text : result_text(loaded->result);
  if (loaded->result == E_MEMORY) {
    retry_later(p, why);
    return;
  }
  /* A message that the disk no longer gives back has no header to show; its sender must hear of the failure all the
   * same. Of one that has gone, dropped meanwhile, the store keeps no notice. */
  if (loaded->result != OK && loaded->result != E_NOT_FOUND) {
    char id[ID_TEXT];
    id_format(p->outcome.job->envelope.id, id);
    log_event(LOG_ERROR_, NULL, "notice without header", "message", id, "reason", why, NULL);
  }
  make_notice(p, loaded->content);
}

static void begin(struct pending *p) {
  const struct job *j = p->outcome.job;
  notice_plan(loop_of_outcome(p)->gateway->config, j, p->outcome.rulings, clock_now_us(), p->actions);
  if (!notice_wanted(j, p->actions))
    post(p);
  else if (j->content)
    make_notice(p, j->content);
  else if (!content_load(p->outcome.all->loader, j->envelope.id, j->envelope.flags, notice_needs(j, p->actions),
                         on_original, p))
    retry_later(p, result_text(E_MEMORY));
}

/* What a delivery says of how it was protected. */
static void note_tls(struct pending *p, const struct tls_facts *facts) {
  for (size_t i = 0; i < p->outcome.job->recipient_count; i++)
    if (p->outcome.rulings[i].kind == EVENT_DELIVERED) tls_facts_add(p->outcome.rulings[i].numbers, facts);
}

/* And how long the attempt took, from its first host to its end: wall clock, which may have been set meanwhile. */
static void note_time(struct pending *p) {
  struct job *j = p->outcome.job;
  int64_t took_us = clock_now_us() - j->attempt_us;
  for (size_t i = 0; j->attempt_us && took_us >= 0 && i < j->recipient_count; i++)
    numbers_set(p->outcome.rulings[i].numbers, NUMBER_TOOK_MS, took_us / 1000);
}

void outcome_commit(struct outcome *o, const struct outcome_place *where, int64_t not_before_us) {
  struct pending *p = (struct pending *)o;
  snprintf(p->host, sizeof p->host, "%s", where->host);
  snprintf(p->source, sizeof p->source, "%s", where->source);
  snprintf(p->site, sizeof p->site, "%s", where->site ? where->site : "");
  snprintf(p->tls, sizeof p->tls, "%s", where->tls);
  tls_proof_text(&where->tls_facts, p->verified);
  p->not_before_us = not_before_us;
  p->committed = true;
  outcome_gather(o);
  note_tls(p, &where->tls_facts);
  note_time(p);
  tell_stories(p, where->before);
  begin(p);
}

void outcomes_abandon(struct outcomes *all) {
  struct outcome *o, *next;
  all->abandoning = true;
  for (o = all->list; o; o = next) {
    struct pending *p = (struct pending *)o;
    next = o->next;
    if (!p->waiting) continue;
    uv_timer_stop(&p->timer);
    abandon(p);
  }
}
