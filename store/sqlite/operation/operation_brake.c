#include "store/sqlite/operation/operation_brake.h"

#include "base/clock.h"
#include "base/mail/rule.h"
#include "base/usage/brake_text.h"
#include "store/sqlite/table/events.h"

#include <string.h>

void brake_reset(struct store_accept *a) {
  if (a->brake.held) a->message.hold_reason = NULL;
  a->brake.held = a->brake.said = false;
  a->brake.status = (struct brake_status){0};
  a->brake.slowed_until_us = 0;
}

/* How many of the recipients are kept and not the simulator's, and how many of those it has never written to. */
static int note_recipients(struct brake_table *t, const struct store_accept *a, int64_t now_us,
                           struct brake_mail *out) {
  const struct new_message *m = &a->message;
  int rc = OK;
  *out = (struct brake_mail){.network = a->brake.network};
  for (size_t i = 0; rc == OK && i < m->recipient_count; i++) {
    bool first = false;
    if (m->recipients[i].dropped || m->recipients[i].simulated || (a->covered && a->covered[i])) continue;
    rc = brake_table_note(t, m->envelope.account, m->recipients[i].address, now_us, &first);
    out->recipients++;
    out->first += first;
  }
  return rc;
}

static int say(struct sql *q, const struct store_accept *a, const struct brake *b, int64_t now_us) {
  char numbers[NUMBERS_TEXT];
  bool holds = b->step == BRAKE_HOLD && b->mode == CHECK_ENFORCE;
  brake_numbers(b, now_us, numbers);
  return event_insert(q, &(struct event){.kind = holds ? EVENT_HELD : EVENT_WARNED,
                                         .account = a->message.envelope.account,
                                         .stream = a->accepted.stream,
                                         .host = a->accepted.host,
                                         .rule = RULE_BRAKE,
                                         .numbers = numbers,
                                         .text = a->brake.text});
}

/* As sendoff account suspend does; the gateway notices by the configuration's generation. */
static int suspend(struct sql *q, const struct store_accept *a) {
  sqlite3_stmt *s = sql_use(q, "UPDATE accounts SET suspended = ? WHERE name = ? AND suspended IS NULL");
  sql_bind_text(s, 1, a->brake.text);
  sql_bind_text(s, 2, a->message.envelope.account);
  int rc = sql_run(s);
  return rc == OK ? sql_run(sql_use(q, "UPDATE meta SET value = value + 1 WHERE key = 'config'")) : rc;
}

static void apply(struct store_accept *a, struct brake *b, uint64_t recipients, int64_t now_us) {
  if (b->step == BRAKE_SLOW) {
    int64_t at_us = brake_slow(b, now_us, recipients);
    if (at_us > now_us) a->brake.slowed_until_us = at_us;
  } else if (b->step != BRAKE_NONE && !a->message.hold_reason) {
    a->message.hold_reason = a->brake.text;
    a->brake.held = true;
  }
}

int brake_accept(struct sql *q, struct brake_table *t, struct store_accept *a, int64_t now_us) {
  struct brake_mail mail;
  struct brake *b;
  const char *account = a->message.envelope.account;
  if (!account || !*account) return OK;
  int rc = note_recipients(t, a, now_us, &mail);
  if (rc != OK || !mail.recipients) return rc; /* what never leaves is nobody's usual mail */
  rc = brake_table_change(t, account, &b);
  if (rc != OK) return rc;
  brake_count_mail(b, now_us, &mail);
  a->brake.said = brake_step(b, now_us, a->brake.mode);
  a->brake.status = (struct brake_status){b->step, b->mode, b->since_us};
  if (b->step == BRAKE_NONE) return OK;
  brake_text(b, account, now_us, a->brake.text);
  if (a->brake.mode == CHECK_ENFORCE) apply(a, b, mail.recipients, now_us);
  if (a->brake.said) rc = say(q, a, b, now_us);
  bool suspends = a->brake.said && a->brake.mode == CHECK_ENFORCE && b->step == BRAKE_SUSPEND;
  return rc == OK && suspends ? suspend(q, a) : rc;
}

int brake_outcome(struct brake_table *t, const struct recipient_outcome *o) {
  const char *account = o->event.account;
  bool delivered = o->event.kind == EVENT_DELIVERED, bounced = o->bounce == BOUNCE_HARD;
  struct brake *b;
  if (!account || !*account || delivered == bounced || o->played) return OK;
  int rc = brake_table_change_known(t, account, &b);
  if (rc == OK && b) brake_count_outcome(b, clock_now_us(), delivered, bounced);
  return rc;
}
