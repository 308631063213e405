/* What OpenDKIM's configuration says: opendkim.conf(5), and the lines of its KeyTable and SigningTable as flat files.
 * Views into the text that is read. Pure; any thread. */
#ifndef SENDOFF_CLI_IMPORT_OPENDKIM_TABLES_H
#define SENDOFF_CLI_IMPORT_OPENDKIM_TABLES_H

#include "base/bytes.h"
#include "base/result.h"

/* The lines of a text that say something: without comment, and white space around. Begin with {text, 0}. */
struct opendkim_lines {
  struct bytes rest;
  unsigned number; /* of the line that came last, from 1 */
};
bool opendkim_next(struct opendkim_lines *l, struct bytes *line); /* false: there are no more */

/* The settings that decide who signs; empty where there is none. The last of a name counts. */
struct opendkim_settings {
  struct bytes key_table, signing_table, domain, selector, key_file, base_directory;
  bool subdomains, all_matches; /* SubDomains, MultipleSignatures */
  bool includes;                /* it goes on in other files, which are not read */
};
void opendkim_settings_read(struct bytes text, struct opendkim_settings *out);

/* A setting that names a data set ("DATA SETS" there). */
enum opendkim_set_kind {
  OPENDKIM_FILE, /* "file:", "refile:", or a path */
  OPENDKIM_LIST, /* "csl:", or nothing of the sort: a list with commas */
  OPENDKIM_OTHER /* a database or a program */
};
struct opendkim_set {
  enum opendkim_set_kind kind;
  struct bytes value; /* the path, the list, or all of it */
};
struct opendkim_set opendkim_set_read(struct bytes value);
bool opendkim_list_next(struct bytes *list, struct bytes *out); /* takes the first off; false: it is empty */

/* A line of the KeyTable: NAME DOMAIN:SELECTOR:KEY. */
struct opendkim_key {
  struct bytes name, domain, selector; /* `domain` "%": whatever the sender's is */
  struct bytes key;                    /* a path, in which "%" stands for that domain, or the key itself */
  bool is_inline;
};
int opendkim_key_read(struct bytes line, struct opendkim_key *out, struct reason *why); /* E_SYNTAX */

/* Appends a key that stood in a line as PEM, PKCS #8 or PKCS #1, where the line does not say which; `out` is secret.
 * E_MEMORY, E_TOO_BIG. */
int opendkim_key_pem(struct bytes key, bool pkcs8, struct buffer *out);

/* A line of the SigningTable: PATTERN NAME[:SIGNER]. */
enum opendkim_senders {
  OPENDKIM_DOMAIN,     /* all of `domain` */
  OPENDKIM_SUBDOMAINS, /* all of its subdomains */
  OPENDKIM_EVERYBODY,
  OPENDKIM_USERS, /* some senders, of `domain` or of several */
  OPENDKIM_UNCLEAR
};
struct opendkim_signing {
  struct bytes pattern, name; /* `name` "%": the sender's domain is the name of the key */
  enum opendkim_senders senders;
  struct bytes domain; /* empty where the senders are not of one */
};
int opendkim_signing_read(struct bytes line, struct opendkim_signing *out, struct reason *why); /* E_SYNTAX */

#endif
