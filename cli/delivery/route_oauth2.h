/* `route add --oauth2`: where tokens come from, the secrets for it, and the first token. One thread. */
#ifndef SENDOFF_CLI_DELIVERY_ROUTE_OAUTH2_H
#define SENDOFF_CLI_DELIVERY_ROUTE_OAUTH2_H

#include "cli/command.h"
#include "relay/oauth2/token.h"

/* What was typed; `oauth2` points into it, and into argv. Zeroed before. */
struct oauth2_draft {
  struct route_oauth2 oauth2;
  char endpoint[HTTPS_URL_MAX];
  char secret[TOKEN_MAX], refresh[TOKEN_MAX], scope[2048];
  bool has_secrets; /* one of them, or both, were given */
  struct token_answer answer;
};
/* `changing`: the secrets may stay as they are. EXIT_USAGE, EXIT_NO: the message has been printed. */
enum exit_status oauth2_options_read(struct cli *c, bool changing, struct oauth2_draft *d);
/* Where secrets were given: what else a token is asked for with. `now`: the route as it is, if its login stays the
 * same; then the one of its secrets that was not given does, and the scope, as long as the grant is the same. NULL:
 * there is none. */
enum exit_status oauth2_complete(struct cli *c, const struct static_route *now, struct oauth2_draft *d);
/* Without secrets: the scope stays as it is. */
enum exit_status oauth2_scope_keep(struct oauth2_draft *d, const struct static_route *now);
/* The first token, which shows that all of it is right. `keys` point into the draft. */
enum exit_status oauth2_fetch(struct cli *c, struct oauth2_draft *d, struct route_keys *keys);
void oauth2_draft_clear(struct oauth2_draft *d); /* wipes the token */

#endif
