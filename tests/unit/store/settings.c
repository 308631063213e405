/* Settings of the gateway, domains and accounts: what is written is what a snapshot shows. */
#include "tests/unit/limit_samples.h"
#include "tests/unit/store_lab.h"

static void set_mode(struct lab *l, struct admin *a, enum scope scope, const char *owner, const char *check,
                     enum check_mode mode) {
  const struct check_setting m = {check, mode};
  const struct settings s = {.modes = &m, .mode_count = 1};
  if (scope == SCOPE_ACCOUNT)
    assert_ok(admin_account_set(a, owner, ACCOUNT_MODES, &(struct account){.settings = s}, NULL, &l->why), l->why);
  else
    assert_ok(admin_settings_set(a, scope, owner, ACCOUNT_MODES, &s, NULL, &l->why), l->why);
}

/* The whole list, or single ones of it. */
static int set_limit(struct lab *l, struct admin *a, enum scope scope, const char *owner, const char *spec) {
  const struct limit limit = limit_of(spec);
  const struct settings s = {.all = {&limit, 1}};
  return scope == SCOPE_ACCOUNT
             ? admin_account_set(a, owner, ACCOUNT_LIMITS, &(struct account){.settings = s}, NULL, &l->why)
             : admin_settings_set(a, scope, owner, ACCOUNT_LIMITS, &s, NULL, &l->why);
}

static int edit_limits(struct lab *l, struct admin *a, enum scope scope, const char *owner,
                       const struct list_edit *edit) {
  return scope == SCOPE_ACCOUNT
             ? admin_account_set(a, owner, 0, &(struct account){0}, &(struct account_edit){.limits = *edit}, &l->why)
             : admin_settings_set(a, scope, owner, 0, &(struct settings){0}, edit, &l->why);
}

static int add_limit(struct lab *l, struct admin *a, enum scope scope, const char *owner, const char *spec) {
  return edit_limits(l, a, scope, owner, &(struct list_edit){.add = &spec, .add_count = 1});
}

static int remove_limit(struct lab *l, struct admin *a, enum scope scope, const char *owner, const char *spec) {
  return edit_limits(l, a, scope, owner, &(struct list_edit){.remove = &spec, .remove_count = 1});
}

static void assert_limits(const struct limit_list *list, const char *wanted) {
  char all[256] = "";
  for (size_t i = 0; i < list->count; i++)
    snprintf(all + strlen(all), sizeof all - strlen(all), "%s%s", i ? " " : "", list->limits[i].text);
  assert_string_equal(all, wanted);
}

/* --- modes of checks --- */

static void the_narrowest_scope_counts(void **state) {
  struct lab *l = *state;
  struct admin *a = lab_admin(l);
  lab_add_account(l, "blog");
  lab_add_account(l, "shop");
  assert_ok(admin_domain_add(a, "example.com", true, &l->why), l->why);
  set_mode(l, a, SCOPE_GATEWAY, "", "spf", CHECK_OFF);
  set_mode(l, a, SCOPE_DOMAIN, "example.com", "spf", CHECK_OBSERVE);
  set_mode(l, a, SCOPE_ACCOUNT, "blog", "spf", CHECK_ENFORCE);
  set_mode(l, a, SCOPE_ACCOUNT, "blog", "dmarc", CHECK_ENFORCE);
  struct directory *d = lab_directory(l);
  const struct account *blog = directory_account(d, BYTES("blog")), *shop = directory_account(d, BYTES("shop"));
  const struct domain *domain = directory_domain(d, "example.com", false);
  assert_int_equal(directory_check_mode(d, blog, domain, "spf", CHECK_OFF), CHECK_ENFORCE);
  assert_int_equal(directory_check_mode(d, shop, domain, "spf", CHECK_OFF), CHECK_OBSERVE);
  assert_int_equal(directory_check_mode(d, NULL, domain, "spf", CHECK_ENFORCE), CHECK_OBSERVE);
  assert_int_equal(directory_check_mode(d, shop, NULL, "spf", CHECK_ENFORCE), CHECK_OFF);
  assert_int_equal(directory_check_mode(d, blog, domain, "dmarc", CHECK_OFF), CHECK_ENFORCE);
  assert_int_equal(directory_check_mode(d, shop, domain, "dmarc", CHECK_OBSERVE), CHECK_OBSERVE);
  assert_int_equal(directory_check_mode(NULL, NULL, NULL, "spf", CHECK_ENFORCE), CHECK_ENFORCE);
  directory_release(&d);
  admin_close(&a);
}

