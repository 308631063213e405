/* Routes whose login was refused: a wrong password stays wrong, and hosts ban those who go on guessing. So after each
 * failure nothing is sent that way for a while, longer each time. A route that is changed has another id, and begins
 * anew. Plain data with the clock passed in (clock_now_us); bounded; one loop's thread. */
#ifndef SENDOFF_RELAY_DELIVERY_SITE_LOGIN_PAUSE_H
#define SENDOFF_RELAY_DELIVERY_SITE_LOGIN_PAUSE_H

#include "base/clock.h"

#include <stdbool.h>
#include <stddef.h>

#define LOGIN_PAUSES_MAX 1000 /* the one that failed first gives way */
#define LOGIN_PAUSE_MOST_US (3600 * SECOND_US)
#define LOGIN_REASON_MAX 200

struct login_pauses;
struct login_pauses *login_pauses_new(void); /* NULL without memory */
void login_pauses_free(struct login_pauses **p);
/* It was refused, for the reason given: `first_us` of pause, doubled with each failure. Returns until when; further
 * failures within the pause (connections that were under way) add nothing. Without memory: now, and no pause. */
int64_t login_pause_begin(struct login_pauses *p, int64_t route, int64_t first_us, const char *reason, int64_t now_us);
/* Until when it is paused, and why (as long as nothing else is called); 0: it is not. */
int64_t login_pause_until(const struct login_pauses *p, int64_t route, int64_t now_us, const char **reason);
/* It was logged in. True: it had been refused before. */
bool login_pause_end(struct login_pauses *p, int64_t route);
/* Forgets those that are no more. */
void login_pauses_keep(struct login_pauses *p, bool (*is_there)(const void *arg, int64_t route), const void *arg);
/* The access token of that time (struct route_oauth2) was refused: another is awaited, without a pause. */
void login_token_refuse(struct login_pauses *p, int64_t route, int64_t token_from_us);
bool login_token_is_refused(const struct login_pauses *p, int64_t route, int64_t token_from_us);
size_t login_pause_count(const struct login_pauses *p); /* routes whose last login was refused */

#endif
