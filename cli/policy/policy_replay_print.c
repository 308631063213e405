#include "cli/policy/policy_replay_print.h"
#include "cli/output/moment.h"
#include "cli/output/table.h"

#include "base/clock.h"
#include "base/id.h"

#include <inttypes.h>
#include <stdio.h>

struct table *policy_replay_table(void) {
  return table_new((const char *const[]){"OF~", "MAIL", "REFUSED", "FIRST", "LAST", "DELAYED", "MOST"}, 7);
}

static void row_json(const struct replayed *r) {
  print_json(json_pack("{s:o, s:I, s:I, s:o, s:o, s:I, s:I}", scope_name(r->scope), json_text(r->owner), "messages",
                       (json_int_t)r->messages, "refused", (json_int_t)r->refused, "first",
                       r->refused ? json_time(r->first_us) : json_null(), "last",
                       r->refused ? json_time(r->last_us) : json_null(), "put_off", (json_int_t)r->put_off,
                       "longest_delay_ms", (json_int_t)(r->latest_delay_us / 1000)));
}

void policy_replay_row(const struct cli *c, struct table *t, const struct replayed *r) {
  char messages[24], refused[24], first[MOMENT_TEXT] = "", last[MOMENT_TEXT] = "", put_off[24], delay[40] = "";
  if (c->json) {
    row_json(r);
    return;
  }
  snprintf(messages, sizeof messages, "%" PRIu64, r->messages);
  snprintf(refused, sizeof refused, "%" PRIu64, r->refused);
  snprintf(put_off, sizeof put_off, "%" PRIu64, r->put_off);
  if (r->refused) moment_short(r->first_us, cli_switch(c, "utc"), first);
  if (r->refused) moment_short(r->last_us, cli_switch(c, "utc"), last);
  if (r->put_off) clock_format_span(r->latest_delay_us, delay, sizeof delay);
  table_add(t, (const char *const[]){r->owner, messages, refused, first, last, put_off, delay});
}

static void message_json(const struct event *e, const struct refusal *why, int64_t until_us) {
  char message[ID_TEXT];
  id_format(e->message_id, message);
  json_t *object = json_pack("{s:o, s:s, s:o, s:o, s:o}", "time", json_time(id_time_us(e->id)), "message", message,
                             "account", json_text(e->account), "from", json_text(e->from), "to", json_text(e->to));
  if (why) {
    json_object_set_new(object, "code", json_integer(why->code));
    json_object_set_new(object, "enhanced", json_string(why->enhanced));
    json_object_set_new(object, "text", json_text(why->text));
  } else {
    json_object_set_new(object, "leaves", json_time(until_us));
  }
  print_json(object);
}

void policy_replay_message(const struct cli *c, const struct event *e, const struct refusal *why, int64_t until_us) {
  char time[MOMENT_TEXT], until[MOMENT_TEXT], message[ID_TEXT];
  if (c->json) {
    message_json(e, why, until_us);
    return;
  }
  moment_text(id_time_us(e->id), cli_switch(c, "utc"), time);
  moment_text(until_us, cli_switch(c, "utc"), until);
  id_format(e->message_id, message);
  printf("%s  %s  ", time, message);
  print_safe(e->account);
  printf("  <");
  print_safe(e->from);
  printf("> -> <");
  print_safe(e->to);
  printf(">  ");
  if (why) {
    printf("%d %s ", why->code, why->enhanced);
    print_safe(why->text);
  } else {
    printf("put off until %s", until);
  }
  putchar('\n');
}
