/* What DMARC will say of a message, for sessions: from the loop's cache, or by a check that sessions wait for together.
 * The loop's thread only. */
#ifndef SENDOFF_RELAY_SUBMISSION_DMARC_GATE_H
#define SENDOFF_RELAY_SUBMISSION_DMARC_GATE_H

#include "base/directory/directory.h"
#include "policy/dmarc/dmarc_predict.h"
#include "relay/submission/dns_jobs.h"

struct dmarc_gate;
int dmarc_gate_new(struct loop *loop, struct dmarc_gate **out);
void dmarc_gate_free(struct dmarc_gate **g); /* when no check is running: the loop has ended */

struct dmarc_question {
  const struct directory *directory;
  int64_t account;    /* whose mail it is */
  const char *author; /* From's domain, normalised */
  enum mail_stream stream;
  const struct spf_verdict *spf; /* of the source that does best */
  bool wait;                     /* else what is not known yet is asked for the messages to come */
};

struct dmarc_wait {
  struct dns_wait base;
  void (*done)(struct dmarc_wait *w, const struct dmarc_prediction *p); /* NULL: it is not known, and refuses nothing */
};

/* True: `w->done` was called already. False: it will be, within DNS_WAIT_MS, unless the session leaves
 * (dns_wait_leave). */
bool dmarc_gate_ask(struct dmarc_gate *g, const struct dmarc_question *q, struct dmarc_wait *w);

#endif
