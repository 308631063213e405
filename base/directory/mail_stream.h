/* Kinds of mail that are told apart all the way: limits, pool and selector of their own. Plain data; any thread. */
#ifndef SENDOFF_BASE_MAIL_STREAM_H
#define SENDOFF_BASE_MAIL_STREAM_H

enum mail_stream { STREAM_TRANSACTIONAL, STREAM_BULK, STREAM_COUNT }; /* stored */

const char *stream_name(enum mail_stream stream);          /* "transactional", "bulk" */
int stream_parse(const char *name, enum mail_stream *out); /* without case; OK or E_NOT_FOUND */

#endif
