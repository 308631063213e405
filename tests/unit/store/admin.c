/* What the command line changes, as the gateway then sees it. */
#include "tests/unit/limit_samples.h"
#include "tests/unit/store_lab.h"

static struct cidr cidr_of(const char *text) {
  struct cidr c;
  assert_int_equal(cidr_parse(text, &c), OK);
  return c;
}

static int64_t generation_of(struct lab *l) {
  struct reader *r = lab_reader(l);
  int64_t g = reader_generation(r);
  reader_close(&r);
  return g;
}

static void an_account_with_everything(void **state) {
  struct lab *l = *state;
  struct admin *a = lab_admin(l);
  const char *const senders[] = {"example.com", "a@example.net", "*"};
  const struct limit limits[] = {limit_of("60/minute"), limit_of("20000rcpt/month:defer"), limit_of("2/second:smooth")};
  const struct cidr nets[] = {cidr_of("10.0.0.0/8"), cidr_of("2001:db8::/32"), cidr_of("192.0.2.7")};
  struct account in = {
      .name = "blog",
      .senders = senders,
      .sender_count = 3,
      .settings = {.all = {limits, 3}},
      .pool = "bulk",
      .client_ips = nets,
      .client_ip_count = 3,
      .accept_8bit = true,
      .verifier = {.iterations = 4096, .salt = "0123456789abcde", .stored_key = "stored", .server_key = "server"}};
  int64_t before = generation_of(l);
  assert_ok(admin_account_add(a, &in, &l->why), l->why);
  assert_true(generation_of(l) > before);
  assert_int_equal(admin_account_add(a, &in, &l->why), E_EXISTS);
  assert_non_null(strstr(l->why.text, "blog exists already"));
  assert_ok(admin_account_add(a, &(struct account){.name = "bare"}, &l->why), l->why);

  struct directory *d = lab_directory(l);
  const struct account *out = directory_account(d, BYTES("blog"));
  assert_non_null(out);
  assert_int_equal(out->sender_count, 3);
  for (size_t i = 0; i < 3; i++) assert_string_equal(out->senders[i], senders[i]);
  assert_int_equal(out->settings.all.count, 3);
  for (size_t i = 0; i < 3; i++) {
    assert_string_equal(out->settings.all.limits[i].text, limits[i].text);
    assert_int_equal(out->settings.all.limits[i].count, limits[i].count);
    assert_int_equal(out->settings.all.limits[i].action, limits[i].action);
  }
  assert_int_equal(out->client_ip_count, 3);
  for (size_t i = 0; i < 3; i++) {
    assert_int_equal(out->client_ips[i].prefix, nets[i].prefix);
    assert_memory_equal(out->client_ips[i].address, nets[i].address, nets[i].family == AF_INET ? 4 : 16);
  }
  assert_string_equal(out->pool, "bulk");
  assert_true(out->accept_8bit);
  assert_false(out->suspended);
  assert_memory_equal(&out->verifier, &in.verifier, sizeof in.verifier);
  assert_true(llabs(out->created_us - clock_now_us()) < 60 * SECOND_US);
  const struct account *bare = directory_account(d, BYTES("bare"));
  assert_string_equal(bare->pool, "default");
  assert_int_equal(bare->sender_count + bare->settings.all.count + bare->client_ip_count, 0);
  directory_release(&d);
  admin_close(&a);
}

static void parts_of_an_account_are_replaced(void **state) {
  struct lab *l = *state;
  struct admin *a = lab_admin(l);
  const char *const first[] = {"example.com", "example.net"}, *const second[] = {"example.org"};
  const struct limit limits[] = {limit_of("5/hour")};
  const struct cidr nets[] = {cidr_of("10.0.0.0/8")};
  struct account in = {.name = "blog",
                       .senders = first,
                       .sender_count = 2,
                       .settings = {.all = {limits, 1}},
                       .client_ips = nets,
                       .client_ip_count = 1};
  assert_ok(admin_account_add(a, &in, &l->why), l->why);
  struct account change = {
      .senders = second, .sender_count = 1, .pool = "bulk", .accept_8bit = true, .verifier = {.iterations = 9}};

  assert_ok(admin_account_set(a, "blog", ACCOUNT_SENDERS, &change, NULL, &l->why), l->why);
  struct directory *d = lab_directory(l);
  const struct account *out = directory_account(d, BYTES("blog"));
  assert_int_equal(out->sender_count, 1);
  assert_string_equal(out->senders[0], "example.org");
  assert_int_equal(out->settings.all.count, 1);
  assert_int_equal(out->client_ip_count, 1);
  assert_string_equal(out->pool, "default");
  assert_false(out->accept_8bit);
  assert_int_equal(out->verifier.iterations, 0);
  directory_release(&d);

  unsigned rest = ACCOUNT_LIMITS | ACCOUNT_CLIENT_IPS | ACCOUNT_POOL | ACCOUNT_8BIT | ACCOUNT_VERIFIER;
  assert_ok(admin_account_set(a, "blog", rest, &change, NULL, &l->why), l->why);
  d = lab_directory(l);
  out = directory_account(d, BYTES("blog"));
  assert_int_equal(out->settings.all.count + out->client_ip_count, 0);
  assert_string_equal(out->pool, "bulk");
  assert_true(out->accept_8bit);
  assert_int_equal(out->verifier.iterations, 9);
  directory_release(&d);
  assert_int_equal(admin_account_set(a, "nobody", ACCOUNT_POOL, &change, NULL, &l->why), E_NOT_FOUND);
  assert_non_null(strstr(l->why.text, "nobody"));
  admin_close(&a);
}

