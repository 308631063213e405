/* What the answers of a site teach (base/site/site_learning.h), and what is made of it for the next attempt. All of it
 * does nothing where `learning` is off. One loop's thread. */
#ifndef SENDOFF_RELAY_DELIVERY_SITE_SITE_LEARN_H
#define SENDOFF_RELAY_DELIVERY_SITE_SITE_LEARN_H

#include "relay/delivery/site/site.h"

/* This recipient of the job was tried for the first time, or before the time that the site is known to ask for: a
 * refusal says nothing of the amount of mail. */
bool site_learn_came_early(const struct site *s, const struct job *j, size_t index, int64_t began_us);
/* One recipient of the job was refused as in `i`: when it is tried next, where greylisting is known that well. */
void site_learn_retry(struct site *s, const struct job *j, size_t index, struct incident *i);
/* A transaction has ended, which began at `began_us` (site_now): every recipient has the ruling that stays. */
void site_learn_outcome(struct site *s, const struct outcome *o, int64_t began_us);
/* No host took a connection; some have refused it in words. */
void site_learn_refused(struct site *s);
/* Each second: reports how often sources' mail is taken to the dispatcher, which chooses among them. */
void sites_report_sources(struct delivery *d);

#endif
