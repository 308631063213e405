/* The files of a Postfix set-up, also of one that was copied from another machine: where they are, and what the lookup
 * tables among them hold that are text. One thread. */
#ifndef SENDOFF_CLI_IMPORT_POSTFIX_FILES_H
#define SENDOFF_CLI_IMPORT_POSTFIX_FILES_H

#include "base/bytes.h"
#include "base/result.h"
#include "cli/import/opendkim_paths.h"

#define POSTFIX_TABLE_MAX ((size_t)32 << 20)
#define POSTFIX_TABLE_ROWS 200000

/* A set-up in `dir`, as it is for whoever runs it there: below ROOT where `dir` is ROOT/etc/postfix. */
struct postfix_place {
  char dir[OPENDKIM_PATH], root[OPENDKIM_PATH]; /* root "": it is this machine's, or not known */
  bool here;                                    /* dir is /etc/postfix itself: an absolute path is what it says */
};
int postfix_place_find(const char *dir, struct postfix_place *out, struct reason *why);
/* The file that a setting names; false: it is not here. */
bool postfix_place_path(const struct postfix_place *p, struct bytes named, char out[OPENDKIM_PATH]);

struct postfix_row {
  char *key, *value;
  unsigned line;
};
struct postfix_table {
  char path[OPENDKIM_PATH]; /* the file that was read; "": none */
  struct postfix_row *rows;
  size_t count, room;
};
/* Appends what a table holds: "hash:/etc/postfix/x", "texthash:", "inline:{...}", or a path alone. `why`: why it cannot
 * be read, and what to do. E_NOT_FOUND, E_SYNTAX (a kind that is no text: SQL, regular expressions), E_IO, E_TOO_BIG.
 */
int postfix_table_read(const struct postfix_place *p, struct bytes spec, struct postfix_table *out, struct reason *why);
const char *postfix_table_find(const struct postfix_table *t, const char *key); /* without case; NULL */
void postfix_table_free(struct postfix_table *t);                               /* wipes values: there are passwords */

/* The next of a list, parted by blanks and commas; what is in braces is one. False: there are no more. */
bool postfix_list_next(struct bytes *list, struct bytes *out);

#endif
