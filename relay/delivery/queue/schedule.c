#include "relay/delivery/queue/schedule.h"

#include "relay/delivery/queue/in_flight.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void schedule_init(struct schedule *s) {
  memset(s, 0, sizeof *s);
}

/* --- the heap --- */

int64_t schedule_moment(const struct queue_lane *lane) {
  int64_t moment = lane->due_us > lane->domain->paused_us ? lane->due_us : lane->domain->paused_us;
  if (moment < lane->waits_us) moment = lane->waits_us;
  return lane->deadline_count && lane->deadlines[0] < moment ? lane->deadlines[0] : moment;
}

static void place(struct schedule *s, size_t at, struct queue_lane *lane) {
  s->heap[at] = lane;
  lane->heap_at = at + 1;
}

static void sift_up(struct schedule *s, size_t at) {
  struct queue_lane *lane = s->heap[at];
  while (at) {
    size_t parent = (at - 1) / 2;
    if (s->heap[parent]->moment_us <= lane->moment_us) break;
    place(s, at, s->heap[parent]);
    at = parent;
  }
  place(s, at, lane);
}

static void sift_down(struct schedule *s, size_t at) {
  struct queue_lane *lane = s->heap[at];
  for (;;) {
    size_t child = 2 * at + 1;
    if (child >= s->heap_count) break;
    if (child + 1 < s->heap_count && s->heap[child + 1]->moment_us < s->heap[child]->moment_us) child++;
    if (lane->moment_us <= s->heap[child]->moment_us) break;
    place(s, at, s->heap[child]);
    at = child;
  }
  place(s, at, lane);
}

static void heap_remove(struct schedule *s, struct queue_lane *lane) {
  if (!lane->heap_at) return;
  size_t at = lane->heap_at - 1;
  lane->heap_at = 0;
  struct queue_lane *last = s->heap[--s->heap_count];
  if (last == lane) return;
  place(s, at, last);
  sift_up(s, at);
  sift_down(s, last->heap_at - 1);
}

static bool heap_reserve(struct schedule *s, size_t count) {
  if (count <= s->heap_room) return true;
  size_t room = s->heap_room ? 2 * s->heap_room : 64;
  struct queue_lane **heap = realloc(s->heap, room * sizeof(struct queue_lane *));
  if (!heap) return false;
  s->heap = heap;
  s->heap_room = room;
  return true;
}

/* In the heap exactly when there is a moment to wait for, and it is not being read. Each lane has its room from
 * the start, so this cannot fail. */
static void heap_update(struct schedule *s, struct queue_lane *lane) {
  lane->moment_us = schedule_moment(lane);
  if (lane->moment_us == INT64_MAX || lane->reading) {
    heap_remove(s, lane);
    return;
  }
  if (!lane->heap_at) place(s, s->heap_count++, lane);
  sift_up(s, lane->heap_at - 1);
  sift_down(s, lane->heap_at - 1);
}

/* --- lanes --- */

struct queue_domain *schedule_find_domain(struct schedule *s, const char *name) {
  struct queue_domain *domain = NULL;
  HASH_FIND_STR(s->domains, name, domain);
  return domain;
}

struct queue_lane *schedule_find(struct schedule *s, const char *domain, const char *lane) {
  struct queue_domain *of = schedule_find_domain(s, domain);
  struct queue_lane *found = NULL;
  if (of) HASH_FIND_STR(of->lanes, lane, found);
  return found;
}

static struct queue_domain *domain_new(struct schedule *s, const char *name) {
  struct queue_domain *domain = calloc(1, sizeof *domain);
  if (!domain) return NULL;
  domain->name = strdup(name);
  if (domain->name) HASH_ADD_KEYPTR(hh, s->domains, domain->name, strlen(domain->name), domain);
  if (domain->name && domain->hh.tbl) return domain;
  free(domain->name);
  free(domain);
  return NULL;
}

static void domain_free(struct schedule *s, struct queue_domain *domain) {
  HASH_DEL(s->domains, domain);
  free(domain->name);
  free(domain);
}

