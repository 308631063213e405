#include "base/clock.h"
#include "base/id.h"
#include "cli/command.h"
#include "cli/event_print.h"
#include "cli/output.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

/* What to do about it, by the enhanced status code (RFC 3463) and, where that is not enough, by what the text says. */
static const struct {
  const char *enhanced, *text, *advice;
} advice[] = {
    {"5.7.23", "",
     "Publish the SPF record that the reply shows (sendoff domain records DOMAIN prints it too), wait for its TTL, and "
     "send again. Until then: sendoff domain set DOMAIN --spf observe."},
    {"", "may not send",
     "Let the account use that sender: sendoff account set ACCOUNT --sender ... (give all that it may use), or correct "
     "the From address in the application."},
    {"", "is suspended",
     "The account was suspended by an operator. When the cause is gone: sendoff account resume ACCOUNT."},
    {"", " of ",
     "Wait until the window ends, or raise the limit: sendoff account set ACCOUNT --limit ... (give all of its "
     "limits). sendoff account usage ACCOUNT shows where it stands."},
    {"", "in this message",
     "Send to fewer recipients in one message, or raise the limit: sendoff account set ACCOUNT --limit ..."},
    {"5.7.8", "",
     "The application has a wrong password. Give it a new one: sendoff account password ACCOUNT. If nobody knows that "
     "client address, somebody is guessing."},
    {"5.6.11", "",
     "The application ends lines with LF or CR alone. Most mail libraries have a setting for CRLF; some need the "
     "message built with it."},
    {"5.6.1", "",
     "The application sends 8-bit text without announcing it. Allow it: sendoff account set ACCOUNT --eight-bit "
     "accept."},
    {"5.6.7", "",
     "A header field has raw 8-bit text. Encode it (RFC 2047), or allow it: sendoff account set ACCOUNT --eight-bit "
     "accept."},
    {"5.6.0", "", "The message is not well-formed in the way that the text says; its maker has to mend it."},
    {"5.3.4", "", "The message is too large. Raise max_message_size in the configuration, or send less."},
    {"5.4.6", "",
     "The message goes in a circle: a forwarder or a route sends it back here. Look at its Received fields."},
    {"4.3.", "",
     "The gateway could not do it at that moment (disk or memory); its own log says more. The application should try "
     "again."},
};

static const char *advise(const struct event *e) {
  for (size_t i = 0; i < sizeof advice / sizeof advice[0]; i++)
    if (strncmp(e->enhanced, advice[i].enhanced, strlen(advice[i].enhanced)) == 0 && strstr(e->text, advice[i].text))
      return advice[i].advice;
  return "";
}

struct found {
  struct cli *c;
  size_t count;
  char advice[512];
};

static bool explain_ref(void *arg, const struct event *e) {
  struct found *f = arg;
  char since[40];
  f->count++;
  if (f->c->json) {
    json_t *object = event_json(e);
    json_object_set_new(object, "advice", json_text(advise(e)));
    print_json(object);
    return true;
  }
  clock_format_span(clock_now_us() - id_time_us(e->id), since, sizeof since);
  event_print_story(e);
  if (*e->from) printf("    from     %s\n", e->from);
  printf("    made     %llu time%s, first %s ago\n", (unsigned long long)e->count, e->count == 1 ? "" : "s", since);
  if (*advise(e)) printf("\n  What to do: %s\n", advise(e));
  return true;
}

static bool explain_message(void *arg, const struct event *e) {
  struct found *f = arg;
  f->count++;
  if (f->c->json)
    print_json(event_json(e));
  else
    event_print_story(e);
  return true;
}

static enum exit_status why_run(struct cli *c) {
  char ref[64];
  struct reader *r;
  struct found f = {.c = c};
  struct log_filter filter = {.kind = -1, .ref = ref};
  bytes_copy(bytes_of(c->words[0]), ref, sizeof ref);
  for (char *at = ref; *at; at++) *at = (char)toupper((unsigned char)*at);
  if (cli_reader(c, &r) != EXIT_DONE) return EXIT_NO;
  int rc = reader_log(r, &filter, explain_ref, &f);
  if (rc == OK && !f.count && id_parse(c->words[0], &filter.message_id) == OK && filter.message_id) {
    filter.ref = NULL;
    rc = reader_log(r, &filter, explain_message, &f);
  }
  reader_close(&r);
  if (rc != OK) return cli_fail(EXIT_NO, "the log cannot be read: %s", result_text(rc));
  return f.count ? EXIT_DONE
                 : cli_fail(EXIT_NO, "nothing is known of %s; references are kept for as long as log { retain } says",
                            c->words[0]);
}

const struct verb why_verbs[] = {
    {"why", NULL, "REF", "",
     "Why something was refused or delayed, and what to do. REF is what the refusal ends with, or a message id.",
     "sendoff why 7QF2K9", 1, 1, why_run},
    {0}};
