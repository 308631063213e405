#include "cli/input/ask.h"

#include "cli/output/output.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

static bool is_there(const struct cli *c) {
  return !c->json && isatty(STDIN_FILENO) && output_is_terminal();
}

static void trim(char *text) {
  size_t n = strcspn(text, "\r\n"), begins = strspn(text, " \t");
  text[n] = '\0';
  while (n > begins && (text[n - 1] == ' ' || text[n - 1] == '\t')) text[--n] = '\0';
  memmove(text, text + begins, n >= begins ? n - begins + 1 : 1);
}

static void skip_line(void) {
  for (int c = getchar(); c != EOF && c != '\n';) c = getchar();
}

/* False: the input has ended. */
static bool read_answer(const char *question, const char *preset, char answer[ANSWER_MAX]) {
  printf("%s%s%s%s ", question, *preset ? " [" : "", preset, *preset ? "]" : "");
  fflush(stdout);
  if (!fgets(answer, ANSWER_MAX, stdin)) return false;
  if (!strchr(answer, '\n')) skip_line();
  trim(answer);
  if (!*answer) strcpy(answer, preset);
  return true;
}

static enum exit_status ask_terminal(const char *question, const char *preset, answer_check *check,
                                     char answer[ANSWER_MAX]) {
  while (read_answer(question, preset, answer)) {
    const char *wrong = check ? check(answer) : NULL;
    if (!wrong) return EXIT_DONE;
    printf("%s\n", wrong);
  }
  putchar('\n');
  return cli_fail(EXIT_NO, "the input has ended; what was done before stays, and `sendoff setup` goes on from there");
}

enum exit_status ask(const struct cli *c, const char *option, const char *question, const char *preset,
                     answer_check *check, char answer[ANSWER_MAX]) {
  const char *given = cli_option(c, option), *known = given ? given : preset, *wrong;
  if (strlen(known) >= ANSWER_MAX) return cli_fail(EXIT_USAGE, "--%s: that is too long", option);
  if (!given && !cli_switch(c, "yes")) {
    if (is_there(c)) return ask_terminal(question, preset, check, answer);
    return cli_fail(EXIT_USAGE, "nobody is here to answer \"%s\"; give --%s, or --yes for all defaults", question,
                    option);
  }
  strcpy(answer, known);
  wrong = check ? check(answer) : NULL;
  return wrong ? cli_fail(EXIT_USAGE, "--%s %s: %s", option, answer, wrong) : EXIT_DONE;
}

static bool is_yes(const char *answer) {
  return strcasecmp(answer, "y") == 0 || strcasecmp(answer, "yes") == 0;
}

static const char *check_yes(const char *answer) {
  bool no = strcasecmp(answer, "n") == 0 || strcasecmp(answer, "no") == 0;
  return no || is_yes(answer) ? NULL : "write yes or no";
}

enum exit_status ask_yes(const struct cli *c, const char *option, const char *question, bool preset, bool *answer) {
  char text[ANSWER_MAX] = "";
  enum exit_status s = ask(c, option, question, preset ? "yes" : "no", check_yes, text);
  *answer = is_yes(text);
  return s;
}
