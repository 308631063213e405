#include "cli/queue/queue_filter.h"

#include "base/id.h"

#include <string.h>

static enum exit_status read_state(const struct cli *c, int *out) {
  static const char *const names[] = {
      [RECIPIENT_QUEUED] = "queued", [RECIPIENT_HELD] = "held", [RECIPIENT_RETURNING] = "returning"};
  const char *state = cli_option(c, "state");
  *out = -1;
  if (!state) return EXIT_DONE;
  for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
    if (strcmp(state, names[i]) == 0) *out = (int)i;
  return *out >= 0 ? EXIT_DONE : cli_fail(EXIT_USAGE, "--state is queued, held or returning");
}

enum exit_status queue_filter_read(struct cli *c, const char *id, struct queue_filter *f) {
  *f = (struct queue_filter){.account = cli_option(c, "account"),
                             .to = cli_option(c, "to"),
                             .site = cli_option(c, "site"),
                             .reply = cli_option(c, "reply")};
  static const char *const not_empty[] = {"account", "to", "site", "reply", "since", NULL};
  if (cli_check_filled(c, not_empty) != EXIT_DONE || read_state(c, &f->state) != EXIT_DONE) return EXIT_USAGE;
  if (cli_moment(c, "since", &f->since_us) != EXIT_DONE) return EXIT_USAGE;
  if (id && id_parse(id, &f->message_id) != OK)
    return cli_fail(EXIT_USAGE, "%s is no message id; see: sendoff queue list", id);
  if (id && !f->message_id) /* 0 would stand for every message */
    return cli_fail(EXIT_NO, "%s is not in the queue; see: sendoff queue list", id);
  return EXIT_DONE;
}

bool queue_filter_selects(const struct cli *c) {
  static const char *const options[] = {"account", "to", "site", "reply", "state", "since"};
  for (size_t i = 0; i < sizeof options / sizeof options[0]; i++)
    if (cli_option(c, options[i])) return true;
  return false;
}

/* An id that is named twice is one message. All have been read. */
static void drop_repeated(struct cli *c) {
  int64_t ids[COMMAND_ARGUMENTS_MAX];
  size_t kept = 0;
  for (size_t i = 0; i < c->argument_count; i++) {
    size_t earlier = 0;
    if (id_parse(c->arguments[i], &ids[kept]) != OK) ids[kept] = 0;
    while (earlier < kept && ids[earlier] != ids[kept]) earlier++;
    if (earlier == kept) c->arguments[kept++] = c->arguments[i];
  }
  c->argument_count = kept;
}

enum exit_status queue_filter_check(struct cli *c) {
  struct queue_filter f;
  enum exit_status s = EXIT_DONE;
  if (!c->argument_count && !queue_filter_selects(c))
    return cli_fail(EXIT_USAGE, "say which: message ids, or --account NAME, --to PATTERN (--to '*' is all), --site "
                                "SITE, --reply TEXT, --state queued|held, --since T; what several of them say must "
                                "all fit");
  for (size_t i = 0; s == EXIT_DONE && i < queue_filter_count(c); i++) s = queue_filter_at(c, i, &f);
  if (s == EXIT_DONE) drop_repeated(c);
  return s;
}

size_t queue_filter_count(const struct cli *c) {
  return c->argument_count ? c->argument_count : 1;
}

enum exit_status queue_filter_at(struct cli *c, size_t index, struct queue_filter *f) {
  return queue_filter_read(c, c->argument_count ? c->arguments[index] : NULL, f);
}
