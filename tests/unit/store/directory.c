/* Looking things up in a snapshot, and its life among threads. */
#include "tests/unit/store_lab.h"

static void add(struct lab *l, struct admin *a, const char *name, const char *net, const char *net2) {
  struct cidr nets[2];
  size_t n = 0;
  if (net) assert_int_equal(cidr_parse(net, &nets[n++]), OK);
  if (net2) assert_int_equal(cidr_parse(net2, &nets[n++]), OK);
  assert_ok(admin_account_add(a, &(struct account){.name = name, .client_ips = nets, .client_ip_count = n}, &l->why),
            l->why);
}

static void accounts(void **state) {
  static const char *const names[] = {"zebra", "Apple", "apple", "app", "m", "apple pie"};
  struct lab *l = *state;
  struct admin *a = lab_admin(l);
  struct directory *d = lab_directory(l);
  assert_null(directory_account(d, BYTES("apple")));
  assert_null(directory_account_by_id(d, 1));
  assert_null(directory_domain(d, "example.com", true));
  directory_release(&d);
  assert_null(d);
  directory_release(&d); /* nothing held, nothing done */
  for (size_t i = 0; i < COUNT_OF(names); i++) add(l, a, names[i], NULL, NULL);
  assert_ok(admin_account_remove(a, "m", &l->why), l->why); /* a gap among the ids */
  d = lab_directory(l);
  assert_int_equal(d->account_count, COUNT_OF(names) - 1);
  for (size_t i = 0; i < COUNT_OF(names); i++) {
    const struct account *found = directory_account(d, bytes_of(names[i]));
    if (strcmp(names[i], "m") == 0) {
      assert_null(found);
      continue;
    }
    assert_non_null(found);
    assert_string_equal(found->name, names[i]);
    assert_ptr_equal(directory_account_by_id(d, found->id), found);
  }
  static const char *const not [] = {"", "APPLE", "appl", "apple ", "zebraz", "a"};
  for (size_t i = 0; i < COUNT_OF(not ); i++) assert_null(directory_account(d, bytes_of(not [i])));
  assert_null(directory_account(d, (struct bytes){"apple\0", 6}));
  assert_null(directory_account_by_id(d, 0));
  assert_null(directory_account_by_id(d, 5));
  assert_null(directory_account_by_id(d, 99));
  directory_release(&d);
  admin_close(&a);
}

static void clients(void **state) {
  static const struct {
    const char *client, *account;
  } rows[] = {
      {"10.9.9.9", "wide"},  {"10.1.9.9", "middle"},      {"10.1.1.9", "narrow"}, {"10.1.1.1", "host"},
      {"11.0.0.1", NULL},    {"::ffff:10.1.1.1", "host"}, {"2001:db8::1", "six"}, {"2001:db8:1::1", "six narrow"},
      {"2001:db9::1", NULL}, {"192.0.2.1", "first"},      {"::1", NULL},
  };
  struct lab *l = *state;
  struct admin *a = lab_admin(l);
  add(l, a, "middle", "10.1.0.0/16", "172.16.0.0/12");
  add(l, a, "host", "10.1.1.1", NULL);
  add(l, a, "wide", "10.0.0.0/8", NULL);
  add(l, a, "none", NULL, NULL);
  add(l, a, "narrow", "10.1.1.0/24", NULL);
  add(l, a, "six", "2001:db8::/32", NULL);
  add(l, a, "six narrow", "2001:db8:1::/48", NULL);
  add(l, a, "first", "192.0.2.0/24", NULL);
  add(l, a, "second", "192.0.2.0/24", NULL);
  struct directory *d = lab_directory(l);
  for (size_t i = 0; i < COUNT_OF(rows); i++) {
    struct sockaddr_storage address;
    assert_int_equal(ip_parse(rows[i].client, 0, &address), OK);
    const struct account *found = directory_account_by_client(d, (struct sockaddr *)&address);
    if (!rows[i].account && found) fail_msg("%s: %s", rows[i].client, found->name);
    if (rows[i].account && (!found || strcmp(found->name, rows[i].account) != 0))
      fail_msg("%s: %s", rows[i].client, found ? found->name : "nobody");
  }
  directory_release(&d);
  admin_close(&a);
}

/* A certificate logs in to one account; taking it away, and removing the account, frees it for another. */
static void certificates(void **state) {
  struct lab *l = *state;
  struct admin *a = lab_admin(l);
  struct fingerprint one = {{1}}, two = {{2}};
  struct account first = {.name = "first", .client_certs = &one, .client_cert_count = 1};
  struct account second = {.name = "second", .client_certs = &two, .client_cert_count = 1};
  assert_ok(admin_account_add(a, &first, &l->why), l->why);
  assert_ok(admin_account_add(a, &second, &l->why), l->why);
  struct directory *d = lab_directory(l);
  assert_int_equal(d->client_cert_count, 2);
  assert_string_equal(directory_account_by_certificate(d, &two)->name, "second");
  assert_null(directory_account_by_certificate(d, &(struct fingerprint){{3}}));
  directory_release(&d);
  l->why.text[0] = '\0';
  assert_int_equal(admin_account_set(a, "second", ACCOUNT_CLIENT_CERTS, &first, NULL, &l->why), E_EXISTS);
  assert_non_null(strstr(l->why.text, "one account only"));
  assert_ok(admin_account_remove(a, "first", &l->why), l->why);
  assert_ok(admin_account_set(a, "second", ACCOUNT_CLIENT_CERTS, &first, NULL, &l->why), l->why);
  d = lab_directory(l);
  assert_string_equal(directory_account_by_certificate(d, &one)->name, "second");
  assert_null(directory_account_by_certificate(d, &two));
  directory_release(&d);
  admin_close(&a);
}

