/* The command line: arguments -> a verb of the table and its options -> run. One file per noun holds the verbs. One
 * thread.
 */
#ifndef SENDOFF_CLI_COMMAND_H
#define SENDOFF_CLI_COMMAND_H

#include "base/result.h"
#include "relay/daemon/config.h"
#include "store/admin.h"
#include "store/read.h"

#include <stdbool.h>
#include <stddef.h>

enum exit_status { EXIT_DONE = 0, EXIT_NO = 1, EXIT_USAGE = 2 };

#define COMMAND_ARGUMENTS_MAX 1024

struct command_option {
  const char *name, *value; /* without the dashes; value NULL for a switch */
};

/* What was typed, taken apart. Views into argv. */
struct cli {
  const struct verb *noun, *verb; /* the noun's first verb; NULL: not said */
  const char *config_option;
  bool json, help, version;
  const char *arguments[COMMAND_ARGUMENTS_MAX]; /* after noun and verb */
  size_t argument_count;
  struct command_option options[COMMAND_ARGUMENTS_MAX];
  size_t option_count;
  struct config *config; /* after cli_config */
};

/* A verb. `arguments` is its usage, which says what it takes: cli/help/usage.h. */
struct verb {
  const char *noun, *name;                   /* name NULL: the noun alone */
  const char *arguments, *summary, *example; /* examples: one a line */
  size_t least, most;
  enum exit_status (*run)(struct cli *c);
};

/* One noun's verbs, ended by a noun of NULL; in the order of the help. */
extern const struct verb setup_verbs[], init_verbs[], serve_verbs[], config_verbs[], account_verbs[], domain_verbs[],
    dkim_verbs[], source_verbs[], route_verbs[], site_verbs[], gateway_verbs[], policy_verbs[], queue_verbs[],
    suppression_verbs[], log_verbs[], why_verbs[], explain_verbs[], status_verbs[], unban_verbs[], tls_report_verbs[],
    import_verbs[], help_verbs[], completion_verbs[], backup_verbs[], restore_verbs[], send_test_verbs[],
    doctor_verbs[];

enum exit_status cli_main(int argc, char **argv);
/* Runs another command, with the same configuration and --json; `words` are what stands behind "sendoff". */
enum exit_status cli_run(struct cli *c, const char *const *words, size_t count);
/* Parses the arguments, without running anything. `c` is zeroed. EXIT_USAGE: a message has been printed. */
enum exit_status cli_take(struct cli *c, int argc, char **argv);

/* --- for the verbs --- */

const char *cli_option(const struct cli *c, const char *name); /* the last of that name, or NULL */
bool cli_switch(const struct cli *c, const char *name);
/* None of these options (the last is NULL) is given and empty, where that would stand for all: a variable of a script
 * that is not set. EXIT_USAGE: a message has been printed. */
enum exit_status cli_check_filled(const struct cli *c, const char *const *names);
bool cli_knows(const struct cli *c, const char *name); /* is it an option of the verb that runs? */
bool cli_option_is(const struct command_option *o, const char *name);
const char *cli_option_at(const struct cli *c, const char *name, size_t index); /* the index-th, or NULL */
/* A time in the past, as people write it, into `out`, which stays as it is when the option was not given: of the
 * machine's time zone, or with --utc of UTC. EXIT_USAGE: a message has been printed. */
enum exit_status cli_moment(const struct cli *c, const char *name, int64_t *out);
/* The same for a time to come: 2h is from now on, and 18:42 the next one. */
enum exit_status cli_until(const struct cli *c, const char *name, int64_t *out);
size_t cli_option_count(const struct cli *c, const char *name);

/* "sendoff: ..." on standard error; returns the status, so that `return cli_fail(...)` reads well. */
enum exit_status cli_fail(enum exit_status status, const char *format, ...) __attribute__((format(printf, 2, 3)));
enum exit_status cli_failed(int code, const struct reason *why); /* EXIT_NO with the reason */
/* The noun has no such verb: says so, and which may be meant. EXIT_USAGE. */
enum exit_status cli_refuse_verb(const struct verb *noun, const char *word);
void cli_warn(const char *format, ...) __attribute__((format(printf, 1, 2))); /* the same line; it goes on */
/* What the messages from now on are about, as in "line 3", and stands before them; NULL: nothing. It must live as long.
 */
void cli_about(const char *where);
bool cli_name_ok(const char *name); /* of an account or a pool: 1 to 64 of letters, digits, . _ @ + - */

/* The configuration, the store's reading and writing side. On EXIT_NO the message has been printed. */
enum exit_status cli_config(struct cli *c);
enum exit_status cli_reader(struct cli *c, struct reader **out);
enum exit_status cli_admin(struct cli *c, struct admin **out);
enum exit_status cli_directory(struct cli *c, struct directory **out);
/* Closes, and when rc is OK tells a running gateway, which has the change when this returns. */
enum exit_status cli_admin_done(struct cli *c, struct admin **admin, int rc, const struct reason *why);

#endif
