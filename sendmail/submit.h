/* Hands one message to the gateway, in as many transactions as its recipients take, and says what became of each. Every
 * recipient is sent to, or named on standard error: the others do not suffer for one that is refused. One thread. */
#ifndef SENDOFF_SENDMAIL_SUBMIT_H
#define SENDOFF_SENDMAIL_SUBMIT_H

#include "sendmail/link.h"
#include "sendmail/message.h"
#include "sendmail/options.h"
#include "sendmail/recipients.h"

struct submission_task {
  struct link *link; /* open */
  const char *path;  /* of the socket, for another link when the gateway stops in between */
  const struct options *options;
  const struct spool *spool;
  const struct message *message;
  struct recipients *to;
  const char *reverse_path; /* without angle brackets */
};

/* An exit status (sysexits.h): EX_OK, or that of the first refusal that is permanent, or EX_TEMPFAIL. */
int submit(struct submission_task *task);
/* The exit status that a reply stands for: by its class, and what RFC 3463 says of the cause. */
int submit_status(const struct smtp_reply *reply);

#endif
