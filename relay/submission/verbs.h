/* The table of verbs, each a check (may it come now? replies if not) and an action. Private to relay/submission/. */
#ifndef SENDOFF_RELAY_SUBMISSION_VERBS_H
#define SENDOFF_RELAY_SUBMISSION_VERBS_H

#include "relay/submission/session.h"

void verbs_run(struct session *s, struct bytes line);
size_t verbs_line_max(struct bytes line_so_far); /* how long a line that begins so may be, with CRLF */

/* verb_hello.c: EHLO, HELO, STARTTLS */
bool check_hello(struct session *s);
void do_ehlo(struct session *s, struct bytes rest);
void do_helo(struct session *s, struct bytes rest);
bool check_starttls(struct session *s);
void do_starttls(struct session *s, struct bytes rest);

/* verb_auth.c */
bool check_auth(struct session *s);
void do_auth(struct session *s, struct bytes rest);

/* verb_mail.c */
bool may_send_mail(struct session *s); /* what MAIL, and all that follows from it, need; replies if not */
bool check_mail(struct session *s);
void do_mail(struct session *s, struct bytes rest);

/* verb_rcpt.c */
bool check_rcpt(struct session *s);
void do_rcpt(struct session *s, struct bytes rest);

/* verb_data.c: DATA, BDAT */
bool check_data(struct session *s);
void do_data(struct session *s, struct bytes rest);
bool check_bdat(struct session *s); /* always true: what may not come is refused behind its octets' number */
void do_bdat(struct session *s, struct bytes rest);
/* While session_awaits_content: takes what it can of the octets that came; returns how many. */
size_t content_receive(struct session *s, struct bytes in);

#endif
