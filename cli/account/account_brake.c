#include "cli/account/account_brake.h"
#include "cli/input/named.h"
#include "cli/output/table.h"

#include "base/usage/brake.h"
#include "policy/policy.h"

#include <stdio.h>

struct review {
  const struct account *account;
  enum check_mode mode;
  struct brake brake;
  struct brake_use uses[BUDGET_COUNT];
  uint64_t recipients, held;
  int64_t now_us;
};

/* --- reading --- */

static enum check_mode mode_of(const struct directory *d, const struct account *a) {
  struct facts f = {.directory = d, .account = a};
  return policy_mode(&f, "brake");
}

/* One that was only observed ends when the brake acts, and none is left where it is off (brake_step). */
static enum brake_step step_of(const struct brake *b, enum check_mode mode) {
  return mode == CHECK_OFF || b->mode < mode ? BRAKE_NONE : b->step;
}

/* The account's, or that of its domain by which it came to a step. */
static enum check_mode shown_mode(const struct brake *b, enum check_mode mode) {
  return step_of(b, mode) == BRAKE_NONE ? mode : b->mode;
}

static bool count_row(void *arg, const struct envelope *m, const struct queued_recipient *r) {
  (void)m;
  (void)r;
  ++*(uint64_t *)arg;
  return true;
}

static int read_review(struct reader *r, const struct directory *d, const char *name, struct review *out) {
  *out = (struct review){.account = directory_account(d, bytes_of(name)), .now_us = clock_now_us()};
  if (!out->account) return E_NOT_FOUND;
  out->mode = mode_of(d, out->account);
  int rc = reader_brake(r, name, &out->brake, &out->recipients);
  if (rc != OK) return rc;
  out->mode = shown_mode(&out->brake, out->mode);
  brake_uses(&out->brake, out->now_us, out->uses);
  struct queue_filter held = {.account = name, .state = RECIPIENT_HELD};
  return reader_queue(r, &held, count_row, &out->held);
}

json_t *account_brake_json(struct reader *r, const struct directory *d, const struct account *a) {
  struct brake b;
  uint64_t recipients;
  enum check_mode mode = mode_of(d, a);
  if (reader_brake(r, a->name, &b, &recipients) != OK) return NULL;
  enum brake_step step = step_of(&b, mode);
  return json_pack("{s:s, s:s, s:o}", "step", brake_step_name(step), "mode", check_mode_name(shown_mode(&b, mode)),
                   "since", step == BRAKE_NONE ? json_null() : json_time(b.since_us));
}

/* --- JSON --- */

static json_t *budgets_json(const struct review *v) {
  json_t *all = json_object();
  for (enum brake_budget i = 0; i < BUDGET_COUNT; i++) {
    const struct brake_use *u = &v->uses[i];
    json_t *one = json_pack("{s:I, s:I, s:b, s:b}", "used", (json_int_t)u->used, "budget", (json_int_t)u->budget,
                            "counts", (int)u->counts, "exceeded", (int)brake_is_over(u));
    if (u->far_budget != UINT64_MAX) json_object_set_new(one, "far", json_integer((json_int_t)u->far_budget));
    if (i == BUDGET_BOUNCES) json_object_set_new(one, "recipients", json_integer((json_int_t)u->of));
    json_object_set_new(all, brake_budget_name(i), one);
  }
  return all;
}

static json_t *networks_json(const struct review *v) {
  json_t *all = json_array();
  for (size_t i = 0; i < BRAKE_NETWORKS; i++) {
    const struct brake_network *n = &v->brake.networks[i];
    char text[IP_TEXT];
    if (!n->key) continue;
    brake_network_format(n->key, text);
    json_array_append_new(all, json_pack("{s:s, s:I, s:o, s:b}", "network", text, "days", (json_int_t)n->days, "last",
                                         json_time(n->last_day * 86400 * SECOND_US), "usual",
                                         (int)brake_network_is_usual(n, v->now_us)));
  }
  return all;
}

