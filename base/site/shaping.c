#include "base/site/shaping.h"

#include "base/clock.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* What Postfix opens at most, and what every host has borne so far: deploy/shaping.conf says the same, with reasons. */
#define REST_CONNECTIONS 20
#define REST_MESSAGES 100
#define WAIT_ASKED_MAX_US (24 * 3600 * SECOND_US) /* a longer one is not believed */
#define SUBJECT_MAX 800

static const char *const action_names[] = {
    [SHAPING_NOTHING] = "nothing", [SHAPING_SLOW] = "slow",           [SHAPING_SINGLE] = "single",
    [SHAPING_PAUSE] = "pause",     [SHAPING_PAUSE_ALL] = "pause-all", [SHAPING_GREYLIST] = "greylist",
    [SHAPING_BLOCK] = "block",
};
#define ACTION_COUNT (sizeof action_names / sizeof action_names[0])

const char *shaping_action_name(enum shaping_action action) {
  return action_names[action];
}

bool shaping_action_parse(const char *name, enum shaping_action *out) {
  for (size_t i = 0; i < ACTION_COUNT; i++) {
    if (strcmp(action_names[i], name) != 0) continue;
    *out = (enum shaping_action)i;
    return true;
  }
  return false;
}

/* --- life --- */

struct shaping *shaping_new(void) {
  struct shaping *s = calloc(1, sizeof *s);
  if (!s) return NULL;
  s->references = 1;
  s->rest.limits = (struct shaping_limits){.connections = REST_CONNECTIONS, .messages = REST_MESSAGES};
  return s;
}

struct shaping *shaping_hold(struct shaping *s) {
  __atomic_add_fetch(&s->references, 1, __ATOMIC_RELAXED);
  return s;
}

static void free_provider(struct shaping_provider *p) {
  for (size_t i = 0; i < p->suffix_count; i++) free(p->suffixes[i]);
  for (size_t i = 0; i < p->rule_count; i++) {
    free(p->rules[i].code);
    free(p->rules[i].reply);
    free(p->rules[i].example);
  }
  free(p->suffixes);
  free(p->rules);
  free(p->name);
}

void shaping_release(struct shaping **at) {
  struct shaping *s = *at;
  *at = NULL;
  if (!s || __atomic_sub_fetch(&s->references, 1, __ATOMIC_ACQ_REL)) return;
  for (size_t i = 0; i < s->provider_count; i++) free_provider(&s->providers[i]);
  free_provider(&s->rest);
  free(s->providers);
  free(s);
}

/* --- providers --- */

static bool ends_with(const char *host, const char *suffix) {
  size_t len = strlen(host), tail = strlen(suffix);
  if (len < tail || strcasecmp(host + len - tail, suffix) != 0) return false;
  return len == tail || host[len - tail - 1] == '.';
}

bool shaping_has_host(const struct shaping_provider *p, const char *host) {
  for (size_t i = 0; i < p->suffix_count; i++)
    if (ends_with(host, p->suffixes[i])) return true;
  return false;
}

const struct shaping_provider *shaping_find(const struct shaping *s, const char *name) {
  for (size_t i = 0; i < s->provider_count; i++)
    if (strcmp(s->providers[i].name, name) == 0) return &s->providers[i];
  return NULL;
}

/* --- patterns --- */

static bool same(char pattern, char c) {
  return tolower((unsigned char)pattern) == tolower((unsigned char)c);
}

/* `pattern` anywhere in `text`, with * for any run; in time of the product of their lengths. A * in `text`, which is a
 * pattern itself then, is only met by a *. */
static bool finds(const char *pattern, const char *text) {
  const char *star = pattern, *from = text; /* as if it began with one, and ended with one */
  while (*text) {
    if (*pattern == '*') {
      star = ++pattern;
      from = text;
    } else if (!*pattern) {
      return true;
    } else if (same(*pattern, *text) && *text != '*') {
      pattern++;
      text++;
    } else {
      pattern = star;
      text = ++from;
    }
  }
  while (*pattern == '*') pattern++;
  return !*pattern;
}

static bool code_fits(const char *prefix, const char *code) {
  return strncmp(prefix, code, strlen(prefix)) == 0;
}

static const struct shaping_rule *first_of(const struct shaping_provider *p, const char *code, const char *subject) {
  for (size_t i = 0; i < p->rule_count; i++)
    if (code_fits(p->rules[i].code, code) && finds(p->rules[i].reply, subject)) return &p->rules[i];
  return NULL;
}

const struct shaping_rule *shaping_rule_for(const struct shaping *s, const struct shaping_provider *p, int code,
                                            const char *enhanced, const char *text) {
  char digits[16], subject[SUBJECT_MAX];
  if (code / 100 != 4 && code / 100 != 5) return NULL;
  snprintf(digits, sizeof digits, "%d", code);
  snprintf(subject, sizeof subject, "%s%s%.700s", enhanced, enhanced[0] ? " " : "", text);
  const struct shaping_rule *own = p != &s->rest ? first_of(p, digits, subject) : NULL;
  return own ? own : first_of(&s->rest, digits, subject);
}

bool shaping_rule_hides(const struct shaping_rule *earlier, const struct shaping_rule *later) {
  return code_fits(earlier->code, later->code) && finds(earlier->reply, later->reply);
}

/* --- "try again in 300 seconds" --- */

/* Of a unit's first letters; 0: none. */
static int64_t unit_at(const char *at) {
  static const struct {
    const char *name;
    int64_t us;
  } units[] = {{"sec", SECOND_US}, {"min", 60 * SECOND_US}, {"hour", 3600 * SECOND_US}, {"hr", 3600 * SECOND_US}};
  while (*at == ' ') at++;
  for (size_t i = 0; i < sizeof units / sizeof units[0]; i++)
    if (strncasecmp(at, units[i].name, strlen(units[i].name)) == 0) return units[i].us;
  return 0;
}

/* "00:04:59", as postgrey writes it. */
static int64_t clock_at(const char *at) {
  unsigned hours, minutes, seconds;
  int end = 0;
  if (sscanf(at, "%2u:%2u:%2u%n", &hours, &minutes, &seconds, &end) != 3 || end != 8) return 0;
  return (int64_t)(hours * 3600 + minutes * 60 + seconds) * SECOND_US;
}

static bool asks_to_wait(const char *text) {
  static const char *const words[] = {"again",    "retry",    "retries",   "wait",
                                      "greylist", "graylist", "come back", "delay"};
  for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
    if (strcasestr(text, words[i])) return true;
  return false;
}

int64_t shaping_wait_asked(const char *text) {
  if (!asks_to_wait(text)) return 0;
  for (const char *at = text; *at; at++) {
    bool begins = isdigit((unsigned char)*at) && (at == text || !strchr(".:-", at[-1])) &&
                  (at == text || !isalnum((unsigned char)at[-1]));
    if (!begins) continue;
    size_t digits = strspn(at, "0123456789");
    if (digits > 6) continue;
    int64_t unit = unit_at(at + digits), asked = unit ? strtol(at, NULL, 10) * unit : clock_at(at);
    if (asked > 0 && asked <= WAIT_ASKED_MAX_US) return asked;
  }
  return 0;
}
