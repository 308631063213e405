#include "cli/setup/certificate.h"

#include "base/bytes.h"
#include "cli/machine/folder.h"

#include <errno.h>
#include <fcntl.h>
#include <gnutls/abstract.h>
#include <gnutls/x509.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define TEN_YEARS (INT64_C(3650) * 86400)

static int write_beside(const char *beside, int fd, const gnutls_datum_t *data, mode_t mode, struct reason *why) {
  int rc = fchmod(fd, mode) == 0 ? OK : E_IO;
  for (size_t at = 0; rc == OK && at < data->size;) {
    ssize_t n = write(fd, data->data + at, data->size - at);
    if (n > 0)
      at += (size_t)n;
    else if (errno != EINTR)
      rc = E_IO;
  }
  if (rc == OK && fsync(fd) != 0) rc = E_IO;
  if (rc != OK) fail(why, rc, "%s: %s", beside, strerror(errno));
  if (close(fd) != 0 && rc == OK) rc = fail(why, E_IO, "%s: %s", beside, strerror(errno));
  return rc;
}

/* It has its name when it is whole: an empty key after a crash would be taken for one. Never over a file that is there:
 * a certificate in use is somebody's. */
static int write_file(const char *path, const gnutls_datum_t *data, mode_t mode, struct reason *why) {
  char beside[PATH_MAX];
  int n = snprintf(beside, sizeof beside, "%s.XXXXXX", path);
  if (n < 0 || (size_t)n >= sizeof beside) return fail(why, E_IO, "%s: the path is too long", path);
  int fd = mkostemp(beside, O_CLOEXEC);
  if (fd < 0) return fail(why, E_IO, "%s: %s", path, strerror(errno));
  int rc = write_beside(beside, fd, data, mode, why);
  if (rc == OK && rename_new(beside, path) != 0) rc = fail(why, E_IO, "%s: %s", path, strerror(errno));
  if (rc != OK) unlink(beside);
  return rc;
}

static int fill(gnutls_x509_crt_t crt, gnutls_x509_privkey_t key, const char *hostname) {
  unsigned char serial[16], id[20];
  size_t id_size = sizeof id;
  time_t now = time(NULL);
  random_bytes(serial, sizeof serial);
  serial[0] &= 0x7f; /* a positive number (RFC 5280 4.1.2.2) */
  int rc = gnutls_x509_crt_set_version(crt, 3);
  if (rc >= 0) rc = gnutls_x509_crt_set_serial(crt, serial, sizeof serial);
  if (rc >= 0) rc = gnutls_x509_crt_set_activation_time(crt, now - 3600);
  if (rc >= 0) rc = gnutls_x509_crt_set_expiration_time(crt, now + TEN_YEARS);
  if (rc >= 0) rc = gnutls_x509_crt_set_key(crt, key);
  if (rc >= 0)
    rc = gnutls_x509_crt_set_dn_by_oid(crt, GNUTLS_OID_X520_COMMON_NAME, 0, hostname, (unsigned)strlen(hostname));
  if (rc >= 0)
    rc = gnutls_x509_crt_set_subject_alt_name(crt, GNUTLS_SAN_DNSNAME, hostname, (unsigned)strlen(hostname),
                                              GNUTLS_FSAN_SET);
  if (rc >= 0) rc = gnutls_x509_crt_set_key_usage(crt, GNUTLS_KEY_DIGITAL_SIGNATURE);
  if (rc >= 0) rc = gnutls_x509_crt_set_basic_constraints(crt, 0, -1);
  if (rc >= 0) rc = gnutls_x509_crt_get_key_id(crt, 0, id, &id_size);
  if (rc >= 0) rc = gnutls_x509_crt_set_subject_key_id(crt, id, id_size);
  return rc;
}

static int sign(gnutls_x509_crt_t crt, gnutls_x509_privkey_t key) {
  gnutls_privkey_t signer;
  int rc = gnutls_privkey_init(&signer);
  if (rc < 0) return rc;
  rc = gnutls_privkey_import_x509(signer, key, 0);
  if (rc >= 0) rc = gnutls_x509_crt_privkey_sign(crt, crt, signer, GNUTLS_DIG_SHA256, 0);
  gnutls_privkey_deinit(signer);
  return rc;
}

int certificate_self_signed(const char *hostname, const char *certificate_path, const char *key_path,
                            struct reason *why) {
  gnutls_x509_privkey_t key = NULL;
  gnutls_x509_crt_t crt = NULL;
  gnutls_datum_t key_pem = {0}, crt_pem = {0};
  int rc = gnutls_x509_privkey_init(&key);
  if (rc >= 0) rc = gnutls_x509_crt_init(&crt);
  if (rc >= 0)
    rc = gnutls_x509_privkey_generate(key, GNUTLS_PK_ECDSA, GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1), 0);
  if (rc >= 0) rc = fill(crt, key, hostname);
  if (rc >= 0) rc = sign(crt, key);
  if (rc >= 0) rc = gnutls_x509_privkey_export2_pkcs8(key, GNUTLS_X509_FMT_PEM, NULL, GNUTLS_PKCS_PLAIN, &key_pem);
  if (rc >= 0) rc = gnutls_x509_crt_export2(crt, GNUTLS_X509_FMT_PEM, &crt_pem);
  int out = rc >= 0 ? OK : fail(why, E_IO, "the certificate cannot be made: %s", gnutls_strerror(rc));
  if (out == OK) out = write_file(key_path, &key_pem, 0600, why);
  if (out == OK) out = write_file(certificate_path, &crt_pem, 0644, why);
  if (key_pem.data) wipe(key_pem.data, key_pem.size);
  gnutls_free(key_pem.data);
  gnutls_free(crt_pem.data);
  if (crt) gnutls_x509_crt_deinit(crt);
  if (key) gnutls_x509_privkey_deinit(key);
  return out;
}
