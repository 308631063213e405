/* What an OpenDKIM installation signs with: its configuration, its tables and its folders of keys, read into a list of
 * keys. Reads no private key that is in a file of its own. One thread. */
#ifndef SENDOFF_CLI_IMPORT_OPENDKIM_FOLDER_H
#define SENDOFF_CLI_IMPORT_OPENDKIM_FOLDER_H

#include "base/address/address.h"
#include "base/hash.h"
#include "base/result.h"
#include "cli/import/opendkim_paths.h"
#include "cli/import/opendkim_tables.h"
#include "dkim/key_name.h"

#define OPENDKIM_KEYS_MAX 20000 /* lines of a table, and keys in all */

/* A key of a domain, or what cannot be taken over. */
struct opendkim_entry {
  char domain[DOMAIN_MAX + 1], selector[SELECTOR_MAX + 1]; /* normalised; "": not known */
  char *file;                                              /* NULL: none, or the key is in the table itself: */
  struct bytes key;                                        /* as opendkim_key_pem takes it */
  bool subdomains;                                         /* it signs for those, too */
  struct reason left_out;                                  /* why; "": it is to be imported */
  char name[KEY_NAME_MAX];                                 /* of its record; "": not known */
  UT_hash_handle hh;
};

struct opendkim_folder {
  struct opendkim_entry **entries;
  size_t count;
  char conf[OPENDKIM_PATH]; /* the opendkim.conf that was read; "": there is none */
  struct opendkim_settings settings;
  /* what remains is of opendkim_folder.c */
  char *dir;
  size_t room;
  struct buffer conf_text, key_text, signing_text, domain_text;
  struct opendkim_entry *by_name;
  struct opendkim_table_key *keys;
  struct opendkim_signer *signers;
};
/* `dir`: the folder with opendkim.conf or with the tables, or the one beside opendkim.conf as Debian has
 * it. OK with one entry at least; E_NOT_FOUND: it says of no key; E_SYNTAX, E_TOO_BIG, E_IO, E_MEMORY. `*out` is NULL
 * then. */
int opendkim_folder_read(const char *dir, struct opendkim_folder **out, struct reason *why);
void opendkim_folder_free(struct opendkim_folder **folder); /* wipes keys that the tables had */

#endif
