#include "relay/domain/bimi.h"
#include "relay/domain/report_parts.h"
#include "relay/domain/txt.h"

#include "base/clock.h"

#include <stdio.h>
#include <string.h>

/* Receivers show a logo only of a domain whose policy keeps others out. */
static bool is_enforced(const struct dmarc_prediction *p, const struct check_report *r) {
  for (size_t i = 0; i < r->count; i++) {
    const struct check_entry *e = &r->entries[i];
    if (e->kind != RECORD_DMARC) continue;
    return *e->found && p->now.published != DMARC_NONE && !strstr(e->found, "t=y");
  }
  return false;
}

static void fetch_logo(struct checking *c, const struct bimi_record *b, struct check_entry *e) {
  struct https_answer answer = {.status = 0};
  struct reason why = {""};
  if (!c->plan->https || clock_monotonic_ms() >= c->deadline_ms) return;
  buffer_init(&answer.body, BIMI_SVG_MAX);
  int rc = https_get(c->plan->https, b->logo, &answer, &why);
  if (rc == E_TOO_BIG)
    report_say(e, FOUND_WRONG, false, "the picture has more than 32 KB");
  else if (rc != OK)
    report_say(e, FOUND_WRONG, false, "the picture cannot be had: %.300s", why.text);
  else if (answer.status != 200)
    report_say(e, FOUND_WRONG, false, "the picture cannot be had: its web server answers %ld", answer.status);
  else if (bimi_svg_check(buffer_bytes(&answer.body), &why) != OK)
    report_say(e, FOUND_WRONG, false, "the picture is not as receivers want it (SVG Tiny PS): %.300s", why.text);
  buffer_free(&answer.body);
}

static void report_record(struct checking *c, const char *text, struct check_entry *e) {
  struct bimi_record b;
  struct reason why = {""};
  if (bimi_record_read(bytes_of(text), &b, &why) != OK) {
    report_say(e, FOUND_WRONG, false, "%.200s", why.text);
    return;
  }
  if (!*b.logo) {
    report_say(e, FOUND_RIGHT, false, "the domain declines to have a logo");
    return;
  }
  report_say(e, FOUND_RIGHT, false, "the picture is there");
  fetch_logo(c, &b, e);
  if (e->state == FOUND_RIGHT && !is_enforced(&c->out->dmarc, c->out))
    report_say(e, FOUND_WRONG, false,
               "receivers show the logo only when the domain's DMARC policy is quarantine or reject");
  report_add_text(e, *b.evidence ? "its certificate (a=) is not checked"
                                 : "some receivers want a certificate as well (a=)");
}

void report_bimi(struct checking *c) {
  char name[RECORD_NAME];
  struct txt_list list;
  snprintf(name, sizeof name, "default._bimi.%s", c->domain);
  txt_lookup(c->dns, name, bimi_is_record, c->deadline_ms, &list);
  if (list.count) {
    struct check_entry *e = report_add(c, RECORD_BIMI, name, "TXT");
    snprintf(e->found, sizeof e->found, "%s", list.texts[0]);
    if (list.count > 1)
      report_say(e, FOUND_WRONG, false, "there are %zu records, and one must be there alone", list.count);
    else
      report_record(c, list.texts[0], e);
  }
  txt_free(&list);
}
