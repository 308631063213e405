#include "base/clock.h"
#include "base/text/quantity.h"
#include "base/text/text.h"
#include "cli/send_test/send_test_parts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BEGINNING_MAX ((TEST_RECIPIENTS_MAX + 1) * (ADDRESS_MAX + 4) + 256)
#define TIMEOUT_US (60 * SECOND_US)
#define TIMEOUT_MOST_US (86400 * SECOND_US)

void send_test_step(const struct send_test *t, const char *step, const char *text, json_t *more) {
  double seconds = (double)(clock_monotonic_ms() - t->began_ms) / 1000;
  if (t->c->json) {
    json_t *object = json_pack("{s:s, s:f, s:o}", "step", step, "seconds", seconds, "text", json_text(text));
    if (more) json_object_update(object, more);
    print_json(object);
  } else {
    int column = printf("%6.2fs  %-9s ", seconds, step);
    print_fitted(text, (size_t)column, (size_t)column);
  }
  json_decref(more);
  fflush(stdout);
}

/* --- from whom --- */

/* The address itself, or a domain's postmaster, who has to exist (RFC 5321 4.5.1). False: it says no single domain. */
static bool sender_of(const char *pattern, char out[ADDRESS_MAX + 1]) {
  if (strchr(pattern, '*')) return false;
  int n = snprintf(out, ADDRESS_MAX + 1, "%s%s", strchr(pattern, '@') ? "" : "postmaster@", pattern);
  return n > 0 && n <= ADDRESS_MAX;
}

static bool choose_sender(const struct account *a, char out[ADDRESS_MAX + 1]) {
  if (*a->rewrite_from) return bytes_copy(bytes_of(a->rewrite_from), out, ADDRESS_MAX + 1);
  for (size_t i = 0; i < a->sender_count; i++)
    if (sender_of(a->senders[i], out)) return true;
  return false;
}

static bool is_address(const char *text) {
  struct address a;
  return address_parse(bytes_of(text), &a) == OK && text_has_no_controls(text);
}

static enum exit_status read_sender(struct send_test *t) {
  const char *from = cli_option(t->c, "from");
  if (from && (!is_address(from) || !bytes_copy(bytes_of(from), t->from, sizeof t->from)))
    return cli_fail(EXIT_USAGE, "--from %s is no address; write one as in shop@example.com", from);
  if (from || choose_sender(t->account, t->from)) return EXIT_DONE;
  return cli_fail(EXIT_USAGE, "%s may send as many: say as whom, --from ADDRESS", t->account->name);
}

static enum exit_status read_recipients(struct send_test *t) {
  t->to_count = cli_option_count(t->c, "to");
  if (t->to_count > TEST_RECIPIENTS_MAX) return cli_fail(EXIT_USAGE, "%d recipients at most", TEST_RECIPIENTS_MAX);
  for (size_t i = 0; i < t->to_count; i++) {
    t->to[i] = cli_option_at(t->c, "to", i);
    if (!is_address(t->to[i]))
      return cli_fail(EXIT_USAGE, "--to %s is no address; write one as in user@example.net", t->to[i]);
  }
  return EXIT_DONE;
}

static enum exit_status read_options(struct send_test *t, const struct directory *d) {
  const char *account = cli_option(t->c, "account"), *timeout = cli_option(t->c, "timeout");
  t->timeout_us = TIMEOUT_US;
  if (timeout && (duration_parse(timeout, &t->timeout_us) != OK || t->timeout_us > TIMEOUT_MOST_US))
    return cli_fail(EXIT_USAGE, "--timeout %s: write 60s or 5m, a day at most", timeout);
  t->account = directory_account(d, bytes_of(account));
  if (!t->account) return cli_fail(EXIT_NO, "there is no account %s; see: sendoff account list", account);
  enum exit_status s = read_recipients(t);
  return s == EXIT_DONE ? read_sender(t) : s;
}

static void print_beginning(const struct send_test *t) {
  struct buffer b;
  if (t->c->json) return;
  buffer_init(&b, BEGINNING_MAX);
  int rc = buffer_addf(&b, "A test message of the account %s, from <%s> to ", t->account->name, t->from);
  for (size_t i = 0; rc == OK && i < t->to_count; i++) rc = buffer_addf(&b, "%s<%s>", i ? ", " : "", t->to[i]);
  if (rc == OK) rc = buffer_add(&b, "", 1);
  if (rc == OK) print_fitted(b.at, 0, 2);
  buffer_free(&b);
  putchar('\n');
}

static enum exit_status run(struct send_test *t, const struct directory *d) {
  enum exit_status s = read_options(t, d);
  if (s != EXIT_DONE) return s;
  t->began_ms = clock_monotonic_ms();
  t->deadline_ms = t->began_ms + (uint64_t)t->timeout_us / 1000;
  print_beginning(t);
  send_test_show_checks(t);
  s = send_test_submit(t);
  return s == EXIT_DONE ? send_test_follow(t) : s;
}

static enum exit_status send_test(struct cli *c) {
  struct send_test t = {.c = c};
  struct directory *d;
  if (!cli_option(c, "account") || !cli_option(c, "to"))
    return cli_fail(EXIT_USAGE, "say for which account, and to whom: --account NAME --to ADDRESS");
  if (cli_directory(c, &d) != EXIT_DONE) return EXIT_NO;
  enum exit_status s = run(&t, d);
  directory_release(&d);
  return s;
}

const struct verb send_test_verbs[] = {
    {"send-test", NULL, "--account NAME --to ADDRESS... [--from ADDRESS] [--timeout SPAN]",
     "Sends a real message through the running gateway, as an application with that account would, and shows what "
     "becomes of it: the session, the checks, signature, source, next hop, TLS, what the next hop replied, and how "
     "long each took. It counts for the account's limits. Needs no password: a command that may open the gateway's "
     "control socket may submit. Exit status 0: the next hop has accepted it for every recipient; 1: it has not, also "
     "when that is still open after --timeout (default: 60s).",
     "sendoff send-test --account blog --to user@example.net\n"
     "sendoff send-test --account blog --from shop@example.com --to user@example.net --timeout 5m",
     0, 0, send_test},
    {0}};
