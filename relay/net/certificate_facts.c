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

/* The caller frees `out` with gnutls_free. */
static int load_file(const char *path, gnutls_datum_t *out, struct reason *why) {
  int rc = file_check_readable(path, why);
  if (rc == OK && gnutls_load_file(path, out) < 0) rc = fail(why, E_IO, "%s: it cannot be read", path);
  return rc;
}

int certificate_facts_read(const char *path, struct certificate_facts *out, struct reason *why) {
  gnutls_datum_t pem = {0};
  int rc = load_file(path, &pem, why);
  if (rc != OK) return rc;
  rc = import(&pem, GNUTLS_X509_FMT_PEM, out);
  gnutls_free(pem.data);
  return rc == OK ? OK : fail(why, E_IO, "%s: there is no certificate in it", path);
}

bool certificate_file_is_for(const char *path, const char *hostname) {
  gnutls_datum_t pem = {0};
  gnutls_x509_crt_t crt;
  if (load_file(path, &pem, NULL) != OK) return false;
  bool is = gnutls_x509_crt_init(&crt) == 0;
  if (is) {
    is = gnutls_x509_crt_import(crt, &pem, GNUTLS_X509_FMT_PEM) == 0 && gnutls_x509_crt_check_hostname(crt, hostname);
    gnutls_x509_crt_deinit(crt);
  }
  gnutls_free(pem.data);
  return is;
}

/* RFC 7468: takes the first block of `rest`, from its BEGIN to its END. False: there is none, or one without an end, in
 * which case `whole` is. */
static bool take_block(struct bytes *rest, struct bytes *block, bool *whole) {
  static const char begin[] = "-----BEGIN ", end[] = "-----END ";
  const char *from = memmem(rest->at, rest->len, begin, sizeof begin - 1);
  *whole = !from;
  if (!from) return false;
  struct bytes left = bytes_from(*rest, (size_t)(from - rest->at));
  const char *to = memmem(left.at, left.len, end, sizeof end - 1);
  const char *last =
      to ? memmem(to + sizeof end - 1, left.len - (size_t)(to - left.at) - sizeof end + 1, "-----", 5) : NULL;
  if (!last) return false;
  *block = (struct bytes){from, (size_t)(last + 5 - from)};
  *rest = bytes_from(left, block->len);
  return true;
}

static bool is_certificate(struct bytes block) {
  size_t line = bytes_find(block, '\n', 0);
  return memmem(block.at, line, "CERTIFICATE-----", 16) != NULL;
}

/* Before GnuTLS loads it: its error says less, and 3.7 leaks what it has read of a chain that is cut. */
int certificate_file_check(const char *path, struct reason *why) {
  gnutls_datum_t pem = {0};
  struct certificate_facts facts;
  struct bytes block;
  bool whole;
  int rc = load_file(path, &pem, why);
  if (rc != OK) return rc;
  struct bytes rest = {(const char *)pem.data, pem.size};
  while (rc == OK && take_block(&rest, &block, &whole)) {
    gnutls_datum_t one = {(unsigned char *)(uintptr_t)block.at, (unsigned)block.len};
    if (is_certificate(block) && import(&one, GNUTLS_X509_FMT_PEM, &facts) != OK)
      rc = fail(why, E_IO, "%s: there is a certificate in it that cannot be read", path);
  }
  if (rc == OK && !whole) rc = fail(why, E_IO, "%s: it is cut off; is it still being written?", path);
  gnutls_free(pem.data);
  return rc;
}

enum certificate_life certificate_life(const struct certificate_facts *f, int64_t now_us) {
  return f->expires_us < now_us                         ? CERTIFICATE_OVER
         : f->expires_us < now_us + CERTIFICATE_SOON_US ? CERTIFICATE_SOON
                                                        : CERTIFICATE_GOOD;
}
