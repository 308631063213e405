/* Signs one message with one or more keys (RFC 6376, RFC 8463) while it arrives: relaxed/relaxed, From oversigned. */
#ifndef SENDOFF_DKIM_SIGNER_H
#define SENDOFF_DKIM_SIGNER_H

#include "dkim/keys.h"

/* The library handle. Make one for each event loop and use it, and the signers made from it, on that thread only. */
struct signer_lib;
int signer_lib_new(struct signer_lib **out, struct reason *why);
void signer_lib_free(struct signer_lib **lib);

struct signer_identity {
  struct signer_key *key; /* the signer takes its own reference */
  const char *domain;     /* d= */
  const char *selector;   /* s= */
};

struct signer;
#define SIGNER_KEYS_MAX 4
#define SIGNER_FIELDS_MAX 200 /* more would make a signature that verifiers do not take */
/* One signature for each identity; at most SIGNER_KEYS_MAX. */
int signer_begin(struct signer_lib *lib, const struct signer_identity *ids, size_t count, struct signer **out,
                 struct reason *why);
/* Each header field in order, whole, with its last CRLF or without. Those that RFC 6376 5.4.1 lists are signed, and
 * all others passed over. E_SYNTAX: the field cannot be signed, and never will; E_TOO_BIG: there are over
 * SIGNER_FIELDS_MAX of those that are. */
int signer_header(struct signer *s, struct bytes field);
int signer_headers_end(struct signer *s, struct reason *why);
/* The body with CRLF line ends, in any cuts, also between CR and LF. */
int signer_body(struct signer *s, struct bytes chunk);
/* One private-key operation for each identity. Appends "DKIM-Signature: ...\r\n" fields (folded, lines under 78 where
 * the value allows). */
int signer_finish(struct signer *s, struct buffer *out, struct reason *why);
void signer_free(struct signer **s); /* at any point */

#endif
