#include "cli/delivery/source_listings.h"

#include "cli/output/output.h"
#include "relay/json/json.h"

#include <stdio.h>
#include <string.h>

bool source_listed_now(const struct directory *d, const struct source *s) {
  for (size_t i = 0; i < d->blocklist_note_count; i++)
    if (d->blocklist_notes[i].state == BLOCKLIST_LISTED && source_is_subject(s, &d->blocklist_notes[i])) return true;
  return false;
}

json_t *source_blocklists_json(const struct directory *d, const struct source *s) {
  json_t *list = json_array();
  for (size_t i = 0; i < d->blocklist_note_count; i++)
    if (source_is_subject(s, &d->blocklist_notes[i]))
      json_array_append_new(list, blocklist_note_json(&d->blocklist_notes[i]));
  return list;
}

static void print_listing(const struct blocklist_note *n) {
  char since[64], next[BLOCKLIST_NEXT];
  clock_format_minute(n->since_us, since, sizeof since);
  blocklist_next(n, next);
  printf("\n%s: listed by %s since %s (%s)%s", n->subject, n->list, since, n->codes, *n->text ? ": " : "");
  print_safe(n->text);
  printf("\n  %s\n", next);
}

/* It is so for all that the list is asked about, and said once. */
static bool said_before(const struct directory *d, size_t i) {
  const struct blocklist_note *n = &d->blocklist_notes[i], *last = i ? n - 1 : NULL;
  return last && strcmp(last->list, n->list) == 0 && last->state == n->state && strcmp(last->text, n->text) == 0 &&
         strcmp(last->trouble, n->trouble) == 0;
}

static void print_problem(const struct blocklist_note *n) {
  bool silent = *n->trouble != '\0';
  printf("\n%s %s: ", n->list, silent ? "does not answer" : "is not believed");
  print_safe(silent ? n->trouble : n->text);
  putchar('\n');
}

void source_print_listings(const struct directory *d) {
  for (size_t i = 0; i < d->blocklist_note_count; i++) {
    const struct blocklist_note *n = &d->blocklist_notes[i];
    if (n->state == BLOCKLIST_LISTED) print_listing(n);
    if ((n->state == BLOCKLIST_UNUSABLE || *n->trouble) && !said_before(d, i)) print_problem(n);
  }
}

static void print_field(const char *before, const json_t *listing, const char *field) {
  const char *text = json_string_value(json_object_get(listing, field));
  if (!text || !*text) return;
  fputs(before, stdout);
  print_safe(text);
}

void status_print_listings(const json_t *listings) {
  size_t i;
  const json_t *listing;
  if (!json_array_size(listings)) return;
  puts("\nListed by blocklists (sendoff source list):");
  json_array_foreach(listings, i, listing) {
    print_field("  ", listing, "subject");
    print_field(" by ", listing, "list");
    print_field(" since ", listing, "since");
    print_field(": ", listing, "text");
    putchar('\n');
  }
}