/* From the narrowest on, each is taken back: the next wider one says, in the end nobody. */
static void what_is_taken_back_is_inherited(void **state) {
  static const struct {
    enum scope scope;
    const char *owner;
    enum check_mode then;
  } rows[] = {{SCOPE_ACCOUNT, "blog", CHECK_OFF},
              {SCOPE_DOMAIN, "example.com", CHECK_ENFORCE},
              {SCOPE_GATEWAY, "", CHECK_OBSERVE}};
  struct lab *l = *state;
  struct admin *a = lab_admin(l);
  lab_add_account(l, "blog");
  assert_ok(admin_domain_add(a, "example.com", true, &l->why), l->why);
  set_mode(l, a, SCOPE_GATEWAY, "", "spf", CHECK_ENFORCE);
  set_mode(l, a, SCOPE_DOMAIN, "example.com", "spf", CHECK_OFF);
  set_mode(l, a, SCOPE_ACCOUNT, "blog", "spf", CHECK_ENFORCE);
  set_mode(l, a, SCOPE_ACCOUNT, "blog", "limits", CHECK_OFF);
  for (size_t i = 0; i < COUNT_OF(rows); i++) {
    set_mode(l, a, rows[i].scope, rows[i].owner, "spf", CHECK_DEFAULT);
    set_mode(l, a, rows[i].scope, rows[i].owner, "spf", CHECK_DEFAULT); /* again: nothing to take back */
    struct directory *d = lab_directory(l);
    const struct account *blog = directory_account(d, BYTES("blog"));
    const struct domain *domain = directory_domain(d, "example.com", false);
    assert_int_equal(directory_check_mode(d, blog, domain, "spf", CHECK_OBSERVE), rows[i].then);
    assert_int_equal(directory_check_mode(d, blog, domain, "limits", CHECK_OBSERVE), CHECK_OFF);
    directory_release(&d);
  }
  assert_int_equal(lab_number(l->dir, "SELECT count(*) FROM check_modes WHERE check_name = 'spf'"), 0);
  admin_close(&a);
}

/* --- limits --- */

static void the_same_name_in_every_scope(void **state) {
  static const struct {
    enum scope scope;
    const char *owner;
  } owners[] = {{SCOPE_GATEWAY, ""}, {SCOPE_DOMAIN, "blog.example"}, {SCOPE_ACCOUNT, "blog.example"}};
  struct lab *l = *state;
  struct admin *a = lab_admin(l);
  lab_add_account(l, "blog.example");
  assert_ok(admin_domain_add(a, "blog.example", true, &l->why), l->why);
  for (size_t i = 0; i < COUNT_OF(owners); i++) {
    char first[32];
    snprintf(first, sizeof first, "%zu/day", i + 1);
    assert_ok(set_limit(l, a, owners[i].scope, owners[i].owner, first), l->why);
    assert_ok(add_limit(l, a, owners[i].scope, owners[i].owner, "60/minute"), l->why);
    assert_ok(add_limit(l, a, owners[i].scope, owners[i].owner, "60/minute"), l->why);
    l->why.text[0] = '\0';
    assert_int_equal(remove_limit(l, a, owners[i].scope, owners[i].owner, "9/hour"), E_NOT_FOUND);
    assert_non_null(strstr(l->why.text, "60/minute"));
  }
  struct directory *d = lab_directory(l);
  assert_limits(&d->gateway.all, "1/day 60/minute");
  assert_limits(&directory_domain(d, "blog.example", false)->settings.all, "2/day 60/minute");
  assert_limits(&directory_account(d, BYTES("blog.example"))->settings.all, "3/day 60/minute");
  directory_release(&d);
  assert_ok(admin_account_remove(a, "blog.example", &l->why), l->why);
  d = lab_directory(l);
  assert_limits(&directory_domain(d, "blog.example", false)->settings.all, "2/day 60/minute");
  directory_release(&d);
  assert_ok(admin_domain_remove(a, "blog.example", &l->why), l->why);
  assert_int_equal(lab_number(l->dir, "SELECT count(*) FROM policy_limits WHERE scope <> 0"), 0);
  assert_int_equal(lab_number(l->dir, "SELECT count(*) FROM policy_limits"), 2);
  assert_int_equal(add_limit(l, a, SCOPE_ACCOUNT, "blog.example", "1/day"), E_NOT_FOUND);
  assert_int_equal(add_limit(l, a, SCOPE_DOMAIN, "blog.example", "1/day"), E_NOT_FOUND);
  admin_close(&a);
}

