/* The options of `account add` and `account set`, read into what is to be written. One thread. */
#ifndef SENDOFF_CLI_ACCOUNT_ACCOUNT_OPTIONS_H
#define SENDOFF_CLI_ACCOUNT_ACCOUNT_OPTIONS_H

#include "cli/account/preset.h"
#include "cli/input/secret_line.h"
#include "cli/input/settings_options.h"

#define PASSWORD_MAX SECRET_LINE_MAX
#define PATTERN_ROOM 330

/* What the options describe; `account` and `edit` point into it, and into argv. */
struct draft {
  struct account account;
  struct account_edit edit;
  unsigned parts; /* enum account_part: what was given */
  struct settings_draft settings;
  size_t pattern_count; /* of all lists together */
  const char *pattern_list[ADMIN_PATTERNS_MAX];
  char patterns[ADMIN_PATTERNS_MAX][PATTERN_ROOM];
  struct limit stream_limits[STREAM_COUNT][ADMIN_LIST_MAX];
  struct cidr client_ips[ADMIN_LIST_MAX];
  struct fingerprint client_certs[ADMIN_LIST_MAX];
  char local_users[ADMIN_LIST_MAX][LOCAL_USER_MAX + 1];
  const char *local_user_list[ADMIN_LIST_MAX];
  char rewrite_from[PATTERN_ROOM];
  char own_address[PRESET_ADDRESS]; /* for preset_apply */
  char password[PASSWORD_MAX + 1];
  bool generated;
};

/* `d` is zeroed. EXIT_USAGE: the message has been printed. */
enum exit_status account_options_read(struct cli *c, struct draft *d);
/* Is the address that From is rewritten to one that the account may send as, with its senders as they will be? `now`:
 * the account as it is; NULL: a new one. EXIT_NO: the message has been printed. */
enum exit_status account_check_rewrite(const struct draft *d, const struct account *now);
bool draft_edits(const struct draft *d); /* something is added to a list, or removed from it */

#endif
