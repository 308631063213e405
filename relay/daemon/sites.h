/* The answer to "sites" (relay/daemon/control.h): the pace of each site. The supervisor's thread. */
#ifndef SENDOFF_RELAY_DAEMON_SITES_H
#define SENDOFF_RELAY_DAEMON_SITES_H

#include "relay/daemon/control.h"

#define SITES_ANSWER_MAX ((size_t)64 * 1024 * 1024) /* as many as all loops remember, with the longest replies */

/* Answers `r` once every loop has reported: a JSON object a line. */
void sites_ask(struct loop *supervisor, struct control_request *r);
/* What was learnt of one site: a JSON object a line, one for each source. */
void site_learning_ask(struct loop *supervisor, const char *site, struct control_request *r);
/* An empty answer once no loop knows any of that any more. */
void site_forget_ask(struct loop *supervisor, const char *site, struct control_request *r);
/* "ok" once no loop holds anything against the site any more. */
void site_resume_ask(struct loop *supervisor, const char *which, struct control_request *r); /* "SOURCE|* SITE" */

#endif
