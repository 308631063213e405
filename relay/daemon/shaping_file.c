#include "relay/daemon/shaping_file.h"

#include "base/address/address.h"
#include "base/address/suffix.h"
#include "base/text/quantity.h"
#include "relay/daemon/config_text.h"

#include <confuse.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define COUNT_MOST 1000000
#define FOR_MOST_US (INT64_C(7) * 86400 * 1000000)
#define PLACES_MAX 10000 /* blocks of a file */

/* One reading of one file. libconfuse's callbacks have no argument of ours. */
struct reading {
  const char *path;
  void (*problem)(void *arg, const char *text);
  void *arg;
  size_t problems;
  struct place { /* where a block begins: libconfuse only knows where it ends */
    const cfg_t *block;
    int line;
  } * places;
  size_t place_count, place_room;
};
static struct reading *now;

const char *shaping_default_path(void) {
  return SENDOFF_SHAPING;
}

/* --- problems --- */

static void __attribute__((format(printf, 2, 3))) report(int line, const char *format, ...) {
  char text[400], whole[500];
  va_list args;
  va_start(args, format);
  vsnprintf(text, sizeof text, format, args);
  va_end(args);
  snprintf(whole, sizeof whole, "%.90s:%d: %s", now->path, line, text);
  now->problems++;
  now->problem(now->arg, whole);
}

static void __attribute__((format(printf, 2, 0))) on_error(cfg_t *cfg, const char *format, va_list args) {
  char text[320];
  if (now->problems) return; /* the first is the cause */
  vsnprintf(text, sizeof text, format, args);
  bool open_block = strstr(text, CONFIG_END_MARK) != NULL;
  report(cfg ? cfg->line - open_block : 0, "%s",
         open_block ? "a block is still open at the end of the file; a } is missing" : text);
}

/* --- places --- */

static void note_place(const cfg_t *block) {
  for (size_t i = now->place_count; i-- > 0;)
    if (now->places[i].block == block) return;
  if (now->place_count == now->place_room) {
    size_t room = now->place_room ? 2 * now->place_room : 64;
    struct place *places = room <= PLACES_MAX ? realloc(now->places, room * sizeof *places) : NULL;
    if (!places) return; /* then the line is that of its end */
    now->places = places;
    now->place_room = room;
  }
  now->places[now->place_count++] = (struct place){block, block->line};
}

static int line_of(const cfg_t *block) {
  for (size_t i = 0; i < now->place_count; i++)
    if (now->places[i].block == block) return now->places[i].line;
  return block->line;
}

/* --- values, checked as libconfuse reads them --- */

static const char *last_value(cfg_opt_t *opt) {
  return cfg_opt_getnstr(opt, cfg_opt_size(opt) - 1);
}

static int on_text(cfg_t *cfg, cfg_opt_t *opt) {
  (void)opt;
  note_place(cfg);
  return 0;
}

static int on_count(cfg_t *cfg, cfg_opt_t *opt) {
  uint64_t n;
  note_place(cfg);
  if (bytes_to_u64(bytes_of(last_value(opt)), &n) && n >= 1 && n <= COUNT_MOST) return 0;
  cfg_error(cfg, "%s = %s: write a number from 1 to %d", cfg_opt_name(opt), last_value(opt), COUNT_MOST);
  return -1;
}

static int on_boolean(cfg_t *cfg, cfg_opt_t *opt) {
  const char *text = last_value(opt);
  note_place(cfg);
  if (strcmp(text, "yes") == 0 || strcmp(text, "no") == 0) return 0;
  cfg_error(cfg, "%s = %s: write yes or no", cfg_opt_name(opt), text);
  return -1;
}

static int on_pattern(cfg_t *cfg, cfg_opt_t *opt) {
  const char *text = last_value(opt);
  note_place(cfg);
  if (strlen(text) <= SHAPING_PATTERN_MAX) return 0;
  cfg_error(cfg, "%s: write %d octets at most", cfg_opt_name(opt), SHAPING_PATTERN_MAX);
  return -1;
}

static int on_code(cfg_t *cfg, cfg_opt_t *opt) {
  const char *text = last_value(opt);
  size_t len = strlen(text);
  note_place(cfg);
  if (len >= 1 && len <= 3 && (text[0] == '4' || text[0] == '5') && strspn(text, "0123456789") == len) return 0;
  cfg_error(cfg, "code = %s: write a reply code of 4xx or 5xx, or its first digits", text);
  return -1;
}

static int on_action(cfg_t *cfg, cfg_opt_t *opt) {
  enum shaping_action action;
  note_place(cfg);
  if (shaping_action_parse(last_value(opt), &action)) return 0;
  cfg_error(cfg, "action = %s: write nothing, slow, single, pause, pause-all, greylist or block", last_value(opt));
  return -1;
}

