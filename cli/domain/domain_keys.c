#include "cli/domain/domain_keys.h"

#include "base/clock.h"
#include "cli/input/small_file.h"
#include "dkim/keys.h"
#include "dkim/new_key.h"
#include "dkim/selector.h"

#include <stdio.h>
#include <string.h>

#define RSA_BITS 2048 /* where nobody says another length: what every receiver and every DNS form takes */
#define FILE_MAX (64 * 1024)

enum exit_status key_choice_read(const char *typed, struct key_choice *out) {
  static const struct {
    const char *name;
    struct key_choice choice;
  } choices[] = {{"rsa2048", {.rsa_bits = 2048}},
                 {"rsa3072", {.rsa_bits = 3072}},
                 {"rsa4096", {.rsa_bits = 4096}},
                 {"ed25519", {.ed25519 = true}},
                 {"both", {.ed25519 = true, .rsa_bits = RSA_BITS}}};
  *out = (struct key_choice){.rsa_bits = RSA_BITS};
  if (!typed) return EXIT_DONE;
  for (size_t i = 0; i < sizeof choices / sizeof choices[0]; i++) {
    if (strcmp(typed, choices[i].name) != 0) continue;
    *out = choices[i].choice;
    return EXIT_DONE;
  }
  return cli_fail(EXIT_USAGE, "--key is rsa2048, rsa3072, rsa4096, ed25519 or both; RSA of fewer bits is refused by "
                              "receivers (RFC 8301 3.2)");
}

static int make_key(struct admin *a, const struct domain *d, enum key_algorithm algorithm, unsigned rsa_bits,
                    struct reason *why) {
  struct new_key k;
  int rc = new_key_make(&k, d, algorithm, rsa_bits, NULL, clock_now_us(), why);
  if (rc == OK) rc = admin_key_add(a, &k.key, buffer_bytes(&k.pem), why);
  new_key_clear(&k);
  return rc;
}

int key_choice_add(struct admin *a, const char *domain, const struct key_choice *k, struct reason *why) {
  const struct domain new = {.name = domain, .delegation = ""};
  int rc = k->ed25519 ? make_key(a, &new, KEY_ED25519, 0, why) : OK;
  return rc == OK && k->rsa_bits ? make_key(a, &new, KEY_RSA, k->rsa_bits, why) : rc;
}

int brought_key_parse(struct bytes text, struct brought_key *out, struct reason *why) {
  int rc = key_import(text, &out->private_pem, &out->public_base64, &out->algorithm, &out->bits, why);
  if (rc == OK) rc = buffer_add(&out->public_base64, "", 1);
  if (rc != OK) brought_key_free(out);
  return rc;
}

int brought_key_load(const char *path, struct brought_key *out, struct reason *why) {
  struct buffer text;
  struct reason wrong = {""};
  buffer_init_secret(&text, FILE_MAX + 8192);
  int rc = small_file_read(path, FILE_MAX, true, &text, why);
  if (rc == OK && (rc = brought_key_parse(buffer_bytes(&text), out, &wrong)) != OK)
    fail(why, rc, "%s: %s", path, *wrong.text ? wrong.text : result_text(rc));
  buffer_wipe_free(&text);
  return rc;
}

enum exit_status brought_key_read(const char *path, const char *selector, const char *domain, struct brought_key *out) {
  struct reason why = {""};
  _Static_assert(sizeof out->selector > SELECTOR_MAX, "every selector fits");
  if (!selector)
    return cli_fail(EXIT_USAGE,
                    "say under which selector the key is published: --selector S, as in mail for "
                    "mail._domainkey.%s",
                    domain);
  if (selector_normalize(bytes_of(selector), domain, out->selector, &why) != OK)
    return cli_fail(EXIT_USAGE, "--selector: %s", why.text);
  int rc = brought_key_load(path, out, &why);
  return rc == OK ? EXIT_DONE : cli_failed(rc, &why);
}

int brought_key_add(struct admin *a, const char *domain, const struct brought_key *k, struct reason *why) {
  struct signing_key key = {
      .domain = domain, .selector = k->selector, .algorithm = k->algorithm, .public_base64 = k->public_base64.at};
  return admin_key_add(a, &key, buffer_bytes(&k->private_pem), why);
}

void brought_key_free(struct brought_key *k) {
  buffer_wipe_free(&k->private_pem);
  buffer_free(&k->public_base64);
}

void key_length_note(enum key_algorithm algorithm, unsigned bits) {
  if (algorithm != KEY_RSA || bits <= RSA_BITS) return;
  printf(
      "Its TXT record is about %u octets long, in strings of 255: some DNS providers' forms cannot take that. Where\n"
      "yours cannot, use rsa2048, which receivers trust as much.\n\n",
      18 + ((bits / 8 + 38) + 2) / 3 * 4);
}
