/* A key's signature is verified with what is published, by code that is not what signed. */
#include "relay/domain/probe.h"

#include "dkim/keys.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/exact.h"

struct key {
  struct buffer pem, public;
  char record[2048];
};

static void make(enum key_algorithm algorithm, struct key *k) {
  struct reason why;
  struct buffer record;
  buffer_init(&record, sizeof k->record);
  assert_int_equal(key_generate(algorithm, 2048, &k->pem, &k->public, &why), OK);
  assert_int_equal(buffer_add(&k->public, "", 1), OK);
  assert_int_equal(key_record(algorithm, k->public.at, &record), OK);
  assert_true(bytes_copy(buffer_bytes(&record), k->record, sizeof k->record));
  buffer_free(&record);
}

static void drop(struct key *k) {
  buffer_wipe_free(&k->pem);
  buffer_wipe_free(&k->public);
}

static int probe(const struct key *signs, const char *record, struct reason *why) {
  why->text[0] = '\0';
  return probe_key("example.com", "s1", buffer_bytes(&signs->pem), record, why);
}

static void test_keys(void **state) {
  (void)state;
  struct key rsa, rsa2, ed, ed2;
  struct reason why;
  char spaced[4096] = "";
  make(KEY_RSA, &rsa);
  make(KEY_RSA, &rsa2);
  make(KEY_ED25519, &ed);
  make(KEY_ED25519, &ed2);
  assert_int_equal(probe(&rsa, rsa.record, &why), OK);
  assert_int_equal(probe(&ed, ed.record, &why), OK);
  for (size_t i = 0; rsa.record[i]; i++) { /* some web forms do that */
    size_t len = strlen(spaced);
    snprintf(spaced + len, sizeof spaced - len, i > 30 && i % 60 == 0 ? "%c  " : "%c", rsa.record[i]);
  }
  assert_int_equal(probe(&rsa, spaced, &why), OK);
  assert_int_equal(probe(&rsa, rsa2.record, &why), E_DENIED);
  assert_string_equal(why.text, "the signature does not verify with the published key");
  assert_int_equal(probe(&ed, ed2.record, &why), E_DENIED);
  assert_int_equal(probe(&ed, rsa.record, &why), E_DENIED);
  assert_string_equal(why.text, "the published key is not of the signature's algorithm");
  assert_int_equal(probe(&rsa, "v=DKIM1; k=rsa; p=AAAA", &why), E_SYNTAX);
  assert_int_equal(probe(&ed, "v=DKIM1; k=ed25519; p=AAAA", &why), E_SYNTAX);
  assert_int_equal(probe(&ed, "v=DKIM1; k=ed25519; p=", &why), E_SYNTAX);
  assert_int_equal(probe(&ed, "nothing of this kind", &why), E_SYNTAX);
  assert_int_equal(probe(&ed, "v=DKIM1; k=ed25519; p=!!!!", &why), E_SYNTAX);
  drop(&rsa);
  drop(&rsa2);
  drop(&ed);
  drop(&ed2);
}

/* Example of RFC 8463 appendix A.3, which another implementation signed. */
static const char letter[] = "DKIM-Signature: v=1; a=ed25519-sha256; c=relaxed/relaxed;\r\n"
                             " d=football.example.com; i=@football.example.com;\r\n"
                             " q=dns/txt; s=brisbane; t=1528637909; h=from : to :\r\n"
                             " subject : date : message-id : from : subject : date;\r\n"
                             " bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;\r\n"
                             " b=/gCrinpcQOoIfuHNQIbq4pgh9kyIK3AQUdt9OdqQehSwhEIug4D11Bus\r\n"
                             " Fa3bT3FY5OsU7ZbnKELq+eXdp1Q1Dw==\r\n"
                             "From: Joe SixPack <joe@football.example.com>\r\n"
                             "To: Suzie Q <suzie@shopping.example.net>\r\n"
                             "Subject: Is dinner ready?\r\n"
                             "Date: Fri, 11 Jul 2003 21:00:37 -0700 (PDT)\r\n"
                             "Message-ID: <20030712040037.46341.5F8J@football.example.com>\r\n"
                             "\r\n"
                             "Hi.\r\n\r\nWe lost the game.  Are you hungry yet?\r\n\r\nJoe.\r\n";
static const char brisbane[] = "v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=";

static void test_a_strangers_signature(void **state) {
  (void)state;
  struct reason why = {""};
  int rc = probe_verify(BYTES(letter), bytes_of(brisbane), &why);
  print_message("%s\n", why.text);
  assert_int_equal(rc, OK);
}

/* Whatever octet of what is signed is changed, and wherever the message is cut: never verified, never read beyond. */
static void test_damaged(void **state) {
  (void)state;
  size_t len = sizeof letter - 1, from = (size_t)(strstr(letter, "From:") - letter);
  for (size_t at = 0; at < len; at++) {
    char *hold;
    struct bytes copy = exact_copy((struct bytes){letter, len}, &hold);
    hold[at] ^= 1;
    int rc = probe_verify(copy, bytes_of(brisbane), NULL);
    if (at >= from && letter[at] != ' ' && letter[at] != '\r' && letter[at] != '\n') assert_int_not_equal(rc, OK);
    free(hold);
    copy = exact_copy((struct bytes){letter, at}, &hold);
    probe_verify(copy, bytes_of(brisbane), NULL);
    free(hold);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_keys), cmocka_unit_test(test_a_strangers_signature),
                                     cmocka_unit_test(test_damaged)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
