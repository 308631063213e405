/* BIMI records and the pictures that they name. */
#include "relay/domain/bimi.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/exact.h"

#define ROOT "<svg version=\"1.2\" baseProfile=\"tiny-ps\" xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 9 9\">"
#define GOOD "<?xml version=\"1.0\"?>\n<!-- <script> -->" ROOT "<title>Example</title><path d=\"M0 0h9v9z\"/></svg>"

static const struct picture {
  const char *svg, *why; /* NULL: it is good */
} pictures[] = {
    {GOOD, NULL},
    {"<svg:svg baseProfile = 'tiny-ps' version='1.2'><title/><use xlink:href=\"#a\"/></svg:svg>", NULL},
    {ROOT "<title>a > b</title><g data-x='>'/></svg>", NULL},
    {"", "it is no SVG picture"},
    {"hello", "it is no SVG picture"},
    {"<html><title>x</title></html>", "it is no SVG picture"},
    {"<svg version=\"1.2\"><title>x</title></svg>", "its svg element has no baseProfile=\"tiny-ps\""},
    {"<svg version=\"1.1\" baseProfile=\"tiny-ps\"><title>x</title></svg>", "its svg element has no version=\"1.2\""},
    {"<svg x=\"0\" version=\"1.2\" baseProfile=\"tiny-ps\"><title>x</title></svg>", "its svg element has x= or y="},
    {ROOT "<path/></svg>", "it has no title element"},
    {ROOT "<!-- <title>x</title> --></svg>", "it has no title element"},
    {ROOT "<title>x</title><script>a()</script></svg>", "it has a script element, which the profile does not allow"},
    {ROOT "<title>x</title><image href=\"#b\"/></svg>", "it has a image element, which the profile does not allow"},
    {ROOT "<title>x</title><g onload=\"a()\"/></svg>", "it has an event handler, which is a script"},
    {ROOT "<title>x</title><use href=\"https://e.example/\"/></svg>", "it refers to something outside of it"},
    {"<!DOCTYPE svg [<!ENTITY x \"y\">]>" GOOD, "it has a document type or entities"},
    {"\x1f\x8b\x08", "it is compressed (gzip)"},
};

static void test_pictures(void **state) {
  (void)state;
  for (size_t i = 0; i < COUNT_OF(pictures); i++) {
    struct reason why = {""};
    char *hold;
    struct bytes svg = exact_copy(bytes_of(pictures[i].svg), &hold);
    print_message("%zu %.60s\n", i, pictures[i].svg);
    assert_int_equal(bimi_svg_check(svg, &why), pictures[i].why ? E_SYNTAX : OK);
    if (pictures[i].why) assert_string_equal(why.text, pictures[i].why);
    free(hold);
  }
}

static void test_cut_and_large(void **state) {
  (void)state;
  for (size_t len = 0; len < sizeof GOOD; len++) {
    char *hold;
    bimi_svg_check(exact_copy((struct bytes){GOOD, len}, &hold), NULL);
    free(hold);
  }
  struct bytes large = {calloc(1, BIMI_SVG_MAX + 1), BIMI_SVG_MAX + 1};
  struct reason why;
  assert_int_equal(bimi_svg_check(large, &why), E_SYNTAX);
  assert_string_equal(why.text, "it has more than 32 KB");
  free((void *)(uintptr_t)large.at);
}

static const struct record {
  const char *text, *logo, *evidence, *why;
} records[] = {
    {"v=BIMI1; l=https://e.example/l.svg", "https://e.example/l.svg", ""},
    {"v=BIMI1;l=https://e.example/l.svg;a=https://e.example/c.pem", "https://e.example/l.svg",
     "https://e.example/c.pem"},
    {"v=BIMI1; l=; a=;", "", ""},
    {"v=BIMI1; l=http://e.example/l.svg", .why = "its l= is no https:// address"},
    {"v=BIMI1; l=https://e.example/l.svg; a=self", .why = "its a= is no https:// address"},
    {"v=BIMI1", .why = "it has no l="},
    {"v=BIMI1; nothing", .why = "it is no tag list"},
};

static void test_records(void **state) {
  (void)state;
  assert_true(bimi_is_record(BYTES("v=BIMI1; l=")) && !bimi_is_record(BYTES("v=BIMI12; l=")));
  for (size_t i = 0; i < COUNT_OF(records); i++) {
    struct bimi_record r;
    struct reason why = {""};
    int rc = bimi_record_read(bytes_of(records[i].text), &r, &why);
    if (records[i].why) assert_string_equal(why.text, records[i].why);
    assert_int_equal(rc, records[i].why ? E_SYNTAX : OK);
    if (rc != OK) continue;
    assert_string_equal(r.logo, records[i].logo);
    assert_string_equal(r.evidence, records[i].evidence);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_pictures), cmocka_unit_test(test_cut_and_large),
                                     cmocka_unit_test(test_records)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
