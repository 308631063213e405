#include "relay/daemon/config.h"

#include "base/bytes.h"
#include "relay/daemon/config_table.h"
#include "relay/daemon/config_text.h"

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

/* What no single value shows. A block's line is the one it ends on. */
static int check_whole(cfg_t *c, const struct config *out, struct reason *why) {
  if (!out->hostname)
    return fail(why, E_SYNTAX, "%s: hostname is missing; write hostname = \"smtp.example.com\"", out->path);
  if (!out->listen_count)
    return fail(why, E_SYNTAX, "%s: there is no listen block; write listen \"0.0.0.0:587\" { tls = \"starttls\" }",
                out->path);
  for (size_t i = 0; i < out->certificate_count; i++)
    if (!out->certificates[i].certificate || !out->certificates[i].key)
      return fail(why, E_SYNTAX, "%s:%d: tls needs both certificate and key", out->path,
                  cfg_getnsec(c, "tls", (unsigned)i)->line);
  if (!out->retry_count)
    return fail(why, E_SYNTAX, "%s:%d: retry: write one duration at least, as in {\"15m\"}", out->path,
                cfg_getsec(c, "delivery")->line);
  for (size_t i = 0; i < out->listen_count; i++)
    if (out->listens[i].tls != LISTEN_OPTIONAL && !out->certificate_count)
      return fail(why, E_SYNTAX,
                  "%s:%d: listen \"%s\" needs a certificate; write tls { certificate = \"FILE\" key = \"FILE\" }",
                  out->path, cfg_getnsec(c, "listen", (unsigned)i)->line, out->listens[i].text);
  return OK;
}

static int parse(const char *path, const char *text, struct config *config, struct reason *why) {
  cfg_t *c = config_parser();
  if (!c) return fail(why, E_MEMORY, "out of memory");
  cfg_set_error_function(c, on_error);
  report = why;
  report_path = path;
  reported = false;
  int rc = OK;
  if (cfg_parse_buf(c, text) != CFG_SUCCESS)
    rc = reported ? E_SYNTAX : fail(why, E_SYNTAX, "%s: cannot be read", path);
  else if (!cfg_getbool(c, CONFIG_END_MARK))
    rc = fail(why, E_SYNTAX, "%s:%d: nothing is read from here on", path, c->line);
  report = NULL;
  config->path = strdup(path);
  if (rc == OK && (!config->path || !config_take(c, config))) rc = fail(why, E_MEMORY, "out of memory");
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
  for (size_t i = 0; i < c->listen_count; i++) {
    free(c->listens[i].text);
    free(c->listens[i].proxies);
  }
  for (size_t i = 0; i < c->dns_server_count; i++) free(c->dns_servers[i]);
  free(c->listens);
  free(c->dns_servers);
  free(c->path);
  free(c->hostname);
  free(c->data_dir);
  free(c->user);
  for (size_t i = 0; i < c->certificate_count; i++) {
    free(c->certificates[i].certificate);
    free(c->certificates[i].key);
  }
  free(c->certificates);
  free(c->trust_anchor);
  free(c->trust);
  free(c);
}

const char *config_path(const char *from_option) {
  const char *from_environment = getenv("SENDOFF_CONFIG");
  return from_option ? from_option : from_environment && *from_environment ? from_environment : CONFIG_DEFAULT_PATH;
}
