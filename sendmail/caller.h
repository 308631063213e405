/* Who has called us, where that decides what an exit status means. */
#ifndef SENDOFF_SENDMAIL_CALLER_H
#define SENDOFF_SENDMAIL_CALLER_H

/* The status to end with. PHP's mail() takes EX_TEMPFAIL for success, as a sendmail with a queue of its own means it;
 * here nothing was kept, and the caller must hear so: EX_UNAVAILABLE. */
int caller_status(int status);

#endif
