/* By what is committed so far; the step that a message leads to itself is taken with its commit. Nothing is refused:
 * mail is put off, or held. */
#include "policy/check.h"

void check_brake(const struct facts *f, struct finding *out) {
  out->outcome = OUTCOME_PASS;
  if (f->account->sandbox) return;        /* its mail harms nobody */
  if (f->brake->mode < out->mode) return; /* what was only observed ends now (brake_step) */
  if (f->brake->step == BRAKE_SLOW) out->outcome = OUTCOME_SLOW;
  if (f->brake->step > BRAKE_SLOW) out->outcome = OUTCOME_HOLD;
}
