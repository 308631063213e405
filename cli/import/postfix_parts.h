/* A Postfix set-up as it was read, and what each part of it comes to. One thread. */
#ifndef SENDOFF_CLI_IMPORT_POSTFIX_PARTS_H
#define SENDOFF_CLI_IMPORT_POSTFIX_PARTS_H

#include "cli/command.h"
#include "cli/import/postfix_conf.h"
#include "cli/import/postfix_files.h"
#include "cli/import/postfix_plan.h"

#define POSTFIX_TEXT ((size_t)4096)

struct postfix {
  struct postfix_place place;
  struct postfix_conf conf; /* main.cf */
  struct postfix_services services;
  struct postfix_plan plan;
  const struct directory *there; /* what this gateway has already */
  const struct config *config;
  const char *users, *opendkim;       /* --users FILE, --opendkim DIR; NULL */
  bool keys;                          /* OpenDKIM's are taken over */
  char rate[40], recipients_rate[40]; /* limits that each account gets: "100/minute"; "" */
};

/* The setting of main.cf, which counts as dealt with from now on; NULL: it is not set. */
const struct postfix_setting *postfix_asked(struct postfix *x, const char *name);
/* A value with all that it refers to; "" also where it cannot be read, and `size` is POSTFIX_TEXT at most. */
const char *postfix_value(const struct postfix_conf *c, const char *name, char *out, size_t size);
bool postfix_is_yes(const struct postfix_conf *c, const char *name);
/* A finding about a setting of main.cf. */
struct postfix_finding *postfix_about(struct postfix *x, enum postfix_action action, const struct postfix_setting *s);
/* A service that takes mail, with AUTH where there is one; NULL: none takes mail. */
const struct postfix_service *postfix_submission(const struct postfix *x);

void postfix_take_receiving(struct postfix *x); /* names, listeners, certificates, sizes */
void postfix_take_sending(struct postfix *x);   /* sources and routes */
void postfix_take_limits(struct postfix *x);    /* before the accounts */
void postfix_take_accounts(struct postfix *x);  /* users and networks */
void postfix_take_opendkim(struct postfix *x);
void postfix_take_rest(struct postfix *x); /* what nobody has asked for */

#endif
