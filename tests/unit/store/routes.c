#include "store/sqlite/schema.h"
#include "tests/unit/store_lab.h"

static struct directory *directory_of(struct lab *l) {
  struct directory *d;
  struct reader *r = lab_reader(l);
  assert_ok(reader_directory(r, &d, &l->why), l->why);
  reader_close(&r);
  return d;
}

/* NULL: there is none. */
static void assert_secret(struct lab *l, int64_t id, const char *wanted) {
  struct reader *r = lab_reader(l);
  struct buffer out;
  buffer_init_secret(&out, 1000);
  assert_int_equal(reader_route_secret(r, id, ROUTE_PASSWORD, &out, &l->why), wanted ? OK : E_NOT_FOUND);
  assert_true(bytes_equal(buffer_bytes(&out), bytes_of(wanted)));
  buffer_wipe_free(&out);
  reader_close(&r);
}

static const struct route_keys *password(const char *text) {
  static struct route_keys keys;
  keys = (struct route_keys){.of = {[ROUTE_PASSWORD] = bytes_of(text)}};
  return &keys;
}

static struct static_route sample(const char *to, const char *account, const char *sender) {
  return (struct static_route){.to = to,
                               .account = account,
                               .sender = sender,
                               .lookup = ROUTE_BY_ADDRESS,
                               .host = "smtp.example.net",
                               .port = 2525,
                               .tls = ROUTE_TLS_VERIFY,
                               .implicit_tls = true,
                               .auth = ROUTE_AUTH_PASSWORD,
                               .user = "me"};
}

static void a_route_with_everything(void **state) {
  struct lab *l = *state;
  struct admin *a = lab_admin(l);
  lab_add_account(l, "blog");
  struct static_route r = sample("*.example.org", "blog", "example.com");
  assert_ok(admin_route_add(a, &r, password("s3cret"), &l->why), l->why);
  assert_int_equal(admin_route_add(a, &r, password("other"), &l->why), E_EXISTS);
  assert_non_null(strstr(l->why.text, "sendoff route set *.example.org --account blog --sender example.com"));
  struct directory *d = directory_of(l);
  assert_int_equal(d->route_count, 1);
  const struct static_route *is = &d->routes[0];
  assert_string_equal(is->to, r.to);
  assert_string_equal(is->account, r.account);
  assert_string_equal(is->sender, r.sender);
  assert_string_equal(is->host, r.host);
  assert_string_equal(is->user, r.user);
  assert_true(is->lookup == r.lookup && is->port == r.port && is->tls == r.tls && is->implicit_tls &&
              is->auth == r.auth && is->created_us > 0);
  assert_secret(l, is->id, "s3cret");
  directory_release(&d);
  admin_close(&a);
}

static void changed_ones_have_another_id(void **state) {
  struct lab *l = *state;
  struct admin *a = lab_admin(l);
  struct static_route r = sample("*", "", "");
  assert_ok(admin_route_add(a, &r, password("first"), &l->why), l->why);
  struct directory *d = directory_of(l);
  int64_t first = d->routes[0].id, login = d->routes[0].login, generation = d->generation;
  directory_release(&d);

  r.port = 465; /* the password stays */
  assert_ok(admin_route_set(a, &r, NULL, &l->why), l->why);
  d = directory_of(l);
  int64_t second = d->routes[0].id;
  assert_true(d->route_count == 1 && second > first && d->generation > generation && d->routes[0].port == 465);
  assert_int_equal(d->routes[0].login, login);
  directory_release(&d);
  assert_secret(l, login, "first");

  assert_ok(admin_route_set(a, &r, password("second"), &l->why), l->why);
  d = directory_of(l);
  int64_t third = d->routes[0].id;
  assert_int_not_equal(d->routes[0].login, login);
  assert_secret(l, d->routes[0].login, "second");
  directory_release(&d);
  assert_secret(l, login, NULL);

  r.auth = ROUTE_AUTH_NONE;
  assert_ok(admin_route_set(a, &r, NULL, &l->why), l->why);
  assert_int_equal(lab_number(l->dir, "SELECT count(*) FROM route_secrets"), 0);
  assert_ok(admin_route_remove(a, &r, &l->why), l->why);
  assert_int_equal(admin_route_remove(a, &r, &l->why), E_NOT_FOUND);
  assert_int_equal(admin_route_set(a, &r, NULL, &l->why), E_NOT_FOUND);
  assert_ok(admin_route_add(a, &r, password(""), &l->why), l->why);
  d = directory_of(l);
  assert_true(d->routes[0].id > third); /* never used again */
  directory_release(&d);
  admin_close(&a);
}

