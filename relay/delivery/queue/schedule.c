#include "relay/delivery/queue/schedule.h"

#include "relay/delivery/queue/in_flight.h"

#include <stdlib.h>
#include <string.h>

void schedule_init(struct schedule *s) {
  memset(s, 0, sizeof *s);
}

/* --- the heap --- */

int64_t schedule_moment(const struct queue_domain *domain) {
  int64_t moment = domain->due_us > domain->paused_us ? domain->due_us : domain->paused_us;
  return domain->deadline_count && domain->deadlines[0] < moment ? domain->deadlines[0] : moment;
}

static void place(struct schedule *s, size_t at, struct queue_domain *domain) {
  s->heap[at] = domain;
  domain->heap_at = at + 1;
}

static void sift_up(struct schedule *s, size_t at) {
  struct queue_domain *domain = s->heap[at];
  while (at) {
    size_t parent = (at - 1) / 2;
    if (schedule_moment(s->heap[parent]) <= schedule_moment(domain)) break;
    place(s, at, s->heap[parent]);
    at = parent;
  }
  place(s, at, domain);
}

static void sift_down(struct schedule *s, size_t at) {
  struct queue_domain *domain = s->heap[at];
  for (;;) {
    size_t child = 2 * at + 1;
    if (child >= s->heap_count) break;
    if (child + 1 < s->heap_count && schedule_moment(s->heap[child + 1]) < schedule_moment(s->heap[child])) child++;
    if (schedule_moment(domain) <= schedule_moment(s->heap[child])) break;
    place(s, at, s->heap[child]);
    at = child;
  }
  place(s, at, domain);
}

static void heap_remove(struct schedule *s, struct queue_domain *domain) {
  if (!domain->heap_at) return;
  size_t at = domain->heap_at - 1;
  domain->heap_at = 0;
  struct queue_domain *last = s->heap[--s->heap_count];
  if (last == domain) return;
  place(s, at, last);
  sift_up(s, at);
  sift_down(s, last->heap_at - 1);
}

static bool heap_reserve(struct schedule *s, size_t count) {
  if (count <= s->heap_room) return true;
  size_t room = s->heap_room ? 2 * s->heap_room : 64;
  struct queue_domain **heap = realloc(s->heap, room * sizeof(struct queue_domain *));
  if (!heap) return false;
  s->heap = heap;
  s->heap_room = room;
  return true;
}

/* In the heap exactly when there is a moment to wait for, and it is not being read. Each domain has its room from the
 * start, so this cannot fail. */
static void heap_update(struct schedule *s, struct queue_domain *domain) {
  bool wanted = schedule_moment(domain) != INT64_MAX && !domain->reading;
  if (!wanted) {
    heap_remove(s, domain);
    return;
  }
  if (!domain->heap_at) place(s, s->heap_count++, domain);
  sift_up(s, domain->heap_at - 1);
  sift_down(s, domain->heap_at - 1);
}

/* --- domains --- */

struct queue_domain *schedule_find(struct schedule *s, const char *name) {
  struct queue_domain *domain = NULL;
  HASH_FIND_STR(s->table, name, domain);
  return domain;
}

static struct queue_domain *domain_new(struct schedule *s, const char *name) {
  if (HASH_COUNT(s->table) >= SCHEDULE_DOMAINS_MAX || !heap_reserve(s, HASH_COUNT(s->table) + 1)) return NULL;
  struct queue_domain *domain = calloc(1, sizeof *domain);
  if (!domain) return NULL;
  domain->due_us = INT64_MAX;
  domain->name = strdup(name);
  if (domain->name) HASH_ADD_KEYPTR(hh, s->table, domain->name, strlen(domain->name), domain);
  if (domain->name && domain->hh.tbl) return domain;
  free(domain->name);
  free(domain);
  return NULL;
}

struct queue_domain *schedule_get(struct schedule *s, const char *name) {
  struct queue_domain *domain = schedule_find(s, name);
  if (!domain) domain = domain_new(s, name);
  if (!domain) s->overflow = true;
  return domain;
}

void schedule_due(struct schedule *s, struct queue_domain *domain, int64_t due_us) {
  if (due_us >= domain->due_us) return;
  domain->due_us = due_us;
  heap_update(s, domain);
}

void schedule_pause(struct schedule *s, struct queue_domain *domain, int64_t until_us) {
  domain->paused_us = until_us;
  heap_update(s, domain);
}

void schedule_deadline(struct schedule *s, struct queue_domain *domain, int64_t deadline_us) {
  size_t at = domain->deadline_count;
  if (deadline_us == INT64_MAX) return;
  while (at && domain->deadlines[at - 1] > deadline_us) at--;
  if (at == DOMAIN_DEADLINES_MAX || (at && domain->deadlines[at - 1] == deadline_us)) return;
  if (domain->deadline_count < DOMAIN_DEADLINES_MAX) domain->deadline_count++;
  memmove(&domain->deadlines[at + 1], &domain->deadlines[at],
          (domain->deadline_count - 1 - at) * sizeof domain->deadlines[0]);
  domain->deadlines[at] = deadline_us;
  heap_update(s, domain);
}

/* The order stays, so the heap does. */
void schedule_shift(struct schedule *s, int64_t by_us) {
  for (struct queue_domain *domain = s->table; domain; domain = domain->hh.next) {
    if (domain->due_us != INT64_MAX) domain->due_us += by_us;
    if (domain->paused_us) domain->paused_us += by_us;
    for (size_t i = 0; i < domain->deadline_count; i++) domain->deadlines[i] += by_us;
  }
}

static void domain_free(struct schedule *s, struct queue_domain *domain) {
  heap_remove(s, domain);
  HASH_DEL(s->table, domain);
  free(domain->name);
  free(domain);
}

void schedule_tidy(struct schedule *s, struct queue_domain *domain) {
  if (domain->in_flight || domain->reading || domain->more || domain->due_us != INT64_MAX || domain->deadline_count)
    return;
  domain_free(s, domain);
}

size_t schedule_room(const struct schedule *s, const struct queue_domain *domain) {
  if (s->in_flight >= SCHEDULE_RECIPIENTS_MAX) return 0;
  size_t most = (SCHEDULE_RECIPIENTS_MAX - s->in_flight + 1) / 2;
  if (most > DOMAIN_IN_FLIGHT_MAX) most = DOMAIN_IN_FLIGHT_MAX;
  return most > domain->in_flight ? most - domain->in_flight : 0;
}

struct queue_domain *schedule_first(const struct schedule *s) {
  return s->heap_count ? s->heap[0] : NULL;
}

void schedule_begin_read(struct schedule *s, struct queue_domain *domain, int64_t now_us) {
  size_t past = 0;
  while (past < domain->deadline_count && domain->deadlines[past] <= now_us) past++;
  domain->deadline_count -= past;
  memmove(domain->deadlines, &domain->deadlines[past], domain->deadline_count * sizeof domain->deadlines[0]);
  domain->reading = true;
  domain->more = false;
  domain->due_us = INT64_MAX;
  heap_update(s, domain);
}

void schedule_end_read(struct schedule *s, struct queue_domain *domain) {
  domain->reading = false;
  heap_update(s, domain);
}

void schedule_free(struct schedule *s) {
  in_flight_free(s);
  struct queue_domain *domain, *next;
  for (domain = s->table; domain; domain = next) {
    next = domain->hh.next;
    domain_free(s, domain);
  }
  free(s->heap);
  schedule_init(s);
}
