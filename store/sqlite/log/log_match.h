/* A search of the log (struct log_filter): what an event must have to be found. Private to store/; one thread. */
#ifndef SENDOFF_STORE_SQLITE_LOG_LOG_MATCH_H
#define SENDOFF_STORE_SQLITE_LOG_LOG_MATCH_H

#include "store/read.h"
#include "store/sqlite/log/log_terms.h"

#define LOG_WORDS_MOST 16 /* of a subject; more are not looked at */

struct log_match {
  const struct log_filter *filter;
  char *from, *to, *address, *host, *reply, *source, *header_id; /* folded; NULL: any */
  char *subject, *words[LOG_WORDS_MOST];                         /* into `subject` */
  size_t word_count;
  char domain[LOG_DOMAIN_ROOM];
  struct log_terms *terms; /* what such an event has; count 0: nothing that the index knows */
};

/* OK or E_MEMORY; log_match_free in any case. The filter must live as long. */
int log_match_init(const struct log_filter *f, struct log_match *m);
void log_match_free(struct log_match *m);
/* It asks for something of the event's message. */
bool log_match_asks_message(const struct log_match *m);
/* What is asked of the event itself holds, */
bool log_match_event(const struct log_match *m, const struct event *e);
/* and so does what is asked of its message: subject and header_id are that's. */
bool log_match_message(const struct log_match *m, const struct event *e);

#endif
