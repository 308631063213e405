/* When TLS reports are made and tried again (RFC 8460 4.1, 5.5). Pure; any thread. */
#ifndef SENDOFF_RELAY_TLS_REPORT_TLS_REPORT_TIMES_H
#define SENDOFF_RELAY_TLS_REPORT_TLS_REPORT_TIMES_H

#include <stdbool.h>
#include <stdint.h>

/* From when on the reports for this day are made: after its end, and by a delay of up to four hours, so that not all
 * gateways of the world report at once. The same for the same host name and day, also after a restart. */
int64_t tls_report_moment(int64_t day, const char *hostname);
/* After the attempts so far, the first of them at `first_us`: when the next is. False: 24 hours are over. */
bool tls_report_again(int64_t first_us, unsigned attempts, int64_t now_us, int64_t *next_us);

#endif
