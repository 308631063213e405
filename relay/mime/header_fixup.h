/* Header fix-up at submission (RFC 6409 section 8): refuses what is not a header, adds Date, Message-ID and
 * MIME-Version, removes Bcc and Return-Path, and repairs what says one thing only in a form that not every host takes:
 * a name in From without the quotes that it needs, raw octets over 127, form feeds, lines over 998 octets. All else
 * stays as it came, Sender included, unless From is to have another address: then Sender goes, and Reply-To gets the
 * old one. Pure. */
#ifndef SENDOFF_RELAY_MIME_HEADER_FIXUP_H
#define SENDOFF_RELAY_MIME_HEADER_FIXUP_H

#include "base/bytes.h"
#include "base/mail/event.h"
#include "base/mail/refusal.h"
#include "base/result.h"

#include <stdint.h>

#define HOPS_MAX 50 /* Received fields before we call it a loop (RFC 5321 6.3) */
#define HEADER_MAX (256 * 1024)
#define REPAIRS_MAX 200

struct header_fixup {
  /* in */
  const char *hostname, *id_text;
  int64_t now_us;
  bool encode_8bit;         /* raw octets over 127 are encoded, not refused */
  bool accept_utf8;         /* UTF-8 may stay as it is (MAIL said SMTPUTF8) */
  bool convert_long_lines;  /* lines over 998 octets are folded, not refused */
  bool report;              /* the reverse-path is null */
  const char *rewrite_from; /* the address that From is to have, whatever it says; NULL or "": as it says */
  /* out; buffers are initialised by the caller and freed by it, also on refusal */
  struct buffer *added;             /* fields to put before the header */
  struct buffer *kept;              /* the header without what had to go, and without the empty line */
  size_t from_at, from_len;         /* where the From field's value is in `kept` */
  bool daemon;                      /* From has MAILER-DAEMON's address here, made by us */
  size_t sender_at, sender_len;     /* so of the Sender field; 0 of none */
  char stream[32];                  /* what X-Sendoff-Stream says; "": there is none */
  bool bulk;                        /* Precedence is bulk or list */
  bool tls_optional;                /* TLS-Required: No (RFC 8689 3) */
  bool multipart;                   /* its content has parts, with fields of their own */
  char message_id[256];             /* with its angle brackets, for the log */
  bool own_message_id;              /* the message had none */
  char subject[EVENT_SUBJECT_ROOM]; /* as people read it, for the log; "": there is none */
  bool utf8;                 /* it has UTF-8, and SMTPUTF8 was asked for: the next hop must offer it (RFC 6531 3.4) */
  char repairs[REPAIRS_MAX]; /* what was repaired: "From quoted, Subject encoded"; "": nothing */
  struct refusal refusal;    /* why not, when the result is E_DENIED; zeroed by the caller */
};

/* `block` is the header without the empty line. OK; E_DENIED with `refusal`; E_MEMORY; E_TOO_BIG: `kept` has no room.
 */
int header_fixup_apply(struct bytes block, struct header_fixup *h);
static inline struct bytes header_fixup_from(const struct header_fixup *h) {
  return (struct bytes){h->kept->at + h->from_at, h->from_len};
}
static inline struct bytes header_fixup_sender(const struct header_fixup *h) {
  return (struct bytes){h->kept->at + h->sender_at, h->sender_len};
}
/* Adds one to the list; one that finds no room is left out. */
void repairs_add(char repairs[REPAIRS_MAX], struct bytes what, const char *done);

#endif
