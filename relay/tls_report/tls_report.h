/* A TLS report: the JSON of a domain's day (RFC 8460 4.4), and the mail that carries it (5.3). Pure; any thread. */
#ifndef SENDOFF_RELAY_TLS_REPORT_TLS_REPORT_H
#define SENDOFF_RELAY_TLS_REPORT_TLS_REPORT_H

#include "base/bytes.h"
#include "base/mail/tls_outcome.h"
#include "base/result.h"

#include <stdbool.h>

#define TLS_REPORT_MAX (8 * 1024 * 1024) /* octets of JSON, and of all that is made of it */

/* Who reports. */
struct tls_report_sender {
  const char *hostname; /* the submitter */
  const char *organization, *contact, *from;
};

struct tls_report;
/* NULL without memory. */
struct tls_report *tls_report_new(const struct tls_report_sender *by, const char *domain, int64_t day);
void tls_report_free(struct tls_report **r);
int tls_report_add(struct tls_report *r, const struct tls_report_row *row); /* E_MEMORY, E_TOO_BIG */
bool tls_report_is_empty(const struct tls_report *r);
/* Appends the JSON; `indented` for people. */
int tls_report_json(const struct tls_report *r, bool indented, struct buffer *out);

/* What names a report: the same for the same domain, day and gateway, so that who gets one twice can tell. */
#define TLS_REPORT_ID_MAX 600
void tls_report_id(const char *hostname, const char *domain, int64_t day, char out[TLS_REPORT_ID_MAX]);
/* "smtp.example.com!example.net!1764201600!1764287999.json.gz" (5.1) */
#define TLS_REPORT_FILE_MAX 600
void tls_report_file(const char *hostname, const char *domain, int64_t day, char out[TLS_REPORT_FILE_MAX]);

struct tls_report_mail {
  const struct tls_report_sender *by;
  const char *domain; /* whose report it is */
  const char *to;     /* a mail address */
  int64_t day, now_us, id;
  struct bytes gzip;
};
/* Appends the message, without a signature. */
int tls_report_mail(const struct tls_report_mail *m, struct buffer *out);

#endif
