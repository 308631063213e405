#include "dkim/new_key.h"

#include "dkim/rotation.h"

#include <stdio.h>
#include <string.h>

#define RSA_BITS 2048
#define DAY_US (INT64_C(86400) * 1000000)

static bool is_taken(void *arg, const char *selector) {
  const struct domain *d = arg;
  for (size_t i = 0; i < d->key_count; i++)
    if (strcmp(d->keys[i].selector, selector) == 0) return true;
  return false;
}

/* What keeps a delegated domain's other selector, and for how long. */
static int no_selector(const struct domain *d, enum key_algorithm algorithm, int64_t now_us, struct reason *why) {
  for (size_t i = 0; i < d->key_count; i++) {
    const struct signing_key *k = &d->keys[i];
    if (k->algorithm != algorithm || (k->state != KEY_OLD && k->state != KEY_RETIRED)) continue;
    int64_t left = rotation_retires_us(k) - now_us;
    if (k->state == KEY_RETIRED || left <= 0)
      return fail(why, E_EXISTS, "%s has two selectors of each kind, and %s is still there: sendoff dkim retire %s %s",
                  d->name, k->selector, d->name, k->selector);
    return fail(why, E_EXISTS,
                "%s has two selectors of each kind, and mail that %s has signed is still on its way; try again in %lld "
                "days",
                d->name, k->selector, (long long)(left / DAY_US + 1));
  }
  return fail(why, E_EXISTS, "no selector of %s is free; see: sendoff dkim list %s", d->name, d->name);
}

static int choose_selector(const struct domain *d, enum key_algorithm algorithm, int64_t now_us,
                           char out[SELECTOR_MAX + 1], struct reason *why) {
  for (unsigned i = 0; *d->delegation && i < DELEGATED_SELECTORS; i++) {
    const char *name = delegated_selector(algorithm, i);
    snprintf(out, SELECTOR_MAX + 1, "%s", name);
    if (!is_taken((void *)(uintptr_t)d, name)) return OK;
  }
  if (!*d->delegation && selector_make(algorithm, now_us / 1000000, is_taken, (void *)(uintptr_t)d, out) == OK)
    return OK;
  return no_selector(d, algorithm, now_us, why);
}

int new_key_make(struct new_key *out, const struct domain *d, enum key_algorithm algorithm, unsigned rsa_bits,
                 const struct signing_key *replaces, int64_t now_us, struct reason *why) {
  *out = (struct new_key){0};
  int rc = choose_selector(d, algorithm, now_us, out->selector, why);
  if (rc != OK) return rc;
  if (!rsa_bits && replaces) rsa_bits = key_bits(algorithm, replaces->public_base64);
  if (rsa_bits < RSA_BITS) rsa_bits = RSA_BITS; /* what was taken once is refused now (RFC 8301 3.2) */
  rc = key_generate(algorithm, rsa_bits, &out->pem, &out->public_base64, why);
  if (rc == OK && (rc = buffer_add(&out->public_base64, "", 1)) != OK) fail(why, rc, "out of memory");
  out->key = (struct signing_key){.domain = d->name,
                                  .selector = out->selector,
                                  .replaces = replaces ? replaces->selector : "",
                                  .algorithm = algorithm,
                                  .state = replaces ? KEY_WAITING : KEY_ACTIVE,
                                  .public_base64 = out->public_base64.at,
                                  .found = ""};
  return rc;
}

void new_key_clear(struct new_key *k) {
  buffer_wipe_free(&k->pem);
  buffer_free(&k->public_base64);
}
