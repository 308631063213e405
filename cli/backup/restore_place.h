/* Where a backup is restored to: a data_dir without a store, and within it a folder of its own until everything is
 * there and checked.
 *
 * data_dir is the folder of the user that serves, who may put links into it at any moment. So root works there as that
 * user, and can be led nowhere that the user could not go; and what is made is the user's from the beginning. One
 * thread. */
#ifndef SENDOFF_CLI_BACKUP_RESTORE_PLACE_H
#define SENDOFF_CLI_BACKUP_RESTORE_PLACE_H

#include "cli/command.h"

#include <pwd.h>

#define RESTORE_PATH 4096

struct restore_place {
  const char *data_dir;
  const struct passwd *owner; /* whose all of it is, as whom root works there; NULL: ours */
  char folder[RESTORE_PATH];  /* what is restored stands here meanwhile; "": it is not made yet */
  int lock;                   /* held, so that no gateway starts meanwhile; -1 */
};

/* Makes data_dir and the folder; from then on this process acts as the owner. What an interrupted restore has left
 * there is removed. EXIT_NO: there is a store, or a gateway runs; a message has been printed. */
enum exit_status restore_place_make(struct restore_place *p, const struct config *c);
/* For what is done elsewhere, in between. */
void restore_place_as_root(const struct restore_place *p);
int restore_place_as_owner(const struct restore_place *p, struct reason *why);
/* A file in the folder, made new, below it "spool/XX" as well. -1 with `why`. */
int restore_place_open(const struct restore_place *p, const char *name, struct reason *why);
/* E_FULL: there is no room for so many octets. */
int restore_place_check_room(const struct restore_place *p, uint64_t octets, struct reason *why);
/* Syncs all of it, and moves it to its place; the database comes last, so before that there is no store. */
int restore_place_finish(struct restore_place *p, struct reason *why);
/* Removes what is not in its place, and acts as root again. */
void restore_place_close(struct restore_place *p);

#endif
