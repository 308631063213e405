/* A message made fit for a host without 8BITMIME (RFC 6152 3): converted by relay/message/conversion.h, then signed
 * anew, since our signatures covered other octets. What is kept in the store stays as it is: another host may take
 * that. The loop's thread only. */
#ifndef SENDOFF_RELAY_MESSAGE_SEVEN_BIT_H
#define SENDOFF_RELAY_MESSAGE_SEVEN_BIT_H

#include "base/directory/directory.h"
#include "relay/message/content_feed.h"
#include "relay/message/conversion.h"

struct seven_bit_result {
  int result; /* OK; E_DENIED: `obstacle` says why it cannot be; E_IO, E_MEMORY: `why` */
  enum mime_obstacle obstacle;
  struct reason why;
  struct content_feed *feed; /* the caller's when it takes it (leaves NULL) */
  uint64_t octets;
};

struct seven_bit;
/* `from` as for conversion_start, which takes what it names. `done` runs later, once. NULL without memory: then nothing
 * was taken. */
struct seven_bit *seven_bit_start(struct loop *loop, const struct conversion_source *from, enum mail_stream stream,
                                  void (*done)(void *arg, struct seven_bit_result *r), void *arg);
/* Before `done`: it will not be called. */
void seven_bit_forget(struct seven_bit **s);

#endif
