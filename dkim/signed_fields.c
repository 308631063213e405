#include "dkim/signed_fields.h"

#define NAME(text) ((const unsigned char *)(text))

/* RFC 6376 5.4.1, and what later standards added that a forger could misuse. Never those that are added or changed on
 * the way: Return-Path, Received, Delivered-To, Bcc, Authentication-Results. */
const unsigned char *const signed_fields[] = {
    /* RFC 6376 5.4.1: what a message is, who it is from, which it answers. */
    NAME("from"), NAME("reply-to"), NAME("subject"), NAME("date"), NAME("to"), NAME("cc"), NAME("sender"),
    NAME("message-id"), NAME("in-reply-to"), NAME("references"), NAME("resent-date"), NAME("resent-from"),
    NAME("resent-sender"), NAME("resent-to"), NAME("resent-cc"), NAME("resent-message-id"),
    /* How its content is read (RFC 6376 5.4.1: what affects the display); that it is a reaction (RFC 9078 2). */
    NAME("mime-version"), NAME("content-type"), NAME("content-transfer-encoding"), NAME("content-id"),
    NAME("content-description"), NAME("content-disposition"),
    /* What a list's reader is offered (RFC 2369, RFC 2919). RFC 8058 4: one-click unsubscription must be covered. */
    NAME("list-id"), NAME("list-help"), NAME("list-unsubscribe"), NAME("list-unsubscribe-post"), NAME("list-subscribe"),
    NAME("list-post"), NAME("list-owner"), NAME("list-archive"),
    /* Who complaints are counted against, and where they go: RFC 9477 3.1.4 wants both covered. */
    NAME("feedback-id"), NAME("cfbl-address"), NAME("cfbl-feedback-id"),
    /* RFC 3834 5: what nobody should answer. */
    NAME("auto-submitted"), NULL};

const unsigned char *const oversigned_fields[] = {NAME("from"), NULL};

bool field_is_signed(struct bytes field) {
  size_t colon = bytes_find(field, ':', 0);
  struct bytes name = bytes_trim((struct bytes){field.at, colon});
  for (size_t i = 0; signed_fields[i]; i++)
    if (bytes_equal_nocase(name, bytes_of((const char *)signed_fields[i]))) return true;
  return false;
}
