/* Who may come in: sessions in all and per client address, and the memory of failed logins. The one structure that the
 * loops share and change, behind one lock: a limit per address must hold whichever loop the kernel gave the connection
 * to. Any thread; nothing blocks while the lock is held. */
#ifndef SENDOFF_RELAY_ADMISSION_H
#define SENDOFF_RELAY_ADMISSION_H

#include <stdint.h>
#include <sys/socket.h>

struct admission;
enum admitted { ADMITTED, FULL_HERE /* in all */, FULL_FOR_ADDRESS };

struct admission *admission_new(unsigned max_sessions, unsigned max_per_address); /* NULL without memory */
void admission_free(struct admission **a);
enum admitted admission_enter(struct admission *a, const struct sockaddr *client);
void admission_leave(struct admission *a, const struct sockaddr *client); /* once for each ADMITTED */
/* A login failed: the delay in ms before the answer, which doubles with each failure of the last ten minutes, up to 30
 * s. */
uint64_t admission_login_failed(struct admission *a, const struct sockaddr *client);
unsigned admission_sessions(struct admission *a);

#endif
