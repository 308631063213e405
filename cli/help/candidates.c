#include "cli/help/candidates.h"

#include "base/id.h"
#include "base/mail/event.h"
#include "cli/help/help.h"
#include "cli/help/topics.h"
#include "cli/help/usage.h"
#include "cli/nouns.h"
#include "policy/policy.h"

#include <stdio.h>
#include <string.h>

#define IDS_MAX 100 /* of the queue: more help nobody */

struct typing {
  struct cli *cli;
  const struct noun *noun;
  const struct verb *verb;
  size_t arguments;    /* that are complete */
  struct bytes option; /* whose value is being typed; empty: none */
  bool lost;           /* a word before is none that there is */
  struct bytes before; /* "--stream=": what stands before the value in the same word */
  const char *word;    /* what has been typed of the value, the argument or the option */
};

static void offer(const struct typing *t, struct bytes candidate, struct bytes about) {
  size_t n = strlen(t->word);
  if (candidate.len < n || memcmp(candidate.at, t->word, n) != 0) return;
  printf("%.*s%.*s\t%.*s\n", (int)t->before.len, t->before.at, (int)candidate.len, candidate.at, (int)about.len,
         about.at);
}

static void offer_text(const struct typing *t, const char *candidate, const char *about) {
  offer(t, bytes_of(candidate), bytes_of(about));
}

/* --- names in the store --- */

static struct directory *open_directory(const struct typing *t) {
  struct directory *d = NULL;
  return cli_directory(t->cli, &d) == EXIT_DONE ? d : NULL;
}

static void offer_accounts(const struct typing *t) {
  struct directory *d = open_directory(t);
  for (size_t i = 0; d && i < d->account_count; i++) offer_text(t, d->accounts[i].name, "account");
  if (d) directory_release(&d);
}

static void offer_domains(const struct typing *t) {
  struct directory *d = open_directory(t);
  for (size_t i = 0; d && i < d->domain_count; i++) offer_text(t, d->domains[i].name, "domain");
  if (d) directory_release(&d);
}

static void offer_sources(const struct typing *t) {
  struct directory *d = open_directory(t);
  for (size_t i = 0; d && i < d->source_count; i++) offer_text(t, d->sources[i].address, d->sources[i].helo);
  if (d) directory_release(&d);
}

static void offer_pools(const struct typing *t) {
  struct directory *d = open_directory(t);
  for (size_t i = 0; d && i < d->source_count; i++) {
    bool seen = false;
    for (size_t n = 0; n < i; n++) seen |= strcmp(d->sources[n].pool, d->sources[i].pool) == 0;
    if (!seen) offer_text(t, d->sources[i].pool, "pool");
  }
  if (d) directory_release(&d);
}

static void offer_routes(const struct typing *t) {
  struct directory *d = open_directory(t);
  for (size_t i = 0; d && i < d->route_count; i++) offer_text(t, d->routes[i].to, "route");
  if (d) directory_release(&d);
}

static void offer_selectors(const struct typing *t) {
  struct directory *d = open_directory(t);
  for (size_t i = 0; d && i < d->domain_count; i++)
    for (size_t k = 0; k < d->domains[i].key_count; k++) offer_text(t, d->domains[i].keys[k].selector, "selector");
  if (d) directory_release(&d);
}

struct id_rows {
  const struct typing *typing;
  int64_t last;
};

static bool offer_id(void *arg, const struct envelope *m, const struct queued_recipient *r) {
  struct id_rows *rows = arg;
  char id[ID_TEXT];
  if (m->id == rows->last) return true;
  rows->last = m->id;
  id_format(m->id, id);
  offer_text(rows->typing, id, r->to.address);
  return true;
}

static void offer_ids(const struct typing *t) {
  struct reader *r;
  struct queue_filter f = {.state = -1, .limit = IDS_MAX};
  struct id_rows rows = {.typing = t};
  if (cli_reader(t->cli, &r) != EXIT_DONE) return;
  reader_queue(r, &f, offer_id, &rows);
  reader_close(&r);
}

static bool offer_site(void *arg, const struct site_note *n) {
  offer_text(arg, n->site, "site");
  return true;
}

static void offer_sites(const struct typing *t) {
  struct reader *r;
  struct typing copy = *t;
  if (cli_reader(t->cli, &r) != EXIT_DONE) return;
  reader_site_notes(r, IDS_MAX, offer_site, &copy);
  reader_close(&r);
}

