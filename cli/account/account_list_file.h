/* A file of accounts, read whole and checked before anything is written, then added in one transaction. One thread. */
#ifndef SENDOFF_CLI_ACCOUNT_ACCOUNT_LIST_FILE_H
#define SENDOFF_CLI_ACCOUNT_ACCOUNT_LIST_FILE_H

#include "cli/account/account_csv.h"
#include "cli/account/account_password.h"

#include "base/hash.h"

#define ACCOUNT_LIST_MAX ((size_t)64 * 1024 * 1024)
#define ACCOUNT_LIST_ROWS 100000
#define ACCOUNT_LIST_COMPLAINTS 50 /* more of them are only counted */

struct account_row {
  char *name;
  uint64_t line;
  enum password_form form;
  char *senders, *limits, *pool; /* for people */
  bool sandbox;                  /* likewise */
  struct scram_verifier verifier;
  char made[PASSWORD_MADE + 1]; /* PASSWORD_NONE: the password that it gets */
  UT_hash_handle hh;
};

struct account_list {
  struct bytes text;        /* the file */
  struct account_row *rows; /* by name, in the file's order */
  size_t count, bad;
  unsigned long made; /* of them, with a password made here */
};

/* Each line that cannot be taken is said, with its number. EXIT_NO: nothing can be imported, or out of memory; a
 * message has been printed. `bad` counts the lines. */
enum exit_status account_list_read(struct cli *c, struct bytes text, struct account_list *out);
/* What is kept of the passwords; this takes a while. */
enum exit_status account_list_verifiers(struct account_list *l);
int account_list_add(struct admin *a, struct account_list *l, struct reason *why);
void account_list_free(struct account_list *l); /* wipes passwords */

#endif