/* What names that are no account are answered with: of this store, and the same after a restart. */
static void the_secret_stays(void **state) {
  static const unsigned char zeros[SECRET_SIZE];
  struct lab *l = *state;
  struct directory *before = lab_directory(l);
  lab_reopen(l);
  struct directory *after = lab_directory(l);
  assert_memory_equal(before->no_account, after->no_account, SECRET_SIZE);
  assert_memory_not_equal(before->no_account, zeros, SECRET_SIZE);
  directory_release(&before);
  directory_release(&after);
}

static void domains(void **state) {
  static const char *const names[] = {"example.com", "mail.example.com",       "a.example",
                                      "example",     "xn--mnchen-3ya.example", "b-c.example"};
  static const struct {
    const char *name;
    bool parents;
    const char *found;
  } rows[] = {
      {"example.com", false, "example.com"},
      {"example.com", true, "example.com"},
      {"www.example.com", false, NULL},
      {"www.example.com", true, "example.com"},
      {"x.y.mail.example.com", true, "mail.example.com"},
      {"notexample.com", true, NULL},
      {"com", true, NULL},
      {"deep.b.example", true, "example"},
      {"a.example", true, "a.example"},
      {"xn--mnchen-3ya.example", false, "xn--mnchen-3ya.example"},
      {"", true, NULL},
      {"[127.0.0.1]", true, NULL},
  };
  struct lab *l = *state;
  struct admin *a = lab_admin(l);
  for (size_t i = 0; i < COUNT_OF(names); i++) assert_ok(admin_domain_add(a, names[i], true, &l->why), l->why);
  struct directory *d = lab_directory(l);
  for (size_t i = 0; i < COUNT_OF(rows); i++) {
    const struct domain *found = directory_domain(d, rows[i].name, rows[i].parents);
    if (!rows[i].found != !found || (found && strcmp(found->name, rows[i].found) != 0))
      fail_msg("%s: %s", rows[i].name, found ? found->name : "none");
  }
  for (size_t i = 0; i < COUNT_OF(names); i++)
    assert_string_equal(directory_domain(d, names[i], false)->name, names[i]);
  directory_release(&d);
  admin_close(&a);
}

/* What somebody wrote into the database by hand is refused with the account's name. */
static void what_cannot_be_read_is_named(void **state) {
  static const char *const rows[][2] = {
      {"INSERT INTO policy_limits SELECT 2, name, -1, 0, 'many/day' FROM accounts", "many/day"},
      {"DELETE FROM policy_limits; INSERT INTO account_client_ips VALUES (1, 0, 'here')", "here"},
  };
  struct lab *l = *state;
  struct directory *d;
  lab_add_account(l, "blog");
  struct reader *r = lab_reader(l);
  for (size_t i = 0; i < COUNT_OF(rows); i++) {
    lab_exec(l->dir, rows[i][0]);
    assert_int_equal(reader_directory(r, &d, &l->why), E_SYNTAX);
    assert_null(d);
    assert_non_null(strstr(l->why.text, "blog"));
    assert_non_null(strstr(l->why.text, rows[i][1]));
  }
  lab_exec(l->dir, "DELETE FROM account_client_ips");
  assert_ok(reader_directory(r, &d, &l->why), l->why);
  directory_release(&d);
  lab_exec(l->dir, "DROP TABLE sources");
  assert_int_equal(reader_directory(r, &d, &l->why), E_IO);
  assert_non_null(strstr(l->why.text, "sources"));
  reader_close(&r);
}

/* --- among threads --- */

static void *use(void *arg) {
  struct directory *d = arg;
  for (int i = 0; i < 2000; i++) {
    struct directory *mine = directory_hold(d);
    if (!directory_account(mine, BYTES("blog"))) abort();
    directory_release(&mine);
  }
  directory_release(&d); /* the one that was taken for this thread */
  return NULL;
}

static void the_last_one_frees(void **state) {
  struct lab *l = *state;
  pthread_t threads[4];
  lab_add_account(l, "blog");
  struct directory *d = lab_directory(l);
  for (size_t i = 0; i < COUNT_OF(threads); i++)
    assert_int_equal(pthread_create(&threads[i], NULL, use, directory_hold(d)), 0);
  directory_release(&d);
  for (size_t i = 0; i < COUNT_OF(threads); i++) pthread_join(threads[i], NULL);
}

/* A snapshot stays as it was while others are made. */
static void immutable(void **state) {
  struct lab *l = *state;
  lab_add_account(l, "blog");
  struct directory *before = lab_directory(l);
  lab_add_account(l, "shop");
  struct directory *after = lab_directory(l);
  assert_true(after->generation > before->generation);
  assert_null(directory_account(before, BYTES("shop")));
  assert_non_null(directory_account(after, BYTES("shop")));
  directory_release(&before);
  assert_non_null(directory_account(after, BYTES("blog")));
  directory_release(&after);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(accounts, lab_setup, lab_teardown),
      cmocka_unit_test_setup_teardown(clients, lab_setup, lab_teardown),
      cmocka_unit_test_setup_teardown(certificates, lab_setup, lab_teardown),
      cmocka_unit_test_setup_teardown(the_secret_stays, lab_setup, lab_teardown),
      cmocka_unit_test_setup_teardown(domains, lab_setup, lab_teardown),
      cmocka_unit_test_setup_teardown(what_cannot_be_read_is_named, lab_setup, lab_teardown),
      cmocka_unit_test_setup_teardown(the_last_one_frees, lab_setup, lab_teardown),
      cmocka_unit_test_setup_teardown(immutable, lab_setup, lab_teardown),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
