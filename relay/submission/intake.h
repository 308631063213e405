/* The message under way: content in, stored message out. Private to relay/submission/; the loop's thread. */
#ifndef SENDOFF_RELAY_SUBMISSION_INTAKE_H
#define SENDOFF_RELAY_SUBMISSION_INTAKE_H

#include "relay/submission/session.h"

int intake_begin(struct session *s); /* OK or E_MEMORY */
void intake_write(struct session *s, struct bytes run);
bool intake_is_full(const struct session *s); /* too much waits for the disk: pause */
bool intake_is_refused(const struct session *s);
uint64_t intake_octets(const struct session *s); /* of content, so far */
void intake_end(struct session *s);              /* the content has ended: replies, sooner or later */
void intake_abandon(struct session *s); /* the session ends or resets: forget it, as soon as nothing is under way */

#endif
