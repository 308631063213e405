/* Sends TLS reports (RFC 8460): each day those of the day before, one domain after another, on libuv's pool; their mail
 * goes into the queue like any other. Lives on loops[0], its thread. */
#ifndef SENDOFF_RELAY_TLS_REPORT_TLS_REPORTER_H
#define SENDOFF_RELAY_TLS_REPORT_TLS_REPORTER_H

#include "base/address/dns_answer.h"
#include "relay/net/loop.h"

struct tls_reporter;
/* Before the loop's thread starts. `dns` is copied. E_MEMORY, E_IO. */
int tls_reporter_new(struct loop *loop, const struct dns_source *dns, struct tls_reporter **out, struct reason *why);
/* Each second. */
void tls_reporter_tick(struct tls_reporter *t);
/* By command: what was not tried yet of this day, which has ended, is sent now. */
void tls_reporter_send(struct tls_reporter *t, int64_t day);
/* Begins nothing more; a request is cut short. `stopped` is called once, maybe before this returns. */
void tls_reporter_stop(struct tls_reporter *t, void (*stopped)(void *arg), void *arg);
/* After it has stopped, or when the loop never ran. */
void tls_reporter_free(struct tls_reporter **t);

#endif