static void their_order(void **state) {
  static const char *const keys[][3] = {
      {"b.test", "", ""}, {"*", "", ""},          {"a.test", "blog", "z.test"}, {"a.test", "", "z.test"},
      {"*.test", "", ""}, {"a.test", "blog", ""}, {"a.test", "", ""},           {"*", "blog", ""},
  };
  struct lab *l = *state;
  struct admin *a = lab_admin(l);
  lab_add_account(l, "blog");
  for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
    struct static_route r = sample(keys[i][0], keys[i][1], keys[i][2]);
    assert_ok(admin_route_add(a, &r, password("x"), &l->why), l->why);
  }
  struct directory *d = directory_of(l);
  for (size_t i = 1; i < d->route_count; i++) assert_true(static_route_compare(&d->routes[i - 1], &d->routes[i]) < 0);
  for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
    const struct route_question q = {keys[i][0], keys[i][1], keys[i][2]};
    const struct static_route *found = static_route_find(d->routes, d->route_count, &q);
    assert_non_null(found);
    assert_string_equal(found->to, keys[i][0]);
    assert_string_equal(found->account, keys[i][1]);
  }
  directory_release(&d);
  admin_close(&a);
}

static void those_of_an_account_go_with_it(void **state) {
  struct lab *l = *state;
  struct admin *a = lab_admin(l);
  struct static_route own = sample("*", "blog", ""), all = sample("*", "", "");
  assert_int_equal(admin_route_add(a, &own, password("x"), &l->why), E_NOT_FOUND);
  assert_non_null(strstr(l->why.text, "no account blog"));
  lab_add_account(l, "blog");
  assert_ok(admin_route_add(a, &own, password("own"), &l->why), l->why);
  assert_ok(admin_route_add(a, &all, password("all"), &l->why), l->why);
  assert_ok(admin_account_remove(a, "blog", &l->why), l->why);
  assert_int_equal(lab_number(l->dir, "SELECT count(*) FROM routes"), 1);
  assert_int_equal(lab_number(l->dir, "SELECT count(*) FROM route_secrets"), 1);
  admin_close(&a);
}

static bool store_has(struct lab *l, const char *text) {
  static char content[4 << 20];
  char path[300];
  snprintf(path, sizeof path, "%s/%s", l->dir, STORE_FILE);
  FILE *file = fopen(path, "rb");
  assert_non_null(file);
  size_t n = fread(content, 1, sizeof content, file);
  fclose(file);
  assert_true(n > 0 && n < sizeof content);
  return memmem(content, n, text, strlen(text)) != NULL;
}

static void a_removed_password_is_overwritten(void **state) {
  struct lab *l = *state;
  struct static_route r = sample("*", "", "");
  lab_close(l);
  struct admin *a = lab_admin(l);
  assert_ok(admin_route_add(a, &r, password("-- the first password --"), &l->why), l->why);
  admin_close(&a); /* the last to close moves the log into the database */
  assert_true(store_has(l, "-- the first password --"));
  a = lab_admin(l);
  assert_ok(admin_route_set(a, &r, password("-- the second password --"), &l->why), l->why);
  admin_close(&a);
  assert_true(store_has(l, "-- the second password --"));
  assert_false(store_has(l, "-- the first password --"));
  a = lab_admin(l);
  assert_ok(admin_route_remove(a, &r, &l->why), l->why);
  admin_close(&a);
  assert_false(store_has(l, "-- the second password --"));
}

