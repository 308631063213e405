#include "cli/log/event_print.h"

#include "base/id.h"
#include "base/mail/event_notes.h"
#include "base/mail/refusal.h"
#include "base/mail/tls_facts.h"
#include "base/text/text.h"
#include "cli/output/moment.h"
#include "cli/output/output.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SHORT_LEAST 40 /* columns: less shows nothing */
#define STORY_INDENT 6

static const char *colour(enum event_kind kind) {
  if (!output_is_colored()) return "";
  switch (kind) {
  case EVENT_DELIVERED: return "\033[32m";
  case EVENT_REFUSED:
  case EVENT_BOUNCED:
  case EVENT_EXPIRED: return "\033[31m";
  case EVENT_DEFERRED: return "\033[33m";
  default: return "";
  }
}

static void print_head(const struct event *e, bool utc) {
  char time[MOMENT_TEXT];
  moment_text(id_time_us(e->id), utc, time);
  const char *on = colour(e->kind);
  printf("%s  %s%-9s%s", time, on, event_name(e->kind), *on ? "\033[0m" : "");
}

#define STORY_COLUMN (sizeof "2026-11-28T12:00:00.000  delivered" - 1)

/* In the width of the terminal, with what is to be said behind it. */
static void print_story_reply(const struct event *e, const char *behind) {
  char *line = NULL;
  size_t size;
  FILE *out = open_memstream(&line, &size);
  if (out && e->code) fprintf(out, " %d", e->code);
  if (out) fprintf(out, "%s%s%s%s%s", *e->enhanced ? " " : "", e->enhanced, *e->text ? " " : "", e->text, behind);
  if (out && fclose(out) == 0 && line) print_fitted(line, STORY_COLUMN, STORY_INDENT);
  free(line);
}

static void print_reply(const struct event *e) {
  if (e->code) printf(" %d", e->code);
  if (*e->enhanced) putchar(' ');
  print_safe(e->enhanced);
  if (*e->text) putchar(' ');
  print_safe(e->text);
}

/* Of a domain, and no message. */
static bool is_of_domain(const struct event *e) {
  return e->kind == EVENT_DKIM || e->kind == EVENT_DOMAIN;
}

static void print_domain_line(const struct event *e, bool utc) {
  print_head(e, utc);
  printf("  ");
  print_safe(e->domain);
  printf("  ");
  print_safe(e->text);
  putchar('\n');
}

void event_print_line(const struct event *e, bool utc) {
  char message[ID_TEXT] = "-";
  if (is_of_domain(e)) {
    print_domain_line(e, utc);
    return;
  }
  if (e->message_id) id_format(e->message_id, message);
  print_head(e, utc);
  printf("  %s  ", message);
  print_safe(*e->account ? e->account : "-");
  printf("  <");
  print_safe(e->from);
  printf("> -> <");
  print_safe(e->to);
  putchar('>');
  print_reply(e);
  if (*e->host) {
    printf("  [");
    print_safe(e->host);
    putchar(']');
  }
  if (*e->ref) printf("  why %s", e->ref);
  if (e->count > 1) printf("  (%llu times)", (unsigned long long)e->count);
  if (*e->subject) {
    printf("  \"");
    print_safe(e->subject);
    putchar('"');
  }
  putchar('\n');
}

/* --- in the width of a terminal --- */

/* Who it is from and to: of what comes in both, with the subject; else the recipient and the reply. */
static void write_short(FILE *out, const struct event *e, bool utc) {
  char time[MOMENT_TEXT], message[ID_TEXT] = "-";
  bool from_client = e->kind == EVENT_ACCEPTED || e->kind == EVENT_REFUSED;
  if (e->message_id) id_format(e->message_id, message);
  moment_short(id_time_us(e->id), utc, time);
  fprintf(out, "%s %-9s %s", time, event_name(e->kind), message);
  if (is_of_domain(e)) {
    fprintf(out, " %s %s", e->domain, e->text);
    return;
  }
  if (*e->account) fprintf(out, " %s", e->account);
  if (from_client && (*e->from || *e->to)) fprintf(out, " <%s> ->", e->from); /* not of a login */
  if (*e->from || *e->to) fprintf(out, " <%s>", e->to);
  if (e->kind == EVENT_ACCEPTED && *e->subject) fprintf(out, " \"%s\"", e->subject);
  if (e->kind == EVENT_ACCEPTED) return;
  if (e->code) fprintf(out, " %d", e->code);
  fprintf(out, "%s%s%s%s", *e->enhanced ? " " : "", e->enhanced, *e->text ? " " : "", e->text);
}

/* Cut behind so many characters; the kind in its colour. */
static void print_cut(const char *line, enum event_kind kind, size_t width) {
  size_t at = 0, characters = 0, name = sizeof "11-23 11:20:30";
  for (; line[at] && characters < width; characters++) do
      at++;
    while (((unsigned char)line[at] & 0xc0) == 0x80);
  bool whole = !line[at];
  while (!whole && at && ((unsigned char)line[at - 1] & 0xc0) == 0x80) at--;
  if (!whole && at) at--;
  const char *on = colour(kind);
  printf("%.*s%s%.9s%s%.*s%s\n", (int)name, line, on, line + name, *on ? "\033[0m" : "",
         at > name + 9 ? (int)(at - name - 9) : 0, line + name + 9, whole ? "" : "\xe2\x80\xa6");
}

void event_print_short(const struct event *e, bool utc, size_t width) {
  char *line = NULL;
  size_t size;
  FILE *out = open_memstream(&line, &size);
  if (out) write_short(out, e, utc);
  if (out && fclose(out) == 0 && line) {
    text_clean(line, true);
    print_cut(line, e->kind, width < SHORT_LEAST ? SHORT_LEAST : width);
  }
  free(line);
}

