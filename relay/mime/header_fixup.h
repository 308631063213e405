/* Header fix-up at submission (RFC 6409 section 8): refuses what is not a header, adds Date, Message-ID and
 * MIME-Version, removes Bcc and Return-Path, and leaves everything else, Sender included, as it came. Pure. */
#ifndef SENDOFF_RELAY_MIME_HEADER_FIXUP_H
#define SENDOFF_RELAY_MIME_HEADER_FIXUP_H

#include "base/bytes.h"
#include "base/refusal.h"
#include "base/result.h"

#include <stdint.h>

#define HOPS_MAX 50 /* Received fields before we call it a loop (RFC 5321 6.3) */
#define HEADER_MAX (256 * 1024)

struct header_fixup {
  /* in */
  const char *hostname, *id_text;
  int64_t now_us;
  bool accept_8bit; /* raw 8-bit octets in the header are let pass (the account says so) */
  bool accept_utf8; /* UTF-8 in the header is let pass (MAIL said SMTPUTF8) */
  /* out; buffers are initialised by the caller and freed by it, also on refusal */
  struct buffer *added;   /* fields to put before the header */
  struct buffer *kept;    /* the header without what had to go, and without the empty line */
  struct bytes from;      /* the From field's value, within `block` */
  bool sender;            /* there is a Sender field */
  char message_id[256];   /* with its angle brackets, for the log */
  bool own_message_id;    /* the message had none */
  bool eight_bit;         /* octets over 127 in the header */
  bool utf8;              /* they are UTF-8, and SMTPUTF8 was asked for: the next hop must offer it (RFC 6531 3.4) */
  struct refusal refusal; /* why not, when the result is E_DENIED; zeroed by the caller */
};

/* `block` is the header without the empty line. OK; E_DENIED with `refusal`; E_MEMORY. */
int header_fixup_apply(struct bytes block, struct header_fixup *h);

#endif
