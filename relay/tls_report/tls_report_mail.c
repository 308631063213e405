/* RFC 8460 5.3: multipart/report with a text for people and the report. */
#include "base/clock.h"
#include "base/id.h"
#include "relay/mime/base64.h"
#include "relay/tls_report/tls_report.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LINE_OCTETS 57 /* 76 characters of base64 (RFC 2045 6.8) */

/* Of a domain, an address and the like: a name that is too long for a line is folded in front of. */
static int add_top(const struct tls_report_mail *m, const char *boundary, struct buffer *out) {
  char id[ID_TEXT], now[40], report[TLS_REPORT_ID_MAX];
  const char *host = m->by->hostname;
  id_format(m->id, id);
  clock_format_rfc5322(m->now_us, now, sizeof now);
  tls_report_id(host, m->domain, m->day, report);
  int rc = buffer_addf(out,
                       "Date: %s\r\n"
                       "From: <%s>\r\n"
                       "To: <%s>\r\n"
                       "Subject: Report Domain: %s\r\n Submitter: %s\r\n Report-ID: <%s>\r\n"
                       "Message-ID: <%s.tlsrpt@%s>\r\n",
                       now, m->by->from, m->to, m->domain, host, report, id, host);
  if (rc != OK) return rc;
  return buffer_addf(out,
                     "TLS-Report-Domain: %s\r\n"
                     "TLS-Report-Submitter: %s\r\n"
                     "TLS-Required: No\r\n" /* 3: delivered despite any TLS-related failure; RFC 8689 3 */
                     "Auto-Submitted: auto-generated\r\n"
                     "MIME-Version: 1.0\r\n"
                     "Content-Type: multipart/report; report-type=\"tlsrpt\";\r\n boundary=\"%s\"\r\n\r\n",
                     m->domain, host, boundary);
}

static int add_text(const struct tls_report_mail *m, const char *boundary, struct buffer *out) {
  char date[TLS_DAY_TEXT];
  tls_day_text(m->day, date);
  return buffer_addf(out,
                     "--%s\r\n"
                     "Content-Type: text/plain; charset=us-ascii\r\n"
                     "Content-Transfer-Encoding: 7bit\r\n\r\n"
                     "This is an aggregate TLS report (RFC 8460) from\r\n%s\r\n"
                     "for the mail that it sent on %s, in UTC, to\r\n%s\r\n\r\n",
                     boundary, m->by->hostname, date, m->domain);
}

static int add_base64(struct bytes data, struct buffer *out) {
  char line[BASE64_LENGTH(LINE_OCTETS) + 2];
  int rc = OK;
  for (size_t at = 0; rc == OK && at < data.len; at += LINE_OCTETS) {
    struct bytes piece = bytes_from(data, at);
    if (piece.len > LINE_OCTETS) piece.len = LINE_OCTETS;
    base64_write(piece, line);
    size_t len = BASE64_LENGTH(piece.len);
    memcpy(line + len, "\r\n", 2);
    rc = buffer_add(out, line, len + 2);
  }
  return rc;
}

static int add_report(const struct tls_report_mail *m, const char *boundary, struct buffer *out) {
  char file[TLS_REPORT_FILE_MAX];
  tls_report_file(m->by->hostname, m->domain, m->day, file);
  int rc = buffer_addf(out,
                       "--%s\r\n"
                       "Content-Type: application/tlsrpt+gzip\r\n"
                       "Content-Transfer-Encoding: base64\r\n"
                       "Content-Disposition: attachment;\r\n filename=\"%s\"\r\n\r\n",
                       boundary, file);
  return rc == OK ? add_base64(m->gzip, out) : rc;
}

int tls_report_mail(const struct tls_report_mail *m, struct buffer *out) {
  char boundary[16 + 2 * REF_LENGTH] = "=_sendoff_";
  ref_new(boundary + strlen(boundary));
  ref_new(boundary + strlen(boundary));
  int rc = add_top(m, boundary, out);
  if (rc == OK) rc = add_text(m, boundary, out);
  if (rc == OK) rc = add_report(m, boundary, out);
  return rc == OK ? buffer_addf(out, "--%s--\r\n", boundary) : rc;
}