static void lists_have_an_end(void **state) {
  static char texts[ADMIN_PATTERNS_MAX + 1][24];
  static const char *list[ADMIN_PATTERNS_MAX + 1];
  struct lab *l = *state;
  struct admin *a = lab_admin(l);
  lab_add_account(l, "blog");
  for (size_t i = 0; i < COUNT_OF(texts); i++) {
    snprintf(texts[i], sizeof texts[i], "%zu/day", i + 1);
    list[i] = texts[i];
  }
  struct list_edit limits = {.add = list, .add_count = ADMIN_LIST_MAX};
  assert_ok(edit_limits(l, a, SCOPE_GATEWAY, "", &limits), l->why);
  assert_int_equal(add_limit(l, a, SCOPE_GATEWAY, "", "1/hour"), E_LIMIT);
  assert_non_null(strstr(l->why.text, "256 limits at most"));
  assert_int_equal(lab_number(l->dir, "SELECT count(*) FROM policy_limits"), ADMIN_LIST_MAX);
  for (size_t i = 0; i < COUNT_OF(texts); i++) snprintf(texts[i], sizeof texts[i], "d%zu.example", i);
  struct account_edit senders = {.senders = {.add = list, .add_count = ADMIN_PATTERNS_MAX}};
  assert_ok(admin_account_set(a, "blog", 0, &(struct account){0}, &senders, &l->why), l->why);
  senders.senders.add_count++;
  assert_int_equal(admin_account_set(a, "blog", 0, &(struct account){0}, &senders, &l->why), E_LIMIT);
  assert_int_equal(lab_number(l->dir, "SELECT count(*) FROM account_senders"), ADMIN_PATTERNS_MAX);
  admin_close(&a);
}

/* --- a snapshot --- */

static const char *const patterns[] = {"a.example", "b.example", "c.example"};

static void assert_lists(const struct account *out, size_t i, const struct limit *limits) {
  assert_int_equal(out->sender_count, i % 4);
  assert_int_equal(out->to_count, (i + 1) % 4);
  assert_int_equal(out->not_to_count, (i + 2) % 4);
  assert_int_equal(out->settings.all.count, (i + 3) % 4);
  assert_int_equal(out->settings.stream[STREAM_BULK].count, i % 3);
  assert_int_equal(out->settings.stream[STREAM_TRANSACTIONAL].count, 0);
  assert_int_equal(out->settings.mode_count, i % 2);
  assert_int_equal(out->client_ip_count, i % 3);
  for (size_t k = 0; k < out->sender_count; k++) assert_string_equal(out->senders[k], patterns[k]);
  for (size_t k = 0; k < out->to_count; k++) assert_string_equal(out->to[k], patterns[k]);
  for (size_t k = 0; k < out->not_to_count; k++) assert_string_equal(out->not_to[k], patterns[k]);
  for (size_t k = 0; k < out->settings.all.count; k++)
    assert_string_equal(out->settings.all.limits[k].text, limits[k].text);
  for (size_t k = 0; k < out->client_ip_count; k++) assert_int_equal(out->client_ips[k].prefix, 8 * (k + 1));
}