static void print_as_json(const struct review *v) {
  const struct brake *b = &v->brake;
  enum brake_step step = step_of(b, v->mode);
  print_json(json_pack("{s:s, s:s, s:s, s:o, s:o, s:b, s:o, s:o, s:I, s:I, s:I, s:I, s:I, s:o}", "account",
                       v->account->name, "mode", check_mode_name(v->mode), "step", brake_step_name(step), "since",
                       step == BRAKE_NONE ? json_null() : json_time(b->since_us), "braked_since",
                       step == BRAKE_NONE ? json_null() : json_time(b->braked_us), "new",
                       (int)brake_is_new(b, v->now_us), "budgets", budgets_json(v), "networks", networks_json(v),
                       "usual_recipients_a_day", (json_int_t)brake_mean_day(b), "busiest_day",
                       (json_int_t)b->usual_accepted, "known_recipients", (json_int_t)v->recipients, "held",
                       (json_int_t)v->held, "slow_rate_an_hour", (json_int_t)brake_slow_rate(b, v->now_us), "trusted",
                       b->trusted_us ? json_time(b->trusted_us) : json_null()));
}

/* --- for people --- */

static void print_head(const struct review *v) {
  enum brake_step step = step_of(&v->brake, v->mode);
  char since[40], span[40];
  if (step == BRAKE_NONE) {
    printf("%s: not braked (mode %s)\n", v->account->name, check_mode_name(v->mode));
  } else {
    clock_format_minute(v->brake.since_us, since, sizeof since);
    clock_format_span(v->now_us - v->brake.since_us, span, sizeof span);
    printf("%s: %s%s since %s (%s)%s\n", v->account->name, v->mode == CHECK_ENFORCE ? "" : "would be at ",
           brake_step_name(step), since, span,
           v->mode == CHECK_ENFORCE ? "" : "; the brake only observes, nothing was done");
  }
  if (brake_is_new(&v->brake, v->now_us))
    printf("The account is new here: for %d days its budgets are wider.\n", BRAKE_NEW_DAYS);
}

static const char *verdict_of(const struct brake_use *u) {
  if (!u->counts) return "too few yet";
  return !brake_is_over(u) ? "ok" : u->used > u->far_budget ? "FAR EXCEEDED" : "EXCEEDED";
}

static void print_budgets(const struct review *v) {
  static const char *const titles[BUDGET_COUNT] = {"first-time recipients today", "bounces in 7 days",
                                                   "recipients today", "from unusual networks today"};
  struct table *t = table_new((const char *const[]){"BUDGET", "USED", "SLOW OVER", "HOLD OVER", ""}, 5);
  for (enum brake_budget i = 0; i < BUDGET_COUNT; i++) {
    const struct brake_use *u = &v->uses[i];
    char used[64], most[32], far[32] = "-";
    bool share = i == BUDGET_BOUNCES;
    if (share)
      snprintf(used, sizeof used, "%.1f %% of %llu", (double)u->used / 10, (unsigned long long)u->of);
    else
      snprintf(used, sizeof used, "%llu", (unsigned long long)u->used);
    snprintf(most, sizeof most, "%llu%s", (unsigned long long)(share ? u->budget / 10 : u->budget), share ? " %" : "");
    if (u->far_budget != UINT64_MAX)
      snprintf(far, sizeof far, "%llu%s", (unsigned long long)(share ? u->far_budget / 10 : u->far_budget),
               share ? " %" : "");
    table_add(t, (const char *const[]){titles[i], used, most, far, verdict_of(u)});
  }
  table_print(&t);
}

static void print_networks(const struct review *v) {
  for (size_t i = 0; i < BRAKE_NETWORKS; i++) {
    const struct brake_network *n = &v->brake.networks[i];
    char text[IP_TEXT];
    if (!n->key) continue;
    brake_network_format(n->key, text);
    printf("network    %s, %llu day%s%s\n", text, (unsigned long long)n->days, n->days == 1 ? "" : "s",
           brake_network_is_usual(n, v->now_us) ? ", usual" : "");
  }
}

