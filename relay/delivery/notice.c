#include "relay/delivery/notice.h"

#include "base/clock.h"
#include "base/id.h"
#include "base/log.h"
#include "relay/delivery/dsn.h"
#include "relay/signing.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool failed(const struct ruling *r) {
  return r->kind == EVENT_BOUNCED || r->kind == EVENT_EXPIRED;
}

bool notice_wanted(const struct job *j, const struct ruling *rulings) {
  if (j->flags & MESSAGE_IS_DSN || !j->reverse_path[0]) return false;
  for (size_t i = 0; i < j->recipient_count; i++)
    if (failed(&rulings[i])) return true;
  return false;
}

/* What routing goes by (store/records.h). */
static int route_domain(const char *reverse_path, char out[DOMAIN_MAX + 3], bool *utf8) {
  struct address a;
  if (address_parse(bytes_of(reverse_path), &a) != OK || !a.domain.len) return E_SYNTAX;
  *utf8 = a.utf8;
  if (a.literal) return bytes_copy(a.domain, out, DOMAIN_MAX + 3) ? OK : E_TOO_BIG;
  return domain_normalize(a.domain, out);
}

static int write_body(struct loop *loop, const struct job *j, const struct ruling *rulings, const char *host,
                      const struct content *content, struct notice *n) {
  struct dsn_recipient *recipients = calloc(j->recipient_count, sizeof *recipients);
  struct buffer header;
  buffer_init(&header, 2 * DSN_HEADER_MAX);
  int rc = recipients ? OK : E_MEMORY;
  if (rc == OK && content) rc = dsn_header(buffer_bytes(&content->prefix), buffer_bytes(&content->body), &header);
  struct dsn_input in = {
      .hostname = loop->gateway->config->hostname,
      .reverse_path = j->reverse_path,
      .host = host,
      .id = n->message.envelope.id,
      .message_id = j->message_id,
      .arrived_us = j->created_us,
      .now_us = clock_now_us(),
      .recipients = recipients,
      .header = buffer_bytes(&header),
  };
  for (size_t i = 0; rc == OK && i < j->recipient_count; i++)
    if (failed(&rulings[i]))
      recipients[in.recipient_count++] = (struct dsn_recipient){j->recipients[i].address, &rulings[i]};
  if (rc == OK) rc = dsn_build(&in, &n->body);
  buffer_free(&header);
  free(recipients);
  return rc;
}

static void fill_envelope(struct loop *loop, const struct job *j, bool utf8, struct notice *n) {
  int64_t now = clock_now_us();
  n->message.envelope = (struct message){
      .id = id_new(),
      .account = j->account,
      .pool = j->pool,
      .reverse_path = "",
      .flags = MESSAGE_IS_DSN | (utf8 ? MESSAGE_UTF8 | MESSAGE_8BIT : 0u),
      .created_us = now,
      .expires_us = now + loop->gateway->config->expire_us,
  };
  n->recipient = (struct new_recipient){.address = j->reverse_path, .domain = n->domain, .id = id_new()};
  n->message.recipients = &n->recipient;
  n->message.recipient_count = 1;
  n->message.first_attempt_us = now + DISPATCH_GRACE_US;
}

static void fill_event(const struct job *j, struct notice *n) {
  char id[ID_TEXT];
  id_format(j->message_id, id);
  snprintf(n->text, sizeof n->text, "failure notice for message %s", id);
  n->accepted = (struct event){
      .kind = EVENT_ACCEPTED,
      .message_id = n->message.envelope.id,
      .account = j->account,
      .from = "",
      .to = j->reverse_path,
      .text = n->text,
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

int notice_make(struct loop *loop, const struct job *j, const struct ruling *rulings, const char *host,
                const struct content *content, struct notice *n) {
  memset(n, 0, sizeof *n);
  buffer_init(&n->prefix, DSN_MAX);
  buffer_init(&n->body, DSN_MAX);
  bool utf8 = false;
  if (route_domain(j->reverse_path, n->domain, &utf8) != OK) {
    log_event(LOG_WARN_, NULL, "no notice", "reason", "the reverse-path cannot be written to", "from", j->reverse_path,
              NULL);
    return OK;
  }
  fill_envelope(loop, j, utf8, n);
  int rc = write_body(loop, j, rulings, host, content, n);
  if (rc != OK) {
    notice_free(n);
    return rc;
  }
  sign(loop, n);
  n->message.prefix = buffer_bytes(&n->prefix);
  n->message.content = buffer_bytes(&n->body);
  n->message.envelope.size = n->prefix.len + n->body.len;
  fill_event(j, n);
  n->made = true;
  return OK;
}

struct job *notice_job(struct notice *n) {
  struct job *j = job_new(&n->message.envelope, n->domain);
  if (!j) return NULL;
  struct queued_recipient one = {.id = n->recipient.id, .address = n->recipient.address};
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
