/* The configuration file's text, made ready for libconfuse. Any thread. */
#ifndef SENDOFF_RELAY_DAEMON_CONFIG_TEXT_H
#define SENDOFF_RELAY_DAEMON_CONFIG_TEXT_H

#include "base/bytes.h"
#include "base/result.h"

/* An option that the text ends with, set to true: libconfuse takes the end of the file for the end of any block that is
 * open, and by this option at a wrong place it is noticed. */
#define CONFIG_END_MARK "end_of_configuration"
#define CONFIG_FILE_MAX (1024 * 1024)

/* Reads the file; comments become blanks (libconfuse 3.3 counts two lines too many for each, and refuses them in
 * lists), lines stay where they are. NUL-terminated. E_IO, or E_SYNTAX for what is open at the end of its line or of
 * the file, with file and line. Caller frees `out` in either case. */
int config_text_read(const char *path, struct buffer *out, struct reason *why);

#endif
