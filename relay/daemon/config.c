#include "relay/daemon/config.h"

#include "relay/daemon/config_keys.h"
#include "relay/daemon/config_text.h"

#include <confuse.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* libconfuse reports errors through a callback without an argument of ours; configurations are read on one thread. */
static struct reason *report;
static const char *report_path;
static bool reported;

static void __attribute__((format(printf, 2, 0))) on_error(cfg_t *cfg, const char *format, va_list args) {
  char text[320];
  vsnprintf(text, sizeof text, format, args);
  if (reported) return; /* the first is the cause */
  reported = true;
  bool open_block = strstr(text, CONFIG_END_MARK) != NULL;
  fail(report, E_SYNTAX, "%s:%d: %s", report_path, cfg ? cfg->line - open_block : 0,
       open_block ? "a block is still open at the end of the file; a } is missing" : text);
}

/* --- checks; libconfuse calls them as it reads each value, so the line is known --- */

static int report_value(cfg_t *cfg, const struct config_key *k, const char *text) {
  char computed[128] = "";
  const char *quote = k->type->bare ? "" : "\"", *advice = k->type->advice;
  if (k->type->advise) {
    k->type->advise(&k->range, computed, sizeof computed);
    advice = computed;
  }
  if (strcmp(k->name, CONFIG_TITLE) == 0)
    cfg_error(cfg, "%s \"%s\": write %s", k->block, text, advice);
  else
    cfg_error(cfg, "%s = %s%s%s: write %s", k->name, quote, text, quote, advice);
  return -1;
}

static int check_text(cfg_t *cfg, const struct config_key *k, const char *text) {
  union config_value value = {0};
  int rc = k->type->parse(text, &k->range, &value);
  if (rc == OK && k->type->release) k->type->release(&value);
  return rc == E_SYNTAX ? report_value(cfg, k, text) : 0; /* without memory, the copy fails too */
}

static int check_key(cfg_t *cfg, cfg_opt_t *opt) {
  const struct config_key *k = config_key_find(cfg->name, cfg_opt_name(opt));
  unsigned count = cfg_opt_size(opt);
  if (k->list && count > k->list->most) {
    cfg_error(cfg, "%s: write %zu values at most", k->name, k->list->most);
    return -1;
  }
  return check_text(cfg, k, cfg_opt_getnstr(opt, count - 1));
}

static const struct config_block *block_find(const char *name) {
  for (size_t i = 0; i < config_block_count; i++)
    if (strcmp(config_blocks[i].name, name) == 0) return &config_blocks[i];
  return NULL;
}

static bool is_title(const struct config_key *k, const struct config_block *b) {
  return strcmp(k->name, CONFIG_TITLE) == 0 && strcmp(k->block, b->name) == 0;
}

static int check_block(cfg_t *cfg, cfg_opt_t *opt) {
  const struct config_block *b = block_find(cfg_opt_name(opt));
  if (b->refusal) {
    cfg_error(cfg, "%s: %s", b->name, b->refusal);
    return -1;
  }
  if (b->most && cfg_opt_size(opt) > b->most) {
    cfg_error(cfg, "%s: write %zu of them at most", b->name, b->most);
    return -1;
  }
  int rc = 0;
  for (size_t i = 0; rc == 0 && i < config_key_count; i++)
    if (is_title(&config_keys[i], b))
      rc = check_text(cfg, &config_keys[i], cfg_title(cfg_opt_getnsec(opt, cfg_opt_size(opt) - 1)));
  return rc;
}

/* --- libconfuse's options from the keys --- */

static cfg_opt_t key_option(const struct config_key *k) {
  cfg_opt_t one = CFG_STR(k->name, k->preset, CFGF_NONE);
  cfg_opt_t list = CFG_STR_LIST(k->name, (char *)k->preset, CFGF_NONE);
  cfg_opt_t *option = k->list ? &list : &one;
  option->validcb = check_key;
  return *option;
}