/* --- as a part of a story --- */

static void print_part(const char *name, const char *value) {
  if (!*value) return;
  int column = printf("    %-8s ", name);
  print_fitted(value, (size_t)column, (size_t)column);
}

/* "resets_us" */
static bool is_moment(const char *name) {
  size_t len = strlen(name);
  return len > 3 && strcmp(name + len - 3, "_us") == 0;
}

/* An event's numbers, as people read them. */
struct numbers {
  char list[NUMBERS_TEXT]; /* "used=5000 count=5000", without what has a line of its own: */
  char notice[ID_TEXT], took[MOMENT_TEXT];
};

static void list_numbers(const struct event *e, struct numbers *out) {
  const char *at = NULL;
  char name[32];
  int64_t value;
  *out = (struct numbers){0};
  while (numbers_next(e->numbers, &at, name, &value))
    if (strcmp(name, NUMBER_NOTICE) == 0)
      id_format(value, out->notice);
    else if (strcmp(name, NUMBER_TOOK_MS) == 0)
      moment_span(value * 1000, out->took);
    else if (!tls_facts_owns(name) && !is_moment(name)) /* the text has it, as people read it */
      numbers_add(out->list, name, value);
}

/* "limit (used=5000 count=5000)"; numbers without a rule by themselves. */
static void print_rule(const struct event *e) {
  char text[64 + 2 * NUMBERS_TEXT];
  struct numbers n;
  list_numbers(e, &n);
  bool any = *n.list != '\0';
  snprintf(text, sizeof text, "%s%s%s%s", e->rule, any ? " (" : "", n.list, any ? ")" : "");
  print_part("took", n.took);
  if (*e->rule)
    print_part("rule", text);
  else
    print_part("numbers", n.list);
  print_part("notice", n.notice);
}

/* "TLSv1.3, verified by a CA" */
static void print_tls(const struct event *e) {
  char text[TLS_FACTS_TEXT];
  struct tls_facts facts;
  if (!tls_facts_read(e->numbers, &facts)) return;
  if (e->kind != EVENT_ACCEPTED || !facts.version)
    tls_facts_text(&facts, text);
  else /* whom a client is, its login says */
    snprintf(text, sizeof text, "%s %s", tls_version_name(facts.version), tls_cipher_name(facts.cipher));
  print_part("tls", text);
}

/* A line for each signature: the name of its key's record (RFC 6376 3.6.2.1). */
static void print_signatures(const struct event *e) {
  const char *at = NULL, *label = "signed";
  struct event_note n;
  struct event_signature s;
  char text[400];
  while (event_notes_next(e->verdict, &at, &n)) {
    if (bytes_equal(n.name, BYTES(NOTE_SIGNED)) && bytes_equal(n.value, BYTES(NOTE_UNSIGNED))) print_part(label, "no");
    if (!event_note_signature(&n, &s)) continue;
    snprintf(text, sizeof text, "%.*s._domainkey.%.*s (%.*s)", (int)s.selector.len, s.selector.at, (int)s.domain.len,
             s.domain.at, (int)s.algorithm.len, s.algorithm.at);
    print_part(label, text);
    label = "";
  }
}

/* "pass (example.com lists 192.0.2.1)"; nothing where it is not known. */
static void print_result(const struct event *e, const char *label, const char *name, const char *why_name) {
  struct bytes result, why = {"", 0};
  char text[280];
  if (!event_notes_find(e->verdict, name, &result)) return;
  bool known = why_name && event_notes_find(e->verdict, why_name, &why);
  snprintf(text, sizeof text, "%.*s%s%.*s%s", (int)result.len, result.at, known ? " (" : "", (int)why.len, why.at,
           known ? ")" : "");
  print_part(label, text);
}

/* A line for each check. */
static void print_checks(const struct event *e) {
  const char *at = NULL, *label = "checks";
  struct event_note n;
  char text[280];
  while (event_notes_next(e->verdict, &at, &n)) {
    if (!event_note_is_check(&n)) continue;
    snprintf(text, sizeof text, "%.*s %.*s", (int)n.name.len, n.name.at, (int)n.value.len, n.value.at);
    print_part(label, text);
    label = "";
  }
}

static void print_message(const struct event *e) {
  print_part("subject", e->subject);
  print_part("message-id", e->header_id);
  if (*e->subject || *e->header_id || e->stream == STREAM_BULK) print_part("stream", stream_name(e->stream));
}

void event_print_story(const struct event *e, bool utc, int64_t after_us) {
  char after[MOMENT_TEXT], behind[MOMENT_TEXT + 16] = "";
  bool from_client = e->kind == EVENT_ACCEPTED || e->kind == EVENT_REFUSED;
  if (after_us >= 0) {
    moment_span(after_us, after);
    snprintf(behind, sizeof behind, " (after %s)", after);
  }
  print_head(e, utc);
  print_story_reply(e, behind);
  print_part("account", e->account);
  if (from_client && (*e->from || e->kind == EVENT_ACCEPTED)) print_part("from", *e->from ? e->from : "<>");
  print_part("to", e->to);
  if (e->kind == EVENT_REFUSED) print_message(e); /* of other mail, the story begins with that */
  print_part(from_client ? "client" : "host", e->host);
  print_part("source", e->source);
  print_tls(e);
  print_signatures(e);
  print_result(e, "spf", NOTE_SPF, NOTE_SPF_WHY);
  print_result(e, "dmarc", NOTE_DMARC, NULL);
  print_rule(e);
  print_checks(e);
  print_part("why", e->ref);
}
