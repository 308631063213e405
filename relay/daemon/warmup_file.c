#include "relay/daemon/warmup_file.h"

#include "relay/daemon/config_text.h"

#include <confuse.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define BUILT_IN "warmup.conf"
#define HOLD_UNLESS_SAID 50 /* 0.5 % */

extern const char warmup_built_in[]; /* CMakeLists.txt: deploy/warmup.conf without its comments */

/* libconfuse's callbacks have no argument of ours. */
static struct reading {
  const char *path;
  struct reason *why;
} now;

static void __attribute__((format(printf, 2, 0))) on_error(cfg_t *cfg, const char *format, va_list args) {
  char text[320];
  if (now.why->text[0]) return; /* the first is the cause */
  vsnprintf(text, sizeof text, format, args);
  bool open_block = strstr(text, CONFIG_END_MARK) != NULL;
  fail(now.why, E_SYNTAX, "%.90s:%d: %s", now.path, cfg ? cfg->line - open_block : 0,
       open_block ? "a block is still open at the end of the file; a } is missing" : text);
}

/* --- values --- */

static const char *last_value(cfg_opt_t *opt) {
  return cfg_opt_getnstr(opt, cfg_opt_size(opt) - 1);
}

static bool read_number(const char *text, uint64_t least, uint64_t most, uint64_t *out) {
  return bytes_to_u64(bytes_of(text), out) && *out >= least && *out <= most;
}

static int on_day(cfg_t *cfg, cfg_opt_t *opt) {
  uint64_t n;
  if (cfg_opt_size(opt) > WARMUP_DAYS_MAX)
    cfg_error(cfg, "%s: write %d days at most", cfg_opt_name(opt), WARMUP_DAYS_MAX);
  else if (!read_number(last_value(opt), 1, WARMUP_AMOUNT_MAX, &n))
    cfg_error(cfg, "%s: %s: write a number from 1 to %d", cfg_opt_name(opt), last_value(opt), WARMUP_AMOUNT_MAX);
  else
    return 0;
  return -1;
}

static int on_share(cfg_t *cfg, cfg_opt_t *opt) {
  uint64_t n;
  if (read_number(last_value(opt), 1, 100, &n)) return 0;
  cfg_error(cfg, "share = %s: write a number from 1 to 100, in percent", last_value(opt));
  return -1;
}

/* "0.5" is 50 in 10,000; with two places at most. */
static bool read_percent(const char *text, unsigned *out) {
  uint64_t whole, part = 0;
  struct bytes t = bytes_of(text);
  size_t dot = bytes_find(t, '.', 0);
  struct bytes after = bytes_from(t, dot + 1);
  if (!bytes_to_u64((struct bytes){t.at, dot}, &whole) || whole > 100 || after.len > 2) return false;
  if (dot < t.len && !bytes_to_u64(after, &part)) return false;
  *out = (unsigned)(whole * 100 + (after.len == 1 ? 10 * part : part));
  return *out <= 10000;
}

static int on_percent(cfg_t *cfg, cfg_opt_t *opt) {
  unsigned n;
  if (read_percent(last_value(opt), &n)) return 0;
  cfg_error(cfg, "%s = %s: write a percentage from 0 to 100, as in 0.5", cfg_opt_name(opt), last_value(opt));
  return -1;
}

/* --- the grammar --- */

static cfg_opt_t checked(cfg_opt_t o, int (*check)(cfg_t *cfg, cfg_opt_t *opt)) {
  o.validcb = check;
  return o;
}

