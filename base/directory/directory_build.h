/* A directory under construction: for whoever builds one (the store), and directory.c. One thread until it is shared.
 */
#ifndef SENDOFF_BASE_DIRECTORY_BUILD_H
#define SENDOFF_BASE_DIRECTORY_BUILD_H

#include "base/directory/directory.h"

/* Everything that one snapshot allocates, so that it can be freed in one go. Secrets are wiped first. */
struct arena_block {
  struct arena_block *next;
  size_t size;
  bool secret;
  max_align_t data[];
};

struct account_name {
  const struct account *account;
};

struct client_net {
  const struct cidr *net;
  const struct account *account;
};

struct local_user {
  const char *user;
  const struct account *account;
};

struct directory_owner {
  struct directory directory; /* first: the public part. Accounts by id, domains by name, sources by pool */
  int references;
  struct arena_block *blocks;
  struct account_name *by_name; /* all accounts */
  struct client_net *nets;      /* all accounts', longest prefix first */
  size_t net_count;
  struct local_user *users; /* all accounts', sorted */
  size_t user_count;
};

void *directory_alloc(struct directory_owner *o, size_t size, bool secret); /* zeroed; NULL without memory */
const char *directory_text(struct directory_owner *o, const char *text);    /* a copy; NULL without memory */
int directory_index(struct directory_owner *o);                             /* when the arrays are complete */
void directory_free(struct directory_owner *o);

#endif
