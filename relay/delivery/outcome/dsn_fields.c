#include "base/clock.h"
#include "relay/delivery/outcome/dsn_parts.h"
#include "relay/smtp/xtext.h"

#include <string.h>

/* RFC 6533 3: with octets over 127, as itself where the whole notice is in UTF-8, else so that it stays ASCII. */
static int add_final_recipient(struct buffer *out, const struct dsn_input *in, const char *address) {
  if (dsn_ascii(address)) return buffer_addf(out, "Final-Recipient: rfc822; %s\r\n", address);
  int rc = buffer_addf(out, "Final-Recipient: utf-8; ");
  if (rc == OK)
    rc = in->utf8 ? buffer_add_bytes(out, bytes_of(address)) : utf8_addr_encode(bytes_of(address), false, out);
  return rc == OK ? buffer_add(out, "\r\n", 2) : rc;
}

/* RFC 3461 6.3 (c): exactly when ORCPT came, and then what it said. */
static int add_original_recipient(struct buffer *out, const struct dsn_input *in, const char *orcpt) {
  if (!orcpt || !orcpt[0]) return OK;
  struct bytes text = bytes_of(orcpt);
  size_t semicolon = bytes_find(text, ';', 0);
  struct bytes type = {text.at, semicolon}, address = bytes_from(text, semicolon + 1);
  int rc = buffer_addf(out, "Original-Recipient: %.*s; ", (int)type.len, type.at);
  if (rc != OK) return rc;
  if (!bytes_equal_nocase(type, BYTES("utf-8")))
    rc = xtext_decode(address, out);
  else
    rc = in->utf8 ? buffer_add_bytes(out, address) : utf8_addr_to_ascii(address, out);
  return rc == OK ? buffer_add(out, "\r\n", 2) : rc;
}

/* RFC 3464 2.3.4: the class of the code goes with the action. RFC 3463 3.5: X.4.7 is for what is too late. */
static int add_action(struct buffer *out, const struct dsn_recipient *r) {
  static const char *const names[] = {[DSN_RELAYED] = "relayed", [DSN_DELAYED] = "delayed", [DSN_FAILED] = "failed"};
  const char *status = r->ruling->enhanced;
  int rc = buffer_addf(out, "Action: %s\r\n", names[r->action]);
  if (rc != OK) return rc;
  if (r->action == DSN_DELAYED && r->overdue) return buffer_addf(out, "Status: 4.4.7\r\n");
  if (r->action == DSN_DELAYED) return buffer_addf(out, "Status: 4%s\r\n", status + strcspn(status, "."));
  return buffer_addf(out, "Status: %s\r\n", status);
}

static int add_remote_mta(struct buffer *out, const struct dsn_input *in) {
  const char *address = in->host ? strrchr(in->host, '[') : NULL;
  if (!address || address == in->host) return OK;
  return buffer_addf(out, "Remote-MTA: dns; %.*s\r\n", (int)(address - in->host), in->host);
}

/* RFC 3464 2.3.6: the reason of a failure or delay; "smtp" is for the text of an SMTP server, which may be in UTF-8
 * (RFC 6531 3.7.4.2) and then stays so where the report is (RFC 6533 3). */
static int add_diagnostic(struct buffer *out, const struct dsn_input *in, const struct ruling *r) {
  bool smtp = r->remote && r->kind != EVENT_EXPIRED;
  int rc = smtp ? buffer_addf(out, "Diagnostic-Code: smtp; %d %s ", r->code, r->enhanced)
                : buffer_addf(out, "Diagnostic-Code: x-sendoff; ");
  return rc == OK ? dsn_add_folded(out, r->text, " ", 36, in->utf8) : rc;
}

static int add_moment(struct buffer *out, const char *name, int64_t us) {
  char text[40];
  clock_format_rfc5322(us, text, sizeof text);
  return buffer_addf(out, "%s: %s\r\n", name, text);
}

static int add_recipient(struct buffer *out, const struct dsn_input *in, const struct dsn_recipient *r) {
  int rc = add_original_recipient(out, in, r->to->orcpt);
  if (rc == OK) rc = add_final_recipient(out, in, r->to->address);
  if (rc == OK) rc = add_action(out, r);
  if (rc == OK && r->ruling->remote) rc = add_remote_mta(out, in);
  if (rc == OK && r->action != DSN_RELAYED) rc = add_diagnostic(out, in, r->ruling);
  if (rc == OK) rc = add_moment(out, "Last-Attempt-Date", in->now_us);
  if (rc == OK && r->action == DSN_DELAYED) rc = add_moment(out, "Will-Retry-Until", in->expires_us);
  return rc == OK ? buffer_add(out, "\r\n", 2) : rc;
}

int dsn_add_fields(const struct dsn_input *in, struct buffer *out) {
  int rc = OK;
  if (in->envid && in->envid[0]) { /* RFC 3461 6.3 (a) */
    rc = buffer_addf(out, "Original-Envelope-Id: ");
    if (rc == OK) rc = xtext_decode(bytes_of(in->envid), out);
    if (rc == OK) rc = buffer_add(out, "\r\n", 2);
  }
  if (rc == OK) rc = buffer_addf(out, "Reporting-MTA: dns; %s\r\n", in->hostname);
  if (rc == OK) rc = add_moment(out, "Arrival-Date", in->arrived_us);
  if (rc == OK && in->deliver_by_us) rc = add_moment(out, "Deliver-By-Date", in->deliver_by_us); /* RFC 2852 */
  if (rc == OK) rc = buffer_add(out, "\r\n", 2);
  for (size_t i = 0; i < in->recipient_count && rc == OK; i++) rc = add_recipient(out, in, &in->recipients[i]);
  return rc;
}
