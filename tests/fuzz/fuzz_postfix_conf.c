/* Postfix's main.cf and master.cf: lines come in order and clean, what is set is found, and a value is expanded within
 * its bounds, whatever refers to what. */
#include "tests/fuzz/fuzz.h"

#include "cli/import/postfix_conf.h"

static void check_value(const struct postfix_conf *c, const struct postfix_setting *s) {
  struct buffer value;
  buffer_init(&value, POSTFIX_VALUE_MAX);
  int rc = postfix_conf_value(c, s->name, &value);
  CHECK(rc == OK || rc == E_SYNTAX || rc == E_TOO_BIG);
  CHECK(value.len <= POSTFIX_VALUE_MAX);
  if (rc == OK && !strchr(postfix_conf_find(c, s->name)->value, '$'))
    CHECK(bytes_equal(buffer_bytes(&value), bytes_of(postfix_conf_find(c, s->name)->value)));
  buffer_free(&value);
}

static void check_lines(struct bytes text) {
  struct postfix_lines lines = {.rest = text};
  struct buffer line;
  unsigned last = 0;
  buffer_init(&line, POSTFIX_LINE_MAX);
  while (postfix_next_line(&lines, &line) == 1) {
    CHECK(lines.number > last && line.len && line.at[0] != '#' && line.at[0] != ' ' && line.at[line.len - 1] != ' ');
    last = lines.number;
  }
  buffer_free(&line);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  char *hold;
  if (size > 4096) return 0; /* what refers to what may grow */
  struct bytes text = exact((struct bytes){(const char *)data, size}, &hold);
  struct postfix_conf c = {0};
  struct postfix_services services = {0};
  struct reason why = {""};
  check_lines(text);
  int rc = postfix_conf_read(text, &c, &why);
  CHECK(rc == OK || *why.text);
  for (size_t i = 0; i < c.count && i < 16; i++) {
    CHECK(*c.all[i].name && !strchr(c.all[i].name, '=') && c.all[i].line);
    check_value(&c, &c.all[i]);
  }
  why.text[0] = '\0';
  rc = postfix_services_read(text, &c, &services, &why);
  CHECK(rc == OK || *why.text);
  postfix_services_free(&services);
  postfix_conf_free(&c);
  free(hold);
  return 0;
}