static int64_t answered_us = 100;

static int keep_token(struct lab *l, int64_t id, const char *access, const char *refresh, const char *failure) {
  struct store_route_token t = {.login = id,
                                .access = bytes_of(access),
                                .refresh = bytes_of(refresh),
                                .from_us = answered_us,
                                .token_until_us = 200,
                                .failure = failure};
  store_route_token_init(&t);
  return lab_run(&l->poster, &t.op);
}

static void assert_kind(struct lab *l, int64_t id, enum route_secret kind, const char *wanted) {
  struct reader *r = lab_reader(l);
  struct buffer out;
  buffer_init_secret(&out, 1000);
  assert_int_equal(reader_route_secret(r, id, kind, &out, &l->why), wanted ? OK : E_NOT_FOUND);
  assert_true(bytes_equal(buffer_bytes(&out), bytes_of(wanted)));
  buffer_wipe_free(&out);
  reader_close(&r);
}

/* What an endpoint gave, and why it gave nothing, as the gateway keeps it. */
static void tokens(void **state) {
  struct lab *l = *state;
  struct admin *a = lab_admin(l);
  struct static_route r = sample("*", "", "");
  r.auth = ROUTE_AUTH_OAUTH2;
  r.oauth2 = (struct route_oauth2){.endpoint = "https://e.example/", .client_id = "me", .scope = "s"};
  const struct route_keys keys = {.of = {[ROUTE_CLIENT_SECRET] = BYTES("secret"),
                                         [ROUTE_REFRESH_TOKEN] = BYTES("r0"),
                                         [ROUTE_ACCESS_TOKEN] = BYTES("a0")},
                                  .token_from_us = 10,
                                  .token_until_us = 20};
  assert_ok(admin_route_add(a, &r, &keys, &l->why), l->why);
  struct directory *d = directory_of(l);
  const struct static_route *is = &d->routes[0];
  int64_t id = is->login;
  assert_true(is->auth == ROUTE_AUTH_OAUTH2 && is->oauth2.token_from_us == 10 && is->oauth2.token_until_us == 20);
  assert_string_equal(is->oauth2.endpoint, "https://e.example/");
  assert_string_equal(is->oauth2.client_id, "me");
  assert_string_equal(is->oauth2.scope, "s");
  assert_string_equal(is->oauth2.failure, "");
  directory_release(&d);

  int64_t generation = lab_number(l->dir, "SELECT value FROM meta WHERE key = 'config'");
  assert_int_equal(keep_token(l, id, "", "", "no such client"), OK);
  assert_true(lab_number(l->dir, "SELECT value FROM meta WHERE key = 'config'") > generation);
  d = directory_of(l);
  assert_string_equal(d->routes[0].oauth2.failure, "no such client");
  assert_int_equal(d->routes[0].oauth2.token_until_us, 20); /* it is good as long as it is */
  directory_release(&d);

  assert_int_equal(keep_token(l, id, "a1", "", ""), OK);
  assert_kind(l, id, ROUTE_ACCESS_TOKEN, "a1");
  assert_kind(l, id, ROUTE_REFRESH_TOKEN, "r0"); /* none came: it stays */
  assert_int_equal(keep_token(l, id, "a2", "r2", ""), OK);
  assert_kind(l, id, ROUTE_REFRESH_TOKEN, "r2");
  assert_kind(l, id, ROUTE_CLIENT_SECRET, "secret");
  d = directory_of(l);
  assert_string_equal(d->routes[0].oauth2.failure, "");
  assert_int_equal(d->routes[0].oauth2.token_until_us, 200);
  directory_release(&d);

  answered_us = 99; /* what could not be stored at once comes behind what was said after it */
  assert_int_equal(keep_token(l, id, "old", "old", ""), OK);
  assert_int_equal(keep_token(l, id, "", "", "an old failure"), OK);
  assert_kind(l, id, ROUTE_ACCESS_TOKEN, "a2");
  assert_kind(l, id, ROUTE_REFRESH_TOKEN, "r2");
  assert_int_equal(lab_number(l->dir, "SELECT count(*) FROM route_failures"), 0);

  answered_us = clock_now_us() + 3600 * SECOND_US; /* by a clock that was ahead, and then set back */
  assert_int_equal(keep_token(l, id, "ahead", "r2", ""), OK);
  answered_us = clock_now_us();
  assert_int_equal(keep_token(l, id, "a3", "r3", ""), OK);
  assert_kind(l, id, ROUTE_ACCESS_TOKEN, "a3");

  assert_ok(admin_route_set(a, &r, NULL, &l->why), l->why); /* a renewal that is under way is for it, too */
  assert_int_equal(keep_token(l, id, "a4", "r4", ""), OK);
  d = directory_of(l);
  assert_int_equal(d->routes[0].login, id);
  assert_int_not_equal(d->routes[0].id, id);
  directory_release(&d);
  assert_kind(l, id, ROUTE_REFRESH_TOKEN, "r4");

  assert_ok(admin_route_set(a, &r, &keys, &l->why), l->why); /* with other secrets it is not */
  assert_int_equal(keep_token(l, id, "a5", "r5", ""), OK);
  assert_kind(l, id, ROUTE_ACCESS_TOKEN, NULL);
  assert_int_equal(lab_number(l->dir, "SELECT count(*) FROM route_secrets"), 3);
  assert_ok(admin_route_remove(a, &r, &l->why), l->why);
  assert_int_equal(lab_number(l->dir, "SELECT count(*) FROM route_secrets"), 0);
  assert_int_equal(lab_number(l->dir, "SELECT count(*) FROM route_failures"), 0);
  admin_close(&a);
}

