/* Identifiers, unique across machines: 42 bits of milliseconds since 2024-01-01 UTC, 10 bits of node, 11 bits of
 * sequence. They sort by time, so a range of ids is a range of times. Shown to people in Crockford's base32 (digits and
 * capitals without I, L, O, U). Any thread. */
#ifndef SENDOFF_BASE_ID_H
#define SENDOFF_BASE_ID_H

#include <stddef.h>
#include <stdint.h>

#define ID_TEXT 16 /* room for any id and its NUL */
#define REF_LENGTH 8

void id_set_node(unsigned node);   /* 0..1023; once, before any thread makes ids */
int64_t id_new(void);              /* positive, strictly increasing within the process */
int64_t id_floor(int64_t wall_us); /* the smallest id that this time could have; for ranges */
int64_t id_time_us(int64_t id);
void id_format(int64_t id, char out[ID_TEXT]);
int id_parse(const char *text, int64_t *out); /* OK or E_SYNTAX; lower case and I/L/O are read as Crockford says */
/* A reference for a refusal: REF_LENGTH random base32 characters and a NUL. */
void ref_new(char out[REF_LENGTH + 1]);
void ref_of(const char *text, char out[REF_LENGTH + 1]); /* always the same of the same text */

#endif
