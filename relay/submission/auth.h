/* The SASL library's life. Main thread, before the loops start and after they ended. The rest of AUTH is in session.h.
 */
#ifndef SENDOFF_RELAY_AUTH_H
#define SENDOFF_RELAY_AUTH_H

#include "base/result.h"

int auth_setup(void);
void auth_teardown(void);

#endif
