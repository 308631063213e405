/* Policies on their way into the store. */
#include "base/log.h"
#include "relay/delivery/route/sts_domain.h"
#include "store/write.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct note {
  struct store_sts_note op; /* first */
  struct sts_policies *owner;
  char domain[256], id[STS_ID_MAX + 1];
  char *text;
};

static void on_kept(struct store_op *op) {
  struct note *n = (struct note *)op;
  struct sts_policies *s = n->owner;
  struct sts_domain *d;
  HASH_FIND_STR(s->table, n->domain, d);
  if (op->result != OK && d) d->unkept = true; /* again with the next scan */
  if (op->result != OK)
    log_event(LOG_WARN_, NULL, "mta-sts policy not kept", "domain", n->domain, "reason",
              *op->why.text ? op->why.text : result_text(op->result), NULL);
  free(n->text);
  free(n);
  s->posted--;
  sts_check_idle(s);
}

static char *text_of(const struct sts_policy *p) {
  struct buffer b;
  int rc = OK;
  buffer_init(&b, 2 * STS_POLICY_MAX);
  for (size_t i = 0; rc == OK && i < p->line_count; i++) rc = buffer_addf(&b, "%s\n", p->lines[i]);
  char *text = rc == OK ? bytes_dup(buffer_bytes(&b)) : NULL;
  buffer_free(&b);
  return text;
}

void sts_store_post(struct sts_domain *d) {
  struct note *n = calloc(1, sizeof *n);
  const struct sts_policy *p = d->state.policy;
  if (n && p) n->text = text_of(p);
  d->unkept = !n || (p && !n->text);
  if (d->unkept) {
    free(n);
    return;
  }
  n->owner = d->owner;
  snprintf(n->domain, sizeof n->domain, "%s", d->name);
  snprintf(n->id, sizeof n->id, "%s", d->state.id);
  store_sts_note_init(&n->op);
  n->op.now_us = clock_now_us();
  n->op.note = (struct sts_note){.domain = n->domain,
                                 .id = n->id,
                                 .text = n->text,
                                 .fetched_us = d->state.fetched_us,
                                 .until_us = sts_state_until_us(&d->state),
                                 .used_us = d->used_us};
  d->owner->posted++;
  loop_store_post(d->owner->loop, &n->op.op, on_kept);
}
