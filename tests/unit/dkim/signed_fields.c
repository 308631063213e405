/* What h= names, of a message that has everything. */
#include "dkim/probe.h"
#include "dkim/signer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

/* The value of h=, white space taken out, ":" before and behind it. */
static void sign(const char *const names[], char *h, size_t size) {
  struct signer_lib *lib;
  struct signer_key key;
  struct signer *s;
  struct reason why;
  struct buffer out;
  char field[128];
  assert_int_equal(signer_lib_new(&lib, &why), OK);
  assert_true(probe_key_make(KEY_ED25519, &key));
  buffer_init(&out, PROBE_SIGNATURES_MAX);
  assert_int_equal(signer_begin(lib, &(struct signer_identity){&key, "example.com", "s"}, 1, &s, &why), OK);
  assert_int_equal(signer_header(s, BYTES("From: a@example.com\r\n")), OK);
  for (size_t i = 0; names[i]; i++) {
    snprintf(field, sizeof field, "%s: a value\r\n", names[i]);
    assert_int_equal(signer_header(s, bytes_of(field)), OK);
  }
  assert_int_equal(signer_headers_end(s, &why), OK);
  assert_int_equal(signer_finish(s, &out, &why), OK);
  assert_int_equal(buffer_add(&out, "", 1), OK);
  const char *at = strstr(out.at, "\th=");
  assert_non_null(at);
  snprintf(h, size, ":");
  for (at += 3; *at != ';'; at++)
    if (!strchr(" \t\r\n", *at)) snprintf(h + strlen(h), size - strlen(h), "%c", *at);
  snprintf(h + strlen(h), size - strlen(h), ":");
  buffer_free(&out);
  signer_free(&s);
  EVP_PKEY_free(key.pkey);
  signer_lib_free(&lib);
}

static bool has(const char *h, const char *name) {
  char wanted[128];
  snprintf(wanted, sizeof wanted, ":%s:", name);
  return strcasestr(h, wanted) != NULL;
}

static void what_says_something_is_signed(void **state) {
  (void)state;
  static const char *const names[] = {
      /* RFC 6376 5.4.1 */
      "Reply-To", "Subject", "Date", "To", "Cc", "Resent-Date", "Resent-From", "Resent-To", "Resent-Cc", "In-Reply-To",
      "References", "List-Id", "List-Help", "List-Unsubscribe", "List-Subscribe", "List-Post", "List-Owner",
      "List-Archive",
      /* RFC 8058 4, RFC 9477 3.1.4, RFC 9078 2, and what Gmail and Orange count complaints by */
      "List-Unsubscribe-Post", "CFBL-Address", "CFBL-Feedback-ID", "Content-Disposition", "Feedback-ID", "Message-ID",
      "MIME-Version", "Content-Type", "Content-Transfer-Encoding", "Auto-Submitted", "Sender", NULL};
  char h[2048];
  sign(names, h, sizeof h);
  for (size_t i = 0; names[i]; i++)
    if (!has(h, names[i])) fail_msg("%s is not signed: %s", names[i], h);
  assert_non_null(strcasestr(h, ":from:"));
}

static void what_hops_change_is_not(void **state) {
  (void)state;
  static const char *const names[] = {
      "Return-Path", "Received",       "Delivered-To", "Bcc",      "Resent-Bcc",    "Authentication-Results",
      "ARC-Seal",    "DKIM-Signature", "Comments",     "Keywords", "X-Spam-Status", NULL};
  char h[2048];
  sign(names, h, sizeof h);
  if (strcasecmp(h, ":from:from:") != 0) fail_msg("%s", h); /* once more than it is there */
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(what_says_something_is_signed),
                                     cmocka_unit_test(what_hops_change_is_not)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