static void suspend_resume_remove(void **state) {
  struct lab *l = *state;
  struct admin *a = lab_admin(l);
  lab_add_account(l, "blog");
  assert_ok(admin_account_suspend(a, "blog", "spam seen", &l->why), l->why);
  struct directory *d = lab_directory(l);
  int64_t id = d->accounts[0].id;
  assert_true(d->accounts[0].suspended);
  assert_string_equal(d->accounts[0].suspend_reason, "spam seen");
  directory_release(&d);
  assert_ok(admin_account_suspend(a, "blog", NULL, &l->why), l->why);
  d = lab_directory(l);
  assert_false(d->accounts[0].suspended);
  assert_string_equal(d->accounts[0].suspend_reason, "");
  directory_release(&d);
  assert_int_equal(admin_account_suspend(a, "nobody", "x", &l->why), E_NOT_FOUND);

  lab_accept(l, "blog", "x@example.net");
  assert_ok(admin_account_remove(a, "blog", &l->why), l->why);
  assert_int_equal(admin_account_remove(a, "blog", &l->why), E_NOT_FOUND);
  struct seen_queue q;
  lab_queue(l, &q);
  assert_int_equal(q.count, 1); /* its mail stays */
  assert_int_equal(lab_number(l->dir, "SELECT count(*) FROM events WHERE account = 'blog'"), 1);
  lab_add_account(l, "blog");
  d = lab_directory(l);
  assert_true(d->accounts[0].id > id); /* a number is never used again */
  directory_release(&d);
  admin_close(&a);
}

static struct signing_key key_of(const char *domain, const char *selector) {
  return (struct signing_key){
      .domain = domain, .selector = selector, .algorithm = KEY_ED25519, .public_base64 = "cHVibGlj"};
}

/* A key's private half is read by its id, and by nothing else. Empty: there is none. */
static void assert_private_key(struct lab *l, int64_t id, struct bytes wanted) {
  struct reader *r;
  struct buffer pem;
  buffer_init_secret(&pem, 1000);
  assert_ok(reader_open(l->dir, &r, &l->why), l->why);
  assert_int_equal(reader_private_key(r, id, &pem, &l->why), wanted.len ? OK : E_NOT_FOUND);
  assert_true(bytes_equal(buffer_bytes(&pem), wanted));
  buffer_wipe_free(&pem);
  reader_close(&r);
}