static cfg_opt_t block_option(const struct config_block *b, cfg_opt_t *keys) {
  cfg_flag_t repeated = b->repeated ? CFGF_MULTI : CFGF_NONE;
  cfg_flag_t titled = b->titled ? CFGF_TITLE | CFGF_NO_TITLE_DUPES : CFGF_NONE;
  cfg_flag_t refused = b->refusal ? CFGF_NODEFAULT : CFGF_NONE;
  cfg_opt_t option = CFG_SEC(b->name, keys, repeated | titled | refused);
  option.validcb = check_block;
  return option;
}

/* Appends the block's keys; the list is not ended. */
static cfg_opt_t *add_keys(const struct config_block *b, cfg_opt_t *at) {
  for (size_t i = 0; i < config_key_count; i++)
    if (strcmp(config_keys[i].block, b->name) == 0 && !is_title(&config_keys[i], b))
      *at++ = key_option(&config_keys[i]);
  return at;
}

static bool is_top(const struct config_block *b) {
  return strcmp(b->name, CONFIG_TOP) == 0;
}

/* Zero octets after a list are its CFG_END(). */
static void add_options(cfg_opt_t *top, cfg_opt_t *inner) {
  for (const struct config_block *b = config_blocks; b < config_blocks + config_block_count; b++)
    if (is_top(b)) {
      top = add_keys(b, top);
    } else {
      *top++ = block_option(b, inner);
      inner = add_keys(b, inner) + 1;
    }
  *top = (cfg_opt_t)CFG_BOOL(CONFIG_END_MARK, cfg_false, CFGF_NONE);
}

static cfg_t *make_parser(void) {
  size_t most = config_key_count + config_block_count + 2;
  cfg_opt_t *top = calloc(most, sizeof *top), *inner = calloc(most, sizeof *inner);
  cfg_t *c = NULL;
  if (top && inner) {
    add_options(top, inner);
    c = cfg_init(top, CFGF_NONE); /* copies them */
    if (c) cfg_set_error_function(c, on_error);
  }
  free(top);
  free(inner);
  return c;
}

/* --- from libconfuse's values to ours, and their release --- */

static size_t *count_at(void *base, size_t offset) {
  return (size_t *)(void *)((char *)base + offset);
}

/* An array of any type: its pointer is read and written as octets. */
static void *array_at(const void *base, size_t offset) {
  void *array;
  memcpy(&array, (const char *)base + offset, sizeof array);
  return array;
}

static void *array_new(void *base, size_t offset, size_t count, size_t size) {
  void *array = calloc(count ? count : 1, size);
  memcpy((char *)base + offset, &array, sizeof array);
  return array;
}

static int copy_list(cfg_t *section, const struct config_key *k, void *to) {
  size_t n = cfg_size(section, k->name), *count = count_at(to, k->list->count);
  char *values = k->list->in_place ? (char *)to + k->offset : array_new(to, k->offset, n, k->type->size);
  int rc = values ? OK : E_MEMORY;
  for (; rc == OK && *count < n; ++*count)
    rc = k->type->parse(cfg_getnstr(section, k->name, (unsigned)*count), &k->range, values + *count * k->type->size);
  return rc;
}

static int copy_key(cfg_t *section, const struct config_key *k, void *to) {
  if (k->list) return copy_list(section, k, to);
  const char *text = strcmp(k->name, CONFIG_TITLE) == 0 ? cfg_title(section) : cfg_getstr(section, k->name);
  return text ? k->type->parse(text, &k->range, (char *)to + k->offset) : OK;
}

static int copy_keys(cfg_t *section, const struct config_block *b, void *to) {
  int rc = OK;
  for (size_t i = 0; rc == OK && i < config_key_count; i++)
    if (strcmp(config_keys[i].block, b->name) == 0) rc = copy_key(section, &config_keys[i], to);
  return rc;
}

static int copy_repeated(cfg_t *c, const struct config_block *b, struct config *out) {
  size_t n = cfg_size(c, b->name), *count = count_at(out, b->count);
  char *elements = array_new(out, b->array, n, b->element_size);
  int rc = elements ? OK : E_MEMORY;
  for (size_t i = 0; rc == OK && i < n; i++) {
    ++*count; /* also of one that is copied in part, so that it is freed */
    rc = copy_keys(cfg_getnsec(c, b->name, (unsigned)i), b, elements + i * b->element_size);
  }
  return rc;
}

