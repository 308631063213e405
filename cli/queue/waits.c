#include "cli/queue/waits.h"

#include "cli/machine/machine.h"
#include "relay/daemon/attempts.h"
#include "relay/daemon/control_client.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A lane, as the gateway sees it: what is due of it is not under way. */
struct lane {
  const char *domain, *name, *why;
  int64_t until_us;
  uint64_t in_flight;
};

struct waits {
  struct cli *cli;
  const struct attempts *attempts;
  struct buffer text; /* the answer; the lanes point into it */
  const char *state;  /* the gateway's; NULL: not asked, or no answer */
  struct lane *lanes; /* sorted */
  size_t count;
  bool asked;
};

struct waits *waits_new(struct cli *c, const struct attempts *attempts) {
  struct waits *w = calloc(1, sizeof *w);
  if (!w) return NULL;
  w->cli = c;
  w->attempts = attempts;
  buffer_init(&w->text, LANES_ANSWER_MAX);
  return w;
}

void waits_free(struct waits **at) {
  struct waits *w = *at;
  *at = NULL;
  if (!w) return;
  buffer_free(&w->text);
  free(w->lanes);
  free(w);
}

/* --- the gateway's answer --- */

static int compare(const void *a, const void *b) {
  const struct lane *x = a, *y = b;
  int rc = strcmp(x->domain, y->domain);
  return rc ? rc : strcmp(x->name, y->name);
}

/* Cuts a line apart in place; false: it is none. */
static bool read_line(char *line, struct lane *out) {
  char *rest = NULL, *until, *in_flight;
  out->domain = strtok_r(line, " ", &rest);
  out->name = out->domain ? strtok_r(NULL, " ", &rest) : NULL;
  out->why = out->name ? strtok_r(NULL, " ", &rest) : NULL;
  until = out->why ? strtok_r(NULL, " ", &rest) : NULL;
  in_flight = until ? strtok_r(NULL, " ", &rest) : NULL;
  if (!in_flight) return false;
  out->until_us = strtoll(until, NULL, 10);
  out->in_flight = strtoull(in_flight, NULL, 10);
  return true;
}

static bool read_lines(struct waits *w) {
  char *rest = NULL;
  size_t lines = 0;
  for (size_t i = 0; i < w->text.len; i++) lines += w->text.at[i] == '\n';
  w->state = strtok_r(w->text.at, "\n", &rest);
  w->lanes = calloc(lines ? lines : 1, sizeof *w->lanes);
  if (!w->lanes) return false;
  for (char *line = strtok_r(NULL, "\n", &rest); line && w->count < lines; line = strtok_r(NULL, "\n", &rest))
    w->count += read_line(line, &w->lanes[w->count]);
  qsort(w->lanes, w->count, sizeof *w->lanes, compare);
  return true;
}

static void ask(struct waits *w) {
  if (w->asked || !w->attempts) return;
  w->asked = true;
  int rc = control_ask(w->cli->config->data_dir, "lanes", &w->text);
  if (rc == OK) rc = buffer_add(&w->text, "\n", 2); /* and the NUL */
  if (rc == OK && !read_lines(w)) rc = E_MEMORY;
  if (rc != OK && rc != E_NOT_FOUND) cli_warn("the running gateway does not say what waits: %s", result_text(rc));
}

static const struct lane *find(const struct waits *w, const struct envelope *m, const char *domain) {
  char name[LANE_TEXT];
  envelope_lane(m, name);
  const struct lane key = {.domain = domain, .name = *name ? name : "-"};
  return w->count ? bsearch(&key, w->lanes, w->count, sizeof *w->lanes, compare) : NULL;
}

/* --- what is due --- */

static void because_of_gateway(struct wait *out, const char *text) {
  out->what = "gateway";
  snprintf(out->text, sizeof out->text, "%s", text);
}

static void because_of_room(struct wait *out, const struct lane *l) {
  out->what = "room";
  if (l)
    snprintf(out->text, sizeof out->text, "%" PRIu64 " recipients of its account are in memory; it follows as they end",
             l->in_flight);
  else
    snprintf(out->text, sizeof out->text, "mail for more domains waits than fits into memory; it follows as that ends");
}

static void of_due(struct waits *w, const struct envelope *m, const struct queued_recipient *r, struct wait *out) {
  ask(w);
  if (!w->state) {
    out->what = "gateway";
    snprintf(out->text, sizeof out->text, "the gateway is not running; start it with: %s", machine_start_command());
    return;
  }
  if (strcmp(w->state, "stops") == 0) {
    because_of_gateway(out, "the gateway is starting or stopping");
    return;
  }
  const struct lane *l = find(w, m, r->to.domain);
  out->until_us = l ? l->until_us : 0;
  if (l && strcmp(l->why, "pause") == 0) {
    char left[40];
    clock_format_span(l->until_us - clock_now_us(), left, sizeof left);
    out->what = "pause";
    snprintf(out->text, sizeof out->text, "%.250s could not be reached; all its mail waits for %s", r->to.domain, left);
  } else if ((l && strcmp(l->why, "room") == 0) || (!l && strcmp(w->state, "overflows") == 0)) {
    because_of_room(out, l);
  } else {
    out->what = "read";
    snprintf(out->text, sizeof out->text, "it is due, and about to be read from the store");
  }
}

/* --- what waits for a command --- */

static void of_held(const struct queued_recipient *r, struct wait *out) {
  static const char *const texts[HOLD_COUNT] = {
      [HOLD_SUSPENSION] = "its account is suspended", [HOLD_REMOVAL] = "its account was removed"};
  const char *why = strchr(r->returned, ' ');
  out->what = "held";
  if (*r->returned) {
    snprintf(out->text, sizeof out->text, "on its way back to its sender, by command of %.*s%s%.160s",
             (int)strcspn(r->returned, " "), r->returned, why && why[1] ? ": " : "", why ? why + 1 : "");
    return;
  }
  if (r->hold < HOLD_COUNT && texts[r->hold]) snprintf(out->text, sizeof out->text, "%s", texts[r->hold]);
}

static void of_returning(struct waits *w, const struct queued_recipient *r, struct wait *out) {
  const char *why = strchr(r->returned, ' ');
  ask(w);
  out->what = "returning";
  snprintf(out->text, sizeof out->text, "returned to its sender %s, by command of %.*s%s%.160s",
           w->state ? "now" : "when the gateway starts", (int)strcspn(r->returned, " "), r->returned,
           why && why[1] ? ": " : "", why ? why + 1 : "");
}

/* --- all --- */

static const char *of_stage(const char *stage) {
  static const char *const names[][2] = {{"wait", "slot"},   {"share", "share"}, {"pace", "pace"},
                                         {"token", "token"}, {"store", "store"}, {"probe", "probe"}};
  for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
    if (strcmp(stage, names[i][0]) == 0) return names[i][1];
  return "attempt";
}

void waits_of(struct waits *w, const struct envelope *m, const struct queued_recipient *r, const struct attempt *a,
              int64_t now_us, struct wait *out) {
  *out = (struct wait){0};
  if (a) {
    out->what = of_stage(a->stage);
    out->until_us = a->expected_us ? a->expected_us : a->until_us;
  } else if (r->state == RECIPIENT_HELD) {
    of_held(r, out);
  } else if (r->state == RECIPIENT_RETURNING) {
    of_returning(w, r, out);
  } else if (r->next_us > now_us) {
    out->what = "time";
    out->until_us = r->next_us;
  } else {
    of_due(w, m, r, out);
  }
}
