/* What an event of the log can be found by, as numbers (rows of the log's index, log_index.h): of texts every three
 * octets in a row, in one folded form (base/text/text_fold.h), of values the whole. Different fields have different
 * numbers for the same text. Different texts may share a number: the index says where something may be, never that it
 * is. Private to store/. Pure. */
#ifndef SENDOFF_STORE_SQLITE_LOG_LOG_TERMS_H
#define SENDOFF_STORE_SQLITE_LOG_LOG_TERMS_H

#include "base/mail/event.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LOG_TERMS 8184     /* numbers from 0; 33 times 248, which is what a page of the index holds */
#define LOG_TEXT_ROOM 4096 /* octets of a folded text; what is beyond is not searched */

enum log_field {
  LOG_ADDRESS, /* reverse-path and forward-path */
  LOG_SUBJECT,
  LOG_HOST,
  LOG_REPLY,
  LOG_ACCOUNT, /* from here on: values */
  LOG_DOMAIN,
  LOG_SOURCE,
  LOG_HEADER_ID,
  LOG_KIND,
};

/* A set of numbers; what finds no room is left out, so it finds more than it should, never less. */
#define LOG_TERMS_MOST 8192
struct log_terms {
  size_t count;
  uint16_t all[LOG_TERMS_MOST];
};

/* All of an event. Its subject and header_id are its message's. */
void log_terms_of_event(const struct event *e, struct log_terms *out);
/* What each event has that a pattern (`*` stands for any run of characters) matches; `folded`. At most `most` of them,
 * spread over the pattern. */
void log_terms_of_pattern(enum log_field field, const char *folded, bool whole, size_t most, struct log_terms *out);
/* A value, which is often all that is asked for, has three numbers: an eighth of the blocks has any one by chance, all
 * three a five hundredth. */
#define LOG_VALUE_TERMS 3
void log_terms_add_value(enum log_field field, const char *value, struct log_terms *out);
void log_terms_add_kind(enum event_kind kind, struct log_terms *out);

/* "550 5.1.1 no such user". Of what was accepted, nothing: its text is ours, and no reply. */
void log_reply_of(const struct event *e, char out[LOG_TEXT_ROOM]);
/* The domain of an address, as domains are compared; "": none. Of a domain itself, that. */
#define LOG_DOMAIN_ROOM 256
void log_domain_of(const char *address, char out[LOG_DOMAIN_ROOM]);

#endif
