/* When recipients that wait were put off first, so that it is known how long a site made them wait. Of fixed size:
 * where there is no room, the one that was put off longest ago is forgotten, and says nothing to anybody. Times are of
 * a clock that does not jump. One loop's thread. */
#ifndef SENDOFF_RELAY_DELIVERY_SITE_PUT_OFF_H
#define SENDOFF_RELAY_DELIVERY_SITE_PUT_OFF_H

#include <stdint.h>

#define PUT_OFF_SETS 2048 /* by a hash of the recipient; a power of two */
#define PUT_OFF_WAYS 4    /* recipients of each */

struct put_off;
struct put_off *put_off_new(void); /* NULL without memory */
void put_off_free(struct put_off **p);
/* Returns when it was put off first, which is now if nothing is known. */
int64_t put_off_note(struct put_off *p, int64_t recipient_id, int64_t now_us);
/* 0: nothing is known. */
int64_t put_off_find(const struct put_off *p, int64_t recipient_id);
void put_off_forget(struct put_off *p, int64_t recipient_id);

#endif