static void domains_and_keys(void **state) {
  struct lab *l = *state;
  struct admin *a = lab_admin(l);
  struct signing_key one = key_of("example.com", "s1"), two = key_of("example.com", "s2"),
                     lost = key_of("nowhere.example", "s1");
  assert_ok(admin_domain_add(a, "example.com", true, &l->why), l->why);
  assert_int_equal(admin_domain_add(a, "example.com", true, &l->why), E_EXISTS);
  assert_ok(admin_key_add(a, &one, BYTES("-- one --"), &l->why), l->why);
  assert_ok(admin_key_add(a, &two, BYTES("-- two --"), &l->why), l->why);
  assert_int_equal(admin_key_add(a, &two, BYTES("-- two --"), &l->why), E_EXISTS);
  assert_int_equal(admin_key_add(a, &lost, BYTES("-- lost --"), &l->why), E_NOT_FOUND);
  struct directory *d = lab_directory(l);
  const struct domain *out = directory_domain(d, "example.com", false);
  assert_int_equal(out->settings.mode_count + out->settings.all.count, 0);
  assert_int_equal(out->key_count, 2);
  assert_string_equal(out->keys[0].selector, "s2"); /* the newest first */
  assert_string_equal(out->keys[0].domain, "example.com");
  assert_private_key(l, out->keys[0].id, BYTES("-- two --"));
  assert_private_key(l, out->keys[1].id, BYTES("-- one --"));
  assert_string_equal(out->keys[0].public_base64, "cHVibGlj");
  assert_int_equal(out->keys[0].algorithm, KEY_ED25519);
  assert_int_equal(out->keys[0].state, KEY_ACTIVE);
  int64_t newest = out->keys[0].id;
  directory_release(&d);

  const struct check_setting modes[] = {{"spf", CHECK_ENFORCE}, {"dmarc", CHECK_OFF}};
  const struct settings settings = {.modes = modes, .mode_count = 2};
  assert_ok(admin_settings_set(a, SCOPE_DOMAIN, "example.com", ACCOUNT_MODES, &settings, NULL, &l->why), l->why);
  lab_exec(l->dir, "UPDATE keys SET state = 1 WHERE selector = 's1'"); /* KEY_RETIRED */
  assert_int_equal(admin_settings_set(a, SCOPE_DOMAIN, "nowhere.example", ACCOUNT_MODES, &settings, NULL, &l->why),
                   E_NOT_FOUND);
  d = lab_directory(l);
  out = directory_domain(d, "example.com", false);
  assert_int_equal(directory_check_mode(d, NULL, out, "spf", CHECK_OBSERVE), CHECK_ENFORCE);
  assert_int_equal(directory_check_mode(d, NULL, out, "dmarc", CHECK_OBSERVE), CHECK_OFF);
  assert_int_equal(directory_check_mode(d, NULL, out, "sender", CHECK_OBSERVE), CHECK_OBSERVE);
  assert_int_equal(out->keys[0].state, KEY_ACTIVE);
  assert_int_equal(out->keys[1].state, KEY_RETIRED);
  directory_release(&d);

  static const char counts[] = "SELECT count(*) FROM usage_counts WHERE scope = 1 AND owner = 'example.com'";
  assert_ok(admin_domain_remove(a, "example.com", &l->why), l->why);
  assert_int_equal(admin_domain_remove(a, "example.com", &l->why), E_NOT_FOUND);
  struct letter m; /* it was under way meanwhile */
  letter_make(&m, "blog", "a@x.example");
  letter_scopes(&m, SCOPE_DOMAIN, NULL, 0);
  assert_int_equal(lab_run(&l->poster, &m.accept.op), OK);
  assert_int_equal(lab_number(l->dir, counts), 1);
  assert_ok(admin_domain_add(a, "example.com", true, &l->why), l->why);
  assert_int_equal(lab_number(l->dir, counts), 0);
  assert_ok(admin_domain_remove(a, "example.com", &l->why), l->why);
  assert_int_equal(lab_number(l->dir, "SELECT count(*) FROM keys"), 0);
  assert_private_key(l, newest, (struct bytes){0});
  assert_ok(admin_domain_add(a, "example.com", true, &l->why), l->why);
  assert_ok(admin_key_add(a, &one, BYTES("-- one --"), &l->why), l->why);
  d = lab_directory(l);
  assert_true(d->domains[0].keys[0].id > newest);
  directory_release(&d);
  admin_close(&a);
}

static bool file_has(const char *path, const char *text) {
  FILE *f = fopen(path, "rb");
  if (!f) return false;
  static char all[4 * 1024 * 1024];
  size_t n = fread(all, 1, sizeof all, f);
  fclose(f);
  return memmem(all, n, text, strlen(text)) != NULL;
}

/* A key that was removed is not left in the pages that its row had. */
static void a_removed_key_is_overwritten(void **state) {
  struct lab *l = *state;
  char path[300];
  const char *pem = "-----the private part of the key-----";
  struct signing_key k = key_of("example.com", "s1");
  lab_close(l);
  struct admin *a = lab_admin(l);
  snprintf(path, sizeof path, "%s/%s", l->dir, STORE_FILE);
  assert_ok(admin_domain_add(a, "example.com", true, &l->why), l->why);
  assert_ok(admin_key_add(a, &k, bytes_of(pem), &l->why), l->why);
  admin_close(&a);
  assert_true(file_has(path, pem));
  a = lab_admin(l);
  assert_ok(admin_domain_remove(a, "example.com", &l->why), l->why);
  admin_close(&a);
  assert_false(file_has(path, pem));
}

