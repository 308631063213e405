/* What the submission sessions of one loop share. Private to relay/submission/; the loop's thread. */
#ifndef SENDOFF_RELAY_SUBMISSION_CONTEXT_H
#define SENDOFF_RELAY_SUBMISSION_CONTEXT_H

#include "base/directory/config.h"
#include "relay/net/loop.h"

struct submission {
  struct loop *loop;
  const struct config *config;   /* the gateway's */
  struct session_limits *limits; /* the gateway's; any thread */
  struct login_bans *bans;       /* the gateway's; any thread */
  struct expected *expected;     /* the gateway's; any thread */
  struct auth_cache *auth_cache;
  struct spf_gate *spf_gate;
  struct dmarc_gate *dmarc_gate;
  struct local_peers *local_peers;
  struct dmarc_warnings *dmarc_warnings;
  struct refusal_log *refusals;
  struct session *sessions; /* all that are open, doubly linked */
  size_t session_count;
  uint64_t tls_failed;      /* handshakes, since the start */
  uint64_t tls_not_trusted; /* of them, those of clients that did not trust the certificate */
  size_t intake_octets;     /* of content in memory, of messages on their way in */
  bool draining;            /* no new sessions or transactions */
};

#endif
