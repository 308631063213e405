#include "base/clock.h"
#include "cli/doctor/checks.h"
#include "cli/doctor/gather.h"
#include "cli/output/output.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define INDENT 4

/* --- what is printed --- */

static const char *colour(enum severity s) {
  static const char *const colours[] = {"\033[31m", "\033[33m", "", "\033[32m"};
  return output_is_colored() ? colours[s] : "";
}

/* What is to be typed or published stays in one line, so that it can be copied. */
static void print_fix(const char *text) {
  while (*text) {
    size_t n = strcspn(text, "\n");
    char *line = strndup(text, n);
    printf("%*s-> ", INDENT, "");
    print_safe(line ? line : "?");
    putchar('\n');
    free(line);
    text += n + (text[n] == '\n');
  }
}

static void print_finding(const struct doctor_finding *one) {
  char *text = NULL;
  const char *on = colour(one->severity);
  printf("%s%s%s  %s", on, severity_name(one->severity), *on ? "\033[0m" : "", one->check);
  if (*one->about) {
    putchar(' ');
    print_safe(one->about);
  }
  printf("\n%*s", INDENT, "");
  if (asprintf(&text, "%s%s%s%s", one->text, *one->see ? " (" : "", one->see, *one->see ? ")" : "") < 0) text = NULL;
  print_wrapped(text ? text : "?", INDENT, INDENT, false);
  free(text);
  print_fix(one->fix);
  putchar('\n');
}

static void print_finding_json(const struct doctor_finding *one) {
  print_json(json_pack("{s:s, s:s, s:o, s:o, s:o, s:o}", "severity", severity_name(one->severity), "check", one->check,
                       "about", json_text(one->about), "text", json_text(one->text), "fix", json_text(one->fix), "see",
                       *one->see ? json_text(one->see) : json_null()));
}

static void print_sum(const struct findings *f) {
  size_t errors = findings_count(f, SEVERITY_ERROR), warnings = findings_count(f, SEVERITY_WARNING),
         notes = findings_count(f, SEVERITY_NOTE);
  if (!errors && !warnings && !notes)
    puts("All is well.");
  else
    printf("%zu error%s, %zu warning%s, %zu note%s. Each is explained in docs/doctor.md.\n", errors,
           errors == 1 ? "" : "s", warnings, warnings == 1 ? "" : "s", notes, notes == 1 ? "" : "s");
}

static void print_all(const struct cli *c, const struct findings *f) {
  bool all = cli_switch(c, "all");
  for (size_t i = 0; i < f->count; i++) {
    const struct doctor_finding *one = &f->list[i];
    if (one->severity == SEVERITY_OK && !all) continue;
    if (c->json)
      print_finding_json(one);
    else
      print_finding(one);
  }
  if (!c->json) print_sum(f);
}

/* --- gathering --- */

void gathered_clear(struct gathering *g) {
  struct doctor_facts *d = g->facts;
  for (size_t i = 0; i < d->domain_count; i++) free(d->domains[i].report);
  free(d->domains);
  free(d->named);
  free(d->listeners);
  free(d->outgoing);
  free(d->sources);
  free(d->limits);
  free(d->brakes);
  free(d->waiting);
  free(d->paused);
  json_decref((json_t *)(uintptr_t)d->status);
  if (g->reader) reader_close(&g->reader);
  directory_release(&g->directory);
}

static void gather(struct gathering *g) {
  struct doctor_facts *d = g->facts;
  struct cli *c = g->c;
  d->now_us = clock_now_us();
  if (config_load(config_path(c->config_option), &c->config, &d->config_why) == OK) d->config = c->config;
  gather_named(g);
  gather_gateway(g);
  gather_machine(g);
  gather_store(g);
  gather_mail(g);
  g->deadline_ms = clock_monotonic_ms() + DOCTOR_MS;
  gather_network(g);
}

static enum exit_status doctor(struct cli *c) {
  struct doctor_facts *facts = calloc(1, sizeof *facts);
  struct gathering g = {.c = c, .facts = facts};
  struct findings f = {0};
  if (!facts) return cli_fail(EXIT_NO, "out of memory");
  gather(&g);
  doctor_judge(facts, &f);
  findings_sort(&f);
  print_all(c, &f);
  bool hurts = findings_count(&f, SEVERITY_ERROR) || findings_count(&f, SEVERITY_WARNING);
  if (f.failed) cli_warn("out of memory: findings are missing");
  findings_clear(&f);
  gathered_clear(&g);
  free(facts);
  return hurts ? EXIT_NO : EXIT_DONE;
}

const struct verb doctor_verbs[] = {
    {"doctor", NULL, "[--all]",
     "Checks everything that mail depends on, and says what is wrong, the worst first, each with the command or the "
     "DNS record that fixes it: configuration, certificates, listeners, whether this is an open relay, ports, DNS "
     "records, sources, blocklists, clock, disk, store, accounts near their limits, mail that does not move. Run it as "
     "root. --all also says what is well. Takes some seconds. Exit status 1: there is an error or a warning.",
     "sendoff doctor\n"
     "sendoff doctor --all\n"
     "sendoff doctor --json",
     0, 0, doctor},
    {0}};
