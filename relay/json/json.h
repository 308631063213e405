/* What accounts and events look like as JSON: one form for the command line and the daemon, with stable field names.
 * Each function returns a new reference, or NULL without memory. Any thread. */
#ifndef SENDOFF_RELAY_JSON_JSON_H
#define SENDOFF_RELAY_JSON_JSON_H

#include "base/directory/directory.h"
#include "base/mail/event.h"
#include "base/site/site_learning.h"

#include <jansson.h>

/* A string of a stranger: octets that are not UTF-8 become '?'. NULL is "". */
json_t *json_text(const char *text);
json_t *json_time(int64_t us); /* ISO 8601, or null for 0 */

/* The object on one line, safe for a terminal: control characters beyond ASCII are escaped, too. The caller frees it;
 * NULL without memory. */
char *json_line(const json_t *object);

json_t *blocklist_note_json(const struct blocklist_note *n);
/* What is wrong with a domain's record, and since when. */
json_t *domain_note_json(const struct domain_note *n);
json_t *site_learning_json(const struct site_learning_note *n);
json_t *event_json(const struct event *e);

json_t *account_json(const struct account *a);
json_t *account_senders_json(const struct account *a);
json_t *account_limits_json(const struct account *a);
json_t *settings_json(const struct settings *s); /* {"limits": [], "checks": {}} */
json_t *account_client_ips_json(const struct account *a);
json_t *account_client_certs_json(const struct account *a);

#endif
