/* What is the same in many commands, explained once: `sendoff help TOPIC`, and in sendoff(1). One thread. */
#ifndef SENDOFF_CLI_HELP_TOPICS_H
#define SENDOFF_CLI_HELP_TOPICS_H

#include <stddef.h>

struct topic {
  const char *name, *summary;
  const char *text; /* paragraphs, an empty line between them; lines that begin with a blank are shown as they are */
};
extern const struct topic topics[];
extern const size_t topic_count;

const struct topic *topic_find(const char *name); /* NULL: there is none */

#endif
