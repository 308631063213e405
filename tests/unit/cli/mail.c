/* The verbs that show and change mail (log, why, queue), on a store with a short history. */
#include "base/clock.h"
#include "base/id.h"
#include "base/mail/rule.h"
#include "cli/command.h"
#include "store/write.h"

#include "tests/unit/caught.h"
#include "tests/unit/folder.h"

#include <jansson.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#define MESSAGE INT64_C(0x123456789)
#define REF "7QF2K910"

static char folder[256];
static char config[300], message[ID_TEXT];
static struct store *store;

/* --- a history --- */

static void open_store(void) {
  struct store_options options = {0};
  struct reason why;
  assert_int_equal(store_open(folder, &options, &store, &why), OK);
}

static void *operation(size_t size) {
  void *op = calloc(1, size);
  assert_non_null(op);
  return op;
}

static void accept_message(void) {
  static struct recipient recipients[2];
  recipients[0] = (struct recipient){.address = "r@example.net", .domain = "example.net", .id = id_new()};
  recipients[1] = (struct recipient){.address = "other@example.org", .domain = "example.org", .id = id_new()};
  struct store_accept *a = operation(sizeof *a);
  store_accept_init(a);
  int64_t now = clock_now_us();
  a->message = (struct new_message){.envelope = {.id = MESSAGE,
                                                 .account = "blog",
                                                 .pool = "default",
                                                 .reverse_path = "a@example.com",
                                                 .size = 29,
                                                 .created_us = now,
                                                 .expires_us = now + 86400 * SECOND_US},
                                    .recipients = recipients,
                                    .recipient_count = 2,
                                    .prefix = BYTES("Received: here\r\n"),
                                    .content = BYTES("\r\nthe content\r\n"),
                                    .first_attempt_us = now};
  a->accepted = (struct event){.account = "blog",
                               .from = "a@example.com",
                               .to = "r@example.net (+1)",
                               .code = 250,
                               .enhanced = "2.0.0",
                               .text = "29 octets",
                               .host = "192.0.2.7"};
  store_post(store, &a->op);

  static struct recipient_outcome outcome;
  outcome = (struct recipient_outcome){.recipient_id = recipients[0].id,
                                       .event = {.message_id = MESSAGE,
                                                 .kind = EVENT_DEFERRED,
                                                 .account = "blog",
                                                 .from = "a@example.com",
                                                 .to = "r@example.net",
                                                 .code = 450,
                                                 .enhanced = "4.7.1",
                                                 .text = "greylisted\x1b[31m",
                                                 .host = "mx.example.net[192.0.2.1]:25",
                                                 .source = "192.0.2.10"},
                                       .next_us = now + 3600 * SECOND_US,
                                       .counts = true};
  struct store_outcome *o = operation(sizeof *o);
  store_outcome_init(o);
  o->message_id = MESSAGE;
  o->outcomes = &outcome;
  o->outcome_count = 1;
  store_post(store, &o->op);
}

static void refuse(const char *ref, uint64_t count) {
  struct store_note *n = operation(sizeof *n);
  store_note_init(n);
  n->event = (struct event){.kind = EVENT_REFUSED,
                            .account = "blog",
                            .from = "ceo@bank.example",
                            .code = 553,
                            .enhanced = "5.7.1",
                            .rule = RULE_SENDER,
                            .text = "blog may not send as ceo@bank.example; allowed: example.com",
                            .host = "192.0.2.7",
                            .ref = ref,
                            .count = count};
  store_post(store, &n->op);
}

static int set_up(void **state) {
  (void)state;
  struct reason why;
  id_format(MESSAGE, message);
  folder_make(folder, sizeof folder);
  snprintf(config, sizeof config, "%s/sendoff.conf", folder);
  FILE *f = fopen(config, "w");
  if (!f) return -1;
  fprintf(f, "hostname = \"smtp.example.com\"\ndata_dir = \"%s\"\nlisten \"127.0.0.1:25\" { tls = \"optional\" }\n",
          folder);
  if (fclose(f) != 0 || store_create(folder, &why) != OK) return -1;
  open_store();
  accept_message();
  refuse(REF, 3);
  store_close(&store); /* everything posted is written */
  return 0;
}

static int clean_up(void **state) {
  (void)state;
  folder_remove(folder);
  return 0;
}

/* --- commands --- */

static char out[65536], err[4096];

static enum exit_status sendoff(const char *words) {
  char copy[256], *argv[32] = {(char *)(uintptr_t) "sendoff", (char *)(uintptr_t) "--config", config}, *save = NULL;
  int argc = 3;
  snprintf(copy, sizeof copy, "%s", words);
  for (char *word = strtok_r(copy, " ", &save); word && argc < 31; word = strtok_r(NULL, " ", &save))
    argv[argc++] = word;
  struct caught output = catch_stream(stdout), errors = catch_stream(stderr);
  enum exit_status status = cli_main(argc, argv);
  release_stream(&errors, err, sizeof err);
  release_stream(&output, out, sizeof out);
  return status;
}

