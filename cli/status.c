#include "base/text/quantity.h"
#include "cli/command.h"
#include "cli/delivery/source_listings.h"
#include "cli/machine/machine.h"
#include "cli/output/output.h"
#include "relay/daemon/control_client.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ANSWER_MAX (1024 * 1024) /* two hundred bans and certificates, with the longest paths */
#define CERTIFICATES_PROBLEM "certificates_problem"

static const char *text_of(const json_t *of, const char *name) {
  const char *text = json_string_value(json_object_get(of, name));
  return text ? text : "?";
}

/* Of a list; NULL: there was no memory for it. */
static void print_item(const char *line) {
  printf("  ");
  print_fitted(line ? line : "?", 2, 4);
}

static void print_ban(const json_t *ban) {
  char left[40];
  const char *account = json_string_value(json_object_get(ban, "account"));
  const char *address = json_string_value(json_object_get(ban, "address"));
  clock_format_span(json_integer_value(json_object_get(ban, "seconds_left")) * SECOND_US, left, sizeof left);
  if (account)
    printf("  account %s: for %s logins only from addresses that it knows\n", account, left);
  else
    printf("  %s: for %s\n", address ? address : "?", left);
}

static void print_bans(const json_t *bans, json_int_t count) {
  size_t i;
  const json_t *ban;
  if (!json_array_size(bans)) return;
  printf("\nBanned for failed logins (lift it: sendoff unban ADDRESS|ACCOUNT|--all):\n");
  json_array_foreach(bans, i, ban) print_ban(ban);
  if (count > (json_int_t)i) printf("  and %lld more\n", (long long)count - (long long)i);
}

static void print_certificate(const json_t *c) {
  char left[40], *line = NULL;
  json_int_t seconds = json_integer_value(json_object_get(c, "seconds_left"));
  clock_format_span((seconds < 0 ? -seconds : seconds) * SECOND_US, left, sizeof left);
  if (asprintf(&line, "%s: %s, %s %s (%s%s%s)%s%s", text_of(c, "file"), text_of(c, "names"),
               seconds < 0 ? "EXPIRED" : "expires", text_of(c, "expires"), seconds < 0 ? "" : "in ", left,
               seconds < 0 ? " ago" : "", json_is_true(json_object_get(c, "self_signed")) ? ", self-signed" : "",
               json_is_string(json_object_get(c, "alarm")) ? ": RENEW IT" : "") < 0)
    line = NULL;
  print_item(line);
  free(line);
}

static void print_certificates(const json_t *object) {
  size_t i;
  const json_t *c, *list = json_object_get(object, "certificates");
  const char *problem = json_string_value(json_object_get(object, CERTIFICATES_PROBLEM));
  if (json_array_size(list)) printf("\nCertificates in use:\n");
  json_array_foreach(list, i, c) print_certificate(c);
  char *line = NULL;
  if (!problem) return;
  if (asprintf(&line, "NOT RENEWED: %s", problem) < 0) line = NULL;
  print_item(line);
  free(line);
}

static void print_domain_alarms(const json_t *list) {
  size_t i;
  const json_t *one;
  if (json_array_size(list)) puts("\nRecords that were right and are not any more (sendoff domain check DOMAIN):");
  json_array_foreach(list, i, one) {
    char *line = NULL;
    if (asprintf(&line, "%s: %s %s, since %s: %s", text_of(one, "domain"), text_of(one, "kind"), text_of(one, "state"),
                 text_of(one, "since"), text_of(one, "text")) < 0)
      line = NULL;
    print_item(line);
    free(line);
  }
}

/* "disk_free": in octets. */
static void print_counter(const char *name, const json_t *value) {
  char size[40];
  json_int_t number = json_integer_value(value);
  if (strncmp(name, "disk_", 5) == 0 && number >= 0) {
    size_format((uint64_t)number, size, sizeof size);
    printf("%-22s %s\n", name, size);
  } else {
    printf("%-22s %lld\n", name, (long long)number);
  }
}

static void print_counters(const char *text, size_t len) {
  json_t *object = json_loadb(text, len, 0, NULL), *value;
  const char *key;
  json_object_foreach(object, key, value) {
    if (json_is_array(value) || strcmp(key, CERTIFICATES_PROBLEM) == 0) continue;
    if (json_is_string(value))
      printf("%-22s %s\n", key, json_string_value(value));
    else
      print_counter(key, value);
  }
  print_bans(json_object_get(object, "bans"), json_integer_value(json_object_get(object, "banned")));
  print_certificates(object);
  status_print_listings(json_object_get(object, "listings"));
  print_domain_alarms(json_object_get(object, "domain_alarms"));
  json_decref(object);
}

static enum exit_status status(struct cli *c) {
  struct buffer answer;
  if (cli_config(c) != EXIT_DONE) return EXIT_NO;
  buffer_init(&answer, ANSWER_MAX);
  int rc = control_ask(c->config->data_dir, "status", &answer);
  enum exit_status out = EXIT_DONE;
  if (rc == E_NOT_FOUND)
    out = machine_not_running();
  else if (rc == E_DENIED)
    out = cli_fail(EXIT_NO, "the gateway says: %.*s", (int)answer.len, answer.at);
  else if (rc != OK)
    out = machine_no_answer(c->config);
  else if (c->json)
    printf("%.*s\n", (int)answer.len, answer.at);
  else
    print_counters(answer.at, answer.len);
  buffer_free(&answer);
  return out;
}

const struct verb status_verbs[] = {
    {"status", NULL, "",
     "The running gateway's counters, its certificates, who is banned for failed logins, and what blocklists list.",
     "sendoff status", 0, 0, status},
    {0}};
