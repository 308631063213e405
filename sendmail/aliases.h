/* The names of this machine's own users, and where their mail goes: /etc/aliases, as aliases(5) has it, and
 * /etc/mailname for those that have no alias. One thread. */
#ifndef SENDOFF_SENDMAIL_ALIASES_H
#define SENDOFF_SENDMAIL_ALIASES_H

#include "base/address/address.h"
#include "base/bytes.h"

#define ALIASES_MAX (256 * 1024)

struct aliases {
  struct buffer text;          /* of the file; empty: there is none */
  char domain[DOMAIN_MAX + 1]; /* of names without an alias; "" until it is known */
};

/* Reads both files; what is not there, or cannot be read, is as if empty. */
void aliases_read(struct aliases *a, const char *aliases_path, const char *mailname_path);
/* The value of `name` (no case), or false. */
bool aliases_find(const struct aliases *a, struct bytes name, struct bytes *value);
void aliases_free(struct aliases *a);

#endif
