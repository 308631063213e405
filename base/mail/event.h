/* The delivery log's events. Plain data; any thread. */
#ifndef SENDOFF_BASE_EVENT_H
#define SENDOFF_BASE_EVENT_H

#include "base/directory/mail_stream.h"

#include <stdbool.h>
#include <stdint.h>

/* Stored. */
enum event_kind {
  EVENT_ACCEPTED,
  EVENT_REFUSED,
  EVENT_DEFERRED,
  EVENT_DELIVERED,
  EVENT_BOUNCED,
  EVENT_EXPIRED,
  EVENT_HELD,
  EVENT_RELEASED,
  EVENT_DROPPED,
  EVENT_WARNED,
  EVENT_SUPPRESSED, /* its recipient is on the suppression list from now on */
  EVENT_REROUTED,   /* to another pool of sources, by command */
  EVENT_DKIM,       /* a signing key of `domain` is in another state */
  EVENT_DOMAIN,     /* what DNS has of `domain` has changed */
  EVENT_COUNT
};

#define EVENT_SUBJECT_ROOM 256 /* octets of UTF-8 that are kept, with a NUL */

/* One line of the delivery log. Strings may be NULL when writing (nothing to say) and are "" when read. */
struct event {
  int64_t id;         /* 0 when writing: the store makes one. id_time_us(id) is its time */
  int64_t message_id; /* 0: no message came to be */
  enum event_kind kind;
  const char *account;
  const char *from;        /* reverse-path */
  const char *domain;      /* of accepted mail: of those configured here the one that it counts as, which is From's; of
                              EVENT_DKIM and EVENT_DOMAIN the one that it is about; "" */
  const char *to;          /* forward-path; "" for events of the whole message */
  int code;                /* reply code, 0 if none */
  const char *enhanced;    /* "5.7.1" */
  const char *rule;        /* the cause: base/mail/rule.h; "" where there is none, and in logs of older versions */
  const char *numbers;     /* the rule's numbers (numbers_add, base/mail/refusal.h) */
  const char *verdict;     /* what checks had found: "account=pass; limits=refuse 5000 of 5000/day"; "": not known */
  enum mail_stream stream; /* of its message */
  const char *text;        /* the reply, or the reason, as text */
  const char *host;   /* next hop "mx.example.net[192.0.2.1]:25", or the client's address for accepted and refused */
  const char *source; /* address it left from */
  const char *ref;    /* what `sendoff why` takes; only for refusals */
  uint64_t count;     /* how many times the same refusal was made under this ref (1 or more) */
  int64_t first_us;   /* when the first of several was made; 0: at its time */
  /* Of its message; written with "accepted", and with "refused" where the content had come. */
  const char *subject;   /* as people read it, cut (EVENT_SUBJECT_ROOM) */
  const char *header_id; /* the Message-ID field, with its angle brackets */
};

const char *event_name(enum event_kind kind);                 /* "accepted" ... */
int event_kind_parse(const char *name, enum event_kind *out); /* OK or E_NOT_FOUND */

/* Whether it is the beginning of a notice of the gateway's own (a DSN), which nobody submitted: no reply took it. */
bool event_is_notice(const struct event *e);

#endif
