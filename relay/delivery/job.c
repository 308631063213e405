#include "relay/delivery/queue/dispatch.h"

#include <stdlib.h>
#include <string.h>

struct job *job_new(const struct message *m, const char *domain) {
  struct job *j = calloc(1, sizeof *j);
  if (!j) return NULL;
  j->message_id = m->id;
  j->flags = m->flags;
  j->size = m->size;
  j->created_us = m->created_us;
  j->expires_us = m->expires_us;
  j->deliver_by_us = m->deliver_by_us;
  j->priority = m->priority;
  j->retry_us = INT64_MAX;
  j->account = strdup(m->account ? m->account : "");
  j->pool = strdup(m->pool ? m->pool : "");
  j->reverse_path = strdup(m->reverse_path ? m->reverse_path : "");
  j->envid = strdup(m->envid ? m->envid : "");
  j->domain = strdup(domain);
  if (!j->account || !j->pool || !j->reverse_path || !j->envid || !j->domain) job_free(&j);
  return j;
}

int64_t job_deadline(const struct job *j) {
  return j->flags & MESSAGE_BY_RETURN ? j->deliver_by_us : INT64_MAX;
}

static bool printable(const char *address) {
  for (const char *c = address; *c; c++)
    if ((unsigned char)*c < 0x20 || *c == 0x7f) return false;
  return true;
}

static int grow(struct job *j) {
  if (j->recipient_count < j->recipient_room) return OK;
  size_t room = j->recipient_room ? 2 * j->recipient_room : 1;
  struct job_recipient *more = realloc(j->recipients, room * sizeof *more);
  if (!more) return E_MEMORY;
  j->recipients = more;
  j->recipient_room = room;
  return OK;
}

void job_recipient_clear(struct job_recipient *r) {
  free(r->address);
  free(r->orcpt);
  free(r->last);
  *r = (struct job_recipient){0};
}

int job_add_recipient(struct job *j, const struct queued_recipient *r) {
  const char *orcpt = r->orcpt ? r->orcpt : "";
  if (!printable(r->address) || !printable(orcpt)) return E_SYNTAX;
  if (grow(j) != OK) return E_MEMORY;
  bool last = j->flags & MESSAGE_BY_RETURN; /* what its sender is told when the time is over */
  struct job_recipient copy = {.id = r->id,
                               .address = strdup(r->address),
                               .orcpt = strdup(orcpt),
                               .last = last ? strdup(r->last ? r->last : "") : NULL,
                               .attempts = r->attempts,
                               .notify = r->notify};
  if (!copy.address || !copy.orcpt || (last && !copy.last)) {
    job_recipient_clear(&copy);
    return E_MEMORY;
  }
  j->recipients[j->recipient_count++] = copy;
  return OK;
}

static struct job *copy_without_recipients(const struct job *j) {
  struct message m = {
      .id = j->message_id,
      .account = j->account,
      .pool = j->pool,
      .reverse_path = j->reverse_path,
      .envid = j->envid,
      .flags = j->flags,
      .priority = j->priority,
      .size = j->size,
      .created_us = j->created_us,
      .expires_us = j->expires_us,
      .deliver_by_us = j->deliver_by_us,
  };
  struct job *copy = job_new(&m, j->domain);
  if (!copy) return NULL;
  copy->returned = j->returned;
  copy->queued_us = j->queued_us;
  if (j->content) copy->content = content_hold(j->content);
  /* Room for all at once, so that moving them cannot fail half-way. */
  copy->recipients = malloc(j->recipient_count * sizeof *copy->recipients);
  copy->recipient_room = j->recipient_count;
  if (!copy->recipients) job_free(&copy);
  return copy;
}

struct job *job_split(struct job *j, bool (*chosen)(void *arg, size_t index), void *arg) {
  struct job *part = copy_without_recipients(j);
  if (!part) return NULL;
  size_t kept = 0;
  for (size_t i = 0; i < j->recipient_count; i++) {
    if (chosen(arg, i))
      part->recipients[part->recipient_count++] = j->recipients[i];
    else
      j->recipients[kept++] = j->recipients[i];
  }
  j->recipient_count = kept;
  return part;
}

void job_free(struct job **j) {
  if (!*j) return;
  struct job *old = *j;
  *j = NULL;
  for (size_t i = 0; i < old->recipient_count; i++) job_recipient_clear(&old->recipients[i]);
  free(old->recipients);
  free(old->account);
  free(old->pool);
  free(old->reverse_path);
  free(old->envid);
  free(old->domain);
  content_release(&old->content);
  free(old);
}
