#include "relay/delivery/queue/lanes.h"

#include <stdlib.h>
#include <string.h>

void lanes_init(struct lanes *l) {
  memset(l, 0, sizeof *l);
}

/* --- the heap --- */

int64_t lane_moment(const struct lane *lane) {
  int64_t moment = lane->due_us > lane->paused_us ? lane->due_us : lane->paused_us;
  return lane->deadline_count && lane->deadlines[0] < moment ? lane->deadlines[0] : moment;
}

static void place(struct lanes *l, size_t at, struct lane *lane) {
  l->heap[at] = lane;
  lane->heap_at = at + 1;
}

static void sift_up(struct lanes *l, size_t at) {
  struct lane *lane = l->heap[at];
  while (at) {
    size_t parent = (at - 1) / 2;
    if (lane_moment(l->heap[parent]) <= lane_moment(lane)) break;
    place(l, at, l->heap[parent]);
    at = parent;
  }
  place(l, at, lane);
}

static void sift_down(struct lanes *l, size_t at) {
  struct lane *lane = l->heap[at];
  for (;;) {
    size_t child = 2 * at + 1;
    if (child >= l->heap_count) break;
    if (child + 1 < l->heap_count && lane_moment(l->heap[child + 1]) < lane_moment(l->heap[child])) child++;
    if (lane_moment(lane) <= lane_moment(l->heap[child])) break;
    place(l, at, l->heap[child]);
    at = child;
  }
  place(l, at, lane);
}

static void heap_remove(struct lanes *l, struct lane *lane) {
  if (!lane->heap_at) return;
  size_t at = lane->heap_at - 1;
  lane->heap_at = 0;
  struct lane *last = l->heap[--l->heap_count];
  if (last == lane) return;
  place(l, at, last);
  sift_up(l, at);
  sift_down(l, last->heap_at - 1);
}

static bool heap_reserve(struct lanes *l, size_t count) {
  if (count <= l->heap_room) return true;
  size_t room = l->heap_room ? 2 * l->heap_room : 64;
  struct lane **heap = realloc(l->heap, room * sizeof(struct lane *));
  if (!heap) return false;
  l->heap = heap;
  l->heap_room = room;
  return true;
}

/* In the heap exactly when there is a moment to wait for, and it is not being read. Each lane has its room from the
 * start, so this cannot fail. */
static void heap_update(struct lanes *l, struct lane *lane) {
  bool wanted = lane_moment(lane) != INT64_MAX && !lane->picking;
  if (!wanted) {
    heap_remove(l, lane);
    return;
  }
  if (!lane->heap_at) place(l, l->heap_count++, lane);
  sift_up(l, lane->heap_at - 1);
  sift_down(l, lane->heap_at - 1);
}

/* --- lanes --- */

struct lane *lane_find(struct lanes *l, const char *domain) {
  struct lane *lane = NULL;
  HASH_FIND_STR(l->table, domain, lane);
  return lane;
}

static struct lane *lane_new(struct lanes *l, const char *domain) {
  if (HASH_COUNT(l->table) >= LANES_MAX || !heap_reserve(l, HASH_COUNT(l->table) + 1)) return NULL;
  struct lane *lane = calloc(1, sizeof *lane);
  if (!lane) return NULL;
  lane->due_us = INT64_MAX;
  lane->domain = strdup(domain);
  if (lane->domain) HASH_ADD_KEYPTR(hh, l->table, lane->domain, strlen(lane->domain), lane);
  if (lane->domain && lane->hh.tbl) return lane;
  free(lane->domain);
  free(lane);
  return NULL;
}

struct lane *lane_get(struct lanes *l, const char *domain) {
  struct lane *lane = lane_find(l, domain);
  if (!lane) lane = lane_new(l, domain);
  if (!lane) l->overflow = true;
  return lane;
}

void lane_due(struct lanes *l, struct lane *lane, int64_t due_us) {
  if (due_us >= lane->due_us) return;
  lane->due_us = due_us;
  heap_update(l, lane);
}

void lane_pause(struct lanes *l, struct lane *lane, int64_t until_us) {
  lane->paused_us = until_us;
  heap_update(l, lane);
}