static void sources(void **state) {
  struct lab *l = *state;
  struct admin *a = lab_admin(l);
  assert_ok(admin_source_add(a, &(struct source){.address = "192.0.2.9", .helo = "nine.example.com", .pool = "default"},
                             &l->why),
            l->why);
  assert_ok(
      admin_source_add(a, &(struct source){.address = "192.0.2.1", .helo = "one.example.com", .weight = 7}, &l->why),
      l->why);
  assert_ok(admin_source_add(a, &(struct source){.address = "2001:db8::1", .helo = "six.example.com", .pool = "bulk"},
                             &l->why),
            l->why);
  assert_int_equal(admin_source_add(a, &(struct source){.address = "192.0.2.9", .helo = "x", .pool = "bulk"}, &l->why),
                   E_EXISTS);
  struct directory *d = lab_directory(l);
  size_t count;
  const struct source *s = directory_pool(d, "default", &count);
  assert_int_equal(count, 2);
  assert_string_equal(s[0].address, "192.0.2.1");
  assert_string_equal(s[1].address, "192.0.2.9");
  assert_int_equal(s[0].weight, 7);
  assert_int_equal(s[1].weight, 0);
  assert_string_equal(source_public(&s[0]), "192.0.2.1");
  assert_null(directory_pool(d, "none", &count));
  assert_int_equal(count, 0);
  directory_release(&d);

  static const struct source nine = {.address = "192.0.2.9", .pool = "bulk", .weight = 3, .helo = "not this"};
  static const struct source one = {
      .address = "192.0.2.1", .helo = "uno.example.com", .public_address = "198.51.100.1", .weight = 3};
  assert_ok(admin_source_set(a, SOURCE_POOL | SOURCE_WEIGHT, &nine, &l->why), l->why);
  assert_ok(admin_source_set(a, SOURCE_HELO | SOURCE_PUBLIC, &one, &l->why), l->why);
  assert_int_equal(admin_source_set(a, SOURCE_HELO, &(struct source){.address = "192.0.2.5", .helo = "x"}, &l->why),
                   E_NOT_FOUND);
  d = lab_directory(l);
  s = directory_pool(d, "bulk", &count);
  assert_int_equal(count, 2);
  assert_string_equal(s[0].helo, "nine.example.com");
  assert_int_equal(s[0].weight, 3);
  s = directory_pool(d, "default", &count);
  assert_int_equal(count, 1);
  assert_string_equal(s[0].helo, "uno.example.com");
  assert_int_equal(s[0].weight, 7);
  assert_string_equal(source_public(&s[0]), "198.51.100.1");
  directory_release(&d);
  assert_ok(admin_source_remove(a, "192.0.2.1", &l->why), l->why);
  assert_int_equal(admin_source_remove(a, "192.0.2.1", &l->why), E_NOT_FOUND);
  admin_close(&a);
}

static void a_backup_is_noted(void **state) {
  struct lab *l = *state;
  struct admin *a = lab_admin(l);
  struct reader *r = lab_reader(l);
  assert_int_equal(reader_backup_time(r), 0);
  int64_t before = reader_generation(r);
  assert_ok(admin_note_backup(a, 1000, &l->why), l->why);
  assert_ok(admin_note_backup(a, 2000, &l->why), l->why);
  assert_int_equal(reader_backup_time(r), 2000);
  assert_int_equal(reader_generation(r), before); /* no configuration */
  reader_close(&r);
  admin_close(&a);
}

/* What failed has not raised the generation, and has left nothing. */
static void a_failure_changes_nothing(void **state) {
  struct lab *l = *state;
  struct admin *a = lab_admin(l);
  lab_add_account(l, "blog");
  int64_t before = generation_of(l);
  assert_int_equal(admin_account_add(a, &(struct account){.name = "blog"}, &l->why), E_EXISTS);
  assert_int_equal(admin_account_remove(a, "nobody", &l->why), E_NOT_FOUND);
  assert_int_equal(admin_domain_remove(a, "nowhere.example", &l->why), E_NOT_FOUND);
  assert_int_equal(generation_of(l), before);
  lab_exec(l->dir, "DROP TABLE policy_limits");
  assert_int_equal(admin_account_add(a, &(struct account){.name = "half"}, &l->why), E_IO);
  assert_non_null(strstr(l->why.text, "policy_limits"));
  assert_int_equal(lab_number(l->dir, "SELECT count(*) FROM accounts"), 1);
  admin_close(&a);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(an_account_with_everything, lab_setup, lab_teardown),
      cmocka_unit_test_setup_teardown(parts_of_an_account_are_replaced, lab_setup, lab_teardown),
      cmocka_unit_test_setup_teardown(suspend_resume_remove, lab_setup, lab_teardown),
      cmocka_unit_test_setup_teardown(domains_and_keys, lab_setup, lab_teardown),
      cmocka_unit_test_setup_teardown(a_removed_key_is_overwritten, lab_setup, lab_teardown),
      cmocka_unit_test_setup_teardown(sources, lab_setup, lab_teardown),
      cmocka_unit_test_setup_teardown(a_backup_is_noted, lab_setup, lab_teardown),
      cmocka_unit_test_setup_teardown(a_failure_changes_nothing, lab_setup, lab_teardown),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
