/* The submission side of one loop: sessions begin here, at a listener's connection. The loop's thread, but for new and
 * free (before the loop runs, and after it ended). */
#ifndef SENDOFF_RELAY_SUBMISSION_SUBMISSION_H
#define SENDOFF_RELAY_SUBMISSION_SUBMISSION_H

#include "base/directory/config.h"
#include "relay/net/loop.h"

struct session_limits;
struct login_bans;
struct expected;
struct submission;

/* The gateway's own, shared by its loops. */
struct submission_shared {
  struct session_limits *limits;
  struct login_bans *bans;
  struct expected *expected;
};
/* What is shared outlives it. OK or E_MEMORY. */
int submission_new(struct loop *loop, const struct submission_shared *with, struct submission **out);
void submission_free(struct submission **s); /* no session is left */
/* `config` stays for as long as the loop runs. False: out of memory. The connection waits, and with it, in libuv, the
 * whole listener: ask again. */
bool submission_accept(struct submission *s, uv_stream_t *listener, const struct listen_config *config);
size_t submission_session_count(const struct submission *s);
struct submission_counters {
  uint64_t sessions;
  uint64_t tls_failed;      /* TLS handshakes, since the start */
  uint64_t tls_not_trusted; /* of them, those of clients that did not trust the certificate */
};
/* Adds those of this loop. */
void submission_count(const struct submission *s, struct submission_counters *to);
/* Once a second, and before the store closes: refusals that were counted go into the delivery log. */
void submission_tick(struct submission *s);
/* No new transactions: idle sessions get 421 now, the others after their transaction (RFC 5321 3.8). */
void submission_drain(struct submission *s);
/* Ends those that are left with 421, but for those whose answer is on its way (the store is about to commit); called
 * again until none is left. */
void submission_cut(struct submission *s);

#endif
