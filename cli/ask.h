/* A question at the terminal, which an option answers, too. One thread. */
#ifndef SENDOFF_CLI_ASK_H
#define SENDOFF_CLI_ASK_H

#include "cli/command.h"

#define ANSWER_MAX 512

/* Into `answer`: what the option says; else with --yes, or where nobody is there to ask, `preset`; else what is typed,
 * an empty line being `preset`. EXIT_NO: the input has ended. `preset` "" and nobody there: `answer` is "". */
enum exit_status ask(const struct cli *c, const char *option, const char *question, const char *preset,
                     char answer[ANSWER_MAX]);
/* The same for yes or no; the option takes yes or no. */
enum exit_status ask_yes(const struct cli *c, const char *option, const char *question, bool preset, bool *answer);

#endif
