#include "relay/delivery/outcome/story.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h> /* last: it has a macro named fail */

static void test_hosts_in_order(void **state) {
  (void)state;
  char *walked = NULL, *own = NULL;
  story_add_incident(&walked, "a[192.0.2.1]:25",
                     &(struct incident){.stage = STAGE_CONNECT, .trouble = TROUBLE_NETWORK, .text = "refused"});
  story_add_incident(&walked, "b[192.0.2.2]:25",
                     &(struct incident){.stage = STAGE_GREETING,
                                        .trouble = TROUBLE_REPLY,
                                        .reply = {.code = 421, .enhanced = "4.3.2", .text = "busy"}});
  assert_string_equal(walked, "a[192.0.2.1]:25: refused; "
                              "b[192.0.2.2]:25: 421 4.3.2 busy (while waiting for the greeting)");
  story_add(&own, walked);
  story_add_ruling(&own, "c[192.0.2.3]:25",
                   &(struct ruling){.remote = true, .code = 451, .enhanced = "4.7.1", .text = "greylisted"});
  story_add_ruling(&own, "d", &(struct ruling){.code = 450, .enhanced = "4.4.2", .text = "closed"});
  story_add_ruling(&own, "e", &(struct ruling){.remote = true, .enhanced = "4.4.7", .text = "not delivered within 5d"});
  char *all = story_tell("no answer", own, NULL);
  assert_string_equal(all, "no answer; before it: a[192.0.2.1]:25: refused; "
                           "b[192.0.2.2]:25: 421 4.3.2 busy (while waiting for the greeting); "
                           "c[192.0.2.3]:25: 451 4.7.1 greylisted; d: closed; e: not delivered within 5d");
  free(all);
  free(walked);
  free(own);
}

static void test_nothing_to_tell(void **state) {
  (void)state;
  char *story = NULL;
  story_add(&story, NULL);
  assert_null(story);
  assert_null(story_tell("x", NULL, NULL));
  char *second = story_tell("x", NULL, "y: z");
  assert_string_equal(second, "x; before it: y: z");
  free(second);
}

static void test_by_command(void **state) {
  (void)state;
  char *named = story_by_command("amy moved away", "returned"), *not_named = story_by_command("- moved", "returned");
  assert_string_equal(named, "by command (amy): returned");
  assert_string_equal(not_named, "by command: returned");
  free(named);
  free(not_named);
}

/* However much hosts say; and no half of a character. */
static void test_is_bounded(void **state) {
  (void)state;
  char *story = NULL;
  struct incident i = {.trouble = TROUBLE_REPLY, .reply = {.code = 451}};
  for (size_t k = 0; k + 2 < sizeof i.reply.text; k += 2) memcpy(i.reply.text + k, "\xc3\xa4", 2);
  for (int k = 0; k < 50; k++) {
    char host[40];
    snprintf(host, sizeof host, "mx%d", k);
    story_add_incident(&story, host, &i);
    assert_true(strlen(story) <= STORY_MAX);
    size_t len = strlen(story);
    assert_true((unsigned char)story[len - 1] != 0xc3);
  }
  char *all = story_tell(i.reply.text, story, story);
  assert_true(strlen(all) < REPLY_TEXT_MAX + STORY_MAX + 40);
  free(all);
  free(story);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_hosts_in_order),
      cmocka_unit_test(test_by_command),
      cmocka_unit_test(test_nothing_to_tell),
      cmocka_unit_test(test_is_bounded),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
