/* Runs mime_7bit.h on one message, on libuv's pool: the message is read into memory there, and what comes out goes into
 * memory too when it is small, else into a file without a name. One message at a time for each loop, so that the memory
 * is bounded by the largest message. The loop's thread only. */
#ifndef SENDOFF_RELAY_MESSAGE_CONVERSION_H
#define SENDOFF_RELAY_MESSAGE_CONVERSION_H

#include "relay/message/content.h"
#include "relay/mime/mime_7bit.h"
#include "relay/net/loop.h"

struct converter;
int converter_new(struct loop *loop, struct converter **out);
void converter_free(struct converter **c); /* nothing may be under way: see converter_idle */
bool converter_idle(const struct converter *c);

/* What is to be converted: one of the three. */
struct conversion_source {
  struct content *content; /* in memory: held by the conversion */
  struct buffer *prefix;   /* with `fd`: taken over (left empty) */
  int fd;                  /* of the rest of the message; taken over; -1: none */
  int64_t spool_id;        /* a spool file that has the whole message; 0: none */
  bool keep_8bit, fields;  /* as in mime_7bit.h */
  bool unsign;             /* leaves out the prefix's DKIM-Signature fields: we made them, and they would be void */
};

struct converted {
  int result; /* OK, E_DENIED with the obstacle, E_IO, E_MEMORY */
  enum mime_obstacle obstacle;
  struct reason why;
  struct buffer header; /* all its fields, without the empty line */
  struct buffer body;   /* behind the empty line; empty when it is in the file */
  uint64_t body_octets;
  int fd; /* -1: in memory; read it with pread, from 0 on */
};

struct conversion;
/* `done` runs later, once; it takes over what it wants by emptying the fields (and fd = -1), the rest is freed after
 * it. NULL without memory: then nothing was taken. */
struct conversion *conversion_start(struct loop *loop, const struct conversion_source *from,
                                    void (*done)(void *arg, struct converted *c), void *arg);
/* `done` will not be called. */
void conversion_forget(struct conversion *c);

#endif
