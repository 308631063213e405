/* What the steps of `sendoff setup` have in common (setup.c), and those that are about this machine. One thread. */
#ifndef SENDOFF_CLI_SETUP_SETUP_PARTS_H
#define SENDOFF_CLI_SETUP_SETUP_PARTS_H

#include "cli/command.h"
#include "cli/input/ask.h"

struct setup {
  struct cli *cli;
  char hostname[ANSWER_MAX], domain[ANSWER_MAX], account[ANSWER_MAX];
};

/* --- what is printed; nothing of it with --json --- */

void setup_title(const struct setup *s, const char *text);
void setup_say(const struct setup *s, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* --- commands, shown as they could be typed --- */

#define SETUP_WORDS_MAX 64
struct setup_words {
  const char *at[SETUP_WORDS_MAX];
  size_t count;
};
void setup_word(struct setup_words *w, const char *word);
void setup_option(struct setup_words *w, const char *name, const char *value); /* nothing with a value of NULL */
enum exit_status setup_run(struct setup *s, const struct setup_words *w);
/* Shows and runs a program, by machine_run. EXIT_NO: it failed, and has said why itself. */
enum exit_status setup_program(struct setup *s, const char *const *argv);

/* --- steps --- */

/* Into `certificate` and `key`, each of PATH_MAX: those that --certificate and --key name, or certbot's, copied to
 * where the gateway's user may read them; "": a self-signed one is to be made. */
enum exit_status setup_certificate(struct setup *s, char *certificate, char *key);
enum exit_status setup_start(struct setup *s);
/* `sendoff doctor`, and a test message when the gateway runs. */
enum exit_status setup_check(struct setup *s);

#endif
