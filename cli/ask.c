#include "cli/ask.h"

#include "cli/output.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

static bool asks(const struct cli *c) {
  return !cli_switch(c, "yes") && !c->json && isatty(STDIN_FILENO) && output_is_terminal();
}

static void trim(char *text) {
  size_t n = strcspn(text, "\r\n"), begins = strspn(text, " \t");
  text[n] = '\0';
  while (n > begins && (text[n - 1] == ' ' || text[n - 1] == '\t')) text[--n] = '\0';
  memmove(text, text + begins, n - begins + 1);
}

enum exit_status ask(const struct cli *c, const char *option, const char *question, const char *preset,
                     char answer[ANSWER_MAX]) {
  const char *given = cli_option(c, option);
  const char *known = given ? given : preset;
  if (strlen(known) >= ANSWER_MAX) return cli_fail(EXIT_USAGE, "--%s: that is too long", option);
  strcpy(answer, known);
  if (given || !asks(c)) return EXIT_DONE;
  printf("%s%s%s%s ", question, *preset ? " [" : "", preset, *preset ? "]" : "");
  fflush(stdout);
  if (!fgets(answer, ANSWER_MAX, stdin)) {
    putchar('\n');
    return cli_fail(EXIT_NO, "the input has ended; what was done before stays, and `sendoff setup` goes on from there");
  }
  trim(answer);
  if (!*answer) strcpy(answer, preset);
  return EXIT_DONE;
}

enum exit_status ask_yes(const struct cli *c, const char *option, const char *question, bool preset, bool *answer) {
  char text[ANSWER_MAX];
  enum exit_status s = ask(c, option, question, preset ? "yes" : "no", text);
  *answer = strcasecmp(text, "y") == 0 || strcasecmp(text, "yes") == 0;
  if (s != EXIT_DONE || *answer || strcasecmp(text, "n") == 0 || strcasecmp(text, "no") == 0) return s;
  return cli_fail(EXIT_USAGE, "--%s is yes or no", option);
}
