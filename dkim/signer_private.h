/* For dkim/ itself, and for its tests and its bench. */
#ifndef SENDOFF_DKIM_SIGNER_PRIVATE_H
#define SENDOFF_DKIM_SIGNER_PRIVATE_H

#include "dkim/body_feed.h"
#include "dkim/signer.h"

/* Other than body_feed() says. Before the body. */
void signer_set_feed(struct signer *s, enum body_feed feed);

#endif
