#include "relay/delivery/outcome/notice.h"

#include "base/clock.h"
#include "base/id.h"
#include "base/log.h"
#include "relay/delivery/outcome/dsn.h"
#include "relay/message/signing.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- which notices are due --- */

/* The time that a message was held back by its sender (RFC 4865) is no delay. */
static int64_t since(const struct config *config, const struct job *j) {
  int64_t released = j->envelope.expires_us - config->expire_us;
  return released > j->envelope.created_us ? released : j->envelope.created_us;
}

static struct notify_case case_of(const struct config *config, const struct job *j, size_t index,
                                  const struct ruling *r, int64_t now_us) {
  return (struct notify_case){.message = j->envelope.flags,
                              .recipient = j->recipients[index].to.notify,
                              .kind = r->kind,
                              .host_dsn = r->host_dsn,
                              .host_deliver_by = r->host_deliver_by,
                              .since_us = since(config, j),
                              .deliver_by_us = j->envelope.deliver_by_us,
                              .delay_notice_us = config->delay_notice_us,
                              .now_us = now_us};
}

/* RFC 5321 4.5.5, RFC 3464 2: no notice about a notice, none to the null reverse-path. */
static bool has_sender(const struct job *j) {
  return !(j->envelope.flags & MESSAGE_IS_DSN) && j->envelope.reverse_path[0];
}

void notice_plan(const struct config *config, const struct job *j, const struct ruling *rulings, int64_t now_us,
                 enum dsn_action *actions) {
  for (size_t i = 0; i < j->recipient_count; i++) {
    struct notify_case c = case_of(config, j, i, &rulings[i], now_us);
    actions[i] = has_sender(j) && !rulings[i].dropped ? notify_action(&c) : DSN_NONE;
  }
}

bool notice_wanted(const struct job *j, const enum dsn_action *actions) {
  for (size_t i = 0; i < j->recipient_count; i++)
    if (actions[i] != DSN_NONE) return true;
  return false;
}

/* RFC 3461 4.3: RET speaks of failures only. RFC 8689 5: never the whole of a message that required TLS. */
enum load_what notice_needs(const struct job *j, const enum dsn_action *actions) {
  bool may = j->envelope.flags & MESSAGE_RET_FULL && !(j->envelope.flags & MESSAGE_REQUIRE_TLS) &&
             j->envelope.size <= LOAD_WHOLE_MAX;
  for (size_t i = 0; may && i < j->recipient_count; i++)
    if (actions[i] == DSN_FAILED) return LOAD_WHOLE;
  return LOAD_HEADER;
}

bool notice_is_due(const struct config *config, const struct job *j, size_t index, int64_t now_us) {
  struct notify_case c = case_of(config, j, index, &(struct ruling){.kind = EVENT_DEFERRED}, now_us);
  return has_sender(j) && notify_action(&c) != DSN_NONE;
}

int64_t notice_moment(const struct config *config, const struct job *j, size_t index, const struct ruling *r,
                      int64_t now_us) {
  struct notify_case c = case_of(config, j, index, r, now_us);
  if (!has_sender(j)) c.recipient |= NOTIFY_NEVER;
  return notify_moment(&c);
}

/* --- where it goes --- */

/* The To field is in UTF-8 only when it must be: a domain is written in A-labels (RFC 5891), so that the notice can go
 * where SMTPUTF8 is not known. */
static int address_notice(const char *reverse_path, struct notice *n) {
  struct address a;
  char domain[DOMAIN_MAX + 1];
  if (address_parse(bytes_of(reverse_path), &a) != OK || !a.domain.len) return E_SYNTAX;
  bytes_copy(a.whole, n->to, sizeof n->to);
  if (a.literal) return bytes_copy(a.domain, n->domain, sizeof n->domain) ? OK : E_TOO_BIG;
  int rc = domain_normalize(a.domain, domain);
  if (rc != OK) return rc;
  bytes_copy(bytes_of(domain), n->domain, sizeof n->domain);
  for (size_t i = 0; i < a.local.len; i++) n->utf8 |= (unsigned char)a.local.at[i] >= 0x80;
  if (a.utf8 && !n->utf8) snprintf(n->to, sizeof n->to, "%.*s@%s", (int)a.local.len, a.local.at, domain);
  return OK;
}

/* --- the message --- */

static size_t list_recipients(const struct job *j, const struct ruling *rulings, const enum dsn_action *actions,
                              int64_t now_us, struct dsn_recipient *out) {
  bool overdue = j->envelope.flags & MESSAGE_BY_NOTIFY && now_us >= j->envelope.deliver_by_us;
  size_t count = 0;
  for (size_t i = 0; i < j->recipient_count; i++)
    if (actions[i] != DSN_NONE)
      out[count++] = (struct dsn_recipient){
          .to = &j->recipients[i].to, .ruling = &rulings[i], .action = actions[i], .overdue = overdue};
  return count;
}

