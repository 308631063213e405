/* The text of the configuration file, prepared for libconfuse. Any thread. */
#ifndef SENDOFF_RELAY_DAEMON_CONFIG_TEXT_H
#define SENDOFF_RELAY_DAEMON_CONFIG_TEXT_H

#include "base/bytes.h"
#include "base/result.h"

/* An option appended to the text, set to true: libconfuse silently closes a block that is open at the end of the file;
 * then this option is inside the block, and refused. */
#define CONFIG_END_MARK "end_of_configuration"
#define CONFIG_FILE_MAX (1024 * 1024)

/* Reads the file. Comments become blanks, because libconfuse 3.3 counts two lines too many for each and refuses them in
 * lists; line numbers stay the same. NUL-terminated. E_IO, E_MEMORY, or E_SYNTAX for a string or comment that is not
 * closed, with file and line. The caller frees `out`, also on failure. */
int config_text_read(const char *path, struct buffer *out, struct reason *why);

#endif
