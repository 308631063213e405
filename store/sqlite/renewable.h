/* A connection of the gateway that does not outlast its own trouble: when a use of it met the database's own error, it
 * is closed, and opened anew for the next.
 *
 * SQLite keeps the locks of a database once for all connections of a process. When the system fails to release one
 * (ENOLCK), that stays held, by nobody, until the last of them has closed: so all of them are closed together, each at
 * an instant at which it is not in use. Private to store/. One thread uses a connection at a time; those of different
 * threads know each other. */
#ifndef SENDOFF_STORE_SQLITE_RENEWABLE_H
#define SENDOFF_STORE_SQLITE_RENEWABLE_H

#include "store/sqlite/sql.h"

#include <stdbool.h>

struct renewable {
  struct sql q; /* between renewable_begin and renewable_end */
  char *data_dir;
  enum sql_open how;
  unsigned uses;      /* nested: a row's callback may ask for more */
  unsigned opened;    /* how often */
  unsigned long seen; /* how often the process had none open any more, when this use began */
  bool failed;
  struct renewable *next, *prev; /* all of the process */
};

/* Its address stays where it is until renewable_close. On failure there is nothing to close. */
int renewable_open(struct renewable *r, const char *data_dir, enum sql_open how, struct reason *why);
void renewable_close(struct renewable *r);
/* OK: its `q` may be used, until the same number of calls of renewable_end. */
int renewable_begin(struct renewable *r, struct reason *why);
/* `rc`: how the use ended; returns it. */
int renewable_end(struct renewable *r, int rc);
/* Closes all of the process; each is opened anew for its next use. This thread is using none. Waits for those that
 * others are using. */
void renewable_close_all(void);

#endif
