#include "cli/output/output.h"

#include "base/text/text.h"
#include "cli/command.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define COLUMNS 80

/* An earlier write that failed has left its mark on the stream, but errno has other values since. */
bool output_is_whole(const char **why) {
  bool flushed = fflush(stdout) == 0;
  if (flushed && !ferror(stdout)) return true;
  if (why) *why = flushed ? "not all of it could be written; is the disk full?" : strerror(errno);
  return false;
}

bool output_is_terminal(void) {
  return isatty(STDOUT_FILENO) != 0;
}

bool output_is_colored(void) {
  const char *no_color = getenv("NO_COLOR"), *term = getenv("TERM");
  return output_is_terminal() && !(no_color && *no_color) && !(term && strcmp(term, "dumb") == 0);
}

void print_json(json_t *object) {
  char *text = object ? json_line(object) : NULL;
  if (text)
    puts(text);
  else
    cli_warn("out of memory: an object is missing here");
  free(text);
  json_decref(object);
}

void print_safe(const char *text) {
  char *copy = strdup(text);
  if (copy) text_clean(copy, true);
  fputs(copy ? copy : "?", stdout);
  free(copy);
}

size_t output_width(void) {
  const char *columns = getenv("COLUMNS");
  uint64_t width = 0;
  struct winsize size;
  if (columns && bytes_to_u64(bytes_of(columns), &width) && width) return (size_t)width;
  if (!output_is_terminal()) return 0;
  return ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col ? size.ws_col : COLUMNS;
}

/* --- lines of 80 columns --- */

/* The next word, or with `groups` what stands in brackets as one: its length. */
static size_t next_piece(const char *text, bool groups) {
  size_t n = 0;
  int depth = 0;
  for (; text[n] && (text[n] != ' ' || depth > 0); n++)
    if (groups) depth += text[n] == '[' ? 1 : text[n] == ']' ? -1 : 0;
  return n;
}

struct wrapping {
  size_t column, width; /* where the first line has come to, and where all end */
  const char *lead;     /* what the others begin with */
  bool groups;
};

static void put_wrapped(const char *text, const struct wrapping *w) {
  bool first = true;
  size_t column = w->column;
  while (*text) {
    size_t n = next_piece(text, w->groups);
    if (!first && column + 1 + n > w->width) {
      printf("\n%s", w->lead);
      column = strlen(w->lead);
    } else if (!first) {
      putchar(' ');
      column++;
    }
    printf("%.*s", (int)n, text);
    column += n;
    text += n + (text[n] == ' ');
    first = false;
  }
  putchar('\n');
}

/* As print_safe; an end of line that is there stays one. */
static void put_safe_wrapped(const char *text, const struct wrapping *w) {
  char *copy = strdup(text);
  if (copy) text_clean(copy, true);
  for (size_t i = 0; copy && text[i]; i++)
    if (text[i] == '\n') copy[i] = '\n';
  put_wrapped(copy ? copy : "?", w);
  free(copy);
}

static const char *spaces(size_t count) {
  static const char most[] = "                                        ";
  return most + sizeof most - 1 - (count < sizeof most - 1 ? count : sizeof most - 1);
}

void print_wrapped(const char *text, size_t column, size_t indent, bool groups) {
  put_safe_wrapped(text, &(struct wrapping){column, COLUMNS, spaces(indent), groups});
}

static size_t fitting_width(void) {
  size_t width = output_width();
  return width ? width : SIZE_MAX / 2;
}

void print_led(const char *lead, const char *text) {
  fputs(lead, stdout);
  put_safe_wrapped(text, &(struct wrapping){strlen(lead), fitting_width(), lead, false});
}

void print_fitted(const char *text, size_t column, size_t indent) {
  put_safe_wrapped(text, &(struct wrapping){column, fitting_width(), spaces(indent), false});
}