void lane_deadline(struct lanes *l, struct lane *lane, int64_t deadline_us) {
  size_t at = lane->deadline_count;
  if (deadline_us == INT64_MAX) return;
  while (at && lane->deadlines[at - 1] > deadline_us) at--;
  if (at == LANE_DEADLINES_MAX || (at && lane->deadlines[at - 1] == deadline_us)) return;
  if (lane->deadline_count < LANE_DEADLINES_MAX) lane->deadline_count++;
  memmove(&lane->deadlines[at + 1], &lane->deadlines[at], (lane->deadline_count - 1 - at) * sizeof lane->deadlines[0]);
  lane->deadlines[at] = deadline_us;
  heap_update(l, lane);
}

static void lane_free(struct lanes *l, struct lane *lane) {
  heap_remove(l, lane);
  HASH_DEL(l->table, lane);
  free(lane->domain);
  free(lane);
}

void lane_tidy(struct lanes *l, struct lane *lane) {
  if (lane->in_flight || lane->picking || lane->more || lane->due_us != INT64_MAX || lane->deadline_count) return;
  lane_free(l, lane);
}

size_t lane_room(const struct lanes *l, const struct lane *lane) {
  if (l->in_flight >= DISPATCH_JOBS_MAX) return 0;
  size_t most = (DISPATCH_JOBS_MAX - l->in_flight + 1) / 2;
  if (most > LANE_IN_FLIGHT_MAX) most = LANE_IN_FLIGHT_MAX;
  return most > lane->in_flight ? most - lane->in_flight : 0;
}

struct lane *lanes_first(const struct lanes *l) {
  return l->heap_count ? l->heap[0] : NULL;
}

void lane_begin_pick(struct lanes *l, struct lane *lane, int64_t now_us) {
  size_t past = 0;
  while (past < lane->deadline_count && lane->deadlines[past] <= now_us) past++;
  lane->deadline_count -= past;
  memmove(lane->deadlines, &lane->deadlines[past], lane->deadline_count * sizeof lane->deadlines[0]);
  lane->picking = true;
  lane->more = false;
  lane->due_us = INT64_MAX;
  heap_update(l, lane);
}

void lane_end_pick(struct lanes *l, struct lane *lane) {
  lane->picking = false;
  lane->startup = false;
  heap_update(l, lane);
}

/* --- flights --- */

static void flight_free(struct lanes *l, struct flight *f) {
  HASH_DEL(l->flights, f);
  free(f);
}

void lanes_lay_ghosts(struct lanes *l) {
  struct flight *f, *next;
  for (f = l->ghosts ? l->flights : NULL; f && l->ghosts; f = next) {
    next = f->hh.next;
    if (!f->ghost) continue;
    l->ghosts--;
    flight_free(l, f);
  }
}

static bool flight_add(struct lanes *l, struct lane *lane, int64_t id) {
  struct flight *f = NULL;
  HASH_FIND(hh, l->flights, &id, sizeof id, f);
  if (f) return false;
  f = calloc(1, sizeof *f);
  if (!f) return false;
  f->id = id;
  f->lane = lane;
  HASH_ADD(hh, l->flights, id, sizeof f->id, f);
  if (!f->hh.tbl) {
    free(f);
    return false;
  }
  lane->in_flight++;
  l->in_flight++;
  return true;
}

void flights_add(struct lanes *l, struct lane *lane, struct job *j) {
  size_t kept = 0;
  for (size_t i = 0; i < j->recipient_count; i++) {
    if (flight_add(l, lane, j->recipients[i].to.id))
      j->recipients[kept++] = j->recipients[i];
    else
      queued_recipient_clear(&j->recipients[i]);
  }
  j->recipient_count = kept;
}

void flights_remove(struct lanes *l, const struct job *j) {
  for (size_t i = 0; i < j->recipient_count; i++) {
    struct flight *f = NULL;
    HASH_FIND(hh, l->flights, &j->recipients[i].to.id, sizeof f->id, f);
    if (!f || f->ghost) continue;
    f->lane->in_flight--;
    l->in_flight--;
    if (f->lane->picking) {
      f->ghost = true;
      f->lane = NULL;
      l->ghosts++;
    } else {
      flight_free(l, f);
    }
  }
}

void lanes_free(struct lanes *l) {
  struct flight *f, *next_flight;
  for (f = l->flights; f; f = next_flight) {
    next_flight = f->hh.next;
    flight_free(l, f);
  }
  struct lane *lane, *next;
  for (lane = l->table; lane; lane = next) {
    next = lane->hh.next;
    lane_free(l, lane);
  }
  free(l->heap);
  lanes_init(l);
}
