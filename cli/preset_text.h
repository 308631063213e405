/* What is to be written where, for each kind of client; ready to paste. One thread. */
#ifndef SENDOFF_CLI_PRESET_TEXT_H
#define SENDOFF_CLI_PRESET_TEXT_H

#include "cli/command.h"

#include <stdio.h>

struct preset_facts {
  FILE *out; /* where the text goes */
  const char *host, *account;
  const char *password;             /* or a text that stands for it */
  unsigned starttls, implicit, any; /* ports by what they want of TLS; 0: there is none */
  const char *certificate;          /* the gateway's own, which nobody trusts yet; NULL: a CA signed it */
  const char *sender;               /* an address that the account may use; "" */
  char room[330];
};
void preset_facts_read(struct cli *c, const char *account, const char *password, struct preset_facts *out);

void preset_text_wordpress(const struct preset_facts *f);
void preset_text_php(const struct preset_facts *f);
void preset_text_device(const struct preset_facts *f);
void preset_text_server(const struct preset_facts *f);

#endif
