/* What the gateway has learnt of a site (docs/learning.md), or without one the store: for `sendoff site show` and
 * `sendoff explain`. */
#ifndef SENDOFF_CLI_DELIVERY_SITE_LEARNING_H
#define SENDOFF_CLI_DELIVERY_SITE_LEARNING_H

#include "cli/command.h"
#include "cli/output/output.h"

/* An array with an object for each source (relay/json/json.h's), and what each keeps of its weight; empty where nothing
 * is known, or `learning` is off. The caller releases it. EXIT_DONE, or a message has been printed. */
enum exit_status site_learning_read(struct cli *c, const char *site, json_t **rows);
/* Puts each under "learnt" of the object of its source; one that has none gets one. */
void site_learning_attach(json_t *sites, const json_t *rows);
/* All that is known from one source, in lines. */
void site_learning_print(const json_t *row);
/* "half within 2s, nine of ten within 5m (64 messages)" of a row's "delivery" or "transaction"; "" where nothing is
 * known. */
void site_learning_times_text(const json_t *times, char *out, size_t size);
/* "5m": after which time mail that is put off is taken; "" where that is not known. */
void site_learning_wait_text(const json_t *row, char *out, size_t size);

#endif
