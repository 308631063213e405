/* Where a key's record is published. Plain text; any thread. */
#ifndef SENDOFF_DKIM_KEY_NAME_H
#define SENDOFF_DKIM_KEY_NAME_H

#include "base/directory/key_algorithm.h"
#include "base/result.h"
#include "dkim/selector.h"

#include <stdbool.h>
#include <stddef.h>

#define KEY_NAME_MAX 254 /* with its zero (RFC 1035 2.3.4) */

/* Where verifiers ask (RFC 6376 3.6.2.1): "s1._domainkey.example.com". E_TOO_BIG. */
int key_name(const char *selector, const char *domain, char out[KEY_NAME_MAX]);
/* Where the record itself is: there; or, of a delegated selector, in the gateway's own zone,
 * "sendoff-r1.example.com.dkim.example.net", and a CNAME leads to it. */
int key_record_name(const char *selector, const char *domain, const char *delegation, char out[KEY_NAME_MAX]);

/* A delegated domain has two selectors of each algorithm, so that its CNAMEs never change and its keys do: number 0 and
 * 1. Static. */
const char *delegated_selector(enum key_algorithm algorithm, unsigned number);
#define DELEGATED_SELECTORS 2

/* "s202611r": the month tells a key's age, the letter its algorithm; the third of a month is "s202611r3". `taken` says
 * whether the domain has it already. E_EXISTS: there are too many. */
int selector_make(enum key_algorithm algorithm, long long now_s, bool (*taken)(void *arg, const char *selector),
                  void *arg, char out[SELECTOR_MAX + 1]);

#endif