/* Many accounts, each with lists of its own length: none has another's. */
static void each_account_has_its_own_lists(void **state) {
  struct lab *l = *state;
  struct admin *a = lab_admin(l);
  const struct limit limits[] = {limit_of("1/day"), limit_of("2/day"), limit_of("3/day")};
  const struct check_setting off = {"spf", CHECK_OFF};
  struct cidr nets[2];
  char name[16];
  assert_int_equal(cidr_parse("10.0.0.0/8", &nets[0]), OK);
  assert_int_equal(cidr_parse("10.1.0.0/16", &nets[1]), OK);
  for (size_t i = 0; i < 40; i++) {
    snprintf(name, sizeof name, "n%zu", (i * 7) % 40); /* ids and names in different orders */
    struct account in = {.name = name,
                         .senders = patterns,
                         .sender_count = i % 4,
                         .to = patterns,
                         .to_count = (i + 1) % 4,
                         .not_to = patterns,
                         .not_to_count = (i + 2) % 4,
                         .settings = {.all = {limits, (i + 3) % 4},
                                      .stream = {[STREAM_BULK] = {limits, i % 3}},
                                      .modes = &off,
                                      .mode_count = i % 2},
                         .client_ips = nets,
                         .client_ip_count = i % 3,
                         .time_zone = i % 2 ? "Europe/Berlin" : NULL,
                         .rewrite_from = i % 2 ? "a@a.example" : NULL,
                         .stream_pool = {[STREAM_BULK] = i % 2 ? "bulk" : NULL},
                         .stream = i % 2 ? STREAM_BULK : STREAM_TRANSACTIONAL,
                         .drop_suppressed = i % 2,
                         .suppress_after = (unsigned)i};
    assert_ok(admin_account_add(a, &in, &l->why), l->why);
  }
  struct directory *d = lab_directory(l);
  for (size_t i = 0; i < 40; i++) {
    snprintf(name, sizeof name, "n%zu", (i * 7) % 40);
    const struct account *out = directory_account(d, bytes_of(name));
    assert_lists(out, i, limits);
    assert_string_equal(out->time_zone, i % 2 ? "Europe/Berlin" : "UTC");
    assert_string_equal(out->rewrite_from, i % 2 ? "a@a.example" : "");
    assert_string_equal(out->stream_pool[STREAM_BULK], i % 2 ? "bulk" : "");
    assert_string_equal(out->stream_pool[STREAM_TRANSACTIONAL], "");
    assert_int_equal(out->stream, i % 2 ? STREAM_BULK : STREAM_TRANSACTIONAL);
    assert_int_equal(out->drop_suppressed, i % 2);
    assert_int_equal(out->suppress_after, i);
  }
  directory_release(&d);
  admin_close(&a);
}

/* Rows that no command writes: of owners that are not there, of streams and modes that this version does not know. They
 * leave no hole in the list of the owner that they stand among. */
