/* One look after one key: what is to be found out, and what came of it. Blocking; libuv's pool. */
#ifndef SENDOFF_RELAY_DOMAIN_KEY_JOB_H
#define SENDOFF_RELAY_DOMAIN_KEY_JOB_H

#include "dkim/new_key.h"
#include "relay/domain/key_service.h"
#include "relay/domain/publisher.h"
#include "store/read.h"

enum key_job_kind {
  KEY_JOB_SERVICE,   /* KEY_WAITING: its record is published, if that is ours to do; does DNS serve it? */
  KEY_JOB_MAIL,      /* KEY_OLD: is mail queued that it has signed? */
  KEY_JOB_WITHDRAW,  /* KEY_RETIRED: its record is taken out of DNS */
  KEY_JOB_SUCCESSOR, /* KEY_ACTIVE: the next one is made */
};

struct key_job {
  enum key_job_kind kind;
  struct directory *directory; /* held: it has the two */
  const struct domain *domain;
  const struct signing_key *key;
  /* what came of it */
  bool known; /* it could be done, or found out */
  struct key_service_finding found;
  bool mail_waits;
  struct new_key next; /* SUCCESSOR, known */
  struct reason why;   /* not known */
};

struct key_job_tools {
  const struct authority_plan *plan;
  const struct publisher *publisher;
  struct reader *reader;
};
void key_job_run(struct key_job *j, const struct key_job_tools *t, uint64_t deadline_ms, int64_t now_us);
/* Wipes the new key, releases the directory. */
void key_job_clear(struct key_job *j);

#endif