static int on_time(cfg_t *cfg, cfg_opt_t *opt) {
  int64_t us;
  note_place(cfg);
  if (duration_parse(last_value(opt), &us) == OK && us > 0 && us <= FOR_MOST_US) return 0;
  cfg_error(cfg, "time = %s: write a time up to 7d, as in \"30m\"", last_value(opt));
  return -1;
}

/* --- the grammar --- */

static cfg_opt_t option(const char *name, int (*check)(cfg_t *cfg, cfg_opt_t *opt)) {
  cfg_opt_t o = CFG_STR(name, NULL, CFGF_NONE);
  o.validcb = check;
  return o;
}

static cfg_opt_t list(const char *name, int (*check)(cfg_t *cfg, cfg_opt_t *opt)) {
  cfg_opt_t o = CFG_STR_LIST(name, NULL, CFGF_NONE);
  o.validcb = check;
  return o;
}

static cfg_t *make_parser(void) {
  cfg_opt_t rule[] = {option("code", on_code), option("reply", on_pattern), option("action", on_action),
                      option("time", on_time), option("example", on_text),  CFG_END()};
  cfg_opt_t provider[] = {list("mx", on_text),
                          option("connections", on_count),
                          option("messages_per_connection", on_count),
                          option("messages_per_second", on_count),
                          option("messages_per_minute", on_count),
                          option("messages_per_hour", on_count),
                          option("connects_per_minute", on_count),
                          option("require_tls", on_boolean),
                          CFG_SEC("rule", rule, CFGF_MULTI),
                          CFG_END()};
  cfg_opt_t rest[sizeof provider / sizeof provider[0] - 2];
  memcpy(rest, &provider[1], sizeof rest - sizeof rest[0]); /* without mx, and without rule */
  rest[sizeof rest / sizeof rest[0] - 1] = (cfg_opt_t)CFG_END();
  cfg_opt_t top[] = {CFG_SEC("default", rest, CFGF_NONE),
                     CFG_SEC("provider", provider, CFGF_MULTI | CFGF_TITLE | CFGF_NO_TITLE_DUPES),
                     CFG_SEC("rule", rule, CFGF_MULTI), CFG_BOOL(CONFIG_END_MARK, cfg_false, CFGF_NONE), CFG_END()};
  cfg_t *c = cfg_init(top, CFGF_NONE); /* copies them */
  if (c) cfg_set_error_function(c, on_error);
  return c;
}

/* --- from libconfuse's values to ours --- */

static unsigned count_or(cfg_t *block, const char *name, unsigned otherwise) {
  uint64_t n;
  const char *text = cfg_getstr(block, name);
  return text && bytes_to_u64(bytes_of(text), &n) ? (unsigned)n : otherwise;
}

/* What is not said is as in `otherwise`. */
static struct shaping_limits read_limits(cfg_t *block, const struct shaping_limits *otherwise) {
  const char *tls = cfg_getstr(block, "require_tls");
  return (struct shaping_limits){
      .connections = count_or(block, "connections", otherwise->connections),
      .messages = count_or(block, "messages_per_connection", otherwise->messages),
      .per_second = count_or(block, "messages_per_second", otherwise->per_second),
      .per_minute = count_or(block, "messages_per_minute", otherwise->per_minute),
      .per_hour = count_or(block, "messages_per_hour", otherwise->per_hour),
      .connects_per_minute = count_or(block, "connects_per_minute", otherwise->connects_per_minute),
      .require_tls = tls ? strcmp(tls, "yes") == 0 : otherwise->require_tls,
  };
}

static char *text_or_empty(cfg_t *block, const char *name) {
  const char *text = cfg_getstr(block, name);
  return strdup(text ? text : "");
}

static int read_rule(cfg_t *block, struct shaping_rule *r) {
  const char *action = cfg_getstr(block, "action"), *time = cfg_getstr(block, "time");
  r->line = line_of(block);
  r->code = text_or_empty(block, "code");
  r->reply = text_or_empty(block, "reply");
  r->example = text_or_empty(block, "example");
  if (action) shaping_action_parse(action, &r->action);
  if (!action) report(r->line, "this rule has no action; write, for example, action = \"slow\"");
  if (time) duration_parse(time, &r->for_us);
  return r->code && r->reply && r->example ? OK : E_MEMORY;
}

static int read_rules(cfg_t *block, struct shaping_provider *p) {
  unsigned n = cfg_size(block, "rule");
  if (n > SHAPING_RULES_MAX) {
    report(line_of(block), "there are %u rules; write %d at most", n, SHAPING_RULES_MAX);
    n = SHAPING_RULES_MAX;
  }
  p->rules = calloc(n ? n : 1, sizeof *p->rules);
  if (!p->rules) return E_MEMORY;
  int rc = OK;
  for (unsigned i = 0; rc == OK && i < n; i++) {
    p->rule_count++;
    rc = read_rule(cfg_getnsec(block, "rule", i), &p->rules[i]);
  }
  return rc;
}

