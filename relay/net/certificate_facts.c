#include "relay/net/certificate_facts.h"

#include "base/clock.h"
#include "relay/net/file_access.h"

#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <stdio.h>
#include <string.h>

/* True: there is room for it. */
static bool add_name(struct certificate_facts *out, const char *name, size_t len) {
  size_t at = strlen(out->names);
  if (at + len + 2 > sizeof out->names) return false;
  snprintf(out->names + at, sizeof out->names - at, "%s%.*s", at ? " " : "", (int)len, name);
  return true;
}

static void take_names(gnutls_x509_crt_t crt, struct certificate_facts *out) {
  char name[256];
  size_t size;
  for (unsigned i = 0;; i++) {
    size = sizeof name;
    int type = gnutls_x509_crt_get_subject_alt_name(crt, i, name, &size, NULL);
    if (type == GNUTLS_E_REQUESTED_DATA_NOT_AVAILABLE) break;
    if (type == GNUTLS_SAN_DNSNAME && !add_name(out, name, size)) break;
    if (type < 0 && type != GNUTLS_E_SHORT_MEMORY_BUFFER) break;
  }
  size = sizeof name;
  if (!*out->names && gnutls_x509_crt_get_dn_by_oid(crt, GNUTLS_OID_X520_COMMON_NAME, 0, 0, name, &size) == 0)
    add_name(out, name, size);
}

static int import(const gnutls_datum_t *data, gnutls_x509_crt_fmt_t format, struct certificate_facts *out) {
  gnutls_x509_crt_t crt;
  memset(out, 0, sizeof *out);
  if (gnutls_x509_crt_init(&crt) < 0) return E_MEMORY;
  int rc = gnutls_x509_crt_import(crt, data, format);
  if (rc == 0) {
    time_t expires = gnutls_x509_crt_get_expiration_time(crt);
    out->expires_us = expires == (time_t)-1 ? 0 : (int64_t)expires * SECOND_US;
    out->self_signed = gnutls_x509_crt_check_issuer(crt, crt) != 0;
    take_names(crt, out);
  }
  gnutls_x509_crt_deinit(crt);
  return rc == 0 ? OK : rc == GNUTLS_E_MEMORY_ERROR ? E_MEMORY : E_SYNTAX;
}

int certificate_facts_of(struct bytes der, struct certificate_facts *out) {
  gnutls_datum_t data = {(unsigned char *)(uintptr_t)der.at, (unsigned)der.len};
  return import(&data, GNUTLS_X509_FMT_DER, out);
}

int certificate_facts_read(const char *path, struct certificate_facts *out, struct reason *why) {
  gnutls_datum_t pem = {0};
  int rc = file_check_readable(path, why);
  if (rc != OK) return rc;
  if (gnutls_load_file(path, &pem) < 0) return fail(why, E_IO, "%s: it cannot be read", path);
  rc = import(&pem, GNUTLS_X509_FMT_PEM, out);
  gnutls_free(pem.data);
  return rc == OK ? OK : fail(why, E_IO, "%s: there is no certificate in it", path);
}
