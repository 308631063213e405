/* What accounts have used, as far as it is committed: what the loops look at before the exact decision, which is made
 * with the commit. In memory only, so that a question never waits for a disk or a network; the writer keeps it up to
 * date. Any thread; nothing blocks while its lock is held. Private to store/; store_usage() is the way in. */
#ifndef SENDOFF_STORE_USAGE_VIEW_H
#define SENDOFF_STORE_USAGE_VIEW_H

#include "base/usage/usage.h"
#include "base/usage/usage_scope.h"

#define USAGE_VIEW_MAX 50000 /* owners; beyond, the one that was put first is forgotten: its mail is decided later */

struct usage_view;
struct usage_view *usage_view_new(void); /* NULL without memory */
void usage_view_free(struct usage_view **v);
/* Counted up to `now_us`. Without memory the owner's older usage stays. */
void usage_view_put(struct usage_view *v, enum scope scope, const char *owner, const struct usage *u, int64_t now_us);
/* Not rolled. Zeroes for an owner that is not known, or whose usage is from before the scope's since_us. */
void usage_view_get(struct usage_view *v, const struct usage_scope *scope, struct usage *out);

#endif