static enum exit_status sendoff_about(const char *words, const char *id, const char *more) {
  char all[128];
  snprintf(all, sizeof all, "%s %s %s", words, id, more);
  return sendoff(all);
}

/* The values of a key in the objects of `out`, joined by commas. */
static const char *values(const char *key) {
  static char joined[1024];
  char copy[sizeof out], *save = NULL;
  joined[0] = '\0';
  snprintf(copy, sizeof copy, "%s", out);
  for (char *line = strtok_r(copy, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
    json_t *object = json_loads(line, 0, NULL), *value = json_object_get(object, key);
    assert_non_null(value);
    size_t n = strlen(joined);
    if (json_is_string(value))
      snprintf(joined + n, sizeof joined - n, "%s%s", n ? "," : "", json_string_value(value));
    else
      snprintf(joined + n, sizeof joined - n, "%s%lld", n ? "," : "", (long long)json_integer_value(value));
    json_decref(object);
  }
  return joined;
}

static void test_log_json(void **state) {
  (void)state;
  static const char *const keys[] = {"id",   "time",     "event", "account", "from", "to",    "code",
                                     "text", "enhanced", "host",  "source",  "ref",  "count", "message"};
  assert_int_equal(sendoff("log --json"), EXIT_DONE);
  assert_string_equal(values("event"), "accepted,deferred,refused");
  assert_string_equal(values("code"), "250,450,553");
  assert_string_equal(values("count"), "1,1,3");
  char ids[64];
  snprintf(ids, sizeof ids, "%s,%s,", message, message);
  assert_string_equal(values("message"), ids);
  assert_string_equal(values("host"), "192.0.2.7,mx.example.net[192.0.2.1]:25,192.0.2.7");
  for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) values(keys[i]); /* in every object */
  assert_int_equal(sendoff("log --json --event deferred"), EXIT_DONE);
  assert_string_equal(values("to"), "r@example.net");
  assert_int_equal(sendoff("log --json --limit 1"), EXIT_DONE);
  assert_string_equal(values("event"), "refused");
  assert_int_equal(sendoff("log --json --to *@EXAMPLE.net --account blog --since 1h"), EXIT_DONE);
  assert_string_equal(values("event"), "deferred");
  assert_int_equal(sendoff("log --json --until 1h"), EXIT_DONE);
  assert_string_equal(out, "");
}

static void test_log_lines(void **state) {
  (void)state;
  char line[256];
  assert_int_equal(sendoff("log"), EXIT_DONE);
  snprintf(line, sizeof line,
           "  deferred   %s  blog  <a@example.com> -> <r@example.net> 450 4.7.1 greylisted?[31m  "
           "[mx.example.net[192.0.2.1]:25]\n",
           message);
  assert_non_null(strstr(out, line));
  assert_non_null(strstr(out, "why " REF "  (3 times)\n"));
  assert_null(strchr(out, '\x1b')); /* no colour but on a terminal, and nobody else's either */
}

static void test_log_show(void **state) {
  (void)state;
  assert_int_equal(sendoff_about("log show", message, ""), EXIT_DONE);
  const char *accepted = strstr(out, "accepted"), *deferred = strstr(out, "deferred");
  assert_true(accepted && deferred && accepted < deferred);
  assert_non_null(strstr(out, "client   192.0.2.7"));
  assert_non_null(strstr(out, "host     mx.example.net[192.0.2.1]:25"));
  assert_non_null(strstr(out, "source   192.0.2.10"));
  assert_null(strstr(out, "bank.example"));
}

static void test_why(void **state) {
  (void)state;
  static const char *const typed[] = {REF, "7qf2k910", "7QF2K9IO", "7qf2k9lo"}; /* as it may be read out */
  for (size_t i = 0; i < sizeof typed / sizeof typed[0]; i++) {
    assert_int_equal(sendoff_about("why", typed[i], ""), EXIT_DONE);
    assert_non_null(strstr(out, "553 5.7.1 blog may not send as ceo@bank.example; allowed: example.com"));
    assert_non_null(strstr(out, "from     ceo@bank.example"));
    assert_non_null(strstr(out, "rule     sender"));
    assert_non_null(strstr(out, "made     3 times"));
    assert_non_null(
        strstr(out, "What to do: Let the account use that sender: sendoff account set blog --add-sender ADDRESS"));
  }
  assert_int_equal(sendoff_about("why", REF, "--json"), EXIT_DONE);
  assert_non_null(strstr(values("advice"), "sendoff account set blog"));
  assert_int_equal(sendoff_about("why", message, ""), EXIT_DONE); /* what delays it now */
  assert_non_null(strstr(out, "What to do: The recipient's host defers it"));
}

