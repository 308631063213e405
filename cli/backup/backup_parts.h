/* What a backup is made of, for the two commands that write and read one. One thread. */
#ifndef SENDOFF_CLI_BACKUP_BACKUP_PARTS_H
#define SENDOFF_CLI_BACKUP_BACKUP_PARTS_H

#include "cli/command.h"
#include "relay/json/json.h"
#include "store/backup.h"

#include <stdio.h>

#define BACKUP_FORMAT 1
/* The entries, in their order: what it is, the configuration, the spool files by their names, the database. */
#define BACKUP_ABOUT "sendoff-backup.json"
#define BACKUP_CONFIG "sendoff.conf"
#define BACKUP_DATABASE "sendoff.db"

#define BACKUP_ABOUT_MAX ((size_t)64 * 1024)
#define BACKUP_CONFIG_MAX ((size_t)1024 * 1024)

json_t *backup_counts_json(const struct backup_counts *n);
void backup_counts_print(FILE *to, const struct backup_counts *n);

/* Calls `each` with every file that the configuration names and no backup holds: certificates, keys of updates. */
void backup_named_files(const struct config *c, void (*each)(void *arg, const char *path), void *arg);

#endif
