/* The record that asks for TLS reports: TXT at _smtp._tls.DOMAIN (RFC 8460 3). Pure; any thread. */
#ifndef SENDOFF_POLICY_TLS_REPORT_RECORD_H
#define SENDOFF_POLICY_TLS_REPORT_RECORD_H

#include "base/address/dns_answer.h"

#include <stdbool.h>

#define TLS_RUA_MAX 8    /* addresses of a record that get a report */
#define TLS_RUA_TEXT 500 /* of one; a longer one gets none */

/* Where reports go. */
struct tls_rua {
  bool mail;
  char uri[TLS_RUA_TEXT];    /* as it was published */
  char target[TLS_RUA_TEXT]; /* the mail address, without what RFC 6068 lets follow it; else the URL */
};
struct tls_report_record {
  size_t count;
  struct tls_rua rua[TLS_RUA_MAX];
};

/* "_smtp._tls.example.com". False: too long for a name. */
bool tls_report_record_name(const char *domain, char out[256]);
/* OK; E_NOT_FOUND: nobody asks for reports, for there is no record, more than one, or none that names where to. Of
 * URIs, mailto and https count. */
int tls_report_record_read(const struct dns_answer *answer, struct tls_report_record *out);

#endif
