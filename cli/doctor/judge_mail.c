/* Accounts and the queue. */
#include "base/clock.h"
#include "base/usage/usage_scope.h"
#include "cli/doctor/checks.h"

#include <string.h>

#define DAY_US (INT64_C(86400) * SECOND_US)
#define OLD_US (DAY_US / 2)              /* a message that has been tried for longer */
#define HELD_US DAY_US                   /* and one that nobody has released */
#define OVERDUE_US (15 * 60 * SECOND_US) /* a gateway that runs would have tried it */
#define SHOWN_MAX 5                      /* domains, of each kind */

/* --- accounts --- */

static void check_suspended(const struct directory *all, struct findings *f) {
  for (size_t i = 0; i < all->account_count; i++) {
    const struct account *a = &all->accounts[i];
    if (!a->suspended) continue;
    findings_add(f, SEVERITY_NOTE, a->name, "is suspended: %s", a->suspend_reason);
    findings_fix(f, "sendoff account resume %s", a->name);
  }
}

static void check_limits(const struct doctor_facts *d, struct findings *f) {
  for (size_t i = 0; i < d->limit_count; i++) {
    const struct limit_facts *l = &d->limits[i];
    if (l->percent >= 100)
      findings_add(f, SEVERITY_WARNING, l->owner, "has used up %s: its mail is refused until there is room",
                   l->limit->text);
    else
      findings_add(f, SEVERITY_WARNING, l->owner, "has used %u %% of %s", l->percent, l->limit->text);
    if (l->scope == SCOPE_GATEWAY)
      findings_fix(f, "sendoff gateway usage    (and if it is right so: sendoff gateway set --limit ...)");
    else
      findings_fix(f, "sendoff %s usage %s    (and if it is right so: sendoff %s set %s --limit ...)",
                   scope_name(l->scope), l->owner, scope_name(l->scope), l->owner);
    findings_see(f, "docs/limits.md");
  }
}

static void check_brakes(const struct doctor_facts *d, struct findings *f) {
  for (size_t i = 0; i < d->brake_count; i++) {
    const struct brake_facts *b = &d->brakes[i];
    findings_add(f, SEVERITY_WARNING, b->account, "sends what is not usual for it: %s \"%s\"",
                 b->mode == CHECK_ENFORCE ? "the brake is at" : "the brake would be at", brake_step_name(b->step));
    findings_fix(f, "sendoff account review %s", b->account);
    findings_see(f, "docs/brake.md");
  }
}

void judge_accounts(const struct doctor_facts *d, struct findings *f) {
  size_t before = f->count;
  check_suspended(d->directory, f);
  check_limits(d, f);
  check_brakes(d, f);
  if (before == f->count && d->directory->account_count)
    findings_add(f, SEVERITY_OK, "", "%zu, none suspended, braked or near its limits", d->directory->account_count);
}

/* --- the queue --- */

static bool paused_by_command(const struct doctor_facts *d) {
  for (size_t i = 0; i < d->directory->site_pause_count; i++)
    if (!d->directory->site_pauses[i].until_us || d->directory->site_pauses[i].until_us > d->now_us) return true;
  return false;
}

/* Whether mail for it should have been tried by now. */
static bool is_overdue(const struct doctor_facts *d, const struct waiting_facts *w) {
  return d->gateway == GATEWAY_RUNS && w->queued && w->next_us && w->next_us < d->now_us - OVERDUE_US;
}

static void say_waiting(const struct doctor_facts *d, const struct waiting_facts *w, struct findings *f) {
  char span[40];
  uint64_t count = w->queued + w->held;
  clock_format_span(d->now_us - w->oldest_us, span, sizeof span);
  findings_add(f, SEVERITY_WARNING, w->domain, "%llu recipient%s, the oldest message for %s%s%s",
               (unsigned long long)count, count == 1 ? " waits" : "s wait", span, *w->last ? "; last: " : "", w->last);
  findings_fix(f, "sendoff queue list --to '*@%s'", w->domain);
}

static void say_overdue(const struct doctor_facts *d, const struct waiting_facts *w, struct findings *f) {
  char span[40];
  clock_format_span(d->now_us - w->next_us, span, sizeof span);
  findings_add(f, paused_by_command(d) ? SEVERITY_NOTE : SEVERITY_WARNING, w->domain,
               "an attempt is due for %s, and has not been made", span);
  findings_fix(f, "sendoff queue list --to '*@%s'    (says what it waits for)", w->domain);
}

