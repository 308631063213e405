/* What becomes of a Postfix set-up, line by line: commands that take it over, what is to be written into sendoff.conf,
 * and what is left out, and why. One thread. */
#ifndef SENDOFF_CLI_IMPORT_POSTFIX_PLAN_H
#define SENDOFF_CLI_IMPORT_POSTFIX_PLAN_H

#include "base/bytes.h"
#include "base/result.h"

#define POSTFIX_WORDS_MAX 64

enum postfix_action {
  POSTFIX_TAKE,      /* by a command */
  POSTFIX_PRESENT,   /* it is there already */
  POSTFIX_CONFIGURE, /* sendoff.conf says it */
  POSTFIX_LEFT_OUT,
  POSTFIX_NOTHING, /* there is nothing to do: Sendoff does it anyway, or has no use for it */
  POSTFIX_FAILED,  /* the command failed */
};

struct postfix_finding {
  enum postfix_action action;
  char where[64];                 /* "main.cf:12" */
  char *what;                     /* "relayhost = [smtp.example.com]:587" */
  char *text;                     /* why, or what else is to be known; "" */
  char *config;                   /* for sendoff.conf; "" */
  char *words[POSTFIX_WORDS_MAX]; /* of the command, which begins with sendoff; or of one to type by hand */
  size_t word_count;
  struct buffer input;    /* what the command reads; secret */
  const char *input_name; /* what that is, for people: "< password" */
};

struct postfix_plan {
  struct postfix_finding **all;
  size_t count, room;
  bool no_memory; /* it is not whole */
};

/* A new one at the end. Never NULL: without memory it is one that is in no plan. */
struct postfix_finding *postfix_find(struct postfix_plan *p, enum postfix_action action, const char *file,
                                     unsigned line, const char *what, ...) __attribute__((format(printf, 5, 6)));
void postfix_text(struct postfix_plan *p, struct postfix_finding *f, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void postfix_config(struct postfix_plan *p, struct postfix_finding *f, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* One more word of the command. */
void postfix_word(struct postfix_plan *p, struct postfix_finding *f, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* Several, up to NULL. */
void postfix_words(struct postfix_plan *p, struct postfix_finding *f, ...) __attribute__((sentinel));
void postfix_no_command(struct postfix_finding *f); /* there is none after all */
/* The command as a shell takes it: `out` NUL-terminated. */
int postfix_command(const struct postfix_finding *f, struct buffer *out);
size_t postfix_plan_count(const struct postfix_plan *p, enum postfix_action action);
void postfix_plan_free(struct postfix_plan *p);

#endif
