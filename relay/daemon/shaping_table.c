#include "relay/daemon/shaping_table.h"

#include "base/log.h"
#include "relay/daemon/config.h"
#include "relay/daemon/shaping_file.h"
#include "relay/delivery/delivery.h"
#include "relay/net/broadcast.h"

int shaping_table_load(const struct config *config, struct shaping **out, struct reason *why) {
  int rc = shaping_load(config->shaping, out, why);
  if (rc == OK && !config->shaping && !(*out)->provider_count)
    log_event(LOG_INFO_, NULL, "no table of providers", "file", shaping_default_path(), "next",
              "every site begins with the same pace", NULL);
  return rc;
}

static void each_takes(struct loop *on, struct broadcast_token *t) {
  delivery_set_shaping(on->delivery, broadcast_arg(t));
  broadcast_return(t);
}

static void all_took(void *arg) {
  struct shaping *s = arg;
  struct log_line l;
  log_begin(&l, LOG_INFO_, NULL, "table of providers reloaded");
  log_int(&l, "providers", (int64_t)s->provider_count);
  log_end(&l);
  shaping_release(&s);
}

void shaping_table_reload(struct loop *supervisor) {
  struct config *config = NULL;
  struct shaping *s = NULL;
  struct reason why = {""};
  int rc = config_load(supervisor->gateway->config->path, &config, &why);
  if (rc != OK)
    log_event(LOG_ERROR_, NULL, "the path of the table of providers was not read again", "reason", why.text, NULL);
  rc = shaping_table_load(config ? config : supervisor->gateway->config, &s, &why);
  config_free(&config);
  if (rc == OK && broadcast(supervisor, each_takes, all_took, s) != OK) rc = fail(&why, E_MEMORY, "out of memory");
  if (rc == OK) return;
  shaping_release(&s);
  log_event(LOG_ERROR_, NULL, "the table of providers was not reloaded; the old one stays", "reason", why.text, NULL);
}
