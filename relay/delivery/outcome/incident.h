/* What happened in an attempt, as plain data. Pure functions; any thread. */
#ifndef SENDOFF_RELAY_DELIVERY_OUTCOME_INCIDENT_H
#define SENDOFF_RELAY_DELIVERY_OUTCOME_INCIDENT_H

#include "base/mail/refusal.h"
#include "relay/smtp/reply_parser.h"

/* How far it had come. Up to STAGE_AUTH no message was mentioned. */
enum smtp_stage {
  STAGE_ROUTE, /* before any connection: DNS, choice of source, our own store */
  STAGE_CONNECT,
  STAGE_GREETING,
  STAGE_EHLO,
  STAGE_STARTTLS,
  STAGE_HANDSHAKE,
  STAGE_AUTH,
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
  TROUBLE_SANDBOX,  /* none: it is played as delivered (simulation.h) */
  TROUBLE_REPLY,    /* the host replied, and not what was hoped for */
  TROUBLE_NETWORK,  /* connect or socket failed */
  TROUBLE_CLOSED,   /* the host closed the connection */
  TROUBLE_TIMEOUT,  /* the host did not answer in time */
  TROUBLE_PROTOCOL, /* what came is not SMTP, or not at this place */
  TROUBLE_TLS,      /* the handshake failed */
  TROUBLE_LOCAL,    /* memory, disk: our own */
  TROUBLE_STOPPING, /* the gateway is ending */
  TROUBLE_SOURCE,   /* no source address fits, or it is not on this machine */
  TROUBLE_TOO_LARGE,
  TROUBLE_NO_8BITMIME,
  TROUBLE_NO_SMTPUTF8,
  TROUBLE_NO_DELIVERBY,  /* the host would not keep to a deadline (RFC 2852) */
  TROUBLE_DEADLINE,      /* it has passed */
  TROUBLE_NO_TLS,        /* which the message requires (RFC 8689): none, or not with a host that is known for sure */
  TROUBLE_NO_REQUIRETLS, /* the host would not require it further on */
  TROUBLE_NULL_MX,       /* this and those below: a route without hosts */
  TROUBLE_NO_DOMAIN,
  TROUBLE_NO_ADDRESS,
  TROUBLE_LOOP,
  TROUBLE_DNS,
  TROUBLE_PACE,         /* it is not its turn: the site is paused, or takes no more mail for now */
  TROUBLE_ROUTE,        /* an operator's route leads nowhere */
  TROUBLE_TLS_ENFORCED, /* the route requires TLS, and there was none, or none of the kind that it requires */
  TROUBLE_LOGIN,        /* the next hop did not let us log in */
  TROUBLE_WARMUP,       /* its source is warming up, and has no more to give for now */
  TROUBLE_PROBE,        /* nothing of its site takes a connection, and it waits for the next probe */
  TROUBLE_DANE,         /* the host's TLSA records require TLS, and there was none, or not with whom they name */
  TROUBLE_STS,      /* the domain's MTA-STS policy does not allow the host, or not without the TLS that it requires */
  TROUBLE_RETURNED, /* an operator has it returned to its sender */
};

/* What happened. */
struct incident {
  enum smtp_stage stage;
  enum trouble trouble;
  bool played;                    /* by the gateway itself: no host was asked */
  bool tls;                       /* inside TLS that was opportunistic, unless: */
  bool tls_enforced;              /* nothing is said to this host without TLS */
  bool routed;                    /* an operator named the host */
  bool tls_unused;                /* in the clear, though the host offers STARTTLS */
  bool resuming;                  /* TLS failed where an earlier session was to be resumed */
  bool reused;                    /* not the first transaction of its connection */
  bool answered;                  /* the host replied to some command of this transaction */
  bool others_accepted;           /* other recipients of this transaction were accepted */
  bool joined, other_domain;      /* its recipients are of several domains; this one is not of the first one's */
  bool put_off;                   /* another host of this attempt put it off, so this one does not decide alone */
  bool pipelined;                 /* the envelope went out in one write, and nothing after the message */
  bool host_dsn, host_deliver_by; /* the host offers DSN, DELIVERBY */
  bool of_source;                 /* the site means the source: how much comes from it, or what it thinks of it */
  bool site_wide;                 /* the whole site means it, so no other of its hosts is asked */
  int64_t retry_us;               /* when its recipients are to be tried next; 0: as the schedule says */
  bool local;                 /* our own machine refused (no such source address, no route): says nothing of the site */
  bool greylisted;            /* put off as greylisting does (RFC 6647) */
  int64_t probe_us;           /* when its site is probed next, exactly; 0: as the schedule says */
  int64_t again_us;           /* not before this, whatever the schedule says; 0: as it says */
  const char *enhanced;       /* of our own reason, where there is a closer one than its trouble's; static, or NULL */
  struct smtp_reply reply;    /* code 0: none */
  char text[256];             /* the reason as text, where there is no reply */
  char numbers[NUMBERS_TEXT]; /* of the rule (base/mail/refusal.h), beside the attempt's; "": none */
};

/* Its cause, as the delivery log keeps it (base/mail/rule.h). "" for TROUBLE_NONE: nothing went wrong. */
const char *incident_rule(const struct incident *i);
/* By command; `order`: struct queued_recipient, returned. */
void incident_of_return(const char *order, struct incident *out);
/* The deadline of its sender has passed (RFC 2852). */
void incident_of_deadline(struct incident *out);

#endif
