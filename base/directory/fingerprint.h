/* What names a certificate: the SHA-256 of its DER form. Pure; any thread. */
#ifndef SENDOFF_BASE_FINGERPRINT_H
#define SENDOFF_BASE_FINGERPRINT_H

#define FINGERPRINT_TEXT 65 /* 64 hexadecimal digits and the NUL */

struct fingerprint {
  unsigned char sha256[32];
};

/* 64 hexadecimal digits in any case, in pairs parted by colons or not, with or without a "sha256:" or
 * "sha256 Fingerprint=" before them, as tools print it. OK or E_SYNTAX. */
int fingerprint_parse(const char *text, struct fingerprint *out);
void fingerprint_format(const struct fingerprint *f, char out[FINGERPRINT_TEXT]); /* lower case, no colons */

#endif