static void test_queue(void **state) {
  (void)state;
  assert_int_equal(sendoff("queue list --json --to r@*"), EXIT_DONE);
  assert_string_equal(values("message"), message);
  assert_string_equal(values("attempts"), "1");
  assert_string_equal(values("state"), "queued");
  assert_int_equal(sendoff_about("queue show", message, "--json"), EXIT_DONE);
  assert_non_null(strstr(values("to"), "r@example.net"));
  assert_non_null(strstr(values("to"), "other@example.org"));
  assert_int_equal(sendoff_about("queue show", message, "--content"), EXIT_DONE);
  assert_string_equal(out, "Received: here\r\n\r\nthe content\r\n");
  assert_int_equal(sendoff("queue list --limit 1"), EXIT_DONE);
  assert_non_null(strstr(err, "--limit 0"));
  assert_int_equal(sendoff("queue summary --json"), EXIT_DONE);
  assert_string_equal(values("domain"), "example.net,example.org");
  assert_string_equal(values("queued"), "1,1");
}

static void test_queue_changes(void **state) {
  (void)state;
  assert_int_equal(sendoff("queue hold --to *@example.net --dry-run"), EXIT_DONE);
  assert_non_null(strstr(out, "queue hold would change: 1 message, 1 recipient, of 1 account; the oldest came "));
  assert_non_null(strstr(out, "  blog  r@example.net\n"));
  assert_int_equal(sendoff("queue hold --to *@example.net"), EXIT_USAGE);
  assert_non_null(strstr(err, "--yes does it without a question"));
  assert_int_equal(sendoff("queue hold --account"), EXIT_USAGE);
  assert_int_equal(sendoff("queue hold --account= --yes"), EXIT_USAGE);
  assert_non_null(strstr(err, "--account is empty"));
  assert_int_equal(sendoff("queue hold --to *@example.net --yes"), EXIT_DONE);
  assert_string_equal(out, "1 recipient in 1 message held\n");
  assert_int_equal(sendoff("queue list --json --state held"), EXIT_DONE);
  assert_string_equal(values("to"), "r@example.net");
  assert_int_equal(sendoff("queue release --account blog --json --yes"), EXIT_DONE);
  assert_string_equal(values("changed"), "1");
  /* One that is there and one that is not: the one is done, the other is said. */
  assert_int_equal(sendoff_about("queue drop", message, "1CZQ6K3E0W40"), EXIT_NO);
  assert_string_equal(out, "2 recipients in 1 message dropped\n");
  assert_non_null(strstr(err, "1CZQ6K3E0W40 has nothing in the queue"));
  assert_int_equal(sendoff("queue list"), EXIT_DONE);
  assert_string_equal(out, "the queue is empty\n");
  assert_int_equal(sendoff_about("log show", message, "--json"), EXIT_DONE);
  assert_string_equal(values("event"), "accepted,deferred,held,released,dropped,dropped");
}

/* --- --follow --- */

static pid_t follow(int *from) {
  static char *argv[] = {(char *)(uintptr_t) "sendoff", (char *)(uintptr_t) "--config", config,
                         (char *)(uintptr_t) "log",     (char *)(uintptr_t) "--json",   (char *)(uintptr_t) "--follow",
                         (char *)(uintptr_t) "--event", (char *)(uintptr_t) "refused"};
  int ends[2];
  assert_int_equal(pipe(ends), 0);
  fflush(NULL);
  pid_t child = fork();
  assert_true(child >= 0);
  if (child == 0) {
    dup2(ends[1], STDOUT_FILENO);
    close(ends[0]);
    close(ends[1]);
    _exit((int)cli_main(8, argv));
  }
  close(ends[1]);
  *from = ends[0];
  return child;
}

static void read_until(int fd, const char *text, char *seen, size_t size) {
  size_t n = strlen(seen);
  uint64_t until = clock_monotonic_ms() + 20000;
  while (!strstr(seen, text)) {
    struct pollfd wait = {.fd = fd, .events = POLLIN};
    assert_true(clock_monotonic_ms() < until && n + 1 < size);
    if (poll(&wait, 1, 1000) <= 0) continue;
    ssize_t got = read(fd, seen + n, size - 1 - n);
    assert_true(got > 0);
    n += (size_t)got;
    seen[n] = '\0';
  }
}

static void test_log_follow(void **state) {
  (void)state;
  static char seen[16384];
  int from, status;
  pid_t child = follow(&from);
  read_until(from, REF, seen, sizeof seen); /* what was there before */
  open_store();
  refuse("NEWREF01", 1);
  read_until(from, "NEWREF01", seen, sizeof seen);
  refuse("NEWREF02", 1);
  read_until(from, "NEWREF02", seen, sizeof seen);
  store_close(&store);
  assert_ptr_equal(strstr(strstr(seen, "NEWREF01") + 1, "NEWREF01"), NULL); /* each once */
  close(from);
  assert_int_equal(kill(child, SIGTERM), 0);
  assert_int_equal(waitpid(child, &status, 0), child);
}

int main(void) {
  static const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_log_json),   cmocka_unit_test(test_log_lines), cmocka_unit_test(test_log_show),
      cmocka_unit_test(test_why),        cmocka_unit_test(test_queue),     cmocka_unit_test(test_queue_changes),
      cmocka_unit_test(test_log_follow),
  };
  return cmocka_run_group_tests(tests, set_up, clean_up);
}
