#include "cli/explain/explain_parts.h"
#include "cli/send_test/send_test_parts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void show(const struct send_test *t, const struct explained *e, const struct finding *found) {
  char detail[DETAIL_TEXT], text[DETAIL_TEXT + 128];
  const char *outcome = explain_outcome(found);
  size_t n = strlen(outcome);
  explain_detail(e, found, detail);
  bool twice = strncmp(detail, outcome, n) == 0 && detail[n] == ':'; /* as SPF's "pass: example.com lists ..." */
  snprintf(text, sizeof text, "%s: %s%s%s", found->check->name, twice ? "" : outcome, *detail && !twice ? ", " : "",
           detail);
  send_test_step(t, "check", text,
                 json_pack("{s:s, s:s, s:s, s:o}", "check", found->check->name, "mode", explain_mode(found), "outcome",
                           outcome, "detail", json_text(detail)));
}

/* Of the first recipient; an address literal is none that explain knows. What is off, or known only with the message,
 * is left out. */
void send_test_show_checks(const struct send_test *t) {
  const struct explain_question q = {.account = t->account->name, .from = t->from, .to = t->to[0], .stream = -1};
  struct explained *e = calloc(1, sizeof *e);
  struct finding found[POLICY_CHECKS_MAX];
  struct address to;
  bool literal = address_parse(bytes_of(t->to[0]), &to) == OK && to.literal;
  if (e && !literal && explain_gather(t->c, &q, e) == EXIT_DONE) {
    policy_find_all(&e->facts, found);
    for (size_t i = 0; i < policy_check_count; i++)
      if (found[i].outcome != OUTCOME_OFF && found[i].outcome != OUTCOME_UNKNOWN) show(t, e, &found[i]);
  }
  if (e) explained_clear(e);
  free(e);
}