/* What a version before routes has written is all there, and takes them. */
static void an_older_store_takes_them(void **state) {
  struct lab *l = *state;
  struct sql q;
  assert_ok(sql_open(l->dir, SQL_CREATE, &q, &l->why), l->why);
  assert_ok(schema_migrate_to(&q, 6, &l->why), l->why);
  assert_int_equal(sql_exec(&q, "INSERT INTO sources VALUES ('192.0.2.1', 'smtp.example.com', 'default', 5)"), OK);
  sql_close(&q);
  lab_open(l);
  struct admin *a = lab_admin(l);
  struct static_route r = sample("*", "", "");
  assert_ok(admin_route_add(a, &r, password("x"), &l->why), l->why);
  struct directory *d = directory_of(l);
  assert_true(d->source_count == 1 && d->sources[0].created_us == 5 && d->route_count == 1);
  directory_release(&d);
  admin_close(&a);
}

static int folder(void **state) {
  struct lab *l = *state = calloc(1, sizeof *l);
  if (!l) return -1;
  folder_make(l->dir, sizeof l->dir);
  return 0;
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(a_route_with_everything, lab_setup, lab_teardown),
      cmocka_unit_test_setup_teardown(changed_ones_have_another_id, lab_setup, lab_teardown),
      cmocka_unit_test_setup_teardown(their_order, lab_setup, lab_teardown),
      cmocka_unit_test_setup_teardown(those_of_an_account_go_with_it, lab_setup, lab_teardown),
      cmocka_unit_test_setup_teardown(a_removed_password_is_overwritten, lab_setup, lab_teardown),
      cmocka_unit_test_setup_teardown(tokens, lab_setup, lab_teardown),
      cmocka_unit_test_setup_teardown(an_older_store_takes_them, folder, lab_teardown),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