static cfg_t *make_parser(void) {
  cfg_opt_t days = checked((cfg_opt_t)CFG_STR_LIST("days", NULL, CFGF_NONE), on_day);
  cfg_opt_t provider[] = {days, checked((cfg_opt_t)CFG_STR("share", NULL, CFGF_NONE), on_share), CFG_END()};
  cfg_opt_t top[] = {days, checked((cfg_opt_t)CFG_STR("hold_above", NULL, CFGF_NONE), on_percent),
                     CFG_SEC("provider", provider, CFGF_MULTI | CFGF_TITLE | CFGF_NO_TITLE_DUPES),
                     CFG_BOOL(CONFIG_END_MARK, cfg_false, CFGF_NONE), CFG_END()};
  cfg_t *c = cfg_init(top, CFGF_NONE); /* copies them */
  if (c) cfg_set_error_function(c, on_error);
  return c;
}

/* --- from libconfuse's values to ours --- */

static void read_entry(cfg_t *block, const char *name, struct warmup_entry *e) {
  uint64_t n = 100;
  const char *share = *name == '*' ? NULL : cfg_getstr(block, "share");
  snprintf(e->name, sizeof e->name, "%s", name);
  if (share) bytes_to_u64(bytes_of(share), &n);
  e->share = (unsigned)n;
  for (unsigned i = 0; i < cfg_size(block, "days") && i < WARMUP_DAYS_MAX; i++) {
    bytes_to_u64(bytes_of(cfg_getnstr(block, "days", i)), &n);
    e->days[e->day_count++] = (uint32_t)n;
  }
}

static int read_provider(cfg_t *block, struct warmup_plan *p) {
  if (strlen(cfg_title(block)) > WARMUP_NAME_MAX)
    return fail(now.why, E_SYNTAX, "%.90s: provider \"%.40s...\": the name is too long", now.path, cfg_title(block));
  read_entry(block, cfg_title(block), &p->entries[p->count++]);
  return OK;
}

static int read_plan(cfg_t *c, struct warmup_plan *p) {
  struct reason why = {""};
  unsigned n = cfg_size(c, "provider");
  p->hold_above = HOLD_UNLESS_SAID;
  if (cfg_getstr(c, "hold_above")) read_percent(cfg_getstr(c, "hold_above"), &p->hold_above);
  read_entry(c, "*", &p->entries[p->count++]);
  if (n > WARMUP_PROVIDERS_MAX)
    return fail(now.why, E_SYNTAX, "%.90s: there are %u providers; write %d at most", now.path, n,
                WARMUP_PROVIDERS_MAX);
  int rc = OK;
  for (unsigned i = 0; rc == OK && i < n; i++) rc = read_provider(cfg_getnsec(c, "provider", i), p);
  if (rc != OK) return rc;
  rc = warmup_plan_check(p, &why);
  return rc == OK ? OK : fail(now.why, rc, "%.90s: %.380s", now.path, why.text);
}

static int parse(const char *text, struct warmup_plan *out) {
  cfg_t *c = make_parser();
  if (!c) return fail(now.why, E_MEMORY, "out of memory");
  int rc = cfg_parse_buf(c, text) == CFG_SUCCESS ? OK : E_SYNTAX;
  if (rc == OK && !cfg_getbool(c, CONFIG_END_MARK))
    rc = fail(now.why, E_SYNTAX, "%.90s:%d: nothing is read from here on", now.path, c->line);
  if (rc != OK && !now.why->text[0]) fail(now.why, rc, "%.90s:%d: this cannot be read", now.path, c->line);
  if (rc == OK) rc = read_plan(c, out);
  cfg_free(c);
  return rc;
}

static int parse_file(struct warmup_plan *out) {
  struct buffer text;
  if (access(now.path, R_OK) != 0) return fail(now.why, E_IO, "%.300s: %s", now.path, strerror(errno));
  int rc = config_text_read(now.path, &text, now.why);
  if (rc == OK) rc = parse(text.at, out);
  buffer_free(&text);
  return rc;
}

int warmup_file_load(const char *path, struct warmup_plan *out, struct reason *why) {
  memset(out, 0, sizeof *out);
  why->text[0] = '\0';
  now = (struct reading){path ? path : BUILT_IN, why};
  return path ? parse_file(out) : parse(warmup_built_in, out);
}