static struct queue_owner *owner_get(struct schedule *s, const char *name) {
  struct queue_owner *owner = NULL;
  HASH_FIND_STR(s->owners, name, owner);
  if (owner || !(owner = calloc(1, sizeof *owner))) return owner;
  snprintf(owner->name, sizeof owner->name, "%s", name);
  HASH_ADD_STR(s->owners, name, owner);
  if (owner->hh.tbl) return owner;
  free(owner);
  return NULL;
}

static void owner_tidy(struct schedule *s, struct queue_owner *owner) {
  if (owner->lanes) return;
  HASH_DEL(s->owners, owner);
  free(owner);
}

static struct queue_lane *lane_new(struct queue_domain *domain, struct queue_owner *owner) {
  struct queue_lane *lane = calloc(1, sizeof *lane);
  if (!lane) return NULL;
  lane->domain = domain;
  lane->owner = owner;
  lane->due_us = INT64_MAX;
  memcpy(lane->name, owner->name, sizeof lane->name);
  HASH_ADD_STR(domain->lanes, name, lane);
  if (lane->hh.tbl) return lane;
  free(lane);
  return NULL;
}

static struct queue_lane *add(struct schedule *s, const char *name, const char *lane_name) {
  if (s->lane_count >= SCHEDULE_LANES_MAX || !heap_reserve(s, s->lane_count + 1)) return NULL;
  struct queue_domain *domain = schedule_find_domain(s, name);
  if (!domain && !(domain = domain_new(s, name))) return NULL;
  struct queue_owner *owner = owner_get(s, lane_name);
  struct queue_lane *lane = owner ? lane_new(domain, owner) : NULL;
  if (lane) {
    owner->lanes++;
    s->lane_count++;
    return lane;
  }
  if (owner) owner_tidy(s, owner);
  if (!domain->lanes) domain_free(s, domain);
  return NULL;
}

struct queue_lane *schedule_get(struct schedule *s, const char *domain, const char *name) {
  struct queue_lane *lane = schedule_find(s, domain, name);
  if (!lane) lane = add(s, domain, name);
  if (!lane) s->overflow = true;
  return lane;
}

static void lane_free(struct schedule *s, struct queue_lane *lane) {
  struct queue_domain *domain = lane->domain;
  heap_remove(s, lane);
  HASH_DEL(domain->lanes, lane);
  lane->owner->lanes--;
  s->lane_count--;
  owner_tidy(s, lane->owner);
  free(lane);
  if (!domain->lanes) domain_free(s, domain);
}

/* --- moments --- */

void schedule_due(struct schedule *s, struct queue_lane *lane, int64_t due_us) {
  if (due_us >= lane->due_us) return;
  lane->due_us = due_us;
  heap_update(s, lane);
}

void schedule_pause(struct schedule *s, struct queue_domain *domain, int64_t until_us) {
  domain->paused_us = until_us;
  for (struct queue_lane *lane = domain->lanes; lane; lane = lane->hh.next) heap_update(s, lane);
}

void schedule_wait(struct schedule *s, struct queue_lane *lane, int64_t until_us) {
  lane->waits_us = until_us;
  heap_update(s, lane);
}

void schedule_move_waits(struct schedule *s, int64_t from_us, int64_t to_us) {
  for (struct queue_domain *domain = s->domains; domain; domain = domain->hh.next)
    for (struct queue_lane *lane = domain->lanes; lane; lane = lane->hh.next)
      if (lane->waits_us == from_us) schedule_wait(s, lane, to_us);
}

static void release(struct schedule *s, struct queue_lane *lane, int64_t rows_us, int64_t now_us) {
  lane->over_us = rows_us;
  if (lane->due_us > now_us) lane->due_us = now_us;
  schedule_wait(s, lane, 0);
}

void schedule_release(struct schedule *s, uint64_t site_key, int64_t wait_us, int64_t rows_us, int64_t now_us) {
  for (struct queue_domain *domain = s->domains; domain; domain = domain->hh.next)
    for (struct queue_lane *lane = domain->lanes; lane; lane = lane->hh.next)
      if (lane->waits_us == wait_us || (lane->site_key == site_key && lane->due_us <= rows_us))
        release(s, lane, rows_us, now_us);
}

