#include "base/clock.h"
#include "base/id.h"
#include "relay/delivery/outcome/dsn_parts.h"

static const char *host_of(const struct dsn_input *in) {
  return in->host && in->host[0] ? in->host : "the next hop";
}

/* The part is encoded where it must be, so the host's text stays as it is. */
static int add_reason(struct buffer *out, const struct dsn_input *in, const struct dsn_recipient *r) {
  const struct ruling *u = r->ruling;
  int rc;
  if (u->kind == EVENT_EXPIRED)
    rc = buffer_addf(out, "  could not be delivered in time:\r\n    ");
  else if (r->action == DSN_RELAYED)
    rc = buffer_addf(out, "  was taken by %s, which said:\r\n    %d %s ", host_of(in), u->code, u->enhanced);
  else if (r->action == DSN_DELAYED && u->remote)
    rc = buffer_addf(out, "  was put off by %s, which said:\r\n    %d %s ", host_of(in), u->code, u->enhanced);
  else if (r->action == DSN_DELAYED)
    rc = buffer_addf(out, "  cannot be delivered yet (%d %s):\r\n    ", u->code, u->enhanced);
  else if (u->remote)
    rc = buffer_addf(out, "  was refused by %s, which said:\r\n    %d %s ", host_of(in), u->code, u->enhanced);
  else
    rc = buffer_addf(out, "  cannot be delivered (%d %s):\r\n    ", u->code, u->enhanced);
  return rc == OK ? dsn_add_folded(out, u->text, "    ", 16, true) : rc;
}

static int add_heading(struct buffer *out, const struct dsn_input *in, enum dsn_action action, size_t count) {
  char until[40];
  const char *who = count == 1 ? "the recipient" : "the recipients";
  clock_format_rfc5322(in->expires_us, until, sizeof until);
  if (action == DSN_FAILED)
    return buffer_addf(out, "It could not be delivered to %s below, and will not be tried again.\r\n\r\n", who);
  if (action == DSN_DELAYED)
    return buffer_addf(out,
                       "It has not been delivered to %s below so far. You need not send it again:\r\n"
                       "the gateway goes on trying until %s.\r\n\r\n",
                       who, until);
  return buffer_addf(out,
                     "It was handed on for %s below. Whether it arrives there is not known\r\n"
                     "here: you may or may not hear of it from the system that has it now.\r\n\r\n",
                     who);
}

static int add_section(struct buffer *out, const struct dsn_input *in, enum dsn_action action) {
  size_t count = 0;
  for (size_t i = 0; i < in->recipient_count; i++) count += in->recipients[i].action == action;
  if (!count) return OK;
  int rc = add_heading(out, in, action, count);
  for (size_t i = 0; i < in->recipient_count && rc == OK; i++) {
    if (in->recipients[i].action != action) continue;
    rc = buffer_addf(out, "<%s>\r\n", in->recipients[i].to->address);
    if (rc == OK) rc = add_reason(out, in, &in->recipients[i]);
    if (rc == OK) rc = buffer_add(out, "\r\n", 2);
  }
  return rc;
}

static int add_deadline(struct buffer *out, const struct dsn_input *in) {
  char moment[40];
  if (!in->deliver_by_us) return OK;
  clock_format_rfc5322(in->deliver_by_us, moment, sizeof moment);
  return buffer_addf(out, "It was to be delivered by %s.\r\n\r\n", moment);
}

int dsn_add_text(const struct dsn_input *in, struct buffer *out) {
  char arrived[40], id[ID_TEXT];
  clock_format_rfc5322(in->arrived_us, arrived, sizeof arrived);
  id_format(in->message_id, id);
  int rc = buffer_addf(out, "This is the mail gateway %s, about your message of\r\n%s.\r\n\r\n", in->hostname, arrived);
  if (rc == OK) rc = add_deadline(out, in);
  if (rc == OK) rc = add_section(out, in, DSN_FAILED);
  if (rc == OK) rc = add_section(out, in, DSN_DELAYED);
  if (rc == OK) rc = add_section(out, in, DSN_RELAYED);
  const char *attached = in->whole_rest.len || in->whole_head.len ? "The message is attached. "
                         : in->header.len                         ? "The header of the message is attached. "
                                                                  : "";
  return rc == OK ? buffer_addf(out, "%sThe gateway's number for it is %s.\r\n", attached, id) : rc;
}
