/* One connection of a destination: walks over the site's hosts until one is ready (RFC 5321 5.1), then carries jobs to
 * it one after another. One loop's thread.
 *
 *   WALKING -> IDLE <-> LOADING -> CONVERTING -> SENDING -> IDLE ...   and from each to ENDING
 *
 * LOADING is passed over when the content is in memory, CONVERTING when the host takes it as it is. */
#ifndef SENDOFF_RELAY_DELIVERY_SITE_CONNECTION_H
#define SENDOFF_RELAY_DELIVERY_SITE_CONNECTION_H

#include "relay/delivery/client/client.h"
#include "relay/delivery/outcome/outcome.h"
#include "relay/delivery/site/address_order.h"
#include "relay/delivery/site/destination.h"
#include "relay/delivery/site/pace.h"
#include "relay/message/seven_bit.h"

enum connection_phase {
  CONNECTION_WALKING,
  CONNECTION_IDLE,
  CONNECTION_LOADING,
  CONNECTION_CONVERTING,
  CONNECTION_SENDING,
  CONNECTION_ENDING
};

/* An address that is being connected to, or is. One close path: it ends when its client has closed. */
struct call {
  struct connection *connection; /* NULL: it is over for it, as another address was faster */
  struct delivery *delivery;
  struct route *route;        /* whose rules its client uses */
  struct smtp_client *client; /* NULL: it has closed */
  size_t at;                  /* in the order */
  uint64_t opened_ms;         /* clock_monotonic_ms */
  int64_t token_from_us;      /* of the access token that it logs in with; 0: none */
  char target[340];           /* "mx.example.net[192.0.2.1]:25" */
};

struct connection {
  struct destination *destination;
  struct connection *next, *prev;
  struct connection *site_next, *site_prev; /* site->connections */
  struct connection *idle_next, *idle_prev; /* delivery->idle, */
  bool idle;                                /* where it is */
  bool gives_way;                           /* it ends so that another site can have one */
  enum connection_phase phase;
  struct share *share; /* whose connection it is, and of which kind of site */
  enum site_class class;
  /* the host at hand */
  struct call *call;
  struct smtp_client *client; /* the call's; NULL only between two hosts */
  uint64_t opened_ms;         /* as in the call, and kept beyond it */
  int64_t token_from_us;
  char target[340];
  struct address_place place;
  /* the walk */
  struct route *route;
  struct address_order order;
  size_t next_place;
  struct call *rival;                       /* an address that is connected to beside the one at hand (RFC 8305 5) */
  uint64_t race_ms;                         /* when that may begin; 0: it does not wait for that */
  struct connection *race_next, *race_prev; /* delivery->racing */
  int64_t started_us, ready_us;
  uint64_t connect_ms;      /* how long each address has to connect */
  bool refused;             /* some host has refused the connection in words */
  struct tried tried;       /* all that were of no use to this attempt */
  struct incident incident; /* what happened last */
  struct incident failure;  /* what the walk ends with if no host is ready: its last failure that may be over later, or
                               its last; TROUBLE_NONE: none yet */
  char failed_target[340];  /* at which host */
  char *report_domain;      /* whose TLS report counts it; NULL: nobody's */
  char *walked;             /* what happened at all the others (outcome/story.h) */
  /* the work */
  unsigned jobs_done;
  bool parted;         /* the host does not take recipients of several domains together, as it seems */
  bool paced;          /* a message of its site's pace is under way, */
  int64_t paced_us;    /* since then, */
  enum pace_sign sign; /* and says this so far */
  char tls[96], source[IP_TEXT];
  struct tls_facts tls_facts;
  struct outcome *outcome;
  struct client_transaction transaction;
  struct load *load;
  struct seven_bit *seven_bit;
};

/* Begins to walk; adds itself to the destination. False without memory. */
bool connection_start(struct destination *d);
/* IDLE: takes jobs of the destination until one is under way or none is left. */
void connection_work(struct connection *c);
bool connection_can_work(const struct connection *c);
void connection_stop(struct connection *c);                                          /* soon: after its transaction */
void connection_abort(struct connection *c, enum trouble trouble, const char *text); /* now */

#endif