/* --- words that are always the same --- */

static void offer_times(const struct typing *t) {
  static const char *const times[] = {"1h", "24h", "7d", "today", "yesterday"};
  for (size_t i = 0; i < sizeof times / sizeof times[0]; i++) offer_text(t, times[i], "time");
}

static void offer_events(const struct typing *t) {
  for (int k = 0; k < EVENT_COUNT; k++) offer_text(t, event_name((enum event_kind)k), "event");
}

static void offer_files(const struct typing *t) {
  (void)t;
  puts(":files");
}

static void offer_topics(const struct typing *t) {
  for (size_t i = 0; i < topic_count; i++) offer_text(t, topics[i].name, topics[i].summary);
  for (size_t i = 0; i < cli_noun_count; i++) offer_text(t, cli_nouns[i].verbs->noun, cli_nouns[i].summary);
}

static void offer_verbs(const struct typing *t, const struct noun *n) {
  for (const struct verb *v = n->verbs; v->noun; v++)
    if (v->name) offer(t, bytes_of(v->name), help_sentence(v->summary));
}

/* "on|off", "transactional|bulk": those of the alternatives that are typed as they stand there. */
static void offer_alternatives(const struct typing *t, struct bytes value) {
  for (size_t at = 0; at <= value.len;) {
    size_t n = 0;
    while (at + n < value.len && value.at[at + n] != '|') n++;
    struct bytes one = {value.at + at, n};
    bool literal = n > 0;
    for (size_t i = 0; i < n; i++)
      literal &= (one.at[i] >= 'a' && one.at[i] <= 'z') || (one.at[i] >= '0' && one.at[i] <= '9') || one.at[i] == '-';
    if (literal) offer(t, one, BYTES("value"));
    at += n + 1;
  }
}

/* --- what a placeholder stands for --- */

/* By the noun it is an argument of, the option whose value it is, or itself; the first row that fits. */
static const struct {
  const char *noun, *option, *placeholder; /* NULL: any; option "": an argument */
  void (*offer)(const struct typing *t);
} rules[] = {
    {"account", "", "NAME", offer_accounts},  {"help", "", "TOPIC|COMMAND", offer_topics},
    {"source", "", "ADDRESS", offer_sources}, {"route", "", "DOMAIN|*", offer_routes},
    {"unban", "", NULL, offer_accounts},      {NULL, "account", NULL, offer_accounts},
    {NULL, "sender", NULL, offer_domains},    {NULL, "source", NULL, offer_sources},
    {NULL, "event", NULL, offer_events},      {NULL, "domain", NULL, offer_domains},
    {NULL, "site", NULL, offer_sites},        {NULL, NULL, "POOL", offer_pools},
    {NULL, NULL, "DOMAIN", offer_domains},    {NULL, NULL, "SELECTOR", offer_selectors},
    {NULL, NULL, "SITE", offer_sites},        {NULL, NULL, "ID", offer_ids},
    {NULL, NULL, "ID...", offer_ids},         {NULL, NULL, "T", offer_times},
    {NULL, NULL, "WHEN", offer_times},        {NULL, NULL, "DIR", offer_files},
    {NULL, NULL, "FILE", offer_files},        {NULL, NULL, "FILE|-", offer_files},
    {NULL, "import", NULL, offer_files},      {NULL, "data-dir", NULL, offer_files},
};

static void offer_value(const struct typing *t, struct bytes placeholder) {
  offer_alternatives(t, placeholder);
  for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++) {
    if (rules[i].noun && strcmp(rules[i].noun, t->noun->verbs->noun) != 0) continue;
    if (rules[i].option && !bytes_equal(bytes_of(rules[i].option), t->option)) continue;
    if (rules[i].placeholder && !bytes_equal(bytes_of(rules[i].placeholder), placeholder)) continue;
    rules[i].offer(t);
    return;
  }
}

/* The verb that options are of: also the noun's own, as of "log --since". */
static const struct verb *verb_of(const struct typing *t) {
  return t->verb || !t->noun ? t->verb : noun_verb(t->noun->verbs, NULL);
}