void schedule_deadline(struct schedule *s, struct queue_lane *lane, int64_t deadline_us) {
  size_t at = lane->deadline_count;
  if (deadline_us == INT64_MAX) return;
  while (at && lane->deadlines[at - 1] > deadline_us) at--;
  if (at == LANE_DEADLINES_MAX || (at && lane->deadlines[at - 1] == deadline_us)) return;
  if (lane->deadline_count < LANE_DEADLINES_MAX) lane->deadline_count++;
  memmove(&lane->deadlines[at + 1], &lane->deadlines[at], (lane->deadline_count - 1 - at) * sizeof lane->deadlines[0]);
  lane->deadlines[at] = deadline_us;
  heap_update(s, lane);
}

/* The order stays, so the heap does. */
void schedule_shift(struct schedule *s, int64_t by_us) {
  for (struct queue_domain *domain = s->domains; domain; domain = domain->hh.next) {
    if (domain->paused_us) domain->paused_us += by_us;
    for (struct queue_lane *lane = domain->lanes; lane; lane = lane->hh.next) {
      if (lane->due_us != INT64_MAX) lane->due_us += by_us;
      if (lane->waits_us) lane->waits_us += by_us;
      if (lane->over_us) lane->over_us += by_us;
      for (size_t i = 0; i < lane->deadline_count; i++) lane->deadlines[i] += by_us;
      lane->moment_us = schedule_moment(lane);
    }
  }
}

void schedule_tidy(struct schedule *s, struct queue_lane *lane) {
  if (lane->in_flight || lane->reading || lane->more || lane->due_us != INT64_MAX || lane->deadline_count) return;
  lane_free(s, lane);
}

/* --- room --- */

/* Of `all`, of which `used` is used and `own` one's own: so many quarters of what others leave, less one's own. */
static size_t quarters_for(size_t quarters, size_t all, size_t used, size_t own) {
  size_t others = used - own, most = all > others ? ((all - others) * quarters + 3) / 4 : 0;
  return most > own ? most - own : 0;
}

static size_t room_of_domain(const struct schedule *s, const struct queue_domain *domain) {
  if (s->in_flight >= SCHEDULE_RECIPIENTS_MAX) return 0;
  size_t most = (SCHEDULE_RECIPIENTS_MAX - s->in_flight + 1) / 2;
  if (most > DOMAIN_IN_FLIGHT_MAX) most = DOMAIN_IN_FLIGHT_MAX;
  return most > domain->in_flight ? most - domain->in_flight : 0;
}

size_t schedule_room(const struct schedule *s, const struct queue_lane *lane) {
  size_t room = room_of_domain(s, lane->domain);
  size_t of_lane = quarters_for(3, DOMAIN_IN_FLIGHT_MAX, lane->domain->in_flight, lane->in_flight);
  size_t of_owner = quarters_for(2, SCHEDULE_RECIPIENTS_MAX, s->in_flight, lane->owner->in_flight);
  if (of_lane < room) room = of_lane;
  return of_owner < room ? of_owner : room;
}

void schedule_in_flight(struct schedule *s, struct queue_lane *lane, int64_t count) {
  lane->in_flight += (size_t)count;
  lane->domain->in_flight += (size_t)count;
  lane->owner->in_flight += (size_t)count;
  s->in_flight += (size_t)count;
}

/* --- reading --- */

struct queue_lane *schedule_first(const struct schedule *s) {
  return s->heap_count ? s->heap[0] : NULL;
}

void schedule_begin_read(struct schedule *s, struct queue_lane *lane, int64_t now_us) {
  size_t past = 0;
  while (past < lane->deadline_count && lane->deadlines[past] <= now_us) past++;
  lane->deadline_count -= past;
  memmove(lane->deadlines, &lane->deadlines[past], lane->deadline_count * sizeof lane->deadlines[0]);
  lane->reading = true;
  lane->more = false;
  lane->due_us = INT64_MAX;
  heap_update(s, lane);
}

void schedule_end_read(struct schedule *s, struct queue_lane *lane) {
  lane->reading = false;
  heap_update(s, lane);
}

void schedule_free(struct schedule *s) {
  in_flight_free(s);
  while (s->domains) lane_free(s, s->domains->lanes);
  free(s->heap);
  schedule_init(s);
}
