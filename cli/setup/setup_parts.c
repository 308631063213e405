#include "cli/setup/setup_parts.h"

#include "cli/machine/machine.h"

#include "cli/output/output.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void setup_title(const struct setup *s, const char *text) {
  if (!s->cli->json)
    printf("\n%s%s%s\n", output_is_colored() ? "\033[1m" : "", text, output_is_colored() ? "\033[0m" : "");
}

void setup_say(const struct setup *s, const char *format, ...) {
  char *text = NULL;
  va_list args;
  if (s->cli->json) return;
  va_start(args, format);
  if (vasprintf(&text, format, args) < 0) text = NULL;
  va_end(args);
  print_wrapped(text ? text : "?", 0, 0, false);
  free(text);
}

void setup_word(struct setup_words *w, const char *word) {
  if (w->count < SETUP_WORDS_MAX) w->at[w->count++] = word;
}

void setup_option(struct setup_words *w, const char *name, const char *value) {
  if (!value) return;
  setup_word(w, name);
  setup_word(w, value);
}

/* As a shell takes it. */
static void print_word(const char *word) {
  bool plain = *word && !word[strcspn(word, " \t'\"\\$*?[]{}()<>|&;`#~!")];
  printf(plain ? " %s" : " '%s'", word);
}

enum exit_status setup_run(struct setup *s, const struct setup_words *w) {
  if (!s->cli->json) {
    printf("\n$ sendoff");
    if (s->cli->config_option) printf(" --config %s", s->cli->config_option);
    for (size_t i = 0; i < w->count; i++) print_word(w->at[i]);
    printf("\n");
    fflush(stdout);
  }
  return cli_run(s->cli, w->at, w->count);
}

enum exit_status setup_program(struct setup *s, const char *const *argv) {
  if (!s->cli->json) {
    printf("\n$");
    for (const char *const *at = argv; *at; at++) print_word(*at);
    printf("\n");
  }
  fflush(stdout);
  return machine_run(argv) ? EXIT_DONE : EXIT_NO;
}
