/* What a failure means: the one place that decides between the next host, another try, waiting, and giving up. Pure
 * functions; any thread. RFC 5321 4.2.1, 4.2.4.2, 4.5.4.1, 5.1. */
#ifndef SENDOFF_RELAY_DELIVERY_OUTCOME_VERDICT_H
#define SENDOFF_RELAY_DELIVERY_OUTCOME_VERDICT_H

#include "base/config.h"
#include "base/event.h"
#include "relay/delivery/route/route.h"
#include "relay/smtp/reply_parser.h"

/* How far it had come. Up to STAGE_HANDSHAKE nothing was said about any message. */
enum smtp_stage {
  STAGE_ROUTE, /* before any connection: DNS, choice of source, our own store */
  STAGE_CONNECT,
  STAGE_GREETING,
  STAGE_EHLO,
  STAGE_STARTTLS,
  STAGE_HANDSHAKE,
  STAGE_IDLE, /* between transactions */
  STAGE_MAIL,
  STAGE_RCPT,
  STAGE_DATA,
  STAGE_CONTENT, /* sending the message, before its final dot */
  STAGE_DOT,     /* after the final dot: the host may have taken the message */
};
const char *smtp_stage_phrase(enum smtp_stage stage); /* "while sending the message", for texts */

enum trouble {
  TROUBLE_NONE,     /* delivered: the reply to the final dot says so */
  TROUBLE_REPLY,    /* the host replied, and not what was hoped for */
  TROUBLE_NETWORK,  /* connect or socket failed */
  TROUBLE_CLOSED,   /* the host closed the connection */
  TROUBLE_TIMEOUT,  /* the host did not answer in time */
  TROUBLE_PROTOCOL, /* what came is not SMTP, or not at this place */
  TROUBLE_TLS,      /* the handshake failed */
  TROUBLE_LOCAL,    /* memory, disk: our own */
  TROUBLE_STOPPING, /* the gateway is ending */
  TROUBLE_SOURCE,   /* no source address fits */
  TROUBLE_TOO_LARGE,
  TROUBLE_NO_8BITMIME,
  TROUBLE_NO_SMTPUTF8,
  TROUBLE_NO_DELIVERBY,  /* the host would not keep to a deadline (RFC 2852) */
  TROUBLE_DEADLINE,      /* it has passed */
  TROUBLE_NO_TLS,        /* which the message requires (RFC 8689): none, or not with a host that is known for sure */
  TROUBLE_NO_REQUIRETLS, /* the host would not require it further on */
  TROUBLE_NULL_MX,       /* and the other statuses of a route */
  TROUBLE_NO_DOMAIN,
  TROUBLE_NO_ADDRESS,
  TROUBLE_LOOP,
  TROUBLE_DNS,
};

/* What happened. */
struct incident {
  enum smtp_stage stage;
  enum trouble trouble;
  bool tls;                       /* inside TLS that was opportunistic */
  bool reused;                    /* not the first transaction of its connection */
  bool answered;                  /* the host replied to some command of this transaction */
  bool others_accepted;           /* other recipients of this transaction were accepted */
  bool host_dsn, host_deliver_by; /* the host offers DSN, DELIVERBY */
  bool local;              /* our own machine refused (no such source address, no route): says nothing of the site */
  const char *enhanced;    /* of our own reason, where there is a closer one than its trouble's; static, or NULL */
  struct smtp_reply reply; /* code 0: none */
  char text[256];          /* in words, where there is no reply */
};

enum verdict {
  VERDICT_DELIVERED,
  VERDICT_NEXT_HOST, /* this host is of no use now: the next address or exchanger (RFC 5321 5.1) */
  VERDICT_PLAIN,     /* the same host again, on a new connection without TLS (RFC 7435 3: opportunistic) */
  VERDICT_AGAIN,     /* at once in another transaction; nothing was decided about the recipient */
  VERDICT_DEFER,
  VERDICT_BOUNCE,
};
enum verdict verdict_of(const struct incident *i);
/* The incident that a route without hosts is. */
void incident_of_route(const struct route *route, struct incident *out);

/* The incident that a deadline is that has passed (RFC 2852). */
void incident_of_deadline(struct incident *out);

/* A verdict made final for one recipient. */
struct ruling {
  enum event_kind kind; /* DELIVERED, DEFERRED, BOUNCED, EXPIRED */
  int code;             /* of the reply, else of the reply that our own reason would be; 0 for EXPIRED */
  char enhanced[ENHANCED_TEXT];
  bool remote;                    /* the code and text are the next hop's own words */
  bool host_dsn, host_deliver_by; /* the next hop offers DSN, DELIVERBY */
  char text[REPLY_TEXT_MAX];
  int64_t next_us; /* DEFERRED */
  bool counts;     /* DEFERRED */
  bool set;        /* false in an array that is not filled yet */
};
/* VERDICT_NEXT_HOST, _PLAIN and _AGAIN, when there is nothing left to go on to, are rulings to defer. `attempts` were
 * made before this one; `random` (any value) is the jitter. */
void verdict_rule(const struct config *config, const struct incident *i, unsigned attempts, int64_t created_us,
                  int64_t expires_us, int64_t now_us, uint32_t random, struct ruling *out);
/* How long a site that cannot be reached is left alone. */
int64_t verdict_site_pause(const struct config *config);

#endif
