/* -bs: SMTP on standard input and output, passed to the gateway and back as it is. One thread. */
#ifndef SENDOFF_SENDMAIL_PASS_H
#define SENDOFF_SENDMAIL_PASS_H

/* Until the gateway ends the session. An exit status (sysexits.h). */
int pass_smtp(const char *path);

#endif
