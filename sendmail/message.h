/* The message as it is sent: its header, and where its body begins in the spool. What is missing of Date, Message-ID
 * and the like is the gateway's to add (RFC 6409 8); only From is added here, as only this side knows who sends. One
 * thread.
 */
#ifndef SENDOFF_SENDMAIL_MESSAGE_H
#define SENDOFF_SENDMAIL_MESSAGE_H

#include "base/address/address.h"
#include "base/result.h"
#include "sendmail/spool.h"

struct message {
  struct bytes fields;  /* the header as it came, without the empty line; in the spool's memory */
  uint64_t body_at;     /* in the spool, behind the empty line */
  struct buffer header; /* as it is sent, with the empty line */
};

/* Finds the header: behind a byte order mark or an mbox file's "From " line, up to the first line that is no field,
 * which need not be empty. E_TOO_BIG: it is larger than the spool's memory. */
int message_find_header(struct message *m, const struct spool *s, struct reason *why);
/* The first address of From, qualified with `domain`, without angle brackets; false: there is none that can be read. */
bool message_author(const struct message *m, const char *domain, char out[ADDRESS_MAX + 1]);
/* Makes m->header: names without a domain get `domain`; a From field where there is none, of `address` and `full_name`
 * (NULL: none); without Bcc where `drop_bcc`. E_MEMORY, E_TOO_BIG. */
int message_make_header(struct message *m, const char *domain, const char *address, const char *full_name,
                        bool drop_bcc, struct reason *why);
uint64_t message_size(const struct message *m, const struct spool *s); /* octets, as SIZE counts them (RFC 1870 3) */
void message_free(struct message *m);

#endif
