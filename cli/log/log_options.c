#include "cli/log/log_options.h"

#include "base/mail/event.h"

#include <string.h>

static enum exit_status read_event(const struct cli *c, struct log_filter *f) {
  enum event_kind kind;
  const char *event = cli_option(c, "event");
  if (!event) return EXIT_DONE;
  if (event_kind_parse(event, &kind) != OK)
    return cli_fail(EXIT_USAGE, "--event is accepted, refused, deferred, delivered, bounced, expired, held, released, "
                                "dropped, warned, suppressed, rerouted, dkim or domain");
  f->kind = (int)kind;
  return EXIT_DONE;
}

static enum exit_status read_stream(const struct cli *c, struct log_filter *f) {
  enum mail_stream stream;
  const char *text = cli_option(c, "stream");
  if (!text) return EXIT_DONE;
  if (stream_parse(text, &stream) != OK) return cli_fail(EXIT_USAGE, "--stream %s: write transactional or bulk", text);
  f->stream = 1 + (int)stream;
  return EXIT_DONE;
}

static const char *host_option(const struct cli *c) {
  const char *host = cli_option(c, "host");
  return host ? host : cli_option(c, "site");
}

enum exit_status log_span_read(const struct cli *c, int64_t *since_us, int64_t *until_us) {
  static const char *const not_empty[] = {"account", "address", "subject", "message-id", "domain", "host",  "site",
                                          "source",  "reply",   "event",   "stream",     "since",  "until", NULL};
  enum exit_status s = cli_check_filled(c, not_empty); /* not --from: '' is the null reverse-path's (RFC 5321 4.5.5) */
  if (s == EXIT_DONE) s = cli_moment(c, "since", since_us);
  if (s == EXIT_DONE) s = cli_moment(c, "until", until_us);
  if (s == EXIT_DONE && cli_option(c, "since") && cli_option(c, "until") && *until_us <= *since_us)
    return cli_fail(EXIT_USAGE, "--until is not after --since: nothing can be between them");
  return s;
}

enum exit_status log_options_read(const struct cli *c, struct log_filter *f) {
  *f = (struct log_filter){.account = cli_option(c, "account"),
                           .from = cli_option(c, "from"),
                           .to = cli_option(c, "to"),
                           .address = cli_option(c, "address"),
                           .subject = cli_option(c, "subject"),
                           .header_id = cli_option(c, "message-id"),
                           .domain = cli_option(c, "domain"),
                           .host = host_option(c),
                           .source = cli_option(c, "source"),
                           .reply = cli_option(c, "reply"),
                           .kind = -1,
                           .of_message = true};
  enum exit_status s = log_span_read(c, &f->since_us, &f->until_us);
  if (s == EXIT_DONE) s = read_event(c, f);
  return s == EXIT_DONE ? read_stream(c, f) : s;
}

bool log_options_none(const struct cli *c) {
  static const char *const ways[] = {"account", "from",   "to",    "address", "subject", "message-id", "domain", "host",
                                     "site",    "source", "reply", "event",   "since",   "until",      "stream"};
  for (size_t i = 0; i < sizeof ways / sizeof ways[0]; i++)
    if (cli_option(c, ways[i])) return false;
  return true;
}
