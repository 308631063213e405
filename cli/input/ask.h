/* A question at the terminal, which an option answers, too. One thread. */
#ifndef SENDOFF_CLI_INPUT_ASK_H
#define SENDOFF_CLI_INPUT_ASK_H

#include "cli/command.h"

#define ANSWER_MAX 512

/* NULL: that answer is right; else what is wrong with it, as in "write a full name, as in smtp.example.com". */
typedef const char *answer_check(const char *answer);

/* Into `answer`: what the option says; else with --yes `preset`; else what is typed, an empty line being `preset`, and
 * asked again until it is right. EXIT_NO: the input has ended. EXIT_USAGE: the option is wrong, or nobody is there to
 * ask and it was not given. `check` NULL: anything is right. */
enum exit_status ask(const struct cli *c, const char *option, const char *question, const char *preset,
                     answer_check *check, char answer[ANSWER_MAX]);
/* The same for yes or no; the option takes yes or no. */
enum exit_status ask_yes(const struct cli *c, const char *option, const char *question, bool preset, bool *answer);

#endif
