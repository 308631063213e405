/* What a failure means: the one place that decides between the next host, another try, waiting, and giving up. Pure
 * functions; any thread. RFC 5321 4.2.1, 4.2.4.2, 4.5.4.1, 5.1. */
#ifndef SENDOFF_RELAY_DELIVERY_OUTCOME_VERDICT_H
#define SENDOFF_RELAY_DELIVERY_OUTCOME_VERDICT_H

#include "base/directory/config.h"
#include "base/mail/event.h"
#include "base/mail/refusal.h"
#include "base/mail/suppression.h"
#include "relay/delivery/outcome/incident.h"

enum verdict {
  VERDICT_DELIVERED,
  VERDICT_NEXT_HOST, /* nothing was decided here: the next address or exchanger (RFC 5321 5.1) */
  VERDICT_PLAIN,     /* its TLS is broken: the next host, and when there is none, mail that has waited goes without TLS
                        (RFC 7435 3: opportunistic) */
  VERDICT_AGAIN,     /* at once in another transaction; nothing was decided about the recipient */
  VERDICT_DEFER,
  VERDICT_BOUNCE,
};
enum verdict verdict_of(const struct incident *i);
/* The reply says, or may say, that recipients of several domains do not go together: those that have no ruling are
 * tried again at once, each domain by itself. */
bool verdict_parts_domains(const struct incident *i);
/* It says so, and means any: the host gets one domain in a transaction from now on. */
bool verdict_wants_one_domain(const struct incident *i);
/* The host may have broken because of PIPELINING: the next time, one command at a time. */
bool verdict_wants_lockstep(const struct incident *i);
/* What the provider said of the source by it (regard.h). */
enum regard {
  REGARD_NONE,        /* nothing: it was not reached, or puts first attempts off */
  REGARD_ANSWERED,    /* it took the recipient, or refused it for a reason of the recipient's or the message's */
  REGARD_AGAINST,     /* it refused it, or put it off, for what comes from this source: its amount, its reputation */
  REGARD_TURNED_AWAY, /* it refused the connection */
};
/* A verdict made final for one recipient. */
struct ruling {
  enum event_kind kind; /* DELIVERED, DEFERRED, BOUNCED, EXPIRED */
  int code;             /* of the reply, else of the reply that our own reason would be; 0 for EXPIRED */
  char enhanced[ENHANCED_TEXT];
  const char *rule;               /* the cause: base/mail/rule.h; static */
  char numbers[NUMBERS_TEXT];     /* its numbers (base/mail/refusal.h) */
  enum bounce bounce;             /* what it says of the recipient */
  bool remote;                    /* the code and text are the next hop's */
  bool host_dsn, host_deliver_by; /* the next hop offers DSN, DELIVERBY */
  char text[REPLY_TEXT_MAX];
  int64_t next_us; /* DEFERRED */
  bool counts;     /* DEFERRED */
  bool daily;      /* DEFERRED: for the warm-up of its source; that may come often, and is in the log once a day */
  enum regard regard;
  bool played;     /* no host was asked */
  bool set;        /* false in an array that is not filled yet */
  bool greylisted; /* DEFERRED: as in the incident */
  bool onward;     /* it is for the case that no other host is left to ask */
  bool dropped;    /* by command, during the attempt: nobody is notified of it */
  const char *by;  /* whose command it is, for the log alone: the job's (struct queued_recipient, returned); or NULL */
  char *story;     /* outcome_store.c's: the text, and what happened at earlier hosts; NULL: as text */
};
/* What a ruling rests on, beside the incident. */
struct verdict_case {
  const struct config *config;
  unsigned attempts;  /* made before this one */
  int64_t created_us; /* when the message came */
  int64_t expires_us; /* when it has been tried for long enough */
  bool sender_ends;   /* expires_us is the sender's deadline (RFC 2852 by-mode R), not the gateway's */
  const char *last;   /* with sender_ends or TROUBLE_RETURNED, the last reply or reason of earlier attempts; NULL or "":
                         none */
  int64_t now_us;
  uint32_t random; /* any value: the jitter */
};
/* VERDICT_NEXT_HOST, _PLAIN and _AGAIN, when there is nothing left to go on to, are rulings to defer. */
void verdict_rule(const struct verdict_case *c, const struct incident *i, struct ruling *out);
/* How long a site that cannot be reached is left alone. */
int64_t verdict_site_pause(const struct config *config);

#endif
