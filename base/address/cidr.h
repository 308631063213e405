/* Networks and addresses of hosts. Pure; any thread. */
#ifndef SENDOFF_BASE_CIDR_H
#define SENDOFF_BASE_CIDR_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>

#define IP_TEXT 64

struct cidr {
  int family; /* AF_INET or AF_INET6 */
  unsigned char address[16];
  unsigned prefix; /* bits */
};

/* "10.0.0.0/8", "::1", "192.0.2.7"; OK or E_SYNTAX; host bits must be zero. "::ffff:10.0.0.0/104" is 10.0.0.0/8. */
int cidr_parse(const char *text, struct cidr *out);
bool cidr_contains(const struct cidr *net, const struct sockaddr *address); /* IPv4-mapped IPv6 counts as IPv4 */
/* "ADDR:PORT" or "[ADDR6]:PORT" (colon form) and "ADDR@PORT" (at form); separator is ':' or '@'; the port
 * is 1 to 65535. OK or E_SYNTAX. */
int endpoint_parse(const char *text, char separator, struct sockaddr_storage *out);
int ip_parse(const char *text, unsigned port, struct sockaddr_storage *out);
void ip_format(const struct sockaddr *address,
               char out[IP_TEXT]); /* the address without the port; v4-mapped shown as IPv4 */
unsigned ip_port(const struct sockaddr *address);
socklen_t ip_length(const struct sockaddr *address);

#endif