static void rows_of_nobody_are_left_out(void **state) {
  struct lab *l = *state;
  struct admin *a = lab_admin(l);
  lab_add_account(l, "blog");
  assert_ok(admin_domain_add(a, "example.com", true, &l->why), l->why);
  lab_exec(l->dir,
           "INSERT INTO policy_limits VALUES (2, 'blog', -1, 0, '1/day'), (2, 'blog', -1, 1, '2/day'),"
           " (2, 'blog', 7, 0, '3/day'), (2, 'blog', 1, 0, '4/day'), (2, 'blig', -1, 0, '5/day'),"
           " (1, 'blog', -1, 0, '6/day'), (9, 'blog', -1, 0, '7/day'), (0, '', -1, 0, '8/day');"
           "INSERT INTO check_modes VALUES (2, 'blog', 'a', 0), (2, 'blog', 'b', 7), (2, 'blog', 'c', 1),"
           " (1, 'blog', 'spf', 0), (1, 'example.com', 'spf', 2);"
           "INSERT INTO account_senders VALUES (0, 0, 'x.example'), (1, 0, 'example.com'), (99, 0, 'y.example');"
           "INSERT INTO account_pools VALUES (1, 7, 'x'), (1, 1, 'bulk'), (99, 1, 'y');"
           "INSERT INTO domain_selectors VALUES ('nowhere.example', 1, 's'), ('example.com', 1, 's1');");
  struct directory *d = lab_directory(l);
  const struct account *blog = directory_account(d, BYTES("blog"));
  const struct domain *domain = directory_domain(d, "example.com", false);
  assert_limits(&blog->settings.all, "1/day 2/day");
  assert_limits(&blog->settings.stream[STREAM_BULK], "4/day");
  assert_limits(&d->gateway.all, "8/day");
  assert_int_equal(domain->settings.all.count, 0);
  assert_int_equal(blog->settings.mode_count, 2);
  assert_string_equal(blog->settings.modes[0].check, "a");
  assert_string_equal(blog->settings.modes[1].check, "c");
  assert_int_equal(domain->settings.mode_count, 1);
  assert_int_equal(blog->sender_count, 1);
  assert_string_equal(blog->senders[0], "example.com");
  assert_string_equal(blog->stream_pool[STREAM_BULK], "bulk");
  assert_string_equal(domain->stream_selector[STREAM_BULK], "s1");
  directory_release(&d);
  admin_close(&a);
}

static void what_cannot_be_read_is_named(void **state) {
  static const struct {
    const char *sql, *says;
  } rows[] = {
      {"INSERT INTO policy_limits VALUES (0, '', -1, 0, 'x/day')",
       "the gateway has a limit that cannot be read, x/day"},
      {"INSERT INTO policy_limits VALUES (2, 'blog', 1, 0, 'x/day')", "account blog has a limit that cannot be read"},
      {"INSERT INTO policy_limits VALUES (1, 'example.com', -1, 0, 'x')", "domain example.com has a limit"},
      {"INSERT INTO account_client_ips VALUES (1, 0, '300.1.1.1/8')", "account blog has a client network"},
      {"INSERT INTO account_client_certs VALUES (1, 0, 'zz')", "account blog has a client certificate"},
  };
  struct lab *l = *state;
  struct admin *a = lab_admin(l);
  lab_add_account(l, "blog");
  assert_ok(admin_domain_add(a, "example.com", true, &l->why), l->why);
  for (size_t i = 0; i < COUNT_OF(rows); i++) {
    struct directory *d = NULL;
    struct reader *r = lab_reader(l);
    lab_exec(l->dir, rows[i].sql);
    assert_int_not_equal(reader_directory(r, &d, &l->why), OK);
    assert_null(d);
    if (!strstr(l->why.text, rows[i].says)) fail_msg("%s: %s", rows[i].sql, l->why.text);
    reader_close(&r);
    lab_exec(l->dir, "DELETE FROM policy_limits; DELETE FROM account_client_ips; DELETE FROM account_client_certs");
  }
  admin_close(&a);
}

/* --- changes --- */

