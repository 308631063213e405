/* Running out of file descriptors, which libuv hides: it accepts a connection that there is none for, and closes it.
 * Logged as a warning, once a minute at most. Any thread. */
#ifndef SENDOFF_RELAY_NET_DESCRIPTORS_H
#define SENDOFF_RELAY_NET_DESCRIPTORS_H

/* One that was just opened. The kernel gives the lowest number that is free, so a high one says that most are in use.
 */
void descriptors_opened(int fd);
/* Opening one failed with this error: EMFILE and ENFILE are logged, others are the caller's. */
void descriptors_failed(int error);
/* Once a second: is there one left? */
void descriptors_poll(void);

#endif