/* Lower case, as the names of hosts are compared; what is no name stays, and is reported with the rest. */
static char *suffix_copy(const char *text) {
  char name[DOMAIN_MAX + 1];
  size_t len = strlen(text);
  bool dot = len && text[len - 1] == '.'; /* which normalizing would take off */
  return strdup(!dot && domain_normalize(bytes_of(text), name) == OK ? name : text);
}

static int read_suffixes(cfg_t *block, struct shaping_provider *p) {
  unsigned n = cfg_size(block, "mx");
  if (n > SHAPING_SUFFIXES_MAX) {
    report(p->line, "mx: write %d names at most", SHAPING_SUFFIXES_MAX);
    n = SHAPING_SUFFIXES_MAX;
  }
  p->suffixes = calloc(n ? n : 1, sizeof *p->suffixes);
  for (unsigned i = 0; p->suffixes && i < n; i++) {
    p->suffixes[i] = suffix_copy(cfg_getnstr(block, "mx", i));
    if (!p->suffixes[i]) return E_MEMORY;
    p->suffix_count++;
  }
  return p->suffixes ? OK : E_MEMORY;
}

static int read_provider(cfg_t *block, const struct shaping_limits *otherwise, struct shaping_provider *p) {
  p->line = line_of(block);
  p->limits = read_limits(block, otherwise);
  p->name = strdup(cfg_title(block));
  if (!p->name) return E_MEMORY;
  int rc = read_suffixes(block, p);
  return rc == OK ? read_rules(block, p) : rc;
}

static int read_all(cfg_t *c, struct shaping *s) {
  unsigned n = cfg_size(c, "provider");
  s->rest.limits = read_limits(cfg_getsec(c, "default"), &s->rest.limits);
  if (n > SHAPING_PROVIDERS_MAX) {
    report(c->line, "there are %u providers; write %d at most", n, SHAPING_PROVIDERS_MAX);
    n = SHAPING_PROVIDERS_MAX;
  }
  s->providers = calloc(n ? n : 1, sizeof *s->providers);
  if (!s->providers) return E_MEMORY;
  int rc = read_rules(c, &s->rest);
  for (unsigned i = 0; rc == OK && i < n; i++) {
    s->provider_count++; /* also of one that is read in part, so that it is freed */
    rc = read_provider(cfg_getnsec(c, "provider", i), &s->rest.limits, &s->providers[i]);
  }
  return rc;
}

/* --- what no single value shows --- */

static void check_suffix(const struct shaping_provider *p, const char *suffix) {
  size_t len = strlen(suffix);
  if (len && suffix[len - 1] == '.')
    report(p->line, "mx \"%.100s\": no exchanger's name ends with a dot; take it out", suffix);
  else if (*suffix == '.')
    report(p->line, "mx \"%.100s\": take the dot out, the names below it are meant anyway", suffix);
  else if (!domain_valid(bytes_of(suffix)))
    report(p->line, "mx \"%.100s\" is no domain; write one as in \"mx.example.net\"", suffix);
  else if (suffix_is_public(suffix))
    report(p->line, "mx \"%.100s\" is a public suffix: everybody's hosts are below it", suffix);
}

static bool has_suffix_twice(const struct shaping *s, const struct shaping_provider *p, const char *suffix) {
  for (const struct shaping_provider *o = s->providers; o < p; o++)
    for (size_t i = 0; i < o->suffix_count; i++)
      if (strcmp(o->suffixes[i], suffix) == 0) return true;
  return false;
}

/* A provider whose hosts an earlier one has all of is never found. */
static void check_provider(const struct shaping *s, const struct shaping_provider *p) {
  size_t len = strlen(p->name);
  if (!len || len > SHAPING_NAME_MAX || strspn(p->name, "abcdefghijklmnopqrstuvwxyz0123456789-_") != len)
    report(p->line, "provider \"%.80s\": write a name of lower case letters, digits, - and _", p->name);
  if (!p->suffix_count)
    report(p->line, "provider \"%s\" has no mx; write, for example, mx = {\"mx.example.net\"}", p->name);
  for (size_t i = 0; i < p->suffix_count; i++) {
    check_suffix(p, p->suffixes[i]);
    if (has_suffix_twice(s, p, p->suffixes[i]))
      report(p->line, "mx \"%.100s\" is another provider's already", p->suffixes[i]);
  }
}

/* "421-4.7.0 text": its parts. */
static bool take_apart(const char *example, int *code, const char **text) {
  *code = atoi(example);
  if (*code < 400 || *code > 599 || strspn(example, "0123456789") != 3 || (example[3] != ' ' && example[3] != '-'))
    return false;
  *text = example + 4;
  return true;
}

