/* The accounts that are being braked, or would be, as far as it is committed: what the loops look at before the exact
 * decision, which is made with the commit. Most accounts are not in it. In memory only. Any thread; nothing blocks
 * while its lock is held. Private to store/; store_brake() is the way in. */
#ifndef SENDOFF_STORE_BRAKE_VIEW_H
#define SENDOFF_STORE_BRAKE_VIEW_H

#include "base/usage/brake.h"

#define BRAKE_VIEW_MAX 50000 /* accounts; beyond, those that come are not known here: the commit decides */

struct brake_view;
struct brake_view *brake_view_new(void); /* NULL without memory */
void brake_view_free(struct brake_view **v);
/* One at BRAKE_NONE is taken out. */
void brake_view_put(struct brake_view *v, const char *account, const struct brake_status *status);
void brake_view_clear(struct brake_view *v);
/* Zeroes for one that is not there. */
void brake_view_get(struct brake_view *v, const char *account, struct brake_status *out);

#endif
