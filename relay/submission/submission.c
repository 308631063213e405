#include "relay/submission/submission.h"

#include "base/log.h"
#include "relay/submission/auth/auth_cache.h"
#include "relay/submission/auth/login.h"
#include "relay/submission/dmarc_warning.h"
#include "relay/submission/greeting.h"
#include "relay/submission/input.h"
#include "relay/submission/local_peer.h"
#include "relay/submission/refusal_log.h"

#include <stdlib.h>

#define AUTH_CACHE_ENTRIES 10000

int submission_new(struct loop *loop, const struct submission_shared *with, struct submission **out) {
  struct submission *s = *out = calloc(1, sizeof *s);
  if (!s) return E_MEMORY;
  s->loop = loop;
  s->config = loop->gateway->config;
  s->limits = with->limits;
  s->bans = with->bans;
  s->expected = with->expected;
  s->auth_cache = auth_cache_new(AUTH_CACHE_ENTRIES);
  if (s->auth_cache && spf_gate_new(loop, &s->spf_gate) == OK && dmarc_gate_new(loop, &s->dmarc_gate) == OK &&
      local_peers_new(loop, &s->local_peers) == OK && dmarc_warnings_new(&s->dmarc_warnings) == OK &&
      refusal_log_new(loop, &s->refusals) == OK)
    return OK;
  submission_free(out);
  return E_MEMORY;
}

void submission_free(struct submission **at) {
  struct submission *s = *at;
  *at = NULL;
  if (!s) return;
  refusal_log_free(&s->refusals);
  spf_gate_free(&s->spf_gate);
  dmarc_gate_free(&s->dmarc_gate);
  local_peers_free(&s->local_peers);
  dmarc_warnings_free(&s->dmarc_warnings);
  auth_cache_free(&s->auth_cache);
  free(s);
}

bool submission_accept(struct submission *submission, uv_stream_t *listener, const struct listen_config *config) {
  struct session *s = session_new(submission, config);
  int rc = s ? input_accept(s, listener) : E_MEMORY;
  if (rc == OK) {
    greeting_begin(s);
    return true;
  }
  if (s) session_stream_closed(s); /* there is none: it ends here */
  if (rc != E_MEMORY) log_event(LOG_WARN_, NULL, "cannot accept a connection", NULL);
  return rc != E_MEMORY;
}

size_t submission_session_count(const struct submission *s) {
  return s->session_count;
}

void submission_count(const struct submission *s, struct submission_counters *to) {
  to->sessions += s->session_count;
  to->tls_failed += s->tls_failed;
  to->tls_not_trusted += s->tls_not_trusted;
}

void submission_tick(struct submission *s) {
  refusal_log_flush(s->refusals);
}

void submission_drain(struct submission *submission) {
  submission->draining = true;
  for (struct session *s = submission->sessions; s; s = s->next) {
    login_hurry(s); /* also of one that has closed: it is freed behind its delay */
    if (!session_is_closed(s)) loop_defer(s->loop, &s->turn);
  }
}

void submission_cut(struct submission *submission) {
  for (struct session *s = submission->sessions, *next; s; s = next) {
    next = s->next;
    if (!s->waiting && !session_is_closed(s))
      session_turn_away(s, "4.3.2", "stopping; try again in a minute", "stopping");
  }
}