static void check_example(const struct shaping *s, const struct shaping_provider *p, const struct shaping_rule *r) {
  int code;
  const char *text;
  if (!r->example[0]) {
    report(r->line, "this rule has no example; write a reply that it is for, code and all");
    return;
  }
  if (!take_apart(r->example, &code, &text)) {
    report(r->line, "example \"%.60s\": write a whole reply, as in \"421 4.7.0 try again later\"", r->example);
    return;
  }
  const struct shaping_rule *found = shaping_rule_for(s, p, code, "", text);
  if (found && found != r)
    report(r->line, "the rule of line %d takes this rule's example before it", found->line);
  else if (!found)
    report(r->line, "this rule is not for its own example");
}

static bool needs_time(enum shaping_action action) {
  return action == SHAPING_SINGLE || action == SHAPING_PAUSE || action == SHAPING_PAUSE_ALL || action == SHAPING_BLOCK;
}

static void check_rule(const struct shaping *s, const struct shaping_provider *p, size_t index) {
  const struct shaping_rule *r = &p->rules[index];
  for (size_t i = 0; i < index; i++)
    if (shaping_rule_hides(&p->rules[i], r)) {
      report(r->line, "this rule can never fire: the rule of line %d takes all of its replies", p->rules[i].line);
      return;
    }
  if (!r->code[0] && !r->reply[0]) report(r->line, "this rule is for every reply; write code or reply");
  if (needs_time(r->action) && !r->for_us)
    report(r->line, "action %s needs a time, as in time = \"30m\"", shaping_action_name(r->action));
  if (!needs_time(r->action) && r->action != SHAPING_GREYLIST && r->for_us)
    report(r->line, "action %s has no time; take it out", shaping_action_name(r->action));
  check_example(s, p, r);
}

static void check_all(const struct shaping *s) {
  for (size_t i = 0; i < s->provider_count; i++) {
    check_provider(s, &s->providers[i]);
    for (size_t k = 0; k < s->providers[i].rule_count; k++) check_rule(s, &s->providers[i], k);
  }
  for (size_t k = 0; k < s->rest.rule_count; k++) check_rule(s, &s->rest, k);
}

/* --- a whole file --- */

static int parse(const char *text, struct shaping *s) {
  cfg_t *c = make_parser();
  int rc = c ? OK : E_MEMORY;
  if (rc == OK && cfg_parse_buf(c, text) != CFG_SUCCESS) {
    if (!now->problems) report(c->line, "this cannot be read");
    rc = E_SYNTAX;
  } else if (rc == OK && !cfg_getbool(c, CONFIG_END_MARK)) {
    report(c->line, "nothing is read from here on");
    rc = E_SYNTAX;
  }
  if (rc == OK) rc = read_all(c, s);
  if (rc == OK) check_all(s);
  if (c) cfg_free(c);
  return rc == OK && now->problems ? E_SYNTAX : rc;
}

static int read_file(struct reading *r, struct shaping **out) {
  struct buffer text;
  struct reason why = {""};
  *out = NULL;
  if (access(r->path, R_OK) != 0) {
    snprintf(why.text, sizeof why.text, "%.300s: %s", r->path, strerror(errno));
    r->problem(r->arg, why.text);
    return E_IO;
  }
  int rc = config_text_read(r->path, &text, &why);
  if (rc != OK) r->problem(r->arg, why.text);
  struct shaping *s = rc == OK ? shaping_new() : NULL;
  if (rc == OK && !s) rc = E_MEMORY;
  now = r;
  if (rc == OK) rc = parse(text.at, s);
  now = NULL;
  free(r->places);
  buffer_free(&text);
  if (rc != OK) shaping_release(&s);
  *out = s;
  return rc;
}

static void keep_first(void *arg, const char *text) {
  struct reason *why = arg;
  if (!why->text[0]) snprintf(why->text, sizeof why->text, "%s", text);
}

int shaping_load(const char *path, struct shaping **out, struct reason *why) {
  struct reading r = {.path = path ? path : SENDOFF_SHAPING, .problem = keep_first, .arg = why};
  why->text[0] = 0;
  if (!path && access(r.path, F_OK) != 0) {
    *out = shaping_new();
    return *out ? OK : fail(why, E_MEMORY, "out of memory");
  }
  int rc = read_file(&r, out);
  return rc == OK || why->text[0] ? rc : fail(why, rc, "%s: %s", r.path, result_text(rc));
}

bool shaping_check(const char *path, void (*problem)(void *arg, const char *text), void *arg) {
  struct reading r = {.path = path, .problem = problem, .arg = arg};
  struct shaping *s;
  int rc = read_file(&r, &s);
  if (rc == E_MEMORY) problem(arg, "out of memory");
  shaping_release(&s);
  return rc == OK;
}
