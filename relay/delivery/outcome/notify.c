#include "relay/delivery/outcome/notify.h"

bool notify_overdue(const struct notify_case *c) {
  return c->deliver_by_us && c->now_us >= c->deliver_by_us;
}

/* RFC 3461 5.2.6: without NOTIFY, as with FAILURE. */
static bool wants_failure(unsigned recipient) {
  return !(recipient & (NOTIFY_SUCCESS | NOTIFY_DELAY)) || recipient & NOTIFY_FAILURE;
}

/* RFC 3461 5.2.5: only with DELAY, or, if the MTA likes, without NOTIFY. We send one to those who asked. */
static bool wants_delay(unsigned recipient) {
  return recipient & NOTIFY_DELAY;
}

static int64_t delay_moment(const struct notify_case *c) {
  return c->delay_notice_us ? c->since_us + c->delay_notice_us : INT64_MAX;
}

/* From here on no notice comes from anybody else, or its sender wants to follow its way:
 * RFC 3461 5.2.2 (b); RFC 2852 4.1.4.2, by-mode N to a host that does not know of it; and its trace. */
static bool relayed(const struct notify_case *c) {
  if (c->recipient & NOTIFY_SUCCESS && !c->host_dsn) return true;
  if (c->message & MESSAGE_BY_NOTIFY && !c->host_deliver_by) return true;
  return c->message & MESSAGE_BY_TRACE;
}

static bool delayed(const struct notify_case *c) {
  if (c->recipient & NOTIFY_DELAY_SENT) return false; /* once */
  if (c->message & MESSAGE_BY_NOTIFY && notify_overdue(c)) return true;
  return wants_delay(c->recipient) && c->now_us >= delay_moment(c);
}

enum dsn_action notify_action(const struct notify_case *c) {
  if (c->recipient & NOTIFY_NEVER) return DSN_NONE;
  switch (c->kind) {
  case EVENT_BOUNCED:
  case EVENT_EXPIRED: return wants_failure(c->recipient) ? DSN_FAILED : DSN_NONE;
  case EVENT_DELIVERED: return relayed(c) ? DSN_RELAYED : DSN_NONE;
  case EVENT_DEFERRED: return delayed(c) ? DSN_DELAYED : DSN_NONE;
  default: return DSN_NONE;
  }
}

static int64_t earlier(int64_t moment, int64_t other, int64_t now) {
  return other > now && other < moment ? other : moment;
}

int64_t notify_moment(const struct notify_case *c) {
  bool may_notify = !(c->recipient & (NOTIFY_NEVER | NOTIFY_DELAY_SENT));
  int64_t moment = INT64_MAX;
  if (c->message & MESSAGE_BY_RETURN || (c->message & MESSAGE_BY_NOTIFY && may_notify))
    moment = earlier(moment, c->deliver_by_us, c->now_us);
  if (may_notify && wants_delay(c->recipient)) moment = earlier(moment, delay_moment(c), c->now_us);
  return moment;
}