static int copy_block(cfg_t *c, const struct config_block *b, struct config *out) {
  if (b->refusal) return OK;
  if (b->repeated) return copy_repeated(c, b, out);
  return copy_keys(is_top(b) ? c : cfg_getsec(c, b->name), b, out);
}

/* On failure `out` holds what was copied before, for config_free. */
static int copy_all(cfg_t *c, const char *path, struct config *out) {
  out->path = strdup(path);
  int rc = out->path ? OK : E_MEMORY;
  for (size_t i = 0; rc == OK && i < config_block_count; i++) rc = copy_block(c, &config_blocks[i], out);
  return rc;
}

static void free_values(const struct config_type *type, char *values, size_t count) {
  for (size_t i = 0; type->release && i < count; i++) type->release(values + i * type->size);
}

static void free_key(const struct config_key *k, void *from) {
  char *field = (char *)from + k->offset;
  if (!k->list || k->list->in_place) {
    free_values(k->type, field, k->list ? *count_at(from, k->list->count) : 1);
    return;
  }
  char *values = array_at(from, k->offset);
  free_values(k->type, values, *count_at(from, k->list->count));
  free(values);
}

static void free_keys(const struct config_block *b, void *from) {
  for (size_t i = 0; i < config_key_count; i++)
    if (strcmp(config_keys[i].block, b->name) == 0) free_key(&config_keys[i], from);
}

static void free_block(const struct config_block *b, struct config *c) {
  if (!b->repeated) {
    free_keys(b, c);
    return;
  }
  char *elements = array_at(c, b->array);
  for (size_t i = 0; i < *count_at(c, b->count); i++) free_keys(b, elements + i * b->element_size);
  free(elements);
}

/* Announced twice, a mechanism would be two. */
static int check_mechanisms(cfg_t *c, const struct config *out, struct reason *why) {
  const int line = cfg_getsec(c, "auth")->line;
  if (!out->mechanism_count)
    return fail(why, E_SYNTAX, "%s:%d: mechanisms: write one at least, as in {\"PLAIN\", \"LOGIN\"}", out->path, line);
  for (size_t i = 0; i < out->mechanism_count; i++)
    for (size_t k = 0; k < i; k++)
      if (out->mechanisms[i] == out->mechanisms[k])
        return fail(why, E_SYNTAX, "%s:%d: mechanisms: %s is there twice", out->path, line,
                    auth_mechanism_name(out->mechanisms[i]));
  return OK;
}

static bool is_local(const struct listen_config *l) {
  return l->address.ss_family == AF_UNIX;
}

/* Users are known by who they are there, so nothing of this would have a meaning. */
static int check_local(cfg_t *section, const struct config *out, struct listen_config *l, struct reason *why) {
  l->tls = LISTEN_LOCAL;
  if (cfg_getopt(section, "tls")->flags & CFGF_MODIFIED)
    return fail(why, E_SYNTAX, "%s:%d: listen \"%s\" is a local socket, which has no TLS; take the tls out", out->path,
                section->line, l->text);
  if (l->proxy_count)
    return fail(why, E_SYNTAX, "%s:%d: listen \"%s\" is a local socket, without proxies; take the proxy out", out->path,
                section->line, l->text);
  return OK;
}

static int default_local(struct config *out, struct reason *why) {
  struct listen_config *l = &out->default_local;
  l->text = strdup("unix:" CONFIG_LOCAL_SOCKET);
  if (!l->text) return fail(why, E_MEMORY, "out of memory");
  l->tls = LISTEN_LOCAL;
  return config_type_endpoint.parse(l->text, NULL, &l->address);
}

static int check_locals(cfg_t *c, struct config *out, struct reason *why) {
  bool any = false;
  int rc = OK;
  for (size_t i = 0; rc == OK && i < out->listen_count; i++) {
    if (!is_local(&out->listens[i])) continue;
    any = true;
    rc = check_local(cfg_getnsec(c, "listen", (unsigned)i), out, &out->listens[i], why);
  }
  return rc == OK && !any ? default_local(out, why) : rc;
}