#define MINUTE_US (60 * SECOND_US)

/* The moment from which its mail is in question: the message that showed the first step came a little before it. */
static void print_next(const struct review *v) {
  const char *name = v->account->name;
  enum brake_step step = step_of(&v->brake, v->mode);
  char since[40];
  if (v->held) printf("held       %llu recipient%s\n", (unsigned long long)v->held, v->held == 1 ? "" : "s");
  if (step == BRAKE_NONE) return;
  clock_format_minute(v->brake.braked_us - MINUTE_US, since, sizeof since);
  printf("\nWhat it sends: sendoff log --account %s --since \"%s\" --event accepted\n", name, since);
  if (v->mode != CHECK_ENFORCE) {
    printf("It is right:   sendoff account trust %s\n"
           "To act on it:  sendoff account set %s --brake on\n",
           name, name);
    return;
  }
  /* What was slowed is queued, and keeps its time until it is tried at once. */
  printf("It is right:   sendoff account trust %s && sendoff queue %s --account %s\n"
         "It was stolen: sendoff account password %s\n"
         "               sendoff queue drop --account %s --since \"%s\"\n"
         "               sendoff account trust %s --forget\n",
         name, v->held ? "release" : "retry", name, name, name, since, name);
}

static void print_review(const struct review *v) {
  print_head(v);
  puts("");
  print_budgets(v);
  printf("\nusual      recipients: %llu a day, %llu on its busiest; %llu known\n",
         (unsigned long long)brake_mean_day(&v->brake), (unsigned long long)v->brake.usual_accepted,
         (unsigned long long)v->recipients);
  print_networks(v);
  print_next(v);
}

/* --- the verbs --- */

enum exit_status account_review(struct cli *c) {
  struct directory *d;
  struct reader *r;
  struct review v;
  enum exit_status s = cli_directory(c, &d);
  if (s != EXIT_DONE) return s;
  s = cli_reader(c, &r);
  if (s == EXIT_DONE) {
    int rc = read_review(r, d, c->arguments[0], &v);
    reader_close(&r);
    if (rc == E_NOT_FOUND)
      s = named_unknown(c, NAMED_ACCOUNT, c->arguments[0]);
    else if (rc != OK)
      s = cli_fail(EXIT_NO, "the brake's numbers cannot be read: %s", result_text(rc));
    else if (c->json)
      print_as_json(&v);
    else
      print_review(&v);
  }
  directory_release(&d);
  return s;
}

static void print_trusted(const char *name, const struct brake_ended *ended, bool forget) {
  bool was_braked = ended->step || ended->suspension;
  printf("%s %s%s; what it has sent %s\n", name, was_braked ? "is not braked any more" : "was not braked",
         ended->suspension ? ", and not suspended" : "", forget ? "is forgotten" : "counts as usual from now on");
  if (was_braked) printf("what is held stays held; to let it go: sendoff queue release --account %s\n", name);
}

enum exit_status account_trust(struct cli *c) {
  struct admin *a;
  struct reason why = {""};
  struct brake_ended ended = {0};
  bool forget = cli_switch(c, "forget");
  const char *name = c->arguments[0];
  enum exit_status s = named_check(c, NAMED_ACCOUNT, name);
  if (s == EXIT_DONE) s = cli_admin(c, &a);
  if (s == EXIT_DONE) s = cli_admin_done(c, &a, admin_brake_trust(a, name, forget, &ended, &why), &why);
  if (s != EXIT_DONE) return s;
  if (c->json)
    print_json(json_pack("{s:s, s:b, s:b}", "account", name, "was_braked", (int)(ended.step || ended.suspension),
                         "resumed", (int)ended.suspension));
  else
    print_trusted(name, &ended, forget);
  return s;
}
