#include "relay/delivery/job.h"

#include "base/clock.h"
#include "base/result.h"
#include "base/text/text.h"

#include <stdlib.h>
#include <string.h>

struct job *job_new(const struct envelope *e, const char *domain) {
  struct job *j = calloc(1, sizeof *j);
  if (!j) return NULL;
  j->retry_us = INT64_MAX;
  j->clock_us = clock_jumps_us();
  j->domain = strdup(domain);
  if (envelope_copy(&j->envelope, e) != OK || !j->domain) job_free(&j);
  return j;
}

int64_t job_deadline(const struct job *j) {
  return envelope_deadline(&j->envelope);
}

void job_follow_clock(struct job *j) {
  int64_t jumps = clock_jumps_us(), by = jumps - j->clock_us;
  j->clock_us = jumps;
  j->envelope.created_us += by;
  j->envelope.expires_us += by;
  if (j->envelope.deliver_by_us) j->envelope.deliver_by_us += by;
}

static bool printable(const char *text) {
  return !text || text_has_no_controls(text);
}

/* All that goes into a command. */
static bool may_be_said(const struct envelope *e, const struct recipient *r) {
  return printable(e->reverse_path) && printable(e->envid) && printable(r->address) && printable(r->orcpt);
}

static int grow(struct job *j) {
  if (j->recipient_count < j->recipient_room) return OK;
  size_t room = j->recipient_room ? 2 * j->recipient_room : 1;
  struct queued_recipient *more = realloc(j->recipients, room * sizeof *more);
  if (!more) return E_MEMORY;
  j->recipients = more;
  j->recipient_room = room;
  return OK;
}

int job_add_recipient(struct job *j, const struct queued_recipient *r) {
  struct queued_recipient from = *r;
  if (!may_be_said(&j->envelope, &r->to)) return E_SYNTAX;
  bool explained = r->last && *r->last;
  bool told = j->envelope.flags & MESSAGE_BY_RETURN || r->state == RECIPIENT_RETURNING;
  if (!told) from.last = NULL; /* the notice of those has it */
  from.site = NULL;
  if (grow(j) != OK || queued_recipient_copy(&j->recipients[j->recipient_count], &from) != OK) return E_MEMORY;
  j->explained = explained && (j->explained || !j->recipient_count);
  j->recipient_count++;
  return OK;
}

bool job_has_waited(const struct job *j) {
  for (size_t i = 0; i < j->recipient_count; i++)
    if (!j->recipients[i].attempts) return false;
  return true;
}

char **job_before(struct job *j, size_t index) {
  if (!j->before) j->before = calloc(j->recipient_count, sizeof *j->before);
  return j->before ? &j->before[index] : NULL;
}

static struct job *copy_without_recipients(const struct job *j) {
  struct job *copy = job_new(&j->envelope, j->domain);
  if (!copy) return NULL;
  copy->returned = j->returned;
  copy->queued_us = j->queued_us;
  copy->clock_us = j->clock_us;
  copy->generation = j->generation;
  copy->attempt_us = j->attempt_us;
  copy->put_off = j->put_off;
  copy->warmup = j->warmup;
  copy->explained = j->explained;
  copy->alone = j->alone;
  copy->site_key = j->site_key;
  copy->other_family = j->other_family;
  copy->again = j->again;
  copy->finish = j->finish;
  if (j->content) copy->content = content_hold(j->content);
  /* Room for all at once, so that moving them cannot fail half-way. */
  copy->recipients = malloc(j->recipient_count * sizeof *copy->recipients);
  copy->recipient_room = j->recipient_count;
  if (j->before) copy->before = calloc(j->recipient_count, sizeof *copy->before);
  if (!copy->recipients || (j->before && !copy->before)) job_free(&copy);
  return copy;
}

struct job *job_split(struct job *j, bool (*chosen)(void *arg, size_t index), void *arg) {
  struct job *part = copy_without_recipients(j);
  if (!part) return NULL;
  size_t kept = 0;
  for (size_t i = 0; i < j->recipient_count; i++) {
    bool moves = chosen(arg, i);
    struct job *to = moves ? part : j;
    size_t at = moves ? part->recipient_count++ : kept++;
    to->recipients[at] = j->recipients[i];
    if (j->before) to->before[at] = j->before[i];
  }
  j->recipient_count = kept;
  return part;
}

/* --- several domains --- */

const char *job_domain(const struct job *j, size_t index) {
  const char *domain = j->recipients[index].to.domain;
  return domain && *domain ? domain : j->domain;
}

bool job_has_domains(const struct job *j) {
  for (size_t i = 1; i < j->recipient_count; i++)
    if (strcmp(job_domain(j, i), job_domain(j, 0)) != 0) return true;
  return false;
}

/* Nothing has happened to it yet. */
static bool is_untouched(const struct job *j) {
  return !j->alone && !j->attempt_us && !j->put_off && !j->returned && !j->before && !j->probe;
}

bool job_may_join(const struct job *j, const struct job *other, size_t most) {
  if (j->envelope.id != other->envelope.id || !is_untouched(j) || !is_untouched(other)) return false;
  if (j->envelope.flags != other->envelope.flags || strcmp(j->envelope.pool, other->envelope.pool) != 0) return false;
  if (j->warmup != other->warmup) return false; /* each counts where it was taken from */
  return j->finish == other->finish && job_has_waited(j) == job_has_waited(other) && j->clock_us == other->clock_us &&
         j->recipient_count + other->recipient_count <= most;
}

bool job_join(struct job *j, struct job **other) {
  struct job *from = *other;
  size_t count = j->recipient_count + from->recipient_count;
  if (count > j->recipient_room) {
    struct queued_recipient *more = realloc(j->recipients, count * sizeof *more);
    if (!more) return false;
    j->recipients = more;
    j->recipient_room = count;
  }
  memcpy(&j->recipients[j->recipient_count], from->recipients, from->recipient_count * sizeof *from->recipients);
  j->recipient_count = count;
  j->explained = j->explained && from->explained;
  if (from->generation < j->generation) j->generation = from->generation;
  from->recipient_count = 0;
  if (!j->content) {
    j->content = from->content;
    from->content = NULL;
  }
  job_free(other);
  return true;
}

void job_finish(struct gateway *g, struct job *j, const struct job_result *result) {
  j->result = *result;
  if (j->finish)
    j->finish(g, j);
  else
    job_free(&j);
}

void job_free(struct job **j) {
  if (!*j) return;
  struct job *old = *j;
  *j = NULL;
  job_free(&old->result.notice);
  for (size_t i = 0; i < old->recipient_count; i++) queued_recipient_clear(&old->recipients[i]);
  for (size_t i = 0; old->before && i < old->recipient_count; i++) free(old->before[i]);
  free(old->before);
  free(old->recipients);
  envelope_clear(&old->envelope);
  free(old->domain);
  content_release(&old->content);
  free(old);
}
