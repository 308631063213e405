/* The header that a load balancer puts before a connection's own octets, to say whose connection it is: the PROXY
 * protocol, versions 1 (a line of text) and 2 (binary), as specified by HAProxy (doc/proxy-protocol.txt). Pure; any
 * thread. */
#ifndef SENDOFF_RELAY_SMTP_PROXY_HEADER_H
#define SENDOFF_RELAY_SMTP_PROXY_HEADER_H

#include "base/bytes.h"

#include <sys/socket.h>

#define PROXY_LINE_MAX 107 /* section 2.1: a version 1 header, with its CRLF */
/* A version 2 header may be 65,551 octets; addresses and the TLVs in use (a host name, a certificate's subject) are
 * some hundred. Section 2.2 lets a receiver set its bound, from 536 up. */
#define PROXY_HEADER_MAX 4096

struct proxy_header {
  size_t length; /* octets of the header: what follows is the connection's own */
  /* Whose connection it is. Not known: the balancer's own (LOCAL: a health check), or it could not say (UNKNOWN,
   * UNSPEC, AF_UNIX); then `client` is not set. */
  bool known;
  struct sockaddr_storage client;
};

/* Reads the header that `in` begins with; `in` is all that came so far, so it is called again with more. 1: done; 0:
 * more is needed; -1: this is no header, and `why` (static storage) says what is wrong. Decides as soon as the octets
 * do: what cannot become a header is refused at the first wrong octet of its signature. */
int proxy_header_parse(struct bytes in, struct proxy_header *out, const char **why);

#endif
