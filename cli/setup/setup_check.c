#include "base/bytes.h"
#include "cli/machine/machine.h"
#include "cli/setup/answers.h"
#include "cli/setup/setup_parts.h"
#include "relay/daemon/control_client.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define STATE "/var/lib/sendoff"
#define DROP_IN "/etc/systemd/system/sendoff.service.d"

static bool is_running(const struct setup *s) {
  struct buffer answer;
  buffer_init(&answer, 1024 * 1024);
  int rc = control_ask(s->cli->config->data_dir, "status", &answer);
  buffer_free(&answer);
  return rc != E_NOT_FOUND;
}

/* The unit may write to its StateDirectory alone; an administrator's own drop-in stays. */
static enum exit_status allow_data_dir(struct setup *s) {
  const char *data_dir = s->cli->config->data_dir;
  if (strcmp(data_dir, STATE) == 0 || strncmp(data_dir, STATE "/", sizeof STATE) == 0) return EXIT_DONE;
  if (mkdir(DROP_IN, 0755) != 0 && errno != EEXIST) return cli_fail(EXIT_NO, DROP_IN ": %s", strerror(errno));
  FILE *f = fopen(DROP_IN "/data_dir.conf", "wxe");
  if (!f && errno == EEXIST) return EXIT_DONE;
  if (!f) return cli_fail(EXIT_NO, DROP_IN "/data_dir.conf: %s", strerror(errno));
  fprintf(f, "# The gateway's data_dir: written by sendoff setup.\n[Service]\nReadWritePaths=\"%s\"\n", data_dir);
  bool written = fchmod(fileno(f), 0644) == 0;
  written = fclose(f) == 0 && written;
  if (!written) return cli_fail(EXIT_NO, DROP_IN "/data_dir.conf: %s", strerror(errno));
  setup_say(s, "%s lets it write to %s.", DROP_IN "/data_dir.conf", data_dir);
  return setup_program(s, (const char *const[]){"systemctl", "daemon-reload", NULL});
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
  if (status != EXIT_DONE || !now || (status = allow_data_dir(s)) != EXIT_DONE) return status;
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
