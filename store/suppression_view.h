/* Who may be on a suppression list: what the loops ask before each recipient, so that the store need be asked about
 * almost none. A set of keyed 8-octet fingerprints of account and address: it says "no" for sure, and "perhaps". What
 * was taken off a list, or has expired, stays in it until the set is built anew. In memory only.
 *
 * Reading: any thread; nothing blocks while its lock is held. Writing: the writer thread. Private to store/;
 * store_maybe_suppressed() is the way in. */
#ifndef SENDOFF_STORE_SUPPRESSION_VIEW_H
#define SENDOFF_STORE_SUPPRESSION_VIEW_H

#include <stdbool.h>
#include <stddef.h>

#define SUPPRESSION_VIEW_SLOTS_MAX ((size_t)1 << 21)              /* 16 MB */
#define SUPPRESSION_VIEW_MAX (SUPPRESSION_VIEW_SLOTS_MAX / 4 * 3) /* entries */

struct suppression_view;
struct suppression_view *suppression_view_new(void); /* NULL without memory */
void suppression_view_free(struct suppression_view **v);

/* `address` as address_key writes it. */
bool suppression_view_has(struct suppression_view *v, const char *account, const char *address);
/* Nobody is on any list. */
bool suppression_view_is_empty(struct suppression_view *v);

/* Over the bound, or without memory, every answer is "perhaps" until it is built anew. */
void suppression_view_put(struct suppression_view *v, const char *account, const char *address);
size_t suppression_view_count(const struct suppression_view *v); /* with what has gone from the lists */
/* From here to its end, what is put goes into both; then the old one goes. */
void suppression_view_rebuild_begin(struct suppression_view *v);
void suppression_view_rebuild_end(struct suppression_view *v);

#endif