/* What no single value shows. The line of a block is the one that it ends on. */
static int check_whole(cfg_t *c, struct config *out, struct reason *why) {
  if (!out->hostname)
    return fail(why, E_SYNTAX,
                "%s: hostname is missing; write hostname = \"smtp.example.com\", or, for a first configuration: "
                "sendoff init --hostname NAME",
                out->path);
  if (!out->listen_count)
    return fail(why, E_SYNTAX, "%s: there is no listen block; write listen \"0.0.0.0:587\" { tls = \"starttls\" }",
                out->path);
  for (size_t i = 0; i < out->certificate_count; i++)
    if (!out->certificates[i].certificate || !out->certificates[i].key)
      return fail(why, E_SYNTAX, "%s:%d: tls needs both certificate and key", out->path,
                  cfg_getnsec(c, "tls", (unsigned)i)->line);
  for (size_t i = 0; i < out->dns_update_count; i++)
    if (!out->dns_updates[i].server || !out->dns_updates[i].key_name || !out->dns_updates[i].key_file)
      return fail(why, E_SYNTAX, "%s:%d: dns_update needs server, key_name and key_file", out->path,
                  cfg_getnsec(c, "dns_update", (unsigned)i)->line);
  if (!out->retry_count)
    return fail(why, E_SYNTAX, "%s:%d: retry: write one duration at least, as in {\"15m\"}", out->path,
                cfg_getsec(c, "delivery")->line);
  int rc = check_mechanisms(c, out, why);
  if (rc == OK) rc = check_locals(c, out, why);
  if (rc != OK) return rc;
  for (size_t i = 0; i < out->listen_count; i++)
    if (out->listens[i].tls < LISTEN_OPTIONAL && !out->certificate_count)
      return fail(why, E_SYNTAX,
                  "%s:%d: listen \"%s\" needs a certificate; write tls { certificate = \"FILE\" key = \"FILE\" }",
                  out->path, cfg_getnsec(c, "listen", (unsigned)i)->line, out->listens[i].text);
  return OK;
}

static int parse(const char *path, const char *text, struct config *config, struct reason *why) {
  cfg_t *c = make_parser();
  if (!c) return fail(why, E_MEMORY, "out of memory");
  report = why;
  report_path = path;
  reported = false;
  int rc = OK;
  if (cfg_parse_buf(c, text) != CFG_SUCCESS)
    rc = reported ? E_SYNTAX : fail(why, E_SYNTAX, "%s: cannot be read", path);
  else if (!cfg_getbool(c, CONFIG_END_MARK))
    rc = fail(why, E_SYNTAX, "%s:%d: nothing is read from here on", path, c->line);
  report = NULL;
  if (rc == OK && (rc = copy_all(c, path, config)) != OK) fail(why, rc, "%s: %s", path, result_text(rc));
  if (rc == OK) rc = check_whole(c, config, why);
  cfg_free(c);
  return rc;
}

int config_load(const char *path, struct config **out, struct reason *why) {
  struct buffer text;
  *out = NULL;
  struct config *config = calloc(1, sizeof *config);
  if (!config) return fail(why, E_MEMORY, "out of memory");
  int rc = config_text_read(path, &text, why);
  if (rc == OK) rc = parse(path, text.at, config, why);
  buffer_free(&text);
  if (rc != OK) config_free(&config);
  *out = config;
  return rc;
}

void config_free(struct config **at) {
  struct config *c = *at;
  *at = NULL;
  if (!c) return;
  for (size_t i = 0; i < config_block_count; i++) free_block(&config_blocks[i], c);
  free(c->default_local.text);
  free(c->path);
  free(c);
}

const char *config_path(const char *from_option) {
  const char *from_environment = getenv("SENDOFF_CONFIG");
  return from_option ? from_option : from_environment && *from_environment ? from_environment : CONFIG_DEFAULT_PATH;
}
