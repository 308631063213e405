/* The service extensions that a session offers (RFC 5321 2.2): one table for what EHLO says and for which parameters
 * are known, so that neither can be true without the other. The loop's thread only. */
#ifndef SENDOFF_RELAY_EXTENSIONS_H
#define SENDOFF_RELAY_EXTENSIONS_H

enum extension {
  EXTENSION_SIZE = 1,          /* RFC 1870 */
  EXTENSION_8BITMIME = 2,      /* RFC 6152 */
  EXTENSION_SMTPUTF8 = 4,      /* RFC 6531 */
  EXTENSION_PIPELINING = 8,    /* RFC 2920 */
  EXTENSION_CHUNKING = 16,     /* RFC 3030 */
  EXTENSION_BINARYMIME = 32,   /* RFC 3030 */
  EXTENSION_DSN = 64,          /* RFC 3461 */
  EXTENSION_ENHANCED = 128,    /* RFC 2034 */
  EXTENSION_STARTTLS = 256,    /* RFC 3207 */
  EXTENSION_AUTH = 512,        /* RFC 4954 */
  EXTENSION_REQUIRETLS = 1024, /* RFC 8689 */
  EXTENSION_LIMITS = 2048,     /* RFC 9422 */
  EXTENSION_HOLD = 4096,       /* FUTURERELEASE, RFC 4865 */
  EXTENSION_DELIVERBY = 8192,  /* RFC 2852 */
  EXTENSION_PRIORITY = 16384,  /* MT-PRIORITY, RFC 6710 */
};

struct session;
/* What is true for this session now; nothing after HELO. */
unsigned extensions_of(const struct session *s);
/* The lines of the EHLO reply behind its first. */
void extensions_announce(struct session *s);

#endif
