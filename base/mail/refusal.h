/* Why something is refused, from where it is found out to the reply and the log: the one way in which a refusal is
 * made. The first one stands: it is the cause, and what follows from it is not. Plain data; one thread. */
#ifndef SENDOFF_BASE_REFUSAL_H
#define SENDOFF_BASE_REFUSAL_H

#include "base/mail/rule.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define REFUSAL_TEXT 512
#define REFUSAL_ABOUT 512
#define NUMBERS_TEXT 200
#define TRACE_TEXT 600

struct refusal {
  int code;                /* the reply code; 0: nothing is refused */
  const char *enhanced;    /* RFC 3463; static storage */
  const char *rule;        /* base/mail/rule.h; static storage */
  char text[REFUSAL_TEXT]; /* for the reply and the log */
  /* What of the rule it is about: a limit, an address. Refusals of one rule about the same are counted together. */
  char about[REFUSAL_ABOUT];
  char numbers[NUMBERS_TEXT]; /* numbers_add's */
  char trace[TRACE_TEXT];     /* what the checks of the policy found that were asked (policy_trace); "": none was */
};

/* Fills it, unless it holds a refusal already. Returns E_DENIED, so that `return refuse(...)` reads well. */
int refuse(struct refusal *r, int code, const char *enhanced, const char *rule, const char *format, ...)
    __attribute__((format(printf, 5, 6)));
void refusal_about(struct refusal *r, const char *about); /* cut to its room */
static inline bool is_refused(const struct refusal *r) {
  return r->code != 0;
}

/* A rule's numbers as the log keeps them: "used=5000 count=5000". Appends one; one that finds no room is left out. */
void numbers_add(char numbers[NUMBERS_TEXT], const char *name, int64_t value);
/* The same, in place of one of that name. */
void numbers_set(char numbers[NUMBERS_TEXT], const char *name, int64_t value);
/* The next of them: 1, or 0 at the end and for what is not well-formed. Start with *at NULL; `name` takes 32 octets. */
int numbers_next(const char *numbers, const char **at, char name[32], int64_t *value);

/* Not a rule's, of accepted mail: its size and its recipients; how many of these counted, where not all did; 1 for a
 * submission that is another's repeat, and counted nothing. */
#define NUMBER_OCTETS "octets"
#define NUMBER_RECIPIENTS "recipients"
#define NUMBER_COUNTED "counted"
#define NUMBER_REPEAT "repeat"
/* Nor this: 1 for mail of a sandbox account, which counts towards its own limits alone. */
#define NUMBER_SANDBOX "sandbox"
/* Not a rule's: the message that its sender was notified with of this event. Its id, so shown as one. */
#define NUMBER_NOTICE "notice"
/* Nor this: how long the attempt took that the event ended. */
#define NUMBER_TOOK_MS "took_ms"

#endif
