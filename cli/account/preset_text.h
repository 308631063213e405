/* What is to be written where, for each kind of client; ready to paste: what goes into a file begins in the first
 * column, and has no comment behind it, which neither Postfix nor Exim would take for one. One thread. */
#ifndef SENDOFF_CLI_ACCOUNT_PRESET_TEXT_H
#define SENDOFF_CLI_ACCOUNT_PRESET_TEXT_H

#include "base/directory/directory.h"
#include "cli/account/preset_place.h"
#include "cli/command.h"

#include <stdio.h>

struct preset_facts {
  FILE *out; /* where the text goes */
  const struct config *config;
  const struct account *account;
  const char *password; /* or a text that stands for it */
  struct preset_place place;
  const char *host;                      /* to connect to */
  const char *certificate;               /* the gateway's own, which nobody trusts yet; NULL: a CA signed it */
  char sender[DOMAIN_MAX + ADDRESS_MAX]; /* an address that the account may use; "" */
};
/* `password` NULL: it is not known. What `account` has must live as long. */
void preset_facts_read(const struct config *k, const struct account *account, const char *password,
                       struct preset_facts *out);

void preset_text_wordpress(const struct preset_facts *f);
void preset_text_php(const struct preset_facts *f);
void preset_text_device(const struct preset_facts *f);
void preset_text_server(const struct preset_facts *f);

#endif
