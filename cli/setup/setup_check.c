#include "base/bytes.h"
#include "cli/machine/machine.h"
#include "cli/setup/answers.h"
#include "cli/setup/setup_parts.h"
#include "relay/daemon/control_client.h"

static bool is_running(const struct setup *s) {
  struct buffer answer;
  buffer_init(&answer, 1024 * 1024);
  int rc = control_ask(s->cli->config->data_dir, "status", &answer);
  buffer_free(&answer);
  return rc != E_NOT_FOUND;
}

enum exit_status setup_start(struct setup *s) {
  bool now = false;
  setup_title(s, "6. Running it");
  if (is_running(s)) {
    setup_say(s, "It is running.");
    return EXIT_DONE;
  }
  if (!machine_has_unit()) {
    setup_say(s, "There is no service manager here: start it with `sendoff serve`, which stays in the foreground.");
    return EXIT_DONE;
  }
  enum exit_status status = ask_yes(s->cli, "start", "Start the gateway now, and with the machine?", true, &now);
  if (status != EXIT_DONE || !now) return status;
  if (setup_program(s, (const char *const[]){"systemctl", "enable", "--now", "sendoff", NULL}) != EXIT_DONE)
    cli_warn("the gateway did not start; why: journalctl -u sendoff -n 20"); /* and doctor may find it */
  return EXIT_DONE;
}

static enum exit_status send_test(struct setup *s) {
  char to[ANSWER_MAX];
  struct setup_words w = {.at = {"send-test", "--account", s->account}, .count = 3};
  enum exit_status status =
      ask(s->cli, "test-to", "Send a test message to which address? (none: no)", "none", answer_recipient, to);
  if (status != EXIT_DONE || answer_is_none(to)) return status;
  setup_option(&w, "--to", to);
  return setup_run(s, &w);
}

enum exit_status setup_check(struct setup *s) {
  struct setup_words w = {.at = {"doctor"}, .count = 1};
  setup_title(s, "7. Is all well?");
  enum exit_status found = setup_run(s, &w);
  if (answer_is_none(s->account)) return found;
  if (is_running(s)) {
    enum exit_status sent = send_test(s);
    return sent == EXIT_DONE ? found : sent;
  }
  const char *to = cli_option(s->cli, "test-to");
  if (to && !answer_is_none(to))
    return cli_fail(EXIT_NO,
                    "no test message: the gateway is not running. Once it is: sendoff send-test --account %s --to %s",
                    s->account, to);
  setup_say(s, "\nOnce it runs, a test message: sendoff send-test --account %s --to ADDRESS", s->account);
  return found;
}
