#include "relay/domain/txt.h"

#include "base/clock.h"
#include "base/result.h"
#include "base/text/text.h"
#include "policy/spf/rdata.h"

#include <arpa/nameser.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char *copy_text(struct bytes text) {
  char *copy = malloc(text.len + 1);
  if (!copy) return NULL;
  for (size_t i = 0; i < text.len; i++) copy[i] = text.at[i] ? text.at[i] : '?';
  copy[text.len] = '\0';
  text_clean(copy, true);
  return copy;
}

static int by_text(const void *a, const void *b) {
  return strcmp(*(char *const *)a, *(char *const *)b);
}

void txt_read(const struct dns_answer *answer, bool (*is_wanted)(struct bytes text), struct txt_list *out) {
  *out = (struct txt_list){.status = answer->status, .bogus = answer->bogus, .ttl = answer->ttl};
  char *room = answer->count ? malloc(TXT_TEXT_MAX) : NULL;
  if (answer->count && !room) out->status = DNS_FAILED;
  for (size_t i = 0; room && i < answer->count; i++) {
    struct bytes text;
    rdata_text(answer->records[i].data, room, TXT_TEXT_MAX, &text); /* as much as can be read */
    if (is_wanted && !is_wanted(text)) continue;
    if (out->count < TXT_KEPT && !(out->texts[out->count] = copy_text(text))) {
      out->status = DNS_FAILED;
      break;
    }
    out->count++;
  }
  free(room);
  qsort(out->texts, out->count < TXT_KEPT ? out->count : TXT_KEPT, sizeof *out->texts, by_text);
}

void txt_lookup(const struct dns_source *dns, const char *name, bool (*is_wanted)(struct bytes text),
                uint64_t deadline_ms, struct txt_list *out) {
  char question[NAME_MAX_TEXT + 1];
  struct dns_answer answer = {.status = DNS_NXDOMAIN};
  bool can_be = strlen(name) <= NAME_MAX_TEXT && question_name(name, question);
  if (can_be) answer.status = DNS_FAILED;
  if (can_be && clock_monotonic_ms() < deadline_ms) dns->lookup(dns->arg, question, ns_t_txt, &answer);
  txt_read(&answer, is_wanted, out);
  if (answer.records || answer.owner) dns->release(dns->arg, &answer);
}

void txt_free(struct txt_list *list) {
  for (size_t i = 0; i < TXT_KEPT; i++) {
    free(list->texts[i]);
    list->texts[i] = NULL;
  }
}

size_t txt_slices(const struct txt_list *list, struct bytes out[TXT_KEPT]) {
  size_t n = 0;
  while (n < TXT_KEPT && list->texts[n]) {
    out[n] = bytes_of(list->texts[n]);
    n++;
  }
  return n;
}

void txt_show(const struct txt_list *list, char *out, size_t size) {
  size_t len = 0;
  for (size_t i = 0; i < TXT_KEPT && list->texts[i] && len < size; i++)
    len += (size_t)snprintf(out + len, size - len, "%s%s", i ? "\n" : "", list->texts[i]);
}
