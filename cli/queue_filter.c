#include "cli/queue_filter.h"

#include "base/id.h"

#include <string.h>

enum exit_status queue_filter_read(struct cli *c, const char *id, struct queue_filter *f) {
  const char *state = cli_option(c, "state");
  *f = (struct queue_filter){.account = cli_option(c, "account"), .to = cli_option(c, "to"), .state = -1};
  if (state && strcmp(state, "queued") == 0)
    f->state = RECIPIENT_QUEUED;
  else if (state && strcmp(state, "held") == 0)
    f->state = RECIPIENT_HELD;
  else if (state)
    return cli_fail(EXIT_USAGE, "--state is queued or held");
  if (cli_moment(c, "since", &f->since_us) != EXIT_DONE) return EXIT_USAGE;
  if (id && id_parse(id, &f->message_id) != OK)
    return cli_fail(EXIT_USAGE, "%s is no message id; see: sendoff queue list", id);
  if (id && !f->message_id) /* 0 would stand for every message */
    return cli_fail(EXIT_NO, "%s is not in the queue; see: sendoff queue list", id);
  return EXIT_DONE;
}

enum exit_status queue_filter_check(struct cli *c) {
  struct queue_filter f;
  enum exit_status s = EXIT_DONE;
  if (!c->argument_count && !cli_option(c, "account") && !cli_option(c, "to") && !cli_option(c, "since"))
    return cli_fail(EXIT_USAGE, "say which: message ids, --account NAME, --to PATTERN (--to '*' is all) or --since T");
  for (size_t i = 0; s == EXIT_DONE && i < queue_filter_count(c); i++) s = queue_filter_at(c, i, &f);
  return s;
}

size_t queue_filter_count(const struct cli *c) {
  return c->argument_count ? c->argument_count : 1;
}

enum exit_status queue_filter_at(struct cli *c, size_t index, struct queue_filter *f) {
  return queue_filter_read(c, c->argument_count ? c->arguments[index] : NULL, f);
}
