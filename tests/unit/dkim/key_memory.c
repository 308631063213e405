/* Memory for keys: what it gives, that it is wiped, and what happens when there is no more. */
#include "dkim/key_memory_private.h"
#include "dkim/keys.h"
#include "tests/unit/caught.h"

#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

#define LARGEST (32 * 1024)

static void blocks_have_room_and_do_not_overlap(void **state) {
  (void)state;
  enum { COUNT = 600 };
  static char *blocks[COUNT];
  static const size_t sizes[] = {0, 1, 31, 32, 33, 100, 1000, 4096, 5000, LARGEST};
  for (size_t i = 0; i < COUNT; i++) {
    size_t len = sizes[i % 10];
    blocks[i] = key_arena_alloc(len);
    assert_non_null(blocks[i]);
    assert_true(key_arena_has(blocks[i]) && key_arena_size(blocks[i]) >= len && (uintptr_t)blocks[i] % 16 == 0);
    memset(blocks[i], (int)(i % 251) + 1, key_arena_size(blocks[i]));
  }
  for (size_t i = 0; i < COUNT; i++)
    for (size_t k = 0; k < key_arena_size(blocks[i]); k++) assert_int_equal((unsigned char)blocks[i][k], i % 251 + 1);
  for (size_t i = 0; i < COUNT; i++) key_arena_free(blocks[i]);
  assert_null(key_arena_alloc(LARGEST + 1));
}

static void what_is_freed_is_wiped_and_used_again(void **state) {
  (void)state;
  char *one = key_memory_alloc(500);
  memset(one, 's', 500);
  key_memory_free(one, 500);
  for (size_t i = sizeof(void *); i < 500; i++) assert_int_equal(one[i], 0);
  assert_ptr_equal(key_memory_alloc(300), one);
  key_memory_free(one, 300);
  key_memory_free(NULL, 0);
}

static void openssl_is_within_while_a_key_is_parsed(void **state) {
  (void)state;
  char *outside = OPENSSL_malloc(100);
  key_memory_begin();
  char *inside = OPENSSL_malloc(100), *large = OPENSSL_malloc(100 * 1024);
  memset(inside, 'x', 100);
  inside = OPENSSL_realloc(inside, 3000);
  assert_true(key_arena_has(inside) && inside[99] == 'x');
  key_memory_end();
  assert_false(key_arena_has(outside) || key_arena_has(large));
  inside = OPENSSL_realloc(inside, 6000); /* ordinary memory from here on */
  assert_true(!key_arena_has(inside) && inside[99] == 'x');
  OPENSSL_free(inside);
  OPENSSL_free(outside);
  OPENSSL_free(large);
}

static int load(enum key_algorithm algorithm) {
  struct buffer pem, public;
  struct signer_key *key;
  struct reason why;
  assert_int_equal(key_generate(algorithm, 2048, &pem, &public, &why), OK);
  int rc = signer_key_load(buffer_bytes(&pem), &key, &why);
  signer_key_release(&key);
  buffer_wipe_free(&pem);
  buffer_free(&public);
  return rc;
}

static void keys_that_come_and_go_take_no_more_each_time(void **state) {
  (void)state;
  void *before[64], *after[64];
  for (int i = 0; i < 3; i++) assert_int_equal(load(KEY_RSA) + load(KEY_ED25519), OK);
  for (int i = 0; i < 64; i++) before[i] = key_arena_alloc(128);
  for (int i = 63; i >= 0; i--) key_arena_free(before[i]);
  for (int i = 0; i < 20; i++) assert_int_equal(load(KEY_RSA) + load(KEY_ED25519), OK);
  for (int i = 0; i < 64; i++) { /* the same blocks, in whatever order: none is missing */
    after[i] = key_arena_alloc(128);
    bool known = false;
    for (int k = 0; k < 64; k++) known |= before[k] == after[i];
    assert_true(known);
  }
  for (int i = 0; i < 64; i++) key_arena_free(after[i]);
}

/* The last: nothing is given back. */
static void a_full_arena_leaves_ordinary_memory(void **state) {
  (void)state;
  char said[4096];
  struct caught log = catch_stream(stderr);
  for (size_t len = LARGEST; len >= 32; len /= 2)
    while (key_arena_alloc(len)) {
    }
  char *at = key_memory_alloc(100);
  int rc = load(KEY_RSA) + load(KEY_ED25519);
  release_stream(&log, said, sizeof said);
  assert_true(at && !key_arena_has(at));
  key_memory_free(at, 100);
  assert_int_equal(rc, OK);
  const char *line = strstr(said, "no more room in locked memory");
  assert_non_null(line);
  assert_null(strstr(line + 1, "no more room"));
}

static int setup(void **state) {
  (void)state;
  key_memory_open();
  key_memory_open(); /* does nothing */
  return 0;
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(blocks_have_room_and_do_not_overlap),
      cmocka_unit_test(what_is_freed_is_wiped_and_used_again),
      cmocka_unit_test(openssl_is_within_while_a_key_is_parsed),
      cmocka_unit_test(keys_that_come_and_go_take_no_more_each_time),
      cmocka_unit_test(a_full_arena_leaves_ordinary_memory),
  };
  return cmocka_run_group_tests(tests, setup, NULL);
}
