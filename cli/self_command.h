/* Runs a command of this program as a process of its own, as whoever typed it would. One thread. */
#ifndef SENDOFF_CLI_SELF_COMMAND_H
#define SENDOFF_CLI_SELF_COMMAND_H

#include "cli/command.h"

#define SELF_WORDS_MAX 128

/* `words`: noun, verb and the rest, SELF_WORDS_MAX at most; `input` is what it reads. What it prints is appended to
 * `out` and `errors`, within their bounds. Its exit status; EXIT_NO also when it could not be run, with the reason in
 * `errors`. */
enum exit_status self_command(const struct cli *c, const char *const *words, size_t count, struct bytes input,
                              struct buffer *out, struct buffer *errors);

#endif
