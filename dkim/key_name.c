#include "dkim/key_name.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#define A_MONTH 99 /* selectors of one month and algorithm */

const char *delegated_selector(enum key_algorithm algorithm, unsigned number) {
  static const char *const names[][DELEGATED_SELECTORS] = {
      [KEY_RSA] = {"sendoff-r1", "sendoff-r2"}, [KEY_ED25519] = {"sendoff-e1", "sendoff-e2"}};
  return names[algorithm][number];
}

static int write_name(char out[KEY_NAME_MAX], const char *selector, const char *between, const char *domain,
                      const char *zone) {
  int n = snprintf(out, KEY_NAME_MAX, "%s%s%s%s%s", selector, between, domain, *zone ? "." : "", zone);
  return n > 0 && n < KEY_NAME_MAX ? OK : E_TOO_BIG;
}

int key_name(const char *selector, const char *domain, char out[KEY_NAME_MAX]) {
  return write_name(out, selector, "._domainkey.", domain, "");
}

static bool is_delegated(const char *selector) {
  for (unsigned i = 0; i < DELEGATED_SELECTORS; i++)
    if (strcmp(selector, delegated_selector(KEY_RSA, i)) == 0 ||
        strcmp(selector, delegated_selector(KEY_ED25519, i)) == 0)
      return true;
  return false;
}

int key_record_name(const char *selector, const char *domain, const char *delegation, char out[KEY_NAME_MAX]) {
  return *delegation && is_delegated(selector) ? write_name(out, selector, ".", domain, delegation)
                                               : key_name(selector, domain, out);
}

int selector_make(enum key_algorithm algorithm, long long now_s, bool (*taken)(void *arg, const char *selector),
                  void *arg, char out[SELECTOR_MAX + 1]) {
  time_t now = (time_t)now_s;
  struct tm t;
  gmtime_r(&now, &t);
  for (unsigned i = 1; i <= A_MONTH; i++) {
    char number[8] = "";
    if (i > 1) snprintf(number, sizeof number, "%u", i);
    snprintf(out, SELECTOR_MAX + 1, "s%04d%02d%c%s", (t.tm_year + 1900) % 10000, (t.tm_mon + 1) % 100,
             algorithm == KEY_RSA ? 'r' : 'e', number);
    if (!taken(arg, out)) return OK;
  }
  return E_EXISTS;
}
