/* Access tokens from a token endpoint (RFC 6749 4.4, 6): what is asked, and what the answer says. Blocking where it
 * asks: libuv's pool, or a command. */
#ifndef SENDOFF_RELAY_OAUTH2_TOKEN_H
#define SENDOFF_RELAY_OAUTH2_TOKEN_H

#include "base/bytes.h"
#include "base/result.h"
#include "relay/net/https.h"

#define TOKEN_MAX 8192    /* octets; those of Microsoft have some 2,000 */
#define TOKEN_LIFE_S 1800 /* of a token whose answer does not say (RFC 6749 5.1: RECOMMENDED) */
#define TOKEN_LIFE_MOST_S (30 * 86400)

struct token_request {
  const char *endpoint, *client_id, *scope; /* scope "": none */
  struct bytes client_secret;               /* empty: a public client */
  struct bytes refresh_token;               /* empty: the client's own credentials are the grant */
};

struct token_answer {
  struct buffer access, refresh; /* secret; refresh empty: the old one stays */
  int64_t life_s;
};
void token_answer_init(struct token_answer *a);
void token_answer_clear(struct token_answer *a); /* wipes */

/* OK; E_DENIED: the endpoint refused, `why` has its error and description (RFC 6749 5.2); E_TEMPORARY: it did not
 * answer, or with what is no answer; E_MEMORY. */
int token_fetch(const struct https *h, const struct token_request *q, struct token_answer *out, struct reason *why);

/* token_answer.c. The same of an answer that is there. Pure. */
int token_answer_read(long status, struct bytes body, struct token_answer *out, struct reason *why);

#endif