static void say_held(const struct doctor_facts *d, const struct waiting_facts *w, struct findings *f) {
  char span[40];
  clock_format_span(d->now_us - w->oldest_us, span, sizeof span);
  findings_add(f, SEVERITY_NOTE, w->domain, "%llu recipients are held, the oldest message came %s ago",
               (unsigned long long)w->held, span);
  findings_fix(f, "sendoff queue list --state held\nsendoff queue release ID");
}

static void check_waiting(const struct doctor_facts *d, struct findings *f) {
  size_t old = 0, overdue = 0, held = 0;
  for (size_t i = 0; i < d->waiting_count; i++) {
    const struct waiting_facts *w = &d->waiting[i];
    if (is_overdue(d, w) && overdue++ < SHOWN_MAX) say_overdue(d, w, f);
    if (w->queued && w->oldest_us < d->now_us - OLD_US && old++ < SHOWN_MAX) say_waiting(d, w, f);
    if (w->held && w->oldest_us < d->now_us - HELD_US && held++ < SHOWN_MAX) say_held(d, w, f);
  }
  size_t more = (old > SHOWN_MAX ? old - SHOWN_MAX : 0) + (overdue > SHOWN_MAX ? overdue - SHOWN_MAX : 0) +
                (held > SHOWN_MAX ? held - SHOWN_MAX : 0);
  if (!more) return;
  findings_add(f, SEVERITY_NOTE, "", "and so it is with mail for %zu more domains", more);
  findings_fix(f, "sendoff queue summary");
}

static void check_paused(const struct doctor_facts *d, struct findings *f) {
  char span[40];
  for (size_t i = 0; i < d->directory->site_pause_count; i++) {
    const struct site_pause *p = &d->directory->site_pauses[i];
    if (p->until_us && p->until_us <= d->now_us) continue;
    findings_add(f, SEVERITY_NOTE, p->site, "is paused by command%s%s", *p->source ? ", from " : "", p->source);
    findings_fix(f, "sendoff site resume %s", p->site);
  }
  for (size_t i = 0; i < d->paused_count; i++) {
    const struct paused_site_facts *p = &d->paused[i];
    clock_format_span(p->until_us - d->now_us, span, sizeof span);
    findings_add(f, SEVERITY_WARNING, p->site, "takes nothing from %s for another %s, by its own replies%s%s",
                 *p->source ? p->source : "here", span, *p->reason ? ": " : "", p->reason);
    findings_fix(f, "sendoff site show %s", p->site);
    findings_see(f, "docs/pace.md");
  }
}

static long long counter(const struct doctor_facts *d, const char *name) {
  return json_integer_value(json_object_get(d->status, name));
}

static void check_counters(const struct doctor_facts *d, struct findings *f) {
  static const struct {
    const char *name, *text, *fix, *see;
    enum severity severity;
  } of_interest[] = {
      {"logins_refused", "a next hop refuses the login of a route", "sendoff route list\nsendoff log --event deferred",
       "docs/routes.md", SEVERITY_ERROR},
      {"tokens_failed", "the access token of a route cannot be renewed", "sendoff route list", "docs/routes.md",
       SEVERITY_ERROR},
      {"sites_blocked", "a provider says that it blocks a source", "sendoff site list", "docs/pace.md", SEVERITY_ERROR},
      {"sites_unreachable", "there are sites of which no host takes a connection", "sendoff site list",
       "docs/delivery.md", SEVERITY_WARNING},
      {"destinations_starved", "mail waits because too many connections are open", "limits { max_connections = ... }",
       "docs/next-hops.md", SEVERITY_WARNING},
  };
  for (size_t i = 0; i < sizeof of_interest / sizeof of_interest[0]; i++) {
    if (!counter(d, of_interest[i].name)) continue;
    findings_add(f, of_interest[i].severity, "", "%s (%lld)", of_interest[i].text, counter(d, of_interest[i].name));
    findings_fix(f, "%s", of_interest[i].fix);
    findings_see(f, of_interest[i].see);
  }
}

void judge_queue(const struct doctor_facts *d, struct findings *f) {
  size_t before = f->count;
  check_waiting(d, f);
  check_paused(d, f);
  check_counters(d, f);
  if (before != f->count) return;
  if (!d->waiting_recipients)
    findings_add(f, SEVERITY_OK, "", "no mail waits");
  else
    findings_add(f, SEVERITY_OK, "", "%llu recipient%s, and %s", (unsigned long long)d->waiting_recipients,
                 d->waiting_recipients == 1 ? " waits" : "s wait", d->waiting_recipients == 1 ? "moves" : "move");
}
