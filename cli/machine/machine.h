/* What this machine says of itself, for `sendoff setup`: its name, its addresses, certificates and service manager. One
 * thread. */
#ifndef SENDOFF_CLI_MACHINE_MACHINE_H
#define SENDOFF_CLI_MACHINE_MACHINE_H

#include "base/address/address.h"
#include "base/result.h"
#include "cli/command.h"

#include <limits.h>
#include <netinet/in.h>
#include <stdbool.h>

#define MACHINE_ADDRESSES_MAX 64

struct machine_address {
  char text[INET6_ADDRSTRLEN];
  bool six, global; /* IPv6; known to the whole world */
};

/* Its full name; "" when it has none with a dot in it. */
void machine_name(char out[DOMAIN_MAX + 1]);
/* Its addresses but for loopback, link-local and temporary ones: IPv4 first, and global ones before others. How many.
 */
size_t machine_addresses(struct machine_address *out, size_t room);
/* The address that DNS has for a name, of the same family: what the world sees of a machine behind NAT. False: none. */
bool machine_public(const char *hostname, bool six, char out[INET6_ADDRSTRLEN]);
/* Where certbot keeps a certificate for that host: of its name, else the one that is valid longest ("NAME-0001", a
 * wildcard, one for several names). False: it has none. */
bool machine_certbot(const char *hostname, char folder[PATH_MAX]);
/* systemd runs here, and has the unit of the package. */
bool machine_has_unit(void);
/* What starts the gateway, as somebody would type it: by systemd where the unit is installed. */
const char *machine_start_command(void);
enum exit_status machine_not_running(void); /* prints that it does not, and what starts it; EXIT_NO */

/* Somebody who may not write to the control socket is refused by the kernel. */
bool machine_may_ask(const struct config *config);
/* For a request that a gateway, if one runs, did not answer: prints that this user may not ask it, or that it is
 * silent; EXIT_NO. */
enum exit_status machine_no_answer(const struct config *config);

/* Runs a program, argv[0], found by PATH, to its end; what it prints goes to standard error. `argv` ends with NULL.
 * False: it could not be run, or failed. */
bool machine_run(const char *const *argv);

#endif