static void offer_option(struct typing *t, const char *name, size_t len, const char *about) {
  char option[80];
  int n = snprintf(option, sizeof option, "--%.*s", (int)len, name);
  if (n > 0 && (size_t)n < sizeof option) offer_text(t, option, about);
}

static void offer_options(struct typing *t) {
  const struct verb *v = verb_of(t);
  struct usage_walk w = USAGE_WALK(v ? v->arguments : "");
  struct usage_word u;
  while (usage_next(&w, &u))
    if (bytes_equal(u.option, bytes_of("CHECK")))
      for (size_t i = 0; i < policy_check_count; i++) {
        if (!policy_checks[i].fixed)
          offer_option(t, policy_checks[i].name, strlen(policy_checks[i].name), "off|observe|enforce|default");
      }
    else if (u.option.len) {
      char about[80];
      snprintf(about, sizeof about, "%.*s", (int)u.value.len, u.value.at);
      offer_option(t, u.option.at, u.option.len, about);
    }
  offer_option(t, "json", 4, "one JSON object a line");
  offer_option(t, "help", 4, "what it does");
  if (!t->noun) offer_option(t, "config", 6, "FILE");
}

/* --- the words so far --- */

/* An option that is complete; true when its value is the next word. */
static bool takes_value(const struct typing *t, const char *word) {
  const char *name = word + 2;
  if (strcmp(name, "config") == 0) return true;
  const struct verb *v = verb_of(t);
  return v && !strchr(name, '=') && usage_find(v->arguments, bytes_of(name), NULL) == USAGE_VALUE;
}

static void take_word(struct typing *t, const char *word) {
  if (!t->noun) {
    t->noun = noun_find(word);
    t->lost |= !t->noun;
    if (t->noun && !t->noun->verbs[1].noun && !t->noun->verbs->name) t->verb = t->noun->verbs;
    return;
  }
  if (!t->verb) {
    t->verb = noun_verb(t->noun->verbs, word);
    t->lost |= !t->verb;
    if (!t->verb || t->verb->name) return;
  }
  t->arguments++;
}

/* The words that are complete: what the last one is to be is known then. */
static void read_words(struct typing *t, const char *const *words, size_t count) {
  for (size_t i = 0; i + 1 < count; i++) {
    if (strncmp(words[i], "--", 2) != 0) {
      take_word(t, words[i]);
    } else if (takes_value(t, words[i])) {
      if (i + 2 == count) t->option = bytes_of(words[i] + 2);
      if (strcmp(words[i], "--config") == 0 && i + 2 < count) t->cli->config_option = words[i + 1];
      i++;
    } else if (strncmp(words[i], "--config=", 9) == 0) {
      t->cli->config_option = words[i] + 9;
    }
  }
}

/* "--stream=bu": the value is typed in the same word. */
static void split_word(struct typing *t) {
  const char *equals = strncmp(t->word, "--", 2) == 0 ? strchr(t->word, '=') : NULL;
  if (!equals) return;
  t->option = (struct bytes){t->word + 2, (size_t)(equals - t->word) - 2};
  t->before = (struct bytes){t->word, (size_t)(equals - t->word) + 1};
  t->word = equals + 1;
}

/* Neither an option nor its value: a noun, a verb, or an argument. */
static void offer_word(struct typing *t) {
  struct bytes value;
  if (!t->noun)
    for (size_t i = 0; i < cli_noun_count; i++) offer_text(t, cli_nouns[i].verbs->noun, cli_nouns[i].summary);
  else if (!t->verb)
    offer_verbs(t, t->noun);
  else if ((value = usage_argument(t->verb->arguments, t->arguments)).len)
    offer_value(t, value);
  else
    offer_options(t);
}

void candidates_print(struct cli *c, const char *const *words, size_t count) {
  struct typing t = {.cli = c, .word = count ? words[count - 1] : ""};
  struct bytes value;
  read_words(&t, words, count);
  if (!t.option.len) split_word(&t);
  if (t.lost) return;
  const struct verb *v = verb_of(&t);
  if (bytes_equal(t.option, bytes_of("config")))
    offer_files(&t);
  else if (t.option.len && v && usage_find(v->arguments, t.option, &value) == USAGE_VALUE)
    offer_value(&t, value);
  else if (*t.word == '-')
    offer_options(&t);
  else if (!t.option.len)
    offer_word(&t);
}
