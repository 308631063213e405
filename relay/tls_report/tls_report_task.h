/* One domain's report, as far as it takes a blocking thread: finds what is due, looks up who asks for it, makes it, and
 * posts it where HTTPS was asked for. What goes by mail is left to the caller, as whole messages. */
#ifndef SENDOFF_RELAY_TLS_REPORT_TLS_REPORT_TASK_H
#define SENDOFF_RELAY_TLS_REPORT_TLS_REPORT_TASK_H

#include "policy/tls_report_record.h"
#include "relay/net/https.h"
#include "relay/tls_report/tls_report.h"
#include "store/read.h"

#define TLS_REPORT_MAIL_MAX (256 * 1024) /* octets of a report's mail; a larger report goes by HTTPS alone */

/* For one address of the record. */
struct tls_report_delivery {
  struct tls_rua rua;
  enum tls_report_state state;
  char reason[TLS_REASON_MAX];
  bool tried;         /* this time: it was open */
  int64_t mail_id;    /* not 0: `mail` is to be sent, and the state then to be set */
  struct buffer mail; /* without its signature */
};

struct tls_report_task {
  /* What the caller sets. */
  struct reader *reader;
  const struct https *https;
  const struct tls_report_sender *by;
  int64_t first_day, last_day; /* whose reports are made */
  int64_t now_us;
  /* out */
  bool found; /* there was one to make; else nothing of the rest counts */
  int64_t day;
  char domain[256];
  int64_t first_us, next_us;
  unsigned attempts;
  enum tls_report_state state; /* after tls_report_task_settle */
  char reason[TLS_REASON_MAX];
  size_t count;
  struct tls_report_delivery deliveries[TLS_RUA_MAX];
};
/* Zeroed but for what the caller sets. E_MEMORY, E_IO: the store cannot be read. Blocking. */
int tls_report_task_run(struct tls_report_task *t);
/* Once every mail's state is set: what becomes of the whole, and when it is tried again. Pure. */
void tls_report_task_settle(struct tls_report_task *t);
void tls_report_task_clear(struct tls_report_task *t);

/* The JSON of a domain's day, appended, as it would be sent now. E_NOT_FOUND: nothing was counted. Blocking. */
int tls_report_of_day(struct reader *r, const struct tls_report_sender *by, const char *domain, int64_t day,
                      bool indented, struct buffer *out);
/* What the configuration says. False: none are sent, though `out` can be used to show them. */
struct config;
bool tls_report_sender_of(const struct config *c, struct tls_report_sender *out);

#endif