/* A change of which one part is refused leaves all as it was. */
static void a_change_is_made_whole_or_not(void **state) {
  struct lab *l = *state;
  struct admin *a = lab_admin(l);
  const char *const absent[] = {"nowhere.example"}, *const more[] = {"more.example"};
  const struct check_setting off = {"spf", CHECK_OFF};
  const struct limit limit = limit_of("1/day");
  lab_add_account(l, "blog");
  int64_t generation = lab_number(l->dir, "SELECT value FROM meta WHERE key = 'config'");
  const struct account change = {.pool = "bulk",
                                 .stream_pool = {[STREAM_BULK] = "news"},
                                 .settings = {.all = {&limit, 1}, .modes = &off, .mode_count = 1}};
  const struct account_edit edit = {.senders = {.add = more, .add_count = 1, .remove = absent, .remove_count = 1}};
  unsigned parts = ACCOUNT_POOL | ACCOUNT_LIMITS | ACCOUNT_MODES | ACCOUNT_STREAM_POOLS;
  assert_int_equal(admin_account_set(a, "blog", parts, &change, &edit, &l->why), E_NOT_FOUND);
  assert_int_equal(lab_number(l->dir, "SELECT count(*) FROM account_senders WHERE pattern = 'more.example'"), 0);
  assert_int_equal(lab_number(l->dir, "SELECT count(*) FROM accounts WHERE pool = 'bulk'"), 0);
  assert_int_equal(lab_number(l->dir, "SELECT count(*) FROM account_pools"), 0);
  assert_int_equal(lab_number(l->dir, "SELECT count(*) FROM check_modes"), 0);
  assert_int_equal(lab_number(l->dir, "SELECT count(*) FROM policy_limits"), 0);
  const struct list_edit none = {.remove = absent, .remove_count = 1};
  assert_int_equal(
      admin_settings_set(a, SCOPE_GATEWAY, "", ACCOUNT_LIMITS | ACCOUNT_MODES, &change.settings, &none, &l->why),
      E_NOT_FOUND);
  assert_int_equal(lab_number(l->dir, "SELECT count(*) FROM check_modes"), 0);
  assert_int_equal(lab_number(l->dir, "SELECT count(*) FROM policy_limits"), 0);
  assert_int_equal(lab_number(l->dir, "SELECT value FROM meta WHERE key = 'config'"), generation);
  admin_close(&a);
}

static void a_selector_is_one_of_the_domains(void **state) {
  struct lab *l = *state;
  struct admin *a = lab_admin(l);
  const struct signing_key k = {.domain = "example.com", .selector = "s1", .public_base64 = "cHVibGlj"};
  assert_ok(admin_domain_add(a, "example.com", true, &l->why), l->why);
  assert_ok(admin_domain_add(a, "example.net", true, &l->why), l->why);
  assert_ok(admin_key_add(a, &k, BYTES("-- key --"), &l->why), l->why);
  assert_ok(admin_domain_set_selector(a, "example.com", STREAM_BULK, "s1", &l->why), l->why);
  assert_int_equal(admin_domain_set_selector(a, "example.net", STREAM_BULK, "s1", &l->why), E_NOT_FOUND);
  struct directory *d = lab_directory(l);
  assert_string_equal(directory_domain(d, "example.com", false)->stream_selector[STREAM_BULK], "s1");
  assert_string_equal(directory_domain(d, "example.com", false)->stream_selector[STREAM_TRANSACTIONAL], "");
  assert_string_equal(directory_domain(d, "example.net", false)->stream_selector[STREAM_BULK], "");
  directory_release(&d);
  assert_ok(admin_domain_set_selector(a, "example.com", STREAM_BULK, "", &l->why), l->why);
  d = lab_directory(l);
  assert_string_equal(directory_domain(d, "example.com", false)->stream_selector[STREAM_BULK], "");
  directory_release(&d);
  admin_close(&a);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(the_narrowest_scope_counts, lab_setup, lab_teardown),
      cmocka_unit_test_setup_teardown(what_is_taken_back_is_inherited, lab_setup, lab_teardown),
      cmocka_unit_test_setup_teardown(the_same_name_in_every_scope, lab_setup, lab_teardown),
      cmocka_unit_test_setup_teardown(lists_have_an_end, lab_setup, lab_teardown),
      cmocka_unit_test_setup_teardown(each_account_has_its_own_lists, lab_setup, lab_teardown),
      cmocka_unit_test_setup_teardown(rows_of_nobody_are_left_out, lab_setup, lab_teardown),
      cmocka_unit_test_setup_teardown(what_cannot_be_read_is_named, lab_setup, lab_teardown),
      cmocka_unit_test_setup_teardown(a_change_is_made_whole_or_not, lab_setup, lab_teardown),
      cmocka_unit_test_setup_teardown(a_selector_is_one_of_the_domains, lab_setup, lab_teardown),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