static int write_body(struct loop *loop, const struct job *j, const struct dsn_recipient *recipients, size_t count,
                      const char *host, const struct content *content, struct notice *n) {
  struct buffer header;
  buffer_init(&header, 2 * LOAD_HEADER_MAX);
  int rc = content ? dsn_header(buffer_bytes(&content->prefix), buffer_bytes(&content->body), &header) : OK;
  struct dsn_input in = {
      .hostname = loop->gateway->config->hostname,
      .to = n->to,
      .host = host,
      .envid = j->envelope.envid,
      .id = n->message.envelope.id,
      .message_id = j->envelope.id,
      .arrived_us = j->envelope.created_us,
      .expires_us = j->envelope.expires_us,
      .deliver_by_us = j->envelope.deliver_by_us,
      .now_us = clock_now_us(),
      .recipients = recipients,
      .recipient_count = count,
      .header = buffer_bytes(&header),
      .original_utf8 = j->envelope.flags & MESSAGE_UTF8,
      .utf8 = n->utf8,
  };
  if (n->whole) in.whole_head = buffer_bytes(&content->prefix);
  if (n->whole) in.whole_rest = buffer_bytes(&content->body);
  if (rc == OK) rc = dsn_build(&in, &n->body);
  buffer_free(&header);
  return rc;
}

/* RFC 8689 5: a notice about a message that required TLS requires it, too. RFC 3461 6.1: no notice about a notice. Nor
 * does a notice leave of what never leaves. */
static unsigned flags_of(const struct job *j, const struct notice *n) {
  bool eight_bit = n->utf8 || (n->whole && j->envelope.flags & MESSAGE_8BIT);
  return MESSAGE_IS_DSN | (n->utf8 ? MESSAGE_UTF8 : 0u) | (eight_bit ? MESSAGE_8BIT : 0u) |
         (j->envelope.flags & (MESSAGE_REQUIRE_TLS | MESSAGE_SANDBOX));
}

static void fill_envelope(struct loop *loop, const struct job *j, struct notice *n) {
  int64_t now = clock_now_us();
  n->message.envelope = (struct envelope){
      .id = id_new(),
      .account = j->envelope.account,
      .pool = j->envelope.pool,
      .reverse_path = "",
      .flags = flags_of(j, n),
      .priority = j->envelope.priority,
      .created_us = now,
      .expires_us = now + loop->gateway->config->expire_us,
  };
  n->recipient = (struct recipient){
      .address = j->envelope.reverse_path, .domain = n->domain, .id = id_new(), .notify = NOTIFY_NEVER};
  n->message.recipients = &n->recipient;
  n->message.recipient_count = 1;
  n->message.first_attempt_us = now + DELIVERY_GRACE_US;
}

static void fill_event(const struct job *j, enum dsn_action action, struct notice *n) {
  static const char *const names[] = {[DSN_RELAYED] = "relay", [DSN_DELAYED] = "delay", [DSN_FAILED] = "failure"};
  char id[ID_TEXT];
  id_format(j->envelope.id, id);
  bool sandbox = j->envelope.flags & MESSAGE_SANDBOX;
  snprintf(n->text, sizeof n->text, "%s notice for message %s%s", names[action], id,
           sandbox ? "; sandbox: it is not sent" : "");
  n->accepted = (struct event){
      .kind = EVENT_ACCEPTED,
      .message_id = n->message.envelope.id,
      .account = j->envelope.account,
      .from = "",
      .to = j->envelope.reverse_path,
      .text = n->text,
      .numbers = sandbox ? NUMBER_SANDBOX "=1" : "",
      .count = 1,
  };
}

static void sign(struct loop *loop, struct notice *n) {
  if (!loop->signing) return;
  int rc = signing_sign_whole(loop, loop->gateway->config->hostname, buffer_bytes(&n->body), &n->prefix);
  if (rc == OK) return;
  log_event(LOG_WARN_, NULL, "notice not signed", "reason", result_text(rc), NULL);
  n->prefix.len = 0;
}

static int make(struct loop *loop, const struct job *j, const struct ruling *rulings, const enum dsn_action *actions,
                const char *host, const struct content *content, struct notice *n) {
  struct dsn_recipient *recipients = calloc(j->recipient_count, sizeof *recipients);
  if (!recipients) return E_MEMORY;
  size_t count = list_recipients(j, rulings, actions, clock_now_us(), recipients);
  fill_envelope(loop, j, n);
  fill_event(j, dsn_strongest(recipients, count), n);
  int rc = write_body(loop, j, recipients, count, host, content, n);
  free(recipients);
  return rc;
}

int notice_make(struct loop *loop, const struct job *j, const struct ruling *rulings, const enum dsn_action *actions,
                const char *host, const struct content *content, struct notice *n) {
  memset(n, 0, sizeof *n);
  buffer_init(&n->prefix, DSN_MAX);
  buffer_init(&n->body, DSN_MAX);
  if (address_notice(j->envelope.reverse_path, n) != OK) {
    log_event(LOG_WARN_, NULL, "no notice", "reason", "the reverse-path cannot be written to", "from",
              j->envelope.reverse_path, NULL);
    return OK;
  }
  n->whole = content && notice_needs(j, actions) == LOAD_WHOLE;
  int rc = make(loop, j, rulings, actions, host, content, n);
  if (rc != OK) {
    notice_free(n);
    return rc;
  }
  sign(loop, n);
  n->message.prefix = buffer_bytes(&n->prefix);
  n->message.content = buffer_bytes(&n->body);
  n->message.envelope.size = n->prefix.len + n->body.len;
  n->made = true;
  return OK;
}

struct job *notice_job(struct notice *n) {
  struct job *j = job_new(&n->message.envelope, n->domain);
  if (!j) return NULL;
  struct queued_recipient one = {.to = n->recipient};
  if (job_add_recipient(j, &one) != OK) {
    job_free(&j);
    return NULL;
  }
  j->content = content_new(&n->prefix, &n->body); /* NULL: read again from the store */
  return j;
}

void notice_free(struct notice *n) {
  n->made = false;
  buffer_free(&n->prefix);
  buffer_free(&n->body);
}
