/* Lines of opendkim.conf, KeyTable and SigningTable as they are found on servers and in guides. */
#include "cli/import/opendkim_tables.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void assert_bytes(struct bytes is, const char *expected) {
  char *copy = bytes_dup(is);
  assert_non_null(copy);
  assert_string_equal(copy, expected);
  free(copy);
}

static void test_lines(void **state) {
  (void)state;
  static const struct {
    const char *text, *lines; /* "1[first] 3[second]" */
  } cases[] = {
      {"", ""},
      {"\n \n\t\r\n", ""},
      {"# all of it\n  # and this\n", ""},
      {"a b\n", "1[a b]"},
      {"a b", "1[a b]"},
      {"\n  a b # why\r\nc\n", "2[a b] 3[c]"},
      {"a#b\n#\nc\n", "1[a] 3[c]"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    struct opendkim_lines lines = {bytes_of(cases[i].text), 0};
    struct bytes line;
    char out[256] = "";
    size_t n = 0;
    while (opendkim_next(&lines, &line))
      n += (size_t)snprintf(out + n, sizeof out - n, "%s%u[%.*s]", n ? " " : "", lines.number, (int)line.len, line.at);
    assert_string_equal(out, cases[i].lines);
  }
}

static void test_settings(void **state) {
  (void)state;
  static const struct {
    const char *text, *key_table, *signing_table, *domain, *selector, *key_file, *base;
    bool subdomains, all_matches, includes;
  } cases[] = {
      {"", "", "", "", "", "", ""},
      /* Debian's, as it comes */
      {"# This is a basic configuration for signing and "
       "verifying.\n\nSyslog\t\t\tyes\nSyslogSuccess\t\tyes\n#LogWhy\t\tno\n"
       "Canonicalization\trelaxed/"
       "simple\n#Mode\t\t\tsv\nSubDomains\t\tno\nOversignHeaders\t\tFrom\n\n#Domain\t\texample.com\n"
       "#Selector\t\t2020\n#KeyFile\t\t/etc/dkimkeys/example.private\nUserID\t\t\topendkim\nUMask\t\t\t007\n"
       "Socket\t\tlocal:/run/opendkim/opendkim.sock\nTrustAnchorFile\t/usr/share/dns/root.key\n",
       "", "", "", "", "", ""},
      {"Domain example.com\nSelector 2020\nKeyFile /etc/dkimkeys/example.private\nSubDomains yes\n", "", "",
       "example.com", "2020", "/etc/dkimkeys/example.private", "", true},
      /* guides for several domains */
      {"KeyTable           refile:/etc/opendkim/KeyTable\nSigningTable       refile:/etc/opendkim/SigningTable\n"
       "ExternalIgnoreList refile:/etc/opendkim/TrustedHosts\nInternalHosts refile:/etc/opendkim/TrustedHosts\n",
       "refile:/etc/opendkim/KeyTable", "refile:/etc/opendkim/SigningTable", "", "", "", ""},
      {"KEYTABLE /etc/opendkim/key.table\nsigningtable refile:/etc/opendkim/signing.table # wildcards\r\n"
       "MultipleSignatures Yes\r\nBaseDirectory /run/opendkim\nSubDomains true\n",
       "/etc/opendkim/key.table", "refile:/etc/opendkim/signing.table", "", "", "", "/run/opendkim", true, true},
      {"Domain csl:example.com, example.org\nDomain a.example , b.example\nMultipleSignatures no\nSubDomains off\n", "",
       "", "a.example , b.example", "", "", ""},
      {"Include /etc/opendkim/more.conf\nKeyTable\nSubDomains\n", "", "", "", "", "", "", false, false, true},
      {"KeyTables /x\nXKeyTable /y\nKeyTable:/z\n", "", "", "", "", "", ""},
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    struct opendkim_settings s;
    opendkim_settings_read(bytes_of(cases[i].text), &s);
    assert_bytes(s.key_table, cases[i].key_table);
    assert_bytes(s.signing_table, cases[i].signing_table);
    assert_bytes(s.domain, cases[i].domain);
    assert_bytes(s.selector, cases[i].selector);
    assert_bytes(s.key_file, cases[i].key_file);
    assert_bytes(s.base_directory, cases[i].base);
    assert_int_equal(s.subdomains, cases[i].subdomains);
    assert_int_equal(s.all_matches, cases[i].all_matches);
    assert_int_equal(s.includes, cases[i].includes);
  }
}

static void test_sets(void **state) {
  (void)state;
  static const struct {
    const char *text;
    enum opendkim_set_kind kind;
    const char *value;
  } cases[] = {
      {"file:/etc/opendkim/KeyTable", OPENDKIM_FILE, "/etc/opendkim/KeyTable"},
      {"refile:/etc/opendkim/KeyTable", OPENDKIM_FILE, "/etc/opendkim/KeyTable"},
      {"REFILE:KeyTable", OPENDKIM_FILE, "KeyTable"},
      {"file: KeyTable", OPENDKIM_FILE, "KeyTable"},
      {"/etc/opendkim/KeyTable", OPENDKIM_FILE, "/etc/opendkim/KeyTable"},
      {"./KeyTable", OPENDKIM_FILE, "./KeyTable"},
      {"../KeyTable", OPENDKIM_FILE, "../KeyTable"},
      {"example.com,example.org", OPENDKIM_LIST, "example.com,example.org"},
      {"csl:example.com", OPENDKIM_LIST, "example.com"},
      {"example.com", OPENDKIM_LIST, "example.com"},
      {"", OPENDKIM_LIST, ""},
      {"dsn:mysql://u:p@host/d/table=t?keycol=k?datacol=d", OPENDKIM_OTHER,
       "dsn:mysql://u:p@host/d/table=t?keycol=k?datacol=d"},
      {"db:/var/db/keys.db", OPENDKIM_OTHER, "db:/var/db/keys.db"},
      {"ldap://ldap.example.com/ou=x?a?sub?(b=$d)", OPENDKIM_LIST, "ldap://ldap.example.com/ou=x?a?sub?(b=$d)"},
      {"lua:/etc/x.lua", OPENDKIM_OTHER, "lua:/etc/x.lua"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    struct opendkim_set set = opendkim_set_read(bytes_of(cases[i].text));
    if (strncmp(cases[i].text, "ldap:", 5) == 0) {
      assert_int_equal(set.kind, OPENDKIM_OTHER);
      continue;
    }
    assert_int_equal(set.kind, cases[i].kind);
    assert_bytes(set.value, cases[i].value);
  }
}

static void test_lists(void **state) {
  (void)state;
  struct bytes list = BYTES(" a.example,, b.example ,\tc.example , "), one;
  static const char *const names[] = {"a.example", "b.example", "c.example"};
  for (size_t i = 0; i < 3; i++) {
    assert_true(opendkim_list_next(&list, &one));
    assert_bytes(one, names[i]);
  }
  assert_false(opendkim_list_next(&list, &one));
}

#define DER "MIIEpAIBAAKCAQEAwJ8rTvX0m3o7cVbqk1yE4zv5mU0g7Pq2l9Xr0Q4d+/8="

static void test_keys(void **state) {
  (void)state;
  static const struct {
    const char *line, *name, *domain, *selector, *key; /* name NULL: it cannot be read */
    bool is_inline;
  } cases[] = {
      {"mail._domainkey.example.com example.com:mail:/etc/opendkim/keys/example.com/mail.private",
       "mail._domainkey.example.com", "example.com", "mail", "/etc/opendkim/keys/example.com/mail.private"},
      {"default._domainkey.example.com\t\texample.com:default:/etc/opendkim/keys/example.com/default.private",
       "default._domainkey.example.com", "example.com", "default", "/etc/opendkim/keys/example.com/default.private"},
      {"example.com example.com:202211:/etc/dkimkeys/202211.private", "example.com", "example.com", "202211",
       "/etc/dkimkeys/202211.private"},
      {"example     %:mail:/etc/opendkim/keys/%/mail.private", "example", "%", "mail",
       "/etc/opendkim/keys/%/mail.private"},
      {"% %:s1:keys/%", "%", "%", "s1", "keys/%"},
      {"k example.com:s:./keys/mail.private", "k", "example.com", "s", "./keys/mail.private"},
      {"k example.com:s:mail.private", "k", "example.com", "s", "mail.private"},
      {"k  example.com : s.2019 : /a b/c ", "k", "example.com", "s.2019", "/a b/c"},
      {"k example.com:s:/a:b", "k", "example.com", "s", "/a:b"},
      {"k example.com:s:" DER, "k", "example.com", "s", DER, true},
      {"k example.com:s:-----BEGIN RSA PRIVATE KEY-----" DER "-----END RSA PRIVATE KEY-----", "k", "example.com", "s",
       "-----BEGIN RSA PRIVATE KEY-----" DER "-----END RSA PRIVATE KEY-----", true},
      {"k example.com:s:MIIE", "k", "example.com", "s", "MIIE"}, /* a file of that name */
      {"k example.com:s", NULL},
      {"k example.com:s:", NULL},
      {"k example.com", NULL},
      {"k :s:/x", NULL},
      {"k example.com::/x", NULL},
      {"k", NULL},
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    struct opendkim_key k;
    struct reason why = {""};
    int rc = opendkim_key_read(bytes_of(cases[i].line), &k, &why);
    assert_int_equal(rc, cases[i].name ? OK : E_SYNTAX);
    assert_true(rc == OK || *why.text);
    if (rc != OK) continue;
    assert_bytes(k.name, cases[i].name);
    assert_bytes(k.domain, cases[i].domain);
    assert_bytes(k.selector, cases[i].selector);
    assert_bytes(k.key, cases[i].key);
    assert_int_equal(k.is_inline, cases[i].is_inline);
  }
}

static void assert_pem(const char *key, bool pkcs8, const char *expected) {
  struct buffer pem;
  buffer_init_secret(&pem, 65536);
  assert_int_equal(opendkim_key_pem(bytes_of(key), pkcs8, &pem), OK);
  assert_bytes(buffer_bytes(&pem), expected);
  buffer_wipe_free(&pem);
}

static void test_pem(void **state) {
  (void)state;
  struct buffer small;
  assert_pem("MIIE", true, "-----BEGIN PRIVATE KEY-----\nMIIE\n-----END PRIVATE KEY-----\n");
  assert_pem("MIIE", false, "-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----\n");
  assert_pem("-----BEGIN RSA PRIVATE KEY-----MI IE-----END RSA PRIVATE KEY-----", true,
             "-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----\n");
  assert_pem("-----BEGIN RSA PRIVATE KEY-----\\nMIIE", true, /* escapes are dropped, not the letter behind them */
             "-----BEGIN RSA PRIVATE KEY-----\nnMIIE\n-----END RSA PRIVATE KEY-----\n");
  assert_pem(DER DER, true,
             "-----BEGIN PRIVATE KEY-----\nMIIEpAIBAAKCAQEAwJ8rTvX0m3o7cVbqk1yE4zv5mU0g7Pq2l9Xr0Q4d+/8=MIIE\n"
             "pAIBAAKCAQEAwJ8rTvX0m3o7cVbqk1yE4zv5mU0g7Pq2l9Xr0Q4d+/8=\n-----END PRIVATE KEY-----\n");
  assert_pem("", true, "-----BEGIN PRIVATE KEY-----\n-----END PRIVATE KEY-----\n");
  buffer_init_secret(&small, 30);
  assert_int_equal(opendkim_key_pem(BYTES("MIIE"), true, &small), E_TOO_BIG);
  buffer_wipe_free(&small);
}

static void test_signings(void **state) {
  (void)state;
  static const struct {
    const char *line, *name; /* name NULL: it cannot be read */
    enum opendkim_senders senders;
    const char *domain;
  } cases[] = {
      {"*@example.com mail._domainkey.example.com", "mail._domainkey.example.com", OPENDKIM_DOMAIN, "example.com"},
      {"*@example.com\t\tmail", "mail", OPENDKIM_DOMAIN, "example.com"},
      {"example.com mail", "mail", OPENDKIM_DOMAIN, "example.com"},
      {"@example.com mail", "mail", OPENDKIM_DOMAIN, "example.com"},
      {"*.example.com mail", "mail", OPENDKIM_SUBDOMAINS, "example.com"},
      {".example.com mail", "mail", OPENDKIM_SUBDOMAINS, "example.com"},
      {"*@*.example.com mail", "mail", OPENDKIM_SUBDOMAINS, "example.com"},
      {"*@.example.com mail", "mail", OPENDKIM_SUBDOMAINS, "example.com"},
      {"* mail", "mail", OPENDKIM_EVERYBODY, ""},
      {"*@* mail", "mail", OPENDKIM_EVERYBODY, ""},
      {"user@example.com mail", "mail", OPENDKIM_USERS, "example.com"},
      {"user@.example.com mail", "mail", OPENDKIM_USERS, ""},
      {"user@* mail", "mail", OPENDKIM_USERS, ""},
      {"news-*@example.com mail", "mail", OPENDKIM_USERS, "example.com"},
      {"*@example.com mail:postmaster@example.com", "mail", OPENDKIM_DOMAIN, "example.com"},
      {"*@example.com %", "%", OPENDKIM_DOMAIN, "example.com"},
      {"*example.com mail", "mail", OPENDKIM_UNCLEAR, ""},
      {"*@example.* mail", "mail", OPENDKIM_UNCLEAR, ""},
      {"*@ mail", "mail", OPENDKIM_UNCLEAR, ""},
      {"/^.*@example\\.com$/ mail", "mail", OPENDKIM_USERS, ""},
      {"*@example.com", NULL},
      {"*@example.com :x", NULL},
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    struct opendkim_signing s;
    struct reason why = {""};
    int rc = opendkim_signing_read(bytes_of(cases[i].line), &s, &why);
    assert_int_equal(rc, cases[i].name ? OK : E_SYNTAX);
    assert_true(rc == OK || *why.text);
    if (rc != OK) continue;
    assert_bytes(s.name, cases[i].name);
    assert_int_equal(s.senders, cases[i].senders);
    assert_bytes(s.domain, cases[i].domain);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_lines),    cmocka_unit_test(test_settings), cmocka_unit_test(test_sets),
      cmocka_unit_test(test_lists),    cmocka_unit_test(test_keys),     cmocka_unit_test(test_pem),
      cmocka_unit_test(test_signings),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
